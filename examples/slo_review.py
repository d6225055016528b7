"""One service-level review over three vendors: tables on the terminal and ``slo_review.html``, one file with charts to open or mail.

Datadog: a report job over the last three full months, waited for with a progress bar, downloaded. Rootly: the follow-up SLA is made sure
of. Zabbix: the SLI of every service of every SLA over the same months. A vendor whose variables are set (DD_API_KEY and DD_APP_KEY;
ROOTLY_API_TOKEN; ZABBIX_URL with ZABBIX_TOKEN or ZABBIX_USER and ZABBIX_PASSWORD) is asked for real, the others by the sandbox that
comes with the package.

    python examples/slo_review.py [--query QUERY] [--output slo_review.html]
"""

# plotly has no type stubs.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from textwrap import shorten

import plotly.graph_objects as go
from attrs import frozen
from plotly.subplots import make_subplots
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datadog_slo import DatadogSLO, ReportInterval, ReportJobStatus, SloReport
from rootly_sla import RootlySLA
from slo_common import SloError
from zabbix_sla import ZabbixSLA

MONTHS = 3
MISSED, MET, UNKNOWN = "#c0392b", "#2e7d5b", "#9aa0a6"


@frozen
class Measure:
    """How one service did in one period. Percent; ``attained`` is None where nothing was measured."""

    vendor: str
    service: str
    period: str
    attained: float | None
    target: float

    @property
    def spent(self) -> float | None:
        """Share of the error budget that is gone: 1.0 is all of it, more is a missed target."""
        if self.attained is None or self.target >= 100:
            return None
        return (100 - self.attained) / (100 - self.target)

    @property
    def met(self) -> bool | None:
        return None if self.attained is None else self.attained >= self.target


def last_full_months(now: datetime, months: int) -> list[datetime]:
    """The first moments of the last full months and of the running one: ``months + 1`` of them, oldest first."""
    edge = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    edges = [edge]
    for _ in range(months):
        edges.append((edges[-1] - timedelta(days=1)).replace(day=1))
    return edges[::-1]


def datadog_client(stack: ExitStack) -> tuple[DatadogSLO, str]:
    if os.environ.get("DD_API_KEY") or os.environ.get("DATADOG_API_KEY") or os.environ.get("DD_BEARER_TOKEN"):
        return stack.enter_context(DatadogSLO()), "Datadog"
    from datadog_slo.sandbox import DatadogSandbox, ReportPlan
    from slo_common.sandbox import SystemClock

    sandbox = DatadogSandbox.demo(clock=SystemClock())
    sandbox.plan_reports(ReportPlan(seconds=2.0))
    return stack.enter_context(DatadogSLO("demo", "demo", http=sandbox.transport())), "Datadog (sandbox)"


def rootly_client(stack: ExitStack) -> tuple[RootlySLA, str]:
    if os.environ.get("ROOTLY_API_TOKEN") or os.environ.get("ROOTLY_API_KEY"):
        return stack.enter_context(RootlySLA()), "Rootly"
    from rootly_sla.sandbox import RootlySandbox

    return stack.enter_context(RootlySLA("demo", http=RootlySandbox.demo().transport())), "Rootly (sandbox)"


def zabbix_client(stack: ExitStack) -> tuple[ZabbixSLA, str]:
    if os.environ.get("ZABBIX_URL"):
        return stack.enter_context(ZabbixSLA()), "Zabbix"
    from zabbix_sla.sandbox import ZabbixSandbox

    sandbox = ZabbixSandbox.demo()
    return stack.enter_context(
        ZabbixSLA("http://localhost/api_jsonrpc.php", token=sandbox.token, http=sandbox.transport())
    ), "Zabbix (sandbox)"


def ask_datadog(dd: DatadogSLO, vendor: str, query: str, edges: Sequence[datetime], console: Console) -> list[Measure]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{vendor} report", total=None, status="requested")

        def show(status: ReportJobStatus) -> None:
            progress.update(task, status=str(status.status))

        job = dd.reports.create(query=query, from_ts=edges[0], to_ts=edges[-1], interval=ReportInterval.MONTHLY, timezone="UTC")
        dd.reports.wait(job.id, timeout=900, on_status=show)
        report: SloReport = dd.reports.download(job.id)
        progress.update(task, total=1, completed=1)
    return [
        Measure(vendor, row.name, day.strftime("%b %Y"), attained, row.target)
        for row in report.rows
        if row.target is not None
        for day, attained in row.sli.items()
    ]


