"""The dashboard: one page that needs nothing else, with the worst first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.examples.scripts import load
from zabbix_sla.sandbox import ZabbixSandbox

SCRIPT = Path(__file__).parents[2] / "examples" / "error_budget_dashboard.py"


def run(folder: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(folder / "page.html")],
        env={**{k: v for k, v in os.environ.items() if not k.startswith(("DD_", "DATADOG_", "ZABBIX_"))}, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, (folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], str]:
    return run(tmp_path_factory.mktemp("dashboard"))


def test_it_ends_well_without_credentials(made: tuple[subprocess.CompletedProcess[str], str]) -> None:
    assert made[0].returncode == 0, made[0].stderr


def test_the_page_loads_nothing_from_anywhere(made: tuple[subprocess.CompletedProcess[str], str]) -> None:
    assert not re.search(r"https?://|<script|<link|@import|url\(", made[1])


def test_every_slo_and_every_service_has_a_card(made: tuple[subprocess.CompletedProcess[str], str]) -> None:
    names = re.findall(r"<h2>(.*?)</h2>", made[1])
    assert len(names) == 12 + 2 + 2 + 3
    assert "Sessions survive" in names  # a monitor SLO, which the vendor's reports leave empty
    assert "Payments (Core services)" in names


def test_the_worst_budget_stands_first(made: tuple[subprocess.CompletedProcess[str], str]) -> None:
    told = re.findall(r'<p class="left">(\d+) % (left|overspent)</p>', made[1])
    left = [int(number) if word == "left" else -int(number) for number, word in told]
    assert left == sorted(left)
    assert left[0] < 0 < left[-1]


def test_a_vendor_that_fails_does_not_cost_the_page(tmp_path: Path) -> None:
    sandbox = ZabbixSandbox.demo()
    with sandbox.serve() as server:
        done, page = run(tmp_path, ZABBIX_URL=server.url, ZABBIX_TOKEN="0" * 64)
    assert done.returncode == 1
    assert "Zabbix could not be asked" in page
    assert "Checkout availability" in page


def test_what_was_not_measured_stands_last_and_has_a_gap_in_its_line() -> None:
    script = load(SCRIPT)
    measured = script.Budget("Datadog", "A", 99.0, 99.5, 50.0, (99.0, None, 99.5))
    unmeasured = script.Budget("Datadog", "B", 99.0, None, None, (None, None, None))
    page = script.page([unmeasured, measured], [], datetime(2026, 11, 21, tzinfo=UTC))
    assert page.index("<h2>A</h2>") < page.index("<h2>B</h2>")
    assert "<line" not in page
    assert page.count("<circle") == 2


def test_names_cannot_break_out_of_the_page() -> None:
    script = load(SCRIPT)
    page = script.page(
        [script.Budget("Datadog", "<script>x</script>", 99.0, 99.5, 50.0, ())], ["<b>"], datetime(2026, 11, 21, tzinfo=UTC)
    )
    assert "<script>" not in page
    assert "<b>" not in page
