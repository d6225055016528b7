"""Pacing in virtual time: close to the ideal, without a single 429, alone and beside others.

With L calls per W seconds the ideal for N calls is ``(N - 1) // L * W`` plus the duration of the last call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from rootly_sla import AsyncRootlySLA, RootlySLA
from rootly_sla.sandbox import HeaderStyle, LimitBody, RootlySandbox
from slo_common import LocalRateLimiter, RateLimited, RetryPolicy
from slo_common.sandbox import Fault, VirtualClock, Window
from tests.rootly.modes import TOKEN
from tests.rootly.rootly_requests import WANTED

READS = Window(limit=5, seconds=60)
WRITES = Window(limit=3, seconds=60)
START = 1_790_000_000.0
LATENCY = 0.08


def ideal(calls: int, window: Window) -> float:
    return (calls - 1) // window.limit * window.seconds


def allowed(seconds: float) -> float:
    return 1.01 * seconds + 0.3


class TrioClock:
    """Wall-clock seconds that pass as trio's (mocked) clock does."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    def now(self) -> float:
        return START + trio.current_time() - self._began


class SlowTransport(httpx.AsyncBaseTransport):
    """A sandbox that is some way off."""

    def __init__(self, sandbox: RootlySandbox) -> None:
        self._near = sandbox.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.sleep(LATENCY / 2)
        response = await self._near.handle_async_request(request)
        await trio.sleep(LATENCY / 2)
        return response


def sandbox_at(clock: Any, **options: Any) -> RootlySandbox:
    return RootlySandbox(clock=clock, reads=READS, writes=WRITES, **options)


def refused(sandbox: RootlySandbox) -> int:
    return sum(entry.status == 429 for entry in sandbox.ledger)


def named(i: int) -> dict[str, Any]:
    return {**WANTED, "name": f"sla {i}"}


class TestOneClient:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock(START)

    @pytest.mark.parametrize("style", HeaderStyle)
    def test_thirty_creates_and_a_hundred_reads(self, clock: VirtualClock, style: HeaderStyle) -> None:
        sandbox = sandbox_at(clock, header_style=style)
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            created = [rootly.slas.create(**named(i)) for i in range(30)]
            writing = clock.now() - START
            for _ in range(100):
                rootly.slas.get(created[0].id)
            reading = clock.now() - START - writing
        assert (len(sandbox.slas), refused(sandbox)) == (30, 0)
        assert writing <= allowed(ideal(30, WRITES))
        assert reading <= allowed(ideal(100, READS))

    def test_reads_do_not_wait_for_writes(self, clock: VirtualClock) -> None:
        sandbox = sandbox_at(clock)
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            ids = [rootly.slas.create(**named(i)).id for i in range(3)]
            for sla_id in ids:
                rootly.slas.get(sla_id)
        assert clock.now() == START

    def test_the_published_limits_are_not_slowed_down(self, clock: VirtualClock) -> None:
        sandbox = RootlySandbox(clock=clock)
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            sla_id = rootly.slas.create(**WANTED).id
            for _ in range(500):
                rootly.slas.get(sla_id)
        assert clock.now() == START

    def test_two_clients_of_one_token_share_a_limiter(self, clock: VirtualClock) -> None:
        sandbox = sandbox_at(clock)
        limiter = LocalRateLimiter()
        transport = sandbox.transport()
        sla_id = sandbox.add(**WANTED)
        with (
            RootlySLA(TOKEN, http=transport, rate_limiter=limiter) as one,
            RootlySLA(TOKEN, http=transport, rate_limiter=limiter) as two,
        ):
            for _ in range(10):
                one.slas.get(sla_id)
                two.slas.get(sla_id)
        assert refused(sandbox) == 0
        assert clock.now() - START <= allowed(ideal(20, READS))

    def test_another_token_has_its_own_budget(self, clock: VirtualClock) -> None:
        sandbox = sandbox_at(clock)
        limiter = LocalRateLimiter()
        sla_id = sandbox.add(**WANTED)
        for token in ("one", "two", "three"):
            with RootlySLA(token, http=sandbox.transport(), rate_limiter=limiter) as rootly:
                for _ in range(5):
                    rootly.slas.get(sla_id)
        assert (clock.now(), refused(sandbox)) == (START, 0)

    @pytest.mark.parametrize("body", LimitBody)
    def test_a_refusal_is_waited_out(self, clock: VirtualClock, body: LimitBody) -> None:
        """Another program has spent all that there is before our first call."""
        sandbox = sandbox_at(clock, limit_body=body)
        sandbox.spend("read", 5, token=TOKEN)
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            assert list(rootly.slas.list()) == []
        assert refused(sandbox) == 1
        assert 60 <= clock.now() - START <= 67

    def test_a_wait_that_is_too_long_is_an_error_at_once(self, clock: VirtualClock) -> None:
        sandbox = sandbox_at(clock)
        sandbox.spend("write", 3, token=TOKEN)
        impatient = RetryPolicy(max_rate_limit_wait=30)
        with (
            RootlySLA(TOKEN, http=sandbox.transport(), retry=impatient) as rootly,
            pytest.raises(RateLimited, match=r"Rate limit exceeded\. Try again later\.") as caught,
        ):
            rootly.slas.create(**WANTED)
        assert (caught.value.retry_after, caught.value.exceeds_max_wait, clock.now()) == (60, True, START)

    def test_headers_of_nonsense_do_no_harm(self, clock: VirtualClock) -> None:
        nonsense = {"x-ratelimit-limit": "lots", "x-ratelimit-remaining": "-", "x-ratelimit-reset": "soon"}
        sandbox = sandbox_at(clock, faults=[Fault.status(200, body=b'{"data": []}', headers=nonsense, times=3)])
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            for _ in range(3):
                assert list(rootly.slas.list()) == []


