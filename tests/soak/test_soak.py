"""Thousands of calls to the three sandboxes over HTTP, one in ten disturbed, from threads, tasks and forked processes.

``SLO_SOAK_CALLS`` says how many calls (default 20,000). What must come out: every write confirmed and applied once, every read right, and
nothing left behind in this process.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from datadog_slo import AsyncDatadogSLO
from rootly_sla import AsyncRootlySLA
from slo_common._drive import drive
from tests.soak.workload import CALLS, Clients, Place, async_clients, stories, sync_clients
from zabbix_sla import AsyncZabbixSLA

THREADS, TASKS, PROCESSES = 16, 64, 4
TOTAL = int(os.environ.get("SLO_SOAK_CALLS", "20000"))
EACH = max(1, TOTAL // CALLS // 3)
"""Names for each of the three ways of running."""

State = dict[str, dict[str, str | None]]


class Sandboxes:
    """The server process, and how to talk to it."""

    def __init__(self) -> None:
        server = Path(__file__).parent / "server.py"
        self._process = subprocess.Popen([sys.executable, str(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.place = Place(**self._read())

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def tell(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Sandboxes]:
    running = Sandboxes()
    try:
        yield running
    finally:
        running.stop()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def close(clients: Clients) -> None:
    for client in (clients.datadog, clients.rootly, clients.zabbix):
        assert not isinstance(client, (AsyncDatadogSLO, AsyncRootlySLA, AsyncZabbixSLA))
        client.close()


def from_threads(place: Place) -> State:
    clients = sync_clients(place)
    names = [f"thread-{i}" for i in range(EACH)]

    def work(name: str) -> dict[str, str | None]:
        return drive(stories(clients, name, keep=name[-1] in "13579"))

    with ThreadPoolExecutor(THREADS) as pool:
        ends = list(pool.map(work, names))
    close(clients)
    return dict(zip(names, ends, strict=True))


def from_tasks(place: Place) -> State:
    state: State = {}

    async def main() -> None:
        clients = async_clients(place)
        names = iter([f"task-{i}" for i in range(EACH)])

        async def work() -> None:
            for name in names:
                state[name] = await stories(clients, name, keep=name[-1] in "13579")

        async with anyio.create_task_group() as group:
            for _ in range(TASKS):
                group.start_soon(work)
        for client in (clients.datadog, clients.rootly, clients.zabbix):
            assert isinstance(client, (AsyncDatadogSLO, AsyncRootlySLA, AsyncZabbixSLA))
            await client.aclose()

    anyio.run(main)
    return state


def from_processes(place: Place) -> State:
    """Forked after the clients were used, so that the children inherit open connections and a limiter with a past."""
    clients = sync_clients(place)
    state: State = {"fork-first": drive(stories(clients, "fork-first", keep=True))}
    children: list[tuple[int, int]] = []
    for number in range(PROCESSES):
        reads, writes = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads at a fork: forking is the test
            child = os.fork()
        if child == 0:
            code = 1
            try:
                own = {
                    f"fork-{number}-{i}": drive(stories(clients, f"fork-{number}-{i}", keep=i % 2 == 1))
                    for i in range(EACH // PROCESSES)
                }
                os.write(writes, json.dumps(own).encode())
                code = 0
            finally:
                os._exit(code)
        os.close(writes)
        children.append((child, reads))
    for child, reads in children:
        with os.fdopen(reads, "rb") as pipe:
            told = pipe.read()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        state |= json.loads(told)
    close(clients)
    return state


def stored(place: Place) -> State:
    """What the vendors hold in the end, by name."""
    clients = sync_clients(place)
    datadog: Any = clients.datadog
    rootly: Any = clients.rootly
    zabbix: Any = clients.zabbix
    with datadog, rootly, zabbix:
        return {
            "datadog": {s.name: s.description for s in datadog.slos.list()},
            "rootly": {s.name: s.description for s in rootly.slas.list()},
            "zabbix": {s.name: s.description for s in zabbix.sla.get() if s.description == "changed"},
        }


@pytest.fixture(scope="module")
def outcome(sandboxes: Sandboxes) -> tuple[State, State, dict[str, Any]]:
    place = sandboxes.place
    expected = from_threads(place) | from_tasks(place) | from_processes(place)
    sandboxes.tell("calm")
    return expected, stored(place), sandboxes.tell("report")


def test_one_request_in_ten_was_disturbed(outcome: tuple[State, State, dict[str, Any]]) -> None:
    report = outcome[2]
    assert report["requests"] > TOTAL * 0.9
    assert 0.08 < report["disturbed"] / report["requests"] < 0.12


def test_every_story_came_to_its_end(outcome: tuple[State, State, dict[str, Any]]) -> None:
    assert len(outcome[0]) == 2 * EACH + (EACH // PROCESSES) * PROCESSES + 1


@pytest.mark.parametrize("vendor", ["datadog", "rootly", "zabbix"])
def test_nothing_is_lost_and_nothing_is_left_over(outcome: tuple[State, State, dict[str, Any]], vendor: str) -> None:
    expected = {name: ends[vendor] for name, ends in outcome[0].items() if ends[vendor] is not None}
    assert outcome[1][vendor] == expected


@pytest.mark.parametrize("vendor", ["datadog", "rootly", "zabbix"])
def test_nothing_is_created_twice(outcome: tuple[State, State, dict[str, Any]], vendor: str) -> None:
    created: dict[str, int] = outcome[2]["created"][vendor]
    assert {name: times for name, times in created.items() if times != 1} == {}
    assert created.keys() == outcome[0].keys()


def test_nothing_is_left_behind_in_the_process(sandboxes: Sandboxes) -> None:
    sandboxes.tell("calm")

    def many_clients(prefix: str) -> None:
        for i in range(20):
            clients = sync_clients(sandboxes.place)
            for j in range(5):
                drive(stories(clients, f"{prefix}-{i}-{j}", keep=False))
            close(clients)

    many_clients("warm")  # caches, converters
    gc.collect()
    files, threads, memory = open_files(), threading.active_count(), resident()
    many_clients("growth")
    gc.collect()
    assert open_files() == files
    assert threading.active_count() == threads
    assert resident() - memory < 20 * 2**20
