"""The one flow through which every call goes: pace, authenticate, send, decode, and decide whether to try again."""

from __future__ import annotations

import functools
import gc
import logging
import platform
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import evolve, field, frozen

from slo_common._auth import Authenticator, conceal
from slo_common._body import Sink
from slo_common._check import is_int, require
from slo_common._errors import (
    ApiError,
    Attempt,
    DeadlineExceeded,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Sent,
    ServiceUnavailable,
    SloError,
    UnfinishedWrite,
    about,
)
from slo_common._limiter import LimitKey, RateLimiter, Reservation
from slo_common._listeners import Listeners, hooks_of
from slo_common._ratelimit import NOTHING
from slo_common._ratelimit import parse as parse_rate_limit
from slo_common._retry import RetryPolicy, Verdict, backoff, judge
from slo_common._runtime import Runtime
from slo_common._timeouts import Timeouts
from slo_common._times import from_epoch
from slo_common._values import Bounds, Call, Reply, Request, Safety

if TYPE_CHECKING:
    from slo_common._events import OnEvent
    from slo_common._watch import Watch

T = TypeVar("T")
R = TypeVar("R")

VERSION = "0.1.0"
USER_AGENT = f"slo-sdk/{VERSION} python/{platform.python_version()}"
BASE_HEADERS = (("user-agent", USER_AGENT), ("accept-encoding", "gzip"))
MAX_JSON_BYTES = 32 * 1024 * 1024
MAX_DOWNLOAD_BYTES = 2 * 1024 * 1024 * 1024


LARGE = 64 * 1024
"""Bytes of a body from which on the garbage collector is paused while it is read."""
_LONGEST = 1e6
"""Seconds that one wait on a socket may take; operating systems count them in milliseconds, of which 25 days are too many."""


def decode_large(call: Call[T], reply: Reply) -> T:
    """Read a reply with the garbage collector paused: it makes many objects and no garbage, and each pass over them finds nothing."""
    if not gc.isenabled():
        return call.decode(reply)
    gc.disable()
    try:
        return call.decode(reply)
    finally:
        gc.enable()


def _option_problems(retry: object, limiter: object, max_response_bytes: object, strict_json: object) -> Iterator[str]:
    """What is wrong with the options of a client: said when it is made, not when the first call fails."""
    if not isinstance(retry, RetryPolicy):
        yield f"retry: {retry!r} was given; allowed: a RetryPolicy"
    if not callable(getattr(limiter, "reserve", None)):
        yield f"rate_limiter: {limiter!r} was given; allowed: a rate limiter, such as LocalRateLimiter()"
    if not is_int(max_response_bytes) or max_response_bytes < 1:
        yield f"max_response_bytes: {max_response_bytes!r} was given; allowed: a whole number of at least 1"
    if not isinstance(strict_json, bool):
        yield f"strict_json: {strict_json!r} was given; allowed: True or False"


@frozen(kw_only=True)
class Caller:
    """Sends the calls of one account to one server. Immutable; ``with_options`` gives a variant that shares all state.

    Flows take it as their only argument from outside: it holds the runtime, and everything that is decided per client.
    """

    runtime: Runtime
    vendor: str
    base_url: str
    auth: Authenticator
    limiter: RateLimiter
    timeouts: Timeouts = field(factory=Timeouts)
    retry: RetryPolicy = field(factory=RetryPolicy)
    max_response_bytes: int = MAX_JSON_BYTES
    strict_json: bool = False
    """Whether a good reply in which an object has a key twice is refused."""
    listeners: Listeners = field(factory=Listeners)
    chance: Callable[[], float] = random.random

    def __attrs_post_init__(self) -> None:
        require(_option_problems(self.retry, self.limiter, self.max_response_bytes, self.strict_json))

    def with_options(
        self,
        *,
        timeout: float | Timeouts | None = None,
        retry: RetryPolicy | None = None,
        max_response_bytes: int | None = None,
        strict_json: bool | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
    ) -> Caller:
        return evolve(
            self,
            timeouts=self.timeouts if timeout is None else Timeouts.of(timeout),
            retry=self.retry if retry is None else retry,
            max_response_bytes=self.max_response_bytes if max_response_bytes is None else max_response_bytes,
            strict_json=self.strict_json if strict_json is None else strict_json,
            listeners=self.listeners if on_event is None else Listeners(logger=self.listeners.logger, hooks=hooks_of(on_event)),
        )

    async def call(self, call: Call[T], *, sink: Sink | None = None) -> T:
        """Run one call to its end: its result, or the exception that tells how far it got."""
        result: T = await _Run(self, call, sink).result()
        return result


