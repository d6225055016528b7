"""What the package promises by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

import zabbix_sla
from zabbix_sla import calls, models


@pytest.mark.parametrize("name", zabbix_sla.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(zabbix_sla, name).__name__ == name


def test_the_names_are_listed() -> None:
    assert set(zabbix_sla.__all__) <= set(dir(zabbix_sla))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Zabbix'"):
        zabbix_sla.Zabbix  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnusedExpression]  # that is the point


@pytest.mark.parametrize("module", [calls, models])
def test_listed_names_of_the_modules_exist(module: object) -> None:
    assert all(hasattr(module, name) for name in module.__all__)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue,reportUnknownArgumentType,reportUnknownVariableType,reportUnknownMemberType]  # a module


def test_the_models_are_listed_also_those_that_are_loaded_when_used() -> None:
    assert set(models.__all__) <= set(dir(models))


def test_a_model_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'zabbix_sla\.models' has no attribute 'Sli'"):
        models.Sli  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnusedExpression]  # that is the point


def test_importing_it_loads_no_http_library() -> None:
    code = "import sys, zabbix_sla; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
