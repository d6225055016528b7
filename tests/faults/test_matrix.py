"""The matrix, its tests and its page say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults import page
from tests.faults.matrix import PARTS, ROWS


def _tested() -> set[str]:
    sources = (path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^def test_(f\d\d)_", source, re.MULTILINE)}


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    assert _tested() == {row.name for row in ROWS}


def test_rows_are_numbered_without_a_gap() -> None:
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1))


def _rows_of_the_page() -> dict[str, list[str]]:
    lines = [line.strip("| ").split(" | ") for line in page.PAGE.read_text().splitlines() if re.match(r"\| \d", line)]
    return {cells[0]: cells[1:] for cells in lines}


@pytest.mark.skipif(page.wanted(), reason="this run writes the page")
def test_page_shows_every_row_as_it_is_tested() -> None:
    assert {number: cells[:3] for number, cells in _rows_of_the_page().items()} == {
        str(row.number): [row.fault, row.does, row.raises] for row in ROWS
    }


@pytest.mark.skipif(page.wanted(), reason="this run writes the page")
def test_page_shows_a_run_without_a_failure() -> None:
    assert {cells[3].partition(":")[0] for cells in _rows_of_the_page().values()} == {"passed"}


def test_results_count_by_row_and_mode() -> None:
    results = page.Results()
    row = PARTS["Connection"][0]
    assert results.of(row) == "not run"
    for mode in ("trio", "sync"):
        results.add(f"tests/faults/test_connection.py::test_f01_name_not_found[{mode}-x]", "call", "passed")
    results.add("tests/faults/test_connection.py::test_f01_name_not_found[sync-x]", "teardown", "passed")
    results.add("tests/faults/test_matrix.py::test_something_else", "call", "failed")
    assert results.of(row) == "passed: 2 (sync, trio)"
    results.add("tests/faults/test_connection.py::test_f01_name_not_found[sync-y]", "setup", "skipped")
    assert results.of(row) == "failed or skipped: 1 (sync, trio)"
