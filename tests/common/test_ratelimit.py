"""What reply headers say about the request budget."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slo_common import RateLimitState
from slo_common._ratelimit import parse, retry_after

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # 1_700_000_000
NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("5.5", 5.5),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 23:13:30 +0100", 10.0),
        ("Tue, 14 Nov 2023 22:13:30", 10.0),  # no zone: UTC
        ("Tue, 14 Nov 2023 22:13:10 GMT", None),  # past
        (DATE, None),  # now
        (str(NOW + 7), 7.0),  # an epoch moment
        (str(NOW), None),
        (str(NOW - 60), None),
        ("1000000000", 1_000_000_000.0),  # no moment to come: far above any maximum, so it is not waited for
        ("9" * 20, 1e20),
        ("-5", None),
        ("-5.5", None),
        ("+5", None),
        ("soon", None),
        ("", None),
        ("   ", None),
        ("5, 7", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("0x10", None),
        ("\u0665", None),  # an Arabic digit
        ("²", None),
        ("9" * 5000, None),
        ("0", None),
        ("0.0", None),
        ("Tue, 14 Nov 99999 22:13:30 GMT", None),
        ("Tue, 14 Nov 0000 22:13:30 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(value, date=DATE) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", None),
        (str(NOW + 7), None),
        ("9" * 12, 999_999_999_999.0),
    ],
)
def test_a_moment_means_nothing_without_the_date_of_the_reply(value: str, seconds: float | None) -> None:
    assert retry_after(value, date="") == seconds


def test_a_moment_means_nothing_beside_a_garbled_date() -> None:
    assert retry_after(str(NOW + 7), date="yesterday") is None


def test_the_headers_of_datadog() -> None:
    headers = {
        "x-ratelimit-limit": "1000",
        "x-ratelimit-period": "60",
        "x-ratelimit-remaining": "998",
        "x-ratelimit-reset": "17",
        "x-ratelimit-name": "slo_report",
        "date": DATE,
    }
    assert parse(headers) == RateLimitState(limit=1000, period=60, remaining=998, reset_in=17, name="slo_report")


@pytest.mark.parametrize("limit", ["5, 5;window=60", "5,5;window=60", "5, 5; window=60"])
def test_the_headers_of_rootly_that_tell_the_window(limit: str) -> None:
    headers = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": "3", "x-ratelimit-reset": str(NOW + 12), "date": DATE}
    assert parse(headers) == RateLimitState(limit=5, period=60, remaining=3, reset_in=12, sliding=True)


def test_the_headers_of_rootly_with_a_bare_limit() -> None:
    headers = {"x-ratelimit-limit": "3000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 12), "date": DATE}
    assert parse(headers) == RateLimitState(limit=3000, remaining=0, reset_in=12, sliding=True)


def test_an_epoch_reset_is_held_against_the_date_of_the_reply_not_our_clock() -> None:
    headers = {"x-ratelimit-reset": "1000000030", "date": "Sun, 09 Sep 2001 01:46:40 GMT"}
    assert parse(headers).reset_in == 30


def test_an_epoch_reset_without_a_date_says_only_that_the_window_slides() -> None:
    assert parse({"x-ratelimit-reset": str(NOW + 12)}) == RateLimitState(sliding=True)


def test_a_reset_in_the_past_is_now() -> None:
    state = parse({"x-ratelimit-reset": str(NOW - 12), "date": DATE})
    assert (state.reset_in, state.hint) == (0, None)


def test_a_reset_is_never_further_than_two_periods() -> None:
    assert parse({"x-ratelimit-reset": "500", "x-ratelimit-period": "60"}).reset_in == 120


def test_a_reset_without_a_period_is_never_further_than_a_day() -> None:
    assert parse({"x-ratelimit-reset": "999999999"}).reset_in == 86_400


@pytest.mark.parametrize("name", ["limit", "period", "remaining", "reset"])
@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1e9", "\u0665", "9" * 5000, ";", ",", "\x00"])
def test_what_is_not_understood_is_not_said(name: str, value: str) -> None:
    good = {"x-ratelimit-limit": "5", "x-ratelimit-period": "60", "x-ratelimit-remaining": "4", "x-ratelimit-reset": "9"}
    state = parse({**good, f"x-ratelimit-{name}": value})
    field = "reset_in" if name == "reset" else name
    assert getattr(state, field) is None


@pytest.mark.parametrize("limit", ["0", "0.5"])
def test_a_limit_below_one_is_none(limit: str) -> None:
    assert parse({"x-ratelimit-limit": limit}).limit is None


def test_no_headers_say_nothing() -> None:
    assert parse({}) == RateLimitState()


def test_retry_after_wins_over_reset() -> None:
    state = parse({"x-ratelimit-reset": "30", "retry-after": "7"})
    assert (state.retry_after, state.reset_in, state.hint) == (7, 30, 7)


def test_without_retry_after_reset_is_the_hint() -> None:
    assert parse({"x-ratelimit-reset": "30"}).hint == 30


def test_the_fields_of_the_ietf_draft() -> None:
    headers = {"ratelimit-policy": '"burst";q=100;w=60', "ratelimit": '"burst";r=50;t=30'}
    assert parse(headers) == RateLimitState(limit=100, period=60, remaining=50, reset_in=30, name="burst")


def test_a_draft_field_without_its_policy_says_what_is_left() -> None:
    assert parse({"ratelimit": '"a";r=0;t=30', "ratelimit-policy": '"b";q=100;w=60'}) == RateLimitState(
        remaining=0, reset_in=30, name="a"
    )


def test_retry_after_wins_over_the_draft() -> None:
    assert parse({"ratelimit": '"a";r=0;t=30', "retry-after": "4"}).hint == 4


@pytest.mark.parametrize("value", ["", "garbage", '"a', '"a";r=', '"a";r=-1;t=x', '"a";R=1', "a;r=1;t=2", '"a";r=1;t=2, "b";r=1'])
def test_a_malformed_draft_field_is_ignored(value: str) -> None:
    state = parse({"ratelimit": value})
    assert (state.limit, state.remaining, state.reset_in, state.retry_after) == (None, None, None, None)


@pytest.mark.parametrize("prefix", ["x-ratelimit-", "ratelimit-"])
@pytest.mark.parametrize(("member", "attribute"), [("limit", "limit"), ("remaining", "remaining"), ("reset", "reset_in")])
def test_each_field_alone_says_something(prefix: str, member: str, attribute: str) -> None:
    assert getattr(parse({prefix + member: "5"}), attribute) == 5


def test_retry_after_alone_is_kept() -> None:
    assert parse({"retry-after": "4"}) == RateLimitState(retry_after=4)


NAMES = [
    "x-ratelimit-limit",
    "x-ratelimit-period",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-name",
    "retry-after",
    "date",
    "ratelimit",
    "ratelimit-policy",
]
VALUES = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=string.digits + ".,;=:+- GMTwqrt\"'", max_size=40),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda d: d.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.from_regex(r'\A"[a-z]{0,3}"(;[a-z]=[0-9]{1,12}){0,3}\Z'),
    st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,5} [0-9:]{1,9}( [A-Z+0-9-]{1,6})?\Z"),
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
@example({"retry-after": "Mon, 1 Jan 1 00:00:00 +2359", "date": DATE})
@example({"date": "Mon, 31 Dec 9999 23:59:59 -2359", "retry-after": str(NOW)})
def test_whatever_the_headers_hold_nothing_is_raised_and_every_number_is_sane(headers: dict[str, str]) -> None:
    state = parse(headers)
    assert state.limit is None or state.limit >= 1
    assert state.remaining is None or state.remaining >= 0
    assert state.period is None or 0 < state.period < float("inf")
    assert state.reset_in is None or 0 <= state.reset_in < float("inf")
    assert state.retry_after is None or 0 < state.retry_after < float("inf")
    assert state.hint is None or state.hint > 0
