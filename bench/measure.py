"""How the bench measures: servers and contestants in processes of their own, slices in turns, medians and paired ratios."""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define, field, frozen

import works

HERE = Path(__file__).parent
ROUNDS = 5


@define
class Environments:
    """The two Pythons: one holds the SDK, the other what users would pick instead, as pip installs it without the SDK."""

    ours: str = sys.executable
    peers: str = sys.executable

    def of(self, contestant: works.Contestant) -> str:
        return self.peers if contestant.home == works.PEERS else self.ours


ENVIRONMENTS = Environments()


VENDORS = ("DD_", "DATADOG_", "ROOTLY_", "ZABBIX_")


def environment(*, vendors: bool = False) -> dict[str, str]:
    """Workers get no proxy, no import path and, unless asked for, no credentials from outside."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name != "PYTHONPATH" and (vendors or not name.startswith(VENDORS))
    }
    return kept | {"PYTHONWARNINGS": "ignore"}


@contextmanager
def replay_server(*, delay: float = 0.0) -> Generator[str]:
    """The bench server in its own process; it ends when its standard input is closed. ``delay``: seconds before each answer."""
    with subprocess.Popen(
        [ENVIRONMENTS.ours, str(HERE / "server.py"), str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def script(python: str, name: str, *arguments: str, timeout: float = 300) -> str:
    """What a script of this folder prints, run in a process of its own."""
    command = [python, str(HERE / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=timeout, check=False)
    if done.returncode:
        sys.exit(f"{name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


@frozen
class Sample:
    """Seconds per operation of one slice."""

    wall: float
    cpu: float


class Worker:
    """A contestant's process."""

    def __init__(self, contestant: works.Contestant, url: str, stack: ExitStack) -> None:
        command = [ENVIRONMENTS.of(contestant), str(HERE / "worker.py"), contestant.key, url]
        self._process = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment(vendors=contestant.real),
            )
        )
        stack.callback(self._stop)
        self.client = contestant.client
        self._counts: dict[int, int] = {}
        if self._read() != "ready":
            sys.exit(f"{contestant.key}: the worker did not start; run it by hand: {' '.join(command)}")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def run(self, count: int, concurrency: int) -> Sample:
        """So many operations, so many at a time."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {concurrency}\n")
        self._process.stdin.flush()
        line = self._read()
        if not line:
            sys.exit(f"{self.client}: the worker ended while it measured")
        answer = json.loads(line)
        return Sample(answer["wall"] / count, answer["cpu"] / count)

    def sample(self, concurrency: int, seconds: float) -> Sample:
        """One slice. The first one of a concurrency finds out how many operations fit into it and is not counted."""
        if concurrency not in self._counts:
            trial = self.run(max(2, concurrency), concurrency)
            self._counts[concurrency] = max(2 * concurrency, min(4000, int(seconds / trial.wall)))
        return self.run(self._counts[concurrency], concurrency)


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

    def above(self, other: Result) -> float:
        """How many seconds more than the other this one takes: the median over the rounds, each compared within itself."""
        return statistics.median(mine.wall - theirs.wall for mine, theirs in zip(self.samples, other.samples, strict=True))


Results = dict[str, Result]


def interleave(workers: Sequence[Worker], *, rounds: int = ROUNDS, concurrency: int = 1, seconds: float = 0.2) -> Results:
    """Every worker once a round, in a new order each time, so that a slow moment of the machine hits all alike."""
    results = {worker.client: Result(worker.client) for worker in workers}
    order = random.Random(7)
    for _ in range(rounds):
        for worker in order.sample(workers, len(workers)):
            results[worker.client].samples.append(worker.sample(concurrency, seconds))
    return results


def contestants(work: str, *, asynchronous: bool = False) -> list[works.Contestant]:
    """Those who do a work item."""
    return [c for c in works.CONTESTANTS.values() if c.work == work and c.asynchronous is asynchronous]


@contextmanager
def at_work(who: Iterable[works.Contestant], url: str) -> Generator[list[Worker]]:
    """Their processes, ready."""
    with ExitStack() as stack:
        yield [Worker(c, url, stack) for c in who]


def once(contestant: works.Contestant, url: str, mode: str, *, timeout: float = 120) -> float:
    """One number from a fresh process: what it prints in this mode of ``worker.py``; infinite where it is not there in time."""
    try:
        return float(script(ENVIRONMENTS.of(contestant), "worker.py", contestant.key, url, mode, timeout=timeout))
    except subprocess.TimeoutExpired:
        return math.inf
