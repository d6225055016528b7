"""The work items of the bench and who does them.

A work item is a function that gets the server's URL and returns an operation: called (or awaited) once it does the work once and
returns a number that proves it, equal for every contestant. Official clients are imported inside, so that each process holds one.
"""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

import bodies

if TYPE_CHECKING:
    from datadog_slo import DatadogSLO
    from rootly_sla import RootlySLA
    from zabbix_sla import ZabbixSLA

Operation = Callable[[], int]
AsyncOperation = Callable[[], Awaitable[int]]

OURS = "slo-sdk"
OURS_PLAIN = "slo-sdk without msgspec"
REPORT_ID = "9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f"
SLA_ID = "00000001-0000-4000-8000-000000000000"
REPORT = "report of 300 SLOs by 12 months (0.06 MB)"
SLO_LIST, SLA_PAGE, GETSLI = "1,000 SLOs (0.8 MB)", "page of 100 SLAs (0.14 MB)", "sla.getsli (5 MB)"
CALL_DATADOG, CALL_ROOTLY, CALL_ZABBIX = "small call, Datadog", "small call, Rootly", "small call, Zabbix"
EXPECTED = {
    SLO_LIST: bodies.SLOS,
    SLA_PAGE: bodies.SLAS,
    GETSLI: bodies.PERIODS * bodies.SERVICES,
    REPORT: bodies.REPORT_SLOS * bodies.REPORT_MONTHS,
    CALL_DATADOG: 1,
    CALL_ROOTLY: 1,
    CALL_ZABBIX: 1,
}
# None of the servers here is slow; a time-out would only hide a queue that is.
TIMEOUT = 120.0


@frozen
class Contestant:
    """One client that does one work item."""

    work: str
    client: str
    make: Callable[[str], Any]
    asynchronous: bool

    @property
    def key(self) -> str:
        return f"{self.work}|{self.client}|{'async' if self.asynchronous else 'sync'}"


CONTESTANTS: dict[str, Contestant] = {}


def work(name: str, client: str) -> Callable[[Callable[[str], Operation]], Callable[[str], Operation]]:
    """Register a sync contestant."""

    def register(make: Callable[[str], Operation]) -> Callable[[str], Operation]:
        contestant = Contestant(name, client, make, asynchronous=False)
        CONTESTANTS[contestant.key] = contestant
        return make

    return register


def async_work(
    name: str, client: str
) -> Callable[[Callable[[str], Awaitable[AsyncOperation]]], Callable[[str], Awaitable[AsyncOperation]]]:
    """Register an async contestant; its factory runs inside the event loop."""

    def register(make: Callable[[str], Awaitable[AsyncOperation]]) -> Callable[[str], Awaitable[AsyncOperation]]:
        contestant = Contestant(name, client, make, asynchronous=True)
        CONTESTANTS[contestant.key] = contestant
        return make

    return register


def hide(module: str) -> None:
    """Make an optional dependency look absent in this process."""
    sys.modules[module] = None  # type: ignore[assignment]  # the documented way to make an import fail


def load(module: str) -> Any:
    """An official client: it has no types here, and its import belongs to the process that uses it."""
    return importlib.import_module(module)


# Our clients.


def datadog(url: str) -> DatadogSLO:
    from datadog_slo import DatadogSLO

    return DatadogSLO("api", "app", base_url=url, timeout=TIMEOUT)


def rootly(url: str) -> RootlySLA:
    from rootly_sla import RootlySLA

    return RootlySLA("token", base_url=url, timeout=TIMEOUT)


def zabbix(url: str) -> ZabbixSLA:
    from zabbix_sla import ZabbixSLA

    return ZabbixSLA(f"{url}/api_jsonrpc.php", token="t" * 64, timeout=TIMEOUT)


