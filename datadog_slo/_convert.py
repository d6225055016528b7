"""The decoder of Datadog's replies: strict where a wrong value would mislead, tolerant where recordings differ from the specification.

Scalars are strict. A null where the model has a default and no None counts as left out (recorded: ``"errors": null``). Unknown keys
are ignored, or kept in ``extra`` by the models that have it.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import datetime
from typing import Any, Union, get_args, get_origin

from attrs import NOTHING, fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from datadog_slo._models_history import HistorySeries, SliData, Transition
from datadog_slo._models_search import Facet
from datadog_slo._models_slos import SliSpec, Slo
from datadog_slo._unions import FLATTENED, Hook, an_object, millis, millis_list, numbers, reading_pair, slo_hook, spec_hook
from slo_common._convert import Decoder, epoch_datetime

KEPT = "extra"
"""The field in which a model keeps the keys that it does not know."""

_OVERRIDES: dict[type, dict[str, Any]] = {
    HistorySeries: {
        "times": override(struct_hook=millis_list),
        "from_date": override(struct_hook=millis),
        "to_date": override(struct_hook=millis),
    },
    SliData: {"error_budget_remaining": override(struct_hook=numbers), "precision": override(struct_hook=numbers)},
    Facet: {"name": override(struct_hook=lambda value, _: value if isinstance(value, str) else float(value))},
}


_AS_IT_IS: Any = override(struct_hook=lambda value, _: value)


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and has(cls) and cls.__module__.startswith("datadog_slo.")


def _takes_none(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def _model_factory(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    resolve_types(cls)
    keeps = any(f.name == KEPT for f in fields(cls))
    known = frozenset(f.name for f in fields(cls)) - {KEPT}
    never_null = tuple(f.name for f in fields(cls) if f.default is not NOTHING and not _takes_none(f.type) and f.name != KEPT)
    structure = make_dict_structure_fn(cls, converter, **_OVERRIDES.get(cls, {}), **({KEPT: _AS_IT_IS} if keeps else {}))
    flatten = FLATTENED.get(cls)

    def hook(value: Any, _: Any) -> Any:
        given = an_object(value) if flatten is None else flatten(value)
        for name in never_null:
            if name in given and given[name] is None:
                given = {key: item for key, item in given.items() if key not in never_null or item is not None}
                break
        if keeps and (rest := given.keys() - known):
            unknown = {key: item for key, item in given.items() if key in rest}
            given = {key: item for key, item in given.items() if key in known} | {KEPT: unknown}
        return structure(given, cls)

    return hook


def _or_none(hook: Hook) -> Hook:
    return lambda value, cls: None if value is None else hook(value, cls)


def _configure(converter: Converter) -> None:
    converter.register_structure_hook(datetime, epoch_datetime)
    converter.register_structure_hook_factory(_is_model)(_model_factory)
    converter.register_structure_hook(Transition, reading_pair)
    for union, hook in ((Slo, slo_hook(converter)), (SliSpec, spec_hook(converter))):
        converter.register_structure_hook(union, hook)
        # With None it is one flat union, and no optional of a union any more.
        converter.register_structure_hook(union | None, _or_none(hook))


DECODER = Decoder(_configure)
