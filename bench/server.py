"""The server of the bench: replays fixed bodies over loopback HTTP, in a process of its own, as cheaply as Python allows.

``python server.py [DELAY]`` prints its port and serves until its standard input is closed. It answers DELAY seconds after a request came.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable

import bodies

JSON = b"application/json"
JSON_API = b"application/vnd.api+json"
RPC_ID = re.compile(rb'"id"\s*:\s*("[^"]*"|[^,}\s]+)')
RPC_METHOD = re.compile(rb'"method"\s*:\s*"([^"]*)"')
OFFSET = re.compile(rb"[?&]offset=[1-9]")
FEW = b"limit=%d" % bodies.FEW_SLOS
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def reply(body: bytes, content_type: bytes = JSON) -> bytes:
    """A whole HTTP reply with status 200."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)


class Routes:
    """What is answered to which request."""

    def __init__(self) -> None:
        self._status = reply(bodies.report_status())
        self._report = reply(bodies.report_csv(), b"text/csv")
        self._slos = reply(bodies.slo_list())
        self._few_slos = reply(bodies.slo_list(bodies.FEW_SLOS))
        self._slos_end = reply(bodies.slo_list_end())
        self._sla = reply(bodies.sla_one(), JSON_API)
        self._slas = reply(bodies.sla_page(), JSON_API)
        self._results = {b"apiinfo.version": b'"7.0.22"', b"sla.get": bodies.zabbix_sla(), b"sla.getsli": bodies.getsli()}

    def answer(self, target: bytes, body: bytes) -> bytes:
        """The reply to this path with query, and body."""
        if target.startswith(b"/api_jsonrpc.php"):
            return self._rpc(body)
        if target.startswith(b"/api/v2/slo/report/"):
            return self._report if target.endswith(b"/download") else self._status
        if target.startswith(b"/api/v1/slo"):
            if OFFSET.search(target):
                return self._slos_end
            return self._few_slos if FEW in target else self._slos
        if target.startswith(b"/v1/slas/"):
            return self._sla
        if target.startswith(b"/v1/slas"):
            return self._slas
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    def _rpc(self, body: bytes) -> bytes:
        if body.startswith(b"["):
            members = [self._member(json.dumps(member).encode()) for member in json.loads(body)]
            return reply(b"[%b]" % b",".join(members))
        return reply(self._member(body))

    def _member(self, body: bytes) -> bytes:
        method, number = RPC_METHOD.search(body), RPC_ID.search(body)
        if method is None or number is None:
            return b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request.","data":""},"id":null}'
        return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (self._results[method[1]], number[1])


class Connection(asyncio.Protocol):
    """One connection, kept open; requests are answered as they come."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes], delay: float) -> None:
        self._answer = answer
        self._delay = delay
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = CONTENT_LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            if self._transport is not None:
                self._write(self._transport, self._answer(head.split(b" ", 2)[1], body))

    def _write(self, transport: asyncio.Transport, answer: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, transport.write, answer)
        else:
            transport.write(answer)


async def serve(delay: float) -> None:
    routes = Routes()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(routes.answer, delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if sys.argv[1:] else 0.0))
