"""What the shared rate limiters have in common: a queue that outlives its members, and what to do while the store is away."""

from __future__ import annotations

import logging
import math
import os
import uuid
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

from attrs import evolve, field, frozen

from slo_common._check import require
from slo_common._errors import LimiterUnavailable
from slo_common._limiter import Book, ForkSafeLock, LimitKey, LockedBook, Queue, Reservation
from slo_common._ratelimit import RateLimitState
from slo_common._windows import MARGIN

log = logging.getLogger("slo_common.limiter")

LEASE = 60.0
"""Seconds after which a place is free again whose holder told no outcome: longer than a call lasts, as long as a usual window."""
MAX_LEASE = 600.0
"""Seconds: below the bucket's own FLIGHT_LEASE, which therefore never matters here."""
PRESENT = 90.0
"""Seconds for which a process counts as one of those who share the budget, after it last asked."""
WARN_EVERY = 60.0
PAUSES = (1.0, 2.0, 5.0)
"""Seconds without the store after its first, second, third and every later failure in a row."""
UNTOLD = 1000
"""Outcomes kept for a store that is away; of older ones the lease takes care."""

OnBackendError = Literal["local", "raise"]


class LeasedQueue(Queue):
    """A queue whose members may die without a word: then their places are free after the lease."""

    __slots__ = ("lease",)

    def __init__(self, lease: float) -> None:
        super().__init__()
        self.lease = lease

    def ask(self, ticket: int, now: float) -> float:
        for other, sent_at in list(self.bucket.flying.items()):
            if now - sent_at >= self.lease:
                self.bucket.never_sent(other)
        grace = min(self.GRACE, self.lease)
        for other, wakes in list(self.waiting.items()):
            if wakes + grace <= now:
                del self.waiting[other]
        wait = super().ask(ticket, now)
        if wait <= 0:
            return 0.0
        ahead = [wakes for other, wakes in self.waiting.items() if other < ticket]
        if ahead:  # should all of them be dead, their place is ours then; to ask after each would have hundreds ask without end
            wait = min(wait, max(max(ahead) + grace - now, MARGIN))
        if self.bucket.flying:  # and should a caller be dead, its place falls free with its lease
            wait = min(wait, max(min(self.bucket.flying.values()) + self.lease - now, MARGIN))
        self.waiting[ticket] = now + wait
        return wait


class SharedBook(Book):
    """The queues of one account, with who uses them. The Lua script of ``_limiter_redis`` is its twin, operation by operation."""

    def __init__(self, lease: float) -> None:
        super().__init__(lambda: LeasedQueue(lease))
        self.lease = lease
        self.last_ticket = 0
        self.members: dict[str, float] = {}

    def next_ticket(self, now: float) -> int:
        # By the clock, so that no number comes twice when the state was lost in between.
        self.last_ticket = max(self.last_ticket + 1, math.floor(now * 1e6))
        return self.last_ticket

    def present(self, process: str, now: float) -> int:
        """Note that the process is there; how many are."""
        self.members = {name: seen for name, seen in self.members.items() if now - seen < PRESENT}
        self.members[process] = now
        return len(self.members)


@frozen
class Turn:
    """What a store says to one who asks: its ticket, the seconds to wait (0: go), and how many processes share the budget."""

    ticket: int
    wait: float
    processes: int


class StoreFailed(Exception):
    """The store of a shared limiter cannot be used now; the text says why, without secrets."""


