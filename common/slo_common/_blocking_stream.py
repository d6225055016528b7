"""TCP and TLS on blocking sockets, for connections of our own."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from slo_common._network import (
    HEAD_START,
    Address,
    ConnectError,
    ConnectTimeout,
    NetworkFailure,
    ReadError,
    WriteError,
    by_turns,
    is_readable,
    literal,
    unreachable,
)

Late = type[NetworkFailure]
"""What to raise when it takes too long."""
_AT_MOST = 64 * 1024
"""Bytes of one read."""


class BlockingStream:
    """One connection. One thread at a time reads or writes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, seconds: float, late: Late) -> bytes:
        """What has come; nothing at the end. Raises :class:`~slo_common._network.ReadError`, or ``late``."""
        try:
            self._sock.settimeout(seconds)
            return self._sock.recv(_AT_MOST)
        except TimeoutError:
            raise late from None
        except OSError as e:
            raise ReadError from e

    def write(self, data: bytes, limit: Callable[[], tuple[float, Late]]) -> None:
        """Write it all; each part that the socket takes may take as long as ``limit`` says then. Raises as ``read`` does."""
        left = memoryview(data)
        while left:
            seconds, late = limit()
            try:
                self._sock.settimeout(seconds)
                left = left[self._sock.send(left) :]
            except TimeoutError:
                raise late from None
            except OSError as e:
                raise WriteError from e

    def abort(self) -> None:
        """End it: unread bytes are nobody's any more, and TLS says no goodbye."""
        self._sock.close()

    def start_tls(self, context: ssl.SSLContext, host: str, seconds: float, late: Late) -> None:
        """Go on with TLS. Raises :class:`~slo_common._network.ConnectError`, or ``late``; what is left is to be aborted then."""
        try:
            self._sock.settimeout(seconds)
            # First without the handshake: the socket is known, and can be closed, if that is interrupted.
            self._sock = secured = context.wrap_socket(self._sock, server_hostname=host, do_handshake_on_connect=False)
            secured.do_handshake()
        except TimeoutError:
            raise late from None
        except ssl.SSLError as e:
            raise ConnectError from e
        except OSError:  # a reset: whether that or an orderly end is seen of who speaks no TLS is a matter of luck
            raise ConnectError from ssl.SSLEOFError()

    @property
    def is_readable(self) -> bool:
        """Whether the other side has closed it, or sent what nobody asked for."""
        return is_readable(self._sock.fileno())


def connect(host: str, port: int, seconds: float, late: Late) -> BlockingStream:
    """Open such a connection. Raises :class:`~slo_common._network.ConnectError`, or ``late``."""
    try:
        sock = _open_socket(host, port, seconds, late)
    except TimeoutError:  # the system's own patience was at its end
        raise ConnectTimeout from None
    except OSError as e:
        raise ConnectError from e
    return BlockingStream(sock)


def _open_socket(host: str, port: int, seconds: float, late: Late) -> socket.socket:
    """A connected socket. The addresses of a host are tried side by side."""
    ends = time.monotonic() + seconds
    ahead = deque(by_turns(literal(host, port) or socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    failures: list[OSError] = []
    with selectors.DefaultSelector() as trying:
        try:
            next_at = 0.0  # when the next address is tried, though nothing has come of those before
            while ahead or trying.get_map():
                if ahead and (not trying.get_map() or time.monotonic() >= next_at):
                    if not _begin(ahead.popleft(), trying, failures):
                        continue
                    next_at = time.monotonic() + HEAD_START
                for key, _ in trying.select(max(0.0, (min(ends, next_at) if ahead else ends) - time.monotonic())):
                    sock = cast("socket.socket", key.fileobj)
                    trying.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        return sock
                    sock.close()
                    failures.append(OSError(code, os.strerror(code)))
                    next_at = 0.0
                if time.monotonic() >= ends:
                    raise late
            raise unreachable(failures)
        finally:
            for key in list(trying.get_map().values()):
                cast("socket.socket", key.fileobj).close()


def _begin(address: Address, trying: selectors.BaseSelector, failures: list[OSError]) -> bool:
    """Begin to connect to an address. Whether it is on its way."""
    family, kind, protocol, _, where = address
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as e:  # a family that this machine does not have, or too many open files
        failures.append(e)
        return False
    begun = False
    try:
        sock.setblocking(False)
        with suppress(BlockingIOError):  # it is on its way
            sock.connect(where)
        trying.register(sock, selectors.EVENT_WRITE)
        begun = True
    except OSError as e:
        failures.append(e)
    finally:
        if not begun:
            sock.close()
    return begun
