"""Many calls in one request: matched by id, each with its own value or error."""

from __future__ import annotations

import inspect
import json
from typing import Any

import httpx
import pytest

from slo_common import (
    AuthenticationError,
    ConfigurationError,
    InvalidArgument,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    RetryPolicy,
    ServiceUnavailable,
)
from slo_common.sandbox import Fault, VirtualClock
from tests.zabbix.modes import Mode, Server, all_modes
from zabbix_sla import Outcome, ZabbixSLA, calls
from zabbix_sla._resources import Services, Slas
from zabbix_sla.sandbox import ZabbixSandbox

ONCE = RetryPolicy(attempts=1)


def batch_answer(*members: object) -> httpx.Response:
    return httpx.Response(200, json=list(members))


def ok(ident: object, value: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": value, "id": ident}


def no(ident: object, data: str, code: int = -32602) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": "", "data": data}, "id": ident}


@all_modes
def test_one_request_holds_them_all(mode: Mode) -> None:
    sandbox = ZabbixSandbox.demo()
    outcomes = mode(
        lambda z: z.batch([calls.getsli("5", periods=2), calls.sla_get(slaids=["1"]), calls.service_get(serviceids=["50"])]),
        sandbox=sandbox,
    )
    sli, slas, services = (o.unwrap() for o in outcomes)
    assert (len(sli.periods), slas[0].name, services[0].name) == (2, "Shop front", "Payments")
    assert len(sandbox.ledger) == 2


def test_a_batch_gives_what_single_calls_give() -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())

    def operation(z: Any) -> tuple[list[object], list[object]]:
        (outcome,) = z.batch([calls.getsli("1", periods=9)])
        return list(outcome.unwrap()), list(z.sla.getsli("1", periods=9))

    batched, single = Mode("sync")(operation, sandbox=sandbox)
    assert batched == single


def test_every_kind_of_call_can_be_in_a_batch() -> None:
    sandbox = ZabbixSandbox()
    fields: dict[str, Any] = {"period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC", "service_tags": {"a": "b"}}
    made = Mode("sync")(lambda z: z.batch([calls.service_create("s"), calls.sla_create("S", **fields)]), sandbox=sandbox)
    assert [o.unwrap() for o in made] == ["1", "1"]
    changed = Mode("sync")(
        lambda z: z.batch(
            [calls.service_update("1", name="t"), calls.sla_update("1", slo=1), calls.sla_delete("1"), calls.service_delete("1")]
        ),
        sandbox=sandbox,
    )
    assert [o.unwrap() for o in changed] == ["1", "1", ("1",), ("1",)]


def test_the_members_are_numbered_and_named() -> None:
    server = Server(batch=batch_answer(ok(1, 1), ok(2, 2)))
    Mode("sync")(lambda z: z.batch([calls.call("a.get", {}), calls.call("b.get", [])]), http=server.http)
    assert server.bodies[1] == [
        {"jsonrpc": "2.0", "method": "a.get", "params": {}, "id": 1},
        {"jsonrpc": "2.0", "method": "b.get", "params": [], "id": 2},
    ]


def test_answers_in_another_order_find_their_calls() -> None:
    server = Server(batch=batch_answer(ok(2, "b"), ok(1, "a")))
    outcomes = Mode("sync")(lambda z: z.batch([calls.call("a.get", {}), calls.call("b.get", {})]), http=server.http)
    assert [o.value for o in outcomes] == ["a", "b"]


def test_an_error_leaves_the_others_alone() -> None:
    object_missing = no(2, "No permissions to referred object or it does not exist!", -32500)
    server = Server(batch=batch_answer(ok(1, "a"), object_missing, ok(3, "c")))
    outcomes = Mode("sync")(lambda z: z.batch([calls.call(f"{n}.get", {}) for n in "abc"]), http=server.http)
    assert [(o.method, o.value, type(o.error)) for o in outcomes] == [
        ("a.get", "a", type(None)),
        ("b.get", None, NotFound),
        ("c.get", "c", type(None)),
    ]


def test_an_error_that_would_come_again_is_not_called_worth_a_repeat() -> None:
    server = Server(batch=batch_answer(no(1, "No permissions to referred object or it does not exist!", -32500)))
    (outcome,) = Mode("sync")(lambda z: z.batch([calls.sla_get()]), http=server.http)
    assert outcome.error.retry_safe is False


def test_one_call_that_is_not_authorised_leaves_the_others_their_answers() -> None:
    server = Server(batch=batch_answer(no(1, "Not authorized.", -32602), ok(2, "b")))
    first, second = Mode("sync")(lambda z: z.batch([calls.call("a.get", {}), calls.call("b.get", {})]), http=server.http)
    assert (type(first.error), second.value) == (AuthenticationError, "b")


