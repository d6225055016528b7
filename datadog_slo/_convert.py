"""The decoder of Datadog's replies: strict where a wrong value would mislead, tolerant where recordings differ from the specification.

Scalars are strict. A null where the model has a default and no None counts as left out (recorded: ``"errors": null``). Unknown keys
are ignored, or kept in ``extra`` by the models that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import NOTHING, fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from datadog_slo._compile import Compiler, takes_none
from datadog_slo._models_history import HistorySeries, SliData, Transition
from datadog_slo._models_search import Facet
from datadog_slo._models_slos import SliSpec, Slo
from datadog_slo._unions import FLATTENED, Hook, an_object, millis, millis_list, numbers, reading_pair, slo_hook, spec_hook
from slo_common._convert import Decoder, epoch_datetime

KEPT = "extra"
"""The field in which a model keeps the keys that it does not know."""

_HOOKS: Mapping[type, Mapping[str, Hook]] = {
    HistorySeries: {"times": millis_list, "from_date": millis, "to_date": millis},
    SliData: {"error_budget_remaining": numbers, "precision": numbers},
    Facet: {"name": lambda value, _: value if isinstance(value, str) else float(value)},
}
"""Fields that are read in a way of their own."""


def _is_model(cls: Any) -> bool:
    # A transition is a pair on the wire.
    return isinstance(cls, type) and has(cls) and cls.__module__.startswith("datadog_slo.") and cls is not Transition


def _model_factory(converter: Converter) -> Callable[[Any], Hook]:
    """How models are read: flattened first where an object nests what its model does not."""
    compiler = Compiler(converter, is_plain=lambda cls: _is_model(cls) and cls not in FLATTENED, hooks=_HOOKS, kept=KEPT)

    def factory(cls: Any) -> Hook:
        read = _slow_reader(cls, converter) if converter.detailed_validation else compiler.reader(cls)
        flatten = FLATTENED.get(cls, an_object)
        return lambda value, _: read(flatten(value))

    return factory


def _slow_reader(cls: Any, converter: Converter) -> Callable[[dict[str, Any]], Any]:
    """The same as the compiler's by cattrs, for the converter that names every bad path."""
    resolve_types(cls)
    keeps = any(f.name == KEPT for f in fields(cls))
    known = frozenset(f.name for f in fields(cls)) - {KEPT}
    never_null = frozenset(f.name for f in fields(cls) if f.default is not NOTHING and not takes_none(f.type))
    overrides: dict[str, Any] = {name: override(struct_hook=hook) for name, hook in _HOOKS.get(cls, {}).items()}
    if keeps:
        overrides[KEPT] = override(struct_hook=lambda value, _: value)
    structure = make_dict_structure_fn(cls, converter, **overrides)

    def read(given: dict[str, Any]) -> Any:
        told = {name: item for name, item in given.items() if name in known and not (item is None and name in never_null)}
        if keeps:
            told[KEPT] = {name: item for name, item in given.items() if name not in known}
        return structure(told, cls)

    return read


def _or_none(hook: Hook) -> Hook:
    return lambda value, cls: None if value is None else hook(value, cls)


def _configure(converter: Converter) -> None:
    converter.register_structure_hook(datetime, epoch_datetime)
    converter.register_structure_hook_factory(_is_model)(_model_factory(converter))
    converter.register_structure_hook(Transition, reading_pair)
    for union, hook in ((Slo, slo_hook(converter)), (SliSpec, spec_hook(converter))):
        converter.register_structure_hook(union, hook)
        # With None it is one flat union, and no optional of a union any more.
        converter.register_structure_hook(union | None, _or_none(hook))


DECODER = Decoder(_configure)
