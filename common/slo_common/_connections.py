"""Connections of our own for calls that block, lent to one request at a time, the last returned first; and what a request is to them.

httpx builds a request, a URL and a response for every call, and its pool looks at every connection for every request. Both are left
out here: what is lent is httpcore's own connection, which speaks HTTP as it does under httpx.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Protocol, cast

import httpcore

from slo_common._deadline import Deadline
from slo_common._headers import joined
from slo_common._leases import KEEP_ALIVE, SyncLeases
from slo_common._sockets import BoundedBackend
from slo_common._values import Request

Context = Callable[[], ssl.SSLContext]
"""Gives the context for https; only asked when there is https."""
Waits = dict[str, float]
"""Seconds, by what is waited for: connect, read, write, pool."""
Parts = tuple[bytes, bytes, int | None, bytes, bytes]
"""Of an address: scheme, host, port, path with query, and what the field Host says."""


class Address(httpcore.URL):
    """Where a request goes. httpcore asks for its origin three times a request, and makes it anew each time."""

    def __init__(self, *, scheme: bytes, host: bytes, port: int | None, target: bytes) -> None:
        super().__init__(scheme=scheme, host=host, port=port, target=target)
        self._origin = super().origin

    @property
    def origin(self) -> httpcore.Origin:
        return self._origin


class Order(httpcore.Request):
    """One request. httpcore's own constructor looks at each part once more; these are as they must be."""

    def __init__(  # the base class would only check and copy
        self, method: bytes, url: Address, headers: list[tuple[bytes, bytes]], content: bytes, timeouts: Waits
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.stream = _Content(content)
        self.timeouts = timeouts
        self.extensions = {"timeout": timeouts}


class _Content:
    """A request's body, in one piece or none, for blocking connections and others."""

    def __init__(self, content: bytes) -> None:
        self._pieces = (content,) if content else ()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def __aiter__(self) -> _Pieces:
        return _Pieces(iter(self._pieces))


class _Pieces(AsyncIterator[bytes]):
    """No generator: one that is left in the middle, when an upload breaks off, is an error on trio."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


@functools.lru_cache(maxsize=1024)
def address_of(parts: Parts) -> Address:
    """What httpcore calls a URL."""
    scheme, host, port, target, _ = parts
    return Address(scheme=scheme, host=host, port=port, target=target)


def announced_length(request: Request) -> int | None:
    """The content-length of a request; None if it is sent without that field."""
    length = len(request.content or b"")
    return length if length or request.method in ("POST", "PUT", "PATCH") else None


def order_of(request: Request, parts: Parts, timeouts: Waits) -> Order:
    """A request with the fields that httpx would add."""
    headers = [(b"host", parts[-1])]
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers]
    length = announced_length(request)
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return Order(request.method.encode("ascii"), address_of(parts), headers, request.content or b"", timeouts)


class Witness(Protocol):
    """Is told how far a request got."""

    def watching(self) -> None:
        """There is, or will be, a socket: what is not told from now on did not happen."""
        ...

    def went_out(self) -> None:
        """Its first bytes are about to be written."""
        ...


def is_usable(connection: httpcore.ConnectionInterface | httpcore.AsyncConnectionInterface, url: httpcore.URL) -> bool:
    """Whether another request can follow on it."""
    return connection.is_available() and not connection.has_expired() and connection.can_handle_request(url.origin)


def context_for(origin: httpcore.Origin, context: Context) -> ssl.SSLContext | None:
    """Making one takes 20 ms: only for https."""
    return context() if origin.scheme == b"https" else None


class _Line:
    """A place for one connection, kept alive between requests."""

    def __init__(self, context: Context, deadline: Deadline) -> None:
        self._context = context
        self._backend = BoundedBackend(httpcore.SyncBackend(), deadline)
        self._connection: httpcore.HTTPConnection | None = None

    def send(self, order: Order, witness: Witness) -> httpcore.Response:
        self._backend.witness = witness
        connection = self._connection
        if connection is not None and is_usable(connection, order.url):
            witness.watching()
        else:
            self.close()
            connection = self._connection = httpcore.HTTPConnection(
                order.url.origin,
                ssl_context=context_for(order.url.origin, self._context),
                keepalive_expiry=KEEP_ALIVE,
                network_backend=self._backend,
            )
        return connection.handle_request(order)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Connections:
    """Up to ``size`` connections for threads."""

    def __init__(self, context: Context, deadline: Deadline, size: int) -> None:
        self._leases = SyncLeases(lambda: _Line(context, deadline), size)
        self._closed = False

    def send(self, request: Request, parts: Parts, timeouts: Waits, witness: Witness) -> Answer:
        """Send and read the head of the reply. The answer holds its connection until it is closed."""
        order = order_of(request, parts, timeouts)
        line = self._leases.take(order.timeouts["pool"])
        answered = False
        try:
            response = line.send(order, witness)
            answered = True
        finally:
            if not answered:
                self._give(line)
        return Answer(response, lambda: self._give(line))

    def _give(self, line: _Line) -> None:
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

    def __init__(self, response: httpcore.Response, give: Callable[[], None]) -> None:
        self._response = response
        self._give = give
        self.status = response.status
        self.headers = joined(response.headers)
        self.version = version_of(response)

    def __iter__(self) -> Iterator[bytes]:
        return iter(cast("Iterable[bytes]", self._response.stream))

    def close(self) -> None:
        """Give the connection back. Once."""
        try:
            self._response.close()
        finally:
            self._give()


def version_of(response: httpcore.Response) -> object:
    """Such as ``b"HTTP/1.1"``."""
    return cast("Mapping[str, object]", response.extensions).get("http_version")  # pyright: ignore[reportUnknownMemberType]  # httpcore's is a bare dict
