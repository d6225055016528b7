"""One contestant in a process of its own: ``python worker.py KEY URL [MODE]``.

Without a mode it reads lines ``COUNT CONCURRENCY`` and answers each with one JSON line: seconds of wall clock and of CPU for that many
operations, by so many tasks or threads. The modes do one thing and print one number: ``memory`` (by how many bytes the peak of resident
memory rose in the first operation), ``traced`` (the peak of what Python allocated in one operation, in bytes), ``gather`` (seconds of 1,000
operations begun at once on a new client), ``profile`` (JSON: the share of time and the calls of each package, by cProfile).
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import gc
import json
import pstats
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import works

GATHERED = 1_000
PROFILED = 2_000


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
    with ThreadPoolExecutor(64) as pool:
        for line in sys.stdin:
            count, threads = (int(word) for word in line.split())
            wall, cpu = time.perf_counter(), time.process_time()
            if threads == 1:
                for _ in range(count):
                    operation()
            else:
                shares = [pool.submit(repeat, operation, count // threads) for _ in range(threads)]
                for share in shares:
                    share.result()
            report(time.perf_counter() - wall, time.process_time() - cpu)


def repeat(operation: Callable[[], int], count: int) -> None:
    for _ in range(count):
        operation()


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
    """The first operation of a new client is measured, as it is the first that decodes the large body."""
    operation = contestant.make(url)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak()
    check(contestant, operation())
    print(peak() - before)


def measure_traced(contestant: works.Contestant, url: str) -> None:
    """A warm operation, so that caches and lazy imports are not counted."""
    operation = contestant.make(url)
    operation()
    gc.collect()
    tracemalloc.start()
    check(contestant, operation())
    print(tracemalloc.get_traced_memory()[1])


async def measure_gather(contestant: works.Contestant, url: str) -> None:
    """No call is made before: connections are opened in the rush."""
    operation = await contestant.make(url)
    began = time.perf_counter()
    results = await asyncio.gather(*(operation() for _ in range(GATHERED)))
    taken = time.perf_counter() - began
    check(contestant, sum(results) // GATHERED)
    print(taken)


async def profiled_async(operation: Callable[[], Awaitable[int]], profile: cProfile.Profile) -> None:
    for _ in range(PROFILED // 10):
        await operation()
    with profile:
        for _ in range(PROFILED):
            await operation()


def room(file: str) -> str:
    """The package or module that a function belongs to, by its file."""
    path = Path(file)
    for name in ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla"):
        if name in path.parts or name in file:
            return f"{name}/{path.name}" if path.suffix == ".py" else f"{name}, generated classes"
    for name in ("httpx", "httpcore", "h11", "httptools", "anyio", "sniffio", "attr", "cattrs", "asyncio", "msgspec"):
        if name in path.parts:
            return name
    return "Python itself"


def measure_profile(contestant: works.Contestant, url: str) -> None:
    profile = cProfile.Profile()
    if contestant.asynchronous:

        async def main() -> None:
            await profiled_async(await contestant.make(url), profile)

        asyncio.run(main())
    else:
        operation = contestant.make(url)
        repeat(operation, PROFILED // 10)
        with profile:
            repeat(operation, PROFILED)
    times, calls = Counter[str](), Counter[str]()
    # pstats has no types for what it computes: (file, line, function) -> (calls without recursion, calls, own time, ...).
    stats: Any = vars(pstats.Stats(profile))["stats"]
    for (file, _, _), (_, count, own, _, callers) in stats.items():
        if file != "~":
            times[room(file)] += own
            calls[room(file)] += count
            continue
        for (caller, _, _), of_caller in callers.items():  # a function in C is charged to who called it
            times[room(caller)] += of_caller[2]
            calls[room(caller)] += of_caller[0]
    whole = sum(times.values())
    print(json.dumps({name: [times[name] / whole, calls[name] / PROFILED] for name, _ in times.most_common()}))


def main() -> None:
    contestant, url, mode = works.CONTESTANTS[sys.argv[1]], sys.argv[2], sys.argv[3:]
    match mode:
        case ["memory"]:
            measure_memory(contestant, url)
        case ["traced"]:
            measure_traced(contestant, url)
        case ["gather"]:
            asyncio.run(measure_gather(contestant, url))
        case ["profile"]:
            measure_profile(contestant, url)
        case _ if contestant.asynchronous:
            asyncio.run(run_async(contestant, url))
        case _:
            run_sync(contestant, url)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
