"""The public clients in three ways of running: sync, and async on asyncio and on trio. One test drives them all."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, get_args
from unittest.mock import patch

import anyio
import pytest
from attrs import frozen

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from rootly_sla import AsyncRootlySLA, RootlySLA
from slo_common import RetryPolicy, SloError, Timeouts, _http11
from slo_common._h11_reader import H11Reader
from slo_common._httptools_reader import HttptoolsReader
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA

Mode = Literal["sync", "asyncio", "asyncio by h11", "uvloop", "trio"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""How a client can run. On asyncio replies are read by httptools, or by h11 where that is not installed."""
E = TypeVar("E", bound=BaseException)
T = TypeVar("T")
Use = Callable[[Any], Any]

AT_ONCE = RetryPolicy(backoff_base=0.0)
"""The default policy without its pauses between tries."""
DEFAULTS: dict[str, Any] = {"retry": AT_ONCE, "timeout": Timeouts(total=60.0, connect=20.0, read=20.0)}
"""For real sockets. No test comes near these seconds: a machine that stands still for a moment changes no result."""
IMPATIENT = Timeouts(total=60.0, connect=20.0, read=0.1)
"""For servers that keep silent: nothing but the silence ends a try."""
PATIENT: dict[str, Any] = {"retry": RetryPolicy(), "timeout": 60.0}
"""What a client has by itself; for virtual time."""

_KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "datadog": (DatadogSLO, AsyncDatadogSLO, {"api_key": "k", "app_key": "a"}),
    "rootly": (RootlySLA, AsyncRootlySLA, {"token": "t"}),
    "zabbix": (ZabbixSLA, AsyncZabbixSLA, {"url": "http://127.0.0.1:1", "token": "t" * 64, "auth_transport": "header"}),
}


CREDENTIALS: dict[str, dict[str, Any]] = {name: credentials for name, (_, _, credentials) in _KINDS.items()}


def client_of(mode: Mode, of: str, **options: Any) -> Any:
    """A new client."""
    sync_client, async_client, credentials = _KINDS[of]
    return (sync_client if mode == "sync" else async_client)(**{**DEFAULTS, **credentials, **options})


@frozen
class Driver:
    """Runs a use of a client. What the use gives is awaited, or collected if it is a lazy list."""

    mode: Mode

    def run(self, use: Use, *, of: str = "datadog", **options: Any) -> Any:
        return self.run_all([use], of=of, **options)[0]

    def run_all(self, uses: list[Use], *, of: str = "datadog", **options: Any) -> list[Any]:
        """Several uses of one client, one after the other."""
        if self.mode == "sync":
            with client_of(self.mode, of, **options) as client:
                return [_collected(use(client)) for use in uses]

        async def main() -> list[Any]:
            async with client_of(self.mode, of, **options) as client:
                return [await _awaited(use(client)) for use in uses]

        return self.run_async(main)

    def run_async(self, main: Callable[..., Awaitable[T]], *args: Any) -> T:
        """What :func:`anyio.run` gives, on the event loop of this mode."""
        if self.mode == "trio":
            return anyio.run(main, *args, backend="trio")
        reader = H11Reader if self.mode == "asyncio by h11" else HttptoolsReader
        with patch.object(_http11, "best_reader", lambda: reader):
            return anyio.run(main, *args, backend="asyncio", backend_options={"use_uvloop": self.mode == "uvloop"})

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


def download(client: Any) -> Any:
    return client.reports.download("r-1")


def read_sla(client: Any) -> Any:
    """A read of Rootly's."""
    return client.slas.get("1")


def read_slas(client: Any) -> Any:
    """A read of Zabbix's, a POST like all of them."""
    return client.sla.get()


def nothing(client: Any) -> None:
    """For what goes wrong before any use."""


WRITE_PATH = "/api/v2/slo/report"
STATUS = {"data": {"id": "r-1", "type": "report_id", "attributes": {"status": "completed"}}}
"""A good answer to :func:`read`."""
CREATED = {"data": {"id": "r-1", "type": "report_id"}}
"""A good answer to :func:`write`."""


SLA = {
    "name": "Sev1 follow-ups",
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "resolved",
    "manager_user_id": 7,
}


def create_sla(client: Any) -> Any:
    """A write of Rootly's that must not be repeated."""
    return client.slas.create(**SLA)


def told(error: SloError) -> tuple[str, bool | None, int]:
    """What an exception says of the request: sent, safe to repeat, how often it was tried."""
    return str(error.sent), error.retry_safe, len(error.attempts)
