"""Readers of models, by cattrs, that take whatever can be taken and name every bad path. Imported for replies that need them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, get_args

from attrs import NOTHING, fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from slo_common._compile import Hook, Shapes, takes_none
from slo_common._convert import Decoder, an_object, epoch_datetime


def careful_decoder(shapes: Shapes, *unions: Any) -> Decoder:
    """The decoder of a vendor's models, by the table that its generated readers go by. ``unions``: of several models, as they are named."""

    def configure(converter: Converter) -> None:
        converter.register_structure_hook(datetime, epoch_datetime)
        for kind, hook in shapes.values.items():
            converter.register_structure_hook(kind, hook)
        converter.register_structure_hook_factory(_is_model)(partial(_model_hook, shapes, converter))
        for union in unions:
            hook = _union_hook(shapes, converter, union)
            converter.register_structure_hook(union, hook)
            # With None it is one flat union, and no optional of a union any more.
            converter.register_structure_hook(union | None, _or_none(hook))

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


def _union_hook(shapes: Shapes, converter: Converter, union: Any) -> Hook:
    """An object as one of several models."""
    models: dict[str, Any] = {model.__name__: model for model in get_args(union)}
    kind_of = shapes.unions[frozenset(models)]

    def read(value: Any, _: Any) -> Any:
        model = models[kind_of(an_object(value))]
        found: Any = converter.structure(value, model)
        return found

    return read


def _or_none(hook: Hook) -> Hook:
    return lambda value, cls: None if value is None else hook(value, cls)
