"""What a hook is told of a call, and that a hook cannot disturb it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from slo_common import (
    AttemptEnded,
    AttemptStarted,
    BudgetSeen,
    CallEnded,
    CallStarted,
    ConnectionLost,
    Event,
    InvalidArgument,
    LocalRateLimiter,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RateLimitWait,
    ReadTimeout,
    RetryPolicy,
    RetryScheduled,
    Secret,
    Sent,
    ServerError,
)
from slo_common._auth import HeaderAuth
from slo_common._drive import drive
from slo_common._execute import Caller
from slo_common._limiter import LimitKey, RateLimiter, Reservation
from slo_common._listeners import Listeners, hooks_of
from slo_common._ratelimit import RateLimitState
from slo_common._values import Reply, Request, Safety
from tests.common.fakes import FakeRuntime, RecordingLimiter, call_of, caller_of, ok, run, status

QUIET = logging.getLogger("tests.quiet")
QUIET.setLevel(logging.CRITICAL)


def heard_by(runtime: FakeRuntime, **options: Any) -> tuple[Caller, list[Event]]:
    """A caller with a hook that collects, and what it collects."""
    events: list[Event] = []
    return evolve(caller_of(runtime, **options), listeners=Listeners(logger=QUIET, hooks=(events.append,))), events


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def only(events: list[Event], kind: type[Event]) -> Any:
    (event,) = [e for e in events if isinstance(e, kind)]
    return event


# What is told, and when.


def test_a_call_that_goes_well_is_told_from_beginning_to_end() -> None:
    caller, events = heard_by(FakeRuntime(ok(b"fine", x_request_id="r-1"), latency=0.25))
    assert run(caller, call_of(Safety.IDEMPOTENT, subject="t/1", target="/v1/things/t%2F1/parts?token=hidden")) == "fine"
    number = events[0].call_id
    assert events == [
        CallStarted(
            call_id=number,
            call="vendor.things.do",
            method="POST",
            route="/v1/things/{id}/parts",
            server="vendor.test",
            port=443,
            subject="t/1",
            writes=True,
        ),
        AttemptStarted(call_id=number, call="vendor.things.do", attempt=1),
        AttemptEnded(
            call_id=number,
            call="vendor.things.do",
            attempt=1,
            elapsed=0.25,
            status=200,
            request_id="r-1",
            sent=Sent.YES,
            request_bytes=2,
            response_bytes=4,
            retry_after=None,
            error=None,
            detail="",
        ),
        CallEnded(
            call_id=number,
            call="vendor.things.do",
            outcome="ok",
            error=None,
            detail="",
            status=None,
            request_id=None,
            sent=None,
            attempts=1,
            elapsed=0.25,
            waited=0.0,
        ),
    ]


def test_calls_have_numbers_of_their_own() -> None:
    caller, events = heard_by(FakeRuntime(ok(), ok()))
    run(caller, call_of())
    run(caller, call_of())
    assert len({event.call_id for event in events}) == 2


@pytest.mark.parametrize(
    ("base_url", "server", "port", "route"),
    [
        ("https://vendor.test", "vendor.test", 443, "/v1/things"),
        ("http://127.0.0.1", "127.0.0.1", 80, "/v1/things"),
        ("https://Vendor.test:8443/zabbix", "vendor.test", 8443, "/zabbix/v1/things"),
    ],
)
def test_the_address_is_told_in_parts_and_without_its_query(base_url: str, server: str, port: int, route: str) -> None:
    caller, events = heard_by(FakeRuntime(ok()))
    run(evolve(caller, base_url=base_url), call_of(target="/v1/things?token=hidden"))
    started = only(events, CallStarted)
    assert (started.server, started.port, started.route) == (server, port, route)


def test_a_budget_is_told_as_the_reply_says_it() -> None:
    headers: dict[str, Any] = {
        "x_ratelimit_limit": "100",
        "x_ratelimit_remaining": "7",
        "x_ratelimit_period": "60",
        "x_ratelimit_reset": "12",
    }
    caller, events = heard_by(FakeRuntime(ok(**headers, x_ratelimit_name="slo_reads")))
    run(caller, call_of())
    budget = only(events, BudgetSeen)
    assert (budget.bucket, budget.limit, budget.remaining, budget.period, budget.resets_in) == ("slo_reads", 100, 7, 60.0, 12.0)


def test_a_budget_without_a_name_has_that_of_the_call() -> None:
    caller, events = heard_by(FakeRuntime(ok(x_ratelimit_remaining="0")))
    run(caller, call_of())
    budget = only(events, BudgetSeen)
    assert (budget.bucket, budget.limit, budget.remaining) == ("things", None, 0)


def test_an_attempt_that_failed_is_told_with_the_retry_after_it() -> None:
    caller, events = heard_by(FakeRuntime(status(503, retry_after="3"), ok(), latency=1.0))
    run(caller, call_of())
    assert kinds(events) == [
        "CallStarted",
        "AttemptStarted",
        "AttemptEnded",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptEnded",
        "CallEnded",
    ]
    ended, retry = events[2], events[3]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.error, ended.retry_after, ended.sent) == (503, "ServiceUnavailable", 3.0, Sent.YES)
    assert "HTTP 503" in ended.detail
    assert isinstance(retry, RetryScheduled)
    assert (retry.attempt, retry.error, retry.status, retry.pause, retry.retry_after) == (1, "ServiceUnavailable", 503, 3.0, 3.0)
    assert [e.attempt for e in events if isinstance(e, AttemptStarted)] == [1, 2]
    assert only(events, CallEnded).attempts == 2


def test_a_refusal_is_told_with_the_pause_and_the_wait() -> None:
    caller, events = heard_by(FakeRuntime(status(429, retry_after="10"), ok()), chance=lambda: 0.0)
    run(caller, call_of())
    retry, wait = only(events, RetryScheduled), only(events, RateLimitWait)
    assert (retry.error, retry.status, retry.pause, retry.retry_after) == ("RateLimited", 429, 10.0, 10.0)
    assert (wait.seconds, wait.reason, wait.waited) == (10.0, "refused", 0.0)
    assert only(events, CallEnded).waited == 10.0


def test_waiting_for_a_turn_is_told_each_time() -> None:
    limited = ok(x_ratelimit_limit="1", x_ratelimit_remaining="0", x_ratelimit_period="60", x_ratelimit_reset="30")
    caller, events = heard_by(FakeRuntime(limited, ok()), limiter=LocalRateLimiter())
    run(caller, call_of())
    run(caller, call_of())
    waits = [e for e in events if isinstance(e, RateLimitWait)]
    assert waits
    assert {(w.reason, w.bucket) for w in waits} == {("turn", "things")}
    ended = [e for e in events if isinstance(e, CallEnded)]
    assert [round(e.waited) for e in ended] == [0, round(sum(w.seconds for w in waits))]


def test_a_refused_wait_counts_into_the_next_ones() -> None:
    caller, events = heard_by(FakeRuntime(status(429, retry_after="10"), status(429, retry_after="5"), ok()), chance=lambda: 0.0)
    run(caller, call_of())
    assert [e.waited for e in events if isinstance(e, RateLimitWait)] == [0.0, 10.0]


def test_an_attempt_without_a_reply_has_no_status() -> None:
    caller, events = heard_by(FakeRuntime(ReadTimeout("too late"), ok()))
    run(caller, call_of())
    lost = next(e for e in events if isinstance(e, AttemptEnded))
    assert (lost.status, lost.request_id, lost.sent, lost.error, lost.detail) == (None, None, Sent.MAYBE, "ReadTimeout", "too late")
    assert (lost.response_bytes, lost.retry_after) == (0, None)


def test_what_was_raised_is_told_last() -> None:
    caller, events = heard_by(FakeRuntime(status(404, x_request_id="r-9")))
    with pytest.raises(NotFound) as caught:
        run(caller, call_of())
    ended = events[-1]
    assert isinstance(ended, CallEnded)
    assert (ended.outcome, ended.error, ended.status, ended.request_id) == ("failed", "NotFound", 404, "r-9")
    assert (ended.detail, ended.sent, ended.attempts) == (str(caught.value), Sent.YES, 1)


def test_a_write_whose_answer_was_lost_is_told_as_unknown() -> None:
    caller, events = heard_by(FakeRuntime(ConnectionLost("gone")))
    with pytest.raises(OutcomeUnknown):
        run(caller, call_of(Safety.UNSAFE))
    ended = only(events, CallEnded)
    assert (ended.outcome, ended.error, ended.sent) == ("unknown", "OutcomeUnknown", Sent.MAYBE)


@pytest.mark.parametrize(("safety", "outcome"), [(Safety.READ, "cancelled"), (Safety.UNSAFE, "unknown")])
def test_an_interrupted_call_is_told(safety: Safety, outcome: str) -> None:
    caller, events = heard_by(FakeRuntime(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(caller, call_of(safety))
    attempt, ended = only(events, AttemptEnded), only(events, CallEnded)
    assert (attempt.error, attempt.detail, attempt.sent) == ("KeyboardInterrupt", "", Sent.MAYBE)
    assert (ended.outcome, ended.error, ended.detail, ended.attempts) == (outcome, "KeyboardInterrupt", "", 1)


def test_an_error_that_is_not_ours_is_told_by_its_class_alone() -> None:
    caller, events = heard_by(FakeRuntime(ValueError("holds who knows what")))
    with pytest.raises(ValueError, match="who knows"):
        run(caller, call_of())
    ended = only(events, CallEnded)
    assert (ended.outcome, ended.error, ended.detail, ended.sent) == ("failed", "ValueError", "", None)


def test_a_call_that_never_got_its_turn_has_no_attempt() -> None:
    limited = ok(x_ratelimit_limit="1", x_ratelimit_remaining="0", x_ratelimit_period="60", x_ratelimit_reset="30")
    caller, events = heard_by(FakeRuntime(limited), limiter=LocalRateLimiter(), retry=RetryPolicy(max_queue_wait=1.0))
    run(caller, call_of())
    events.clear()
    with pytest.raises(RateLimited):
        run(caller, call_of())
    assert kinds(events) == ["CallStarted", "CallEnded"]
    ended = only(events, CallEnded)
    assert (ended.attempts, ended.sent) == (0, Sent.NO)


def test_what_a_download_brings_is_counted_anew_for_each_attempt() -> None:
    class File:
        def __init__(self) -> None:
            self.held = b""

        def reset(self) -> None:
            self.held = b""

        def write(self, chunk: bytes) -> None:
            self.held += chunk

    class Downloads(FakeRuntime):
        async def send(self, request: Request, *args: Any, sink: Any = None, **options: Any) -> Reply:
            sink.reset()
            sink.write(b"12345")
            reply = await super().send(request, *args, sink=sink, **options)
            sink.write(b"67")
            return reply

    caller, events = heard_by(Downloads(ReadTimeout("half way"), ok(b"")))
    file = File()
    assert drive(caller.call(call_of(), sink=file)) == ""
    assert file.held == b"1234567"
    assert [e.response_bytes for e in events if isinstance(e, AttemptEnded)] == [5, 7]


def test_credentials_that_a_request_id_repeats_are_not_told() -> None:
    caller, events = heard_by(FakeRuntime(ok(x_request_id="for s3cret-and-long"), status(500, x_request_id="s3cret-and-long")))
    caller = evolve(
        caller, auth=HeaderAuth(headers=(("authorization", "", Secret("s3cret-and-long")),)), retry=RetryPolicy(attempts=1)
    )
    run(caller, call_of())
    with pytest.raises(ServerError):
        run(caller, call_of())
    assert [e.request_id for e in events if isinstance(e, AttemptEnded)] == ["for ***", "***"]
    assert "s3cret" not in repr(events)


# Who is told.


def test_several_hooks_are_told_in_their_order() -> None:
    told: list[str] = []

    def hook(name: str) -> Callable[[Event], None]:
        return lambda _: told.append(name)

    caller = evolve(caller_of(FakeRuntime(ok())), listeners=Listeners(logger=QUIET, hooks=hooks_of([hook("a"), hook("b")])))
    run(caller, call_of())
    assert told == ["a", "b"] * 4


def test_a_view_may_have_hooks_of_its_own() -> None:
    caller, events = heard_by(FakeRuntime(ok(), ok()))
    others: list[Event] = []
    run(caller.with_options(on_event=others.append), call_of())
    run(caller.with_options(on_event=[]), call_of())
    assert (events, kinds(others)) == ([], ["CallStarted", "AttemptStarted", "AttemptEnded", "CallEnded"])
    assert caller.with_options(timeout=5).listeners is caller.listeners


@pytest.mark.parametrize("hook", [7, "print", [print, None]])
def test_a_hook_that_cannot_be_called_is_refused(hook: Any) -> None:
    with pytest.raises(InvalidArgument, match="on_event"):
        hooks_of(hook)


def test_an_async_hook_is_refused_because_nobody_would_await_it() -> None:
    async def hook(event: Event) -> None: ...

    class Hook:
        async def __call__(self, event: Event) -> None: ...

    for given in (hook, Hook()):
        with pytest.raises(InvalidArgument, match="async"):
            hooks_of(given)


# A hook that fails.


def broken(error: BaseException, at: type[Event]) -> Callable[[Event], None]:
    def hook(event: Event) -> None:
        if isinstance(event, at):
            raise error

    return hook


ALL = (CallStarted, RateLimitWait, AttemptStarted, BudgetSeen, AttemptEnded, RetryScheduled, CallEnded)


def refused_once(hook: Callable[[Event], None], limiter: RateLimiter) -> Caller:
    """Of a call that has every kind of event."""
    runtime = FakeRuntime(status(429, retry_after="1", x_ratelimit_limit="9"), ok())
    return evolve(caller_of(runtime, limiter=limiter), listeners=Listeners(logger=QUIET, hooks=(hook,)))


@pytest.mark.parametrize("at", ALL)
def test_a_hook_that_raises_does_not_disturb_the_call(at: type[Event], caplog: pytest.LogCaptureFixture) -> None:
    limiter = RecordingLimiter()
    assert run(refused_once(broken(ZeroDivisionError("mine"), at), limiter), call_of()) == "fine"
    assert limiter.events == ["reserve", "refused", "reserve", "done"]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("slo_common.events", "ERROR")
    assert at.__name__ in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_the_same_error_of_a_hook_is_logged_once_and_the_rest_for_those_who_look(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "slo_common.events")
    run(refused_once(broken(ZeroDivisionError(), Event), RecordingLimiter()), call_of())
    assert [r.levelname for r in caplog.records] == ["ERROR"] + ["DEBUG"] * (len(caplog.records) - 1)
    assert len(caplog.records) == 9


def test_another_error_of_a_hook_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    errors = iter([ZeroDivisionError(), KeyError(), ZeroDivisionError(), KeyError()])

    def hook(event: Event) -> None:
        raise next(errors)

    run(evolve(caller_of(FakeRuntime(ok())), listeners=Listeners(logger=QUIET, hooks=(hook,))), call_of())
    assert [type(r.exc_info[1]).__name__ for r in caplog.records if r.exc_info] == ["ZeroDivisionError", "KeyError"]


def test_a_hook_that_raises_does_not_keep_the_next_one_from_hearing() -> None:
    events: list[Event] = []
    listeners = Listeners(logger=QUIET, hooks=(broken(ValueError(), Event), events.append))
    run(evolve(caller_of(FakeRuntime(ok())), listeners=listeners), call_of())
    assert kinds(events) == ["CallStarted", "AttemptStarted", "AttemptEnded", "CallEnded"]


@pytest.mark.parametrize("at", ALL)
def test_ctrl_c_in_a_hook_ends_the_call_and_leaves_no_place_taken(at: type[Event]) -> None:
    limiter = RecordingLimiter()
    with pytest.raises(KeyboardInterrupt):
        run(refused_once(broken(KeyboardInterrupt(), at), limiter), call_of())
    taken = limiter.events.count("reserve")
    assert sum(limiter.events.count(e) for e in ("done", "refused", "lost", "cancel")) == taken


class Queueing:
    """A limiter that has everybody wait, and its only reservation."""

    wait = 5.0

    def __init__(self) -> None:
        self.cancelled = False

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        return self

    def renew(self, now: float) -> float:
        raise AssertionError("nobody slept")

    def cancel(self) -> None:
        self.cancelled = True

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        raise AssertionError("nothing was sent")


def test_ctrl_c_in_a_hook_while_queueing_gives_the_place_back() -> None:
    limiter = Queueing()
    listeners = Listeners(logger=QUIET, hooks=(broken(KeyboardInterrupt(), RateLimitWait),))
    with pytest.raises(KeyboardInterrupt):
        run(evolve(caller_of(FakeRuntime(), limiter=limiter), listeners=listeners), call_of())
    assert limiter.cancelled


def test_without_a_listener_no_event_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something listens")

    monkeypatch.setattr("slo_common._watch.Watch", never)
    caller = evolve(caller_of(FakeRuntime(ok())), listeners=Listeners(logger=QUIET))
    assert run(caller, call_of()) == "fine"
