"""The client engine: the vendor's report without its report endpoints.

It selects SLOs by the same query (search), cuts the range into the same intervals, and asks for the SLI of each SLO and interval
(history, which is stable, where status is a beta). Written once, for the sync and the async client.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from datadog_slo import _calls_reads as reads
from datadog_slo._calls_reports import ReportRange
from datadog_slo._checkpoint import CellValue, Checkpoint, Kept, Place, Subject
from datadog_slo._enums import SloType
from datadog_slo._intervals import Interval, cut
from datadog_slo._models_search import SearchedSlo
from datadog_slo._progress import Meter, OnProgress, Watch
from datadog_slo._report import SloReport, SloReportRow, write_header, write_row
from slo_common._errors import (
    ApiError,
    AuthenticationError,
    MalformedResponse,
    NotFound,
    OperationGone,
    PermissionDenied,
    RateLimited,
    ServerError,
    SloError,
    TransportError,
)
from slo_common._execute import Caller
from slo_common._pages import Page
from slo_common._values import Call

FAILURES_IN_A_ROW = 10
"""So many cells that fail one after the other for want of a server end the report: nothing is wrong with the SLOs then."""


class RowSink(Protocol):
    """Where finished rows go, in order."""

    def begin(self, days: Sequence[dt.date]) -> None: ...

    def row(self, row: SloReportRow) -> None: ...


class MemoryRows:
    """Rows for a report in memory."""

    def __init__(self) -> None:
        self._days: tuple[dt.date, ...] = ()
        self._rows: list[SloReportRow] = []

    def begin(self, days: Sequence[dt.date]) -> None:
        self._days = tuple(days)

    def row(self, row: SloReportRow) -> None:
        self._rows.append(row)

    def report(self) -> SloReport:
        return SloReport(rows=tuple(self._rows), intervals=self._days, engine="client")


class FileRows:
    """Rows for a CSV: written as they are finished, and forgotten."""

    def __init__(self, out: io.TextIOBase) -> None:
        self._out = out
        self._days: tuple[dt.date, ...] = ()
        self.rows = self.errors = 0

    def begin(self, days: Sequence[dt.date]) -> None:
        self._days = tuple(days)
        write_header(self._out, self._days)

    def row(self, row: SloReportRow) -> None:
        write_row(self._out, row, self._days)
        self.rows += 1
        self.errors += row.export_error is not None


@frozen(kw_only=True)
class EngineOptions:
    """How the client engine works: calls at once, whom to tell, where to keep what it has."""

    concurrency: int
    on_progress: OnProgress | None
    checkpoint: str | Path | None


async def build_report(caller: Caller, asked: ReportRange, options: EngineOptions, sink: RowSink) -> None:
    """Fill the sink. What is kept in the checkpoint is not asked for again; it goes when the report is complete."""
    interval, timezone = asked.interval or "monthly", asked.timezone or "UTC"
    intervals = cut(asked.from_ts, asked.to_ts, interval, ZoneInfo(timezone))
    about: dict[str, str | int] = {"site": caller.base_url, "query": asked.query, "from_ts": asked.from_ts, "to_ts": asked.to_ts}
    checkpoint = Checkpoint(options.checkpoint, {**about, "interval": interval, "timezone": timezone})
    kept = checkpoint.load()
    subjects = kept.subjects if kept.subjects is not None else await _select(caller, asked.query)
    checkpoint.begin(subjects, kept)
    finished = False
    try:
        total = len(subjects) * len(intervals)
        meter = Meter(caller.runtime, options.on_progress, total=total, had=len(kept.cells))
        caller = evolve(caller, limiter=Watch(caller.limiter, meter.waits))
        sink.begin([i.label for i in intervals])
        work = _Work(caller, subjects, intervals, kept, checkpoint, meter, sink)
        await caller.runtime.run_all(work.jobs(), limit=options.concurrency, done=work.done)
        finished = True
    finally:
        checkpoint.close(finished=finished)


async def _select(caller: Caller, query: str) -> tuple[Subject, ...]:
    """The SLOs that the query finds, each once."""
    found: dict[str, Subject] = {}
    # The report endpoint takes "*" for all; a search without a query finds all.
    call: Call[Page[SearchedSlo]] | None = reads.search_slos("" if query.strip() == "*" else query)
    while call is not None:
        page = await caller.call(call)
        for slo in page.items:
            kind = "" if slo.slo_type is None else slo.slo_type.value
            found.setdefault(slo.id, Subject(id=slo.id, name=slo.name, slo_type=kind, target=slo.target))
        call = page.next
    return tuple(found.values())


@frozen(kw_only=True)
class _Answer:
    place: Place
    value: CellValue
    outage: SloError | None = None
    """The error of a cell that failed for want of a server: it may work another time, so it is not kept."""


class _Work:
    """The cells of one report: which are to be asked for, and rows as they become complete."""

    def __init__(
        self,
        caller: Caller,
        subjects: Sequence[Subject],
        intervals: Sequence[Interval],
        kept: Kept,
        checkpoint: Checkpoint,
        meter: Meter,
        sink: RowSink,
    ) -> None:
        self._caller = caller
        self._subjects = subjects
        self._intervals = intervals
        self._kept = kept.cells
        self._checkpoint = checkpoint
        self._meter = meter
        self._sink = sink
        self._open: dict[int, dict[int, CellValue]] = {}
        self._next = 0  # the first row that is not written yet
        self._outages = 0
        self._closed: dict[str, CellValue] = {}  # SLOs that are gone or may not be seen: nothing more is asked about them

    def jobs(self) -> Iterator[Callable[[], Coroutine[Any, Any, _Answer]]]:
        """Row by row, so that rows are finished in about their order."""
        for row, subject in enumerate(self._subjects):
            self._open[row] = {
                column: self._kept[row, column] for column in range(len(self._intervals)) if (row, column) in self._kept
            }
            missing = [column for column in range(len(self._intervals)) if column not in self._open[row]]
            for column in missing:
                yield self._job((row, column), subject)
            self._write()

    def _job(self, place: Place, subject: Subject) -> Callable[[], Coroutine[Any, Any, _Answer]]:
        return lambda: self._ask(place, subject)

    async def _ask(self, place: Place, subject: Subject) -> _Answer:
        if subject.id in self._closed:
            return _Answer(place=place, value=self._closed[subject.id])
        interval = self._intervals[place[1]]
        try:
            value = await self._caller.call(reads.slo_sli(subject.id, interval.from_ts, interval.to_ts))
        except (AuthenticationError, OperationGone, RateLimited):
            raise  # not about this SLO
        except (NotFound, PermissionDenied) as e:
            self._closed[subject.id] = CellValue(reason=_reason(e), failed=True)
            return _Answer(place=place, value=self._closed[subject.id])
        except (ServerError, TransportError) as e:
            return _Answer(place=place, value=CellValue(reason=_reason(e), failed=True), outage=e)
        except (ApiError, MalformedResponse) as e:
            return _Answer(place=place, value=CellValue(reason=_reason(e), failed=True))
        return _Answer(place=place, value=value)

    def done(self, _: int, answer: _Answer) -> None:
        """Take an answer; called one at a time."""
        if answer.outage is None:
            self._outages = 0
            self._checkpoint.add(answer.place, answer.value)
        else:
            self._outages += 1
            if self._outages >= FAILURES_IN_A_ROW:
                raise answer.outage
        row, column = answer.place
        self._open[row][column] = answer.value
        self._meter.cell()
        self._write()

    def _write(self) -> None:
        """Write the rows that are complete and have none missing before them."""
        while len(self._open.get(self._next, ())) == len(self._intervals) and self._next in self._open:
            cells = self._open.pop(self._next)
            self._sink.row(_row(self._subjects[self._next], self._intervals, cells))
            self._next += 1


def _row(subject: Subject, intervals: Sequence[Interval], cells: dict[int, CellValue]) -> SloReportRow:
    ordered = [(interval.label, cells[column]) for column, interval in enumerate(intervals)]
    failures = [f"{day.isoformat()}: {cell.reason}" for day, cell in ordered if cell.failed]
    same = {cell.reason for _, cell in ordered if cell.failed}
    error = next(iter(same)) if len(failures) == len(ordered) and len(same) == 1 else "; ".join(failures)
    return SloReportRow(
        id=subject.id,
        name=subject.name,
        slo_type=SloType(subject.slo_type),
        target=subject.target,
        export_error=error or None,
        sli={day: cell.sli for day, cell in ordered},
        reasons={day: cell.reason for day, cell in ordered if cell.reason is not None},
    )


def _reason(error: SloError) -> str:
    """The vendor's words, else the error's; on one line, for it goes into a CSV."""
    words = "; ".join(str(e) for e in error.errors) if isinstance(error, ApiError) and error.errors else str(error)
    text = f"HTTP {error.status}: {words}" if isinstance(error, ApiError) else words
    return " ".join(text.split())
