"""Pytest fixtures for users' own tests: ``datadog_sandbox``, ``rootly_sandbox`` and ``zabbix_sandbox``, and a server for each.

A sandbox fixture is a fresh one per test with a virtual clock, so that a month passes at once; pass ``sandbox.transport()`` as
``http=``. A ``*_server`` fixture serves the same sandbox over real HTTP; clients then sleep by the machine's clock, so override
``sandbox_clock`` with one that gives ``SystemClock()``, or move it yourself, when a job is to end or a limit to refill.

>>> def test_report(datadog_sandbox):  # doctest: +SKIP
...     with DatadogSLO("k", "a", http=datadog_sandbox.transport()) as dd:
...         assert dd.reports.run(query="*", from_ts=1, to_ts=2).rows
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datadog_slo.sandbox import DatadogSandbox
    from rootly_sla.sandbox import RootlySandbox
    from slo_common.sandbox import VirtualClock
    from slo_common.sandbox._server import Server
    from zabbix_sla.sandbox import ZabbixSandbox


@pytest.fixture
def sandbox_clock() -> VirtualClock:
    """The clock of this test's sandboxes; override it to begin at another moment."""
    from slo_common.sandbox import VirtualClock

    return VirtualClock()


@pytest.fixture
def datadog_sandbox(sandbox_clock: VirtualClock) -> DatadogSandbox:
    """A Datadog organisation with the demo's SLOs."""
    from datadog_slo.sandbox import DatadogSandbox

    return DatadogSandbox.demo(clock=sandbox_clock)


@pytest.fixture
def rootly_sandbox(sandbox_clock: VirtualClock) -> RootlySandbox:
    """A Rootly team with the demo's SLAs."""
    from rootly_sla.sandbox import RootlySandbox

    return RootlySandbox.demo(clock=sandbox_clock)


@pytest.fixture
def zabbix_sandbox(sandbox_clock: VirtualClock) -> ZabbixSandbox:
    """A Zabbix server with the demo's services and SLAs."""
    from zabbix_sla.sandbox import ZabbixSandbox

    return ZabbixSandbox.demo(clock=sandbox_clock)


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
