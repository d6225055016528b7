"""The progress of the vendors' long operations, shown by the real rich."""

from __future__ import annotations

import io
import sys
import threading

import pytest
from attrs import frozen
from rich.console import Console

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import ConfigurationError, rich_progress
from slo_common.sandbox import VirtualClock
from zabbix_sla import ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

DAY = 86_400
NOW = 1_790_000_000


@frozen
class Step:
    """A progress that knows of no waiting."""

    done: int
    total: int


@frozen
class Waiting(Step):
    waiting: float = 0.0


@pytest.fixture(name="console")
def _console() -> Console:
    return Console(file=io.StringIO(), width=100)


def shown_on(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_bar_shows_how_much_of_all_is_done(console: Console) -> None:
    with rich_progress("SLO report", console=console) as bar:
        bar(Step(3, 12))
        bar(Step(12, 12))
    assert "SLO report" in shown_on(console)
    assert "12/12" in shown_on(console)


def test_the_bar_says_that_the_work_waits(console: Console) -> None:
    with rich_progress("SLO report", console=console) as bar:
        bar(Waiting(3, 12, 41.6))
    assert "waits 42 s for the rate limit" in shown_on(console)


def test_the_bar_says_no_more_that_the_work_waits_when_it_goes_on(console: Console) -> None:
    with rich_progress("SLO report", console=console) as bar:
        bar(Waiting(3, 12, 41.6))
        bar(Waiting(4, 12, 0.0))
    assert "waits" not in shown_on(console)
    assert "4/12" in shown_on(console)


def test_threads_may_feed_one_bar(console: Console) -> None:
    with rich_progress("SLO report", console=console) as bar:
        threads = [threading.Thread(target=bar, args=(Step(i, 8),)) for i in (8, 8, 8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "8/8" in shown_on(console)


def _fail(console: Console) -> None:
    with rich_progress("SLO report", console=console) as bar:
        bar(Step(1, 2))
        raise KeyError


def test_a_bar_ends_also_when_the_work_fails(console: Console) -> None:
    with pytest.raises(KeyError):
        _fail(console)
    assert "1/2" in shown_on(console)
    with rich_progress("again", console=console) as bar:  # rich allows one live display at a time
        bar(Step(2, 2))
    assert "2/2" in shown_on(console)


def test_a_report_of_datadog_fills_the_bar(console: Console) -> None:
    sandbox = DatadogSandbox.demo(clock=VirtualClock(NOW))
    with DatadogSLO("k", "a", http=sandbox.transport()) as dd, rich_progress("SLO report", console=console) as bar:
        report = dd.reports.run(
            query="*", from_ts=NOW - 21 * DAY, to_ts=NOW - DAY, interval="weekly", engine="client", on_progress=bar
        )
    assert report.rows
    cells = len(report.rows) * len(report.intervals)
    assert f"{cells}/{cells}" in shown_on(console)


def test_a_report_of_zabbix_fills_the_bar(console: Console) -> None:
    sandbox = ZabbixSandbox(clock=VirtualClock(NOW))
    for i in range(3):
        sandbox.add_service(f"s{i}", tags={"a": "b"}, created_at=0)
    slaid = sandbox.add_sla("S", tags={"a": "b"}, period=0, effective_date=NOW - 400 * DAY)
    http = sandbox.transport()
    with ZabbixSLA("https://zabbix.test", token=sandbox.token, http=http) as zbx, rich_progress("SLI", console=console) as bar:
        sli = zbx.sla.report(slaid, NOW - 150 * DAY, NOW - DAY, on_progress=bar)
    cells = len(sli.periods) * 3
    assert cells > 300
    assert f"{cells}/{cells}" in shown_on(console)


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ConfigurationError, match=r"slo-sdk\[progress\]"):
        rich_progress("SLO report").__enter__()