class _Run:
    """The life of one call: its clock, its attempts and its verdicts. Made, used once and dropped."""

    __slots__ = (
        "_begun",
        "_call",
        "_caller",
        "_failed",
        "_failures",
        "_first_sent",
        "_in_doubt",
        "_may_be_done",
        "_not_before",
        "_pause",
        "_paused",
        "_refusals",
        "_refused",
        "_refused_wait",
        "_renewed",
        "_renewed_now",
        "_sink",
        "_started",
        "_verdict",
        "_watch",
    )

    def __init__(self, caller: Caller, call: Call[Any], sink: Sink | None) -> None:
        self._caller = caller
        self._call = call
        self._sink = sink
        self._started = caller.runtime.now()
        self._paused = 0.0  # seconds spent waiting for rate limits: not part of the deadline
        self._first_sent: datetime | None = None
        self._failed: list[Attempt] = []
        self._failures = 0  # of connection or server
        self._refusals = 0  # 429s
        self._refused: Reservation | None = None  # the place of the last attempt, if it was a 429
        self._may_be_done = False  # by an attempt whose answer was lost
        self._refused_wait = 0.0
        self._not_before = float("-inf")
        self._renewed = False  # credentials, once a call
        self._renewed_now = False
        self._verdict = Verdict.GIVE_UP
        self._pause = 0.0
        self._in_doubt = False  # interrupted when it had been sent
        self._begun = 0  # requests
        self._watch: Watch | None = caller.listeners.watch(call)  # almost always None: then nothing is told

    async def result(self) -> Any:
        if self._watch is not None:
            self._watch.call_started(self._caller.base_url)
            self._sink = self._watch.counted(self._sink)
        failure: SloError | None = None
        value: Any = None
        try:
            try:
                value = await self._attempt()  # almost always the whole story: only a failure pays for the machinery below
            except SloError as e:
                failure = e
            if failure is not None:
                value = await self._try_again(failure)
        except BaseException as e:
            self._end(e)
            raise
        if self._watch is not None:
            self._end(None)
        return value

    async def _try_again(self, failure: SloError) -> Any:
        """What comes of the call after its first failure; raises its last one."""
        if self._shall_retry(failure):
            import tenacity  # most programs never come here
            from tenacity.asyncio import AsyncRetrying

            # Fresh for each call: a shared one would mix up concurrent calls.
            retrying = AsyncRetrying(
                sleep=self._caller.runtime.sleep,
                retry=tenacity.retry_if_exception(self._shall_retry),
                stop=tenacity.stop_never,  # _shall_retry has the last word: it knows budgets, deadline and safety together
                wait=lambda _: self._pause,
                reraise=True,
            )
            try:
                await self._caller.runtime.sleep(self._pause)
                return await retrying(self._attempt)
            except SloError as e:
                failure = e
        raise self._final(failure).with_traceback(None)  # without tenacity's frames

    # One attempt

    async def _attempt(self) -> Any:
        caller, call = self._caller, self._call
        runtime = caller.runtime
        reservation = await self._turn()
        sent_at: float | None = None
        reply: Reply | None = None
        state = NOTHING
        told = unsent = False
        try:
            request = await caller.auth.apply(
                call,
                Request(
                    method=call.method, url=caller.base_url + call.target, headers=BASE_HEADERS + call.headers, content=call.content
                ),
            )
            bounds = self._bounds()
            if self._first_sent is None:
                self._first_sent = from_epoch(runtime.wall())
            self._begun += 1
            if self._watch is not None:
                self._watch.attempt_started(self._begun)
            sent_at = runtime.now()
            reply = await runtime.send(request, bounds, what=call.name, sink=self._sink)
            state, replied_at = parse_rate_limit(reply.headers), runtime.now()
            await self._pace(functools.partial(reservation.done, state, refused=reply.status == 429, now=replied_at))
            told = True
            self._refused = reservation if reply.status == 429 else None
            value = self._decoded(reply)
            if call.errors_in is not None:
                for error in call.errors_in(value):
                    error.attempts = (*self._failed, self._as_attempt(error, replied_at - sent_at))
            if self._watch is not None:
                self._watch.attempt_ended(self._begun, replied_at - sent_at, reply, state, None, caller.auth.secrets)
            return value
        except SloError as e:
            if self._watch is not None and sent_at is not None:
                self._watch.attempt_ended(self._begun, runtime.now() - sent_at, reply, state, e, caller.auth.secrets)
            if call.gone_is_done and isinstance(e, NotFound) and self._may_be_done and call.gone is not None:
                return call.gone()  # the attempt whose answer was lost did it
            unsent = e.sent is Sent.NO
            self._note(e, 0.0 if sent_at is None else runtime.now() - sent_at)
            if not self._renewed:
                self._renewed = self._renewed_now = await caller.auth.refused(call, e)
            raise
        except BaseException as e:  # cancelled or interrupted: passed on untouched but for the note
            if sent_at is not None and call.safety is not Safety.READ:
                self._in_doubt = True
                e.add_note(f"{call.name} had been sent and may have been applied")
            if self._watch is not None and sent_at is not None:
                self._watch.attempt_ended(self._begun, runtime.now() - sent_at, reply, state, e, caller.auth.secrets)
            raise
        finally:
            if not told and (sent_at is None or unsent):
                await self._pace(reservation.cancel)
            elif not told:
                lost_at = runtime.now()
                await self._pace(lambda: reservation.done(None, refused=False, now=lost_at))

    def _decoded(self, reply: Reply) -> Any:
        if self._caller.strict_json and reply.status < 300:
            from slo_common._json import refuse_doubles

            refuse_doubles(conceal(reply, self._caller.auth.secrets), call=self._call.name)
        if self._call.errors_in is not None:
            return self._call.decode(conceal(reply, self._caller.auth.secrets))
        try:
            return self._call.decode(reply) if len(reply.body) < LARGE else decode_large(self._call, reply)
        except SloError:
            concealed = conceal(reply, self._caller.auth.secrets)
            if concealed is reply:
                raise
        return self._call.decode(concealed)  # the same error, without the credential that the server repeats

    def _note(self, error: SloError, elapsed: float) -> None:
        refused = isinstance(error, ApiError) and error.status < 500
        self._may_be_done = self._may_be_done or (error.sent is not Sent.NO and not refused)
        self._failed.append(self._as_attempt(error, elapsed))

    def _as_attempt(self, error: SloError, elapsed: float) -> Attempt:
        return Attempt(
            number=len(self._failed) + 1,
            error=type(error).__name__,
            sent=error.sent,
            status=getattr(error, "status", None),
            request_id=getattr(error, "request_id", None),
            elapsed=elapsed,
        )

    # What listeners are told

    def _noticed(self, level: int) -> Watch | None:
        """Who is told about something that is logged at ``level``: also those who did not want to hear of a call that goes well."""
        if self._watch is None:
            self._watch = self._caller.listeners.watch_from_now(self._call, level)
        return self._watch

    def _waits(self, seconds: float, reason: Literal["turn", "refused"], waited: float) -> None:
        watch = self._noticed(logging.INFO)
        if watch is not None:
            watch.waits(seconds, reason, self._paused + waited)

    def _end(self, error: BaseException | None) -> None:
        watch = self._noticed(logging.WARNING)
        if watch is not None:
            elapsed = self._caller.runtime.now() - self._started
            watch.call_ended(error, in_doubt=self._in_doubt, attempts=self._begun, elapsed=elapsed, waited=self._paused)

    # Its turn

    async def _turn(self) -> Reservation:
        """Wait until the rate limiter gives this call a place."""
        caller = self._caller
        runtime = caller.runtime
        queued_at = now = runtime.now()
        if self._not_before > now:  # slept off before queueing: who holds a place must be about to use it
            self._waits(self._not_before - now, "refused", 0.0)
            await runtime.sleep(self._not_before - now)
            now = runtime.now()
        refused, self._refused = self._refused, None
        reservation = await self._reserve(now) if refused is None else refused
        granted = False
        try:
            wait = reservation.wait if refused is None else await self._pace(functools.partial(reservation.renew, now))
            while wait > 0:
                waited = runtime.now() - queued_at
                self._check_queue(waited, wait)
                self._waits(wait, "turn", waited)
                await runtime.sleep(wait)
                now = runtime.now()
                wait = await self._pace(functools.partial(reservation.renew, now))
            granted = True
        finally:
            if not granted:
                await self._pace(reservation.cancel)
        self._paused += runtime.now() - queued_at
        return reservation

    async def _reserve(self, now: float) -> Reservation:
        caller = self._caller
        key = LimitKey(caller.vendor, caller.auth.account, self._call.bucket)
        if not getattr(caller.limiter, "does_io", False):
            return caller.limiter.reserve(key, now)
        made: list[Reservation] = []
        try:
            await caller.runtime.offload(lambda: made.append(caller.limiter.reserve(key, now)))
        except BaseException:  # cancelled while a worker thread asked for the place: nobody will use it
            for reservation in made:
                await caller.runtime.offload(reservation.cancel)
            raise
        return made[0]

    async def _pace(self, ask: Callable[[], R]) -> R:
        """Ask the limiter something, beside the event loop (so: without the runtime) when it has to do I/O for the answer."""
        caller = self._caller
        if getattr(caller.limiter, "does_io", False):
            return await caller.runtime.offload(ask)
        return ask()

    def _check_queue(self, waited: float, wait: float) -> None:
        limit = self._caller.retry.max_queue_wait
        if limit is None or waited + wait <= limit or self._refusals:
            return
        raise RateLimited(
            f"{self._call.name}: its turn under the rate limit is {waited + wait:.1f} s away and retry.max_queue_wait is {limit:g} s; nothing was sent",
            retry_after=wait,
            exceeds_max_wait=True,
            status=429,
            call=self._call.name,
            sent=Sent.NO,
        )

    def _bounds(self) -> Bounds:
        timeouts = self._caller.timeouts
        left = self._left()
        if left <= 0:
            raise DeadlineExceeded(f"{self._call.name}: the total timeout of {timeouts.total:g} s passed", sent=Sent.NO)
        connect, read = min(timeouts.connect, _LONGEST), min(timeouts.read_timeout, _LONGEST)
        return Bounds(connect=connect, read=read, total=left, max_bytes=self._caller.max_response_bytes)

    def _left(self) -> float:
        return self._caller.timeouts.total - (self._caller.runtime.now() - self._started - self._paused)

    # After a failure

    def _shall_retry(self, error: BaseException) -> bool:
        """Whether to try again; sets the pause before it."""
        if not isinstance(error, SloError) or not self._is_worth_it(error):
            return False
        watch = self._noticed(logging.INFO)
        if watch is not None:
            watch.retry(self._begun, error, max(self._pause, self._not_before - self._caller.runtime.now()))
        return True

    def _is_worth_it(self, error: SloError) -> bool:
        self._pause = 0.0
        if self._renewed_now:
            self._renewed_now = False
            return True
        self._verdict = judge(error, self._call.safety, self._caller.retry)
        match self._verdict:
            case Verdict.WHEN_ALLOWED:
                return isinstance(error, RateLimited) and self._wait_for_permission(error)
            case Verdict.AGAIN | Verdict.ONCE_MORE:
                return self._wait_a_little(error)
            case _:
                return False

    def _wait_for_permission(self, error: RateLimited) -> bool:
        if error.sent is Sent.NO:
            return False  # our own queue is too long
        policy = self._caller.retry
        self._refusals += 1
        hint = error.retry_after
        # Without a hint: 1 s, 2 s, 4 s ... at most 30 s, of which at least half.
        wait = hint if hint is not None else min(30.0, 2.0 ** (self._refusals - 1)) * (0.5 + 0.5 * self._caller.chance())
        if self._refused_wait + wait > policy.max_rate_limit_wait:
            error.exceeds_max_wait = True
            return False
        if self._refusals > policy.rate_limit_retries:
            return False
        self._refused_wait += wait
        if hint is not None:
            wait += hint * 0.1 * self._caller.chance()  # so that many refused at once do not come back at once
        self._not_before = self._caller.runtime.now() + wait
        return True

    def _wait_a_little(self, error: SloError) -> bool:
        policy = self._caller.retry
        self._failures += 1
        if self._failures >= (min(2, policy.attempts) if self._verdict is Verdict.ONCE_MORE else policy.attempts):
            return False
        pause = backoff(policy, self._failures, self._caller.chance())
        if isinstance(error, ServiceUnavailable) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        self._pause = pause
        return pause < self._left()  # never sleep towards a deadline that will have passed

    # How it ends

    def _final(self, error: SloError) -> SloError:
        """The exception that the caller sees: with its history, and as OutcomeUnknown where nobody can know."""
        unsafe = self._call.safety is Safety.UNSAFE
        if error.sent is Sent.NO and self._may_be_done:  # the last attempt did not get there, an earlier one may have
            error.sent = Sent.MAYBE
            error.retry_safe = None
        timed_out = isinstance(error, DeadlineExceeded) and error.sent is not Sent.NO and unsafe
        if self._verdict is Verdict.UNKNOWN or timed_out:
            error = self._unknown(error, UnfinishedWrite if timed_out else OutcomeUnknown)
        if error.retry_safe is None and not unsafe:
            error.retry_safe = True
        error.attempts = tuple(self._failed)
        return error

    def _unknown(self, error: SloError, kind: type[OutcomeUnknown]) -> OutcomeUnknown:
        call = self._call
        return kind(
            f"{about(call.name, call.subject)}: it may have been applied; not sent again, because that could do it twice. What happened: {error}",
            operation=call.name,
            first_sent_at=self._first_sent if self._first_sent is not None else from_epoch(self._caller.runtime.wall()),
            status=getattr(error, "status", None),
            request_id=getattr(error, "request_id", None),
        )
