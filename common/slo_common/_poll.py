"""Waiting for a job of the vendor's: poll first, sleep after, a tenth of the time already waited at a time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from attrs import asdict, frozen

from slo_common._check import require
from slo_common._errors import (
    AuthenticationError,
    InvalidArgument,
    NotFound,
    OperationGone,
    PermissionDenied,
    PollTimeout,
    RateLimited,
    ServerError,
    SloError,
    TransportError,
)
from slo_common._runtime import Runtime
from slo_common._timeouts import Timeouts
from slo_common._times import epoch_problem

S = TypeVar("S")


@frozen(kw_only=True)
class PollSchedule:
    """Seconds between polls: ``share`` of the time since the job began, at least ``shortest``, at most ``longest``.

    With the defaults a job is noticed after 5-6 % of its own time on average, for some 28 calls.

    >>> [PollSchedule(shortest=2.0).delay(waited) for waited in (0.0, 60.0, 3600.0)]
    [2.0, 6.0, 30.0]
    """

    share: float = 0.1
    shortest: float = 0.5
    longest: float = 30.0
    not_found_grace: float = 30.0
    """So long after the start, or for ``not_found_polls`` polls, a 404 means that the vendor has not caught up yet."""
    not_found_polls: int = 5
    failures_in_a_row: int = 5
    """So many failed polls, one after the other, end the wait."""

    def delay(self, waited: float) -> float:
        """Seconds until the next poll, ``waited`` seconds after the job began.

        >>> PollSchedule().delay(60.0)
        6.0
        """
        return min(self.longest, max(self.shortest, self.share * waited))


@frozen(kw_only=True)
class JobHandle:
    """What another process needs to go on waiting for a job. Holds no secret."""

    vendor: str
    report_id: str
    created_at: float
    """Seconds since the epoch."""
    site: str = ""
    v: int = 1

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, vendor: str) -> JobHandle:
        """Raises :class:`InvalidArgument` for anything but a handle of this vendor, version 1."""
        allowed = f"the text of a {vendor} job handle"
        try:
            parsed: object = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            raise InvalidArgument(f"handle: not JSON; allowed: {allowed}") from None
        data = cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}
        if data.get("v") != 1 or data.get("vendor") != vendor:
            raise InvalidArgument(f"handle: not a version 1 handle of {vendor}; allowed: {allowed}")
        report_id, created_at, site = data.get("report_id"), data.get("created_at"), data.get("site", "")
        if not isinstance(report_id, str) or not report_id or not isinstance(site, str):
            raise InvalidArgument(f"handle: report_id or site is not a string; allowed: {allowed}")
        if not isinstance(created_at, (int, float)) or epoch_problem("created_at", created_at) is not None:
            raise InvalidArgument(f"handle: created_at is no moment; allowed: {allowed}")
        return cls(vendor=vendor, report_id=report_id, created_at=float(created_at), site=site)


def _worth_another_poll(error: SloError) -> bool:
    if isinstance(error, (AuthenticationError, PermissionDenied, OperationGone)):
        return False
    return isinstance(error, (TransportError, ServerError, RateLimited)) and error.retry_safe is not False


async def poll(
    runtime: Runtime,
    ask: Callable[[], Awaitable[S]],
    *,
    is_over: Callable[[S], bool],
    timeout: float,
    what: str,
    handle: JobHandle,
    on_status: Callable[[S], object] | None = None,
    schedule: PollSchedule | None = None,
) -> S:
    """Ask until the job is over and return the last answer.

    ``timeout`` is seconds from now. ``ask`` brings its own retries; a failed poll does not end the wait, several in a row do.
    Raises :class:`PollTimeout` with the handle, or what ended the polls.
    """
    require((None if Timeouts.allows(timeout) else f"timeout: {timeout!r} was given; allowed: a number of seconds above 0",))
    schedule = schedule if schedule is not None else PollSchedule()
    began = runtime.now()
    age_before = max(0.0, runtime.wall() - handle.created_at)  # a resumed job has waited elsewhere
    polls = failures = 0
    last: S | None = None
    failure: SloError | None = None
    while True:
        try:
            last = await ask()
        except NotFound as e:
            polls += 1
            age = age_before + runtime.now() - began
            if isinstance(e, OperationGone) or (age > schedule.not_found_grace and polls > schedule.not_found_polls):
                raise
            failure = e
        except SloError as e:
            failures += 1
            if not _worth_another_poll(e) or failures >= schedule.failures_in_a_row:
                raise
            failure = e
        else:
            failures = 0
            failure = None
            if on_status is not None:
                on_status(last)
            if is_over(last):
                return last
        waited = runtime.now() - began
        delay = schedule.delay(age_before + waited)
        if isinstance(failure, RateLimited) and failure.retry_after is not None:
            delay = max(delay, failure.retry_after)
        if waited + delay > timeout:
            if waited >= timeout:
                break
            delay = timeout - waited
        await runtime.sleep(delay)
    gave_up = PollTimeout(
        f"{what}: not over after {timeout:g} s; it goes on at the vendor, and the handle resumes the wait",
        handle=handle.to_json(),
        last_status=last,
    )
    raise gave_up from failure