class Store(Protocol):
    """Where the state lives that processes share. Every method raises :class:`StoreFailed` when it cannot be reached."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    def ask(self, key: LimitKey, ticket: int | None, process: str) -> Turn:
        """Get in line (without a ticket), or ask again."""
        ...

    def leave(self, key: LimitKey, ticket: int) -> None:
        """Get out of line: nothing was sent."""
        ...

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        """What the reply says, or None when no reply came."""
        ...


class Outage:
    """Whether the store is worth asking, and who has heard that it is not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = ForkSafeLock()  # guards all that follows
        self._failures = 0  # tries in a row; those who tried at the same time failed once
        self._ask_again = float("-inf")
        self._warn_again = float("-inf")
        self._reason = ""

    def may_ask(self, now: float) -> bool:
        with self._lock.here:
            if not self._failures:
                return True
            if now < self._ask_again:
                return False
            self._failures += 1
            self._ask_again = now + self._pause()  # one goes and sees; the others need not wait for its time-out
            return True

    def is_over(self) -> bool:
        with self._lock.here:
            return not self._failures

    def failed(self, reason: str, now: float, *, then: str) -> None:
        with self._lock.here:
            self._failures = max(1, self._failures)
            self._reason = reason
            self._ask_again = now + self._pause()
            warn = now >= self._warn_again
            if warn:
                self._warn_again = now + WARN_EVERY
        if warn:
            log.warning("the shared rate limiter (%s) cannot be used: %s; %s", self._name, reason, then)

    def answered(self) -> None:
        with self._lock.here:
            was_down, self._failures = self._failures > 0, 0
        if was_down:
            log.info("the shared rate limiter (%s) can be used again", self._name)

    def error(self) -> LimiterUnavailable:
        return LimiterUnavailable(f"the shared rate limiter ({self._name}) cannot be used: {self._reason}; nothing was sent")

    def _pause(self) -> float:
        return PAUSES[min(self._failures, len(PAUSES)) - 1]


