"""Connections of our own, blocking and on asyncio: what they write, how long they wait, and when they can be used again. Over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import cast

import pytest

from slo_common import ConfigurationError, _http11, _http11_async, _http11_sync
from slo_common._headers import FieldLines
from slo_common._http11 import Context, Parts
from slo_common._http11_async import AsyncHttp11
from slo_common._http11_sync import SyncHttp11
from slo_common._network import (
    ConnectError,
    ConnectTimeout,
    LocalProtocolError,
    NetworkFailure,
    ReadTimeout,
    RemoteProtocolError,
    TimeIsOver,
    WriteTimeout,
)
from slo_common._parsers import Message
from slo_common._values import Bounds, Request
from tests.common.fakes import Notes
from tests.faults.server import full_backlog

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
LONG = 5.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    """Does with each connection what ``talk`` does, and counts them."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._tasks: list[asyncio.Task[None]] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.port = 0

    @asynccontextmanager
    async def running(self, context: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield self
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.asked.set()
        self._tasks.append(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()

    def parts(self, scheme: bytes = b"http", host: bytes = b"127.0.0.1") -> Parts:
        return scheme, host, self.port, b"/things?a=%20", b"api.test"


class Blocking:
    """A blocking connection as the tests use one: its steps in other threads, so that the event loop serves it."""

    def __init__(self, parts: Parts, context: Context, lines: FieldLines) -> None:
        self._inner = SyncHttp11(parts, context, lines)
        self.is_usable = self._inner.is_usable

    async def send(self, request: Request, parts: Parts, bounds: Bounds, ends: float, witness: Notes) -> Message:
        return await asyncio.to_thread(self._inner.send, request, parts, bounds, ends, witness)

    async def piece(self) -> bytes | None:
        return await asyncio.to_thread(self._inner.piece)

    async def arelease(self) -> None:
        self._inner.release()

    async def aclose(self) -> None:
        self._inner.abort()

    def socket(self) -> socket.socket:
        stream = self._inner._stream  # pyright: ignore[reportPrivateUsage]  # nobody else asks
        assert stream is not None
        return stream._sock  # pyright: ignore[reportPrivateUsage]  # as above


class OnAsyncio(AsyncHttp11):
    """One on asyncio."""

    def socket(self) -> socket.socket:
        assert self._stream is not None
        sock = self._stream._transport.get_extra_info("socket")  # pyright: ignore[reportPrivateUsage]  # as above
        return cast("socket.socket", sock)


Kind = type[Blocking | OnAsyncio]


@pytest.fixture(params=[OnAsyncio, Blocking], ids=["asyncio", "blocking"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return cast("Kind", request.param)


def connection_to(kind: Kind, parts: Parts, context: ssl.SSLContext | None = None) -> Blocking | OnAsyncio:
    def asked() -> ssl.SSLContext:
        assert context is not None
        return context

    return kind(parts, asked, FieldLines())


async def body_of(connection: Blocking | OnAsyncio) -> bytes:
    """Read to its end, and gone on with."""
    pieces: list[bytes] = []
    try:
        while (piece := await connection.piece()) is not None:
            pieces.append(piece)
    finally:
        await connection.arelease()
    return b"".join(pieces)


async def ask(connection: Blocking | OnAsyncio, parts: Parts, asked: Request | None = None) -> bytes:
    """One request, and the body of its reply."""
    await send(connection, parts, asked)
    return await body_of(connection)


def request(method: str = "GET", *headers: tuple[str, str], content: bytes | None = None) -> Request:
    return Request(method=method, url="http://not.asked", headers=headers, content=content)


async def send(
    connection: Blocking | OnAsyncio,
    parts: Parts,
    asked: Request | None = None,
    *,
    total: float = LONG,
    connect: float = LONG,
    read: float = LONG,
) -> Message:
    bounds = Bounds(connect=connect, read=read, total=total, max_bytes=1 << 30)
    return await connection.send(asked or request(), parts, bounds, time.monotonic() + total, Notes())


def answering(seen: list[bytes], content: int = 0) -> Talk:
    """Keep each request, whose body has so many bytes, and answer it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            seen.append(head + await reader.readexactly(content))
            writer.write(OK)

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def ask_once(kind: Kind, asked: Request, content: int = 0) -> bytes:
    """The bytes of a request."""
    seen: list[bytes] = []
    async with Server(answering(seen, content)).running() as server:
        connection = connection_to(kind, server.parts())
        assert await ask(connection, server.parts(), asked) == b"{}"
        await connection.aclose()
    return seen[0]


# What is written.


async def test_a_get_has_no_body_and_no_length(kind: Kind) -> None:
    assert await ask_once(kind, request("GET", ("dd-api-key", "k"), ("accept", "*/*"))) == (
        b"GET /things?a=%20 HTTP/1.1\r\nhost: api.test\r\ndd-api-key: k\r\naccept: */*\r\n\r\n"
    )


async def test_a_post_has_the_length_of_its_body(kind: Kind) -> None:
    assert await ask_once(kind, request("POST", content=b"{}"), 2) == (
        b"POST /things?a=%20 HTTP/1.1\r\nhost: api.test\r\ncontent-length: 2\r\n\r\n{}"
    )


async def test_a_post_without_a_body_says_so(kind: Kind) -> None:
    assert b"content-length: 0\r\n" in await ask_once(kind, request("POST"))


async def test_a_delete_with_a_body_has_its_length(kind: Kind) -> None:
    assert b"content-length: 2\r\n" in await ask_once(kind, request("DELETE", content=b"{}"), 2)


async def test_a_delete_without_a_body_says_nothing_of_it(kind: Kind) -> None:
    assert b"content-length" not in await ask_once(kind, request("DELETE"))


async def test_a_large_body_arrives_whole(kind: Kind) -> None:
    content = bytes(range(256)) * 4096
    assert (await ask_once(kind, request("POST", content=content), len(content))).endswith(b"\r\n\r\n" + content)


@pytest.mark.parametrize(
    "header",
    [
        ("x", "a\r\ny: b"),
        ("x", "a\nb"),
        ("x\r\ny", "b"),
        ("x y", "b"),
        ("x:", "b"),
        ("", "b"),
        ("x", " a"),
        ("x", "a "),
        ("x", "a\0b"),
    ],
)
async def test_a_field_that_would_end_early_is_not_written(kind: Kind, header: tuple[str, str]) -> None:
    async with Server(silent).running() as server:
        connection = connection_to(kind, server.parts())
        with pytest.raises(LocalProtocolError) as caught:
            await send(connection, server.parts(), request("GET", header))
        await asyncio.sleep(0)
    assert (server.connections, str(caught.value)) == (0, "a header field")


async def test_other_fields_are_written_anew(kind: Kind) -> None:
    seen: list[bytes] = []
    async with Server(answering(seen)).running() as server:
        connection = connection_to(kind, server.parts())
        for value in ("1", "2", "2"):
            await ask(connection, server.parts(), request("GET", ("x", value)))
        await connection.aclose()
    assert [head.split(b"x: ")[1][:1] for head in seen] == [b"1", b"2", b"2"]


# When it can be used again.


async def test_a_connection_is_used_for_the_next_request(kind: Kind) -> None:
    async with Server(answering([])).running() as server:
        connection = connection_to(kind, server.parts())
        for _ in range(3):
            await ask(connection, server.parts())
            assert connection.is_usable(server.parts())
        await connection.aclose()
    assert server.connections == 1


async def test_it_is_not_for_another_address(kind: Kind) -> None:
    async with Server(answering([])).running() as server:
        connection = connection_to(kind, server.parts())
        await ask(connection, server.parts())
        assert not connection.is_usable(server.parts(host=b"localhost"))
        await connection.aclose()


async def test_a_reply_that_was_not_read_to_its_end_ends_it(kind: Kind) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])
        await reader.read()

    async with Server(half).running() as server:
        connection = connection_to(kind, server.parts())
        await send(connection, server.parts())
        await connection.arelease()
        assert not connection.is_usable(server.parts())
        await asyncio.sleep(0)


async def test_after_a_while_it_is_given_up(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answering([])).running() as server:
        connection = connection_to(kind, server.parts())
        await ask(connection, server.parts())
        monkeypatch.setattr(_http11, "KEEP_ALIVE", 0.0)
        assert not connection.is_usable(server.parts())
        await connection.aclose()


async def test_a_request_that_is_cancelled_ends_it(kind: Kind) -> None:
    async with Server(silent).running() as server:
        connection = connection_to(kind, server.parts())
        sending = asyncio.ensure_future(send(connection, server.parts()))
        await server.asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not connection.is_usable(server.parts())
        await asyncio.sleep(0)


async def test_a_request_that_fails_leaves_no_socket_open(kind: Kind) -> None:
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await reader.read()
        finally:  # an abort may be a reset
            ended.set()

    async with Server(wait_for_the_end).running() as server:
        connection = connection_to(kind, server.parts())
        with pytest.raises(ReadTimeout):
            await send(connection, server.parts(), read=0.02)
        await asyncio.wait_for(ended.wait(), LONG)


async def test_an_address_without_a_port_has_that_of_its_scheme(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answering([])).running() as server:
        monkeypatch.setitem(_http11.PORTS, b"http", server.port)
        parts = (b"http", b"127.0.0.1", None, b"/", b"api.test")
        connection = connection_to(kind, parts)
        assert await ask(connection, parts) == b"{}"
        await connection.aclose()


async def test_a_closed_connection_is_for_nobody(kind: Kind) -> None:
    async with Server(answering([])).running() as server:
        connection = connection_to(kind, server.parts())
        await ask(connection, server.parts())
        await connection.aclose()
        assert not connection.is_usable(server.parts())


async def test_a_closed_connection_has_no_socket(kind: Kind) -> None:
    async with Server(answering([])).running() as server:
        connection = connection_to(kind, server.parts())
        await ask(connection, server.parts())
        sock = connection.socket()
        assert sock.fileno() > 0
        await connection.aclose()
        assert sock.fileno() == -1


async def test_a_server_that_goes_without_a_word_is_an_error(kind: Kind) -> None:
    async def go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with Server(go).running() as server:
        with pytest.raises(RemoteProtocolError, match="disconnected"):
            await send(connection_to(kind, server.parts()), server.parts())
        await asyncio.sleep(0)


async def test_a_body_that_breaks_off_is_an_error(kind: Kind) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])

    async with Server(half).running() as server:
        connection = connection_to(kind, server.parts())
        await send(connection, server.parts())
        with pytest.raises(RemoteProtocolError):
            await asyncio.wait_for(body_of(connection), LONG)
        await asyncio.sleep(0)


async def test_what_a_server_says_before_it_has_read_everything_is_read(kind: Kind) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
        writer.write_eof()
        await reader.read()

    async with Server(refuse).running() as server:
        connection = connection_to(kind, server.parts())
        head = await send(connection, server.parts(), request("POST", content=bytes(32 << 20)))
        assert (head.status, await body_of(connection)) == (413, b"no")
        await asyncio.sleep(0)


async def test_what_a_server_says_before_it_breaks_off_an_upload_is_read(kind: Kind) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with Server(refuse).running() as server:
        connection = connection_to(kind, server.parts())
        head = await send(connection, server.parts(), request("POST", content=bytes(32 << 20)))
        assert (head.status, await body_of(connection), connection.is_usable(server.parts())) == (413, b"no", False)
        await connection.aclose()


# How long it waits. The shorter bound is met: of one wait, or of all of them.

BOUNDS = pytest.mark.parametrize(("total", "one", "met"), [(LONG, 0.02, "its own"), (0.02, LONG, "total")])


@BOUNDS
async def test_opening_takes_no_longer(kind: Kind, total: float, one: float, met: str) -> None:
    with full_backlog() as address:
        host, _, port = address.removeprefix("http://").partition(":")
        parts = (b"http", host.encode(), int(port), b"/", b"x")
        with pytest.raises(NetworkFailure) as caught:
            await send(connection_to(kind, parts), parts, total=total, connect=one)
    assert type(caught.value) is (TimeIsOver if met == "total" else ConnectTimeout)


@BOUNDS
async def test_tls_takes_no_longer(kind: Kind, total: float, one: float, met: str) -> None:
    async with Server(silent).running() as server:
        parts = server.parts(b"https")
        connection = connection_to(kind, parts, ssl.create_default_context())
        with pytest.raises(NetworkFailure) as caught:
            await send(connection, parts, total=total, connect=one)
        await asyncio.sleep(0)
    assert type(caught.value) is (TimeIsOver if met == "total" else ConnectTimeout)


@BOUNDS
async def test_the_head_takes_no_longer(kind: Kind, total: float, one: float, met: str) -> None:
    async with Server(silent).running() as server:
        with pytest.raises(NetworkFailure) as caught:
            await send(connection_to(kind, server.parts()), server.parts(), total=total, read=one)
        await asyncio.sleep(0)
    assert type(caught.value) is (TimeIsOver if met == "total" else ReadTimeout)


@BOUNDS
async def test_writing_takes_no_longer(kind: Kind, total: float, one: float, met: str) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with Server(deaf).running() as server:
        with pytest.raises(NetworkFailure) as caught:
            await send(
                connection_to(kind, server.parts()),
                server.parts(),
                request("POST", content=bytes(64 << 20)),
                total=total,
                read=one,
            )
        await asyncio.sleep(0)
    assert type(caught.value) is (TimeIsOver if met == "total" else WriteTimeout)


async def test_a_body_that_goes_with_its_head_takes_no_longer_either(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    for module in (_http11_sync, _http11_async):
        monkeypatch.setattr(module, "APART", 1 << 30)
    async with Server(deaf).running() as server:
        with pytest.raises(WriteTimeout):
            await send(connection_to(kind, server.parts()), server.parts(), request("POST", content=bytes(64 << 20)), read=0.05)
        await asyncio.sleep(0)


async def test_a_body_that_comes_in_drops_takes_no_longer_than_all_may(kind: Kind) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        for _ in range(1_000_000):
            writer.write(b"x")
            await asyncio.sleep(0)

    async with Server(drip).running() as server:
        connection = connection_to(kind, server.parts())

        async def all_of_it() -> None:
            await send(connection, server.parts(), total=0.1)
            await body_of(connection)

        with pytest.raises(TimeIsOver):
            await all_of_it()


async def test_nothing_is_opened_when_the_time_is_over(kind: Kind) -> None:
    async with Server(silent).running() as server:
        with pytest.raises(TimeIsOver):
            await send(connection_to(kind, server.parts()), server.parts(), total=0.0)
        await asyncio.sleep(0)
    assert server.connections == 0


# TLS.


async def test_when_there_is_no_context_for_tls_the_socket_is_closed(kind: Kind) -> None:
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            ended.set()

    def broken() -> ssl.SSLContext:
        raise ConfigurationError("the trust store cannot be read")

    async with Server(wait_for_the_end).running() as server:
        connection = kind(server.parts(b"https"), broken, FieldLines())
        with pytest.raises(ConfigurationError):
            await send(connection, server.parts(b"https"))
        await asyncio.wait_for(ended.wait(), LONG)


async def test_over_tls_http_1_is_agreed_upon(kind: Kind, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    agreed: list[str | None] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await answering([])(reader, writer)

    server_context.set_alpn_protocols(["h2", "http/1.1"])
    async with Server(talk).running(server_context) as server:
        named = server.parts(b"https", b"localhost")
        connection = connection_to(kind, named, client_context)
        await ask(connection, named)
        await connection.aclose()
    assert agreed == ["http/1.1"]


async def test_over_tls_the_certificate_is_that_of_the_host(
    kind: Kind, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async with Server(answering([])).running(server_context) as server:
        named, other = server.parts(b"https", b"localhost"), server.parts(b"https")
        connection = connection_to(kind, named, client_context)
        assert await ask(connection, named) == b"{}"
        await connection.aclose()
        with pytest.raises(ConnectError) as caught:
            await send(connection_to(kind, other, client_context), other)
        await asyncio.sleep(0)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