def test_a_value_that_does_not_fit_is_an_error_of_its_call() -> None:
    server = Server(batch=batch_answer(ok(1, "?"), ok(2, [])))
    outcomes = Mode("sync")(lambda z: z.batch([calls.getsli("1"), calls.sla_get()]), http=server.http)
    assert [type(o.error).__name__ for o in outcomes] == ["DecodeError", "NoneType"]


@pytest.mark.parametrize(
    "value",
    [
        {"periods": [], "serviceids": [], "sli": "x"},
        {"periods": [{"period_from": 0, "period_to": 1}], "serviceids": [1], "sli": ["x"]},
        {"periods": [{"period_from": 0, "period_to": 1}], "serviceids": [1], "sli": [["x"]]},
    ],
)
def test_a_report_that_does_not_fit_is_an_error_of_its_call(value: object) -> None:
    server = Server(batch=batch_answer(ok(1, value)))
    (outcome,) = Mode("sync")(lambda z: z.batch([calls.getsli("1")]), http=server.http)
    assert type(outcome.error).__name__ == "DecodeError"


def test_unwrap_raises_the_error() -> None:
    with pytest.raises(KeyError):
        Outcome(method="a", error=KeyError()).unwrap()  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # any exception


def test_a_call_without_an_answer_fails_alone() -> None:
    server = Server(batch=batch_answer(ok(1, "a"), ok(3, "c")))
    outcomes = Mode("sync")(lambda z: z.batch([calls.call(f"{n}.get", {"n": n}) for n in "abc"]), http=server.http)
    assert [o.value for o in outcomes] == ["a", None, "c"]
    assert type(outcomes[1].error) is MalformedResponse
    assert str(outcomes[1].error) == "zabbix.b.get: the reply answers other calls of the batch and not this one"
    assert (outcomes[1].error.status, '"c"' in outcomes[1].error.excerpt) == (200, True)


def test_a_write_without_an_answer_is_in_doubt_alone() -> None:
    server = Server(batch=batch_answer(ok(1, "a")))
    outcomes = Mode("sync")(lambda z: z.batch([calls.call("a.get", {}), calls.call("sla.create", {})]), http=server.http)
    unknown = outcomes[1].error
    assert (type(unknown), unknown.sent, unknown.retry_safe, unknown.operation) == (
        OutcomeUnknown,
        "maybe",
        None,
        "zabbix.sla.create",
    )
    assert [(a.number, a.error, a.status) for a in unknown.attempts] == [(1, "OutcomeUnknown", 200)]
    with pytest.raises(ConfigurationError, match="no look-up"):  # of a call that the SDK does not know nothing can be looked up
        unknown.reconcile()


def test_a_service_whose_creation_is_in_doubt_is_not_looked_up_among_the_slas() -> None:
    server = Server(batch=batch_answer(ok(1, "a")))
    _, created = Mode("sync")(lambda z: z.batch([calls.call("a.get", {}), calls.service_create("Shop")]), http=server.http)
    with pytest.raises(ConfigurationError, match="no look-up"):
        created.error.reconcile()


def test_an_error_of_a_read_or_of_a_change_may_be_repeated() -> None:
    failed = [no(i, "Error connecting to database.", -32603) for i in (1, 2, 3)]
    asked = [calls.sla_get(), calls.sla_update("1", slo=1), calls.service_create("s")]
    outcomes = Mode("sync")(lambda z: z.batch(asked), http=Server(batch=batch_answer(*failed)).http, retry=ONCE)
    assert [o.error.retry_safe for o in outcomes] == [True, True, None]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (batch_answer(), "answers none of the calls"),
        (batch_answer(ok(3, 1)), "call 3, which was not in the batch"),
        (batch_answer(ok(1, 1), ok(1, 1)), "a second time"),
        (httpx.Response(200, content=b""), "empty"),
    ],
)
def test_answers_that_cannot_be_matched_are_refused(answer: httpx.Response, problem: str) -> None:
    server = Server(batch=answer)
    with pytest.raises(MalformedResponse, match=problem):
        Mode("sync")(lambda z: z.batch([calls.call("a.get", {})] * 2), http=server.http)


def test_a_refusal_of_the_whole_is_told_for_each() -> None:
    whole = httpx.Response(200, json=no(None, "Error connecting to database.", -32603))
    outcomes = Mode("sync")(lambda z: z.batch([calls.call("a.get", {})] * 2), http=Server(batch=whole).http, retry=ONCE)
    assert [type(o.error) for o in outcomes] == [ServiceUnavailable, ServiceUnavailable]