def share(state: RateLimitState, processes: int) -> RateLimitState:
    """The part of a budget that one of several processes may take for its own when they cannot speak to each other."""
    if state.limit is None or processes <= 1:
        return state
    limit = max(1, state.limit // processes)
    # What is left for all says nothing about our part, until it is less than that.
    remaining = None if state.remaining is None or state.remaining >= limit else state.remaining
    return evolve(state, limit=limit, remaining=remaining)


@frozen
class _Untold:
    """How a call ended, kept until the store can be told."""

    key: LimitKey
    ticket: int
    state: RateLimitState | None
    refused: bool = field(kw_only=True)
    cancelled: bool = field(kw_only=True)
    at: float = field(kw_only=True)

    def as_of(self, now: float) -> _Untold:
        """The same, the durations that the reply told counted from now on."""
        state, age = self.state, now - self.at
        if state is None:
            return self
        aged = evolve(
            state,
            reset_in=None if state.reset_in is None else max(0.0, state.reset_in - age),
            retry_after=None if state.retry_after is None else max(0.0, state.retry_after - age),
        )
        return evolve(self, state=aged)


class SharedRateLimiter:
    """Paces by a store; beside it keeps a book of this process's own calls, to go on alone when the store is away."""

    def __init__(self, store: Store, on_backend_error: OnBackendError, clock: Callable[[], float]) -> None:
        self._store = store
        self._raises = on_backend_error == "raise"
        self._clock = clock
        self._outage = Outage(store.name)
        self._own = LockedBook()
        self._processes = 1  # as last heard from the store
        self._untold: deque[_Untold] = deque(maxlen=UNTOLD)  # outcomes that the store could not be told
        self._telling = ForkSafeLock()  # guards the taking from _untold, in its order
        self._process = ""
        self._pid = -1

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        """Get in line for a budget. ``now`` is not used: the store's clock is everybody's.

        Raises :class:`LimiterUnavailable` when the store is away and the policy is to refuse.
        """
        return SharedReservation(self, key)

    def clock(self) -> float:
        """Monotonic seconds of this process, for when it goes on alone."""
        return self._clock()

    def book(self) -> LockedBook:
        """The line of this process alone, for when the store is away."""
        return self._own

    def ask(self, key: LimitKey, ticket: int | None) -> Turn | None:
        """What the store says, or None: it is away and this process goes on alone."""
        if self._outage.may_ask(self._clock()):
            try:
                process = self._name_of_process()
                if self._untold:
                    self._tell_the_rest()  # first, for the answer hangs on it
                turn = self._store.ask(key, ticket, process)
            except StoreFailed as e:
                self._failed(e)
            else:
                self._outage.answered()
                self._processes = turn.processes
                return turn
        if self._raises:
            raise self._outage.error()
        return None

    def leave(self, key: LimitKey, ticket: int) -> None:
        """Get out of line: nothing was sent. Never raises."""
        self._tell(_Untold(key, ticket, None, refused=False, cancelled=True, at=self._clock()))

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        """What the reply says, or None when no reply came. Never raises."""
        self._tell(_Untold(key, ticket, state, refused=refused, cancelled=False, at=self._clock()))

    def _tell(self, outcome: _Untold) -> None:
        """Never raises: the reply is there, and its caller gets it. What cannot be told now is told when the store is back."""
        if not self._outage.is_over():
            self._untold.append(outcome)
            return
        try:
            self._send(outcome)
        except StoreFailed as e:
            self._untold.append(outcome)
            self._failed(e)

    def _tell_the_rest(self) -> None:
        with self._telling.here:
            while self._untold:
                outcome = self._untold.popleft()
                try:
                    self._send(outcome.as_of(self._clock()))
                except StoreFailed:
                    self._untold.appendleft(outcome)
                    raise

    def _send(self, outcome: _Untold) -> None:
        if outcome.cancelled:
            self._store.leave(outcome.key, outcome.ticket)
        else:
            self._store.told(outcome.key, outcome.ticket, outcome.state, refused=outcome.refused)

    def own_part(self, state: RateLimitState | None) -> RateLimitState | None:
        """What this process may spend of a budget while it goes on alone."""
        return None if state is None else share(state, self._processes)

    def _failed(self, error: StoreFailed) -> None:
        then = "calls are refused until it can" if self._raises else "this process goes on alone, with its part of the budget"
        self._outage.failed(str(error), self._clock(), then=then)

    def _name_of_process(self) -> str:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._process = uuid.uuid4().hex[:12]
            self._untold.clear()  # after a fork they are the parent's to tell
        return self._process


class SharedReservation:
    """A place in the store's queue, or in this process's own while the store is away."""

    __slots__ = ("_key", "_limiter", "_over", "_own", "_ticket", "wait")

    def __init__(self, limiter: SharedRateLimiter, key: LimitKey) -> None:
        self._limiter = limiter
        self._key = key
        self._ticket: int | None = None  # in the store's queue
        self._own: int | None = None  # in our own book
        self._over = False
        self.wait = self._ask()

    def renew(self, now: float) -> float:
        if self._over:  # refused: its ticket is older than those of all who came later
            self._over, self._own = False, None
            self.wait = self._ask()
        elif self.wait > 0:
            self.wait = self._ask()
        return self.wait

    def _ask(self) -> float:
        limiter, key = self._limiter, self._key
        book = limiter.book()
        if self._own is not None:
            return book.ask(key, self._own, limiter.clock())
        turn = limiter.ask(key, self._ticket)
        if turn is None:
            self._ticket = None  # the others pass it over, or its lease ends
            self._own, wait = book.enter(key, limiter.clock())
            return wait
        self._ticket = turn.ticket
        if turn.wait <= 0:
            self._own = book.sent(key, limiter.clock())
        return turn.wait

    def cancel(self) -> None:
        if self._over:
            return
        self._over = True
        if self._own is not None:
            self._limiter.book().leave(self._key, self._own)
        if self._ticket is not None:
            self._limiter.leave(self._key, self._ticket)

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        if self._over:
            return
        self._over = True
        limiter, key = self._limiter, self._key
        if self._ticket is not None:
            limiter.told(key, self._ticket, state, refused=refused)
        if self._own is not None:
            limiter.book().told(key, self._own, limiter.own_part(state), refused=refused, now=limiter.clock())


def check_options(on_backend_error: str, lease: float) -> None:
    require(
        (
            None
            if on_backend_error in ("local", "raise")
            else f'on_backend_error: {on_backend_error!r} was given; allowed: "local" or "raise"',
            None if _is_lease(lease) else f"lease: {lease!r} was given; allowed: seconds, above 0 and at most {MAX_LEASE:g}",
        )
    )


def _is_lease(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MAX_LEASE
