"""What carries a request: connections of our own, or what httpx has where the caller or the environment asks for it.

Without a client from the caller and without a proxy the connections are our own: cookies, redirects, event hooks and a log of whole
URLs are not wanted here, and half of a call's time goes there. A client that the caller gives is used as it is.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from slo_common._body import BodyReader, Sink
from slo_common._errors import (
    ConfigurationError,
    DeadlineExceeded,
    ProtocolError,
    Sent,
    SloError,
    TransportError,
)
from slo_common._failures import Progress, deadline_exceeded, translate
from slo_common._leases import CONNECTIONS, Exhausted
from slo_common._network import NetworkFailure
from slo_common._values import Bounds, Reply, Request

if TYPE_CHECKING:
    from slo_common._async_connections import AsyncConnections
    from slo_common._connections import Connections, Head
    from slo_common._deadline import Deadline
    from slo_common._httpx import AsyncHTTP, AsyncHttpx, SyncHTTP, SyncHttpx


@functools.cache
def _http_errors(*, loaded: frozenset[str]) -> tuple[type[Exception], ...]:
    """What a failed exchange raises, as far as these libraries are loaded: to find that they were not used takes long."""
    errors: tuple[type[Exception], ...] = (NetworkFailure, Exhausted, OSError, UnicodeError)
    if "httpx" in loaded:
        from slo_common import _httpx

        errors += _httpx.ERRORS
    if "httpcore" in loaded:
        import httpcore

        errors += (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
            httpcore.ConnectionNotAvailable,
        )
    return errors


def _is_of_the_wire(error: Exception) -> bool:
    return isinstance(error, _http_errors(loaded=frozenset(sys.modules.keys() & {"httpx", "httpcore"})))


def _ours(error: BaseException, *, what: str, url: str, progress: Progress) -> TransportError | DeadlineExceeded | None:
    """Our exception for what ended an exchange; None for what is passed on as it is."""
    if not isinstance(error, Exception):  # interrupted: the frames below hold keys, and some tools show the locals of every frame
        error.__traceback__ = None
        return None
    # SloError first: one of them, DeadlineExceeded, is an OSError too.
    if isinstance(error, SloError) or progress.writing or not _is_of_the_wire(error):
        return None
    if isinstance(error, UnicodeError) or type(error).__name__ == "InvalidURL":
        return ProtocolError(f"{what}: the request could not be put on the wire ({type(error).__name__})", sent=Sent.NO, final=True)
    return translate(error, what=what, url=url, progress=progress, connections=CONNECTIONS)


def _ends_by_close(version: object, headers: Mapping[str, str]) -> bool:
    """Whether nothing but the end of the connection ends this body. Compressed ones have an end of their own."""
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return False
    return "content-length" not in headers and "transfer-encoding" not in headers and "content-encoding" not in headers


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


class _Reading:
    """One reply on its way in."""

    def __init__(self, answer: Head, bounds: Bounds, what: str, sink: Sink | None, progress: Progress) -> None:
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
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        if folder:
            return ssl.create_default_context(capath=folder)
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    except OSError:
        raise _unreadable_trust_store() from None


def _check_trust_store() -> None:
    """Let a wrong path be known when the client is made. The context itself waits for the first https connection: making it takes 20 ms."""
    name = os.environ.get("SSL_CERT_FILE")
    if name and not os.access(name, os.R_OK):
        raise _unreadable_trust_store()


def _unreadable_trust_store() -> ConfigurationError:
    return ConfigurationError("SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read")


def _no_proxies() -> bool:
    """Whether neither the environment nor the system names a proxy, so that our own connections can be used."""
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return True  # what follows takes as long to load as half of a client
    import urllib.request

    return not urllib.request.getproxies()


# What carries a request.


class SyncCarrier:
    """One way of sending: the client or the transport that was given, or connections of our own."""

    def __init__(self, http: SyncHTTP | None, deadline: Deadline) -> None:
        self._given: SyncHttpx | None = None
        if http is not None:
            from slo_common._httpx import SyncHttpx

            self._given = SyncHttpx(http)
        self._deadline = deadline
        self._via = self._open()

    def _open(self) -> SyncHttpx | Connections:
        if self._given is not None:
            return self._given
        if _no_proxies():
            from slo_common._connections import Connections

            _check_trust_store()
            return Connections(shared_ssl_context, CONNECTIONS)
        from slo_common._httpx import SyncProxied

        return SyncProxied(shared_ssl_context(), self._deadline)

    def reopen(self) -> None:
        """Begin with new connections, in a forked process."""
        if self._given is not None:
            self._given.check_after_fork()
        self._via = self._open()

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return self._given is not None and self._given.is_closed

    def close(self) -> None:
        """Close the connections; never a client that was given."""
        self._via.close()

    def exchange(
        self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress, check: Callable[[], None]
    ) -> Reply:
        """Send and read to the end; ``check`` is called after each chunk and may raise. Raises :class:`TransportError`."""
        try:
            answer = self._via.send(request, bounds, progress)
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
        self._given: AsyncHttpx | None = None
        if http is not None:
            from slo_common._httpx import AsyncHttpx

            self._given = AsyncHttpx(http)
        self._via = self._open()

    def _open(self) -> AsyncHttpx | AsyncConnections:
        if self._given is not None:
            return self._given
        if _no_proxies():
            from slo_common._async_connections import AsyncConnections

            _check_trust_store()
            return AsyncConnections(shared_ssl_context, CONNECTIONS)
        from slo_common._httpx import AsyncProxied

        return AsyncProxied(shared_ssl_context())

    def reopen(self) -> None:
        """Begin with new connections, in a forked process."""
        if self._given is not None:
            self._given.check_after_fork()
        self._via = self._open()

    @property
    def is_closed(self) -> bool:
        """Whether the caller has closed the client that it gave."""
        return self._given is not None and self._given.is_closed

    async def aclose(self) -> None:
        """Close the connections; never a client that was given."""
        await self._via.aclose()

    async def exchange(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress) -> Reply:
        """Send and read to the end. Raises :class:`TransportError`, or :class:`DeadlineExceeded`."""
        if self._via.keep_time():
            return await self._exchange(request, bounds, what=what, sink=sink, progress=progress)
        import anyio

        with anyio.move_on_after(bounds.total):
            return await self._exchange(request, bounds, what=what, sink=sink, progress=progress)
        raise deadline_exceeded(what, sent=progress.sent)

    async def _exchange(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None, progress: Progress) -> Reply:
        try:
            answer = await self._via.send(request, bounds, progress)
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
