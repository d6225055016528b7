"""Reading a body: decompressed in small steps, complete or not at all, never larger than allowed."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import ProtocolError, ResponseTooLarge, Sent, SloError, TruncatedResponse
from slo_common._body import MAX_RATIO, RATIO_FROM, STEP, BodyReader

TEXT = b"id,name,sli\n" * 1000
MIB = 1024 * 1024


def read(*chunks: bytes, encoding: str = "gzip", length: str | None = None, max_bytes: int = 64 * MIB) -> bytes:
    headers = {"content-encoding": encoding}
    if length is not None:
        headers["content-length"] = length
    reader = BodyReader(headers, max_bytes=max_bytes, what="vendor.things.get")
    out = b"".join(piece for chunk in chunks for piece in reader.feed(chunk))
    reader.finish()
    return out


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_plain_body_is_passed_on(encoding: str) -> None:
    assert read(b"ab", b"", b"c", encoding=encoding) == b"abc"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_compressed_body_is_decompressed(encoding: str) -> None:
    assert read(gzip.compress(TEXT), encoding=encoding) == TEXT


def test_chunks_may_break_anywhere() -> None:
    assert read(*bytewise(gzip.compress(TEXT))) == TEXT


def test_an_empty_body_labelled_gzip_is_empty() -> None:
    assert read() == b""
    assert read(b"") == b""


@pytest.mark.parametrize("share", [0.1, 0.49, 0.9, 0.999])
def test_f14_a_truncated_gzip_is_an_error_and_not_half_a_body(share: float) -> None:
    whole = gzip.compress(TEXT)
    with pytest.raises(TruncatedResponse, match=r"vendor\.things\.get: the compressed body ends before its end") as caught:
        read(whole[: int(len(whole) * share)])
    assert caught.value.sent is Sent.YES


def test_f14_the_last_byte_counts() -> None:
    with pytest.raises(TruncatedResponse):
        read(gzip.compress(TEXT)[:-1])


def test_f15_all_members_of_a_gzip_are_read() -> None:
    members = gzip.compress(b"one,") + gzip.compress(b"two,") + gzip.compress(b"three")
    assert read(members) == b"one,two,three"
    assert read(*bytewise(members)) == b"one,two,three"


def test_f15_a_truncated_last_member_is_an_error() -> None:
    with pytest.raises(TruncatedResponse):
        read(gzip.compress(b"one,") + gzip.compress(b"two,")[:-5])


def test_f16_what_is_labelled_gzip_and_is_not_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="labelled gzip and is not") as caught:
        read(b"id,name\n1,a\n")
    assert (caught.value.sent, caught.value.retry_safe) == (Sent.YES, None)


def test_f16_rubbish_behind_a_gzip_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="labelled gzip and is not"):
        read(gzip.compress(TEXT) + b"rubbish")


def test_f16_a_gzip_whose_checksum_is_wrong_is_an_error() -> None:
    whole = bytearray(gzip.compress(TEXT))
    whole[-6] ^= 1
    with pytest.raises(ProtocolError):
        read(bytes(whole))


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x" * 1000])
def test_f17_an_encoding_that_was_not_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(ProtocolError, match="which was not asked for") as caught:
        read(b"abc", encoding=encoding)
    assert len(str(caught.value)) < 200


def test_f21_a_length_above_the_limit_is_refused_before_reading() -> None:
    with pytest.raises(ResponseTooLarge) as caught:
        BodyReader({"content-length": "5000000000"}, max_bytes=100, what="c")
    assert (caught.value.limit, caught.value.seen, caught.value.retry_safe) == (100, 5_000_000_000, False)


def test_f21_a_body_without_a_length_is_read_up_to_the_limit_and_no_further() -> None:
    assert read(b"x" * 100, encoding="", max_bytes=100) == b"x" * 100
    with pytest.raises(ResponseTooLarge, match="larger than the limit of 100 bytes"):
        read(b"x" * 60, b"x" * 41, encoding="", max_bytes=100)


@pytest.mark.parametrize("length", ["", "abc", "-5", "²", "9" * 5000])
def test_f21_a_garbled_length_is_passed_over(length: str) -> None:
    assert read(b"abc", encoding="", length=length, max_bytes=100) == b"abc"


def test_f21_the_length_of_a_compressed_body_is_not_that_of_the_body() -> None:
    assert read(gzip.compress(b"ab"), length="22", max_bytes=20) == b"ab"


def test_f22_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 3 * MIB)
    with pytest.raises(ResponseTooLarge) as caught:
        read(bomb, max_bytes=MIB)
    assert caught.value.seen <= MIB + STEP


def test_f22_a_gzip_bomb_is_stopped_by_its_ratio() -> None:
    with pytest.raises(ResponseTooLarge, match=f"more than {MAX_RATIO} times its size"):
        read(gzip.compress(b"\0" * 2 * RATIO_FROM))


def test_f22_a_bomb_is_inflated_in_small_steps() -> None:
    reader = BodyReader({"content-encoding": "gzip"}, max_bytes=MIB, what="c")
    assert max(len(piece) for piece in reader.feed(gzip.compress(b"\0" * (MIB - 1)))) <= STEP


def test_f22_a_small_body_may_inflate_as_it_likes() -> None:
    zeros = b"\0" * (RATIO_FROM - 1)
    assert read(gzip.compress(zeros)) == zeros


@pytest.mark.parametrize(("encoding", "packed"), [("", bytes), ("gzip", gzip.compress)])
def test_f22_a_large_body_may_be_as_large_as_the_wire_brings_it(encoding: str, packed: Callable[[bytes], bytes]) -> None:
    body = os.urandom(RATIO_FROM + 1)
    assert read(packed(body), encoding=encoding) == body


@given(st.binary(max_size=300), st.lists(st.integers(1, 20), min_size=1, max_size=20), st.integers(1, 3))
def test_any_body_survives_any_chunking(body: bytes, sizes: list[int], members: int) -> None:
    wire = b"".join(gzip.compress(body) for _ in range(members))
    chunks: list[bytes] = []
    for i in range(len(wire)):
        size = sizes[i % len(sizes)]
        chunks.append(wire[:size])
        wire = wire[size:]
    assert read(*chunks) == body * members


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(["gzip", "", "br"]), st.binary(max_size=30))
def test_whatever_the_wire_brings_only_our_exceptions_leave(chunks: list[bytes], encoding: str, body: bytes) -> None:
    head = zlib.compress(body, wbits=31) if chunks and len(chunks) % 2 else b""
    try:
        read(head, *chunks, encoding=encoding, max_bytes=100)
    except SloError as e:
        assert str(e).startswith("vendor.things.get: ")
