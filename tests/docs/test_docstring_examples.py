"""The examples in docstrings: those that stand alone run; of those that need a server, the calls exist and take these arguments."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import io
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

import datadog_slo
import rootly_sla
import zabbix_sla

PACKAGES = ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
CLIENTS: dict[str, Any] = {
    "dd": datadog_slo.DatadogSLO("k", "a", base_url="http://127.0.0.1:9"),
    "rootly": rootly_sla.RootlySLA("t", base_url="http://127.0.0.1:9"),
    "zbx": zabbix_sla.ZabbixSLA("http://127.0.0.1:9", token="t"),
}


def examples() -> Iterator[doctest.DocTest]:
    """Of all modules, each once; with the public names that a reader would have imported."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        sandbox = importlib.import_module(f"{package}.sandbox"), importlib.import_module("slo_common.sandbox")
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            for test in doctest.DocTestFinder(exclude_empty=True).find(module):
                public = {name: getattr(m, name) for m in (*sandbox, root) for name in m.__all__}
                test.globs = {**public, **test.globs}
                if test.examples:
                    yield test


TESTS = {test.name: test for test in examples()}


def is_run(example: doctest.Example) -> bool:
    return not example.options.get(doctest.SKIP)


@pytest.mark.parametrize("name", [name for name, test in TESTS.items() if any(map(is_run, test.examples))])
def test_an_example_that_stands_alone_gives_what_it_says(name: str) -> None:
    said = io.StringIO()
    result = doctest.DocTestRunner(optionflags=FLAGS).run(TESTS[name], out=said.write, clear_globs=False)
    assert result.failed == 0, said.getvalue()
    assert result.attempted > 0


@frozen
class Use:
    """A call of a client in an example."""

    place: str
    path: str
    call: ast.Call


def _path(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _path(node.value)):
        return [*before, node.attr]
    return []


def uses() -> Iterator[Use]:
    """The calls of ``dd``, ``rootly`` and ``zbx`` in the examples that are not run."""
    for name, test in TESTS.items():
        for example in test.examples:
            if is_run(example):
                continue
            tree = compile(example.source, name, "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            for node in ast.walk(tree):
                path = _path(node.func) if isinstance(node, ast.Call) else []
                if isinstance(node, ast.Call) and path and path[0] in CLIENTS:
                    yield Use(name, ".".join(path), node)


USES = list(uses())


def test_the_examples_use_every_vendor() -> None:
    assert {use.path.partition(".")[0] for use in USES} == set(CLIENTS)


@pytest.mark.parametrize("use", USES, ids=[f"{use.place}-{use.path}" for use in USES])
def test_a_call_in_an_example_exists_and_takes_these_arguments(use: Use) -> None:
    client, *rest = use.path.split(".")
    method = CLIENTS[client]
    for attribute in rest:
        method = getattr(method, attribute)
    named = {keyword.arg: ... for keyword in use.call.keywords if keyword.arg is not None}
    taken: Any = inspect.signature(method)
    if any(keyword.arg is None for keyword in use.call.keywords):
        taken.bind_partial(*use.call.args, **named)  # ** brings the rest
    else:
        taken.bind(*use.call.args, **named)
