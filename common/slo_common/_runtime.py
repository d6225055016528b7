"""The two runtimes: sending, sleeping, time and concurrency, blocking or on an event loop. The only module that imports httpx."""

from __future__ import annotations

import functools
import os
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, unquote

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
from attrs import frozen
from sniffio import AsyncLibraryNotFoundError, current_async_library

from slo_common._body import BodyReader, Sink
from slo_common._deadline import Deadline, bind
from slo_common._drive import drive
from slo_common._errors import (
    ClientClosed,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    LoopMismatch,
    PoolExhausted,
    ProtocolError,
    ProxyFailed,
    ReadTimeout,
    Sent,
    SloError,
    TLSError,
    TransportError,
    TruncatedResponse,
)
from slo_common._values import Reply, Request

if TYPE_CHECKING:
    from slo_common.sandbox._state import Sandbox, SandboxRequest, VirtualClock

R = TypeVar("R")

POOL_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=5.0)

SyncHTTP = httpx.Client | httpx.BaseTransport
"""What a sync client takes as ``http=``: a client of yours (never closed by us) or a transport."""
AsyncHTTP = httpx.AsyncClient | httpx.AsyncBaseTransport


@frozen(kw_only=True)
class Bounds:
    """Bounds of one attempt: seconds and bytes."""

    connect: float
    read: float
    total: float
    max_bytes: int


class Runtime(Protocol):
    """What a flow may wait for. Over the sync runtime every one of these blocks, so that the flow never suspends."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        """One attempt. Raises a :class:`TransportError` that says how far it got; ``what`` names the call in it."""
        ...

    def lock(self) -> AbstractAsyncContextManager[object]:
        """A lock for flows of this client."""
        ...

    async def offload(self, function: Callable[[], R]) -> R:
        """Run a function that may block for a moment, to its end: a cancellation is raised when it has ended."""
        ...

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        """Run jobs, at most ``limit`` at once, drawn as places become free. ``done`` gets each index and result, one at a time.

        The first failure stops drawing, ends what it can and is raised.
        """
        ...


# From httpx's exceptions to ours.


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, the members of groups included (trio tries several addresses at once)."""
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        at = ahead.pop(0)
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        yield at
        if isinstance(at, BaseExceptionGroup):
            ahead.extend(cast("BaseExceptionGroup[BaseException]", at).exceptions)
        ahead.extend((at.__cause__, at.__context__))


def _tls_failed(error: ssl.SSLError, what: str, host: str) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSError(
            f"{what}: the certificate of {host} was not accepted: {error.verify_message}. For a private CA pass an httpx client with your own "
            "ssl.SSLContext"
        )
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return ConnectFailed(f"{what}: {host} ended the connection while TLS was being set up (is it https?)", reason="tls")
    return TLSError(f"{what}: {host} does not speak TLS with us (is it https?): {error.reason or 'TLS failure'}")


