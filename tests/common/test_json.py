"""Strict JSON: what the standard library lets through is refused, and the place is named."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slo_common import MalformedResponse, Sent, UnexpectedContent, _json
from slo_common._json import EXCERPT, MAX_DEPTH, QUICK_FROM, dumps, loads, parse, parse_apart, refuse_doubles
from slo_common._values import Reply


def reply(body: bytes, content_type: str = "application/json", code: int = 200) -> Reply:
    return Reply(status=code, headers={"content-type": content_type}, body=body)


def refused(body: bytes) -> MalformedResponse:
    with pytest.raises(MalformedResponse) as caught:
        loads(reply(body), call="vendor.things.get", request_id="r-1")
    return caught.value


def test_f59_a_key_that_stands_often_is_named_once() -> None:
    body = b'{"a":{"b":1,"b":2},"a":3,"a":[{"b":1,"b":2}],"c":{"a":1}}'
    with pytest.raises(MalformedResponse, match=r"twice in one object: 'b', 'a'$"):
        refuse_doubles(reply(body), call="vendor.things.get")


@pytest.mark.parametrize("body", [b"{", b'{"a":}', b"[1,]", b"nul", b"1 2", b"'a'", b'{"a":1}x'])
def test_f54_malformed_json_is_named_by_place(body: bytes) -> None:
    error = refused(body)
    assert "at character" in str(error)
    assert (error.sent, error.retry_safe, error.status, error.call) == (Sent.YES, False, 200, "vendor.things.get")


def test_f54_the_excerpt_is_kept_apart_from_the_message() -> None:
    error = refused(b'{"token": "abc"')
    assert "abc" in error.excerpt
    assert "abc" not in str(error)


def test_f95_the_excerpt_is_short_and_holds_no_control_character() -> None:
    error = refused(b"\x00\x1b[31m\r\n" + b"x" * 10_000)
    assert len(error.excerpt) < 4 * EXCERPT
    assert error.excerpt.isprintable()


@pytest.mark.parametrize("body", [b'"\xff"', b'{"a": "\xc3"}', '"é"'.encode("latin-1"), '"a"'.encode("utf-16")])
def test_f55_bad_utf8_is_named_by_byte(body: bytes) -> None:
    assert "not UTF-8 at byte" in str(refused(body))


def test_f55_a_byte_order_mark_is_passed_over() -> None:
    assert loads(reply(b'\xef\xbb\xbf{"a":1}'), call="c") == {"a": 1}


def test_f55_a_lone_surrogate_is_kept() -> None:
    assert loads(reply(b'"\\ud800"'), call="c") == "\ud800"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_f56_a_hundred_thousand_levels_are_refused(opening: bytes) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in str(refused(opening * 100_000))


def test_f56_the_deepest_allowed_level_is_read() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    with pytest.raises(ValueError, match="nested deeper"):
        parse(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_f56_many_brackets_are_not_deep() -> None:
    assert parse(b"[" + b"[],{}," * 1000 + b"0]") is not None


def test_f56_brackets_within_strings_are_not_deep() -> None:
    text = "[" * 200 + '\\"' + "{" * 200
    assert parse(json.dumps([text]).encode()) == [text]


def test_f56_levels_that_brackets_within_strings_seem_to_close_are_refused_too() -> None:
    assert "nested deeper than" in str(refused(b'["]",' * 100_000))


def test_a_long_body_that_was_cut_is_not_called_deep() -> None:
    whole = b'{"data":[' + b",".join([b'{"a":[1]}'] * 100) + b"]}"
    assert "Expecting" in str(refused(whole[:-3]))


def test_a_body_that_was_cut_deep_down_is_called_deep() -> None:
    assert "nested deeper than" in str(refused(b'{"a":' * (MAX_DEPTH + 1) + b"[1]"))


def test_f57_an_integer_of_five_thousand_digits_is_refused() -> None:
    assert "is not valid JSON" in str(refused(b"9" * 5000))


def test_f57_an_integer_beyond_64_bit_stays_exact() -> None:
    assert parse(b"123456789012345678901234567890") == 123456789012345678901234567890


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e999",
        b"-1e999",
        b"[1E+400]",
        b"1" + b"0" * 400 + b".0",
        b"9" * 250 + b"e99",
        b"9" * 299 + b"e10",
    ],
)
def test_f58_what_is_no_number_or_too_large_is_refused(body: bytes) -> None:
    assert "is not valid JSON" in str(refused(body))


@pytest.mark.parametrize(("body", "value"), [(b"1e308", 1e308), (b"1e-999", 0.0), (b"1e5", 1e5), (b"[1.5E+3]", [1500.0])])
def test_f58_what_is_finite_is_read(body: bytes, value: object) -> None:
    assert parse(body) == value


def test_f59_of_duplicate_keys_the_last_wins() -> None:
    assert parse(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"<!DOCTYPE html><html>", "text/html; charset=utf-8"), (b"  <html>", "application/json"), (b"Sign in", "text/html")],
)
def test_f51_a_page_instead_of_json_is_named_so(body: bytes, content_type: str) -> None:
    with pytest.raises(UnexpectedContent, match="a login page, a proxy or a wrong address") as caught:
        loads(reply(body, content_type), call="c")
    assert caught.value.excerpt.strip().startswith(body.decode().strip()[:7])


def test_f50_an_empty_body_is_named_so() -> None:
    assert "the body is empty where JSON was expected (request id r-1)" in str(refused(b" \n"))


def test_the_request_id_is_named_if_there_is_one() -> None:
    with pytest.raises(MalformedResponse) as caught:
        loads(reply(b"{"), call="c")
    assert "request id" not in str(caught.value)
    assert "(request id r-1)" in str(refused(b"{"))


def test_what_is_sent_is_compact_utf8() -> None:
    assert dumps({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_sent_holds_no_infinity(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"a": value})


@given(st.one_of(st.binary(max_size=60), st.text(alphabet='[]{}",:0123456789eE+-.\\ntrufalsNI ', max_size=60).map(str.encode)))
@example(b'{"a":1e1')
@example(b"\xef\xbb\xbf")
@example(b"-")
def test_any_body_is_json_or_one_of_our_exceptions(body: bytes) -> None:
    try:
        value = loads(reply(body), call="c")
    except MalformedResponse:
        return
    assert json.dumps(value, allow_nan=False)


LARGE = b" " * QUICK_FROM
"""Before a body it makes it one that a faster parser reads, where that is installed."""


def outcome(body: bytes) -> str:
    try:
        return repr(parse(body))
    except ValueError:
        return "refused"


@pytest.mark.parametrize(
    "body",
    [
        b"1e999",
        b"-0",
        b"-0.0",
        b"18446744073709551616",
        b"9" * 400,
        b"9" * 5000,
        b"1" + b"0" * 400 + b".0",
        b"1e-400",
        b"9007199254740993.0",
        b"2.2250738585072011e-308",
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b'"\\ud83d\\ude00"',
        b'"\x01"',
        b'"\xed\xa0\x80"',
        b"NaN",
        b'{"a":1,"b":2,"a":3}',
        b"01",
        b"1.",
        b"[1,]",
        b"[]x",
        b"",
    ],
)
def test_a_large_body_is_read_and_refused_like_a_small_one(body: bytes) -> None:
    assert outcome(LARGE + body) == outcome(body)


@given(st.from_regex(rb"\A-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?\Z"))
def test_numbers_of_a_large_body_are_those_of_a_small_one(number: bytes) -> None:
    assert outcome(LARGE + number) == outcome(number)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_is_sent_can_be_read(value: object) -> None:
    assert parse(dumps(value)) == value


class TestLargeBodies:
    """Read by msgspec where it is installed: never another value, never another exception."""

    @pytest.fixture(autouse=True)
    def _all_are_large(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json, "QUICK_FROM", 0)
            _json.has_msgspec.cache_clear()
            yield
        _json.has_msgspec.cache_clear()

    @staticmethod
    def outcome(body: bytes, *, quick: bool) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json, "QUICK_FROM", 0 if quick else len(body) + 1)
            try:
                return repr(parse(body))
            except ValueError as e:
                return f"refused: {e}"

    @given(st.binary() | st.text().map(str.encode) | JSON.map(dumps))
    @example(b"1e999")
    @example(b"1" * 5000)
    @example(b"1" * 400)
    @example(b"-0.0")
    @example(b"5e-324")
    @example(b"NaN")
    @example(b'"\\ud800"')
    @example(b'"\xff"')
    @example(b'{"a":1,"a":2}')
    @example(b"\xef\xbb\xbf[1]")
    def test_both_parsers_agree(self, body: bytes) -> None:
        assert self.outcome(body, quick=True) == self.outcome(body, quick=False)

    def test_what_the_quick_one_refuses_is_refused_by_the_other_in_its_words(self) -> None:
        with pytest.raises(ValueError, match="at character"):
            parse(b'{"a" 1}' + b" " * _json.QUICK_FROM)

    def test_the_quick_one_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("json.JSONDecoder.decode", None)
        assert parse(b"[1]") == [1]

    def test_it_is_not_used_for_a_short_body(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json, "QUICK_FROM", 4)
            assert [_json.suits_msgspec(body) for body in (b"[1]", b"[12]")] == [False, True]

    def test_where_it_is_not_installed_the_other_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", _nothing)
        assert parse(b"[1]") == [1]
        assert not _json.suits_msgspec(b"[1]")


def _nothing(_name: str) -> None:
    return None


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    """As a reply brought it, so can it be sent back: bytes that are no UTF-8 would spoil the whole body."""
    assert dumps({"name": "é\ud800"}) == b'{"name":"\\u00e9\\ud800"}'


# Taken apart.

ITEMS: list[Any] = [{"a": [1, None, "x\u00e9"]}, [], 2.5, "t"]


def apart(body: bytes, *, quick: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[object, dict[str, object]]:
    monkeypatch.setattr(_json, "QUICK_FROM", 0 if quick else 2**60)
    found, rest = parse_apart(body, "data")
    return found if type(found) in (dict, list) else list(found), rest


both_ways = pytest.mark.parametrize("quick", [True, False], ids=["item by item", "whole"])


@both_ways
def test_a_list_is_taken_apart_from_what_is_around_it(quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = {"meta": {"n": 1}, "included": [{"id": "1"}], "links": None}
    body = json.dumps({"data": ITEMS, **rest}).encode()
    assert apart(body, quick=quick, monkeypatch=monkeypatch) == (ITEMS, rest)


@both_ways
def test_one_object_is_taken_as_it_is(quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert apart(b'{"data":{"id":[1]}}', quick=quick, monkeypatch=monkeypatch) == ({"id": [1]}, {})


@both_ways
def test_a_member_that_is_not_there_is_a_key_error(quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        apart(b'{"date":[]}', quick=quick, monkeypatch=monkeypatch)


@both_ways
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"data":[1,]}', b'{"data":[NaN]}', b'{"data":[1e400]}', b'{"data":["\xff"]}', b'{"data":[],"meta":{"a":1e400}}'],
)
def test_what_is_no_json_is_a_value_error(body: bytes, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the reason is told by whoever reads it again
        apart(body, quick=quick, monkeypatch=monkeypatch)


def test_items_are_parsed_when_it_is_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_json, "QUICK_FROM", 0)
    found, _ = parse_apart(b'{"data":[1,1e400]}', "data")
    assert next(found) == 1


def test_a_short_body_is_not_worth_another_parser() -> None:
    assert parse_apart(b'{"data":[1]}', "data") == ([1], {})
