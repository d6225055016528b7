"""The model behind the SLOs of the sandbox."""

from __future__ import annotations

import pytest

from datadog_slo._sandbox_sli import error_budget, overlap, subtract
from datadog_slo.sandbox import Incident, SliModel

DAY = 86_400.0


def test_half_a_day_down_is_half_of_the_day() -> None:
    assert SliModel(error_rate=0, incidents=(Incident(start=0, end=DAY / 2),)).sli([(0, DAY)]) == 50.0


def test_partial_loss_counts_by_its_share() -> None:
    assert SliModel(error_rate=0, incidents=(Incident(start=0, end=DAY / 2, lost=0.5),)).sli([(0, DAY)]) == 75.0


def test_overlapping_incidents_are_not_counted_twice() -> None:
    both = (Incident(start=0, end=DAY / 2), Incident(start=DAY / 4, end=DAY * 3 / 4))
    assert SliModel(error_rate=0, incidents=both).sli([(0, DAY)]) == 25.0


def test_totals_add_up_over_adjacent_windows() -> None:
    model = SliModel(seed=3, error_rate=0.01, incidents=(Incident(start=100_000, end=200_000, lost=0.3),))
    whole = model.totals([(0, 10 * DAY)])
    halves = [model.totals([(0, 123_456)]), model.totals([(123_456, 10 * DAY)])]
    assert [sum(part[i] for part in halves) for i in (0, 1)] == pytest.approx(list(whole))


def test_the_same_seed_gives_the_same_history() -> None:
    assert SliModel(seed=5).sli([(0, 30 * DAY)]) == SliModel(seed=5).sli([(0, 30 * DAY)])


def test_another_seed_gives_another_history() -> None:
    assert SliModel(seed=5).sli([(0, 30 * DAY)]) != SliModel(seed=6).sli([(0, 30 * DAY)])


def test_the_error_rate_is_met_on_average() -> None:
    sli = SliModel(error_rate=0.01).sli([(0, 365 * DAY)])
    assert sli == pytest.approx(99.0, abs=0.1)


def test_no_data_outside_of_its_time_is_none_and_not_zero() -> None:
    model = SliModel(data_from=10 * DAY, data_to=20 * DAY)
    assert (model.sli([(0, 10 * DAY)]), model.sli([(20 * DAY, 30 * DAY)])) == (None, None)


def test_a_window_that_reaches_into_the_data_counts_what_is_there() -> None:
    assert SliModel(error_rate=0, data_from=10 * DAY).sli([(0, 11 * DAY)]) == 100.0


@pytest.mark.parametrize(
    ("hole", "left"),
    [
        ((2, 4), [(0, 2), (4, 10)]),
        ((-5, 4), [(4, 10)]),
        ((4, 50), [(0, 4)]),
        ((-1, 11), []),
        ((20, 30), [(0, 10)]),
        ((-9, -2), [(0, 10)]),
    ],
)
def test_subtracting_a_hole(hole: tuple[float, float], left: list[tuple[float, float]]) -> None:
    assert list(subtract([(0, 10)], hole)) == left


def test_spans_that_do_not_meet_overlap_in_nothing() -> None:
    low, high = overlap((0, 5), (7, 9))
    assert low == high


@pytest.mark.parametrize(("sli", "left"), [(100.0, 100.0), (99.5, 50.0), (99.0, 0.0), (98.0, -100.0)])
def test_error_budget_is_a_share_of_what_may_fail(sli: float, left: float) -> None:
    assert error_budget(sli, 99.0) == pytest.approx(left)
