"""Every model of Datadog's SLOs: what the client returns, and what it takes.

>>> from datadog_slo.models import MetricSlo, Threshold
"""

from __future__ import annotations

from datadog_slo._enums import (
    Comparator,
    CorrectionCategory,
    ErrorTimeframe,
    ReportInterval,
    ReportStatus,
    SloState,
    SloType,
    Timeframe,
)
from datadog_slo._models_corrections import (
    Correction,
    CorrectionUser,
)
from datadog_slo._models_deletes import (
    BulkDeleteError,
    BulkDeleteResult,
    CanDeleteResult,
    DeleteResult,
)
from datadog_slo._models_history import (
    HistorySeries,
    Reading,
    Series,
    SeriesMetadata,
    SliData,
    SliError,
    SloHistory,
    Transition,
    Unit,
)
from datadog_slo._models_reports import (
    ReportJob,
    ReportJobStatus,
)
from datadog_slo._models_search import (
    Facet,
    OverallStatus,
    SearchCreator,
    SearchedSlo,
    SearchFacets,
    SearchQuery,
    SearchStatus,
)
from datadog_slo._models_slos import (
    CountCondition,
    CountSpec,
    Creator,
    Extra,
    Formula,
    MetricQuery,
    MetricSlo,
    MonitorSlo,
    SliQuery,
    SliSpec,
    Slo,
    SloBase,
    Threshold,
    TimeSliceCondition,
    TimeSliceQuery,
    TimeSliceSlo,
    TimeSliceSpec,
    UnknownSlo,
    UnknownSpec,
)
from datadog_slo._models_status import (
    RawErrorBudget,
    SloStatus,
)
from datadog_slo._report import (
    SloReport,
    SloReportRow,
)

__all__ = [
    "BulkDeleteError",
    "BulkDeleteResult",
    "CanDeleteResult",
    "Comparator",
    "Correction",
    "CorrectionCategory",
    "CorrectionUser",
    "CountCondition",
    "CountSpec",
    "Creator",
    "DeleteResult",
    "ErrorTimeframe",
    "Extra",
    "Facet",
    "Formula",
    "HistorySeries",
    "MetricQuery",
    "MetricSlo",
    "MonitorSlo",
    "OverallStatus",
    "RawErrorBudget",
    "Reading",
    "ReportInterval",
    "ReportJob",
    "ReportJobStatus",
    "ReportStatus",
    "SearchCreator",
    "SearchFacets",
    "SearchQuery",
    "SearchStatus",
    "SearchedSlo",
    "Series",
    "SeriesMetadata",
    "SliData",
    "SliError",
    "SliQuery",
    "SliSpec",
    "Slo",
    "SloBase",
    "SloHistory",
    "SloReport",
    "SloReportRow",
    "SloState",
    "SloStatus",
    "SloType",
    "Threshold",
    "TimeSliceCondition",
    "TimeSliceQuery",
    "TimeSliceSlo",
    "TimeSliceSpec",
    "Timeframe",
    "Transition",
    "Unit",
    "UnknownSlo",
    "UnknownSpec",
]
