"""Connections of our own on an event loop, lent to one request at a time, the last returned first.

On asyncio, uvloop included, they are ours from the socket on. On trio, and where a library of mocks stands in for httpcore's
connections, they are httpcore's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from sniffio import current_async_library

from slo_common._connections import Head, mocked
from slo_common._headers import FieldLines
from slo_common._http11 import Context, Parts, Witness
from slo_common._leases import AsyncLeases
from slo_common._url import parts_of
from slo_common._values import Bounds, Request


class _Connection(Protocol):
    def is_usable(self, origin: Parts) -> bool: ...

    async def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> Head: ...

    async def piece(self) -> bytes | None: ...

    async def arelease(self) -> None: ...

    async def aclose(self) -> None: ...


class _Line:
    """A place for one connection, kept alive between requests."""

    def __init__(self, make: Callable[[Parts], _Connection]) -> None:
        self._make = make
        self._connection: _Connection | None = None
        self._mocked = False

    async def for_(self, parts: Parts) -> _Connection:
        """The connection that is here, if it can be used, else a new one."""
        connection, by_mocks = self._connection, mocked("AsyncHTTPConnection")
        if connection is None or by_mocks is not self._mocked or not connection.is_usable(parts):
            await self.aclose()
            self._mocked = by_mocks
            connection = self._connection = self._make(parts)
        return connection

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
        if self.keep_time():
            from slo_common._http11_async import AsyncHttp11

            return AsyncHttp11(origin, self._context, self._field_lines)
        from slo_common._core_connections import AsyncCoreConnection

        return AsyncCoreConnection(origin, self._context)

    def keep_time(self) -> bool:
        """Whether they end an exchange themselves when its total is over."""
        if self._on_asyncio is None:
            self._on_asyncio = current_async_library() == "asyncio"
        return self._on_asyncio and not mocked("AsyncHTTPConnection")

    async def send(self, request: Request, bounds: Bounds, witness: Witness) -> AsyncAnswer:
        """Send and read the head of the reply. The answer holds its connection until it is closed."""
        parts, ends = parts_of(request.url), time.monotonic() + bounds.total
        line = await self._leases.take(min(bounds.connect, bounds.total))
        answered = False
        try:
            connection = await line.for_(parts)
            head = await connection.send(request, parts, bounds, ends, witness)
            answered = True
        finally:
            if not answered:
                await self.give(line)
        return AsyncAnswer(head, connection, self, line)

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

    def __init__(self, head: Head, connection: _Connection, lender: AsyncConnections, line: _Line) -> None:
        self.status = head.status
        self.headers = head.headers
        self.version = head.version
        self.piece = connection.piece
        self._connection = connection
        self._lender = lender
        self._line = line

    async def aclose(self) -> None:
        """Give the connection back. Once."""
        try:
            await self._connection.arelease()
        finally:
            await self._lender.give(self._line)
