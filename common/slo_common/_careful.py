"""Readers of models, by cattrs, that take whatever can be taken and name every bad path. Imported for replies that need them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from types import NoneType
from typing import Any, get_args

from attrs import NOTHING, fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from slo_common._compile import Hook, Shapes, takes_none
from slo_common._convert import Decoder, an_object, epoch_datetime


def careful_decoder(shapes: Shapes) -> Decoder:
    """The decoder of a vendor's models, by the table that its generated readers go by."""

    def configure(converter: Converter) -> None:
        converter.register_structure_hook(datetime, epoch_datetime)
        for kind, hook in shapes.values.items():
            converter.register_structure_hook(kind, hook)
        converter.register_structure_hook_factory(_is_model)(partial(_model_hook, shapes, converter))
        converter.register_structure_hook_factory(lambda cls: frozenset(_models_of(cls)) in shapes.unions)(
            partial(_union_hook, shapes, converter)
        )

    return Decoder(configure)


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and has(cls)


def _model_hook(shapes: Shapes, converter: Converter, cls: Any) -> Hook:
    """How a model is read: flattened first where an object nests what its model does not."""
    whole = shapes.whole.get(cls.__name__)
    if whole is not None:
        return whole
    read = _reader(shapes, converter, cls)
    flatten = shapes.flattened.get(cls.__name__, an_object)
    return lambda value, _: read(flatten(value))


def _reader(shapes: Shapes, converter: Converter, cls: Any) -> Callable[[dict[str, Any]], Any]:
    resolve_types(cls)
    keeps = any(f.name == shapes.kept for f in fields(cls))
    known = frozenset(f.name for f in fields(cls)) - {shapes.kept}
    never_null = (
        {f.name for f in fields(cls) if f.default is not NOTHING and not takes_none(f.type)}
        if shapes.null_is_absent
        else set[str]()
    )
    own = shapes.fields.get(cls.__name__, {})
    overrides: dict[str, Any] = {name: override(struct_hook=hook) for name, hook in own.items()}
    if keeps:
        overrides[shapes.kept] = override(struct_hook=lambda value, _: value)
    structure = make_dict_structure_fn(cls, converter, **overrides)

    def read(given: dict[str, Any]) -> Any:
        told = {name: item for name, item in given.items() if name in known and not (item is None and name in never_null)}
        if keeps:
            told[shapes.kept] = {name: item for name, item in given.items() if name not in known}
        return structure(told, cls)

    return read


def _models_of(cls: Any) -> dict[str, Any]:
    """The members of a union by their names. With None it is one flat union, and no optional of a union."""
    return {kind.__name__: kind for kind in get_args(cls) if isinstance(kind, type) and kind is not NoneType}


def _union_hook(shapes: Shapes, converter: Converter, union: Any) -> Hook:
    """An object as one of several models."""
    models = _models_of(union)
    kind_of = shapes.unions[frozenset(models)]
    optional = takes_none(union)

    def read(value: Any, _: Any) -> Any:
        if value is None and optional:
            return None
        model = models[kind_of(an_object(value))]
        found: Any = converter.structure(value, model)
        return found

    return read
