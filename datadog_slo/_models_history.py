"""What history says about one SLO over a window.

Percentages throughout; None is no data. Times are UTC: the vendor mixes seconds and milliseconds, these models do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from datadog_slo._enums import SloState, SloType
from datadog_slo._models_corrections import Correction
from datadog_slo._models_slos import Slo, Threshold
from slo_common._enums import OpenEnum


class Reading(OpenEnum):
    """What a monitor or a time slice said: good, bad or nothing. The vendor's 0, 1 and 2 (or ``NO_DATA``)."""

    GOOD = "good"
    BAD = "bad"
    NO_DATA = "no_data"


@frozen(kw_only=True)
class Transition:
    """From this moment on the reading was this."""

    at: datetime
    reading: Reading


@frozen(kw_only=True)
class SliError:
    """Why there is no SLI, or only part of one, such as ``ZERO_VALUED_DENOMINATOR``."""

    error_type: str
    error_message: str


@frozen(kw_only=True)
class SliData:
    """The SLI of an SLO, of one of its groups or of one of its monitors.

    ``error_budget_remaining`` and ``precision`` are by timeframe, among them ``custom`` for a target of the caller's own.
    ``span_precision`` is the number of decimal places that the SLI is accurate to. ``uptime`` is the vendor's older name of the SLI.
    ``corrections`` are those that were applied. ``monitor_modified`` is when the monitor was changed last.
    """

    sli_value: float | None = None
    uptime: float | None = None
    state: SloState | None = None
    error_budget_remaining: Mapping[str, float] = field(factory=dict[str, float])
    errors: tuple[SliError, ...] = ()
    span_precision: float | None = None
    precision: Mapping[str, float] = field(factory=dict[str, float])
    history: tuple[Transition, ...] = ()
    corrections: tuple[Correction, ...] = ()
    name: str | None = None
    group: str | None = None
    monitor_type: str | None = None
    monitor_modified: datetime | None = None
    preview: bool | None = None

    @property
    def no_data_reason(self) -> str | None:
        """Why ``sli_value`` is None, in the vendor's words."""
        if self.sli_value is not None:
            return None
        return "; ".join(e.error_message for e in self.errors) or "no data"


@frozen(kw_only=True)
class Unit:
    """The unit of a metric."""

    id: int | None = None
    family: str | None = None
    name: str | None = None
    plural: str | None = None
    short_name: str | None = None
    scale_factor: float | None = None


@frozen(kw_only=True)
class SeriesMetadata:
    """Where a series comes from."""

    aggr: str | None = None
    expression: str | None = None
    metric: str | None = None
    query_index: int | None = None
    scope: str | None = None
    tag_set: tuple[str, ...] | None = None
    unit: tuple[Unit | None, ...] | None = None


@frozen(kw_only=True)
class Series:
    """The values of one query, one for each of the times."""

    values: tuple[float | None, ...] = ()
    sum: float | None = None
    count: int | None = None
    metadata: SeriesMetadata | None = None


@frozen(kw_only=True)
class HistorySeries:
    """Good (numerator) and all events (denominator) of a metric SLO, in steps of ``interval`` seconds."""

    times: tuple[datetime, ...] = ()
    interval: int | None = None
    numerator: Series | None = None
    denominator: Series | None = None
    query: str | None = None
    message: str | None = None
    res_type: str | None = None
    resp_version: int | None = None
    from_date: datetime | None = None
    to_date: datetime | None = None
    timing: str | None = None
    numerator_query: str | None = None
    denominator_query: str | None = None
    bad_series_query: str | None = None
    graph_query: str | None = None


@frozen(kw_only=True)
class SloHistory:
    """The history of one SLO. ``monitors`` and ``groups`` are for SLOs that have them, ``series`` for metric SLOs.

    ``errors`` are the vendor's complaints about the query as a whole.
    """

    from_ts: datetime | None = None
    to_ts: datetime | None = None
    type: SloType | None = None
    type_id: int | None = None
    overall: SliData = field(factory=SliData)
    thresholds: Mapping[str, Threshold] = field(factory=dict[str, Threshold])
    monitors: tuple[SliData, ...] = ()
    groups: tuple[SliData, ...] = ()
    group_by: tuple[str, ...] = ()
    series: HistorySeries | None = None
    slo: Slo | None = None
    errors: tuple[str, ...] = ()
