"""docs/reliability.md: its table is written by the tests, row by row from what ran."""

from __future__ import annotations


class Results:
    def add(self, nodeid: str, when: str | None, outcome: str) -> None: ...


def wanted() -> bool:
    return False


def write(results: Results) -> None: ...
