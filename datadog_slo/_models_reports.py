"""Report jobs, and what a bulk deletion did."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from datadog_slo._enums import ErrorTimeframe, ReportStatus
from slo_common._errors import ErrorDetail, PartialFailure
from slo_common._poll import JobHandle
from slo_common._times import from_epoch

_UNKNOWN = datetime.fromtimestamp(0, UTC)


@frozen(kw_only=True)
class ReportJob:
    """A report job that was created. ``created_at`` is this machine's time (UTC), ``site`` the address it was created at."""

    id: str
    type: str = "report_id"
    created_at: datetime = _UNKNOWN
    site: str = ""

    def handle(self) -> str:
        """A JSON text without secrets, with which ``reports.resume`` goes on waiting in another process."""
        handle = JobHandle(vendor="datadog", report_id=self.id, created_at=self.created_at.timestamp(), site=self.site)
        return handle.to_json()

    @classmethod
    def from_handle(cls, handle: str) -> ReportJob:
        """The job of a :meth:`handle`, for ``reports.wait``, ``status`` and ``download``; ``reports.resume`` takes the text itself.

        Raises :class:`~slo_common.InvalidArgument` for any other text. Look at ``site``: only a client of that address knows the job.
        """
        kept = JobHandle.from_json(handle, vendor="datadog")
        return cls(id=kept.report_id, created_at=from_epoch(kept.created_at), site=kept.site)


@frozen(kw_only=True)
class ReportJobStatus:
    """How far a report job is."""

    id: str
    status: ReportStatus
    type: str = "report_id"


@frozen(kw_only=True)
class BulkDeleteError:
    """One SLO, or one of its timeframes, that was not deleted."""

    id: str
    message: str
    timeframe: ErrorTimeframe


@frozen(kw_only=True)
class BulkDeleteResult:
    """What a bulk deletion did; it may be partly done.

    ``deleted``: ids of SLOs that are gone. ``updated``: ids of SLOs that lost at least one timeframe and remain. ``errors``: what was
    not done, with the vendor's reason.
    """

    deleted: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    errors: tuple[BulkDeleteError, ...] = ()

    def raise_for_errors(self) -> None:
        """Raise :class:`~slo_common.PartialFailure`, with this result in its ``result``, if anything was not deleted."""
        if not self.errors:
            return
        details = tuple(ErrorDetail(detail=e.message, parameter=f"{e.id} {e.timeframe}") for e in self.errors)
        shown = "; ".join(str(d) for d in details[:10]) + (f"; and {len(details) - 10} more" if len(details) > 10 else "")
        done = len(self.deleted) + len(self.updated)
        message = f"datadog.slos.bulk_delete: {len(details)} not deleted, {done} done: {shown}"
        raise PartialFailure(message, result=self, status=200, call="datadog.slos.bulk_delete", errors=details)
