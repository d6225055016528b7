"""The exceptions: what they say, what they carry, and that they cross process boundaries without a secret."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime

import pytest

import slo_common
from slo_common import _errors as e
from slo_common._errors import Attempt, ErrorDetail, Sent, api_error, error_class

WHEN = datetime(2024, 1, 2, tzinfo=UTC)
ATTEMPT = Attempt(number=1, error="ConnectionLost", sent=Sent.MAYBE, status=502, request_id="r", elapsed=0.5)
DETAIL = ErrorDetail(detail="is taken", title="Invalid", code="taken", status="422", pointer="/data/attributes/name")

EXAMPLES: list[e.SloError] = [
    e.SloError("m"),
    e.ConfigurationError("m"),
    e.InsecureURL("m"),
    e.InvalidArgument("a: 1", "b: 2"),
    e.ClientClosed("m"),
    e.LoopMismatch("m"),
    e.LimiterUnavailable("m"),
    e.TransportError("m", sent=Sent.NO),
    e.ConnectFailed("m", reason="dns"),
    e.TLSError("m"),
    e.PoolExhausted("m"),
    e.ProxyFailed("m", final=True),
    e.ConnectionLost("m"),
    e.ReadTimeout("m", sent=Sent.YES),
    e.TruncatedResponse("m"),
    e.ProtocolError("m", final=True),
    e.ResponseTooLarge("m", limit=1, seen=2),
    e.DeadlineExceeded("m"),
    e.OutcomeUnknown("m", operation="o", first_sent_at=WHEN, status=502, request_id="r").with_look_up(lambda: 1),
    e.UnfinishedWrite("m", operation="o", first_sent_at=WHEN),
    e.ApiError("m", status=418, call="c", errors=(DETAIL,), request_id="r", hint="h"),
    e.AuthenticationError("m", status=401),
    e.PermissionDenied("m", status=403),
    e.NotFound("m", status=404),
    e.OperationGone("m", status=410),
    e.Conflict("m", status=409),
    e.AlreadyExists("m", status=409),
    e.ValidationFailed("m", status=422),
    e.BadRequest("m", status=400),
    e.UnsupportedMediaType("m", status=415),
    e.RateLimited("m", status=429, retry_after=3.0, exceeds_max_wait=True, sent=Sent.NO),
    e.RequestTimeout("m", status=408),
    e.TooEarly("m", status=425),
    e.ServerError("m", status=500),
    e.ServiceUnavailable("m", status=503, retry_after=2.0),
    e.UnexpectedRedirect("m", status=302),
    e.PartialFailure("m", status=200, result=("a", "b")),
    e.MalformedResponse("m", call="c", request_id="r", excerpt="x", status=200),
    e.UnexpectedContent("m"),
    e.DecodeError("m", paths=("$.a", "$.b"), status=200),
    e.UntrustedLink("m"),
    e.PaginationError("m"),
    e.PollTimeout("m", handle="{}", last_status="running"),
    e.ReportFailed("m", report_id="i", status="failed"),
    e.ReportPartial("m", report_id="i", status="completed_with_errors"),
    e.ReportUnavailable("m", report_id="i"),
]


def test_there_is_an_example_of_every_exception() -> None:
    classes = {c for _, c in inspect.getmembers(e, inspect.isclass) if issubclass(c, e.SloError)}
    assert {type(x) for x in EXAMPLES} == classes


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda x: type(x).__name__)
def test_f93_every_exception_survives_pickling_with_all_it_carries(error: e.SloError) -> None:
    error.attempts = (ATTEMPT,)
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))
    assert (again.sent, again.retry_safe, again.attempts) == (error.sent, error.retry_safe, error.attempts)
    assert {k: v for k, v in error.__dict__.items() if k != "_reconcile"} == {
        k: v for k, v in again.__dict__.items() if k != "_reconcile"
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda x: type(x).__name__)
def test_every_exception_is_ours_and_public(error: e.SloError) -> None:
    assert isinstance(error, e.SloError)
    assert getattr(slo_common, type(error).__name__) is type(error)


def test_a_look_up_does_not_cross_a_process_boundary_and_says_so() -> None:
    error = e.OutcomeUnknown("m", operation="create", first_sent_at=WHEN).with_look_up(lambda: 1)
    assert error.reconcile() == 1
    with pytest.raises(e.ConfigurationError, match="create: there is no look-up"):
        pickle.loads(pickle.dumps(error)).reconcile()


def test_exceptions_are_what_python_programs_expect() -> None:
    assert issubclass(e.InvalidArgument, ValueError)
    assert issubclass(e.DeadlineExceeded, TimeoutError)
    assert issubclass(e.PollTimeout, TimeoutError)
    assert issubclass(e.UnfinishedWrite, (e.OutcomeUnknown, e.DeadlineExceeded))
    assert issubclass(e.OperationGone, e.NotFound)
    assert issubclass(e.AlreadyExists, e.Conflict)


@pytest.mark.parametrize(
    ("error", "sent", "retry_safe"),
    [
        (e.InvalidArgument("x"), Sent.NO, False),
        (e.LimiterUnavailable("x"), Sent.NO, True),
        (e.ConnectFailed("x"), Sent.NO, True),
        (e.PoolExhausted("x"), Sent.NO, True),
        (e.TLSError("x"), Sent.NO, False),
        (e.ProxyFailed("x"), Sent.NO, True),
        (e.ProxyFailed("x", final=True), Sent.NO, False),
        (e.ConnectionLost("x"), Sent.MAYBE, None),
        (e.ProtocolError("x"), Sent.MAYBE, None),
        (e.ProtocolError("x", final=True), Sent.MAYBE, False),
        (e.RateLimited("x", status=429), Sent.YES, True),
        (e.ServerError("x", status=500), Sent.YES, None),
        (e.NotFound("x", status=404), Sent.YES, False),
        (e.MalformedResponse("x"), Sent.YES, False),
        (e.PollTimeout("x"), Sent.YES, True),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Exception) else str(x),
)
def test_what_an_exception_says_of_sending_and_repeating(error: e.SloError, sent: Sent, retry_safe: bool | None) -> None:
    assert (error.sent, error.retry_safe, error.attempts) == (sent, retry_safe, ())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, e.UnexpectedRedirect),
        (399, e.UnexpectedRedirect),
        (400, e.BadRequest),
        (401, e.AuthenticationError),
        (403, e.PermissionDenied),
        (404, e.NotFound),
        (405, e.ApiError),
        (408, e.RequestTimeout),
        (409, e.Conflict),
        (410, e.OperationGone),
        (415, e.UnsupportedMediaType),
        (422, e.ValidationFailed),
        (425, e.TooEarly),
        (429, e.RateLimited),
        (500, e.ServerError),
        (503, e.ServiceUnavailable),
        (504, e.ServerError),
        (599, e.ServerError),
        (200, e.ApiError),
    ],
)
def test_the_status_chooses_the_class(status: int, kind: type[e.ApiError]) -> None:
    assert error_class(status) is kind


def test_the_message_names_call_subject_status_reason_request_and_hint() -> None:
    error = api_error(
        404,
        call="vendor.things.get",
        subject="x1",
        errors=(DETAIL, ErrorDetail(detail="gone")),
        request_id="r-1",
        hint="Look again",
    )
    assert str(error) == (
        "vendor.things.get 'x1': HTTP 404: /data/attributes/name: Invalid: is taken; gone (request id r-1). Look again"
    )
    assert (error.call, error.request_id, error.hint, error.errors[1].detail) == ("vendor.things.get", "r-1", "Look again", "gone")


def test_the_message_without_any_detail_says_so() -> None:
    assert str(api_error(500, call="c")) == "c: HTTP 500: no reason given"


def test_a_vendor_can_choose_the_class_itself() -> None:
    assert type(api_error(200, call="c", kind=e.AlreadyExists)) is e.AlreadyExists


def test_only_what_can_be_waited_for_carries_retry_after() -> None:
    limited, unavailable = api_error(429, call="c", retry_after=3.0), api_error(503, call="c", retry_after=4.0)
    assert isinstance(limited, e.RateLimited)
    assert isinstance(unavailable, e.ServiceUnavailable)
    assert (limited.retry_after, unavailable.retry_after) == (3.0, 4.0)
    assert not hasattr(api_error(500, call="c", retry_after=5.0), "retry_after")


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (ErrorDetail(detail="d"), "d"),
        (ErrorDetail(detail="d", title="t"), "t: d"),
        (ErrorDetail(detail="d", title="d"), "d"),
        (ErrorDetail(detail="d", parameter="p", pointer="/q"), "p: d"),
    ],
)
def test_a_detail_reads_as_a_line(detail: ErrorDetail, text: str) -> None:
    assert str(detail) == text


def test_names_of_the_package_are_loaded_when_used() -> None:
    assert set(slo_common.__all__) <= set(dir(slo_common))
    for name in slo_common.__all__:
        assert getattr(slo_common, name).__module__.startswith("slo_common") or name in {"OnEvent", "UNSET"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'slo_common' has no attribute 'Nonsense'"):
        _ = slo_common.Nonsense
