"""The two runtimes: their life, their clients, threads, forks, loops, and doing many things at once."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

import anyio
import httpx
import pytest
import respx
import trio
import trio.testing

from slo_common import (
    AlreadyExists,
    ClientClosed,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    LimitKey,
    LocalRateLimiter,
    LoopMismatch,
    NoRateLimiter,
    PoolExhausted,
    ProtocolError,
    ProxyFailed,
    RateLimitState,
    ReadTimeout,
    RetryPolicy,
    Secret,
    Sent,
    SloError,
    Timeouts,
    TransportError,
    TruncatedResponse,
    UnexpectedRedirect,
)
from slo_common._auth import HeaderAuth
from slo_common._clients import AsyncClient, SyncClient
from slo_common._drive import drive
from slo_common._execute import Caller
from slo_common._httpx import AsyncHTTP, SyncHTTP
from slo_common._runtime import AsyncRuntime, SyncRuntime
from slo_common._values import Bounds, Reply, Request, Safety
from slo_common.sandbox import Drop, Fault, SandboxRequest, VirtualClock
from slo_common.sandbox._door import sandbox_request
from tests.common.fakes import call_of
from tests.common.forks import ended_well, fork, in_child
from tests.sandbox.shop import Shop

BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


def request(url: str = "http://127.0.0.1:9/things", method: str = "GET", content: bytes | None = None) -> Request:
    return Request(method=method, url=url, headers=(("accept", "*/*"),), content=content)


def send(runtime: SyncRuntime, asked: Request | None = None, bounds: Bounds = BOUNDS) -> Reply:
    return drive(runtime.send(asked if asked is not None else request(), bounds, what="vendor.things.do"))


async def asend(runtime: AsyncRuntime, asked: Request | None = None, bounds: Bounds = BOUNDS) -> Reply:
    return await runtime.send(asked if asked is not None else request(), bounds, what="vendor.things.do")


def caller_over(runtime: SyncRuntime | AsyncRuntime, base_url: str = "http://127.0.0.1:9") -> Caller:
    return Caller(
        runtime=runtime,
        vendor="vendor",
        base_url=base_url,
        auth=HeaderAuth(headers=(("authorization", "Bearer ", Secret("s3cret")),)),
        limiter=NoRateLimiter(),
        timeouts=Timeouts(total=5.0),
        retry=RetryPolicy(backoff_base=0.0),
    )


class Client(SyncClient):
    """The least that a vendor's client is."""

    def __init__(self, http: SyncHTTP | None = None, *, base_url: str = "http://127.0.0.1:9") -> None:
        runtime = SyncRuntime(http)
        super().__init__(caller_over(runtime, base_url), runtime)

    def things(self) -> str:
        return self._call(call_of(target="/things"))

    def create(self, name: str) -> str:
        return self._call(call_of(Safety.UNSAFE, target="/things", content=name.encode()))


class Async(AsyncClient):
    def __init__(self, http: AsyncHTTP | None = None, *, base_url: str = "http://127.0.0.1:9") -> None:
        runtime = AsyncRuntime(http)
        super().__init__(caller_over(runtime, base_url), runtime)

    async def things(self) -> str:
        return await self._call(call_of(target="/things"))

    async def create(self, name: str) -> str:
        return await self._call(call_of(Safety.UNSAFE, target="/things", content=name.encode()))


def fine(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b"fine")


