"""The sync and the async surface are one surface: same names, parameters, defaults, documentation and results.

Every class of a vendor package whose name is another one's with ``Async`` before it is such a pair; so are the resources that hang on
the two clients.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

import pytest
from attrs import frozen

import datadog_slo
import rootly_sla
import zabbix_sla
from slo_common import AsyncPaged, SyncPaged

CLIENTS: dict[str, tuple[Any, Any]] = {
    "datadog_slo": (
        lambda: datadog_slo.DatadogSLO("api", "app", base_url="http://127.0.0.1:9"),
        lambda: datadog_slo.AsyncDatadogSLO("api", "app", base_url="http://127.0.0.1:9"),
    ),
    "rootly_sla": (
        lambda: rootly_sla.RootlySLA("token", base_url="http://127.0.0.1:9"),
        lambda: rootly_sla.AsyncRootlySLA("token", base_url="http://127.0.0.1:9"),
    ),
    "zabbix_sla": (
        lambda: zabbix_sla.ZabbixSLA("http://127.0.0.1:9/api_jsonrpc.php", token="token"),
        lambda: zabbix_sla.AsyncZabbixSLA("http://127.0.0.1:9/api_jsonrpc.php", token="token"),
    ),
}
# How one mode says what the other says with another word.
CLOSERS = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__", "__anext__": "__next__"}
SPECIAL = {*CLOSERS, *CLOSERS.values()}


@frozen
class Pair:
    """A sync class and its async twin."""

    sync: type
    asynchronous: type


def sync_name(name: str) -> str:
    return CLOSERS.get(name, name)


def public_members(cls: type) -> dict[str, Any]:
    """Public members by their sync name, as they stand in the class: unbound functions, properties, descriptors."""
    return {
        sync_name(name): inspect.getattr_static(cls, name)
        for name in dir(cls)
        if (not name.startswith("_") or name in SPECIAL) and not (name in SPECIAL and not defined_by_us(cls, name))
    }


def defined_by_us(cls: type, name: str) -> bool:
    return any(name in base.__dict__ for base in cls.__mro__ if base is not object)


def plain_text(text: str | None) -> str:
    """A docstring or annotation with the words taken out that differ by mode alone."""
    text = re.sub(r"\b(await|async) ", "", text or "")
    text = re.sub(r"\b(?:Awaitable\[|Coroutine\[Any, Any, )(\w+(?:\[(?:[^\[\]]|\[[^\[\]]*\])*\])?)\]", r"\1", text)
    text = re.sub(r"\b(_?)(Async|Sync)(?=[A-Z])", r"\1", text)
    for special, twin in CLOSERS.items():
        text = text.replace(special, twin)
    return text


def annotation(value: object) -> str:
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return plain_text(text)


def shape(function: Any) -> list[tuple[str, str, str, str]]:
    """Name, kind, default and type of each parameter."""
    return [
        (p.name, p.kind.name, "required" if p.default is p.empty else repr(p.default), annotation(p.annotation))
        for p in inspect.signature(function).parameters.values()
    ]


def function_of(member: Any) -> Any:
    """The function behind a member, or None."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, classmethod | staticmethod):
        return cast("Any", member).__func__
    return member if inspect.isfunction(member) else None


def modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)


def named_pairs(package: str) -> Iterator[Pair]:
    classes: dict[str, type] = {}
    for module in modules(package):
        contents: dict[str, object] = vars(module)
        classes |= {n: v for n, v in contents.items() if isinstance(v, type) and v.__module__ == module.__name__}
    for name, cls in classes.items():
        if match := re.fullmatch(r"(_?)Async(\w+)", name):
            twin = classes.get(match[1] + match[2]) or classes.get(f"{match[1]}Sync{match[2]}")
            assert twin is not None, f"{cls.__module__}.{name} has no sync twin"
            yield Pair(twin, cls)


def resources(client: Any, package: str) -> dict[str, Any]:
    """Public attributes of a client that are objects of its own package with methods: ``reports``, ``slas``, ``sla`` ..."""
    found: dict[str, Any] = {}
    for name in dir(client):
        if not name.startswith("_"):
            value = getattr(client, name)
            if type(value).__module__.startswith(f"{package}.") and not inspect.isroutine(value):
                found[name] = value
    return found


