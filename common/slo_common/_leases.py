"""Lending connections, the last returned first.

A pool of httpcore looks at every connection for every request, which costs connections times requests; lending costs the same however
many are in use. Whoever has borrowed one is alone with it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import anyio

T = TypeVar("T")

CONNECTIONS = 256
"""At most so many at once for each client."""
KEEP_ALIVE = 5.0
"""Seconds for which an idle connection is used again. Servers and what stands before them close idle ones, the usual bound is 60."""
IDLE_SECONDS = 30.0
"""What nobody wanted for so long is given up."""


class Exhausted(Exception):
    """All are lent, and none came back in time."""


class _Shelf(Generic[T]):
    """What is here and how many are out. Not thread-safe: its owner sees to that."""

    def __init__(self, make: Callable[[], T], size: int) -> None:
        self._make = make
        self._size = size
        self._idle: deque[tuple[T, float]] = deque()  # oldest first
        self._count = 0

    def take(self) -> T | None:
        if self._idle:
            return self._idle.pop()[0]
        if self._count < self._size:
            self._count += 1
            return self._make()
        return None

    def give(self, item: T, now: float) -> T | None:
        """Take an item back; gives one that has been idle for too long, to be closed."""
        self._idle.append((item, now))
        if now - self._idle[0][1] > IDLE_SECONDS:
            self._count -= 1
            return self._idle.popleft()[0]
        return None

    def clear(self) -> list[T]:
        items = [item for item, _ in self._idle]
        self._idle.clear()
        self._count -= len(items)
        return items


class SyncLeases(Generic[T]):
    """Lends to threads."""

    def __init__(self, make: Callable[[], T], size: int) -> None:
        self._shelf = _Shelf(make, size)
        self._lock = threading.RLock()  # guards _shelf; entered as it is: Ctrl-C within Condition's __enter__ would leave it taken
        self._returned = threading.Condition(self._lock)  # wakes who waits for a return

    def take(self, timeout: float) -> T:
        """Borrow one. Raises :class:`Exhausted` when none comes back within ``timeout`` seconds."""
        with self._lock:
            item = self._shelf.take()
            ends = time.monotonic() + timeout
            while item is None:
                woken = self._returned.wait(ends - time.monotonic())
                item = self._shelf.take()  # also when not woken: the call may have come just too late
                if item is None and not woken:
                    raise Exhausted
            return item

    def give(self, item: T) -> T | None:
        """Return one; gives another that is to be closed, or None."""
        with self._lock:
            stale = self._shelf.give(item, time.monotonic())
            self._returned.notify()
            return stale

    def clear(self) -> list[T]:
        """All that are not lent now, to be closed."""
        with self._lock:
            return self._shelf.clear()


class AsyncLeases(Generic[T]):
    """Lends to tasks of one event loop."""

    def __init__(self, make: Callable[[], T], size: int) -> None:
        self._shelf = _Shelf(make, size)
        self._waiting: deque[anyio.Event] = deque()

    async def take(self, timeout: float) -> T:
        """Borrow one. Raises :class:`Exhausted` when none comes back within ``timeout`` seconds."""
        item = self._shelf.take()
        return item if item is not None else await self._wait(timeout)

    async def _wait(self, timeout: float) -> T:
        import anyio  # blocking calls never need it

        item: T | None = None
        with anyio.move_on_after(timeout):
            while item is None:
                returned = anyio.Event()
                self._waiting.append(returned)
                try:
                    await returned.wait()
                except BaseException:  # cancelled: the queue must not wait for a task that is gone
                    if returned.is_set():
                        self._wake_next()  # this one was called and cannot come
                    else:
                        self._waiting.remove(returned)
                    raise
                item = self._shelf.take()
        if item is None:
            raise Exhausted
        return item

    def give(self, item: T) -> T | None:
        """Return one; gives another that is to be closed, or None."""
        stale = self._shelf.give(item, time.monotonic())
        self._wake_next()
        return stale

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()

    def clear(self) -> list[T]:
        """All that are not lent now, to be closed."""
        return self._shelf.clear()