def failing(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.fixture
def shop() -> Shop:
    return Shop(clock=VirtualClock(1_700_000_000.0))


def test_a_flow_of_a_sync_client_is_run_to_its_end() -> None:
    class Waiting(Client):
        def both(self) -> str:
            return self._run(self._flow())

        async def _flow(self) -> str:
            return await self._caller.call(call_of()) + await self._caller.call(call_of())

    assert Waiting(httpx.MockTransport(fine)).both() == "finefine"


# From httpx's exceptions to ours, where no trace tells how far the request got.


REPORTED: list[tuple[Exception, type[TransportError], Sent]] = [
    (httpx.ConnectError("x"), ConnectFailed, Sent.NO),
    (httpx.ConnectTimeout("x"), ConnectFailed, Sent.NO),
    (httpx.PoolTimeout("x"), PoolExhausted, Sent.NO),
    (httpx.ProxyError("502 Bad Gateway"), ProxyFailed, Sent.NO),
    (httpx.ProxyError("407 Proxy Authentication Required"), ProxyFailed, Sent.NO),
    (httpx.UnsupportedProtocol("x"), ProtocolError, Sent.NO),
    (httpx.LocalProtocolError("Illegal header value b's3cret'"), ProtocolError, Sent.NO),
    (httpx.InvalidURL("x"), ProtocolError, Sent.NO),
    (UnicodeEncodeError("ascii", "s3crét", 4, 5, "x"), ProtocolError, Sent.NO),
    (UnicodeError("encoding with 'idna' codec failed"), ProtocolError, Sent.NO),
    (httpx.ReadTimeout("x"), ReadTimeout, Sent.MAYBE),
    (httpx.WriteTimeout("x"), ReadTimeout, Sent.MAYBE),
    (httpx.ReadError("x"), ConnectionLost, Sent.MAYBE),
    (httpx.WriteError("x"), ConnectionLost, Sent.MAYBE),
    (httpx.CloseError("x"), ConnectionLost, Sent.MAYBE),
    (httpx.RemoteProtocolError("Server disconnected without sending a response."), ConnectionLost, Sent.MAYBE),
    (httpx.RemoteProtocolError("illegal status line"), ProtocolError, Sent.MAYBE),
    (httpx.RemoteProtocolError("Receive buffer too long"), ProtocolError, Sent.MAYBE),
    (httpx.DecodingError("x"), ProtocolError, Sent.MAYBE),
    (OSError("anything"), ConnectionLost, Sent.MAYBE),
]


@pytest.mark.parametrize(("error", "kind", "sent"), REPORTED, ids=lambda x: type(x).__name__ if isinstance(x, Exception) else "")
def test_every_exception_of_httpx_becomes_one_of_ours(error: Exception, kind: type[TransportError], sent: Sent) -> None:
    with pytest.raises(kind, match=r"^vendor\.things\.do: ") as caught:
        send(SyncRuntime(httpx.MockTransport(failing(error))))
    assert type(caught.value) is kind
    assert caught.value.sent is sent
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(("error", "kind", "sent"), REPORTED, ids=lambda x: type(x).__name__ if isinstance(x, Exception) else "")
async def test_every_exception_of_httpx_becomes_one_of_ours_async(error: Exception, kind: type[TransportError], sent: Sent) -> None:
    with pytest.raises(kind) as caught:
        await asend(AsyncRuntime(httpx.MockTransport(failing(error))))
    assert (type(caught.value), caught.value.sent) == (kind, sent)


@pytest.mark.parametrize(
    ("error", "retry_safe"),
    [
        (httpx.ProxyError("407 x"), False),
        (httpx.ProxyError("502 x"), True),
        (httpx.RemoteProtocolError("Receive buffer too long"), False),
        (httpx.RemoteProtocolError("illegal status line"), None),
    ],
)
def test_what_another_try_cannot_mend_is_marked(error: Exception, retry_safe: bool | None) -> None:
    with pytest.raises(TransportError) as caught:
        send(SyncRuntime(httpx.MockTransport(failing(error))))
    assert caught.value.retry_safe is retry_safe


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks after its first chunk."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield b"half"
        raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise self.error


WITHIN: list[tuple[Exception, type[TransportError]]] = [
    (httpx.ReadError("x"), TruncatedResponse),
    (httpx.RemoteProtocolError("peer closed connection"), TruncatedResponse),
    (httpx.ReadTimeout("x"), ReadTimeout),
    (httpx.StreamClosed(), TruncatedResponse),
    (OSError("x"), TruncatedResponse),
]


@pytest.mark.parametrize(("error", "kind"), WITHIN, ids=lambda x: type(x).__name__ if isinstance(x, Exception) else "")
def test_f12_what_breaks_within_the_body_was_answered(error: Exception, kind: type[TransportError]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken(error)))
    with pytest.raises(kind) as caught:
        send(SyncRuntime(transport))
    assert caught.value.sent is Sent.YES


@pytest.mark.parametrize(("error", "kind"), WITHIN, ids=lambda x: type(x).__name__ if isinstance(x, Exception) else "")
async def test_f12_what_breaks_within_the_body_was_answered_async(error: Exception, kind: type[TransportError]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken(error)))
    with pytest.raises(kind) as caught:
        await asend(AsyncRuntime(transport))
    assert caught.value.sent is Sent.YES


def test_an_exception_of_a_mock_that_is_a_bug_passes() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        send(SyncRuntime(httpx.MockTransport(failing(RuntimeError("a bug")))))


async def test_an_exception_of_a_mock_that_is_a_bug_passes_async() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await asend(AsyncRuntime(httpx.MockTransport(failing(RuntimeError("a bug")))))


def test_f84_an_interrupted_call_shows_no_frames_that_hold_keys() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        send(SyncRuntime(httpx.MockTransport(handler)))
    assert not [frame for frame in caught.traceback if "site-packages/httpx" in str(frame.path)]


def test_a_reply_has_lower_case_headers_joined_by_commas() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=[("X-One", "1"), ("x-one", "2"), ("Content-Type", "text/plain")], content=b"x")

    reply = send(SyncRuntime(httpx.MockTransport(handler)))
    assert (reply.headers["x-one"], reply.content_type, reply.body) == ("1, 2", "text/plain", b"x")


