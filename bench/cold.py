"""What a client costs before its first call: import time, time to the first answer, and size on disk."""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution

from attrs import frozen

ROUNDS = 9


@frozen
class Start:
    """Python code that imports a client, and code that gets one answer with it."""

    imports: str
    call: str

    @property
    def whole(self) -> str:
        return f"{self.imports}\n{self.call}"


STARTS = {
    "datadog_slo": Start(
        "from datadog_slo import DatadogSLO",
        "DatadogSLO('api', 'app', base_url=URL).reports.status('9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f')",
    ),
    "datadog-api-client": Start(
        "from datadog_api_client import ApiClient, Configuration\n"
        "from datadog_api_client.v2.api.service_level_objectives_api import ServiceLevelObjectivesApi",
        "c = Configuration(host=URL); c.api_key = {'apiKeyAuth': 'api', 'appKeyAuth': 'app'}\n"
        "c.unstable_operations['get_slo_report_job_status'] = True\n"
        "ServiceLevelObjectivesApi(ApiClient(c)).get_slo_report_job_status('9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f')",
    ),
    "rootly_sla": Start(
        "from rootly_sla import RootlySLA", "RootlySLA('token', base_url=URL).slas.get('00000001-0000-4000-8000-000000000000')"
    ),
    "rootly": Start(
        "from rootly_sdk import AuthenticatedClient\nfrom rootly_sdk.api.sl_as import get_sla",
        "get_sla.sync('00000001-0000-4000-8000-000000000000', client=AuthenticatedClient(base_url=URL, token='token'))",
    ),
    "zabbix_sla": Start("from zabbix_sla import ZabbixSLA", "ZabbixSLA(URL + '/api_jsonrpc.php', token='t' * 64).sla.get()"),
    "zabbix_utils": Start("from zabbix_utils import ZabbixAPI", "ZabbixAPI(url=URL, token='t' * 64).sla.get(output='extend')"),
    "pyzabbix": Start(
        "from pyzabbix import ZabbixAPI", "z = ZabbixAPI(URL); z.login(api_token='t' * 64); z.sla.get(output='extend')"
    ),
    "httpx": Start("import httpx", "httpx.Client().get(URL + '/api/v2/slo/report/x/status').json()"),
}


def seconds(code: str, url: str, environment: Mapping[str, str]) -> float:
    """How long this code takes in a fresh interpreter, without the interpreter's own start."""
    program = f"import time\nURL = {url!r}\nt = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    return float(
        subprocess.run([sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True, env=environment).stdout
    )


def interleaved(programs: Mapping[str, str], url: str, environment: Mapping[str, str]) -> dict[str, float]:
    """The median of each program over rounds of shuffled order; the first round warms the file cache and is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    order = random.Random(7)
    for _ in range(ROUNDS + 1):
        for name in order.sample(list(programs), len(programs)):
            taken[name].append(seconds(programs[name], url, environment))
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def files_size(name: str) -> int:
    return sum(file.size or 0 for file in distribution(name).files or [])


def required(name: str) -> set[str]:
    """The distribution and all that it always requires, as installed here."""
    found: set[str] = set()
    todo = [name]
    while todo:
        current = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if current in found:
            continue
        try:
            requirements = distribution(current).requires or []
        except PackageNotFoundError:
            continue  # required on another platform or Python only
        found.add(current)
        todo += [match[0] for r in requirements if "extra ==" not in r and (match := re.match(r"[\w.-]+", r))]
    return found


def sizes() -> list[tuple[str, int, int, int]]:
    """Name, own bytes, bytes with all that is required, how many distributions that is."""
    names = ["slo-sdk", "datadog-api-client", "rootly", "zabbix-utils", "pyzabbix"]
    return [(name, files_size(name), sum(files_size(r) for r in required(name)), len(required(name))) for name in names]
