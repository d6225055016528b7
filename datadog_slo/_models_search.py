"""What a search finds: SLOs with their state at the time when the index last looked at them."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from datadog_slo._enums import SloState, SloType, Timeframe
from datadog_slo._models_slos import Threshold
from datadog_slo._models_status import RawErrorBudget


@frozen(kw_only=True)
class SearchCreator:
    """Who created an SLO, as a search shows it."""

    id: int | None = None
    email: str | None = None
    name: str | None = None


@frozen(kw_only=True)
class SearchQuery:
    """The queries of a metric SLO. ``metrics`` is promised by the vendor and null so far."""

    numerator: str | None = None
    denominator: str | None = None
    metrics: tuple[str, ...] | None = None


@frozen(kw_only=True)
class SearchStatus:
    """How the SLO stood in its primary timeframe at ``indexed_at`` (UTC); percentages."""

    sli: float | None = None
    state: SloState | None = None
    error_budget_remaining: float | None = None
    raw_error_budget_remaining: RawErrorBudget | None = None
    span_precision: int | None = None
    indexed_at: datetime | None = None
    calculation_error: str | None = None


@frozen(kw_only=True)
class OverallStatus:
    """How the SLO stood in one timeframe. ``status`` is the SLI in percent."""

    timeframe: Timeframe | None = None
    target: float | None = None
    status: float | None = None
    state: SloState | None = None
    error_budget_remaining: float | None = None
    raw_error_budget_remaining: RawErrorBudget | None = None
    span_precision: int | None = None
    indexed_at: datetime | None = None
    error: str | None = None


@frozen(kw_only=True)
class SearchedSlo:
    """One SLO that a search found. The index has a clock of its own: a new SLO may be missing, a changed one out of date."""

    id: str
    name: str
    slo_type: SloType | None = None
    type: str = "slo"
    description: str | None = None
    creator: SearchCreator | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    all_tags: tuple[str, ...] = ()
    team_tags: tuple[str, ...] = ()
    env_tags: tuple[str, ...] = ()
    service_tags: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    monitor_ids: tuple[int, ...] | None = None
    query: SearchQuery | None = None
    thresholds: tuple[Threshold, ...] = ()
    timeframe: Timeframe | None = None
    target_threshold: float | None = None
    warning_threshold: float | None = None
    status: SearchStatus | None = None
    overall_status: tuple[OverallStatus, ...] = ()

    @property
    def target(self) -> float | None:
        """The target in percent: that of the primary timeframe, else of the first threshold."""
        if self.target_threshold is not None:
            return self.target_threshold
        named = next((t for t in self.thresholds if t.timeframe == self.timeframe), None)
        first = named or (self.thresholds[0] if self.thresholds else None)
        return first.target if first is not None else None


@frozen(kw_only=True)
class Facet:
    """One value and how many SLOs have it. The vendor counts types and targets by number, the rest by text."""

    name: str | float
    count: int


@frozen(kw_only=True)
class SearchFacets:
    """What the SLOs that were found have in common."""

    all_tags: tuple[Facet, ...] = ()
    creator_name: tuple[Facet, ...] = ()
    env_tags: tuple[Facet, ...] = ()
    service_tags: tuple[Facet, ...] = ()
    slo_type: tuple[Facet, ...] = ()
    target: tuple[Facet, ...] = ()
    team_tags: tuple[Facet, ...] = ()
    timeframe: tuple[Facet, ...] = ()
