"""When the end of a job is noticed: the SDK's poller beside usual schedules, over jobs of random length, in virtual time."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define

from page import Goals, section, table

JOBS = 2_000
# Lognormal: one job in a hundred takes less than 2 s, one in a hundred more than 20 minutes.
P1, P99, Z99 = 2.0, 1_200.0, 2.326348
MU = (math.log(P1) + math.log(P99)) / 2
SIGMA = (math.log(P99) - math.log(P1)) / 2 / Z99


@define
class Watched:
    """One job under watch: how often it was asked for, and when its end was noticed."""

    length: float
    time: float = 0.0
    polls: int = 0

    def is_over(self) -> bool:
        self.polls += 1
        return self.time >= self.length

    @property
    def delay(self) -> float:
        return self.time / self.length - 1


@define
class JobRuntime:
    """What the poller needs of a runtime: a clock that its own sleeping moves."""

    job: Watched

    def now(self) -> float:
        return self.job.time

    def wall(self) -> float:
        return 1_700_000_000.0 + self.job.time

    async def sleep(self, seconds: float) -> None:
        self.job.time += seconds


def ours(job: Watched) -> None:
    """The real flow with its default schedule."""
    from slo_common._drive import drive
    from slo_common._poll import JobHandle, poll

    async def ask() -> bool:
        return job.is_over()

    runtime: Any = JobRuntime(job)  # it sends nothing
    handle = JobHandle(vendor="bench", report_id="1", created_at=runtime.wall())
    flow: Coroutine[Any, Any, bool] = poll(runtime, ask, is_over=bool, timeout=1e9, what="bench", handle=handle)
    drive(flow)


def by(delays: Callable[[int], float]) -> Callable[[Watched], None]:
    """Ask, sleep ``delays(n)`` after the n-th time, and again."""

    def watch(job: Watched) -> None:
        while not job.is_over():
            job.time += delays(job.polls - 1)

    return watch


OURS, FIXED = "slo-sdk", "every 5 s"
SCHEDULES: dict[str, Callable[[Watched], None]] = {
    OURS: ours,
    FIXED: by(lambda _: 5.0),
    "every second": by(lambda _: 1.0),
    "1 s, doubled up to 30 s": by(lambda n: min(30.0, 2.0 ** min(n, 10))),
    "1 s, doubled without an end": by(lambda n: 2.0**n),
}


def polling_section(goals: Goals) -> str:
    chance = random.Random(7)
    lengths = [chance.lognormvariate(MU, SIGMA) for _ in range(JOBS)]
    rows: list[list[str]] = []
    means: dict[str, float] = {}
    latest: dict[str, float] = {}
    for name, watch in SCHEDULES.items():
        jobs = [Watched(length) for length in lengths]
        for job in jobs:
            watch(job)
        delays, polls = [job.delay for job in jobs], [job.polls for job in jobs]
        means[name], latest[name] = 100 * statistics.mean(delays), 100 * statistics.quantiles(delays, n=20)[-1]
        most = statistics.quantiles(polls, n=20)[-1]
        late = statistics.mean(job.time - job.length for job in jobs)
        asked = [f"{statistics.mean(polls):.1f}", f"{most:.0f}"]
        rows.append([name, *asked, f"{means[name]:.1f} %", f"{latest[name]:.1f} %", f"{late:.1f} s"])
    goals.at_most("noticing the end of a job: mean delay, against every 5 s", means[OURS], means[FIXED], " %")
    goals.at_most("noticing the end of a job: 95th percentile, against every 5 s", latest[OURS], latest[FIXED], " %")
    how = (
        f"{JOBS:,} jobs of lognormal length (one in a hundred below {P1:g} s, one in a hundred above {P99 / 60:g} minutes), in virtual time, by the SDK's "
        "own polling flow and by four plain loops. The delay is from the end of a job to the poll that sees it, as a share of the job's length."
    )
    head = ["schedule", "polls, mean", "polls, 95 %", "delay, mean", "delay, 95 %", "mean delay in seconds"]
    return section("Noticing that a job is over", how, table(head, rows))
