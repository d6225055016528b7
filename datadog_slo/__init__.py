"""Datadog service level objectives: a typed client, sync and async. Names are loaded when they are used.

>>> from datadog_slo import DatadogSLO
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

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
    from datadog_slo._models_reports import BulkDeleteError as BulkDeleteError
    from datadog_slo._models_reports import BulkDeleteResult as BulkDeleteResult
    from datadog_slo._models_reports import ReportJob as ReportJob
    from datadog_slo._models_reports import ReportJobStatus as ReportJobStatus
    from datadog_slo._report import SloReport as SloReport
    from datadog_slo._report import SloReportRow as SloReportRow

_HOME: Final[dict[str, str]] = {
    "AsyncDatadogSLO": "_async_client",
    "DatadogSLO": "_client",
    "SITES": "_config",
    **dict.fromkeys(("SloReport", "SloReportRow"), "_report"),
    **dict.fromkeys(("BulkDeleteError", "BulkDeleteResult", "ReportJob", "ReportJobStatus"), "_models_reports"),
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
}

__all__ = [
    "SITES",
    "AsyncDatadogSLO",
    "BulkDeleteError",
    "BulkDeleteResult",
    "Comparator",
    "CorrectionCategory",
    "DatadogSLO",
    "ErrorTimeframe",
    "ReportInterval",
    "ReportJob",
    "ReportJobStatus",
    "ReportStatus",
    "SloReport",
    "SloReportRow",
    "SloState",
    "SloType",
    "Timeframe",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
