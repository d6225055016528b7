"""Rows 33 to 53 of the fault matrix: refusals, rate limits, failures of the server, and bodies that are none."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from slo_common import (
    ApiError,
    AuthenticationError,
    BadRequest,
    Conflict,
    MalformedResponse,
    NotFound,
    OperationGone,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    ServiceUnavailable,
    TooEarly,
    UnexpectedContent,
)
from tests.faults.clients import PATIENT, STATUS, Driver, Use, create_sla, download, read, read_sla, read_slas, told, write
from tests.faults.scripted import START, Scripted, refused, reply

GOOD = reply(200, STATUS)
HTML = b"<html><head><title>Sign in</title></head><body>hunter2</body></html>"
SKEWED = 1_000_000_000.0
"""A server whose clock is 25 years behind ours."""


def _waits(driver: Driver, *replies: Any, use: Use = read) -> list[float]:
    """The pauses of a call that these replies delay and a good one ends."""
    server = Scripted(*replies, GOOD)
    driver.run(use, http=server.transport(), **PATIENT)
    return server.pauses[1:]


def _fails(
    driver: Driver, kind: type[Any], *replies: Any, use: Use = read, of: str = "datadog", **options: Any
) -> tuple[Any, Scripted]:
    server = Scripted(*replies)
    return driver.fails(kind, use, of=of, http=server.transport(), **{**PATIENT, **options}), server


# 429.


@pytest.mark.parametrize("use", [read, write])
def test_f33_refused_without_a_hint(driver: Driver, use: Use) -> None:
    first, second = _waits(driver, refused(), refused()) if use is read else (0.5, 1.0)
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    error, server = _fails(driver, RateLimited, refused(), use=use)
    assert (told(error), len(server.ledger), server.applied) == (("yes", True, 6), 6, ())
    assert (error.retry_after, error.exceeds_max_wait) == (None, False)


def test_f34_retry_after_in_seconds(driver: Driver) -> None:
    for text, seconds in (("7", 7.0), (" 7 ", 7.0), ("5.5", 5.5)):
        (wait,) = _waits(driver, refused(retry_after=text))
        assert seconds <= wait <= seconds * 1.1 + 0.01
    error, server = _fails(driver, RateLimited, refused(retry_after="7"), use=write)
    assert (told(error), error.retry_after, server.applied) == (("yes", True, 6), 7.0, ())


def test_f35_retry_after_as_a_date_counts_by_the_servers_clock(driver: Driver) -> None:
    for clock in (START, SKEWED):
        wait = refused(retry_after=formatdate(clock + 10, usegmt=True), date=formatdate(clock, usegmt=True))
        (waited,) = _waits(driver, wait)
        assert 10 <= waited <= 11.1


@pytest.mark.parametrize(
    "value",
    [
        "-5",
        "0",
        "soon",
        "",
        "nan",
        "inf",
        "-inf",
        "5, 7",
        "9" * 5000,
        "1e3",
        "+5",
        "0x5",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 99 Foo",
    ],
)
def test_f36_retry_after_that_makes_no_sense(driver: Driver, value: str) -> None:
    (wait,) = _waits(driver, refused(retry_after=value))
    assert 0.5 <= wait <= 1.0  # the client's own pause


@pytest.mark.parametrize(("value", "seconds"), [("121", 121.0), ("99999999", 99999999.0), ("99999999999999999999", 1e20)])
def test_f37_retry_after_longer_than_anyone_waits(driver: Driver, value: str, seconds: float) -> None:
    error, server = _fails(driver, RateLimited, refused(retry_after=value))
    assert (told(error), error.retry_after, error.exceeds_max_wait) == (("yes", True, 1), seconds, True)
    assert server.pauses == [0.0]
    (wait,) = _waits(driver, refused(retry_after="120"))
    assert wait >= 120


def test_f38_reset_as_a_duration_or_a_moment(driver: Driver) -> None:
    now = formatdate(SKEWED, usegmt=True)
    as_duration = {"x_ratelimit_limit": "1", "x_ratelimit_period": "60", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "12"}
    as_moment = {
        "x_ratelimit_limit": "1, 1;window=60",
        "x_ratelimit_remaining": "0",
        "x_ratelimit_reset": f"{SKEWED + 12:.0f}",
        "date": now,
    }
    for headers in (as_duration, as_moment):
        (wait,) = _waits(driver, refused(**headers))
        assert 12 <= wait <= 15
    too_long = {**as_duration, "x_ratelimit_period": "10", "x_ratelimit_reset": "999999"}
    (wait,) = _waits(driver, refused(**too_long))
    assert wait <= 22.1  # at most two periods, whatever it says


def test_f39_skewed_clock(driver: Driver) -> None:
    reset = {"x_ratelimit_limit": "1, 1;window=60", "x_ratelimit_remaining": "0", "x_ratelimit_reset": f"{START - 3600 + 12:.0f}"}
    (wait,) = _waits(driver, refused(**reset, date=formatdate(START - 3600, usegmt=True)))
    assert 12 <= wait <= 15
    # Without a Date nobody knows what the moment means; it is not taken for a duration.
    (wait,) = _waits(driver, refused(x_ratelimit_reset=f"{SKEWED + 12:.0f}", date="soon"))
    assert 0.5 <= wait <= 1.0


def test_f40_fields_of_the_draft(driver: Driver) -> None:
    (wait,) = _waits(driver, refused(ratelimit='"p";r=0;t=9', ratelimit_policy='"p";q=1;w=60'))
    assert 9 <= wait <= 11
    (wait,) = _waits(driver, refused(ratelimit="=;=;;r=x", retry_after="3"))
    assert 3 <= wait <= 3.4
    (wait,) = _waits(driver, refused(ratelimit='"p";r=many;t=soon', ratelimit_policy="?"))
    assert 0.5 <= wait <= 1.0


def test_f41_nothing_remaining_on_a_good_reply(driver: Driver) -> None:
    spent = {"x-ratelimit-limit": "1", "x-ratelimit-period": "10", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "8"}
    server = Scripted(reply(200, STATUS, spent), GOOD)
    driver.run_all([read, read], http=server.transport(), **PATIENT)
    assert 8 <= server.pauses[1] <= 10.5
    assert [entry.status for entry in server.ledger] == [200, 200]


def test_f42_403_that_means_a_rate_limit(driver: Driver) -> None:
    firewall = reply(403, HTML, {"retry-after": "7"})
    (wait,) = _waits(driver, firewall)
    assert 7 <= wait <= 7.8
    error, server = _fails(driver, RateLimited, reply(403, HTML, {"retry-after": "300"}), use=write)
    assert (told(error), error.status, error.retry_after, server.applied) == (("yes", True, 1), 403, 300.0, ())
    error, server = _fails(driver, PermissionDenied, reply(403, HTML))
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)


# The server fails.


def test_f43_500(driver: Driver) -> None:
    error, server = _fails(driver, ServerError, reply(500))
    assert (told(error), len(server.ledger)) == (("yes", True, 3), 3)
    for use, of in ((write, "datadog"), (create_sla, "rootly")):
        error, server = _fails(driver, ServerError, reply(500), use=use, of=of)
        assert (told(error), len(server.applied)) == (("yes", None, 1), 1)


@pytest.mark.parametrize("status", [502, 504])
def test_f44_gateway_lost_the_answer(driver: Driver, status: int) -> None:
    error, server = _fails(driver, ServerError, reply(status))
    assert (told(error), error.status, len(server.ledger)) == (("yes", True, 3), status, 3)
    for use, of in ((write, "datadog"), (create_sla, "rootly")):
        error, server = _fails(driver, OutcomeUnknown, reply(status), use=use, of=of)
        assert (told(error), error.status, len(server.applied)) == (("maybe", None, 1), status, 1)


def test_f45_503_with_retry_after(driver: Driver) -> None:
    closed = reply(503, headers={"retry-after": "7"})
    (wait,) = _waits(driver, closed)
    assert wait >= 7
    error, server = _fails(driver, ServiceUnavailable, closed, use=write)
    assert (told(error), error.retry_after, len(server.ledger)) == (("yes", None, 1), 7.0, 1)
    error, server = _fails(driver, ServiceUnavailable, closed, use=write, retry=RetryPolicy(retry_writes_on_503=True))
    assert (len(error.attempts), len(server.ledger)) == (3, 3)
    # A wait that the call's time does not allow is not begun.
    error, server = _fails(driver, ServiceUnavailable, reply(503, headers={"retry-after": "61"}))
    assert (told(error), server.pauses) == (("yes", True, 1), [0.0])


@pytest.mark.parametrize(("status", "kind"), [(408, RequestTimeout), (425, TooEarly)])
def test_f46_server_did_not_take_the_request(driver: Driver, status: int, kind: type[ApiError]) -> None:
    for use in (read, write):
        error, server = _fails(driver, kind, reply(status), use=use)
        assert (told(error), len(server.ledger), server.applied) == (("yes", True, 2), 2, ())


def test_f47_conflict(driver: Driver) -> None:
    for use, of in ((read, "datadog"), (write, "datadog"), (create_sla, "rootly")):
        error, server = _fails(driver, Conflict, reply(409), use=use, of=of)
        assert (told(error), len(server.ledger), server.applied) == (("yes", False, 1), 1, ())


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDenied)])
def test_f48_credentials_refused(driver: Driver, status: int, kind: type[ApiError]) -> None:
    keys: Any = {"api_key": "hunter2", "app_key": "hunter3"}
    error, server = _fails(driver, kind, reply(status, {"errors": ["Forbidden"]}), **keys)
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    assert "DD_API_KEY" in str(error) or "closed beta" in str(error)
    assert "hunter" not in str(error)
    error, server = _fails(driver, kind, reply(status), use=create_sla, of="rootly", token="hunter2")
    assert (told(error), len(server.ledger), server.applied) == (("yes", False, 1), 1, ())
    assert "hunter" not in str(error)
    assert "ROOTLY_API_TOKEN" in str(error) or "permission" in str(error)


def test_f49_report_endpoints_gone(driver: Driver) -> None:
    for status in (404, 410):
        error, server = _fails(driver, OperationGone, reply(status), use=write)
        assert (told(error), server.applied) == (("yes", False, 1), ())
        assert "closed beta" in str(error)
    error, server = _fails(driver, NotFound, reply(404))
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)


# Bodies that are none.


def test_f50_empty_body(driver: Driver) -> None:
    for empty in (reply(204), reply(200)):
        error, server = _fails(driver, MalformedResponse, empty)
        assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
        assert "the body is empty" in str(error)
        error, server = _fails(driver, OutcomeUnknown, empty, use=write)
        assert (told(error), len(server.applied)) == (("maybe", None, 1), 1)
        server = Scripted(empty)
        assert driver.run(lambda rootly: rootly.slas.delete("1"), of="rootly", http=server.transport()) is None
        assert len(server.applied) == 1


def test_f51_html_instead_of_json(driver: Driver) -> None:
    page = reply(200, HTML, {"content-type": "text/html; charset=utf-8"})
    error, server = _fails(driver, UnexpectedContent, page)
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    assert "hunter2" not in str(error)
    assert error.excerpt.startswith("<html>")
    for use, of in ((write, "datadog"), (create_sla, "rootly")):
        error, server = _fails(driver, OutcomeUnknown, page, use=use, of=of)
        assert (told(error), error.status, len(server.applied)) == (("maybe", None, 1), 200, 1)
    for use, of in ((download, "datadog"), (read_slas, "zabbix")):
        _fails(driver, UnexpectedContent, page, use=use, of=of)


def test_f52_gateways_html(driver: Driver) -> None:
    page = reply(502, HTML, {"content-type": "text/html"})
    for use, of in (
        (read, "datadog"),
        (read_sla, "rootly"),
        (read_slas, "zabbix"),
    ):
        error, server = _fails(driver, ServerError, page, use=use, of=of)
        assert (told(error), error.status, len(server.ledger)) == (("yes", True, 3), 502, 3)
        assert "hunter2" not in str(error)


BODIES: list[tuple[object, str]] = [
    ({"errors": ["no such query"]}, "no such query"),
    ({"errors": [{"title": "Bad", "detail": "no such query", "source": {"pointer": "/data"}}]}, "no such query"),
    ({"error": "no such query"}, "no such query"),
    ({"type": "about:blank", "title": "Bad", "detail": "no such query", "status": 400}, "no such query"),
    ({"errors": [None, 7, [], {"detail": {}}]}, ""),
    ([], ""),
    (b"", ""),
    (b"\xff\xfe", ""),
    (b"[" * 100_000, ""),
    (b"<html>", ""),
]


@pytest.mark.parametrize(("body", "said"), BODIES)
def test_f53_error_bodies_of_every_shape(driver: Driver, body: object, said: str) -> None:
    for use, of in ((read, "datadog"), (read_sla, "rootly")):
        error, server = _fails(driver, BadRequest, reply(400, body), use=use, of=of)
        assert (told(error), error.status, len(server.ledger)) == (("yes", False, 1), 400, 1)
        assert said in str(error)
        assert said in "".join(str(detail) for detail in error.errors)
    error, _ = _fails(driver, BadRequest, reply(412, body), use=read_slas, of="zabbix")
    assert error.status == 412
