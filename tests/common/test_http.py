"""What carries requests: transports that are lent, a deadline for blocking sockets, and what failed connections are called."""

from __future__ import annotations

import math
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
import trio
import trio.testing

from slo_common import ConfigurationError, ConnectFailed, PoolExhausted, ProxyFailed, Sent, TLSError, TransportError
from slo_common._deadline import BoundedBackend, BoundedStream, Deadline
from slo_common._http import (
    AsyncCarrier,
    AsyncLeasingTransport,
    Bounds,
    LeasingTransport,
    Progress,
    SyncCarrier,
    shared_ssl_context,
    translate,
)
from slo_common._leases import IDLE_SECONDS, AsyncLeases, Exhausted, SyncLeases
from slo_common._values import Request
from tests.sandbox.shop import Shop

URL = "https://vendor.test/things"
BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


# Lending.


def numbered() -> Callable[[], int]:
    numbers = iter(range(1000))
    return lambda: next(numbers)


def test_what_came_back_last_is_lent_first() -> None:
    leases = SyncLeases(numbered(), 9)
    one, two, three = (leases.take(1.0) for _ in range(3))
    for item in (one, two, three):
        leases.give(item)
    assert [leases.take(1.0) for _ in range(4)] == [three, two, one, 3]


def test_a_thread_waits_for_what_is_out_and_gets_it() -> None:
    leases = SyncLeases(numbered(), 1)
    item = leases.take(1.0)
    got: list[int] = []
    waiter = threading.Thread(target=lambda: got.append(leases.take(5.0)))
    waiter.start()
    leases.give(item)
    waiter.join()
    assert got == [item]


def test_a_thread_that_waits_too_long_goes_without() -> None:
    leases = SyncLeases(numbered(), 1)
    leases.take(1.0)
    with pytest.raises(Exhausted):
        leases.take(0.0)


def test_what_nobody_wanted_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("slo_common._leases.time.monotonic", lambda: now)
    leases = SyncLeases(numbered(), 2)
    one, two = leases.take(1.0), leases.take(1.0)
    assert leases.give(one) is None
    now = IDLE_SECONDS + 1
    assert leases.give(two) == one, "the caller is to close it"
    assert (leases.take(1.0), leases.take(1.0)) == (two, 2)


def test_all_that_is_not_out_can_be_taken_away() -> None:
    leases = SyncLeases(numbered(), 3)
    out, one, two = (leases.take(1.0) for _ in range(3))
    leases.give(one)
    leases.give(two)
    assert leases.clear() == [one, two]
    assert leases.clear() == []
    leases.give(out)
    assert leases.take(1.0) == out


def test_many_threads_never_hold_more_than_there_are() -> None:
    leases = SyncLeases(numbered(), 4)
    lock = threading.Lock()
    held: set[int] = set()
    most = 0

    def work() -> None:
        nonlocal most
        for _ in range(200):
            item = leases.take(5.0)
            with lock:
                assert item not in held
                held.add(item)
                most = max(most, len(held))
            with lock:
                held.remove(item)
            leases.give(item)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (held, most <= 4) == (set(), True)
    assert len(leases.clear()) <= 4


async def test_async_what_came_back_last_is_lent_first() -> None:
    leases = AsyncLeases(numbered(), 9)
    one, two = await leases.take(1.0), await leases.take(1.0)
    leases.give(one)
    leases.give(two)
    assert [await leases.take(1.0) for _ in range(3)] == [two, one, 2]
    assert leases.clear() == []


async def test_async_waiters_get_what_comes_back_in_their_order() -> None:
    leases = AsyncLeases(numbered(), 1)
    item = await leases.take(1.0)
    order: list[str] = []

    async def want(name: str) -> None:
        got = await leases.take(5.0)
        order.append(name)
        leases.give(got)

    async with anyio.create_task_group() as group:
        for name in ("a", "b", "c"):
            group.start_soon(want, name)
            await anyio.wait_all_tasks_blocked()
        leases.give(item)
    assert order == ["a", "b", "c"]


