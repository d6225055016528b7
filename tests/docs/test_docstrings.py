"""Whatever is public says what it is: every class, function, method, property and field that a user can reach."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any, cast

import pytest
from attrs import frozen

from tests.docs.test_reference import RESOURCES

MODULES = (
    "slo_common",
    "slo_common.sandbox",
    "datadog_slo",
    "datadog_slo.models",
    "datadog_slo.sandbox",
    "rootly_sla",
    "rootly_sla.errors",
    "rootly_sla.models",
    "rootly_sla.sandbox",
    "zabbix_sla",
    "zabbix_sla.calls",
    "zabbix_sla.models",
    "zabbix_sla.sandbox",
)
PACKAGES = ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla")


@frozen
class Public:
    """Something that a user can reach, by the name that it is reached by."""

    name: str
    value: Any

    @property
    def text(self) -> str:
        return inspect.getdoc(self.value) or ""


def names_of(module: ModuleType) -> list[str]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return getattr(module, "__all__", [name for name in own if not name.startswith("_")])


def public_classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in MODULES:
        loaded = importlib.import_module(module)
        found |= {f"{module}.{n}": v for n in names_of(loaded) if inspect.isclass(v := getattr(loaded, n)) and is_ours(v)}
    for public, (home, name) in RESOURCES.items():
        found[public.replace("::", ".")] = getattr(importlib.import_module(home), name)
    return found


def is_ours(value: object) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] in PACKAGES


def public_functions() -> Iterator[Public]:
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in names_of(loaded):
            value = getattr(loaded, name)
            if inspect.isfunction(value) and is_ours(value):
                yield Public(f"{module}.{name}", value)


def members(name: str, cls: type) -> Iterator[Public]:
    """What the class itself, or a base of ours, defines in public."""
    for member in dir(cls):
        value = inspect.getattr_static(cls, member)
        owner = next((base for base in cls.__mro__ if member in vars(base)), object)
        if member.startswith("_") or not is_ours(owner):
            continue
        if isinstance(value, (classmethod, staticmethod)):
            yield Public(f"{name}.{member}", cast("Any", value).__func__)
        elif inspect.isfunction(value) or isinstance(value, (property, cached_property)):
            yield Public(f"{name}.{member}", value)


CLASSES = public_classes()
MEMBERS = [member for name, cls in CLASSES.items() for member in members(name, cls)]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_class_and_function_says_what_it_is(package: str) -> None:
    things = [*(Public(name, cls) for name, cls in CLASSES.items()), *public_functions()]
    assert len(things) > 100
    assert [t.name for t in things if t.name.startswith(package) and not (t.value.__doc__ or "").strip()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_method_and_property_says_what_it_does(package: str) -> None:
    ours = [m for m in MEMBERS if m.name.startswith(package)]
    assert len(ours) > 20
    assert [m.name for m in ours if not m.text] == []


@pytest.mark.parametrize("public", RESOURCES)
def test_every_operation_has_an_example(public: str) -> None:
    operations = members(public.replace("::", "."), CLASSES[public.replace("::", ".")])
    assert [o.name for o in operations if ">>>" not in o.text] == []


@pytest.mark.parametrize("public", RESOURCES)
def test_every_operation_says_what_it_raises(public: str) -> None:
    operations = members(public.replace("::", "."), CLASSES[public.replace("::", ".")])
    assert [
        o.name for o in operations if not re.search(r"[Rr]aise|:class:`~?[\w.]*(Error|Unknown|Failed|Timeout|NotFound)", o.text)
    ] == []
