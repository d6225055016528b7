"""HTTP/1.1 replies out of bytes: by httptools, of the extra ``fast``, where a reply is plainly right, else by h11.

httptools parses in C, for a tenth of what h11 costs. Where the two might differ h11 has the word: it reads the same bytes again.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import h11
import httpcore

from slo_common._headers import joined

MOST = 100 * 1024
"""Bytes of a head, or of framing between two pieces of a body; httpcore's own bound."""
_ANY_HOST = [(b"host", b"-")]


class Message:
    """One reply on its way in."""

    __slots__ = ("begun", "ended", "failure", "headers", "pieces", "reusable", "status", "version")

    def __init__(self) -> None:
        self.begun = False
        """Its head is there."""
        self.ended = False
        self.failure: httpcore.RemoteProtocolError | None = None
        """What was wrong behind the head; what came before that is in ``pieces``."""
        self.reusable = False
        """Whether another request may follow on its connection; known when it has ended."""
        self.status = 0
        self.version = b""
        self.headers: dict[str, str] = {}
        self.pieces: deque[bytes] = deque()
        """Of the body, not taken yet."""

    def fail(self, why: str) -> None:
        """Raise it, or keep it for who reads the body."""
        failure = httpcore.RemoteProtocolError(why)
        if not self.begun:
            raise failure
        self.failure = failure


class Reader(Protocol):
    """Reads the replies of one connection, one after the other."""

    def expect(self, method: bytes) -> Message:
        """Begin with the reply to a request."""
        ...

    def feed(self, data: bytes) -> None:
        """Go on with what has come; nothing means that the connection has ended.

        Raises :class:`httpcore.RemoteProtocolError` for a wrong head; what is wrong behind it is left in the message.
        """
        ...


class H11Reader:
    """Reads by h11."""

    def __init__(self) -> None:
        self._connection: h11.Connection
        self._message: Message

    def expect(self, method: bytes) -> Message:
        self._resume(method, Message())
        return self._message

    def take_over(self, method: bytes, message: Message, seen: Iterable[bytes]) -> None:
        """Read from the beginning what another reader could not."""
        self._resume(method, message)
        for data in seen:
            self.feed(data)

    def _resume(self, method: bytes, message: Message) -> None:
        self._message = message
        # One for each reply: h11 wants to be told of the request, which has been written without it.
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
        self._connection.send(h11.Request(method=method, target=b"/", headers=_ANY_HOST))
        self._connection.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> None:
        try:
            self._connection.receive_data(data)
            self._read()
            self._message.reusable &= bool(data)
        except h11.RemoteProtocolError as e:
            self._message.fail(str(e))

    def _read(self) -> None:
        message, connection = self._message, self._connection
        while not message.ended:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                message.pieces.append(bytes(event.data))
            elif isinstance(event, h11.Response):
                message.begun = True
                message.status = event.status_code
                message.version = b"HTTP/" + event.http_version
                message.headers = joined(event.headers)
            elif isinstance(event, h11.EndOfMessage):
                message.ended = True
                done = connection.our_state is h11.DONE and connection.their_state is h11.DONE
                message.reusable = done and not connection.trailing_data[0]
            elif not isinstance(event, h11.InformationalResponse):  # more is needed
                return


@functools.cache
def best_reader() -> Callable[[], Reader]:
    """Makes the fastest that is installed."""
    try:
        from slo_common._httptools_reader import HttptoolsReader
    except ImportError:
        return H11Reader
    return HttptoolsReader
