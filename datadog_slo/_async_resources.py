"""The resources of the async client: one-line methods over calls and flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from datadog_slo._server_memory import CONCURRENCY, ServerMemory
from slo_common._later import Later
from slo_common._pages import AsyncPaged
from slo_common._unset import UNSET, Unset

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from datadog_slo import _bulk, _flows, _run
    from datadog_slo import _calls_corrections as correction_calls
    from datadog_slo import _calls_deletes as deletes
    from datadog_slo import _calls_reads as reads
    from datadog_slo import _calls_reports as calls
    from datadog_slo import _calls_slos as slo_calls
    from datadog_slo._enums import CorrectionCategory, ReportInterval
    from datadog_slo._models_corrections import Correction
    from datadog_slo._models_deletes import BulkDeleteResult, CanDeleteResult, DeleteResult
    from datadog_slo._models_history import SloHistory
    from datadog_slo._models_reports import ReportJob, ReportJobStatus
    from datadog_slo._models_search import SearchedSlo, SearchFacets
    from datadog_slo._models_slos import Slo
    from datadog_slo._models_status import SloStatus
    from datadog_slo._progress import OnProgress
    from datadog_slo._report import SloReport
    from slo_common._execute import Caller
    from slo_common._poll import PollSchedule
    from slo_common._times import Timestamp
else:
    _bulk = Later("datadog_slo._bulk")
    _flows = Later("datadog_slo._flows")
    _run = Later("datadog_slo._run")
    correction_calls = Later("datadog_slo._calls_corrections")
    deletes = Later("datadog_slo._calls_deletes")
    reads = Later("datadog_slo._calls_reads")
    calls = Later("datadog_slo._calls_reports")
    slo_calls = Later("datadog_slo._calls_slos")


class AsyncReports:
    """SLO reports. The vendor ends its report endpoints on 2027-01-25 and takes no new users; the names here stay.

    Datadog API reference, Service Level Objectives: Create a new SLO report, Get SLO report status, Get SLO report.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._memory = ServerMemory()

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
        engine: Literal["auto", "server", "client"] = "auto",
        timeout: float = 900.0,
        on_status: _flows.OnStatus | None = None,
        allow_partial: bool = True,
        on_progress: OnProgress | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        concurrency: int = CONCURRENCY,
    ) -> SloReport:
        """A report, whichever way there is: ``query``, range, ``interval`` and ``timezone`` as for :meth:`create`.

        ``engine="server"`` creates the vendor's job, waits for it (``timeout`` seconds, ``on_status`` gets every answer) and downloads it;
        ``allow_partial=False`` raises :class:`ReportPartial` for one that completed with errors. ``"client"`` asks for the SLI of each
        SLO and interval by itself (months and UTC unless told otherwise): at most ``concurrency`` calls at once, under the rate limit;
        ``on_progress`` gets a :class:`ReportProgress`; with ``checkpoint``, a file, a killed run goes on where it was. ``"auto"`` is the
        server as long as it is there (not 404, 410 or 403), then the client, with one :class:`ReportEngineWarning`.

        In a report of the client engine a cell without an SLI is None, never 0, and its reason is in the row's ``reasons``; errors of one
        SLO are in its ``export_error``. Unlike the vendor's, it has values for monitor SLOs too, and more than 1,000 rows if need be.

        Raises :class:`InvalidArgument`, :class:`AuthenticationError`, :class:`PermissionDenied`, :class:`RateLimited`,
        :class:`ReportFailed`, :class:`PollTimeout`, and the last error when ten cells in a row fail for want of a server.

        >>> report = dd.reports.run(query="team:payments", from_ts=start, to_ts=end, interval="weekly")  # doctest: +SKIP
        >>> report.to_csv()  # doctest: +SKIP
        """
        asked = calls.report_range(query=query, from_ts=from_ts, to_ts=to_ts, interval=interval, timezone=timezone)
        options = _run.run_options(
            engine_name=engine,
            timeout=timeout,
            on_status=on_status,
            allow_partial=allow_partial,
            on_progress=on_progress,
            checkpoint=checkpoint,
            concurrency=concurrency,
        )
        return await _run.run(self._caller, asked, options, self._memory)

    async def run_to(
        self,
        path: str | os.PathLike[str],
        *,
        query: str,
        from_ts: Timestamp,
        to_ts: Timestamp,
        interval: ReportInterval | str | None = None,
        timezone: str | None = None,
        engine: Literal["auto", "server", "client"] = "auto",
        timeout: float = 900.0,
        on_status: _flows.OnStatus | None = None,
        allow_partial: bool = True,
        on_progress: OnProgress | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        concurrency: int = CONCURRENCY,
    ) -> _run.ReportFile:
        """The same report as a CSV file, for any size: rows are written as they are finished and not kept in memory.

        Arguments as for :meth:`run`. The file appears when it is complete.

        Raises what :meth:`run` raises, and OSError when the file cannot be written.

        >>> dd.reports.run_to("2026.csv", query="*", from_ts=start, to_ts=end, checkpoint="2026.part")  # doctest: +SKIP
        """
        asked = calls.report_range(query=query, from_ts=from_ts, to_ts=to_ts, interval=interval, timezone=timezone)
        options = _run.run_options(
            engine_name=engine,
            timeout=timeout,
            on_status=on_status,
            allow_partial=allow_partial,
            on_progress=on_progress,
            checkpoint=checkpoint,
            concurrency=concurrency,
        )
        return await _run.run_to(self._caller, asked, options, self._memory, path)

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

    def list(
        self,
        *,
        ids: Sequence[str] | None = None,
        query: str | None = None,
        tags_query: str | None = None,
        metrics_query: str | None = None,
        is_deleted: bool = False,
        page_size: int = 1000,
        offset: int = 0,
    ) -> AsyncPaged[Slo]:
        """All SLOs (GET /api/v1/slo), lazily: ``for slo in ...`` gives SLOs, ``.pages()`` pages.

        ``ids``: only these (asked for a hundred at a time). ``query``: part of a name. ``tags_query``: one tag, such as ``env:prod``.
        ``metrics_query``: part of a metric SLO's queries. ``is_deleted``: only those deleted in the last 30 days. ``page_size``: SLOs in one
        request, at most 1000. ``offset``: how many to pass over.

        Raises :class:`InvalidArgument` at once; while iterating :class:`BadRequest`, :class:`PermissionDenied`, :class:`NotFound` (when none
        of the ids is known), :class:`RateLimited`.

        >>> names = [slo.name for slo in dd.slos.list(tags_query="team:payments")]  # doctest: +SKIP
        """
        first = slo_calls.list_slos(
            ids=ids,
            query=query,
            tags_query=tags_query,
            metrics_query=metrics_query,
            is_deleted=is_deleted,
            page_size=page_size,
            offset=offset,
        )
        return AsyncPaged(self._caller.call, first, lambda slo: slo.id)

    async def get(self, slo_id: str, *, with_configured_alert_ids: bool = False) -> Slo:
        """One SLO (GET /api/v1/slo/{slo_id}), as the type of its kind: MetricSlo, MonitorSlo, TimeSliceSlo, or UnknownSlo.

        ``with_configured_alert_ids`` also brings the ids of the monitors that alert on it.

        Raises :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> slo = dd.slos.get("0123456789abcdef0123456789abcdef")  # doctest: +SKIP
        >>> slo.target  # doctest: +SKIP
        99.9
        """
        return await self._caller.call(slo_calls.get_slo(slo_id, with_configured_alert_ids=with_configured_alert_ids))

    async def create(self, slo: Slo) -> Slo:
        """Create an SLO (POST /api/v1/slo) and return it as the vendor stored it.

        Read-only fields of ``slo`` are not sent. Raises :class:`InvalidArgument` for what the vendor would refuse, :class:`BadRequest`,
        :class:`PermissionDenied`, :class:`RateLimited`, and :class:`OutcomeUnknown` when the answer was lost (a second try could make
        a second SLO; its ``reconcile()`` gives the SLOs of that name).

        >>> slo = MetricSlo(
        ...     name="Checkout",
        ...     query=MetricQuery(numerator="sum:ok{*}", denominator="sum:all{*}"),
        ...     thresholds=(Threshold(timeframe=Timeframe.THIRTY_DAYS, target=99.9),),
        ... )  # doctest: +SKIP
        >>> dd.slos.create(slo).id  # doctest: +SKIP
        """
        return await _flows.create_slo(self._caller, slo, _flows.later)

    async def update(self, slo: Slo) -> Slo:
        """Replace an SLO (PUT /api/v1/slo/{slo_id}) and return it as the vendor stored it.

        Meant for read, change, write: ``update(attrs.evolve(get(id), name="..."))``. Fields that this release does not know are sent back.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.slos.update(attrs.evolve(slo, tags=("team:payments",)))  # doctest: +SKIP
        """
        return await self._caller.call(slo_calls.update_slo(slo))

    async def delete(self, slo_id: str, *, force: bool = False) -> DeleteResult:
        """Delete an SLO (DELETE /api/v1/slo/{slo_id}). One that a dashboard shows stays, unless ``force``: the result's ``errors`` say so.

        Call ``raise_for_errors()`` on the result to have a :class:`Conflict` instead.

        Raises :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.slos.delete(slo.id).raise_for_errors()  # doctest: +SKIP
        """
        return await self._caller.call(deletes.delete_slo(slo_id, force=force))

    async def can_delete(self, ids: Sequence[str]) -> CanDeleteResult:
        """Which SLOs nothing refers to (GET /api/v1/slo/can_delete): ``ok`` are free, ``errors`` says what refers to the others.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.slos.can_delete([slo.id]).ok  # doctest: +SKIP
        """
        return await self._caller.call(deletes.can_delete_slos(ids))

    def search(self, query: str = "", *, page_size: int = 100) -> AsyncPaged[SearchedSlo]:
        """SLOs with their last known state (GET /api/v1/slo/search), lazily.

        ``query`` is in the vendor's language: words of the name, ``"a phrase"``, ``slo_type:metric``, ``team:payments``. The index may lag
        behind: a new SLO may be missing. ``page_size``: SLOs in one request.

        Raises :class:`InvalidArgument` at once; while iterating :class:`BadRequest`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> [(slo.name, slo.status.state) for slo in dd.slos.search("team:payments")]  # doctest: +SKIP
        """
        return AsyncPaged(self._caller.call, reads.search_slos(query, page_size=page_size), lambda slo: slo.id)

    async def facets(self, query: str = "") -> SearchFacets:
        """How many SLOs of a search have which tag, type, target and timeframe (GET /api/v1/slo/search with include_facets).

        Raises as :meth:`search` does.

        >>> dd.slos.facets("env:prod").team_tags  # doctest: +SKIP
        """
        return await self._caller.call(reads.search_facets(query))

    async def history(
        self, slo_id: str, *, from_ts: Timestamp, to_ts: Timestamp, target: float | None = None, apply_correction: bool = True
    ) -> SloHistory:
        """The SLI of one SLO over a window, with its course (GET /api/v1/slo/{slo_id}/history).

        ``from_ts`` and ``to_ts`` are aware datetimes or epoch seconds. ``target`` (percent) adds an error budget for a target of your own,
        under ``custom``. ``apply_correction=False`` leaves status corrections out. Without data ``overall.sli_value`` is None and
        ``overall.errors`` says why.

        Raises :class:`InvalidArgument`, :class:`BadRequest` (a window that the vendor refuses), :class:`NotFound`,
        :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.slos.history(slo.id, from_ts=start, to_ts=end).overall.sli_value  # doctest: +SKIP
        99.95
        """
        call = reads.slo_history(slo_id, from_ts=from_ts, to_ts=to_ts, target_percent=target, apply_correction=apply_correction)
        return await self._caller.call(call)

    async def status(self, slo_id: str, *, from_ts: Timestamp, to_ts: Timestamp, disable_corrections: bool = False) -> SloStatus:
        """The SLI and the error budget of one SLO over a window (GET /api/v2/slo/{slo_id}/status, public beta of the vendor's).

        ``disable_corrections=True`` leaves status corrections out.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.slos.status(slo.id, from_ts=start, to_ts=end).error_budget_remaining  # doctest: +SKIP
        """
        call = reads.slo_status(slo_id, from_ts=from_ts, to_ts=to_ts, disable_corrections=disable_corrections)
        return await self._caller.call(call)

    def corrections(self, slo_id: str, *, page_size: int = 10) -> AsyncPaged[Correction]:
        """All corrections that apply to one SLO (GET /api/v1/slo/{slo_id}/corrections), lazily.

        The vendor answers with ten and says nothing of the rest; this asks on until all have come. ``page_size``: in one request.

        Raises :class:`InvalidArgument` at once; while iterating :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> len(list(dd.slos.corrections(slo.id)))  # doctest: +SKIP
        """
        first = correction_calls.corrections_of(slo_id, page_size=page_size)
        return AsyncPaged(self._caller.call, first, lambda correction: correction.id)

    async def bulk_delete(self, timeframes: Mapping[str, Sequence[str]]) -> BulkDeleteResult:
        """Delete timeframes of many SLOs (POST /api/v1/slo/bulk_delete); an SLO that loses all of them is deleted.

        ``timeframes`` maps SLO ids to ``7d``, ``30d`` and ``90d``. Large maps are sent in parts. What failed is in the result's
        ``errors``; ``raise_for_errors()`` makes an exception of it. A part whose answer was lost is settled by reading what is left.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`PermissionDenied`, :class:`RateLimited`, and
        :class:`OutcomeUnknown` when not even the reading worked; its ``reconcile()`` gives the :class:`BulkDeleteResult` so far.

        >>> dd.slos.bulk_delete({"id1": ["7d", "30d"], "id2": ["7d"]}).raise_for_errors()  # doctest: +SKIP
        """
        return await _bulk.bulk_delete(self._caller, deletes.timeframes_of(timeframes), _flows.later)


