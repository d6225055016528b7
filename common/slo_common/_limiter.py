"""The rate limiter: asked before every attempt, told every reply. It computes waits and never sleeps."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from slo_common._ratelimit import RateLimitState
from slo_common._windows import Bucket


@frozen
class LimitKey:
    """Whose budget: the vendor, the account (a digest of the credentials, never they themselves) and the bucket.

    >>> LimitKey("datadog", "5f2b8c0e9a1d4736", "slo_read")
    LimitKey(vendor='datadog', account='5f2b8c0e9a1d4736', bucket='slo_read')
    """

    vendor: str
    account: str
    bucket: str


class Reservation(Protocol):
    """A place in the queue of one budget."""

    @property
    def wait(self) -> float:
        """Seconds to sleep before asking :meth:`renew`; 0: the place is ours, send now."""
        ...

    def renew(self, now: float) -> float:
        """Ask again after having slept; the same meaning as :attr:`wait`.

        Also after the server has refused the call (:meth:`done` with ``refused``): then it is in line once more, before all who came later.
        """
        ...

    def cancel(self) -> None:
        """Give the place back: nothing was sent. Safe to call twice, and after :meth:`done`."""
        ...

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        """Tell the outcome: what the reply's headers say, or None when no reply came."""
        ...


class RateLimiter(Protocol):
    """Paces the calls of everyone who shares a budget. Safe to use from threads and tasks at once.

    ``now`` is monotonic seconds. A limiter that does I/O says so by an attribute ``does_io = True``: async clients then ask it, and its
    reservations, in a worker thread. The SDK ships :class:`LocalRateLimiter` (this process), ``FileRateLimiter`` (this machine) and
    ``RedisRateLimiter`` (many machines).
    """

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        """A place in the queue of a budget, asked for before each attempt. ``now`` is monotonic seconds. Does not wait.

        May raise :class:`LimiterUnavailable`, which ends the call with nothing sent.

        >>> reservation = limiter.reserve(LimitKey("datadog", "account", "slo_read"), now=0.0)  # doctest: +SKIP
        >>> reservation.wait  # doctest: +SKIP
        """
        ...


class LocalRateLimiter:
    """Paces all clients of this process that share it, from what the reply headers say. The default of every client.

    Calls are served first come, first served; one that the server refused keeps its place in that order. Sliding windows are mirrored by
    a log of own calls, fixed ones by a gate with one call ahead of the rest at a window's start; when others spend the same budget, it is
    learnt from ``Remaining``.

    >>> limiter = LocalRateLimiter()
    >>> DatadogSLO(rate_limiter=limiter)  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._book = LockedBook()

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        """A place in the queue of a budget; its ``wait`` says for how many seconds. ``now`` is monotonic seconds."""
        ticket, wait = self._book.enter(key, now)
        return LocalReservation(self._book, key, ticket, wait)


class Queue:
    """A budget and those who wait for it: ticket -> when it wakes. Tickets grow, so their order is the order of arrival."""

    __slots__ = ("bucket", "waiting")

    GRACE = 5.0
    """Seconds after its wake-up in which a waiter must have asked again; later it is taken for dead and passed over."""

    def __init__(self) -> None:
        self.bucket = Bucket()
        self.waiting: dict[int, float] = {}

    def ahead_of(self, ticket: int, now: float) -> int:
        if not self.waiting:
            return 0
        return sum(1 for other, wakes in self.waiting.items() if other < ticket and wakes + self.GRACE > now)

    def ask(self, ticket: int, now: float) -> float:
        wait = self.bucket.wait(now, self.ahead_of(ticket, now))
        if wait <= 0:
            self.waiting.pop(ticket, None)
            self.bucket.go(ticket, now)
            return 0.0
        self.waiting[ticket] = now + wait
        return wait


class Book:
    """All queues of one limiter. Pure bookkeeping: no clock, no lock."""

    def __init__(self, new_queue: Callable[[], Queue] = Queue) -> None:
        self.new_queue = new_queue
        self.queues: dict[LimitKey, Queue] = {}
        self.named: dict[LimitKey, Queue] = {}  # by the server's own name of the budget
        self._tickets = itertools.count()

    def next_ticket(self, now: float) -> int:
        return next(self._tickets)

    def queue(self, key: LimitKey) -> Queue:
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = self.new_queue()
        return queue

    def enter(self, key: LimitKey, now: float) -> tuple[int, float]:
        ticket = self.next_ticket(now)
        return ticket, self.queue(key).ask(ticket, now)

    def ask(self, key: LimitKey, ticket: int, now: float) -> float:
        return self.queue(key).ask(ticket, now)

    def sent(self, key: LimitKey, now: float) -> int:
        """A call goes that had its turn given elsewhere: it only counts here."""
        ticket, bucket = self.next_ticket(now), self.queue(key).bucket
        bucket.wait(now, 0)  # forgets the calls that have left the window
        bucket.go(ticket, now)
        return ticket

    def disown(self, now: float) -> None:
        """Nobody will tell how the calls under way end: they stay counted as lost, and nobody waits for them."""
        for queue in {id(q): q for q in self.queues.values()}.values():
            queue.waiting.clear()
            for ticket in list(queue.bucket.flying):
                queue.bucket.lost(ticket, now)

    def leave(self, key: LimitKey, ticket: int) -> None:
        queue = self.queue(key)
        queue.waiting.pop(ticket, None)
        queue.bucket.never_sent(ticket)

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        queue = self.queue(key)
        if state is None:
            queue.bucket.lost(ticket, now)
            return
        adopted = self._adopt(key, queue, state.name)
        if adopted is not queue:
            adopted.bucket.take_over(ticket, queue.bucket, now)
        adopted.bucket.answered(ticket, state, refused=refused, now=now)

    def _adopt(self, key: LimitKey, queue: Queue, name: str | None) -> Queue:
        """The queue that a reply is about, once the server has named its budget."""
        if name is None:
            return queue
        named = self.named.setdefault(LimitKey(key.vendor, key.account, name), queue)
        if named is not queue:
            self.queues[key] = named
        return named


class ForkSafeLock:
    """A lock for threads: ``with lock.here:``. After a fork the child has a free one: whoever held its parent's may not exist there.

    ``here`` is Python's own lock, since Ctrl-C within an ``__enter__`` or ``__exit__`` written in Python would leave it taken for ever.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}  # by process; each guards whatever its owner says

    @property
    def here(self) -> threading.Lock:
        """The lock of this process."""
        pid = os.getpid()
        return self._locks.get(pid) or self._locks.setdefault(pid, threading.Lock())


