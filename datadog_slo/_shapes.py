"""Replies whose shape and model differ: nested users and resources, pairs, the vendor's two clocks. Both readers go by these tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from slo_common._compile import Hook, Shapes
from slo_common._convert import WrongType, an_object, epoch_datetime


def a_list(value: Any) -> list[Any]:
    """The value, if it is a JSON array."""
    if type(value) is not list:
        raise WrongType(f"expected a list, got {type(value).__name__ if value is not None else 'null'}")
    return value  # pyright: ignore[reportUnknownVariableType]  # narrowing to a list forgets that its items may be anything


def a_number(value: Any) -> float:
    """The value, if it is a number."""
    if type(value) not in (int, float):
        raise WrongType(f"expected a number, got {type(value).__name__ if value is not None else 'null'}")
    try:
        return float(value)
    except OverflowError:
        raise WrongType("expected a number, got one that is too large") from None


def slo_kind(given: Mapping[str, Any]) -> str:
    """The name of the model of an SLO, by its type; an unknown type has a model of its own."""
    kind = given.get("type")
    return _SLO_KINDS.get(kind, "UnknownSlo") if isinstance(kind, str) else "UnknownSlo"


_SLO_KINDS = {"metric": "MetricSlo", "monitor": "MonitorSlo", "time_slice": "TimeSliceSlo"}


def spec_kind(given: Mapping[str, Any]) -> str:
    """The name of the model of an SLI specification, by its only key."""
    if "time_slice" in given:
        return "TimeSliceSpec"
    return "CountSpec" if "count" in given else "UnknownSpec"


_UNIONS = {
    frozenset({"MetricSlo", "MonitorSlo", "TimeSliceSlo", "UnknownSlo"}): slo_kind,
    frozenset({"CountSpec", "TimeSliceSpec", "UnknownSpec"}): spec_kind,
}


@cache
def _readings() -> tuple[Callable[[str], Any], Mapping[object, Any]]:
    from datadog_slo._models_history import Reading  # only a history has readings

    return Reading, {0: Reading.GOOD, 1: Reading.BAD, 2: Reading.NO_DATA, "NO_DATA": Reading.NO_DATA}


def reading_pair(value: Any, cls: Any) -> Any:
    """``[time, state]``; the state is a number, or a text on older servers."""
    pair = a_list(value)
    if len(pair) != 2:
        raise WrongType("expected a pair of time and state")
    at, state = pair
    make, known = _readings()
    reading = known.get(state) if isinstance(state, int | float | str) else None
    return cls(at=epoch_datetime(at), reading=reading if reading is not None else make(str(state)))


def as_it_came(value: Any, cls: Any) -> Any:
    """Something of a kind that is not known."""
    return cls(data=an_object(value))


def millis(value: Any, _: Any) -> datetime | None:
    """Milliseconds since the epoch."""
    return None if value is None else _millis(value)


def _millis(value: Any) -> datetime:
    return epoch_datetime(a_number(value) / 1000)


def millis_list(value: Any, _: Any) -> tuple[datetime, ...]:
    return tuple(_millis(item) for item in a_list(value))


def numbers(value: Any, _: Any) -> dict[str, float]:
    """Numbers by timeframe; one number alone is that of all; nulls are left out."""
    if type(value) in (int, float):
        return {"all": a_number(value)}
    return {name: a_number(number) for name, number in an_object(value).items() if number is not None}


def text_or_number(value: Any, _: Any) -> str | float:
    return value if isinstance(value, str) else a_number(value)


_FIELDS: Mapping[str, Mapping[str, Hook]] = {
    "HistorySeries": {"times": millis_list, "from_date": millis, "to_date": millis},
    "SliData": {"error_budget_remaining": numbers, "precision": numbers},
    "Facet": {"name": text_or_number},
}


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


SHAPES = Shapes(
    fields=_FIELDS,
    whole={"Transition": reading_pair, "UnknownSpec": as_it_came},
    flattened={"CorrectionUser": flat_user, "Correction": flat_resource, "SearchedSlo": flat_resource},
    unions=_UNIONS,
    repeated=frozenset({"Threshold", "Creator", "description"}),
)
