"""Cancelled at each await of a real call, and Ctrl-C at each place where Python looks for it in a blocking one: nothing is done twice, nothing stays taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio
import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import LocalRateLimiter
from slo_common.sandbox import VirtualClock
from tests.common.fakes import RecordingLimiter
from tests.common.interrupts import Pressed
from tests.faults.clients import DEFAULTS, STATUS, Driver, read, read_slas, write
from tests.faults.server import FaultServer, Script, answer, read_request, repeat
from zabbix_sla import ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

T = TypeVar("T")
HELD = Script(repeat(read_request(), answer(200, STATUS, keep=True)))
SENT_NOTE = "datadog.reports.create had been sent and may have been applied"


class Watched(Generic[T]):
    """Awaits something, and calls ``then`` just before its n-th suspension."""

    def __init__(self, inner: Awaitable[T], n: int, then: Callable[[], object]) -> None:
        self._inner = inner
        self._n = n
        self._then = then
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._inner.__await__()
        to_send: Any = None
        failure: BaseException | None = None
        while True:
            try:
                signal = steps.send(to_send) if failure is None else steps.throw(failure)
            except StopIteration as e:
                return e.value  # type: ignore[no-any-return]  # what the coroutine returns
            self.suspensions += 1
            if self.suspensions == self._n:
                self._then()
            failure = None
            try:
                to_send = yield signal
            except BaseException as e:  # noqa: BLE001  # whatever the event loop throws goes on to who waits
                failure = e


@pytest.mark.parametrize("driver", [Driver("asyncio"), Driver("trio")], ids=["asyncio", "trio"])
@pytest.mark.parametrize("use", [read, write], ids=["read", "write"])
def test_f82_cancelled_at_every_await_of_a_call(driver: Driver, use: Callable[[Any], Any]) -> None:
    limiter = RecordingLimiter()

    async def one(server: FaultServer, n: int) -> int | None:
        """Cancel at the n-th suspension, on a client that has no connection yet. Gives how many there are, when it is beyond the last."""
        limiter.events.clear()
        async with AsyncDatadogSLO("k", "a", base_url=server.url, rate_limiter=limiter, **DEFAULTS) as dd:
            scope = anyio.CancelScope()
            watched = Watched(use(dd), n, scope.cancel)
            with scope:
                await watched
            assert limiter.events[:1] == ["reserve"]
            assert limiter.events.count("reserve") == sum(limiter.events.count(end) for end in ("done", "lost", "cancel"))
            assert (await dd.reports.status("r-1")).status == "completed"  # the client is as good as before
        return None if scope.cancelled_caught else watched.suspensions

    suspensions = None
    n = 0
    while suspensions is None:
        n += 1
        with FaultServer(HELD) as server:
            suspensions = driver.run_async(one, server, n)
        assert len(server.applied) <= 1
    assert suspensions >= 3  # at least: connect, send, receive


@pytest.mark.parametrize("use", [read, write], ids=["read", "write"])
@pytest.mark.parametrize("driver", [Driver("asyncio"), Driver("asyncio by h11"), Driver("uvloop")], ids=lambda driver: driver.mode)
def test_f81_cancelled_by_asyncio_at_every_await_of_a_call(driver: Driver, use: Callable[[Any], Any]) -> None:
    """As Ctrl-C cancels it under asyncio.run: what swallows that goes on for ever."""

    async def one(server: FaultServer, n: int) -> int | None:
        async with AsyncDatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:

            async def call() -> None:
                await watched

            def cancel() -> None:
                task.cancel()

            watched = Watched(use(dd), n, cancel)
            task = asyncio.create_task(call())
            await asyncio.wait([task])
            assert (await dd.reports.status("r-1")).status == "completed"
        assert task.cancelled() is (watched.suspensions >= n)
        return None if task.cancelled() else watched.suspensions

    suspensions = None
    n = 0
    while suspensions is None:
        n += 1
        with FaultServer(HELD) as server:
            suspensions = driver.run_async(one, server, n)
        assert len(server.applied) <= 1
    assert suspensions >= 3


def _of_the_sdk(module: str) -> bool:
    return module.startswith(("slo_common.", "datadog_slo.", "zabbix_sla.")) and ".sandbox" not in module


@pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited:RuntimeWarning"
)  # interrupted between its making and its first step
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_f84_ctrl_c_at_every_place_of_a_blocking_call() -> None:
    sandbox = DatadogSandbox.demo(clock=VirtualClock())
    limiter = LocalRateLimiter()  # shared by all that follows: a place that stays taken, or a lock, would stop it
    places = 0
    with DatadogSLO("k", "a", http=sandbox.transport(), rate_limiter=limiter) as dd:
        write(dd)  # once, so that what is loaded late is there
        while True:
            places += 1
            sandbox.clock.advance(60.0)  # type: ignore[attr-defined]  # the VirtualClock above: a new window for each
            done = len(sandbox.applied)
            interrupted: KeyboardInterrupt | None = None
            with Pressed(places, _of_the_sdk) as ctrl_c:
                try:
                    write(dd)
                except KeyboardInterrupt as e:
                    interrupted = e
            applied = len(sandbox.applied) - done
            assert applied <= 1
            if not ctrl_c.pressed:
                assert applied == 1
                break
            if interrupted is None:  # it fell into the closing of a generator, where Python reports it and goes on
                assert applied == 1
            assert getattr(interrupted, "__notes__", []) in ([], [SENT_NOTE])
            began = sandbox.clock.now()
            assert next(iter(dd.slos.list(page_size=1))).id
            assert sandbox.clock.now() - began <= 120.0  # at worst a lease
            assert places < 5000
    assert places > 100


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # as above
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_f84_ctrl_c_at_every_place_of_a_login() -> None:
    """The question for the version and the login are each asked by one call at a time, under a lock."""
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    places = 0
    pressed = True
    while pressed:
        with ZabbixSLA("http://127.0.0.1:1", user="Admin", password="zabbix", http=sandbox.transport()) as zbx:
            if places == 0:
                read_slas(zbx)  # once, so that what is loaded late is there
            else:
                with Pressed(places, _of_the_sdk) as ctrl_c, suppress(KeyboardInterrupt):
                    read_slas(zbx)
                pressed = ctrl_c.pressed
            client: Any = zbx
            auth = client._caller.auth
            assert [lock._lock.here.locked() for lock in (auth._asking_version, auth._logging_in)] == [False, False]
            assert len(read_slas(zbx)) == 3  # the client is as good as before
        places += 1
        assert places < 5000
    assert places > 100
