"""The vendor's enums, open: a value that this release does not know is kept and says ``is_known == False``."""

from __future__ import annotations

from slo_common._enums import OpenEnum


class SloType(OpenEnum):
    """What an SLO is measured by."""

    METRIC = "metric"
    MONITOR = "monitor"
    TIME_SLICE = "time_slice"


class Timeframe(OpenEnum):
    """The rolling window of a target. ``custom`` is shown by history only and cannot be set."""

    SEVEN_DAYS = "7d"
    THIRTY_DAYS = "30d"
    NINETY_DAYS = "90d"
    CUSTOM = "custom"


class ErrorTimeframe(OpenEnum):
    """The timeframe that a bulk deletion failed for, or all of them."""

    SEVEN_DAYS = "7d"
    THIRTY_DAYS = "30d"
    NINETY_DAYS = "90d"
    ALL = "all"


class SloState(OpenEnum):
    """How an SLO stands against its target."""

    OK = "ok"
    WARNING = "warning"
    BREACHED = "breached"
    NO_DATA = "no_data"


class CorrectionCategory(OpenEnum):
    """Why a stretch of time does not count."""

    SCHEDULED_MAINTENANCE = "Scheduled Maintenance"
    OUTSIDE_BUSINESS_HOURS = "Outside Business Hours"
    DEPLOYMENT = "Deployment"
    OTHER = "Other"


class Comparator(OpenEnum):
    """How the value of a time slice is held against its threshold."""

    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="


class ReportInterval(OpenEnum):
    """The columns of a report: days, weeks from Sunday, or months."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ReportStatus(OpenEnum):
    """How far a report job is. A status that is not known counts as running."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether the job has ended, well or not."""
        return self in (ReportStatus.COMPLETED, ReportStatus.COMPLETED_WITH_ERRORS, ReportStatus.FAILED)


TIMEFRAMES = (Timeframe.SEVEN_DAYS, Timeframe.THIRTY_DAYS, Timeframe.NINETY_DAYS)
"""The timeframes that can be set and deleted."""
