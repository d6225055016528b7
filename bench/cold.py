"""What a client costs before its first call: import time, time to the first answer, and size on disk."""

from __future__ import annotations

import json
import random
import statistics
import subprocess

from attrs import frozen

import bodies
from measure import ENVIRONMENTS, environment
from registry import OURS, PEERS

ROUNDS = 9
HTTPX = "httpx"


@frozen
class Start:
    """Python code that imports a client, and code that gets one answer with it."""

    home: str
    imports: str
    call: str


STARTS = {
    "datadog_slo": Start(
        OURS,
        "from datadog_slo import DatadogSLO",
        "DatadogSLO('api', 'app', base_url=URL).reports.status('9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f')",
    ),
    "datadog-api-client": Start(
        PEERS,
        "from datadog_api_client import ApiClient, Configuration\n"
        "from datadog_api_client.v2.api.service_level_objectives_api import ServiceLevelObjectivesApi",
        "c = Configuration(host=URL); c.api_key = {'apiKeyAuth': 'api', 'appKeyAuth': 'app'}\n"
        "c.unstable_operations['get_slo_report_job_status'] = True\n"
        "ServiceLevelObjectivesApi(ApiClient(c)).get_slo_report_job_status('9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f')",
    ),
    "rootly_sla": Start(
        OURS,
        "from rootly_sla import RootlySLA",
        "RootlySLA('token', base_url=URL).slas.get('00000001-0000-4000-8000-000000000000')",
    ),
    "rootly": Start(
        PEERS,
        "from rootly_sdk import AuthenticatedClient\nfrom rootly_sdk.api.sl_as import get_sla",
        "get_sla.sync('00000001-0000-4000-8000-000000000000', client=AuthenticatedClient(base_url=URL, token='token'))",
    ),
    "zabbix_sla": Start(OURS, "from zabbix_sla import ZabbixSLA", "ZabbixSLA(URL + '/api_jsonrpc.php', token='t' * 64).sla.get()"),
    "zabbix_utils": Start(
        PEERS, "from zabbix_utils import ZabbixAPI", "ZabbixAPI(url=URL, token='t' * 64).sla.get(output='extend')"
    ),
    "pyzabbix": Start(
        PEERS, "from pyzabbix import ZabbixAPI", "z = ZabbixAPI(URL); z.login(api_token='t' * 64); z.sla.get(output='extend')"
    ),
    HTTPX: Start(PEERS, "import httpx", "httpx.Client().get(URL + '/api/v2/slo/report/x/status').json()"),
}


CLIENTS = {
    "datadog_slo": (OURS, "from datadog_slo import DatadogSLO", "DatadogSLO('api', 'app')"),
    "rootly_sla": (OURS, "from rootly_sla import RootlySLA", "RootlySLA('token')"),
    "zabbix_sla": (OURS, "from zabbix_sla import ZabbixSLA", "ZabbixSLA('https://zabbix.test/api_jsonrpc.php', token='t' * 64)"),
    "datadog-api-client": (
        PEERS,
        (
            "from datadog_api_client import ApiClient, Configuration\n"
            "from datadog_api_client.v1.api.service_level_objectives_api import ServiceLevelObjectivesApi"
        ),
        "ServiceLevelObjectivesApi(ApiClient(Configuration()))",
    ),
    "rootly": (
        PEERS,
        "from rootly_sdk import AuthenticatedClient",
        "AuthenticatedClient(base_url='https://api.rootly.com', token='token').get_httpx_client()",
    ),
    HTTPX: (PEERS, "import httpx", "httpx.Client()"),
}
"""How one client more is made in a process that has one."""
DISTRIBUTIONS = {"slo-sdk": OURS, "datadog-api-client": PEERS, "rootly": PEERS, "zabbix-utils": PEERS, "pyzabbix": PEERS}
SIZES = """
import json, re, sys
from importlib.metadata import PackageNotFoundError, distribution

def own(name):
    return sum(file.size or 0 for file in distribution(name).files or [])

found, todo = set(), [sys.argv[1]]
while todo:
    name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
    if name in found:
        continue
    try:
        requires = distribution(name).requires or []
    except PackageNotFoundError:
        continue  # required on another platform or Python only
    found.add(name)
    todo += [match[0] for r in requires if "extra ==" not in r and (match := re.match(r"[\\w.-]+", r))]
print(json.dumps([own(sys.argv[1]), sum(own(name) for name in found), len(found)]))
"""
SHARE = """
import sys
from importlib.metadata import distribution
print(sum(f.size or 0 for f in distribution("slo-sdk").files or [] if f.parts[0] in sys.argv[1:]))
"""


