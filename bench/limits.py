"""Many calls under a limit, in virtual time: the SDK beside what other clients do when they are refused.

The server, its line and its clock are those of the project's own simulated tests (``tests/common/simulation.py``); ours is the real flow
with the real limiter. Each strategy makes the same calls by as many workers against a server of its own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import frozen

from page import Goals, section, table

# The helpers of the tests are imported from the source tree; the SDK itself stays the installed one, because this stands last.
sys.path.append(str(Path(__file__).parent.parent))

from slo_common import LocalRateLimiter, RateLimiter, RetryPolicy
from slo_common._limiter_file import FileStore
from slo_common._limiter_shared import LEASE, SharedRateLimiter
from slo_common.sandbox import FixedWindows, Meter, SlidingWindows, Window
from tests.common.simulation import START, Kernel, Pause, Server, fixed_ideal, ideal, simulate, sliding_ideal

CALLS = (5, 50, 500)
WORKERS = (1, 8, 64)
PROCESSES = 4
SLIDING, FIXED = Window(limit=5, seconds=60), Window(limit=100, seconds=10)
INTO = 3.7
"""Seconds into a fixed window at which it begins."""


@frozen(kw_only=True)
class Scene:
    """So many calls under this window, by so many workers in so many processes."""

    sliding: bool
    calls: int
    workers: int
    processes: int = 1

    @property
    def window(self) -> Window:
        return SLIDING if self.sliding else FIXED

    def server(self) -> Server:
        meter: Meter = (SlidingWindows if self.sliding else FixedWindows)(lambda _: self.window)
        return Server(meter, kernel=Kernel(), starts_at=START + (0.0 if self.sliding else INTO))

    @property
    def ideal(self) -> float:
        """Seconds that one who knows everything would take."""
        limit, seconds = self.window.limit, float(self.window.seconds)
        allowed = sliding_ideal(limit, seconds) if self.sliding else fixed_ideal(limit, seconds, offset=INTO)
        return ideal(allowed, calls=self.calls, workers=self.workers * self.processes)


@frozen(kw_only=True)
class Ran:
    """How a strategy did."""

    makespan: float
    refused: int
    lost: int
    """Calls that were given up."""


Strategy = Callable[[Scene], Ran]


def _ours(scene: Scene, server: Server, limiters: list[RateLimiter]) -> Ran:
    # Waits as long as it takes: the default gives a call up after 120 s of waiting for a server that refuses it.
    patient = RetryPolicy(rate_limit_retries=100, max_rate_limit_wait=1e9)
    outcome = simulate(server, calls=scene.calls, workers=scene.workers, limiters=limiters, retry=patient)
    return Ran(makespan=outcome.makespan, refused=outcome.refused, lost=outcome.given_up)


def unshared(scene: Scene) -> Ran:
    """Ours; each process has a limiter of its own."""
    return _ours(scene, scene.server(), [LocalRateLimiter() for _ in range(scene.processes)])


def by_file(scene: Scene) -> Ran:
    """Ours; the processes share a FileRateLimiter."""
    server = scene.server()
    kernel = server.kernel
    with tempfile.TemporaryDirectory() as folder:
        limiters: list[RateLimiter] = [
            SharedRateLimiter(
                FileStore(Path(folder), lease=LEASE, clock=lambda: 1000.0 + kernel.time, mend=False), "raise", lambda: kernel.time
            )
            for _ in range(scene.processes)
        ]
        return _ours(scene, server, limiters)


def reactive(retries: int) -> Strategy:
    """What official clients do: when refused, sleep until the reset that the server names, and try again so many times."""

    def run(scene: Scene) -> Ran:
        server = scene.server()
        kernel = server.kernel
        left: Iterator[int] = iter(range(scene.calls))
        finished: list[float] = [0.0]
        lost: list[float] = []

        async def call() -> bool:
            for attempt in range(retries + 1):
                await Pause(server.way())
                reply = server.take("things")
                await Pause(server.way())
                if reply.status == 200:
                    return True
                if attempt < retries:
                    reset = float(reply.headers["x-ratelimit-reset"])
                    await Pause(reset - server.clock() if scene.sliding else reset)  # Rootly names a moment, Datadog seconds
            return False

        async def worker() -> None:
            for _ in left:
                (finished if await call() else lost).append(kernel.time)

        for _ in range(scene.workers * scene.processes):
            kernel.spawn(worker())
        kernel.run()
        return Ran(makespan=max(finished), refused=len(server.counted.refused), lost=len(lost))

    return run


PATIENT, DEFAULT, NONE = "sleep(Reset) until it works", "sleep(Reset), 3 times", "no retry"
RIVALS: dict[str, Strategy] = {PATIENT: reactive(1_000_000), DEFAULT: reactive(3), NONE: reactive(0)}

OURS: dict[int, dict[str, Strategy]] = {
    1: {"slo-sdk": unshared},
    PROCESSES: {"slo-sdk, FileRateLimiter": by_file, "slo-sdk, not shared": unshared},
}


def cell(ran: Ran, scene: Scene) -> str:
    """Makespan over ideal and 429s; what was lost, where something was: then the makespan says nothing."""
    return f"{ran.lost} lost, {ran.refused}" if ran.lost else f"{ran.makespan / scene.ideal:.3f}, {ran.refused}"


def scenes(*, sliding: bool, processes: int) -> list[Scene]:
    """All that make sense: fewer calls than workers only where they nearly match, and no 256 waiters asking a file for 100 windows."""
    return [
        Scene(sliding=sliding, calls=calls, workers=workers, processes=processes)
        for calls in CALLS
        for workers in WORKERS
        if (workers == 1 or calls > workers // 4) and not (sliding and processes > 1 and (calls, workers) == (500, 64))
    ]


def one_table(ours: Mapping[str, Strategy], those: list[Scene]) -> tuple[str, dict[str, list[tuple[Ran, Scene]]]]:
    strategies = {**ours, **RIVALS}
    ran = {name: [(strategy(scene), scene) for scene in those] for name, strategy in strategies.items()}
    rows = [
        [f"{scene.calls}", f"{scene.workers}", f"{scene.ideal:,.1f} s", *(cell(*ran[name][i]) for name in strategies)]
        for i, scene in enumerate(those)
    ]
    return table(["calls", "workers", "ideal", *strategies], rows), ran


def makespan_section(goals: Goals) -> str:
    """All four tables."""
    parts: list[str] = []
    for sliding in (True, False):
        window = SLIDING if sliding else FIXED
        kind = f"{'Sliding' if sliding else 'Fixed'} window, {window.limit} calls in {window.seconds} s"
        for processes, ours in OURS.items():
            text, ran = one_table(ours, scenes(sliding=sliding, processes=processes))
            by = "one process" if processes == 1 else f"{processes} processes, each with so many workers"
            parts.append(f"{kind}, {by}:\n\n{text}")
            best = ran[next(iter(ours))]
            # The first call goes ahead alone to learn the limit, which shows where the whole takes but a second.
            above = [(r.makespan - 0.3) / s.ideal for r, s in best]
            goals.at_most(f"makespan less 0.3 s over ideal, {kind[0].lower()}{kind[1:]}, {by.partition(',')[0]}", max(above), 1.02)
            goals.at_most(f"429s, {kind[0].lower()}{kind[1:]}, {by.partition(',')[0]}", sum(r.refused for r, _ in best), 0)
    how = (
        "In virtual time, 0.1 s from call to answer; each cell: makespan over the ideal of one who knows everything, and the number of 429s; "
        "or, where calls were given up, how many. A client that knows no limit is refused and sleeps until the reset that the server names "
        "(datadog-api-client with its retries switched on: 3 times at most) or raises at once (its default, zabbix_utils, rootly, httpx)."
    )
    return section("Makespan under limits", how, *parts)
