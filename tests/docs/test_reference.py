"""The reference lists everything that is public, and nothing that is not there."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md")))
DOCUMENTED = set(re.findall(r"^\.\. auto\w+:: (\S+)$", TEXT, re.MULTILINE))
NAMES = {entry.rpartition(".")[2] for entry in DOCUMENTED}

RESOURCES = {
    "datadog_slo::DatadogSLO.reports": ("datadog_slo._resources", "Reports"),
    "datadog_slo::DatadogSLO.slos": ("datadog_slo._resources", "Slos"),
    "datadog_slo::DatadogSLO.corrections": ("datadog_slo._resources", "Corrections"),
    "rootly_sla::RootlySLA.slas": ("rootly_sla._slas", "Slas"),
    "zabbix_sla::ZabbixSLA.apiinfo": ("zabbix_sla._resources", "ApiInfo"),
    "zabbix_sla::ZabbixSLA.sla": ("zabbix_sla._resources", "Slas"),
    "zabbix_sla::ZabbixSLA.service": ("zabbix_sla._resources", "Services"),
}


@pytest.mark.parametrize(
    "module",
    [
        "datadog_slo",
        "datadog_slo.sandbox",
        "rootly_sla",
        "rootly_sla.sandbox",
        "slo_common",
        "slo_common.sandbox",
        "zabbix_sla",
        "zabbix_sla.calls",
        "zabbix_sla.models",
        "zabbix_sla.sandbox",
    ],
)
def test_every_public_name_of_a_module_is_documented(module: str) -> None:
    public: list[str] = importlib.import_module(module).__all__
    assert [name for name in public if name not in NAMES] == []


@pytest.mark.parametrize(("public", "home"), RESOURCES.items(), ids=list(RESOURCES))
def test_every_method_of_a_resource_is_documented(public: str, home: tuple[str, str]) -> None:
    resource = getattr(importlib.import_module(home[0]), home[1])
    methods = [name for name, _ in inspect.getmembers(resource, inspect.isfunction) if not name.startswith("_")]
    assert [name for name in methods if f"{public}.{name}" not in DOCUMENTED] == []


@pytest.mark.parametrize("entry", sorted(entry for entry in DOCUMENTED if "::" not in entry))
def test_what_is_documented_can_be_imported_from_there(entry: str) -> None:
    module, _, name = entry.rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_every_example_says_its_purpose_in_the_first_line() -> None:
    scripts = [path for path in (REFERENCE.parents[1] / "examples").glob("*.py") if not path.name.startswith("_")]
    first = {path.name: path.read_text(encoding="utf-8").splitlines()[0] for path in scripts}
    assert {name: line for name, line in first.items() if not re.fullmatch(r'"""[A-Z].{20,}[.:]("""|.*)', line)} == {}