def test_async_a_task_that_waits_too_long_goes_without() -> None:
    async def main() -> None:
        leases = AsyncLeases(numbered(), 1)
        item = await leases.take(1.0)
        with pytest.raises(Exhausted):
            await leases.take(10.0)
        leases.give(item)
        assert await leases.take(0.0) == item

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_async_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    """Called and cancelled at the same moment: the call must not be lost, or the next would wait for ever."""
    leases = AsyncLeases(numbered(), 1)
    item = await leases.take(1.0)
    got: list[int] = []
    scope = anyio.CancelScope()

    async def doomed() -> None:
        with scope:
            got.append(-(await leases.take(5.0)))

    async def patient() -> None:
        got.append(await leases.take(5.0))

    async with anyio.create_task_group() as group:
        group.start_soon(doomed)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(patient)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        leases.give(item)
        with anyio.fail_after(2.0):
            await anyio.wait_all_tasks_blocked()
    assert got == [item]


# Our own transports.


def things(url: str) -> httpx.Request:
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), 5.0)
    return httpx.Request("GET", url + "/things", extensions={"timeout": timeout})


def test_a_transport_is_lent_until_its_body_is_closed() -> None:
    with Shop().serve() as server:
        transport = LeasingTransport(Deadline())
        one, two = transport.handle_request(things(server.url)), transport.handle_request(things(server.url))
        for response in (one, two):
            assert b"".join(response.iter_raw()) == b"[]"
            response.close()
            response.close()
        transport.close()


def test_a_body_closed_twice_gives_its_transport_back_once() -> None:
    with Shop().serve() as server:
        transport = LeasingTransport(Deadline())
        stream = transport.handle_request(things(server.url)).stream
        assert isinstance(stream, httpx.SyncByteStream)
        stream.close()
        stream.close()
        left = transport._leases.clear()  # pyright: ignore[reportPrivateUsage]  # it is there once
        assert len(left) == 1
        left[0].close()


async def test_an_async_body_closed_twice_gives_its_transport_back_once() -> None:
    with Shop().serve() as server:
        transport = AsyncLeasingTransport()
        stream = (await transport.handle_async_request(things(server.url))).stream
        assert isinstance(stream, httpx.AsyncByteStream)
        await stream.aclose()
        await stream.aclose()
        left = transport._leases.clear()  # pyright: ignore[reportPrivateUsage]  # it is there once
        assert len(left) == 1
        await left[0].aclose()


def test_a_transport_closed_in_the_middle_closes_what_comes_back() -> None:
    with Shop().serve() as server:
        transport = LeasingTransport(Deadline())
        response = transport.handle_request(things(server.url))
        transport.close()
        response.close()
        assert transport._leases.clear() == []  # pyright: ignore[reportPrivateUsage]  # nothing is left open


async def test_an_async_transport_closed_in_the_middle_closes_what_comes_back() -> None:
    with Shop().serve() as server:
        transport = AsyncLeasingTransport()
        response = await transport.handle_async_request(things(server.url))
        await transport.aclose()
        assert [chunk async for chunk in response.aiter_raw()] == [b"[]"]
        await response.aclose()
        await response.aclose()
        assert transport._leases.clear() == []  # pyright: ignore[reportPrivateUsage]  # nothing is left open


def test_a_transport_whose_request_failed_can_be_lent_again() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        transport = LeasingTransport(Deadline())
        with pytest.raises(httpx.ConnectError):
            transport.handle_request(things(url))
        assert len(transport._leases.clear()) == 1  # pyright: ignore[reportPrivateUsage]  # it came back


async def test_an_async_transport_whose_request_failed_can_be_lent_again() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        transport = AsyncLeasingTransport()
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(things(url))
        assert len(transport._leases.clear()) == 1  # pyright: ignore[reportPrivateUsage]  # it came back


def test_idle_transports_are_closed_when_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop().serve() as server:
        transport = LeasingTransport(Deadline())
        one, two = transport.handle_request(things(server.url)), transport.handle_request(things(server.url))
        one.close()
        monkeypatch.setattr("slo_common._leases.IDLE_SECONDS", -1.0)
        two.close()
        assert len(transport._leases.clear()) == 1  # pyright: ignore[reportPrivateUsage]  # the other was closed
        transport.close()


async def test_idle_async_transports_are_closed_when_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop().serve() as server:
        transport = AsyncLeasingTransport()
        one = await transport.handle_async_request(things(server.url))
        two = await transport.handle_async_request(things(server.url))
        await one.aclose()
        monkeypatch.setattr("slo_common._leases.IDLE_SECONDS", -1.0)
        await two.aclose()
        left = transport._leases.clear()  # pyright: ignore[reportPrivateUsage]  # the other was closed
        assert len(left) == 1
        for each in left:
            await each.aclose()


