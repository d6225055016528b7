"""The distribution as installed: under ``make test`` that is the built wheel, never the source tree."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PACKAGES = ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla")
installed_only = pytest.mark.skipif(
    os.environ.get("SLO_TEST_INSTALLED") != "1",
    reason="an editable install serves the source tree; `make test` sets SLO_TEST_INSTALLED",
)


def package_dir(name: str) -> Path:
    return Path(str(importlib.import_module(name).__file__)).parent


@installed_only
@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_imported_from_site_packages(name: str) -> None:
    assert package_dir(name).parent == Path(sysconfig.get_paths()["purelib"])


@installed_only
@pytest.mark.parametrize("name", PACKAGES)
def test_package_of_a_subprocess_is_imported_from_site_packages(name: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", f"import {name}; print({name}.__file__)"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert Path(printed.strip()).parent.parent == Path(sysconfig.get_paths()["purelib"])


@installed_only
def test_wheel_holds_exactly_four_packages() -> None:
    files = importlib.metadata.files("slo-sdk") or []
    top = {file.parts[0] for file in files if not file.parts[0].endswith(".dist-info")}
    assert top == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_package_says_that_it_is_typed(name: str) -> None:
    assert (package_dir(name) / "py.typed").is_file()


def test_pytest_plugin_is_registered() -> None:
    plugins = {point.name: point.value for point in importlib.metadata.entry_points(group="pytest11")}
    assert plugins["slo_common"] == "slo_common.sandbox.pytest_plugin"


def test_distribution_names_no_upper_bound() -> None:
    requires = [r for r in importlib.metadata.requires("slo-sdk") or [] if "extra ==" not in r]
    assert requires
    assert [r for r in requires if "<" in r or "==" in r or "~=" in r] == []
