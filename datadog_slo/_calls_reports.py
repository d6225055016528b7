"""The calls of the report endpoints: pure functions from arguments to a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from datadog_slo._convert import DECODER
from datadog_slo._endpoints import ACCEPT, SENDS, V2, read
from datadog_slo._enums import ReportInterval, ReportStatus
from datadog_slo._models_reports import ReportJob, ReportJobStatus
from datadog_slo._replies import check, json_of, request_id
from slo_common._check import Problems
from slo_common._errors import MalformedResponse, OperationGone, Sent, TruncatedResponse
from slo_common._json import dumps, not_json
from slo_common._times import Timestamp, to_epoch
from slo_common._url import target
from slo_common._values import Call, Reply, Safety

if TYPE_CHECKING:
    from datadog_slo._report import SloReport

T = TypeVar("T")

READS_CSV = ("accept", "text/csv, application/json")
INTERVALS = tuple(ReportInterval)


@frozen(kw_only=True)
class ReportRange:
    """What a report is asked for, checked: epoch seconds and plain strings."""

    query: str
    from_ts: int
    to_ts: int
    interval: str | None
    timezone: str | None


def report_range(
    *, query: str, from_ts: Timestamp, to_ts: Timestamp, interval: ReportInterval | str | None, timezone: str | None
) -> ReportRange:
    """Check what describes a report. Raises :class:`InvalidArgument` with every problem at once."""
    problems = Problems()
    problems.text("query", query)
    times = [problems.time(name, value) for name, value in (("from_ts", from_ts), ("to_ts", to_ts))]
    if all(times) and to_epoch(from_ts) >= to_epoch(to_ts):
        problems.add(f"from_ts: {to_epoch(from_ts)} was given; allowed: a time before to_ts ({to_epoch(to_ts)})")
    if interval is not None:
        problems.one_of("interval", interval, INTERVALS)
    if timezone is not None:
        problems.zone("timezone", timezone)
    problems.raise_if_any()
    return ReportRange(
        query=query,
        from_ts=to_epoch(from_ts),
        to_ts=to_epoch(to_ts),
        interval=None if interval is None else str(interval),
        timezone=timezone,
    )


def create_report(asked: ReportRange) -> Call[ReportJob]:
    """POST /api/v2/slo/report. Sent twice it would make two jobs, so it is never repeated blindly."""
    name = "datadog.reports.create"
    given = (
        ("from_ts", asked.from_ts),
        ("interval", asked.interval),
        ("query", asked.query),
        ("timezone", asked.timezone),
        ("to_ts", asked.to_ts),
    )
    attributes = {key: value for key, value in given if value is not None}

    def decode(reply: Reply) -> ReportJob:
        # There is no object that could be missing: a 404 or 410 means that the endpoint is.
        body = json_of(reply, call=name, subject=asked.query, kind=OperationGone)
        return DECODER.decode(body, _Created, call=name, reply=reply, request_id=request_id(reply)).data

    return Call(
        name=name,
        method="POST",
        target=target("slo", "report", prefix=V2),
        headers=(ACCEPT, SENDS),
        content=dumps({"data": {"attributes": attributes}}),
        safety=Safety.UNSAFE,
        bucket="slo_report_create",
        decode=decode,
        subject=asked.query,
    )


@frozen(kw_only=True)
class _Created:
    data: ReportJob


@frozen(kw_only=True)
class _Attributes:
    status: ReportStatus


@frozen(kw_only=True)
class _StatusData:
    id: str
    attributes: _Attributes
    type: str = "report_id"


@frozen(kw_only=True)
class _Status:
    data: _StatusData


def report_id_of(report: ReportJob | str) -> str:
    """The id of a job, checked."""
    report_id = report.id if isinstance(report, ReportJob) else report
    problems = Problems()
    problems.identifier("report_id", report_id)
    problems.raise_if_any()
    return report_id


def report_status(report: ReportJob | str) -> Call[ReportJobStatus]:
    """GET /api/v2/slo/report/{report_id}/status."""
    name, report_id = "datadog.reports.status", report_id_of(report)

    def decode(reply: Reply) -> ReportJobStatus:
        body = json_of(reply, call=name, subject=report_id)
        data = DECODER.decode(body, _Status, call=name, reply=reply, request_id=request_id(reply)).data
        return ReportJobStatus(id=data.id, type=data.type, status=data.attributes.status)

    return read(name, target("slo", "report", report_id, "status", prefix=V2), "slo_report_status", decode, report_id)


def download_report(report: ReportJob | str) -> Call[SloReport]:
    """GET /api/v2/slo/report/{report_id}/download, read into a report."""
    name, report_id = "datadog.reports.download", report_id_of(report)

    def decode(reply: Reply) -> SloReport:
        _check_csv(reply, name, report_id)
        try:
            text = reply.body.decode("utf-8")
        except UnicodeDecodeError as e:
            reason = f"{name}: the file is not UTF-8 at byte {e.start}"
        else:
            from datadog_slo._report import read_csv  # only those who download load it

            return read_csv(text, call=name)
        raise MalformedResponse(reason, call=name, request_id=request_id(reply), status=reply.status)

    return _download(name, report_id, decode)


def download_report_file(report: ReportJob | str) -> Call[None]:
    """The same, for a sink: the body goes to the caller's file and is not looked at."""
    name, report_id = "datadog.reports.download_to", report_id_of(report)
    return _download(name, report_id, lambda reply: _check_csv(reply, name, report_id))


def _check_csv(reply: Reply, name: str, report_id: str) -> None:
    check(reply, call=name, subject=report_id)
    if reply.content_type in ("text/html", "application/json", "application/vnd.api+json"):
        raise not_json(reply, call=name, request_id=request_id(reply), reason="a CSV was expected")
    if reply.unframed:  # a CSV cut between two lines looks like a whole one
        raise TruncatedResponse(
            f"{name}: the reply has no length and no chunks, so nobody can tell whether the file is whole", sent=Sent.YES
        )


def _download(name: str, report_id: str, decode: Callable[[Reply], T]) -> Call[T]:
    return Call(
        name=name,
        method="GET",
        target=target("slo", "report", report_id, "download", prefix=V2),
        headers=(READS_CSV,),
        content=None,
        safety=Safety.READ,
        bucket="slo_report_download",
        decode=decode,
        subject=report_id,
    )
