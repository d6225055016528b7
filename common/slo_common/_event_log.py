"""Events as records of the standard library's logging: one record an event, its fields flat in ``extra``."""

from __future__ import annotations

import enum
import logging
from logging import DEBUG, INFO, WARNING

from attrs import fields

from slo_common._errors import RateLimited, Sent
from slo_common._events import (
    AttemptEnded,
    AttemptStarted,
    BudgetSeen,
    CallEnded,
    CallStarted,
    Event,
    RateLimitWait,
    RetryScheduled,
)

_REFUSED = RateLimited.__name__
_BRIEF = 1.0
"""Seconds. Whoever waits for another call's reply asks fifty times a second: such waits are told once, when they have added up to this."""


def log(logger: logging.Logger, event: Event) -> None:
    """Log an event. Attempts are DEBUG, waits and retries INFO, what somebody should look at WARNING."""
    level = level_of(event)
    if logger.isEnabledFor(level):
        text, args = _text(event)
        logger.log(level, text, *args, extra=extra_of(event))


def level_of(event: Event) -> int:
    match event:
        case CallEnded(outcome="unknown"):
            return WARNING
        case RetryScheduled(error=error) if error == _REFUSED:
            return WARNING  # refused although calls are paced: others spend the same budget
        case CallEnded(error=error, sent=Sent.YES) if error == _REFUSED:
            return WARNING
        case RateLimitWait(reason="turn", seconds=seconds, waited=waited) if (
            seconds < _BRIEF and not waited < _BRIEF <= waited + seconds
        ):
            return DEBUG
        case RateLimitWait() | RetryScheduled() | CallEnded(outcome="failed"):
            return INFO
        case _:
            return DEBUG


def extra_of(event: Event) -> dict[str, object]:
    """The fields of an event as attributes of a log record. No field may be named as one of those that a record has itself."""
    kind = type(event)
    found: dict[str, object] = {"event": kind.__name__}
    for field in fields(kind):
        value: object = getattr(event, field.name)
        found[field.name] = value.value if isinstance(value, enum.Enum) else value
    return found


def _text(event: Event) -> tuple[str, tuple[object, ...]]:
    match event:
        case CallStarted():
            return "%s: %s %s at %s", (event.call, event.method, event.route, event.server)
        case RateLimitWait(reason="turn"):
            return "%s: waits %.2f s for its turn under the rate limit of %s", (event.call, event.seconds, event.bucket)
        case RateLimitWait():
            return "%s: waits %.2f s as the server asked", (event.call, event.seconds)
        case AttemptStarted():
            return "%s: attempt %d is sent", (event.call, event.attempt)
        case BudgetSeen():
            return "%s: %s of %s requests left in %s", (event.call, event.remaining, event.limit, event.bucket)
        case AttemptEnded(status=None):
            return "%s: attempt %d failed after %.3f s: %s", (event.call, event.attempt, event.elapsed, event.error)
        case AttemptEnded():
            return "%s: attempt %d: HTTP %d after %.3f s", (event.call, event.attempt, event.status, event.elapsed)
        case RetryScheduled():
            return "%s: attempt %d failed with %s; again in %.2f s", (event.call, event.attempt, event.error, event.pause)
        case CallEnded(error=None):
            return "%s: done in %.3f s", (event.call, event.elapsed)
        case CallEnded():
            return "%s: %s after %.3f s: %s %s", (event.call, event.outcome, event.elapsed, event.error, event.detail)
        case _:
            return "%s: %s", (event.call, type(event).__name__)
