"""A deadline for blocking sockets. A read timeout is none: a server that sends one byte a second never runs into it.

httpx has timeouts for single reads only, and a reply's head takes as many reads as the server likes. So the sockets below it are
given, for each read and write, no more than what is left of the call.
"""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol


class _Stream(Protocol):
    """httpcore's NetworkStream."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...
    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...
    def close(self) -> None: ...
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream: ...
    def get_extra_info(self, info: str) -> Any: ...


class _Backend(Protocol):
    """httpcore's NetworkBackend."""

    def connect_tcp(self, *args: Any, **options: Any) -> _Stream: ...
    def connect_unix_socket(self, *args: Any, **options: Any) -> _Stream: ...
    def sleep(self, seconds: float) -> None: ...


class Deadline(threading.local):
    """When the call of the current thread must be over, in monotonic seconds."""

    ends: float = math.inf

    @contextmanager
    def until(self, ends: float) -> Generator[None]:
        self.ends = ends
        try:
            yield
        finally:
            self.ends = math.inf

    def cut(self, timeout: float | None) -> float | None:
        """What may still be waited; never 0, which would mean not to wait for what is already there."""
        if self.ends == math.inf:
            return timeout
        left = max(0.001, self.ends - time.monotonic())
        return left if timeout is None else min(timeout, left)


class BoundedStream:
    """A stream whose reads and writes end with the deadline."""

    def __init__(self, stream: _Stream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> BoundedStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout))
        return BoundedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class BoundedBackend:
    """Opens bounded streams."""

    def __init__(self, backend: _Backend, deadline: Deadline) -> None:
        self._backend = backend
        self._deadline = deadline

    def connect_tcp(self, *args: Any, **options: Any) -> BoundedStream:
        return BoundedStream(self._backend.connect_tcp(*args, **options), self._deadline)

    def connect_unix_socket(self, *args: Any, **options: Any) -> BoundedStream:
        return BoundedStream(self._backend.connect_unix_socket(*args, **options), self._deadline)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def bind(transport: object, deadline: Deadline) -> None:
    """Let every connection that this httpx transport will open obey the deadline.

    httpcore takes a backend of one's own, httpx has no way to hand it on; hence the private names. The fault matrix (row 23) notices
    when they change.
    """
    pool = vars(transport)["_pool"]
    pool._network_backend = BoundedBackend(pool._network_backend, deadline)  # noqa: SLF001  # see above
