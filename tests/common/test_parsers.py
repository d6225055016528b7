"""Replies out of bytes: what each reader makes of them, and that both make the same of everything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import cast
from unittest.mock import patch

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from slo_common._h11_reader import H11Reader
from slo_common._httptools_reader import HttptoolsReader
from slo_common._network import RemoteProtocolError
from slo_common._parsers import MOST, Reader, best_reader


@pytest.fixture(params=[H11Reader, HttptoolsReader], ids=["h11", "httptools"], name="reader")
def _reader(request: pytest.FixtureRequest) -> Reader:
    made: Reader = request.param()
    return made


@frozen
class Outcome:
    """What a reader has made of some bytes."""

    head: tuple[int, bytes, tuple[tuple[str, str], ...]] | None = None
    body: bytes = b""
    ended: bool = False
    reusable: bool = False
    refused: bool = False
    broken: bool = False


def outcome(reader: Reader, pieces: Sequence[bytes], *, method: bytes = b"GET", closes: bool = False) -> Outcome:
    """As a connection feeds it: until the message has ended or failed."""
    message = reader.expect(method)
    try:
        for piece in (*pieces, b"") if closes else pieces:
            if not message.ended and message.failure is None:
                reader.feed(piece)
    except RemoteProtocolError:
        return Outcome(refused=True)
    return Outcome(
        head=(message.status, message.version, tuple(message.headers.items())) if message.begun else None,
        body=b"".join(message.pieces),
        ended=message.ended,
        reusable=message.reusable,
        broken=message.failure is not None,
    )


def reply(*fields: bytes, body: bytes = b"", line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((line, *fields, b"", body))


WHOLE = reply(b"Content-Length: 2", body=b"{}")

# Grammar, and what breaks it.

LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200",
        b"HTTP/1.1 404 Not Found",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 Not Modified",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 101 Switching Protocols",
        b"HTTP/1.1 103 Early Hints",
        b"HTTP/1.1 599 \xe9\x00",
        b"HTTP/1.1 600 x",
        b"HTTP/1.1 999 x",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.0 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.2 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"<html>",
        b"",
        b"\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 200 a\x01b",
        b"HTTP/1.1 200 a\x7fb",
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 5",
            b"Content-Length: 5",
            b"Content-Length: 0",
            b"content-length:5",
            b"Content-Length: 5, 5",
            b"Content-Length: 05",
            b"Content-Length: +5",
            b"Content-Length: -1",
            b"Content-Length: 5 ",
            b"Content-Length: 0x5",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length:",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: Chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding:",
            b"Connection: close",
            b"Connection: keep-alive",
            b"Connection: Keep-Alive, Close",
            b"Connection: upgrade",
            b"Upgrade: h2c",
            b"Proxy-Connection: close",
            b"Keep-Alive: timeout=5",
            b"X-Tab:\ta\tb\t",
            b"X-Latin: \xe9",
            b"X-Utf8: \xc3\xa9",
            b"X-Empty:",
            b"X-Twice: a",
            b"X-Twice: b",
            b"X-Control: a\x01b",
            b"X-Nul: a\x00b",
            b"X-Del: a\x7fb",
            b"X-Cr: a\rb",
            b"X-Folded: a\r\n b",
            b"X-Folded: a\r\n\tb",
            b"X-Folded:\r\n b",
            b"X Space: a",
            b"X-Before : a",
            b" X-Leading: a",
            b"X-\xe9: a",
            b"No colon",
            b": no name",
            b"X-Lf: a\nX-More: b",
            b"Trailer: X-Checksum",
            b"X-Space:   a  b   ",
        ]
    ),
    max_size=5,
)
BODIES = st.sampled_from(
    [
        b"",
        b"abcde",
        b"abc",
        b"abcdefg",
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"2\r\nab\r\n3\r\ncde\r\n0\r\nX-Checksum: 1\r\n\r\n",
        b"5;ext=1\r\nabcde\r\n0\r\n\r\n",
        b"5 \r\nabcde\r\n0\r\n\r\n",
        b"05\r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"5\r\nabcdef\r\n0\r\n\r\n",
        b"5\r\nabcde0\r\n\r\n",
        b"x\r\nabcde\r\n0\r\n\r\n",
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"\r\nabcde",
        b"fffffffffffffffff\r\nabcde",
        b"ffffffffffffffffffffffffff\r\nabcde",
        b"5\r\nabcde\r\n0\r\nbad trailer\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"abcdeHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"abcde\r\n",
        b"5\r\nabcde\r\n0\r\n\r\n\r\n",
    ]
)


@st.composite
def replies(draw: st.DrawFn) -> list[bytes]:
    """The bytes of a reply or nearly one, cut anywhere."""
    whole = reply(*draw(FIELDS), line=draw(LINES), body=draw(BODIES))
    places = sorted({min(at, len(whole)) for at in draw(st.lists(st.integers(1, 200), max_size=4))})
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True) if a < b]


@given(pieces=replies(), closes=st.booleans(), method=st.sampled_from([b"GET", b"HEAD", b"POST", b"DELETE"]))
def test_both_readers_make_the_same_of_a_reply(pieces: list[bytes], closes: bool, method: bytes) -> None:
    by_h11, by_httptools = (outcome(reader, pieces, method=method, closes=closes) for reader in (H11Reader(), HttptoolsReader()))
    if by_httptools.broken and not by_h11.ended:  # httptools sees at once what h11 sees when more has come, or the connection ends
        assert (by_httptools.head, by_h11.body.startswith(by_httptools.body)) == (by_h11.head, True)
        return
    if not by_httptools.reusable or b"".join(pieces).endswith(
        b"\r\n"
    ):  # it heeds Proxy-Connection, and overlooks an empty line at the end
        by_h11 = evolve(by_h11, reusable=by_httptools.reusable)
    assert by_httptools == by_h11


# One after the other.


def test_a_whole_reply_leaves_the_connection_usable(reader: Reader) -> None:
    assert outcome(reader, [WHOLE]) == Outcome(
        head=(200, b"HTTP/1.1", (("content-length", "2"),)), body=b"{}", ended=True, reusable=True
    )


def test_replies_come_one_after_the_other(reader: Reader) -> None:
    chunked = reply(b"Transfer-Encoding: chunked", body=b"2\r\n[]\r\n0\r\n\r\n")
    assert [outcome(reader, [each]).body for each in (WHOLE, chunked, WHOLE)] == [b"{}", b"[]", b"{}"]


def test_what_was_not_asked_for_ends_the_use_of_a_connection(reader: Reader) -> None:
    found = outcome(reader, [WHOLE + WHOLE])
    assert (found.body, found.ended, found.reusable) == (b"{}", True, False)


def test_a_server_that_says_close_ends_the_use_of_a_connection(reader: Reader) -> None:
    found = outcome(reader, [reply(b"Content-Length: 2", b"Connection: close", body=b"{}")])
    assert (found.ended, found.reusable) == (True, False)


def test_a_body_without_a_length_goes_to_the_end_of_the_connection(reader: Reader) -> None:
    found = outcome(reader, [reply(body=b"abc"), b"def"], closes=True)
    assert (found.body, found.ended, found.reusable) == (b"abcdef", True, False)


def test_interim_replies_are_passed_over(reader: Reader) -> None:
    found = outcome(reader, [reply(line=b"HTTP/1.1 103 Early Hints"), WHOLE])
    assert (found.head, found.reusable) == ((200, b"HTTP/1.1", (("content-length", "2"),)), True)


def test_a_reply_without_a_body_ends_with_its_head(reader: Reader) -> None:
    found = outcome(reader, [reply(b"Content-Length: 5", line=b"HTTP/1.1 204 No Content")])
    assert (found.ended, found.reusable, found.body) == (True, True, b"")


def test_a_reply_to_head_ends_with_its_head(reader: Reader) -> None:
    found = outcome(reader, [reply(b"Content-Length: 5")], method=b"HEAD")
    assert (found.ended, found.reusable, found.body) == (True, True, b"")


def test_a_plain_reply_can_follow_an_odd_one(reader: Reader) -> None:
    odd = reply(b"X-Folded: a\r\n b", b"Content-Length: 2", body=b"[]")
    assert [outcome(reader, [each]).body for each in (odd, WHOLE, odd)] == [b"[]", b"{}", b"[]"]


def test_the_end_of_the_connection_within_a_body_is_a_failure(reader: Reader) -> None:
    found = outcome(reader, [WHOLE[:-1]], closes=True)
    assert (found.body, found.ended, found.broken) == (b"{", False, True)


def test_a_body_in_chunks_that_are_none_is_a_failure(reader: Reader) -> None:
    found = outcome(reader, [reply(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\nno number\r\n")])
    assert (found.body, found.ended, found.broken) == (b"x", False, True)


# What is too long.


def test_a_head_without_end_is_refused(reader: Reader) -> None:
    assert outcome(reader, [b"HTTP/1.1 200 OK\r\nX: ", b"a" * (MOST - 100)]) == Outcome()
    with pytest.raises(RemoteProtocolError, match="too long"):
        reader.feed(b"a" * 100)


def test_the_length_of_one_head_is_not_that_of_the_next(reader: Reader) -> None:
    head = reply(b"Content-Length: 0", b"X: " + b"a" * (MOST * 2 // 3))
    assert [outcome(reader, [head[:-1], head[-1:]]).ended for _ in range(2)] == [True, True]


def test_trailers_without_end_are_a_failure(reader: Reader) -> None:
    trailers = [b"X: " + b"a" * 1000 + b"\r\n"] * (MOST // 1000 + 1)
    found = outcome(reader, [reply(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n0\r\n"), *trailers])
    assert (found.body, found.broken) == (b"x", True)


def test_a_body_of_many_small_chunks_is_not_too_long(reader: Reader) -> None:
    chunks = [b"1\r\nx\r\n" * 1000] * (MOST // 5000)
    found = outcome(reader, [reply(b"Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n"])
    assert (len(found.body), found.ended) == (1000 * len(chunks), True)


# Which of them reads.


def test_a_plain_reply_needs_no_h11() -> None:
    with patch.object(HttptoolsReader, "_give_up", side_effect=AssertionError):
        assert outcome(HttptoolsReader(), [WHOLE]).ended


def test_a_plain_reply_after_an_odd_one_needs_no_h11() -> None:
    reader = HttptoolsReader()
    assert outcome(reader, [reply(line=b"HTTP/1.1 204 No Content")]).ended
    with patch.object(HttptoolsReader, "_give_up", side_effect=AssertionError):
        assert outcome(reader, [WHOLE]).ended


def test_httptools_reads_where_it_is_installed() -> None:
    best_reader.cache_clear()
    assert best_reader() is HttptoolsReader


def test_h11_reads_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.delitem(sys.modules, "slo_common._httptools_reader")
    best_reader.cache_clear()
    assert best_reader() is H11Reader
    best_reader.cache_clear()


TOLD = ("on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete")
"""What httptools calls."""


def interrupted_in(name: str) -> HttptoolsReader:
    """A reader in whose function of that name a signal arrives."""

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    return cast("HttptoolsReader", type("Interrupted", (HttptoolsReader,), {name: press})())


@pytest.mark.parametrize("name", TOLD)
def test_ctrl_c_within_what_httptools_calls_is_passed_on(name: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        outcome(interrupted_in(name), [WHOLE])


class InterruptedAtTheEnd(HttptoolsReader):
    """A signal arrives when the reply is whole."""

    def on_message_complete(self) -> None:
        super().on_message_complete()
        raise KeyboardInterrupt


def test_ctrl_c_behind_a_reply_ends_the_use_of_its_connection() -> None:
    reader = InterruptedAtTheEnd()
    message = reader.expect(b"GET")
    with pytest.raises(KeyboardInterrupt):
        reader.feed(WHOLE)
    assert (message.ended, message.reusable) == (True, False)


def test_what_was_being_handled_already_is_not_taken_for_ctrl_c() -> None:
    """The exception that an ``except`` around the call handles is the context of what httptools raises."""
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        found = outcome(HttptoolsReader(), [reply(b"Transfer-Encoding: chunked", body=b"x\r\n")])
    assert found.broken
