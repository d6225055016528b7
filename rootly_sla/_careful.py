"""The reader of SLAs, by cattrs, that names every bad field by its path. Imported for replies that need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from rootly_sla._convert import tidy
from rootly_sla._replies import request_id
from rootly_sla.models import Sla
from slo_common._convert import Decoder
from slo_common._jsonapi import Resource
from slo_common._values import Reply


@frozen
class _Item:
    """A resource as it stands in a reply, so that an error in it is told by its path there."""

    attributes: Sla


def _configure(converter: Converter) -> None:
    # First, because the function made next asks for it: what is in ``extra`` is left as it came.
    converter.register_structure_hook_func(lambda cls: cls == Mapping[str, object], lambda value, _: value)
    whole = make_dict_structure_fn(Sla, converter)
    converter.register_structure_hook(Sla, lambda value, cls: whole(tidy(dict(value)), cls))


_DECODER: Final = Decoder(_configure)


def sla(resource: Resource, *, call: str, reply: Reply) -> Sla:
    """The SLA of a single resource."""
    return _DECODER.decode(_item(resource), _Item, call=call, reply=reply, request_id=request_id(reply), root="$.data").attributes


def slas(resources: Sequence[Resource], *, call: str, reply: Reply) -> list[Sla]:
    """The SLAs of a list. When one cannot be read, every bad field of the whole page is named."""
    value = [_item(resource) for resource in resources]
    items = _DECODER.decode(value, tuple[_Item, ...], call=call, reply=reply, request_id=request_id(reply), root="$.data")
    return [item.attributes for item in items]


def _item(resource: Resource) -> dict[str, object]:
    return {"attributes": {**resource.attributes, "id": resource.id}}
