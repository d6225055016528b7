"""The example runs as it is, and fills a file that other tools read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from slo_common.sandbox import VirtualClock
from zabbix_sla.sandbox import ZabbixSandbox

SCRIPT = Path(__file__).parents[2] / "examples" / "zabbix_sli_to_parquet.py"


def run(output: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(output), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_credentials_it_writes_a_year_of_the_sandbox(tmp_path: Path) -> None:
    done = run(tmp_path / "sli.parquet")
    assert done.returncode == 0, done.stderr
    assert "Core services: 13 periods x 3 services" in done.stdout
    table = pl.read_parquet(tmp_path / "sli.parquet")
    assert table.height == 39
    assert set(table["serviceid"].to_list()) == {"50", "60", "70"}
    assert sum(table["downtime"].to_list()) > 0


def test_with_a_server_set_it_asks_that(tmp_path: Path) -> None:
    sandbox = ZabbixSandbox.demo()
    with sandbox.serve() as server:
        done = run(tmp_path / "sli.parquet", "--sla", "1", "--days", "3", ZABBIX_URL=server.url, ZABBIX_TOKEN=sandbox.token)
    assert done.returncode == 0, done.stderr
    assert set(pl.read_parquet(tmp_path / "sli.parquet")["serviceid"].to_list()) == {"1", "4"}
    assert len(sandbox.ledger) > 3


def test_a_failure_is_told_in_one_line(tmp_path: Path) -> None:
    with ZabbixSandbox(clock=VirtualClock()).serve() as server:
        done = run(tmp_path / "sli.parquet", ZABBIX_URL=server.url, ZABBIX_TOKEN="0" * 64)
    assert done.returncode == 1
    assert "Not authorized" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sli.parquet").exists()
