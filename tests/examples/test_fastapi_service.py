"""The service, with the real FastAPI over an ASGI transport: its answers, and what it makes of the vendors' errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from datadog_slo import AsyncDatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import ClientClosed
from slo_common.sandbox import Fault
from tests.examples.scripts import load

SCRIPT = Path(__file__).parents[2] / "examples" / "fastapi_service.py"
SLA = {"assign_within": 1, "complete_within": 14, "manager_user_id": 7}


@pytest.fixture
def anyio_backend() -> str:
    """The service runs under an asyncio server."""
    return "asyncio"


@pytest.fixture
def service() -> Any:
    return load(SCRIPT)


@asynccontextmanager
async def opened(service: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with service.app.router.lifespan_context(service.app):
        transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            yield http


async def test_the_budgets_of_a_team_come_least_left_first(service: Any) -> None:
    async with opened(service) as http:
        rows = (await http.get("/budgets", params={"team": "discovery"})).json()
    assert {row["name"] for row in rows} == {"Search answers", "Search is fast", "Recommendations answer"}
    assert rows[0]["name"] == "Search answers"
    assert rows[0]["budget_left"] < 0


async def test_the_sli_of_an_sla_has_a_cell_for_each_service_and_period(service: Any) -> None:
    async with opened(service) as http:
        cells = (await http.get("/sli/5", params={"periods": 2})).json()
    assert [cell["serviceid"] for cell in cells] == ["50", "60", "70"] * 2
    assert all(cell["sli"] <= 100 for cell in cells)


async def test_a_follow_up_sla_is_made_sure_of_once(service: Any) -> None:
    async with opened(service) as http:
        first = (await http.put("/follow-up-slas/Security", json=SLA)).json()
        second = (await http.put("/follow-up-slas/Security", json=SLA)).json()
    assert (first["action"], second["action"]) == ("created", "unchanged")
    assert first["id"] == second["id"]


async def test_an_unknown_sla_is_a_404(service: Any) -> None:
    async with opened(service) as http:
        answer = await http.get("/sli/404")
    assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")


async def test_an_argument_that_the_vendor_would_refuse_is_a_422_that_names_it(service: Any) -> None:
    async with opened(service) as http:
        answer = await http.put("/follow-up-slas/Security", json=SLA | {"complete_within": 8})
    assert answer.status_code == 422
    assert "completion_deadline_days" in answer.json()["problems"][0]


async def test_a_rate_limit_says_when_to_come_back(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = DatadogSandbox.demo()
    sandbox.faults.add(Fault.status(429, headers={"x-ratelimit-reset": "30", "x-ratelimit-remaining": "0"}, times=9))
    monkeypatch.setattr(
        service, "open_datadog", lambda: AsyncDatadogSLO("k", "a", retry=service.IMPATIENT, http=sandbox.transport())
    )
    async with opened(service) as http:
        answer = await http.get("/budgets", params={"team": "payments"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


async def test_a_vendor_that_fails_is_a_bad_gateway(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = DatadogSandbox.demo()
    sandbox.faults.add(Fault.status(403))
    monkeypatch.setattr(service, "open_datadog", lambda: AsyncDatadogSLO("k", "a", http=sandbox.transport()))
    async with opened(service) as http:
        answer = await http.get("/budgets", params={"team": "payments"})
    assert (answer.status_code, answer.json()["error"]) == (502, "PermissionDenied")


async def test_the_clients_are_closed_with_the_application(service: Any) -> None:
    async with opened(service):
        clients = service.app.state.clients
    with pytest.raises(ClientClosed):
        await clients.datadog.slos.facets()


def test_it_shows_each_route_when_run_as_a_script() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DD_", "DATADOG_", "ROOTLY_", "ZABBIX_"))}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["GET", "GET", "PUT", "GET"]
