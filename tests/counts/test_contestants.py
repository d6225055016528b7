"""The bench's own work: each of our contestants does it, so that a change of the API does not first show in ``make bench``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.counts import measure

# isort: split
# These lie in the bench's folder, which the line above has put onto the path.
import check
import works


@pytest.fixture(scope="module")
def gave() -> dict[str, int]:
    """What each gave, in a process of their own: they leave their connections to its end."""
    with measure.server() as url:
        command = [sys.executable, str(measure.BENCH / "check.py"), url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=measure.script_environment(), timeout=120)
    results: dict[str, int] = json.loads(done.stdout)
    return results


@pytest.mark.slow
@pytest.mark.parametrize("contestant", check.ours(), ids=lambda c: c.key)
def test_a_contestant_of_ours_does_its_work(contestant: works.Contestant, gave: dict[str, int]) -> None:
    assert gave[contestant.key] == works.EXPECTED[contestant.work]
