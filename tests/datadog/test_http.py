"""The documented operations over real HTTP on the loopback interface."""

from __future__ import annotations

from typing import Any

import pytest

import slo_common
from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from slo_common.sandbox import Window
from tests.datadog.drivers import Driver
from tests.datadog.sandbox_requests import metric

ASKED: dict[str, Any] = {
    "query": "*",
    "from_ts": 1633173071,
    "to_ts": 1636629071,
    "interval": "monthly",
    "timezone": "America/New_York",
}


def test_a_report_and_a_deletion_over_http(driver: Driver) -> None:
    sandbox = DatadogSandbox(report_plan=ReportPlan(seconds=0.2), api_key="k", app_key="a")
    slo_id = sandbox.add_slo(metric())
    with sandbox.serve() as server:
        options = {"api_key": "k", "app_key": "a", "base_url": server.url}
        report = driver.run(lambda dd: dd.reports.run(**ASKED), **options)
        result = driver.run(lambda dd: dd.slos.bulk_delete({slo_id: ["30d"]}), **options)
        with pytest.raises(slo_common.PermissionDenied, match="Forbidden"):
            driver.run(lambda dd: dd.slos.list(), **(options | {"app_key": "wrong"}))
    assert ([row.id for row in report.rows], result.deleted) == ([slo_id], (slo_id,))


def test_the_client_engine_keeps_to_the_limit_over_http(driver: Driver) -> None:
    sandbox = DatadogSandbox(limits={"slo_history": Window(limit=6, seconds=1)})
    for n in range(4):
        sandbox.add_slo(metric(f"SLO {n}"))
    with sandbox.serve() as server:
        options = {"api_key": "k", "app_key": "a", "base_url": server.url}
        report = driver.run(lambda dd: dd.reports.run(**ASKED, engine="client", concurrency=4), **options)
    assert (len(report.rows), [e.status for e in sandbox.ledger if e.status == 429]) == (4, [])
