"""docs/reliability.md: its table is written by the tests, row by row from what ran.

``SLO_WRITE_RELIABILITY=1 pytest tests/faults`` writes it.
"""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from tests.faults.clients import MODES
from tests.faults.matrix import PARTS, ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by the tests -->", "<!-- end of what the tests write -->"
_TEST = re.compile(rf"::test_(f\d\d)_\w*(?:\[({'|'.join(MODES)})(?=[-\]]))?")


class Results:
    """What became of the tests of each row."""

    def __init__(self) -> None:
        self._passed: dict[str, int] = {}
        self._failed: dict[str, int] = {}
        self._modes: dict[str, set[str]] = {}

    def add(self, nodeid: str, when: str | None, outcome: str) -> None:
        found = _TEST.search(nodeid)
        if found is None or (when != "call" and outcome == "passed"):
            return
        name, mode = found.groups()
        counted = self._passed if outcome == "passed" else self._failed
        counted[name] = counted.get(name, 0) + 1
        self._modes.setdefault(name, set()).update({mode} if mode else ())

    def of(self, row: Row) -> str:
        """Such as ``passed: 6 (sync, asyncio, trio)``."""
        failed, passed = self._failed.get(row.name, 0), self._passed.get(row.name, 0)
        modes = ", ".join(m for m in MODES if m in self._modes.get(row.name, ()))
        said = f"failed or skipped: {failed}" if failed else f"passed: {passed}" if passed else "not run"
        return f"{said} ({modes})" if modes else said


def wanted() -> bool:
    return os.environ.get("SLO_WRITE_RELIABILITY") == "1"


def table(results: Results) -> str:
    python, libraries = platform.python_version(), " and ".join(f"{name} {version(name)}" for name in ("httpx", "trio"))
    lines = [BEGIN, "", f"This run: Python {python} on {platform.system()}, {libraries}."]
    for part, rows in PARTS.items():
        lines += [
            "",
            f"### {part}",
            "",
            "| # | What goes wrong | What the SDK does | Raises, when given up | Tests |",
            "|---|---|---|---|---|",
        ]
        lines += [f"| {row.number} | {row.fault} | {row.does} | {row.raises} | {results.of(row)} |" for row in rows]
    return "\n".join([*lines, "", END])


def write(results: Results) -> None:
    """Put the table into the page. Leaves the page as it is if only a part of the rows ran."""
    if any(results.of(row) == "not run" for row in ROWS):
        return
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{table(results)}{after}")
