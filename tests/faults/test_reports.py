"""Rows 70 to 80 of the fault matrix: waiting for a report job, and fetching its file."""

from __future__ import annotations

import errno
import json
import resource
from pathlib import Path
from typing import Any

import anyio
import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO, ReportJobStatus
from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from slo_common import (
    AuthenticationError,
    InvalidArgument,
    NotFound,
    PollTimeout,
    RateLimited,
    ReportFailed,
    ReportPartial,
    ReportUnavailable,
    ServerError,
    TruncatedResponse,
)
from slo_common.sandbox import Fault, VirtualClock, Window
from tests.faults.clients import PATIENT, Driver, Use, told
from tests.faults.scripted import START, Scripted, refused, reply
from tests.faults.server import FaultServer, Script, answer, head, read_request, repeat, reset, send

ASKED: dict[str, Any] = {"query": "team:payments", "from_ts": 1_700_000_000, "to_ts": 1_700_086_400, "interval": "daily"}
REPORTS = "/api/v2/slo/report"
THRESHOLDS = [{"timeframe": "7d", "target": 99.0}]


def _sandbox(plan: ReportPlan, *faults: Fault, **options: Any) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(START), faults=faults, **options)
    sandbox.add_slo(
        {"name": "Checkout", "type": "monitor", "monitor_ids": [1], "tags": ["team:payments"], "thresholds": THRESHOLDS}
    )
    sandbox.plan_reports(plan)
    return sandbox


def _run(**more: Any) -> Use:
    return lambda dd: dd.reports.run(**ASKED, engine="server", **more)


def _polls(sandbox: DatadogSandbox) -> list[float]:
    return [entry.at - START for entry in sandbox.ledger if entry.path.endswith("/status")]


def _jobs(sandbox: DatadogSandbox) -> int:
    return len([a for a in sandbox.applied if "report" in a])


def _status(value: str) -> Any:
    return reply(200, {"data": {"id": "r-1", "type": "report_id", "attributes": {"status": value}}})


def test_f70_status_that_goes_backwards(driver: Driver) -> None:
    seen: list[str] = []

    def note(status: ReportJobStatus) -> None:
        seen.append(str(status.status))

    server = Scripted(*map(_status, ("in_progress", "pending", "in_progress", "completed", "in_progress")))
    last = driver.run(lambda dd: dd.reports.wait("r-1", on_status=note), http=server.transport(), **PATIENT)
    assert (last.status, len(server.ledger)) == ("completed", 4)  # the first end is the end; nothing is asked after it
    assert seen == ["in_progress", "pending", "in_progress", "completed"]


def test_f71_job_that_fails(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=20, ends="failed"))
    error = driver.fails(ReportFailed, _run(), http=sandbox.transport(), **PATIENT)
    assert (error.sent, error.retry_safe, error.status, _jobs(sandbox)) == ("yes", False, "failed", 1)


def test_f72_job_that_completes_with_errors(driver: Driver) -> None:
    plan = ReportPlan(seconds=2, ends="completed_with_errors")
    report = driver.run(_run(), http=_sandbox(plan).transport(), **PATIENT)
    assert len(report.rows) == 1
    error = driver.fails(ReportPartial, _run(allow_partial=False), http=_sandbox(plan).transport(), **PATIENT)
    assert (error.sent, error.status) == ("yes", "completed_with_errors")


def test_f73_job_that_never_ends(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=10**9))
    error = driver.fails(PollTimeout, _run(timeout=900.0), http=sandbox.transport(), **PATIENT)
    assert (error.sent, error.retry_safe, isinstance(error, TimeoutError)) == ("yes", True, True)
    assert sandbox.clock.now() - START == pytest.approx(900, abs=1)
    assert (str(error.last_status.status), _jobs(sandbox)) == ("in_progress", 1)  # type: ignore[attr-defined]  # typed as object
    assert len(_polls(sandbox)) < 90


