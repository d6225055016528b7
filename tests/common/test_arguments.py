"""What a caller may pass: secrets, addresses, ids, times. Everything wrong is named, and nothing secret is shown."""

from __future__ import annotations

import pickle
from collections.abc import Collection
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import cast
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import ConfigurationError, InsecureURL, InvalidArgument, Secret
from slo_common._check import Problems, is_int, require, segment_problem
from slo_common._clients import from_environment
from slo_common._times import MAX_EPOCH, epoch_problem, from_epoch, to_epoch, zone_problem
from slo_common._url import base_url, is_loopback, origin, target

# Secrets.


def test_a_secret_gives_its_text_only_when_asked() -> None:
    secret = Secret("s3cret", name="api_key")
    assert secret.reveal() == "s3cret"
    assert secret.name == "api_key"
    assert "s3cret" not in f"{secret} {secret!r} {[secret]}"


def test_a_secret_of_a_secret_is_the_same() -> None:
    assert Secret(Secret("a")) == Secret("a")


def test_secrets_are_compared_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret("s3cret"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "it is empty"),
        ("s3cret\n", "a trailing newline (read from a file? strip it) at position 6"),
        ("s3cret\r\n", "a trailing newline (read from a file? strip it) at position 6"),
        ("\n", "a trailing newline (read from a file? strip it) at position 0"),
        ("s3cret\tx", "a control character at position 6"),
        ("s3cret\x7f", "a control character at position 6"),
        ("s3cret\r\nx: y", "a control character at position 6"),
        ("\0s3cret", "a control character at position 0"),
        (" s3cret", "a space at position 0"),
        ("s3cret ", "a space at position 6"),
        ("s3crét", "a non-ASCII character at position 4"),
        ("s3cret\u2028", "a non-ASCII character at position 6"),
    ],
)
def test_f31_what_no_header_can_hold_is_refused_by_position_and_never_shown(text: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secret(text, name="api_key")
    assert str(caught.value) == f"api_key: {what}; allowed: visible ASCII characters"


def test_a_password_may_hold_any_text() -> None:
    assert Secret("pass wörd", allow_any_text=True).reveal() == "pass wörd"


@pytest.mark.parametrize("value", [None, 5, b"bytes"])
def test_what_is_no_text_is_no_secret(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"api_key: a \w+ was given; allowed: a string"):
        Secret(value, name="api_key")  # type: ignore[arg-type]  # the fact under test


def test_the_argument_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "from a")
    monkeypatch.setenv("B_KEY", "from b")
    assert from_environment("given", ("A_KEY", "B_KEY")) == "given"
    assert from_environment(None, ("A_KEY", "B_KEY")) == "from a"
    monkeypatch.setenv("A_KEY", "")
    assert from_environment(None, ("A_KEY", "B_KEY")) == "from b"
    assert from_environment(None, ("C_KEY",)) is None


# Addresses.


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.vendor.test", "https://api.vendor.test"),
        ("https://api.vendor.test/v1/", "https://api.vendor.test/v1"),
        ("https://api.vendor.test:8443", "https://api.vendor.test:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://vendor.localhost", "http://vendor.localhost"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://vendor.test.", "https://vendor.test."),
        (f"https://{'v' * 63}.test", f"https://{'v' * 63}.test"),
    ],
)
def test_a_good_address_is_kept_without_its_last_slash(given: str, kept: str) -> None:
    assert base_url(given) == kept


