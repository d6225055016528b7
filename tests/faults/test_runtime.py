"""Rows 81 to 97 of the fault matrix: cancellation, processes, threads, event loops, secrets, and what surrounds a call."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from slo_common import (
    BadRequest,
    ClientClosed,
    ConfigurationError,
    LimiterUnavailable,
    LimitKey,
    LoopMismatch,
    MalformedResponse,
    OutcomeUnknown,
    RedisRateLimiter,
    Reservation,
    Secret,
    SloError,
)
from tests.common.fakes import RecordingLimiter
from tests.faults.clients import (
    CREDENTIALS,
    DEFAULTS,
    STATUS,
    WRITE_PATH,
    Driver,
    client_of,
    create_sla,
    read,
    read_sla,
    read_slas,
    told,
    write,
)
from tests.faults.scripted import Scripted, reply
from tests.faults.server import (
    PATIENCE,
    Connection,
    FaultServer,
    Script,
    Step,
    answer,
    close,
    read_request,
    repeat,
    then_do,
    unused_address,
    wait,
)
from tests.secrets.search import shown_by

GOOD = Script(repeat(read_request(), answer(200, STATUS)))
HELD = Script(repeat(read_request(), answer(200, STATUS, keep=True)))
"""Answers, and keeps the connection."""
ASYNC_ONLY = [Driver("asyncio"), Driver("trio")]
asynchronous = pytest.mark.parametrize("driver", ASYNC_ONLY, ids=["asyncio", "trio"])
SENT_NOTE = "datadog.reports.create had been sent and may have been applied"


async def _happens(event: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(event.wait, PATIENCE)


async def _until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    with anyio.fail_after(PATIENCE):
        while not condition():
            await anyio.lowlevel.checkpoint()


# Cancellation.


@pytest.mark.parametrize("driver", [Driver("asyncio")], ids=["asyncio"])
def test_f81_asyncio_task_cancelled_in_flight(driver: Driver) -> None:
    arrived = threading.Event()

    async def main(server: FaultServer) -> None:
        async with AsyncDatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:
            task = asyncio.create_task(dd.reports.create(query="a", from_ts=0, to_ts=60))
            await _happens(arrived)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert getattr(caught.value, "__notes__", []) == [SENT_NOTE]
            assert (await dd.reports.status("r-1")).status == "completed"  # the client is as good as before

    with FaultServer(Script(read_request(), then_do(arrived.set), wait()), then=GOOD) as server:
        driver.run_async(main, server)
    assert server.applied == (f"POST {WRITE_PATH}",)


@asynchronous
def test_f82_scope_that_ends_in_flight(driver: Driver) -> None:
    arrived = threading.Event()

    async def main(server: FaultServer) -> None:
        async def now_it_ends(scope: anyio.CancelScope) -> None:
            await _happens(arrived)
            scope.deadline = anyio.current_time()

        async with AsyncDatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:
            async with anyio.create_task_group() as group:
                with anyio.move_on_after(PATIENCE) as scope:
                    group.start_soon(now_it_ends, scope)
                    await dd.reports.create(query="a", from_ts=0, to_ts=60)
                assert scope.cancelled_caught
            assert (await dd.reports.status("r-1")).status == "completed"

    with FaultServer(Script(read_request(), then_do(arrived.set), wait()), then=GOOD) as server:
        driver.run_async(main, server)
    assert server.applied == (f"POST {WRITE_PATH}",)


@asynchronous
def test_f82_cancelled_calls_use_up_no_connection(driver: Driver) -> None:
    cancelled = 300  # more than a client has connections

    async def main(server: FaultServer) -> str:
        async with AsyncDatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:
            for n in range(cancelled):
                with anyio.move_on_after(0.0005 * (n % 5)):  # at another point of the call each time
                    await dd.reports.status("r-1")
            return str((await dd.reports.status("r-1")).status)

    with FaultServer(HELD) as server:
        assert driver.run_async(main, server) == "completed"


class _LongQueue(RecordingLimiter):
    """Its first place is an hour away."""

    def reserve(self, key: LimitKey, now: float) -> Reservation:
        reservation = super().reserve(key, now)
        if self.events == ["reserve"]:
            reservation.wait = 3600.0  # type: ignore[misc]  # read-only for everyone else
        return reservation


@asynchronous
def test_f83_cancelled_while_waiting(driver: Driver) -> None:
    limiter = _LongQueue()
    come_later = Script(read_request(), answer(503, headers={"retry-after": "40"}))

    async def cancelled_when(heard: list[str], call: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Cancel a call that waits, when the limiter has heard this."""
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await _until(lambda: limiter.events == heard)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    async def main(server: FaultServer) -> None:
        async with AsyncDatadogSLO("k", "a", base_url=server.url, rate_limiter=limiter, **DEFAULTS) as dd:
            await cancelled_when(["reserve"], lambda: dd.reports.create(query="a", from_ts=0, to_ts=60))
            assert (limiter.events, server.connections) == (["reserve", "cancel"], 0)  # the place is given back
            limiter.events.append("next")
            await cancelled_when(["reserve", "cancel", "next", "reserve", "done"], lambda: dd.reports.status("r-1"))
            assert len(server.requests) == 1  # cancelled in the pause before the next try

    with FaultServer(come_later, then=GOOD) as server:
        driver.run_async(main, server)


