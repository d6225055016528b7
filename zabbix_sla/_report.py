"""SLI of any range and any number of services: cut into calls that a server can answer, sent a few at a time, and put together.

The server decides where periods begin: they are asked for first, without services, which costs next to nothing. Every later call
repeats the bounds of its page, so that all parts of a page have the same periods and no calendar is needed here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from attrs import frozen

from slo_common._errors import ErrorDetail, MalformedResponse, NotFound, api_error
from slo_common._execute import Caller
from slo_common._times import Timestamp
from zabbix_sla import _calls
from zabbix_sla._checks import MAX_DATE, MAX_PERIODS, Checks
from zabbix_sla._errors import ServerOutOfMemory
from zabbix_sla._replies import NO_OBJECT
from zabbix_sla._rpc import single
from zabbix_sla._sli import SliPeriod, SliResult, merged

IN_FLIGHT: Final = 4
"""More calls at once were not seen to be faster."""

_NAME: Final = "zabbix.sla.report"


@frozen(kw_only=True)
class Progress:
    """How far a report has come. ``cells`` is the number of periods times services."""

    done_cells: int
    cells: int
    done_calls: int

    @property
    def done(self) -> int:
        """The same as ``done_cells``, by the name that all progress of this SDK has."""
        return self.done_cells

    @property
    def total(self) -> int:
        """The same as ``cells``, by the name that all progress of this SDK has."""
        return self.cells


OnProgress = Callable[[Progress], object]


@frozen(kw_only=True)
class Page:
    """Up to 100 periods that follow each other, and the bounds (both inclusive, epoch seconds) that make the server give them."""

    periods: tuple[SliPeriod, ...]
    period_from: int
    period_to: int
    asked: int


@frozen(kw_only=True)
class Plan:
    """What a report is made of: pages, oldest first, and the services in chunks that fit into one call."""

    slaid: str
    pages: tuple[Page, ...]
    chunks: tuple[tuple[str, ...], ...]

    @property
    def cells(self) -> int:
        return sum(len(p.periods) for p in self.pages) * sum(map(len, self.chunks))


@frozen(kw_only=True)
class Wish:
    """What is asked for, checked: the bounds in epoch seconds, ``last`` exclusive."""

    slaid: str
    first: int
    last: int
    serviceids: tuple[str, ...] | None
    on_progress: OnProgress | None
    max_cells: int


def wish(
    slaid: str,
    start: Timestamp,
    end: Timestamp,
    serviceids: Sequence[str] | None,
    *,
    on_progress: OnProgress | None,
    max_cells: int,
) -> Wish:
    """The arguments of a report. Raises InvalidArgument."""
    checks = Checks()
    first, last = checks.moment("start", start), checks.moment("end", end)
    if first >= last:
        checks.add(f"start: {start!r} is not before end {end!r}; allowed: a start before the end")
    if on_progress is not None:
        checks.function("on_progress", on_progress, "a function that takes a Progress")
    checks.integer("max_cells", max_cells, low=1)
    made = Wish(
        slaid=checks.id("slaid", slaid),
        first=first,
        last=last,
        serviceids=tuple(checks.ids("serviceids", serviceids)) if serviceids is not None else None,
        on_progress=on_progress,
        max_cells=max_cells,
    )
    checks.raise_if_any()
    return made


async def plan(caller: Caller, asked: Wish) -> Plan:
    """Ask for the SLA, its services and its periods in the range."""
    slaid, serviceids = asked.slaid, asked.serviceids
    found = await caller.call(single(_calls.sla_get(_calls.sla_query(slaids=[slaid]))))
    if not found:
        raise api_error(200, call=_NAME, subject=slaid, errors=(ErrorDetail(detail=NO_OBJECT),), kind=NotFound)
    # The period of the effective date is the first one, and the current one the last, as the API reference says; the server itself
    # would go beyond both.
    first = max(asked.first, int(found[0].effective_date.timestamp()))
    last = min(asked.last - 1, int(caller.runtime.wall()), MAX_DATE)
    if serviceids is None:
        rows = await caller.call(single(_calls.columns("service.get", ["serviceid"], {}, _calls.service_query(slaids=[slaid]))))
        serviceids = tuple(str(row.get("serviceid")) for row in rows)
    pages = await _pages(caller, slaid, first, last) if first <= last else ()
    return Plan(slaid=slaid, pages=pages, chunks=_chunks(list(dict.fromkeys(serviceids)), asked.max_cells))


def _chunks(serviceids: Sequence[str], max_cells: int) -> tuple[tuple[str, ...], ...]:
    size = max(1, max_cells // MAX_PERIODS)
    return tuple(tuple(serviceids[i : i + size]) for i in range(0, len(serviceids), size))


async def _pages(caller: Caller, slaid: str, first: int, last: int) -> tuple[Page, ...]:
    """The server gives the newest periods of a range, so the pages are found from the end."""
    found: list[Page] = []
    while True:
        sli = await caller.call(single(_calls.getsli(slaid, period_from=first, period_to=last, periods=MAX_PERIODS, serviceids=[])))
        # Where the clock changes at midnight the server's days can overlap by an hour from one page to the next.
        border = found[-1].periods[0].period_from if found else None
        kept = tuple(p for p in sli.periods if border is None or p.period_to <= border)
        if kept:
            found.append(Page(periods=kept, period_from=first, period_to=last, asked=len(sli.periods)))
        begin = int(sli.periods[0].period_from.timestamp()) if sli.periods else first
        if len(sli.periods) < MAX_PERIODS or begin <= first:
            break
        if begin > last:
            raise MalformedResponse(f"{_NAME}: the server's periods begin after the range that was asked for", call=_NAME)
        last = begin - 1
    found.reverse()
    return tuple(found)


async def fetch(caller: Caller, slaid: str, page: Page, chunk: Sequence[str]) -> SliResult:
    """One part. A server that runs out of memory is asked again for half the services at a time."""
    try:
        sli = await caller.call(
            single(
                _calls.getsli(
                    slaid, period_from=page.period_from, period_to=page.period_to, periods=page.asked, serviceids=list(chunk)
                )
            )
        )
    except ServerOutOfMemory:
        if len(chunk) < 2:
            raise
        half = len(chunk) // 2
        return merged([[await fetch(caller, slaid, page, chunk[:half]), await fetch(caller, slaid, page, chunk[half:])]])
    trimmed = sli.first_periods(len(page.periods))
    if trimmed.periods != page.periods:
        raise MalformedResponse(f"{_NAME}: the server cut other periods than before; was the SLA changed meanwhile?", call=_NAME)
    return trimmed


async def report(caller: Caller, asked: Wish) -> SliResult:
    """The whole range in one result."""
    made = await plan(caller, asked)
    return merged(await fetch_pages(caller, made, made.pages, asked.on_progress, done_before=0)) if made.pages else merged([])


async def fetch_pages(
    caller: Caller, made: Plan, pages: Sequence[Page], on_progress: OnProgress | None, *, done_before: int
) -> list[list[SliResult]]:
    """The parts of these pages, page by page, at most four calls in flight."""
    width = len(made.chunks)
    parts: list[SliResult | None] = [None] * (len(pages) * width)
    counted = [done_before, 0]

    def done(index: int, part: SliResult) -> None:
        parts[index] = part
        page, chunk = divmod(index, width)
        counted[0] += len(pages[page].periods) * len(made.chunks[chunk])
        counted[1] += 1
        if on_progress is not None:
            on_progress(Progress(done_cells=counted[0], cells=made.cells, done_calls=counted[1]))

    jobs: list[Callable[[], Coroutine[Any, Any, SliResult]]] = [
        partial(fetch, caller, made.slaid, page, chunk) for page in pages for chunk in made.chunks
    ]
    await caller.runtime.run_all(jobs, limit=IN_FLIGHT, done=done)
    if not width:
        return [[empty(page)] for page in pages]
    return [[p for p in parts[i * width : (i + 1) * width] if p is not None] for i in range(len(pages))]


def empty(page: Page) -> SliResult:
    """The periods of a page without a service."""
    return merged([[SliResult(periods=page.periods, serviceids=(), columns=merged([]).columns)]])