def _connect_failed(error: Exception, what: str, url: str) -> TransportError:
    host = httpx.URL(url).host
    for link in _chain(error):
        if isinstance(link, ssl.SSLError) and not isinstance(link, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            return _tls_failed(link, what, host)
        if isinstance(link, ConnectionRefusedError):
            return ConnectFailed(f"{what}: {host} refused the connection", reason="refused")
        if type(link).__name__ == "gaierror":
            return ConnectFailed(f"{what}: the name {host} was not found", reason="dns")
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectFailed(f"{what}: no connection to {host} in time (is it {httpx.URL(url).scheme}?)", reason="timeout")
    return ConnectFailed(f"{what}: no connection to {host}", reason="other")


class _Progress:
    """How far one attempt got. httpcore tells by its trace; where no trace comes (mocks), nothing is taken for granted."""

    __slots__ = ("_connecting", "_traced", "_went_out", "answered", "writing")

    def __init__(self) -> None:
        self._connecting = False  # through a proxy
        self._traced = False
        self._went_out = False
        self.answered = False
        self.writing = False
        """In the caller's sink, whose errors are not the connection's."""

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        self._traced = True
        if name.endswith("send_request_headers.started"):
            if info["request"].method == b"CONNECT":
                self._connecting = True
            else:
                self._went_out = True

    async def trace_async(self, name: str, info: Mapping[str, Any]) -> None:
        self.trace(name, info)

    @property
    def sent(self) -> Sent:
        if self.answered:
            return Sent.YES
        return Sent.NO if self._traced and not self._went_out else Sent.MAYBE

    @property
    def at_the_proxy(self) -> bool:
        return self._connecting and not self._went_out

    def write(self, sink: Sink, chunk: bytes) -> None:
        self.writing = True
        sink.write(chunk)
        self.writing = False


def translate(error: Exception, *, what: str, url: str, progress: _Progress) -> TransportError:
    """Our exception for one of httpx. Texts of httpx are not passed on: they may quote a header."""
    answered, sent = progress.answered, progress.sent
    name = type(error).__name__
    match error:
        case httpx.PoolTimeout():
            size = f"{POOL_LIMITS.max_connections}, unless you brought your own httpx client"
            return PoolExhausted(f"{what}: all connections of this client were in use ({size})")
        case httpx.ProxyError():
            refused = "407" in str(error)
            return ProxyFailed(f"{what}: the proxy {'asks for credentials (407)' if refused else 'failed'}", final=refused)
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return _connect_failed(error, what, url)
        case _ if progress.at_the_proxy:
            return ProxyFailed(f"{what}: the proxy broke off before the connection through it was open ({name})")
        case _ if sent is Sent.NO and not isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            return ConnectFailed(f"{what}: the connection ended before the request went out ({name})")
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return ProtocolError(f"{what}: the request could not be put on the wire ({name})", sent=Sent.NO, final=True)
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return ReadTimeout(f"{what}: no answer in time ({name})", sent=sent)
        case httpx.RemoteProtocolError():
            if answered:
                return TruncatedResponse(f"{what}: the reply ended before it was complete", sent=sent)
            text = str(error)
            if "disconnected" in text:
                return ConnectionLost(f"{what}: the server closed the connection without an answer", sent=sent)
            return ProtocolError(f"{what}: what came back is not HTTP", sent=sent, final="too long" in text)
        case httpx.DecodingError():
            return ProtocolError(f"{what}: the body is not encoded as labelled", sent=sent)
        case _:
            if answered:
                return TruncatedResponse(f"{what}: the connection broke within the reply ({name})", sent=sent)
            return ConnectionLost(f"{what}: the connection broke ({name})", sent=sent)


_HTTP_ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeEncodeError)


def _local(error: Exception, *, what: str, url: str, progress: _Progress) -> TransportError:
    if isinstance(error, (httpx.InvalidURL, UnicodeEncodeError)):
        return ProtocolError(f"{what}: the request could not be put on the wire ({type(error).__name__})", sent=Sent.NO, final=True)
    return translate(error, what=what, url=url, progress=progress)


def _headers(response: httpx.Response) -> dict[str, str]:
    return {k.lower(): v for k, v in response.headers.items()}  # httpx joins repeated ones by ", "


def _ends_by_close(response: httpx.Response) -> bool:
    """Whether nothing but the end of the connection ends this body. Compressed ones have an end of their own."""
    if response.extensions.get("http_version") not in (b"HTTP/1.0", b"HTTP/1.1"):
        return False
    names = response.headers
    return not any(name in names for name in ("content-length", "transfer-encoding", "content-encoding"))


def _timeout(bounds: Bounds) -> httpx.Timeout:
    total = max(bounds.total, 0.001)
    read = min(bounds.read, total)
    return httpx.Timeout(connect=min(bounds.connect, total), read=read, write=read, pool=min(bounds.connect, total))


def _deadline(what: str, *, sent: Sent) -> DeadlineExceeded:
    return DeadlineExceeded(f"{what}: the total timeout passed", sent=sent)


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


