"""What a report of the client engine already has, in a file: one JSON line at a time, so that a kill loses at most the last one."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import asdict, field, frozen

from slo_common._errors import InvalidArgument

VERSION = 1
Place = tuple[int, int]
"""Row and column of a cell."""


@frozen(kw_only=True)
class Subject:
    """An SLO that a report is about."""

    id: str
    name: str
    slo_type: str
    target: float | None


@frozen(kw_only=True)
class CellValue:
    """What is known of a cell: a percentage, or why there is none. ``failed``: an error, rather than no data."""

    sli: float | None = None
    reason: str | None = None
    failed: bool = False


@frozen(kw_only=True)
class Kept:
    """What a checkpoint holds."""

    subjects: tuple[Subject, ...] | None = None
    cells: Mapping[Place, CellValue] = field(factory=dict[Place, CellValue])


class Checkpoint:
    """A file that grows by a line for each cell. ``about`` describes the report; a file of another report is refused."""

    def __init__(self, path: str | os.PathLike[str] | None, about: Mapping[str, str | int]) -> None:
        self._path = None if path is None else Path(path)
        self._about = {"v": VERSION, **about}
        self._out: io.TextIOWrapper | None = None

    def load(self) -> Kept:
        """What an earlier run left. A line cut off by a kill ends the reading; the rest is written anew after it."""
        if self._path is None or not self._path.exists():
            return Kept()
        try:
            whole, _, _ = self._path.read_text(encoding="utf-8").rpartition("\n")
            lines = whole.split("\n")
            if json.loads(lines[0]) != self._about:
                raise self._other()
            return _read(lines[1:])
        except (ValueError, TypeError, RecursionError) as e:
            raise self._other() from e

    def _other(self) -> InvalidArgument:
        return InvalidArgument(
            f"checkpoint: {str(self._path)!r} belongs to another report or is none; allowed: a new file, or that of the same report"
        )

    def begin(self, subjects: Iterable[Subject], kept: Kept) -> None:
        """Write what is known so far, whole, and stay open for more."""
        if self._path is None:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        out = fresh.open("w", encoding="utf-8", newline="\n")
        out.write(json.dumps(self._about) + "\n")
        out.write(json.dumps([asdict(s) for s in subjects]) + "\n")
        for place, value in kept.cells.items():
            out.write(_line(place, value))
        out.flush()
        fresh.replace(self._path)  # the open file keeps its new name
        self._out = out

    def add(self, place: Place, value: CellValue) -> None:
        """One more cell, on disk before the next one."""
        if self._out is not None:
            self._out.write(_line(place, value))
            self._out.flush()

    def close(self, *, finished: bool) -> None:
        """Let go of the file; a finished report needs none."""
        if self._out is not None:
            self._out.close()
            self._out = None
        if finished and self._path is not None:
            self._path.unlink(missing_ok=True)


def _line(place: Place, value: CellValue) -> str:
    return json.dumps([*place, value.sli, value.reason, value.failed]) + "\n"


def _read(lines: list[str]) -> Kept:
    if not lines:
        return Kept()
    subjects = tuple(Subject(**item) for item in cast(list[dict[str, Any]], json.loads(lines[0])))
    cells: dict[Place, CellValue] = {}
    for line in lines[1:]:
        row, column, sli, reason, failed = json.loads(line)
        cells[row, column] = CellValue(sli=sli, reason=reason, failed=failed)
    return Kept(subjects=subjects, cells=cells)
