"""The two runtimes: sending, sleeping, time and concurrency, blocking or on an event loop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from sniffio import AsyncLibraryNotFoundError, current_async_library

from slo_common._body import Sink
from slo_common._deadline import Deadline
from slo_common._drive import drive
from slo_common._errors import ClientClosed, LoopMismatch, ReadTimeout, Sent, SloError, TransportError
from slo_common._failures import Progress, deadline_exceeded
from slo_common._http import AsyncCarrier, SyncCarrier
from slo_common._limiter import ForkSafeLock
from slo_common._values import Bounds, Reply, Request

if TYPE_CHECKING:
    from concurrent.futures import Future

    from slo_common._httpx import AsyncHTTP, SyncHTTP
    from slo_common.sandbox._state import VirtualClock

R = TypeVar("R")

_DEV_MODE = sys.flags.dev_mode
"""``python -X dev`` or ``PYTHONDEVMODE=1``."""


class Lock(Protocol):
    """Lets in one at a time of those who share it."""

    async def during(self, work: Callable[[], Awaitable[R]]) -> R:
        """Do this when nobody else is at theirs."""
        ...


class Runtime(Protocol):
    """What a flow may wait for. Over the sync runtime every one of these blocks, so that the flow never suspends."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        """One attempt. Raises a :class:`TransportError` that says how far it got; ``what`` names the call in it."""
        ...

    def lock(self) -> Lock:
        """A lock for flows of this client."""
        ...

    async def offload(self, function: Callable[[], R]) -> R:
        """Run a function that may block for a moment, to its end: a cancellation is raised when it has ended."""
        ...

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        """Run jobs, at most ``limit`` at once, drawn as places become free. ``done`` gets each index and result, one at a time.

        The first failure stops drawing, ends what it can and is raised.
        """
        ...


def _virtual_clock(http: object) -> VirtualClock | None:
    """The clock to sleep by, when a sandbox with a virtual clock was given directly."""
    if http is None:
        return None
    from slo_common._httpx import SandboxTransport

    if not isinstance(http, SandboxTransport):
        return None
    from slo_common.sandbox._state import VirtualClock

    return http.sandbox.clock if isinstance(http.sandbox.clock, VirtualClock) else None


class SyncRuntime:
    """Blocks. Safe to share between threads; after a fork the child opens its own connections.

    ``instead``: the client for those who have an event loop, as ``package.Name``.
    """

    def __init__(self, http: SyncHTTP | None = None, *, instead: str = "an async client") -> None:
        self._instead = instead
        self._deadline = Deadline()
        self._carrier = SyncCarrier(http, self._deadline)
        self._clock = _virtual_clock(http)
        self._closed = False
        self._pid = os.getpid()

    def now(self) -> float:
        return self._clock.now() if self._clock is not None else time.monotonic()

    def wall(self) -> float:
        return self._clock.now() if self._clock is not None else time.time()

    async def sleep(self, seconds: float) -> None:
        if self._closed:
            raise ClientClosed("the client was closed")
        if self._clock is not None:
            self._clock.advance(seconds)
        else:
            time.sleep(seconds)  # noqa: ASYNC251  # this runtime is the blocking one

    def _is_closed(self) -> bool:
        return self._closed or self._carrier.is_closed

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        if _DEV_MODE:
            from slo_common._blocking import warn_in_a_loop

            warn_in_a_loop(what, instead=self._instead)
        carrier = self._carrier
        if self._is_closed():
            raise ClientClosed("the client is closed")
        if self._pid != os.getpid():  # forked: the parent's sockets would bring the parent's answers
            carrier.reopen()
            self._pid = os.getpid()
        ends = self.now() + bounds.total
        progress = Progress()

        def check() -> None:
            if self.now() > ends:
                raise deadline_exceeded(what, sent=Sent.YES)

        failure: SloError
        try:
            with self._deadline.until(ends):
                return carrier.exchange(request, bounds, what=what, sink=sink, progress=progress, check=check)
        except (TransportError, RuntimeError) as e:
            if self._is_closed():
                failure = ClientClosed("the client was closed during the call")
            elif isinstance(e, ReadTimeout) and self.now() >= ends:
                failure = deadline_exceeded(what, sent=e.sent)
            else:
                raise
        failure.sent = progress.sent
        raise failure

    def lock(self) -> Lock:
        return _BlockingLock()

    async def offload(self, function: Callable[[], R]) -> R:
        return function()

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        if self._clock is not None or limit <= 1:  # in virtual time threads would each move the clock
            for i, job in enumerate(jobs):
                done(i, await job())
            return
        _run_in_threads(jobs, limit, done)

    def close(self) -> None:
        """Close the connections, unless the httpx client was given by the caller."""
        self._closed = True
        self._carrier.close()


def _run_in_threads(jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], limit: int, done: Callable[[int, R], None]) -> None:
    from concurrent.futures import ThreadPoolExecutor  # which a program that makes one call after the other never needs

    numbered = enumerate(jobs)
    with ThreadPoolExecutor(limit, thread_name_prefix="slo") as pool:
        running: dict[Future[R], int] = {}
        try:
            for i, job in numbered:
                running[pool.submit(copy_context().run, _drive_job, job)] = i  # the caller's context variables: its trace goes on
                if len(running) >= limit:
                    _collect(running, done)
            while running:
                _collect(running, done)
        finally:
            for future in running:
                future.cancel()


def _drive_job(job: Callable[[], Coroutine[Any, Any, R]]) -> R:
    return drive(job())


def _collect(running: dict[Future[R], int], done: Callable[[int, R], None]) -> None:
    from concurrent.futures import FIRST_COMPLETED, wait

    for future in wait(running, return_when=FIRST_COMPLETED).done:
        i = running.pop(future)
        done(i, future.result())


class _BlockingLock:
    """Entered as Python's own lock, which Ctrl-C leaves free wherever it falls; an ``__aenter__`` of ours it would leave taken."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()  # guards whatever its owner says

    async def during(self, work: Callable[[], Awaitable[R]]) -> R:
        with self._lock.here:
            return await work()


