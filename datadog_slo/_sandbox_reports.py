"""Report jobs of the sandbox: how long they take, how they end, and the CSV they leave."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from datadog_slo._intervals import Interval, cut
from datadog_slo._sandbox_replies import RefusedError, attributes_of, v2_error
from datadog_slo._sandbox_slos import StoredSlo

FINAL = ("completed", "completed_with_errors", "failed")
ROWS_AT_MOST = 1000
COLUMNS = ("id", "slo_type", "name", "target", "export_error")


@frozen(kw_only=True)
class ReportPlan:
    """How one report job runs.

    It shows the statuses of ``on_the_way`` one after another, each for an equal part of ``seconds``, then ``ends`` for ever. Until
    ``visible_after`` seconds have passed its status is a 404, as just after creation. ``errors`` puts a text into the
    ``export_error`` of an SLO's row (and empties its cells); ``csv`` replaces the whole file.

    >>> ReportPlan(seconds=90, on_the_way=("in_progress", "queued_again"), ends="completed_with_errors").status(60)
    'queued_again'
    """

    seconds: float = 3.0
    ends: str = "completed"
    on_the_way: tuple[str, ...] = ("in_progress",)
    visible_after: float = 0.0
    errors: Mapping[str, str] = field(factory=dict[str, str])
    csv: str | None = None

    def status(self, age: float) -> str:
        """The status that a job of this age (in seconds) shows."""
        if age >= self.seconds or not self.on_the_way:
            return self.ends
        return self.on_the_way[int(age / self.seconds * len(self.on_the_way))]


@frozen(kw_only=True)
class Job:
    """One report job: what was asked, when, and its plan."""

    id: str
    created_at: float
    plan: ReportPlan
    query: str
    from_ts: int
    to_ts: int
    interval: str
    timezone: str

    def status(self, now: float) -> str | None:
        """What the job shows now; None while it is not visible yet."""
        age = now - self.created_at
        return None if age < self.plan.visible_after else self.plan.status(age)


def job_of(sent: Any, *, report_id: str, now: float, plan: ReportPlan) -> Job:
    """The job that a create body asks for. The text of the interval's refusal is recorded, the others are guesses."""
    given = attributes_of(sent)
    if given is None:
        raise _invalid("data.attributes is required")
    for name in ("query", "from_ts", "to_ts"):
        if name not in given:
            raise _invalid(f"{name} is required")
    if given["from_ts"] >= given["to_ts"]:
        raise _invalid("from_ts must be before to_ts")
    # The default interval is not documented.
    interval, timezone = given.get("interval", "monthly"), given.get("timezone", "UTC")
    if interval not in ("daily", "weekly", "monthly"):
        raise _invalid(f"{interval} is not a valid interval")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise _invalid(f"{timezone} is not a valid timezone") from None
    return Job(
        id=report_id,
        created_at=now,
        plan=plan,
        query=given["query"],
        from_ts=given["from_ts"],
        to_ts=given["to_ts"],
        interval=interval,
        timezone=timezone,
    )


def _invalid(detail: str) -> RefusedError:
    return RefusedError(v2_error(400, "Invalid Argument", detail))


def columns(job: Job) -> tuple[Interval, ...]:
    """The intervals of the CSV.

    The only recorded file names calendar months by their first day. Whether the vendor shows a last month that is not over is not
    recorded; here every interval that the range touches has its column, cut to the range.
    """
    return cut(job.from_ts, job.to_ts, job.interval, ZoneInfo(job.timezone))


def csv_text(job: Job, slos: Iterable[StoredSlo], sli: Mapping[str, list[float | None]]) -> str:
    """The file: the recorded columns, one row for each SLO, an empty cell where there is no value."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write([*COLUMNS, *(i.label.isoformat() for i in columns(job))])
    for slo in slos:
        error = job.plan.errors.get(slo.id, "")
        cells = ["" if value is None or error else repr(value) for value in sli[slo.id]]
        write([slo.id, slo.doc["type"], slo.doc["name"], repr(slo.target), error, *cells])
    return out.getvalue()
