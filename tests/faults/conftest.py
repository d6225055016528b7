"""Makes the helpers importable, gives every test its driver, and writes the results into docs/reliability.md when asked to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# At the end: the packages under test come from where they are installed, which may be a wheel and not this tree.
sys.path.append(str(Path(__file__).parents[2]))

from tests.faults import page  # noqa: E402
from tests.faults.clients import MODES, Driver  # noqa: E402

_results = page.Results()


@pytest.fixture(params=MODES, name="driver")
def _driver(request: pytest.FixtureRequest) -> Driver:
    return Driver(request.param)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _results.add(report.nodeid, report.when, report.outcome)


def pytest_sessionfinish() -> None:
    if page.wanted():
        page.write(_results)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """httpx's own chain of generators is left half read when a reply is given up; under trio alone that warns."""
    for item in items:
        if "[trio" in item.name:
            item.add_marker(pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"))
