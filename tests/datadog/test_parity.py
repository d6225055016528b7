"""The sync and the async client are one: names, parameters, defaults, docstrings and results."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo import _async_resources as later
from datadog_slo import _resources as now
from slo_common import AsyncPaged, SyncPaged

PAIRS: list[tuple[type[Any], type[Any]]] = [
    (now.Reports, later.AsyncReports),
    (now.Slos, later.AsyncSlos),
    (now.Corrections, later.AsyncCorrections),
]
METHODS = [(a, b, name) for a, b in PAIRS for name in vars(a) if not name.startswith("_")]


def test_all_nineteen_operations_have_a_method() -> None:
    found = {f"{a.__name__}.{name}" for a, _, name in METHODS}
    assert found == {
        *(f"Reports.{n}" for n in ("create", "status", "download", "download_to", "wait", "run", "run_to", "resume")),
        *(f"Slos.{n}" for n in ("list", "get", "create", "update", "delete", "can_delete", "bulk_delete", "search", "facets")),
        *(f"Slos.{n}" for n in ("history", "status", "corrections")),
        *(f"Corrections.{n}" for n in ("list", "get", "create", "update", "delete")),
    }


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_the_same_methods(one: type[Any], two: type[Any]) -> None:
    assert [n for n in vars(one) if not n.startswith("_")] == [n for n in vars(two) if not n.startswith("_")]


@pytest.mark.parametrize(("one", "two", "name"), METHODS)
def test_the_same_signature_docstring_and_result(one: type[Any], two: type[Any], name: str) -> None:
    a, b = getattr(one, name), getattr(two, name)
    assert inspect.signature(a, eval_str=False).parameters == inspect.signature(b, eval_str=False).parameters
    assert a.__doc__ == b.__doc__
    result, awaited = (typing.get_type_hints(f, vars(now) | vars(later))["return"] for f in (a, b))
    if typing.get_origin(result) is SyncPaged:
        assert typing.get_origin(awaited) is AsyncPaged
        assert (typing.get_args(result), inspect.iscoroutinefunction(b)) == (typing.get_args(awaited), False)
    else:
        assert (result, inspect.iscoroutinefunction(b)) == (awaited, True)


@pytest.mark.parametrize(("one", "two", "name"), METHODS)
def test_every_method_says_what_it_raises_and_shows_an_example(one: type[Any], two: type[Any], name: str) -> None:
    doc = getattr(one, name).__doc__
    assert "Raises" in doc
    assert ">>> " in doc


def test_the_clients_take_the_same_arguments() -> None:
    def shape(client: type[Any]) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(client.__init__).parameters.values()]

    assert shape(DatadogSLO) == shape(AsyncDatadogSLO)
    assert set(vars(DatadogSLO)["__annotations__"]) == set(vars(AsyncDatadogSLO)["__annotations__"])
