"""Many workers, one budget, no waiting: the real flow and the real limiter against a metered server in virtual time."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from email.utils import formatdate
from random import Random
from typing import Any, TypeVar

from attrs import field, frozen

from slo_common._auth import HeaderAuth
from slo_common._body import Sink
from slo_common._errors import RateLimited
from slo_common._execute import Caller
from slo_common._limiter import LocalRateLimiter, RateLimiter
from slo_common._retry import RetryPolicy
from slo_common._runtime import Lock
from slo_common._secret import Secret
from slo_common._timeouts import Timeouts
from slo_common._values import Bounds, Call, Reply, Request, Safety
from slo_common.sandbox import Meter
from tests.common.fakes import call_of, decode

R = TypeVar("R")

START = 1_700_000_040.0
"""A multiple of 60 s."""


class Pause:
    """What a task gives to the kernel: wake me in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


class Kernel:
    """Steps coroutines in the order of their wake-ups: a scheduler whose clock jumps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.steps = 0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Coroutine[Any, Any, object]]] = []

    def spawn(self, task: Coroutine[Any, Any, object], *, at: float = 0.0) -> None:
        heapq.heappush(self._due, (max(self.time, at), next(self._order), task))

    def close(self, *tasks: Coroutine[Any, Any, object]) -> None:
        """Cancel tasks, wherever they are; those that have ended stay so."""
        gone = {id(t) for t in tasks}
        self._due = [due for due in self._due if id(due[2]) not in gone]
        heapq.heapify(self._due)
        for task in tasks:
            task.close()

    def run(self, *, until: float = float("inf")) -> None:
        while self._due and self._due[0][0] <= until:
            self.time, _, task = heapq.heappop(self._due)
            self.steps += 1
            try:
                pause = task.send(None)
            except StopIteration:
                continue
            assert isinstance(pause, Pause)
            heapq.heappush(self._due, (self.time + max(0.0, pause.seconds), next(self._order), task))


@frozen(kw_only=True)
class Counted:
    """What the server saw."""

    granted: list[float] = field(factory=list[float])
    refused: list[float] = field(factory=list[float])


class Server:
    """A metered server as seen over a line: half of the latency there, half of it back."""

    def __init__(
        self,
        meter: Meter,
        *,
        kernel: Kernel,
        latency: float = 0.1,
        starts_at: float = START,
        skew: float = 0.0,
        date: bool = True,
        edit: Callable[[dict[str, str]], Mapping[str, str]] = lambda headers: headers,
    ) -> None:
        self.meter = meter
        self.kernel = kernel
        self.latency = latency
        self.starts_at = starts_at + skew  # skew: how far the server's clock is from the truth, and so from ours
        self.date = date
        self.edit = edit
        self.counted = Counted()

    def way(self) -> float:
        """Seconds that a request or a reply is on its way."""
        return self.latency / 2

    def clock(self) -> float:
        return self.starts_at + self.kernel.time

    def take(self, bucket: str) -> Reply:
        now = self.clock()
        taken = self.meter.take(bucket, now)
        (self.counted.granted if taken.granted else self.counted.refused).append(self.kernel.time)
        headers = dict(taken.headers)
        if self.date:
            headers["date"] = formatdate(now, usegmt=True)
        return Reply(status=200 if taken.granted else 429, headers=self.edit(headers), body=b"fine")


class SimRuntime:
    """A runtime whose sleeps and sends are pauses of the kernel."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kernel = server.kernel

    def now(self) -> float:
        return self._kernel.time

    def wall(self) -> float:
        return START + self._kernel.time

    async def sleep(self, seconds: float) -> None:
        await Pause(seconds)

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        bucket = request.url.rpartition("/")[2]
        await Pause(self._server.way())
        reply = self._server.take(bucket)
        await Pause(self._server.way())
        return reply

    def lock(self) -> Lock:
        raise NotImplementedError

    async def offload(self, function: Callable[[], R]) -> R:
        return function()

    def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> Awaitable[None]:
        raise NotImplementedError


@frozen(kw_only=True)
class Outcome:
    """How long it took, and at what price."""

    makespan: float
    refused: int
    finished: list[float]
    shares: Counter[int] = field(factory=Counter[int])
    """How many calls each limiter's workers finished."""
    given_up: int
    steps: int


def caller_for(server: Server, limiter: RateLimiter, *, seed: int = 1, retry: RetryPolicy | None = None) -> Caller:
    return Caller(
        runtime=SimRuntime(server),  # type: ignore[arg-type]  # run_all is not used here
        vendor="vendor",
        base_url="https://vendor.test",
        auth=HeaderAuth(headers=(("authorization", "Bearer ", Secret("k")),)),
        limiter=limiter,
        timeouts=Timeouts(total=600.0),
        retry=retry if retry is not None else RetryPolicy(rate_limit_retries=100, max_rate_limit_wait=1e9),
        chance=Random(seed).random,
    )


def things(bucket: str = "things") -> Call[str]:
    return call_of(Safety.READ, target=f"/{bucket}", bucket=bucket, decode=decode)


def simulate(
    server: Server,
    *,
    calls: int,
    workers: int,
    limiters: list[RateLimiter] | None = None,
    bucket: str = "things",
    retry: RetryPolicy | None = None,
) -> Outcome:
    """``workers`` per limiter (a limiter stands for a process) take ``calls`` from one list until it is empty."""
    kernel = server.kernel
    began = kernel.time
    left = iter(range(calls))
    finished: list[float] = []
    shares = Counter[int]()
    given_up: list[float] = []

    async def worker(caller: Caller, process: int) -> None:
        for _ in left:
            try:
                await caller.call(things(bucket))
                finished.append(kernel.time)
                shares[process] += 1
            except RateLimited:
                given_up.append(kernel.time)

    for i, limiter in enumerate(limiters if limiters is not None else [LocalRateLimiter()]):
        caller = caller_for(server, limiter, seed=i, retry=retry)
        for _ in range(workers):
            kernel.spawn(worker(caller, i))
    refused_before = len(server.counted.refused)
    kernel.run()
    return Outcome(
        makespan=max(finished, default=began) - began,
        refused=len(server.counted.refused) - refused_before,
        finished=finished,
        shares=shares,
        given_up=len(given_up),
        steps=kernel.steps,
    )


def ideal(allowed_from: Callable[[list[float], float], float], *, calls: int, workers: int, latency: float = 0.1) -> float:
    """The makespan of one who knows everything. ``allowed_from(counted, moment)``: when a call may be counted, from ``moment`` on."""
    free = [0.0] * workers
    counted: list[float] = []
    end = 0.0
    for _ in range(calls):
        moment = allowed_from(counted, heapq.heappop(free) + latency / 2)
        counted.append(moment)
        end = moment + latency / 2
        heapq.heappush(free, end)
    return end


def sliding_ideal(limit: int, seconds: float) -> Callable[[list[float], float], float]:
    def allowed_from(counted: list[float], moment: float) -> float:
        return moment if len(counted) < limit else max(moment, counted[-limit] + seconds)

    return allowed_from


def fixed_ideal(limit: int, seconds: float, *, offset: float) -> Callable[[list[float], float], float]:
    """``offset``: how far into a window it begins."""
    used = dict[int, int]()

    def allowed_from(counted: list[float], moment: float) -> float:
        window = int((moment + offset + 1e-6) // seconds)
        while used.get(window, 0) >= limit:
            window += 1
        used[window] = used.get(window, 0) + 1
        return max(moment, window * seconds - offset)

    return allowed_from
