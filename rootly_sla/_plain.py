"""The path of :mod:`rootly_sla._convert` without msgspec: from the bytes of a reply, by code that is generated from the models."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any, Final, cast

from rootly_sla._convert import KIND
from rootly_sla.models import Condition, Sla
from slo_common._compile import REFUSALS, Readers, Shapes
from slo_common._convert import iso_datetime
from slo_common._json import JsonValue, parse
from slo_common._jsonapi import Document, parse_document

_VALUES: Final = {datetime: iso_datetime}
_conditions = Readers(Shapes(values=_VALUES)).reader(tuple[Condition, ...])
_place = attrgetter("position")


def _in_order(value: Any, _: Any) -> tuple[Condition, ...]:
    """Conditions in the order of their positions; one without a position keeps its place at the end."""
    found: tuple[Condition, ...] = _conditions(value)
    try:
        return tuple(sorted(found, key=_place))
    except TypeError:
        return tuple(sorted(found, key=lambda condition: float("inf") if condition.position is None else condition.position))


def _flat(resource: Any) -> dict[str, Any]:
    """The attributes of a resource and its id. It is ours, so that it may be changed."""
    if resource["type"] != KIND or not resource["id"]:
        raise ValueError("not as expected")
    if len(resource) > 3:
        parse_document({"data": resource})  # what an SLA has no use for must be right, too
    attributes: dict[str, Any] = resource["attributes"]
    attributes["id"] = resource["id"]
    return attributes


_READERS: Final = Readers(Shapes(values=_VALUES, flattened={"Sla": _flat}, fields={"Sla": {"conditions": _in_order}}))
_sla = _READERS.reader(Sla)
_slas = _READERS.reader(tuple[Sla, ...])


def read(body: bytes) -> tuple[list[Sla] | Sla, Document] | None:
    """The SLAs of a good reply, and what is around them; None when something does not fit: the careful reader then says what."""
    try:
        top = cast("dict[str, JsonValue]", parse(body))
        if "errors" in top:
            return None
        data = top.pop("data")
        around = parse_document(top)
        return list(_slas(data)) if isinstance(data, list) else _sla(data), around
    except REFUSALS:
        return None