class AsyncRuntime:
    """Runs on asyncio and trio. Belongs to the event loop that it was first used in."""

    def __init__(self, http: AsyncHTTP | None = None) -> None:
        self._carrier = AsyncCarrier(http)
        self._clock = _virtual_clock(http)
        self._closed = False
        self._pid = os.getpid()
        self._loop: object = None
        self._loop_time: Callable[[], float] = _loop_time
        """Of the loop, once that is known."""

    def now(self) -> float:
        return self._clock.now() if self._clock is not None else self._loop_time()

    def wall(self) -> float:
        return self._clock.now() if self._clock is not None else time.time()

    async def sleep(self, seconds: float) -> None:
        if self._closed:
            raise ClientClosed("the client was closed")
        import anyio  # no part of a blocking client
        from anyio import lowlevel

        if self._clock is not None:
            self._clock.advance(seconds)
            await lowlevel.checkpoint()
        else:
            await anyio.sleep(seconds)

    def _is_closed(self) -> bool:
        return self._closed or self._carrier.is_closed

    def _check(self) -> None:
        if self._is_closed():
            raise ClientClosed("the client is closed")
        loop = _current_loop()
        if self._pid != os.getpid():
            self._carrier.reopen()
            self._pid = os.getpid()
            self._loop = None
        if self._loop is None:
            self._loop = loop
            self._loop_time = _clock_of(loop)
        elif self._loop is not loop:
            raise LoopMismatch(
                "this async client began in another event loop; make one client per loop (asyncio.run starts a new loop each time)"
            )

    async def send(self, request: Request, bounds: Bounds, *, what: str, sink: Sink | None = None) -> Reply:
        self._check()
        progress = Progress()
        try:
            return await self._carrier.exchange(request, bounds, what=what, sink=sink, progress=progress)
        except (TransportError, RuntimeError):
            if not self._is_closed():
                raise
            failure = ClientClosed("the client was closed during the call")
            failure.sent = progress.sent
        raise failure

    def lock(self) -> Lock:
        return _AsyncLock()

    async def offload(self, function: Callable[[], R]) -> R:
        import anyio
        from anyio import lowlevel, to_thread

        results: list[R] = []

        async def work() -> None:
            with anyio.CancelScope(shield=True):
                results.append(await to_thread.run_sync(function))

        try:
            # A task of its own: asyncio's own cancellation passes through a shield, but a group waits for its tasks.
            async with anyio.create_task_group() as group:
                group.start_soon(work)
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
        else:
            await lowlevel.checkpoint_if_cancelled()
            return results[0]
        raise first

    async def run_all(
        self, jobs: Iterable[Callable[[], Coroutine[Any, Any, R]]], *, limit: int, done: Callable[[int, R], None]
    ) -> None:
        import anyio

        numbered = enumerate(jobs)

        async def worker() -> None:
            for i, job in numbered:
                done(i, await job())

        try:
            async with anyio.create_task_group() as group:
                for _ in range(limit):
                    group.start_soon(worker)
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
        else:
            return
        raise first

    async def aclose(self) -> None:
        """Close the connections, unless the httpx client was given by the caller. Raises :class:`LoopMismatch` in another event loop."""
        self._closed = True
        if self._pid != os.getpid():  # forked: to take a socket from the event loop would take it from the parent's, too
            return
        try:
            await self._carrier.aclose()
        except RuntimeError:  # such as: Event loop is closed
            if self._loop in (None, _current_loop()):
                raise
        else:
            return
        raise LoopMismatch("this async client began in another event loop and must be closed in it: use it by async with")


class _AsyncLock:
    def __init__(self) -> None:
        import anyio

        self._lock = anyio.Lock()  # guards whatever its owner says

    async def during(self, work: Callable[[], Awaitable[R]]) -> R:
        async with self._lock:
            return await work()


def _current_loop() -> object:
    """The running event loop, whichever library runs it."""
    try:
        library = current_async_library()
    except AsyncLibraryNotFoundError:
        raise LoopMismatch("an async client was used outside of an event loop") from None
    if library == "trio":
        import trio

        return trio.lowlevel.current_trio_token()
    import asyncio

    return asyncio.get_running_loop()


_MOVED: WeakKeyDictionary[object, float] = WeakKeyDictionary()


def _clock_of(loop: object) -> Callable[[], float]:
    """The loop's time, moved onto ``time.monotonic()``: trio's begins anywhere, and all kinds of clients may share a rate limiter."""
    import anyio

    read: Callable[[], float] = getattr(loop, "time", anyio.current_time)  # trio's has none
    if _is_monotonic(read):
        return time.monotonic
    moved = _MOVED.get(loop)
    if moved is None:
        moved = _MOVED.setdefault(loop, time.monotonic() - read())
    return lambda: read() + moved


def _is_monotonic(read: Callable[[], float]) -> bool:
    """Whether this is the time of asyncio's own event loops, which is that of everybody: asked several times a call."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and getattr(read, "__func__", None) is asyncio.BaseEventLoop.time


def _loop_time() -> float:
    return _clock_of(_current_loop())()
