"""The loopback server: the same sandbox over real HTTP, with its broken connections really broken."""

from __future__ import annotations

import errno
import gc
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from slo_common._values import Reply
from slo_common.sandbox import Drop, Fault, FaultScript, SandboxRequest
from slo_common.sandbox._server import MAX_BODY, Server
from tests.sandbox.shop import Shop

PATIENCE = 30.0
"""Seconds that no good test comes near, on a machine that stands still for a moment too."""


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[Server]:
    with shop.serve() as server:
        yield server


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False) as client:
        yield client


def raw(server: Server, data: bytes) -> bytes:
    """What a server answers to these bytes, up to the end of the connection."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(data)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
        return answer


def test_a_request_reaches_the_sandbox_and_its_answer_comes_back(http: httpx.Client, shop: Shop) -> None:
    reply = http.post("/things", content=b"one")
    assert (reply.status_code, reply.json(), reply.headers["content-type"]) == (201, {"name": "one"}, "application/json")
    assert shop.applied == ("things.create one",)


def test_path_and_query_are_decoded_once(http: httpx.Client) -> None:
    seen = http.get("/echo/a%2Fb/%252f?x=1&x=%26&y=").json()
    assert seen["rest"] == ["a/b", "%2f"]
    assert seen["query"] == [["x", "1"], ["x", "&"], ["y", ""]]
    assert seen["agent"].startswith("python-httpx")


def test_one_connection_serves_many_requests(server: Server) -> None:
    one = b"GET /things HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /things HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert raw(server, one + one + last).count(b"HTTP/1.1 200 OK") == 3


def test_a_204_has_no_body(http: httpx.Client) -> None:
    reply = http.delete("/things")
    assert (reply.status_code, reply.content, reply.headers.get("content-length")) == (204, b"", None)


def test_head_tells_the_length_and_sends_nothing(http: httpx.Client) -> None:
    reply = http.head("/things")
    assert (reply.status_code, reply.headers["content-length"], reply.content) == (200, "2", b"")


@pytest.mark.parametrize("status", [429, 503, 599])
def test_any_status_can_be_answered(http: httpx.Client, shop: Shop, status: int) -> None:
    shop.faults.add(Fault.status(status))
    assert http.get("/things").status_code == status


def test_a_lost_answer_closes_the_connection_after_the_work(http: httpx.Client, shop: Shop) -> None:
    shop.faults.add(Fault.lost_answer())
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending a response"):
        http.post("/things", content=b"one")
    assert shop.things == ("one",)
    assert http.get("/things").json() == ["one"], "and the next request works"


def test_a_reset_is_a_reset_before_any_work(http: httpx.Client, shop: Shop) -> None:
    shop.faults.add(Fault.reset())
    with pytest.raises(httpx.ReadError):
        http.post("/things", content=b"one")
    assert shop.things == ()


def test_a_stall_never_answers(server: Server, shop: Shop) -> None:
    shop.faults.add(Fault.stall())
    with (
        httpx.Client(base_url=server.url, timeout=httpx.Timeout(PATIENCE, read=0.1), trust_env=False) as impatient,
        pytest.raises(httpx.ReadTimeout),
    ):
        impatient.get("/things")


def test_a_stalled_request_does_not_hold_up_the_others_nor_the_end(shop: Shop) -> None:
    shop.faults.add(Fault.stall())
    with shop.serve() as server, httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False) as http:
        failures: list[Exception] = []

        def ask() -> None:
            try:
                http.get("/things")
            except httpx.HTTPError as e:
                failures.append(e)

        stalled = threading.Thread(target=ask)
        stalled.start()
        while not shop.ledger:
            stalled.join(0.01)
        assert http.get("/things").status_code == 200
        server.stop()
        stalled.join(PATIENCE)
        assert [type(e) for e in failures] == [httpx.RemoteProtocolError]


class Watched(Shop):
    """Says when a request has come, so that a test need not guess."""

    def __init__(self) -> None:
        super().__init__(faults=[Fault.stall()])
        self.asked = threading.Event()

    def handle(self, request: SandboxRequest) -> Reply | Drop:
        answer = super().handle(request)
        self.asked.set()
        return answer


def stalled(server: Server, shop: Watched) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    sock = socket.create_connection((host, int(port)), timeout=PATIENCE)
    sock.sendall(b"GET /things HTTP/1.1\r\nhost: x\r\n\r\n")
    assert shop.asked.wait(PATIENCE)
    return sock


def test_a_stall_is_not_ended_by_a_client_that_goes_on_talking() -> None:
    shop = Watched()
    with shop.serve() as server, stalled(server, shop) as sock:
        sock.sendall(b"more")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(10) == b"", "closed once the client's end is"


def test_a_stall_is_ended_by_a_client_that_resets() -> None:
    shop = Watched()
    with shop.serve() as server:
        sock = stalled(server, shop)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        assert httpx.get(server.url + "/things", trust_env=False).status_code == 200
        handlers = [t for t in threading.enumerate() if "process_request_thread" in t.name]
        for handler in handlers:
            handler.join(PATIENCE)
        assert not any(handler.is_alive() for handler in handlers)


def test_a_body_above_the_limit_is_refused_unread(server: Server, shop: Shop) -> None:
    answer = raw(server, b"POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert shop.ledger == ()


@pytest.mark.parametrize("length", [b"abc", b"-5", b"1.5", b"9" * 30])
def test_a_length_that_is_none_is_refused(server: Server, shop: Shop, length: bytes) -> None:
    answer = raw(server, b"POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: " + length + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert shop.ledger == ()


def test_a_body_in_chunks_is_refused_rather_than_taken_for_the_next_request(server: Server, shop: Shop) -> None:
    answer = raw(server, b"POST /things HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert shop.ledger == ()


def test_several_sandboxes_are_told_apart_by_their_first_segment() -> None:
    one, two = Shop(), Shop()
    with Server({"one": one, "two": two}) as server, httpx.Client(trust_env=False) as http:
        http.post(server.url_of("one") + "/things", content=b"x")
        http.post(server.url_of("two") + "/things", content=b"y")
        reply = http.get(server.url + "/three/things")
    assert (one.things, two.things) == (("x",), ("y",))
    assert one.ledger[0].path == "/things"
    assert (reply.status_code, reply.text) == (404, "no sandbox here; they are at /one, /two\n")


def test_a_sandbox_without_a_name_serves_all_other_paths() -> None:
    named, rest = Shop(), Shop()
    with Server({"named": named, "": rest}) as server, httpx.Client(trust_env=False) as http:
        assert server.url_of("") == server.url
        http.post(server.url + "/things", content=b"y")
        http.post(server.url + "/named/things", content=b"x")
    assert (named.things, rest.things) == (("x",), ("y",))


def test_a_client_that_goes_away_in_the_middle_harms_nobody(server: Server, http: httpx.Client) -> None:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(b"POST /things HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    assert http.get("/things").status_code == 200


def test_many_clients_at_once_are_answered(server: Server) -> None:
    statuses: list[int] = []

    def ask(name: str) -> None:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            statuses.extend(client.post("/things", content=f"{name}-{i}".encode()).status_code for i in range(10))

    threads = [threading.Thread(target=ask, args=(f"t{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 160


def test_start_and_stop_are_safe_to_call_twice(shop: Shop) -> None:
    server = shop.serve()
    assert server.start() is server.start()
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/things", trust_env=False)


def test_a_server_that_never_started_can_be_stopped(shop: Shop) -> None:
    server = shop.serve()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/things", trust_env=False)


def test_the_port_can_be_chosen(shop: Shop) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with shop.serve(port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"


def test_a_port_that_is_taken_is_an_error(server: Server, shop: Shop) -> None:
    with pytest.raises(OSError) as caught:
        shop.serve(port=int(server.url.rpartition(":")[2]))
    assert caught.value.errno == errno.EADDRINUSE
    gc.collect()  # a socket that was left open would warn


def test_it_is_woken_for_its_end_and_does_not_look_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    selects: list[float | None] = []
    select = selectors.DefaultSelector.select

    def counted(self: selectors.DefaultSelector, timeout: float | None = None) -> Any:
        selects.append(timeout)
        return select(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", counted)
    with shop.serve() as server:
        assert httpx.get(server.url + "/things", trust_env=False).status_code == 200
    assert set(selects) == {None}


def test_an_address_of_the_sixth_protocol_version_works_too(shop: Shop) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with shop.serve(host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(server.url + "/things", trust_env=False).status_code == 200


def test_an_answer_that_drips_arrives_whole_in_the_end(http: httpx.Client, shop: Shop) -> None:
    shop.faults.extend(FaultScript.parse('any: answer 200 "[1]", drip 1ms'))
    assert (http.get("/things").json(), http.get("/things").json()) == ([1], [])


def test_a_broken_answer_is_no_end_of_a_connection_that_can_be_kept(server: Server, shop: Shop) -> None:
    shop.faults.extend(FaultScript.parse("any: apply, chunked"))
    one = b"GET /things HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /things HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert raw(server, one + last).count(b"HTTP/1.1 200 OK") == 2
