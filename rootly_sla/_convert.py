"""From JSON:API resources to models: lenient about what may be missing, null or new, strict about types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import attrs
from attrs import frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from rootly_sla._replies import request_id
from rootly_sla.models import Sla
from slo_common._convert import Decoder, WrongType
from slo_common._jsonapi import Resource
from slo_common._values import Reply

_KNOWN: Final = frozenset(f.name for f in attrs.fields(Sla)) - {"extra"}
_LISTS: Final = ("conditions", "notification_configurations")


@frozen(kw_only=True)
class _Item:
    """A resource as it stands in a reply, so that an error in it is told by its path there."""

    id: str
    attributes: Sla


def _configure(converter: Converter) -> None:
    converter.register_structure_hook_func(lambda cls: cls == Mapping[str, object], lambda value, _: value)
    whole = make_dict_structure_fn(Sla, converter)

    def structure(value: Any, cls: type[Sla]) -> Sla:
        if type(value) is not dict:
            raise WrongType("expected an object, got another type")
        return whole(_tidy(cast("dict[str, object]", value)), cls)

    converter.register_structure_hook(Sla, structure)


def _tidy(attributes: Mapping[str, object]) -> dict[str, object]:
    """What the model takes: unknown attributes in ``extra``, a null list as no list, conditions in the order of their positions."""
    out: dict[str, object] = {"id": ""}
    extra: dict[str, object] = {}
    for name, value in attributes.items():
        if name not in _KNOWN:
            extra[name] = value
        elif value is not None or name not in _LISTS:
            out[name] = value
    out["extra"] = extra
    conditions = out.get("conditions")
    if isinstance(conditions, list):
        out["conditions"] = sorted(cast("list[object]", conditions), key=_position)
    return out


def _position(condition: object) -> float:
    """Where a condition stands; one without a position keeps its place at the end."""
    place = cast("dict[str, object]", condition).get("position") if isinstance(condition, dict) else None
    return place if isinstance(place, int) else float("inf")


_DECODER: Final = Decoder(_configure)


def sla(resource: Resource, *, call: str, reply: Reply) -> Sla:
    """The SLA of a single resource."""
    return _DECODER.decode(
        {**resource.attributes, "id": resource.id},
        Sla,
        call=call,
        reply=reply,
        request_id=request_id(reply),
        root="$.data.attributes",
    )


def slas(resources: Sequence[Resource], *, call: str, reply: Reply) -> tuple[Sla, ...]:
    """The SLAs of a list. When one cannot be read, every bad field of the whole page is named."""
    structure: Callable[[Any, type[Sla]], Sla] = _DECODER.converter.get_structure_hook(Sla)
    try:
        return tuple(structure({**r.attributes, "id": r.id}, Sla) for r in resources)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    value = [{"id": r.id, "attributes": r.attributes} for r in resources]
    items = _DECODER.decode(value, tuple[_Item, ...], call=call, reply=reply, request_id=request_id(reply), root="$.data")
    return tuple(attrs.evolve(item.attributes, id=item.id) for item in items)
