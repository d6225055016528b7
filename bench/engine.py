"""The client engine: ``python engine.py makespan`` or ``python engine.py memory``; prints JSON.

``makespan``: 300 SLOs by 12 months from the sandbox, under its limit of 100 calls in 10 s, many tasks in one virtual time.
``memory``: 1,000 SLOs by 52 weeks into a file; the search is the sandbox's, each history is the same reply, so that only the client's memory grows.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
import tempfile
import time
from pathlib import Path

import httpx
from attrs import frozen

from datadog_slo import AsyncDatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common.sandbox import Window

START = 1_790_000_000
ZONE = "America/New_York"
YEAR = (1_735_707_600, 1_767_243_600)
"""2025 there."""
WEEKS = (1_735_448_400, 1_766_898_000)
"""52 weeks there, from a Sunday on."""
LIMIT = Window(limit=100, seconds=10)
SLOS, MONTHS, MANY, FIFTY_TWO = 300, 12, 1_000, 52


def fill(sandbox: DatadogSandbox, count: int) -> None:
    for n in range(count):
        sandbox.add_slo(
            {
                "name": f"SLO {n}",
                "type": "metric",
                "thresholds": [{"timeframe": "30d", "target": 99.9}],
                "query": {"numerator": "sum:good{*}.as_count()", "denominator": "sum:all{*}.as_count()"},
            },
            slo_id=f"id{n}",
        )


class JumpingSelector(selectors.SelectSelector):
    """Never waits: where nothing has happened, its time jumps to when something is due."""

    time = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout:
            self.time += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that runs through its timers at once."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time


@frozen
class LoopClock:
    """The sandbox's time is the loop's, so that many tasks wait in the same virtual time."""

    loop: VirtualLoop

    def now(self) -> float:
        return START + self.loop.time()


def makespan() -> dict[str, float]:
    loop = VirtualLoop()
    sandbox = DatadogSandbox(clock=LoopClock(loop), limits={"slo_history": LIMIT})
    fill(sandbox, SLOS)

    async def main() -> float:
        async with AsyncDatadogSLO("api", "app", http=sandbox.transport(), timeout=3600) as dd:
            report = await dd.reports.run(
                query="*", from_ts=YEAR[0], to_ts=YEAR[1], interval="monthly", timezone=ZONE, engine="client"
            )
        assert sum(len(row.sli) for row in report.rows) == SLOS * MONTHS
        return loop.time()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        taken = runner.run(main())
    return {
        "makespan": taken,
        "ideal": (SLOS * MONTHS - 1) // LIMIT.limit * LIMIT.seconds,  # it begins with a window, and answers take no time
        "refused": sum(entry.status == 429 for entry in sandbox.ledger),
        "calls": len(sandbox.ledger),
    }


class Recorded(httpx.AsyncBaseTransport):
    """Searches go to the sandbox; every history is the first one that the sandbox gave."""

    def __init__(self, sandbox: DatadogSandbox) -> None:
        self._sandbox = sandbox.transport()
        self._history: tuple[httpx.Headers, bytes] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/history"):
            return await self._sandbox.handle_async_request(request)
        if self._history is None:
            answer = await self._sandbox.handle_async_request(request)
            kept = [(name, value) for name, value in answer.headers.items() if not name.startswith("x-ratelimit")]
            self._history = httpx.Headers(kept), answer.content
        headers, body = self._history
        return httpx.Response(200, headers=headers, content=body)


def peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


async def _write(slos: int, target: Path) -> None:
    sandbox = DatadogSandbox()
    fill(sandbox, slos)
    async with AsyncDatadogSLO("api", "app", http=Recorded(sandbox), timeout=3600) as dd:
        file = await dd.reports.run_to(
            target, query="*", from_ts=WEEKS[0], to_ts=WEEKS[1], interval="weekly", timezone=ZONE, engine="client"
        )
    assert (file.rows, file.errors) == (slos, 0)


def to_file(slos: int, target: Path) -> int:
    """The weekly report of so many SLOs; how many cells it has."""
    asyncio.run(_write(slos, target))
    with target.open(encoding="utf-8") as lines:
        next(lines)
        return sum(line.count(",") - 4 for line in lines)


def memory() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "report.csv"
        to_file(2, target)  # imports and caches
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before, began = peak(), time.perf_counter()
        cells = to_file(MANY, target)
        return {"rise": peak() - before, "whole": peak(), "cells": cells, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    print(json.dumps({"makespan": makespan, "memory": memory}[sys.argv[1]]()))
