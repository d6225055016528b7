"""HTTP/1.1 replies out of bytes: by httptools, of the extra ``fast``, where a reply is plainly right, else by h11.

httptools parses in C, for a tenth of what h11 costs. Where the two might differ h11 has the word: it reads the same bytes again.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Protocol

from slo_common._network import RemoteProtocolError

MOST = 100 * 1024
"""Bytes of a head, or of framing between two pieces of a body; httpcore has the same bound."""


class Message:
    """One reply on its way in."""

    __slots__ = ("begun", "ended", "failure", "headers", "pieces", "reusable", "status", "version")

    def __init__(self) -> None:
        self.begun = False
        """Its head is there."""
        self.ended = False
        self.failure: RemoteProtocolError | None = None
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
        failure = RemoteProtocolError(why)
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

        Raises :class:`RemoteProtocolError` for a wrong head; what is wrong behind it is left in the message.
        """
        ...


@functools.cache
def best_reader() -> Callable[[], Reader]:
    """Makes the fastest that is installed."""
    try:
        from slo_common._httptools_reader import HttptoolsReader
    except ImportError:
        from slo_common._h11_reader import H11Reader

        return H11Reader
    return HttptoolsReader
