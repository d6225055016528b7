"""What a type checker must say about ``datadog_slo``. Read by mypy and pyright (``make types``), never run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

from datadog_slo import (
    AsyncDatadogSLO,
    BulkDeleteError,
    BulkDeleteResult,
    DatadogSLO,
    ErrorTimeframe,
    ReportInterval,
    ReportJob,
    ReportJobStatus,
    ReportStatus,
    SloReport,
    SloReportRow,
    SloType,
)
from datadog_slo.sandbox import DatadogSandbox
from slo_common import LocalRateLimiter, RetryPolicy, Secret, Timeouts


def a_client_takes_its_settings() -> None:
    with DatadogSLO(
        Secret("k", name="api_key"),
        "a",
        site="datadoghq.eu",
        timeout=Timeouts(total=5),
        retry=RetryPolicy(attempts=1),
        rate_limiter=LocalRateLimiter(),
    ) as dd:
        assert_type(dd, DatadogSLO)
        assert_type(dd.with_options(timeout=1), DatadogSLO)


async def an_async_client_does_too() -> None:
    async with AsyncDatadogSLO("k", "a", bearer_token=None, base_url="http://127.0.0.1:1") as dd:
        assert_type(dd, AsyncDatadogSLO)
        assert_type(dd.with_options(timeout=1), AsyncDatadogSLO)


def show(status: ReportJobStatus) -> None:
    assert_type(status.status, ReportStatus)


def the_seeds_have_their_types(dd: DatadogSLO, start: dt.datetime) -> None:
    job = dd.reports.create(query="*", from_ts=start, to_ts=1636629071, interval="monthly", timezone="America/New_York")
    assert_type(job, ReportJob)
    assert_type(job.id, str)
    assert_type(job.handle(), str)
    assert_type(dd.reports.status(job.id).status, ReportStatus)
    assert_type(dd.reports.wait(job, timeout=900, on_status=show), ReportJobStatus)
    assert_type(dd.reports.wait(job.id, timeout=900, on_status=print), ReportJobStatus)
    assert_type(dd.reports.download(job.id), SloReport)
    assert_type(dd.reports.download_to(job, "report.csv"), Path)
    assert_type(dd.reports.resume(job.handle()), SloReport)
    assert_type(dd.slos.bulk_delete({"id1": ["7d", "30d"], "id2": ["7d"]}), BulkDeleteResult)
    assert_type(dd.reports.run(query="*", from_ts=1.5, to_ts=start, interval=ReportInterval.WEEKLY), SloReport)


async def the_seeds_have_the_same_types_async(dd: AsyncDatadogSLO, start: dt.datetime) -> None:
    job = await dd.reports.create(query="*", from_ts=start, to_ts=1636629071, interval="monthly", timezone="America/New_York")
    assert_type(job, ReportJob)
    assert_type((await dd.reports.status(job.id)).status, ReportStatus)
    assert_type(await dd.reports.wait(job, timeout=900, on_status=show), ReportJobStatus)
    assert_type(await dd.reports.wait(job.id, timeout=900, on_status=print), ReportJobStatus)
    assert_type(await dd.reports.download(job.id), SloReport)
    assert_type(await dd.reports.download_to(job, "report.csv"), Path)
    assert_type(await dd.reports.resume(job.handle()), SloReport)
    assert_type(await dd.slos.bulk_delete({"id1": ["7d", "30d"], "id2": ["7d"]}), BulkDeleteResult)
    assert_type(await dd.reports.run(query="*", from_ts=1.5, to_ts=start, interval=ReportInterval.WEEKLY), SloReport)


def a_report_is_rows_by_interval(report: SloReport) -> None:
    assert_type(report.rows, tuple[SloReportRow, ...])
    assert_type(report.intervals, tuple[dt.date, ...])
    assert_type(report.columns, tuple[str, ...])
    assert_type(report.errors, dict[str, str])
    assert_type(report.to_csv(), str)
    row = report.rows[0]
    assert_type(row.name, str)
    assert_type(row.id, str)
    assert_type(row.slo_type, SloType)
    assert_type(row.target, float | None)
    assert_type(row.export_error, str | None)
    assert_type(row.sli, Mapping[dt.date, float | None])
    assert_type(row.error_budget, dict[dt.date, float | None])


def a_bulk_deletion_is_told_apart(result: BulkDeleteResult) -> None:
    assert_type(result.deleted, tuple[str, ...])
    assert_type(result.updated, tuple[str, ...])
    assert_type(result.errors, tuple[BulkDeleteError, ...])
    assert_type(result.errors[0].timeframe, ErrorTimeframe)


def the_sandbox_is_a_door(sandbox: DatadogSandbox) -> None:
    assert_type(DatadogSandbox.demo(), DatadogSandbox)
    assert_type(DatadogSLO("k", "a", http=sandbox.transport()).reports.download("1"), SloReport)


async def the_sandbox_is_an_async_door(sandbox: DatadogSandbox) -> None:
    assert_type(await AsyncDatadogSLO("k", "a", http=sandbox.transport()).reports.download("1"), SloReport)
