"""SLOs: one type for each kind, a fallback for kinds to come, and all that they are made of.

Every type that a PUT sends back keeps the keys that this release does not know in ``extra``, so that reading an SLO, changing it
and writing it back loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from attrs import field, frozen

from datadog_slo._enums import Comparator, SloType, Timeframe
from slo_common._json import JsonValue

Extra: TypeAlias = Mapping[str, JsonValue]


@frozen(kw_only=True)
class Threshold:
    """The target of one timeframe, in percent; below ``warning`` (above the target) the SLO shows a warning.

    The vendor's displays are texts of uncertain form; compare the numbers.
    """

    timeframe: Timeframe
    target: float
    warning: float | None = None
    target_display: str | None = None
    warning_display: str | None = None
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class Creator:
    """Who created an SLO."""

    email: str | None = None
    handle: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class MetricQuery:
    """The good and the total events of a metric SLO, as metric queries."""

    numerator: str
    denominator: str
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class SliQuery:
    """A named query of an SLI specification."""

    name: str
    query: str
    data_source: str = "metrics"
    aggregator: str | None = None
    """avg, min, max, sum, last, area, l2norm or percentile."""
    cross_org_uuids: tuple[str, ...] | None = None
    semantic_mode: str | None = None
    """combined or native."""
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class Formula:
    """An expression over named queries."""

    formula: str
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class CountCondition:
    """Good events against either total or bad events."""

    good_events_formula: Formula
    queries: tuple[SliQuery, ...]
    total_events_formula: Formula | None = None
    bad_events_formula: Formula | None = None
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class CountSpec:
    """The SLI specification of a metric SLO."""

    count: CountCondition
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class TimeSliceQuery:
    """The queries of a time-slice SLO and its one formula."""

    formulas: tuple[Formula, ...]
    queries: tuple[SliQuery, ...]
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class TimeSliceCondition:
    """When a slice of time is good: the query's value held against the threshold. The interval is 60 or 300 seconds."""

    comparator: Comparator
    threshold: float
    query: TimeSliceQuery
    query_interval_seconds: int | None = None
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class TimeSliceSpec:
    """The SLI specification of a time-slice SLO."""

    time_slice: TimeSliceCondition
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)


@frozen(kw_only=True)
class UnknownSpec:
    """An SLI specification of a kind that this release does not know, as it came."""

    data: Extra


SliSpec: TypeAlias = CountSpec | TimeSliceSpec | UnknownSpec


@frozen(kw_only=True, init=False, eq=False, repr=False)  # its subclasses have them; compiling them here too would take 1 ms
class SloBase:
    """What all SLOs have; there is none that is only this. ``id`` is empty on one that is yet to be created; times are UTC.

    ``timeframe`` names the primary threshold; ``target_threshold`` and ``warning_threshold`` are its numbers, as the vendor shows
    them. ``configured_alert_ids`` comes only when asked for.
    """

    name: str
    thresholds: tuple[Threshold, ...]
    id: str = ""
    description: str | None = None
    tags: tuple[str, ...] | None = None
    timeframe: Timeframe | None = None
    target_threshold: float | None = None
    warning_threshold: float | None = None
    creator: Creator | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    type_id: int | None = None
    monitor_tags: tuple[str, ...] | None = None
    configured_alert_ids: tuple[int, ...] | None = None
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)

    @property
    def primary(self) -> Threshold | None:
        """The threshold of the primary timeframe, else the first one."""
        found = next((t for t in self.thresholds if t.timeframe == self.timeframe), None)
        return found or (self.thresholds[0] if self.thresholds else None)

    @property
    def target(self) -> float | None:
        """The primary target in percent."""
        return self.primary.target if self.primary is not None else self.target_threshold


@frozen(kw_only=True)
class MetricSlo(SloBase):
    """An SLO by events: good ones against all. Either ``query`` or ``sli_specification`` says which."""

    type: SloType = SloType.METRIC
    query: MetricQuery | None = None
    sli_specification: SliSpec | None = None


@frozen(kw_only=True)
class MonitorSlo(SloBase):
    """An SLO by the time that monitors are well."""

    type: SloType = SloType.MONITOR
    monitor_ids: tuple[int, ...] = ()
    groups: tuple[str, ...] | None = None


@frozen(kw_only=True)
class TimeSliceSlo(SloBase):
    """An SLO by slices of time in which a metric is as it should be."""

    type: SloType = SloType.TIME_SLICE
    sli_specification: SliSpec | None = None


@frozen(kw_only=True)
class UnknownSlo(SloBase):
    """An SLO of a type that this release does not know. What is special about it is in ``extra``, and an update sends it back."""

    type: SloType


Slo: TypeAlias = MetricSlo | MonitorSlo | TimeSliceSlo | UnknownSlo
