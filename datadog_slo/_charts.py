"""Reports as charts, by plotly when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from slo_common._errors import InvalidArgument
from slo_common._tables import Figure, need

if TYPE_CHECKING:
    from datadog_slo._report import SloReport

_AXES = {"sli": "SLI (%)", "error_budget": "error budget left (%)"}


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