@work(CALL_DATADOG, OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: int(client.reports.status(REPORT_ID).status == "completed")


@work(CALL_ROOTLY, OURS)
def _(url: str) -> Operation:
    client = rootly(url)
    return lambda: int(client.slas.get(SLA_ID).id == SLA_ID)


@work(CALL_ZABBIX, OURS)
def _(url: str) -> Operation:
    client = zabbix(url)
    return lambda: len(client.sla.get())


@work(SLO_LIST, OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: sum(1 for _ in client.slos.list(page_size=bodies.SLOS))


@work(SLO_LIST, OURS_PLAIN)
def _(url: str) -> Operation:
    hide("msgspec")
    client = datadog(url)
    return lambda: sum(1 for _ in client.slos.list(page_size=bodies.SLOS))


@work(REPORT, OURS)
def _(url: str) -> Operation:
    client = datadog(url)
    return lambda: sum(len(row.sli) for row in client.reports.download(REPORT_ID).rows)


@work(SLA_PAGE, OURS)
def _(url: str) -> Operation:
    client = rootly(url)
    return lambda: sum(1 for _ in client.slas.list())


@work(SLA_PAGE, OURS_PLAIN)
def _(url: str) -> Operation:
    hide("msgspec")
    client = rootly(url)
    return lambda: sum(1 for _ in client.slas.list())


@work(GETSLI, OURS)
def _(url: str) -> Operation:
    client = zabbix(url)
    return lambda: len(client.sla.getsli("5", periods=bodies.PERIODS))


@work(GETSLI, OURS_PLAIN)
def _(url: str) -> Operation:
    hide("msgspec")
    client = zabbix(url)
    return lambda: len(client.sla.getsli("5", periods=bodies.PERIODS))


@async_work(CALL_DATADOG, OURS)
async def _(url: str) -> AsyncOperation:
    from datadog_slo import AsyncDatadogSLO

    client = AsyncDatadogSLO("api", "app", base_url=url, timeout=TIMEOUT)

    async def call() -> int:
        return int((await client.reports.status(REPORT_ID)).status == "completed")

    return call


@async_work(CALL_ROOTLY, OURS)
async def _(url: str) -> AsyncOperation:
    from rootly_sla import AsyncRootlySLA

    client = AsyncRootlySLA("token", base_url=url, timeout=TIMEOUT)

    async def call() -> int:
        return int((await client.slas.get(SLA_ID)).id == SLA_ID)

    return call


@async_work(CALL_ZABBIX, OURS)
async def _(url: str) -> AsyncOperation:
    from zabbix_sla import AsyncZabbixSLA

    client = AsyncZabbixSLA(f"{url}/api_jsonrpc.php", token="t" * 64, timeout=TIMEOUT)

    async def call() -> int:
        return len(await client.sla.get())

    return call


# httpx alone with json: what a script without any client would do.

DATADOG_KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
BEARER = {"Authorization": "Bearer token", "Content-Type": "application/vnd.api+json"}
RPC_SLA_GET = {"jsonrpc": "2.0", "method": "sla.get", "params": {"output": "extend"}, "id": 1}
RPC_GETSLI = {"jsonrpc": "2.0", "method": "sla.getsli", "params": {"slaid": "5", "periods": bodies.PERIODS}, "id": 1}
RAW = "httpx and json"


def raw(url: str, headers: dict[str, str]) -> Any:
    return load("httpx").Client(base_url=url, headers=headers, timeout=TIMEOUT)


@work(CALL_DATADOG, RAW)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)
    return lambda: int(
        json.loads(client.get(f"/api/v2/slo/report/{REPORT_ID}/status").content)["data"]["attributes"]["status"] == "completed"
    )


@work(CALL_ROOTLY, RAW)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: int(json.loads(client.get(f"/v1/slas/{SLA_ID}").content)["data"]["id"] == SLA_ID)


@work(CALL_ZABBIX, RAW)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: len(json.loads(client.post("/api_jsonrpc.php", json=RPC_SLA_GET).content)["result"])


@work(SLO_LIST, RAW)
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)
    return lambda: len(json.loads(client.get("/api/v1/slo", params={"limit": bodies.SLOS}).content)["data"])


@work(SLO_LIST, "httpx and orjson")
def _(url: str) -> Operation:
    client, loads = raw(url, DATADOG_KEYS), load("orjson").loads
    return lambda: len(loads(client.get("/api/v1/slo", params={"limit": bodies.SLOS}).content)["data"])


@work(REPORT, "httpx and csv")
def _(url: str) -> Operation:
    client = raw(url, DATADOG_KEYS)

    def call() -> int:
        rows = csv.DictReader(client.get(f"/api/v2/slo/report/{REPORT_ID}/download").text.splitlines())
        return sum(1 for row in rows for column, cell in row.items() if column[:2] == "20" and float(cell) > 0)

    return call


@work(SLA_PAGE, RAW)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: len(json.loads(client.get("/v1/slas", params={"page[size]": bodies.SLAS}).content)["data"])


@work(GETSLI, RAW)
def _(url: str) -> Operation:
    client = raw(url, BEARER)
    return lambda: sum(len(row) for row in json.loads(client.post("/api_jsonrpc.php", json=RPC_GETSLI).content)["result"]["sli"])


@work(GETSLI, "httpx and orjson")
def _(url: str) -> Operation:
    client, loads = raw(url, BEARER), load("orjson").loads
    return lambda: sum(len(row) for row in loads(client.post("/api_jsonrpc.php", json=RPC_GETSLI).content)["result"]["sli"])


