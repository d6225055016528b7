"""Report jobs."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from datadog_slo._enums import ReportStatus
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
        """A JSON text without secrets, with which ``reports.resume`` goes on waiting in another process. Raises nothing.

        >>> ReportJob(id="a", site="https://api.datadoghq.com").handle()
        '{"created_at": 0.0, "report_id": "a", "site": "https://api.datadoghq.com", "v": 1, "vendor": "datadog"}'
        """
        handle = JobHandle(vendor="datadog", report_id=self.id, created_at=self.created_at.timestamp(), site=self.site)
        return handle.to_json()

    @classmethod
    def from_handle(cls, handle: str) -> ReportJob:
        """The job of a :meth:`handle`, for ``reports.wait``, ``status`` and ``download``; ``reports.resume`` takes the text itself.

        Raises :class:`~slo_common.InvalidArgument` for any other text. Look at ``site``: only a client of that address knows the job.

        >>> ReportJob.from_handle(job.handle()).id  # doctest: +SKIP
        """
        kept = JobHandle.from_json(handle, vendor="datadog")
        return cls(id=kept.report_id, created_at=from_epoch(kept.created_at), site=kept.site)


@frozen(kw_only=True)
class ReportJobStatus:
    """How far a report job is."""

    id: str
    status: ReportStatus
    type: str = "report_id"
