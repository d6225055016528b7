"""Report jobs from their creation to the file: written once, for the sync and the async client."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from attrs import evolve

from datadog_slo import _calls_corrections as correction_calls
from datadog_slo import _calls_reports as calls
from datadog_slo import _calls_slos as slo_calls
from datadog_slo._enums import ReportStatus
from datadog_slo._models_corrections import Correction
from datadog_slo._models_reports import ReportJob, ReportJobStatus
from datadog_slo._models_slos import Slo
from datadog_slo._report import SloReport
from slo_common._errors import (
    Conflict,
    InvalidArgument,
    NotFound,
    OperationGone,
    OutcomeUnknown,
    ReportFailed,
    ReportPartial,
    ReportUnavailable,
)
from slo_common._execute import MAX_DOWNLOAD_BYTES, Caller
from slo_common._pages import Page
from slo_common._poll import JobHandle, PollSchedule, poll
from slo_common._times import from_epoch
from slo_common._values import Call

OnStatus = Callable[[ReportJobStatus], object]

FILE_LAG = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between the looks for the file of a job that has completed: it may follow a little later."""
STALE_AFTER = 3600.0
"""Seconds after its creation from which on a job's missing file is not waited for: it was there and is gone."""
Run = Callable[[Coroutine[Any, Any, Any]], object]
"""How a look-up runs when the caller asks for it: to its end (sync), or as something to await."""


def later(look: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    """How the async client runs a look-up: it hands it to who awaits it."""
    return look


async def create_report(caller: Caller, asked: calls.ReportRange) -> ReportJob:
    job = await caller.call(calls.create_report(asked))
    return evolve(job, created_at=from_epoch(caller.runtime.wall()), site=caller.base_url)


async def wait_for_report(
    caller: Caller, report: ReportJob | str, *, timeout: float, on_status: OnStatus | None, schedule: PollSchedule | None
) -> ReportJobStatus:
    report_id = calls.report_id_of(report)
    created = report.created_at.timestamp() if isinstance(report, ReportJob) else caller.runtime.wall()
    call = calls.report_status(report_id)
    last = await poll(
        caller.runtime,
        lambda: caller.call(call),
        is_over=lambda answer: answer.status.is_over,
        timeout=timeout,
        what=f"datadog.reports.wait {report_id!r}",
        handle=JobHandle(vendor="datadog", report_id=report_id, created_at=created, site=caller.base_url),
        on_status=on_status,
        schedule=schedule,
    )
    if last.status == ReportStatus.FAILED:
        raise ReportFailed(
            f"datadog.reports.wait {report_id!r}: the vendor ended the job as {last.status.value!r}",
            report_id=report_id,
            status=last.status.value,
        )
    return last


def check_partial(last: ReportJobStatus, *, allow_partial: bool) -> None:
    if last.status == ReportStatus.COMPLETED_WITH_ERRORS and not allow_partial:
        raise ReportPartial(
            f"datadog.reports.run {last.id!r}: the job ended with errors in some rows, and allow_partial is False",
            report_id=last.id,
            status=last.status.value,
        )


async def finish_report(
    caller: Caller,
    report: ReportJob | str,
    *,
    timeout: float,
    on_status: OnStatus | None,
    schedule: PollSchedule | None,
    allow_partial: bool,
) -> SloReport:
    """Wait and download."""
    last = await wait_for_report(caller, report, timeout=timeout, on_status=on_status, schedule=schedule)
    check_partial(last, allow_partial=allow_partial)
    fresh = not isinstance(report, ReportJob) or caller.runtime.wall() - report.created_at.timestamp() < STALE_AFTER
    missing: NotFound | Conflict
    pauses = iter(FILE_LAG if fresh else ())
    while True:
        try:
            return await caller.call(calls.download_report(last.id))
        except (NotFound, Conflict) as e:
            missing = e
        pause = next(pauses, None)
        if pause is None or isinstance(missing, OperationGone):
            break
        await caller.runtime.sleep(pause)
    raise ReportUnavailable(
        f"datadog.reports.download {last.id!r}: the job is {last.status.value} and its file is not there; reports are not kept for ever",
        report_id=last.id,
    ) from missing


def job_of_handle(caller: Caller, handle: str) -> ReportJob:
    """The job of a handle of this site. Raises :class:`InvalidArgument` for any other text."""
    job = ReportJob.from_handle(handle)
    if job.site not in ("", caller.base_url):
        raise InvalidArgument(f"handle: the job is at {job.site!r}; allowed: a job of {caller.base_url!r}, where this client asks")
    return job


async def download_to(caller: Caller, report: ReportJob | str, path: str | os.PathLike[str]) -> Path:
    """Stream the file beside its place and move it there when it is complete."""
    call = calls.download_report_file(report)
    final = Path(path)
    part = final.with_name(f"{final.name}.part")
    with part.open("wb") as out, complete_or_nothing(out, part, final):
        await caller.with_options(max_response_bytes=MAX_DOWNLOAD_BYTES).call(call, sink=_FileSink(out))
    return final


@contextmanager
def complete_or_nothing(out: IO[bytes] | IO[str], part: Path, final: Path) -> Generator[None]:
    """What is written to ``part`` meanwhile gets its final name when all of it is on the disk, and is removed when anything goes wrong."""
    try:
        yield
        out.flush()
        os.fsync(out.fileno())  # the name must never stand for a file that a power cut has emptied
    except BaseException:  # whatever ended it, a cancellation too: half a file must not stay behind
        out.close()
        part.unlink()
        raise
    out.close()
    part.replace(final)


class _FileSink:
    """Writes a download to an open file; a further attempt begins at its start."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def reset(self) -> None:
        self._out.seek(0)
        self._out.truncate()

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)


async def create_slo(caller: Caller, slo: Slo, run: Run) -> Slo:
    """Create; a lost answer carries a look-up of the SLOs that have the name, created since."""
    try:
        return await caller.call(slo_calls.create_slo(slo))
    except OutcomeUnknown as e:
        since = e.first_sent_at
        e.with_look_up(lambda: run(_slos_named(caller, slo.name, since)))
        raise


async def _slos_named(caller: Caller, name: str, since: datetime) -> tuple[Slo, ...]:
    """SLOs of exactly this name that are not older than the lost request (clocks may differ by a minute)."""
    found: list[Slo] = []
    call: Call[Page[Slo]] | None = slo_calls.list_slos(query=name)
    while call is not None:
        page = await caller.call(call)
        found += page.items
        call = page.next
    newest = since - timedelta(minutes=1)
    return tuple(s for s in found if s.name == name and (s.created_at is None or s.created_at >= newest))


async def create_correction(caller: Caller, call: Call[Correction], run: Run) -> Correction:
    """Create; a lost answer carries a look-up of the corrections created since."""
    try:
        return await caller.call(call)
    except OutcomeUnknown as e:
        since = e.first_sent_at
        e.with_look_up(lambda: run(_corrections_since(caller, since)))
        raise


async def _corrections_since(caller: Caller, since: datetime) -> tuple[Correction, ...]:
    found: list[Correction] = []
    call: Call[Page[Correction]] | None = correction_calls.list_corrections()
    while call is not None:
        page = await caller.call(call)
        found += page.items
        call = page.next
    newest = since - timedelta(minutes=1)
    return tuple(c for c in found if c.created_at is not None and c.created_at >= newest)
