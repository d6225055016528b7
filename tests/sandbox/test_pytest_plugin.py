"""The pytest plugin, as a user's own test suite meets it."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

# Where the project is installed, pytest finds the plugin by itself.
INSTALLED = bool(entry_points(group="pytest11", name="slo_common"))
PLUGIN = () if INSTALLED else ("-p", "slo_common.sandbox.pytest_plugin")

TESTS = """
import urllib.request

from datadog_slo.sandbox import DatadogSandbox
from rootly_sla.sandbox import RootlySandbox
from zabbix_sla.sandbox import ZabbixSandbox


def test_fresh_sandboxes_share_one_virtual_clock(datadog_sandbox, rootly_sandbox, zabbix_sandbox, sandbox_clock):
    assert isinstance(datadog_sandbox, DatadogSandbox)
    assert isinstance(rootly_sandbox, RootlySandbox)
    assert isinstance(zabbix_sandbox, ZabbixSandbox)
    assert {datadog_sandbox.clock, rootly_sandbox.clock, zabbix_sandbox.clock} == {sandbox_clock}
    assert datadog_sandbox.ledger == rootly_sandbox.ledger == zabbix_sandbox.ledger == ()


def test_servers_serve_the_same_sandboxes(
    datadog_server, datadog_sandbox, rootly_server, rootly_sandbox, zabbix_server, zabbix_sandbox
):
    pairs = [(datadog_server, datadog_sandbox), (rootly_server, rootly_sandbox), (zabbix_server, zabbix_sandbox)]
    for server, sandbox in pairs:
        try:
            urllib.request.urlopen(server.url + "/nowhere")
        except urllib.error.HTTPError as e:
            e.close()
        assert [entry.path for entry in sandbox.ledger] == ["/nowhere"]
"""


def test_a_users_suite_gets_sandboxes_and_servers_without_a_conftest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=2)


def test_a_users_suite_can_begin_at_another_moment(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from slo_common.sandbox import VirtualClock

        @pytest.fixture
        def sandbox_clock():
            return VirtualClock(1_600_000_000)
        """
    )
    pytester.makepyfile("def test_it(datadog_sandbox):\n    assert datadog_sandbox.clock.now() == 1_600_000_000")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1)


FAULTS = """
import pytest
from slo_common import InvalidArgument
from slo_common.sandbox import FaultScript

pytestmark = pytest.mark.slo_faults("POST /of/the/module: reset")


@pytest.mark.slo_faults("GET /a: apply, close")
@pytest.mark.slo_faults("GET /b: apply, cut 50%")
def test_marks(datadog_sandbox, rootly_sandbox, zabbix_server, zabbix_sandbox):
    for sandbox in (datadog_sandbox, rootly_sandbox, zabbix_sandbox):
        assert [fault.path for fault in sandbox.faults.pending] == ["/of/the/module", "/a", "/b"]


class TestOfOnesOwn:
    @pytest.fixture
    def sandbox_faults(self):
        return FaultScript.parse("any: stall")

    def test_override(self, rootly_sandbox):
        assert [fault.kind for fault in rootly_sandbox.faults.pending] == ["stall"]


@pytest.mark.slo_faults("any: resett")
def test_wrong(request):
    with pytest.raises(InvalidArgument, match="'resett' is no step"):
        request.getfixturevalue("datadog_sandbox")
"""


def test_a_users_test_can_be_marked_with_faults(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAULTS)
    pytester.makeini("[pytest]\naddopts = --strict-markers")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=3)
