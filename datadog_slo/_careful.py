"""The reader, by cattrs, that takes whatever can be taken and names every bad path. Imported for replies that need it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, get_args

from attrs import NOTHING, fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from datadog_slo._models_slos import SliSpec, Slo
from datadog_slo._shapes import SHAPES, an_object
from slo_common._compile import Hook, takes_none
from slo_common._convert import Decoder, epoch_datetime


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and has(cls) and cls.__module__.startswith("datadog_slo.")


def _model_hook(cls: Any, converter: Converter) -> Hook:
    """How a model is read: flattened first where an object nests what its model does not."""
    whole = SHAPES.whole.get(cls.__name__)
    if whole is not None:
        return whole
    read = _reader(cls, converter)
    flatten = SHAPES.flattened.get(cls.__name__, an_object)
    return lambda value, _: read(flatten(value))


def _reader(cls: Any, converter: Converter) -> Callable[[dict[str, Any]], Any]:
    resolve_types(cls)
    keeps = any(f.name == SHAPES.kept for f in fields(cls))
    known = frozenset(f.name for f in fields(cls)) - {SHAPES.kept}
    never_null = frozenset(f.name for f in fields(cls) if f.default is not NOTHING and not takes_none(f.type))
    own = SHAPES.fields.get(cls.__name__, {})
    overrides: dict[str, Any] = {name: override(struct_hook=hook) for name, hook in own.items()}
    if keeps:
        overrides[SHAPES.kept] = override(struct_hook=lambda value, _: value)
    structure = make_dict_structure_fn(cls, converter, **overrides)

    def read(given: dict[str, Any]) -> Any:
        told = {name: item for name, item in given.items() if name in known and not (item is None and name in never_null)}
        if keeps:
            told[SHAPES.kept] = {name: item for name, item in given.items() if name not in known}
        return structure(told, cls)

    return read


def _union_hook(union: Any, converter: Converter) -> Hook:
    """An object as one of several models."""
    models: dict[str, Any] = {model.__name__: model for model in get_args(union)}
    kind_of = SHAPES.unions[frozenset(models)]

    def read(value: Any, _: Any) -> Any:
        model = models[kind_of(an_object(value))]
        found: Any = converter.structure(value, model)
        return found

    return read


def _or_none(hook: Hook) -> Hook:
    return lambda value, cls: None if value is None else hook(value, cls)


def _configure(converter: Converter) -> None:
    converter.register_structure_hook(datetime, epoch_datetime)
    converter.register_structure_hook_factory(_is_model)(partial(_model_hook, converter=converter))
    for union in (Slo, SliSpec):
        hook = _union_hook(union, converter)
        converter.register_structure_hook(union, hook)
        # With None it is one flat union, and no optional of a union any more.
        converter.register_structure_hook(union | None, _or_none(hook))


CAREFUL = Decoder(_configure)
