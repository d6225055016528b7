"""The sections of the performance page: what is measured in which way, and the goals that each judges."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

import cold
import contestants_inside as inside
import contestants_official as official
import contestants_ours as ours
import limits
import polling
import registry
from measure import ENVIRONMENTS, Result, Results, at_work, contestants, interleave, once, script
from page import Goals, duration, megabytes, section, table

SDK, PLAIN, HTTPX = registry.SDK, registry.SDK_PLAIN, registry.HTTPX
IN_FLIGHT = (1, 16, 64, 256)
THREADS = 16
FRESH = 5
"""Fresh processes in which a rise of memory is measured."""
PATIENCE = 20
"""Seconds after which a client that makes 1,000 calls at once is given up."""


@frozen(kw_only=True)
class Bench:
    """What a section measures against, and where it files its goals."""

    url: str
    slow_url: str
    slow: float
    goals: Goals


Section = Callable[[Bench], str]


def side_by_side(results: Results, first: str = SDK) -> str:
    """Time, CPU, rate, and how many times our time each takes."""
    mine = results[first]
    rows = [
        [r.client, duration(r.wall), duration(r.cpu), f"{1 / r.wall:,.0f}", "1" if r is mine else f"{r.times(mine):.2f}"]
        for r in sorted(results.values(), key=lambda r: r.wall)
    ]
    return table(["client", "time", "CPU", "per second", "times ours"], rows)


def in_order(columns: dict[str, list[str]]) -> list[list[str]]:
    """Rows, ours first."""
    return [[client, *columns[client]] for client in sorted(columns, key=lambda client: client != SDK)]


def sync_section(name: str, bench: Bench) -> str:
    """One sync work item, all contestants."""
    with at_work(contestants(name), bench.url) as workers:
        results = interleave(workers)
    mine = results[SDK]
    goals = bench.goals
    if name in registry.SMALL_CALLS:
        goals.at_most(f"{name}: above plain httpx and json", 1e6 * mine.above(results[HTTPX]), 80, " µs")
    if name == registry.SLO_LIST:
        goals.at_least(f"{name}: times as fast as datadog-api-client", results[official.DATADOG_OFFICIAL].times(mine), 12)
    if name == registry.SLA_PAGE:
        goals.at_most(f"{name}: times the time of httpx and json", mine.times(results[HTTPX]), 1.6)
    if name == registry.CALL_ZABBIX:
        goals.at_most(f"{name}: times the time of zabbix_utils", mine.times(results[official.ZABBIX_OFFICIAL]), 1)
    return section(name, "One call after the other on a connection that is kept open.", side_by_side(results))


def async_section(name: str, bench: Bench) -> str:
    """One async work item at every concurrency: calls per second, and how many times our time it takes."""
    columns: dict[str, list[str]] = {}
    with at_work(contestants(name, asynchronous=True), bench.url) as workers:
        for concurrency in IN_FLIGHT:
            results = interleave(workers, rounds=3, concurrency=concurrency)
            mine = results[SDK]
            for r in results.values():
                columns.setdefault(r.client, []).append(f"{1 / r.wall:,.0f}" + ("" if r is mine else f" ({r.times(mine):.2f})"))
            if concurrency == 1:
                bench.goals.at_most(f"{name}, async: above plain httpx and json", 1e6 * mine.above(results[HTTPX]), 80, " µs")
            if concurrency in {64, 256}:
                asked = {64: 5.0, 256: 8.0}[concurrency]
                bench.goals.at_least(
                    f"{name}, {concurrency} in flight: times the calls of plain httpx", results[HTTPX].times(mine), asked
                )
                for client, r in results.items():
                    if client not in {SDK, HTTPX, registry.HTTPX_SNIFFIO}:
                        bench.goals.at_least(f"{name}, {concurrency} in flight: times the calls of {client}", r.times(mine), 1)
    how = (
        "So many tasks on one client, each making one call after the other. Calls per second; in brackets: how many times our time it takes. "
        "httpx no longer brings sniffio, and httpcore then retries its failing import on every call; the SDK brings it, so both are shown."
    )
    head = ["client", *(f"{c} in flight" for c in IN_FLIGHT)]
    return section(f"{name}, async", how, table(head, in_order(columns)))


def gather_section(bench: Bench) -> str:
    """A new client and 1,000 calls at once."""
    rows: list[list[str]] = []
    for name in registry.SMALL_CALLS:
        for contestant in sorted(contestants(name, asynchronous=True), key=lambda c: c.client != SDK):
            if name != registry.CALL_DATADOG and contestant.client in {HTTPX, registry.HTTPX_SNIFFIO}:
                continue  # the same client and the same kind of call
            taken = [once(contestant, bench.url, "gather", timeout=PATIENCE)]
            if taken[0] < 3:
                taken += [once(contestant, bench.url, "gather") for _ in range(2)]
            middle = statistics.median(taken)
            shown = f"{middle:.2f} s" if middle < math.inf else f"not done after {PATIENCE} s"
            rows.append([f"{contestant.client}, {name.rpartition(' ')[2]}", shown])
    how = (
        "`asyncio.gather` of 1,000 small calls on a client that has made none before, in a fresh process; the median of three where one takes less than "
        f"3 s. After {PATIENCE} s the process is ended."
    )
    return section("1,000 calls at once on a new client", how, table(["client", "time"], rows))


def threads_section(bench: Bench) -> str:
    """Many threads on one sync client."""
    parts: list[str] = []
    for name in registry.SMALL_CALLS:
        with at_work(contestants(name), bench.url) as workers:
            parts.append(f"{name}:\n\n" + side_by_side(interleave(workers, rounds=3, concurrency=THREADS)))
    return section(
        f"Small calls by {THREADS} threads", f"{THREADS} threads share one sync client. Time and CPU are per call.", *parts
    )


def latency_section(bench: Bench) -> str:
    """The same small call where the server takes its time."""
    at = IN_FLIGHT[2:]
    columns: dict[str, list[str]] = {}
    with at_work(contestants(registry.CALL_DATADOG, asynchronous=True), bench.slow_url) as workers:
        for concurrency in at:
            for worker in workers:
                worker.run(concurrency, concurrency)  # opens the connections
                rate = 1 / worker.run(4 * concurrency, concurrency).wall
                columns.setdefault(worker.client, []).append(f"{rate:,.0f} ({100 * rate * bench.slow / concurrency:.0f} %)")
    head = ["client", *(f"{c} in flight" for c in at)]
    how = (
        f"The server answers {bench.slow * 1e3:.0f} ms after it was asked. Calls per second, four for each task; in brackets: the share of what "
        "so many in flight could reach."
    )
    return section(f"{registry.CALL_DATADOG}, async, {bench.slow * 1e3:.0f} ms away", how, table(head, in_order(columns)))


def batch_section(bench: Bench) -> str:
    """20 calls in one request, on the bench server and on a real Zabbix where the environment names one."""
    parts: list[str] = []
    with at_work(contestants(registry.BATCH), bench.url) as workers:
        parts.append("The replaying server:\n\n" + side_by_side(interleave(workers), ours.BY_BATCH))
    if os.environ.get("ZABBIX_URL"):
        with at_work(contestants(registry.BATCH_REAL), bench.url) as workers:
            results = interleave(workers)
        parts.append("A real Zabbix:\n\n" + side_by_side(results, ours.BY_BATCH))
        singly = results[ours.SINGLY].times(results[ours.BY_BATCH])
        bench.goals.at_least("20 calls by batch, a real Zabbix: times as fast as singly", singly, 4)
    else:
        parts.append("A real Zabbix: not in this run, for `ZABBIX_URL` was not set (see `tests/live/zabbix/up.sh`).")
    how = "20 times `sla.get`: in one request by `batch()`, or one call after the other. The replaying server spends no time on a call, a real one does."
    return section("20 calls, Zabbix", how, *parts)


def memory_section(name: str, bench: Bench) -> str:
    """What one call with a large body takes at its peak."""
    who = contestants(name)
    columns = {"peak of one call": {c.client: once(c, bench.url, "traced") for c in who}}
    if later := contestants(f"{name}{registry.LATER}"):
        columns["rise of resident memory, later call"] = rises(later, bench)
    columns["rise of resident memory, first call"] = rises(who, bench)
    how = (
        "The peak of what Python allocates in one call over HTTP, on a client that has made one before (tracemalloc); and by how much the peak of "
        "resident memory rises from a new client to its first decoded body, what is imported for it included"
        f"{', and on a client that has read a short list of the kind before' if later else ''} (medians of {FRESH} fresh processes)."
    )
    parts: list[str] = []
    if name == registry.SLO_LIST:
        for what, by_client in columns.items():
            share = by_client[SDK] / by_client[official.DATADOG_OFFICIAL]
            bench.goals.at_most(f"memory of {name}, {what}: share of datadog-api-client's", share, 0.25)
        rows = [[what, megabytes(size)] for what, size in cold.first_list(bench.url, FRESH).items()]
        parts.append("Where the rise of our first call goes, step by step:\n\n" + table(["step", "rise"], rows))
    rows = [[c.client, *(megabytes(by_client[c.client]) for by_client in columns.values())] for c in who]
    return section(f"Memory, {name}", how, table(["client", *columns], rows), *parts)


def rises(who: list[registry.Contestant], bench: Bench) -> dict[str, float]:
    """By how much resident memory rises at its peak."""
    return {c.client: statistics.median(once(c, bench.url, "memory") for _ in range(FRESH)) for c in who}


def decode_section(name: str, bench: Bench) -> str:
    """Bytes to objects, without HTTP: time, and the peak of what Python allocates for it."""
    with at_work(contestants(name), bench.url) as workers:
        results = interleave(workers)
    peaks = {c.client: once(c, bench.url, "traced") for c in contestants(name)}
    mine, plain, stdlib, fast = (results[client] for client in (SDK, PLAIN, "json", "orjson"))
    goals = bench.goals
    if name == registry.DECODE_SLOS:
        theirs = results[official.DATADOG_OFFICIAL]
        goals.at_most(f"{name}: times orjson.loads", mine.times(fast), 1.5)
        goals.at_least(f"{name}: times as fast as datadog-api-client", theirs.times(mine), 12)
        goals.at_least(f"{name}, without msgspec: times as fast as datadog-api-client", theirs.times(plain), 12)
        goals.at_most(f"{name}: peak memory, share of datadog-api-client's", peaks[SDK] / peaks[theirs.client], 0.25)
    if name == registry.DECODE_GETSLI:
        goals.at_most(f"{name}: times json.loads", mine.times(stdlib), 0.6)
        goals.at_most(f"{name}: times orjson.loads", mine.times(fast), 1)
        goals.at_most(f"{name}, without msgspec: times json.loads", plain.times(stdlib), 1.25)
        goals.at_most(f"{name}: peak memory, share of json.loads's", peaks[SDK] / peaks["json"], 0.5)
        goals.at_most(f"{name}, without msgspec: peak memory, share of json.loads's", peaks[PLAIN] / peaks["json"], 1)
    elif name != registry.DECODE_UNLIKE:
        goals.at_most(f"{name}, without msgspec: times json.loads", plain.times(stdlib), 3)
        goals.at_most(f"{name}: peak memory, share of json.loads's", peaks[SDK] / peaks["json"], 0.5)
    rows = [
        [
            r.client,
            duration(r.wall),
            f"{r.times(stdlib):.2f}",
            f"{r.times(fast):.2f}",
            megabytes(peaks[r.client]),
            f"{peaks[r.client] / peaks['json']:.2f}",
        ]
        for r in sorted(results.values(), key=lambda r: r.wall)
    ]
    how = (
        "The same bytes again and again, from memory. The peak is that of what Python allocates while one body is decoded (tracemalloc), its ratio is to "
        "the tree of dicts that json.loads makes."
    )
    head = ["decoder", "time", "times json.loads", "times orjson.loads", "peak", "times json.loads"]
    return section(f"{name[0].upper()}{name[1:]}", how, table(head, rows))


def overhead_section(bench: Bench) -> str:
    """Our call and a bare httpx call over a transport that has the answer at hand."""
    rows: list[list[str]] = []
    for name in (registry.NULL_DATADOG, registry.NULL_ROOTLY, registry.NULL_ZABBIX):
        for asynchronous in (False, True):
            with at_work(contestants(name, asynchronous=asynchronous), bench.url) as workers:
                results = interleave(workers, rounds=7, seconds=0.15)
            mine, bare = results[SDK], results[inside.BARE]
            mode = "async" if asynchronous else "sync"
            vendor = name.split(", ")[1]
            above = mine.above(bare)
            bench.goals.at_most(f"{vendor}, {mode}: a call above the bare httpx call", 1e6 * above, 80, " µs")
            rows.append([f"{vendor}, {mode}", duration(mine.wall), duration(bare.wall), f"{1e6 * above:+.0f} µs"])
    how = (
        "The SDK's whole call (its arguments checked, rate limiter, retry, decoding) beside `httpx.Client.get(...).content` or `post`, which decodes nothing, "
        "both over an httpx transport that answers at once. The difference is the median of the rounds'. Without a transport of the caller's the SDK uses "
        "its own connections and no httpx at all: see the small calls above for the difference over loopback, and the tables here for where the time goes."
    )
    return section("Overhead of a call", how, table(["call", "slo-sdk", "httpx alone", "difference"], rows), *phases(bench))


def phases(bench: Bench) -> list[str]:
    """Where the time of our small call goes, over loopback and our own connections."""
    parts: list[str] = []
    for asynchronous in (False, True):
        contestant = next(c for c in contestants(registry.CALL_DATADOG, asynchronous=asynchronous) if c.client == SDK)
        found: dict[str, list[float]] = json.loads(
            script(ENVIRONMENTS.of(contestant), "worker.py", contestant.key, bench.url, "profile")
        )
        rows = [[name, f"{100 * share:.1f} %", f"{calls:.0f}"] for name, (share, calls) in found.items() if share >= 0.01]
        mode = "async" if asynchronous else "sync"
        text = (
            f"Where the time of the {registry.CALL_DATADOG} goes over loopback, {mode}, by cProfile, which overstates small functions "
            "(waiting for the server counts to Python itself):\n\n"
        )
        parts.append(text + table(["file", "own time", "function calls"], rows))
    return parts


def start_section(bench: Bench) -> str:
    """Import time and time to the first answer, in fresh processes."""
    found = cold.interleaved(bench.url)
    rows = [[name, duration(imported), duration(answered)] for name, (imported, answered) in found.items()]
    bare_import, bare_answer = found[cold.HTTPX]
    for name in ("datadog_slo", "rootly_sla", "zabbix_sla"):
        imported, answered = found[name]
        bench.goals.at_most(f"import of {name}'s client above import httpx", 1e3 * (imported - bare_import), 60, " ms")
        bench.goals.at_most(f"first answer of {name} above httpx's first answer", 1e3 * (answered - bare_answer), 60, " ms")
        bench.goals.at_most(f"first answer of {name} above import httpx", 1e3 * (answered - bare_import), 60, " ms")
    how = (
        "Python code in fresh processes, without the interpreter's own start; medians of nine, interleaved. The first answer is a small call over loopback. "
        "Then the time for making one client more for https, the median of twenty: the SDK shares one TLS context."
    )
    more = [[name, duration(cold.one_more(name))] for name in cold.CLIENTS]
    return section(
        "Start", how, table(["client", "import", "import to first answer"], rows), table(["one client more", "time"], more)
    )


def size_section(bench: Bench) -> str:
    found = {name: cold.sizes(name, home) for name, home in cold.DISTRIBUTIONS.items()}
    rows = [[name, megabytes(own), megabytes(whole), str(count)] for name, (own, whole, count) in found.items()]
    share = 100 * cold.share_of_rootly("rootly_sla")
    bench.goals.at_most("files of rootly_sla, share of the rootly package's", share, 1, " %")
    whole = 100 * cold.share_of_rootly("rootly_sla", "slo_common")
    how = (
        "The files of a distribution, and those of all that it always requires. slo-sdk holds three vendors' clients and their sandboxes. "
        f"The package rootly_sla has {share:.2f} % of the bytes of the official one, together with the shared slo_common {whole:.1f} %."
    )
    return section("Installed size", how, table(["distribution", "its own files", "with what it requires", "distributions"], rows))


def engine_section(bench: Bench) -> str:
    """The client engine: at the pace of the limit, and in how little memory."""
    paced: dict[str, float] = json.loads(script(ENVIRONMENTS.ours, "engine.py", "makespan"))
    filed: dict[str, float] = json.loads(script(ENVIRONMENTS.ours, "engine.py", "memory"))
    bench.goals.at_most("client engine, 300 SLOs by 12 months: makespan over ideal", paced["makespan"] / paced["ideal"], 1.02)
    bench.goals.at_most("client engine, 300 SLOs by 12 months: 429s", paced["refused"], 0)
    bench.goals.at_most("client engine, 1,000 SLOs by 52 weeks: peak memory of the process", filed["whole"] / 1e6, 150, " MB")
    how = (
        "300 SLOs by 12 months from the sandbox with its limit of 100 histories in 10 s, 16 tasks in one virtual time; the ideal is what the limit alone "
        "allows. 1,000 SLOs by 52 weeks into a CSV file, each history answered from memory by the same bytes."
    )
    rows = [
        ["300 SLOs by 12 months: makespan", f"{paced['makespan']:,.1f} s (virtual)"],
        ["its ideal", f"{paced['ideal']:,.1f} s"],
        ["calls", f"{paced['calls']:,.0f}"],
        ["429s", f"{paced['refused']:.0f}"],
        ["1,000 SLOs by 52 weeks: cells in the file", f"{filed['cells']:,.0f}"],
        ["peak of resident memory, the whole process", megabytes(filed["whole"])],
        ["of it, above a process that has written a small report", megabytes(filed["rise"])],
        ["time", f"{filed['seconds']:.1f} s, {1e6 * filed['seconds'] / filed['cells']:.0f} µs a cell"],
    ]
    return section("The client engine", how, table(["what", "measured"], rows))


def slope(points: list[tuple[int, float]]) -> float:
    """Of the straight line through the points, by least squares."""
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def growth_section(bench: Bench) -> str:
    """Time and memory at four sizes, the slope, and how straight the line is."""
    found: dict[str, dict[str, dict[str, float]]] = json.loads(script(ENVIRONMENTS.ours, "growth.py", bench.url))
    rows: list[list[str]] = []
    for kind, by_size in found.items():
        times = [(int(size), m["seconds"]) for size, m in by_size.items()]
        peaks = [(int(size), m["bytes"]) for size, m in by_size.items()]
        shared = kind.startswith("tasks")  # the work is the same at every size
        bend = (times[-1][1] / times[0][1]) * (1 if shared else times[0][0] / times[-1][0])
        rows.append(
            [
                kind,
                " / ".join(f"{size:,}" for size, _ in times),
                " / ".join(duration(t) for _, t in times),
                "-" if shared else f"{1e6 * slope(times):.1f} µs",
                f"{bend:.2f}",
                " / ".join(megabytes(p) for _, p in peaks),
                f"{slope(peaks) / 1e3:.2f} kB",
            ]
        )
        bench.goals.at_most(f"growth with {kind}: cost of one at the largest size over that at the smallest", bend, 1.3)
    how = (
        "Each kind of work at four sizes: the fastest of at least three runs, and the peak of what Python allocates (tracemalloc). The slope is that of the "
        "straight line through the four; straight is what one item costs at the largest size over what it costs at the smallest, 1 for a straight "
        "line through nothing. For tasks it is the time of the same calls by the most over that by the fewest."
    )
    head = ["growing", "sizes", "time", "slope", "straight", "peak memory", "slope"]
    return section("Growth", how, table(head, rows))


SHOWN = (
    "slo-sdk",
    "datadog-api-client",
    "rootly",
    "zabbix-utils",
    "pyzabbix",
    "httpx",
    "httpcore",
    "h11",
    "httptools",
    "anyio",
    "sniffio",
    "attrs",
    "cattrs",
    "msgspec",
    "orjson",
    "urllib3",
    "requests",
    "aiohttp",
    "aiosonic",
)


def machine() -> str:
    """Cores, system and versions; nothing that names the machine."""
    program = (
        "import json, sys; from importlib.metadata import version, PackageNotFoundError as E\n"
        "def v(n):\n    try: return version(n)\n    except E: return '-'\n"
        "print(json.dumps([v(n) for n in sys.argv[1:]]))"
    )
    found: list[list[Any]] = [
        json.loads(cold.output(python, program, *SHOWN)) for python in (ENVIRONMENTS.ours, ENVIRONMENTS.peers)
    ]
    rows = [
        ["date", dt.datetime.now(tz=dt.UTC).date().isoformat(), ""],
        ["processor", f"{os.cpu_count()} cores, {platform.machine()}", ""],
        ["system", platform.system(), ""],
        ["load average when it ended", f"{os.getloadavg()[1]:.1f}", ""],
        ["Python", f"{platform.python_implementation()} {platform.python_version()}", "the same"],
        *([name, mine, theirs] for name, mine, theirs in zip(SHOWN, *found, strict=True)),
    ]
    return section(
        "Machine and versions",
        "Two environments: one with the SDK, one with what users would pick instead, as pip installs it without the SDK.",
        table(["what", "with the SDK", "without"], rows),
    )


SYNC_WORK = (*registry.SMALL_CALLS, registry.SLO_LIST, registry.REPORT, registry.SLA_PAGE, registry.GETSLI)
DECODING = (registry.DECODE_SLOS, registry.DECODE_UNLIKE, registry.DECODE_SLAS, registry.DECODE_GETSLI)
SECTIONS: dict[str, Section] = {
    **{f"sync {name}": partial(sync_section, name) for name in SYNC_WORK},
    "threads": threads_section,
    "overhead": overhead_section,
    **{f"async {name}": partial(async_section, name) for name in registry.SMALL_CALLS},
    "gather": gather_section,
    "latency": latency_section,
    "batch": batch_section,
    **{name: partial(decode_section, name) for name in DECODING},
    **{f"memory {name}": partial(memory_section, name) for name in (registry.SLO_LIST, registry.GETSLI)},
    "engine": engine_section,
    "makespan": lambda bench: limits.makespan_section(bench.goals),
    "polling": lambda bench: polling.polling_section(bench.goals),
    "growth": growth_section,
    "start": start_section,
    "size": size_section,
}
__all__ = ["SECTIONS", "Bench", "Result", "machine"]
