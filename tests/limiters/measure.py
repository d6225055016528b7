"""Measures the tables of docs/limits.md: ``python -m tests.limiters.measure`` from the root of the project. Needs redis-server.

Real processes, real time, a real Redis. Prints Markdown.
"""

from __future__ import annotations

import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from slo_common import FileRateLimiter, LimitKey, LocalRateLimiter, RateLimiter, RateLimitState, RedisRateLimiter
from slo_common.sandbox import FixedWindows, Meter, SlidingWindows, Window
from tests.limiters.processes import Process, Things, start_together
from tests.limiters.redis_server import BINARY, RedisServer

PROCESSES = 4
THREADS = 4
CALLS = 60
SLIDING = Window(limit=5, seconds=1)
FIXED = Window(limit=20, seconds=10)
ENGINES = {"local": "`LocalRateLimiter` each (unshared)", "file": "`FileRateLimiter`", "redis": "`RedisRateLimiter`"}


def ideal(window: Window, *, into: float) -> float:
    """Seconds until the last call of one who knows everything; ``into``: how far into a fixed window it begins."""
    return (CALLS - 1) // window.limit * window.seconds - into


def run(engine: str, where: str, meter: Meter) -> Things:
    sandbox = Things(meter, enough=CALLS)
    with sandbox.serve() as server:
        processes = [Process(limiter=engine, where=where, url=server.url, name=f"p{i}", threads=THREADS) for i in range(PROCESSES)]
        start_together(processes)
        for process in processes:
            process.report()
    return sandbox


def row(engine: str, where: str, window: Window, *, sliding: bool) -> str:
    meter: Meter = (SlidingWindows if sliding else FixedWindows)(lambda _: window)
    sandbox = run(engine, where, meter)
    granted = sandbox.granted[:CALLS]
    best = ideal(window, into=0.0 if sliding else granted[0] % window.seconds)
    refused = sum(entry.status == 429 for entry in sandbox.ledger if entry.at <= granted[-1])
    shares = "-".join(str(n) for n in sorted(sandbox.shares(0, CALLS)[f"/p{i}"] for i in range(PROCESSES)))
    kind = "sliding" if sliding else "fixed"
    return f"| {kind}, {window.limit} per {window.seconds} s | {ENGINES[engine]} | {(granted[-1] - granted[0]) / best:.3f} | {refused} | {shares} |"


def cost(limiter: RateLimiter) -> str:
    """Microseconds of one question to the limiter: half of a place asked for and its outcome told."""
    key = LimitKey("vendor", "account", "things")
    state = RateLimitState(limit=1_000_000, period=60.0, remaining=999_999, reset_in=60.0)
    took: list[float] = []
    for _ in range(2000):
        started = time.perf_counter()
        limiter.reserve(key, time.monotonic()).done(state, refused=False, now=time.monotonic())
        took.append((time.perf_counter() - started) / 2 * 1e6)
    took.sort()
    return f"{median(took):.0f} | {took[int(len(took) * 0.99)]:.0f}"


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a script


def main() -> None:
    assert BINARY is not None, "redis-server is not installed"
    redis_version = (
        subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout.split()[2].removeprefix("v=")
    )
    say(
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, Redis {redis_version}, redis-py {version('redis')}, "
        f"{platform.system()} {platform.machine()}; {PROCESSES} processes of {THREADS} threads, {CALLS} calls.\n"
    )
    say("| Window | Limiter | makespan / ideal | 429s | calls of each process |\n|---|---|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            for window, sliding in ((SLIDING, True), (FIXED, False)):
                for engine in ENGINES:
                    where = {"file": f"{folder}/{sliding}", "redis": server.url}.get(engine, "")
                    say(row(engine, where, window, sliding=sliding))
                    server.kill()
                    server.start()
            say("\n| Limiter | one question, median µs | 99 % |\n|---|---:|---:|")
            makers: dict[str, Callable[[], RateLimiter]] = {
                "`LocalRateLimiter`": LocalRateLimiter,
                "`FileRateLimiter`": lambda: FileRateLimiter(f"{folder}/cost"),
                "`RedisRateLimiter` (loopback)": lambda: RedisRateLimiter(server.url),
            }
            for name, make in makers.items():
                say(f"| {name} | {cost(make())} |")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
