"""The calendar of the sandbox, against moments worked out by hand. The real server is compared in tests/live."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zabbix_sla._sandbox_periods import (
    ANNUALLY,
    DAILY,
    MAX_DATE,
    MONTHLY,
    QUARTERLY,
    WEEKLY,
    LocalTime,
    Span,
    merged,
    partition,
    period_start,
    scheduled,
    step,
    zone_of,
)
from zabbix_sla._sandbox_store import ScheduleRow

DAY = 86_400
KINDS = (DAILY, WEEKLY, MONTHLY, QUARTERLY, ANNUALLY)
ZONES = ("UTC", "Europe/Riga", "America/New_York", "Africa/Cairo", "America/Havana", "Asia/Kathmandu")


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


NOW = at("2026-11-21T01:43")
EFFECTIVE = at("2025-10-27")


def days(**arguments: int) -> list[str]:
    spans = partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=EFFECTIVE, now=NOW, **arguments)
    return [datetime.fromtimestamp(s.start, UTC).date().isoformat() for s in spans]


# The eight rows of the partition table.


def test_nothing_given_is_the_last_20_with_the_current_one() -> None:
    assert (len(days()), days()[0], days()[-1]) == (20, "2026-11-02", "2026-11-21")


def test_only_a_count_goes_back_beyond_the_effective_date() -> None:
    found = partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=NOW, now=NOW, periods=5)
    assert len(found) == 5


def test_only_an_end_is_the_20_that_end_with_it() -> None:
    found = days(period_to=at("2026-06-15T12:00"))
    assert (len(found), found[0], found[-1]) == (20, "2026-05-27", "2026-06-15")


def test_only_an_end_stops_at_the_effective_date() -> None:
    assert days(period_to=EFFECTIVE + 2 * DAY) == ["2025-10-27", "2025-10-28", "2025-10-29"]


def test_only_an_end_may_lie_ahead() -> None:
    assert days(period_to=NOW + 3 * DAY)[-1] == "2026-11-24"


def test_an_end_and_a_count_are_not_limited() -> None:
    assert days(period_to=EFFECTIVE, periods=3) == ["2025-10-25", "2025-10-26", "2025-10-27"]


def test_only_a_start_is_the_20_from_it() -> None:
    found = days(period_from=at("2026-06-15T12:00"))
    assert (len(found), found[0], found[-1]) == (20, "2026-06-15", "2026-07-04")


def test_only_a_start_stops_at_the_current_period() -> None:
    assert days(period_from=NOW - 2 * DAY) == ["2026-11-19", "2026-11-20", "2026-11-21"]


def test_only_a_start_may_lie_before_the_effective_date() -> None:
    assert days(period_from=EFFECTIVE - DAY)[0] == "2025-10-26"


def test_a_start_and_a_count_run_into_the_future() -> None:
    assert days(period_from=NOW, periods=3) == ["2026-11-21", "2026-11-22", "2026-11-23"]


def test_a_start_and_an_end_are_the_newest_100() -> None:
    found = days(period_from=at("2026-01-01"), period_to=at("2026-11-01"))
    assert (len(found), found[-1]) == (100, "2026-11-01")


def test_a_start_and_an_end_may_lie_outside_of_everything() -> None:
    assert days(period_from=EFFECTIVE - DAY, period_to=EFFECTIVE) == ["2025-10-26", "2025-10-27"]


def test_a_start_an_end_and_a_count_are_the_last_of_the_range() -> None:
    assert days(period_from=at("2026-01-01"), period_to=at("2026-01-09"), periods=2) == ["2026-01-08", "2026-01-09"]


def test_a_start_after_the_end_is_empty() -> None:
    assert days(period_from=NOW, period_to=NOW - DAY) == []


def test_an_effective_date_in_the_future_is_empty() -> None:
    assert partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=NOW + 9 * DAY, now=NOW) == []


def test_nothing_lies_before_the_epoch() -> None:
    found = partition(kind=DAILY, zone=ZoneInfo("America/New_York"), effective_date=0, now=NOW, period_from=0, period_to=2 * DAY)
    assert found[0].start == 5 * 3600


def test_nothing_goes_back_beyond_the_epoch() -> None:
    assert len(partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=0, now=NOW, period_to=2 * DAY, periods=9)) == 3


def test_nothing_lies_after_2038() -> None:
    ends = [
        partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=0, now=NOW, period_from=MAX_DATE - 3 * DAY, periods=9)[-1].end,
        partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=0, now=NOW, period_to=MAX_DATE)[-1].end,
    ]
    assert max(ends) <= MAX_DATE


# The calendar


@pytest.mark.parametrize(
    ("kind", "start"),
    [(DAILY, "2026-11-21"), (WEEKLY, "2026-11-15"), (MONTHLY, "2026-11-01"), (QUARTERLY, "2026-10-01"), (ANNUALLY, "2026-01-01")],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_a_period_begins_at_local_midnight(kind: int, start: str, zone: str) -> None:
    moment = LocalTime.at(at("2026-11-21T13:00", zone), ZoneInfo(zone))
    assert period_start(moment, kind).timestamp == at(start, zone)


def test_a_sunday_begins_its_own_week() -> None:
    moment = LocalTime.at(at("2026-11-22T00:00"), ZoneInfo("UTC"))
    assert period_start(moment, WEEKLY).timestamp == at("2026-11-22")


def test_days_of_a_clock_change_have_23_and_25_hours() -> None:
    zone = ZoneInfo("Europe/Riga")
    spring = partition(kind=DAILY, zone=zone, effective_date=0, now=NOW, period_to=at("2026-03-29T12:00"), periods=1)
    autumn = partition(kind=DAILY, zone=zone, effective_date=0, now=NOW, period_to=at("2026-10-25T12:00"), periods=1)
    assert [(s.end - s.start) // 3600 for s in (*spring, *autumn)] == [23, 25]


def test_a_skipped_midnight_moves_the_walk_by_an_hour() -> None:
    # Observed with PHP: the clock of Cairo jumped from 00:00 to 01:00 on 26 April 2024.
    zone = ZoneInfo("Africa/Cairo")
    day = period_start(LocalTime.at(at("2024-04-26T12:00", "Africa/Cairo"), zone), DAILY)
    assert day.wall.hour == 1
    assert [step(day, DAILY, n).wall.hour for n in (-1, 1)] == [1, 1]


def test_a_repeated_midnight_keeps_the_offset_it_came_with() -> None:
    # Observed with PHP: the clock of Havana went from 01:00 back to 00:00 on 3 November 2024.
    zone = ZoneInfo("America/Havana")
    assert LocalTime.at(1730608200, zone).midnight().timestamp == 1730606400
    assert LocalTime.at(1730610600, zone).midnight().timestamp == 1730610000


@given(st.integers(0, MAX_DATE), st.sampled_from(KINDS), st.sampled_from(ZONES))
def test_a_moment_lies_in_its_period(moment: int, kind: int, zone: str) -> None:
    start = period_start(LocalTime.at(moment, ZoneInfo(zone)), kind)
    assert start.timestamp <= moment < step(start, kind, 1).timestamp + 3600


@given(st.integers(0, NOW), st.integers(1, 100), st.sampled_from(KINDS), st.sampled_from(ZONES))
def test_periods_follow_each_other_without_gap_or_overlap(end: int, count: int, kind: int, zone: str) -> None:
    spans = partition(kind=kind, zone=ZoneInfo(zone), effective_date=0, now=NOW, period_to=end, periods=count)
    assert all(a.end == b.start for a, b in pairwise(spans))


@given(st.integers(0, MAX_DATE), st.sampled_from(ZONES))
def test_local_time_keeps_the_moment(moment: int, zone: str) -> None:
    assert LocalTime.at(moment, ZoneInfo(zone)).timestamp == moment


def test_months_end_where_the_month_does() -> None:
    moment = LocalTime.at(at("2024-01-31"), ZoneInfo("UTC"))
    assert moment.months(1).timestamp == at("2024-02-29")


def test_system_is_the_servers_zone() -> None:
    assert (zone_of("system", "Asia/Tokyo").key, zone_of("Europe/Riga", "Asia/Tokyo").key) == ("Asia/Tokyo", "Europe/Riga")


# Schedules

OFFICE = [ScheduleRow(period_from=day * DAY + 8 * 3600, period_to=day * DAY + 18 * 3600) for day in range(1, 6)]


def hours(rows: list[ScheduleRow], start: str, end: str, *, zone: str = "UTC", shifts: bool = True) -> list[tuple[str, str]]:
    period = Span(start=at(start, zone), end=at(end, zone))
    spans = scheduled(rows, period, ZoneInfo(zone), shifts_with_dst=shifts)
    local = [(datetime.fromtimestamp(s.start, ZoneInfo(zone)), datetime.fromtimestamp(s.end, ZoneInfo(zone))) for s in spans]
    return [(a.strftime("%a %H:%M"), b.strftime("%a %H:%M")) for a, b in local]


def test_no_schedule_is_all_of_the_period() -> None:
    assert scheduled([], Span(start=1, end=2), ZoneInfo("UTC"), shifts_with_dst=True) == [Span(start=1, end=2)]


def test_office_hours_of_a_week() -> None:
    found = hours(OFFICE, "2026-11-15", "2026-11-22")
    assert found == [(f"{d} 08:00", f"{d} 18:00") for d in ("Mon", "Tue", "Wed", "Thu", "Fri")]


def test_office_hours_on_a_sunday_are_none() -> None:
    assert hours(OFFICE, "2026-11-15", "2026-11-16") == []


def test_office_hours_of_a_month_go_on_week_by_week() -> None:
    assert len(hours(OFFICE, "2026-11-01", "2026-12-01")) == 21


def test_rows_that_touch_over_midnight_are_joined() -> None:
    rows = [ScheduleRow(period_from=0, period_to=DAY), ScheduleRow(period_from=6 * DAY, period_to=7 * DAY)]
    assert hours(rows, "2026-11-14", "2026-11-16") == [("Sat 00:00", "Mon 00:00")]


def test_6_0_runs_an_hour_off_after_a_clock_change() -> None:
    monday = hours(OFFICE, "2026-03-29", "2026-04-05", zone="Europe/Riga")[0]
    assert monday == ("Mon 09:00", "Mon 19:00")


def test_7_0_keeps_to_the_local_clock() -> None:
    monday = hours(OFFICE, "2026-03-29", "2026-04-05", zone="Europe/Riga", shifts=False)[0]
    assert monday == ("Mon 08:00", "Mon 18:00")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([(0, 604800)], []),
        ([(0, 10), (5, 20), (30, 40)], [(0, 20), (30, 40)]),
        ([(30, 40), (0, 10), (10, 20)], [(0, 20), (30, 40)]),
        ([(0, 100), (10, 20)], [(0, 100)]),
    ],
)
def test_a_schedule_is_stored_joined_and_sorted(given: list[tuple[int, int]], kept: list[tuple[int, int]]) -> None:
    rows = merged([{"period_from": a, "period_to": b} for a, b in given])
    assert [(r["period_from"], r["period_to"]) for r in rows] == kept
