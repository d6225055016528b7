"""Four real processes, one budget of 5 calls in any second, real time, a real Redis."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from slo_common import FileRateLimiter, LimitKey, RedisRateLimiter
from slo_common.sandbox import SlidingWindows, Window
from tests.limiters.processes import Process, Things, most_in_a_window, start_together, until
from tests.limiters.redis_server import RedisServer, connect, patient
from tests.limiters.twins import members_in_redis

PROCESSES = 4
LIMIT = 5
CALLS = 20


def things() -> Things:
    return Things(SlidingWindows(lambda _: Window(limit=LIMIT, seconds=1)))


@contextlib.contextmanager
def crew(limiter: str, where: str, url: str) -> Generator[list[Process]]:
    processes = [Process(limiter=limiter, where=where, url=url, name=f"p{i}") for i in range(PROCESSES)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The folder or the address of the shared state."""
    return str(tmp_path) if request.getfixturevalue("limiter") == "file" else str(request.getfixturevalue("redis_url"))


@pytest.mark.slow
@pytest.mark.parametrize("limiter", ["file", "redis"])
def test_four_processes_share_a_budget_and_are_never_refused(limiter: str, where: str) -> None:
    sandbox = things()
    with sandbox.serve() as server, crew(limiter, where, server.url) as processes:
        start_together(processes)
        first = sandbox.wait_for_all(PROCESSES)
        sandbox.wait_for(first + CALLS)
        sandbox.enough_now()
        logged = [process.report() for process in processes]
    granted = sandbox.granted[first : first + CALLS]
    assert sandbox.refused == 0  # the server counts exactly: never more than 5 in any second
    shares = sandbox.shares(first, first + CALLS)
    assert sorted(shares) == [f"/p{i}" for i in range(PROCESSES)]
    # Nobody starves, and they use the budget up; how closely is a matter for virtual time (test_simulated.py), where no other program
    # interferes and the machine does not stand still.
    assert [n for n in shares.values() if abs(n - CALLS / PROCESSES) > 0.6 * CALLS / PROCESSES] == []
    assert granted[-1] - granted[0] <= 5 * (CALLS / LIMIT)
    assert logged == [[]] * PROCESSES


@pytest.mark.slow
def test_redis_is_killed_and_comes_back(own_redis: RedisServer) -> None:
    own_redis.start()
    sandbox = things()
    with sandbox.serve() as server, crew("redis", patient(own_redis.url), server.url) as processes:
        start_together(processes)
        sandbox.wait_for(LIMIT + 1)
        own_redis.kill()
        killed = len(sandbox.granted)
        sandbox.wait_for(killed + 2 * LIMIT)  # they go on without it
        own_redis.start()
        back = len(sandbox.granted)
        sandbox.wait_for(back + 3 * LIMIT)
        with connect(own_redis.url) as client:
            until(lambda: len(members_in_redis(client)) == PROCESSES)  # each looks for it at times of its own
        sandbox.enough_now()
        logged = [process.report() for process in processes]
    for lines in logged:
        assert [level for level, _ in lines] == ["WARNING", "INFO"]
        assert lines[0][1] == (
            f"the shared rate limiter (Redis at 127.0.0.1:{own_redis.port}) cannot be used: ConnectionError; "
            "this process goes on alone, with its part of the budget"
        )
        assert lines[1][1] == f"the shared rate limiter (Redis at 127.0.0.1:{own_redis.port}) can be used again"
    part = PROCESSES * (LIMIT // PROCESSES)  # what they may spend together, when each takes its part and no more
    assert most_in_a_window(sandbox.granted[killed + LIMIT : back], 1.0) <= part
    # Who has not called of late cannot know, alone, that the others have just used the budget up: each may err once.
    assert sandbox.refused <= PROCESSES


@pytest.mark.parametrize("limiter", ["file", "redis"])
def test_a_process_that_is_killed_with_a_place_in_hand_blocks_nobody_for_longer_than_its_lease(limiter: str, where: str) -> None:
    holder = Process(limiter=limiter, where=where, hold=True)
    assert holder.hear() == "held"
    holder.kill()
    kind: type[FileRateLimiter | RedisRateLimiter] = FileRateLimiter if limiter == "file" else RedisRateLimiter
    from slo_common import Secret
    from slo_common._auth import HeaderAuth

    key = LimitKey("vendor", HeaderAuth(headers=(("authorization", "Bearer ", Secret("k")),)).account, "things")
    other = kind(where).reserve(key, time.monotonic())
    assert other.wait > 0  # for the place is taken, as long as its lease lasts
    other.cancel()
    lease = 0.5
    reservation = kind(where, lease=lease).reserve(key, time.monotonic())
    waited = 0.0  # by the limiter's word, so that a slow machine does not count
    while reservation.wait > 0 and waited <= lease + 0.1:
        waited += reservation.wait
        time.sleep(reservation.wait)
        reservation.renew(time.monotonic())
    assert reservation.wait == 0