def test_f74_job_that_is_not_visible_yet(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=40, visible_after=25))
    assert len(driver.run(_run(), http=sandbox.transport(), **PATIENT).rows) == 1
    sandbox = _sandbox(ReportPlan(seconds=400, visible_after=300))
    error = driver.fails(NotFound, _run(), http=sandbox.transport(), **PATIENT)
    assert (error.sent, error.retry_safe, _jobs(sandbox)) == ("yes", False, 1)
    assert 30 <= _polls(sandbox)[-1] < 60
    assert len(_polls(sandbox)) > 5


@pytest.mark.parametrize("status", [404, 409])
def test_f75_file_that_is_not_there_yet(driver: Driver, status: int) -> None:
    def late(times: int) -> Fault:
        return Fault.status(status, path=REPORTS, method="GET", skip=1, times=times)

    sandbox = _sandbox(ReportPlan(seconds=0), late(3))
    assert len(driver.run(_run(), http=sandbox.transport(), **PATIENT).rows) == 1
    assert sandbox.clock.now() - START == pytest.approx(7, abs=0.1)
    sandbox = _sandbox(ReportPlan(seconds=0), late(99))
    error = driver.fails(ReportUnavailable, _run(), http=sandbox.transport(), **PATIENT)
    assert (error.sent, error.report_id in str(error), _jobs(sandbox)) == ("yes", True, 1)
    assert sandbox.clock.now() - START == pytest.approx(60, abs=0.1)


def test_f75_file_of_an_old_job_is_not_waited_for(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=0), Fault.status(404, path=REPORTS, method="GET", skip=1, times=99))
    job = driver.run(lambda dd: dd.reports.create(**ASKED), http=sandbox.transport())
    assert isinstance(sandbox.clock, VirtualClock)
    sandbox.clock.advance(86_400)
    driver.fails(ReportUnavailable, lambda dd: dd.reports.resume(job.handle()), http=sandbox.transport())
    assert sandbox.clock.now() - START == 86_400


def test_f76_polls_that_fail(driver: Driver) -> None:
    polls: Any = {"path": REPORTS, "method": "GET"}
    for fault in (Fault.reset(**polls, times=9), Fault.status(502, **polls, times=9), Fault.stall(**polls, times=2)):
        sandbox = _sandbox(ReportPlan(seconds=20), fault)
        assert len(driver.run(_run(), http=sandbox.transport(), **PATIENT).rows) == 1
        assert _jobs(sandbox) == 1
    sandbox = _sandbox(ReportPlan(seconds=20), Fault.status(500, **polls, times=999))
    error = driver.fails(ServerError, _run(), http=sandbox.transport(), **PATIENT)
    assert (told(error), len(_polls(sandbox))) == (("yes", True, 3), 15)  # five polls in a row, three tries each
    sandbox = _sandbox(ReportPlan(seconds=20), Fault.status(401, **polls, times=999))
    driver.fails(AuthenticationError, _run(), http=sandbox.transport(), **PATIENT)
    assert len(_polls(sandbox)) == 1


def test_f77_polls_keep_within_the_rate_limit(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=170), limits={"slo_report": Window(limit=5, seconds=60)})
    assert len(driver.run(_run(), http=sandbox.transport(), **PATIENT).rows) == 1
    assert [entry.status for entry in sandbox.ledger if entry.status == 429] == []
    # A refusal is waited out as long as the server asks, also when it asks for longer than one call would wait.
    server = Scripted(_status("in_progress"), refused(retry_after="200"), _status("completed"))
    driver.run(lambda dd: dd.reports.wait("r-1"), http=server.transport(), **PATIENT)
    assert server.pauses[2] >= 200
    server = Scripted(refused(retry_after="200"))
    error = driver.fails(PollTimeout, lambda dd: dd.reports.wait("r-1", timeout=300), http=server.transport(), **PATIENT)
    assert isinstance(error.__cause__, RateLimited)


