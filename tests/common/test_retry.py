"""Which failure is tried again: the whole table of error class and safety."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slo_common import InvalidArgument, RetryPolicy
from slo_common import _errors as e
from slo_common._errors import Sent, api_error
from slo_common._retry import Verdict, backoff, judge
from slo_common._values import Safety

POLICY = RetryPolicy()
AGAIN, ONCE, GIVE_UP = Verdict.AGAIN, Verdict.ONCE_MORE, Verdict.GIVE_UP
UNKNOWN, ALLOWED = Verdict.UNKNOWN, Verdict.WHEN_ALLOWED


def status(code: int, *, retry_after: float | None = None) -> e.ApiError:
    return api_error(code, call="c", retry_after=retry_after)


# error, verdict for a read or idempotent write, verdict for an unsafe write
TABLE = [
    (e.ConnectFailed("x"), AGAIN, AGAIN),
    (e.ProxyFailed("x"), AGAIN, AGAIN),
    (e.ProxyFailed("x", final=True), GIVE_UP, GIVE_UP),
    (e.TLSError("x"), GIVE_UP, GIVE_UP),
    (e.PoolExhausted("x"), GIVE_UP, GIVE_UP),
    (e.ConnectionLost("x"), AGAIN, UNKNOWN),
    (e.ConnectionLost("x", sent=Sent.NO), AGAIN, AGAIN),
    (e.ReadTimeout("x"), AGAIN, UNKNOWN),
    (e.TruncatedResponse("x", sent=Sent.YES), AGAIN, UNKNOWN),
    (e.ProtocolError("x"), ONCE, UNKNOWN),
    (e.ProtocolError("x", final=True), GIVE_UP, UNKNOWN),
    (e.ProtocolError("x", sent=Sent.NO, final=True), GIVE_UP, GIVE_UP),
    (e.ResponseTooLarge("x", limit=1, seen=2), GIVE_UP, GIVE_UP),
    (e.DeadlineExceeded("x"), GIVE_UP, UNKNOWN),
    (e.DeadlineExceeded("x", sent=Sent.NO), GIVE_UP, GIVE_UP),
    (e.OutcomeUnknown("x", operation="o", first_sent_at=datetime.now(UTC)), GIVE_UP, GIVE_UP),
    (e.TransportError("x"), GIVE_UP, UNKNOWN),
    (status(400), GIVE_UP, GIVE_UP),
    (status(401), GIVE_UP, GIVE_UP),
    (status(403), GIVE_UP, GIVE_UP),
    (status(404), GIVE_UP, GIVE_UP),
    (status(409), GIVE_UP, GIVE_UP),
    (status(422), GIVE_UP, GIVE_UP),
    (status(307), GIVE_UP, GIVE_UP),
    (status(408), ONCE, ONCE),
    (status(425), ONCE, ONCE),
    (status(429), ALLOWED, ALLOWED),
    (status(500), AGAIN, GIVE_UP),
    (status(501), GIVE_UP, GIVE_UP),
    (status(502), AGAIN, UNKNOWN),
    (status(503), AGAIN, GIVE_UP),
    (status(503, retry_after=3.0), AGAIN, GIVE_UP),
    (status(504), AGAIN, UNKNOWN),
    (e.MalformedResponse("x", status=200), GIVE_UP, UNKNOWN),
    (e.UnexpectedContent("x", status=200), GIVE_UP, UNKNOWN),
    (e.MalformedResponse("x", status=404), GIVE_UP, GIVE_UP),
    (e.DecodeError("x", status=200), GIVE_UP, GIVE_UP),
    (e.ClientClosed("x"), GIVE_UP, GIVE_UP),
    (e.LimiterUnavailable("x"), GIVE_UP, GIVE_UP),
]
NAMES = [f"{type(error).__name__}-{getattr(error, 'status', error.sent)}-{i}" for i, (error, _, _) in enumerate(TABLE)]


@pytest.mark.parametrize(("error", "repeatable", "unsafe"), TABLE, ids=NAMES)
def test_the_verdict_on_a_read(error: e.SloError, repeatable: Verdict, unsafe: Verdict) -> None:
    assert judge(error, Safety.READ, POLICY) is repeatable


@pytest.mark.parametrize(("error", "repeatable", "unsafe"), TABLE, ids=NAMES)
def test_an_idempotent_write_is_judged_like_a_read(error: e.SloError, repeatable: Verdict, unsafe: Verdict) -> None:
    assert judge(error, Safety.IDEMPOTENT, POLICY) is repeatable


@pytest.mark.parametrize(("error", "repeatable", "unsafe"), TABLE, ids=NAMES)
def test_the_verdict_on_an_unsafe_write(error: e.SloError, repeatable: Verdict, unsafe: Verdict) -> None:
    assert judge(error, Safety.UNSAFE, POLICY) is unsafe


def test_an_unsafe_write_is_repeated_after_503_with_retry_after_only_when_the_policy_says_so() -> None:
    policy = RetryPolicy(retry_writes_on_503=True)
    assert judge(status(503, retry_after=3.0), Safety.UNSAFE, policy) is AGAIN
    assert judge(status(503), Safety.UNSAFE, policy) is GIVE_UP
    assert judge(status(500), Safety.UNSAFE, policy) is GIVE_UP


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (19, 8.0)])
def test_the_pause_has_full_jitter_below_a_doubling_ceiling(failures: int, ceiling: float) -> None:
    assert backoff(POLICY, failures, 0.0) == 0.0
    assert backoff(POLICY, failures, 0.25) == ceiling / 4


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("attempts", 0),
        ("attempts", 21),
        ("attempts", 1.5),
        ("attempts", True),
        ("rate_limit_retries", -1),
        ("rate_limit_retries", 101),
        ("backoff_base", -0.1),
        ("backoff_base", "1"),
        ("backoff_cap", float("nan")),
        ("backoff_cap", True),
        ("max_rate_limit_wait", -1),
        ("max_queue_wait", -1),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=rf"retry\.{option}: .* was given; allowed: "):
        RetryPolicy(**{option: value})  # type: ignore[arg-type]  # the fact under test


def test_all_that_is_wrong_with_a_policy_is_said_at_once() -> None:
    with pytest.raises(InvalidArgument) as caught:
        RetryPolicy(attempts=0, backoff_base=-1, rate_limit_retries=-1)
    assert len(caught.value.problems) == 3
