"""One test, three modes: the sync client, and the async one on asyncio and on trio."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import anyio
import httpx
import pytest

from zabbix_sla import AsyncZabbixSLA, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

URL = "http://127.0.0.1:8999/api_jsonrpc.php"
TOKEN = "0123456789abcdef" * 4
MODES = ("sync", "asyncio", "trio")


Operation = Callable[[Any], Any]
"""What a test does with a client."""
Handler = Callable[[httpx.Request], httpx.Response]


class Mode:
    """Runs an operation on a new client and gives its result; an iterator is collected."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, operation: Callable[[Any], Any], *, sandbox: ZabbixSandbox | None = None, **options: Any) -> Any:
        if sandbox is not None:
            options.setdefault("http", sandbox.transport())
            if "user" not in options:
                options.setdefault("token", sandbox.token)
        if "user" not in options:
            options.setdefault("token", TOKEN)
        options.setdefault("url", URL)
        if self.name == "sync":
            with ZabbixSLA(**options) as client:
                result: Any = operation(client)
                return list(cast(Iterator[object], result)) if isinstance(result, Iterator) else result

        async def run() -> Any:
            async with AsyncZabbixSLA(**options) as client:
                result: Any = operation(client)
                if isinstance(result, AsyncIterator):
                    return [item async for item in cast(AsyncIterator[object], result)]
                return await result

        return anyio.run(run, backend=self.name)


all_modes = pytest.mark.parametrize("mode", [Mode(name) for name in MODES], ids=MODES)


class Server:
    """A scripted server: answers each method by a function or a value, and keeps what it was asked.

    ``apiinfo.version`` is answered with ``version`` unless scripted.
    """

    def __init__(self, version: str = "7.0.22", **results: Any) -> None:
        self.version = version
        self.results: dict[str, Any] = results
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body: Any = json.loads(request.content)
        method = str(body["method"]) if not isinstance(body, list) else "batch"
        scripted = self.results.get(method.replace(".", "_"))
        if callable(scripted):
            return cast(httpx.Response, scripted(request))
        if isinstance(scripted, httpx.Response):
            return scripted
        if scripted is None and method == "apiinfo.version":
            scripted = self.version
        return result(scripted)

    @property
    def http(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(r.content) for r in self.requests]

    @property
    def methods(self) -> list[str]:
        return [b["method"] if isinstance(b, dict) else "batch" for b in self.bodies]


def result(value: object, *, ident: object = 1) -> httpx.Response:
    return reply({"jsonrpc": "2.0", "result": value, "id": ident})


def error(data: str, code: int = -32602, message: str = "Invalid params.") -> httpx.Response:
    return reply({"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}, "id": 1})


def reply(value: object) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(value).encode(), headers={"content-type": "application/json"})
