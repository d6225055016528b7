"""The flow of one call: how often it is sent, how long it pauses, and what its caller is told."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from attrs import evolve

from slo_common import (
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    InvalidArgument,
    LocalRateLimiter,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    ReadTimeout,
    RetryPolicy,
    Secret,
    Sent,
    ServerError,
    ServiceUnavailable,
    SloError,
    Timeouts,
    TLSError,
    TruncatedResponse,
    UnfinishedWrite,
    ValidationFailed,
)
from slo_common._body import Sink
from slo_common._drive import drive
from slo_common._execute import LARGE, MAX_JSON_BYTES
from slo_common._limiter import LimitKey, Reservation
from slo_common._ratelimit import RateLimitState
from slo_common._values import Bounds, Call, Reply, Request, Safety
from tests.common.fakes import WALL, FakeRuntime, RecordingLimiter, Step, call_of, caller_of, ok, run, status

R = TypeVar("R")
READ, IDEMPOTENT, UNSAFE = Safety.READ, Safety.IDEMPOTENT, Safety.UNSAFE


# What goes on the wire.


def test_a_request_is_the_call_at_the_base_url_with_credentials_and_nothing_else() -> None:
    runtime = FakeRuntime(ok())
    assert run(caller_of(runtime), call_of()) == "fine"
    (request,) = runtime.requests
    assert (request.method, request.url, request.content) == ("GET", "https://vendor.test/v1/things", None)
    headers = dict(request.headers)
    assert headers.pop("user-agent").startswith("slo-sdk/")
    assert headers == {"accept-encoding": "gzip", "accept": "text/plain", "authorization": "Bearer s3cret"}


def test_an_attempt_is_bounded_by_the_timeouts_and_the_largest_reply() -> None:
    runtime = FakeRuntime(ok())
    run(caller_of(runtime, timeout=Timeouts(total=20.0, connect=3.0, read=7.0)), call_of())
    (bounds,) = runtime.bounds
    assert (bounds.connect, bounds.read, bounds.total, bounds.max_bytes) == (3.0, 7.0, 20.0, MAX_JSON_BYTES)


def test_a_timeout_that_means_never_is_one_that_sockets_take() -> None:
    """Blocking ones refuse more than 25 days."""
    runtime = FakeRuntime(ok())
    run(caller_of(runtime, timeout=Timeouts(total=1e300, connect=1e300)), call_of())
    (bounds,) = runtime.bounds
    assert (bounds.connect, bounds.read) == (1e6, 1e6)


def test_options_change_what_they_name_and_leave_the_rest() -> None:
    caller = caller_of(FakeRuntime())
    assert caller.with_options() == caller
    assert caller.with_options(timeout=5).timeouts == Timeouts(total=5.0)
    assert caller.with_options(retry=RetryPolicy(attempts=1)).retry.attempts == 1
    assert caller.with_options(max_response_bytes=10).max_response_bytes == 10
    assert caller.with_options(max_response_bytes=10).limiter is caller.limiter
    assert caller.with_options(strict_json=True).strict_json


# What comes back.


@pytest.fixture
def _collector_as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.usefixtures("_collector_as_it_was")
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("size", [LARGE - 1, LARGE])
def test_the_collector_rests_while_a_large_reply_is_read_and_is_as_before_after_it(enabled: bool, size: int) -> None:
    (gc.enable if enabled else gc.disable)()
    runtime = FakeRuntime(Reply(status=200, body=b"x" * size))

    def decode(_: Reply) -> str:
        return "running" if gc.isenabled() else "resting"

    assert run(caller_of(runtime), evolve(call_of(), decode=decode)) == ("running" if enabled and size < LARGE else "resting")
    assert gc.isenabled() is enabled


@pytest.mark.usefixtures("_collector_as_it_was")
def test_the_collector_runs_again_after_a_large_reply_that_cannot_be_read() -> None:
    def decode(_: Reply) -> str:
        raise MalformedResponse("no")

    gc.enable()
    with pytest.raises(MalformedResponse):
        run(caller_of(FakeRuntime(Reply(status=200, body=b"x" * LARGE))), evolve(call_of(), decode=decode))
    assert gc.isenabled()


class Repeating:
    """Credentials of two kinds: a long one, and one so short that it turns up by chance."""

    account = "a"
    secrets = (Secret("long-enough-token"), Secret("short"))

    async def apply(self, call: Call[object], request: Request) -> Request:
        return request

    async def refused(self, call: Call[object], error: SloError) -> bool:
        return False


def test_f92_a_credential_that_the_server_repeats_in_an_error_is_not_shown() -> None:
    def quoting(reply: Reply) -> str:
        raise ValidationFailed(f"{reply.body.decode()} ({reply.header('x-request-id')})", status=reply.status)

    runtime = FakeRuntime(status(422, b"no long-enough-token, short", x_request_id="long-enough-token"))
    with pytest.raises(ValidationFailed) as caught:
        run(caller_of(runtime, auth=Repeating()), call_of(decode=quoting))
    assert str(caught.value) == "no ***, short (***)"


def test_an_error_that_repeats_nothing_is_decoded_once() -> None:
    decoded: list[Reply] = []

    def counting(reply: Reply) -> str:
        decoded.append(reply)
        raise ValidationFailed("no", status=422)

    with pytest.raises(ValidationFailed):
        run(caller_of(FakeRuntime(status(422, b"no")), auth=Repeating()), call_of(decode=counting))
    assert len(decoded) == 1


def test_a_good_result_is_the_servers_to_the_last_character() -> None:
    runtime = FakeRuntime(ok(b"long-enough-token"))
    assert run(caller_of(runtime, auth=Repeating()), call_of()) == "long-enough-token"


def _no_errors(_: object) -> tuple[SloError, ...]:
    return ()


def test_a_result_that_quotes_errors_is_cleaned_too() -> None:
    runtime = FakeRuntime(ok(b"long-enough-token"))
    assert run(caller_of(runtime, auth=Repeating()), call_of(errors_in=_no_errors)) == "***"


# How often.


def test_a_read_that_loses_its_connection_is_sent_three_times() -> None:
    runtime = FakeRuntime(ConnectionLost("a"), ConnectionLost("b"), ok())
    assert run(caller_of(runtime), call_of()) == "fine"
    assert len(runtime.requests) == 3


def test_after_the_last_attempt_the_last_failure_is_raised_with_all_of_them() -> None:
    runtime = FakeRuntime(ConnectionLost("a"), status(503, x_request_id="r2"), ReadTimeout("c"), latency=0.2)
    with pytest.raises(ReadTimeout, match="c") as caught:
        run(caller_of(runtime), call_of())
    tried = caught.value.attempts
    assert [(a.number, a.error, a.sent, a.status, a.request_id) for a in tried] == [
        (1, "ConnectionLost", Sent.MAYBE, None, None),
        (2, "ServiceUnavailable", Sent.YES, 503, "r2"),
        (3, "ReadTimeout", Sent.MAYBE, None, None),
    ]
    assert [a.elapsed for a in tried] == pytest.approx([0.2, 0.2, 0.2])


def test_attempts_1_never_repeats() -> None:
    runtime = FakeRuntime(ConnectionLost("a"))
    with pytest.raises(ConnectionLost):
        run(caller_of(runtime, retry=RetryPolicy(attempts=1)), call_of())
    assert len(runtime.requests) == 1


@pytest.mark.parametrize("code", [408, 425])
def test_what_the_server_did_not_take_is_sent_once_more_even_an_unsafe_write(code: int) -> None:
    runtime = FakeRuntime(status(code), status(code), ok())
    with pytest.raises(SloError) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert len(runtime.requests) == 2
    assert caught.value.retry_safe is True


def test_once_more_keeps_to_attempts_1() -> None:
    runtime = FakeRuntime(ProtocolError("not HTTP"))
    with pytest.raises(ProtocolError):
        run(caller_of(runtime, retry=RetryPolicy(attempts=1)), call_of())
    assert len(runtime.requests) == 1


def test_a_read_answered_by_nonsense_is_sent_once_more() -> None:
    runtime = FakeRuntime(ProtocolError("not HTTP"), ok())
    assert run(caller_of(runtime), call_of()) == "fine"
    assert len(runtime.requests) == 2


@pytest.mark.parametrize("error", [TLSError("x"), ProtocolError("x", final=True)], ids=["tls", "final"])
def test_what_another_try_cannot_mend_is_not_tried_again(error: SloError) -> None:
    runtime = FakeRuntime(error)
    with pytest.raises(type(error)):
        run(caller_of(runtime), call_of())
    assert len(runtime.requests) == 1


def test_a_refused_argument_is_not_tried_again() -> None:
    runtime = FakeRuntime(status(422))
    with pytest.raises(ValidationFailed, match="said the vendor"):
        run(caller_of(runtime), call_of())
    assert len(runtime.requests) == 1


def test_an_exception_that_is_not_ours_passes_untouched() -> None:
    runtime = FakeRuntime(ok())

    def broken(_: Reply) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(caller_of(runtime), call_of(decode=broken))
    assert len(runtime.requests) == 1


def test_an_exception_that_is_not_ours_passes_from_a_repeated_attempt_too() -> None:
    runtime = FakeRuntime(ConnectionLost("x"), ok())

    def broken(_: Reply) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(caller_of(runtime), call_of(decode=broken))
    assert len(runtime.requests) == 2


# Pauses.


def test_pauses_grow_and_are_scaled_by_chance() -> None:
    runtime = FakeRuntime(*[ConnectionLost("x")] * 4, ok())
    run(caller_of(runtime, retry=RetryPolicy(attempts=5), chance=lambda: 0.5), call_of())
    assert runtime.pauses == [0.25, 0.5, 1.0, 2.0]


def test_a_503_with_retry_after_pauses_at_least_so_long() -> None:
    runtime = FakeRuntime(status(503, retry_after="7"), ok())
    run(caller_of(runtime), call_of())
    assert runtime.pauses == [7.0]


def test_a_503_whose_retry_after_is_shorter_than_the_pause_does_not_shorten_it() -> None:
    runtime = FakeRuntime(status(503, retry_after="0.001"), ok())
    run(caller_of(runtime), call_of())
    assert runtime.pauses == [0.25]


# The total timeout.


def test_no_pause_is_begun_that_would_end_after_the_deadline() -> None:
    runtime = FakeRuntime(status(503, retry_after="10"), ok())
    with pytest.raises(ServiceUnavailable):
        run(caller_of(runtime, timeout=10.0), call_of())
    assert runtime.pauses == []


def test_a_pause_that_fits_is_taken_and_the_next_attempt_gets_what_is_left() -> None:
    runtime = FakeRuntime(status(503, retry_after="10"), ok(), latency=1.0)
    run(caller_of(runtime, timeout=15.0), call_of())
    assert [b.total for b in runtime.bounds] == [15.0, 4.0]


def test_waiting_for_a_rate_limit_does_not_use_up_the_deadline() -> None:
    runtime = FakeRuntime(status(429, retry_after="50"), ok(), latency=1.0)
    run(caller_of(runtime, timeout=10.0, chance=lambda: 0.0), call_of())
    assert [b.total for b in runtime.bounds] == [10.0, 9.0]


class _SlowLogin:
    """Credentials that take so long to get that nothing is left of the deadline."""

    account = "a"
    secrets: tuple[Secret, ...] = ()

    def __init__(self, runtime: FakeRuntime, *takes: float) -> None:
        self.runtime = runtime
        self.takes = list(takes)

    async def apply(self, call: Call[object], request: Request) -> Request:
        self.runtime.time += self.takes.pop(0)
        return request

    async def refused(self, call: Call[object], error: SloError) -> bool:
        return False


def test_nothing_is_sent_once_the_deadline_has_passed() -> None:
    runtime = FakeRuntime()
    with pytest.raises(DeadlineExceeded, match="the total timeout of 5 s passed") as caught:
        run(caller_of(runtime, timeout=5.0, auth=_SlowLogin(runtime, 5.0)), call_of(UNSAFE))
    assert runtime.requests == []
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.NO, True)


def test_a_deadline_that_passes_after_an_attempt_that_may_have_worked_says_maybe() -> None:
    runtime = FakeRuntime(ConnectionLost("x"))
    with pytest.raises(DeadlineExceeded) as caught:
        run(caller_of(runtime, timeout=5.0, auth=_SlowLogin(runtime, 0.0, 9.0)), call_of(IDEMPOTENT))
    assert caught.value.sent is Sent.MAYBE
    assert caught.value.retry_safe is True, "an idempotent write may be repeated"
    assert [a.error for a in caught.value.attempts] == ["ConnectionLost", "DeadlineExceeded"]


def test_a_deadline_that_passes_after_a_refusal_is_no_unfinished_write() -> None:
    runtime = FakeRuntime(status(429, retry_after="1"))
    with pytest.raises(DeadlineExceeded) as caught:
        run(caller_of(runtime, timeout=5.0, auth=_SlowLogin(runtime, 0.0, 9.0)), call_of(UNSAFE))
    assert not isinstance(caught.value, OutcomeUnknown), "a refused write was not applied"
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.NO, True)


# Unsafe writes.


@pytest.mark.parametrize(
    "failure",
    [ConnectionLost("x"), ReadTimeout("x"), TruncatedResponse("x"), ProtocolError("x"), status(502), status(504)],
    ids=["lost", "timeout", "truncated", "protocol", "502", "504"],
)
def test_an_unsafe_write_whose_answer_is_lost_is_sent_once_and_its_outcome_unknown(failure: SloError | Reply) -> None:
    runtime = FakeRuntime(failure)
    with pytest.raises(OutcomeUnknown) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert len(runtime.requests) == 1
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.MAYBE, None)


def test_an_unknown_outcome_says_what_was_sent_when_and_what_happened() -> None:
    runtime = FakeRuntime(status(502, x_request_id="r-1"))
    with pytest.raises(OutcomeUnknown) as caught:
        run(caller_of(runtime), call_of(UNSAFE, subject="checkout"))
    error = caught.value
    assert error.operation == "vendor.things.do"
    assert error.first_sent_at.timestamp() == WALL
    assert (error.status, error.request_id) == (502, "r-1")
    assert str(error).startswith("vendor.things.do 'checkout': it may have been applied; not sent again")
    assert "HTTP 502" in str(error)
    assert [a.error for a in error.attempts] == ["ServerError"]


def test_an_unknown_outcome_without_look_up_says_so() -> None:
    runtime = FakeRuntime(ConnectionLost("x"))
    with pytest.raises(OutcomeUnknown) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    with pytest.raises(ConfigurationError, match="no look-up"):
        caught.value.reconcile()
    assert caught.value.with_look_up(lambda: "found").reconcile() == "found"


def test_first_sent_at_is_the_first_attempt() -> None:
    runtime = FakeRuntime(ConnectFailed("x"), ConnectionLost("y"), latency=2.0)
    with pytest.raises(OutcomeUnknown) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert caught.value.first_sent_at.timestamp() == WALL
    assert len(runtime.requests) == 2


def test_an_unsafe_write_that_never_left_is_sent_again() -> None:
    runtime = FakeRuntime(ConnectFailed("x"), ok())
    assert run(caller_of(runtime), call_of(UNSAFE)) == "fine"


def test_an_unsafe_write_that_never_left_at_all_is_safe_to_repeat() -> None:
    runtime = FakeRuntime(*[ConnectFailed("x") for _ in range(3)])
    with pytest.raises(ConnectFailed) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.NO, True)


def test_an_unsafe_write_refused_and_then_never_sent_was_not_applied() -> None:
    runtime = FakeRuntime(status(429, retry_after="1"), *[ConnectFailed("x") for _ in range(3)])
    with pytest.raises(ConnectFailed) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert caught.value.sent is Sent.NO


def test_an_unsafe_write_repeated_after_503_and_then_never_sent_may_have_been_applied() -> None:
    runtime = FakeRuntime(status(503, retry_after="1"), ConnectFailed("x"), ConnectFailed("y"))
    with pytest.raises(ConnectFailed) as caught:
        run(caller_of(runtime, retry=RetryPolicy(retry_writes_on_503=True)), call_of(UNSAFE))
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.MAYBE, None)


def test_a_500_to_an_unsafe_write_is_raised_as_it_is() -> None:
    runtime = FakeRuntime(status(500))
    with pytest.raises(ServerError) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.YES, None)
    assert len(runtime.requests) == 1


def test_a_good_status_with_an_unreadable_body_leaves_a_write_unknown() -> None:
    def unreadable(_: Reply) -> str:
        raise MalformedResponse("no JSON", status=201, request_id="r")

    with pytest.raises(OutcomeUnknown) as caught:
        run(caller_of(FakeRuntime(ok())), call_of(UNSAFE, decode=unreadable))
    assert (caught.value.status, caught.value.request_id) == (201, "r")


def test_a_deadline_within_an_unsafe_write_is_both_kinds_of_exception() -> None:
    runtime = FakeRuntime(DeadlineExceeded("passed", sent=Sent.MAYBE))
    with pytest.raises(UnfinishedWrite) as caught:
        run(caller_of(runtime), call_of(UNSAFE))
    assert isinstance(caught.value, OutcomeUnknown)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.retry_safe is None


# What repeating would mean.


@pytest.mark.parametrize("safety", [READ, IDEMPOTENT])
@pytest.mark.parametrize("failure", [ConnectionLost("x"), ReadTimeout("x"), status(500)], ids=["lost", "timeout", "500"])
def test_a_read_or_idempotent_write_that_failed_is_safe_to_repeat(failure: SloError | Reply, safety: Safety) -> None:
    with pytest.raises(SloError) as caught:
        run(caller_of(FakeRuntime(failure), retry=RetryPolicy(attempts=1)), call_of(safety))
    assert caught.value.retry_safe is True


def test_a_refused_read_is_not_worth_repeating() -> None:
    with pytest.raises(NotFound) as caught:
        run(caller_of(FakeRuntime(status(404))), call_of())
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.YES, False)


def test_the_exception_carries_no_frames_of_the_retry_library() -> None:
    with pytest.raises(NotFound) as caught:
        run(caller_of(FakeRuntime(status(404))), call_of())
    assert not [entry for entry in caught.traceback if "tenacity" in str(entry.path)]


# Deletes.


def delete(*script: SloError | Reply) -> tuple[FakeRuntime, Call[str]]:
    return FakeRuntime(*script), call_of(IDEMPOTENT, gone_is_done=True, gone=lambda: "gone already")


def test_a_404_after_a_lost_answer_means_that_the_delete_worked() -> None:
    runtime, call = delete(ConnectionLost("x"), status(404))
    assert run(caller_of(runtime), call) == "gone already"


def test_a_404_on_the_first_attempt_is_an_error() -> None:
    runtime, call = delete(status(404))
    with pytest.raises(NotFound):
        run(caller_of(runtime), call)


def test_a_404_after_an_attempt_that_never_left_is_an_error() -> None:
    runtime, call = delete(ConnectFailed("x"), status(404))
    with pytest.raises(NotFound):
        run(caller_of(runtime), call)


def test_a_404_after_a_refused_attempt_is_an_error() -> None:
    runtime, call = delete(status(429, retry_after="1"), status(404))
    with pytest.raises(NotFound):
        run(caller_of(runtime), call)


def test_a_404_after_a_lost_answer_is_an_error_of_any_other_call() -> None:
    runtime = FakeRuntime(ConnectionLost("x"), status(404))
    with pytest.raises(NotFound):
        run(caller_of(runtime), call_of())


# Credentials.


class Session:
    """A session that ended: refused once, renewed once."""

    account = "a"
    secrets: tuple[Secret, ...] = ()

    def __init__(self, *, renews: bool = True) -> None:
        self.renews = renews
        self.asked: list[str] = []

    async def apply(self, call: Call[object], request: Request) -> Request:
        return request.with_header("x-session", str(len(self.asked)))

    async def refused(self, call: Call[object], error: SloError) -> bool:
        self.asked.append(type(error).__name__)
        return self.renews and isinstance(error, AuthenticationError)


@pytest.mark.parametrize("safety", list(Safety))
def test_renewed_credentials_are_tried_once_even_for_a_write(safety: Safety) -> None:
    runtime = FakeRuntime(status(401), ok())
    assert run(caller_of(runtime, auth=Session()), call_of(safety)) == "fine"
    assert [dict(r.headers)["x-session"] for r in runtime.requests] == ["0", "1"]


def test_credentials_are_renewed_once_a_call_and_no_more() -> None:
    runtime, session = FakeRuntime(status(401), status(401)), Session()
    with pytest.raises(AuthenticationError) as caught:
        run(caller_of(runtime, auth=session), call_of())
    assert session.asked == ["AuthenticationError"]
    assert len(caught.value.attempts) == 2


def test_credentials_that_cannot_be_renewed_end_the_call() -> None:
    runtime = FakeRuntime(status(401))
    with pytest.raises(AuthenticationError):
        run(caller_of(runtime, auth=Session(renews=False)), call_of())
    assert len(runtime.requests) == 1


def test_renewing_does_not_count_as_a_failed_attempt() -> None:
    runtime = FakeRuntime(status(401), ConnectionLost("x"), ConnectionLost("x"), ok())
    assert run(caller_of(runtime, auth=Session()), call_of()) == "fine"


# Rate limits.


def test_a_429_with_a_hint_waits_that_long_and_up_to_a_tenth_more() -> None:
    runtime = FakeRuntime(status(429, retry_after="10"), ok())
    run(caller_of(runtime, chance=lambda: 0.5), call_of())
    assert runtime.pauses == pytest.approx([10.5])


@pytest.mark.parametrize("safety", list(Safety))
def test_a_429_was_not_applied_and_is_repeated_for_every_safety(safety: Safety) -> None:
    runtime = FakeRuntime(status(429, retry_after="1"), ok())
    assert run(caller_of(runtime), call_of(safety)) == "fine"


def test_a_429_without_hint_doubles_from_one_second_up_to_thirty() -> None:
    runtime = FakeRuntime(*[status(429)] * 7, ok())
    policy = RetryPolicy(rate_limit_retries=10, max_rate_limit_wait=1000.0)
    run(caller_of(runtime, retry=policy, chance=lambda: 1.0), call_of())
    assert runtime.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_429_without_hint_waits_at_least_half_of_that() -> None:
    runtime = FakeRuntime(status(429), status(429), ok())
    run(caller_of(runtime, chance=lambda: 0.0), call_of())
    assert runtime.pauses == [0.5, 1.0]


def test_a_hint_above_the_longest_wait_raises_at_once() -> None:
    runtime = FakeRuntime(status(429, retry_after="121"))
    with pytest.raises(RateLimited) as caught:
        run(caller_of(runtime), call_of())
    assert runtime.pauses == []
    assert (caught.value.retry_after, caught.value.exceeds_max_wait, caught.value.retry_safe) == (121.0, True, True)


def test_a_hint_of_just_the_longest_wait_is_waited_for() -> None:
    runtime = FakeRuntime(status(429, retry_after="120"), ok())
    assert run(caller_of(runtime), call_of()) == "fine"


def test_the_waits_of_one_call_are_bounded_together() -> None:
    runtime = FakeRuntime(status(429, retry_after="70"), status(429, retry_after="70"))
    with pytest.raises(RateLimited) as caught:
        run(caller_of(runtime, chance=lambda: 0.0), call_of())
    assert runtime.pauses == [70.0]
    assert caught.value.exceeds_max_wait


def test_refusals_are_bounded_in_number() -> None:
    runtime = FakeRuntime(*[status(429, retry_after="1")] * 3)
    with pytest.raises(RateLimited) as caught:
        run(caller_of(runtime, retry=RetryPolicy(rate_limit_retries=2)), call_of())
    assert len(caught.value.attempts) == 3
    assert not caught.value.exceeds_max_wait


def test_refusals_do_not_use_up_the_attempts_for_failures() -> None:
    runtime = FakeRuntime(
        ConnectionLost("x"), status(429, retry_after="1"), status(429, retry_after="1"), ConnectionLost("x"), ok()
    )
    assert run(caller_of(runtime), call_of()) == "fine"


# The rate limiter is asked before, and told after, every attempt.


@pytest.mark.parametrize(
    ("script", "events"),
    [
        ([ok()], ["done"]),
        ([status(429, retry_after="1"), ok()], ["refused", "done"]),
        ([ConnectionLost("x"), ok()], ["lost", "done"]),
        ([ConnectFailed("x"), ok()], ["cancel", "done"]),
        ([TruncatedResponse("x", sent=Sent.YES), ok()], ["lost", "done"]),
        ([status(503), ok()], ["done", "done"]),
    ],
    ids=["good", "refused", "lost", "never-sent", "truncated", "server-error"],
)
def test_the_limiter_hears_how_each_attempt_went(script: list[SloError | Reply], events: list[str]) -> None:
    limiter = RecordingLimiter()
    run(caller_of(FakeRuntime(*script), limiter=limiter), call_of())
    assert [e for e in limiter.events if e != "reserve"] == events
    assert limiter.events.count("reserve") == len(events)


def test_the_limiter_gets_what_the_headers_say() -> None:
    limiter = RecordingLimiter()
    run(caller_of(FakeRuntime(ok(x_ratelimit_limit="5", x_ratelimit_remaining="3")), limiter=limiter), call_of())
    assert limiter.states == [RateLimitState(limit=5, remaining=3)]


def test_the_limiter_never_sees_the_credentials() -> None:
    limiter = RecordingLimiter()
    run(caller_of(FakeRuntime(ok()), limiter=limiter), call_of())
    (key,) = limiter.keys
    assert (key.vendor, key.bucket) == ("vendor", "things")
    assert "s3cret" not in repr(key)


def test_a_place_is_given_back_when_the_credentials_cannot_be_had() -> None:
    class Broken(Session):
        async def apply(self, call: Call[object], request: Request) -> Request:
            raise AuthenticationError("no", status=401)

    limiter = RecordingLimiter()
    with pytest.raises(AuthenticationError):
        run(caller_of(FakeRuntime(), limiter=limiter, auth=Broken(renews=False)), call_of())
    assert limiter.events == ["reserve", "cancel"]


def test_f37_a_refusal_for_years_fails_one_call_and_does_not_put_the_next_to_sleep_for_years() -> None:
    runtime = FakeRuntime(status(429, retry_after="999999999"), ok())
    caller = caller_of(runtime, limiter=LocalRateLimiter())
    with pytest.raises(RateLimited) as caught:
        run(caller, call_of())
    assert caught.value.retry_after == 999_999_999
    assert run(caller, call_of()) == "fine"
    assert sum(runtime.slept) <= 121


class OnDisk(RecordingLimiter):
    """A limiter that has to do I/O for its answers."""

    does_io = True


def test_a_limiter_that_does_io_is_asked_beside_the_event_loop() -> None:
    runtime, limiter = FakeRuntime(ok()), OnDisk()
    run(caller_of(runtime, limiter=limiter), call_of())
    assert limiter.events == ["reserve", "done"]
    assert runtime.offloaded == 2


def test_a_limiter_in_memory_is_asked_at_once() -> None:
    runtime = FakeRuntime(ok())
    run(caller_of(runtime, limiter=RecordingLimiter()), call_of())
    assert runtime.offloaded == 0


def test_a_place_asked_for_by_a_call_that_is_cancelled_meanwhile_is_given_back() -> None:
    class Cancelled(FakeRuntime):
        async def offload(self, function: Callable[[], R]) -> R:
            result = await super().offload(function)
            if self.offloaded == 1:
                raise KeyboardInterrupt
            return result

    limiter, runtime = OnDisk(), Cancelled()
    with pytest.raises(KeyboardInterrupt):
        run(caller_of(runtime, limiter=limiter), call_of())
    assert (limiter.events, runtime.offloaded) == (["reserve", "cancel"], 2)


class Queue:
    """A limiter that makes everybody wait for the scripted times."""

    def __init__(self, *waits: float) -> None:
        self.waits: Iterator[float] = iter((*waits, 0.0))
        self.wait = next(self.waits)
        self.cancelled = 0

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        return self

    def renew(self, now: float) -> float:
        self.wait = next(self.waits)
        return self.wait

    def cancel(self) -> None:
        self.cancelled += 1

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        return None


def test_a_call_sleeps_until_the_limiter_lets_it_go() -> None:
    runtime = FakeRuntime(ok())
    run(caller_of(runtime, limiter=Queue(3.0, 0.5)), call_of())
    assert runtime.pauses == [3.0, 0.5]


def test_time_in_the_queue_is_not_part_of_the_deadline() -> None:
    runtime = FakeRuntime(ok())
    run(caller_of(runtime, limiter=Queue(500.0), timeout=10.0), call_of())
    assert runtime.bounds[0].total == 10.0


def test_a_turn_further_away_than_the_longest_queue_is_refused_unsent() -> None:
    runtime, queue = FakeRuntime(), Queue(3.0, 4.0)
    with pytest.raises(RateLimited, match=r"its turn .* is 7.0 s away and retry.max_queue_wait is 5 s; nothing was sent") as caught:
        run(caller_of(runtime, limiter=queue, retry=RetryPolicy(max_queue_wait=5.0)), call_of())
    assert runtime.pauses == [3.0]
    assert (caught.value.sent, caught.value.retry_after, caught.value.exceeds_max_wait) == (Sent.NO, 4.0, True)
    assert queue.cancelled == 1


def test_a_refused_call_waits_before_it_queues_again() -> None:
    """Who holds a place must be about to use it: the others wait for its reply."""

    limiter = RecordingLimiter()
    runtime = FakeRuntime(status(429, retry_after="10"), ok())
    run(caller_of(runtime, limiter=limiter, chance=lambda: 0.0), call_of())
    assert limiter.asked_at == [100.0, 110.0]


def test_a_refused_call_asks_for_its_place_again_and_for_no_new_one() -> None:
    limiter = RecordingLimiter()
    run(caller_of(FakeRuntime(status(429), status(429), ok()), limiter=limiter), call_of())
    assert (len(limiter.keys), limiter.events) == (1, ["reserve", "refused", "reserve", "refused", "reserve", "done"])


def test_after_another_failure_the_place_is_a_new_one() -> None:
    limiter = RecordingLimiter()
    run(caller_of(FakeRuntime(status(429), ConnectionLost("x"), ok()), limiter=limiter), call_of())
    assert (len(limiter.keys), limiter.events) == (2, ["reserve", "refused", "reserve", "lost", "reserve", "done"])


def test_a_refused_call_is_not_bound_by_the_longest_queue() -> None:
    class Later(Queue):
        def reserve(self, key: LimitKey, now: float) -> Reservation:
            self.wait = next(self.waits)
            return self

    runtime = FakeRuntime(status(429, retry_after="1"), ok())
    policy = RetryPolicy(max_queue_wait=5.0)
    assert run(caller_of(runtime, limiter=Later(0.0, 0.0, 9.0), retry=policy), call_of()) == "fine"
    assert 9.0 in runtime.pauses


# Cancelled and interrupted.


@pytest.mark.parametrize("safety", [IDEMPOTENT, UNSAFE])
def test_an_interrupted_write_carries_a_note(safety: Safety) -> None:
    limiter = RecordingLimiter()
    with pytest.raises(KeyboardInterrupt) as caught:
        run(caller_of(FakeRuntime(KeyboardInterrupt()), limiter=limiter), call_of(safety))
    assert caught.value.__notes__ == ["vendor.things.do had been sent and may have been applied"]
    assert limiter.events == ["reserve", "lost"]


def test_an_interrupted_read_carries_none() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        run(caller_of(FakeRuntime(KeyboardInterrupt())), call_of())
    assert not hasattr(caught.value, "__notes__")


def test_a_cancelled_attempt_is_not_repeated_and_passes_as_it_is() -> None:
    runtime = FakeRuntime(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        run(caller_of(runtime), call_of(UNSAFE))
    assert len(runtime.requests) == 1


def test_interrupted_before_sending_there_is_nothing_to_note() -> None:
    class Interrupted(Session):
        async def apply(self, call: Call[object], request: Request) -> Request:
            raise KeyboardInterrupt

    limiter = RecordingLimiter()
    with pytest.raises(KeyboardInterrupt) as caught:
        run(caller_of(FakeRuntime(), auth=Interrupted(), limiter=limiter), call_of(UNSAFE))
    assert not hasattr(caught.value, "__notes__")
    assert limiter.events == ["reserve", "cancel"]


class Trap(FakeRuntime):
    """Cancels the flow at its nth wait, whichever that is: after what was waited for has happened, as a shielded thread would."""

    def __init__(self, *script: Step, springs_at: int) -> None:
        super().__init__(*script)
        self.springs_at = springs_at
        self.waits = 0

    @property
    def sprung(self) -> bool:
        return self.waits >= self.springs_at

    def wait(self) -> None:
        self.waits += 1
        if self.waits == self.springs_at:
            raise asyncio.CancelledError

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.wait()

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        reply = await super().send(request, bounds, what=what, sink=sink)
        self.wait()
        return reply

    async def offload(self, function: Callable[[], R]) -> R:
        result = await super().offload(function)
        self.wait()
        return result


class Counting:
    """A limiter of one place that must come back, however its holder ends."""

    does_io = True

    def __init__(self) -> None:
        self.out = 0
        self.given = 0

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        self.out += 1
        self.given += 1
        return _Counted(self)


class _Counted:
    def __init__(self, limiter: Counting) -> None:
        self.limiter = limiter
        self.wait = 1.0
        self.over = False

    def renew(self, now: float) -> float:
        self.wait = 0.0
        if self.over:  # refused: in line once more
            self.over, self.wait = False, 1.0
            self.limiter.out += 1
            self.limiter.given += 1
        return self.wait

    def cancel(self) -> None:
        self.limiter.out -= not self.over
        self.over = True

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        self.cancel()


@pytest.mark.parametrize("springs_at", range(1, 30))
def test_cancelled_at_any_wait_the_place_is_given_back_and_nothing_more_is_sent(springs_at: int) -> None:
    """A call that is refused, loses an answer and succeeds: some twenty waits, each of which may be its last."""
    runtime = Trap(status(429, retry_after="1"), ConnectionLost("x"), ok(), springs_at=springs_at)
    limiter = Counting()
    sent = 0
    try:
        answer = run(caller_of(runtime, limiter=limiter), call_of())
    except asyncio.CancelledError:
        assert runtime.sprung
        sent = len(runtime.requests)
    else:
        assert not runtime.sprung
        assert answer == "fine"
        assert len(runtime.requests) == limiter.given == 3
    assert limiter.out == 0
    assert sent <= limiter.given


def test_the_waits_of_the_call_above_are_fewer_than_the_traps() -> None:
    runtime = Trap(status(429, retry_after="1"), ConnectionLost("x"), ok(), springs_at=1000)
    run(caller_of(runtime, limiter=Counting()), call_of())
    assert 12 < runtime.waits < 30


def test_cancelled_in_the_queue_the_place_is_given_back() -> None:
    class Interrupting(FakeRuntime):
        async def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    queue = Queue(3.0)
    with pytest.raises(KeyboardInterrupt):
        run(caller_of(Interrupting(), limiter=queue), call_of())
    assert queue.cancelled == 1


def test_a_client_closed_during_a_pause_ends_the_call() -> None:
    class Closing(FakeRuntime):
        async def sleep(self, seconds: float) -> None:
            raise ClientClosed("the client was closed")

    with pytest.raises(ClientClosed) as caught:
        run(caller_of(Closing(ConnectionLost("x"))), call_of())
    assert [a.error for a in caught.value.attempts] == ["ConnectionLost"]


def test_concurrent_calls_of_one_caller_do_not_share_their_history() -> None:
    """Two calls in turns: each fails and recovers by itself."""
    runtime = FakeRuntime(
        ConnectionLost("x"), ConnectionLost("x"), ok(b"one"), ConnectionLost("x"), ConnectionLost("x"), ok(b"two")
    )
    caller = caller_of(runtime)
    assert (run(caller, call_of()), run(caller, call_of())) == ("one", "two")


def test_a_flow_that_suspends_in_the_sync_client_is_a_programming_error() -> None:
    async def suspends() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="only Runtime methods may be awaited"):
        drive(suspends())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"retry": "x"}, "retry: 'x'"),
        ({"max_response_bytes": 0}, "max_response_bytes: 0"),
        ({"max_response_bytes": True}, "True"),
        ({"strict_json": 1}, "strict_json: 1"),
    ],
)
def test_an_option_that_fits_no_type_is_named_before_any_call(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        caller_of(FakeRuntime()).with_options(**options)
