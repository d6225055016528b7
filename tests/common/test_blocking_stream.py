"""TCP and TLS on blocking sockets, over real ones."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Self

import pytest

from slo_common import _blocking_stream
from slo_common._blocking_stream import BlockingStream, connect
from slo_common._network import (
    Address,
    ConnectError,
    ConnectTimeout,
    NetworkFailure,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)
from tests.faults.server import full_backlog

Talk = Callable[[socket.socket], None]
LONG = 10.0


class Late(NetworkFailure):
    """What was asked for."""


class Server:
    """Does with its one connection what ``talk`` does, in a thread."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # who waits for a connection goes
        self._thread.join(LONG)
        self._listener.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(OSError):
            sock, _ = self._listener.accept()
            with sock:
                if self._context is None:
                    self._talk(sock)
                    return
                with self._context.wrap_socket(sock, server_side=True) as secured:
                    self._talk(secured)


@contextmanager
def talking_to(talk: Talk, context: ssl.SSLContext | None = None) -> Generator[BlockingStream]:
    with Server(talk, context) as server:
        stream = connect("127.0.0.1", server.port, LONG, Late)
        try:
            yield stream
        finally:
            stream.abort()


def hear(stream: BlockingStream, seconds: float = LONG) -> bytes:
    return stream.read(seconds, ReadTimeout)


def say(stream: BlockingStream, data: bytes, seconds: float = LONG) -> None:
    stream.write(data, lambda: (seconds, WriteTimeout))


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def silent(sock: socket.socket) -> None:
    """Wait for the other side to go."""
    while sock.recv(65536):
        pass


def farewell(sock: socket.socket) -> None:
    sock.sendall(b"bye")


def reset(sock: socket.socket) -> None:
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def test_what_was_written_comes_back() -> None:
    with talking_to(echo) as stream:
        say(stream, b"ping")
        assert hear(stream) == b"ping"


def test_small_writes_leave_at_once() -> None:
    with talking_to(silent) as stream:
        sock = stream._sock  # pyright: ignore[reportPrivateUsage]  # nobody else asks
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_large_write_goes_out_in_parts_each_with_its_own_limit() -> None:
    body, limits = os.urandom(16 << 20), list[int]()
    arrived = bytearray()

    def receive(sock: socket.socket) -> None:
        while len(arrived) < len(body):
            arrived.extend(sock.recv(1 << 20))
        sock.sendall(b"done")

    def limit() -> tuple[float, type[NetworkFailure]]:
        limits.append(1)
        return LONG, WriteTimeout

    with talking_to(receive) as stream:
        stream.write(body, limit)
        assert hear(stream) == b"done"
    assert (arrived == body, len(limits) > 1) == (True, True)


def test_the_end_is_an_empty_read() -> None:
    with talking_to(farewell) as stream:
        assert [hear(stream), hear(stream)] == [b"bye", b""]


def test_a_reset_is_a_read_error() -> None:
    with talking_to(reset) as stream:
        say(stream, b"x")
        with pytest.raises(ReadError) as caught:
            hear(stream)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


def test_writing_to_who_has_gone_is_a_write_error() -> None:
    with talking_to(reset) as stream:
        say(stream, b"x")
        with pytest.raises(ReadError):
            hear(stream)
        with pytest.raises(WriteError) as caught:
            say(stream, b"x")
    assert isinstance(caught.value.__cause__, BrokenPipeError)


def test_silence_ends_in_a_read_timeout() -> None:
    with talking_to(silent) as stream, pytest.raises(ReadTimeout):
        hear(stream, 0.01)


def test_who_does_not_read_ends_in_a_write_timeout() -> None:
    go = threading.Event()

    def deaf(sock: socket.socket) -> None:
        go.wait(LONG)

    with talking_to(deaf) as stream:
        with pytest.raises(WriteTimeout):
            say(stream, bytes(64 << 20), 0.05)  # more than the buffers of both ends
        go.set()


def test_a_read_that_took_too_long_leaves_the_stream_usable() -> None:
    with talking_to(echo) as stream:
        with pytest.raises(ReadTimeout):
            hear(stream, 0.01)
        say(stream, b"x")
        assert hear(stream) == b"x"


# What is asked of an idle connection.


def test_an_idle_connection_is_not_readable() -> None:
    with talking_to(silent) as stream:
        assert stream.is_readable is False


def test_bytes_that_nobody_asked_for_make_it_readable() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert BlockingStream(ours).is_readable is True


# Connecting.


def test_a_refused_connection_keeps_its_cause() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectError) as caught:
            connect("127.0.0.1", free.getsockname()[1], LONG, Late)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_a_connection_that_takes_too_long_is_what_was_said() -> None:
    with full_backlog() as address, pytest.raises(Late):
        connect("127.0.0.1", int(address.rpartition(":")[2]), 0.01, Late)


def test_when_the_system_gives_up_first_it_is_a_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(host: str, port: int, *, type: socket.SocketKind) -> list[Address]:
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(ConnectTimeout):
        connect("host.test", 9, LONG, Late)


def test_a_name_that_is_not_found_keeps_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(host: str, port: int, *, type: socket.SocketKind) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(ConnectError) as caught:
        connect("host.test", 9, LONG, Late)
    assert isinstance(caught.value.__cause__, socket.gaierror)


# The addresses of a host.


