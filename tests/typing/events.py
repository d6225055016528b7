"""What a type checker must say about hooks, events and progress bars. Read by mypy and pyright (``make types``), never run."""

from __future__ import annotations

from typing import Literal, assert_type

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from rootly_sla import RootlySLA
from slo_common import (
    AttemptEnded,
    BudgetSeen,
    CallEnded,
    CallStarted,
    Event,
    OnEvent,
    OpenTelemetryHook,
    RateLimitWait,
    RetryScheduled,
    Sent,
    rich_progress,
)
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA


def a_hook_narrows_by_class(event: Event) -> None:
    match event:
        case CallStarted():
            assert_type(event.route, str)
        case RateLimitWait():
            assert_type(event.reason, Literal["turn", "refused"])
        case BudgetSeen():
            assert_type((event.limit, event.remaining, event.resets_in), tuple[int | None, int | None, float | None])
        case AttemptEnded():
            assert_type((event.sent, event.status), tuple[Sent, int | None])
        case RetryScheduled():
            assert_type(event.retry_after, float | None)
        case CallEnded():
            assert_type(event.outcome, Literal["ok", "failed", "unknown", "cancelled"])
        case _:
            assert_type(event, Event)


def clients_take_one_hook_or_several(heard: list[Event], hook: OnEvent) -> None:
    DatadogSLO(on_event=a_hook_narrows_by_class)
    AsyncDatadogSLO(on_event=heard.append)
    RootlySLA(on_event=OpenTelemetryHook())
    ZabbixSLA(on_event=[OpenTelemetryHook(), heard.append, hook])
    AsyncZabbixSLA(on_event=None)
    assert_type(DatadogSLO().with_options(on_event=(hook,)), DatadogSLO)


def a_bar_fits_the_reports_of_both_vendors(dd: DatadogSLO, zbx: ZabbixSLA) -> None:
    with rich_progress("report") as bar:
        dd.reports.run(query="*", from_ts=1, to_ts=2, on_progress=bar)
        zbx.sla.report("1", 1, 2, on_progress=bar)