@all_modes
def test_an_ended_session_is_renewed_once_for_the_batch(mode: Mode) -> None:
    sandbox = ZabbixSandbox()
    asked = [calls.sla_get(), calls.service_get()]

    def sync(z: Any) -> Any:
        z.batch(asked)
        sandbox.end_sessions()
        return z.batch(asked)

    async def asynchronous(z: Any) -> Any:
        await z.batch(asked)
        sandbox.end_sessions()
        return await z.batch(asked)

    outcomes = mode(sync if mode.name == "sync" else asynchronous, sandbox=sandbox, user="Admin", password="zabbix")
    assert [o.error for o in outcomes] == [None, None]


def test_a_dead_token_fails_the_batch_once() -> None:
    sandbox = ZabbixSandbox()
    sandbox.revoke_token(sandbox.token)
    with pytest.raises(AuthenticationError):
        Mode("sync")(lambda z: z.batch([calls.sla_get(), calls.sla_get()]), sandbox=sandbox)


def test_a_batch_that_writes_is_not_repeated() -> None:
    sandbox = ZabbixSandbox(clock=VirtualClock(), faults=[Fault.lost_answer(skip=1)])
    with pytest.raises(OutcomeUnknown):
        Mode("sync")(lambda z: z.batch([calls.sla_get(), calls.service_create("s")]), sandbox=sandbox)
    assert sandbox.applied == ("service.create 1",)


_UPDATE, _DELETE, _GET = calls.sla_update("1", slo=1), calls.sla_delete("2"), calls.sla_get()


@pytest.mark.parametrize(
    "asked", [(_DELETE, _UPDATE, _GET), (_DELETE, calls.sla_delete("1"), _GET, _GET), (_UPDATE, _UPDATE), (_GET,)]
)
def test_a_batch_is_repeated_if_that_gives_the_same_answers(asked: tuple[Any, ...]) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    sandbox.faults.add(Fault.lost_answer(skip=1))
    outcomes = Mode("sync")(lambda z: z.batch(asked), sandbox=sandbox)
    assert [o.error for o in outcomes] == [None] * len(asked)


@pytest.mark.parametrize("asked", [(_GET, _DELETE), (_GET, _UPDATE), (_UPDATE, _DELETE), (_DELETE, _GET, _UPDATE)])
def test_a_batch_is_not_repeated_if_that_would_give_other_answers(asked: tuple[Any, ...]) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    sandbox.faults.add(Fault.lost_answer(skip=1))
    with pytest.raises(OutcomeUnknown):
        Mode("sync")(lambda z: z.batch(asked), sandbox=sandbox)


def test_a_batch_that_reads_is_repeated() -> None:
    sandbox = ZabbixSandbox(clock=VirtualClock(), faults=[Fault.lost_answer(skip=1)])
    outcomes = Mode("sync")(lambda z: z.batch([calls.sla_get(), calls.service_get()]), sandbox=sandbox)
    assert [o.error for o in outcomes] == [None, None]


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="calls"):
        Mode("sync")(lambda z: z.batch([]), sandbox=ZabbixSandbox())


def test_a_call_without_credentials_is_refused_in_a_batch() -> None:
    with pytest.raises(InvalidArgument, match=r"calls\[1\].*APIINFO\.Version"):
        Mode("sync")(lambda z: z.batch([calls.sla_get(), calls.call("APIINFO.Version", [])]), sandbox=ZabbixSandbox())


def test_the_ledger_shows_one_request_for_all() -> None:
    sandbox = ZabbixSandbox()
    Mode("sync")(lambda z: z.batch([calls.service_create(f"s{i}") for i in range(20)]), sandbox=sandbox)
    assert len(json.loads(sandbox.ledger[-1].body)) == 20
    assert sandbox.ledger[-1].applied is not None
    assert sandbox.ledger[-1].applied.count("service.create") == 20


@pytest.mark.parametrize("name", [n for n in calls.__all__ if n[0].islower()])
def test_a_call_takes_what_the_method_takes(name: str) -> None:
    resource, _, method = name.partition("_")
    owner: Any = {"sla": Slas, "service": Services}.get(resource, Slas if name == "getsli" else ZabbixSLA)
    of_method = dict(inspect.signature(getattr(owner, method or name)).parameters)
    del of_method["self"]
    of_call = inspect.signature(getattr(calls, name)).parameters
    assert [(p.name, p.kind) for p in of_call.values()] == [(p.name, p.kind) for p in of_method.values()]


def test_a_service_in_a_batch_comes_with_what_was_selected() -> None:
    sandbox = ZabbixSandbox.demo()
    asked = [calls.service_get(select_parents=True, select_children=True)]
    ((batched,), singly) = Mode("sync")(
        lambda z: (z.batch(asked), z.service.get(select_parents=True, select_children=True)), sandbox=sandbox
    )
    assert batched.unwrap() == singly
    assert any(service.parents for service in singly)