@async_work(CALL_DATADOG, RAW)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=DATADOG_KEYS, timeout=TIMEOUT)

    async def call() -> int:
        answer = await client.get(f"/api/v2/slo/report/{REPORT_ID}/status")
        return int(json.loads(answer.content)["data"]["attributes"]["status"] == "completed")

    return call


@async_work(CALL_ROOTLY, RAW)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=BEARER, timeout=TIMEOUT)

    async def call() -> int:
        return int(json.loads((await client.get(f"/v1/slas/{SLA_ID}")).content)["data"]["id"] == SLA_ID)

    return call


@async_work(CALL_ZABBIX, RAW)
async def _(url: str) -> AsyncOperation:
    client = load("httpx").AsyncClient(base_url=url, headers=BEARER, timeout=TIMEOUT)

    async def call() -> int:
        return len(json.loads((await client.post("/api_jsonrpc.php", json=RPC_SLA_GET)).content)["result"])

    return call


# datadog-api-client.

DATADOG_OFFICIAL = "datadog-api-client"


def datadog_configuration(url: str) -> Any:
    configuration = load("datadog_api_client").Configuration(host=url)
    configuration.api_key = {"apiKeyAuth": "api", "appKeyAuth": "app"}
    configuration.unstable_operations["get_slo_report_job_status"] = True
    return configuration


@work(CALL_DATADOG, DATADOG_OFFICIAL)
def _(url: str) -> Operation:
    api = load("datadog_api_client.v2.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").ApiClient(datadog_configuration(url))
    )
    return lambda: int(str(api.get_slo_report_job_status(REPORT_ID).data.attributes.status) == "completed")


@work(SLO_LIST, DATADOG_OFFICIAL)
def _(url: str) -> Operation:
    api = load("datadog_api_client.v1.api.service_level_objectives_api").ServiceLevelObjectivesApi(
        load("datadog_api_client").ApiClient(datadog_configuration(url))
    )
    return lambda: len(api.list_slos(limit=bodies.SLOS).data)


@work(REPORT, f"{DATADOG_OFFICIAL} and csv")
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


@async_work(CALL_DATADOG, DATADOG_OFFICIAL)
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


@work(CALL_ROOTLY, ROOTLY_OFFICIAL)
def _(url: str) -> Operation:
    client, get = rootly_client(url), load("rootly_sdk.api.sl_as.get_sla").sync
    return lambda: int(str(get(SLA_ID, client=client).data.id) == SLA_ID)


@work(SLA_PAGE, ROOTLY_OFFICIAL)
def _(url: str) -> Operation:
    client, page = rootly_client(url), load("rootly_sdk.api.sl_as.list_sl_as").sync
    return lambda: len(page(client=client, pagesize=bodies.SLAS).data)


@async_work(CALL_ROOTLY, ROOTLY_OFFICIAL)
async def _(url: str) -> AsyncOperation:
    client, get = rootly_client(url), load("rootly_sdk.api.sl_as.get_sla").asyncio

    async def call() -> int:
        return int(str((await get(SLA_ID, client=client)).data.id) == SLA_ID)

    return call


# zabbix_utils and pyzabbix.

ZABBIX_OFFICIAL, PYZABBIX = "zabbix_utils", "pyzabbix"


def zabbix_utils(url: str) -> Any:
    return load("zabbix_utils").ZabbixAPI(url=url, token="t" * 64, skip_version_check=True, timeout=int(TIMEOUT))


def pyzabbix(url: str) -> Any:
    api = load("pyzabbix").ZabbixAPI(url, timeout=TIMEOUT, detect_version=True)
    api.login(api_token="t" * 64)
    return api


@work(CALL_ZABBIX, ZABBIX_OFFICIAL)
def _(url: str) -> Operation:
    api = zabbix_utils(url)
    return lambda: len(api.sla.get(output="extend"))


@work(GETSLI, ZABBIX_OFFICIAL)
def _(url: str) -> Operation:
    api = zabbix_utils(url)
    return lambda: sum(len(row) for row in api.sla.getsli(slaid="5", periods=bodies.PERIODS)["sli"])


@work(CALL_ZABBIX, PYZABBIX)
def _(url: str) -> Operation:
    api = pyzabbix(url)
    return lambda: len(api.sla.get(output="extend"))


@work(GETSLI, PYZABBIX)
def _(url: str) -> Operation:
    api = pyzabbix(url)
    return lambda: sum(len(row) for row in api.sla.getsli(slaid="5", periods=bodies.PERIODS)["sli"])


@async_work(CALL_ZABBIX, ZABBIX_OFFICIAL)
async def _(url: str) -> AsyncOperation:
    api = load("zabbix_utils").AsyncZabbixAPI(url=url, skip_version_check=True, timeout=int(TIMEOUT))
    await api.login(token="t" * 64)

    async def call() -> int:
        return len(await api.sla.get(output="extend"))

    return call
