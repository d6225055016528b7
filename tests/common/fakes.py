"""A runtime that is a script: replies in, requests and pauses out. No network, no clock, no mock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from slo_common._auth import Authenticator, HeaderAuth
from slo_common._body import Sink
from slo_common._drive import drive
from slo_common._errors import ErrorDetail, api_error
from slo_common._execute import Caller
from slo_common._limiter import LimitKey, NoRateLimiter, RateLimiter, Reservation
from slo_common._ratelimit import RateLimitState
from slo_common._ratelimit import parse as parse_rate_limit
from slo_common._retry import RetryPolicy
from slo_common._runtime import Lock
from slo_common._secret import Secret
from slo_common._timeouts import Timeouts
from slo_common._values import Bounds, Call, Reply, Request, Safety

T = TypeVar("T")
R = TypeVar("R")

WALL = 1_700_000_000.0
Step = Reply | BaseException | Callable[[Request], Reply]


class FakeRuntime:
    """Answers each request with the next step of the script; sleeping and answering move its clock and nothing else."""

    def __init__(self, *script: Step, latency: float = 0.0) -> None:
        self.script: list[Step] = list(script)
        self.latency = latency
        self.time = 100.0
        self.slept: list[float] = []
        self.requests: list[Request] = []
        self.bounds: list[Bounds] = []
        self.offloaded = 0

    @property
    def pauses(self) -> list[float]:
        """What was really slept, without the zeros."""
        return [s for s in self.slept if s > 0]

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return WALL + self.time - 100.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        self.requests.append(request)
        self.bounds.append(bounds)
        self.time += self.latency
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Reply) else step(request)

    def lock(self) -> Lock:
        return _NoLock()

    async def offload(self, function: Callable[[], R]) -> R:
        self.offloaded += 1
        return function()

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        for i, job in enumerate(jobs):
            done(i, await job())


class _NoLock:
    async def during(self, work: Callable[[], Awaitable[R]]) -> R:
        return await work()


class RecordingLimiter:
    """Grants every place at once and notes what became of it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.states: list[RateLimitState | None] = []
        self.keys: list[LimitKey] = []
        self.asked_at: list[float] = []

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        self.keys.append(key)
        self.ask(now)
        return _Recorded(self)

    def ask(self, now: float) -> None:
        self.events.append("reserve")
        self.asked_at.append(now)


class _Recorded:
    wait = 0.0

    def __init__(self, limiter: RecordingLimiter) -> None:
        self._limiter = limiter
        self._over = False
        self._refused = False

    def renew(self, now: float) -> float:
        assert self._refused, "a granted place is not asked for again"
        self._over = self._refused = False
        self._limiter.ask(now)
        return 0.0

    def cancel(self) -> None:
        if not self._over:
            self._over = True
            self._limiter.events.append("cancel")

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        if not self._over:
            self._over, self._refused = True, refused
            self._limiter.events.append("refused" if refused else "lost" if state is None else "done")
            self._limiter.states.append(state)


class Notes:
    """A witness that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def watching(self) -> None:
        self.told.append("watching")

    def went_out(self) -> None:
        self.told.append("went out")


def ok(body: bytes = b"fine", **headers: str) -> Reply:
    return Reply(status=200, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def status(code: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status=code, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def decode(reply: Reply) -> str:
    """What the vendors' decoders do: the text of a good reply, or the exception of a bad one."""
    if reply.status < 300:
        return reply.body.decode()
    limits = parse_rate_limit(reply.headers)
    raise api_error(
        reply.status,
        call="vendor.things.do",
        errors=(ErrorDetail(detail="said the vendor"),),
        request_id=reply.headers.get("x-request-id"),
        retry_after=limits.hint if reply.status == 429 else limits.retry_after,
    )


def call_of(safety: Safety = Safety.READ, **changes: Any) -> Call[str]:
    values: dict[str, Any] = {
        "name": "vendor.things.do",
        "method": "GET" if safety is Safety.READ else "POST",
        "target": "/v1/things",
        "headers": (("accept", "text/plain"),),
        "content": None if safety is Safety.READ else b"{}",
        "safety": safety,
        "bucket": "things",
        "decode": decode,
        **changes,
    }
    return Call[str](**values)


def caller_of(
    runtime: FakeRuntime,
    *,
    retry: RetryPolicy | None = None,
    timeout: float | Timeouts = 60.0,
    limiter: RateLimiter | None = None,
    auth: Authenticator | None = None,
    chance: Callable[[], float] = lambda: 0.5,
) -> Caller:
    return Caller(
        runtime=runtime,
        vendor="vendor",
        base_url="https://vendor.test",
        auth=auth if auth is not None else HeaderAuth(headers=(("authorization", "Bearer ", Secret("s3cret")),)),
        limiter=limiter if limiter is not None else NoRateLimiter(),
        timeouts=Timeouts.of(timeout),
        retry=retry if retry is not None else RetryPolicy(),
        chance=chance,
    )


def run(caller: Caller, call: Call[T]) -> T:
    return drive(caller.call(call))
