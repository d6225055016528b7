"""The deferrable operator with the real Airflow: its trigger, what survives a retry, and one whole run of the DAG (`make test-airflow`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow.sdk", reason="needs Airflow, which has an environment of its own: make test-airflow")

from airflow.models.trigger import Trigger
from airflow.sdk.exceptions import TaskDeferred

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from slo_common import PermissionDenied
from slo_common.sandbox import Fault, SystemClock
from tests.examples.scripts import load

SCRIPT = Path(__file__).parents[2] / "examples" / "airflow_slo_report.py"
API_KEY, APP_KEY = "an-api-key-of-the-test", "an-app-key-of-the-test"
RANGE = {"from_ts": "2026-10-01T00:00:00+00:00", "to_ts": "2026-11-01T00:00:00+00:00"}


class Store(dict[str, str]):
    """What an operator uses of a task's state store; the run of the DAG has the real one."""

    set = dict[str, str].__setitem__
    delete = dict[str, str].__delitem__


@pytest.fixture(scope="module")
def example() -> Any:
    return load(SCRIPT)


@contextmanager
def connection(sandbox: DatadogSandbox) -> Generator[str]:
    """Of a sandbox that is served, in the form that Airflow reads from its environment."""
    with sandbox.serve() as server:
        extra = {"api_key": API_KEY, "app_key": APP_KEY, "api_host": server.url}
        yield json.dumps({"conn_type": "generic", "extra": extra})


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatadogSandbox]:
    sandbox = DatadogSandbox.demo(clock=SystemClock())
    sandbox.plan_reports(ReportPlan(seconds=1))
    with connection(sandbox) as text:
        monkeypatch.setenv("AIRFLOW_CONN_DATADOG_DEFAULT", text)
        yield sandbox


@pytest.fixture
def operator(example: Any, tmp_path: Path) -> Any:
    return example.SloReportOperator(task_id="payments", query="team:payments", path=str(tmp_path / "report.csv"), **RANGE)


def created(sandbox: DatadogSandbox) -> int:
    return len([line for line in sandbox.applied if line.startswith("reports.create")])


def lines(path: str) -> int:
    """Of a report: its header and three SLOs."""
    return len(Path(path).read_text(encoding="utf-8").splitlines())


def deferred(operator: Any, store: Store) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute({"task_state_store": store})
    return caught.value


async def fired(trigger: Any) -> dict[str, str]:
    (event,) = [event async for event in trigger.run()]
    payload: dict[str, str] = event.payload
    return payload


async def test_it_creates_defers_waits_and_saves(operator: Any, sandbox: DatadogSandbox) -> None:
    waiting = deferred(operator, Store())
    assert waiting.method_name == "save"
    event = await fired(waiting.trigger)
    assert event["outcome"] == "completed"
    assert lines(operator.save({}, event=event)) == 4
    assert created(sandbox) == 1


def test_a_trigger_survives_the_database(operator: Any, sandbox: DatadogSandbox) -> None:
    trigger = deferred(operator, Store()).trigger
    row = Trigger.from_object(trigger)
    assert row.classpath == "airflow_slo_report.SloReportTrigger"
    again = type(trigger)(**row.kwargs)
    assert again.serialize() == trigger.serialize()


def test_what_a_trigger_keeps_holds_no_key(operator: Any, sandbox: DatadogSandbox) -> None:
    kept = json.dumps(deferred(operator, Store()).trigger.serialize())
    assert API_KEY not in kept
    assert APP_KEY not in kept


def test_a_retry_waits_for_the_job_of_the_first_try(operator: Any, sandbox: DatadogSandbox) -> None:
    store = Store()
    first = deferred(operator, store).trigger.handle
    assert deferred(operator, store).trigger.handle == first
    assert created(sandbox) == 1


def test_a_try_that_was_killed_while_it_created_is_followed_by_reading_alone(
    operator: Any, sandbox: DatadogSandbox, example: Any
) -> None:
    assert lines(operator.execute({"task_state_store": Store(job=example.NOBODY_KNOWS)})) == 4
    assert created(sandbox) == 0


def test_a_lost_answer_is_not_asked_for_again(operator: Any, sandbox: DatadogSandbox) -> None:
    sandbox.faults.add(Fault.lost_answer(method="POST"))
    assert lines(operator.execute({"task_state_store": Store()})) == 4
    assert created(sandbox) == 1


def test_a_refused_creation_leaves_nothing_behind(operator: Any, sandbox: DatadogSandbox) -> None:
    store = Store()
    sandbox.faults.add(Fault.status(403, method="POST"))
    with pytest.raises(PermissionDenied):
        operator.execute({"task_state_store": store})
    assert store == {}


async def test_a_job_that_fails_is_replaced_by_reading(operator: Any, sandbox: DatadogSandbox) -> None:
    handle = json.dumps(
        {"v": 1, "vendor": "datadog", "report_id": sandbox.add_report(ReportPlan(seconds=0, ends="failed")), "created_at": 1}
    )
    event = await fired(deferred(operator, Store(job=handle)).trigger)
    assert event["outcome"] == "failed"
    assert lines(operator.save({}, event=event)) == 4


async def test_a_job_that_takes_too_long_ends_the_task_and_keeps_its_handle(operator: Any, sandbox: DatadogSandbox) -> None:
    store = Store(
        job=json.dumps({"v": 1, "vendor": "datadog", "report_id": sandbox.add_report(ReportPlan(seconds=999)), "created_at": 1})
    )
    operator.timeout = 0.2
    event = await fired(deferred(operator, store).trigger)
    assert event["outcome"] == "timeout"
    with pytest.raises(TimeoutError, match="wait on"):
        operator.save({}, event=event)
    assert "job" in store


def test_a_run_of_the_dag_writes_the_report_and_keeps_no_key(airflow_home: Path, tmp_path: Path) -> None:
    sandbox = DatadogSandbox.demo(clock=SystemClock())
    with connection(sandbox) as text:
        environment = {**os.environ, "AIRFLOW_CONN_DATADOG_DEFAULT": text}
        environment.pop("PYTHONSAFEPATH", None)  # the trigger is imported from the script's folder
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
        command = [sys.executable, str(SCRIPT), "--path", str(tmp_path / "report.csv")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert "success: " in done.stdout, done.stdout + done.stderr
    asked = json.loads(next(entry.body for entry in sandbox.ledger if entry.method == "POST"))["data"]["attributes"]
    with DatadogSLO("any", "any", http=sandbox.transport()) as dd:
        assert (tmp_path / "report.csv").read_text() == dd.reports.run(engine="client", **asked).to_csv()
    assert created(sandbox) == 1
    written = b"".join(path.read_bytes() for path in airflow_home.rglob("*") if path.is_file())
    assert b"slo_report" in written
    assert API_KEY.encode() not in written
    assert APP_KEY.encode() not in written
