"""The decoder of Datadog's replies: strict scalars, epoch times, unions by their type, and objects that keep what they do not know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from attrs import fields, has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from datadog_slo._unions import register_unions
from slo_common._convert import Decoder, WrongType, epoch_datetime

KEPT = "extra"
"""The field in which a model keeps the keys that it does not know."""


def _keeps(cls: Any) -> bool:
    return isinstance(cls, type) and has(cls) and any(f.name == KEPT for f in fields(cls))


def _keeping_factory(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Structure the known fields, and put the rest into ``extra``, so that a PUT can send it back."""
    known = frozenset(f.name for f in fields(cls)) - {KEPT}
    structure = make_dict_structure_fn(cls, converter)

    def hook(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise WrongType(f"expected an object, got {type(value).__name__ if value is not None else 'null'}")
        given = cast(dict[str, Any], value)
        rest = given.keys() - known
        if not rest:
            return structure(given, cls)
        split: dict[str, Any] = {name: item for name, item in given.items() if name not in rest}
        split[KEPT] = {name: item for name, item in given.items() if name in rest}
        return structure(split, cls)

    return hook


def _configure(converter: Converter) -> None:
    converter.register_structure_hook(datetime, epoch_datetime)
    converter.register_structure_hook_factory(_keeps)(_keeping_factory)
    register_unions(converter)


DECODER = Decoder(_configure)
