"""Replies read by h11: all of them where httptools is not installed, else those that are not plain."""

from __future__ import annotations

from collections.abc import Iterable

import h11

from slo_common._headers import joined
from slo_common._parsers import MOST, Message

_ANY_HOST = [(b"host", b"-")]


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
