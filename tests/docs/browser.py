"""A real browser without a window, spoken to over a pair of pipes: no driver and no package is needed, only Chromium."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60.0
"""Seconds for one answer; machines that build at the same time are slow."""


def installed() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _high(fd: int) -> int:
    """The same pipe under a number that cannot be 3 or 4."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)
    os.close(fd)
    return high


class Browser:
    """One page of one browser. ``troubles`` is what its console, its scripts and its requests complained about."""

    def __init__(self, program: str, profile: Path) -> None:
        commands, self._out = map(_high, os.pipe())
        self._in, answers = map(_high, os.pipe())
        arguments = [
            program,
            "--headless=new",
            "--no-sandbox",  # containers run as root; the pages are our own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        quiet = os.open(os.devnull, os.O_RDWR)
        self._pid = os.posix_spawn(
            program,
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, commands, 3),
                (os.POSIX_SPAWN_DUP2, answers, 4),
                (os.POSIX_SPAWN_DUP2, quiet, 1),
                (os.POSIX_SPAWN_DUP2, quiet, 2),
            ],
            setpgroup=0,
        )
        for fd in (commands, answers, quiet):
            os.close(fd)
        self._number = 0
        self._buffer = b""
        self._session: str | None = None
        self._loaded = 0
        self.troubles: list[str] = []
        targets: list[dict[str, Any]] = self.ask("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """One command and its answer; what happens meanwhile is noted."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == self._number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                answer: dict[str, Any] = got["result"]
                return answer
            self._note(got)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._in, 1 << 16) if ready else b""
            if not piece:
                raise TimeoutError("the browser does not answer")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        said = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded += 1
            case "Runtime.exceptionThrown":
                self.troubles.append(f"exception: {said['exceptionDetails']}")
            case "Runtime.consoleAPICalled" if said["type"] in {"error", "assert", "warning"}:
                self.troubles.append(f"console: {said['args']}")
            case "Log.entryAdded" if said["entry"]["level"] in {"error", "warning"}:
                self.troubles.append(f"log: {said['entry']['text']} {said['entry'].get('url', '')}")
            case "Network.requestWillBeSent" if not said["request"]["url"].startswith(("http://127.0.0.1:", "data:", "about:")):
                self.troubles.append(f"asked for {said['request']['url']}")
            case _:
                pass

    def open(self, url: str, *, width: int = 1280) -> None:
        """Load a page, to the end of its scripts."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        loaded = self._loaded
        self.ask("Page.navigate", url=url)
        while self._loaded == loaded:
            self._note(self._next())

    def tell(self, script: str) -> Any:
        """The value of a script, or of the promise that it gives."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)  # the group that this process leads: its renderers, too
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)
