"""Reports as tables and charts of optional libraries: what is promised of them, and the extra that brings each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from slo_common._errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class ArrowTable(Protocol):
    """The part of ``pyarrow.Table`` that is promised here (pyarrow has no types of its own)."""

    @property
    def num_rows(self) -> int: ...

    @property
    def column_names(self) -> list[str]: ...

    def to_pylist(self) -> list[dict[str, object]]: ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class Figure(Protocol):
    """The part of ``plotly.graph_objects.Figure`` that is promised here (plotly has no types of its own)."""

    @property
    def data(self) -> tuple[object, ...]: ...

    def update_layout(self, **options: object) -> Figure: ...

    def to_html(self, *, include_plotlyjs: bool | str = True, full_html: bool = True) -> str: ...

    def write_html(self, file: str | Path, *, include_plotlyjs: bool | str = True, full_html: bool = True) -> None: ...

    def to_json(self) -> str: ...

    def show(self) -> None: ...


def need(module: str, extra: str) -> Any:
    """An optional dependency. Raises :class:`ConfigurationError` naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise ConfigurationError(f"{module} is needed for this and is not installed: pip install 'slo-sdk[{extra}]'") from e


def to_pandas(arrow: Callable[[], ArrowTable]) -> pd.DataFrame:
    """The table with Arrow's own types, so that a null stays a null. It is made once pandas was found, whose extra brings pyarrow as well."""
    pandas = need("pandas", "pandas")
    return cast("pd.DataFrame", cast(Any, arrow()).to_pandas(types_mapper=pandas.ArrowDtype))


def to_polars(arrow: Callable[[], ArrowTable]) -> pl.DataFrame:
    """The table, made once polars was found."""
    polars = need("polars", "polars")
    return cast("pl.DataFrame", polars.from_arrow(arrow()))