@pytest.mark.parametrize("address", ["http://api.vendor.test", "http://10.0.0.1", "http://localhost.evil.test", "http://[::2]"])
def test_f28_plain_http_to_another_machine_is_refused_without_the_flag(address: str) -> None:
    with pytest.raises(InsecureURL, match="allow_insecure=True"):
        base_url(address)
    assert base_url(address, allow_insecure=True) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vendor.test",
        "file:///etc/passwd",
        "ftp://vendor.test",
        "https://",
        "https:///path",
        "https://vendor.test/?a=1",
        "https://vendor.test/#a",
        "https://vendor.test:99999",
        "https://vendor.test:port",
        "https://[::1",
        "https://vendor.test/\n",
        " https://vendor.test",
        "https://vendor.test/\x7f",
        "https://vendor..test",
        "https://.vendor.test",
        "https://vendor.test..",
        f"https://{'v' * 64}.test",
    ],
)
def test_f32_what_is_no_address_for_credentials_is_refused_by_name(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^url: "):
        base_url(address, name="url", allow_insecure=True)


@pytest.mark.parametrize("address", ["https://me:s3cret@vendor.test", "https://me@vendor.test", "https://:s3cret@vendor.test"])
def test_f32_a_password_in_the_address_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ConfigurationError, match="holds a user name or password") as caught:
        base_url(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("vendor.test", False)]
)
def test_whether_a_host_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://Vendor.test/x?y", ("https", "vendor.test", 443)),
        ("http://vendor.test", ("http", "vendor.test", 80)),
        ("https://vendor.test:444", ("https", "vendor.test", 444)),
        ("https://vendor.test:0", ("https", "vendor.test", 0)),
        ("ftp://vendor.test", ("ftp", "vendor.test", 0)),
        ("/relative", ("", "", 0)),
        ("https://vendor.test:99999", ("", "", 0)),
        ("https://[::1", ("", "", 0)),
        ("", ("", "", 0)),
    ],
)
def test_the_origin_of_a_url(url: str, parts: tuple[str, str, int]) -> None:
    assert origin(url) == parts


@pytest.mark.parametrize(
    ("segment", "path"),
    [
        ("abc", "/v1/abc"),
        ("a/b", "/v1/a%2Fb"),
        ("../../slo", "/v1/..%2F..%2Fslo"),
        ("a?b#c", "/v1/a%3Fb%23c"),
        ("%2f", "/v1/%252f"),
        ("a b", "/v1/a%20b"),
        ("é", "/v1/%C3%A9"),
        ("...", "/v1/..."),
    ],
)
def test_f30_a_path_segment_is_encoded_whole(segment: str, path: str) -> None:
    assert target(segment, prefix="/v1") == path


@pytest.mark.parametrize("segment", ["", " ", ".", "..", "a\nb", "\0", "\x7f", "x" * 256, "\ud800", 5, None])
def test_f30_what_would_change_the_path_is_refused(segment: object) -> None:
    problems = Problems()
    problems.identifier("report_id", segment)
    assert [p.startswith("report_id: ") and "allowed: " in p for p in problems.found] == [True]
    with pytest.raises(InvalidArgument, match="path segment"):
        target("ok", segment)  # type: ignore[arg-type]  # the fact under test


def test_a_query_is_encoded_in_its_order() -> None:
    assert target("slo", query=[("b", "x y&z"), ("a", "é"), ("b", "2")]) == "/slo?b=x%20y%26z&a=%C3%A9&b=2"


def test_half_a_surrogate_in_a_query_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="query parameter q: half of a surrogate pair at position 1"):
        target("slo", query=[("q", "a\udfff")])


@given(st.text(max_size=30))
def test_any_id_is_refused_or_reaches_the_server_unchanged_as_one_segment(text: str) -> None:
    try:
        path = target("things", text, prefix="/v1")
    except InvalidArgument:
        assert segment_problem("x", text) is not None
        return
    parts = urlsplit("https://v.test" + path)
    assert (parts.query, parts.fragment) == ("", "")
    assert [unquote(s) for s in parts.path.split("/")] == ["", "v1", "things", text]


# Checks.


def test_every_problem_is_said_at_once() -> None:
    problems = Problems()
    problems.add(None)
    problems.one_of("interval", "hourly", ("daily", "weekly"))
    problems.text("name", "  ")
    problems.integer("days", 0, low=1)
    with pytest.raises(InvalidArgument) as caught:
        problems.raise_if_any()
    assert caught.value.problems == problems.found
    assert str(caught.value) == (
        "interval: 'hourly' was given; allowed: 'daily', 'weekly'; name: '  ' was given; allowed: a non-empty string; "
        "days: 0 was given; allowed: a whole number of at least 1"
    )


def test_nothing_wrong_raises_nothing() -> None:
    problems = Problems()
    problems.one_of("n", 7, (7, 30))
    problems.text("name", "x", max_length=1)
    problems.integer("days", 3, low=1, high=3)
    problems.zone("timezone", "Europe/Paris")
    problems.identifier("id", "x")
    assert problems.time("from_ts", 5) is True
    problems.raise_if_any()
    require((None, None))
    assert problems.found == ()


