"""The resources of the async client: one-line methods over calls and flows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from datadog_slo import _bulk, _flows
from datadog_slo import _calls_reports as calls
from datadog_slo._enums import ReportInterval
from datadog_slo._models_reports import BulkDeleteResult, ReportJob, ReportJobStatus
from datadog_slo._report import SloReport
from slo_common._execute import Caller
from slo_common._poll import PollSchedule
from slo_common._times import Timestamp


class AsyncReports:
    """SLO reports. The vendor ends its report endpoints on 2027-01-25 and takes no new users; the names here stay.

    Datadog API reference, Service Level Objectives: Create a new SLO report, Get SLO report status, Get SLO report.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        query: str,
        from_ts: Timestamp,
        to_ts: Timestamp,
        interval: ReportInterval | str | None = None,
        timezone: str | None = None,
    ) -> ReportJob:
        """Create a report job (POST /api/v2/slo/report) and return it at once; the vendor works on it in the background.

        ``query`` selects SLOs, such as ``slo_type:metric "my service"``. ``from_ts`` and ``to_ts`` are aware datetimes or epoch seconds.
        ``interval`` is ``daily``, ``weekly`` (from Sunday) or ``monthly``, ``timezone`` an IANA name; left out, the vendor decides.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`PermissionDenied`, :class:`OperationGone` once the endpoint is
        closed, :class:`RateLimited`, and :class:`OutcomeUnknown` when the answer was lost (a second try would make a second job).

        >>> job = dd.reports.create(
        ...     query="team:payments", from_ts=1633173071, to_ts=1636629071, interval="monthly"
        ... )  # doctest: +SKIP
        >>> job.id  # doctest: +SKIP
        """
        asked = calls.report_range(query=query, from_ts=from_ts, to_ts=to_ts, interval=interval, timezone=timezone)
        return await _flows.create_report(self._caller, asked)

    async def status(self, report_id: ReportJob | str) -> ReportJobStatus:
        """How far a job is (GET /api/v2/slo/report/{report_id}/status). A status that is not known counts as running.

        Raises :class:`NotFound` for an unknown job, also just after its creation, :class:`BadRequest` for an id that is none,
        :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.reports.status(job.id).status  # doctest: +SKIP
        ReportStatus.COMPLETED
        """
        return await self._caller.call(calls.report_status(report_id))

    async def wait(
        self,
        report_id: ReportJob | str,
        *,
        timeout: float = 900.0,
        on_status: _flows.OnStatus | None = None,
        schedule: PollSchedule | None = None,
    ) -> ReportJobStatus:
        """Ask until the job is over; returns its last status.

        ``timeout`` is in seconds. ``on_status`` gets every answer. ``schedule`` sets the pauses: by default a tenth of the time already
        waited, from 0.5 to 30 s. A 404 just after creation is waited out.

        Raises :class:`ReportFailed` when the job failed, :class:`PollTimeout` (with a handle to resume) when the time is up.

        >>> dd.reports.wait(job, timeout=900, on_status=print)  # doctest: +SKIP
        """
        flow = _flows.wait_for_report(self._caller, report_id, timeout=timeout, on_status=on_status, schedule=schedule)
        return await flow

    async def download(self, report_id: ReportJob | str) -> SloReport:
        """The report of a completed job (GET /api/v2/slo/report/{report_id}/download), also of one completed with errors.

        Raises :class:`NotFound` while there is no file, :class:`DecodeError` for a file that does not fit, naming the line.

        >>> dd.reports.download(job.id).rows[0].sli  # doctest: +SKIP
        """
        return await self._caller.call(calls.download_report(report_id))

    async def download_to(self, report_id: ReportJob | str, path: str | os.PathLike[str]) -> Path:
        """Stream the CSV of a completed job to a file and return its path. The file appears only when it is complete.

        Raises as :meth:`download` does, and OSError when the file cannot be written.

        >>> dd.reports.download_to(job.id, "report.csv")  # doctest: +SKIP
        """
        return await _flows.download_to(self._caller, report_id, path)

    async def run(
        self,
        *,
        query: str,
        from_ts: Timestamp,
        to_ts: Timestamp,
        interval: ReportInterval | str | None = None,
        timezone: str | None = None,
        timeout: float = 900.0,
        on_status: _flows.OnStatus | None = None,
        allow_partial: bool = True,
    ) -> SloReport:
        """Create, wait and download: the arguments of :meth:`create` and :meth:`wait`, the report of :meth:`download`.

        ``allow_partial=False`` raises :class:`ReportPartial` for a job that completed with errors.

        >>> report = dd.reports.run(query="team:payments", from_ts=start, to_ts=end, interval="weekly")  # doctest: +SKIP
        >>> report.to_csv()  # doctest: +SKIP
        """
        asked = calls.report_range(query=query, from_ts=from_ts, to_ts=to_ts, interval=interval, timezone=timezone)
        return await _flows.run_on_server(self._caller, asked, timeout=timeout, on_status=on_status, allow_partial=allow_partial)

    async def resume(
        self, handle: str, *, timeout: float = 900.0, on_status: _flows.OnStatus | None = None, allow_partial: bool = True
    ) -> SloReport:
        """Wait for a job that another process created, by the text of ``job.handle()``, and download its report.

        Raises :class:`InvalidArgument` for a text that is no handle of this site.

        >>> report = dd.reports.resume(handle)  # doctest: +SKIP
        """
        job = _flows.job_of_handle(self._caller, handle)
        return await _flows.finish_report(
            self._caller, job, timeout=timeout, on_status=on_status, schedule=None, allow_partial=allow_partial
        )


class AsyncSlos:
    """Service level objectives. Datadog API reference, Service Level Objectives."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def bulk_delete(self, timeframes: Mapping[str, Sequence[str]]) -> BulkDeleteResult:
        """Delete timeframes of many SLOs (POST /api/v1/slo/bulk_delete); an SLO that loses all of them is deleted.

        ``timeframes`` maps SLO ids to ``7d``, ``30d`` and ``90d``. Large maps are sent in parts. What failed is in the result's
        ``errors``; ``raise_for_errors()`` makes an exception of it. A part whose answer was lost is settled by reading what is left.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`PermissionDenied`, :class:`RateLimited`, and
        :class:`OutcomeUnknown` when not even the reading worked; its ``reconcile()`` gives the :class:`BulkDeleteResult` so far.

        >>> dd.slos.bulk_delete({"id1": ["7d", "30d"], "id2": ["7d"]}).raise_for_errors()  # doctest: +SKIP
        """
        return await _bulk.bulk_delete(self._caller, calls.timeframes_of(timeframes), _bulk.later)
