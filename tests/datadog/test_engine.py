"""The client engine: the same report without the report endpoints, at the pace of the limit, through errors and kills."""

from __future__ import annotations

import datetime as dt
import gc
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing
from attrs import frozen

import slo_common
from datadog_slo import AsyncDatadogSLO, DatadogSLO, ReportEngineWarning, ReportProgress, SloReportRow
from datadog_slo._checkpoint import CellValue
from datadog_slo._intervals import cut
from datadog_slo._progress import Watch
from datadog_slo.sandbox import REPORTS_SUNSET, DatadogSandbox, Incident, ReportPlan, SliModel
from slo_common.sandbox import Fault, VirtualClock, Window
from tests.datadog.drivers import KEYS, Driver
from tests.datadog.sandbox_requests import metric, monitor, time_slice

START = 1_790_000_000
YEAR: dict[str, Any] = {
    "query": "*",
    "from_ts": 1_735_707_600,
    "to_ts": 1_767_243_600,
    "timezone": "America/New_York",
}  # 2025 there
MONTHS: dict[str, Any] = YEAR | {"interval": "monthly"}
QUICK = slo_common.RetryPolicy(backoff_base=0, attempts=1)


def _sandbox(count: int = 3, **options: Any) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(START), report_plan=ReportPlan(seconds=5), **options)
    for n in range(count):
        body = metric(f"SLO {n}") if n % 2 == 0 else time_slice(f"SLO {n}")
        outage = Incident(start=1_740_000_000 + n, end=1_740_100_000, lost=0.5)
        sandbox.add_slo(body, slo_id=f"id{n}", model=SliModel(seed=n, error_rate=0.003, incidents=(outage,)))
    return sandbox


def _client(driver: Driver, sandbox: DatadogSandbox, asked: dict[str, Any] = MONTHS, **options: Any) -> Any:
    return driver.on(sandbox, lambda dd: dd.reports.run(**asked, engine="client", **options), retry=QUICK)


def _histories(sandbox: DatadogSandbox) -> list[str]:
    return [e.path for e in sandbox.ledger if e.path.endswith("/history")]


# The same report.


@pytest.mark.parametrize("interval", ["daily", "weekly", "monthly"])
@pytest.mark.parametrize("timezone", ["America/New_York", "Europe/Paris", "Australia/Lord_Howe"])
def test_both_engines_give_the_same_csv(interval: str, timezone: str) -> None:
    """From February to December 2025: through both changes of the clock, with a first and a last interval that are cut off."""
    asked: dict[str, Any] = {
        "query": "*",
        "from_ts": 1_740_000_000,
        "to_ts": 1_765_000_000,
        "interval": interval,
        "timezone": timezone,
    }
    sandbox = _sandbox(2)
    with DatadogSLO(**KEYS, http=sandbox.transport()) as dd:
        server = dd.reports.run(**asked, engine="server")
        client = dd.reports.run(**asked, engine="client")
    assert client.to_csv() == server.to_csv()
    assert (client.intervals, server.engine, client.engine) == (server.intervals, "server", "client")
    assert all(value is not None for row in client for value in row.sli.values())


def test_each_cell_is_the_sli_of_its_interval(driver: Driver) -> None:
    sandbox = _sandbox(2)
    report = _client(driver, sandbox)
    zone = ZoneInfo("America/New_York")
    for row in report.rows:
        expected = {i.label: sandbox.sli(row.id, i.from_ts, i.to_ts) for i in cut(YEAR["from_ts"], YEAR["to_ts"], "monthly", zone)}
        assert row.sli == expected
    assert len(report.intervals) == 12


def test_months_in_utc_unless_told_otherwise(driver: Driver) -> None:
    report = _client(driver, _sandbox(1), {"query": "*", "from_ts": 1_740_000_000, "to_ts": 1_745_000_000})
    assert [str(day) for day in report.intervals] == ["2025-02-01", "2025-03-01", "2025-04-01"]


def test_monitor_slos_have_values_here(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(START))
    slo_id = sandbox.add_slo(monitor(), model=SliModel(error_rate=0))
    row = _client(driver, sandbox).rows[0]
    assert (row.id, row.slo_type, row.target, set(row.sli.values())) == (slo_id, "monitor", 99.0, {100.0})


