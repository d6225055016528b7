"""The documented operations on the wire: method, address, query, headers and body, byte for byte, and what comes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from attrs import asdict

import slo_common
from datadog_slo import SITES, BulkDeleteError, ErrorTimeframe, ReportJobStatus, ReportStatus
from datadog_slo._calls_reports import download_report, download_report_file
from slo_common._values import Call, Reply
from tests.datadog.drivers import Driver

REPORT_ID = "dc8d92aa-e0af-11ee-af21-1feeaccaa3a3"
ASKED: dict[str, Any] = {
    "query": 'slo_type:metric "SLO Reporting Test"',
    "from_ts": 1633173071,
    "to_ts": 1636629071,
    "interval": "monthly",
    "timezone": "America/New_York",
}
CREATED = {"data": {"id": REPORT_ID, "type": "report_id"}}
CSV = "id,slo_type,name,target,export_error,2021-10-01,2021-11-01\na1,metric,SLO Reporting Test,99.9,,99.95,\n"
API = "https://api.datadoghq.com"


def status_answer(status: str) -> dict[str, Any]:
    return {"data": {"attributes": {"status": status}, "id": REPORT_ID, "type": "report_id"}}


def create(dd: Any) -> Any:
    return dd.reports.create(**ASKED)


@respx.mock
def test_create_sends_what_the_vendor_documents(driver: Driver) -> None:
    route = respx.post(f"{API}/api/v2/slo/report").respond(json=CREATED)
    driver.run(create, api_key="the-api-key", app_key="the-app-key")
    request = route.calls.last.request
    assert json.loads(request.content) == {"data": {"attributes": ASKED}}
    assert request.url.query == b""
    assert (request.headers["dd-api-key"], request.headers["dd-application-key"]) == ("the-api-key", "the-app-key")
    assert (request.headers["accept"], request.headers["content-type"]) == ("application/json", "application/json")
    assert "authorization" not in request.headers


@respx.mock
def test_create_leaves_out_what_was_not_given(driver: Driver) -> None:
    route = respx.post(f"{API}/api/v2/slo/report").respond(json=CREATED)
    driver.run(lambda dd: dd.reports.create(query="*", from_ts=1, to_ts=datetime(1970, 1, 1, 0, 1, tzinfo=UTC)))
    assert route.calls.last.request.content == b'{"data":{"attributes":{"from_ts":1,"query":"*","to_ts":60}}}'


@respx.mock
def test_create_gives_the_job(driver: Driver) -> None:
    respx.post(f"{API}/api/v2/slo/report").respond(json=CREATED, headers={"content-type": "application/vnd.api+json"})
    job = driver.run(create)
    assert (job.id, job.type, job.site) == (REPORT_ID, "report_id", API)
    assert job.created_at.tzinfo is UTC


@pytest.mark.parametrize("site", [*SITES, "dd.internal.example.com", "app.datadoghq.com", "app.datadoghq.eu"])
@respx.mock
def test_every_site_has_its_address(site: str, driver: Driver) -> None:
    host = f"api.{site.removeprefix('app.')}"
    route = respx.get(f"https://{host}/api/v2/slo/report/{REPORT_ID}/status").respond(json=status_answer("completed"))
    driver.run(lambda dd: dd.reports.status(REPORT_ID), api_key="k", app_key="a", site=site)
    headers = route.calls.last.request.headers
    assert (headers["host"], headers["dd-api-key"], headers["dd-application-key"]) == (host, "k", "a")


@respx.mock
def test_status_sends_no_body_and_no_query(driver: Driver) -> None:
    route = respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(json=status_answer("completed"))
    driver.run(lambda dd: dd.reports.status(REPORT_ID))
    request = route.calls.last.request
    assert (request.content, request.url.query, request.headers["accept"]) == (b"", b"", "application/json")
    assert "content-type" not in request.headers


@pytest.mark.parametrize("status", ["in_progress", "completed", "completed_with_errors", "failed"])
@respx.mock
def test_status_reads_every_documented_state(status: str, driver: Driver) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(json=status_answer(status))
    answer = driver.run(lambda dd: dd.reports.status(REPORT_ID))
    assert answer == ReportJobStatus(id=REPORT_ID, type="report_id", status=ReportStatus(status))
    assert answer.status.is_known


@respx.mock
def test_an_unknown_state_keeps_its_text_and_is_not_over(driver: Driver) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(json=status_answer("queued"))
    status = driver.run(lambda dd: dd.reports.status(REPORT_ID)).status
    assert (status, status.is_known, status.is_over) == ("queued", False, False)


@respx.mock
def test_download_asks_for_csv_and_reads_it(driver: Driver) -> None:
    route = respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/download").respond(text=CSV, content_type="text/csv")
    report = driver.run(lambda dd: dd.reports.download(REPORT_ID))
    assert route.calls.last.request.headers["accept"] == "text/csv, application/json"
    row = report.rows[0]
    assert [str(day) for day in report.intervals] == ["2021-10-01", "2021-11-01"]
    assert (row.id, row.slo_type, row.name, row.target, row.export_error) == ("a1", "metric", "SLO Reporting Test", 99.9, None)
    assert list(row.sli.values()) == [99.95, None]
    assert report.to_csv() == CSV


@respx.mock
def test_download_to_streams_the_file_as_it_is(driver: Driver, tmp_path: Path) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/download").respond(text=CSV, content_type="text/csv")
    path = driver.run(lambda dd: dd.reports.download_to(REPORT_ID, tmp_path / "r.csv"))
    assert (path.read_text(), list(tmp_path.iterdir())) == (CSV, [tmp_path / "r.csv"])


@respx.mock
def test_a_download_that_fails_leaves_no_file(driver: Driver, tmp_path: Path) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/download").respond(404, json={"errors": ["Not Found"]})
    with pytest.raises(slo_common.NotFound):
        driver.run(lambda dd: dd.reports.download_to(REPORT_ID, tmp_path / "r.csv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
@respx.mock
def test_a_download_that_is_no_csv_is_refused(kind: str, driver: Driver, tmp_path: Path) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/download").respond(text="<html>", headers={"content-type": kind})
    with pytest.raises(slo_common.MalformedResponse):
        driver.run(lambda dd: dd.reports.download_to(REPORT_ID, tmp_path / "r.csv"))
    with pytest.raises(slo_common.MalformedResponse):
        driver.run(lambda dd: dd.reports.download(REPORT_ID))


@respx.mock
def test_a_download_that_is_not_utf_8_is_refused(driver: Driver) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/download").respond(
        content=b"id,name\n\xff,", headers={"content-type": "text/csv"}
    )
    with pytest.raises(slo_common.MalformedResponse, match="not UTF-8 at byte 8"):
        driver.run(lambda dd: dd.reports.download(REPORT_ID))


@pytest.mark.parametrize("call", [download_report(REPORT_ID), download_report_file(REPORT_ID)])
def test_a_file_of_which_nobody_can_tell_the_end_is_refused(call: Call[Any]) -> None:
    reply = Reply(status=200, headers={"content-type": "text/csv"}, body=CSV.encode(), unframed=True)
    with pytest.raises(slo_common.TruncatedResponse):
        call.decode(reply)


BULK = {"id1": ["7d", "30d"], "id2": ["7d", "30d"]}


@respx.mock
def test_bulk_delete_sends_the_bare_map(driver: Driver) -> None:
    route = respx.post(f"{API}/api/v1/slo/bulk_delete").respond(json={"data": {"deleted": [], "updated": []}, "errors": []})
    driver.run(lambda dd: dd.slos.bulk_delete(BULK))
    request = route.calls.last.request
    assert request.content == b'{"id1":["7d","30d"],"id2":["7d","30d"]}'
    assert (request.headers["content-type"], request.url.query) == ("application/json", b"")


@respx.mock
def test_bulk_delete_reads_a_partial_success(driver: Driver) -> None:
    answer = {"data": {"deleted": ["id1"], "updated": ["id2"]}, "errors": [{"id": "id3", "message": "gone", "timeframe": "30d"}]}
    respx.post(f"{API}/api/v1/slo/bulk_delete").respond(json=answer)
    result = driver.run(lambda dd: dd.slos.bulk_delete(BULK))
    error = BulkDeleteError(id="id3", message="gone", timeframe=ErrorTimeframe.THIRTY_DAYS)
    assert (result.deleted, result.updated, result.errors) == (("id1",), ("id2",), (error,))
    with pytest.raises(slo_common.PartialFailure, match="id3 30d: gone") as caught:
        result.raise_for_errors()
    assert caught.value.result == result


@pytest.mark.parametrize("answer", [{"data": None, "errors": None}, {"error": None}, {"data": {"deleted": None}}])
@respx.mock
def test_bulk_delete_takes_null_for_nothing(answer: dict[str, Any], driver: Driver) -> None:
    respx.post(f"{API}/api/v1/slo/bulk_delete").respond(json=answer)
    result = driver.run(lambda dd: dd.slos.bulk_delete(BULK))
    assert (result.deleted, result.updated, result.errors) == ((), (), ())
    result.raise_for_errors()


# Documented error answers.

Use = Callable[[Any], Any]

OPERATIONS: dict[str, tuple[str, str, Use]] = {
    "create": ("POST", "/api/v2/slo/report", create),
    "status": ("GET", f"/api/v2/slo/report/{REPORT_ID}/status", lambda dd: dd.reports.status(REPORT_ID)),
    "download": ("GET", f"/api/v2/slo/report/{REPORT_ID}/download", lambda dd: dd.reports.download(REPORT_ID)),
    "bulk_delete": ("POST", "/api/v1/slo/bulk_delete", lambda dd: dd.slos.bulk_delete(BULK)),
}
ERRORS = {
    400: slo_common.BadRequest,
    401: slo_common.AuthenticationError,
    403: slo_common.PermissionDenied,
    404: slo_common.NotFound,
    410: slo_common.OperationGone,
    302: slo_common.UnexpectedRedirect,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", ERRORS)
@respx.mock
def test_an_error_status_has_its_exception_with_the_vendor_s_text(operation: str, status: int, driver: Driver) -> None:
    method, path, use = OPERATIONS[operation]
    respx.route(method=method, url=API + path).respond(status, json={"errors": ["Bad Request"]}, headers={"x-request-id": "r-1"})
    with pytest.raises(ERRORS[status], match="Bad Request") as caught:
        driver.run(use)
    error = caught.value
    assert (error.status, error.request_id, error.sent, [e.detail for e in error.errors]) == (status, "r-1", "yes", ["Bad Request"])


@pytest.mark.parametrize("operation", OPERATIONS)
@respx.mock
def test_a_rate_limit_that_is_too_long_to_wait_for_says_how_long(operation: str, driver: Driver) -> None:
    method, path, use = OPERATIONS[operation]
    headers = {"x-ratelimit-limit": "5", "x-ratelimit-period": "3600", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "3000"}
    respx.route(method=method, url=API + path).respond(429, json={"errors": ["Too many"]}, headers=headers)
    with pytest.raises(slo_common.RateLimited, match="Too many") as caught:
        driver.run(use)
    assert (caught.value.retry_after, caught.value.exceeds_max_wait) == (3000, True)


@respx.mock
def test_a_create_that_answers_404_says_that_the_endpoint_is_gone(driver: Driver) -> None:
    respx.post(f"{API}/api/v2/slo/report").respond(404)
    with pytest.raises(slo_common.OperationGone, match="engine='client'"):
        driver.run(create)


BODIES: dict[str, tuple[bytes, list[str]]] = {
    "texts": (b'{"errors":["a","b"]}', ["a", "b"]),
    "objects": (b'{"errors":[{"title":"Invalid Argument","detail":"a"}]}', ["Invalid Argument: a"]),
    "title alone": (b'{"errors":[{"title":"t"}]}', ["t"]),
    "pointer": (b'{"errors":[{"detail":"a","status":"400","source":{"pointer":"/data"}}]}', ["/data: a"]),
    "parameter": (b'{"errors":[{"detail":"a","source":{"parameter":"from_ts"}}]}', ["from_ts: a"]),
    "header": (b'{"errors":[{"message":"a","source":{"header":"DD-API-KEY"}}]}', ["DD-API-KEY: a"]),
    "history": (b'{"errors":[{"error":"a"}]}', ["a"]),
    "nothing in it": (b'{"errors":[{}]}', ["no reason given"]),
    "map": (b'{"errors":{"id1":"in use"}}', ["id1: in use"]),
    "map of lists": (b'{"errors":{"id1":["x"]}}', ["id1: ['x']"]),
    "one text": (b'{"errors":"slo abc is referenced"}', ["slo abc is referenced"]),
    "singular": (b'{"error":"nope"}', ["nope"]),
    "both": (b'{"errors":null,"error":"nope"}', ["nope"]),
    "problem": (b'{"title":"Bad Gateway","detail":"upstream"}', ["Bad Gateway: upstream"]),
    "number": (b'{"errors":5}', []),
    "list": (b'["a"]', []),
    "html": (b"<html><body>429</body></html>", []),
    "empty": (b"", []),
}


@pytest.mark.parametrize("name", BODIES)
@respx.mock
def test_every_shape_of_an_error_body_is_read(name: str, driver: Driver) -> None:
    body, texts = BODIES[name]
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(400, content=body)
    with pytest.raises(slo_common.BadRequest) as caught:
        driver.run(lambda dd: dd.reports.status(REPORT_ID))
    assert [str(e) for e in caught.value.errors] == texts


@respx.mock
def test_an_html_refusal_is_still_a_rate_limit(driver: Driver) -> None:
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(
        429, html="<html>slow down</html>", headers={"retry-after": "500"}
    )
    with pytest.raises(slo_common.RateLimited) as caught:
        driver.run(lambda dd: dd.reports.status(REPORT_ID))
    assert caught.value.retry_after == 500


@respx.mock
def test_a_redirect_is_not_followed_and_names_only_the_origin(driver: Driver) -> None:
    there = "https://evil.example.com/steal?key=1"
    respx.get(f"{API}/api/v2/slo/report/{REPORT_ID}/status").respond(307, headers={"location": there})
    with pytest.raises(slo_common.UnexpectedRedirect, match=r"https://evil\.example\.com$") as caught:
        driver.run(lambda dd: dd.reports.status(REPORT_ID))
    assert "steal" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "path"),
    [({"data": {"id": 5, "type": "x"}}, "$.data.id"), ({"data": None}, "$.data"), ({}, "$.data"), ([], "$")],
)
@respx.mock
def test_an_answer_that_does_not_fit_names_its_bad_field(body: object, path: str, driver: Driver) -> None:
    respx.post(f"{API}/api/v2/slo/report").respond(json=body)
    with pytest.raises(slo_common.DecodeError) as caught:
        driver.run(create)
    assert path in caught.value.paths


# Bad input: nothing is sent.


def _refused(driver: Driver, use: Use) -> str:
    with respx.mock(assert_all_called=False) as router:
        route = router.route().mock(return_value=httpx.Response(500))
        with pytest.raises(slo_common.InvalidArgument) as caught:
            driver.run(use)
    assert not route.called
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"from_ts": 1636629071}, "from_ts: 1636629071 was given; allowed: a time before to_ts (1636629071)"),
        ({"from_ts": datetime(2026, 1, 1)}, "from_ts: datetime.datetime(2026, 1, 1, 0, 0) is a naive datetime"),  # noqa: DTZ001
        ({"to_ts": "2026"}, "to_ts: '2026' was given"),
        ({"to_ts": 1636629071000}, "looks like milliseconds"),
        ({"interval": "hourly"}, "interval: 'hourly' was given; allowed: 'daily', 'weekly', 'monthly'"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a known time zone"),
        ({"query": " "}, "query: ' ' was given"),
    ],
)
def test_create_refuses_bad_input(change: dict[str, Any], text: str, driver: Driver) -> None:
    assert text in _refused(driver, lambda dd: dd.reports.create(**(ASKED | change)))


def test_all_problems_are_named_at_once(driver: Driver) -> None:
    text = _refused(driver, lambda dd: dd.reports.create(query="", from_ts=2, to_ts=1, interval="x", timezone="y"))
    assert all(f"{name}: " in text for name in ("query", "from_ts", "interval", "timezone"))


@pytest.mark.parametrize("report_id", ["", " ", ".", "..", "a\nb", "x" * 256, None])
@pytest.mark.parametrize("method", ["status", "wait", "download"])
def test_a_report_id_that_cannot_be_one(report_id: Any, method: str, driver: Driver) -> None:
    assert "report_id: " in _refused(driver, lambda dd: getattr(dd.reports, method)(report_id))


@respx.mock
def test_a_slash_in_a_report_id_is_encoded(driver: Driver) -> None:
    route = respx.get(url__startswith=API).respond(json=status_answer("completed"))
    driver.run(lambda dd: dd.reports.status("../a?b#c%2f"))
    assert route.calls.last.request.url.raw_path == b"/api/v2/slo/report/..%2Fa%3Fb%23c%252f/status"


@pytest.mark.parametrize(
    ("timeframes", "text"),
    [
        ({}, "timeframes: {} was given"),
        (["id1"], "timeframes: ['id1'] was given"),
        ({"id1": ["1d"]}, "timeframes['id1']: '1d' was given; allowed: '7d', '30d', '90d'"),
        ({"id1": ["custom"]}, "'custom' was given"),
        ({"id1": "7d"}, "timeframes['id1']: '7d' was given; allowed: a list of '7d'"),
        ({"id1": []}, "allowed: a list of"),
        ({"": ["7d"]}, "timeframes: SLO id: '' is empty"),
    ],
)
def test_bulk_delete_refuses_bad_input(timeframes: Any, text: str, driver: Driver) -> None:
    assert text in _refused(driver, lambda dd: dd.slos.bulk_delete(timeframes))


def test_the_seed_models_have_every_documented_field() -> None:
    error = BulkDeleteError(id="i", message="m", timeframe=ErrorTimeframe.ALL)
    assert set(asdict(error)) == {"id", "message", "timeframe"}
    assert set(asdict(ReportJobStatus(id="i", status=ReportStatus.FAILED))) == {"id", "type", "status"}
    assert {str(t) for t in ErrorTimeframe} == {"7d", "30d", "90d", "all"}
