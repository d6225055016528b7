"""One self-contained page with the error budgets of Datadog SLOs and Zabbix services: what is left, and the last eight weeks.

The page needs no server, no library and no network: open it, mail it, or let cron put it where a browser shows it on a wall. A vendor
whose variables are set is asked for real, the others by the sandbox that comes with the package.

    python examples/error_budget_dashboard.py [--query 'env:prod'] [--output error_budgets.html]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from pathlib import Path

from attrs import frozen

from datadog_slo import DatadogSLO, ReportInterval
from slo_common import SloError
from zabbix_sla import ZabbixSLA

WEEKS = 8
DAYS = 30
SPENT, LOW, GOOD, EMPTY = "#b3261e", "#b26a00", "#1e7b4f", "#8a8f98"


@frozen
class Budget:
    """One service. Percent; ``left`` is of its error budget, ``trend`` the SLI of the last periods, oldest first."""

    vendor: str
    name: str
    target: float
    sli: float | None
    left: float | None
    trend: tuple[float | None, ...]

    @property
    def colour(self) -> str:
        if self.left is None:
            return EMPTY
        return SPENT if self.left <= 0 else LOW if self.left < 25 else GOOD


def datadog_client() -> DatadogSLO:
    if any(os.environ.get(name) for name in ("DD_API_KEY", "DATADOG_API_KEY", "DD_BEARER_TOKEN")):
        return DatadogSLO()
    from datadog_slo.sandbox import DatadogSandbox

    return DatadogSLO("sandbox", "sandbox", http=DatadogSandbox.demo().transport())


def zabbix_client() -> ZabbixSLA:
    if os.environ.get("ZABBIX_URL"):
        return ZabbixSLA()
    from zabbix_sla.sandbox import ZabbixSandbox

    sandbox = ZabbixSandbox.demo()
    return ZabbixSLA("http://localhost", token=sandbox.token, http=sandbox.transport())


def ask_datadog(query: str, now: datetime) -> list[Budget]:
    """The budget of the last 30 days from each SLO's status, the trend from one weekly report."""
    with datadog_client() as dd:
        report = dd.reports.run(
            query=query,
            from_ts=now - timedelta(weeks=WEEKS),
            to_ts=now,
            interval=ReportInterval.WEEKLY,
            timezone="UTC",
            engine="client",  # it has values for monitor SLOs, too
        )
        budgets: list[Budget] = []
        for row in report.rows:
            if row.target is None:
                continue
            status = dd.slos.status(row.id, from_ts=now - timedelta(days=DAYS), to_ts=now)
            trend = tuple(row.sli[day] for day in report.intervals)
            budgets.append(Budget("Datadog", row.name, row.target, status.sli, status.error_budget_remaining, trend))
    return budgets


def ask_zabbix(_query: str, now: datetime) -> list[Budget]:
    """The budget of the current period of each SLA, the trend from its last periods."""
    budgets: list[Budget] = []
    with zabbix_client() as zbx:
        for sla in zbx.sla.get():
            names = {service.serviceid: service.name for service in zbx.service.get(slaids=[sla.slaid])}
            sli = zbx.sla.getsli(sla.slaid, periods=WEEKS, period_to=now)
            for serviceid in sli.serviceids:
                cells = sli.service(serviceid)
                allowed = (cells[-1].uptime + cells[-1].downtime) * (100 - sla.slo) / 100
                remaining = cells[-1].budget_left(sla.slo)
                left = None if remaining is None or not allowed else 100 * remaining / allowed
                name = f"{names[serviceid]} ({sla.name})"
                budgets.append(Budget("Zabbix", name, sla.slo, cells[-1].sli, left, tuple(cell.sli for cell in cells)))
    return budgets


