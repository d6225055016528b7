"""The public clients in three ways of running: sync, and async on asyncio and on trio. One test drives them all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import anyio
import pytest
from attrs import frozen

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from rootly_sla import AsyncRootlySLA, RootlySLA
from slo_common import RetryPolicy, SloError, Timeouts

Mode = Literal["sync", "asyncio", "trio"]
MODES: tuple[Mode, ...] = ("sync", "asyncio", "trio")
E = TypeVar("E", bound=BaseException)
Use = Callable[[Any], Any]

AT_ONCE = RetryPolicy(backoff_base=0.0)
"""The default policy without its pauses between tries."""
SHORT = Timeouts(total=5.0, connect=0.3, read=0.3)

_KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "datadog": (DatadogSLO, AsyncDatadogSLO, {"api_key": "k", "app_key": "a"}),
    "rootly": (RootlySLA, AsyncRootlySLA, {"token": "t"}),
}


@frozen
class Driver:
    """Runs a use of a client. What the use gives is awaited, or collected if it is a lazy list."""

    mode: Mode

    def run(self, use: Use, *, of: str = "datadog", **options: Any) -> Any:
        return self.run_all([use], of=of, **options)[0]

    def run_all(self, uses: list[Use], *, of: str = "datadog", **options: Any) -> list[Any]:
        """Several uses of one client, one after the other."""
        sync_client, async_client, credentials = _KINDS[of]
        options = {"retry": AT_ONCE, "timeout": SHORT, **credentials, **options}
        if self.mode == "sync":
            with sync_client(**options) as client:
                return [_collected(use(client)) for use in uses]

        async def main() -> list[Any]:
            async with async_client(**options) as client:
                return [await _awaited(use(client)) for use in uses]

        return anyio.run(main, backend=self.mode)

    def fails(self, kind: type[E], use: Use, *, of: str = "datadog", **options: Any) -> E:
        """The exception of a use, which must be of exactly this class."""
        with pytest.raises(kind) as caught:
            self.run(use, of=of, **options)
        assert type(caught.value) is kind
        return caught.value


async def _awaited(result: Any) -> Any:
    if hasattr(result, "__aiter__"):
        return [item async for item in result]
    return await result if inspect.isawaitable(result) else result


def _collected(result: Any) -> Any:
    return list(result) if type(result).__name__ == "SyncPaged" else result


def read(client: Any) -> Any:
    """A read of Datadog's: GET, repeated when its answer is lost."""
    return client.reports.status("r-1")


def write(client: Any) -> Any:
    """A write of Datadog's that must not be repeated: POST of a report job."""
    return client.reports.create(query="team:payments", from_ts=1_700_000_000, to_ts=1_700_086_400)


READ_PATH = "/api/v2/slo/report/r-1/status"
WRITE_PATH = "/api/v2/slo/report"
STATUS = {"data": {"id": "r-1", "type": "report_id", "attributes": {"status": "completed"}}}
"""A good answer to :func:`read`."""
CREATED = {"data": {"id": "r-1", "type": "report_id"}}
"""A good answer to :func:`write`."""


def told(error: SloError) -> tuple[str, bool | None, int]:
    """What an exception says of the request: sent, safe to repeat, how often it was tried."""
    return str(error.sent), error.retry_safe, len(error.attempts)
