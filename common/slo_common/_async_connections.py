"""Connections of our own on an event loop, lent to one request at a time, the last returned first.

On asyncio, uvloop included, they are ours from the socket on. On trio, and where a library of mocks stands in for httpcore's
connections, they are httpcore's.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any, Protocol, cast

import httpcore
from sniffio import current_async_library

from slo_common._connections import Context, Parts, Waits, Witness, address_of, context_for, is_usable, order_of, version_of
from slo_common._headers import FieldLines, joined
from slo_common._leases import KEEP_ALIVE, AsyncLeases
from slo_common._values import Request


class Incoming(Protocol):
    """A reply whose body is on its way."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> dict[str, str]:
        """By lower-case names; repeated ones are joined."""
        ...

    @property
    def version(self) -> object: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Nobody wants the rest."""
        ...


class _Connection(Protocol):
    def is_usable(self, origin: Parts) -> bool: ...

    async def send(self, request: Request, parts: Parts, waits: Waits, ends: float, witness: Witness) -> Incoming: ...

    async def aclose(self) -> None: ...


class _WatchedStream(httpcore.AsyncNetworkStream):
    """A stream that tells of its writes."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, backend: _WatchedBackend) -> None:
        self._stream = stream
        self._backend = backend

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._backend.witness.went_out()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _WatchedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _WatchedBackend(httpcore.AsyncNetworkBackend):
    """Opens such streams, in the way of the event loop that runs."""

    witness: Witness

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.witness.watching()
        return _WatchedStream(await network().connect_tcp(host, port, timeout), self)


def network() -> httpcore.AsyncNetworkBackend:
    """How httpcore opens sockets on the running event loop."""
    kind = httpcore.TrioBackend if current_async_library() == "trio" else httpcore.AnyIOBackend
    return kind()  # pyright: ignore[reportReturnType]  # httpcore's stand-ins, for where trio or anyio is not installed, have no base


class _CoreConnection:
    """A connection of httpcore's."""

    def __init__(self, origin: Parts, context: Context) -> None:
        self._backend = _WatchedBackend()
        self._connection = httpcore.AsyncHTTPConnection(
            address_of(origin).origin,
            ssl_context=context_for(address_of(origin).origin, context),
            keepalive_expiry=KEEP_ALIVE,
            network_backend=self._backend,
        )

    def is_usable(self, origin: Parts) -> bool:
        return is_usable(self._connection, address_of(origin))

    async def send(self, request: Request, parts: Parts, waits: Waits, ends: float, witness: Witness) -> _CoreReply:
        self._backend.witness = witness
        if self._connection.is_idle():
            witness.watching()
        return _CoreReply(await self._connection.handle_async_request(order_of(request, parts, waits)))

    async def aclose(self) -> None:
        await self._connection.aclose()


class _CoreReply:
    """A reply on a connection of httpcore's."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self._pieces = cast("AsyncGenerator[bytes]", aiter(cast("AsyncIterable[bytes]", response.stream)))
        self.status = response.status
        self.headers = joined(response.headers)
        self.version = version_of(response)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        await self._pieces.aclose()  # a generator that is left half read warns under trio
        await self._response.aclose()


def _stands_in(connection: type[httpcore.AsyncHTTPConnection]) -> bool:
    """Whether a library of mocks, such as respx, has put its own method in the place of httpcore's."""
    return not connection.handle_async_request.__module__.startswith("httpcore.")


class _Line:
    """A place for one connection, kept alive between requests."""

    def __init__(self, make: Callable[[Parts], _Connection]) -> None:
        self._make = make
        self._connection: _Connection | None = None
        self._mocked = False

    async def send(self, request: Request, parts: Parts, waits: Waits, ends: float, witness: Witness) -> Incoming:
        connection, mocked = self._connection, _stands_in(httpcore.AsyncHTTPConnection)
        if connection is None or mocked is not self._mocked or not connection.is_usable(parts):
            await self.aclose()
            self._mocked = mocked
            connection = self._connection = self._make(parts)
        return await connection.send(request, parts, waits, ends, witness)

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()


class AsyncConnections:
    """Up to ``size`` connections for the tasks of one event loop."""

    def __init__(self, context: Context, size: int) -> None:
        self._context = context
        self._field_lines = FieldLines()
        self._leases = AsyncLeases(lambda: _Line(self._connection), size)
        self._closed = False
        self._on_asyncio: bool | None = None
        """Known when it was first asked: these connections are for one event loop."""

    def _connection(self, origin: Parts) -> _Connection:
        if not self.keep_time():
            return _CoreConnection(origin, self._context)
        from slo_common._http11 import Http11

        return Http11(origin, self._context, self._field_lines)

    def keep_time(self) -> bool:
        """Whether they end an exchange themselves when its total is over."""
        if self._on_asyncio is None:
            self._on_asyncio = current_async_library() == "asyncio"
        return self._on_asyncio and not _stands_in(httpcore.AsyncHTTPConnection)

    async def send(self, request: Request, parts: Parts, waits: Waits, total: float, witness: Witness) -> AsyncAnswer:
        """Send and read the head of the reply. The answer holds its connection until it is closed.

        ``total``: seconds for all of the exchange, if these connections keep time.
        """
        ends = time.monotonic() + total
        line = await self._leases.take(waits["pool"])
        answered = False
        try:
            incoming = await line.send(request, parts, waits, ends, witness)
            answered = True
        finally:
            if not answered:
                await self.give(line)
        return AsyncAnswer(incoming, self, line)

    async def give(self, line: _Line) -> None:
        """Take a line back."""
        stale = self._leases.give(line)
        if stale is not None:
            await stale.aclose()
        if self._closed:
            await self.aclose()

    async def aclose(self) -> None:
        """Close what is idle now, and the others when they come back."""
        self._closed = True
        for line in self._leases.clear():
            await line.aclose()


class AsyncAnswer:
    """A reply whose body is on its way."""

    def __init__(self, incoming: Incoming, lender: AsyncConnections, line: _Line) -> None:
        self._incoming = incoming
        self._lender = lender
        self._line = line
        self.status = incoming.status
        self.headers = incoming.headers
        self.version = incoming.version

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._incoming)

    async def aclose(self) -> None:
        """Give the connection back. Once."""
        try:
            await self._incoming.aclose()
        finally:
            await self._lender.give(self._line)