def ask_rootly(rootly: RootlySLA, vendor: str, console: Console) -> str:
    result = rootly.slas.ensure(
        name="Sev1 follow-ups",
        manager_user_id=int(os.environ.get("ROOTLY_MANAGER_USER_ID", "7")),
        assignment_deadline_days=1,
        assignment_deadline_parent_status="resolved",
        completion_deadline_days=14,
        completion_deadline_parent_status="resolved",
    )
    changed = f": {', '.join(result.changed)}" if result.changed else ""
    told = f"SLA {result.sla.name!r}: {result.action}{changed}"
    console.print(f"{vendor}: {told}")
    return told


def ask_zabbix(zbx: ZabbixSLA, vendor: str, edges: Sequence[datetime], console: Console) -> list[Measure]:
    measures: list[Measure] = []
    for sla in zbx.sla.get():
        sli = zbx.sla.report(sla.slaid, edges[0], edges[-1])
        names = {s.serviceid: s.name for s in zbx.service.get(slaids=[sla.slaid])}
        for i, period in enumerate(sli.periods):
            for serviceid in sli.serviceids:
                label = period.period_from.strftime("%d %b")
                measures.append(Measure(vendor, f"{names[serviceid]} ({sla.name})", label, sli[i, serviceid].sli, sla.slo))
    if not measures:
        console.print(f"{vendor}: no SLA with a service is defined there")
    return measures


def percent(value: float | None, digits: int = 3) -> str:
    return "no data" if value is None else f"{value:.{digits}f} %"


def summary(measures: Sequence[Measure]) -> list[tuple[str, str, float, float | None, float | None, int, int]]:
    """One line a service: vendor, service, target, worst period, mean budget spent, periods met, periods measured."""
    lines: list[tuple[str, str, float, float | None, float | None, int, int]] = []
    for vendor, service in dict.fromkeys((m.vendor, m.service) for m in measures):
        own = [m for m in measures if (m.vendor, m.service) == (vendor, service)]
        attained = [m.attained for m in own if m.attained is not None]
        spent = [m.spent for m in own if m.spent is not None]
        mean = sum(spent) / len(spent) if spent else None
        lines.append(
            (vendor, service, own[0].target, min(attained, default=None), mean, sum(m.met is True for m in own), len(attained))
        )
    return lines


def print_tables(measures: Sequence[Measure], console: Console) -> None:
    for vendor in dict.fromkeys(m.vendor for m in measures):
        table = Table(title=vendor, title_justify="left")
        for heading in ("service", "target", "worst period", "budget spent", "periods met"):
            table.add_column(heading, justify="left" if heading == "service" else "right")
        for _, service, target, worst, spent, met, measured in summary([m for m in measures if m.vendor == vendor]):
            style = "red" if met < measured else ""
            table.add_row(
                service,
                f"{target:g} %",
                percent(worst),
                "no data" if spent is None else f"{spent:.0%}",
                f"{met} of {measured}",
                style=style,
            )
        console.print(table)


def attainment_chart(measures: Sequence[Measure]) -> go.Figure:
    """A dot for each period, a tick for the target, by service."""
    figure = go.Figure()
    services = list(dict.fromkeys(m.service for m in measures))
    for name, colour, wanted in (("met", MET, True), ("missed", MISSED, False)):
        own = [m for m in measures if m.met is wanted]
        text = [f"{m.period}: {percent(m.attained)}" for m in own]
        figure.add_scatter(
            x=[m.attained for m in own],
            y=[m.service for m in own],
            mode="markers",
            name=name,
            text=text,
            hoverinfo="text+y",
            marker={"color": colour, "size": 9, "opacity": 0.8},
        )
    targets = {m.service: m.target for m in measures}
    figure.add_scatter(
        x=[targets[s] for s in services],
        y=services,
        mode="markers",
        name="target",
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 2, "color": "#202124"}},
    )
    figure.update_layout(
        title="Attainment against target, one dot a period", xaxis_title="percent", height=160 + 26 * len(services)
    )
    figure.update_yaxes(autorange="reversed", automargin=True, categoryorder="array", categoryarray=services)
    return figure


