"""TCP and TLS on asyncio's transports, over real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from slo_common import _asyncio_stream
from slo_common._asyncio_stream import ENOUGH, AsyncioStream
from slo_common._network import Address, ConnectError, ConnectTimeout, ReadError, ReadTimeout, WriteError, WriteTimeout

LONG = 30.0
"""Seconds that no good test comes near, on a machine that stands still for a moment too."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def talking_to(handler: Handler, *, context: ssl.SSLContext | None = None) -> AsyncGenerator[AsyncioStream]:
    """A stream to a server that does what ``handler`` does."""
    handling: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.append(asyncio.ensure_future(handle(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    async with server:
        stream = await _asyncio_stream.connect("127.0.0.1", server.sockets[0].getsockname()[1], LONG)
        yield stream
        await closed(stream)
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


def port_of(stream: AsyncioStream) -> int:
    """Where it is connected to."""
    return int(stream._transport.get_extra_info("peername")[1])  # pyright: ignore[reportPrivateUsage]  # nobody else asks


def arrives(stream: AsyncioStream, data: bytes) -> None:
    """As the event loop tells of it."""
    stream.get_buffer(-1)[: len(data)] = data
    stream.buffer_updated(len(data))


async def hear(stream: AsyncioStream, seconds: float = LONG) -> bytes:
    return await stream.read(seconds, ReadTimeout)


async def say(stream: AsyncioStream, data: bytes, seconds: float = LONG) -> None:
    await stream.write(data, seconds, WriteTimeout)


async def closed(stream: AsyncioStream) -> None:
    stream.abort()
    await asyncio.sleep(0)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for the other side to go."""
    await reader.read()
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read nothing, until the connection is gone."""
    transport = writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    await asyncio.Event().wait()


async def farewell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"bye")
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


async def all_of(stream: AsyncioStream, size: int) -> bytes:
    read = b""
    while len(read) < size:
        read += await hear(stream)
    return read


async def test_what_was_written_comes_back() -> None:
    async with talking_to(echo) as stream:
        await say(stream, b"ping")
        assert await hear(stream) == b"ping"


async def test_a_large_body_comes_whole_and_never_all_at_once() -> None:
    """The socket is left alone while enough waits, and read again when that is gone."""
    body = os.urandom(4 * ENOUGH)
    waiting: list[int] = []

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()
        writer.close()

    async with talking_to(send) as stream:
        read = b""
        while len(read) < len(body):
            read += await hear(stream)
            waiting.append(stream._waiting)  # pyright: ignore[reportPrivateUsage]  # the bound is not seen from outside
    assert read == body
    assert max(waiting) < 2 * ENOUGH


async def test_a_socket_whose_bytes_nobody_reads_is_left_alone() -> None:
    async with talking_to(silent) as stream:
        arrives(stream, bytes(ENOUGH))
        left_alone = not stream._transport.is_reading()  # pyright: ignore[reportPrivateUsage]  # not seen from outside
        await hear(stream)
        assert (left_alone, stream._transport.is_reading()) == (True, True)  # pyright: ignore[reportPrivateUsage]  # as above


async def test_what_has_landed_stays_when_more_lands_in_its_place() -> None:
    """All connections of a thread have one buffer for that."""
    async with talking_to(silent) as one, talking_to(silent) as two:
        arrives(one, b"one")
        arrives(two, b"two")
        assert (await hear(one), await hear(two)) == (b"one", b"two")


async def test_what_waits_can_be_read_after_the_other_side_has_gone() -> None:
    body = os.urandom(ENOUGH)

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()
        writer.close()

    async with talking_to(send) as stream:
        assert await all_of(stream, len(body)) == body
        assert await hear(stream) == b""


async def test_the_end_is_an_empty_read() -> None:
    async with talking_to(farewell) as stream:
        assert [await hear(stream), await hear(stream)] == [b"bye", b""]


async def test_a_reset_is_a_read_error() -> None:
    async with talking_to(reset) as stream:
        await say(stream, b"x")
        with pytest.raises(ReadError) as caught:
            await hear(stream)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_writing_to_who_has_gone_is_a_write_error() -> None:
    async with talking_to(reset) as stream:
        await say(stream, b"x")
        with pytest.raises(ReadError):
            await hear(stream)
        with pytest.raises(WriteError):
            await say(stream, b"x")


async def test_silence_ends_in_a_read_timeout() -> None:
    async with talking_to(silent) as stream:
        with pytest.raises(ReadTimeout):
            await hear(stream, 0.01)


async def test_who_does_not_read_ends_in_a_write_timeout() -> None:
    async with talking_to(deaf) as stream:
        with pytest.raises(WriteTimeout):
            await say(stream, bytes(64 << 20), 0.05)  # more than the buffers of both ends


async def test_a_write_waits_for_a_slow_reader() -> None:
    total = 8 << 20
    begin = asyncio.Event()
    seen = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await begin.wait()
        while seen < total:
            seen += len(await reader.read(65536))
        writer.write(b"done")
        writer.close()

    async with talking_to(slow) as stream:
        writing = asyncio.ensure_future(say(stream, bytes(total)))
        await asyncio.sleep(0)
        begin.set()
        await writing
        assert await hear(stream) == b"done"
    assert seen == total


async def test_a_cancelled_read_leaves_the_stream_usable() -> None:
    async with talking_to(echo) as stream:
        reading = asyncio.ensure_future(hear(stream))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await say(stream, b"x")
        assert await hear(stream) == b"x"


# What is asked of an idle connection.


async def test_an_idle_connection_is_not_readable() -> None:
    async with talking_to(silent) as stream:
        assert stream.is_readable is False


async def test_bytes_that_nobody_asked_for_make_it_readable() -> None:
    async with talking_to(silent) as stream:
        arrives(stream, b"x")
        assert stream.is_readable is True


async def test_bytes_that_the_event_loop_has_not_seen_make_it_readable() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, stream = await asyncio.get_running_loop().create_connection(AsyncioStream, sock=ours)
        theirs.send(b"x")
        assert stream.is_readable is True
        await closed(stream)


# Connecting.


async def test_a_refused_connection_keeps_its_cause() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError) as caught:
            await _asyncio_stream.connect("127.0.0.1", free.getsockname()[1], LONG)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_a_connection_that_takes_too_long_is_a_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(sock: socket.socket, address: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)  # no address on this machine is silent
    with pytest.raises(ConnectTimeout):
        await _asyncio_stream.connect("127.0.0.1", 9, 0.01)


async def test_a_connection_cancelled_at_any_moment_leaves_no_socket_open() -> None:
    """Sockets that stay open are reported as warnings, and warnings are errors here."""
    async with talking_to(silent) as other:
        port = port_of(other)
        for rounds in range(30):
            task = asyncio.ensure_future(_asyncio_stream.connect("127.0.0.1", port, LONG))
            for _ in range(rounds):
                await asyncio.sleep(0)
            task.cancel()
            done = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(done, AsyncioStream):
                await closed(done)


async def test_a_call_cancelled_when_it_has_just_been_connected_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect
    opened: list[socket.socket] = []

    async def connect_and_cancel(sock: socket.socket, address: tuple[str, int]) -> None:
        await connect(sock, address)
        opened.append(sock)
        task.cancel()

    async with talking_to(silent) as other:
        monkeypatch.setattr(loop, "sock_connect", connect_and_cancel)
        task = asyncio.ensure_future(_asyncio_stream.connect("127.0.0.1", port_of(other), LONG))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [sock.fileno() for sock in opened] == [-1]


# The addresses of a host.


class Host:
    """What the event loop is told of a host: its addresses, and what comes of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fates: dict[str, OSError | None]) -> None:
        """An error, or None: no answer, ever."""
        self._fates = fates
        self.tried: list[str] = []
        loop = asyncio.get_running_loop()
        self._connect = loop.sock_connect
        monkeypatch.setattr(loop, "getaddrinfo", self.addresses)
        monkeypatch.setattr(loop, "sock_connect", self.connect)
        monkeypatch.setattr(_asyncio_stream, "HEAD_START", 0.0)

    async def addresses(self, host: str, port: int, *, type: socket.SocketKind) -> list[Address]:
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in (*self._fates, "127.0.0.1")]

    async def connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.tried.append(address[0])
        if address[0] not in self._fates:
            return await self._connect(sock, address)
        fate = self._fates[address[0]]
        if fate is not None:
            raise fate
        await asyncio.Event().wait()
        return None


async def test_an_address_that_is_silent_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking_to(echo) as other:
        port = port_of(other)
        host = Host(monkeypatch, {"127.0.0.2": None, "127.0.0.3": ConnectionRefusedError()})
        stream = await _asyncio_stream.connect("host.test", port, LONG)
        await say(stream, b"x")
        assert await hear(stream) == b"x"
        await closed(stream)
    assert host.tried == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]


async def test_an_address_that_this_machine_has_no_sockets_for_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def addresses(host: str, port: int, *, type: socket.SocketKind) -> list[Address]:
        return [(socket.AF_INET, type, protocol, "", ("127.0.0.1", port)) for protocol in (250, socket.IPPROTO_TCP)]

    async with talking_to(echo) as other:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
        stream = await _asyncio_stream.connect("host.test", port_of(other), LONG)
        await say(stream, b"x")
        assert await hear(stream) == b"x"
        await closed(stream)


async def test_when_no_address_can_be_reached_every_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, unreachable = ConnectionRefusedError(), OSError(101, "Network is unreachable")
    Host(monkeypatch, {"127.0.0.2": refused, "127.0.0.1": unreachable})
    with pytest.raises(ConnectError) as caught:
        await _asyncio_stream.connect("host.test", 9, LONG)
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, ExceptionGroup)
    reasons = cast("ExceptionGroup[OSError]", cause.__cause__)  # pyright: ignore[reportUnknownMemberType]  # narrowed from BaseException
    assert reasons.exceptions == (refused, unreachable, unreachable)


async def test_the_last_of_two_to_connect_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are there before either is told that the other is."""
    loop = asyncio.get_running_loop()
    connect, both = loop.sock_connect, asyncio.Barrier(2)
    opened: list[socket.socket] = []

    async def together(sock: socket.socket, address: tuple[str, int]) -> None:
        await connect(sock, address)
        opened.append(sock)
        await both.wait()

    async with talking_to(silent) as other:
        host = Host(monkeypatch, {"127.0.0.1": None})
        monkeypatch.setattr(loop, "sock_connect", together)
        stream = await _asyncio_stream.connect("host.test", port_of(other), LONG)
        assert sorted(sock.fileno() > 0 for sock in opened) == [False, True]
        await closed(stream)
    assert host.tried == []


async def test_news_that_came_with_the_timeout_count() -> None:
    async with talking_to(echo) as stream:
        reading = asyncio.ensure_future(hear(stream))
        await asyncio.sleep(0)
        arrives(stream, b"x")
        stream._wake()  # pyright: ignore[reportPrivateUsage]  # the same moment cannot be arranged
        assert await reading == b"x"


async def test_one_timer_serves_many_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking_to(echo) as stream:
        loop = asyncio.get_running_loop()
        call_at, made = loop.call_at, list[float]()

        def counted(when: float, *args: Any) -> asyncio.TimerHandle:
            made.append(when)
            return call_at(when, *args)

        monkeypatch.setattr(loop, "call_at", counted)
        for _ in range(10):
            await say(stream, b"ping")
            assert await hear(stream) == b"ping"
        assert len(made) == 1


async def test_a_stream_that_was_ended_leaves_no_timer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking_to(echo) as stream:
        loop = asyncio.get_running_loop()
        call_at, made = loop.call_at, list[asyncio.TimerHandle]()

        def kept(when: float, *args: Any) -> asyncio.TimerHandle:
            made.append(call_at(when, *args))
            return made[-1]

        monkeypatch.setattr(loop, "call_at", kept)
        await say(stream, b"ping")
        assert await hear(stream) == b"ping"
        assert [timer.cancelled() for timer in made] == [False]
        stream.abort()
        assert made[0].cancelled()


async def test_a_shorter_wait_is_not_lengthened_by_the_one_before() -> None:
    async with talking_to(echo) as stream:
        await say(stream, b"x")
        assert await hear(stream, 3600.0) == b"x"
        with pytest.raises(ReadTimeout):
            await hear(stream, 0.01)


async def test_a_longer_wait_is_not_cut_by_the_one_before() -> None:
    async with talking_to(silent) as stream:
        reading = asyncio.ensure_future(hear(stream, 0.02))
        await asyncio.sleep(0)
        arrives(stream, b"x")  # by itself, for whoever answers may be late
        assert await reading == b"x"
        began = asyncio.get_running_loop().time()
        with pytest.raises(ReadTimeout):
            await hear(stream, 0.05)
        assert asyncio.get_running_loop().time() - began >= 0.05


# TLS.


async def test_over_tls_what_was_written_comes_back(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    async with talking_to(echo, context=server_context) as stream:
        await stream.start_tls(client_context, "localhost", LONG)
        await say(stream, b"ping")
        assert await hear(stream) == b"ping"
        assert stream.is_readable is False


async def test_a_certificate_of_nobody_we_know_is_a_connect_error(server_context: ssl.SSLContext) -> None:
    async with talking_to(echo, context=server_context) as plain:
        with pytest.raises(ConnectError) as caught:
            await plain.start_tls(ssl.create_default_context(), "localhost", LONG)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_who_speaks_no_tls_is_a_connect_error(client_context: ssl.SSLContext) -> None:
    async with talking_to(farewell) as plain:
        with pytest.raises(ConnectError) as caught:
            await plain.start_tls(client_context, "localhost", LONG)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_who_goes_in_the_middle_of_the_handshake_is_a_connect_error(client_context: ssl.SSLContext) -> None:
    async with talking_to(reset) as plain:
        with pytest.raises(ConnectError) as caught:
            await plain.start_tls(client_context, "localhost", LONG)
    assert isinstance(caught.value.__cause__, ssl.SSLEOFError)


async def test_who_has_gone_before_the_handshake_is_a_connect_error(client_context: ssl.SSLContext) -> None:
    async with talking_to(farewell) as plain:
        assert [await hear(plain), await hear(plain)] == [b"bye", b""]
        with pytest.raises(ConnectError) as caught:
            await plain.start_tls(client_context, "localhost", LONG)
    assert isinstance(caught.value.__cause__, ssl.SSLEOFError)


async def test_what_came_in_the_clear_is_not_read_as_if_it_had_come_by_tls(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    """Somebody on the way may have sent it; the server itself speaks TLS as it should."""
    async with talking_to(echo, context=server_context) as plain:
        arrives(plain, b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(ConnectError) as caught:
            await plain.start_tls(client_context, "localhost", LONG)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_a_handshake_may_take_as_long_as_was_said(client_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop has a bound of its own, of a minute, which would be called a broken connection."""
    monkeypatch.setattr("asyncio.constants.SSL_HANDSHAKE_TIMEOUT", 0.01)
    async with talking_to(silent) as plain:
        with pytest.raises(ConnectTimeout):
            await plain.start_tls(client_context, "localhost", 0.1)


async def test_a_handshake_that_takes_too_long_is_a_connect_timeout(client_context: ssl.SSLContext) -> None:
    async with talking_to(silent) as plain:
        with pytest.raises(ConnectTimeout):
            await plain.start_tls(client_context, "localhost", 0.05)
