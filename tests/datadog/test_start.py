"""What a program loads that uses one operation: time to the first answer is import time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SLO = {"id": "a", "name": "n", "type": "metric", "thresholds": [{"timeframe": "7d", "target": 99}]}
PROGRAM = """
import json, sys
import httpx
from datadog_slo import DatadogSLO

answer = json.loads(sys.argv[2])
transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
with DatadogSLO("api", "app", http=transport) as dd:
    exec(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


def loaded(code: str, answer: object) -> set[str]:
    """The modules that a fresh interpreter holds after one call."""
    command = [sys.executable, "-c", PROGRAM, code, json.dumps(answer)]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout))


ONLY_FOR_OTHERS = {
    "asyncio.base_events",
    "cattrs",
    "csv",
    "datadog_slo._models_history",
    "datadog_slo._models_search",
    "datadog_slo._models_corrections",
    "datadog_slo._engine",
    "datadog_slo._wire",
    "msgspec",
    "zoneinfo",
}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("assert dd.slos.get('a').target == 99.0", {"data": SLO, "error": None}),
        ("assert [slo.name for slo in dd.slos.list()] == ['n']", {"data": [SLO]}),
        ("assert dd.reports.status('a').id == 'a'", {"data": {"id": "a", "attributes": {"status": "completed"}}}),
    ],
    ids=["get", "list", "report status"],
)
def test_a_first_call_loads_nothing_that_only_others_need(code: str, answer: object) -> None:
    assert loaded(code, answer) & ONLY_FOR_OTHERS == set()


def test_a_reply_that_does_not_plainly_fit_loads_cattrs_and_is_read() -> None:
    modules = loaded("assert dd.slos.get('a').created_at.year == 1960", {"data": SLO | {"created_at": -300_000_000}})
    assert "cattrs" in modules
