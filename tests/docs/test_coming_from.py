"""The tables for those who come from another client: every call of ours that they name is there, with the arguments that they name."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from operator import attrgetter

import pytest

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import RootlySLA
from rootly_sla.sandbox import RootlySandbox
from tests.docs.snippets import ROOT
from zabbix_sla import ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

PACKAGES = [importlib.import_module(name) for name in ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla")]
OURS = [
    code
    for page in sorted((ROOT / "docs" / "coming-from").glob("*.md"))
    for row in re.findall(r"^\|.*\|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", row.rstrip("| ").rpartition("|")[2])
]
CALLS = sorted({code for code in OURS if re.match(r"(dd|rootly|zbx)\.[\w.]+\(", code)})
CLASSES = sorted({name for code in OURS for name in re.findall(r"\b[A-Z][a-z]\w+[A-Za-z]\b", code) if "." not in code})
FOREIGN = {"None"}


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, object]]:
    with (
        DatadogSLO("any", "any", http=DatadogSandbox().transport()) as dd,
        RootlySLA("any", http=RootlySandbox().transport()) as rootly,
        ZabbixSLA("http://localhost", token="any", http=ZabbixSandbox().transport()) as zbx,
    ):
        yield {"dd": dd, "rootly": rootly, "zbx": zbx}


@pytest.mark.parametrize("code", CALLS)
def test_a_call_of_ours_is_there_with_its_arguments(code: str, clients: dict[str, object]) -> None:
    path, _, arguments = code.partition("(")
    client, _, method = path.partition(".")
    function: Callable[..., object] = attrgetter(method)(clients[client])
    known = inspect.signature(function).parameters
    assert [name for name in re.findall(r"(\w+)=", arguments) if name not in known] == []


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in FOREIGN])
def test_a_class_of_ours_is_public(name: str) -> None:
    assert any(name in package.__all__ for package in PACKAGES)


def test_the_tables_were_read() -> None:
    assert len(CALLS) > 30
    assert len(CLASSES) > 15