def sparkline(values: Sequence[float | None], target: float) -> str:
    """A small line over the target; a gap where nothing was measured."""
    known = [v for v in values if v is not None]
    low, high = min([*known, target]), 100.0
    span = (high - low) or 1.0
    step = 110 / max(1, len(values) - 1)
    points = [None if v is None else (5 + i * step, 5 + 30 * (high - v) / span) for i, v in enumerate(values)]
    lines = "".join(
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>' for a, b in pairwise(points) if a and b
    )
    dots = "".join(f'<circle cx="{p[0]:.1f}" cy="{p[1]:.1f}" r="2"/>' for p in points if p)
    goal = 5 + 30 * (high - target) / span
    return (
        f'<svg viewBox="0 0 120 40" role="img" aria-label="trend"><path class="goal" d="M0 {goal:.1f}H120"/>'
        f'<g class="trend">{lines}{dots}</g></svg>'
    )


def card(budget: Budget) -> str:
    width = max(0.0, min(100.0, budget.left or 0.0))
    told = (
        "no data" if budget.left is None else f"{budget.left:.0f} % left" if budget.left > 0 else f"{-budget.left:.0f} % overspent"
    )
    sli = "no data" if budget.sli is None else f"{budget.sli:.3f} %"
    return (
        f'<li style="--c:{budget.colour}"><h2>{escape(budget.name)}</h2><p class="left">{told}</p>'
        f'<div class="bar"><i style="width:{width:.1f}%"></i></div>{sparkline(budget.trend, budget.target)}'
        f'<p class="note">{escape(budget.vendor)}: {sli}, target {budget.target:g} %</p></li>'
    )


def page(budgets: Sequence[Budget], notes: Sequence[str], now: datetime) -> str:
    """The whole page; what has least of its budget left stands first, what was not measured last."""
    order = sorted(budgets, key=lambda b: (b.left is None, b.left))
    spent = sum(b.left is not None and b.left <= 0 for b in budgets)
    head = f"{spent} of {len(budgets)} services have spent their error budget" if spent else "Every service has error budget left"
    said = "".join(f'<p class="trouble">{escape(note)}</p>' for note in notes)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Error budgets</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.45 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: 0; }} .lead {{ font-size: 1.2rem; margin-top: .2rem; }} .trouble {{ color: {SPENT}; }}
ul {{ list-style: none; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); }}
li {{ border: 1px solid #8884; border-left: 5px solid var(--c); border-radius: 8px; padding: .8rem 1rem; }}
h2 {{ font-size: 1rem; margin: 0; min-height: 2.9em; }} .left {{ font-size: 1.5rem; margin: 0; color: var(--c); font-weight: 600; }}
.bar {{ background: #8883; border-radius: 4px; height: 8px; overflow: hidden; }} .bar i {{ display: block; height: 8px; background: var(--c); }}
svg {{ width: 100%; height: 60px; margin-top: .5rem; }} .trend {{ stroke: currentColor; fill: currentColor; stroke-width: 1.2; }}
.goal {{ stroke: #8888; stroke-dasharray: 3 3; }} .note {{ margin: 0; opacity: .75; font-size: .85rem; }}
</style></head>
<body><h1>Error budgets</h1><p class="lead">{head}</p>{said}<ul>{"".join(card(b) for b in order)}</ul>
<p class="note">Made {now:%d %B %Y, %H:%M} UTC. Datadog: budget of the last {DAYS} days, line of the last {WEEKS} weeks. Zabbix: budget of the
current period so far, line of the last {WEEKS} periods. The dashed line is the target.</p></body></html>
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--query", default="env:prod", help="which Datadog SLOs (default: env:prod)")
    parser.add_argument("--output", type=Path, default=Path("error_budgets.html"))
    options = parser.parse_args(argv)
    now = datetime.now(UTC)
    budgets: list[Budget] = []
    notes: list[str] = []
    vendors: dict[str, Callable[[str, datetime], list[Budget]]] = {"Datadog": ask_datadog, "Zabbix": ask_zabbix}
    for vendor, ask in vendors.items():
        try:
            budgets += ask(options.query, now)
        except SloError as e:  # the other vendor's budgets are worth a page
            notes.append(f"{vendor} could not be asked: {e}")
            print(notes[-1], file=sys.stderr)
    options.output.write_text(page(budgets, notes, now), encoding="utf-8")
    print(f"{len(budgets)} budgets in {options.output}")
    return 1 if notes else 0


if __name__ == "__main__":
    sys.exit(main())