def test_a_mock_that_comes_with_its_content_needs_no_decompression() -> None:
    """respx and MockTransport give a response that httpx has read and decoded already."""
    import gzip

    def handler(_: httpx.Request) -> httpx.Response:
        response = httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"fine"))
        response.read()
        return response

    assert send(SyncRuntime(httpx.MockTransport(handler))).body == b"fine"


async def test_a_mock_that_comes_with_its_content_needs_no_decompression_async() -> None:
    import gzip

    async def handler(_: httpx.Request) -> httpx.Response:
        response = httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"fine"))
        await response.aread()
        return response

    assert (await asend(AsyncRuntime(httpx.MockTransport(handler)))).body == b"fine"


async def test_f17_an_encoding_that_was_not_asked_for_is_an_error_async() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-encoding": "zstd"}, stream=httpx.ByteStream(b"x"))
    )
    with pytest.raises(ProtocolError, match="was not asked for"):
        await asend(AsyncRuntime(transport))


# Downloads.


class File:
    """A sink in memory, or on a disk that is full."""

    def __init__(self, error: OSError | None = None) -> None:
        self.error = error
        self.resets = 0
        self.written = b""

    def reset(self) -> None:
        self.resets += 1
        self.written = b""

    def write(self, chunk: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written += chunk


def test_a_good_body_goes_to_the_sink_and_not_into_the_reply() -> None:
    sink = File()
    reply = drive(SyncRuntime(httpx.MockTransport(fine)).send(request(), BOUNDS, what="w", sink=sink))
    assert (reply.body, sink.written, sink.resets) == (b"", b"fine", 1)


def test_the_body_of_an_error_goes_into_the_reply_and_not_to_the_sink() -> None:
    sink = File()
    transport = httpx.MockTransport(lambda _: httpx.Response(404, content=b"no"))
    reply = drive(SyncRuntime(transport).send(request(), BOUNDS, what="w", sink=sink))
    assert (reply.body, sink.written, sink.resets) == (b"no", b"", 0)


def test_a_full_disk_is_no_broken_connection() -> None:
    with pytest.raises(OSError, match="No space left"):
        drive(SyncRuntime(httpx.MockTransport(fine)).send(request(), BOUNDS, what="w", sink=File(OSError("No space left"))))


async def test_a_full_disk_is_no_broken_connection_async() -> None:
    with pytest.raises(OSError, match="No space left"):
        await AsyncRuntime(httpx.MockTransport(fine)).send(request(), BOUNDS, what="w", sink=File(OSError("No space left")))


# Redirects.


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_f26_f27_a_redirect_is_never_followed(code: int) -> None:
    asked: list[str] = []

    def handler(seen: httpx.Request) -> httpx.Response:
        asked.append(str(seen.url))
        return httpx.Response(code, headers={"location": "https://evil.test/"})

    with pytest.raises(UnexpectedRedirect):
        Client(httpx.MockTransport(handler)).create("x")
    assert asked == ["http://127.0.0.1:9/things"]


def test_f27_not_even_by_a_client_of_the_callers_that_would() -> None:
    asked: list[str] = []

    def handler(seen: httpx.Request) -> httpx.Response:
        asked.append(str(seen.url))
        return httpx.Response(302, headers={"location": "https://evil.test/"})

    with httpx.Client(transport=httpx.MockTransport(handler), follow_redirects=True) as http, pytest.raises(UnexpectedRedirect):
        Client(http).things()
    assert asked == ["http://127.0.0.1:9/things"]


def test_the_callers_own_credentials_are_not_added() -> None:
    seen: list[str] = []

    def handler(asked: httpx.Request) -> httpx.Response:
        seen.extend(asked.headers.get_list("authorization"))
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(handler), auth=("user", "password")) as http:
        Client(http).things()
    assert seen == ["Bearer s3cret"]


# Life.


def test_f86_a_closed_client_says_so() -> None:
    client = Client(httpx.MockTransport(fine))
    client.close()
    with pytest.raises(ClientClosed, match="the client is closed") as caught:
        client.things()
    assert caught.value.sent is Sent.NO


async def test_f86_a_closed_client_says_so_async() -> None:
    client = Async(httpx.MockTransport(fine))
    await client.aclose()
    with pytest.raises(ClientClosed, match="the client is closed"):
        await client.things()


def test_f87_closing_twice_is_safe() -> None:
    client = Client(httpx.MockTransport(fine))
    client.close()
    client.close()


async def test_f87_closing_twice_is_safe_async() -> None:
    client = Async(httpx.MockTransport(fine))
    await client.aclose()
    await client.aclose()


def test_f87_a_call_during_which_the_client_is_closed_says_so() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        client.close()
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    client = Client(httpx.MockTransport(handler))
    with pytest.raises(ClientClosed, match="closed during the call") as caught:
        client.things()
    assert caught.value.sent is Sent.MAYBE