def client_pairs(package: str) -> Iterator[Pair]:
    make_sync, make_async = CLIENTS[package]
    sync, asynchronous = make_sync(), make_async()
    mine, theirs = resources(sync, package), resources(asynchronous, package)
    assert mine.keys() == theirs.keys()
    for name in mine:
        twins = Pair(mine[name].__class__, theirs[name].__class__)
        if twins.sync is not twins.asynchronous:
            yield twins
    sync.close()


ALL_PAIRS = [Pair(SyncPaged, AsyncPaged), *(p for package in CLIENTS for p in (*named_pairs(package), *client_pairs(package)))]
PAIRS = {f"{p.sync.__module__}.{p.sync.__name__}": p for p in ALL_PAIRS}
MEMBERS = [(pair, name) for pair in PAIRS.values() for name in public_members(pair.sync)]
MEMBER_IDS = [f"{pair.sync.__name__}.{name}" for pair, name in MEMBERS]


def both(pair: Pair, name: str) -> tuple[Any, Any]:
    return public_members(pair.sync)[name], public_members(pair.asynchronous)[name]


@pytest.mark.parametrize(
    "expected",
    [
        "datadog_slo reports",
        "datadog_slo slos",
        "datadog_slo corrections",
        "rootly_sla slas",
        "zabbix_sla sla",
        "zabbix_sla service",
        "zabbix_sla apiinfo",
    ],
)
def test_client_has_the_resource(expected: str) -> None:
    package, name = expected.split()
    sync = CLIENTS[package][0]()
    assert name in resources(sync, package)
    sync.close()


@pytest.mark.parametrize("package", CLIENTS)
def test_resources_of_the_two_clients_are_twins(package: str) -> None:
    make_sync, make_async = CLIENTS[package]
    sync = make_sync()
    mine = {name: type(value).__name__ for name, value in resources(sync, package).items()}
    theirs = {name: plain_text(type(value).__name__) for name, value in resources(make_async(), package).items()}
    sync.close()
    assert mine == theirs


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_twins_have_the_same_public_names(pair: Pair) -> None:
    assert public_members(pair.sync).keys() == public_members(pair.asynchronous).keys()


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_twins_are_both_documented(pair: Pair) -> None:
    assert pair.sync.__doc__
    assert pair.asynchronous.__doc__


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_twins_are_built_from_the_same_arguments(pair: Pair) -> None:
    assert shape(pair.sync) == shape(pair.asynchronous)


@pytest.mark.parametrize(("pair", "name"), MEMBERS, ids=MEMBER_IDS)
def test_members_take_the_same_parameters(pair: Pair, name: str) -> None:
    sync, asynchronous = (function_of(member) for member in both(pair, name))
    assert (sync is None) == (asynchronous is None)
    if sync is not None:
        assert shape(sync) == shape(asynchronous)


@pytest.mark.parametrize(("pair", "name"), MEMBERS, ids=MEMBER_IDS)
def test_members_return_the_same_type(pair: Pair, name: str) -> None:
    sync, asynchronous = (function_of(member) for member in both(pair, name))
    if sync is not None:
        assert annotation(inspect.signature(sync).return_annotation) == annotation(
            inspect.signature(asynchronous).return_annotation
        )


@pytest.mark.parametrize(("pair", "name"), MEMBERS, ids=MEMBER_IDS)
def test_members_are_documented_alike(pair: Pair, name: str) -> None:
    sync, asynchronous = both(pair, name)
    if name in SPECIAL:
        return
    assert sync.__doc__
    assert plain_text(sync.__doc__) == plain_text(asynchronous.__doc__)


@pytest.mark.parametrize(("pair", "name"), MEMBERS, ids=MEMBER_IDS)
def test_member_kinds_are_twins(pair: Pair, name: str) -> None:
    """A property stays a property; what is a coroutine function in one mode is a plain one in the other."""
    sync, asynchronous = both(pair, name)
    assert isinstance(sync, property) == isinstance(asynchronous, property)
    assert not inspect.iscoroutinefunction(function_of(sync))
