"""Pytest fixtures for users' own tests: ``datadog_sandbox``, ``rootly_sandbox`` and ``zabbix_sandbox``, and a server for each.

A sandbox fixture is a fresh one per test with a virtual clock, so that a month passes at once; pass ``sandbox.transport()`` as
``http=``. A ``*_server`` fixture serves the same sandbox over real HTTP; clients then sleep by the machine's clock, so override
``sandbox_clock`` with one that gives ``SystemClock()``, or move it yourself, when a job is to end or a limit to refill.

>>> def test_report(datadog_sandbox):  # doctest: +SKIP
...     with DatadogSLO("k", "a", http=datadog_sandbox.transport()) as dd:
...         assert dd.reports.run(query="*", from_ts=1, to_ts=2).rows

The mark ``slo_faults`` has the sandboxes of a test commit the faults of a script (:class:`~slo_common.sandbox.FaultScript`):

>>> @pytest.mark.slo_faults("POST /api/v2/slo/report: apply, close")  # doctest: +SKIP
... def test_lost_answer(datadog_sandbox): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datadog_slo.sandbox import DatadogSandbox
    from rootly_sla.sandbox import RootlySandbox
    from slo_common.sandbox import FaultScript, VirtualClock
    from slo_common.sandbox._server import Server
    from zabbix_sla.sandbox import ZabbixSandbox


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slo_faults(script): the sandboxes of this test commit the faults of this script")


@pytest.fixture
def sandbox_faults(request: pytest.FixtureRequest) -> FaultScript:
    """The faults that this test's sandboxes commit: those of its ``slo_faults`` marks; override it for the same in many tests."""
    from slo_common.sandbox import FaultScript

    scripts = [str(argument) for mark in request.node.iter_markers("slo_faults") for argument in mark.args]
    return FaultScript.parse("\n".join(reversed(scripts)))


@pytest.fixture
def sandbox_clock() -> VirtualClock:
    """The clock of this test's sandboxes; override it to begin at another moment."""
    from slo_common.sandbox import VirtualClock

    return VirtualClock()


@pytest.fixture
def datadog_sandbox(sandbox_clock: VirtualClock, sandbox_faults: FaultScript) -> DatadogSandbox:
    """A Datadog organisation with the demo's SLOs."""
    from datadog_slo.sandbox import DatadogSandbox

    sandbox = DatadogSandbox.demo(clock=sandbox_clock)
    sandbox.faults.extend(sandbox_faults)
    return sandbox


@pytest.fixture
def rootly_sandbox(sandbox_clock: VirtualClock, sandbox_faults: FaultScript) -> RootlySandbox:
    """A Rootly team with the demo's SLAs."""
    from rootly_sla.sandbox import RootlySandbox

    sandbox = RootlySandbox.demo(clock=sandbox_clock)
    sandbox.faults.extend(sandbox_faults)
    return sandbox


@pytest.fixture
def zabbix_sandbox(sandbox_clock: VirtualClock, sandbox_faults: FaultScript) -> ZabbixSandbox:
    """A Zabbix server with the demo's services and SLAs."""
    from zabbix_sla.sandbox import ZabbixSandbox

    sandbox = ZabbixSandbox.demo(clock=sandbox_clock)
    sandbox.faults.extend(sandbox_faults)
    return sandbox


@pytest.fixture
def datadog_server(datadog_sandbox: DatadogSandbox) -> Iterator[Server]:
    """``datadog_sandbox`` over HTTP: ``base_url=datadog_server.url``."""
    with datadog_sandbox.serve() as server:
        yield server


@pytest.fixture
def rootly_server(rootly_sandbox: RootlySandbox) -> Iterator[Server]:
    """``rootly_sandbox`` over HTTP: ``base_url=rootly_server.url``."""
    with rootly_sandbox.serve() as server:
        yield server


@pytest.fixture
def zabbix_server(zabbix_sandbox: ZabbixSandbox) -> Iterator[Server]:
    """``zabbix_sandbox`` over HTTP: ``ZabbixSLA(zabbix_server.url + "/api_jsonrpc.php")``."""
    with zabbix_sandbox.serve() as server:
        yield server
