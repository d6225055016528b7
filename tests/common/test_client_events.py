"""The hooks of the real clients, all six, and the routes that their calls are told by."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import AsyncRootlySLA, RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common import AttemptEnded, CallEnded, CallStarted, Event, FileRateLimiter, InvalidArgument, SloError
from slo_common.sandbox import Sandbox, VirtualClock, Window
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

NOW = 1_790_000_000
DAY = 86_400


def _datadog() -> tuple[Sandbox, dict[str, Any]]:
    return DatadogSandbox.demo(clock=VirtualClock(NOW)), {"api_key": "k", "app_key": "a"}


def _rootly() -> tuple[Sandbox, dict[str, Any]]:
    return RootlySandbox.demo(clock=VirtualClock(NOW)), {"token": "t"}


def _zabbix() -> tuple[Sandbox, dict[str, Any]]:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock(NOW))
    return sandbox, {"url": "https://zabbix.test/zabbix", "token": sandbox.token}


Use = Callable[[Any], Any]
CLIENTS: dict[str, tuple[Any, Any, Any, Use]] = {
    "datadog": (_datadog, DatadogSLO, AsyncDatadogSLO, lambda dd: dd.slos.can_delete(["x"])),
    "rootly": (_rootly, RootlySLA, AsyncRootlySLA, lambda rootly: rootly.slas.get("0b9e")),
    "zabbix": (_zabbix, ZabbixSLA, AsyncZabbixSLA, lambda zbx: zbx.apiinfo.version()),
}
vendors = pytest.mark.parametrize("vendor", CLIENTS)


def use(mode: str, vendor: str, *, view: dict[str, Any] | None = None, **options: Any) -> None:
    """One call of a client, or of a view of it; what it gives is not the matter here."""
    make, sync, asynchronous, one_call = CLIENTS[vendor]
    sandbox, account = make()

    async def asynchronously() -> None:
        async with asynchronous(**account, **options, http=sandbox.transport()) as client:
            try:
                await one_call(client if view is None else client.with_options(**view))
            except SloError:
                return

    if mode != "sync":
        anyio.run(asynchronously, backend=mode)
        return
    with sync(**account, **options, http=sandbox.transport()) as client:
        try:
            one_call(client if view is None else client.with_options(**view))
        except SloError:
            return


@vendors
@pytest.mark.parametrize("mode", ["sync", "asyncio", "trio"])
def test_each_client_tells_its_hook(vendor: str, mode: str) -> None:
    events: list[Event] = []
    use(mode, vendor, on_event=events.append)
    assert {event.call.partition(".")[0] for event in events} == {vendor}
    assert (type(events[0]), type(events[-1])) == (CallStarted, CallEnded)
    assert [e.status for e in events if isinstance(e, AttemptEnded)] != []


@vendors
@pytest.mark.parametrize("mode", ["sync", "asyncio"])
def test_a_view_of_a_client_tells_its_own_hook(vendor: str, mode: str) -> None:
    clients: list[Event] = []
    views: list[Event] = []
    use(mode, vendor, on_event=clients.append, view={"on_event": [views.append]})
    assert (clients, views != []) == ([], True)


@vendors
def test_a_client_refuses_what_is_no_hook(vendor: str) -> None:
    make, sync, asynchronous, _ = CLIENTS[vendor]
    for client in (sync, asynchronous):
        with pytest.raises(InvalidArgument, match="on_event"):
            client(**make()[1], on_event="print")


ONE_CALL = ["CallStarted", "AttemptStarted", "BudgetSeen", "AttemptEnded", "CallEnded"]


def by_call(events: list[Event]) -> dict[int, list[str]]:
    told: dict[int, list[str]] = {}
    for event in events:
        told.setdefault(event.call_id, []).append(type(event).__name__)
    return told


def test_calls_of_many_threads_are_told_apart_and_each_in_its_order() -> None:
    events: list[Event] = []
    unlimited = DatadogSandbox(limits={"slo_read": Window(limit=10_000, seconds=60)})
    with DatadogSLO("k", "a", http=unlimited.transport(), on_event=events.append) as dd, ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(dd.slos.can_delete, [str(i)]) for i in range(200)]
        assert [call.exception() for call in calls] == [None] * 200
    told = by_call(events)
    assert len(told) == 200
    assert [kinds for kinds in told.values() if [k for k in kinds if k != "RateLimitWait"] != ONE_CALL] == []


def test_hooks_are_called_by_the_event_loop_also_when_the_limiter_is_asked_beside_it(tmp_path: Path) -> None:
    threads: set[int] = set()
    events: list[Event] = []

    def hook(event: Event) -> None:
        threads.add(threading.get_ident())
        events.append(event)

    async def main() -> None:
        limiter = FileRateLimiter(tmp_path)
        http = DatadogSandbox(limits={"slo_read": Window(limit=10_000, seconds=60)}).transport()
        async with (
            AsyncDatadogSLO("k", "a", http=http, rate_limiter=limiter, on_event=hook) as dd,
            anyio.create_task_group() as group,
        ):
            for i in range(20):
                group.start_soon(dd.slos.can_delete, [str(i)])

    anyio.run(main)
    assert threads == {threading.get_ident()}
    assert len(by_call(events)) == 20


# Routes.


def told_by(vendor: str, *uses: Use) -> set[str]:
    """Method and route of every call."""
    make, sync, _, _ = CLIENTS[vendor]
    sandbox, account = make()
    events: list[Event] = []
    with sync(**account, http=sandbox.transport(), on_event=events.append) as client:
        for one in uses:
            try:
                found = one(client)
                if hasattr(found, "__next__") or type(found).__name__ == "SyncPaged":
                    list(found)
            except SloError:
                continue
    return {f"{e.method} {e.route}" for e in events if isinstance(e, CallStarted)}


def test_the_routes_of_datadog_hold_no_id() -> None:
    ours = "5d9f4c1e0a7b4e6d8c3f2b1a09876543"
    span: dict[str, int] = {"from_ts": NOW - 9 * DAY, "to_ts": NOW - DAY}
    assert told_by(
        "datadog",
        lambda dd: dd.slos.list(tags_query="team:a"),
        lambda dd: dd.slos.get(ours),
        lambda dd: dd.slos.delete(ours, force=True),
        lambda dd: dd.slos.history(ours, **span),
        lambda dd: dd.slos.status(ours, **span),
        lambda dd: dd.slos.corrections(ours),
        lambda dd: dd.slos.search("team:a"),
        lambda dd: dd.slos.can_delete([ours]),
        lambda dd: dd.reports.status(ours),
        lambda dd: dd.reports.download(ours),
        lambda dd: dd.corrections.get(ours),
        lambda dd: dd.corrections.delete(ours),
        lambda dd: dd.corrections.list(),
    ) == {
        "GET /api/v1/slo",
        "GET /api/v1/slo/{id}",
        "DELETE /api/v1/slo/{id}",
        "GET /api/v1/slo/{id}/history",
        "GET /api/v2/slo/{id}/status",
        "GET /api/v1/slo/{id}/corrections",
        "GET /api/v1/slo/search",
        "GET /api/v1/slo/can_delete",
        "GET /api/v2/slo/report/{id}/status",
        "GET /api/v2/slo/report/{id}/download",
        "GET /api/v1/slo/correction/{id}",
        "DELETE /api/v1/slo/correction/{id}",
        "GET /api/v1/slo/correction",
    }


def test_the_routes_of_datadogs_updates_hold_no_id() -> None:
    def update(dd: Any) -> Any:
        slo = next(iter(dd.slos.list()))
        return dd.slos.update(slo)

    routes = told_by("datadog", update, lambda dd: dd.corrections.update("c-1", description="x"))
    assert {r for r in routes if not r.startswith("GET")} == {"PUT /api/v1/slo/{id}", "PATCH /api/v1/slo/correction/{id}"}


def test_the_routes_of_rootly_hold_no_id() -> None:
    ours = "0b9e4c1e-0a7b-4e6d-8c3f-2b1a09876543"
    routes = told_by(
        "rootly",
        lambda rootly: rootly.slas.list(),
        lambda rootly: rootly.slas.get(ours),
        lambda rootly: rootly.slas.update(ours, name="x"),
        lambda rootly: rootly.slas.delete(ours),
    )
    assert routes == {"GET /v1/slas", "GET /v1/slas/{id}", "PUT /v1/slas/{id}", "DELETE /v1/slas/{id}"}


def test_the_route_of_zabbix_is_one() -> None:
    routes = told_by("zabbix", lambda zbx: zbx.sla.get(slaids=["1"]), lambda zbx: zbx.sla.delete("1"))
    assert routes == {"POST /zabbix/api_jsonrpc.php"}


def test_no_route_has_a_query() -> None:
    routes = told_by("datadog", lambda dd: dd.slos.search("secret"), lambda dd: dd.slos.list(tags_query="secret"))
    assert routes
    assert [r for r in routes if re.search(r"[?&=]|secret", r)] == []


# Cost.


def test_a_client_without_a_hook_loads_nothing_of_this() -> None:
    code = """
import sys
from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
with DatadogSLO("k", "a", http=DatadogSandbox.demo().transport()) as dd:
    dd.slos.can_delete(["x"])
print([name for name in ("_watch", "_events", "_event_log", "_otel", "_progress") if f"slo_common.{name}" in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
