"""The fault server does what its scripts say; otherwise the matrix would prove nothing."""

from __future__ import annotations

import socket
import zlib

import pytest

from rootly_sla.sandbox import RootlySandbox
from slo_common.sandbox import VirtualClock
from tests.faults.server import (
    PATIENCE,
    FaultServer,
    Script,
    answer,
    apply,
    bomb,
    close,
    drip,
    full_backlog,
    gzip,
    head,
    read_request,
    read_some,
    repeat,
    reset,
    send,
    then_do,
    unused_address,
)

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


def _ask(server: FaultServer, *sent: bytes, until: bytes | None = None) -> bytes:
    """What comes back, until the end or until it ends with these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
        for piece in sent:
            sock.sendall(piece)
        got = b""
        while until is None or not got.endswith(until):
            data = sock.recv(65536)
            if not data:
                break
            got += data
        return got


def test_connections_play_their_scripts_in_turn_and_then_the_last() -> None:
    with FaultServer(Script(send(b"1")), Script(send(b"2")), then=Script(send(b"3"))) as server:
        assert [_ask(server) for _ in range(4)] == [b"1", b"2", b"3", b"3"]
    assert server.connections == 4


def test_ledger_has_what_arrived_whole() -> None:
    with FaultServer(Script(repeat(read_request(), answer(200, b"ok", keep=True)))) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            for sent in (GET, POST):
                sock.sendall(sent)
                assert sock.recv(65536).endswith(b"ok")
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(POST[:-1])  # all but a byte
    assert [(r.connection, r.method, r.target, r.body) for r in server.requests] == [
        (0, "GET", "/a", b""),
        (0, "POST", "/b", b"{}"),
    ]
    assert server.applied == ("POST /b",)


def test_refused_write_was_not_carried_out() -> None:
    with FaultServer(Script(read_request(), answer(409)), Script(read_request(), answer(500))) as server:
        for status in (b"409 Conflict", b"500 Internal Server Error"):
            assert _ask(server, POST).startswith(b"HTTP/1.1 " + status)
    assert (len(server.requests), server.applied) == (2, ("POST /b",))


def test_reset_is_no_orderly_end() -> None:
    with FaultServer(Script(read_some(1), reset())) as server, pytest.raises(ConnectionResetError):
        _ask(server, GET)
    with FaultServer(Script(read_request(), close())) as server:
        assert _ask(server, GET) == b""


def test_drip_comes_byte_by_byte() -> None:
    with FaultServer(Script(drip(b"ab", every=0.001))) as server:
        assert _ask(server, until=b"abab") == b"abab"


def test_sandbox_carries_out_what_is_read() -> None:
    sandbox = RootlySandbox(clock=VirtualClock())
    with FaultServer(Script(read_request(), apply(sandbox), close())) as server:
        assert _ask(server, GET) == b""
    assert [entry.path for entry in sandbox.ledger] == ["/a"]


def test_failure_of_a_script_fails_the_test() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), FaultServer(Script(then_do(broken))) as server:
        _ask(server)


def test_addresses_where_nobody_answers() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(unused_address().rpartition(":")[2])))
    with full_backlog() as address, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=0.05)


def test_bytes() -> None:
    assert (
        head(204, keep=True, headers={"x-a": "1"}) == b"HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\nx-a: 1\r\n\r\n"
    )
    assert zlib.decompress(gzip(b"abc"), wbits=31) == b"abc"
    assert len(zlib.decompress(bomb(10**6), wbits=31)) == 10**6
