"""A small FastAPI service over the async clients: error budgets, SLI and follow-up SLAs for a portal or a bot.

The clients are opened and closed with the application, shared by all requests, and pace themselves for all of them. Errors of the
vendors become answers that a caller can act on. Without credentials each vendor is a sandbox.

    pip install 'slo-sdk' fastapi uvicorn
    uvicorn --app-dir examples fastapi_service:app      # then http://127.0.0.1:8000/docs
    python examples/fastapi_service.py                  # asks each route once and prints the answers
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
from attrs import frozen
from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from datadog_slo import AsyncDatadogSLO
from rootly_sla import AsyncRootlySLA
from slo_common import InvalidArgument, NotFound, RateLimited, RetryPolicy, SloError
from zabbix_sla import AsyncZabbixSLA

# A person waits for the answer: rather refuse with Retry-After than queue for minutes.
IMPATIENT = RetryPolicy(max_queue_wait=5.0, max_rate_limit_wait=5.0)


@frozen
class Clients:
    """The three clients of the application."""

    datadog: AsyncDatadogSLO
    rootly: AsyncRootlySLA
    zabbix: AsyncZabbixSLA


def open_datadog() -> AsyncDatadogSLO:
    if any(os.environ.get(name) for name in ("DD_API_KEY", "DATADOG_API_KEY", "DD_BEARER_TOKEN")):
        return AsyncDatadogSLO(timeout=20, retry=IMPATIENT)
    from datadog_slo.sandbox import DatadogSandbox

    return AsyncDatadogSLO("sandbox", "sandbox", retry=IMPATIENT, http=DatadogSandbox.demo().transport())


def open_rootly() -> AsyncRootlySLA:
    if os.environ.get("ROOTLY_API_TOKEN") or os.environ.get("ROOTLY_API_KEY"):
        return AsyncRootlySLA(timeout=20, retry=IMPATIENT)
    from rootly_sla.sandbox import RootlySandbox

    return AsyncRootlySLA("sandbox", retry=IMPATIENT, http=RootlySandbox.demo().transport())


def open_zabbix() -> AsyncZabbixSLA:
    if os.environ.get("ZABBIX_URL"):
        return AsyncZabbixSLA(timeout=20, retry=IMPATIENT)
    from zabbix_sla.sandbox import ZabbixSandbox

    sandbox = ZabbixSandbox.demo()
    return AsyncZabbixSLA("http://localhost", token=sandbox.token, retry=IMPATIENT, http=sandbox.transport())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """The clients live as long as the application, in its event loop."""
    async with AsyncExitStack() as stack:
        app.state.clients = Clients(
            await stack.enter_async_context(open_datadog()),
            await stack.enter_async_context(open_rootly()),
            await stack.enter_async_context(open_zabbix()),
        )
        yield


def clients(request: Request) -> Clients:
    opened: Clients = request.app.state.clients
    return opened


Opened = Annotated[Clients, Depends(clients)]
app = FastAPI(title="Service levels", lifespan=lifespan)


class Budget(BaseModel):
    """One SLO over the last days. Percent; None where nothing was measured."""

    id: str
    name: str
    target: float | None
    sli: float | None
    budget_left: float | None


class Cell(BaseModel):
    """One service in one period."""

    serviceid: str
    period_from: datetime
    sli: float | None
    seconds_left: float | None


class FollowUpSla(BaseModel):
    """The SLA as it should be. Days."""

    assign_within: int
    complete_within: int
    manager_user_id: int


class Done(BaseModel):
    """What was done about it."""

    id: str
    action: str
    changed: list[str]


@app.get("/budgets")
async def budgets(opened: Opened, team: str, days: Annotated[int, Query(ge=1, le=90)] = 30) -> list[Budget]:
    """The error budgets of a team's Datadog SLOs, least left first."""
    now = datetime.now(UTC)
    slos = [slo async for slo in opened.datadog.slos.list(tags_query=f"team:{team}")]
    asked = (opened.datadog.slos.status(slo.id, from_ts=now - timedelta(days=days), to_ts=now) for slo in slos)
    rows = [
        Budget(id=slo.id, name=slo.name, target=slo.target, sli=status.sli, budget_left=status.error_budget_remaining)
        for slo, status in zip(slos, await asyncio.gather(*asked), strict=True)
    ]
    return sorted(rows, key=lambda row: (row.budget_left is None, row.budget_left))


@app.get("/sli/{slaid}")
async def sli(opened: Opened, slaid: str, periods: Annotated[int, Query(ge=1, le=100)] = 3) -> list[Cell]:
    """The SLI of a Zabbix SLA's services, newest period last."""
    result = await opened.zabbix.sla.getsli(slaid, periods=periods)
    found = await opened.zabbix.sla.get(slaids=[slaid])
    return [
        Cell(
            serviceid=serviceid,
            period_from=period.period_from,
            sli=cell.sli,
            seconds_left=cell.budget_left(found[0].slo) if found else None,
        )
        for period, serviceid, cell in result
    ]


@app.put("/follow-up-slas/{name}")
async def follow_up_sla(opened: Opened, name: str, wanted: FollowUpSla) -> Done:
    """Make sure of a Rootly SLA: created, updated or unchanged. May be called again and by several at once."""
    done = await opened.rootly.slas.ensure(
        name=name,
        manager_user_id=wanted.manager_user_id,
        assignment_deadline_days=wanted.assign_within,
        assignment_deadline_parent_status="resolved",
        completion_deadline_days=wanted.complete_within,
        completion_deadline_parent_status="resolved",
    )
    return Done(id=done.sla.id, action=done.action, changed=list(done.changed))


@app.exception_handler(SloError)
async def answer_for(_request: Request, error: Exception) -> JSONResponse:
    """Our caller's mistakes are 4xx, the vendor's troubles 5xx; a rate limit says when to come back. No message holds a secret."""
    detail = {"error": type(error).__name__, "detail": str(error)}
    match error:
        case InvalidArgument():
            return JSONResponse(detail | {"problems": list(error.problems)}, 422)
        case NotFound():
            return JSONResponse(detail, 404)
        case RateLimited():
            return JSONResponse(detail, 503, headers={"retry-after": str(round(error.retry_after or 60))})
        case _:
            return JSONResponse(detail, 502)


async def ask_each_route() -> None:
    """What the service answers, without a server or a port."""
    async with lifespan(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        wanted = {"assign_within": 1, "complete_within": 14, "manager_user_id": 7}
        for answer in (
            await http.get("/budgets", params={"team": "payments"}),
            await http.get("/sli/5"),
            await http.put("/follow-up-slas/Sev1 follow-ups", json=wanted),
            await http.get("/sli/404"),
        ):
            print(answer.request.method, answer.request.url.path, answer.status_code, answer.text[:200], sep="  ")


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    asyncio.run(ask_each_route())


if __name__ == "__main__":
    main()
