"""Rate limits that a sandbox enforces, with headers that are true: fixed calendar windows and sliding windows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import frozen


@frozen(kw_only=True)
class Taken:
    """What the meter said about one request."""

    granted: bool
    headers: Mapping[str, str]


class Meter(Protocol):
    """Counts the requests of each bucket and says which are refused."""

    def take(self, bucket: str, now: float) -> Taken:
        """Count a request of a bucket, and say whether it is served. ``now`` is seconds since the epoch."""
        ...


@frozen(kw_only=True)
class Window:
    """At most ``limit`` requests per ``seconds``."""

    limit: int
    seconds: int


class FixedWindows:
    """Calendar-aligned windows as Datadog counts them: every bucket starts anew when ``now`` is a multiple of the period."""

    def __init__(self, window_of: Callable[[str], Window]) -> None:
        self._window_of = window_of
        self._used: dict[str, tuple[int, int]] = {}  # bucket -> (window number, requests so far)

    def take(self, bucket: str, now: float) -> Taken:
        """Count a request of a bucket, and say whether it is served. ``now`` is seconds since the epoch."""
        window = self._window_of(bucket)
        number = int(now // window.seconds)
        held, used = self._used.get(bucket, (number, 0))
        if held != number:
            used = 0
        granted = used < window.limit
        used += granted
        self._used[bucket] = (number, used)
        end = (number + 1) * window.seconds
        return Taken(
            granted=granted,
            headers={
                "x-ratelimit-limit": str(window.limit),
                "x-ratelimit-period": str(window.seconds),
                "x-ratelimit-remaining": str(window.limit - used),
                "x-ratelimit-reset": str(max(1, math.ceil(end - now))),
                "x-ratelimit-name": bucket,
            },
        )


class SlidingWindows:
    """Windows that look back from now, as Rootly counts them: refused requests are not counted."""

    def __init__(self, window_of: Callable[[str], Window], *, bare_limit: bool = False) -> None:
        self._window_of = window_of
        self._log: dict[str, deque[float]] = {}
        self._bare = bare_limit

    def take(self, bucket: str, now: float) -> Taken:
        """Count a request of a bucket, and say whether it is served. ``now`` is seconds since the epoch."""
        window = self._window_of(bucket)
        log = self._log.setdefault(bucket, deque())
        while log and log[0] <= now - window.seconds:
            log.popleft()
        granted = len(log) < window.limit
        if granted:
            log.append(now)
        # The moment when the oldest counted request leaves the window: an upper bound for the next free place.
        reset = math.ceil((log[0] if log else now) + window.seconds)
        limit = str(window.limit) if self._bare else f"{window.limit}, {window.limit};window={window.seconds}"
        return Taken(
            granted=granted,
            headers={
                "x-ratelimit-limit": limit,
                "x-ratelimit-remaining": str(window.limit - len(log)),
                "x-ratelimit-used": str(len(log)),
                "x-ratelimit-reset": str(reset),
            },
        )
