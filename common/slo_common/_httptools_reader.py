"""Replies read by httptools. Imported only when it is installed."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import httptools

from slo_common._headers import joined
from slo_common._parsers import MOST, Message

if TYPE_CHECKING:
    from slo_common._h11_reader import H11Reader

_PLAIN = re.compile(rb"HTTP/1\.1 [2-5][0-9][0-9] [A-Za-z' -]*\r\n")


class _NotPlain(Exception):
    """A reply that h11 shall read."""


class HttptoolsReader:
    """Reads plain replies by httptools: HTTP/1.1, with a body that says where it ends. All others by h11, from their first byte."""

    def __init__(self) -> None:
        self._parser = self._new_parser()
        self._h11: H11Reader | None = None
        self._message: Message
        self._method = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._seen: list[bytes] = []  # until the head is there
        self._unproductive = 0  # bytes since the last piece of the body

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)  # old servers fill up with them, and h11 takes them
        return parser

    def expect(self, method: bytes) -> Message:
        self._h11 = None
        self._method = method
        self._message = Message()
        self._fields = []
        self._seen = []
        self._unproductive = 0
        return self._message

    def feed(self, data: bytes) -> None:
        if self._h11 is not None:
            self._h11.feed(data)
            return
        message = self._message
        if not message.begun:
            self._seen.append(data)
            if len(self._seen) == 1 and not _PLAIN.match(data):
                self._give_up()
                return
        elif not data:
            message.fail("the connection ended within the body")
            return
        self._unproductive += len(data)
        failed, cause = False, None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as e:
            failed, cause = True, e.__context__
        if failed:
            self._failed(cause)
        elif self._unproductive > MOST and not message.ended:
            message.fail("too long")

    def _failed(self, cause: BaseException | None) -> None:
        message = self._message
        if cause is not None and not isinstance(cause, _NotPlain) and cause is not sys.exception():
            message.reusable = False
            raise cause  # Ctrl-C, or what another signal raised: httptools catches whatever comes out of the functions below
        if message.ended:  # what follows was not asked for
            message.reusable = False
        elif message.begun:
            message.fail("the body is not framed as announced")
        else:
            self._give_up()

    def _give_up(self) -> None:
        from slo_common._h11_reader import H11Reader  # which most programs never need

        self._parser = self._new_parser()  # this one has seen what it cannot read
        self._h11 = H11Reader()
        self._h11.take_over(self._method, self._message, self._seen)

    # What httptools tells

    def on_message_begin(self) -> None:
        if self._message.ended:
            raise _NotPlain

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        parser, message = self._parser, self._message
        status, headers = parser.get_status_code(), joined(self._fields)
        framed = "content-length" in headers or headers.get("transfer-encoding") == "chunked"
        if not framed or status in (204, 304) or self._method == b"HEAD":  # what is announced does not come
            raise _NotPlain
        message.begun = True
        message.status = status
        message.version = b"HTTP/1.1"
        message.headers = headers

    def on_body(self, piece: bytes) -> None:
        self._unproductive = 0
        self._message.pieces.append(piece)

    def on_message_complete(self) -> None:
        self._message.ended = True
        self._message.reusable = self._parser.should_keep_alive()
