"""Blocking sockets, as httpcore opens them to a proxy, that obey the deadline of their call."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from slo_common._deadline import Deadline


class BoundedStream(httpcore.NetworkStream):
    """A stream whose reads and writes end with the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, backend: BoundedBackend) -> None:
        self._stream = stream
        self._backend = backend
        self._cut = backend.deadline.cut

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> BoundedStream:
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, self._cut(timeout)), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class BoundedBackend(httpcore.NetworkBackend):
    """Opens bounded streams."""

    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._backend = backend
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> BoundedStream:
        return BoundedStream(self._backend.connect_tcp(host, port, self.deadline.cut(timeout), local_address, socket_options), self)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> BoundedStream:
        return BoundedStream(self._backend.connect_unix_socket(path, self.deadline.cut(timeout), socket_options), self)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def bind(transport: object, deadline: Deadline) -> None:
    """Let every connection that this httpx transport will open obey the deadline.

    httpcore takes a backend of one's own, httpx has no way to hand it on; hence the private names. The fault matrix (row 23) notices
    when they change.
    """
    pool = vars(transport)["_pool"]
    pool._network_backend = BoundedBackend(pool._network_backend, deadline)  # noqa: SLF001  # see above
