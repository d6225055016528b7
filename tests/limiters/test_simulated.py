"""Four processes with one budget, in virtual time: as fast as one process would be, and never refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from slo_common import RateLimiter
from slo_common._limiter_file import FileStore
from slo_common._limiter_shared import LEASE, SharedRateLimiter
from slo_common.sandbox import FixedWindows, SlidingWindows, Window
from tests.common.simulation import START, Kernel, Server, fixed_ideal, ideal, simulate, sliding_ideal
from tests.limiters.redis_server import connect
from tests.limiters.twins import BookStore, redis_store

PROCESSES = 4
NewProcess = Callable[[Kernel], RateLimiter]


@pytest.fixture
def by_book() -> NewProcess:
    """The book itself: what the file holds, and what the script in Redis is held equal to by ``test_twin``."""
    stores: list[BookStore] = []

    def new_process(kernel: Kernel) -> RateLimiter:
        stores[:] = stores or [BookStore(lambda: START + kernel.time, lease=LEASE)]
        return SharedRateLimiter(stores[0], "raise", lambda: kernel.time)

    return new_process


@pytest.fixture
def by_file(tmp_path: Path) -> NewProcess:
    def new_process(kernel: Kernel) -> RateLimiter:
        store = FileStore(tmp_path, lease=LEASE, clock=lambda: 1000.0 + kernel.time, mend=False)
        return SharedRateLimiter(store, "raise", lambda: kernel.time)

    return new_process


@pytest.fixture
def by_redis(redis_url: str) -> NewProcess:
    def new_process(kernel: Kernel) -> RateLimiter:
        store = redis_store(connect(redis_url), lambda: START + kernel.time, lease=LEASE)
        return SharedRateLimiter(store, "raise", lambda: kernel.time)

    return new_process


GRID = list(itertools.product((5, 50, 500), (1, 8, 64)))
"""Calls, and workers of each process."""
FEW, MANY = 5, 50
"""Calls in a window of a minute."""
SIMULATED = [
    *(("by_book", FEW, *cell) for cell in GRID),
    # 500 calls at 5 a minute are 100 minutes, in which 256 workers ask 37,000 times: a second or two in memory, more with a store.
    *((engine, MANY if cell in ((500, 8), (500, 64)) else FEW, *cell) for engine in ("by_file", "by_redis") for cell in GRID),
]


@pytest.mark.parametrize(("engine", "limit", "calls", "workers"), SIMULATED)
def test_a_sliding_window_is_used_to_a_hundredth_without_a_refusal(
    request: pytest.FixtureRequest, engine: str, limit: int, calls: int, workers: int
) -> None:
    new_process: NewProcess = request.getfixturevalue(engine)
    kernel = Kernel()
    server = Server(SlidingWindows(lambda _: Window(limit=limit, seconds=60)), kernel=kernel)
    outcome = simulate(server, calls=calls, workers=workers, limiters=[new_process(kernel) for _ in range(PROCESSES)])
    assert (len(outcome.finished), outcome.refused) == (calls, 0)
    best = ideal(sliding_ideal(limit, 60), calls=calls, workers=workers * PROCESSES)
    assert outcome.makespan <= 1.01 * best + 0.3


@pytest.mark.parametrize(("engine", "limit", "calls", "workers"), SIMULATED)
def test_a_fixed_window_is_used_to_a_fiftieth_without_a_refusal(
    request: pytest.FixtureRequest, engine: str, limit: int, calls: int, workers: int
) -> None:
    new_process: NewProcess = request.getfixturevalue(engine)
    kernel = Kernel()
    server = Server(FixedWindows(lambda _: Window(limit=limit, seconds=60)), kernel=kernel, starts_at=START + 42.42)
    outcome = simulate(server, calls=calls, workers=workers, limiters=[new_process(kernel) for _ in range(PROCESSES)])
    assert (len(outcome.finished), outcome.refused) == (calls, 0)
    best = ideal(fixed_ideal(limit, 60, offset=42.42), calls=calls, workers=workers * PROCESSES)
    assert outcome.makespan <= 1.02 * best + 0.3


@pytest.mark.parametrize("engine", ["by_book", "by_file", "by_redis"])
@pytest.mark.parametrize("workers", [1, 8, 64])
def test_short_fixed_windows_are_used_to_a_fiftieth_without_a_refusal(
    request: pytest.FixtureRequest, engine: str, workers: int
) -> None:
    new_process: NewProcess = request.getfixturevalue(engine)
    kernel = Kernel()
    server = Server(FixedWindows(lambda _: Window(limit=100, seconds=10)), kernel=kernel, starts_at=START + 3.7)
    outcome = simulate(server, calls=500, workers=workers, limiters=[new_process(kernel) for _ in range(PROCESSES)])
    assert (len(outcome.finished), outcome.refused) == (500, 0)
    assert outcome.makespan <= 1.02 * ideal(fixed_ideal(100, 10, offset=3.7), calls=500, workers=workers * PROCESSES) + 0.3


@pytest.mark.parametrize("engine", ["by_book", "by_file", "by_redis"])
@pytest.mark.parametrize("workers", [1, 8])
def test_each_process_gets_its_part(request: pytest.FixtureRequest, engine: str, workers: int) -> None:
    new_process: NewProcess = request.getfixturevalue(engine)
    kernel = Kernel()
    server = Server(SlidingWindows(lambda _: Window(limit=FEW, seconds=1)), kernel=kernel)
    outcome = simulate(server, calls=200, workers=workers, limiters=[new_process(kernel) for _ in range(PROCESSES)])
    assert outcome.shares.total() == 200
    assert [n for n in outcome.shares.values() if abs(n - 50) > 0.15 * 50] == []


def test_hundreds_who_wait_for_few_places_do_not_ask_without_end(by_book: NewProcess) -> None:
    kernel = Kernel()
    server = Server(SlidingWindows(lambda _: Window(limit=FEW, seconds=60)), kernel=kernel)
    outcome = simulate(server, calls=256, workers=64, limiters=[by_book(kernel) for _ in range(PROCESSES)])
    assert len(outcome.finished) == 256
    assert outcome.steps <= 70 * 256, "asks, sends and replies together"