class LockedBook:
    """A book for the threads of one process."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()  # guards all that follows
        self._book = Book()
        self._pid = os.getpid()

    def _opened(self, now: float) -> Book:
        if self._pid != os.getpid():  # forked: the calls under way are the parent's, and so are their answers
            self._pid = os.getpid()
            self._book.disown(now)
        return self._book

    def enter(self, key: LimitKey, now: float) -> tuple[int, float]:
        with self._lock.here:
            return self._opened(now).enter(key, now)

    def ask(self, key: LimitKey, ticket: int, now: float) -> float:
        with self._lock.here:
            return self._opened(now).ask(key, ticket, now)

    def sent(self, key: LimitKey, now: float) -> int:
        with self._lock.here:
            return self._opened(now).sent(key, now)

    def leave(self, key: LimitKey, ticket: int) -> None:
        with self._lock.here:
            self._book.leave(key, ticket)

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        with self._lock.here:
            self._opened(now).told(key, ticket, state, refused=refused, now=now)


class LocalReservation:
    __slots__ = ("_book", "_key", "_over", "_ticket", "wait")

    def __init__(self, book: LockedBook, key: LimitKey, ticket: int, wait: float) -> None:
        self._book = book
        self._key = key
        self._ticket = ticket
        self._over = False
        self.wait = wait

    def renew(self, now: float) -> float:
        self._over = False
        self.wait = self._book.ask(self._key, self._ticket, now)
        return self.wait

    def cancel(self) -> None:
        if not self._over:
            self._over = True
            self._book.leave(self._key, self._ticket)

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        if not self._over:
            self._over = True
            self._book.told(self._key, self._ticket, state, refused=refused, now=now)


class _Free:
    """The reservation of a limiter that does not limit."""

    wait = 0.0

    def renew(self, now: float) -> float:
        return 0.0

    def cancel(self) -> None:
        return None

    def done(self, state: RateLimitState | None, *, refused: bool, now: float) -> None:
        return None


class NoRateLimiter:
    """Never waits: for vendors without limits, and for those who pace their calls elsewhere.

    >>> NoRateLimiter().reserve(LimitKey("zabbix", "account", "api"), now=0.0).wait
    0.0
    """

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        """A place without a wait."""
        return _Free()
