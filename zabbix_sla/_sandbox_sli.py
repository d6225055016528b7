"""How Zabbix calculates one cell of an SLI report: a service in a period, under a schedule and excluded downtimes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from zabbix_sla._sandbox_periods import Span

OK: Final = -1


@frozen(kw_only=True)
class Excluded:
    """An excluded downtime of an SLA."""

    name: str
    period_from: int
    period_to: int


@frozen(kw_only=True)
class Timeline:
    """The status of a service within a period: what it was before, then each change."""

    start_value: int
    changes: tuple[tuple[int, int], ...]


def united(rows: Iterable[Excluded]) -> list[Span]:
    """Excluded downtimes as disjoint spans, so that no second is taken off twice."""
    spans: list[Span] = []
    for start, end in sorted((r.period_from, r.period_to) for r in rows):
        if spans and start <= spans[-1].end:
            spans[-1] = Span(start=spans[-1].start, end=max(spans[-1].end, end))
        else:
            spans.append(Span(start=start, end=end))
    return spans


def counted(start: int, end: int, excluded: Sequence[Span]) -> int:
    """Seconds between two moments that are not excluded."""
    return end - start - sum(max(0, min(e.end, end) - max(e.start, start)) for e in excluded)


def cell(
    *,
    slo: float,
    excluded: Sequence[Excluded],
    spans: Sequence[Span],
    period_start: int,
    created_at: int,
    timeline: Timeline,
    now: int,
) -> dict[str, object]:
    """One cell as ``sla.getsli`` answers it. ``spans`` are the scheduled parts of the period.

    Time is measured up to one second past now, as the server does.
    """
    away = united(excluded)
    most = sum(counted(max(created_at, s.start), s.end, away) for s in spans if s.end > max(created_at, s.start))
    changes = list(timeline.changes)
    if not changes or changes[-1][0] <= now:
        changes.append((now + 1, OK))
    uptime = downtime = 0
    listed = _Listed()
    clock, value = period_start, timeline.start_value
    for until, following in changes:
        for span in spans:
            start, end = max(created_at, span.start, clock), min(span.end, until)
            if end <= start:
                continue
            seconds = counted(start, end, away)
            if value == OK:
                uptime += seconds
            else:
                downtime += seconds
            listed.add(excluded, start, end)
        clock, value = until, following
    total = uptime + downtime
    return {
        "uptime": uptime,
        "downtime": downtime,
        "sli": _number(uptime / total * 100) if total else -1,
        "error_budget": _budget(uptime, downtime, most, slo) if total else 0,
        "excluded_downtimes": listed.rows,
    }


def _budget(uptime: int, downtime: int, most: int, slo: float) -> int:
    left = most - uptime - downtime
    return min(left, int(uptime / slo * 100) - uptime - downtime) if slo > 0 else left


def _number(value: float) -> int | float:
    # PHP writes a float without a fraction as an integer.
    return int(value) if value.is_integer() else value


class _Listed:
    """The excluded downtimes of a cell, joined over changes of status.

    After joining, the server remembers the newest row and not the one it joined; with two downtimes that overlap each other and a
    change of status, the ends come out mixed up. Kept, because a client sees it.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self._open: dict[int, int] = {}  # index of the excluded downtime -> row

    def add(self, excluded: Sequence[Excluded], start: int, end: int) -> None:
        for index, downtime in enumerate(excluded):
            begin, finish = max(downtime.period_from, start), min(downtime.period_to, end)
            if finish <= begin:
                self._open.pop(index, None)
                continue
            if index in self._open:
                self.rows[self._open[index]]["period_to"] = finish
            else:
                self.rows.append({"name": downtime.name, "period_from": begin, "period_to": finish})
            self._open[index] = len(self.rows) - 1
