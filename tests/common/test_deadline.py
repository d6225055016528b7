"""A deadline for the blocking sockets of calls through a proxy."""

from __future__ import annotations

import math
import ssl
import threading
from collections.abc import Iterable

import httpcore
import pytest

from slo_common._deadline import Deadline
from slo_common._http import shared_ssl_context
from slo_common._sockets import BoundedBackend, BoundedStream


class Wire(httpcore.NetworkStream, httpcore.NetworkBackend):
    """Notes how long each step was allowed to take."""

    def __init__(self) -> None:
        self.allowed: list[float | None] = []
        self.closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.allowed.append(timeout)
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.allowed.append(timeout)

    def close(self) -> None:
        self.closed = True

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> Wire:
        self.allowed.append(timeout)
        return self

    def get_extra_info(self, info: str) -> str:
        return info

    # A backend gives wires.

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Wire:
        self.allowed.append(timeout)
        return self

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> Wire:
        self.allowed.append(timeout)
        return self

    def sleep(self, seconds: float) -> None:
        self.allowed.append(seconds)


def test_without_a_deadline_timeouts_are_as_they_are() -> None:
    assert (Deadline().cut(7.0), Deadline().cut(None)) == (7.0, None)


def test_with_a_deadline_no_step_may_take_longer_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    deadline = Deadline()
    with deadline.until(103.0):
        assert (deadline.cut(7.0), deadline.cut(2.0), deadline.cut(None)) == (3.0, 2.0, 3.0)
    assert deadline.ends == math.inf


def test_what_has_come_already_may_be_read_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    deadline = Deadline()
    with deadline.until(90.0):
        assert deadline.cut(7.0) == 0.001


def test_a_deadline_is_of_its_thread() -> None:
    deadline = Deadline()
    seen: list[float] = []
    with deadline.until(5.0):
        thread = threading.Thread(target=lambda: seen.append(deadline.ends))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_every_step_of_a_stream_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    wire, deadline = Wire(), Deadline()
    with deadline.until(101.0):
        stream = BoundedBackend(wire, deadline).connect_tcp("host", 80, 9.0).start_tls(shared_ssl_context(), "host", 9.0)
        stream.write(b"x", 9.0)
        assert stream.read(10, 0.5) == b"x"
    assert wire.allowed == [1.0, 1.0, 1.0, 0.5]


def test_a_bounded_stream_is_the_stream_in_all_else() -> None:
    wire, deadline = Wire(), Deadline()
    backend = BoundedBackend(wire, deadline)
    backend.sleep(3.0)
    stream = backend.connect_unix_socket("/path")
    assert isinstance(stream, BoundedStream)
    assert (stream.get_extra_info("socket"), wire.allowed) == ("socket", [3.0, None])
    stream.close()
    assert wire.closed
