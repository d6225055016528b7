"""Everything that touches httpx: clients and transports that callers give, proxies, and the door into a sandbox. Nothing else imports it.

It is loaded where one of these is used: a program without them has its first answer before httpx alone would have been loaded.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, cast

import anyio
import httpx

from slo_common._deadline import Deadline
from slo_common._errors import ConfigurationError
from slo_common._failures import Progress
from slo_common._leases import CONNECTIONS, KEEP_ALIVE
from slo_common._values import Bounds, Reply, Request

if TYPE_CHECKING:
    import ssl

    from slo_common._http11 import Parts
    from slo_common.sandbox._state import Sandbox
    from slo_common.sandbox._steps import Broken, Drop

SyncHTTP = httpx.Client | httpx.BaseTransport
"""What a sync client takes as ``http=``: a client of yours (never closed by us) or a transport."""
AsyncHTTP = httpx.AsyncClient | httpx.AsyncBaseTransport
ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL)
"""What a failed exchange raises."""


@functools.lru_cache(maxsize=1024)
def _url(text: str) -> httpx.URL:
    """Parsing one costs more than sending by it."""
    return httpx.URL(text)


def parts_of(text: str) -> Parts:
    """The parts of any address. Raises :class:`httpx.InvalidURL`."""
    url = httpx.URL(text)
    return url.raw_scheme, url.raw_host, url.port, url.raw_path, url.netloc


# What carries a request.


def _wrong_http(http: object, kinds: str) -> ConfigurationError:
    return ConfigurationError(f"http: a {type(http).__name__} was given; allowed: {kinds}")


def _refuse_after_fork(http: object) -> None:
    """What the caller brought cannot be opened anew, and its connections would bring the parent's answers."""
    if not isinstance(http, SandboxTransport):
        raise ConfigurationError(
            "http: the httpx client or transport that you brought was used before this process was forked; make a client in each process"
        )


def _proxy_trouble() -> ConfigurationError:
    names = ", ".join(
        n for n in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy") if os.environ.get(n)
    )
    return ConfigurationError(
        f"the proxy named by {names or 'the environment'} cannot be used: allowed: http:// or https:// (socks5:// needs the socksio package)"
    )


def _pool() -> httpx.Limits:
    return httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE)


class SyncHttpx:
    """A client or a transport."""

    def __init__(self, http: SyncHTTP) -> None:
        """Raises :class:`~slo_common.ConfigurationError` for anything else."""
        if not isinstance(http, (httpx.Client, httpx.BaseTransport)):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
            raise _wrong_http(http, "an httpx.Client or an httpx transport (sync)")
        self._http = http
        self._used = False

    def check_after_fork(self) -> None:
        if self._used:
            _refuse_after_fork(self._http)

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return isinstance(self._http, httpx.Client) and self._http.is_closed

    def close(self) -> None:
        """Never a client that was given."""
        if not isinstance(self._http, httpx.Client):
            self._http.close()

    def send(self, request: Request, bounds: Bounds, progress: Progress) -> Given:
        self._used = True
        headers, extensions = list(request.headers), {"timeout": bounds.waits(), "trace": progress.trace}
        url, http = _url(request.url), self._http
        if isinstance(http, httpx.BaseTransport):
            built = httpx.Request(request.method, url, headers=headers, content=request.content, extensions=extensions)
            return Given(http.handle_request(built))
        built = http.build_request(request.method, url, headers=headers, content=request.content, extensions=extensions)
        return Given(http.send(built, stream=True, auth=None, follow_redirects=False))


class SyncProxied(SyncHttpx):
    """A client of our own, for the proxies that the environment names."""

    def __init__(self, context: ssl.SSLContext, deadline: Deadline) -> None:
        from slo_common._sockets import bind

        try:
            client = httpx.Client(verify=context, limits=_pool())
        except (ValueError, ImportError):
            raise _proxy_trouble() from None
        inside = vars(client)
        for transport in (inside["_transport"], *cast("dict[object, object]", inside["_mounts"]).values()):
            if transport is not None:  # None: an address that the environment keeps from its proxy
                bind(transport, deadline)
        super().__init__(client)
        self._client = client

    def close(self) -> None:
        self._client.close()


class AsyncHttpx:
    """A client or a transport."""

    def __init__(self, http: AsyncHTTP) -> None:
        """Raises :class:`~slo_common.ConfigurationError` for anything else."""
        if not isinstance(http, (httpx.AsyncClient, httpx.AsyncBaseTransport)):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
            raise _wrong_http(http, "an httpx.AsyncClient or an httpx transport (async)")
        self._http = http
        self._used = False

    def check_after_fork(self) -> None:
        if self._used:
            _refuse_after_fork(self._http)

    def keep_time(self) -> bool:
        """They do not end an exchange when its total is over."""
        return False

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return isinstance(self._http, httpx.AsyncClient) and self._http.is_closed

    async def aclose(self) -> None:
        """Never a client that was given."""
        if not isinstance(self._http, httpx.AsyncClient):
            await self._http.aclose()

    async def send(self, request: Request, bounds: Bounds, progress: Progress) -> AsyncGiven:
        self._used = True
        headers, extensions = list(request.headers), {"timeout": bounds.waits(), "trace": progress.trace_async}
        url, http = _url(request.url), self._http
        if isinstance(http, httpx.AsyncBaseTransport):
            built = httpx.Request(request.method, url, headers=headers, content=request.content, extensions=extensions)
            return AsyncGiven(await http.handle_async_request(built))
        built = http.build_request(request.method, url, headers=headers, content=request.content, extensions=extensions)
        return AsyncGiven(await http.send(built, stream=True, auth=None, follow_redirects=False))


class AsyncProxied(AsyncHttpx):
    """A client of our own, for the proxies that the environment names."""

    def __init__(self, context: ssl.SSLContext) -> None:
        try:
            self._client = httpx.AsyncClient(verify=context, limits=_pool())
        except (ValueError, ImportError):
            raise _proxy_trouble() from None
        super().__init__(self._client)

    async def aclose(self) -> None:
        await self._client.aclose()


class _Fields:
    """The head of a reply that httpx gives."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = {k.lower(): v for k, v in response.headers.items()}  # httpx joins repeated ones by ", "
        self.version: object = response.extensions.get("http_version")
        if response.is_stream_consumed:  # a mock that came with its content, decoded by httpx already
            self.headers.pop("content-encoding", None)


class Given(_Fields):
    """A reply by the client or the transport that the caller gave."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self._response = response
        self._pieces = iter((response.content,)) if response.is_stream_consumed else response.iter_raw()

    def piece(self) -> bytes | None:
        return next(self._pieces, None)

    def close(self) -> None:
        self._response.close()


class AsyncGiven(_Fields):
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
        from slo_common.sandbox._door import as_seen, sandbox_request
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
