"""One contestant in a process of its own: ``python worker.py KEY URL``.

It reads lines ``COUNT CONCURRENCY`` and answers each with one JSON line: seconds of wall clock and of CPU for that many operations.
``python worker.py KEY URL memory`` does the work once and prints how much the peak of resident memory rose by it, in bytes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import works


def check(contestant: works.Contestant, result: int) -> None:
    """A client that does not do the work has no time worth comparing."""
    if result != works.EXPECTED[contestant.work]:
        sys.exit(f"{contestant.key}: the work gave {result}, not {works.EXPECTED[contestant.work]}")


def report(wall: float, cpu: float) -> None:
    print(json.dumps({"wall": wall, "cpu": cpu}), flush=True)


def run_sync(contestant: works.Contestant, url: str) -> None:
    operation = contestant.make(url)
    check(contestant, operation())
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line.split()[0])
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            operation()
        report(time.perf_counter() - wall, time.process_time() - cpu)


async def run_async(contestant: works.Contestant, url: str) -> None:
    operation = await contestant.make(url)
    check(contestant, await operation())
    print("ready", flush=True)
    while line := sys.stdin.readline():
        count, concurrency = (int(word) for word in line.split())
        todo = iter(range(count))

        async def take_turns(todo: Any = todo) -> None:
            for _ in todo:
                await operation()

        turns: list[Awaitable[None]] = [take_turns() for _ in range(concurrency)]
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*turns)
        report(time.perf_counter() - wall, time.process_time() - cpu)


def peak() -> int:
    """The highest resident memory since the last reset, from the kernel."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


def measure_memory(contestant: works.Contestant, url: str) -> None:
    """The first, small call warms the connection; the measured one is the first that decodes the large body."""
    operation = contestant.make(url)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak()
    check(contestant, operation())
    print(peak() - before)


def main() -> None:
    contestant, url = works.CONTESTANTS[sys.argv[1]], sys.argv[2]
    if sys.argv[3:] == ["memory"]:
        measure_memory(contestant, url)
    elif contestant.asynchronous:
        asyncio.run(run_async(contestant, url))
    else:
        run_sync(contestant, url)


if __name__ == "__main__":
    main()
