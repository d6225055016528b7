"""Whatever a parameter of a public method is given, only our exceptions come out, and what is of no type that fits is named."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

import pytest

from rootly_sla import AsyncRootlySLA, Condition, NotificationConfiguration, Plan, PlannedChange, RootlySLA, SlaSpec, Step
from rootly_sla._slas import Slas
from rootly_sla.sandbox import RootlySandbox
from slo_common import ConfigurationError, InvalidArgument, SloError
from tests.rootly.modes import TOKEN, is_lazy
from tests.rootly.rootly_requests import FIELD, WANTED


class Odd:
    """Of no type that any parameter takes."""


ODD: Any = Odd()
SCALARS: tuple[Any, ...] = (None, True, 0, -1, 1.5, math.nan, math.inf, 10**400, 2**63, "x", "", b"x", "\ud800", ODD, int, len)
LISTS: tuple[Any, ...] = ([], [None], [1], ["x"], [["x"]], [b"x"], [[]], [{}], [ODD], ["\ud800"], ("a", "b"), {1}, range(2))
MAPPINGS: tuple[Any, ...] = ({}, {"a": 1}, {1: 2}, {"\ud800": "x"}, [{"a": "b"}], [{1: 2}])
SPEC = {**WANTED, "name": ODD, "assignment_deadline_days": ODD, "conditions": ODD}
MODELS: tuple[Any, ...] = (
    [Condition(conditionable_type=ODD, operator=ODD, property=ODD, values=ODD, form_field_id=ODD, position=ODD)],
    [{"conditionable_type": [], "operator": {}, "property": [], "values": [ODD], "form_field_id": [], "position": "x"}],
    [{"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "severity", "operator": "\ud800", "values": ["\ud800"]}],
    [NotificationConfiguration(offset_type=ODD, offset_days=ODD)],
    [{"offset_type": {}, "offset_days": math.nan}],
    SlaSpec(**SPEC),
    [SlaSpec(**SPEC)],
    Plan(changes=ODD),
    Plan(changes=(ODD,)),
    Plan(changes=(PlannedChange(step=Step.DELETE, name="x"),)),
)
JUNK: tuple[Any, ...] = (*SCALARS, *LISTS, *MAPPINGS, *MODELS, datetime(2026, 1, 1))  # noqa: DTZ001  # a naive time is junk

NEEDED: dict[str, dict[str, object]] = {
    "create": WANTED,
    "ensure": WANTED,
    "update": {"sla_id": "x", "name": "n"},
    "plan": {"desired": []},
    "builtin": {"property_name": "severity", "operator": "is_set"},
    "custom": {"form_field_id": FIELD, "operator": "is_set"},
}
"""What a method needs beside the parameter under test."""


def parameters(methods: Iterable[Callable[..., object]]) -> list[tuple[str, str]]:
    return [(m.__name__, p) for m in methods for p in inspect.signature(m).parameters if p != "self"]


METHODS = parameters(m for name, m in inspect.getmembers(Slas, inspect.isfunction) if name[0] != "_")
every_parameter = pytest.mark.parametrize(("name", "parameter"), METHODS, ids=[".".join(p) for p in METHODS])
CONSTRUCTORS: dict[str, Callable[..., object]] = {
    "builtin": Condition.builtin,
    "custom": Condition.custom,
    "from_dict": SlaSpec.from_dict,
}


def use(slas: Slas, name: str, parameter: str, value: object) -> None:
    """Call the method with this value in the parameter; a list is read to its end."""
    result = getattr(slas, name)(**{**NEEDED.get(name, {}), parameter: value})
    if is_lazy(result):
        list(result)


@every_parameter
def test_what_fits_no_type_is_named_before_any_request(name: str, parameter: str) -> None:
    sandbox = RootlySandbox()
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly, pytest.raises(InvalidArgument) as caught:
        use(rootly.slas, name, parameter, ODD)
    assert parameter in caught.value.problems[0]
    assert sandbox.ledger == ()


@every_parameter
def test_only_our_exceptions_come_of_junk(name: str, parameter: str) -> None:
    sandbox = RootlySandbox()
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        for value in JUNK:
            with suppress(SloError):
                use(rootly.slas, name, parameter, value)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("builtin", "property_name"),
        ("builtin", "operator"),
        ("builtin", "values"),
        ("custom", "operator"),
        ("custom", "values"),
        ("from_dict", "values"),
    ],
)
def test_a_constructor_names_what_fits_no_type(name: str, parameter: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        CONSTRUCTORS[name](**{**NEEDED.get(name, {}), parameter: ODD})
    assert caught.value.problems[0].startswith(f"{parameter}: <")


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_only_our_exceptions_come_of_junk_in_a_constructor(name: str) -> None:
    for parameter in inspect.signature(CONSTRUCTORS[name]).parameters:
        for value in JUNK:
            with suppress(SloError):
                CONSTRUCTORS[name](**{**NEEDED.get(name, {}), parameter: value})


def test_a_word_does_not_count_as_true() -> None:
    """Or ``delete_others="no"`` would plan to delete every SLA that is not named."""
    with RootlySLA(TOKEN, http=RootlySandbox().transport()) as rootly, pytest.raises(InvalidArgument, match="delete_others: 'no'"):
        rootly.slas.plan([], delete_others=cast("bool", "no"))


OPTIONS = [p for p in inspect.signature(RootlySLA).parameters if p not in ("http", "on_event")]


@pytest.mark.parametrize("client", [RootlySLA, AsyncRootlySLA])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_fits_no_type_is_named_when_the_client_is_made(client: Callable[..., object], option: str) -> None:
    with pytest.raises((ConfigurationError, InvalidArgument), match=rf"^{option}: "):
        client(**{"token": TOKEN, option: ODD})