async def test_f87_a_call_during_which_the_client_is_closed_says_so_async() -> None:
    async def handler(_: httpx.Request) -> httpx.Response:
        await client.aclose()
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    client = Async(httpx.MockTransport(handler))
    with pytest.raises(ClientClosed, match="closed during the call") as caught:
        await client.things()
    assert caught.value.sent is Sent.MAYBE


def test_f87_a_pause_does_not_begin_in_a_closed_client() -> None:
    runtime = SyncRuntime(httpx.MockTransport(fine))
    runtime.close()
    with pytest.raises(ClientClosed):
        drive(runtime.sleep(1000))


async def test_f87_a_pause_does_not_begin_in_a_closed_client_async() -> None:
    runtime = AsyncRuntime(httpx.MockTransport(fine))
    await runtime.aclose()
    with pytest.raises(ClientClosed):
        await runtime.sleep(1000)


def test_a_client_is_closed_at_the_end_of_its_block() -> None:
    with Client(httpx.MockTransport(fine)) as client:
        assert client.things() == "fine"
    with pytest.raises(ClientClosed):
        client.things()


async def test_a_client_is_closed_at_the_end_of_its_block_async() -> None:
    async with Async(httpx.MockTransport(fine)) as client:
        assert await client.things() == "fine"
    with pytest.raises(ClientClosed):
        await client.things()


def test_an_httpx_client_of_the_callers_is_never_closed() -> None:
    with httpx.Client(transport=httpx.MockTransport(fine)) as http:
        client = Client(http)
        client.close()
        assert not http.is_closed
        assert Client(http).things() == "fine"


async def test_an_httpx_client_of_the_callers_is_never_closed_async() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(fine)) as http:
        client = Async(http)
        await client.aclose()
        assert not http.is_closed
        assert await Async(http).things() == "fine"


def test_an_httpx_client_that_its_owner_closed_is_closed() -> None:
    http = httpx.Client(transport=httpx.MockTransport(fine))
    client = Client(http)
    http.close()
    with pytest.raises(ClientClosed):
        client.things()


@pytest.mark.parametrize("http", [5, "https://x", httpx.AsyncHTTPTransport()], ids=["int", "str", "async-transport"])
def test_what_is_no_http_client_is_refused(http: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"http: a \w+ was given; allowed: an httpx.Client or an httpx transport"):
        SyncRuntime(http)


@pytest.mark.parametrize("http", [5, httpx.HTTPTransport()], ids=["int", "sync-transport"])
def test_what_is_no_async_http_client_is_refused(http: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"http: a \w+ was given; allowed: an httpx.AsyncClient"):
        AsyncRuntime(http)


def test_a_client_with_other_options_shares_the_connections() -> None:
    client = Client(httpx.MockTransport(fine))
    view = client.with_options(timeout=1)
    assert type(view) is Client
    assert view.things() == "fine"
    client.close()
    with pytest.raises(ClientClosed):
        view.things()


async def test_a_client_with_other_options_shares_the_connections_async() -> None:
    client = Async(httpx.MockTransport(fine))
    view = client.with_options(timeout=1)
    assert type(view) is Async
    assert await view.things() == "fine"
    await client.aclose()
    with pytest.raises(ClientClosed):
        await view.things()


def test_f91_a_client_shows_its_address_and_no_secret() -> None:
    assert repr(Client(httpx.MockTransport(fine))) == "Client(base_url='http://127.0.0.1:9')"
    assert repr(Async(httpx.MockTransport(fine))) == "Async(base_url='http://127.0.0.1:9')"


@pytest.mark.parametrize("client", [Client(httpx.MockTransport(fine)), Async(httpx.MockTransport(fine))], ids=["sync", "async"])
def test_f94_a_client_cannot_be_pickled_and_says_what_to_do(client: object) -> None:
    with pytest.raises(TypeError, match="cannot be pickled: make one in each process"):
        pickle.dumps(client)


# Threads.


def test_f88_threads_share_a_client_and_get_their_own_answers() -> None:
    shop = Shop()
    with shop.serve() as server, Client(base_url=server.url) as client:
        wrong: list[str] = []

        def work(number: int) -> None:
            for i in range(20):
                name = f"t{number}-{i}"
                answer = client.create(name)
                if name not in answer:
                    wrong.append(answer)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert sorted(shop.things) == sorted(f"t{n}-{i}" for n in range(16) for i in range(20))


# Forks.


def test_f85_after_a_fork_parent_and_child_get_their_own_answers() -> None:
    shop = Shop()
    with shop.serve() as server, Client(base_url=server.url) as client:
        client.create("before")

        def work(who: str) -> bool:
            return all(f"{who}-{i}" in client.create(f"{who}-{i}") for i in range(50))

        child = fork(lambda: work("child"))
        assert work("parent")
        assert ended_well(child)
    assert len(shop.things) == 101