def host_with(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int] | Address) -> None:
    """Every name has these addresses."""

    def found(host: str, port: int, *, type: socket.SocketKind) -> list[Address]:
        return [(socket.AF_INET, type, 6, "", (a[0], a[1])) if len(a) == 2 else a for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def place(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").partition(":")
    return host, int(port)


def unused() -> tuple[str, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(free.getsockname()[1])


def test_an_address_that_is_silent_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", 0.0)
    with full_backlog() as silence, Server(echo) as server:
        host_with(monkeypatch, place(silence), unused(), ("127.0.0.1", server.port))
        stream = connect("host.test", 9, LONG, Late)
        say(stream, b"x")
        assert hear(stream) == b"x"
        stream.abort()


def test_the_first_address_has_a_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", LONG)
    with Server(echo) as server, full_backlog() as silence:
        host_with(monkeypatch, ("127.0.0.1", server.port), place(silence))
        stream = connect("host.test", 9, LONG, Late)
        say(stream, b"x")
        assert hear(stream) == b"x"
        stream.abort()


def test_addresses_that_refuse_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", 1e9)
    with Server(silent) as server:
        host_with(monkeypatch, unused(), unused(), ("127.0.0.1", server.port))
        connect("host.test", 9, LONG, Late).abort()


def test_an_address_that_this_machine_has_no_sockets_for_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", 1e9)
    with Server(silent) as server:
        impossible = (socket.AF_INET, socket.SOCK_STREAM, 250, "", ("127.0.0.1", server.port))
        host_with(monkeypatch, impossible, ("127.0.0.1", server.port))
        connect("host.test", 9, LONG, Late).abort()


def test_an_address_that_is_refused_at_once_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", 1e9)
    with Server(silent) as server:
        host_with(monkeypatch, ("127.255.255.255", 9), ("127.0.0.1", server.port))
        connect("host.test", 9, LONG, Late).abort()


class ForTheFirst(float):
    """A head start that is over at once for the first address, and for no other."""

    _used = False

    def __radd__(self, now: float) -> float:
        head_start = 1e9 if self._used else 0.0
        self._used = True
        return now + head_start


@pytest.mark.parametrize("second", [unused(), ("127.255.255.255", 9)], ids=["refuses", "is refused at once"])
def test_an_address_that_fails_beside_a_silent_one_holds_nobody_up(
    second: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", ForTheFirst())
    with full_backlog() as silence, Server(silent) as server:
        host_with(monkeypatch, place(silence), second, ("127.0.0.1", server.port))
        connect("host.test", 9, LONG, Late).abort()


def test_a_silent_address_is_waited_for_when_the_others_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocking_stream, "HEAD_START", 0.0)
    with full_backlog() as silence:
        host_with(monkeypatch, place(silence), unused())
        with pytest.raises(Late):
            connect("host.test", 9, 0.05, Late)


def test_the_families_of_a_host_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def no_socket(family: int, kind: int, protocol: int) -> socket.socket:
        tried.append(family)
        raise OSError

    six: Address = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9, 0, 0))
    host_with(monkeypatch, six, six, ("127.0.0.1", 9))
    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(ConnectError):
        connect("host.test", 9, LONG, Late)
    assert tried == [socket.AF_INET6, socket.AF_INET, socket.AF_INET6]


def test_when_no_address_can_be_reached_every_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    host_with(monkeypatch, unused(), unused())
    with pytest.raises(ConnectError) as caught:
        connect("host.test", 9, LONG, Late)
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, ExceptionGroup)
    assert [type(reason) for reason in cause.__cause__.exceptions] == [ConnectionRefusedError, ConnectionRefusedError]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]  # narrowed from BaseException


# TLS.


def test_over_tls_what_was_written_comes_back(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    with talking_to(echo, server_context) as stream:
        stream.start_tls(client_context, "localhost", LONG, Late)
        say(stream, b"ping")
        assert (hear(stream), stream.is_readable) == (b"ping", False)


def test_a_certificate_of_nobody_we_know_is_a_connect_error(server_context: ssl.SSLContext) -> None:
    with talking_to(echo, server_context) as stream, pytest.raises(ConnectError) as caught:
        stream.start_tls(ssl.create_default_context(), "localhost", LONG, Late)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_who_speaks_no_tls_is_a_connect_error(client_context: ssl.SSLContext) -> None:
    def babble(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n")
        silent(sock)  # to close with something unread would be a reset

    with talking_to(babble) as stream, pytest.raises(ConnectError) as caught:
        stream.start_tls(client_context, "localhost", LONG, Late)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_who_resets_instead_of_speaking_tls_is_one_who_ended_it(client_context: ssl.SSLContext) -> None:
    """So is who closes with bytes unread, as every server does that is no TLS server."""
    with talking_to(reset) as stream, pytest.raises(ConnectError) as caught:
        stream.start_tls(client_context, "localhost", LONG, Late)
    assert isinstance(caught.value.__cause__, ssl.SSLEOFError)


def test_a_handshake_that_takes_too_long_is_what_was_said(client_context: ssl.SSLContext) -> None:
    with talking_to(silent) as stream, pytest.raises(Late):
        stream.start_tls(client_context, "localhost", 0.05, Late)


def test_a_handshake_that_is_interrupted_leaves_a_socket_that_can_be_closed(
    client_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets that stay open are reported as warnings, and warnings are errors here."""

    def interrupted(sock: ssl.SSLSocket) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", interrupted)
    with talking_to(silent) as stream, pytest.raises(KeyboardInterrupt):
        stream.start_tls(client_context, "localhost", LONG, Late)


def test_what_goes_wrong_besides_leaves_no_socket_open() -> None:
    """As above."""
    with pytest.raises(OverflowError):
        connect("127.0.0.1", 65536, LONG, Late)
