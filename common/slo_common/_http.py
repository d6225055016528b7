"""Everything that touches httpx: what carries a request, and the door into a sandbox. Nothing else imports it.

Without a client from the caller and without a proxy the connections are our own: cookies, redirects, event hooks and a log of whole
URLs are not wanted here, and half of a call's time goes there. A client that the caller gives is used as it is.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, unquote

import anyio
import httpx

from slo_common._body import BodyReader, Sink
from slo_common._deadline import Deadline
from slo_common._errors import (
    ConfigurationError,
    DeadlineExceeded,
    ProtocolError,
    Sent,
    SloError,
    TransportError,
)
from slo_common._failures import Progress, deadline_exceeded, translate
from slo_common._leases import KEEP_ALIVE, Exhausted
from slo_common._network import NetworkFailure
from slo_common._values import Bounds, Reply, Request

if TYPE_CHECKING:
    from slo_common._async_connections import AsyncAnswer, AsyncConnections
    from slo_common._connections import Answer, Connections
    from slo_common._http11 import Parts
    from slo_common.sandbox._state import Sandbox, SandboxRequest
    from slo_common.sandbox._steps import Broken, Drop

CONNECTIONS = 256
"""At most so many at once for each client."""

SyncHTTP = httpx.Client | httpx.BaseTransport
"""What a sync client takes as ``http=``: a client of yours (never closed by us) or a transport."""
AsyncHTTP = httpx.AsyncClient | httpx.AsyncBaseTransport


@functools.cache
def _http_errors(*, httpcore_is_loaded: bool) -> tuple[type[Exception], ...]:
    """What a failed exchange raises; asked for when one has. Loading httpcore to find that it was not used takes long."""
    errors = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, NetworkFailure, Exhausted, OSError, UnicodeError)
    if not httpcore_is_loaded:
        return errors
    import httpcore

    return (
        *errors,
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
        httpcore.ConnectionNotAvailable,
    )


def _ours(error: BaseException, *, what: str, url: str, progress: Progress) -> TransportError | DeadlineExceeded | None:
    """Our exception for what ended an exchange; None for what is passed on as it is."""
    if not isinstance(error, Exception):  # interrupted: the frames below hold keys, and some tools show the locals of every frame
        error.__traceback__ = None
        return None
    # SloError first: one of them, DeadlineExceeded, is an OSError too.
    if (
        isinstance(error, SloError)
        or progress.writing
        or not isinstance(error, _http_errors(httpcore_is_loaded="httpcore" in sys.modules))
    ):
        return None
    if isinstance(error, (httpx.InvalidURL, UnicodeError)):
        return ProtocolError(f"{what}: the request could not be put on the wire ({type(error).__name__})", sent=Sent.NO, final=True)
    return translate(error, what=what, url=url, progress=progress, connections=CONNECTIONS)


def _ends_by_close(version: object, headers: Mapping[str, str]) -> bool:
    """Whether nothing but the end of the connection ends this body. Compressed ones have an end of their own."""
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return False
    return "content-length" not in headers and "transfer-encoding" not in headers and "content-encoding" not in headers


@functools.lru_cache(maxsize=1024)
def _url(text: str) -> httpx.URL:
    """Parsing one costs more than sending by it."""
    return httpx.URL(text)


@functools.lru_cache(maxsize=1024)
def _parts(text: str) -> Parts:
    """The same for our own connections."""
    url = httpx.URL(text)
    return url.raw_scheme, url.raw_host, url.port, url.raw_path, url.netloc


class _Collected:
    """The default sink: memory."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def reset(self) -> None:
        self.chunks.clear()

    def write(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def body(self) -> bytes:
        return self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)


def _sink_for(status: int, sink: Sink | None, memory: _Collected) -> Sink:
    """Only a good reply goes to the caller's sink; an error's body is read into memory for its text."""
    chosen = sink if sink is not None and 200 <= status <= 299 else memory
    chosen.reset()
    return chosen


