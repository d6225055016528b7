"""Our clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bodies
from registry import (
    BATCH,
    BATCH_REAL,
    BATCHED,
    CALL_DATADOG,
    CALL_ROOTLY,
    CALL_ZABBIX,
    GETSLI,
    OURS,
    REPORT,
    REPORT_ID,
    SDK,
    SDK_PLAIN,
    SLA_ID,
    SLA_PAGE,
    SLO_LIST,
    SLO_LIST_LATER,
    TIMEOUT,
    ZABBIX_TOKEN,
    AsyncOperation,
    Operation,
    async_work,
    hide,
    work,
)

if TYPE_CHECKING:
    from datadog_slo import DatadogSLO
    from rootly_sla import RootlySLA
    from zabbix_sla import ZabbixSLA


def datadog(url: str) -> DatadogSLO:
    from datadog_slo import DatadogSLO

    return DatadogSLO("api", "app", base_url=url, timeout=TIMEOUT)


def rootly(url: str) -> RootlySLA:
    from rootly_sla import RootlySLA

    return RootlySLA("token", base_url=url, timeout=TIMEOUT)


def zabbix(url: str) -> ZabbixSLA:
    from zabbix_sla import ZabbixSLA

    return ZabbixSLA(f"{url}/api_jsonrpc.php", token=ZABBIX_TOKEN, timeout=TIMEOUT)


@work(CALL_DATADOG, SDK, home=OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: int(client.reports.status(REPORT_ID).status == "completed")


@work(CALL_ROOTLY, SDK, home=OURS)
def _(url: str) -> Operation:
    client = rootly(url)
    return lambda: int(client.slas.get(SLA_ID).id == SLA_ID)


@work(CALL_ZABBIX, SDK, home=OURS)
def _(url: str) -> Operation:
    client = zabbix(url)
    return lambda: len(client.sla.get())


def slos(client: DatadogSLO, count: int = bodies.SLOS) -> int:
    return sum(1 for _ in client.slos.list(page_size=count))


@work(SLO_LIST, SDK, home=OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: slos(client)


@work(SLO_LIST, SDK_PLAIN, home=OURS)
def _(url: str) -> Operation:
    hide("msgspec")
    client = datadog(url)
    return lambda: slos(client)


@work(SLO_LIST_LATER, SDK, home=OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    slos(client, bodies.FEW_SLOS)
    return lambda: slos(client)


@work(SLO_LIST_LATER, SDK_PLAIN, home=OURS)
def _(url: str) -> Operation:
    hide("msgspec")
    client = datadog(url)
    slos(client, bodies.FEW_SLOS)
    return lambda: slos(client)


@work(REPORT, SDK, home=OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: sum(len(row.sli) for row in client.reports.download(REPORT_ID).rows)


@work(SLA_PAGE, SDK, home=OURS)
def _(url: str) -> Operation:
    client = rootly(url)
    return lambda: sum(1 for _ in client.slas.list())


@work(SLA_PAGE, SDK_PLAIN, home=OURS)
def _(url: str) -> Operation:
    hide("msgspec")
    client = rootly(url)
    return lambda: sum(1 for _ in client.slas.list())


@work(GETSLI, SDK, home=OURS)
def _(url: str) -> Operation:
    client = zabbix(url)
    return lambda: len(client.sla.getsli("5", periods=bodies.PERIODS))


@work(GETSLI, SDK_PLAIN, home=OURS)
def _(url: str) -> Operation:
    hide("msgspec")
    client = zabbix(url)
    return lambda: len(client.sla.getsli("5", periods=bodies.PERIODS))


@async_work(CALL_DATADOG, SDK, home=OURS)
async def _(url: str) -> AsyncOperation:
    from datadog_slo import AsyncDatadogSLO

    client = AsyncDatadogSLO("api", "app", base_url=url, timeout=TIMEOUT)

    async def call() -> int:
        return int((await client.reports.status(REPORT_ID)).status == "completed")

    return call


@async_work(CALL_ROOTLY, SDK, home=OURS)
async def _(url: str) -> AsyncOperation:
    from rootly_sla import AsyncRootlySLA

    client = AsyncRootlySLA("token", base_url=url, timeout=TIMEOUT)

    async def call() -> int:
        return int((await client.slas.get(SLA_ID)).id == SLA_ID)

    return call


@async_work(CALL_ZABBIX, SDK, home=OURS)
async def _(url: str) -> AsyncOperation:
    from zabbix_sla import AsyncZabbixSLA

    client = AsyncZabbixSLA(f"{url}/api_jsonrpc.php", token=ZABBIX_TOKEN, timeout=TIMEOUT)

    async def call() -> int:
        return len(await client.sla.get())

    return call


BY_BATCH, SINGLY = f"{SDK}, one batch", f"{SDK}, 20 single calls"


def batched(client: ZabbixSLA) -> Operation:
    from zabbix_sla import calls

    return lambda: sum(outcome.error is None for outcome in client.batch([calls.sla_get() for _ in range(BATCHED)]))


def singly(client: ZabbixSLA) -> Operation:
    return lambda: sum(len(client.sla.get()) >= 0 for _ in range(BATCHED))


@work(BATCH, BY_BATCH, home=OURS)
def _(url: str) -> Operation:
    return batched(zabbix(url))


@work(BATCH, SINGLY, home=OURS)
def _(url: str) -> Operation:
    return singly(zabbix(url))


def real_zabbix() -> ZabbixSLA:
    """The server that the environment names: ZABBIX_URL, and ZABBIX_USER with ZABBIX_PASSWORD or ZABBIX_TOKEN."""
    from zabbix_sla import ZabbixSLA

    return ZabbixSLA(timeout=TIMEOUT)


@work(BATCH_REAL, BY_BATCH, home=OURS)
def _(_url: str) -> Operation:
    return batched(real_zabbix())


@work(BATCH_REAL, SINGLY, home=OURS)
def _(_url: str) -> Operation:
    return singly(real_zabbix())