def _sink_for(response: httpx.Response, sink: Sink | None, memory: _Collected) -> Sink:
    """Only a good reply goes to the caller's sink; an error's body is read into memory for its text."""
    if sink is None or not response.is_success:
        return memory
    sink.reset()
    return sink


# One SSL context a process: making one takes 20 ms, sharing it nothing.


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """The default trust store, honouring SSL_CERT_FILE and SSL_CERT_DIR as httpx does."""
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise ConfigurationError("SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read") from None


def _proxy_trouble() -> ConfigurationError:
    names = ", ".join(
        n for n in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy") if os.environ.get(n)
    )
    return ConfigurationError(
        f"the proxy named by {names or 'the environment'} cannot be used: allowed: http:// or https:// (socks5:// needs the socksio package)"
    )


def _virtual_clock(http: object) -> VirtualClock | None:
    """The clock to sleep by, when a sandbox with a virtual clock was given directly."""
    if not isinstance(http, SandboxTransport):
        return None
    from slo_common.sandbox._state import VirtualClock

    return http.sandbox.clock if isinstance(http.sandbox.clock, VirtualClock) else None


class SyncRuntime:
    """Blocks. Safe to share between threads; after a fork the child opens its own connections."""

    def __init__(self, http: SyncHTTP | None = None) -> None:
        self._given = http if isinstance(http, httpx.Client) else None
        self._transport = http if isinstance(http, httpx.BaseTransport) else None
        if http is not None and self._given is None and self._transport is None:
            raise ConfigurationError(
                f"http: a {type(http).__name__} was given; allowed: an httpx.Client or an httpx transport (sync)"
            )
        self._clock = _virtual_clock(http)
        self._closed = False
        self._pid = os.getpid()
        self._deadline = Deadline()
        self._client = self._open()

    def _open(self) -> httpx.Client:
        if self._given is not None:
            return self._given
        if self._transport is not None:
            return httpx.Client(transport=self._transport, trust_env=False, limits=POOL_LIMITS)
        try:
            client = httpx.Client(verify=shared_ssl_context(), limits=POOL_LIMITS)
        except (ValueError, ImportError):
            raise _proxy_trouble() from None
        bind(client, self._deadline)
        return client

    def now(self) -> float:
        return self._clock.now() if self._clock is not None else time.monotonic()

    def wall(self) -> float:
        return self._clock.now() if self._clock is not None else time.time()

    async def sleep(self, seconds: float) -> None:
        if self._closed:
            raise ClientClosed("the client was closed")
        if self._clock is not None:
            self._clock.advance(seconds)
        else:
            time.sleep(seconds)  # noqa: ASYNC251  # this runtime is the blocking one

    def _checked(self) -> httpx.Client:
        if self._closed or self._client.is_closed:
            raise ClientClosed("the client is closed")
        if self._pid != os.getpid():  # forked: the parent's sockets would bring the parent's answers
            self._pid = os.getpid()
            self._client = self._open()
        return self._client

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        client = self._checked()
        ends = self.now() + bounds.total
        progress = _Progress()
        failure: SloError
        try:
            with self._deadline.until(ends):
                return self._exchange(client, request, bounds, what, sink, progress, ends)
        except SloError:  # one of them, DeadlineExceeded, is an OSError too
            raise
        except _HTTP_ERRORS as e:
            if progress.writing:
                raise
            failure = _local(e, what=what, url=request.url, progress=progress)
        except RuntimeError:
            if not (self._closed or client.is_closed):
                raise
            failure = ClientClosed("the client was closed during the call")
        if isinstance(failure, ReadTimeout) and self.now() >= ends:
            failure = _deadline(what, sent=failure.sent)
        raise failure

    def _exchange(
        self,
        client: httpx.Client,
        request: Request,
        bounds: Bounds,
        what: str,
        sink: Sink | None,
        progress: _Progress,
        ends: float,
    ) -> Reply:
        memory = _Collected()
        built = client.build_request(
            request.method,
            request.url,
            headers=list(request.headers),
            content=request.content,
            timeout=_timeout(bounds),
            extensions={"trace": progress.trace},
        )
        response = client.send(built, stream=True, auth=None, follow_redirects=False)
        try:
            progress.answered = True
            headers = _headers(response)
            target = _sink_for(response, sink, memory)
            if response.is_stream_consumed:  # a mock that came with its content, decoded by httpx already
                headers.pop("content-encoding", None)
                chunks: Iterable[bytes] = (response.content,)
            else:
                chunks = response.iter_raw()
            reader = BodyReader(headers, max_bytes=bounds.max_bytes, what=what)
            for raw in chunks:
                for chunk in reader.feed(raw):
                    progress.write(target, chunk)
                if self.now() > ends:
                    raise _deadline(what, sent=Sent.YES)
            reader.finish()
        finally:
            response.close()
        return Reply(status=response.status_code, headers=headers, body=memory.body(), unframed=_ends_by_close(response))

    def lock(self) -> AbstractAsyncContextManager[object]:
        return _BlockingLock()

    async def offload(self, function: Callable[[], R]) -> R:
        return function()

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        if self._clock is not None or limit <= 1:  # in virtual time threads would each move the clock
            for i, job in enumerate(jobs):
                done(i, await job())
            return
        _run_in_threads(jobs, limit, done)

    def close(self) -> None:
        """Close the connections, unless the httpx client was given by the caller."""
        self._closed = True
        if self._given is None:
            self._client.close()


