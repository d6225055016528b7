"""Measure our clients beside the official ones in one run, and write the numbers into the performance page.

``python run.py --output docs/performance.md``; ``--only TEXT`` runs the work items whose name holds TEXT and prints the tables.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from attrs import field, frozen

import cold
import works

HERE = Path(__file__).parent
SLICE = 0.2
"""Seconds that one contestant works at a time; then it is another one's turn."""
ROUNDS = 7
ASYNC_ROUNDS = 5
CONCURRENCIES = (1, 16, 64, 256)
BEGIN, END = "<!-- measured: begin (`make bench` writes what follows) -->", "<!-- measured: end -->"
SHOWN = (
    "slo-sdk",
    "httpx",
    "httpcore",
    "h11",
    "anyio",
    "attrs",
    "cattrs",
    "msgspec",
    "orjson",
    "datadog-api-client",
    "rootly",
    "zabbix-utils",
    "pyzabbix",
)


@contextmanager
def replay_server() -> Generator[str]:
    """The bench server in its own process; it ends when its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def environment() -> dict[str, str]:
    """Workers get no proxy and no import path from outside: beside the installed packages they see this folder alone."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "PYTHONPATH"}
    return kept | {"PYTHONWARNINGS": "ignore"}


@frozen
class Sample:
    """Seconds per operation of one slice."""

    wall: float
    cpu: float


class Worker:
    """A contestant's process."""

    def __init__(self, contestant: works.Contestant, url: str, stack: ExitStack) -> None:
        command = [sys.executable, str(HERE / "worker.py"), contestant.key, url]
        self._process = stack.enter_context(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
            )
        )
        stack.callback(self._stop)
        self.client = contestant.client
        self._counts: dict[int, int] = {}
        if self._read() != "ready":
            sys.exit(f"{contestant.key}: the worker did not start; run it by hand: {' '.join(command[1:])}")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _run(self, count: int, concurrency: int) -> Sample:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {concurrency}\n")
        self._process.stdin.flush()
        line = self._read()
        if not line:
            sys.exit(f"{self.client}: the worker ended while it measured")
        answer = json.loads(line)
        return Sample(answer["wall"] / count, answer["cpu"] / count)

    def sample(self, concurrency: int = 1) -> Sample:
        """One slice. The first one of a concurrency finds out how many operations fit into it and is not counted."""
        if concurrency not in self._counts:
            least = max(2, 2 * concurrency) if concurrency > 1 else 2
            trial = self._run(least, concurrency)
            self._counts[concurrency] = max(least, min(4000, int(SLICE / trial.wall)))
        return self._run(self._counts[concurrency], concurrency)


@frozen
class Result:
    """All slices of one client."""

    client: str
    samples: list[Sample] = field(factory=list[Sample])

    @property
    def wall(self) -> float:
        return statistics.median(s.wall for s in self.samples)

    @property
    def cpu(self) -> float:
        return statistics.median(s.cpu for s in self.samples)

    def times(self, other: Result) -> float:
        """How many times the other's time this one takes: the median over the rounds, each compared within itself."""
        return statistics.median(mine.wall / theirs.wall for mine, theirs in zip(self.samples, other.samples, strict=True))


def interleave(workers: list[Worker], rounds: int, concurrency: int = 1) -> list[Result]:
    """Every worker once a round, in a new order each time, so that a slow moment of the machine hits all alike."""
    results = {worker.client: Result(worker.client) for worker in workers}
    order = random.Random(7)
    for _ in range(rounds):
        for worker in order.sample(workers, len(workers)):
            results[worker.client].samples.append(worker.sample(concurrency))
    return list(results.values())


def table(head: list[str], rows: list[list[str]]) -> str:
    line = "| " + " | ".join(head) + " |\n|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"
    return "\n".join([line, *("| " + " | ".join(row) + " |" for row in rows)])


