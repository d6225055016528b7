"""Real processes before a real server: how a test starts them, and what the server saw of them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, cast

from slo_common._values import Reply
from slo_common.sandbox import Meter, Sandbox, SandboxRequest

PATIENCE = 60.0
"""Seconds that no good test comes near, on a machine that stands still for a moment too."""
WORKER = Path(__file__).with_name("worker.py")


class Things(Sandbox):
    """One budget for all; the path says who is calling. After ``enough`` granted calls, or when told to, it says so to everyone."""

    vendor = "vendor"

    def __init__(self, meter: Meter, *, enough: int | None = None) -> None:
        super().__init__(meter=meter)
        self._enough = enough if enough is not None else sys.maxsize
        self._changed = threading.Condition()
        self._granted = 0
        self._seen = set[str]()

    def bucket(self, request: SandboxRequest) -> str:
        return "things"

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        with self._changed:
            self._granted += 1
            self._seen.add(request.path)
            self._changed.notify_all()
            return Reply(status=200, body=b"enough" if self._granted >= self._enough else b"more")

    def refuse(self, request: SandboxRequest, now: float) -> Reply:
        return Reply(status=429)

    def wait_for(self, granted: int) -> None:
        """Until so many calls were granted."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._granted >= granted, timeout=PATIENCE), (
                f"{self._granted} of {granted} calls came"
            )

    def wait_for_all(self, processes: int) -> int:
        """Until each has made a call; how many calls that took."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._seen) == processes, timeout=PATIENCE), f"only {self._seen} came"
            return self._granted

    def enough_now(self) -> None:
        with self._changed:
            self._enough = self._granted

    @property
    def granted(self) -> list[float]:
        return [entry.at for entry in self.ledger if entry.status == 200]

    @property
    def refused(self) -> int:
        return sum(entry.status == 429 for entry in self.ledger)

    def shares(self, start: int, end: int) -> Counter[str]:
        """Who made these of the granted calls."""
        return Counter([entry.path for entry in self.ledger if entry.status == 200][start:end])


def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells this process."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    """The largest number of moments in any span of so many seconds."""
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


class Process:
    """One worker."""

    def __init__(self, **orders: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(orders)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._in = cast("IO[str]", self.process.stdin)
        self._out = cast("IO[str]", self.process.stdout)

    def hear(self) -> str:
        """Its next line."""
        line = self._out.readline().strip()
        assert line, f"the worker ended with {self.process.wait()}"
        return line

    def go(self) -> None:
        self._in.write("go\n")
        self._in.flush()

    def report(self) -> list[tuple[str, str]]:
        """What it logged, level and text; it ends with that."""
        lines: Any = json.loads(self.hear())
        assert self.process.wait(timeout=PATIENCE) == 0
        self.close()
        return [(level, text) for level, text in lines]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        self._in.close()
        self._out.close()


def start_together(processes: Iterable[Process]) -> None:
    """All are up before the first begins."""
    crew = list(processes)
    for process in crew:
        assert process.hear() == "ready"
    for process in crew:
        process.go()
