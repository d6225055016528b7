"""Makes the helpers importable, as in the other folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.faults.clients import MODES, Driver  # noqa: E402


@pytest.fixture(params=MODES, name="driver")
def _driver(request: pytest.FixtureRequest) -> Driver:
    return Driver(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """httpx's own chain of generators is left half read when a reply is given up; under trio alone that warns."""
    for item in items:
        if "[trio" in item.name:
            item.add_marker(pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"))
