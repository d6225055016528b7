"""The warning for those who block an event loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from datadog_slo import DatadogSLO
from rootly_sla import RootlySLA
from slo_common import RetryPolicy, ServerError, _runtime
from slo_common._blocking import warn_in_a_loop
from zabbix_sla import ZabbixSLA

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@pytest.fixture
def development_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runtime, "_DEV_MODE", True)


@backends
@pytest.mark.usefixtures("development_mode")
def test_every_try_of_a_call_is_put_down_to_the_line_that_called(backend: str) -> None:
    failing = httpx.MockTransport(lambda _: httpx.Response(503))

    async def ask() -> None:
        with RootlySLA("t", http=failing, retry=RetryPolicy(backoff_base=0.0)) as rootly, pytest.raises(ServerError):
            rootly.slas.get("1")

    with pytest.warns(RuntimeWarning, match=r"rootly\.slas\.get blocks the event loop .* use rootly_sla\.AsyncRootlySLA") as told:
        anyio.run(ask, backend=backend)
    assert len(told) == 3
    assert {(w.filename, w.lineno) for w in told} == {(__file__, ask.__code__.co_firstlineno + 2)}


def test_the_client_that_is_named_exists() -> None:
    given: list[tuple[str, Callable[[], Any]]] = [
        ("datadog_slo", lambda: DatadogSLO("k", "a")),
        ("rootly_sla", lambda: RootlySLA("t")),
        ("zabbix_sla", lambda: ZabbixSLA("http://127.0.0.1", token="t")),
    ]
    for package, new_client in given:
        client = new_client()
        named = client._runtime._instead
        assert named == f"{package}.Async{type(client).__name__}"
        assert hasattr(import_module(package), named.partition(".")[2])
        client.close()


@backends
def test_a_thread_beside_a_loop_is_not_warned(backend: str) -> None:
    async def ask() -> None:
        await anyio.to_thread.run_sync(lambda: warn_in_a_loop("w", instead="p.A"))

    anyio.run(ask, backend=backend)  # warnings are errors here


def test_without_a_loop_and_without_trio_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "trio", raising=False)
    warn_in_a_loop("w", instead="p.A")
