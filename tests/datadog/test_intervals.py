"""Days, weeks and months of a time zone, over every kind of change of its clock."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_slo._intervals import Interval, cut

HOUR, DAY = 3600, 86_400


def _ts(text: str, zone: str = "UTC") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def _cut(start: str, end: str, interval: str, zone: str) -> tuple[Interval, ...]:
    return cut(_ts(start, zone), _ts(end, zone), interval, ZoneInfo(zone))


def _hours(intervals: tuple[Interval, ...]) -> list[float]:
    return [(i.to_ts - i.from_ts) / HOUR for i in intervals]


def _labels(intervals: tuple[Interval, ...]) -> list[str]:
    return [i.label.isoformat() for i in intervals]


def test_the_documented_example_has_its_two_months() -> None:
    found = cut(1633173071, 1636629071, "monthly", ZoneInfo("America/New_York"))
    assert _labels(found) == ["2021-10-01", "2021-11-01"]
    assert (found[0].from_ts, found[-1].to_ts) == (1633173071, 1636629071)
    assert (found[0].to_ts, found[1].from_ts) == (_ts("2021-11-01", "America/New_York"),) * 2


def test_intervals_that_are_cut_off_say_so() -> None:
    found = _cut("2026-01-15", "2026-03-15", "monthly", "UTC")
    assert [i.complete for i in found] == [False, True, False]


def test_a_year_of_months_in_new_york_has_both_changes() -> None:
    found = _cut("2026-01-01", "2027-01-01", "monthly", "America/New_York")
    assert len(found) == 12
    assert _hours(found) == [744, 672, 743, 720, 744, 720, 744, 744, 720, 744, 721, 744]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2026-03-29", "Europe/Paris", 23),
        ("2026-10-25", "Europe/Paris", 25),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2018-11-04", "America/Sao_Paulo", 23),  # the clock jumps over midnight
        ("2018-02-17", "America/Sao_Paulo", 25),  # and shows 23 o'clock twice
        ("2026-04-24", "Africa/Cairo", 23),  # the day begins at 1 o'clock
        ("2026-06-01", "Asia/Kolkata", 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, zone: str, hours: float) -> None:
    after = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    found = cut(_ts(f"{day}T12:00", zone) - 20 * HOUR, _ts(f"{after}T12:00", zone), "daily", ZoneInfo(zone))
    assert [(i.to_ts - i.from_ts) / HOUR for i in found if i.label.isoformat() == day] == [hours]


def test_a_day_that_a_zone_skipped_has_no_column() -> None:
    found = _cut("2011-12-28", "2012-01-02", "daily", "Pacific/Apia")
    assert _labels(found) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    assert set(_hours(found)) == {24}


def test_weeks_begin_on_sunday() -> None:
    found = _cut("2026-01-01", "2026-01-31", "weekly", "Europe/Paris")
    assert _labels(found) == ["2025-12-28", "2026-01-04", "2026-01-11", "2026-01-18", "2026-01-25"]
    assert [i.label.weekday() for i in found] == [6] * 5


@pytest.mark.parametrize(("start", "hours"), [("2026-03-08", 167), ("2026-11-01", 169), ("2026-06-07", 168)])
def test_a_week_with_a_change_of_the_clock(start: str, hours: int) -> None:
    end = (dt.date.fromisoformat(start) + dt.timedelta(days=7)).isoformat()
    found = _cut(start, end, "weekly", "America/New_York")
    assert (_labels(found), _hours(found), found[0].complete) == ([start], [hours], True)


def test_a_month_that_ends_in_another_year() -> None:
    assert _labels(_cut("2025-12-31T23:00", "2026-01-01T01:00", "monthly", "UTC")) == ["2025-12-01", "2026-01-01"]


@pytest.mark.parametrize("interval", ["daily", "weekly", "monthly"])
@given(
    start=st.integers(0, 2_000_000_000),
    length=st.integers(1, 400 * DAY),
    zone=st.sampled_from(
        ["UTC", "America/New_York", "Europe/Paris", "Asia/Kolkata", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe"]
    ),
)
def test_intervals_cover_the_range_without_gap_or_overlap(interval: str, start: int, length: int, zone: str) -> None:
    found = cut(start, start + length, interval, ZoneInfo(zone))
    assert (found[0].from_ts, found[-1].to_ts) == (start, start + length)
    assert all(a.to_ts == b.from_ts for a, b in itertools.pairwise(found))
    assert all(a.label < b.label and a.from_ts < a.to_ts for a, b in itertools.pairwise(found))
