"""A Datadog SLO report in Airflow that holds no worker while it waits: a deferrable operator, its trigger, and a DAG of every month.

The operator creates the report job and defers; the trigger waits for the job with the async client, beside hundreds of others in one
triggerer; then a worker saves the CSV. The database sees the job's handle and the id of a connection, never a key. The job is noted in the
task's state store, so that a retry goes on waiting for it and does not create another.

    airflow connections add datadog_default --conn-type generic --conn-extra '{"api_key": "...", "app_key": "..."}'

Needs Airflow 3.3 or later; put this file where the Dag processor, the workers and the triggerer can import it. To try it without an
account, on an Airflow of its own, where it asks a sandbox:

    export AIRFLOW_HOME=/tmp/airflow AIRFLOW__CORE__DAGS_FOLDER=$PWD/examples
    airflow db migrate && python examples/airflow_slo_report.py [--path report.csv]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from airflow.sdk import DAG, BaseHook, BaseOperator, Context
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent

from datadog_slo import AsyncDatadogSLO, DatadogSLO, ReportJob, SloReport
from slo_common import ApiError, OperationGone, PollTimeout, ReportFailed, ReportUnavailable, Sent, SloError

NOBODY_KNOWS = "asked"
"""Noted before the job is created: while this stands, a job may or may not exist."""


class Account(TypedDict):
    """What a client is opened with."""

    api_key: str
    app_key: str
    base_url: str | None


class Asked(TypedDict):
    """What describes a report to the vendor."""

    query: str
    from_ts: datetime
    to_ts: datetime
    interval: str
    timezone: str


def account(extra: Mapping[str, str]) -> Account:
    """From a connection's extra fields, named as in Airflow's own Datadog connection; ``api_host`` such as https://api.datadoghq.eu."""
    return {"api_key": extra["api_key"], "app_key": extra["app_key"], "base_url": extra.get("api_host")}


class SloReportTrigger(BaseTrigger):
    """Fires when a report job is over, with its handle and its status; ``timeout`` is in seconds."""

    def __init__(self, *, conn_id: str, handle: str, timeout: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.conn_id = conn_id
        self.handle = handle
        self.timeout = timeout

    def serialize(self) -> tuple[str, dict[str, str | float]]:
        kept: dict[str, str | float] = {"conn_id": self.conn_id, "handle": self.handle, "timeout": self.timeout}
        return ("airflow_slo_report.SloReportTrigger", kept)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        connection = await BaseHook.aget_connection(self.conn_id)
        async with AsyncDatadogSLO(**account(await connection.aextra_dejson())) as dd:
            try:
                over = await dd.reports.wait(ReportJob.from_handle(self.handle), timeout=self.timeout)
                outcome = over.status.value
            except PollTimeout:
                outcome = "timeout"
            except (ReportFailed, OperationGone):
                outcome = "failed"
        yield TriggerEvent({"handle": self.handle, "outcome": outcome})  # type: ignore[no-untyped-call]  # Airflow's


class SloReportOperator(BaseOperator):
    """The SLI of all SLOs of a query, by week, as CSV in ``path``.

    ``from_ts`` and ``to_ts`` are ISO 8601 texts, so that they may be templates; ``timeout`` is the number of seconds that the vendor gets
    for its job. Where there is no job, or none that anybody knows of, the same report is built by reading alone.
    """

    template_fields: Collection[str] = ("query", "from_ts", "to_ts", "path")

    def __init__(
        self,
        *,
        query: str,
        from_ts: str,
        to_ts: str,
        path: str,
        conn_id: str = "datadog_default",
        timeout: float = 3600.0,
        **task: Any,
    ) -> None:
        super().__init__(**task)
        self.query = query
        self.from_ts = from_ts
        self.to_ts = to_ts
        self.path = path
        self.conn_id = conn_id
        self.timeout = timeout

    def execute(self, context: Context) -> str:
        kept = context["task_state_store"]
        handle = kept.get("job")
        if handle is None:
            kept.set("job", NOBODY_KNOWS)
            with self._client() as dd:
                try:
                    handle = dd.reports.create(**self._asked()).handle()
                except SloError as e:
                    if _refused(e) and not isinstance(e, OperationGone):
                        kept.delete("job")
                        raise
                    self.log.warning("Built by reading, because the job's creation ended so: %s", e)
                else:
                    kept.set("job", handle)
        if handle is None or handle == NOBODY_KNOWS:
            return self._build()
        trigger = SloReportTrigger(conn_id=self.conn_id, handle=str(handle), timeout=self.timeout)
        # The trigger's own time-out comes first, and says so.
        raise TaskDeferred(trigger=trigger, method_name="save", timeout=timedelta(seconds=self.timeout + 600))

    def save(self, context: Context, event: dict[str, str]) -> str:  # noqa: ARG002 - Airflow's signature
        """Runs when the trigger fired."""
        if event["outcome"] == "timeout":
            raise TimeoutError(
                f"the report job is not over after {self.timeout:g} s; clear this task to wait on: {event['handle']}"
            )
        if event["outcome"] == "failed":
            return self._build()
        with self._client() as dd:
            try:
                report = dd.reports.resume(event["handle"])
            except (ReportFailed, ReportUnavailable, OperationGone):
                return self._build()
        return self._write(report)

    def _build(self) -> str:
        with self._client() as dd:
            return self._write(dd.reports.run(engine="client", **self._asked()))

    def _write(self, report: SloReport) -> str:
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(report.to_csv(), encoding="utf-8")
        part.replace(path)
        self.log.info("%s: %s SLOs", path, len(report.rows))
        return str(path)

    def _client(self) -> DatadogSLO:
        return DatadogSLO(**account(BaseHook.get_connection(self.conn_id).extra_dejson))

    def _asked(self) -> Asked:
        start, end = datetime.fromisoformat(self.from_ts), datetime.fromisoformat(self.to_ts)
        return {"query": self.query, "from_ts": start, "to_ts": end, "interval": "weekly", "timezone": "UTC"}


def _refused(error: SloError) -> bool:
    """Whether the vendor surely made no job: the request never left, or was answered with a no."""
    return error.sent is Sent.NO or (isinstance(error, ApiError) and error.status < 500)


with DAG("slo_report", schedule="@monthly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False) as dag:
    payments = SloReportOperator(
        task_id="payments",
        query="team:payments",
        from_ts="{{ (logical_date or run_after) - macros.timedelta(days=30) }}",
        to_ts="{{ logical_date or run_after }}",
        path="slo_report.csv",
        retries=3,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """One run of the DAG in this process, trigger included."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", default="slo_report.csv")
    options = parser.parse_args(argv)
    payments.path = options.path
    with ExitStack() as stack:
        if "AIRFLOW_CONN_DATADOG_DEFAULT" not in os.environ:
            from datadog_slo.sandbox import DatadogSandbox
            from slo_common.sandbox import SystemClock

            print("No AIRFLOW_CONN_DATADOG_DEFAULT: asking the sandbox.")
            server = stack.enter_context(DatadogSandbox.demo(clock=SystemClock()).serve())
            extra = {"api_key": "sandbox", "app_key": "sandbox", "api_host": server.url}
            os.environ["AIRFLOW_CONN_DATADOG_DEFAULT"] = json.dumps({"conn_type": "generic", "extra": extra})
        run = dag.test()
    print(f"{run.state}: {options.path}")
    return 0 if run.state == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