def test_f84_keyboard_interrupt_in_the_middle_of_a_call(driver: Driver) -> None:
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    press = then_do(lambda: signal.pthread_kill(main_thread, signal.SIGINT))
    with FaultServer(Script(read_request(), press, wait()), then=GOOD) as server:
        if driver.mode == "sync":
            with DatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:
                with pytest.raises(KeyboardInterrupt) as caught:
                    write(dd)
                assert getattr(caught.value, "__notes__", []) == [SENT_NOTE]
                assert read(dd).status == "completed"
        else:
            with pytest.raises(KeyboardInterrupt):
                driver.run(write, base_url=server.url)
    assert server.applied == (f"POST {WRITE_PATH}",)


# Processes.


@contextmanager
def _forking() -> Generator[None]:
    """Python warns of forks beside threads; the server of the test is such a thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _in_a_child(work: Callable[[], bool]) -> bool:
    with _forking():
        child = os.fork()
    if child == 0:
        good = False
        try:
            good = work()
        finally:
            os._exit(0 if good else 1)
    _, code = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(code) == 0


ended_loop = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""A loop that has ended cannot close its connections any more."""


@ended_loop
def test_f85_fork(driver: Driver) -> None:
    with FaultServer(Script(repeat(_echo()))) as server:
        if driver.mode == "sync":
            with DatadogSLO("k", "a", base_url=server.url, **DEFAULTS) as dd:
                assert dd.reports.status("before").id == "before"
                assert _in_a_child(lambda: all(dd.reports.status(f"child-{n}").id == f"child-{n}" for n in range(20)))
                assert all(dd.reports.status(f"parent-{n}").id == f"parent-{n}" for n in range(20))
        else:
            # An event loop does not survive a fork, so the child has one of its own, with the same client.
            client = AsyncDatadogSLO("k", "a", base_url=server.url, **DEFAULTS)

            async def ask(name: str) -> bool:
                return all([(await client.reports.status(f"{name}-{n}")).id == f"{name}-{n}" for n in range(20)])

            async def parent() -> bool:
                return await ask("parent")

            assert driver.run_async(parent)
            assert _in_a_child(lambda: driver.run_async(ask, "child"))
            del client, ask, parent
            gc.collect()
    by_connection = {
        r.connection: {q.target.split("-")[0] for q in server.requests if q.connection == r.connection} for r in server.requests
    }
    assert len(by_connection) == 2
    assert sorted(len(names - {"/api/v2/slo/report/before/status"}) for names in by_connection.values()) == [1, 1]


