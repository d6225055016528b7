"""What a program loads that uses one operation: time to the first answer is import time."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.faults.clients import STATUS
from tests.faults.server import FaultServer, Script, answer, read_request

CLIENTS = {
    "datadog_slo": "DatadogSLO('api', 'app', http=transport)",
    "rootly_sla": "RootlySLA('token', http=transport)",
    "zabbix_sla": "ZabbixSLA('http://127.0.0.1/api_jsonrpc.php', token='t' * 64, http=transport)",
}
PROGRAM = """
import json, sys
import anyio, httpx

before = set(sys.modules)
import {package}

answer = json.loads(sys.argv[1])

def answered(request):
    asks_version = b"apiinfo.version" in request.content
    return httpx.Response(200, json={{"jsonrpc": "2.0", "result": "7.0.22", "id": 1}} if asks_version else answer)

transport = httpx.MockTransport(answered)
with {package}.{client} as client:
    {code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


OVER_SOCKETS = {
    "sync": """
from datadog_slo import DatadogSLO
with DatadogSLO("api", "app", base_url=sys.argv[1]) as client:
    assert client.reports.status("r-1").status == "completed"
""",
    "async": """
import asyncio
from datadog_slo import AsyncDatadogSLO
async def main():
    async with AsyncDatadogSLO("api", "app", base_url=sys.argv[1]) as client:
        assert (await client.reports.status("r-1")).status == "completed"
asyncio.run(main())
""",
}


def loaded(package: str, code: str, replied: object) -> set[str]:
    """The modules that a fresh interpreter loads for one call, beside those of httpx and anyio."""
    program = PROGRAM.format(package=package, client=CLIENTS[package], code=code)
    command = [sys.executable, "-c", program, json.dumps(replied)]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout))


# Nothing that is plainly right needs cattrs, no short reply msgspec, and no sync call threads or an event loop.
FOR_OTHERS = {
    "anyio.lowlevel",
    "anyio.to_thread",
    "asyncio.base_events",
    "slo_common._careful",
    "cattrs",
    "concurrent.futures",
    "csv",
    "msgspec",
    "tenacity",
    "zoneinfo",
}
FOR_OTHERS_OF = {
    "datadog_slo": {"_engine", "_fast", "_listed", "_models_corrections", "_models_history", "_models_search", "_wire"},
    "rootly_sla": {"_changes", "_flows", "_planning"},
    "zabbix_sla": {"_charts", "_report", "_sli_fast", "_tables"},
}
OWN_FOR_OTHERS = {f"{package}.{name}" for package, names in FOR_OTHERS_OF.items() for name in names}
SLO: dict[str, Any] = {"id": "a", "name": "n", "type": "metric", "thresholds": [{"timeframe": "7d", "target": 99}]}
ROOTLY_SLA: dict[str, Any] = {"id": "00000001-0000-4000-8000-000000000000", "type": "slas", "attributes": {"name": "n"}}
ZABBIX_SLA: dict[str, Any] = {
    "slaid": "5",
    "name": "n",
    "period": "2",
    "slo": "99.9995",
    "effective_date": "1672444800",
    "timezone": "UTC",
    "status": "1",
    "description": "",
    "service_tags": [{"tag": "sla", "operator": "0", "value": "a"}],
    "schedule": [],
    "excluded_downtimes": [],
}
SERVICE: dict[str, Any] = {
    "serviceid": "1",
    "name": "n",
    "status": "-1",
    "algorithm": "2",
    "sortorder": "0",
    "weight": "0",
    "propagation_rule": "0",
    "propagation_value": "0",
    "description": "",
    "uuid": "8a",
    "created_at": "1672444800",
    "readonly": False,
    "tags": [{"tag": "team", "value": "a"}],
    "problem_tags": [{"tag": "a", "operator": "2", "value": "b"}],
}
CELL: dict[str, Any] = {"uptime": 86_400, "downtime": 0, "sli": 100, "error_budget": 0, "excluded_downtimes": []}
SLI: dict[str, Any] = {"periods": [{"period_from": 0, "period_to": 86_400}], "serviceids": ["50"], "sli": [[CELL]]}
FIRST_CALLS: dict[str, tuple[str, str, Any]] = {
    "datadog slos.get": ("datadog_slo", "assert client.slos.get('a').target == 99.0", {"data": SLO, "error": None}),
    "datadog slos.list": ("datadog_slo", "assert [slo.name for slo in client.slos.list()] == ['n']", {"data": [SLO]}),
    "datadog reports.status": (
        "datadog_slo",
        "assert client.reports.status('a').id == 'a'",
        {"data": {"id": "a", "attributes": {"status": "completed"}}},
    ),
    "rootly slas.get": ("rootly_sla", f"assert client.slas.get({ROOTLY_SLA['id']!r}).name == 'n'", {"data": ROOTLY_SLA}),
    "rootly slas.list": (
        "rootly_sla",
        "assert [sla.name for sla in client.slas.list()] == ['n']",
        {"data": [ROOTLY_SLA], "links": {"next": None}, "meta": {"total_count": 1, "total_pages": 1}},
    ),
    "zabbix sla.get": (
        "zabbix_sla",
        "assert client.sla.get()[0].slo == 99.9995",
        {"jsonrpc": "2.0", "result": [ZABBIX_SLA], "id": 1},
    ),
    "zabbix service.get": (
        "zabbix_sla",
        "assert client.service.get()[0].tags[0].tag == 'team'",
        {"jsonrpc": "2.0", "result": [SERVICE], "id": 1},
    ),
    "zabbix sla.getsli": (
        "zabbix_sla",
        "assert client.sla.getsli('5')[0, '50'].sli == 100",
        {"jsonrpc": "2.0", "result": SLI, "id": 1},
    ),
}


