"""SLI reports as columns: sixty thousand cells are four arrays, and a cell becomes an object when it is asked for."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from slo_common._times import from_epoch

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import polars as pl

    from slo_common._tables import ArrowTable, Figure

RECORD_COLUMNS = (
    "serviceid",
    "period_from",
    "period_to",
    "uptime",
    "downtime",
    "sli",
    "error_budget",
    "excluded_downtimes",
)
"""Columns of :meth:`SliResult.to_records` and of every table made from it."""


@frozen(kw_only=True)
class SliPeriod:
    """One reporting period: from ``period_from`` until before ``period_to``, both aware UTC datetimes."""

    period_from: datetime
    period_to: datetime

    @property
    def seconds(self) -> int:
        """Length in seconds; a day of a daylight-saving change has 23 or 25 hours."""
        return round((self.period_to - self.period_from).total_seconds())


@frozen(kw_only=True)
class ExcludedSpan:
    """An excluded downtime as it fell into a cell: clipped to the scheduled, measured time. Aware UTC datetimes."""

    name: str
    period_from: datetime
    period_to: datetime


@frozen(kw_only=True)
class SliCell:
    """What Zabbix says about one service in one period."""

    uptime: int
    """Seconds in OK within the schedule, without excluded downtimes."""
    downtime: int
    """Seconds with a problem of any severity, within the schedule, without excluded downtimes."""
    sli: float | None
    """Per cent; None when nothing was measured (Zabbix writes -1): the service is younger, the period lies ahead, or all is excluded."""
    error_budget: int
    """Zabbix's own figure in seconds, which is not "budget left": at most the time left of the period, and in a finished period 0
    (SLO met) or negative (seconds overspent). See :meth:`budget_left`."""
    excluded_downtimes: tuple[ExcludedSpan, ...]

    def budget_left(self, slo: float) -> float | None:
        """Seconds that may still be down for the measured time to meet ``slo`` (per cent); negative when overspent, None when unmeasured.

        >>> SliCell(uptime=990, downtime=10, sli=99.0, error_budget=0, excluded_downtimes=()).budget_left(98)
        10.0
        """
        if self.sli is None:
            return None
        return (self.uptime + self.downtime) * (100 - slo) / 100 - self.downtime


@frozen(kw_only=True, eq=False)
class Columns:
    """The numbers of a report, period by period: row ``p`` is ``[p * services : (p + 1) * services]`` of each array.

    ``sli`` holds NaN where nothing was measured. ``excluded`` maps the number of a cell to its excluded downtimes
    (name, from, to in epoch seconds); most cells have none.
    """

    uptime: array[int]
    downtime: array[int]
    sli: array[float]
    error_budget: array[int]
    excluded: Mapping[int, tuple[tuple[str, int, int], ...]]

    def __len__(self) -> int:
        return len(self.uptime)


@frozen(kw_only=True, eq=False)
class SliResult:
    """SLI of services by period: the answer of ``sla.getsli`` and the merged result of ``sla.report``.

    ``result[i, "50"]`` is the :class:`SliCell` of service "50" in ``result.periods[i]``. Services are in the server's order,
    which is not the order asked for. Source: Zabbix API reference, sla.getsli.

    >>> sli = zbx.sla.getsli("5", periods=3)  # doctest: +SKIP
    >>> sli.periods[0].period_from, sli[0, "50"].downtime  # doctest: +SKIP
    """

    periods: tuple[SliPeriod, ...]
    serviceids: tuple[str, ...]
    columns: Columns = field(repr=False)
    _index: Mapping[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_index", {serviceid: i for i, serviceid in enumerate(self.serviceids)})

    def __getitem__(self, key: tuple[int, str]) -> SliCell:
        """The cell of a period (by its number; negative counts from the end) and a service (by its id).

        Raises IndexError for a period and KeyError for a service that the report does not have.
        """
        period, serviceid = key
        row = range(len(self.periods))[period]
        return self._cell(row * len(self.serviceids) + self._index[serviceid])

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.columns)

    def __iter__(self) -> Iterator[tuple[SliPeriod, str, SliCell]]:
        """Period, service id and cell of each, period by period."""
        number = 0
        for period in self.periods:
            for serviceid in self.serviceids:
                yield period, serviceid, self._cell(number)
                number += 1

    def _cell(self, number: int) -> SliCell:
        columns = self.columns
        sli = columns.sli[number]
        return SliCell(
            uptime=columns.uptime[number],
            downtime=columns.downtime[number],
            sli=None if math.isnan(sli) else sli,
            error_budget=columns.error_budget[number],
            excluded_downtimes=tuple(
                ExcludedSpan(name=name, period_from=from_epoch(start), period_to=from_epoch(end))
                for name, start, end in columns.excluded.get(number, ())
            ),
        )

    def last_periods(self, count: int) -> SliResult:
        """Only the newest ``count`` periods."""
        return self._slice(max(0, len(self.periods) - count), len(self.periods))

    def first_periods(self, count: int) -> SliResult:
        """Only the oldest ``count`` periods."""
        return self._slice(0, min(count, len(self.periods)))

    def by_period(self) -> Iterator[SliResult]:
        """One result for each period, oldest first."""
        return (self._slice(i, i + 1) for i in range(len(self.periods)))

    def _slice(self, first: int, last: int) -> SliResult:
        if (first, last) == (0, len(self.periods)):
            return self
        begin, end, here = first * len(self.serviceids), last * len(self.serviceids), self.columns
        columns = Columns(
            uptime=here.uptime[begin:end],
            downtime=here.downtime[begin:end],
            sli=here.sli[begin:end],
            error_budget=here.error_budget[begin:end],
            excluded={number - begin: rows for number, rows in here.excluded.items() if begin <= number < end},
        )
        return SliResult(periods=self.periods[first:last], serviceids=self.serviceids, columns=columns)

    def service(self, serviceid: str) -> tuple[SliCell, ...]:
        """The cells of one service, one for each period."""
        return tuple(self[i, serviceid] for i in range(len(self.periods)))

    def to_records(self) -> Iterator[dict[str, object]]:
        """One plain dict for each cell, with the columns of ``RECORD_COLUMNS``; ``sli`` is None where nothing was measured."""
        for period, serviceid, cell in self:
            yield {
                "serviceid": serviceid,
                "period_from": period.period_from,
                "period_to": period.period_to,
                "uptime": cell.uptime,
                "downtime": cell.downtime,
                "sli": cell.sli,
                "error_budget": cell.error_budget,
                "excluded_downtimes": [
                    {"name": e.name, "period_from": e.period_from, "period_to": e.period_to} for e in cell.excluded_downtimes
                ],
            }

    def to_arrow(self) -> ArrowTable:
        """A pyarrow table without a Python object per cell. Needs the ``arrow`` extra."""
        from zabbix_sla._tables import to_arrow

        return to_arrow(self)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame with Arrow-backed integers and UTC times. Needs the ``pandas`` extra."""
        from slo_common._tables import to_pandas

        return to_pandas(self.to_arrow)

    def to_polars(self) -> pl.DataFrame:
        """A polars frame. Needs the ``polars`` extra."""
        from slo_common._tables import to_polars

        return to_polars(self.to_arrow)

    def to_csv(self, path: str | Path | None = None) -> str:
        """CSV with a header; times as ISO 8601 in UTC, an unmeasured SLI as an empty field, excluded downtimes as seconds.

        Returns the text and writes it to ``path`` when one is given.
        """
        from zabbix_sla._tables import to_csv

        return to_csv(self, path)

    def chart(self, *, slo: float | None = None, names: Mapping[str, str] | None = None) -> Figure:
        """A plotly line chart of the SLI by period, one line for each service, with the target. Needs the ``charts`` extra."""
        from zabbix_sla._charts import chart

        return chart(self, slo=slo, names=names)


