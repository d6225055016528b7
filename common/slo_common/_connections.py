"""Connections of our own for calls that block, lent to one request at a time, the last returned first.

httpx builds a request, a URL and a response for every call, and its pool looks at every connection for every request; and loading what
httpx uses takes longer than loading all of ours. All that is left out here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Protocol

from slo_common._headers import FieldLines
from slo_common._http11 import Context, Parts, Witness
from slo_common._leases import SyncLeases
from slo_common._url import parts_of
from slo_common._values import Bounds, Request


class Head(Protocol):
    """The head of a reply."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case names; repeated ones are joined."""
        ...

    @property
    def version(self) -> object:
        """Such as ``b"HTTP/1.1"``."""
        ...


class _Connection(Protocol):
    def is_usable(self, origin: Parts) -> bool: ...

    def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> Head: ...

    def piece(self) -> bytes | None: ...

    def release(self) -> None: ...

    def abort(self) -> None: ...


def mocked(connection: str) -> bool:
    """Whether a library of mocks, such as respx, has put its own method in the place of that class of httpcore's."""
    httpcore = sys.modules.get("httpcore")
    if httpcore is None:
        return False
    kind = getattr(httpcore, connection, None)
    if kind is None:  # another thread is loading it
        return False
    method = kind.handle_request if connection == "HTTPConnection" else kind.handle_async_request
    return not method.__module__.startswith("httpcore.")


class _Line:
    """A place for one connection, kept alive between requests."""

    def __init__(self, context: Context, lines: FieldLines) -> None:
        self._context = context
        self._field_lines = lines
        self._connection: _Connection | None = None
        self._mocked = False

    def for_(self, parts: Parts) -> _Connection:
        """The connection that is here, if it can be used, else a new one."""
        connection, by_mocks = self._connection, mocked("HTTPConnection")
        if connection is None or by_mocks is not self._mocked or not connection.is_usable(parts):
            self.close()
            self._mocked = by_mocks
            connection = self._connection = self._new(parts)
        return connection

    def _new(self, parts: Parts) -> _Connection:
        if self._mocked:
            from slo_common._core_connections import CoreConnection

            return CoreConnection(parts, self._context)
        from slo_common._http11_sync import SyncHttp11

        return SyncHttp11(parts, self._context, self._field_lines)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


class Connections:
    """Up to ``size`` connections for threads."""

    def __init__(self, context: Context, size: int) -> None:
        lines = FieldLines()
        self._leases = SyncLeases(lambda: _Line(context, lines), size)
        self._closed = False

    def send(self, request: Request, bounds: Bounds, witness: Witness) -> Answer:
        """Send and read the head of the reply. The answer holds its connection until it is closed."""
        parts, ends = parts_of(request.url), time.monotonic() + bounds.total
        line = self._leases.take(min(bounds.connect, bounds.total))
        answered = False
        try:
            connection = line.for_(parts)
            head = connection.send(request, parts, bounds, ends, witness)
            answered = True
        finally:
            if not answered:
                self.give(line)
        return Answer(head, connection, self, line)

    def give(self, line: _Line) -> None:
        """Take a line back."""
        stale = self._leases.give(line)
        if stale is not None:
            stale.close()
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close what is idle now, and the others when they come back."""
        self._closed = True
        for line in self._leases.clear():
            line.close()


class Answer:
    """A reply whose body is on its way."""

    def __init__(self, head: Head, connection: _Connection, lender: Connections, line: _Line) -> None:
        self.status = head.status
        self.headers = head.headers
        self.version = head.version
        self.piece = connection.piece
        self._connection = connection
        self._lender = lender
        self._line = line

    def close(self) -> None:
        """Give the connection back. Once."""
        try:
            self._connection.release()
        finally:
            self._lender.give(self._line)