class AsyncCorrections:
    """Status corrections: time that does not count. Datadog API reference, Service Level Objective Corrections."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, page_size: int = 25, offset: int = 0) -> AsyncPaged[Correction]:
        """All corrections (GET /api/v1/slo/correction), lazily. ``page_size``: in one request. ``offset``: how many to pass over.

        Raises :class:`InvalidArgument` at once; while iterating :class:`PermissionDenied`, :class:`RateLimited`.

        >>> [c.description for c in dd.corrections.list()]  # doctest: +SKIP
        """
        first = correction_calls.list_corrections(page_size=page_size, offset=offset)
        return AsyncPaged(self._caller.call, first, lambda correction: correction.id)

    async def get(self, correction_id: str) -> Correction:
        """One correction (GET /api/v1/slo/correction/{slo_correction_id}).

        Raises :class:`NotFound`, :class:`BadRequest`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.corrections.get(correction.id).end  # doctest: +SKIP
        """
        return await self._caller.call(correction_calls.get_correction(correction_id))

    async def create(
        self,
        *,
        category: CorrectionCategory | str,
        start: Timestamp,
        end: Timestamp | None = None,
        slo_id: str | None = None,
        slo_query: str | None = None,
        description: str | None = None,
        timezone: str | None = None,
        rrule: str | None = None,
        duration: int | None = None,
    ) -> Correction:
        """Create a correction (POST /api/v1/slo/correction).

        Exactly one of ``slo_id`` and ``slo_query`` (tags, such as ``team:payments``). Times are aware datetimes or epoch seconds. Either
        ``end``, or a recurrence: ``rrule`` (iCalendar's FREQ, INTERVAL, COUNT, UNTIL and BYDAY) with ``duration`` in seconds. ``timezone`` is
        the one that the vendor's pages show times in. The vendor allows, for one SLO in 90 days, 100 single ones, 2 daily, 3 weekly and
        5 monthly.

        Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`NotFound` (no such SLO), :class:`PermissionDenied`,
        :class:`RateLimited`, and :class:`OutcomeUnknown` when the answer was lost.

        >>> dd.corrections.create(slo_id=slo.id, category="Deployment", start=begin, end=end)  # doctest: +SKIP
        """
        call = correction_calls.create_correction(
            category=category,
            start=start,
            end=end,
            slo_id=slo_id,
            slo_query=slo_query,
            description=description,
            timezone=timezone,
            rrule=rrule,
            duration=duration,
        )
        return await _flows.create_correction(self._caller, call, _flows.later)

    async def update(
        self,
        correction_id: str,
        *,
        category: CorrectionCategory | str | Unset = UNSET,
        start: Timestamp | Unset = UNSET,
        end: Timestamp | Unset | None = UNSET,
        slo_query: str | Unset = UNSET,
        description: str | Unset = UNSET,
        timezone: str | Unset = UNSET,
        rrule: str | Unset | None = UNSET,
        duration: int | Unset | None = UNSET,
    ) -> Correction:
        """Change a correction (PATCH /api/v1/slo/correction/{slo_correction_id}). What is left out stays; None is sent as null.

        Arguments as for :meth:`create`. Raises :class:`InvalidArgument`, :class:`BadRequest`, :class:`NotFound`,
        :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.corrections.update(correction.id, description="took longer", end=later)  # doctest: +SKIP
        """
        call = correction_calls.update_correction(
            correction_id,
            category=category,
            start=start,
            end=end,
            slo_query=slo_query,
            description=description,
            timezone=timezone,
            rrule=rrule,
            duration=duration,
        )
        return await self._caller.call(call)

    async def delete(self, correction_id: str) -> None:
        """Delete a correction (DELETE /api/v1/slo/correction/{slo_correction_id}).

        Raises :class:`NotFound`, :class:`PermissionDenied`, :class:`RateLimited`.

        >>> dd.corrections.delete(correction.id)  # doctest: +SKIP
        """
        return await self._caller.call(correction_calls.delete_correction(correction_id))