def test_f85_http_client_that_was_brought_and_used_is_refused_in_the_child() -> None:
    import httpx

    with FaultServer(Script(repeat(_echo()))) as server, httpx.Client() as http:
        dd = DatadogSLO("k", "a", base_url=server.url, http=http, **DEFAULTS)
        assert dd.reports.status("before").id == "before"

        def refused() -> bool:
            with pytest.raises(ConfigurationError, match="make a client in each process") as caught:
                dd.reports.status("child")
            return caught.value.sent == "no"

        assert _in_a_child(refused)
        assert dd.reports.status("after").id == "after"
    assert len(server.requests) == 2


def _echo() -> Step:
    """Answers with the id that was asked for."""

    def step(connection: Connection) -> None:
        ident = connection.read_request().target.split("/")[-2]
        connection.send(_good_for(ident))

    return step


def _good_for(ident: str) -> bytes:
    from tests.faults.server import whole

    body = {"data": {"id": ident, "type": "report_id", "attributes": {"status": "completed"}}}
    return whole(200, json.dumps(body).encode(), keep=True)


# Ends.


@pytest.mark.parametrize("of", ["datadog", "rootly", "zabbix"])
def test_f86_use_after_close(driver: Driver, of: str) -> None:
    server = Scripted(reply(200, STATUS))
    uses = {"datadog": read, "rootly": read_sla, "zabbix": read_slas}
    client = client_of(driver.mode, of, http=server.transport())
    if driver.mode == "sync":
        client.close()
        with pytest.raises(ClientClosed) as caught:
            uses[of](client)
    else:

        async def main() -> None:
            await client.aclose()
            await uses[of](client)

        with pytest.raises(ClientClosed) as caught:
            driver.run_async(main)
    assert (caught.value.sent, caught.value.retry_safe, server.ledger) == ("no", False, ())


def test_f87_double_close(driver: Driver) -> None:
    client = client_of(driver.mode, "datadog")
    if driver.mode == "sync":
        client.close()
        client.close()
    else:

        async def twice() -> None:
            await client.aclose()
            await client.aclose()

        driver.run_async(twice)


def test_f87_close_during_a_call(driver: Driver) -> None:
    arrived, closed = threading.Event(), threading.Event()
    script = Script(read_request(), then_do(arrived.set), then_do(lambda: closed.wait(PATIENCE)), close())
    with FaultServer(script, then=GOOD) as server:
        client = client_of(driver.mode, "datadog", base_url=server.url)
        if driver.mode == "sync":
            with ThreadPoolExecutor(1) as pool:
                call = pool.submit(read, client)
                assert arrived.wait(PATIENCE)
                client.close()
                closed.set()
                error = call.exception(PATIENCE)
        else:

            async def main() -> BaseException:
                found: list[BaseException] = []

                async def one() -> None:
                    with pytest.raises(SloError) as caught:
                        await read(client)
                    found.append(caught.value)

                async with anyio.create_task_group() as group:
                    group.start_soon(one)
                    await _happens(arrived)
                    await client.aclose()
                    closed.set()
                return found[0]

            error = driver.run_async(main)
    assert isinstance(error, ClientClosed)  # not tried again: nobody waits for it
    assert len(server.requests) == 1


def test_f88_one_client_for_many(driver: Driver) -> None:
    names = [f"id{n}" for n in range(320)]
    with FaultServer(Script(repeat(_echo()))) as server:
        if driver.mode == "sync":
            with DatadogSLO("k", "a", base_url=server.url) as dd, ThreadPoolExecutor(16) as pool:
                found = [status.id for status in pool.map(dd.reports.status, names)]
        else:

            async def main() -> list[str]:
                got: dict[str, str] = {}
                async with AsyncDatadogSLO("k", "a", base_url=server.url) as dd:

                    async def worker(mine: list[str]) -> None:
                        for name in mine:
                            got[name] = (await dd.reports.status(name)).id

                    async with anyio.create_task_group() as group:
                        for n in range(16):
                            group.start_soon(worker, names[n::16])
                return [got[name] for name in names]

            found = driver.run_async(main)
    assert found == names
    assert server.connections <= 16


