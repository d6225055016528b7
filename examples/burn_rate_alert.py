"""Alert when an error budget burns too fast: several windows, an exit code for cron and Nagios, a line for each alert.

The burn rate is how many times faster than allowed the budget is spent: at 1 it lasts exactly as long as the SLO's period. A rule has
a long window, so that a short blip is no alert, and a short one, so that the alert ends soon after the trouble. Exit code: 0 nothing
burns, 1 look at it this week, 2 wake somebody, 3 the question could not be answered.

    python examples/burn_rate_alert.py [--query 'team:payments'] [--json]

With DD_API_KEY and DD_APP_KEY set it asks Datadog, else the sandbox that comes with the package, where one SLO is burning.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from attrs import asdict, frozen

from datadog_slo import AsyncDatadogSLO, Slo
from slo_common import SloError

FINE, LOOK, WAKE, UNKNOWN = 0, 1, 2, 3
LEVELS = {LOOK: "look", WAKE: "wake"}


@frozen
class Rule:
    """Alert at ``level`` when the budget burned at least ``rate`` times too fast over both windows."""

    level: int
    rate: float
    long: timedelta
    short: timedelta


# At these rates 2 %, 5 % and 10 % of the budget of 30 days are gone when the long window is over.
RULES = (
    Rule(WAKE, 14.4, timedelta(hours=1), timedelta(minutes=5)),
    Rule(WAKE, 6.0, timedelta(hours=6), timedelta(minutes=30)),
    Rule(LOOK, 1.0, timedelta(days=3), timedelta(hours=6)),
)


@frozen
class Alert:
    """One SLO that burns its budget too fast."""

    level: str
    slo_id: str
    name: str
    target: float
    rate: float
    hours: float
    """The long window."""


def client() -> AsyncDatadogSLO:
    """Datadog if there are credentials, else an organisation in memory with an incident that began two hours ago."""
    if any(os.environ.get(name) for name in ("DD_API_KEY", "DATADOG_API_KEY", "DD_BEARER_TOKEN")):
        return AsyncDatadogSLO()
    from datadog_slo.sandbox import DatadogSandbox, Incident, SliModel
    from slo_common.sandbox import SystemClock

    print("No DD_API_KEY: asking the sandbox.", file=sys.stderr)
    sandbox = DatadogSandbox.demo(clock=SystemClock())
    now = sandbox.clock.now()
    burning = SliModel(error_rate=0.0003, incidents=(Incident(start=now - 7200, end=now + 3600, lost=0.05),))
    body = {
        "name": "Basket answers",
        "type": "metric",
        "query": {"numerator": "sum:basket.ok{*}.as_count()", "denominator": "sum:basket.all{*}.as_count()"},
        "thresholds": [{"timeframe": "30d", "target": 99.9}],
        "tags": ["team:payments"],
    }
    sandbox.add_slo(body, model=burning)
    return AsyncDatadogSLO("sandbox", "sandbox", http=sandbox.transport())


async def burn_rate(dd: AsyncDatadogSLO, slo: Slo, window: timedelta, now: datetime) -> float | None:
    """How many times faster than allowed; None where nothing was measured or the target allows no failure."""
    if slo.target is None or slo.target >= 100:
        return None
    status = await dd.slos.status(slo.id, from_ts=now - window, to_ts=now)
    return None if status.sli is None else (100 - status.sli) / (100 - slo.target)


async def check(dd: AsyncDatadogSLO, slo: Slo, now: datetime) -> Alert | None:
    """The most urgent rule that this SLO breaks. The short window is asked for only where the long one burns."""
    for rule in RULES:
        rate = await burn_rate(dd, slo, rule.long, now)
        if rate is None or rate < rule.rate:
            continue
        recent = await burn_rate(dd, slo, rule.short, now)
        if recent is not None and recent >= rule.rate:
            hours = rule.long / timedelta(hours=1)
            return Alert(LEVELS[rule.level], slo.id, slo.name, slo.target or 0.0, round(rate, 1), hours)
    return None


async def check_all(dd: AsyncDatadogSLO, tags_query: str | None, now: datetime) -> tuple[list[Alert], list[str], int]:
    """The alerts, most urgent first, what could not be answered, and how many SLOs were asked about.

    All are asked at once; the client keeps to the rate limit. One SLO that cannot be asked does not hide the alerts of the others.
    """
    alerts: list[Alert] = []
    failures: list[str] = []

    async def one(slo: Slo) -> None:
        try:
            alert = await check(dd, slo, now)
        except SloError as e:
            failures.append(f"{slo.name}: {e}")
        else:
            alerts.extend([alert] if alert else [])

    slos = [slo async for slo in dd.slos.list(tags_query=tags_query)]
    async with asyncio.TaskGroup() as group:
        for slo in slos:
            group.create_task(one(slo))
    return sorted(alerts, key=lambda alert: -alert.rate), failures, len(slos)


def exit_code(alerts: Sequence[Alert], failures: Sequence[str]) -> int:
    levels = {alert.level for alert in alerts}
    if LEVELS[WAKE] in levels:
        return WAKE
    if failures:
        return UNKNOWN
    return LOOK if levels else FINE


async def run(tags_query: str | None, *, as_json: bool) -> int:
    try:
        async with client() as dd:
            alerts, failures, count = await check_all(dd, tags_query, datetime.now(UTC))
    except SloError as e:
        alerts, failures, count = [], [str(e)], 0
    for failure in failures:
        print(f"UNKNOWN: {failure}", file=sys.stderr)
    if as_json:
        print(json.dumps([asdict(alert) for alert in alerts], indent=2))
    else:
        for a in alerts:
            print(
                f"{a.level.upper()}: {a.name} burns its budget {a.rate:g} times too fast over {a.hours:g} h (target {a.target:g} %)"
            )
        print(f"{len(alerts)} of {count} SLOs burn too fast")
    return exit_code(alerts, failures)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--query", help="only SLOs with this tag, such as team:payments (default: all)")
    parser.add_argument("--json", action="store_true", help="print the alerts as JSON")
    options = parser.parse_args(argv)
    return asyncio.run(run(options.query, as_json=options.json))


if __name__ == "__main__":
    sys.exit(main())
