"""SLOs on their way out: the JSON of a create or update body, and what is checked before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from attrs import AttrsInstance, fields, has

from datadog_slo._enums import TIMEFRAMES, Comparator
from datadog_slo._models_slos import (
    CountSpec,
    MetricSlo,
    MonitorSlo,
    Slo,
    SloBase,
    Threshold,
    TimeSliceSlo,
    TimeSliceSpec,
    UnknownSpec,
)
from slo_common._check import Problems, is_int
from slo_common._json import JsonValue

# What the server writes itself and ignores in a request; and of an SLO the numbers of its primary threshold, which follow from it.
_SLO_READ_ONLY = frozenset(
    {"id", "creator", "created_at", "modified_at", "type_id", "monitor_tags", "configured_alert_ids"}
    | {"timeframe", "target_threshold", "warning_threshold"}
)
_THRESHOLD_READ_ONLY = frozenset({"target_display", "warning_display"})
_GROUPS_AT_MOST = 100


def slo_body(slo: Slo) -> dict[str, JsonValue]:
    """The body of a create or update request: every field that can be set, with the keys that were kept for the way back."""
    body = cast(dict[str, JsonValue], _plain(slo))
    primary = next((t for t in slo.thresholds if t.timeframe == slo.timeframe), None)
    if primary is not None:
        body |= {"timeframe": primary.timeframe.value, "target_threshold": primary.target}
        if primary.warning is not None:
            body["warning_threshold"] = primary.warning
    return body


def _plain(value: object) -> JsonValue:
    """Models as JSON: fields that are None are left out, kept keys stand beside the known ones."""
    if isinstance(value, UnknownSpec):
        return dict(value.data)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in cast(tuple[object, ...], value)]
    if has(type(value)):
        model = cast(AttrsInstance, value)
        dropped = _SLO_READ_ONLY if isinstance(value, SloBase) else _THRESHOLD_READ_ONLY
        known = {f.name: getattr(model, f.name) for f in fields(type(model)) if f.name not in dropped}
        kept = cast(Mapping[str, JsonValue], known.pop("extra"))
        return {name: _plain(item) for name, item in known.items() if item is not None} | dict(kept)
    return cast(JsonValue, value)


def check_slo(problems: Problems, slo: Slo) -> None:
    """What the vendor would refuse, found before it costs a call."""
    problems.add(_no_slo(slo))
    if problems.found:
        return
    problems.text("name", slo.name)
    _check_thresholds(problems, slo.thresholds)
    match slo:
        case MetricSlo():
            _check_metric(problems, slo)
        case MonitorSlo():
            if not slo.monitor_ids or not all(is_int(i) for i in slo.monitor_ids):
                problems.add(f"monitor_ids: {slo.monitor_ids!r} was given; allowed: at least one monitor id (a whole number)")
            if slo.groups is not None and len(slo.groups) > _GROUPS_AT_MOST:
                problems.add(f"groups: {len(slo.groups)} were given; allowed: at most {_GROUPS_AT_MOST}")
        case TimeSliceSlo():
            _check_time_slice(problems, slo)
        case _:
            return


def _no_slo(slo: object) -> str | None:
    if isinstance(slo, SloBase):
        return None
    return f"slo: a {type(slo).__name__} was given; allowed: MetricSlo, MonitorSlo, TimeSliceSlo or UnknownSlo"


def _check_thresholds(problems: Problems, thresholds: tuple[Threshold, ...]) -> None:
    if not thresholds:
        problems.add("thresholds: none was given; allowed: one to three, each with a timeframe of its own")
    seen: set[str] = set()
    for i, threshold in enumerate(thresholds):
        at = f"thresholds[{i}]"
        problems.one_of(f"{at}.timeframe", threshold.timeframe, TIMEFRAMES)
        if threshold.timeframe in seen:
            problems.add(f"{at}.timeframe: {threshold.timeframe.value!r} was given twice; allowed: once")
        seen.add(threshold.timeframe)
        if not 0 < threshold.target < 100:
            problems.add(f"{at}.target: {threshold.target!r} was given; allowed: a percentage above 0 and below 100")
        if threshold.warning is not None and not threshold.target < threshold.warning <= 100:
            problems.add(
                f"{at}.warning: {threshold.warning!r} was given; allowed: above the target {threshold.target!r}, at most 100"
            )


def _check_metric(problems: Problems, slo: MetricSlo) -> None:
    if slo.query is None and slo.sli_specification is None:
        problems.add("query, sli_specification: neither was given; allowed: at least one of them")
    if isinstance(slo.sli_specification, TimeSliceSpec):
        problems.add("sli_specification: a TimeSliceSpec was given; allowed: a CountSpec")
    if isinstance(slo.sli_specification, CountSpec):
        count = slo.sli_specification.count
        if (count.total_events_formula is None) == (count.bad_events_formula is None):
            problems.add("sli_specification.count: allowed: exactly one of total_events_formula and bad_events_formula")


def _check_time_slice(problems: Problems, slo: TimeSliceSlo) -> None:
    spec = slo.sli_specification
    if spec is None or isinstance(spec, CountSpec):
        problems.add(f"sli_specification: {type(spec).__name__} was given; allowed: a TimeSliceSpec")
    if not isinstance(spec, TimeSliceSpec):
        return
    at, condition = "sli_specification.time_slice", spec.time_slice
    problems.one_of(f"{at}.comparator", condition.comparator, tuple(Comparator))
    if condition.query_interval_seconds is not None:
        problems.one_of(f"{at}.query_interval_seconds", condition.query_interval_seconds, (60, 300))
    if len(condition.query.formulas) != 1:
        problems.add(f"{at}.query.formulas: {len(condition.query.formulas)} were given; allowed: exactly one")
