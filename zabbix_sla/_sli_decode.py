"""Reading the answer of ``sla.getsli`` into columns, with the standard library or, when it is installed, with msgspec.

The columns are built while parsing or right after it, so that the peak of memory stays below that of plain ``json.loads``.
"""

from __future__ import annotations

import importlib.util
import json
import math
from array import array
from collections.abc import Callable
from functools import cache
from itertools import chain, compress
from operator import itemgetter
from typing import Any, Final, NoReturn, cast

from slo_common._convert import decode_error
from slo_common._times import from_epoch
from slo_common._values import Reply
from zabbix_sla._sli import Columns, SliPeriod, SliResult

Row = tuple[int, int, float, int, list[object]]
"""Uptime, downtime, SLI, error budget and excluded downtimes of a cell."""

_MAX_SECONDS = 253_402_300_799
_COLUMNS: Final[tuple[tuple[str, set[type]], ...]] = (
    ("uptime", {int}),
    ("downtime", {int}),
    ("sli", {int, float}),
    ("error_budget", {int}),
    ("excluded_downtimes", {list}),
)


class Misfit(ValueError):
    """The value is no SLI report; ``path`` names the bad member."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


_cell = itemgetter("uptime", "downtime", "sli", "error_budget", "excluded_downtimes")


def cell_hook(members: dict[str, object]) -> object:
    """Called for every JSON object while it is parsed: a cell becomes a tuple, and its dict is gone at once."""
    try:
        return _cell(members)
    except KeyError:
        return members


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def parse(body: bytes) -> object:
    """JSON with cells as tuples. Raises ValueError without quoting the body."""
    try:
        return json.loads(body.decode("utf-8"), object_hook=cell_hook, parse_constant=_no_constant)
    except UnicodeDecodeError as e:
        raise ValueError(f"not UTF-8 at byte {e.start}") from None
    except json.JSONDecodeError as e:
        raise ValueError(f"{e.msg} at character {e.pos}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


def as_tuples(value: object) -> object:
    """The same report after an ordinary parse (out of a batch): its cells become tuples as :func:`cell_hook` makes them."""
    if not isinstance(value, dict):
        return value
    members = dict(cast(dict[str, object], value))
    rows = members.get("sli")
    if isinstance(rows, list):
        members["sli"] = [
            [cell_hook(cast(dict[str, object], c)) if isinstance(c, dict) else c for c in cast(list[object], row)]
            if isinstance(row, list)
            else row
            for row in cast(list[object], rows)
        ]
    return members


def report(value: object, *, call: str, reply: Reply | None) -> SliResult:
    """The result member of an answer, parsed with :func:`cell_hook`. Raises DecodeError naming the bad member."""
    try:
        return _report(value)
    except Misfit as e:
        problem = str(e)
    raise decode_error([problem], call=call, reply=reply, request_id=None)


def _report(value: object) -> SliResult:
    if not isinstance(value, dict):
        raise Misfit("$.result", "expected an object")
    members = cast(dict[str, object], value)
    periods = tuple(_period(p, f"$.result.periods[{i}]") for i, p in enumerate(_items(members, "periods")))
    serviceids = tuple(_id(s, f"$.result.serviceids[{i}]") for i, s in enumerate(_items(members, "serviceids")))
    rows = _items(members, "sli")
    if len(rows) != (len(periods) if serviceids else 0):
        raise Misfit("$.result.sli", f"expected {len(periods)} rows, got {len(rows)}")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(cast(list[object], row)) != len(serviceids):
            raise Misfit(f"$.result.sli[{i}]", f"expected a list of {len(serviceids)} cells")
    flat = list(chain.from_iterable(cast(list[list[Row]], rows)))
    return SliResult(periods=periods, serviceids=serviceids, columns=_columns(flat, len(serviceids)))


def _items(members: dict[str, object], name: str) -> list[object]:
    found = members.get(name)
    if not isinstance(found, list):
        raise Misfit(f"$.result.{name}", "expected a list")
    return cast(list[object], found)


def _id(value: object, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Misfit(path, "expected an id")
    return str(value)


def _seconds(value: object, path: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_SECONDS:
        raise Misfit(path, "expected seconds since the epoch")
    return value


def _period(value: object, path: str) -> SliPeriod:
    if not isinstance(value, dict):
        raise Misfit(path, "expected an object")
    members = cast(dict[str, object], value)
    start = _seconds(members.get("period_from"), f"{path}.period_from")
    return SliPeriod(period_from=from_epoch(start), period_to=from_epoch(_seconds(members.get("period_to"), f"{path}.period_to")))


def _columns(flat: list[Row], width: int) -> Columns:
    if set(map(type, flat)) - {tuple}:
        bad = next(i for i, c in enumerate(flat) if type(c) is not tuple)
        raise Misfit(_place(bad, width), "expected a cell with uptime, downtime, sli, error_budget and excluded_downtimes")
    columns: list[list[Any]] = []
    for number, (name, allowed) in enumerate(_COLUMNS):
        column: list[Any] = list(map(itemgetter(number), flat))
        if set(map(type, column)) - allowed:
            bad = next(i for i, v in enumerate(column) if type(v) not in allowed)
            raise Misfit(f"{_place(bad, width)}.{name}", "expected a list" if list in allowed else "expected a number")
        columns.append(column)
    uptime, downtime, sli, error_budget, away = columns
    excluded = {i: _excluded(away[i], f"{_place(i, width)}.excluded_downtimes") for i in compress(range(len(away)), away)}
    return columns_of(uptime, downtime, sli, error_budget, excluded)


def _place(number: int, width: int) -> str:
    return f"$.result.sli[{number // width}][{number % width}]"


def _excluded(rows: list[object], path: str) -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, int, int]] = []
    for i, row in enumerate(rows):
        where = f"{path}[{i}]"
        if not isinstance(row, dict):
            raise Misfit(where, "expected an object")
        members = cast(dict[str, object], row)
        name = members.get("name")
        if not isinstance(name, str):
            raise Misfit(f"{where}.name", "expected a string")
        start = _seconds(members.get("period_from"), f"{where}.period_from")
        found.append((name, start, _seconds(members.get("period_to"), f"{where}.period_to")))
    return tuple(found)


def columns_of(
    uptime: list[int],
    downtime: list[int],
    sli: list[float],
    error_budget: list[int],
    excluded: dict[int, tuple[tuple[str, int, int], ...]],
) -> Columns:
    """Columns from numbers of the right types; -1 becomes NaN. Raises :class:`Misfit` for a number that no SLI can be."""
    least = min(sli, default=0)
    if not (math.isfinite(sum(sli)) and least >= -1):
        raise Misfit("$.result.sli", "an SLI is no percentage")
    if least < 0:
        sli = [math.nan if p < 0 else p for p in sli]
    try:
        return Columns(
            uptime=array("q", uptime),
            downtime=array("q", downtime),
            sli=array("d", sli),
            error_budget=array("q", error_budget),
            excluded=excluded,
        )
    except OverflowError:
        raise Misfit("$.result.sli", "a number is out of range") from None


Fast = Callable[[bytes], SliResult | None]


@cache
def fast_decoder() -> Fast | None:
    """A decoder on msgspec, or None when it is not installed. It gives None for whatever it does not like; the slow one then says why."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    from zabbix_sla._sli_fast import decode

    return decode
