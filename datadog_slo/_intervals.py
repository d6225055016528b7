"""The calendar intervals of a report: a range cut into days, weeks from Sunday, or months of one time zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from attrs import frozen


@frozen(kw_only=True)
class Interval:
    """One column of a report.

    ``start`` and ``end`` are aware UTC datetimes, ``end`` exclusive. They are cut to the range that was asked for, so the first
    and the last interval may be shorter than their calendar day, week or month; ``complete`` says whether they are whole.
    """

    label: dt.date
    """The first calendar day in the report's time zone: the column's name in the CSV."""
    start: dt.datetime
    end: dt.datetime
    complete: bool

    @property
    def from_ts(self) -> int:
        return int(self.start.timestamp())

    @property
    def to_ts(self) -> int:
        return int(self.end.timestamp())


def cut(from_ts: int, to_ts: int, interval: str, zone: ZoneInfo) -> tuple[Interval, ...]:
    """Cut ``[from_ts, to_ts)`` (epoch seconds) into calendar intervals of the zone.

    A day is whatever lies between two local midnights: 23 or 25 hours when the clock changes, and nothing at all for a day that
    the zone skipped.

    >>> [str(i.label) for i in cut(1633173071, 1636629071, "monthly", ZoneInfo("America/New_York"))]
    ['2021-10-01', '2021-11-01']
    """
    first = first_day(dt.datetime.fromtimestamp(from_ts, zone).date(), interval)
    return tuple(_cut(from_ts, to_ts, interval, zone, first))


def _cut(from_ts: int, to_ts: int, interval: str, zone: ZoneInfo, day: dt.date) -> Iterator[Interval]:
    start = midnight(day, zone)
    while start < to_ts:
        after = next_day(day, interval)
        end = midnight(after, zone)
        low, high = max(start, from_ts), min(end, to_ts)
        if low < high:
            yield Interval(
                label=day,
                start=dt.datetime.fromtimestamp(low, dt.UTC),
                end=dt.datetime.fromtimestamp(high, dt.UTC),
                complete=(low, high) == (start, end),
            )
        day, start = after, end


def midnight(day: dt.date, zone: ZoneInfo) -> int:
    """The moment at which the day begins in the zone, in epoch seconds.

    ``fold=0`` is right both when midnight comes twice (the first one counts) and when the clock jumps over it (the old offset
    turns the missing midnight into the moment of the jump).
    """
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def first_day(day: dt.date, interval: str) -> dt.date:
    """The first day of the interval that holds ``day``."""
    if interval == "daily":
        return day
    if interval == "weekly":
        return day - dt.timedelta(days=(day.weekday() + 1) % 7)
    return day.replace(day=1)


def next_day(day: dt.date, interval: str) -> dt.date:
    """The first day of the interval after the one that begins on ``day``."""
    if interval == "daily":
        return day + dt.timedelta(days=1)
    if interval == "weekly":
        return day + dt.timedelta(days=7)
    return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
