"""Time and memory against size: ``python growth.py URL`` measures each kind of work at four sizes and prints JSON.

The time is the fastest of three runs or more; one more run gives the peak of what Python allocated.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bodies
import contestants_decoding as decoding
import engine
from registry import REPORT_ID, TIMEOUT

PAGE = 100
REPEATS = 3
ENOUGH = 0.25
"""Seconds of measuring after which no further repeat is needed."""
SHARED_CALLS = 1024


def slos(size: int) -> Callable[[], object]:
    """A list of SLOs in one body, to objects."""
    from datadog_slo._calls_slos import list_slos

    return decoding.decoder(list_slos(page_size=1000), bodies.slo_list(size), "application/json")


def cells(size: int) -> Callable[[], object]:
    """An SLI report in one body, to objects: 60 periods of so many services."""
    from zabbix_sla._rpc import single
    from zabbix_sla.calls import getsli

    body = decoding.rpc(bodies.getsli(size // bodies.PERIODS))
    return decoding.decoder(single(getsli("5", periods=bodies.PERIODS)), body, "application/json")


def pages(size: int) -> Callable[[], object]:
    """A list that is walked page by page and not kept."""
    import httpx

    from datadog_slo import DatadogSLO

    total = size * PAGE
    answers = {
        offset: bodies.slo_list(min(PAGE, total - offset), first=offset, total=total) for offset in range(0, total + 1, PAGE)
    }

    def answer(request: httpx.Request) -> httpx.Response:
        offset = re.search(r"offset=(\d+)", str(request.url))
        body = answers[int(offset[1]) if offset is not None else 0]
        return httpx.Response(200, content=body, headers={"content-type": "application/json"})

    client = DatadogSLO("api", "app", http=httpx.MockTransport(answer))

    def walk() -> None:
        seen = sum(1 for _ in client.slos.list(page_size=PAGE))
        assert seen == size * PAGE

    return walk


def report(size: int) -> Callable[[], object]:
    """The client engine's report of so many SLOs by 52 weeks, into a file."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert engine.to_file(size, Path(folder) / "report.csv") == size * engine.FIFTY_TWO

    return run


def in_flight(url: str) -> Callable[[int], Callable[[], object]]:
    def work(size: int) -> Callable[[], object]:
        """Small calls over loopback, shared by so many tasks: here the time should not grow at all. The connections stay open."""
        from datadog_slo import AsyncDatadogSLO

        loop = asyncio.Runner()
        client = AsyncDatadogSLO("api", "app", base_url=url, timeout=TIMEOUT)

        async def main() -> None:
            todo = iter(range(SHARED_CALLS))

            async def turns() -> None:
                for _ in todo:
                    await client.reports.status(REPORT_ID)

            await asyncio.gather(*(turns() for _ in range(size)))

        return lambda: loop.run(main())

    return work


def measured(work: Callable[[], object]) -> dict[str, float]:
    work()
    seconds: list[float] = []
    while len(seconds) < REPEATS or sum(seconds) < ENOUGH:
        gc.collect()
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"seconds": min(seconds), "bytes": peak}


def main() -> None:
    kinds: dict[str, tuple[Callable[[int], Callable[[], object]], tuple[int, ...]]] = {
        "SLOs in one list": (slos, (500, 1000, 2000, 4000)),
        "cells of an SLI report (60 periods x services)": (cells, (6_000, 12_000, 24_000, 48_000)),
        "pages of 100 SLOs": (pages, (5, 10, 20, 40)),
        "SLOs in a report by 52 weeks": (report, (5, 10, 20, 40)),
        f"tasks that share {SHARED_CALLS} calls": (in_flight(sys.argv[1]), (32, 64, 128, 256)),
    }
    found: dict[str, Any] = {name: {size: measured(make(size)) for size in sizes} for name, (make, sizes) in kinds.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
