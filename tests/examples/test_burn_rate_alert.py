"""The alert: what burns, what does not, and the exit code that cron sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from datadog_slo import AsyncDatadogSLO, MonitorSlo, Threshold, Timeframe
from datadog_slo.sandbox import DatadogSandbox, Incident, SliModel
from slo_common.sandbox import Fault, VirtualClock
from tests.examples.scripts import load

SCRIPT = Path(__file__).parents[2] / "examples" / "burn_rate_alert.py"
NOW = 1_790_000_000
HOUR = 3600


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def organisation(*incidents: Incident, data_to: float | None = None) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(NOW))
    body = {"name": "Checkout", "type": "monitor", "monitor_ids": [1], "thresholds": [{"timeframe": "30d", "target": 99.9}]}
    sandbox.add_slo(body, model=SliModel(error_rate=0.0, incidents=incidents, data_to=data_to))
    return sandbox


def alerts(sandbox: DatadogSandbox) -> tuple[list[tuple[str, float]], list[str]]:
    """Level and window of each alert, and what could not be answered."""
    script = load(SCRIPT)

    async def ask() -> tuple[list[tuple[str, float]], list[str]]:
        async with AsyncDatadogSLO("k", "a", http=sandbox.transport()) as dd:
            found, failures, _ = await script.check_all(dd, None, datetime.fromtimestamp(NOW, UTC))
        return [(alert.level, alert.hours) for alert in found], failures

    return anyio.run(ask)


def test_an_incident_that_goes_on_wakes_somebody() -> None:
    assert alerts(organisation(Incident(start=NOW - HOUR, end=NOW + HOUR, lost=0.05))) == ([("wake", 1.0)], [])


def test_an_incident_that_is_over_wakes_nobody() -> None:
    assert alerts(organisation(Incident(start=NOW - HOUR, end=NOW - 1800, lost=0.05)))[0] == []


def test_a_slow_burn_of_half_a_day_wakes_somebody_by_the_longer_windows() -> None:
    assert alerts(organisation(Incident(start=NOW - 12 * HOUR, end=NOW, lost=0.008)))[0] == [("wake", 6.0)]


def test_a_burn_just_above_what_is_allowed_is_to_be_looked_at() -> None:
    assert alerts(organisation(Incident(start=NOW - 80 * HOUR, end=NOW, lost=0.0015)))[0] == [("look", 72.0)]


def test_a_target_of_100_percent_has_no_budget_to_burn() -> None:
    script, sandbox = load(SCRIPT), organisation()
    strict = MonitorSlo(name="Strict", thresholds=(Threshold(timeframe=Timeframe.THIRTY_DAYS, target=100.0),), id="1")

    async def ask() -> float | None:
        async with AsyncDatadogSLO("k", "a", http=sandbox.transport()) as dd:
            rate: float | None = await script.burn_rate(dd, strict, timedelta(hours=1), datetime.fromtimestamp(NOW, UTC))
            return rate

    assert anyio.run(ask) is None
    assert sandbox.ledger == ()


def test_what_was_not_measured_does_not_burn() -> None:
    assert alerts(organisation(data_to=NOW - 100 * HOUR))[0] == []


def test_an_slo_that_cannot_be_asked_is_told_and_hides_no_alert() -> None:
    sandbox = organisation(Incident(start=NOW - HOUR, end=NOW + HOUR, lost=0.05))
    other = {"name": "Search", "type": "monitor", "monitor_ids": [2], "thresholds": [{"timeframe": "30d", "target": 99.9}]}
    broken = sandbox.add_slo(other, model=SliModel(refuses="no such monitor"))
    found, failures = alerts(sandbox)
    assert found == [("wake", 1.0)]
    assert [broken in failure or "Search" in failure for failure in failures] == [True]


@pytest.mark.parametrize(
    ("levels", "failures", "code"),
    [([], [], 0), (["look"], [], 1), (["look", "wake"], ["x"], 2), (["look"], ["x"], 3), ([], ["x"], 3)],
)
def test_the_exit_code_tells_the_most_urgent_thing(levels: list[str], failures: list[str], code: int) -> None:
    script = load(SCRIPT)
    assert script.exit_code([script.Alert(level, "1", "x", 99.9, 2.0, 1.0) for level in levels], failures) == code


def test_it_runs_without_credentials_and_finds_the_burning_slo() -> None:
    done = run()
    assert done.returncode == 2, done.stderr
    assert "WAKE: Basket answers burns its budget" in done.stdout


def test_it_prints_json_for_other_programs() -> None:
    [alert] = json.loads(run("--json").stdout)
    assert (alert["level"], alert["name"], alert["hours"]) == ("wake", "Basket answers", 1.0)


def test_a_team_whose_budgets_last_is_fine() -> None:
    done = run("--query", "team:identity")
    assert (done.returncode, done.stdout) == (0, "0 of 3 SLOs burn too fast\n")


def test_missing_credentials_are_no_all_clear() -> None:
    done = run(DD_API_KEY="only one of two")
    assert done.returncode == 3
    assert "app_key" in done.stderr


def test_a_list_that_cannot_be_read_is_no_all_clear(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = load(SCRIPT)
    sandbox = organisation()
    sandbox.faults.add(Fault.status(403))
    monkeypatch.setattr(script, "client", lambda: AsyncDatadogSLO("k", "a", http=sandbox.transport()))
    assert script.main([]) == 3
    assert "UNKNOWN" in capsys.readouterr().err