class _Fields:
    """The head of a reply that httpx gives."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = {k.lower(): v for k, v in response.headers.items()}  # httpx joins repeated ones by ", "
        self.version: object = response.extensions.get("http_version")
        if response.is_stream_consumed:  # a mock that came with its content, decoded by httpx already
            self.headers.pop("content-encoding", None)


class _Given(_Fields):
    """A reply by the client or the transport that the caller gave."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._response = response
        self._pieces = iter((response.content,)) if response.is_stream_consumed else response.iter_raw()

    def piece(self) -> bytes | None:
        return next(self._pieces, None)

    def close(self) -> None:
        self._response.close()


class _AsyncGiven(_Fields):
    """A reply by the client or the transport that the caller gave."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._response = response
        self._pieces = cast("AsyncGenerator[bytes]", _once(response) if response.is_stream_consumed else response.aiter_raw())

    async def piece(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def aclose(self) -> None:
        await self._pieces.aclose()
        await self._response.aclose()


async def _once(response: httpx.Response) -> AsyncGenerator[bytes]:
    yield response.content


class _Reading:
    """One reply on its way in."""

    def __init__(
        self, answer: Answer | AsyncAnswer | _Fields, bounds: Bounds, what: str, sink: Sink | None, progress: Progress
    ) -> None:
        progress.answered = True
        self._answer = answer
        self._progress = progress
        self._memory = _Collected()
        progress.writing = True
        self._target = _sink_for(answer.status, sink, self._memory)
        progress.writing = False
        self._reader = BodyReader(answer.headers, max_bytes=bounds.max_bytes, what=what)

    def feed(self, raw: bytes) -> None:
        for chunk in self._reader.feed(raw):
            self._progress.write(self._target, chunk)

    def reply(self) -> Reply:
        self._reader.finish()
        answer = self._answer
        return Reply(
            status=answer.status,
            headers=answer.headers,
            body=self._memory.body(),
            unframed=_ends_by_close(answer.version, answer.headers),
        )


# One SSL context a process: making one takes 20 ms, sharing it nothing.


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """The default trust store, honouring SSL_CERT_FILE and SSL_CERT_DIR as httpx does."""
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise _unreadable_trust_store() from None


def _check_trust_store() -> None:
    """Let a wrong path be known when the client is made. The context itself waits for the first https connection: making it takes 20 ms."""
    name = os.environ.get("SSL_CERT_FILE")
    if name and not os.access(name, os.R_OK):
        raise _unreadable_trust_store()


def _unreadable_trust_store() -> ConfigurationError:
    return ConfigurationError("SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read")


def _proxy_trouble() -> ConfigurationError:
    names = ", ".join(
        n for n in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy") if os.environ.get(n)
    )
    return ConfigurationError(
        f"the proxy named by {names or 'the environment'} cannot be used: allowed: http:// or https:// (socks5:// needs the socksio package)"
    )


def _pool() -> httpx.Limits:
    return httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE)


def _no_proxies() -> bool:
    """Whether neither the environment nor the system names a proxy, so that our own connections can be used."""
    return not urllib.request.getproxies()


# What carries a request.


def _wrong_http(http: object, kinds: str) -> ConfigurationError:
    return ConfigurationError(f"http: a {type(http).__name__} was given; allowed: {kinds}")


def _refuse_after_fork(http: object, *, used: bool) -> None:
    """What the caller brought cannot be opened anew, and its connections would bring the parent's answers."""
    if used and http is not None and not isinstance(http, SandboxTransport):
        raise ConfigurationError(
            "http: the httpx client or transport that you brought was used before this process was forked; make a client in each process"
        )


