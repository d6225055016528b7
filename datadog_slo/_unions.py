"""Hooks for replies whose shape and model differ: unions by their content, nested users, pairs, and the vendor's two clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from cattrs import Converter

from datadog_slo._models_corrections import Correction, CorrectionUser
from datadog_slo._models_history import Reading, Transition
from datadog_slo._models_search import SearchedSlo
from datadog_slo._models_slos import (
    CountSpec,
    MetricSlo,
    MonitorSlo,
    SliSpec,
    Slo,
    TimeSliceSlo,
    TimeSliceSpec,
    UnknownSlo,
    UnknownSpec,
)
from slo_common._convert import WrongType, epoch_datetime

_KINDS: dict[object, type[Slo]] = {"metric": MetricSlo, "monitor": MonitorSlo, "time_slice": TimeSliceSlo}
_READINGS: dict[object, Reading] = {0: Reading.GOOD, 1: Reading.BAD, 2: Reading.NO_DATA, "NO_DATA": Reading.NO_DATA}

Hook = Callable[[Any, Any], Any]


def an_object(value: Any) -> dict[str, Any]:
    """The value, if it is a JSON object."""
    if type(value) is not dict:
        raise WrongType(f"expected an object, got {type(value).__name__ if value is not None else 'null'}")
    return cast(dict[str, Any], value)


def a_list(value: Any) -> list[Any]:
    """The value, if it is a JSON array."""
    if type(value) is not list:
        raise WrongType(f"expected a list, got {type(value).__name__ if value is not None else 'null'}")
    return value  # pyright: ignore[reportUnknownVariableType]  # narrowing to a list forgets that its items may be anything


def slo_hook(converter: Converter) -> Hook:
    """An SLO by its type; an unknown type has a model of its own."""
    hooks: dict[object, Hook] = {}  # made at the first SLO: while the converter is set up, it cannot read models yet

    def slo(value: Any, _: Any) -> Slo:
        if not hooks:
            hooks.update({kind: converter.get_structure_hook(cls) for kind, cls in _KINDS.items()})
            hooks[None] = converter.get_structure_hook(UnknownSlo)
        kind = an_object(value).get("type")
        hook = hooks.get(kind, hooks[None]) if isinstance(kind, str) else hooks[None]
        found: Slo = hook(value, None)
        return found

    return slo


def spec_hook(converter: Converter) -> Hook:
    """An SLI specification by its only key."""

    def spec(value: Any, _: Any) -> SliSpec:
        given = an_object(value)
        if "time_slice" in given:
            return converter.structure(given, TimeSliceSpec)
        return converter.structure(given, CountSpec) if "count" in given else UnknownSpec(data=given)

    return spec


def reading_pair(value: Any, _: Any) -> Transition:
    """``[time, state]``; the state is a number, or a text on older servers."""
    pair = a_list(value)
    if len(pair) != 2:
        raise WrongType("expected a pair of time and state")
    at, state = pair
    reading = _READINGS.get(state) if isinstance(state, int | float | str) else None
    return Transition(at=epoch_datetime(at), reading=reading if reading is not None else Reading(str(state)))


def millis(value: Any, _: Any) -> datetime | None:
    """Milliseconds since the epoch."""
    return None if value is None else _millis(value)


def _millis(value: Any) -> datetime:
    return epoch_datetime(value / 1000 if type(value) in (int, float) else value)


def millis_list(value: Any, _: Any) -> tuple[datetime, ...]:
    return tuple(_millis(item) for item in a_list(value))


def numbers(value: Any, _: Any) -> dict[str, float]:
    """Numbers by timeframe; one number alone is that of all; nulls are left out."""
    if type(value) in (int, float):
        return {"all": float(value)}
    found: dict[str, float] = {}
    for name, number in an_object(value).items():
        if number is None:
            continue
        if type(number) not in (int, float):
            raise WrongType(f"expected numbers by timeframe, got {type(number).__name__}")
        found[name] = float(number)
    return found


def flat_user(value: Any) -> dict[str, Any]:
    """A user, nested as JSON:API does it, or flat as the specification says."""
    given = an_object(value)
    if "data" not in given:
        return given
    data = an_object(given["data"])
    return {**an_object(data.get("attributes") or {}), "id": data.get("id")}


def flat_resource(value: Any) -> dict[str, Any]:
    """The attributes of a JSON:API resource beside its id and type. A search wraps its resources in one more ``data``."""
    given = an_object(value)
    inner = an_object(given["data"]) if "data" in given and "id" not in given else given
    return {**an_object(inner.get("attributes") or {}), **{name: inner[name] for name in ("id", "type") if name in inner}}


FLATTENED: dict[type, Callable[[Any], dict[str, Any]]] = {
    CorrectionUser: flat_user,
    Correction: flat_resource,
    SearchedSlo: flat_resource,
}
"""Models whose objects are flattened before they are read."""