def duration(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms"


def sync_section(name: str, url: str) -> str:
    """One sync work item, all contestants."""
    with ExitStack() as stack:
        workers = [Worker(c, url, stack) for c in works.CONTESTANTS.values() if c.work == name and not c.asynchronous]
        results = interleave(workers, ROUNDS)
    ours = next(r for r in results if r.client == works.OURS)
    rows = [
        [r.client, duration(r.wall), duration(r.cpu), f"{1 / r.wall:,.0f}", "1" if r is ours else f"{r.times(ours):.2f}"]
        for r in sorted(results, key=lambda r: r.wall)
    ]
    return f"## {name}\n\n" + table(["client", "time", "CPU", "per second", "times ours"], rows)


def async_section(name: str, url: str) -> str:
    """One async work item at every concurrency: calls per second, and how many times as many ours does."""
    columns: dict[str, list[str]] = {}
    with ExitStack() as stack:
        workers = [Worker(c, url, stack) for c in works.CONTESTANTS.values() if c.work == name and c.asynchronous]
        for concurrency in CONCURRENCIES:
            results = interleave(workers, ASYNC_ROUNDS, concurrency)
            ours = next(r for r in results if r.client == works.OURS)
            for r in results:
                columns.setdefault(r.client, []).append(f"{1 / r.wall:,.0f}" + ("" if r is ours else f" ({r.times(ours):.2f})"))
    head = ["client", *(f"{c} in flight" for c in CONCURRENCIES)]
    note = "Calls per second; in brackets: how many times our time it takes."
    return f"## {name}, async\n\n{note}\n\n" + table(head, [[client, *cells] for client, cells in columns.items()])


def memory_section(name: str, url: str) -> str:
    """How much the peak of resident memory rises while the first large body is fetched and decoded, each in fresh processes."""
    rows: list[list[str]] = []
    for contestant in (c for c in works.CONTESTANTS.values() if c.work == name and not c.asynchronous):
        command = [sys.executable, str(HERE / "worker.py"), contestant.key, url, "memory"]
        rises = [
            int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout) for _ in range(3)
        ]
        rows.append([contestant.client, f"{statistics.median(rises) / 1e6:.1f} MB"])
    return f"## Memory, {name}\n\n" + table(["client", "rise of the peak"], rows)


def start_section(url: str) -> str:
    """Import time and time to the first answer, in fresh processes."""
    imports = cold.interleaved({name: code.imports for name, code in cold.STARTS.items()}, url, environment())
    firsts = cold.interleaved({name: code.whole for name, code in cold.STARTS.items()}, url, environment())
    rows = [[name, duration(imports[name]), duration(firsts[name])] for name in cold.STARTS]
    return "## Start\n\n" + table(["client", "import", "import to first answer"], rows)


def size_section(_url: str) -> str:
    rows = [[name, f"{own / 1e6:.1f} MB", f"{whole / 1e6:.1f} MB", str(count)] for name, own, whole, count in cold.sizes()]
    return "## Installed size\n\n" + table(["distribution", "its own files", "with what it requires", "distributions"], rows)


def machine() -> str:
    """Cores, system and versions; nothing that names the machine."""
    rows = [
        ["date", dt.datetime.now(tz=dt.UTC).date().isoformat()],
        ["processor", f"{os.cpu_count()} cores, {platform.machine()}"],
        ["system", platform.system()],
        ["Python", f"{platform.python_implementation()} {platform.python_version()}"],
        *([name, version(name)] for name in SHOWN),
    ]
    return "## Machine and versions\n\n" + table(["what", "which"], rows)


SYNC_WORK = (works.CALL_DATADOG, works.CALL_ROOTLY, works.CALL_ZABBIX, works.SLO_LIST, works.REPORT, works.SLA_PAGE, works.GETSLI)
ASYNC_WORK = (works.CALL_DATADOG, works.CALL_ROOTLY, works.CALL_ZABBIX)
SECTIONS: dict[str, Callable[[str], str]] = {
    **{name: partial(sync_section, name) for name in SYNC_WORK},
    **{f"async {name}": partial(async_section, name) for name in ASYNC_WORK},
    **{f"memory {name}": partial(memory_section, name) for name in (works.SLO_LIST, works.GETSLI)},
    "start": start_section,
    "size": size_section,
}


def measure(only: str) -> str:
    """All sections whose name holds ``only``, as Markdown."""
    sections = [machine()]
    with replay_server() as url:
        for name, section in SECTIONS.items():
            if only in name:
                started = time.monotonic()
                sections.append(section(url))
                print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return "\n\n".join(sections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    measured = measure(options.only)
    if options.output is None or options.only:
        print(measured)
        return
    page = options.output.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    options.output.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
