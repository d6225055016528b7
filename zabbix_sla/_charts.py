"""SLI reports as charts, by plotly when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from slo_common._tables import Figure, need

if TYPE_CHECKING:
    from zabbix_sla._sli import SliResult


def chart(sli: SliResult, *, slo: float | None, names: Mapping[str, str] | None) -> Figure:
    """One line for each service, gaps where nothing was measured, and the target as a dashed line."""
    go = need("plotly.graph_objects", "charts")
    starts = [p.period_from for p in sli.periods]
    lines = [
        go.Scatter(
            x=starts,
            y=[cell.sli for cell in sli.service(serviceid)],
            name=(names or {}).get(serviceid, serviceid),
            mode="lines+markers",
            customdata=[[cell.downtime] for cell in sli.service(serviceid)],
            hovertemplate="%{x|%Y-%m-%d}: %{y:.4f} %<br>down %{customdata[0]} s<extra>%{fullData.name}</extra>",
        )
        for serviceid in sli.serviceids
    ]
    made = go.Figure(lines)
    if slo is not None:
        made.add_hline(y=slo, line_dash="dash", annotation_text=f"SLO {slo:g} %")
    made.update_layout(yaxis_title="SLI, per cent", xaxis_title="period (UTC)", legend_title="service")
    return cast(Figure, made)
