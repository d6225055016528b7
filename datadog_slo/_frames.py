"""Reports as tables: one Arrow table, and pandas and polars through it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, cast

from slo_common._errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from datadog_slo._report import SloReport


class ArrowTable(Protocol):
    """The part of ``pyarrow.Table`` that is promised here (pyarrow has no types of its own)."""

    @property
    def num_rows(self) -> int: ...

    @property
    def column_names(self) -> list[str]: ...

    def to_pylist(self) -> list[dict[str, object]]: ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def need(module: str, extra: str) -> Any:
    """An optional dependency. Raises :class:`ConfigurationError` naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        raise ConfigurationError(f"{module} is needed for this and is not installed: pip install 'slo-sdk[{extra}]'") from e


def to_arrow(report: SloReport) -> ArrowTable:
    pa = need("pyarrow", "arrow")
    text = pa.dictionary(pa.int32(), pa.string())  # names and ids repeat in every interval
    schema = pa.schema(
        [
            ("id", text),
            ("name", text),
            ("slo_type", text),
            ("target", pa.float64()),
            ("interval", pa.date32()),
            ("sli", pa.float64()),
            ("error_budget", pa.float64()),
            ("reason", pa.string()),
        ]
    )
    return cast(ArrowTable, pa.Table.from_pylist(report.records(), schema=schema))


def to_pandas(report: SloReport) -> pd.DataFrame:
    pandas = need("pandas", "pandas")
    table = cast(Any, to_arrow(report))
    return cast("pd.DataFrame", table.to_pandas(types_mapper=pandas.ArrowDtype))


def to_polars(report: SloReport) -> pl.DataFrame:
    polars = need("polars", "polars")
    return cast("pl.DataFrame", polars.from_arrow(to_arrow(report)))
