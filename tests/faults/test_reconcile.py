"""Row 8, continued: a write whose answer was lost is settled by looking, and an idempotent one by doing it again."""

from __future__ import annotations

from typing import Any

import pytest

from datadog_slo import MetricQuery, MetricSlo, Threshold, Timeframe
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import Sla
from rootly_sla.sandbox import RootlySandbox
from slo_common import NotFound, OutcomeUnknown
from slo_common.sandbox import Fault, Sandbox, VirtualClock
from tests.faults.clients import SLA, Driver, Use, create_sla
from tests.faults.server import FaultServer, Script, apply, close, read_request, respond, serve
from zabbix_sla import SlaPeriod
from zabbix_sla.models import ServiceTag
from zabbix_sla.sandbox import ZabbixSandbox

LOST, UNHEARD = Fault.lost_answer(method="POST"), Fault.reset(method="POST")
CHECKOUT = MetricSlo(
    name="Checkout",
    query=MetricQuery(numerator="sum:ok{*}", denominator="sum:all{*}"),
    thresholds=(Threshold(timeframe=Timeframe.THIRTY_DAYS, target=99.9),),
)


def _create_slo(dd: Any) -> Any:
    return dd.slos.create(CHECKOUT)


def _create_zabbix_sla(zabbix: Any) -> Any:
    return zabbix.sla.create(
        name="Checkout",
        period=SlaPeriod.DAILY,
        slo=99.9,
        effective_date=1_700_000_000,
        service_tags=[ServiceTag(tag="team", value="payments")],
        timezone="UTC",
    )


def _settled(driver: Driver, use: Use, **options: Any) -> Any:
    """What the look-up finds after a create whose outcome is unknown."""

    def create_and_look(client: Any) -> Any:
        async def asynchronously() -> Any:
            with pytest.raises(OutcomeUnknown) as unknown:
                await use(client)
            return await unknown.value.reconcile()

        if driver.mode != "sync":
            return asynchronously()
        with pytest.raises(OutcomeUnknown) as unknown:
            use(client)
        return unknown.value.reconcile()

    return driver.run(create_and_look, **options)


def _writes(sandbox: Sandbox) -> int:
    return len(sandbox.applied)


def test_f08_lost_creation_at_rootly_is_looked_up(driver: Driver) -> None:
    sandbox = RootlySandbox(clock=VirtualClock(), faults=(LOST,))
    found = _settled(driver, create_sla, of="rootly", http=sandbox.transport())
    assert (isinstance(found, Sla), found.name, _writes(sandbox)) == (True, SLA["name"], 1)
    sandbox = RootlySandbox(clock=VirtualClock(), faults=(UNHEARD,))
    assert _settled(driver, create_sla, of="rootly", http=sandbox.transport()) is None
    assert _writes(sandbox) == 0


def test_f08_lost_creation_at_datadog_is_looked_up(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(), faults=(LOST,))
    (found,) = _settled(driver, _create_slo, http=sandbox.transport())
    assert (found.name, _writes(sandbox)) == ("Checkout", 1)
    sandbox = DatadogSandbox(clock=VirtualClock(), faults=(UNHEARD,))
    assert _settled(driver, _create_slo, http=sandbox.transport()) == ()
    assert _writes(sandbox) == 0


def test_f08_lost_creation_at_zabbix_is_settled(driver: Driver) -> None:
    for fault, applied in ((LOST, 1), (UNHEARD, 0)):
        sandbox = ZabbixSandbox(clock=VirtualClock(), faults=(fault,))
        result = _settled(driver, _create_zabbix_sla, of="zabbix", http=sandbox.transport(), token=sandbox.token)
        assert (bool(result), _writes(sandbox)) == (bool(applied), applied)


def test_f08_idempotent_writes_are_done_again(driver: Driver) -> None:
    sandbox = RootlySandbox(clock=VirtualClock())
    sla = driver.run(create_sla, of="rootly", http=sandbox.transport())
    lost = Script(read_request(), apply(sandbox), close())
    with FaultServer(lost, Script(serve(sandbox))) as server:
        updated = driver.run(
            lambda rootly: rootly.slas.update(sla.id, completion_deadline_days=21), of="rootly", base_url=server.url
        )
    assert (updated.completion_deadline_days, len(server.requests)) == (21, 2)
    # What the first try deleted, the second does not find: done.
    with FaultServer(lost, Script(serve(sandbox))) as server:
        assert driver.run(lambda rootly: rootly.slas.delete(sla.id), of="rootly", base_url=server.url) is None
    assert (len(server.requests), [a.partition(" ")[0] for a in sandbox.applied]) == (
        2,
        ["slas.create", "slas.update", "slas.delete"],  # the second update changed nothing
    )
    with FaultServer(Script(serve(sandbox))) as server:  # found by nobody at the first try: an error
        driver.fails(NotFound, lambda rootly: rootly.slas.delete(sla.id), of="rootly", base_url=server.url)


def test_f12_half_an_answer_of_a_creation_is_no_answer(driver: Driver) -> None:
    sandbox = RootlySandbox(clock=VirtualClock())
    with FaultServer(Script(read_request(), respond(sandbox, cut=slice(-20)), close()), then=Script(serve(sandbox))) as server:
        error = driver.fails(OutcomeUnknown, create_sla, of="rootly", base_url=server.url)
    assert (error.sent, error.retry_safe, len(server.requests), _writes(sandbox)) == ("maybe", None, 1, 1)