class SyncCarrier:
    """One way of sending: the client or the transport that was given, or connections of our own."""

    def __init__(self, http: SyncHTTP | None, deadline: Deadline) -> None:
        if http is not None and not isinstance(http, (httpx.Client, httpx.BaseTransport)):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
            raise _wrong_http(http, "an httpx.Client or an httpx transport (sync)")
        self._given = http
        self._deadline = deadline
        self._used = False
        self._via = self._open()

    def _open(self) -> SyncHTTP | Connections:
        if self._given is not None:
            return self._given
        if _no_proxies():
            from slo_common._connections import Connections

            _check_trust_store()
            return Connections(shared_ssl_context, CONNECTIONS)
        try:
            client = httpx.Client(verify=shared_ssl_context(), limits=_pool())
        except (ValueError, ImportError):
            raise _proxy_trouble() from None
        from slo_common._sockets import bind

        inside = vars(client)
        for transport in (inside["_transport"], *cast("dict[object, object]", inside["_mounts"]).values()):
            if transport is not None:  # None: an address that the environment keeps from its proxy
                bind(transport, self._deadline)
        return client

    def reopen(self) -> None:
        """Begin with new connections, in a forked process."""
        _refuse_after_fork(self._given, used=self._used)
        self._via = self._open()

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return isinstance(self._given, httpx.Client) and self._given.is_closed

    def close(self) -> None:
        """Close the connections; never a client that was given."""
        if not isinstance(self._given, httpx.Client):
            self._via.close()

    def _send(self, request: Request, bounds: Bounds, progress: Progress) -> Answer | _Given:
        self._used = True
        via = self._via
        if not isinstance(via, (httpx.BaseTransport, httpx.Client)):
            return via.send(request, _parts(request.url), bounds, progress)
        headers, extensions = list(request.headers), {"timeout": bounds.waits(), "trace": progress.trace}
        url = _url(request.url)
        if isinstance(via, httpx.BaseTransport):
            built = httpx.Request(request.method, url, headers=headers, content=request.content, extensions=extensions)
            return _Given(via.handle_request(built))
        built = via.build_request(request.method, url, headers=headers, content=request.content, extensions=extensions)
        return _Given(via.send(built, stream=True, auth=None, follow_redirects=False))

    def exchange(
        self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress, check: Callable[[], None]
    ) -> Reply:
        """Send and read to the end; ``check`` is called after each chunk and may raise. Raises :class:`TransportError`."""
        try:
            answer = self._send(request, bounds, progress)
            try:
                reading = _Reading(answer, bounds, what, sink, progress)
                while (raw := answer.piece()) is not None:
                    reading.feed(raw)
                    check()
                return reading.reply()
            finally:
                answer.close()
        except BaseException as e:
            failure = _ours(e, what=what, url=request.url, progress=progress)
            if failure is None:
                raise
        raise failure


class AsyncCarrier:
    """One way of sending: the client or the transport that was given, or connections of our own."""

    def __init__(self, http: AsyncHTTP | None) -> None:
        if http is not None and not isinstance(http, (httpx.AsyncClient, httpx.AsyncBaseTransport)):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
            raise _wrong_http(http, "an httpx.AsyncClient or an httpx transport (async)")
        self._given = http
        self._used = False
        self._via = self._open()

    def _open(self) -> AsyncHTTP | AsyncConnections:
        if self._given is not None:
            return self._given
        if _no_proxies():
            _check_trust_store()
            from slo_common._async_connections import AsyncConnections

            return AsyncConnections(shared_ssl_context, CONNECTIONS)
        try:
            return httpx.AsyncClient(verify=shared_ssl_context(), limits=_pool())
        except (ValueError, ImportError):
            raise _proxy_trouble() from None

    def reopen(self) -> None:
        """Begin with new connections, in a forked process."""
        _refuse_after_fork(self._given, used=self._used)
        self._via = self._open()

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return isinstance(self._given, httpx.AsyncClient) and self._given.is_closed

    async def aclose(self) -> None:
        """Close the connections; never a client that was given."""
        if not isinstance(self._given, httpx.AsyncClient):
            await self._via.aclose()

    async def _send(self, request: Request, bounds: Bounds, progress: Progress) -> AsyncAnswer | _AsyncGiven:
        self._used = True
        via = self._via
        if not isinstance(via, (httpx.AsyncBaseTransport, httpx.AsyncClient)):
            return await via.send(request, _parts(request.url), bounds, progress)
        headers, extensions = list(request.headers), {"timeout": bounds.waits(), "trace": progress.trace_async}
        url = _url(request.url)
        if isinstance(via, httpx.AsyncBaseTransport):
            built = httpx.Request(request.method, url, headers=headers, content=request.content, extensions=extensions)
            return _AsyncGiven(await via.handle_async_request(built))
        built = via.build_request(request.method, url, headers=headers, content=request.content, extensions=extensions)
        return _AsyncGiven(await via.send(built, stream=True, auth=None, follow_redirects=False))

    async def exchange(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress) -> Reply:
        """Send and read to the end. Raises :class:`TransportError`, or :class:`DeadlineExceeded`."""
        via = self._via
        if not isinstance(via, (httpx.AsyncBaseTransport, httpx.AsyncClient)) and via.keep_time():
            return await self._exchange(request, bounds, what=what, sink=sink, progress=progress)
        with anyio.move_on_after(bounds.total):
            return await self._exchange(request, bounds, what=what, sink=sink, progress=progress)
        raise deadline_exceeded(what, sent=progress.sent)

    async def _exchange(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress) -> Reply:
        try:
            answer = await self._send(request, bounds, progress)
            try:
                reading = _Reading(answer, bounds, what, sink, progress)
                while (raw := await answer.piece()) is not None:
                    reading.feed(raw)
                return reading.reply()
            finally:
                await answer.aclose()
        except BaseException as e:
            failure = _ours(e, what=what, url=request.url, progress=progress)
            if failure is None:
                raise
        raise failure


