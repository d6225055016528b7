"""httpcore's connections, for where ours cannot be: on trio, and where a library of mocks, such as respx, stands in for them.

httpcore takes long to load, so only this module does, when it is needed.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, cast

import httpcore
from sniffio import current_async_library

from slo_common._headers import joined
from slo_common._http11 import Context, Parts, Witness, announced_length
from slo_common._leases import KEEP_ALIVE
from slo_common._values import Bounds, Request


class _Address(httpcore.URL):
    """Where a request goes. httpcore asks for its origin three times a request, and makes it anew each time."""

    def __init__(self, *, scheme: bytes, host: bytes, port: int | None, target: bytes) -> None:
        super().__init__(scheme=scheme, host=host, port=port, target=target)
        self._origin = super().origin

    @property
    def origin(self) -> httpcore.Origin:
        return self._origin


class _Order(httpcore.Request):
    """One request. httpcore's own constructor looks at each part once more; these are as they must be."""

    def __init__(  # the base class would only check and copy
        self, method: bytes, url: _Address, headers: list[tuple[bytes, bytes]], content: bytes, bounds: Bounds
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.stream = _Content(content)
        self.extensions = {"timeout": bounds.waits()}


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
def _address_of(parts: Parts) -> _Address:
    """What httpcore calls a URL."""
    scheme, host, port, target, _ = parts
    return _Address(scheme=scheme, host=host, port=port, target=target)


def _order_of(request: Request, parts: Parts, bounds: Bounds) -> _Order:
    """A request with the fields that httpx would add."""
    headers = [(b"host", parts[-1])]
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers]
    length = announced_length(request)
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return _Order(request.method.encode("ascii"), _address_of(parts), headers, request.content or b"", bounds)


def _is_usable(connection: httpcore.ConnectionInterface | httpcore.AsyncConnectionInterface, origin: Parts) -> bool:
    """Whether another request can follow on it."""
    return connection.is_available() and not connection.has_expired() and connection.can_handle_request(_address_of(origin).origin)


def _context_for(origin: httpcore.Origin, context: Context) -> ssl.SSLContext | None:
    """Making one takes 20 ms: only for https."""
    return context() if origin.scheme == b"https" else None


class _Head:
    """The head of a reply."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status = response.status
        self.headers = joined(response.headers)
        self.version = cast("Mapping[str, object]", response.extensions).get("http_version")  # pyright: ignore[reportUnknownMemberType]  # httpcore's is a bare dict


class CoreConnection:
    """A blocking connection, for mocks. Nobody is told how far a request got, so nothing is taken for granted."""

    def __init__(self, origin: Parts, context: Context) -> None:
        at = _address_of(origin).origin
        self._connection = httpcore.HTTPConnection(at, ssl_context=_context_for(at, context), keepalive_expiry=KEEP_ALIVE)
        self._response: httpcore.Response
        self._pieces: Iterator[bytes]

    def is_usable(self, origin: Parts) -> bool:
        return _is_usable(self._connection, origin)

    def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> _Head:
        self._response = self._connection.handle_request(_order_of(request, parts, bounds))
        self._pieces = iter(cast("Iterable[bytes]", self._response.stream))
        return _Head(self._response)

    def piece(self) -> bytes | None:
        return next(self._pieces, None)

    def release(self) -> None:
        self._response.close()

    def abort(self) -> None:
        self._connection.close()


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


class AsyncCoreConnection:
    """A connection on an event loop."""

    def __init__(self, origin: Parts, context: Context) -> None:
        at = _address_of(origin).origin
        self._backend = _WatchedBackend()
        self._connection = httpcore.AsyncHTTPConnection(
            at, ssl_context=_context_for(at, context), keepalive_expiry=KEEP_ALIVE, network_backend=self._backend
        )
        self._response: httpcore.Response
        self._pieces: AsyncGenerator[bytes]

    def is_usable(self, origin: Parts) -> bool:
        return _is_usable(self._connection, origin)

    async def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> _Head:
        self._backend.witness = witness
        if self._connection.is_idle():
            witness.watching()
        self._response = await self._connection.handle_async_request(_order_of(request, parts, bounds))
        self._pieces = cast("AsyncGenerator[bytes]", aiter(cast("AsyncIterable[bytes]", self._response.stream)))
        return _Head(self._response)

    async def piece(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def arelease(self) -> None:
        await self._pieces.aclose()  # a generator that is left half read warns under trio
        await self._response.aclose()

    async def aclose(self) -> None:
        await self._connection.aclose()
