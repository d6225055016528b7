"""The report: rows by SLO, columns by interval, read from and written to the vendor's CSV."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from attrs import field, frozen

from datadog_slo._enums import SloType
from slo_common._errors import DecodeError, MalformedResponse

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from slo_common._tables import ArrowTable, Figure

COLUMNS = ("id", "slo_type", "name", "target", "export_error")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# The specification's example spells two columns in another way than the recorded file.
_ALIASES = {"slo_id": "id", "slo_name": "name"}
_EMPTY: Mapping[str, str] = {}

Cell = float | None


@frozen(kw_only=True)
class SloReportRow:
    """One SLO of a report.

    ``target`` and the values of ``sli`` are percentages. ``sli`` has a value for every interval of the report, by the interval's
    first day; None is an empty cell, never a zero. ``reasons`` says why a cell is empty, where that is known. ``export_error`` is the
    reason why the SLO has no or not all values. ``extra`` holds columns that this release does not know.
    """

    id: str
    name: str
    slo_type: SloType
    target: float | None = None
    export_error: str | None = None
    sli: Mapping[dt.date, float | None] = field(factory=dict[dt.date, Cell])
    reasons: Mapping[dt.date, str] = field(factory=dict[dt.date, str])
    extra: Mapping[str, str] = field(factory=dict[str, str])

    @property
    def error_budget(self) -> dict[dt.date, float | None]:
        """What is left of the error budget of each interval, in percent: 100 with no failure, 0 at the target, negative when overspent.

        None where there is no SLI, no target, or a target of 100 (which allows no failure and so has no budget).
        """
        return {day: budget_left(sli, self.target) for day, sli in self.sli.items()}


def budget_left(sli: float | None, target: float | None) -> float | None:
    """100 (sli - target) / (100 - target): Datadog guides, Service Level Objectives, error budgets."""
    if sli is None or target is None or target >= 100:
        return None
    return 100.0 * (sli - target) / (100.0 - target)


@frozen(kw_only=True)
class SloReport:
    """A report: ``rows`` by SLO, ``intervals`` the first days of its columns, in order.

    ``engine`` says who computed it: ``"server"`` (the vendor's job) or ``"client"``.
    """

    rows: tuple[SloReportRow, ...]
    intervals: tuple[dt.date, ...]
    engine: str = "server"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SloReportRow]:
        return iter(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the CSV's columns."""
        return (*COLUMNS, *self._extra, *(day.isoformat() for day in self.intervals))

    @property
    def errors(self) -> dict[str, str]:
        """The ``export_error`` of each SLO that has one, by id."""
        return {row.id: row.export_error for row in self.rows if row.export_error is not None}

    def to_csv(self) -> str:
        """The report as the vendor's CSV: its columns, lines ended by a newline, an empty cell where there is no value. Raises nothing.

        Columns: id, slo_type, name, target (percent), export_error, and the SLI (percent) by the first day of each interval.

        >>> Path("report.csv").write_text(report.to_csv(), encoding="utf-8")  # doctest: +SKIP
        """
        out, extra = io.StringIO(), self._extra
        write_header(out, self.intervals, extra)
        for row in self.rows:
            write_row(out, row, self.intervals, extra)
        return out.getvalue()

    @property
    def _extra(self) -> tuple[str, ...]:
        """The names of the columns that the vendor added since."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.extra))

    def records(self) -> list[dict[str, str | float | dt.date | None]]:
        """One flat record for each SLO and interval: id, name, slo_type, target, interval, sli, error_budget, reason.

        ``sli`` and ``target`` are percentages, ``error_budget`` is what is left of it in percent (Datadog guides, Service Level
        Objectives, error budgets); below 0 it is overspent. ``reason`` is why ``sli`` is None: the cell's own reason, else the SLO's
        export_error. Raises nothing.

        >>> [record for record in report.records() if record["sli"] is None]  # doctest: +SKIP
        """
        return [
            {
                "id": row.id,
                "name": row.name,
                "slo_type": str(row.slo_type),
                "target": row.target,
                "interval": day,
                "sli": sli,
                "error_budget": budget_left(sli, row.target),
                "reason": None if sli is not None else row.reasons.get(day, row.export_error),
            }
            for row in self.rows
            for day, sli in row.sli.items()
        ]

    def to_arrow(self) -> ArrowTable:
        """The records as a ``pyarrow.Table`` (extra ``arrow``): the one interchange behind :meth:`to_pandas` and :meth:`to_polars`.

        Columns as in :meth:`records`. Raises :class:`~slo_common.ConfigurationError` without the extra.

        >>> report.to_arrow().num_rows  # doctest: +SKIP
        """
        from datadog_slo._tables import to_arrow

        return to_arrow(self)

    def to_pandas(self) -> pd.DataFrame:
        """The records as a ``pandas.DataFrame`` with Arrow-backed columns (extra ``pandas``).

        Columns as in :meth:`records`. Raises :class:`~slo_common.ConfigurationError` without the extra.

        >>> report.to_pandas().pivot(index="name", columns="interval", values="sli")  # doctest: +SKIP
        """
        from slo_common._tables import to_pandas

        return to_pandas(self.to_arrow)

    def to_polars(self) -> pl.DataFrame:
        """The records as a ``polars.DataFrame`` (extra ``polars``).

        Columns as in :meth:`records`. Raises :class:`~slo_common.ConfigurationError` without the extra.

        >>> report.to_polars().filter(pl.col("error_budget") < 0)  # doctest: +SKIP
        """
        from slo_common._tables import to_polars

        return to_polars(self.to_arrow)

    def chart(self, *, title: str = "Service levels", value: str = "sli") -> Figure:
        """A line chart by interval, one line for each SLO, as a plotly figure (extra ``charts``).

        ``value``: ``"sli"`` (percent, with the target as a dashed line) or ``"error_budget"`` (percent left). Intervals without a value
        are gaps.

        Raises :class:`~slo_common.InvalidArgument` for another ``value``, :class:`~slo_common.ConfigurationError` without the extra.

        >>> report.chart(value="error_budget").write_html("budgets.html")  # doctest: +SKIP
        """
        from datadog_slo._charts import chart

        return chart(self, title=title, value=value)


def write_header(out: io.TextIOBase, intervals: Sequence[dt.date], extra: Sequence[str] = ()) -> None:
    csv.writer(out, lineterminator="\n").writerow([*COLUMNS, *extra, *(day.isoformat() for day in intervals)])


def write_row(out: io.TextIOBase, row: SloReportRow, intervals: Sequence[dt.date], extra: Sequence[str] = ()) -> None:
    """One line of the CSV."""
    cells = ["" if (sli := row.sli.get(day)) is None else repr(sli) for day in intervals]
    target = "" if row.target is None else repr(row.target)
    more = [row.extra.get(name, "") for name in extra]
    csv.writer(out, lineterminator="\n").writerow([row.id, row.slo_type, row.name, target, row.export_error or "", *more, *cells])


def read_csv(text: str, *, call: str = "datadog.reports.download") -> SloReport:
    """The report in a CSV. Raises :class:`MalformedResponse` for what is none, :class:`DecodeError` naming the line of a bad row.

    A cell that is neither empty nor a number is an empty cell whose reason is the cell's text: one bad value spoils no report.
    """
    lines = _lines(text, call)
    header = [_ALIASES.get(name, name) for name in next(lines, list[str]())]
    if "id" not in header or "name" not in header:
        raise MalformedResponse(f"{call}: the file has no header with 'id' and 'name'", call=call, excerpt=text[:200], status=200)
    if len(set(header)) != len(header):
        raise MalformedResponse(f"{call}: the file's header names a column twice", call=call, excerpt=text[:200], status=200)
    days = {name: _day(name) for name in header if _DATE.fullmatch(name)}
    dates = {name: day for name, day in days.items() if day is not None}
    rows = tuple(_row(cells, header, dates, number, call) for number, cells in enumerate(lines, start=2) if cells)
    return SloReport(rows=rows, intervals=tuple(dates.values()))


def _lines(text: str, call: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        yield from reader
    except csv.Error as e:
        _bad_line(call, reader.line_num, str(e))


def _bad_line(call: str, number: int, reason: str) -> NoReturn:
    raise DecodeError(f"{call}: line {number} of the file: {reason}", paths=(f"line {number}",), call=call, status=200)


def _day(name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(name)
    except ValueError:
        return None


def _row(cells: list[str], header: list[str], days: Mapping[str, dt.date], number: int, call: str) -> SloReportRow:
    if len(cells) != len(header):
        _bad_line(call, number, f"expected {len(header)} cells, got {len(cells)}")
    by_name = dict(zip(header, cells, strict=True))
    reasons: dict[dt.date, str] = {}
    sli: dict[dt.date, Cell] = {}
    for name, day in days.items():
        sli[day] = _number(by_name[name])
        if sli[day] is None and by_name[name].strip():
            reasons[day] = by_name[name].strip()
    return SloReportRow(
        id=by_name["id"],
        name=by_name["name"],
        slo_type=SloType(by_name.get("slo_type", "")),
        target=_number(by_name.get("target", "")),
        export_error=by_name.get("export_error") or None,
        sli=sli,
        reasons=reasons,
        extra=_extra(by_name, days),
    )


def _extra(by_name: Mapping[str, str], days: Iterable[str]) -> Mapping[str, str]:
    known = {*COLUMNS, *days}
    return {name: cell for name, cell in by_name.items() if name not in known} or _EMPTY


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
