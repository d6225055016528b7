"""Deletions of SLAs or services, alone or in a batch, when an answer is lost."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx
import pytest

from slo_common import NotFound, OutcomeUnknown, PermissionDenied, RetryPolicy
from slo_common.sandbox import FaultScript, VirtualClock
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA, calls
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


def batched(mode: str, sandbox: ZabbixSandbox, *deletions: tuple[str, ...], faults: str = "") -> list[Any]:
    """What comes of ``service.delete`` calls in one batch: the value, or the error."""
    sandbox.faults.extend(FaultScript.parse(faults))
    options: dict[str, Any] = {"token": sandbox.token, "http": sandbox.transport(), "retry": POLICY, "auth_transport": "header"}
    asked = [calls.service_delete(*ids) for ids in deletions]
    if mode == "sync":
        with ZabbixSLA(URL, **options) as zbx:
            return [o.error or o.value for o in zbx.batch(asked)]

    async def main() -> list[Any]:
        async with AsyncZabbixSLA(URL, **options) as zbx:
            return [o.error or o.value for o in await zbx.batch(asked)]

    return anyio.run(main)


def left(sandbox: ZabbixSandbox) -> list[str]:
    return sorted(sandbox.store.services)


modes = pytest.mark.parametrize("mode", ["sync", "async"])
LOST = ("apply, close", "apply, answer 502", "apply, cut 40%, reset", "reset", "answer 502", "apply, answer 500")


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


def never_connected_then(*answers: object) -> tuple[httpx.MockTransport, list[bytes]]:
    """A server that the first connection does not reach, and what it was asked."""
    asked: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        if len(asked) == 1:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json=answers[len(asked) - 2])

    return httpx.MockTransport(handle), asked


GONE = {"code": -32500, "message": "", "data": "No permissions to referred object or it does not exist!"}


def test_what_was_never_sent_before_leaves_nothing_in_doubt() -> None:
    http, asked = never_connected_then({"jsonrpc": "2.0", "error": GONE, "id": 1})
    with ZabbixSLA(URL, token="t" * 64, http=http, retry=POLICY, auth_transport="header") as zbx, pytest.raises(NotFound):
        zbx.service.delete("998", "999")
    assert len(asked) == 2


def test_what_was_never_sent_before_leaves_nothing_of_a_batch_in_doubt() -> None:
    http, _ = never_connected_then([{"jsonrpc": "2.0", "error": GONE, "id": 1}])
    with ZabbixSLA(URL, token="t" * 64, http=http, retry=POLICY, auth_transport="header") as zbx:
        (outcome,) = zbx.batch([calls.service_delete("999")])
    assert type(outcome.error) is NotFound


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


LOOK_UP_FAILS = "any containing service.get times always: answer 403"


@modes
def test_what_cannot_be_looked_up_is_in_doubt(mode: str, sandbox: ZabbixSandbox) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        deleted(mode, sandbox, tuple(left(sandbox)), f"any: apply, close\n{LOOK_UP_FAILS}")
    unknown = caught.value
    assert (unknown.sent, unknown.retry_safe, unknown.operation) == ("maybe", True, "zabbix.service.delete")
    assert (unknown.status, [a.error for a in unknown.attempts]) == (200, ["ConnectionLost", "NotFound"])
    assert "HTTP 403" in str(unknown)


# In a batch.


@modes
@pytest.mark.parametrize("fault", LOST)
def test_deletions_of_a_batch_are_done_although_an_answer_is_lost(mode: str, sandbox: ZabbixSandbox, fault: str) -> None:
    sandbox.add_service("C", tags={"sla": "C"})
    first, second, third = left(sandbox)
    assert batched(mode, sandbox, (first,), (second, third), faults=f"any: {fault}") == [(first,), (second, third)]
    assert left(sandbox) == []


@modes
@pytest.mark.parametrize("fault", LOST)
def test_one_of_a_batch_that_never_was_keeps_its_companions_and_is_told(mode: str, sandbox: ZabbixSandbox, fault: str) -> None:
    first, second = left(sandbox)
    one, other = batched(mode, sandbox, (first,), (second, "999"), faults=f"any: {fault}")
    assert (one, type(other), left(sandbox)) == ((first,), NotFound, [second])


@modes
def test_in_a_batch_that_was_answered_at_once_nothing_is_in_doubt(mode: str, sandbox: ZabbixSandbox) -> None:
    one, other = batched(mode, sandbox, ("999",), ("998", "997"))
    assert (type(one), type(other), len(sandbox.ledger)) == (NotFound, NotFound, 1)
    assert [a.error for a in other.attempts] == ["NotFound"]


@modes
def test_after_a_refused_batch_nothing_is_in_doubt(mode: str, sandbox: ZabbixSandbox) -> None:
    one, other = batched(mode, sandbox, ("999",), ("998", "997"), faults="any: answer 429 retry-after=0.01")
    assert (type(one), type(other), len(sandbox.ledger)) == (NotFound, NotFound, 2)


@modes
def test_what_cannot_be_looked_up_of_a_batch_is_in_doubt(mode: str, sandbox: ZabbixSandbox) -> None:
    sandbox.add_service("C", tags={"sla": "C"})
    first, second, third = left(sandbox)
    one, other = batched(mode, sandbox, (first,), (second, third), faults=f"any: apply, close\n{LOOK_UP_FAILS}")
    assert (one, type(other), other.retry_safe) == ((first,), OutcomeUnknown, True)
    assert [a.error for a in other.attempts] == ["ConnectionLost", "NotFound"]


@modes
def test_another_error_of_a_repeated_deletion_is_told_as_it_is(mode: str, sandbox: ZabbixSandbox) -> None:
    (first, second) = left(sandbox)
    refused = '{"jsonrpc":"2.0","error":{"code":-32602,"message":"","data":"No permissions to call \\"service.delete\\"."},"id":1}'
    fine = '{"jsonrpc":"2.0","result":{"serviceids":["2"]},"id":2}'
    answer = f"any: answer 200 {json.dumps(f'[{refused},{fine}]')}"
    one, other = batched(mode, sandbox, (first,), (second,), faults=f"any: reset\n{answer}")
    assert (type(one), other) == (PermissionDenied, ("2",))
