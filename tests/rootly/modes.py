"""One test, three modes: the sync client, and the async one on asyncio and on trio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from rootly_sla import AsyncRootlySLA, RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common._pages import AsyncPaged, SyncPaged

TOKEN = "rootly-test-token"
MODES = ("sync", "asyncio", "trio")


def is_lazy(result: object) -> bool:
    """Whether this is a list, which asks only when it is iterated."""
    return isinstance(result, SyncPaged | AsyncPaged)


class Mode:
    """Runs an operation on ``slas`` of a new client and gives its result; a list is collected."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, operation: Callable[[Any], Any], *, sandbox: RootlySandbox | None = None, **options: Any) -> Any:
        if sandbox is not None:
            options.setdefault("http", sandbox.transport())
        if self.name == "sync":
            with RootlySLA(TOKEN, **options) as client:
                result: Any = operation(client.slas)
                return list(result) if is_lazy(result) else result

        async def run() -> Any:
            async with AsyncRootlySLA(TOKEN, **options) as client:
                result: Any = operation(client.slas)
                return [item async for item in result] if is_lazy(result) else await result

        return anyio.run(run, backend=self.name)

    def transport(self, handler: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
        """A transport that answers by a function, for the mode's client."""
        return httpx.MockTransport(handler)


all_modes = pytest.mark.parametrize("mode", [Mode(name) for name in MODES], ids=MODES)