def _run_in_threads(jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], limit: int, done: Callable[[int, R], None]) -> None:
    numbered = enumerate(jobs)
    with ThreadPoolExecutor(limit, thread_name_prefix="slo") as pool:
        running: dict[Future[R], int] = {}
        try:
            for i, job in numbered:
                running[pool.submit(_drive_job, job)] = i
                if len(running) >= limit:
                    _collect(running, done)
            while running:
                _collect(running, done)
        finally:
            for future in running:
                future.cancel()


def _drive_job(job: Callable[[], Coroutine[Any, Any, R]]) -> R:
    return drive(job())


def _collect(running: dict[Future[R], int], done: Callable[[int, R], None]) -> None:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        i = running.pop(future)
        done(i, future.result())


class _BlockingLock:
    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards whatever its owner says

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class AsyncRuntime:
    """Runs on asyncio and trio. Belongs to the event loop that it was first used in."""

    def __init__(self, http: AsyncHTTP | None = None) -> None:
        self._given = http if isinstance(http, httpx.AsyncClient) else None
        self._transport = http if isinstance(http, httpx.AsyncBaseTransport) else None
        if http is not None and self._given is None and self._transport is None:
            raise ConfigurationError(
                f"http: a {type(http).__name__} was given; allowed: an httpx.AsyncClient or an httpx transport (async)"
            )
        self._clock = _virtual_clock(http)
        self._closed = False
        self._pid = os.getpid()
        self._loop: object = None
        self._client = self._open()

    def _open(self) -> httpx.AsyncClient:
        if self._given is not None:
            return self._given
        if self._transport is not None:
            return httpx.AsyncClient(transport=self._transport, trust_env=False, limits=POOL_LIMITS)
        try:
            return httpx.AsyncClient(verify=shared_ssl_context(), limits=POOL_LIMITS)
        except (ValueError, ImportError):
            raise _proxy_trouble() from None

    def now(self) -> float:
        return self._clock.now() if self._clock is not None else anyio.current_time()

    def wall(self) -> float:
        return self._clock.now() if self._clock is not None else time.time()

    async def sleep(self, seconds: float) -> None:
        if self._closed:
            raise ClientClosed("the client was closed")
        if self._clock is not None:
            self._clock.advance(seconds)
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.sleep(seconds)

    def _checked(self) -> httpx.AsyncClient:
        if self._closed or self._client.is_closed:
            raise ClientClosed("the client is closed")
        loop = _current_loop()
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._client = self._open()
            self._loop = loop
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise LoopMismatch(
                "this async client began in another event loop; make one client per loop (asyncio.run starts a new loop each time)"
            )
        return self._client

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        client = self._checked()
        memory = _Collected()
        progress = _Progress()
        failure: SloError
        try:
            with anyio.move_on_after(bounds.total):
                return await self._exchange(client, request, bounds, what, sink, memory, progress)
            failure = _deadline(what, sent=progress.sent)
        except SloError:
            raise
        except _HTTP_ERRORS as e:
            if progress.writing:
                raise
            failure = _local(e, what=what, url=request.url, progress=progress)
        except RuntimeError:
            if not (self._closed or client.is_closed):
                raise
            failure = ClientClosed("the client was closed during the call")
        raise failure

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        request: Request,
        bounds: Bounds,
        what: str,
        sink: Sink | None,
        memory: _Collected,
        progress: _Progress,
    ) -> Reply:
        built = client.build_request(
            request.method,
            request.url,
            headers=list(request.headers),
            content=request.content,
            timeout=_timeout(bounds),
            extensions={"trace": progress.trace_async},
        )
        response = await client.send(built, stream=True, auth=None, follow_redirects=False)
        try:
            progress.answered = True
            headers = _headers(response)
            target = _sink_for(response, sink, memory)
            if response.is_stream_consumed:
                headers.pop("content-encoding", None)
                reader = BodyReader(headers, max_bytes=bounds.max_bytes, what=what)
                for chunk in reader.feed(response.content):
                    progress.write(target, chunk)
            else:
                reader = BodyReader(headers, max_bytes=bounds.max_bytes, what=what)
                async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as chunks:
                    async for raw in chunks:
                        for chunk in reader.feed(raw):
                            progress.write(target, chunk)
            reader.finish()
        finally:
            await response.aclose()
        return Reply(status=response.status_code, headers=headers, body=memory.body(), unframed=_ends_by_close(response))

    def lock(self) -> AbstractAsyncContextManager[object]:
        return anyio.Lock()

    async def offload(self, function: Callable[[], R]) -> R:
        results: list[R] = []

        async def work() -> None:
            with anyio.CancelScope(shield=True):
                results.append(await anyio.to_thread.run_sync(function))

        try:
            # A task of its own: asyncio's own cancellation passes through a shield, but a group waits for its tasks.
            async with anyio.create_task_group() as group:
                group.start_soon(work)
        except ExceptionGroup as failures:
            first = failures.exceptions[0]
        else:
            return results[0]
        raise first

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        numbered = enumerate(jobs)

        async def worker() -> None:
            for i, job in numbered:
                done(i, await job())

        try:
            async with anyio.create_task_group() as group:
                for _ in range(limit):
                    group.start_soon(worker)
        except ExceptionGroup as failures:
            first = failures.exceptions[0]
        else:
            return
        raise first

    async def aclose(self) -> None:
        """Close the connections, unless the httpx client was given by the caller."""
        self._closed = True
        if self._given is None:
            await self._client.aclose()


def _current_loop() -> object:
    """The running event loop, whichever library runs it."""
    try:
        library = current_async_library()
    except AsyncLibraryNotFoundError:
        raise LoopMismatch("an async client was used outside of an event loop") from None
    if library == "trio":
        import trio

        return trio.lowlevel.current_trio_token()
    import asyncio

    return asyncio.get_running_loop()


# The door into a sandbox.


class SandboxTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, sync and async, that answers from a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        from slo_common.sandbox._faults import Drop

        reply = self.sandbox.handle(
            sandbox_request(request.method, request.url.raw_path.decode("ascii"), request.headers.items(), body)
        )
        match reply:
            case Drop.BEFORE:
                raise httpx.ReadError("Connection reset by peer", request=request)
            case Drop.AFTER:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
            case Drop.STALL:
                raise httpx.ReadTimeout("timed out", request=request)
            case _:
                return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)


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
