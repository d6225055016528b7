"""What the bench writes: tables, and goals that are judged by the numbers of the same run."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

MET, MISSED = "met", "**missed**"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = "| " + " | ".join(head) + " |\n|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"
    return "\n".join([line, *("| " + " | ".join(row) + " |" for row in rows)])


def duration(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms" if seconds < 10 else f"{seconds:,.1f} s"


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def section(title: str, how: str, *parts: str) -> str:
    """A heading, one or two sentences on how it was measured, and what came out."""
    return "\n\n".join([f"## {title}", how, *parts])


@frozen
class Goal:
    """A figure that the project has set itself, and what this run measured."""

    what: str
    asked: str
    measured: str
    met: bool


@frozen
class Goals:
    """All goals that this run has judged."""

    list: list[Goal] = field(factory=list[Goal])

    def at_most(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self.list.append(Goal(what, f"at most {_limit(limit)}{unit}", _number(measured, unit), measured <= limit))

    def at_least(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self.list.append(Goal(what, f"at least {_limit(limit)}{unit}", _number(measured, unit), measured >= limit))

    def page(self) -> str:
        rows = [[g.what, g.asked, g.measured, MET if g.met else MISSED] for g in self.list]
        missed = sum(not g.met for g in self.list)
        return section(
            "Goals",
            f"{len(rows) - missed} of {len(rows)} are met in this run.",
            table(["goal", "asked", "measured", "result"], rows),
        )


def _limit(value: float) -> str:
    return f"{round(value, 2):g}"


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 or value == int(value) else f"{value:.2f}{unit}"