@pytest.mark.parametrize(
    ("value", "allowed"), [(True, (1, 2)), ("1", (1, 2)), (None, ("a",)), ([], {"a"}), ({}, {"a": 1}), (1.5, (1, 2))]
)
def test_what_is_not_among_the_allowed_is_refused_whatever_its_type(value: object, allowed: Collection[object]) -> None:
    problems = Problems()
    problems.one_of("x", value, allowed)
    assert len(problems.found) == 1


def test_a_bool_is_allowed_where_it_is_listed() -> None:
    problems = Problems()
    problems.one_of("x", True, (True, False))
    assert problems.found == ()


@pytest.mark.parametrize("value", ["", " ", None, 5, b"x"])
def test_a_text_must_be_one(value: object) -> None:
    problems = Problems()
    problems.text("name", value)
    assert len(problems.found) == 1


def test_a_text_may_be_too_long() -> None:
    problems = Problems()
    problems.text("name", "xxx", max_length=2)
    assert problems.found == ("name: 3 characters were given; allowed: at most 2",)


@pytest.mark.parametrize("value", [0, 4, 1.0, "1", True, None])
def test_an_integer_must_be_one_and_within_its_bounds(value: object) -> None:
    problems = Problems()
    problems.integer("n", value, low=1, high=3)
    assert problems.found == (f"n: {value!r} was given; allowed: a whole number from 1 to 3",)


def test_a_bool_is_no_int() -> None:
    assert (is_int(1), is_int(True), is_int(1.0)) == (True, False, False)


# Times.


@pytest.mark.parametrize(
    ("value", "epoch"),
    [
        (0, 0),
        (1_700_000_000.9, 1_700_000_000),
        (datetime(2023, 11, 14, 22, 13, 20, 999, tzinfo=UTC), 1_700_000_000),
        (datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone(timedelta(hours=1))), 1_700_000_000),
        (99_999_999_999, 99_999_999_999),
    ],
)
def test_a_time_is_an_aware_datetime_or_epoch_seconds(value: datetime | float, epoch: int) -> None:
    assert epoch_problem("from_ts", value) is None
    assert to_epoch(value) == epoch
    assert from_epoch(epoch).timestamp() == epoch


class NoOffset(tzinfo):
    def utcoffset(self, dt: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (datetime(2024, 1, 1), "is a naive datetime"),  # noqa: DTZ001  # the fact under test
        (datetime(2024, 1, 1, tzinfo=NoOffset()), "is a naive datetime"),
        (datetime(1969, 12, 31, tzinfo=UTC), "is before 1970"),
        (-1, "is out of range"),
        (-0.5, "is out of range"),
        (MAX_EPOCH * 1001, "is out of range"),
        (1_700_000_000_000, "looks like milliseconds"),
        (True, "was given"),
        ("2024-01-01", "was given"),
        (None, "was given"),
        (float("nan"), "was given"),
        (float("inf"), "was given"),
    ],
)
def test_what_is_no_time_is_refused(value: object, what: str) -> None:
    problems = Problems()
    assert problems.time("from_ts", value) is False
    (said,) = problems.found
    assert said.startswith("from_ts: ")
    assert what in said
    assert "allowed: an aware datetime or epoch seconds" in said


@pytest.mark.parametrize(
    "value", ["Mars/Phobos", "", "../etc/passwd", "America", "\0", "\ud800", "x" * 5000, 5, None, "europe paris"]
)
def test_what_is_no_time_zone_is_refused(value: object) -> None:
    assert "allowed: " in (zone_problem("timezone", value) or "")


@pytest.mark.parametrize("value", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_has_an_iana_name(value: str) -> None:
    assert zone_problem("timezone", value) is None


@given(st.text(max_size=20))
def test_any_text_is_a_time_zone_or_not(text: str) -> None:
    problem = zone_problem("timezone", text)
    assert problem is None or problem.startswith("timezone: ")


@pytest.mark.parametrize("given", [None, 3, b"https://host", ["https://host"]])
def test_an_address_that_is_no_text_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match=r"base_url: a .* was given; allowed: an address"):
        base_url(cast("str", given))


def test_a_word_does_not_allow_plain_http() -> None:
    with pytest.raises(ConfigurationError, match="allow_insecure: 'no' was given; allowed: True or False"):
        base_url("http://example.com", allow_insecure=cast("bool", "no"))
