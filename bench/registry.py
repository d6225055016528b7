"""Work items, and who does them.

A work item is a function that gets the server's URL and returns an operation: called (or awaited) once it does the work once and
returns a number that proves it, equal for every contestant. Clients are imported inside, so that each process holds one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

import bodies

Operation = Callable[[], int]
AsyncOperation = Callable[[], Awaitable[int]]
Make = Callable[[str], Operation]
AsyncMake = Callable[[str], Awaitable[AsyncOperation]]

OURS, PEERS = "ours", "peers"
"""The two environments: with the SDK, and with what users would pick instead."""

SDK = "slo-sdk"
SDK_PLAIN = "slo-sdk without msgspec"
HTTPX = "httpx and json"
HTTPX_SNIFFIO = "httpx and json, with sniffio"

CALL_DATADOG, CALL_ROOTLY, CALL_ZABBIX = "small call, Datadog", "small call, Rootly", "small call, Zabbix"
SMALL_CALLS = (CALL_DATADOG, CALL_ROOTLY, CALL_ZABBIX)
REPORT = "report of 300 SLOs by 12 months (0.06 MB)"
SLO_LIST, SLA_PAGE, GETSLI = "1,000 SLOs (0.8 MB)", "page of 100 SLAs (0.14 MB)", "sla.getsli (5 MB)"
LATER = ", later"
SLO_LIST_LATER = f"{SLO_LIST}{LATER}"
"""The same list, on a client that has read a short one."""
DECODE_UNLIKE = "decode 1,000 SLOs without anything in common (0.9 MB)"
DECODE_SLOS, DECODE_SLAS, DECODE_GETSLI = f"decode {SLO_LIST}", f"decode {SLA_PAGE}", f"decode {GETSLI}"
NULL_DATADOG, NULL_ROOTLY, NULL_ZABBIX = (f"{name}, no network" for name in SMALL_CALLS)
BATCH, BATCH_REAL = "20 calls, Zabbix", "20 calls, a real Zabbix"
BATCHED = 20
EXPECTED = {
    SLO_LIST: bodies.SLOS,
    SLO_LIST_LATER: bodies.SLOS,
    DECODE_SLOS: bodies.SLOS,
    DECODE_UNLIKE: bodies.SLOS,
    SLA_PAGE: bodies.SLAS,
    DECODE_SLAS: bodies.SLAS,
    GETSLI: bodies.PERIODS * bodies.SERVICES,
    DECODE_GETSLI: bodies.PERIODS * bodies.SERVICES,
    REPORT: bodies.REPORT_SLOS * bodies.REPORT_MONTHS,
    BATCH: BATCHED,
    BATCH_REAL: BATCHED,
    **dict.fromkeys((*SMALL_CALLS, NULL_DATADOG, NULL_ROOTLY, NULL_ZABBIX), 1),
}
REPORT_ID = "9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f"
SLA_ID = "00000001-0000-4000-8000-000000000000"
ZABBIX_TOKEN = "t" * 64
# None of the servers here is slow; a time-out would only hide a queue that is.
TIMEOUT = 120.0


@frozen
class Contestant:
    """One client that does one work item."""

    work: str
    client: str
    make: Callable[[str], Any]
    home: str
    asynchronous: bool

    @property
    def key(self) -> str:
        return f"{self.work}|{self.client}|{'async' if self.asynchronous else 'sync'}"

    @property
    def real(self) -> bool:
        """Whether it needs the server that the environment names."""
        return self.work == BATCH_REAL


CONTESTANTS: dict[str, Contestant] = {}


def _enter(contestant: Contestant) -> None:
    CONTESTANTS[contestant.key] = contestant


def work(name: str, client: str, *, home: str) -> Callable[[Make], Make]:
    """Register a sync contestant."""

    def register(make: Make) -> Make:
        _enter(Contestant(name, client, make, home, asynchronous=False))
        return make

    return register


def async_work(name: str, client: str, *, home: str) -> Callable[[AsyncMake], AsyncMake]:
    """Register an async contestant; its factory runs inside the event loop."""

    def register(make: AsyncMake) -> AsyncMake:
        _enter(Contestant(name, client, make, home, asynchronous=True))
        return make

    return register


def hide(module: str) -> None:
    """Make an optional dependency look absent in this process."""
    sys.modules[module] = None  # type: ignore[assignment]  # the documented way to make an import fail


def load(module: str) -> Any:
    """A client that has no types here, and whose import belongs to the process that uses it."""
    return importlib.import_module(module)
