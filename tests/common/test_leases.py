"""Lending, to threads and to tasks: the last returned first, a bounded wait, and nobody forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import anyio
import pytest
import trio
import trio.testing

from slo_common._leases import IDLE_SECONDS, AsyncLeases, Exhausted, SyncLeases
from tests.common.interrupts import Pressed


def numbered() -> Callable[[], int]:
    numbers = iter(range(1000))
    return lambda: next(numbers)


def test_what_came_back_last_is_lent_first() -> None:
    leases = SyncLeases(numbered(), 9)
    one, two, three = (leases.take(1.0) for _ in range(3))
    for item in (one, two, three):
        leases.give(item)
    assert [leases.take(1.0) for _ in range(4)] == [three, two, one, 3]


def test_a_thread_waits_for_what_is_out_and_gets_it() -> None:
    leases = SyncLeases(numbered(), 1)
    item = leases.take(1.0)
    got: list[int] = []
    waiter = threading.Thread(target=lambda: got.append(leases.take(30.0)))
    waiter.start()
    leases.give(item)
    waiter.join()
    assert got == [item]


def test_a_thread_that_waits_too_long_goes_without() -> None:
    leases = SyncLeases(numbered(), 1)
    leases.take(1.0)
    with pytest.raises(Exhausted):
        leases.take(0.0)


def test_what_nobody_wanted_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("slo_common._leases.time.monotonic", lambda: now)
    leases = SyncLeases(numbered(), 2)
    one, two = leases.take(1.0), leases.take(1.0)
    assert leases.give(one) is None
    now = IDLE_SECONDS + 1
    assert leases.give(two) == one, "the caller is to close it"
    assert (leases.take(1.0), leases.take(1.0)) == (two, 2)


ACTS: dict[str, Callable[[SyncLeases[int]], object]] = {
    "take": lambda leases: leases.take(1.0),
    "give": lambda leases: leases.give(0),
    "clear": SyncLeases[int].clear,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_ctrl_c_leaves_the_lock_to_others(act: Callable[[SyncLeases[int]], object]) -> None:
    places, pressed = 0, True
    while pressed:
        places += 1
        leases = SyncLeases(numbered(), 9)
        leases.take(1.0)
        with Pressed(places, {"slo_common._leases", "threading"}.__contains__) as ctrl_c, suppress(KeyboardInterrupt):
            act(leases)
        pressed = ctrl_c.pressed
        other = threading.Thread(target=leases.clear, daemon=True)
        other.start()
        other.join(5.0)
        assert not other.is_alive(), f"place {places}"
    assert places > 1


def test_all_that_is_not_out_can_be_taken_away() -> None:
    leases = SyncLeases(numbered(), 3)
    out, one, two = (leases.take(1.0) for _ in range(3))
    leases.give(one)
    leases.give(two)
    assert leases.clear() == [one, two]
    assert leases.clear() == []
    leases.give(out)
    assert leases.take(1.0) == out


def test_many_threads_never_hold_more_than_there_are() -> None:
    leases = SyncLeases(numbered(), 4)
    lock = threading.Lock()
    held: set[int] = set()
    most = 0

    def work() -> None:
        nonlocal most
        for _ in range(200):
            item = leases.take(30.0)
            with lock:
                assert item not in held
                held.add(item)
                most = max(most, len(held))
            with lock:
                held.remove(item)
            leases.give(item)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (held, most <= 4) == (set(), True)
    assert len(leases.clear()) <= 4


async def test_async_what_came_back_last_is_lent_first() -> None:
    leases = AsyncLeases(numbered(), 9)
    one, two = await leases.take(1.0), await leases.take(1.0)
    leases.give(one)
    leases.give(two)
    assert [await leases.take(1.0) for _ in range(3)] == [two, one, 2]
    assert leases.clear() == []


async def test_async_waiters_get_what_comes_back_in_their_order() -> None:
    leases = AsyncLeases(numbered(), 1)
    item = await leases.take(1.0)
    order: list[str] = []

    async def want(name: str) -> None:
        got = await leases.take(30.0)
        order.append(name)
        leases.give(got)

    async with anyio.create_task_group() as group:
        for name in ("a", "b", "c"):
            group.start_soon(want, name)
            await anyio.wait_all_tasks_blocked()
        leases.give(item)
    assert order == ["a", "b", "c"]


def test_async_a_task_that_waits_too_long_goes_without() -> None:
    async def main() -> None:
        leases = AsyncLeases(numbered(), 1)
        item = await leases.take(1.0)
        with pytest.raises(Exhausted):
            await leases.take(10.0)
        leases.give(item)
        assert await leases.take(0.0) == item

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_async_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    """Called and cancelled at the same moment: the call must not be lost, or the next would wait for ever."""
    leases = AsyncLeases(numbered(), 1)
    item = await leases.take(1.0)
    got: list[int] = []
    scope = anyio.CancelScope()

    async def doomed() -> None:
        with scope:
            got.append(-(await leases.take(30.0)))

    async def patient() -> None:
        got.append(await leases.take(30.0))

    async with anyio.create_task_group() as group:
        group.start_soon(doomed)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(patient)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        leases.give(item)
        with anyio.fail_after(30.0):
            await anyio.wait_all_tasks_blocked()
    assert got == [item]
