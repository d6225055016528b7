"""Connections of our own: lent to one request at a time, used again while they are good, closed when they are not."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import sys
import threading
from types import ModuleType

import anyio
import httpcore
import httpx
import pytest
import respx
from attrs import evolve

from slo_common._async_connections import AsyncAnswer, AsyncConnections
from slo_common._connections import Answer, Connections, mocked
from slo_common._core_connections import network
from slo_common._headers import FieldLines, joined
from slo_common._leases import Exhausted
from slo_common._network import ConnectError
from slo_common._values import Bounds, Request
from tests.common.fakes import Notes
from tests.sandbox.shop import Shop

CONNECT_ERRORS = (ConnectError, httpcore.ConnectError)
"""Ours, and httpcore's on trio."""


def no_context() -> ssl.SSLContext:
    raise AssertionError("asked for without https")


def order(url: str, *, pool: float = 5.0) -> tuple[Request, Bounds]:
    return Request(method="GET", url=url + "/things"), Bounds(connect=pool, read=5.0, total=5.0, max_bytes=1 << 20)


def blocking(size: int = 9) -> Connections:
    return Connections(no_context, size)


def idle(connections: Connections) -> int:
    """How many are here and not lent; they are closed."""
    lines = connections._leases.clear()  # pyright: ignore[reportPrivateUsage]  # nothing else tells
    for line in lines:
        line.close()
    return len(lines)


async def async_idle(connections: AsyncConnections) -> int:
    """How many are here and not lent; they are closed."""
    lines = connections._leases.clear()  # pyright: ignore[reportPrivateUsage]  # nothing else tells
    for line in lines:
        await line.aclose()
    return len(lines)


def body_of(answer: Answer) -> bytes:
    return b"".join(iter(answer.piece, None))


