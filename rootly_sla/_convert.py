"""From JSON:API replies to models: lenient about what may be missing, null or new, strict about types.

Generated code reads what fits. A long page is parsed SLA by SLA, by msgspec where that is installed, so that no tree of the whole is
made. Where something does not fit, cattrs says what is wrong; it is imported for that.
"""

from __future__ import annotations

from datetime import datetime
from operator import itemgetter
from typing import Any, Final, TypeVar, cast

from attrs import frozen

from rootly_sla._replies import document, request_id
from rootly_sla.models import Sla
from slo_common._compile import REFUSALS, Readers, Shapes
from slo_common._convert import iso_datetime
from slo_common._json import deep, parse_apart
from slo_common._jsonapi import Document, Resource, parse_document
from slo_common._values import Reply

T = TypeVar("T")

KIND: Final = "slas"
"""The type of the resources."""


@frozen
class _Item:
    """A resource as it stands in a reply, so that an error in it is told by its path there."""

    attributes: Sla


def _in_order(attributes: Any) -> dict[str, Any]:
    """An SLA with its conditions in the order of their positions; those without one keep their places at the end."""
    conditions = attributes.get("conditions", ())
    if conditions.__class__ is list:
        try:
            attributes["conditions"] = sorted(conditions, key=_position)
        except (TypeError, KeyError):
            attributes["conditions"] = sorted(conditions, key=_position_or_end)
    found: dict[str, Any] = attributes
    return found


_position: Final = itemgetter("position")


def _position_or_end(condition: Any) -> float:
    place = cast("dict[str, Any]", condition).get("position") if isinstance(condition, dict) else None
    return place if isinstance(place, int) else float("inf")


_READERS: Final = Readers(Shapes(values={datetime: iso_datetime}, flattened={"Sla": _in_order}))
_sla: Final = _READERS.reader(Sla)


def _quick(resource: Any) -> Sla:
    if resource["type"] != KIND or not resource["id"]:
        raise ValueError("not as expected")
    if len(resource) > 3:
        parse_document({"data": resource})  # what an SLA has no use for must be right, too
    attributes = resource["attributes"]
    attributes["id"] = resource["id"]
    sla: Sla = _sla(attributes)
    return sla


def quickly(reply: Reply) -> tuple[list[Sla] | Sla, Document] | None:
    """The SLAs of a good reply, and what is around them; None where something does not fit."""
    if reply.status >= 300:
        return None
    try:
        data, around = parse_apart(reply.body, "data")
        if "errors" in around:
            return None
        is_one = data.__class__ is dict
        slas = [_quick(resource) for resource in ([data] if is_one else data)]
        if any(sla.extra for sla in slas) and deep(reply.body):  # what is known is flat; only what is not can go deep
            return None
        return slas[0] if is_one else slas, parse_document(around)
    except REFUSALS:
        return None


def one(reply: Reply, *, call: str, subject: str) -> Sla:
    """The SLA of a reply. Raises what :func:`document` raises, and :class:`~slo_common.DecodeError` that names every bad field."""
    quick = quickly(reply)
    if quick is not None and isinstance(quick[0], Sla):
        return quick[0]
    resource, _ = document(reply, lambda read: read.one(KIND), call=call, subject=subject)
    return _carefully(_item(resource), _Item, call, reply).attributes


def many(reply: Reply, *, call: str) -> tuple[list[Sla], Document]:
    """The SLAs of a list, and the document that they came in. Raises as :func:`one` does, naming every bad field of the whole page."""
    quick = quickly(reply)
    if quick is not None and isinstance(quick[0], list):
        return quick[0], quick[1]
    resources, read = document(reply, lambda read: read.many(KIND), call=call)
    items = _carefully([_item(resource) for resource in resources], tuple[_Item, ...], call, reply)
    return [item.attributes for item in items], read


def _item(resource: Resource) -> dict[str, object]:
    return {"attributes": {**resource.attributes, "id": resource.id}}


def _carefully(value: object, cls: type[T], call: str, reply: Reply) -> T:
    return _READERS.careful.decode(value, cls, call=call, reply=reply, request_id=request_id(reply), root="$.data")