def test_the_query_selects_over_all_pages(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(START))
    for n in range(230):
        sandbox.add_slo(metric(f"SLO {n}", tags=["team:pay"] if n % 2 else []))
    report = _client(driver, sandbox, {"query": "team:pay", "from_ts": 1, "to_ts": 2, "interval": "daily"})
    assert [row.name for row in report.rows] == [f"SLO {n}" for n in range(1, 230, 2)]


def test_a_query_that_finds_nothing_is_an_empty_report(driver: Driver) -> None:
    report = _client(driver, _sandbox(1), MONTHS | {"query": "nowhere"})
    assert (report.rows, len(report.intervals)) == ((), 12)


def test_rows_to_a_file_are_the_same_csv(driver: Driver, tmp_path: Path) -> None:
    sandbox, path = _sandbox(3), tmp_path / "r.csv"
    file = driver.on(sandbox, lambda dd: dd.reports.run_to(path, **MONTHS, engine="client"))
    assert path.read_text() == _client(driver, sandbox).to_csv()
    assert (file.path, file.engine, file.rows, file.errors, list(tmp_path.iterdir())) == (path, "client", 3, 0, [path])


def test_rows_that_are_in_the_file_are_not_kept_in_memory(tmp_path: Path) -> None:
    alive: list[int] = []

    def on_progress(progress: ReportProgress) -> None:
        if progress.done % 120 == 0:
            alive.append(sum(isinstance(o, SloReportRow | CellValue) for o in gc.get_objects()))

    gc.collect()  # what other tests left
    with DatadogSLO(**KEYS, http=_sandbox(100).transport()) as dd:
        file = dd.reports.run_to(tmp_path / "r.csv", **MONTHS, engine="client", on_progress=on_progress)
    assert file.rows == 100
    assert len(alive) >= 10
    assert max(alive) < 3 * 12