def _resume(handle: str) -> Use:
    return lambda dd: dd.reports.resume(handle)


def test_f78_process_that_dies(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=100))
    error = driver.fails(PollTimeout, _run(timeout=10.0), http=sandbox.transport(), **PATIENT)
    handle = json.loads(error.handle)
    assert set(handle) == {"v", "vendor", "report_id", "created_at", "site"}
    report = driver.run(lambda dd: dd.reports.resume(error.handle), http=sandbox.transport(), **PATIENT)
    assert (len(report.rows), _jobs(sandbox)) == (1, 1)
    for odd in (
        "",
        "{}",
        "[]",
        "[" * 100_000,
        json.dumps({**handle, "v": 2}),
        json.dumps({**handle, "site": "https://elsewhere.test"}),
    ):
        driver.fails(InvalidArgument, _resume(odd), http=sandbox.transport())


def test_f79_two_who_wait_for_one_job(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=20))
    job = driver.run(lambda dd: dd.reports.create(**ASKED), http=sandbox.transport())
    statuses: list[str] = []

    async def both() -> None:
        async with AsyncDatadogSLO("k", "a", http=sandbox.transport()) as dd, anyio.create_task_group() as group:

            async def one() -> None:
                statuses.append(str((await dd.reports.wait(job.id)).status))

            group.start_soon(one)
            group.start_soon(one)

    if driver.mode == "sync":
        with DatadogSLO("k", "a", http=sandbox.transport()) as dd:
            statuses.extend(str(dd.reports.wait(job.id).status) for _ in range(2))
    else:
        driver.run_async(both)
    assert (statuses, _jobs(sandbox)) == (["completed", "completed"], 1)  # each asks for itself; one job all the same


CSV = b"id,name,slo_type,target\n" + b"".join(b"id%d,Checkout %d,metric,99.9\n" % (n, n) for n in range(500))
AS_CSV = {"content-type": "text/csv"}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_f80_download_that_is_interrupted(driver: Driver, tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    target.write_text("last month's")
    half = Script(read_request(), send(head(200, length=len(CSV), headers=AS_CSV), CSV[:3000]), reset())
    with FaultServer(half, half, half, Script(repeat(read_request(), answer(200, CSV, headers=AS_CSV)))) as server:
        error = driver.fails(TruncatedResponse, lambda dd: dd.reports.download_to("r-1", target), base_url=server.url)
        assert told(error) == ("yes", True, 3)
        assert target.read_text() == "last month's"  # the old file is as it was, and no half of the new one is left
        assert _names(tmp_path) == ["report.csv"]
        assert driver.run(lambda dd: dd.reports.download_to("r-1", target), base_url=server.url) == target
    assert target.read_bytes() == CSV
    assert _names(tmp_path) == ["report.csv"]


def test_f80_second_try_begins_at_the_start(driver: Driver, tmp_path: Path) -> None:
    half = Script(read_request(), send(head(200, length=len(CSV), headers=AS_CSV), CSV[:3000]), reset())
    with FaultServer(half, Script(repeat(read_request(), answer(200, CSV, headers=AS_CSV)))) as server:
        driver.run(lambda dd: dd.reports.download_to("r-1", tmp_path / "report.csv"), base_url=server.url)
    assert (tmp_path / "report.csv").read_bytes() == CSV


def test_f80_disk_that_takes_no_more(driver: Driver, tmp_path: Path) -> None:
    body = CSV * 100
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the nearest thing to a full disk that needs no root
    try:
        with (
            FaultServer(Script(repeat(read_request(), answer(200, body, headers=AS_CSV)))) as server,
            pytest.raises(OSError) as caught,
        ):
            driver.run(lambda dd: dd.reports.download_to("r-1", tmp_path / "report.csv"), base_url=server.url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.errno, _names(tmp_path)) == (errno.EFBIG, [])
    assert len(server.requests) == 1  # not taken for a broken connection, which would be tried again
