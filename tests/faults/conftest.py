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
