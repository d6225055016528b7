"""Datadog service level objectives: a typed client, sync and async. Names are loaded when they are used.

>>> from datadog_slo import DatadogSLO
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from slo_common._lazy import lazy

if TYPE_CHECKING:
    from datadog_slo._async_client import AsyncDatadogSLO as AsyncDatadogSLO
    from datadog_slo._client import DatadogSLO as DatadogSLO
    from datadog_slo._config import SITES as SITES
    from datadog_slo._enums import Comparator as Comparator
    from datadog_slo._enums import CorrectionCategory as CorrectionCategory
    from datadog_slo._enums import ErrorTimeframe as ErrorTimeframe
    from datadog_slo._enums import ReportInterval as ReportInterval
    from datadog_slo._enums import ReportStatus as ReportStatus
    from datadog_slo._enums import SloState as SloState
    from datadog_slo._enums import SloType as SloType
    from datadog_slo._enums import Timeframe as Timeframe
    from datadog_slo._models_corrections import Correction as Correction
    from datadog_slo._models_corrections import CorrectionUser as CorrectionUser
    from datadog_slo._models_deletes import BulkDeleteError as BulkDeleteError
    from datadog_slo._models_deletes import BulkDeleteResult as BulkDeleteResult
    from datadog_slo._models_deletes import CanDeleteResult as CanDeleteResult
    from datadog_slo._models_deletes import DeleteResult as DeleteResult
    from datadog_slo._models_history import HistorySeries as HistorySeries
    from datadog_slo._models_history import Reading as Reading
    from datadog_slo._models_history import Series as Series
    from datadog_slo._models_history import SeriesMetadata as SeriesMetadata
    from datadog_slo._models_history import SliData as SliData
    from datadog_slo._models_history import SliError as SliError
    from datadog_slo._models_history import SloHistory as SloHistory
    from datadog_slo._models_history import Transition as Transition
    from datadog_slo._models_history import Unit as Unit
    from datadog_slo._models_reports import ReportJob as ReportJob
    from datadog_slo._models_reports import ReportJobStatus as ReportJobStatus
    from datadog_slo._models_search import Facet as Facet
    from datadog_slo._models_search import OverallStatus as OverallStatus
    from datadog_slo._models_search import SearchCreator as SearchCreator
    from datadog_slo._models_search import SearchedSlo as SearchedSlo
    from datadog_slo._models_search import SearchFacets as SearchFacets
    from datadog_slo._models_search import SearchQuery as SearchQuery
    from datadog_slo._models_search import SearchStatus as SearchStatus
    from datadog_slo._models_slos import CountCondition as CountCondition
    from datadog_slo._models_slos import CountSpec as CountSpec
    from datadog_slo._models_slos import Creator as Creator
    from datadog_slo._models_slos import Extra as Extra
    from datadog_slo._models_slos import Formula as Formula
    from datadog_slo._models_slos import MetricQuery as MetricQuery
    from datadog_slo._models_slos import MetricSlo as MetricSlo
    from datadog_slo._models_slos import MonitorSlo as MonitorSlo
    from datadog_slo._models_slos import SliQuery as SliQuery
    from datadog_slo._models_slos import SliSpec as SliSpec
    from datadog_slo._models_slos import Slo as Slo
    from datadog_slo._models_slos import SloBase as SloBase
    from datadog_slo._models_slos import Threshold as Threshold
    from datadog_slo._models_slos import TimeSliceCondition as TimeSliceCondition
    from datadog_slo._models_slos import TimeSliceQuery as TimeSliceQuery
    from datadog_slo._models_slos import TimeSliceSlo as TimeSliceSlo
    from datadog_slo._models_slos import TimeSliceSpec as TimeSliceSpec
    from datadog_slo._models_slos import UnknownSlo as UnknownSlo
    from datadog_slo._models_slos import UnknownSpec as UnknownSpec
    from datadog_slo._models_status import RawErrorBudget as RawErrorBudget
    from datadog_slo._models_status import SloStatus as SloStatus
    from datadog_slo._progress import ReportProgress as ReportProgress
    from datadog_slo._report import SloReport as SloReport
    from datadog_slo._report import SloReportRow as SloReportRow
    from datadog_slo._run import ReportEngineWarning as ReportEngineWarning
    from datadog_slo._run import ReportFile as ReportFile

_HOME: Final[dict[str, str]] = {
    "AsyncDatadogSLO": "_async_client",
    "DatadogSLO": "_client",
    "SITES": "_config",
    "ReportEngineWarning": "_run",
    "ReportFile": "_run",
    "ReportProgress": "_progress",
    **dict.fromkeys(
        (
            "Comparator",
            "CorrectionCategory",
            "ErrorTimeframe",
            "ReportInterval",
            "ReportStatus",
            "SloState",
            "SloType",
            "Timeframe",
        ),
        "_enums",
    ),
    **dict.fromkeys(
        (
            "CountCondition",
            "CountSpec",
            "Creator",
            "Extra",
            "Formula",
            "MetricQuery",
            "MetricSlo",
            "MonitorSlo",
            "SliQuery",
            "SliSpec",
            "Slo",
            "SloBase",
            "Threshold",
            "TimeSliceCondition",
            "TimeSliceQuery",
            "TimeSliceSlo",
            "TimeSliceSpec",
            "UnknownSlo",
            "UnknownSpec",
        ),
        "_models_slos",
    ),
    **dict.fromkeys(
        (
            "HistorySeries",
            "Reading",
            "Series",
            "SeriesMetadata",
            "SliData",
            "SliError",
            "SloHistory",
            "Transition",
            "Unit",
        ),
        "_models_history",
    ),
    **dict.fromkeys(
        (
            "Correction",
            "CorrectionUser",
        ),
        "_models_corrections",
    ),
    **dict.fromkeys(
        (
            "Facet",
            "OverallStatus",
            "SearchCreator",
            "SearchFacets",
            "SearchQuery",
            "SearchStatus",
            "SearchedSlo",
        ),
        "_models_search",
    ),
    **dict.fromkeys(
        (
            "ReportJob",
            "ReportJobStatus",
        ),
        "_models_reports",
    ),
    **dict.fromkeys(
        (
            "BulkDeleteError",
            "BulkDeleteResult",
            "CanDeleteResult",
            "DeleteResult",
        ),
        "_models_deletes",
    ),
    **dict.fromkeys(
        (
            "RawErrorBudget",
            "SloStatus",
        ),
        "_models_status",
    ),
    **dict.fromkeys(
        (
            "SloReport",
            "SloReportRow",
        ),
        "_report",
    ),
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  # the names above, loaded when used
__getattr__, __dir__ = lazy(__name__, _HOME)
