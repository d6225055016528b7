"""The surface of the Datadog client: every operation has its method, and every method says what it raises and shows an example."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import datadog_slo
from datadog_slo import _resources as resources

CLASSES: tuple[type[Any], ...] = (resources.Reports, resources.Slos, resources.Corrections)
METHODS = [f"{cls.__name__}.{name}" for cls in CLASSES for name in vars(cls) if not name.startswith("_")]


def test_all_nineteen_operations_have_a_method() -> None:
    assert sorted(METHODS) == sorted(
        [
            *(f"Reports.{n}" for n in ("create", "status", "download", "download_to", "wait", "run", "run_to", "resume")),
            *(f"Slos.{n}" for n in ("list", "get", "create", "update", "delete", "can_delete", "bulk_delete", "search", "facets")),
            *(f"Slos.{n}" for n in ("history", "status", "corrections")),
            *(f"Corrections.{n}" for n in ("list", "get", "create", "update", "delete")),
        ]
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_what_it_raises_and_shows_an_example(method: str) -> None:
    cls, _, name = method.partition(".")
    doc = getattr(getattr(resources, cls), name).__doc__
    assert "Raises" in doc
    assert ">>> " in doc


RESULTS = [
    (name, method)
    for name in datadog_slo.__all__
    if isinstance(cls := getattr(datadog_slo, name), type)
    for method, value in vars(cls).items()
    if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod))
]


@pytest.mark.parametrize(("name", "method"), RESULTS)
def test_every_method_of_a_result_says_what_it_raises_and_shows_an_example(name: str, method: str) -> None:
    doc = getattr(getattr(datadog_slo, name), method).__doc__
    assert "Raises" in doc
    assert ">>> " in doc
