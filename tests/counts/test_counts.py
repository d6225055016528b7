"""What single operations cost must not grow: counts of this Python with the pinned libraries, against a stored baseline.

Where a change is meant to cost more, or costs less: ``python tests/counts/measure.py --write`` (see there).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.counts import measure
from tests.counts.measure import Counts

ROOT = Path(__file__).parent.parent.parent
BASELINES: dict[str, Any] = json.loads(measure.BASELINE.read_text(encoding="utf-8"))
HINT = "if that is meant: python tests/counts/measure.py --write"


def stored() -> dict[str, Counts]:
    """The baseline for this Python; it is about the libraries that are pinned, so others are not compared."""
    baseline = BASELINES.get(measure.this_python())
    if baseline is None:
        pytest.skip(f"no baseline for Python {measure.this_python()} yet: python tests/counts/measure.py --write")
    if baseline["versions"] != measure.versions():
        pytest.skip("other versions of the libraries are installed than those that the baseline is about")
    counts: dict[str, Counts] = baseline["counts"]
    return counts


def check(name: str, count: Callable[[], Counts], capsys: pytest.CaptureFixture[str]) -> None:
    baseline = stored()[name]
    grown, shrunk = measure.compare(baseline, count())
    if shrunk:
        told = f"\n{name} costs less than before; lower the baseline (python tests/counts/measure.py --write): {'; '.join(shrunk)}"
        with capsys.disabled():
            print(told)  # noqa: T201  # for whoever runs the tests
    assert not grown, f"{name} costs more than before; {HINT}\n" + "\n".join(grown)


# The comparison, and that the counts see what it is for.


def test_three_percent_more_is_let_pass_and_more_is_not() -> None:
    assert measure.compare({"functions": 100}, {"functions": 103}) == ([], [])
    assert measure.compare({"functions": 100}, {"functions": 104})[0] == ["functions: 104, the baseline says 100 (+4.0 %)"]


def test_more_than_three_percent_less_is_told() -> None:
    assert measure.compare({"functions": 1_000}, {"functions": 940}) == ([], ["functions: 940, the baseline says 1,000 (-6.0 %)"])


def test_something_where_there_was_nothing_has_grown() -> None:
    assert measure.compare({"other_modules": 0}, {"other_modules": 1}) == (["other_modules: 1, the baseline says 0"], [])


def work(*, loops: int = 0, size: int = 0, calls: int = 0) -> Callable[[], Awaitable[object]]:
    """An operation whose code is taken for ours."""

    async def operation() -> object:
        kept = b"x" * size
        total = 0
        for i in range(loops):
            total ^= i
        for _ in range(calls):
            len(kept)
        return kept

    return operation


def count(**what: int) -> Counts:
    return asyncio.run(measure.count(work(**what), measure.Ours((__file__,))))


def test_a_loop_shows_in_the_instructions() -> None:
    stored()  # Python 3.13.0 traces no instructions; nothing is compared there
    assert count(loops=100)["instructions"] - count()["instructions"] >= 300


def test_calls_show_in_the_functions() -> None:
    more, less = count(calls=100), count()
    assert (more["functions"] - less["functions"], more["own_functions"] - less["own_functions"]) == (100, 100)


def test_what_is_allocated_shows_in_the_peak() -> None:
    assert 100_000 <= count(size=100_000)["peak"] - count()["peak"] <= 101_000


def test_the_code_of_others_is_not_ours() -> None:
    assert asyncio.run(measure.count(work(loops=100), measure.Ours(("/nowhere/",))))["instructions"] == 0


# The baseline.


def test_the_baseline_is_about_the_pinned_libraries() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line)
    for python, baseline in BASELINES.items():
        assert baseline["versions"] == {name: pins[name] for name in measure.LIBRARIES}, python


def test_the_baseline_holds_every_operation() -> None:
    for python, baseline in BASELINES.items():
        assert set(baseline["counts"]) == {*measure.OPERATIONS, *measure.IMPORTS}, python


@pytest.mark.parametrize("name", measure.IMPORTS)
def test_an_import_brings_no_more_modules_than_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, lambda: measure.modules(measure.IMPORTS[name]), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", measure.OPERATIONS)
def test_an_operation_costs_no_more_than_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, lambda: measure.in_a_process(name), capsys)


@pytest.mark.slow
def test_the_counts_do_not_hang_on_the_hash_seed() -> None:
    first, second = (measure.in_a_process("small call, Rootly", PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first | {"peak": 0} == second | {"peak": 0}