@pytest.mark.parametrize("name", sorted(OWN_FOR_OTHERS | FOR_OTHERS))
def test_what_only_others_need_is_there(name: str) -> None:
    """A module that was renamed is never loaded, and nothing would be held by its old name."""
    assert importlib.util.find_spec(name) is not None


@pytest.mark.parametrize(("package", "code", "replied"), FIRST_CALLS.values(), ids=FIRST_CALLS)
def test_a_first_call_loads_nothing_that_only_others_need(package: str, code: str, replied: object) -> None:
    assert loaded(package, code, replied) & (OWN_FOR_OTHERS | FOR_OTHERS) == set()


@pytest.mark.parametrize(
    ("code", "replied"),
    [
        ("client.sla.get()", {"jsonrpc": "2.0", "result": [ZABBIX_SLA], "id": 1}),
        ("client.service.get()", {"jsonrpc": "2.0", "result": [SERVICE], "id": 1}),
    ],
)
def test_who_asks_for_no_sli_loads_nothing_of_it(code: str, replied: object) -> None:
    assert loaded("zabbix_sla", code, replied) & {"zabbix_sla._sli", "zabbix_sla._sli_decode"} == set()


def test_who_asks_for_slas_loads_no_services() -> None:
    replied = {"jsonrpc": "2.0", "result": [ZABBIX_SLA], "id": 1}
    assert "zabbix_sla._models_services" not in loaded("zabbix_sla", "client.sla.get()", replied)


@pytest.mark.parametrize(
    ("package", "code", "replied"),
    [
        ("datadog_slo", "assert client.slos.get('a').created_at.year == 1960", {"data": SLO | {"created_at": -300_000_000}}),
        (
            "rootly_sla",
            f"assert client.slas.get({ROOTLY_SLA['id']!r}).position is None",
            {"data": ROOTLY_SLA, "errors": []},
        ),
        (
            "zabbix_sla",
            "assert client.sla.get()[0].period == '2'",
            {"jsonrpc": "2.0", "result": [ZABBIX_SLA | {"period": 2}], "id": 1},
        ),
    ],
    ids=CLIENTS,
)
def test_a_reply_that_does_not_plainly_fit_loads_cattrs_and_is_read(package: str, code: str, replied: object) -> None:
    assert "cattrs" in loaded(package, code, replied)


@pytest.mark.parametrize("code", OVER_SOCKETS.values(), ids=OVER_SOCKETS)
def test_a_first_answer_over_a_connection_of_ours_loads_no_other_library_for_it(code: str) -> None:
    """httpx and httpcore each take longer than all of a client, and load trio where that is installed."""
    command = [sys.executable, "-c", f"import json, sys{code}print(json.dumps(sorted(sys.modules)))"]
    with FaultServer(Script(read_request(), answer(200, STATUS))) as server:
        found = subprocess.run([*command, server.url], capture_output=True, text=True, check=True, timeout=60).stdout
    assert {"httpx", "httpcore", "h11", "trio"} & set(json.loads(found)) == set()