def test_f85_after_a_fork_an_async_client_begins_anew() -> None:
    async def main(url: str) -> list[str]:
        async with Async(base_url=url) as client:
            answers = [await client.things()]
            assert in_child(lambda: asyncio.run(client.things()) == "[]"), "a new loop is right in a new process"
            return [*answers, await client.things()]

    with Shop().serve() as server:
        assert asyncio.run(main(server.url)) == ["[]", "[]"]


def test_f85_after_a_fork_a_child_that_closes_an_async_client_leaves_the_parents_alone() -> None:
    """Their event loops share what tells of news from sockets; the parent would never hear of its connection again."""

    async def main(url: str) -> list[str]:
        async with Async(base_url=url) as client:
            answers = [await client.things()]
            assert in_child(lambda: asyncio.run(client.aclose()) is None)
            with anyio.fail_after(30.0):
                return [*answers, await client.things()]

    with Shop().serve() as server:
        assert asyncio.run(main(server.url)) == ["[]", "[]"]


@pytest.mark.parametrize("kind", ["client", "transport"])
def test_f85_after_a_fork_what_the_caller_brought_and_used_is_refused(kind: str) -> None:
    http: SyncHTTP = httpx.MockTransport(fine) if kind == "transport" else httpx.Client(transport=httpx.MockTransport(fine))
    client = Client(http)
    client.things()

    def refused() -> bool:
        with pytest.raises(ConfigurationError, match="make a client in each process"):
            client.things()
        return True

    assert in_child(refused)


def test_f85_after_a_fork_what_the_caller_brought_and_did_not_use_is_good() -> None:
    client = Client(httpx.MockTransport(fine))
    assert in_child(lambda: client.things() == "fine")


def test_f85_after_a_fork_a_sandbox_is_good() -> None:
    client = Client(Shop().transport())
    client.things()
    assert in_child(lambda: client.things() == "[]")


# Mocks.