@asynchronous
@ended_loop
def test_f89_one_async_client_in_two_loops(driver: Driver) -> None:
    def in_two_loops(url: str) -> LoopMismatch:
        dd = AsyncDatadogSLO("k", "a", base_url=url)

        async def ask() -> str:
            return str((await dd.reports.status("r-1")).status)

        assert driver.run_async(ask) == "completed"
        with pytest.raises(LoopMismatch) as caught:
            driver.run_async(ask)
        return caught.value.with_traceback(None)

    with FaultServer(GOOD) as server:
        error = in_two_loops(server.url)
        gc.collect()
    assert (error.sent, error.retry_safe, len(server.requests)) == ("no", False, 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_f90_sync_client_in_a_running_loop(backend: str) -> None:
    server = Scripted(reply(200, STATUS))

    async def ask() -> Any:
        with DatadogSLO("k", "a", http=server.transport()) as dd:
            return dd.reports.status("r-1")

    assert anyio.run(ask, backend=backend).status == "completed"  # it blocks the loop, and works


IN_A_LOOP = """
import asyncio
from tests.faults.clients import STATUS, client_of, read, read_sla, read_slas
from tests.faults.scripted import Scripted, reply

async def main():
    for of, use in (("datadog", read), ("rootly", read_sla), ("zabbix", read_slas)):
        with client_of("sync", of, http=Scripted(reply(404)).transport()) as client:
            for _ in range(2):
                try:
                    {use}
                except Exception as e:
                    print(type(e).__name__)

{run}
"""


def _said(*flags: str, use: str = "use(client)", run: str = "asyncio.run(main())") -> tuple[list[str], list[str]]:
    """What a Python of its own says: its output, and its warnings."""
    # At the end of the path: the packages under test come from where they are installed, which may be a wheel and not this tree.
    path = f"import sys\nsys.path.append({str(Path(__file__).parents[2])!r})\n"
    script = path + IN_A_LOOP.format(use=use, run=run)
    done = subprocess.run([sys.executable, *flags, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split(), [line for line in done.stderr.splitlines() if "RuntimeWarning" in line]


def test_f90_sync_client_in_a_running_loop_under_development_mode() -> None:
    output, warnings = _said("-X", "dev")
    assert output == ["NotFound"] * 6
    # At the line that called into the SDK: here a helper of the tests, which has one line for each vendor. Each line once.
    places = [(line.partition(":")[0].rpartition("/")[2], line.partition("RuntimeWarning: ")[2]) for line in warnings]
    assert places == [
        ("clients.py", f"{call} blocks the event loop that runs in this thread: use {client} there")
        for call, client in (
            ("datadog.reports.status", "datadog_slo.AsyncDatadogSLO"),
            ("rootly.slas.get", "rootly_sla.AsyncRootlySLA"),
            ("zabbix.sla.get", "zabbix_sla.AsyncZabbixSLA"),
        )
    ]


def test_f90_without_development_mode_nothing_is_said() -> None:
    assert _said() == (["NotFound"] * 6, [])


@pytest.mark.parametrize(
    ("use", "run"),
    [
        ("await asyncio.to_thread(use, client)", "asyncio.run(main())"),
        ("await anyio.to_thread.run_sync(use, client)", "import anyio; anyio.run(main)"),
        ("await anyio.to_thread.run_sync(use, client)", "import anyio; anyio.run(main, backend='trio')"),
        ("use(client)", "from slo_common._drive import drive; drive(main())"),
    ],
    ids=["thread", "thread of anyio", "thread of trio", "no loop"],
)
def test_f90_where_no_loop_is_blocked_nothing_is_said(use: str, run: str) -> None:
    assert _said("-X", "dev", use=use, run=run) == (["NotFound"] * 6, [])


# Secrets; tests/secrets searches everything for them.

MARK = "hunter2hunter2"


def _marked(of: str) -> dict[str, Any]:
    return {
        name: MARK if isinstance(value, str) and name != "url" else value
        for name, value in CREDENTIALS[of].items()
        if name != "auth_transport"
    }


@pytest.mark.parametrize("of", ["datadog", "rootly", "zabbix"])
def test_f91_secrets_in_repr(driver: Driver, of: str) -> None:
    client = client_of(driver.mode, of, **_marked(of))
    things: list[Any] = [client, client._caller, client._caller.auth, vars(client), Secret(MARK)]
    for thing in things:
        assert MARK not in f"{thing!r} {thing!s}"


def test_f92_secrets_in_logs(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(Script(read_request(), close()), then=GOOD) as server:
        driver.run(read, base_url=server.url, api_key=MARK, app_key=MARK)
    assert caplog.records  # those of httpcore
    assert MARK not in caplog.text


def test_f93_secrets_in_exceptions(driver: Driver) -> None:
    with FaultServer(Script(read_request(), close())) as server:
        error = driver.fails(OutcomeUnknown, write, base_url=server.url, api_key=MARK, app_key=MARK)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), told(copy)) == (OutcomeUnknown, str(error), told(error))
    assert MARK not in "\n".join(shown_by(error))


@pytest.mark.parametrize("of", ["datadog", "rootly", "zabbix"])
def test_f94_client_that_is_pickled(driver: Driver, of: str) -> None:
    client = client_of(driver.mode, of)
    with pytest.raises(TypeError, match="cannot be pickled: make one in each process"):
        pickle.dumps(client)


def test_f95_what_a_server_says_stays_short_and_on_its_line(driver: Driver) -> None:
    forged = "no\n2026-01-01 INFO all is well \x1b[2J" + "x" * 100_000
    error = driver.fails(BadRequest, read, http=Scripted(reply(400, {"errors": [forged] * 50})).transport())
    assert (len(str(error)) < 1000, "\n" in str(error), "\x1b" in str(error)) == (True, False, False)
    assert error.errors[0].detail == forged  # whole, for those who want it
    junk = driver.fails(MalformedResponse, read, http=Scripted(reply(200, forged.encode())).transport())
    assert (len(str(junk)) < 1000, len(junk.excerpt) <= 500, "\n" in junk.excerpt) == (True, True, False)
    odd = driver.fails(BadRequest, lambda rootly: rootly.slas.get("a" * 250), of="rootly", http=Scripted(reply(400)).transport())
    assert len(str(odd)) < 500
    create = driver.fails(OutcomeUnknown, create_sla, of="rootly", http=Scripted(reply(502, forged.encode())).transport())
    assert "\n" not in str(create)


# The limiter's store, and the clock.


def test_f96_redis_that_is_down(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("redis")
    address = unused_address().replace("http:", "redis:")
    limiter = RedisRateLimiter(address)
    with FaultServer(GOOD) as server:
        driver.run_all([read, read, write], base_url=server.url, rate_limiter=limiter)
        assert (len(server.requests), len([r for r in caplog.records if "rate limiter" in r.message])) == (3, 1)
        limiter.close()
        refusing = RedisRateLimiter(address, on_backend_error="raise")
        error = driver.fails(LimiterUnavailable, write, base_url=server.url, rate_limiter=refusing)
        refusing.close()
    assert (error.sent, error.retry_safe, len(server.requests)) == ("no", True, 3)


def test_f97_clock_that_is_set_back(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = time.time
    calls = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: truth() - 3600 * next(calls))  # an hour back, each time that somebody looks
    with FaultServer(Script(read_request(), answer(429, headers={"retry-after": "0.05"})), then=GOOD) as server:
        began = time.monotonic()
        results = driver.run_all([read, write_and_read], base_url=server.url)
    assert (len(results), len(server.requests)) == (2, 3)
    assert time.monotonic() - began < 60  # an hour, if a clock that is set counted


def write_and_read(client: Any) -> Any:
    return client.reports.status("r-1")
