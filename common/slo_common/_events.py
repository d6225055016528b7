"""What happens during a call, as values: what hooks are given, and what log records and spans are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import frozen

from slo_common._errors import Sent


@frozen(kw_only=True)
class Event:
    """One thing that happened during a call. Base of all events; later releases may add classes and fields.

    Events hold no credential, no header, no body and no address beyond its route. All durations are seconds.

    >>> def hook(event: Event) -> None:
    ...     if isinstance(event, CallEnded):
    ...         print(event.call, event.outcome)
    >>> DatadogSLO(on_event=hook)  # doctest: +SKIP
    """

    call_id: int
    """The same on all events of one call, and of no other call of this process."""
    call: str
    """Which operation, such as ``datadog.slos.get``."""


@frozen(kw_only=True)
class CallStarted(Event):
    """A call begins. What was wrong with its arguments has been raised before."""

    method: str
    """Of HTTP."""
    route: str
    """The path without its query and with ``{id}`` in the place of the id, such as ``/api/v1/slo/{id}/history``."""
    server: str
    """Host name."""
    port: int
    subject: str
    """What it is about: the id, the name or the search text that was given, at most 100 characters; or an empty string."""
    writes: bool
    """Whether it changes anything at the vendor."""


@frozen(kw_only=True)
class RateLimitWait(Event):
    """The call is about to wait for its rate limit; several in a row when its turn moves."""

    seconds: float
    reason: Literal["turn", "refused"]
    """``turn``: its place in our own queue; ``refused``: the pause after a 429."""
    bucket: str
    """Our name of the budget."""
    waited: float
    """Seconds that this call has waited for rate limits so far."""


@frozen(kw_only=True)
class AttemptStarted(Event):
    """A request is about to be sent."""

    attempt: int
    """Counted from 1."""


@frozen(kw_only=True)
class BudgetSeen(Event):
    """A reply told how much of a request budget is left. What it did not tell is None."""

    bucket: str
    """The server's name of the budget, or ours where it has none."""
    limit: int | None
    """Requests per window."""
    remaining: int | None
    period: float | None
    """Length of the window."""
    resets_in: float | None
    """Until the window ends, or until a place is free at the latest."""


@frozen(kw_only=True)
class AttemptEnded(Event):
    """A request was answered, or came to nothing."""

    attempt: int
    elapsed: float
    """From sending to the end of the reply, or to the failure."""
    status: int | None
    """Of HTTP; None when no reply came."""
    request_id: str | None
    """The vendor's, for its support; None when there is none."""
    sent: Sent
    """Whether the request reached the server."""
    request_bytes: int
    """Of the body, without credentials that are put into it."""
    response_bytes: int
    """Of the body, decompressed."""
    retry_after: float | None
    """The server's ``Retry-After``, in seconds from the reply."""
    error: str | None
    """The class of the error, such as ``ServerError``; None when it went well."""
    detail: str
    """The message of the error, or an empty string."""


@frozen(kw_only=True)
class RetryScheduled(Event):
    """A failed attempt will be followed by another."""

    attempt: int
    """The one that failed."""
    pause: float
    """At least so long before the next one."""
    error: str
    """The class of the error that it failed with."""
    status: int | None
    retry_after: float | None
    """What the server asked for, if it did."""


@frozen(kw_only=True)
class CallEnded(Event):
    """The last event of each call."""

    outcome: Literal["ok", "failed", "unknown", "cancelled"]
    """``unknown``: a write that may have been applied; ``cancelled``: by the caller, or interrupted, with nothing left in doubt."""
    error: str | None
    """The class of what was raised; None when it went well."""
    detail: str
    """The message of the error, or an empty string."""
    status: int | None
    """Of the error, when it came from a reply."""
    request_id: str | None
    sent: Sent | None
    """Whether the server got it, as the error says; None when it went well or the error is not ours."""
    attempts: int
    """How many were begun."""
    elapsed: float
    """All in all."""
    waited: float
    """For rate limits; part of ``elapsed``."""


OnEvent = Callable[[Event], object]
"""A hook: called with each event, in the thread or task of the call, before it goes on. Its result is not used."""
