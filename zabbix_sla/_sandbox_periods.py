"""Which reporting periods Zabbix cuts: calendar arithmetic of the server's PHP, and the partition table of ``sla.getsli``.

The server walks on the local clock. Midnights that daylight saving skips or repeats are resolved as PHP does (observed with PHP 8.2),
since a report that crosses one would otherwise differ by an hour.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from attrs import frozen

DAILY: Final = 0
WEEKLY: Final = 1
MONTHLY: Final = 2
QUARTERLY: Final = 3
ANNUALLY: Final = 4

MAX_DATE: Final = 2_147_483_647
DEFAULT_PERIODS: Final = 20
MAX_PERIODS: Final = 100
WEEK: Final = 604_800

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class Span:
    """Half-open seconds of the epoch: ``start <= t < end``."""

    start: int
    end: int


@frozen
class LocalTime:
    """A reading of the local clock, with the offset that says which of two equal readings it is."""

    wall: datetime
    offset: timedelta
    zone: ZoneInfo

    @classmethod
    def at(cls, timestamp: int, zone: ZoneInfo) -> LocalTime:
        aware = (_EPOCH + timedelta(seconds=timestamp)).astimezone(zone)
        return cls(aware.replace(tzinfo=None), aware.utcoffset() or timedelta(), zone)

    @property
    def timestamp(self) -> int:
        return int((self.wall - self.offset - _EPOCH.replace(tzinfo=None)).total_seconds())

    def moved_to(self, wall: datetime) -> LocalTime:
        """Set the clock. A skipped reading moves forward and stays there; a repeated one keeps the offset it had."""
        early = wall.replace(tzinfo=self.zone, fold=0).utcoffset() or timedelta()
        late = wall.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta()
        if early < late:
            return LocalTime(wall + (late - early), late, self.zone)
        return LocalTime(wall, self.offset if self.offset == late else early, self.zone)

    def midnight(self) -> LocalTime:
        return self.moved_to(self.wall.replace(hour=0, minute=0, second=0))

    def days(self, count: int) -> LocalTime:
        return self.moved_to(self.wall + timedelta(days=count))

    def months(self, count: int) -> LocalTime:
        number = self.wall.year * 12 + self.wall.month - 1 + count
        year, month = divmod(number, 12)
        day = min(self.wall.day, calendar.monthrange(year, month + 1)[1])
        return self.moved_to(self.wall.replace(year=year, month=month + 1, day=day))

    # PHP says "tomorrow, then last Sunday"; the detour decides how a repeated midnight is read.
    def sunday(self) -> LocalTime:
        """Midnight of the Sunday that this week began with (today, on a Sunday)."""
        tomorrow = self.days(1)
        back = tomorrow.wall.isoweekday() % 7 or 7
        return tomorrow.moved_to((tomorrow.wall - timedelta(days=back)).replace(hour=0, minute=0, second=0))


def period_start(moment: LocalTime, kind: int) -> LocalTime:
    """The start of the reporting period that contains this moment. Weeks start on Sunday."""
    if kind == WEEKLY:
        return moment.sunday()
    wall = moment.wall
    if kind == MONTHLY:
        moment = moment.moved_to(wall.replace(day=1))
    elif kind == QUARTERLY:
        moment = moment.moved_to(wall.replace(month=(wall.month - 1) // 3 * 3 + 1, day=1))
    elif kind == ANNUALLY:
        moment = moment.moved_to(wall.replace(month=1, day=1))
    return moment.midnight()


def step(moment: LocalTime, kind: int, count: int) -> LocalTime:
    """``count`` periods later (or earlier, if negative)."""
    if kind == DAILY:
        return moment.days(count)
    if kind == WEEKLY:
        return moment.days(7 * count)
    return moment.months(count * {MONTHLY: 1, QUARTERLY: 3, ANNUALLY: 12}[kind])


def partition(
    *,
    kind: int,
    zone: ZoneInfo,
    effective_date: int,
    now: int,
    period_from: int | None = None,
    period_to: int | None = None,
    periods: int | None = None,
) -> list[Span]:
    """The periods that ``sla.getsli`` reports, oldest first.

    The eight combinations of the arguments behave as observed on 6.0.14 and 7.0.22, not as documented: the effective date and the
    present limit the result only where neither a count nor the bound on that side is given.

    >>> partition(kind=DAILY, zone=ZoneInfo("UTC"), effective_date=0, now=90_000, periods=1)
    [Span(start=86400, end=172800)]
    """
    limit = min(periods if periods is not None else MAX_PERIODS, MAX_PERIODS)
    if periods is None and (period_from is None or period_to is None):
        limit = DEFAULT_PERIODS
    first = None if period_from is None else period_start(LocalTime.at(period_from, zone), kind)
    if first is not None and first.timestamp < 0:
        first = step(first, kind, 1)
    current_end = step(period_start(LocalTime.at(now, zone), kind), kind, 1)
    if period_to is not None:
        last = step(period_start(LocalTime.at(period_to, zone), kind), kind, 1)
        if last.timestamp > MAX_DATE:
            last = step(last, kind, -1)
        return _backwards(last, kind, limit, not_before=_floor(first, periods, effective_date, zone, kind))
    if first is None:
        return _backwards(current_end, kind, limit, not_before=_floor(None, periods, effective_date, zone, kind))
    return _forwards(first, kind, limit, not_after=None if periods is not None else current_end.timestamp)


def _floor(first: LocalTime | None, periods: int | None, effective_date: int, zone: ZoneInfo, kind: int) -> int | None:
    if first is not None:
        return first.timestamp
    if periods is not None:
        return None
    return period_start(LocalTime.at(effective_date, zone), kind).timestamp


def _backwards(end: LocalTime, kind: int, limit: int, *, not_before: int | None) -> list[Span]:
    spans: list[Span] = []
    while len(spans) < limit and (not_before is None or end.timestamp > not_before):
        start = step(end, kind, -1)
        if start.timestamp < 0:
            break
        spans.append(Span(start=start.timestamp, end=end.timestamp))
        end = start
    spans.reverse()
    return spans


def _forwards(start: LocalTime, kind: int, limit: int, *, not_after: int | None) -> list[Span]:
    spans: list[Span] = []
    while len(spans) < limit and (not_after is None or start.timestamp < not_after):
        end = step(start, kind, 1)
        if end.timestamp > MAX_DATE:
            break
        spans.append(Span(start=start.timestamp, end=end.timestamp))
        start = end
    return spans


class _Row(Protocol):
    @property
    def period_from(self) -> int: ...
    @property
    def period_to(self) -> int: ...


def scheduled(schedule: Sequence[_Row], period: Span, zone: ZoneInfo, *, shifts_with_dst: bool) -> list[Span]:
    """The parts of a period in which the service is meant to be up. No schedule means all of it.

    ``shifts_with_dst``: 6.0 counts the seconds of the week from Sunday's midnight, so a week with a clock change runs an hour off
    after it. 7.0 reads the schedule as times of the local clock.
    """
    if not schedule:
        return [period]
    spans: list[Span] = []
    first = LocalTime.at(period.start, zone).sunday()
    week = 0
    while True:
        sunday, begin = first.days(7 * week), first.timestamp + WEEK * week
        for row in schedule:
            if shifts_with_dst:
                start, end = begin + row.period_from, begin + row.period_to
            else:
                start, end = _clock_time(sunday, row.period_from), _clock_time(sunday, row.period_to)
            if start < period.end and end > period.start:
                start_in, end_in = max(period.start, start), min(period.end, end)
                if spans and spans[-1].end == start_in:
                    spans[-1] = Span(start=spans[-1].start, end=end_in)
                else:
                    spans.append(Span(start=start_in, end=end_in))
            if end >= period.end:
                return spans
        week += 1


def _clock_time(sunday: LocalTime, second: int) -> int:
    return sunday.moved_to(sunday.wall + timedelta(seconds=second)).timestamp


def zone_of(name: str, system: str = "UTC") -> ZoneInfo:
    """The zone of an SLA; ``system`` is the server's own."""
    return ZoneInfo(system if name == "system" else name)


def merged(rows: Sequence[Mapping[str, int]]) -> list[dict[str, int]]:
    """Weekly schedule as Zabbix stores it: touching rows joined, sorted; a full week is no schedule at all."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted((r["period_from"], r["period_to"]) for r in rows):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    if spans == [(0, WEEK)]:
        return []
    return [{"period_from": start, "period_to": end} for start, end in spans]
