"""TCP and TLS on asyncio, for the connections that httpcore makes for us.

httpcore's own way there is anyio, which pauses and resumes the socket, opens two cancel scopes and passes two checkpoints for every
read: a third of the cost of a small call. This is the same on asyncio's transports alone. Only asyncio's own event loops get it; trio,
uvloop and others go by the backends of httpcore.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import select
import socket
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import anyio
import httpcore

ENOUGH = 256 * 1024
"""Bytes that wait to be read from which on the socket is left alone."""

FOREVER = 1e9
"""Seconds."""
HEAD_START = 0.25
"""Seconds that one address of a host gets before the next is tried beside it (RFC 8305)."""

Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, "tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"
]
"""What ``getaddrinfo`` gives."""


class AsyncioStream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection. One task at a time reads or writes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._chunks: deque[bytes] = deque()
        self._waiting = 0  # bytes in _chunks
        self._paused = False  # the socket is not read
        self._full = False  # the socket takes no more
        self._ended = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # what create_connection makes
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._waiting += len(data)
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

    async def _hear(self, timeout: float | None, late: type[Exception]) -> None:
        """Wait until the transport tells something. Raises ``late`` after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        self._news = news = loop.create_future()
        timer = loop.call_later(FOREVER if timeout is None else timeout, _expire, news, late)
        try:
            await news
        finally:
            self._news = None
            timer.cancel()

    # What httpcore asks

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise httpcore.ReadError from self._error
            if self._ended:
                return b""
            await self._hear(timeout, httpcore.ReadTimeout)
        data = self._chunks.popleft()
        if len(data) > max_bytes:
            self._chunks.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        self._waiting -= len(data)
        if self._paused and not self._waiting:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        if not self._ended:
            self._transport.write(buffer)
        while self._full and not self._ended:
            await self._hear(timeout, httpcore.WriteTimeout)
        if self._ended:
            raise httpcore.WriteError from self._error

    async def aclose(self) -> None:
        self._transport.abort()  # unread and unwritten bytes are nobody's any more, and TLS says no goodbye, as with httpcore
        await asyncio.sleep(0)  # the socket is closed by the event loop, in its next round

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        done = False
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
            assert transport is not None  # noqa: S101  # None is for transports that are being closed, and then it raises first
            self._transport = transport
            done = True
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except ssl.SSLError as e:
            raise httpcore.ConnectError from e
        except OSError:  # the other side broke off; blocking sockets call it so
            raise httpcore.ConnectError from ssl.SSLEOFError()
        finally:
            if not done:
                self._transport.abort()
        return self

    def get_extra_info(self, info: str) -> Any:
        """What is asked of an idle connection: whether the other side has closed it, or sent what nobody asked for."""
        if info == "is_readable":
            return bool(self._chunks) or self._ended or is_readable(self._transport.get_extra_info("socket").fileno())
        return self._transport.get_extra_info(_NAMES.get(info, info))


_NAMES = {"client_addr": "sockname", "server_addr": "peername"}


def _expire(news: asyncio.Future[None], late: type[Exception]) -> None:
    if not news.done():
        news.set_exception(late())


def _poll_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _select_readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


# Windows has no poll; select takes no large file numbers elsewhere.
is_readable = _poll_readable if hasattr(select, "poll") else _select_readable
"""Whether a read of this socket would return at once: the event loop may not have come round to it."""


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens such connections."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncioStream:
        try:
            async with asyncio.timeout(timeout):
                sock = await _open_socket(host, port)
                return await _stream_over(sock)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError as e:
            raise httpcore.ConnectError from e

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol  # nothing here connects so

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _open_socket(host: str, port: int) -> socket.socket:
    """A connected socket. The addresses of a host are tried side by side; asyncio's own way of that loses sockets when it is cancelled."""
    loop = asyncio.get_running_loop()
    found = literal(host, port) or await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected: list[socket.socket] = []
    failures: list[OSError] = []

    async def attempt(address: Address, over: anyio.Event) -> None:
        family, kind, protocol, _, where = address
        sock = socket.socket(family, kind, protocol)
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
        raise failures[0] if len(failures) == 1 else OSError("no address can be reached") from ExceptionGroup("", failures)
    return connected[0]


def literal(host: str, port: int) -> list[Address]:
    """The address, if ``host`` is one already: the event loop would start a thread to find that out."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return []
    if version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    if "%" in host:  # an interface is named, which has a number
        return []
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


def by_turns(addresses: Sequence[Address]) -> list[Address]:
    """The first of each family, the second of each family, and so on: a family that is broken here costs one wait, not many."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for turn in itertools.zip_longest(*families.values()) for address in turn if address is not None]


async def _stream_over(sock: socket.socket) -> AsyncioStream:
    _, stream = await asyncio.get_running_loop().create_connection(AsyncioStream, sock=sock)
    return stream
