"""The state of one SLO over a window, in numbers."""

from __future__ import annotations

from attrs import frozen

from datadog_slo._enums import SloState


@frozen(kw_only=True)
class RawErrorBudget:
    """What is left of an error budget in the unit of the SLO, such as requests or seconds."""

    value: float | None = None
    unit: str | None = None


@frozen(kw_only=True)
class SloStatus:
    """The SLI of one SLO over a window, and what is left of the error budget: numbers in percent, None without data."""

    id: str
    sli: float | None
    error_budget_remaining: float | None
    raw_error_budget_remaining: RawErrorBudget | None
    state: SloState
    span_precision: int | None
    """Decimal places that the SLI is accurate to."""
    type: str = "slo_status"
