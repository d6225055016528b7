"""A server over raw sockets that plays scripts: each connection gets one, byte by byte as a broken server would send it.

>>> script = Script(read_request(), send(head(200, length=500), b'{"data":'), reset())
>>> with FaultServer(script, then=Script(read_request(), answer(200, b"{}"))) as server:  # doctest: +SKIP
...     client = DatadogSLO("k", "a", base_url=server.url)

The first connection plays the first script, and so on; ``then`` (by default the last script) is for all further ones. A script ends
with the connection's orderly close. The ledger tells what arrived: ``requests`` are those that came whole, ``applied`` the writes among
them that a server would have carried out (all but those that the script refuses by an ``answer`` of 3xx or 4xx).
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from attrs import field, frozen

from slo_common._values import Reply
from slo_common.sandbox import Answer, Broken, Drop, FaultScript, Sandbox, _wire
from slo_common.sandbox._door import sandbox_request

PATIENCE = 30.0
"""Seconds after which a step gives up waiting for the client; no good test comes near it."""


@frozen(kw_only=True)
class Arrived:
    """A request that came whole."""

    connection: int
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_write(self) -> bool:
        return self.method not in ("GET", "HEAD", "CONNECT")


class Connection:
    """What a step works on."""

    def __init__(self, server: FaultServer, number: int, sock: socket.socket) -> None:
        self.server = server
        self.number = number
        self.sock = sock
        self._unread = b""
        self.request: Arrived | None = None
        self.open = True

    def _more(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("the client went away")
        return data

    def read_head(self) -> tuple[str, str, dict[str, str]]:
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._more()
        raw, _, self._unread = self._unread.partition(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return method, target, headers

    def read_request(self) -> Arrived:
        method, target, headers = self.read_head()
        length = int(headers.get("content-length", "0"))
        while len(self._unread) < length:
            self._unread += self._more()
        body, self._unread = self._unread[:length], self._unread[length:]
        self.request = Arrived(connection=self.number, method=method, target=target, headers=headers, body=body)
        self.server.arrived(self.request)
        return self.request

    def read_some(self, size: int) -> None:
        while len(self._unread) < size:
            self._unread += self._more()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply_from(self, sandbox: Sandbox) -> Reply:
        """Let a sandbox carry out the request that was read."""
        assert self.request is not None
        request = self.request
        reply = sandbox.handle(sandbox_request(request.method, request.target, request.headers.items(), request.body))
        assert isinstance(reply, Reply)
        if reply.status in range(300, 500):
            self.server.refused(request)
        return reply

    def answer_from(self, sandbox: Sandbox) -> bytes:
        """The same, as bytes."""
        reply = self.reply_from(sandbox)
        return whole(reply.status, reply.body, reply.headers, keep=True)

    def end_by(self, answer: Answer) -> None:
        """As this answer of a fault script says."""
        match answer.end if isinstance(answer, Broken) else answer:
            case Drop.BEFORE:
                self.reset()
            case Drop.STALL:
                self.wait_for_the_end()
            case _:
                self.close()

    def wait_for_the_end(self) -> None:
        """Until the client closes its side."""
        with suppress(OSError):
            while self.sock.recv(65536):
                pass

    def stop(self) -> None:
        """Nothing more comes or goes; what has come can still be read."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """An orderly end."""
        if self.open:
            self.open = False
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
            self.sock.close()

    def reset(self) -> None:
        """An RST: what the client has not read yet is lost."""
        self.open = False
        _wire.reset(self.sock)


Step = Callable[[Connection], None]


class Script:
    """The steps of one connection, in order."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps


# Bytes.


def head(
    status: int, *, length: int | None = None, chunked: bool = False, keep: bool = False, headers: Mapping[str, str] | None = None
) -> bytes:
    """A reply's head. Without ``length`` and ``chunked`` the close ends the body; without ``keep`` it announces the close."""
    fields = {"content-type": "application/json"}
    if length is not None:
        fields["content-length"] = str(length)
    if chunked:
        fields["transfer-encoding"] = "chunked"
    if not keep:
        fields["connection"] = "close"
    return _wire.head(status, fields | {name.lower(): value for name, value in (headers or {}).items()})


def whole(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, keep: bool = False) -> bytes:
    """A complete reply."""
    empty = status in (204, 304)
    return head(status, length=None if empty else len(body), keep=keep, headers=headers) + (b"" if empty else body)


# What the tests build replies of besides.
LAST_CHUNK, chunk, gzip, bomb = _wire.LAST_CHUNK, _wire.chunk, _wire.compressed, _wire.bomb


# Steps.


def read_request() -> Step:
    """Read one whole request and note it in the ledger."""

    def step(connection: Connection) -> None:
        connection.read_request()

    return step


def read_some(size: int) -> Step:
    """Read at least this many bytes: the request has not arrived whole."""
    return lambda connection: connection.read_some(size)


def send(*pieces: bytes) -> Step:
    return lambda connection: connection.send(b"".join(pieces))