def test_f04_when_all_are_lent_the_pool_is_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._http.CONNECTIONS", 1)
    with Shop().serve() as server:
        transport = LeasingTransport(Deadline())
        held = transport.handle_request(things(server.url))
        asked = things(server.url)
        asked.extensions["timeout"]["pool"] = 0.0
        with pytest.raises(httpx.PoolTimeout):
            transport.handle_request(asked)
        held.close()
        transport.close()


async def test_f04_when_all_are_lent_the_async_pool_is_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._http.CONNECTIONS", 1)
    with Shop().serve() as server:
        transport = AsyncLeasingTransport()
        held = await transport.handle_async_request(things(server.url))
        asked = things(server.url)
        asked.extensions["timeout"]["pool"] = 0.0
        with pytest.raises(httpx.PoolTimeout):
            await transport.handle_async_request(asked)
        await held.aclose()
        await transport.aclose()


# A deadline for blocking sockets.


class Wire:
    """Notes how long each step was allowed to take."""

    def __init__(self) -> None:
        self.allowed: list[float | None] = []
        self.closed = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.allowed.append(timeout)
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.allowed.append(timeout)

    def close(self) -> None:
        self.closed = True

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> Wire:
        self.allowed.append(timeout)
        return self

    def get_extra_info(self, info: str) -> str:
        return info

    # A backend gives wires.

    def connect_tcp(self, *args: Any, **options: Any) -> Wire:
        return self

    def connect_unix_socket(self, *args: Any, **options: Any) -> Wire:
        return self

    def sleep(self, seconds: float) -> None:
        self.allowed.append(seconds)


def test_without_a_deadline_timeouts_are_as_they_are() -> None:
    assert (Deadline().cut(7.0), Deadline().cut(None)) == (7.0, None)


def test_with_a_deadline_no_step_may_take_longer_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    deadline = Deadline()
    with deadline.until(103.0):
        assert (deadline.cut(7.0), deadline.cut(2.0), deadline.cut(None)) == (3.0, 2.0, 3.0)
    assert deadline.ends == math.inf


def test_what_has_come_already_may_be_read_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    deadline = Deadline()
    with deadline.until(90.0):
        assert deadline.cut(7.0) == 0.001


def test_a_deadline_is_of_its_thread() -> None:
    deadline = Deadline()
    seen: list[float] = []
    with deadline.until(5.0):
        thread = threading.Thread(target=lambda: seen.append(deadline.ends))
        thread.start()
        thread.join()
    assert seen == [math.inf]


def test_every_step_of_a_stream_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._deadline.time.monotonic", lambda: 100.0)
    wire, deadline = Wire(), Deadline()
    with deadline.until(101.0):
        stream = BoundedBackend(wire, deadline).connect_tcp("host", 80).start_tls(shared_ssl_context(), "host", 9.0)
        stream.write(b"x", 9.0)
        assert stream.read(10, 0.5) == b"x"
    assert wire.allowed == [1.0, 1.0, 0.5]


def test_a_bounded_stream_is_the_stream_in_all_else() -> None:
    wire, deadline = Wire(), Deadline()
    backend = BoundedBackend(wire, deadline)
    backend.sleep(3.0)
    stream = backend.connect_unix_socket("/path")
    assert isinstance(stream, BoundedStream)
    assert (stream.get_extra_info("socket"), wire.allowed) == ("socket", [3.0])
    stream.close()
    assert wire.closed


# What failed connections are called.


def caused(error: Exception, *causes: BaseException) -> Exception:
    at: BaseException = error
    for cause in causes:
        at.__cause__ = cause
        at = cause
    return error


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (caused(httpx.ConnectError("x"), ConnectionRefusedError()), ConnectFailed, "vendor.test refused the connection"),
        (caused(httpx.ConnectError("x"), OSError(), socket.gaierror(-2, "x")), ConnectFailed, "the name vendor.test was not found"),
        (httpx.ConnectTimeout("x"), ConnectFailed, r"no connection to vendor.test in time \(is it https\?\)"),
        (httpx.ConnectError("x"), ConnectFailed, "no connection to vendor.test"),
        (
            caused(httpx.ConnectError("x"), BaseExceptionGroup("several addresses", [OSError(), ConnectionRefusedError()])),
            ConnectFailed,
            "refused the connection",
        ),
        (caused(httpx.ConnectError("x"), certificate_error()), TLSError, "was not accepted: self-signed certificate"),
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError("x")), TLSError, "was not accepted: TLS failure"),
        (caused(httpx.ConnectError("x"), ssl.SSLEOFError()), ConnectFailed, "ended the connection while TLS was being set up"),
        (caused(httpx.ConnectError("x"), ssl.SSLError(1, "x")), TLSError, "does not speak TLS with us .*: TLS failure"),
        (caused(httpx.ConnectTimeout("x"), ssl.SSLWantReadError()), ConnectFailed, "no connection to vendor.test in time"),
    ],
)
def test_a_failed_connection_is_called_by_its_reason(error: Exception, kind: type[TransportError], text: str) -> None:
    found = translate(error, what="vendor.things.do", url=URL, progress=Progress())
    assert type(found) is kind
    assert found.sent is Sent.NO
    with pytest.raises(kind, match=text):
        raise found


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = other = OSError()
    other.__context__ = error
    assert isinstance(translate(error, what="w", url=URL, progress=Progress()), ConnectFailed)