def budget_chart(measures: Sequence[Measure]) -> go.Figure:
    """Error budget spent and left, by period: a row of bars for each service."""
    services = list(dict.fromkeys(m.service for m in measures if m.spent is not None))
    columns = min(3, len(services)) or 1
    rows = -(-len(services) // columns) or 1
    titles = [shorten(service, 38, placeholder=" ...") for service in services]
    figure = make_subplots(rows=rows, cols=columns, subplot_titles=titles, vertical_spacing=0.28 / rows)
    for i, service in enumerate(services):
        own = [m for m in measures if m.service == service and m.spent is not None]
        periods = [m.period for m in own]
        spent = [100 * (m.spent or 0.0) for m in own]
        left = [max(0.0, 100 - value) for value in spent]
        place = {"row": i // columns + 1, "col": i % columns + 1}
        figure.add_bar(
            x=periods,
            y=spent,
            name="spent",
            legendgroup="spent",
            showlegend=i == 0,
            marker={"color": [MISSED if value > 100 else "#d98e04" for value in spent]},
            **place,
        )
        figure.add_bar(x=periods, y=left, name="left", legendgroup="left", showlegend=i == 0, marker={"color": MET}, **place)
    figure.update_annotations(font_size=13)
    figure.update_xaxes(nticks=4, tickangle=0)
    figure.update_layout(
        title="Error budget spent (red: overspent) and left, percent of the period's budget",
        barmode="stack",
        height=110 + 210 * rows,
    )
    return figure


def page(measures: Sequence[Measure], notes: Sequence[str], edges: Sequence[datetime]) -> str:
    """The whole page as one self-contained HTML text."""
    missed = [line for line in summary(measures) if line[5] < line[6]]
    span = f"{edges[0]:%d %B %Y} to {edges[-1] - timedelta(days=1):%d %B %Y}"
    parts: list[str] = []
    with_library: bool | str = True
    for vendor in dict.fromkeys(m.vendor for m in measures):
        own = [m for m in measures if m.vendor == vendor]
        parts.append(f"<h2>{escape(vendor)}</h2>{html_table(own)}")
        for figure in (attainment_chart(own), budget_chart(own)):
            figure.update_layout(template="plotly_white", font={"family": "system-ui, sans-serif"}, margin={"l": 20, "r": 20})
            parts.append(figure.to_html(full_html=False, include_plotlyjs=with_library, config={"displaylogo": False}))
            with_library = False
    heading = f"{len(missed)} of {len(summary(measures))} services missed a target" if missed else "Every service met its targets"
    told = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Service-level review</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#202124}}
table{{border-collapse:collapse;width:100%}}td,th{{padding:.35rem .6rem;border-bottom:1px solid #dadce0;text-align:right}}
td:first-child,th:first-child{{text-align:left}}tr.missed td{{color:{MISSED};font-weight:600}}.lead{{font-size:1.3rem}}</style></head>
<body><h1>Service-level review</h1><p>{span}, times in UTC</p><p class="lead">{heading}</p><ul>{told}</ul>{"".join(parts)}</body></html>
"""


def html_table(measures: Sequence[Measure]) -> str:
    rows = "".join(
        f"<tr{' class=missed' if met < measured else ''}><td>{escape(service)}</td><td>{target:g} %</td><td>{percent(worst)}</td>"
        f"<td>{'no data' if spent is None else f'{spent:.0%}'}</td><td>{met} of {measured}</td></tr>"
        for _, service, target, worst, spent, met, measured in summary(measures)
    )
    head = "".join(f"<th>{h}</th>" for h in ("Service", "Target", "Worst period", "Budget spent (mean)", "Periods met"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--query", default="env:prod", help="which Datadog SLOs (default: env:prod)")
    parser.add_argument("--output", type=Path, default=Path("slo_review.html"))
    options = parser.parse_args(argv)
    console = Console()
    edges = last_full_months(datetime.now(UTC), MONTHS)
    measures: list[Measure] = []
    notes: list[str] = []
    failures = 0

    with ExitStack() as stack:

        def datadog() -> None:
            measures.extend(ask_datadog(*datadog_client(stack), options.query, edges, console))

        def rootly() -> None:
            notes.append(ask_rootly(*rootly_client(stack), console))

        def zabbix() -> None:
            measures.extend(ask_zabbix(*zabbix_client(stack), edges, console))

        parts: tuple[Callable[[], None], ...] = (datadog, rootly, zabbix)
        for part in parts:
            try:
                part()
            except SloError as e:  # one vendor that fails does not cost the review of the others
                failures += 1
                notes.append(f"{part.__name__.capitalize()} could not be asked: {e}")
                console.print(f"[red]{escape(notes[-1])}[/red]")

    print_tables(measures, console)
    options.output.write_text(page(measures, notes, edges), encoding="utf-8")
    console.print(f"Wrote {options.output}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
