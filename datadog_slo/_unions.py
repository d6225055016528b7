"""Which model an object becomes when its content decides."""

from __future__ import annotations

from typing import Any

from cattrs import Converter

from datadog_slo._models_slos import (
    CountSpec,
    MetricSlo,
    MonitorSlo,
    SliSpec,
    Slo,
    TimeSliceSlo,
    TimeSliceSpec,
    UnknownSlo,
    UnknownSpec,
)
from slo_common._convert import WrongType

_KINDS: dict[object, type[Slo]] = {"metric": MetricSlo, "monitor": MonitorSlo, "time_slice": TimeSliceSlo}


def register_unions(converter: Converter) -> None:
    def slo(value: Any, _: Any) -> Slo:
        _object(value)
        kind = value.get("type")
        cls = _KINDS.get(kind, UnknownSlo) if isinstance(kind, str) else UnknownSlo
        structured: Slo = converter.structure(value, cls)
        return structured

    def spec(value: Any, _: Any) -> SliSpec:
        _object(value)
        if "time_slice" in value:
            return converter.structure(value, TimeSliceSpec)
        return converter.structure(value, CountSpec) if "count" in value else UnknownSpec(data=value)

    converter.register_structure_hook(Slo, slo)
    converter.register_structure_hook(SliSpec, spec)


def _object(value: Any) -> None:
    if type(value) is not dict:
        raise WrongType(f"expected an object, got {type(value).__name__ if value is not None else 'null'}")