def test_respx_mocks_the_default_client(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("http://127.0.0.1:9/things").respond(text="mocked")
    assert Client().things() == "mocked"
    assert route.calls.last.request.headers["authorization"] == "Bearer s3cret"


async def test_respx_mocks_the_default_async_client(respx_mock: respx.MockRouter) -> None:
    respx_mock.get("http://127.0.0.1:9/things").respond(text="mocked")
    async with Async() as client:
        assert await client.things() == "mocked"


def test_a_failure_that_respx_plays_is_one_of_ours(respx_mock: respx.MockRouter) -> None:
    respx_mock.get("http://127.0.0.1:9/things").mock(side_effect=httpx.ReadTimeout)
    with pytest.raises(ReadTimeout) as caught:
        Client().things()
    assert [a.error for a in caught.value.attempts] == ["ReadTimeout"] * 3


# Event loops.


def test_f89_a_second_loop_is_refused() -> None:
    client = Async(httpx.MockTransport(fine))
    assert asyncio.run(client.things()) == "fine"
    with pytest.raises(LoopMismatch, match="make one client per loop"):
        asyncio.run(client.things())


def test_f89_a_loop_of_the_other_library_is_refused() -> None:
    client = Async(httpx.MockTransport(fine))
    assert trio.run(client.things) == "fine"
    with pytest.raises(LoopMismatch):
        asyncio.run(client.things())


class Pool(httpx.AsyncBaseTransport):
    """Its connections cannot be closed when their event loop is gone, as those of asyncio and of httpx."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return fine(request)

    async def aclose(self) -> None:
        raise RuntimeError("Event loop is closed")


def test_f89_a_client_that_is_closed_in_a_second_loop_says_what_is_wrong() -> None:
    client = Async(Pool())
    assert asyncio.run(client.things()) == "fine"
    with pytest.raises(LoopMismatch, match="async with"):
        asyncio.run(client.aclose())


@pytest.mark.parametrize("used", [False, True])
def test_what_goes_wrong_while_a_client_is_closed_in_its_own_loop_is_raised_as_it_is(used: bool) -> None:
    async def main() -> None:
        client = Async(Pool())
        if used:
            await client.things()
        await client.aclose()

    with pytest.raises(RuntimeError, match="Event loop is closed"):
        asyncio.run(main())


def test_f89_outside_of_any_loop_there_is_nothing_to_wait_by() -> None:
    flow = Async(httpx.MockTransport(fine)).things()
    with pytest.raises(LoopMismatch, match="outside of an event loop"):
        contextvars.Context().run(flow.send, None)


def test_f89_many_tasks_of_one_loop_share_a_client() -> None:
    async def main() -> list[str]:
        answers: list[str] = []
        async with Async(httpx.MockTransport(fine)) as client, anyio.create_task_group() as group:

            async def ask() -> None:
                answers.append(await client.things())

            for _ in range(50):
                group.start_soon(ask)
        return answers

    assert anyio.run(main) == ["fine"] * 50


# Time.


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_all_runtimes_tell_the_same_time_so_that_they_can_share_a_limiter(backend: str) -> None:
    async def main() -> float:
        return AsyncRuntime(httpx.MockTransport(fine)).now()

    before = SyncRuntime(httpx.MockTransport(fine)).now()
    assert before - 0.001 <= anyio.run(main, backend=backend) <= time.monotonic() + 0.001


def test_a_limiter_is_shared_by_a_sync_client_and_one_on_trio() -> None:
    limiter = LocalRateLimiter()
    key = LimitKey("v", "a", "b")
    runtime = SyncRuntime(httpx.MockTransport(fine))
    state = RateLimitState(limit=1, period=60, remaining=0, sliding=True)
    limiter.reserve(key, runtime.now()).done(state, refused=False, now=runtime.now())

    async def wait_on_trio() -> float:
        return limiter.reserve(key, AsyncRuntime(httpx.MockTransport(fine)).now()).wait

    assert 50 < trio.run(wait_on_trio) < 61


def test_trios_clock_of_tests_moves_the_async_runtime() -> None:
    async def main() -> float:
        runtime = AsyncRuntime(httpx.MockTransport(fine))
        began = runtime.now()
        await runtime.sleep(3600.0)
        return runtime.now() - began

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == pytest.approx(3600.0)


def test_a_sync_client_sleeps_by_the_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    drive(SyncRuntime(httpx.MockTransport(fine)).sleep(7.5))
    assert slept == [7.5]


def test_the_wall_clock_is_the_machines() -> None:
    assert abs(SyncRuntime(httpx.MockTransport(fine)).wall() - time.time()) < 5
    assert abs(AsyncRuntime(httpx.MockTransport(fine)).wall() - time.time()) < 5


def test_f23_a_deadline_ends_an_async_call_whatever_it_waits_for() -> None:
    async def handler(_: httpx.Request) -> httpx.Response:
        await anyio.sleep(1000)
        raise AssertionError

    async def main() -> DeadlineExceeded:
        with pytest.raises(DeadlineExceeded) as caught:
            await asend(AsyncRuntime(httpx.MockTransport(handler)))
        return caught.value

    error = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert error.sent is Sent.MAYBE


class Dripping(httpx.SyncByteStream):
    """A body that takes its time: each chunk moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.drops = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.clock.advance(1.0)
            self.drops += 1
            yield b"x"


def test_f23_a_deadline_ends_a_sync_call_between_chunks(shop: Shop) -> None:
    transport = shop.transport()
    assert isinstance(shop.clock, VirtualClock)
    body = Dripping(shop.clock)
    transport.handle_request = lambda request: httpx.Response(200, stream=body)  # type: ignore[method-assign]  # a sandbox never drips
    with pytest.raises(DeadlineExceeded) as caught:
        send(SyncRuntime(transport))
    assert caught.value.sent is Sent.YES
    assert body.drops == 6


def test_a_timeout_at_the_deadline_is_the_deadline(shop: Shop) -> None:
    transport = shop.transport()
    clock = shop.clock
    assert isinstance(clock, VirtualClock)

    def handler(asked: httpx.Request) -> httpx.Response:
        clock.advance(5.0)
        raise httpx.ReadTimeout("x")

    transport.handle_request = handler  # type: ignore[method-assign,assignment]  # a sandbox never stalls in time
    with pytest.raises(DeadlineExceeded) as caught:
        send(SyncRuntime(transport))
    assert caught.value.sent is Sent.MAYBE


# Sandboxes.


def test_a_sandbox_given_directly_is_slept_by_its_virtual_clock(shop: Shop) -> None:
    runtime = SyncRuntime(shop.transport())
    drive(runtime.sleep(86_400.0))
    assert runtime.now() == runtime.wall() == shop.clock.now() == 1_700_086_400.0


async def test_a_sandbox_given_directly_is_slept_by_its_virtual_clock_async(shop: Shop) -> None:
    runtime = AsyncRuntime(shop.transport())
    await runtime.sleep(86_400.0)
    assert runtime.now() == runtime.wall() == shop.clock.now() == 1_700_086_400.0


def test_a_sandbox_with_the_machines_clock_is_slept_by_it() -> None:
    assert abs(SyncRuntime(Shop().transport()).now() - time.monotonic()) < 5


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.reset(), ConnectionLost), (Fault.lost_answer(), ConnectionLost), (Fault.stall(), ReadTimeout)],
    ids=["reset", "lost", "stall"],
)
def test_a_sandboxs_broken_connections_look_like_real_ones(shop: Shop, fault: Fault, kind: type[TransportError]) -> None:
    shop.faults.add(fault)
    with pytest.raises(kind) as caught:
        send(SyncRuntime(shop.transport()))
    assert caught.value.sent is Sent.MAYBE


