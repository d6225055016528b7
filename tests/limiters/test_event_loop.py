"""A limiter that does I/O, in an async client: the event loop goes on, and a cancelled task leaves no place behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from slo_common import LimiterUnavailable, LimitKey, RateLimiter, RateLimitState, RedisRateLimiter, Reservation
from slo_common._auth import HeaderAuth
from slo_common._drive import drive
from slo_common._execute import Caller
from slo_common._runtime import AsyncRuntime, SyncRuntime
from slo_common._secret import Secret
from tests.common.fakes import call_of
from tests.limiters.redis_server import RedisServer, patient

PLENTY = {"x-ratelimit-limit": "100, 100;window=60", "x-ratelimit-remaining": "99"}


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="fine", headers=PLENTY)


async def answer_later(request: httpx.Request) -> httpx.Response:
    await anyio.lowlevel.checkpoint()  # as a network would
    return answer(request)


def caller_of(runtime: AsyncRuntime | SyncRuntime, limiter: RateLimiter) -> Caller:
    return Caller(
        runtime=runtime,
        vendor="vendor",
        base_url="https://vendor.test",
        auth=HeaderAuth(headers=(("authorization", "Bearer ", Secret("k")),)),
        limiter=limiter,
    )


class Watched:
    """Notes what it is asked and in which thread; a test may hold it up and make it fail."""

    def __init__(self, *, does_io: bool = True) -> None:
        self.does_io = does_io
        self.events: list[str] = []
        self.threads: set[int] = set()
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.hold_at = ""
        self.waits = [0.0]
        self.error: Exception | None = None

    def note(self, event: str) -> None:
        self.threads.add(threading.get_ident())
        if event == self.hold_at:
            self.asked.set()
            assert self.may_answer.wait(30)
        self.events.append(event)
        if self.error is not None:
            raise self.error

    def hold(self, event: str) -> None:
        self.hold_at = event
        self.may_answer.clear()

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        self.note("reserve")
        return WatchedPlace(self)


class WatchedPlace:
    def __init__(self, limiter: Watched) -> None:
        self._limiter = limiter
        self.wait = limiter.waits.pop(0)

    def renew(self, now: float) -> float:
        self._limiter.note("renew")
        return self._limiter.waits.pop(0)

    def cancel(self) -> None:
        self._limiter.note("cancel")

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        self._limiter.note("lost" if state is None else "done")


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    with anyio.fail_after(30):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def test_a_limiter_that_does_io_is_asked_in_a_worker_thread() -> None:
    limiter = Watched()
    limiter.waits = [0.001, 0.0]
    runtime = AsyncRuntime(httpx.MockTransport(answer_later))
    assert await caller_of(runtime, limiter).call(call_of()) == "fine"
    await runtime.aclose()
    assert limiter.events == ["reserve", "renew", "done"]
    assert threading.get_ident() not in limiter.threads


async def test_one_that_does_none_is_asked_in_the_loop() -> None:
    limiter = Watched(does_io=False)
    runtime = AsyncRuntime(httpx.MockTransport(answer_later))
    await caller_of(runtime, limiter).call(call_of())
    await runtime.aclose()
    assert limiter.threads == {threading.get_ident()}


def test_a_sync_client_asks_in_its_own_thread() -> None:
    limiter = Watched()
    runtime = SyncRuntime(httpx.MockTransport(answer))
    assert drive(caller_of(runtime, limiter).call(call_of())) == "fine"
    runtime.close()
    assert (limiter.events, limiter.threads) == (["reserve", "done"], {threading.get_ident()})


async def test_its_failure_is_the_callers_own_and_no_group() -> None:
    limiter = Watched()
    limiter.error = LimiterUnavailable("gone")
    runtime = AsyncRuntime(httpx.MockTransport(answer_later))
    with pytest.raises(LimiterUnavailable, match=r"^gone$") as caught:
        await caller_of(runtime, limiter).call(call_of())
    await runtime.aclose()
    assert (caught.value.sent.name, caught.value.retry_safe) == ("NO", True)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ("reserve", ["reserve", "cancel"]),
        ("renew", ["reserve", "renew", "cancel"]),
    ],
)
async def test_a_place_that_is_granted_to_a_cancelled_scope_is_given_back(held: str, expected: list[str]) -> None:
    limiter = Watched()
    limiter.waits = [0.001, 0.0]
    limiter.hold(held)
    runtime = AsyncRuntime(httpx.MockTransport(answer_later))
    ended: list[str] = []

    async def work() -> None:
        try:
            await caller_of(runtime, limiter).call(call_of())
        finally:
            ended.append("ended")

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await until(limiter.asked.is_set)
        group.cancel_scope.cancel()
        limiter.may_answer.set()
    await runtime.aclose()
    assert (limiter.events, ended) == (expected, ["ended"])


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ("reserve", ["reserve", "cancel"]),
        ("renew", ["reserve", "renew", "cancel"]),
        ("done", ["reserve", "renew", "done", "lost"]),
    ],
)
def test_a_place_that_is_granted_to_a_task_that_asyncio_cancelled_is_given_back(held: str, expected: list[str]) -> None:
    limiter = Watched()
    limiter.waits = [0.001, 0.0]
    limiter.hold(held)

    async def main() -> None:
        runtime = AsyncRuntime(httpx.MockTransport(answer_later))
        task = asyncio.ensure_future(caller_of(runtime, limiter).call(call_of()))
        await until(limiter.asked.is_set)
        task.cancel()
        await asyncio.sleep(0)
        limiter.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await runtime.aclose()

    asyncio.run(main())
    # To tell the outcome a second time is of no effect, as every reservation promises.
    assert limiter.events == expected


def test_a_timeout_of_asyncio_gives_the_place_back() -> None:
    limiter = Watched()
    limiter.waits = [60.0]

    async def main() -> None:
        runtime = AsyncRuntime(httpx.MockTransport(answer_later))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await caller_of(runtime, limiter).call(call_of())
        await runtime.aclose()

    asyncio.run(main())
    assert limiter.events == ["reserve", "cancel"]


async def test_a_frozen_redis_does_not_freeze_the_loop(own_redis: RedisServer) -> None:
    await anyio.to_thread.run_sync(own_redis.start)
    runtime = AsyncRuntime(httpx.MockTransport(answer_later))
    caller = caller_of(runtime, RedisRateLimiter(patient(own_redis.url)))
    assert await caller.call(call_of()) == "fine"
    answers: list[str] = []

    async def call() -> None:
        answers.append(await caller.call(call_of()))

    own_redis.freeze()
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        for _ in range(20):
            await anyio.sleep(0.002)
        assert answers == []  # it waits for Redis, and the loop does not
        own_redis.thaw()
    await runtime.aclose()
    assert answers == ["fine"]
