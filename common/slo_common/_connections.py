"""Connections of our own: httpcore's, of one request at a time, lent the last returned first.

httpx builds a request, a URL and a response for every call, and its pool looks at every connection for every request. Both are left
out here: what is lent is httpcore's own connection, which speaks HTTP as it does under httpx.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, cast

import httpcore
from sniffio import current_async_library

from slo_common._deadline import Deadline
from slo_common._leases import KEEP_ALIVE, AsyncLeases, SyncLeases
from slo_common._sockets import BoundedBackend
from slo_common._values import Request

Context = Callable[[], ssl.SSLContext]
"""Gives the context for https; only asked when there is https."""
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
        self, method: bytes, url: Address, headers: list[tuple[bytes, bytes]], content: bytes, timeouts: dict[str, float]
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
def _address(scheme: bytes, host: bytes, port: int | None, target: bytes) -> Address:
    return Address(scheme=scheme, host=host, port=port, target=target)


def order_of(request: Request, parts: Parts, timeouts: dict[str, float]) -> Order:
    """A request with the fields that httpx would add."""
    scheme, host, port, target, named = parts
    content = request.content or b""
    headers = [(b"host", named)]
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers]
    if content or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"content-length", b"%d" % len(content)))
    return Order(request.method.encode("ascii"), _address(scheme, host, port, target), headers, content, timeouts)


class Witness(Protocol):
    """Is told how far a request got."""

    def watching(self) -> None:
        """There is, or will be, a socket: what is not told from now on did not happen."""
        ...

    def went_out(self) -> None:
        """Its first bytes are about to be written."""
        ...


def _usable(connection: httpcore.ConnectionInterface | httpcore.AsyncConnectionInterface, url: httpcore.URL) -> bool:
    return connection.is_available() and not connection.has_expired() and connection.can_handle_request(url.origin)


def _context_for(url: httpcore.URL, context: Context) -> ssl.SSLContext | None:
    return context() if url.scheme == b"https" else None


# Blocking.


class _Line:
    """A place for one connection, kept alive between requests."""

    def __init__(self, context: Context, deadline: Deadline) -> None:
        self._context = context
        self._backend = BoundedBackend(httpcore.SyncBackend(), deadline)
        self._connection: httpcore.HTTPConnection | None = None

    def send(self, order: Order, witness: Witness) -> httpcore.Response:
        self._backend.witness = witness
        connection = self._connection
        if connection is not None and _usable(connection, order.url):
            witness.watching()
        else:
            self.close()
            connection = self._connection = httpcore.HTTPConnection(
                order.url.origin,
                ssl_context=_context_for(order.url, self._context),
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

    def send(self, request: Request, parts: Parts, timeouts: dict[str, float], witness: Witness) -> Answer:
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
        self.version = _version(response)

    def __iter__(self) -> Iterator[bytes]:
        return iter(cast("Iterable[bytes]", self._response.stream))

    def close(self) -> None:
        """Give the connection back. Once."""
        try:
            self._response.close()
        finally:
            self._give()


# On an event loop.


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
    """How the running event loop opens sockets."""
    if current_async_library() == "trio":
        return httpcore.TrioBackend()  # pyright: ignore[reportReturnType]  # httpcore's stand-in for where trio is not installed has no base
    import asyncio  # 10 ms that a program without an event loop need not spend

    if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        from slo_common._asyncio_stream import AsyncioBackend

        return AsyncioBackend()
    return httpcore.AnyIOBackend()  # pyright: ignore[reportReturnType]  # as above; another implementation of asyncio, with transports of its own: uvloop


class _Unlocked:
    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


_UNLOCKED = _Unlocked()


def _unlock(connection: httpcore.AsyncHTTPConnection) -> None:
    """Spare a connection its locks: it is lent to one task at a time, and each lock costs a round of the event loop, three a request.

    The names are httpcore's own. Where they are others, the locks stay, and nothing but the speed is lost.
    """
    inside = vars(connection)
    inside["_request_lock"] = _UNLOCKED
    inner = inside.get("_connection")
    if inner is not None:
        vars(inner)["_state_lock"] = _UNLOCKED


class _AsyncLine:
    """A place for one connection, kept alive between requests."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._backend = _WatchedBackend()
        self._connection: httpcore.AsyncHTTPConnection | None = None

    async def send(self, order: Order, witness: Witness) -> httpcore.Response:
        self._backend.witness = witness
        connection = self._connection
        if connection is not None and _usable(connection, order.url):
            witness.watching()
            return await connection.handle_async_request(order)
        await self.aclose()
        connection = self._connection = httpcore.AsyncHTTPConnection(
            order.url.origin,
            ssl_context=_context_for(order.url, self._context),
            keepalive_expiry=KEEP_ALIVE,
            network_backend=self._backend,
        )
        response = await connection.handle_async_request(order)
        _unlock(connection)
        return response

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()


class AsyncConnections:
    """Up to ``size`` connections for the tasks of one event loop."""

    def __init__(self, context: Context, size: int) -> None:
        self._leases = AsyncLeases(lambda: _AsyncLine(context), size)
        self._closed = False

    async def send(self, request: Request, parts: Parts, timeouts: dict[str, float], witness: Witness) -> AsyncAnswer:
        """Send and read the head of the reply. The answer holds its connection until it is closed."""
        order = order_of(request, parts, timeouts)
        line = await self._leases.take(order.timeouts["pool"])
        answered = False
        try:
            response = await line.send(order, witness)
            answered = True
        finally:
            if not answered:
                await self.give(line)
        return AsyncAnswer(response, self, line)

    async def give(self, line: _AsyncLine) -> None:
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

    def __init__(self, response: httpcore.Response, lender: AsyncConnections, line: _AsyncLine) -> None:
        self._response = response
        self._lender = lender
        self._line = line
        self.status = response.status
        self.headers = joined(response.headers)
        self.version = _version(response)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(cast("AsyncIterable[bytes]", self._response.stream))

    async def aclose(self) -> None:
        """Give the connection back. Once."""
        try:
            await self._response.aclose()
        finally:
            await self._lender.give(self._line)


# Both.


def _version(response: httpcore.Response) -> object:
    return cast("Mapping[str, object]", response.extensions).get("http_version")  # pyright: ignore[reportUnknownMemberType]  # httpcore's is a bare dict


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by their lower-case names; repeated ones are joined by a comma, as HTTP allows."""
    found: dict[str, str] = {}
    for raw_name, raw in headers:
        name, value = _text(raw_name).lower(), _text(raw)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
