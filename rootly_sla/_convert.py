"""From JSON:API resources to models: lenient about what may be missing, null or new, strict about types.

Three ways lead there. msgspec, where it is installed, reads long replies that fit; generated code reads all others, in half as much time
again. cattrs says what is wrong where something does not fit. None is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import attrs

from rootly_sla.models import Sla
from slo_common._json import suits_msgspec
from slo_common._jsonapi import Document, Resource
from slo_common._values import Reply

KIND: Final = "slas"
"""The type of the resources."""
_KNOWN: Final = frozenset(f.name for f in attrs.fields(Sla)) - {"extra"}
_LISTS: Final = ("conditions", "notification_configurations")


def tidy(attributes: dict[str, object]) -> dict[str, object]:
    """What the model takes: unknown attributes in ``extra``, a null list as no list, conditions in the order of their positions.

    The argument may be changed.
    """
    out = attributes
    if not attributes.keys() <= _KNOWN:
        out = {name: value for name, value in attributes.items() if name in _KNOWN}
        out["extra"] = {name: value for name, value in attributes.items() if name not in _KNOWN}
    for name in _LISTS:
        if out.get(name, ()) is None:
            del out[name]
    conditions = out.get("conditions")
    if isinstance(conditions, list) and len(cast("list[object]", conditions)) > 1:
        out["conditions"] = sorted(cast("list[object]", conditions), key=_position)
    return out


def _position(condition: object) -> float:
    """Where a condition stands; one without a position keeps its place at the end."""
    place = cast("dict[str, object]", condition).get("position") if isinstance(condition, dict) else None
    return place if isinstance(place, int) else float("inf")


def quickly(reply: Reply) -> tuple[list[Sla] | Sla, Document] | None:
    """The SLAs of a reply and what is around them, by one of the first two ways; None where something does not fit."""
    if reply.status >= 300:
        return None
    if suits_msgspec(reply.body):
        from rootly_sla import _fast

        return _fast.read(reply.body)
    from rootly_sla import _plain

    return _plain.read(reply.body)


def sla(resource: Resource, *, call: str, reply: Reply) -> Sla:
    """The SLA of a single resource. Raises :class:`~slo_common.DecodeError` that names every bad field."""
    from rootly_sla import _careful

    return _careful.sla(resource, call=call, reply=reply)


def slas(resources: Sequence[Resource], *, call: str, reply: Reply) -> list[Sla]:
    """The SLAs of a list. Raises :class:`~slo_common.DecodeError` that names every bad field of the whole page."""
    from rootly_sla import _careful

    return _careful.slas(resources, call=call, reply=reply)