def merged(parts: Sequence[Sequence[SliResult]]) -> SliResult:
    """One result from a grid of parts: the outer sequence is time, oldest first; the inner one splits the services.

    The parts of one time span must have the same periods.
    """
    rows = [row for row in parts if row]
    periods = tuple(p for row in rows for p in row[0].periods)
    serviceids = tuple(dict.fromkeys(s for row in rows for part in row for s in part.serviceids))
    place = {serviceid: i for i, serviceid in enumerate(serviceids)}
    width = len(serviceids)
    uptime, downtime, budget = (array("q", bytes(8 * len(periods) * width)) for _ in range(3))
    sli = array("d", [math.nan]) * (len(periods) * width)
    excluded: dict[int, tuple[tuple[str, int, int], ...]] = {}
    columns = Columns(uptime=uptime, downtime=downtime, sli=sli, error_budget=budget, excluded=excluded)
    first = 0
    for row in rows:
        for part in row:
            targets = [place[s] for s in part.serviceids]
            for p in range(len(part.periods)):
                base = (first + p) * width
                _copy_row(part.columns, p * len(targets), columns, [base + t for t in targets], excluded)
        first += len(row[0].periods)
    return SliResult(periods=periods, serviceids=serviceids, columns=columns)


def _copy_row(
    here: Columns, source: int, there: Columns, goals: list[int], excluded: dict[int, tuple[tuple[str, int, int], ...]]
) -> None:
    count = len(goals)
    if goals and goals[-1] - goals[0] == count - 1 and goals == sorted(goals):
        begin, end = goals[0], goals[0] + count
        there.uptime[begin:end] = here.uptime[source : source + count]
        there.downtime[begin:end] = here.downtime[source : source + count]
        there.sli[begin:end] = here.sli[source : source + count]
        there.error_budget[begin:end] = here.error_budget[source : source + count]
    else:
        for number, goal in enumerate(goals, source):
            there.uptime[goal], there.downtime[goal] = here.uptime[number], here.downtime[number]
            there.sli[goal], there.error_budget[goal] = here.sli[number], here.error_budget[number]
    for number in here.excluded.keys() & range(source, source + count):
        excluded[goals[number - source]] = here.excluded[number]
