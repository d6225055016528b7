"""Small calls over a transport that has the answer at hand: what is left is what each layer above the network costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import bodies
from registry import (
    NULL_DATADOG,
    NULL_ROOTLY,
    NULL_ZABBIX,
    OURS,
    REPORT_ID,
    SDK,
    SLA_ID,
    ZABBIX_TOKEN,
    AsyncOperation,
    Operation,
    async_work,
    work,
)

BARE = "httpx.Client"
URL = "https://vendor.test"
STATUS = (f"/api/v2/slo/report/{REPORT_ID}/status", bodies.report_status(), "application/json")
SLA = (f"/v1/slas/{SLA_ID}", bodies.sla_one(), "application/vnd.api+json")
SLAS = ("/api_jsonrpc.php", b'{"jsonrpc":"2.0","result":%b,"id":1}' % bodies.zabbix_sla(), "application/json")
RPC = b'{"jsonrpc":"2.0","method":"sla.get","params":{"output":"extend"},"id":1}'


def null(answer: tuple[str, bytes, str]) -> Any:
    """An httpx transport, sync and async, that gives the same reply to everything, with the headers of a limited API."""
    import httpx

    _, body, content_type = answer
    headers = [
        ("content-type", content_type),
        ("content-length", str(len(body))),
        ("x-ratelimit-limit", "1000000"),
        ("x-ratelimit-period", "60"),
        ("x-ratelimit-remaining", "999999"),
        ("x-ratelimit-reset", "30"),
    ]

    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield body

    class Null(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers=headers, stream=Stream())

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers=headers, stream=Stream())

    return Null()


@work(NULL_DATADOG, SDK, home=OURS)
def _(_url: str) -> Operation:
    from datadog_slo import DatadogSLO

    client = DatadogSLO("api", "app", base_url=URL, http=null(STATUS))
    return lambda: int(client.reports.status(REPORT_ID).status == "completed")


@work(NULL_ROOTLY, SDK, home=OURS)
def _(_url: str) -> Operation:
    from rootly_sla import RootlySLA

    client = RootlySLA("token", base_url=URL, http=null(SLA))
    return lambda: int(client.slas.get(SLA_ID).id == SLA_ID)


@work(NULL_ZABBIX, SDK, home=OURS)
def _(_url: str) -> Operation:
    from zabbix_sla import ZabbixSLA

    client = ZabbixSLA(f"{URL}/api_jsonrpc.php", token=ZABBIX_TOKEN, auth_transport="header", http=null(SLAS))
    return lambda: len(client.sla.get())


@async_work(NULL_DATADOG, SDK, home=OURS)
async def _(_url: str) -> AsyncOperation:
    from datadog_slo import AsyncDatadogSLO

    client = AsyncDatadogSLO("api", "app", base_url=URL, http=null(STATUS))

    async def call() -> int:
        return int((await client.reports.status(REPORT_ID)).status == "completed")

    return call


@async_work(NULL_ROOTLY, SDK, home=OURS)
async def _(_url: str) -> AsyncOperation:
    from rootly_sla import AsyncRootlySLA

    client = AsyncRootlySLA("token", base_url=URL, http=null(SLA))

    async def call() -> int:
        return int((await client.slas.get(SLA_ID)).id == SLA_ID)

    return call


@async_work(NULL_ZABBIX, SDK, home=OURS)
async def _(_url: str) -> AsyncOperation:
    from zabbix_sla import AsyncZabbixSLA

    client = AsyncZabbixSLA(f"{URL}/api_jsonrpc.php", token=ZABBIX_TOKEN, auth_transport="header", http=null(SLAS))

    async def call() -> int:
        return len(await client.sla.get())

    return call


def bare(answer: tuple[str, bytes, str], kind: str) -> Any:
    import httpx

    headers = {"authorization": "Bearer token", "content-type": "application/json"}
    return getattr(httpx, kind)(base_url=URL, headers=headers, transport=null(answer))


@work(NULL_DATADOG, BARE, home=OURS)
def _(_url: str) -> Operation:
    client = bare(STATUS, "Client")
    return lambda: int(len(client.get(STATUS[0]).content) > 0)


@work(NULL_ROOTLY, BARE, home=OURS)
def _(_url: str) -> Operation:
    client = bare(SLA, "Client")
    return lambda: int(len(client.get(SLA[0]).content) > 0)


@work(NULL_ZABBIX, BARE, home=OURS)
def _(_url: str) -> Operation:
    client = bare(SLAS, "Client")
    return lambda: int(len(client.post(SLAS[0], content=RPC).content) > 0)


@async_work(NULL_DATADOG, BARE, home=OURS)
async def _(_url: str) -> AsyncOperation:
    client = bare(STATUS, "AsyncClient")

    async def call() -> int:
        return int(len((await client.get(STATUS[0])).content) > 0)

    return call


@async_work(NULL_ROOTLY, BARE, home=OURS)
async def _(_url: str) -> AsyncOperation:
    client = bare(SLA, "AsyncClient")

    async def call() -> int:
        return int(len((await client.get(SLA[0])).content) > 0)

    return call


@async_work(NULL_ZABBIX, BARE, home=OURS)
async def _(_url: str) -> AsyncOperation:
    client = bare(SLAS, "AsyncClient")

    async def call() -> int:
        return int(len((await client.post(SLAS[0], content=RPC)).content) > 0)

    return call
