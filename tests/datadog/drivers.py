"""One test for three ways to run: the sync client, and the async one on asyncio and on trio."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

import anyio
import pytest
from attrs import frozen

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.sandbox import DatadogSandbox

Mode = Literal["sync", "asyncio", "trio"]
MODES: tuple[Mode, ...] = ("sync", "asyncio", "trio")
KEYS: dict[str, Any] = {"api_key": "k", "app_key": "a"}


@frozen
class Driver:
    """Runs a function of a client. What it returns is awaited, or collected if it is a lazy list."""

    mode: Mode

    def run(self, use: Callable[[Any], Any], **options: Any) -> Any:
        options = options or dict(KEYS)
        if self.mode == "sync":
            with DatadogSLO(**options) as dd:
                return _collected(use(dd))

        async def main() -> Any:
            async with AsyncDatadogSLO(**options) as dd:
                result = use(dd)
                if hasattr(result, "__aiter__"):
                    return [item async for item in result]
                return await result if inspect.isawaitable(result) else result

        return anyio.run(main, backend=self.mode)

    def on(self, sandbox: DatadogSandbox, use: Callable[[Any], Any], **options: Any) -> Any:
        """The same, asking a sandbox."""
        return self.run(use, **KEYS, http=sandbox.transport(), **options)


def _collected(result: Any) -> Any:
    return list(result) if type(result).__name__ in ("SyncPaged", "generator") else result


@pytest.fixture(params=MODES, name="driver")
def _driver(request: pytest.FixtureRequest) -> Driver:
    return Driver(request.param)
