"""How far a report of the client engine is, and whether it waits for the rate limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from slo_common._limiter import LimitKey, RateLimiter, Reservation
from slo_common._ratelimit import RateLimitState
from slo_common._runtime import Runtime
from slo_common._times import from_epoch


@frozen(kw_only=True)
class ReportProgress:
    """``done`` of ``total`` cells (SLOs times intervals) are there.

    ``waiting`` is the seconds until the rate limit lets the next call go, 0 when none waits for it. ``estimated_end`` (UTC) goes by
    the pace so far; None before the first cell.
    """

    done: int
    total: int
    waiting: float = 0.0
    estimated_end: datetime | None = None


OnProgress = Callable[[ReportProgress], object]


class Watch:
    """A rate limiter that passes everything on and tells who waits."""

    def __init__(self, inner: RateLimiter, tell: Callable[[float], object]) -> None:
        self._inner = inner
        self._tell = tell
        self.does_io = bool(getattr(inner, "does_io", False))  # a limiter with a store is asked in another way

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        return _Watched(self._inner.reserve(key, now), self._tell)


class _Watched:
    def __init__(self, inner: Reservation, tell: Callable[[float], object]) -> None:
        self._inner = inner
        self._tell = tell
        if inner.wait > 0:
            tell(inner.wait)

    @property
    def wait(self) -> float:
        return self._inner.wait

    def renew(self, now: float) -> float:
        wait = self._inner.renew(now)
        if wait > 0:
            self._tell(wait)
        return wait

    def cancel(self) -> None:
        self._inner.cancel()

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        self._inner.done(state, refused=refused, now=now)


class Meter:
    """Counts cells and tells the caller's function. Calls that wait report from their own threads."""

    def __init__(self, runtime: Runtime, on_progress: OnProgress | None, *, total: int, had: int) -> None:
        self._runtime = runtime
        self._on_progress = on_progress
        self._total = total
        self._done = self._had = had
        self._began = runtime.now()
        self._lock = threading.Lock()  # guards the order of what on_progress is told

    def cell(self) -> None:
        """One more cell is there."""
        with self._lock:
            self._done += 1
            self._tell(0.0)

    def waits(self, seconds: float) -> None:
        """A call waits for the rate limit."""
        with self._lock:
            self._tell(seconds)

    def _tell(self, waiting: float) -> None:
        if self._on_progress is None:
            return
        fresh = self._done - self._had
        elapsed = self._runtime.now() - self._began
        left = (self._total - self._done) * elapsed / fresh if fresh else None
        end = None if left is None else from_epoch(self._runtime.wall() + left)
        self._on_progress(ReportProgress(done=self._done, total=self._total, waiting=waiting, estimated_end=end))