# The door into a sandbox.


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, sync and async, that answers from a sandbox.

    Raises :class:`~slo_common.ConfigurationError` for a fault that only a real connection can show.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        wait, answer = self._answer(request, request.read())
        if wait:
            time.sleep(wait)
        return _response(answer, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        wait, answer = self._answer(request, await request.aread())
        if wait:
            await anyio.sleep(wait)
        return _response(answer, request)

    def _answer(self, request: httpx.Request, body: bytes) -> tuple[float, Reply | Drop]:
        """The answer, and the seconds of silence before it; in virtual time they have passed."""
        from slo_common.sandbox._door import as_seen
        from slo_common.sandbox._state import VirtualClock

        answer = self.sandbox.handle(
            sandbox_request(request.method, request.url.raw_path.decode("ascii"), request.headers.items(), body)
        )
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        wait, answer = as_seen(answer, timeouts.get("read"))
        if isinstance(self.sandbox.clock, VirtualClock):
            self.sandbox.clock.advance(wait)
            wait = 0.0
        return wait, answer


def _response(answer: Reply | Drop, request: httpx.Request) -> httpx.Response:
    from slo_common.sandbox._steps import Drop, SpoiltReply

    match answer:
        case Drop():
            raise _dropped(answer, request)
        case SpoiltReply():
            return httpx.Response(
                answer.status, headers=answer.broken.headers, stream=_SpoiltBody(answer.broken, request), request=request
            )
        case _:
            return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


def _dropped(drop: Drop, request: httpx.Request) -> httpx.TransportError:
    match drop.value:
        case "before":
            return httpx.ReadError("Connection reset by peer", request=request)
        case "after":
            return httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        case _:
            return httpx.ReadTimeout("timed out", request=request)


class _SpoiltBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """What is sent of a body, and then how it ends. No generator: a reader that stops early would leave it half read."""

    def __init__(self, broken: Broken, request: httpx.Request) -> None:
        self._left = [broken.received]
        self._end = broken.end_seen
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._left:
            return self._left.pop()
        if self._end is not None:
            raise _dropped(self._end, self._request)
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for piece in self:
            return piece
        raise StopAsyncIteration


def sandbox_request(method: str, raw_path: str, headers: Iterable[tuple[str, str]], body: bytes) -> SandboxRequest:
    """A sandbox's view of an HTTP request."""
    from slo_common.sandbox._state import SandboxRequest

    path, _, query = raw_path.partition("?")
    return SandboxRequest(
        method=method,
        segments=tuple(unquote(s) for s in path.split("/")[1:]),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers={k.lower(): v for k, v in headers},
        body=body,
    )
