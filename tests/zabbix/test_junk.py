"""Whatever a parameter of a public method is given, only our exceptions come out, and what is of no type that fits is named."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

import httpx
import pytest

from slo_common import ConfigurationError, InvalidArgument, SloError
from tests.zabbix.modes import TOKEN, URL, Server
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA, calls
from zabbix_sla._resources import Services, Slas
from zabbix_sla._rpc import Rpc
from zabbix_sla.models import (
    ExcludedDowntime,
    Match,
    ProblemTag,
    Schedule,
    Search,
    ServiceStatus,
    ServiceTag,
    SlaPeriod,
    StatusRule,
    Tag,
    TagCondition,
    TagOperator,
)
from zabbix_sla.sandbox import ZabbixSandbox


class Odd:
    """Of no type that any parameter takes."""


ODD: Any = Odd()
SCALARS: tuple[Any, ...] = (None, True, 0, -1, 1.5, math.nan, math.inf, 10**400, "x", "", "ab", b"x", "\ud800", ODD, int, len)
LISTS: tuple[Any, ...] = (
    [],
    [None],
    [1],
    ["x"],
    [["x"]],
    [b"x"],
    [[]],
    [{}],
    [math.nan],
    [ODD],
    ["\ud800"],
    [10**30],
    ["ASC", None],
    ("a", "b"),
    {1},
    range(2),
)
PAIRS: tuple[Any, ...] = ([("a", "b")], [(1,)], [(1, 2, 3)], [(None, "x")], [{"tag": "a"}])
MAPPINGS: tuple[Any, ...] = (
    {},
    {"a": 1},
    {"a": "b"},
    {1: 2},
    {"a": None},
    {"a": math.nan},
    {"a": ODD},
    {"a": [ODD]},
    {"a": {"b": "c"}},
    {"\ud800": "x"},
)
MODELS: tuple[Any, ...] = (
    Schedule(period_from=ODD, period_to=ODD),
    [Schedule(period_from=ODD, period_to=ODD)],
    [ServiceTag(tag=ODD, value=ODD, operator=ODD)],
    [ProblemTag(tag=ODD, value=ODD, operator=ODD)],
    [Tag(tag=ODD, value=ODD)],
    [TagCondition(tag=ODD, value=ODD, operator=ODD)],
    [ExcludedDowntime(name=ODD, period_from=ODD, period_to=ODD)],
    [StatusRule(type=ODD, limit_value=ODD, limit_status=ODD, new_status=ODD)],
    Search(fields=ODD),
    Search(fields={"a": ODD}, any_field=ODD),
)
JUNK: tuple[Any, ...] = (*SCALARS, *LISTS, *PAIRS, *MAPPINGS, *MODELS, datetime(2026, 1, 1), Search(fields={}))  # noqa: DTZ001  # a naive time is junk

SLA: dict[str, Any] = {"name": "n", "period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC", "service_tags": {"a": "b"}}
SPAN: dict[str, Any] = {"slaid": "1", "start": 1_700_000_000, "end": 1_701_000_000}
NEEDED: dict[str, dict[str, Any]] = {
    "sla.create": SLA,
    "sla.update": {"slaid": "1", "name": "z"},
    "sla.getsli": {"slaid": "1"},
    "sla.report": SPAN,
    "sla.report_periods": SPAN,
    "service.create": {"name": "n"},
    "service.update": {"serviceid": "1", "name": "z"},
    "call": {"method": "host.get"},
    "calls.call": {"method": "host.get", "params": {}},
    "calls.getsli": {"slaid": "1"},
    "calls.sla_create": SLA,
    "calls.sla_update": {"slaid": "1", "name": "z"},
    "calls.service_create": {"name": "n"},
    "calls.service_update": {"serviceid": "1", "name": "z"},
}
"""What a method needs beside the parameter under test."""


def public(owner: object) -> list[str]:
    return [name for name, member in vars(owner).items() if inspect.isfunction(member) and name[0] != "_"]


METHODS = [
    *(f"sla.{name}" for name in public(Slas)),
    *(f"service.{name}" for name in public(Services)),
    *(f"calls.{name}" for name in public(calls)),
    "call",
    "batch",
]


def method_of(client: ZabbixSLA, name: str) -> Callable[..., object]:
    found: Any = client
    for part in name.removeprefix("calls.").split("."):
        found = getattr(calls if name.startswith("calls.") else found, part)
    return cast("Callable[..., object]", found)


def use(client: ZabbixSLA, name: str, parameter: str, value: object) -> None:
    """Call the method with this value in the parameter; what is lazy is run to its end, and a call is sent."""
    method = method_of(client, name)
    signature = inspect.signature(method)
    if signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL:
        result = method(value)
    else:
        bound = signature.bind_partial(**{**NEEDED.get(name, {}), parameter: value})
        result = method(*bound.args, **bound.kwargs)
    if isinstance(result, Iterator):
        list(cast("Iterator[object]", result))
    if isinstance(result, Rpc):
        client.batch([cast("Rpc[object]", result)])


CLIENT = ZabbixSLA(URL, token=TOKEN, http=httpx.MockTransport(lambda _: httpx.Response(599)))
PARAMETERS = [(name, parameter) for name in METHODS for parameter in inspect.signature(method_of(CLIENT, name)).parameters]
every_parameter = pytest.mark.parametrize(("name", "parameter"), PARAMETERS, ids=[".".join(p) for p in PARAMETERS])


@every_parameter
def test_what_fits_no_type_is_named_before_any_request(name: str, parameter: str) -> None:
    server = Server()
    with ZabbixSLA(URL, token=TOKEN, http=server.http) as client, pytest.raises(InvalidArgument) as caught:
        use(client, name, parameter, ODD)
    assert caught.value.problems[0].startswith(parameter)
    assert server.requests == []


@every_parameter
def test_only_our_exceptions_come_of_junk(name: str, parameter: str) -> None:
    sandbox = ZabbixSandbox.demo()
    with ZabbixSLA(URL, token=sandbox.token, http=sandbox.transport()) as client:
        for value in JUNK:
            with suppress(SloError):
                use(client, name, parameter, value)


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (
            lambda: calls.sla_get(service_tags=[TagCondition(tag="a", operator=cast("Any", Match.CONTAINS))]),
            "service_tags[0].operator",
        ),
        (
            lambda: calls.sla_update("1", service_tags=[ServiceTag(tag="a", operator=cast("Any", TagOperator.NOT_CONTAINS))]),
            "service_tags[0].operator",
        ),
        (lambda: calls.sla_update("1", status=cast("Any", SlaPeriod.WEEKLY)), "status"),
        (
            lambda: calls.service_update(
                "1",
                status_rules=[
                    StatusRule(
                        type=cast("Any", ServiceStatus.HIGH),
                        limit_value=1,
                        limit_status=ServiceStatus.OK,
                        new_status=ServiceStatus.HIGH,
                    )
                ],
            ),
            "status_rules[0].type",
        ),
    ],
)
def test_a_member_of_another_enumeration_is_refused(operation: Callable[[], object], named: str) -> None:
    """Its number would mean something else: ``Match.CONTAINS`` is the 2 that says "does not contain" in a condition."""
    with pytest.raises(InvalidArgument) as caught:
        operation()
    assert [p.partition(":")[0] for p in caught.value.problems] == [named]


def test_a_bad_row_does_not_hide_what_is_wrong_with_the_next() -> None:
    with pytest.raises(InvalidArgument) as caught:
        calls.sla_update("1", service_tags=cast("Any", [("a", "b"), ServiceTag(tag="")]))
    assert caught.value.problems == (
        "service_tags[0]: ('a', 'b') was given; allowed: a ServiceTag",
        "service_tags[1].tag: '' was given; allowed: a non-empty string",
    )


def test_ids_may_come_from_a_generator() -> None:
    sandbox = ZabbixSandbox.demo()
    with ZabbixSLA(URL, token=sandbox.token, http=sandbox.transport()) as client:
        end = int(sandbox.clock.now())
        whole = client.sla.report("1", end - 86_400, end)
        some = client.sla.report("1", end - 86_400, end, cast("Any", iter(whole.serviceids[:1])))
    assert some.serviceids == whole.serviceids[:1] != ()


def test_mappings_of_any_kind_can_be_sent() -> None:
    server = Server()
    with ZabbixSLA(URL, token=TOKEN, http=server.http) as client:
        client.call("host.get", MappingProxyType({"limit": 1}))
    assert server.bodies[-1]["params"] == {"limit": 1}


OPTIONS = [p for p in inspect.signature(ZabbixSLA).parameters if p not in ("http", "on_event")]


@pytest.mark.parametrize("client", [ZabbixSLA, AsyncZabbixSLA])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_fits_no_type_is_named_when_the_client_is_made(client: Callable[..., object], option: str) -> None:
    credential = {"user": "u", "password": "p"} if option in ("user", "password") else {"token": TOKEN}
    with pytest.raises((ConfigurationError, InvalidArgument), match=rf"^{option}: "):
        client(**{"url": URL, **credential, option: ODD})


@pytest.mark.parametrize("option", ["timeout", "retry", "max_response_bytes", "strict_json"])
def test_an_option_of_a_view_that_fits_no_type_is_named(option: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{option}: "):
        CLIENT.with_options(**{option: ODD})
