"""Report jobs from their creation to the file: written once, for the sync and the async client."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from attrs import evolve

from datadog_slo import _calls_reports as calls
from datadog_slo._enums import ReportStatus
from datadog_slo._models_reports import ReportJob, ReportJobStatus
from datadog_slo._report import SloReport
from slo_common._errors import InvalidArgument, NotFound, ReportFailed, ReportPartial, ReportUnavailable
from slo_common._execute import MAX_DOWNLOAD_BYTES, Caller
from slo_common._poll import JobHandle, PollSchedule, poll
from slo_common._times import from_epoch

OnStatus = Callable[[ReportJobStatus], object]


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
    if last.status == ReportStatus.COMPLETED_WITH_ERRORS and not allow_partial:
        raise ReportPartial(
            f"datadog.reports.run {last.id!r}: the job ended with errors in some rows, and allow_partial is False",
            report_id=last.id,
            status=last.status.value,
        )
    missing: NotFound
    try:
        return await caller.call(calls.download_report(last.id))
    except NotFound as e:
        missing = e
    raise ReportUnavailable(
        f"datadog.reports.download {last.id!r}: the job is {last.status.value} and its file is not there; reports are not kept for ever",
        report_id=last.id,
    ) from missing


def job_of_handle(caller: Caller, handle: str) -> ReportJob:
    """The job of a handle of this site. Raises :class:`InvalidArgument` for any other text."""
    kept = JobHandle.from_json(handle, vendor="datadog")
    if kept.site not in ("", caller.base_url):
        raise InvalidArgument(f"handle: the job is at {kept.site!r}; allowed: a job of {caller.base_url!r}, where this client asks")
    return ReportJob(id=kept.report_id, created_at=from_epoch(kept.created_at), site=kept.site)


async def download_to(caller: Caller, report: ReportJob | str, path: str | os.PathLike[str]) -> Path:
    """Stream the file beside its place and move it there when it is complete."""
    call = calls.download_report_file(report)
    final = Path(path)
    part = final.with_name(f"{final.name}.part")
    with part.open("wb") as out:
        try:
            sink = _FileSink(out)
            await caller.with_options(max_response_bytes=MAX_DOWNLOAD_BYTES).call(call, sink=sink)
        except BaseException:
            out.close()
            part.unlink()
            raise
    part.replace(final)
    return final


class _FileSink:
    """Writes a download to an open file; a further attempt begins at its start."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def reset(self) -> None:
        self._out.seek(0)
        self._out.truncate()

    def write(self, chunk: bytes) -> None:
        self._out.write(chunk)


async def run_on_server(
    caller: Caller, asked: calls.ReportRange, *, timeout: float, on_status: OnStatus | None, allow_partial: bool
) -> SloReport:
    job = await create_report(caller, asked)
    return await finish_report(caller, job, timeout=timeout, on_status=on_status, schedule=None, allow_partial=allow_partial)
