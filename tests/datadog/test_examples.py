"""The Datadog examples run as they are: without credentials, against the embedded sandbox."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


@pytest.mark.parametrize("engine", ["auto", "client"])
def test_monthly_report_writes_a_csv_and_a_chart(engine: str, tmp_path: Path) -> None:
    done = _run("datadog_monthly_report.py", "--months", "3", "--timezone", "Europe/Paris", "--engine", engine, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "datadog_report.csv").read_text().splitlines()
    assert (len(lines), lines[0].count(",")) == (13, 7)
    assert "Checkout availability" in (tmp_path / "datadog_report.html").read_text()
    assert "12 SLOs, 3 months" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["datadog_report.csv", "datadog_report.html"]


def test_monthly_report_shows_the_client_s_progress(tmp_path: Path) -> None:
    done = _run("datadog_monthly_report.py", "--months", "2", "--engine", "client", folder=tmp_path)
    assert "24 of 24 values" in done.stderr


def test_bulk_clean_up_is_a_dry_run_unless_told_otherwise(tmp_path: Path) -> None:
    done = _run("datadog_bulk_cleanup.py", "--timeframe", "90d", "--tag", "team:payments", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Dry run: 3 SLOs would change." in done.stdout


def test_bulk_clean_up_does_it_when_told_to(tmp_path: Path) -> None:
    done = _run("datadog_bulk_cleanup.py", "--timeframe", "90d", "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Done: 12 SLOs lost 90d, 0 were deleted." in done.stdout


def test_bulk_clean_up_without_a_match_has_nothing_to_do(tmp_path: Path) -> None:
    done = _run("datadog_bulk_cleanup.py", "--tag", "team:nobody", "--apply", "--whole", folder=tmp_path)
    assert (done.returncode, "Nothing to do." in done.stdout) == (0, True)


def test_maintenance_corrects_each_slo_of_the_team(tmp_path: Path) -> None:
    done = _run("datadog_maintenance_correction.py", "--tag", "team:discovery", "--hours", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 corrections of 2 hours" in done.stdout
    assert done.stdout.count(" -> ") == 3


def test_maintenance_refuses_a_start_without_an_offset(tmp_path: Path) -> None:
    done = _run("datadog_maintenance_correction.py", "--start", "2026-11-09T08:00", folder=tmp_path)
    assert (done.returncode, "naive datetime" in done.stderr) == (1, True)
