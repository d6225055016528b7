"""The gallery names every example, and shows what each prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT

PAGE = (ROOT / "docs" / "guides" / "gallery.md").read_text(encoding="utf-8")
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.suffix in {".py", ".ipynb"})
SHOWN = re.findall(r"^```console\n\$ python (examples/\S+)(.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
VENDORS = ("DD_", "DATADOG_", "ROOTLY_", "ZABBIX_", "SLO_R", "SLO_O")
ELSEWHERE = {"airflow_slo_report.py"}
"""Needs an environment of its own, where `make test-airflow` runs it."""


def run(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(VENDORS)}
    command = [sys.executable, str(ROOT / script), *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def pattern(shown: str) -> str:
    """``...`` is anything; a line of it alone is any lines, or none."""
    lines = ["(?s:.*?)" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n" for line in shown.splitlines()]
    return "".join(lines)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_its_place_in_the_gallery(name: str) -> None:
    assert f"examples/{name}" in PAGE


@pytest.mark.parametrize(("script", "arguments", "shown"), SHOWN, ids=[script for script, _, _ in SHOWN])
def test_an_example_prints_what_the_gallery_shows(script: str, arguments: str, shown: str, tmp_path: Path) -> None:
    done = run(script, *arguments.split(), folder=tmp_path)
    said = done.stderr + done.stdout  # what is said about the sandbox comes first, on either
    assert re.fullmatch(pattern(shown), said), f"{said}\nis not\n{shown}"


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.endswith(".py") and name not in ELSEWHERE])
def test_an_example_says_what_it_is_for(name: str, tmp_path: Path) -> None:
    done = run(f"examples/{name}", "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name}")
