"""Report jobs in the sandbox: time, ends, files, and the end of the endpoints."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Literal

import pytest

from datadog_slo.sandbox import REPORTS_SUNSET, DatadogSandbox, ReportPlan, SliModel
from slo_common.sandbox import VirtualClock
from tests.datadog.sandbox_requests import START, ask, metric, monitor, new_sandbox, ok, refused, time_slice

FROM, TO = 1_633_173_071, 1_636_629_071
SEED: dict[str, object] = {
    "from_ts": FROM,
    "to_ts": TO,
    "query": 'slo_type:metric "SLO Reporting Test"',
    "interval": "monthly",
    "timezone": "America/New_York",
}


def _create(sandbox: DatadogSandbox, **attributes: object) -> str:
    body = {"data": {"attributes": SEED | attributes}}
    answer = ok(ask(sandbox, "POST", "/api/v2/slo/report", body))["data"]
    assert answer["type"] == "report_id"
    return str(answer["id"])


def _status(sandbox: DatadogSandbox, report_id: str) -> Any:
    return ok(ask(sandbox, "GET", f"/api/v2/slo/report/{report_id}/status"))["data"]["attributes"]["status"]


def _timed(*plans: ReportPlan) -> tuple[DatadogSandbox, VirtualClock]:
    clock = VirtualClock(START)
    sandbox = DatadogSandbox(clock=clock)
    sandbox.plan_reports(*plans)
    return sandbox, clock


@pytest.mark.parametrize("end", ["completed", "completed_with_errors", "failed", "in_progress"])
def test_a_job_runs_its_time_and_ends_as_planned(end: str) -> None:
    sandbox, clock = _timed(ReportPlan(seconds=90, ends=end))
    report_id = _create(sandbox)
    clock.advance(89)
    before = _status(sandbox, report_id)
    clock.advance(1)
    assert (before, _status(sandbox, report_id)) == ("in_progress", end)


def test_statuses_on_the_way_may_be_unknown_ones() -> None:
    sandbox, clock = _timed(ReportPlan(seconds=20, on_the_way=("queued", "in_progress")))
    report_id = _create(sandbox)
    first = _status(sandbox, report_id)
    clock.advance(10)
    assert (first, _status(sandbox, report_id)) == ("queued", "in_progress")


def test_a_job_without_a_way_is_finished_at_once() -> None:
    sandbox, _ = _timed(ReportPlan(on_the_way=()))
    assert _status(sandbox, _create(sandbox)) == "completed"


def test_a_job_may_be_unknown_just_after_its_creation() -> None:
    sandbox, clock = _timed(ReportPlan(visible_after=2))
    report_id = _create(sandbox)
    text = refused(ask(sandbox, "GET", f"/api/v2/slo/report/{report_id}/status"), 404)
    clock.advance(2)
    assert (text, _status(sandbox, report_id)) == (f"Not Found: report ID not found: {report_id}", "in_progress")


def test_plans_are_used_in_order_and_then_the_default() -> None:
    sandbox, _ = _timed(ReportPlan(seconds=0, ends="failed"), ReportPlan(seconds=0, ends="completed_with_errors"))
    assert [_status(sandbox, _create(sandbox)) for _ in range(3)] == ["failed", "completed_with_errors", "in_progress"]


def test_a_refused_create_uses_no_plan_up() -> None:
    sandbox, _ = _timed(ReportPlan(seconds=0, ends="failed"))
    ask(sandbox, "POST", "/api/v2/slo/report", {"data": {"attributes": SEED | {"interval": "hourly"}}})
    assert _status(sandbox, _create(sandbox)) == "failed"


def test_a_job_can_be_put_in_by_hand() -> None:
    sandbox = new_sandbox()
    report_id = sandbox.add_report(ReportPlan(seconds=0), report_id="dc8d92aa-e0af-11ee-af21-1feeaccaa3a3")
    assert _status(sandbox, report_id) == "completed"


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"interval": "bad-interval"}, "Invalid Argument: bad-interval is not a valid interval"),
        ({"timezone": "Mars/Base"}, "Invalid Argument: Mars/Base is not a valid timezone"),
        ({"timezone": "../etc"}, "Invalid Argument: ../etc is not a valid timezone"),
        ({"from_ts": 5, "to_ts": 5}, "Invalid Argument: from_ts must be before to_ts"),
    ],
)
def test_create_refuses(attributes: dict[str, Any], text: str) -> None:
    body = {"data": {"attributes": SEED | attributes}}
    assert refused(ask(new_sandbox(), "POST", "/api/v2/slo/report", body), 400) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [({}, "data.attributes"), ([], "data.attributes"), ({"data": {"attributes": {"from_ts": 1}}}, "query is required")],
)
def test_create_refuses_a_body(body: object, text: str) -> None:
    assert text in refused(ask(new_sandbox(), "POST", "/api/v2/slo/report", body), 400)


@pytest.mark.parametrize("what", ["status", "download"])
def test_an_id_that_is_none_has_a_strange_title(what: str) -> None:
    reply = ask(new_sandbox(), "GET", f"/api/v2/slo/report/invalid-report-id/{what}")
    assert refused(reply, 400) == "Request Timeout: invalid report ID: invalid-report-id"


def test_errors_are_objects_where_the_specification_says_texts() -> None:
    reply = ask(new_sandbox(), "GET", "/api/v2/slo/report/dc8d92aa-e0af-11ee-af21-1feeaccaa3a3/status")
    assert isinstance(json.loads(reply.body)["errors"][0], dict)


def _file(sandbox: DatadogSandbox, report_id: str) -> list[list[str]]:
    reply = ask(sandbox, "GET", f"/api/v2/slo/report/{report_id}/download")
    assert (reply.status, reply.content_type) == (200, "text/csv")
    return list(csv.reader(io.StringIO(reply.body.decode())))


def test_the_file_has_the_recorded_columns() -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0))
    assert _file(sandbox, _create(sandbox)) == [["id", "slo_type", "name", "target", "export_error", "2021-10-01", "2021-11-01"]]


def test_the_file_agrees_with_the_status_of_each_interval() -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0))
    slo_id = sandbox.add_slo(metric("SLO Reporting Test, one"), model=SliModel(error_rate=0.01))
    row = _file(sandbox, _create(sandbox))[1]
    november = 1_635_739_200  # 2021-11-01T00:00:00-04:00
    cells = [sandbox.sli(slo_id, FROM, november), sandbox.sli(slo_id, november, TO)]
    assert row == [slo_id, "metric", "SLO Reporting Test, one", "99.0", "", *(repr(c) for c in cells)]


def test_monitor_slos_have_empty_cells_and_no_data_too() -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0))
    sandbox.add_slo(monitor())
    sandbox.add_slo(time_slice(), model=SliModel(data_to=0))
    rows = _file(sandbox, _create(sandbox, query="*"))[1:]
    assert [row[5:] for row in rows] == [["", ""], ["", ""]]


def test_an_slo_with_an_error_has_its_text_and_no_values() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric("SLO Reporting Test"))
    sandbox.plan_reports(ReportPlan(seconds=0, ends="completed_with_errors", errors={slo_id: "query timed out"}))
    assert _file(sandbox, _create(sandbox))[1][4:] == ["query timed out", "", ""]


def test_a_file_of_one_s_own() -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0, csv="id,name\n1,x\n"))
    assert _file(sandbox, _create(sandbox)) == [["id", "name"], ["1", "x"]]


def test_deleted_slos_are_not_in_the_file() -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0))
    slo_id = sandbox.add_slo(metric("SLO Reporting Test"))
    ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}")
    assert len(_file(sandbox, _create(sandbox))) == 1


@pytest.mark.parametrize("end", ["in_progress", "failed"])
def test_nothing_to_download_before_the_end_or_after_a_failure(end: str) -> None:
    sandbox = new_sandbox(report_plan=ReportPlan(seconds=0, ends=end))
    report_id = _create(sandbox)
    assert "report ID not found" in refused(ask(sandbox, "GET", f"/api/v2/slo/report/{report_id}/download"), 404)


def test_after_the_sunset_the_endpoints_are_gone() -> None:
    clock = VirtualClock(REPORTS_SUNSET - 1)
    sandbox = DatadogSandbox(clock=clock, reports_end_at=REPORTS_SUNSET)
    report_id = _create(sandbox)
    clock.advance(1)
    assert ask(sandbox, "POST", "/api/v2/slo/report", {"data": {"attributes": SEED}}).status == 410
    assert ask(sandbox, "GET", f"/api/v2/slo/report/{report_id}/status").status == 410


@pytest.mark.parametrize(("status", "title"), [(403, "Forbidden"), (404, "Not Found"), (410, "Gone")])
def test_the_end_can_be_switched_on(status: Literal[403, 404, 410], title: str) -> None:
    sandbox = new_sandbox()
    sandbox.end_reports(status)
    text = refused(ask(sandbox, "POST", "/api/v2/slo/report", {"data": {"attributes": SEED}}), status)
    assert text == f"{title}: This endpoint is no longer available"


def test_a_job_that_was_put_in_is_there_at_once_also_within_a_second() -> None:
    sandbox, clock = _timed()
    clock.advance(0.7)
    assert _status(sandbox, sandbox.add_report(ReportPlan(seconds=0))) == "completed"


def test_the_end_of_the_endpoints_is_at_once_also_within_a_second() -> None:
    sandbox, clock = _timed()
    clock.advance(0.7)
    sandbox.end_reports()
    refused(ask(sandbox, "POST", "/api/v2/slo/report", {"data": {"attributes": SEED}}), 410)


def test_the_end_can_be_dated() -> None:
    sandbox = new_sandbox()
    sandbox.end_reports(404, at=START + 1)
    assert ask(sandbox, "POST", "/api/v2/slo/report", {"data": {"attributes": SEED}}).status == 200


def test_the_sunset_is_the_specified_day() -> None:
    assert REPORTS_SUNSET == 1_800_835_200