async def async_body_of(answer: AsyncAnswer) -> bytes:
    pieces: list[bytes] = []
    while (piece := await answer.piece()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


def fetch(connections: Connections, url: str, notes: Notes | None = None) -> bytes:
    answer = connections.send(*order(url), notes or Notes())
    try:
        return body_of(answer)
    finally:
        answer.close()


async def fetch_async(connections: AsyncConnections, url: str, notes: Notes | None = None) -> bytes:
    answer = await connections.send(*order(url), notes or Notes())
    try:
        return await async_body_of(answer)
    finally:
        await answer.aclose()


class CountingServer:
    """Answers every request with its connection's number; closes a connection after ``each`` answers, without a word."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.closed = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            with connection:
                for _ in range(self._each):
                    unread = b""
                    while b"\r\n\r\n" not in unread:
                        more = connection.recv(4096)
                        if not more:
                            return
                        unread += more
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % number)
            self.closed.release()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5.0)


# One connection for one request after the other.


def test_a_connection_is_used_again() -> None:
    server, connections = CountingServer(each=2), blocking()
    assert [fetch(connections, server.url) for _ in range(2)] == [b"1", b"1"]
    connections.close()
    server.close()


async def test_an_async_connection_is_used_again() -> None:
    server, connections = CountingServer(each=2), AsyncConnections(no_context, 9)
    assert [await fetch_async(connections, server.url) for _ in range(2)] == [b"1", b"1"]
    await connections.aclose()
    server.close()


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    server, connections = CountingServer(each=1), blocking()
    assert fetch(connections, server.url) == b"1"
    assert server.closed.acquire(timeout=5.0)
    assert fetch(connections, server.url) == b"2"
    connections.close()
    server.close()


async def test_an_async_connection_that_the_server_has_closed_is_not_used_again() -> None:
    """Its event loop has not come round to the news: the wait here is a blocking one."""
    server, connections = CountingServer(each=1), AsyncConnections(no_context, 9)
    assert await fetch_async(connections, server.url) == b"1"
    assert server.closed.acquire(timeout=5.0)
    assert await fetch_async(connections, server.url) == b"2"
    await connections.aclose()
    server.close()


def test_another_host_gets_a_connection_of_its_own() -> None:
    one, two, connections = CountingServer(each=2), Shop(), blocking(size=1)
    with two.serve() as other:
        assert (fetch(connections, one.url), fetch(connections, other.url)) == (b"1", b"[]")
    connections.close()
    one.close()


# What a witness hears.


def test_a_new_connection_is_watched_before_it_is_opened() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        notes = Notes()
        with pytest.raises(ConnectError):
            fetch(blocking(), f"http://127.0.0.1:{closed.getsockname()[1]}", notes)
    assert notes.told == ["watching"]


async def test_a_new_async_connection_is_watched_before_it_is_opened() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        notes = Notes()
        with pytest.raises(CONNECT_ERRORS):
            await fetch_async(AsyncConnections(no_context, 9), f"http://127.0.0.1:{closed.getsockname()[1]}", notes)
    assert notes.told == ["watching"]


def test_a_connection_used_again_tells_the_new_witness() -> None:
    notes = Notes()
    with Shop().serve() as server:
        connections = blocking()
        fetch(connections, server.url)
        fetch(connections, server.url, notes)
        connections.close()
    assert (notes.told[0], set(notes.told[1:])) == ("watching", {"went out"})


async def test_an_async_connection_used_again_tells_the_new_witness() -> None:
    notes = Notes()
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        await fetch_async(connections, server.url)
        await fetch_async(connections, server.url, notes)
        await connections.aclose()
    assert (notes.told[0], set(notes.told[1:])) == ("watching", {"went out"})


def test_what_is_closed_after_its_event_loop_is_left_to_the_garbage_collector() -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        asyncio.run(fetch_async(connections, server.url))
        asyncio.run(connections.aclose())
        with pytest.warns(ResourceWarning, match="unclosed"):
            gc.collect()


# Lending.


def test_answers_at_once_have_connections_of_their_own() -> None:
    with Shop().serve() as server:
        connections = blocking()
        one, two = connections.send(*order(server.url), Notes()), connections.send(*order(server.url), Notes())
        assert [body_of(answer) for answer in (one, two)] == [b"[]", b"[]"]
        for answer in (one, two):
            answer.close()
        assert idle(connections) == 2


def test_connections_closed_in_the_middle_close_what_comes_back() -> None:
    with Shop().serve() as server:
        connections = blocking()
        answer = connections.send(*order(server.url), Notes())
        connections.close()
        answer.close()
        assert idle(connections) == 0


async def test_async_connections_closed_in_the_middle_close_what_comes_back() -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        answer = await connections.send(*order(server.url), Notes())
        await connections.aclose()
        assert await async_body_of(answer) == b"[]"
        await answer.aclose()
        assert await async_idle(connections) == 0


def test_a_place_whose_request_failed_can_be_lent_again() -> None:
    connections = blocking(size=1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError):
            fetch(connections, f"http://127.0.0.1:{closed.getsockname()[1]}")
    with Shop().serve() as server:
        assert fetch(connections, server.url) == b"[]"
    assert idle(connections) == 1


async def test_an_async_place_whose_request_failed_can_be_lent_again() -> None:
    connections = AsyncConnections(no_context, 1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(CONNECT_ERRORS):
            await fetch_async(connections, f"http://127.0.0.1:{closed.getsockname()[1]}")
    with Shop().serve() as server:
        assert await fetch_async(connections, server.url) == b"[]"
        await connections.aclose()


def test_idle_connections_are_closed_when_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop().serve() as server:
        connections = blocking()
        one, two = connections.send(*order(server.url), Notes()), connections.send(*order(server.url), Notes())
        one.close()
        monkeypatch.setattr("slo_common._leases.IDLE_SECONDS", -1.0)
        two.close()
        assert idle(connections) == 1


async def test_idle_async_connections_are_closed_when_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        one, two = (
            await connections.send(*order(server.url), Notes()),
            await connections.send(*order(server.url), Notes()),
        )
        await one.aclose()
        monkeypatch.setattr("slo_common._leases.IDLE_SECONDS", -1.0)
        await two.aclose()
        assert await async_idle(connections) == 1


def test_f04_when_all_are_lent_the_pool_is_exhausted() -> None:
    with Shop().serve() as server:
        connections = blocking(size=1)
        held = connections.send(*order(server.url), Notes())
        with pytest.raises(Exhausted):
            connections.send(*order(server.url, pool=0.0), Notes())
        held.close()
        connections.close()


@pytest.mark.parametrize(("connect", "total"), [(3.0, 9.0), (9.0, 3.0)])
def test_a_place_is_waited_for_no_longer_than_a_connection_and_all_may_take(
    connect: float, total: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def take(timeout: float) -> None:
        waits.append(timeout)
        raise Exhausted

    connections = blocking()
    monkeypatch.setattr(connections._leases, "take", take)  # pyright: ignore[reportPrivateUsage]  # it would wait
    asked, bounds = order("http://127.0.0.1:9")
    with pytest.raises(Exhausted):
        connections.send(asked, evolve(bounds, connect=connect, total=total), Notes())
    assert waits == [3.0]


async def test_f04_when_all_are_lent_the_async_pool_is_exhausted() -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 1)
        held = await connections.send(*order(server.url), Notes())
        with pytest.raises(Exhausted):
            await connections.send(*order(server.url, pool=0.0), Notes())
        await held.aclose()
        await connections.aclose()


# Heads.


def test_repeated_fields_are_joined() -> None:
    assert joined([(b"Warning", b"1"), (b"warning", b"2")]) == {"warning": "1, 2"}


def test_the_same_fields_are_written_once() -> None:
    lines, fields = FieldLines(), (("a", "1"),)
    assert lines.of(fields) == b"a: 1\r\n"
    assert lines.of(fields) is lines.of((("a", "1"),))


def test_a_value_is_utf_8_or_else_latin_1() -> None:
    assert joined([(b"a", "\u00e9".encode()), (b"b", b"\xe9")]) == {"a": "\u00e9", "b": "\u00e9"}


# Whose connections there are on an event loop.


async def kind_of_connection(connections: AsyncConnections, url: str) -> str:
    answer = await connections.send(*order(url), Notes())
    await answer.aclose()
    (line,) = connections._leases.clear()  # pyright: ignore[reportPrivateUsage]  # nothing else tells
    await line.aclose()
    return type(answer._connection).__module__  # pyright: ignore[reportPrivateUsage]  # as above


async def test_on_asyncio_they_are_ours_and_elsewhere_httpcores(anyio_backend_name: str) -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        kind = await kind_of_connection(connections, server.url)
    assert (kind == "slo_common._http11_async", connections.keep_time()) == ((anyio_backend_name == "asyncio",) * 2)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_mocks_that_pass_a_request_on_let_httpcore_send_it() -> None:
    with Shop().serve() as server, respx.mock(assert_all_called=False) as mocks:
        mocks.route().pass_through()
        connections = AsyncConnections(no_context, 9)
        assert not connections.keep_time()
        assert await kind_of_connection(connections, server.url) == "slo_common._core_connections"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_mock_is_noticed_where_a_connection_was_there_before_it() -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        assert await fetch_async(connections, server.url) == b"[]"
        with respx.mock(using="httpcore") as mocks:
            mocks.get(server.url + "/things").respond(content=b"mocked")
            assert await fetch_async(connections, server.url) == b"mocked"
        assert await fetch_async(connections, server.url) == b"[]"
        await connections.aclose()


class Drops(httpx.AsyncByteStream):
    """A body that is no generator."""

    def __init__(self) -> None:
        self._left = [b"b", b"a"]

    def __aiter__(self) -> Drops:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


def test_a_mock_is_noticed_where_a_blocking_connection_was_there_before_it() -> None:
    with Shop().serve() as server:
        connections = blocking()
        assert fetch(connections, server.url) == b"[]"
        with respx.mock(using="httpcore") as mocks:
            mocks.get(server.url + "/things").respond(content=b"mocked")
            assert [fetch(connections, server.url) for _ in range(2)] == [b"mocked", b"mocked"]
        assert fetch(connections, server.url) == b"[]"
        connections.close()


def test_mocks_that_pass_a_blocking_request_on_let_httpcore_send_it() -> None:
    with Shop().serve() as server, respx.mock(assert_all_called=False) as mocks:
        mocks.route().pass_through()
        connections = blocking()
        answers = [connections.send(*order(server.url), Notes()) for _ in range(2)]
        for answer in answers:
            assert body_of(answer) == b"[]"
            assert type(answer._connection).__module__ == "slo_common._core_connections"  # pyright: ignore[reportPrivateUsage]  # nothing else tells
            answer.close()
        connections.close()


@pytest.mark.parametrize("connection", ["HTTPConnection", "AsyncHTTPConnection"])
def test_what_another_thread_is_loading_is_not_mocked(connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpcore", ModuleType("httpcore"))
    assert mocked(connection) is False


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_reply_of_httpcores_that_is_not_wanted_has_no_more_pieces() -> None:
    with Shop().serve() as server:
        connections = AsyncConnections(no_context, 9)
        answer = await connections.send(*order(server.url), Notes())
        await answer.aclose()
        assert await answer.piece() is None
        await connections.aclose()


def test_a_blocking_reply_of_httpcores_that_is_not_wanted_ends_its_connection() -> None:
    with Shop().serve() as server, respx.mock(assert_all_called=False) as mocks:
        mocks.route().pass_through()
        connections = blocking()
        answer = connections.send(*order(server.url), Notes())
        answer.close()
        assert answer._connection._connection.is_closed()  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]  # httpcore's, which nobody else asks
        connections.close()


def test_a_blocking_connection_of_httpcores_is_not_for_another_address() -> None:
    with Shop().serve() as one, Shop().serve() as two, respx.mock(assert_all_called=False) as mocks:
        mocks.route().pass_through()
        connections = blocking(size=1)
        assert [fetch(connections, server.url) for server in (one, two)] == [b"[]", b"[]"]
        connections.close()


def test_without_httpcore_nothing_is_mocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "httpcore")
    assert mocked("HTTPConnection") is False


async def test_the_body_of_a_mock_may_be_any_stream() -> None:
    connections = AsyncConnections(no_context, 9)
    with respx.mock(using="httpcore") as mocks:
        mocks.get("http://api.test/things").mock(httpx.Response(200, stream=Drops()))
        assert await fetch_async(connections, "http://api.test") == b"ab"
    await connections.aclose()


def test_httpcores_connections_open_sockets_as_their_event_loop_does() -> None:
    async def way() -> type:
        return type(network())

    assert (anyio.run(way, backend="asyncio"), anyio.run(way, backend="trio")) == (httpcore.AnyIOBackend, httpcore.TrioBackend)
