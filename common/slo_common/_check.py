"""Checks of arguments before any request: collect every problem, then raise once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeGuard

from slo_common._errors import InvalidArgument
from slo_common._times import epoch_problem, zone_problem


class Problems:
    """Collects what is wrong with the arguments of one call.

    >>> problems = Problems()
    >>> problems.one_of("interval", "hourly", ("daily", "weekly"))
    >>> problems.found
    ("interval: 'hourly' was given; allowed: 'daily', 'weekly'",)
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    @property
    def found(self) -> tuple[str, ...]:
        return tuple(self._found)

    def add(self, problem: str | None) -> None:
        if problem is not None:
            self._found.append(problem)

    def raise_if_any(self) -> None:
        if self._found:
            raise InvalidArgument(*self._found)

    def one_of(self, name: str, value: object, allowed: Collection[object]) -> None:
        if value not in tuple(allowed) or (isinstance(value, bool) and not any(a is value for a in allowed)):
            self.add(
                f"{name}: {value!r} was given; allowed: {', '.join(repr(str(a) if isinstance(a, str) else a) for a in allowed)}"
            )

    def text(self, name: str, value: object, *, max_length: int | None = None) -> None:
        if not isinstance(value, str) or not value.strip():
            self.add(f"{name}: {value!r} was given; allowed: a non-empty string")
        elif max_length is not None and len(value) > max_length:
            self.add(f"{name}: {len(value)} characters were given; allowed: at most {max_length}")
        else:
            self.add(text_problem(name, value))

    def time(self, name: str, value: object) -> bool:
        problem = epoch_problem(name, value)
        self.add(problem)
        return problem is None

    def zone(self, name: str, value: object) -> None:
        self.add(zone_problem(name, value))

    def integer(self, name: str, value: object, *, low: int, high: int | None = None) -> None:
        bound = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
        if not is_int(value) or value < low or (high is not None and value > high):
            self.add(f"{name}: {value!r} was given; allowed: {bound}")

    def identifier(self, name: str, value: object) -> None:
        """Something that becomes a path segment."""
        self.add(segment_problem(name, value))


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_int(value: object) -> TypeGuard[int]:
    """An int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def segment_problem(name: str, value: object) -> str | None:
    """Why ``value`` cannot be one segment of a path, or None."""
    if not isinstance(value, str):
        return f"{name}: {value!r} was given; allowed: a string"
    if not value.strip():
        return f"{name}: {value!r} is empty; allowed: an id of 1 to 255 characters"
    if value in {".", ".."}:
        return f"{name}: {value!r} was given; allowed: an id, not a relative path"
    if len(value) > 255:
        return f"{name}: {len(value)} characters were given; allowed: an id of 1 to 255 characters"
    if _CONTROL.search(value):
        return f"{name}: {value!r} has a control character; allowed: an id of 1 to 255 characters"
    return text_problem(name, value)


def text_problem(name: str, value: str) -> str | None:
    """Why ``value`` cannot be sent as UTF-8, or None."""
    try:
        value.encode()
    except UnicodeEncodeError as e:
        return f"{name}: half of a surrogate pair at position {e.start}; allowed: Unicode text"
    return None


def require(problems: Iterable[str | None]) -> None:
    """Raise :class:`InvalidArgument` with every problem that is not None."""
    found = tuple(p for p in problems if p is not None)
    if found:
        raise InvalidArgument(*found)