def traced(*events: tuple[str, bytes]) -> Progress:
    progress = Progress()
    for name, method in events:
        progress.trace(name, {"request": _Core(method)})
    return progress


class _Core:
    """httpcore's request, as its trace shows it."""

    def __init__(self, method: bytes) -> None:
        self.method = method


OPENED = ("connection.connect_tcp.complete", b"GET")
WENT_OUT = ("http11.send_request_headers.started", b"GET")
TO_PROXY = ("http11.send_request_headers.started", b"CONNECT")


@pytest.mark.parametrize(
    ("progress", "sent"),
    [
        (traced(), Sent.MAYBE),
        (traced(OPENED), Sent.NO),
        (traced(OPENED, WENT_OUT), Sent.MAYBE),
        (traced(OPENED, TO_PROXY), Sent.NO),
        (traced(OPENED, TO_PROXY, WENT_OUT), Sent.MAYBE),
    ],
    ids=["no-trace", "opened", "went-out", "to-the-proxy", "through-the-proxy"],
)
def test_the_trace_tells_whether_the_request_went_out(progress: Progress, sent: Sent) -> None:
    assert translate(httpx.ReadError("x"), what="w", url=URL, progress=progress).sent is sent


def test_what_never_went_out_is_a_failed_connection() -> None:
    assert type(translate(httpx.ReadError("x"), what="w", url=URL, progress=traced(OPENED))) is ConnectFailed


def test_what_broke_before_the_proxy_let_through_is_the_proxys() -> None:
    found = translate(httpx.RemoteProtocolError("Server disconnected"), what="w", url=URL, progress=traced(OPENED, TO_PROXY))
    assert type(found) is ProxyFailed


def test_an_exhausted_pool_is_named_with_its_size() -> None:
    found = translate(httpx.PoolTimeout("x"), what="w", url=URL, progress=Progress())
    assert isinstance(found, PoolExhausted)
    assert "all connections of this client were in use (256" in str(found)


# The environment.


@pytest.mark.parametrize("proxy", ["ftp://proxy.test", "socks5://proxy.test"])
def test_f25_a_proxy_that_cannot_be_used_is_named_by_its_variable_and_not_shown(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:s3cret@"))
    for make in (lambda: SyncCarrier(None, Deadline()), lambda: AsyncCarrier(None)):
        with pytest.raises(ConfigurationError, match="the proxy named by HTTPS_PROXY") as caught:
            make()
        assert "s3cret" not in str(caught.value)


def test_f25_a_proxy_is_used_and_its_streams_obey_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox plays the proxy: it is asked for the whole address."""
    shop = Shop()
    with shop.serve() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.test")
        carrier = SyncCarrier(None, Deadline())
        carrier.exchange(
            Request(method="GET", url="http://vendor.test/things"),
            BOUNDS,
            what="w",
            sink=None,
            progress=Progress(),
            check=lambda: None,
        )
        carrier.close()
    assert shop.ledger[0].path.endswith("vendor.test/things")


async def test_f25_a_proxy_is_used_by_async_clients_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    with shop.serve() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        carrier = AsyncCarrier(None)
        asked = Request(method="GET", url="http://vendor.test/things")
        await carrier.exchange(asked, BOUNDS, what="w", sink=None, progress=Progress())
        await carrier.aclose()
    assert shop.ledger[0].path.endswith("vendor.test/things")


def test_f25_a_trust_store_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    shared_ssl_context.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read"):
            shared_ssl_context()
    finally:
        shared_ssl_context.cache_clear()