def answer(status: int, body: object = b"", *, keep: bool = False, headers: Mapping[str, str] | None = None) -> Step:
    """A complete reply; anything but bytes becomes JSON. 3xx and 4xx say that the request was refused."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def step(connection: Connection) -> None:
        if status in range(300, 500) and connection.request is not None:
            connection.server.refused(connection.request)
        connection.send(whole(status, content, headers, keep=keep))

    return step


def apply(sandbox: Sandbox) -> Step:
    """Let a sandbox carry the request out and keep its answer back."""

    def step(connection: Connection) -> None:
        connection.answer_from(sandbox)

    return step


def respond(sandbox: Sandbox, cut: slice | None = None) -> Step:
    """Let a sandbox carry the request out and send its answer, or the part of its bytes that ``cut`` takes."""

    def step(connection: Connection) -> None:
        reply = connection.answer_from(sandbox)
        connection.send(reply if cut is None else reply[cut])

    return step


def play(steps: str, sandbox: Sandbox | None = None) -> Step:
    """The steps of a fault script, as a served sandbox plays them; ``apply`` asks this sandbox."""
    (fault,) = FaultScript.parse(f"any: {steps}")

    def step(connection: Connection) -> None:
        true = connection.reply_from(sandbox) if sandbox is not None and fault.applies else None
        answer = fault.answer(true)
        if isinstance(answer, Broken):
            connection.server.stopping.wait(answer.wait)
            connection.send(answer.on_the_wire())
        elif isinstance(answer, Reply):
            connection.send(whole(answer.status, answer.body, answer.headers))
        connection.end_by(answer)

    return step


def serve(sandbox: Sandbox) -> Step:
    """Answer request after request from a sandbox, as long as the client stays."""

    def step(connection: Connection) -> None:
        while True:
            connection.read_request()
            connection.send(connection.answer_from(sandbox))

    return step


def hold() -> Step:
    """Keep the connection and read no further, until the test is over."""

    def step(connection: Connection) -> None:
        connection.server.stopping.wait(PATIENCE)

    return step


def repeat(*steps: Step) -> Step:
    """These steps again and again, as long as the client stays."""

    def step(connection: Connection) -> None:
        while connection.open:
            for inner in steps:
                inner(connection)

    return step


def drip(data: bytes, *, every: float = 0.02) -> Step:
    """One byte at a time, over and over, as long as the client stays."""

    def step(connection: Connection) -> None:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for i in range(len(data)):
                connection.send(data[i : i + 1])
                connection.server.stopping.wait(every)

    return step


def pour(data: bytes) -> Step:
    """The same bytes without end, as long as the client stays."""

    def step(connection: Connection) -> None:
        while True:
            connection.send(data)

    return step


def wait() -> Step:
    """Say nothing until the client goes away."""
    return Connection.wait_for_the_end


def close() -> Step:
    return Connection.close


def reset() -> Step:
    return Connection.reset


def then_do(action: Callable[[], object]) -> Step:
    """Something on the test's side, at this point of the connection."""

    def step(connection: Connection) -> None:
        action()

    return step


class FaultServer:
    """Plays scripts on the loopback interface. ``tls``: a server-side context; the handshake comes before the first step."""

    def __init__(self, *scripts: Script, then: Script | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._then = then if then is not None else scripts[-1]
        self._tls = tls
        self._lock = threading.Lock()  # guards the four lists
        self._requests: list[Arrived] = []
        self._refused: list[Arrived] = []
        self._open: list[Connection] = []
        self._broken: list[BaseException] = []
        self._connections = 0
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._last: object = None
        """The address of the connection after which no other is taken."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._acceptor = threading.Thread(target=self._accept, name="fault-accept", daemon=True)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls is not None else 'http'}://127.0.0.1:{self.port}"

    # The ledger.

    @property
    def connections(self) -> int:
        """How many were opened."""
        with self._lock:
            return self._connections

    @property
    def requests(self) -> tuple[Arrived, ...]:
        """The requests that arrived whole."""
        with self._lock:
            return tuple(self._requests)

    @property
    def applied(self) -> tuple[str, ...]:
        """The writes that a server would have carried out."""
        with self._lock:
            refused = {id(r) for r in self._refused}
            return tuple(f"{r.method} {r.target}" for r in self._requests if r.is_write and id(r) not in refused)

    def arrived(self, request: Arrived) -> None:
        with self._lock:
            self._requests.append(request)

    def refused(self, request: Arrived) -> None:
        with self._lock:
            self._refused.append(request)

    # Life.

    def _accept(self) -> None:
        while True:
            sock, peer = self._listener.accept()
            if peer == self._last:
                sock.close()
                return
            with self._lock:
                number = self._connections
                self._connections += 1
            thread = threading.Thread(target=self._play, args=(number, sock), name=f"fault-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, number: int, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: Connection | None = None
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            connection = Connection(self, number, sock)
            with self._lock:
                self._open.append(connection)
            if self.stopping.is_set():
                connection.stop()
            script = self._scripts[number] if number < len(self._scripts) else self._then
            for step in script.steps:
                step(connection)
        except OSError:
            pass  # the client went away, which is what many tests want
        except BaseException as e:  # noqa: BLE001  # told to the test at the end: a thread has nobody to raise to
            self._broken.append(e)
        finally:
            if connection is not None:
                connection.close()
            else:
                sock.close()

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def _take_no_more(self) -> None:
        """Connections that a client has opened are taken first, although it may be gone: what it sent belongs into the ledger."""
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.settimeout(PATIENCE)
            last.connect(self._listener.getsockname())
            self._acceptor.join(PATIENCE)
        self._listener.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._take_no_more()
        self.stopping.set()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            connection.stop()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._broken and error is None:
            raise self._broken[0]


@contextmanager
def full_backlog() -> Generator[str]:
    """The address of a port that takes no further connection: nobody accepts, and its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting: list[socket.socket] = []
        try:
            for _ in range(4):
                sock = socket.socket()
                waiting.append(sock)
                sock.settimeout(0.05)
                with suppress(TimeoutError):
                    sock.connect(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for sock in waiting:
                sock.close()


def unused_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"