async def run_tasks(job: Callable[[int], Awaitable[object]], count: int, workers: int = 16) -> float:
    """Run a job so many times by so many tasks; gives the seconds that passed."""
    began = trio.current_time()
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await job(number)

    async with trio.open_nursery() as nursery:
        for _ in range(workers):
            nursery.start_soon(work)
    return trio.current_time() - began


def in_virtual_time(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


class TestSixteenTasks:
    def test_thirty_creates_and_a_hundred_reads_at_once(self) -> None:
        async def main() -> None:
            sandbox = sandbox_at(TrioClock())
            sla_id = sandbox.add(**WANTED)
            took: dict[str, float] = {}
            async with AsyncRootlySLA(TOKEN, http=SlowTransport(sandbox)) as rootly:

                async def read() -> None:
                    took["reads"] = await run_tasks(lambda _: rootly.slas.get(sla_id), 100)

                async def write() -> None:
                    took["writes"] = await run_tasks(lambda i: rootly.slas.create(**named(i)), 30)

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(read)
                    nursery.start_soon(write)
            assert (refused(sandbox), len(sandbox.slas)) == (0, 31)
            assert took["reads"] <= allowed(ideal(100, READS) + LATENCY)
            assert took["writes"] <= allowed(ideal(30, WRITES) + LATENCY)

        in_virtual_time(main)

    @pytest.mark.parametrize(("every", "burst"), [(60, 1), (60, 2), (60, 4), (25, 1), (90, 3)])
    def test_beside_others_who_spend_the_same_budget(self, every: float, burst: int) -> None:
        """What others take is learnt from Remaining: about one refusal a window at most, none of which ends a call, and all that they leave is used."""

        async def main() -> None:
            sandbox = sandbox_at(TrioClock())
            sla_id = sandbox.add(**WANTED)
            theirs = 0

            async def others() -> None:
                nonlocal theirs
                while True:
                    theirs += sandbox.spend("read", burst, token=TOKEN)
                    await trio.sleep(every)

            async with AsyncRootlySLA(TOKEN, http=SlowTransport(sandbox)) as rootly, trio.open_nursery() as nursery:
                nursery.start_soon(others)
                took = await run_tasks(lambda _: rootly.slas.get(sla_id), 40)
                nursery.cancel_scope.cancel()
            assert refused(sandbox) <= took / 60 + 2
            assert took <= 1.05 * ideal(40 + theirs, READS) + 60

        in_virtual_time(main)

    def test_after_others_have_gone_the_whole_budget_is_used_again(self) -> None:
        async def main() -> None:
            sandbox = sandbox_at(TrioClock())
            sla_id = sandbox.add(**WANTED)
            sandbox.spend("read", 4, token=TOKEN)
            async with AsyncRootlySLA(TOKEN, http=SlowTransport(sandbox)) as rootly:
                took = await run_tasks(lambda _: rootly.slas.get(sla_id), 41)
            assert refused(sandbox) == 0
            assert took <= allowed(ideal(45, READS)) + 10  # those who queue look again every ten seconds

        in_virtual_time(main)
