"""Times: what a caller may pass, and what comes back. All results are aware and in UTC."""

from __future__ import annotations

import math
from datetime import UTC, datetime

Timestamp = datetime | int | float
"""A time argument: an aware ``datetime`` or seconds since the epoch."""

MAX_EPOCH = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that datetime can hold


def epoch_problem(name: str, value: object) -> str | None:
    """Why ``value`` is no time, or None."""
    allowed = "an aware datetime or epoch seconds"
    if isinstance(value, datetime):
        if value.tzinfo is None or value.utcoffset() is None:
            return f"{name}: {value!r} is a naive datetime; allowed: {allowed} (add tzinfo=timezone.utc)"
        if value.timestamp() < 0:
            return f"{name}: {value!r} is before 1970; allowed: {allowed}"
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"{name}: {value!r} was given; allowed: {allowed}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{name}: {value!r} was given; allowed: {allowed}"
    if value >= 100_000_000_000 and value <= MAX_EPOCH * 1000:
        return f"{name}: {value!r} looks like milliseconds; allowed: {allowed}"
    if not 0 <= value <= MAX_EPOCH:
        return f"{name}: {value!r} is out of range; allowed: {allowed}, 0 to {MAX_EPOCH}"
    return None


def to_epoch(value: Timestamp) -> int:
    """Whole seconds since the epoch, rounded down. Check with :func:`epoch_problem` first."""
    return math.floor(value.timestamp() if isinstance(value, datetime) else value)


def from_epoch(seconds: float) -> datetime:
    """An aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def zone_problem(name: str, value: object) -> str | None:
    """Why ``value`` is no IANA time zone, or None."""
    if not isinstance(value, str):
        return f"{name}: {value!r} was given; allowed: the name of an IANA time zone, such as 'Europe/Paris'"
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 2 ms that a program without time zones need not spend

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{name}: {value!r} is not a known time zone; allowed: an IANA name, such as 'Europe/Paris' or 'UTC'"
    return None
