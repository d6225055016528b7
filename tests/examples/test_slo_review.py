"""The main job: it runs as it is, and asks for real where credentials are set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zabbix_sla.sandbox import ZabbixSandbox

SCRIPT = Path(__file__).parents[2] / "examples" / "slo_review.py"


def run(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(tmp_path / "review.html")],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], str]:
    folder = tmp_path_factory.mktemp("review")
    names = ("DD_", "DATADOG_", "ROOTLY_", "ZABBIX_")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(names):
                patch.delenv(name)
        done = run(folder)
    return done, (folder / "review.html").read_text(encoding="utf-8")


def test_it_ends_well_without_credentials(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    assert sandboxed[0].returncode == 0, sandboxed[0].stderr


def test_it_prints_a_table_for_each_vendor_that_measures(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    out = sandboxed[0].stdout
    assert "Datadog (sandbox)" in out
    assert "Checkout availability" in out
    assert "Zabbix (sandbox)" in out
    assert "Payments (Core services)" in out


def test_it_says_what_it_did_about_the_follow_up_sla(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    assert "SLA 'Sev1 follow-ups': updated: completion_deadline_days" in sandboxed[0].stdout


def test_the_page_loads_nothing_from_elsewhere(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    markup = re.sub(r"<script.*?</script>", "", sandboxed[1], flags=re.DOTALL)
    assert "http" not in markup
    assert not re.search(r"<script[^>]+src=", sandboxed[1])


def test_the_page_has_two_charts_a_vendor(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    assert len(re.findall(r"Plotly\.newPlot\(\s*\"", sandboxed[1])) == 4  # the library itself names the function, too


def test_the_page_names_the_services_that_missed_their_target(sandboxed: tuple[subprocess.CompletedProcess[str], str]) -> None:
    missed = re.findall(r"<tr class=missed><td>(.*?)</td>", sandboxed[1])
    assert "Search answers" in missed
    assert "Login works" not in missed


def test_a_vendor_whose_variables_are_set_is_asked_for_real(tmp_path: Path) -> None:
    sandbox = ZabbixSandbox.demo()
    with sandbox.serve() as server:
        done = run(tmp_path, ZABBIX_URL=server.url, ZABBIX_TOKEN=sandbox.token)
    assert done.returncode == 0, done.stderr
    assert "Zabbix (sandbox)" not in done.stdout
    assert len(sandbox.ledger) > 3


def test_a_vendor_that_fails_does_not_cost_the_review_of_the_others(tmp_path: Path) -> None:
    sandbox = ZabbixSandbox.demo()
    with sandbox.serve() as server:
        done = run(tmp_path, ZABBIX_URL=server.url, ZABBIX_TOKEN="0" * 64)
    assert done.returncode == 1
    assert "Zabbix could not be asked" in done.stdout
    assert "Checkout availability" in (tmp_path / "review.html").read_text(encoding="utf-8")
