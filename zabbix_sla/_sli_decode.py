"""Reading the answer of ``sla.getsli`` into columns.

Two quick decoders read a good answer and give None for whatever they do not like; the careful one here then reads it again and says why.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Final, cast

from slo_common._json import suits_msgspec
from slo_common._times import from_epoch
from slo_common._values import Reply
from zabbix_sla._replies import misfit
from zabbix_sla._sli import Columns, SliPeriod, SliResult

Away = tuple[tuple[str, int, int], ...]
"""Excluded downtimes of a cell: name, from, to."""

NUMBERS: Final = ("uptime", "downtime", "sli", "error_budget")
MAX_SECONDS: Final = 253_402_300_799


class Misfit(ValueError):
    """The value is no SLI report; ``path`` names the bad member."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


def quickly(body: bytes) -> SliResult | None:
    """The report of a good answer to call 1, or None: by msgspec, if that is installed and the body long, else by the standard library."""
    if suits_msgspec(body):
        from zabbix_sla import _sli_fast

        return _sli_fast.decode(body)
    from zabbix_sla import _sli_stream

    return _sli_stream.decode(body)


def report(value: object, *, call: str, reply: Reply | None) -> SliResult:
    """The result member of an answer. Raises DecodeError naming the bad member."""
    try:
        return _report(value)
    except Misfit as e:
        problem = str(e)
    raise misfit(problem, call=call, reply=reply)


def _report(value: object) -> SliResult:
    members = _object(value, "$.result")
    periods = read_periods(_items(members, "periods"))
    serviceids = read_ids(_items(members, "serviceids"))
    rows = _items(members, "sli")
    check_height(len(rows), periods, serviceids)
    numbers: tuple[list[float], ...] = ([], [], [], [])
    excluded: dict[int, Away] = {}
    for p, row in enumerate(rows):
        if not isinstance(row, list) or len(cast(list[object], row)) != len(serviceids):
            raise Misfit(f"$.result.sli[{p}]", f"expected a list of {len(serviceids)} cells")
        for s, found in enumerate(cast(list[object], row)):
            path = f"$.result.sli[{p}][{s}]"
            cell = _object(found, path)
            for name, column in zip(NUMBERS, numbers, strict=True):
                column.append(_number(cell.get(name), f"{path}.{name}", fraction=name == "sli"))
            away = read_excluded(cell.get("excluded_downtimes"), f"{path}.excluded_downtimes")
            if away:
                excluded[p * len(serviceids) + s] = away
    uptime, downtime, sli, error_budget = numbers
    try:
        columns = columns_of(
            array("q", cast(list[int], uptime)),
            array("q", cast(list[int], downtime)),
            array("d", sli),
            array("q", cast(list[int], error_budget)),
            excluded,
        )
    except OverflowError:
        raise Misfit("$.result.sli", "a number is out of range") from None
    return SliResult(periods=periods, serviceids=serviceids, columns=columns)


def check_height(rows: int, periods: Sequence[SliPeriod], serviceids: Sequence[str]) -> None:
    """Without services there are no rows, although there are periods."""
    if rows != (len(periods) if serviceids else 0):
        raise Misfit("$.result.sli", f"expected {len(periods)} rows, got {rows}")


def read_periods(items: Sequence[object]) -> tuple[SliPeriod, ...]:
    found: list[SliPeriod] = []
    for i, item in enumerate(items):
        path = f"$.result.periods[{i}]"
        members = _object(item, path)
        start, end = (_seconds(members.get(name), f"{path}.{name}") for name in ("period_from", "period_to"))
        found.append(SliPeriod(period_from=from_epoch(start), period_to=from_epoch(end)))
    return tuple(found)


def read_ids(items: Sequence[object]) -> tuple[str, ...]:
    for i, item in enumerate(items):
        if isinstance(item, bool) or not isinstance(item, int | str):
            raise Misfit(f"$.result.serviceids[{i}]", "expected an id")
    return tuple(str(item) for item in items)


def read_excluded(value: object, path: str) -> Away:
    if not isinstance(value, list):
        raise Misfit(path, "expected a list")
    found: list[tuple[str, int, int]] = []
    for i, row in enumerate(cast(list[object], value)):
        members = _object(row, f"{path}[{i}]")
        name = members.get("name")
        if not isinstance(name, str):
            raise Misfit(f"{path}[{i}].name", "expected a string")
        start, end = (_seconds(members.get(n), f"{path}[{i}].{n}") for n in ("period_from", "period_to"))
        found.append((name, start, end))
    return tuple(found)


def columns_of(
    uptime: array[int], downtime: array[int], sli: array[float], error_budget: array[int], excluded: dict[int, Away]
) -> Columns:
    """Columns; -1 becomes NaN. Raises :class:`Misfit` for an SLI that is no percentage."""
    least = min(sli, default=0.0)
    if not (math.isfinite(sum(sli)) and least >= -1):
        raise Misfit("$.result.sli", "an SLI is no percentage")
    if least < 0:
        sli = array("d", [math.nan if p < 0 else p for p in sli])
    return Columns(uptime=uptime, downtime=downtime, sli=sli, error_budget=error_budget, excluded=excluded)


def _object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Misfit(path, "expected an object")
    return cast(dict[str, object], value)


def _items(members: dict[str, object], name: str) -> list[object]:
    found = members.get(name)
    if not isinstance(found, list):
        raise Misfit(f"$.result.{name}", "expected a list")
    return cast(list[object], found)


def _number(value: object, path: str, *, fraction: bool) -> float:
    if type(value) is int or (fraction and type(value) is float):
        return value
    raise Misfit(path, "expected a number" if fraction else "expected a whole number")


def _seconds(value: object, path: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SECONDS:
        raise Misfit(path, "expected seconds since the epoch")
    return value
