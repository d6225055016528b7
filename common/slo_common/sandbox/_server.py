"""A loopback HTTP server in front of one or more sandboxes."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

from slo_common._values import Reply
from slo_common.sandbox import _wire
from slo_common.sandbox._door import sandbox_request
from slo_common.sandbox._state import Sandbox
from slo_common.sandbox._steps import Broken, Drop, SpoiltReply

MAX_BODY = 16 * 1024 * 1024


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    timeout: float | None = 0  # of handle_request, which is asked when a connection is there

    def __init__(self, address: tuple[str, int], sandboxes: Mapping[str, Sandbox]) -> None:
        self.sandboxes = dict(sandboxes)
        self.stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._end, self._is_over = socket.socketpair()
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Until the end is told; ``serve_forever`` would look for that again and again, and be late."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._is_over, selectors.EVENT_READ)
            while not self.stopping.is_set():
                selector.select()
                self.handle_request()

    def end(self) -> None:
        self.stopping.set()
        self._end.close()

    def server_close(self) -> None:
        """Also when its address cannot be had."""
        super().server_close()
        self._end.close()
        self._is_over.close()

    def route(self, raw_path: str) -> tuple[Sandbox, str] | None:
        """The sandbox that serves this path and the path as it sees it. Prefixes are whole first segments."""
        first, _, rest = raw_path.removeprefix("/").partition("/")
        if first in self.sandboxes and first:
            return self.sandboxes[first], "/" + rest
        root = self.sandboxes.get("")
        return (root, raw_path) if root is not None else None

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no error of a sandbox."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one piece

    def log_message(self, format: str, *args: object) -> None:  # the name is the base class's
        """Silent: users read the ledger."""

    def _answer(self) -> None:
        server = cast("_HTTPServer", self.server)
        given = self.headers.get("content-length") or "0"
        length = int(given) if re.fullmatch("[0-9]{1,18}", given) else -1
        unreadable = 411 if "transfer-encoding" in self.headers else 400 if length < 0 else 413 if length > MAX_BODY else None
        if unreadable is not None:
            self.close_connection = True  # what follows on the connection is the body, not a request
            self._send(Reply(status=unreadable))
            return
        body = self.rfile.read(length)
        found = server.route(self.path)
        if found is None:
            names = ", ".join(f"/{n}" for n in server.sandboxes)
            self._send(
                Reply(status=404, headers={"content-type": "text/plain"}, body=f"no sandbox here; they are at {names}\n".encode())
            )
            return
        sandbox, path = found
        answer = sandbox.handle(sandbox_request(self.command, path, self.headers.items(), body))
        match answer:
            case Drop():
                self._drop(answer, server)
            case SpoiltReply():
                self._break(answer.broken, server)
            case _:
                self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815  # the base class's names

    def _drop(self, drop: Drop, server: _HTTPServer) -> None:
        self.close_connection = True
        if drop is Drop.STALL:
            # Until the client gives up (its end of the connection becomes readable) or the server stops.
            self.connection.settimeout(0.1)
            while not server.stopping.is_set():
                try:
                    if not self.connection.recv(1):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        if drop is Drop.BEFORE:
            _wire.reset(self.connection)

    def _break(self, broken: Broken, server: _HTTPServer) -> None:
        server.stopping.wait(broken.wait)
        data = broken.on_the_wire()
        if broken.drip:
            for i in range(len(data)):
                self.wfile.write(data[i : i + 1])
                self.wfile.flush()
                server.stopping.wait(broken.drip)
        else:
            self.wfile.write(data)
            self.wfile.flush()
        if broken.end is not None:
            self._drop(broken.end, server)
        elif not broken.is_kept:
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        reason = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else ""
        self.send_response_only(reply.status, reason)
        headers = {k.lower(): v for k, v in reply.headers.items()}
        headers.setdefault("date", formatdate(usegmt=True))
        if reply.status not in (204, 304):
            headers["content-length"] = str(len(reply.body))
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.wfile.write(reply.body)
        self.wfile.flush()


class Server:
    """Serves sandboxes over HTTP on the loopback interface. A context manager; ``url`` is the address of a single sandbox.

    ``sandboxes`` maps the first path segment to a sandbox; ``""`` serves all other paths. ``port`` 0 takes a free one.

    >>> with Server({"": DatadogSandbox()}) as server:  # doctest: +SKIP
    ...     DatadogSLO("k", "a", base_url=server.url)
    """

    def __init__(self, sandboxes: Mapping[str, Sandbox], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._http = _HTTPServer((host, port), sandboxes)
        self._thread = threading.Thread(target=self._http.serve, name="slo-sandbox", daemon=True)
        self._running = False

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        host, port = str(self._http.server_address[0]), self._http.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def url_of(self, name: str) -> str:
        """The address of one of several sandboxes."""
        return f"{self.url}/{name}" if name else self.url

    def start(self) -> Self:
        """Begin to serve, in a thread of its own."""
        if not self._running:
            self._running = True
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the socket. Safe to call twice."""
        self._http.end()
        if self._running:
            self._running = False
            self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
