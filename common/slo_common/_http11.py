"""HTTP/1.1 on asyncio's transports: one connection, one request after the other.

httpcore's connections cost three times as much: states, locks, traces and h11. This one does what is left of that for requests in one
piece: it writes one, and reads the reply by a reader of its own choice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpcore

from slo_common._asyncio_stream import AsyncioStream, connect
from slo_common._connections import Context, Parts, Waits, Witness, announced_length
from slo_common._headers import FieldLines
from slo_common._leases import KEEP_ALIVE
from slo_common._parsers import Message, Reader, best_reader
from slo_common._values import Request

_PORTS = {b"http": 80, b"https": 443}
_APART = 64 * 1024
"""Bytes of a body from which on it is not copied behind the head."""


def _head(request: Request, parts: Parts, lines: FieldLines) -> bytes:
    """The head of a request, with the fields that httpx would add. Raises :class:`httpcore.LocalProtocolError`."""
    _, _, _, target, named = parts
    fields = lines.of(request.headers)
    if fields is None:
        raise httpcore.LocalProtocolError("a header field")
    length = announced_length(request)
    announced = b"" if length is None else b"content-length: %d\r\n" % length
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%b\r\n" % (request.method.encode("ascii"), target, named, fields, announced)


class TimeIsOver(httpcore.TimeoutException):
    """The total of an exchange has passed."""


class Http11:
    """A connection of asyncio's, opened by its first request. One task at a time uses it."""

    def __init__(self, origin: Parts, context: Context, lines: FieldLines) -> None:
        self._origin = origin[:3]
        self._context = context
        self._lines = lines
        self._stream: AsyncioStream | None = None
        self._reader = best_reader()()
        self._message = Message()
        self._idle_since = 0.0
        self._ends = 0.0

    def is_usable(self, origin: Parts) -> bool:
        """Whether another request to that address can follow."""
        if self._stream is None or not self._message.reusable or self._origin != origin[:3]:
            return False
        return time.monotonic() - self._idle_since < KEEP_ALIVE and not self._stream.is_readable

    async def send(self, request: Request, parts: Parts, waits: Waits, ends: float, witness: Witness) -> Incoming:
        """Send and read the head of the reply. Raises one of httpcore's exceptions, here and while the body is read."""
        self._ends = ends
        head = _head(request, parts, self._lines)
        witness.watching()
        answered = False
        try:
            stream = self._stream
            if stream is None:
                stream = await self._connected(waits["connect"])
            message = self._message = self._reader.expect(request.method.encode("ascii"))
            witness.went_out()
            await self._write(stream, head, request.content or b"", waits["write"])
            incoming = Incoming(self, stream, self._reader, message, waits["read"])
            while not message.begun:
                await incoming.more()
            answered = True
        finally:
            if not answered:
                self.abort()
        return incoming

    async def _connected(self, wait: float) -> AsyncioStream:
        scheme, host, port = self._origin
        name = host.decode("ascii")
        seconds, late = self.cut(wait, httpcore.ConnectTimeout)
        try:
            stream = self._stream = await connect(name, port or _PORTS[scheme], seconds)
            if scheme == b"https":
                seconds, late = self.cut(wait, httpcore.ConnectTimeout)
                context = self._context()
                context.set_alpn_protocols(["http/1.1"])
                await stream.start_tls(context, name, seconds)
        except httpcore.ConnectTimeout:
            raise late from None
        return stream

    async def _write(self, stream: AsyncioStream, head: bytes, content: bytes, wait: float) -> None:
        together = len(content) < _APART
        try:
            await stream.write(head + content if together else head, *self.cut(wait, httpcore.WriteTimeout))
            if not together:
                await stream.write(content, *self.cut(wait, httpcore.WriteTimeout))
        except httpcore.WriteError:
            pass  # a server may refuse what it has not read to its end, and say why

    def cut(self, wait: float, late: type[httpcore.TimeoutException]) -> tuple[float, type[httpcore.TimeoutException]]:
        """How many seconds may be waited now, and what to raise when they have passed. Raises :class:`TimeIsOver`."""
        left = self._ends - time.monotonic()
        if left > wait:
            return wait, late
        if left <= 0:
            raise TimeIsOver
        return left, TimeIsOver

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

    async def aclose(self) -> None:
        """End the connection, and see it gone."""
        self.abort()
        await asyncio.sleep(0)  # the event loop closes the socket in its next round


class Incoming(AsyncIterator[bytes]):
    """A reply whose body is on its way."""

    def __init__(self, connection: Http11, stream: AsyncioStream, reader: Reader, message: Message, wait: float) -> None:
        self._connection = connection
        self._stream = stream
        self._reader = reader
        self._message = message
        self._wait = wait

    @property
    def status(self) -> int:
        return self._message.status

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case names."""
        return self._message.headers

    @property
    def version(self) -> object:
        return self._message.version

    async def more(self) -> None:
        """Read on."""
        data = await self._stream.read(*self._connection.cut(self._wait, httpcore.ReadTimeout))
        if not data and not self._message.begun:
            raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
        self._reader.feed(data)

    async def __anext__(self) -> bytes:
        message = self._message
        while not message.pieces:
            if message.ended:
                raise StopAsyncIteration
            if message.failure is not None:
                raise message.failure
            await self.more()
        return message.pieces.popleft()

    async def aclose(self) -> None:
        self._connection.release()