def test_the_server_s_file_is_taken_as_it_is(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(2)
    sandbox.plan_reports(ReportPlan(seconds=1, csv="id,name\na,b\n"))
    file = driver.on(sandbox, lambda dd: dd.reports.run_to(tmp_path / "r.csv", **MONTHS))
    assert (file.path.read_text(), file.engine, file.rows, file.errors) == ("id,name\na,b\n", "server", None, None)


def test_a_server_s_file_with_errors_can_be_refused(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(1)
    sandbox.plan_reports(ReportPlan(seconds=1, ends="completed_with_errors"))
    with pytest.raises(slo_common.ReportPartial):
        driver.on(sandbox, lambda dd: dd.reports.run_to(tmp_path / "r.csv", **MONTHS, allow_partial=False))
    assert list(tmp_path.iterdir()) == []


# Which engine.


@pytest.mark.parametrize("status", [403, 404, 410])
def test_auto_moves_to_the_client_when_the_endpoint_is_gone_and_says_so_once(
    status: Literal[403, 404, 410], driver: Driver
) -> None:
    sandbox = _sandbox(1)
    sandbox.end_reports(status)

    def first(dd: Any) -> Any:
        return dd.reports.run(**MONTHS)

    with pytest.warns(ReportEngineWarning, match="client engine from now on") as warned:
        report = driver.on(sandbox, first)
    assert (report.engine, len(warned)) == ("client", 1)


def test_after_the_sunset_auto_is_the_client_engine_with_one_warning(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(REPORTS_SUNSET + 1), reports_end_at=REPORTS_SUNSET)
    sandbox.add_slo(metric())
    with pytest.warns(ReportEngineWarning) as warned:
        report = driver.on(sandbox, lambda dd: dd.reports.run(**MONTHS))
    assert (report.engine, len(report.rows), len(warned)) == ("client", 1, 1)


def test_the_endpoints_are_asked_once_by_each_client() -> None:
    sandbox = _sandbox(1)
    sandbox.end_reports()
    with DatadogSLO(**KEYS, http=sandbox.transport()) as dd:
        with pytest.warns(ReportEngineWarning) as warned:
            dd.reports.run(**MONTHS)
        dd.reports.run(**MONTHS)
    creates = [e for e in sandbox.ledger if e.method == "POST"]
    assert (len(creates), len(warned)) == (1, 1)


def test_auto_stays_with_the_server_while_it_works(driver: Driver) -> None:
    sandbox = _sandbox(1)
    assert driver.on(sandbox, lambda dd: dd.reports.run(**MONTHS)).engine == "server"
    assert _histories(sandbox) == []


def test_auto_moves_when_the_endpoints_end_while_it_waits(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(1)
    sandbox.plan_reports(ReportPlan(seconds=100))
    sandbox.end_reports(at=START + 50)
    with pytest.warns(ReportEngineWarning) as warned:
        file = driver.on(sandbox, lambda dd: dd.reports.run_to(tmp_path / "r.csv", **MONTHS))
    assert (file.engine, len(warned)) == ("client", 1)


def test_a_failed_job_is_not_hidden(driver: Driver) -> None:
    sandbox = _sandbox(1)
    sandbox.plan_reports(ReportPlan(seconds=1, ends="failed"))
    with pytest.raises(slo_common.ReportFailed):
        driver.on(sandbox, lambda dd: dd.reports.run(**MONTHS))


@pytest.mark.parametrize("method", ["run", "run_to"])
def test_the_server_engine_alone_raises(method: str, driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(1)
    sandbox.end_reports(410)
    args = (tmp_path / "r.csv",) if method == "run_to" else ()
    with pytest.raises(slo_common.OperationGone, match="2027-01-25"):
        driver.on(sandbox, lambda dd: getattr(dd.reports, method)(*args, **MONTHS, engine="server"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"engine": "both"}, "engine: 'both' was given"),
        ({"concurrency": 0}, "concurrency: 0"),
        ({"interval": "yearly"}, "interval: 'yearly'"),
    ],
)
def test_options_are_checked_first(options: dict[str, Any], text: str, driver: Driver) -> None:
    sandbox = _sandbox(1)
    with pytest.raises(slo_common.InvalidArgument, match=text):
        driver.on(sandbox, lambda dd: dd.reports.run(**(MONTHS | options)))
    assert sandbox.ledger == ()


# Cells without a value.


def test_no_data_is_an_empty_cell_with_its_reason(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(START))
    sandbox.add_slo(metric(), model=SliModel(data_from=1_751_342_400))  # 2025-07-01T00:00-04:00
    row = _client(driver, sandbox).rows[0]
    assert [value is None for value in row.sli.values()] == [True] * 6 + [False] * 6
    assert (set(row.reasons.values()), len(row.reasons), row.export_error) == ({"The denominator is zero valued"}, 6, None)


def test_a_refused_window_is_an_empty_cell_and_the_row_s_error(driver: Driver) -> None:
    sandbox = _sandbox(2)
    sandbox.add_slo(metric("Bad"), model=SliModel(refuses="the window is too long"))
    report = _client(driver, sandbox)
    assert report.rows[2].export_error == "HTTP 400: the window is too long"
    assert set(report.rows[2].sli.values()) == {None}
    assert [row.export_error for row in report.rows[:2]] == [None, None]


def test_errors_of_single_cells_are_named_by_their_interval(driver: Driver) -> None:
    fault = Fault.status(400, body=b'{"errors":["odd\\n  window"]}', path="/api/v1/slo/id0/history", skip=2, times=2)
    report = _client(driver, _sandbox(1, faults=(fault,)))
    assert report.rows[0].export_error == "2025-03-01: HTTP 400: odd window; 2025-04-01: HTTP 400: odd window"
    assert [value is None for value in report.rows[0].sli.values()] == [False, False, True, True] + [False] * 8


@pytest.mark.parametrize(("status", "text"), [(404, "HTTP 404: gone"), (403, "HTTP 403: gone")])
def test_an_slo_that_is_gone_or_hidden_is_asked_about_once(status: int, text: str, driver: Driver) -> None:
    fault = Fault.status(status, body=b'{"errors":["gone"]}', path="/api/v1/slo/id0/history", times=99)
    sandbox = _sandbox(2, faults=(fault,))
    report = _client(driver, sandbox, concurrency=1)
    assert (report.rows[0].export_error, report.rows[1].export_error) == (text, None)
    assert _histories(sandbox).count("/api/v1/slo/id0/history") == 1


def test_an_answer_that_cannot_be_read_costs_one_cell(driver: Driver) -> None:
    fault = Fault.replace_body(b"<html>", path="/api/v1/slo/id0/history")
    row = _client(driver, _sandbox(1, faults=(fault,)), concurrency=1).rows[0]
    assert "text/html came where JSON was expected" in row.export_error
    assert list(row.sli.values()).count(None) == 1


def test_an_outage_of_some_cells_is_their_reason(driver: Driver) -> None:
    fault = Fault.status(500, body=b'{"errors":["oops"]}', path="/api/v1/slo/id0/history", times=3)
    row = _client(driver, _sandbox(1, faults=(fault,)), concurrency=1).rows[0]
    assert list(row.reasons.values()) == ["HTTP 500: oops"] * 3


def test_ten_cells_in_a_row_without_a_server_end_the_report(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(3, faults=(Fault.reset(path="/api/v1/slo/id", skip=5, times=99),))
    path = tmp_path / "r.csv"
    with pytest.raises(slo_common.ConnectionLost):
        driver.on(sandbox, lambda dd: dd.reports.run_to(path, **MONTHS, engine="client", concurrency=1), retry=QUICK)
    assert (len(_histories(sandbox)), list(tmp_path.iterdir())) == (15, [])


def test_outages_that_end_before_the_tenth_do_not(driver: Driver) -> None:
    sandbox = _sandbox(1, faults=(Fault.reset(path="/api/v1/slo/id", times=9),))
    assert list(_client(driver, sandbox, concurrency=1).rows[0].sli.values()).count(None) == 9


@pytest.mark.parametrize(("status", "error"), [(401, slo_common.AuthenticationError), (410, slo_common.OperationGone)])
def test_what_is_not_about_one_slo_ends_the_report(status: int, error: type[Exception], driver: Driver) -> None:
    sandbox = _sandbox(3, faults=(Fault.status(status, path="/api/v1/slo/id", skip=3),))
    with pytest.raises(error):
        _client(driver, sandbox, concurrency=1)
    assert len(_histories(sandbox)) == 4


def test_a_limit_that_does_not_end_ends_the_report(driver: Driver) -> None:
    headers = {"retry-after": "9999"}
    sandbox = _sandbox(3, faults=(Fault.status(429, headers=headers, path="/api/v1/slo/id", times=99),))
    with pytest.raises(slo_common.RateLimited):
        _client(driver, sandbox, concurrency=1)


# Progress and pace.


def test_the_sync_client_asks_from_several_threads_and_tells_in_order() -> None:
    """On the machine's clock: in virtual time the sync client works one call after the other."""
    sandbox = DatadogSandbox()
    for n in range(6):
        sandbox.add_slo(metric(f"SLO {n}"), slo_id=f"id{n}", model=SliModel(seed=n))
    told: list[ReportProgress] = []
    with DatadogSLO(**KEYS, http=sandbox.transport()) as dd:
        report = dd.reports.run(**MONTHS, engine="client", concurrency=8, on_progress=told.append)
    assert [row.name for row in report.rows] == [f"SLO {n}" for n in range(6)]
    assert [p.done for p in told if p.waiting == 0] == list(range(1, 73))
    assert report.rows[3].sli == _client(Driver("sync"), _copy(sandbox)).rows[3].sli


def _copy(sandbox: DatadogSandbox) -> DatadogSandbox:
    """The same SLOs in virtual time."""
    other = DatadogSandbox(clock=VirtualClock(START))
    for n, slo in enumerate(sandbox.slos):
        other.add_slo(metric(slo["name"]), slo_id=slo["id"], model=SliModel(seed=n))
    return other


def test_progress_counts_every_cell(driver: Driver) -> None:
    told: list[ReportProgress] = []
    _client(driver, _sandbox(2), on_progress=told.append)
    assert [p.done for p in told if p.waiting == 0] == list(range(1, 25))
    assert {p.total for p in told} == {24}
    assert told[-1].estimated_end is not None


def test_progress_tells_that_it_waits_for_the_limit_and_when_it_will_end() -> None:
    told: list[ReportProgress] = []
    sandbox = _sandbox(3, limits={"slo_history": Window(limit=6, seconds=60)})
    _client(Driver("sync"), sandbox, on_progress=told.append)
    waits = [p for p in told if p.waiting > 0]
    assert len(waits) >= 5
    assert all(0 < p.waiting <= 61 for p in waits)
    end = dt.datetime.fromtimestamp(sandbox.clock.now(), dt.UTC)
    halfway = next(p for p in waits if p.done == 18)
    assert halfway.estimated_end is not None
    assert abs((halfway.estimated_end - end).total_seconds()) < 90


def test_no_estimate_before_the_first_cell() -> None:
    told: list[ReportProgress] = []
    sandbox = _sandbox(1, limits={"slo_history": Window(limit=1, seconds=60)})
    with DatadogSLO(**KEYS, http=sandbox.transport()) as dd:
        dd.slos.history("id0", from_ts=1, to_ts=2)  # spends the window
        dd.reports.run(**MONTHS, engine="client", on_progress=told.append)
    assert (told[0].done, told[0].estimated_end, told[0].waiting > 0) == (0, None, True)


@frozen
class _TrioClock:
    """The sandbox's time is trio's, so that many tasks wait in the same virtual time."""

    def now(self) -> float:
        return START + trio.current_time()


@pytest.mark.parametrize("concurrency", [1, 16, 64])
def test_the_makespan_is_the_limit_s_and_no_call_is_refused(concurrency: int) -> None:
    sandbox = DatadogSandbox(clock=_TrioClock(), limits={"slo_history": Window(limit=100, seconds=10)})

    async def main() -> float:
        for n in range(60):
            sandbox.add_slo(metric(f"SLO {n}"), slo_id=f"id{n}")
        began = trio.current_time()
        async with AsyncDatadogSLO(**KEYS, http=sandbox.transport(), timeout=3600) as dd:
            report = await dd.reports.run(**MONTHS, engine="client", concurrency=concurrency)
        assert len(report.rows) == 60
        return trio.current_time() - began

    clock = trio.testing.MockClock(autojump_threshold=0)
    makespan = trio.run(main, clock=clock)
    ideal = (60 * 12 - 1) // 100 * 10
    assert makespan <= 1.02 * ideal + 0.3
    assert [e.status for e in sandbox.ledger if e.status == 429] == []


# Checkpoints.


class _Killed(Exception):  # noqa: N818 - what happens, not what is wrong
    """Raised by the caller's own function in the middle of the work."""


def _kill_after(cells: int) -> Any:
    def on_progress(progress: ReportProgress) -> None:
        if progress.done == cells:
            raise _Killed

    return on_progress


def test_a_killed_run_goes_on_where_it_was(driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(3), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(20), checkpoint=kept, concurrency=1)
    first = len(_histories(sandbox))
    told: list[ReportProgress] = []
    report = _client(driver, sandbox, checkpoint=kept, on_progress=told.append)
    assert (first, len(_histories(sandbox))) == (20, 36)
    assert (told[0].done, told[-1].done) == (21, 36)
    assert report.to_csv() == _client(driver, _sandbox(3)).to_csv()
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_off_is_asked_for_again(driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(2), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(10), checkpoint=str(kept), concurrency=1)
    kept.write_text(kept.read_text()[:-3])
    report = _client(driver, sandbox, checkpoint=kept)
    assert len(_histories(sandbox)) == 10 + 15
    assert report.to_csv() == _client(driver, _sandbox(2)).to_csv()


@pytest.mark.parametrize("lines", [0, 1])
def test_a_checkpoint_that_hardly_began_begins_again(lines: int, driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(1), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(1), checkpoint=kept)
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[:lines]))
    if lines == 0:
        kept.unlink()
    assert len(_client(driver, sandbox, checkpoint=kept).rows) == 1


@pytest.mark.parametrize("change", [{"to_ts": 1_767_243_601}, {"query": "x"}, {"interval": "weekly"}, {"timezone": "UTC"}])
def test_the_checkpoint_of_another_report_is_refused(change: dict[str, Any], driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(1), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(1), checkpoint=kept)
    before = kept.read_text()
    with pytest.raises(slo_common.InvalidArgument, match=r"checkpoint: .* belongs to another report"):
        _client(driver, sandbox, MONTHS | change, checkpoint=kept)
    assert kept.read_text() == before


@pytest.mark.parametrize("text", ["", "hello\n", "{}\n", "[1]\n[2]\n"])
def test_a_file_that_is_no_checkpoint_is_refused(text: str, driver: Driver, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(text)
    with pytest.raises(slo_common.InvalidArgument, match="checkpoint: "):
        _client(driver, _sandbox(1), checkpoint=kept)


def test_a_damaged_checkpoint_is_refused(driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(1), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(3), checkpoint=kept)
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join([*lines[:3], "[1, 2]\n", *lines[3:]]))
    with pytest.raises(slo_common.InvalidArgument, match="checkpoint: "):
        _client(driver, sandbox, checkpoint=kept)


def test_a_cell_that_failed_for_want_of_a_server_is_asked_for_again(driver: Driver, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    sandbox = _sandbox(1, faults=(Fault.status(503, path="/api/v1/slo/id0/history"),))
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(5), checkpoint=kept, concurrency=1)
    report = _client(driver, sandbox, checkpoint=kept)
    assert (len(_histories(sandbox)), None in report.rows[0].sli.values()) == (13, False)


def test_auto_goes_on_with_the_client_engine_where_a_checkpoint_is(driver: Driver, tmp_path: Path) -> None:
    sandbox, kept = _sandbox(1), tmp_path / "kept"
    with pytest.raises(_Killed):
        _client(driver, sandbox, on_progress=_kill_after(5), checkpoint=kept)
    report = driver.on(sandbox, lambda dd: dd.reports.run(**MONTHS, checkpoint=kept))
    assert (report.engine, [e for e in sandbox.ledger if e.method == "POST"]) == ("client", [])


def test_a_checkpoint_holds_no_secret(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    sandbox = _sandbox(1)
    with DatadogSLO("SECRETKEY", "SECRETAPP", http=sandbox.transport()) as dd, pytest.raises(_Killed):
        dd.reports.run(**MONTHS, engine="client", checkpoint=kept, on_progress=_kill_after(3))
    assert "SECRET" not in kept.read_text()
    assert json.loads(kept.read_text().splitlines()[0])["site"] == "https://api.datadoghq.com"


def test_a_process_that_is_really_killed_loses_nothing(tmp_path: Path) -> None:
    kept, out = tmp_path / "kept", tmp_path / "r.csv"
    script = """
        import os, signal, sys
        from datadog_slo import DatadogSLO
        sys.path.append({root!r})
        from tests.datadog.test_engine import MONTHS, _sandbox

        def on_progress(progress):
            if progress.done == 17:
                os.kill(os.getpid(), signal.SIGKILL)

        with DatadogSLO("k", "a", http=_sandbox(3).transport()) as dd:
            dd.reports.run_to({out!r}, **MONTHS, engine="client", checkpoint={kept!r}, on_progress=on_progress)
    """
    code = textwrap.dedent(script).format(root=str(Path(__file__).parents[2]), out=str(out), kept=str(kept))
    killed = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    sandbox = _sandbox(3)
    with DatadogSLO(**KEYS, http=sandbox.transport()) as dd:
        file = dd.reports.run_to(out, **MONTHS, engine="client", checkpoint=kept)
    assert (killed.returncode, len(_histories(sandbox)), file.rows) == (-9, 36 - 17, 3)
    assert out.read_text() == _client(Driver("sync"), _sandbox(3)).to_csv()
    assert list(tmp_path.iterdir()) == [out]


class _Place:
    """A reservation that remembers what became of it."""

    wait = 0.0

    def __init__(self) -> None:
        self.told: list[str] = []

    def renew(self, now: float) -> float:
        self.told.append(f"renew {now}")
        return 0.0

    def cancel(self) -> None:
        self.told.append("cancel")

    def done(self, state: object, *, refused: bool, now: float) -> None:
        self.told.append(f"done {refused} {now}")


class _Places:
    def __init__(self) -> None:
        self.place = _Place()

    def reserve(self, key: slo_common.LimitKey, now: float) -> _Place:
        return self.place


def test_the_watch_passes_everything_on() -> None:
    places = _Places()
    waits: list[float] = []
    place = Watch(places, waits.append).reserve(slo_common.LimitKey("datadog", "a", "b"), 5.0)
    place.renew(6.0)
    place.done(None, refused=True, now=7.0)
    place.cancel()
    assert (places.place.told, waits) == (["renew 6.0", "done True 7.0", "cancel"], [])


def test_a_limiter_with_a_store_is_still_known_as_one() -> None:
    class Stored(slo_common.NoRateLimiter):
        does_io = True

    assert Watch(Stored(), print).does_io
    assert not Watch(slo_common.NoRateLimiter(), print).does_io
