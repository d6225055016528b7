"""TCP and TLS on asyncio's transports, for connections of our own.

httpcore's way there is anyio, which pauses and resumes the socket, opens two cancel scopes and passes two checkpoints for every read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import deque
from typing import cast

import anyio

from slo_common._network import (
    HEAD_START,
    Address,
    ConnectError,
    ConnectTimeout,
    ReadError,
    WriteError,
    by_turns,
    is_readable,
    literal,
    unreachable,
)

ENOUGH = 256 * 1024
"""Bytes that wait to be read from which on the socket is left alone."""


class _Landing(threading.local):
    """Where what is read lands first. One a thread: its event loop reads for one connection after the other."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(ENOUGH))


_landing = _Landing()


class AsyncioStream(asyncio.BufferedProtocol):
    """One connection. One task at a time reads or writes.

    Buffered: for other protocols asyncio makes room for 256 KiB and gives it back for every read, which takes longer than to read.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._chunks: deque[bytes] = deque()
        self._waiting = 0  # bytes in _chunks
        self._paused = False  # the socket is not read
        self._full = False  # the socket takes no more
        self._ended = False
        self._error: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None
        self._late: type[Exception]
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what create_connection makes; uvloop's are of no such class

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # the protocol's signature
        return _landing.view

    def buffer_updated(self, nbytes: int) -> None:
        self._chunks.append(bytes(_landing.view[:nbytes]))
        self._waiting += nbytes
        if self._waiting >= ENOUGH and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        self._ended = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._tell()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _hear(self, seconds: float, late: type[Exception]) -> None:
        """Wait until the transport tells something. Raises ``late`` when it takes longer."""
        self._news = news = self._loop.create_future()
        self._late = late
        self._until = until = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > until:
            self._wake_at(until)
        try:
            await news
        finally:
            self._news = None

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        """The wait that the timer was made for is long over, as a rule: one timer serves many waits."""
        self._timer = None
        if self._news is None or self._news.done():
            return
        if self._loop.time() < self._until:
            self._wake_at(self._until)
        else:
            self._news.set_exception(self._late())

    # What its connection asks

    async def read(self, seconds: float, late: type[Exception]) -> bytes:
        """What has come; nothing at the end. Raises a :class:`~slo_common._network.NetworkFailure`, or ``late``."""
        while not self._chunks:
            if self._error is not None:
                raise ReadError from self._error
            if self._ended:
                return b""
            await self._hear(seconds, late)
        data = self._chunks.popleft()
        self._waiting -= len(data)
        if self._paused and not self._waiting:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes, seconds: float, late: type[Exception]) -> None:
        """Give it to the transport, and wait until it takes more. Raises as ``read`` does."""
        if not self._ended:
            self._transport.write(data)
        while self._full and not self._ended:
            await self._hear(seconds, late)
        if self._ended:
            raise WriteError from self._error

    def abort(self) -> None:
        """End it: unread and unwritten bytes are nobody's any more, and TLS says no goodbye.

        The event loop closes the socket in its next round; where it is closed itself, the garbage collector does.
        """
        self._ended = True
        if self._loop.is_closed():  # a client that is closed too late; its transport would raise
            return
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go on with TLS. Raises a :class:`~slo_common._network.NetworkFailure`; what is left is to be aborted then."""
        try:
            if self._ended:  # uvloop would take the handshake for done
                raise ConnectionResetError
            if self._chunks:  # uvloop reads early: what anybody on the way sent in the clear would be taken for the reply
                raise ssl.SSLError("bytes came before the handshake")
            async with asyncio.timeout(seconds):
                transport = await self._loop.start_tls(
                    self._transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds + 1.0
                )
            assert transport is not None  # noqa: S101  # None is for transports that are being closed, and then it raises first
            self._transport = transport
        except TimeoutError:
            raise ConnectTimeout from None
        except ssl.SSLError as e:
            raise ConnectError from e
        except OSError:  # the other side broke off
            raise ConnectError from ssl.SSLEOFError()

    @property
    def is_readable(self) -> bool:
        """Whether the other side has closed it, or sent what nobody asked for."""
        return bool(self._chunks) or self._ended or is_readable(self._transport.get_extra_info("socket").fileno())


async def connect(host: str, port: int, seconds: float) -> AsyncioStream:
    """Open such a connection. Raises a :class:`~slo_common._network.NetworkFailure`."""
    try:
        async with asyncio.timeout(seconds):
            sock = await _open_socket(host, port)
            return await _stream_over(sock)
    except TimeoutError:
        raise ConnectTimeout from None
    except OSError as e:
        raise ConnectError from e


async def _open_socket(host: str, port: int) -> socket.socket:
    """A connected socket. The addresses of a host are tried side by side; asyncio's own way of that loses sockets when it is cancelled."""
    loop = asyncio.get_running_loop()
    found = literal(host, port) or await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected: list[socket.socket] = []
    failures: list[OSError] = []

    async def attempt(address: Address, over: anyio.Event) -> None:
        family, kind, protocol, _, where = address
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as e:  # a family that this machine does not have, or too many open files
            failures.append(e)
            over.set()
            return
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, where)
            if not connected:
                connected.append(sock)
                attempts.cancel_scope.cancel()
        except OSError as e:
            failures.append(e)
        finally:
            if sock not in connected:
                sock.close()
            over.set()

    try:
        async with anyio.create_task_group() as attempts:
            for address in by_turns(found):
                over = anyio.Event()
                attempts.start_soon(attempt, address, over)
                with anyio.move_on_after(HEAD_START):
                    await over.wait()
    except BaseException:  # cancelled when it had just been connected
        for sock in connected:
            sock.close()
        raise
    if not connected:
        raise unreachable(failures)
    return connected[0]


async def _stream_over(sock: socket.socket) -> AsyncioStream:
    _, stream = await asyncio.get_running_loop().create_connection(AsyncioStream, sock=sock)
    return stream
