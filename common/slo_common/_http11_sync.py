"""HTTP/1.1 over blocking sockets."""

from __future__ import annotations

from slo_common._blocking_stream import BlockingStream, connect
from slo_common._http11 import APART, PORTS, Http11, Parts, Witness, head_of
from slo_common._network import ConnectTimeout, ReadTimeout, WriteError, WriteTimeout
from slo_common._parsers import Message
from slo_common._values import Bounds, Request


class SyncHttp11(Http11[BlockingStream]):
    """One thread at a time uses it."""

    def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Witness) -> Message:
        """Send and read the head of the reply. Raises a :class:`~slo_common._network.NetworkFailure`, here and while the body is read."""
        self._ends = ends
        self._wait = bounds.read
        head = head_of(request, parts, self._lines)
        witness.watching()
        answered = False
        try:
            stream = self._stream
            if stream is None:
                stream = self._connected(bounds.connect)
            message = self._message = self._reader.expect(request.method.encode("ascii"))
            witness.went_out()
            self._write(stream, head, request.content or b"", bounds.read)
            while not message.begun:
                self._take(stream.read(*self.cut(self._wait, ReadTimeout)))
            answered = True
        finally:
            if not answered:
                self.abort()
        return message

    def _connected(self, wait: float) -> BlockingStream:
        scheme, host, port = self._origin
        name = host.decode("ascii")
        stream = self._stream = connect(name, port or PORTS[scheme], *self.cut(wait, ConnectTimeout))
        if scheme == b"https":
            context = self._context()
            context.set_alpn_protocols(["http/1.1"])
            stream.start_tls(context, name, *self.cut(wait, ConnectTimeout))
        return stream

    def _write(self, stream: BlockingStream, head: bytes, content: bytes, wait: float) -> None:
        together = len(content) < APART
        try:
            stream.write(head + content if together else head, lambda: self.cut(wait, WriteTimeout))
            if not together:
                stream.write(content, lambda: self.cut(wait, WriteTimeout))
        except WriteError:
            pass  # a server may refuse what it has not read to its end, and say why

    def piece(self) -> bytes | None:
        """A piece of the body; None at its end."""
        piece = self._piece()
        while piece == b"":
            assert self._stream is not None  # noqa: S101  # the head came by it
            self._take(self._stream.read(*self.cut(self._wait, ReadTimeout)))
            piece = self._piece()
        return piece
