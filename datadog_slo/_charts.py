"""Reports as charts, by plotly when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from datadog_slo._frames import need
from slo_common._errors import InvalidArgument

if TYPE_CHECKING:
    from datadog_slo._report import SloReport

_AXES = {"sli": "SLI (%)", "error_budget": "error budget left (%)"}


class Figure(Protocol):
    """The part of ``plotly.graph_objects.Figure`` that is promised here (plotly has no types of its own)."""

    @property
    def data(self) -> tuple[object, ...]: ...

    def update_layout(self, **options: object) -> Figure: ...

    def to_html(self, *, include_plotlyjs: bool | str = True, full_html: bool = True) -> str: ...

    def write_html(self, file: str | Path, *, include_plotlyjs: bool | str = True, full_html: bool = True) -> None: ...

    def to_json(self) -> str: ...

    def show(self) -> None: ...


def chart(report: SloReport, *, title: str, value: str) -> Figure:
    if value not in _AXES:
        raise InvalidArgument(f"value: {value!r} was given; allowed: 'sli', 'error_budget'")
    go = need("plotly.graph_objects", "charts")
    figure = go.Figure()
    for row in report.rows:
        numbers = row.sli if value == "sli" else row.error_budget
        # An empty cell is a gap in the line: joining over it would invent a value.
        figure.add_scatter(x=list(numbers), y=list(numbers.values()), name=row.name, mode="lines+markers", connectgaps=False)
    if value == "sli":
        for target in sorted({row.target for row in report.rows if row.target is not None}):
            figure.add_hline(y=target, line_dash="dash", line_width=1, annotation_text=f"target {target:g} %")
    else:
        figure.add_hline(y=0, line_dash="dash", line_width=1)
    figure.update_layout(title=title, yaxis_title=_AXES[value], xaxis_title="interval from", hovermode="x unified")
    return cast(Figure, figure)
