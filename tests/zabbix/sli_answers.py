"""Answers of ``sla.getsli`` as a server writes them."""

from __future__ import annotations

import json
from typing import Any

from zabbix_sla import SliResult
from zabbix_sla._sli_decode import report

DAY = 86_400


def cell(uptime: int = DAY, downtime: int = 0, sli: float = 100, budget: int = 0, away: Any = ()) -> dict[str, Any]:
    return {"uptime": uptime, "downtime": downtime, "sli": sli, "error_budget": budget, "excluded_downtimes": list(away)}


def answer(rows: list[list[dict[str, Any]]], services: list[int] | None = None, *, first_day: int = 0) -> dict[str, Any]:
    return {
        "periods": [{"period_from": (first_day + i) * DAY, "period_to": (first_day + i + 1) * DAY} for i in range(len(rows))],
        "serviceids": services if services is not None else list(range(1, len(rows[0]) + 1)),
        "sli": rows,
    }


def envelope(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": value, "id": 1}).encode()


def careful(body: bytes) -> SliResult:
    return report(json.loads(body)["result"], call="zabbix.sla.getsli", reply=None)


def read(value: Any) -> SliResult:
    return careful(envelope(value))
