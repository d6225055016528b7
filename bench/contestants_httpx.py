"""httpx alone with json: what a script without any client would do.

httpx no longer brings sniffio, whose failing import httpcore then tries again on each async call; with sniffio (our SDK brings it) the same
script is faster. Both are shown for the async calls; the sync ones never look for it.
"""

from __future__ import annotations

import csv
import json
from typing import Any

import bodies
from registry import (
    BATCH,
    BATCHED,
    CALL_DATADOG,
    CALL_ROOTLY,
    CALL_ZABBIX,
    GETSLI,
    HTTPX,
    HTTPX_SNIFFIO,
    OURS,
    PEERS,
    REPORT,
    REPORT_ID,
    SLA_ID,
    SLA_PAGE,
    SLO_LIST,
    SLO_LIST_LATER,
    TIMEOUT,
    AsyncOperation,
    Operation,
    async_work,
    load,
    work,
)

DATADOG_KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
BEARER = {"Authorization": "Bearer token", "Content-Type": "application/vnd.api+json"}
RPC_SLA_GET = {"jsonrpc": "2.0", "method": "sla.get", "params": {"output": "extend"}, "id": 1}
RPC_GETSLI = {"jsonrpc": "2.0", "method": "sla.getsli", "params": {"slaid": "5", "periods": bodies.PERIODS}, "id": 1}


def raw(url: str, headers: dict[str, str]) -> Any:
    return load("httpx").Client(base_url=url, headers=headers, timeout=TIMEOUT)


@work(CALL_DATADOG, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)
    return lambda: int(
        json.loads(client.get(f"/api/v2/slo/report/{REPORT_ID}/status").content)["data"]["attributes"]["status"] == "completed"
    )


@work(CALL_ROOTLY, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: int(json.loads(client.get(f"/v1/slas/{SLA_ID}").content)["data"]["id"] == SLA_ID)


@work(CALL_ZABBIX, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: len(json.loads(client.post("/api_jsonrpc.php", json=RPC_SLA_GET).content)["result"])


def slos(client: Any, loads: Any, count: int = bodies.SLOS) -> int:
    return len(loads(client.get("/api/v1/slo", params={"limit": count}).content)["data"])


@work(SLO_LIST, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)
    return lambda: slos(client, json.loads)


@work(SLO_LIST, "httpx and orjson", home=PEERS)
def _(url: str) -> Operation:
    client, loads = raw(url, DATADOG_KEYS), load("orjson").loads
    return lambda: slos(client, loads)


@work(SLO_LIST_LATER, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)
    slos(client, json.loads, bodies.FEW_SLOS)
    return lambda: slos(client, json.loads)


@work(SLO_LIST_LATER, "httpx and orjson", home=PEERS)
def _(url: str) -> Operation:
    client, loads = raw(url, DATADOG_KEYS), load("orjson").loads
    slos(client, loads, bodies.FEW_SLOS)
    return lambda: slos(client, loads)


@work(REPORT, "httpx and csv", home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)

    def call() -> int:
        rows = csv.DictReader(client.get(f"/api/v2/slo/report/{REPORT_ID}/download").text.splitlines())
        return sum(1 for row in rows for column, cell in row.items() if column[:2] == "20" and float(cell) > 0)

    return call


@work(SLA_PAGE, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: len(json.loads(client.get("/v1/slas", params={"page[size]": bodies.SLAS}).content)["data"])


@work(GETSLI, HTTPX, home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: sum(len(row) for row in json.loads(client.post("/api_jsonrpc.php", json=RPC_GETSLI).content)["result"]["sli"])


@work(GETSLI, "httpx and orjson", home=PEERS)
def _(url: str) -> Operation:
    client, loads = raw(url, BEARER), load("orjson").loads
    return lambda: sum(len(row) for row in loads(client.post("/api_jsonrpc.php", json=RPC_GETSLI).content)["result"]["sli"])


@async_work(CALL_DATADOG, HTTPX, home=PEERS)
@async_work(CALL_DATADOG, HTTPX_SNIFFIO, home=OURS)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=DATADOG_KEYS, timeout=TIMEOUT)

    async def call() -> int:
        answer = await client.get(f"/api/v2/slo/report/{REPORT_ID}/status")
        return int(json.loads(answer.content)["data"]["attributes"]["status"] == "completed")

    return call


@async_work(CALL_ROOTLY, HTTPX, home=PEERS)
@async_work(CALL_ROOTLY, HTTPX_SNIFFIO, home=OURS)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=BEARER, timeout=TIMEOUT)

    async def call() -> int:
        return int(json.loads((await client.get(f"/v1/slas/{SLA_ID}")).content)["data"]["id"] == SLA_ID)

    return call


@async_work(CALL_ZABBIX, HTTPX, home=PEERS)
@async_work(CALL_ZABBIX, HTTPX_SNIFFIO, home=OURS)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=BEARER, timeout=TIMEOUT)

    async def call() -> int:
        return len(json.loads((await client.post("/api_jsonrpc.php", json=RPC_SLA_GET)).content)["result"])

    return call


@work(BATCH, f"{HTTPX}, 20 single calls", home=PEERS)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: sum("result" in json.loads(client.post("/api_jsonrpc.php", json=RPC_SLA_GET).content) for _ in range(BATCHED))