async def test_a_sandbox_answers_async_clients_too(shop: Shop) -> None:
    reply = await asend(AsyncRuntime(shop.transport()), request(method="POST", content=b"one"))
    assert (reply.status, shop.things) == (201, ("one",))


def test_a_sandbox_sees_paths_and_queries_decoded_once() -> None:
    seen = sandbox_request("GET", "/a%2Fb/c?x=%26&y=&x=1", [("X-A", "1")], b"")
    assert seen.segments == ("a/b", "c")
    assert seen.query == (("x", "&"), ("y", ""), ("x", "1"))
    assert seen.headers == {"x-a": "1"}


# Many things at once.


def sleeper(runtime: SyncRuntime | AsyncRuntime, seconds: float, value: int) -> Callable[[], Coroutine[Any, Any, int]]:
    async def job() -> int:
        await runtime.sleep(seconds)
        return value

    return job


async def run_async(jobs: list[Callable[[], Coroutine[Any, Any, int]]], limit: int, done: Callable[[int, int], None]) -> None:
    await AsyncRuntime(httpx.MockTransport(fine)).run_all(jobs, limit=limit, done=done)


def run_sync(jobs: list[Callable[[], Coroutine[Any, Any, int]]], limit: int, done: Callable[[int, int], None]) -> None:
    drive(SyncRuntime(httpx.MockTransport(fine)).run_all(jobs, limit=limit, done=done))


def instant(value: int) -> Callable[[], Coroutine[Any, Any, int]]:
    async def job() -> int:
        return value

    return job


def raising(error: Exception) -> Callable[[], Coroutine[Any, Any, int]]:
    async def job() -> int:
        raise error

    return job


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_all_jobs_are_run_and_told_with_their_index(limit: int) -> None:
    told: dict[int, int] = {}
    run_sync([instant(i * 10) for i in range(20)], limit, told.__setitem__)
    assert told == {i: i * 10 for i in range(20)}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_all_jobs_are_run_and_told_with_their_index_async(limit: int) -> None:
    told: dict[int, int] = {}
    await run_async([instant(i * 10) for i in range(20)], limit, told.__setitem__)
    assert told == {i: i * 10 for i in range(20)}


def test_no_jobs_are_no_work() -> None:
    run_sync([], 5, lambda _, __: pytest.fail("nothing was to be done"))


def test_never_more_jobs_at_once_than_allowed() -> None:
    running = most = 0
    lock = threading.Lock()
    full = threading.Barrier(3)

    async def job() -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        full.wait(30.0)  # all three are there at once
        with lock:
            running -= 1
        return 0

    run_sync([job] * 9, 3, lambda _, __: None)
    assert most == 3


async def test_never_more_jobs_at_once_than_allowed_async() -> None:
    running = most = 0

    async def job() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        running -= 1
        return 0

    await run_async([job] * 9, 3, lambda _, __: None)
    assert most == 3


def test_the_first_failure_stops_drawing_jobs_and_is_raised() -> None:
    drawn: list[int] = []

    def jobs() -> Iterator[Callable[[], Coroutine[Any, Any, int]]]:
        for i in range(1000):
            drawn.append(i)
            yield raising(AlreadyExists("x", status=409)) if i == 3 else instant(i)

    with pytest.raises(AlreadyExists):
        drive(SyncRuntime(httpx.MockTransport(fine)).run_all(jobs(), limit=2, done=lambda _, __: None))
    assert len(drawn) < 10


def test_a_failure_lets_what_is_under_way_come_to_its_end() -> None:
    may_end = threading.Event()
    ended: list[bool] = []

    async def slow() -> int:
        ended.append(may_end.wait(30.0))
        return 0

    timer = threading.Timer(0.02, may_end.set)
    timer.start()
    with pytest.raises(AlreadyExists):
        run_sync([slow, raising(AlreadyExists("x", status=409))], 2, lambda _, __: None)
    assert ended == [True], "a thread cannot be stopped: its work is waited for, and its result dropped"
    timer.join()


async def test_the_first_failure_stops_drawing_jobs_and_is_raised_async() -> None:
    drawn: list[int] = []

    def jobs() -> Iterator[Callable[[], Coroutine[Any, Any, int]]]:
        for i in range(1000):
            drawn.append(i)
            yield raising(AlreadyExists("x", status=409)) if i == 3 else sleeper(runtime, 0.0, i)

    runtime = AsyncRuntime(httpx.MockTransport(fine))
    with pytest.raises(AlreadyExists):
        await runtime.run_all(jobs(), limit=2, done=lambda _, __: None)
    assert len(drawn) < 10


def test_a_failure_ends_what_is_under_way_in_an_async_client() -> None:
    ended: list[str] = []

    async def slow() -> int:
        try:
            await anyio.sleep(1000)
        finally:
            ended.append("cancelled")
        return 0

    async def main() -> None:
        with pytest.raises(AlreadyExists):
            await run_async([slow, raising(AlreadyExists("x", status=409))], 2, lambda _, __: None)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert ended == ["cancelled"]


