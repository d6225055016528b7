"""Report jobs from creation to file on the sandbox, in virtual time: polling, ends, handles, and answers that were lost."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import slo_common
from datadog_slo import ReportJob, ReportJobStatus, ReportStatus
from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from slo_common.sandbox import Fault, VirtualClock, Window
from tests.datadog.drivers import Driver
from tests.datadog.sandbox_requests import metric

START = 1_700_000_000.0
ASKED: dict[str, Any] = {
    "query": "*",
    "from_ts": 1633173071,
    "to_ts": 1636629071,
    "interval": "monthly",
    "timezone": "America/New_York",
}


def _sandbox(*plans: ReportPlan, faults: tuple[Fault, ...] = ()) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(START), faults=faults)
    sandbox.add_slo(metric(), slo_id="abc")
    sandbox.plan_reports(*plans)
    return sandbox


def _asked(sandbox: DatadogSandbox, what: str) -> list[float]:
    """When the job was asked about, in seconds since its creation."""
    return [round(e.at - START, 2) for e in sandbox.ledger if e.path.endswith(what)]


def test_create_wait_and_download(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=60))
    report = driver.on(sandbox, lambda dd: dd.reports.run(**ASKED))
    assert [row.id for row in report.rows] == ["abc"]
    assert report.engine == "server"
    assert [change.split()[0] for change in sandbox.applied] == ["reports.create"]


def test_the_first_poll_comes_at_once_and_the_pauses_grow(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=100))
    driver.on(sandbox, lambda dd: dd.reports.run(**ASKED))
    polls = _asked(sandbox, "/status")
    pauses = [b - a for a, b in itertools.pairwise(polls)]
    assert polls[0] == 0
    assert pauses[0] == 0.5
    assert all(pause <= max(0.5, 0.1 * at) + 0.02 for at, pause in zip(polls, pauses, strict=False))
    assert 100 <= polls[-1] <= 110


def test_on_status_hears_every_answer(driver: Driver) -> None:
    heard: list[str] = []
    sandbox = _sandbox(ReportPlan(seconds=2, on_the_way=("queued", "in_progress")))

    def on_status(status: ReportJobStatus) -> None:
        heard.append(status.status.value)

    driver.on(sandbox, lambda dd: dd.reports.run(**ASKED, on_status=on_status))
    assert (heard[0], heard[-1], set(heard)) == ("queued", "completed", {"queued", "in_progress", "completed"})


def test_a_job_with_errors_in_some_rows_is_downloaded(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=1, ends="completed_with_errors", errors={"abc": "timed out"}))
    assert driver.on(sandbox, lambda dd: dd.reports.run(**ASKED)).errors == {"abc": "timed out"}


def test_a_job_with_errors_can_be_refused(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=1, ends="completed_with_errors"))
    with pytest.raises(slo_common.ReportPartial) as caught:
        driver.on(sandbox, lambda dd: dd.reports.run(**ASKED, allow_partial=False))
    assert (caught.value.status, _asked(sandbox, "/download")) == ("completed_with_errors", [])


def test_a_failed_job_raises_and_is_not_downloaded(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=1, ends="failed"))
    with pytest.raises(slo_common.ReportFailed) as caught:
        driver.on(sandbox, lambda dd: dd.reports.run(**ASKED))
    assert (caught.value.status, _asked(sandbox, "/download")) == ("failed", [])


def test_a_404_just_after_creation_is_waited_out(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=10, visible_after=5))
    assert len(driver.on(sandbox, lambda dd: dd.reports.run(**ASKED)).rows) == 1


def test_an_unknown_job_is_given_up(driver: Driver) -> None:
    with pytest.raises(slo_common.NotFound):
        driver.on(_sandbox(), lambda dd: dd.reports.wait("dc8d92aa-e0af-11ee-af21-1feeaccaa3a3"))


def test_wait_gives_the_last_status(driver: Driver) -> None:
    sandbox = _sandbox()
    report_id = sandbox.add_report(ReportPlan(seconds=5))
    last = driver.on(sandbox, lambda dd: dd.reports.wait(report_id))
    assert (last.id, last.status) == (report_id, ReportStatus.COMPLETED)


def test_a_time_out_brings_a_handle_to_go_on_with(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=1000))
    with pytest.raises(slo_common.PollTimeout) as caught:
        driver.on(sandbox, lambda dd: dd.reports.run(**ASKED, timeout=50))
    assert caught.value.last_status is not None
    report = driver.on(sandbox, lambda dd: dd.reports.resume(caught.value.handle, timeout=2000))
    assert [row.id for row in report.rows] == ["abc"]
    assert len([line for line in sandbox.applied if line.startswith("reports.create")]) == 1


def test_a_handle_is_json_without_secrets_and_knows_its_site(driver: Driver) -> None:
    handle = driver.on(_sandbox(), lambda dd: dd.reports.create(**ASKED)).handle()
    assert set(json.loads(handle)) == {"v", "vendor", "report_id", "created_at", "site"}
    assert json.loads(handle)["site"] == "https://api.datadoghq.com"


def test_a_job_that_was_read_from_its_handle_is_the_job(driver: Driver) -> None:
    job = driver.on(_sandbox(), lambda dd: dd.reports.create(**ASKED))
    assert ReportJob.from_handle(job.handle()) == job


@pytest.mark.parametrize("text", ["", "{}", '{"v": 1, "vendor": "rootly", "report_id": "x", "created_at": 1}', "[]"])
def test_what_is_no_handle_is_refused(text: str, driver: Driver) -> None:
    with pytest.raises(slo_common.InvalidArgument, match="handle: "):
        driver.on(_sandbox(), lambda dd: dd.reports.resume(text))


def test_a_handle_of_another_site_is_refused(driver: Driver) -> None:
    job = ReportJob(
        id="dc8d92aa-e0af-11ee-af21-1feeaccaa3a3", created_at=datetime(2026, 1, 1, tzinfo=UTC), site="https://api.datadoghq.eu"
    )
    with pytest.raises(slo_common.InvalidArgument, match=r"handle: the job is at 'https://api\.datadoghq\.eu'"):
        driver.on(_sandbox(), lambda dd: dd.reports.resume(job.handle()))


def test_a_handle_without_a_site_is_taken_anywhere(driver: Driver) -> None:
    sandbox = _sandbox()
    job = ReportJob(id=sandbox.add_report(ReportPlan(seconds=1)), created_at=datetime.fromtimestamp(START, UTC))
    assert len(driver.on(sandbox, lambda dd: dd.reports.resume(job.handle())).rows) == 1


def test_a_file_that_is_gone_is_said_to_be(driver: Driver) -> None:
    gone = Fault.status(404, path="/api/v2/slo/report/", method="GET", skip=1, times=99)
    sandbox = _sandbox(ReportPlan(seconds=0), faults=(gone,))
    with pytest.raises(slo_common.ReportUnavailable, match="not kept for ever"):
        driver.on(sandbox, lambda dd: dd.reports.run(**ASKED, engine="server"))


def test_a_lost_create_is_not_repeated(driver: Driver) -> None:
    sandbox = _sandbox(faults=(Fault.lost_answer(method="POST", path="/api/v2/slo/report"),))
    with pytest.raises(slo_common.OutcomeUnknown):
        driver.on(sandbox, lambda dd: dd.reports.run(**ASKED))
    assert len(sandbox.ledger) == 1


def test_a_poll_that_fails_does_not_end_the_wait(driver: Driver) -> None:
    sandbox = _sandbox(ReportPlan(seconds=20), faults=(Fault.reset(method="GET", path="/api/v2/slo/report", times=4),))
    assert len(driver.on(sandbox, lambda dd: dd.reports.run(**ASKED)).rows) == 1


def test_polls_keep_to_the_rate_limit(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(START), limits={"slo_report": Window(limit=2, seconds=60)})
    sandbox.plan_reports(ReportPlan(seconds=100))
    driver.on(sandbox, lambda dd: dd.reports.run(**ASKED))
    assert [e.status for e in sandbox.ledger if e.status == 429] == []


def test_download_to_a_file(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox()
    report_id = sandbox.add_report(ReportPlan(seconds=0))
    path = driver.on(sandbox, lambda dd: dd.reports.download_to(report_id, tmp_path / "r.csv"))
    assert path.read_text().startswith("id,slo_type,name,target,export_error,2021-10-01")


def test_a_download_that_breaks_begins_again(driver: Driver, tmp_path: Path) -> None:
    sandbox = _sandbox(faults=(Fault.lost_answer(path="/api/v2/slo/report/"),))
    report_id = sandbox.add_report(ReportPlan(seconds=0))
    path = driver.on(sandbox, lambda dd: dd.reports.download_to(report_id, str(tmp_path / "r.csv")))
    assert path.read_text().count("slo_type") == 1


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "9"])
def test_a_timeout_that_is_none_is_refused(timeout: Any, driver: Driver) -> None:
    sandbox = _sandbox()
    report_id = sandbox.add_report()
    with pytest.raises(slo_common.InvalidArgument, match="timeout: "):
        driver.on(sandbox, lambda dd: dd.reports.wait(report_id, timeout=timeout))
