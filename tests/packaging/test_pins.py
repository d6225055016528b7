"""The constraints file: a version for whatever the Makefile installs, and no index of anybody's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
REQUIREMENTS = [*PROJECT["dependencies"], *(r for group in PROJECT["optional-dependencies"].values() for r in group)]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PINNED = {normal(line.partition("==")[0]) for line in LINES}
NAMED = sorted({normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in REQUIREMENTS} - {"slo-sdk"})


def test_every_line_is_an_exact_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []


def test_no_package_is_pinned_twice() -> None:
    assert len(PINNED) == len(LINES)


@pytest.mark.parametrize("name", NAMED)
def test_every_requirement_is_pinned(name: str) -> None:
    assert name in PINNED


def test_no_requirement_is_capped() -> None:
    assert [requirement for requirement in REQUIREMENTS if re.search(r"<|==|~=", requirement.partition(";")[0])] == []
