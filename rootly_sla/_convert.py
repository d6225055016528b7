"""From JSON:API resources to models: lenient about what may be missing, null or new, strict about types."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import attrs
from attrs import frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from rootly_sla._replies import request_id
from rootly_sla.models import Sla
from slo_common._convert import Decoder
from slo_common._jsonapi import Resource
from slo_common._values import Reply

FastPath = Callable[[Sequence[Mapping[str, object]]], list[Sla] | None]

_KNOWN: Final = frozenset(f.name for f in attrs.fields(Sla)) - {"extra"}
_LISTS: Final = ("conditions", "notification_configurations")


@frozen
class Item:
    """A resource as it stands in a list, so that an error in it is told by its path there."""

    attributes: Sla


def _configure(converter: Converter) -> None:
    # First, because the function made next asks for it: what is in ``extra`` is left as it came.
    converter.register_structure_hook_func(lambda cls: cls == Mapping[str, object], lambda value, _: value)
    whole = make_dict_structure_fn(Sla, converter)

    converter.register_structure_hook(Sla, lambda value, cls: whole(tidy(value), cls))


def tidy(attributes: Mapping[str, object]) -> dict[str, object]:
    """What the model takes: unknown attributes in ``extra``, a null list as no list, conditions in the order of their positions."""
    if attributes.keys() <= _KNOWN:
        out = {"id": "", **attributes}
    else:
        out = {"id": "", **{name: value for name, value in attributes.items() if name in _KNOWN}}
        out["extra"] = {name: value for name, value in attributes.items() if name not in _KNOWN}
    for name in _LISTS:
        if out.get(name, ()) is None:
            del out[name]
    conditions = out.get("conditions")
    if isinstance(conditions, list):
        out["conditions"] = sorted(cast("list[object]", conditions), key=_position)
    return out


def _position(condition: object) -> float:
    """Where a condition stands; one without a position keeps its place at the end."""
    place = cast("dict[str, object]", condition).get("position") if isinstance(condition, dict) else None
    return place if isinstance(place, int) else float("inf")


DECODER: Final = Decoder(_configure)


@functools.cache
def fast_path() -> FastPath | None:
    """The fast path, if msgspec is installed."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    from rootly_sla._fast import slas as read

    return read


def sla(resource: Resource, *, call: str, reply: Reply) -> Sla:
    """The SLA of a single resource."""
    return DECODER.decode(
        {**resource.attributes, "id": resource.id},
        Sla,
        call=call,
        reply=reply,
        request_id=request_id(reply),
        root="$.data.attributes",
    )


def slas(resources: Sequence[Resource], *, call: str, reply: Reply) -> tuple[Sla, ...]:
    """The SLAs of a list. When one cannot be read, every bad field of the whole page is named."""
    fast = fast_path()
    if fast is not None:
        found = fast([tidy({**r.attributes, "id": r.id}) for r in resources])
        if found is not None:
            return tuple(found)
    value = [{"attributes": {**r.attributes, "id": r.id}} for r in resources]
    items = DECODER.decode(value, tuple[Item, ...], call=call, reply=reply, request_id=request_id(reply), root="$.data")
    return tuple(item.attributes for item in items)