def test_in_virtual_time_jobs_run_one_after_the_other(shop: Shop) -> None:
    runtime = SyncRuntime(shop.transport())
    told: list[tuple[int, int]] = []
    drive(runtime.run_all([sleeper(runtime, 10.0, i) for i in range(3)], limit=8, done=lambda i, v: told.append((i, v))))
    assert told == [(0, 0), (1, 1), (2, 2)]
    assert shop.clock.now() == 1_700_000_030.0


def test_a_lock_lets_one_thread_in_at_a_time() -> None:
    lock = SyncRuntime(httpx.MockTransport(fine)).lock()
    inside = most = 0

    async def enter() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        inside -= 1

    threads = [threading.Thread(target=lambda: drive(lock.during(enter))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


async def test_a_lock_lets_one_task_in_at_a_time() -> None:
    lock = AsyncRuntime(httpx.MockTransport(fine)).lock()
    inside = most = 0

    async def enter() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await anyio.lowlevel.checkpoint()
        inside -= 1

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(lock.during, enter)
    assert (inside, most) == (0, 1)


def test_what_may_block_runs_here_in_a_sync_client() -> None:
    assert drive(SyncRuntime(httpx.MockTransport(fine)).offload(threading.get_ident)) == threading.get_ident()


async def test_what_may_block_runs_beside_the_loop_in_an_async_client() -> None:
    assert await AsyncRuntime(httpx.MockTransport(fine)).offload(threading.get_ident) != threading.get_ident()


async def test_what_fails_beside_the_loop_fails_as_it_is() -> None:
    def fails() -> None:
        raise AlreadyExists("x", status=409)

    with pytest.raises(AlreadyExists):
        await AsyncRuntime(httpx.MockTransport(fine)).offload(fails)


async def test_a_cancellation_waits_for_what_runs_beside_the_loop() -> None:
    ended: list[str] = []
    may_end = threading.Event()

    def work() -> None:
        scope_cancelled.wait(30.0)
        may_end.wait(30.0)
        ended.append("ended")

    scope_cancelled = threading.Event()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                await AsyncRuntime(httpx.MockTransport(fine)).offload(work)

            group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            scope.cancel()
            scope_cancelled.set()
            may_end.set()
    assert ended == ["ended"]


# A good call over a real connection, in all ways of running.


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_default_async_client_speaks_to_a_real_server(backend: str) -> None:
    shop = Shop()

    async def main(url: str) -> str:
        async with Async(base_url=url) as client:
            return await client.things()

    with shop.serve() as server:
        assert anyio.run(main, server.url, backend=backend) == "[]"


class Watched(Shop):
    """Says when a request has come, so that a test need not guess."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked = threading.Event()

    def handle(self, request: SandboxRequest) -> Reply | Drop:
        answer = super().handle(request)
        self.asked.set()
        return answer


def test_f87_a_call_under_way_in_a_client_that_another_thread_closes_ends_as_closed() -> None:
    shop = Watched(faults=[Fault.stall(after=True)])
    failures: list[SloError] = []
    with shop.serve() as server:
        client = Client(base_url=server.url)

        def ask() -> None:
            try:
                client.create("one")
            except SloError as e:
                failures.append(e)

        thread = threading.Thread(target=ask)
        thread.start()
        assert shop.asked.wait(30.0)
        client.close()
        server.stop()
        thread.join()
    (failure,) = failures
    assert isinstance(failure, ClientClosed)
    assert failure.sent is Sent.MAYBE, "the write may have been applied, and it was"
    assert shop.things == ("one",)


async def cancelled_once_asked(shop: Watched, call: Callable[[], Awaitable[object]]) -> None:
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            await call()

        group.start_soon(ask)
        await anyio.to_thread.run_sync(shop.asked.wait, 30.0)
        group.cancel_scope.cancel()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_f81_f82_a_cancelled_call_leaves_the_client_healthy(backend: str) -> None:
    shop = Watched(faults=[Fault.stall()])

    async def main() -> str:
        async with Async(base_url=server.url) as client:
            await cancelled_once_asked(shop, client.things)
            return await client.things()

    with shop.serve() as server:
        assert anyio.run(main, backend=backend) == "[]"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_f81_a_cancelled_write_carries_a_note(backend: str) -> None:
    shop = Watched(faults=[Fault.stall(after=True)])
    notes: list[str] = []

    async def main() -> None:
        async with Async(base_url=server.url) as client:

            async def create() -> None:
                try:
                    await client.create("one")
                except BaseException as e:
                    notes.extend(getattr(e, "__notes__", []))
                    raise

            await cancelled_once_asked(shop, create)

    with shop.serve() as server:
        anyio.run(main, backend=backend)
    assert notes == ["vendor.things.do had been sent and may have been applied"]
    assert shop.things == ("one",)