FIRST_LIST = f"""
import json
from contextlib import contextmanager
from pathlib import Path
from datadog_slo import DatadogSLO

found = {{}}

@contextmanager
def step(what):
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    yield
    found[what] = peak() - before

def peak():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])

client = DatadogSLO("api", "app", base_url=URL)
with step("the modules of the call, and its models"):
    from datadog_slo import _calls_slos
with step("msgspec"):
    import msgspec
with step("the reader for msgspec"):
    from datadog_slo import _fast
with step("a list of {bodies.FEW_SLOS}: the connection, and what a first use makes"):
    assert len(list(client.slos.list(page_size={bodies.FEW_SLOS}))) == {bodies.FEW_SLOS}
with step("the list of {bodies.SLOS:,}"):
    assert sum(1 for _ in client.slos.list(page_size={bodies.SLOS})) == {bodies.SLOS}
print(json.dumps(found))
"""


def python_of(home: str) -> str:
    return ENVIRONMENTS.ours if home == OURS else ENVIRONMENTS.peers


def output(python: str, program: str, *arguments: str) -> str:
    """What this code prints in a fresh interpreter."""
    command = [python, "-P", "-c", program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment(), timeout=60).stdout


def seconds(start: Start, url: str) -> tuple[float, float]:
    """How long the import and the whole take in a fresh interpreter, without the interpreter's own start."""
    clock = "print(time.perf_counter() - t)"
    program = f"import time\nURL = {url!r}\nt = time.perf_counter()\n{start.imports}\n{clock}\n{start.call}\n{clock}"
    imported, answered = output(python_of(start.home), program).split()
    return float(imported), float(answered)


def interleaved(url: str) -> dict[str, tuple[float, float]]:
    """The medians of each start over rounds of shuffled order; the first round warms the file cache and is not counted."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
    order = random.Random(7)
    for _ in range(ROUNDS + 1):
        for name in order.sample(list(STARTS), len(STARTS)):
            taken[name].append(seconds(STARTS[name], url))
    return {
        name: (statistics.median(i for i, _ in values[1:]), statistics.median(w for _, w in values[1:]))
        for name, values in taken.items()
    }


def first_list(url: str, times: int) -> dict[str, float]:
    """By how much the peak of resident memory rises in each step to a first long list; medians of fresh processes."""
    runs = [json.loads(output(ENVIRONMENTS.ours, f"URL = {url!r}\n{FIRST_LIST}")) for _ in range(times)]
    return {what: statistics.median(run[what] for run in runs) for what in runs[0]}


def one_more(name: str) -> float:
    """Seconds for making another client; the median of twenty."""
    home, imports, made = CLIENTS[name]
    program = (
        f"import statistics, time\n{imports}\nkept, taken = [{made}], []\n"
        f"for _ in range(20):\n    t = time.perf_counter()\n    kept.append({made})\n    taken.append(time.perf_counter() - t)\n"
        "print(statistics.median(taken))"
    )
    return float(output(python_of(home), program))


def sizes(name: str, home: str) -> tuple[int, int, int]:
    """A distribution's own bytes, those with all that it always requires, and how many distributions that is."""
    own, whole, count = json.loads(output(python_of(home), SIZES, name))
    return own, whole, count


def share_of_rootly(*packages: str) -> float:
    """The files of these packages of ours over those of the official package."""
    return int(output(ENVIRONMENTS.ours, SHARE, *packages)) / sizes("rootly", PEERS)[0]
