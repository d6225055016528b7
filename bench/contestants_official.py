"""The official clients, and pyzabbix."""

from __future__ import annotations

import csv
from typing import Any

import bodies
from registry import (
    BATCH,
    BATCH_REAL,
    BATCHED,
    CALL_DATADOG,
    CALL_ROOTLY,
    CALL_ZABBIX,
    GETSLI,
    PEERS,
    REPORT,
    REPORT_ID,
    SLA_ID,
    SLA_PAGE,
    SLO_LIST,
    SLO_LIST_LATER,
    TIMEOUT,
    ZABBIX_TOKEN,
    AsyncOperation,
    Operation,
    async_work,
    load,
    work,
)

# datadog-api-client.

DATADOG_OFFICIAL = "datadog-api-client"


def datadog_configuration(url: str) -> Any:
    configuration = load("datadog_api_client").Configuration(host=url)
    configuration.api_key = {"apiKeyAuth": "api", "appKeyAuth": "app"}
    configuration.unstable_operations["get_slo_report_job_status"] = True
    return configuration


@work(CALL_DATADOG, DATADOG_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    api = load("datadog_api_client.v2.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").ApiClient(datadog_configuration(url))
    )
    return lambda: int(str(api.get_slo_report_job_status(REPORT_ID).data.attributes.status) == "completed")


def datadog_slos(url: str) -> Any:
    return load("datadog_api_client.v1.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").ApiClient(datadog_configuration(url))
    )


@work(SLO_LIST, DATADOG_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    api = datadog_slos(url)
    return lambda: len(api.list_slos(limit=bodies.SLOS).data)


@work(SLO_LIST_LATER, DATADOG_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    api = datadog_slos(url)
    api.list_slos(limit=bodies.FEW_SLOS)
    return lambda: len(api.list_slos(limit=bodies.SLOS).data)


@work(REPORT, f"{DATADOG_OFFICIAL} and csv", home=PEERS)
def _(url: str) -> Operation:
    configuration = datadog_configuration(url)
    configuration.unstable_operations["get_slo_report"] = True
    api = load("datadog_api_client.v2.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").ApiClient(configuration)
    )

    def call() -> int:
        rows = csv.DictReader(api.get_slo_report(REPORT_ID).splitlines())  # the official client hands out the text
        return sum(1 for row in rows for column, cell in row.items() if column[:2] == "20" and float(cell) > 0)

    return call


@async_work(CALL_DATADOG, DATADOG_OFFICIAL, home=PEERS)
async def _(url: str) -> AsyncOperation:
    api = load("datadog_api_client.v2.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").AsyncApiClient(datadog_configuration(url))
    )

    async def call() -> int:
        return int(str((await api.get_slo_report_job_status(REPORT_ID)).data.attributes.status) == "completed")

    return call


# rootly.

ROOTLY_OFFICIAL = "rootly"


def rootly_client(url: str) -> Any:
    return load("rootly_sdk").AuthenticatedClient(base_url=url, token="token", timeout=load("httpx").Timeout(TIMEOUT))


@work(CALL_ROOTLY, ROOTLY_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    client, get = rootly_client(url), load("rootly_sdk.api.sl_as.get_sla").sync
    return lambda: int(str(get(SLA_ID, client=client).data.id) == SLA_ID)


@work(SLA_PAGE, ROOTLY_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    client, page = rootly_client(url), load("rootly_sdk.api.sl_as.list_sl_as").sync
    return lambda: len(page(client=client, pagesize=bodies.SLAS).data)


@async_work(CALL_ROOTLY, ROOTLY_OFFICIAL, home=PEERS)
async def _(url: str) -> AsyncOperation:
    client, get = rootly_client(url), load("rootly_sdk.api.sl_as.get_sla").asyncio

    async def call() -> int:
        return int(str((await get(SLA_ID, client=client)).data.id) == SLA_ID)

    return call


# zabbix_utils and pyzabbix.

ZABBIX_OFFICIAL, PYZABBIX = "zabbix_utils", "pyzabbix"


def zabbix_utils(url: str) -> Any:
    return load("zabbix_utils").ZabbixAPI(url=url, token=ZABBIX_TOKEN, skip_version_check=True, timeout=int(TIMEOUT))


def pyzabbix(url: str) -> Any:
    api = load("pyzabbix").ZabbixAPI(url, timeout=TIMEOUT, detect_version=True)
    api.login(api_token=ZABBIX_TOKEN)
    return api


@work(CALL_ZABBIX, ZABBIX_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    api = zabbix_utils(url)
    return lambda: len(api.sla.get(output="extend"))


@work(GETSLI, ZABBIX_OFFICIAL, home=PEERS)
def _(url: str) -> Operation:
    api = zabbix_utils(url)
    return lambda: sum(len(row) for row in api.sla.getsli(slaid="5", periods=bodies.PERIODS)["sli"])


@work(CALL_ZABBIX, PYZABBIX, home=PEERS)
def _(url: str) -> Operation:
    api = pyzabbix(url)
    return lambda: len(api.sla.get(output="extend"))


@work(GETSLI, PYZABBIX, home=PEERS)
def _(url: str) -> Operation:
    api = pyzabbix(url)
    return lambda: sum(len(row) for row in api.sla.getsli(slaid="5", periods=bodies.PERIODS)["sli"])


@async_work(CALL_ZABBIX, ZABBIX_OFFICIAL, home=PEERS)
async def _(url: str) -> AsyncOperation:
    api = load("zabbix_utils").AsyncZabbixAPI(url=url, skip_version_check=True, timeout=int(TIMEOUT))
    await api.login(token=ZABBIX_TOKEN)

    async def call() -> int:
        return len(await api.sla.get(output="extend"))

    return call


def one_by_one(api: Any) -> Operation:
    return lambda: sum(isinstance(api.sla.get(output="extend"), list) for _ in range(BATCHED))


@work(BATCH, f"{ZABBIX_OFFICIAL}, 20 single calls", home=PEERS)
def _(url: str) -> Operation:
    return one_by_one(zabbix_utils(url))


@work(BATCH_REAL, f"{ZABBIX_OFFICIAL}, 20 single calls", home=PEERS)
def _(_url: str) -> Operation:
    return one_by_one(load("zabbix_utils").ZabbixAPI(timeout=int(TIMEOUT)))  # takes ZABBIX_URL and the rest from the environment
