"""Four processes with one budget, in virtual time: as fast as one process would be, and never refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slo_common import RateLimiter
from slo_common._limiter_file import FileStore
from slo_common._limiter_shared import LEASE, SharedRateLimiter
from slo_common.sandbox import FixedWindows, SlidingWindows, Window
from tests.common.simulation import START, Kernel, Server, fixed_ideal, ideal, simulate, sliding_ideal
from tests.limiters.redis_server import connect
from tests.limiters.twins import redis_store

PROCESSES = 4
NewProcess = Callable[[Kernel], RateLimiter]


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


ENGINES = ["by_file", "by_redis"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("workers", [1, 8, 16])
@pytest.mark.parametrize(("limit", "calls"), [(5, 50), (500, 50)])
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


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("workers", [1, 8, 16])
@pytest.mark.parametrize(("limit", "seconds", "offset", "calls"), [(100, 10, 3.7, 300), (5, 60, 42.42, 50)])
def test_a_fixed_window_is_used_to_a_fiftieth_without_a_refusal(
    request: pytest.FixtureRequest, engine: str, limit: int, seconds: int, offset: float, calls: int, workers: int
) -> None:
    new_process: NewProcess = request.getfixturevalue(engine)
    kernel = Kernel()
    server = Server(FixedWindows(lambda _: Window(limit=limit, seconds=seconds)), kernel=kernel, starts_at=START + offset)
    outcome = simulate(server, calls=calls, workers=workers, limiters=[new_process(kernel) for _ in range(PROCESSES)])
    assert (len(outcome.finished), outcome.refused) == (calls, 0)
    best = ideal(fixed_ideal(limit, seconds, offset=offset), calls=calls, workers=workers * PROCESSES)
    assert outcome.makespan <= 1.02 * best + 0.3
