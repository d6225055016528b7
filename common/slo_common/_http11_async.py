"""HTTP/1.1 over asyncio's transports, uvloop's included."""

from __future__ import annotations

import asyncio

from slo_common._asyncio_stream import AsyncioStream, connect
from slo_common._http11 import APART, PORTS, Http11, Parts, Witness, head_of
from slo_common._network import ConnectTimeout, ReadTimeout, WriteError, WriteTimeout
from slo_common._parsers import Message
from slo_common._values import Bounds, Request


class AsyncHttp11(Http11[AsyncioStream]):
    """One task at a time uses it."""

    async def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> Message:
        """Send and read the head of the reply. Raises a :class:`~slo_common._network.NetworkFailure`, here and while the body is read."""
        self._ends = ends
        self._wait = bounds.read
        head = head_of(request, parts, self._lines)
        witness.watching()
        answered = False
        try:
            stream = self._stream
            if stream is None:
                stream = await self._connected(bounds.connect)
            message = self._message = self._reader.expect(request.method.encode("ascii"))
            witness.went_out()
            await self._write(stream, head, request.content or b"", bounds.read)
            while not message.begun:
                self._take(await stream.read(*self.cut(self._wait, ReadTimeout)))
            answered = True
        finally:
            if not answered:
                self.abort()
        return message

    async def _connected(self, wait: float) -> AsyncioStream:
        scheme, host, port = self._origin
        name = host.decode("ascii")
        seconds, late = self.cut(wait, ConnectTimeout)
        try:
            stream = self._stream = await connect(name, port or PORTS[scheme], seconds)
            if scheme == b"https":
                seconds, late = self.cut(wait, ConnectTimeout)
                context = self._context()
                context.set_alpn_protocols(["http/1.1"])
                await stream.start_tls(context, name, seconds)
        except ConnectTimeout:
            raise late from None
        return stream

    async def _write(self, stream: AsyncioStream, head: bytes, content: bytes, wait: float) -> None:
        together = len(content) < APART
        try:
            await stream.write(head + content if together else head, *self.cut(wait, WriteTimeout))
            if not together:
                await stream.write(content, *self.cut(wait, WriteTimeout))
        except WriteError:
            pass  # a server may refuse what it has not read to its end, and say why

    async def piece(self) -> bytes | None:
        """A piece of the body; None at its end."""
        piece = self._piece()
        while piece == b"":
            assert self._stream is not None  # noqa: S101  # the head came by it
            self._take(await self._stream.read(*self.cut(self._wait, ReadTimeout)))
            piece = self._piece()
        return piece

    async def arelease(self) -> None:
        """As ``release``."""
        self.release()

    async def aclose(self) -> None:
        """End the connection, and see it gone."""
        self.abort()
        await asyncio.sleep(0)  # the event loop closes the socket in its next round
