"""Deletions of several SLAs or services, all or none, when an answer is lost."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from slo_common import NotFound, RetryPolicy
from slo_common.sandbox import FaultScript, VirtualClock
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

URL = "http://127.0.0.1:1/api_jsonrpc.php"
POLICY = RetryPolicy(backoff_base=0.0)


@pytest.fixture
def sandbox() -> ZabbixSandbox:
    sandbox = ZabbixSandbox(clock=VirtualClock())
    for name in ("A", "B"):
        sandbox.add_service(name, tags={"sla": name})
    return sandbox


def deleted(mode: str, sandbox: ZabbixSandbox, ids: tuple[str, ...], faults: str = "") -> Any:
    """What ``service.delete`` gives."""
    sandbox.faults.extend(FaultScript.parse(faults))
    options: dict[str, Any] = {"token": sandbox.token, "http": sandbox.transport(), "retry": POLICY, "auth_transport": "header"}
    if mode == "sync":
        with ZabbixSLA(URL, **options) as zbx:
            return zbx.service.delete(*ids)

    async def main() -> Any:
        async with AsyncZabbixSLA(URL, **options) as zbx:
            return await zbx.service.delete(*ids)

    return anyio.run(main)


def left(sandbox: ZabbixSandbox) -> list[str]:
    return sorted(sandbox.store.services)


modes = pytest.mark.parametrize("mode", ["sync", "async"])
LOST = ("apply, close", "apply, answer 502", "apply, cut 40%, reset", "reset", "answer 502")


@modes
@pytest.mark.parametrize("fault", LOST)
def test_several_are_deleted_although_an_answer_is_lost(mode: str, sandbox: ZabbixSandbox, fault: str) -> None:
    ids = tuple(left(sandbox))
    assert deleted(mode, sandbox, ids, f"any: {fault}") == ids
    assert left(sandbox) == []


@modes
@pytest.mark.parametrize("fault", LOST)
def test_one_that_never_was_keeps_the_others_and_is_told(mode: str, sandbox: ZabbixSandbox, fault: str) -> None:
    ids = tuple(left(sandbox))
    with pytest.raises(NotFound):
        deleted(mode, sandbox, (*ids, "999"), f"any: {fault}")
    assert left(sandbox) == list(ids)


@modes
def test_after_a_refusal_nothing_is_in_doubt(mode: str, sandbox: ZabbixSandbox) -> None:
    with pytest.raises(NotFound):
        deleted(mode, sandbox, ("998", "999"), "any: answer 429 retry-after=0.01")
    assert len(sandbox.ledger) == 2  # the refused one and the answered one: nothing was looked up


@modes
def test_one_alone_that_is_gone_after_a_lost_answer_was_deleted(mode: str, sandbox: ZabbixSandbox) -> None:
    first, second = left(sandbox)
    assert deleted(mode, sandbox, (first,), "any: apply, close") == (first,)
    assert left(sandbox) == [second]


def test_slas_are_looked_up_as_slas(sandbox: ZabbixSandbox) -> None:
    slaids = (sandbox.add_sla("Gold", slo=99.9, tags={"sla": "A"}), sandbox.add_sla("Silver", slo=99.0, tags={"sla": "B"}))
    sandbox.faults.extend(FaultScript.parse("any containing sla.delete: apply, close"))
    with ZabbixSLA(URL, token=sandbox.token, http=sandbox.transport(), retry=POLICY, auth_transport="header") as zbx:
        assert zbx.sla.delete(*slaids) == slaids
    assert "sla.get" in sandbox.ledger[-1].body.decode()
