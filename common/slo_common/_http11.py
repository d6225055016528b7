"""HTTP/1.1 on connections of our own, whichever way their bytes travel: what is written, how long it may take, and what may follow.

httpcore's connections cost three times as much: states, locks, traces and h11; and loading it takes as long as all of this package. These
do what is left of that for requests in one piece: they write one, and read the reply by a reader of their own choice.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from slo_common._headers import FieldLines
from slo_common._leases import KEEP_ALIVE
from slo_common._network import LocalProtocolError, NetworkFailure, RemoteProtocolError, TimeIsOver
from slo_common._parsers import Message, best_reader
from slo_common._values import Request

Context = Callable[[], ssl.SSLContext]
"""Gives the context for https; only asked when there is https."""
Parts = tuple[bytes, bytes, int | None, bytes, bytes]
"""Of an address: scheme, host, port, path with query, and what the field Host says."""

PORTS = {b"http": 80, b"https": 443}
APART = 64 * 1024
"""Bytes of a body from which on it is not copied behind the head."""


class Witness(Protocol):
    """Is told how far a request got."""

    def watching(self) -> None:
        """There is, or will be, a socket: what is not told from now on did not happen."""
        ...

    def went_out(self) -> None:
        """Its first bytes are about to be written."""
        ...


class Stream(Protocol):
    """TCP or TLS."""

    @property
    def is_readable(self) -> bool:
        """Whether the other side has closed it, or sent what nobody asked for."""
        ...

    def abort(self) -> None:
        """End it: unread and unwritten bytes are nobody's any more."""
        ...


S = TypeVar("S", bound=Stream)


def announced_length(request: Request) -> int | None:
    """The content-length of a request; None if it is sent without that field."""
    length = len(request.content or b"")
    return length if length or request.method in ("POST", "PUT", "PATCH") else None


def head_of(request: Request, parts: Parts, lines: FieldLines) -> bytes:
    """The head of a request, with the fields that httpx would add. Raises :class:`~slo_common._network.LocalProtocolError`."""
    _, _, _, target, named = parts
    fields = lines.of(request.headers)
    if fields is None:
        raise LocalProtocolError("a header field")
    length = announced_length(request)
    announced = b"" if length is None else b"content-length: %d\r\n" % length
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%b\r\n" % (request.method.encode("ascii"), target, named, fields, announced)


class Http11(Generic[S]):
    """A connection, opened by its first request, that is used for one request after the other."""

    def __init__(self, origin: Parts, context: Context, lines: FieldLines) -> None:
        self._origin = origin[:3]
        self._context = context
        self._lines = lines
        self._stream: S | None = None
        self._reader = best_reader()()
        self._message = Message()
        self._idle_since = 0.0
        self._ends = 0.0
        self._wait = 0.0  # for each part of the reply

    def is_usable(self, origin: Parts) -> bool:
        """Whether another request to that address can follow."""
        if self._stream is None or not self._message.reusable or self._origin != origin[:3]:
            return False
        return time.monotonic() - self._idle_since < KEEP_ALIVE and not self._stream.is_readable

    def cut(self, wait: float, late: type[NetworkFailure]) -> tuple[float, type[NetworkFailure]]:
        """How many seconds may be waited now, and what to raise when they have passed.

        Raises :class:`~slo_common._network.TimeIsOver`.
        """
        left = self._ends - time.monotonic()
        if left > wait:
            return wait, late
        if left <= 0:
            raise TimeIsOver
        return left, TimeIsOver

    def _take(self, data: bytes) -> None:
        """Go on with what was read."""
        if not data and not self._message.begun:
            raise RemoteProtocolError("Server disconnected without sending a response.")
        self._reader.feed(data)

    def _piece(self) -> bytes | None:
        """What has come of the body; empty if more must be read, None at its end."""
        message = self._message
        if message.pieces:
            return message.pieces.popleft()
        if message.failure is not None:
            raise message.failure
        return None if message.ended else b""

    def release(self) -> None:
        """The reply is over, or nobody wants the rest of it."""
        if self._message.reusable:
            self._idle_since = time.monotonic()
        else:
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._message.reusable = False
        if self._stream is not None:
            self._stream.abort()
