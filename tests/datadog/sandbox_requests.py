"""Requests to the sandbox without a client: what the tests of the state machine send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from datadog_slo.sandbox import DatadogSandbox
from slo_common._values import Reply
from slo_common.sandbox import SandboxRequest, VirtualClock

KEYS = {"dd-api-key": "k", "dd-application-key": "a"}
START = 1_700_000_000


def new_sandbox(**options: Any) -> DatadogSandbox:
    return DatadogSandbox(clock=VirtualClock(START), **options)


def ask(
    sandbox: DatadogSandbox,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] = KEYS,
    query: Mapping[str, object] | None = None,
) -> Reply:
    reply = sandbox.handle(
        SandboxRequest(
            method=method,
            segments=tuple(path.strip("/").split("/")),
            query=tuple((name, str(value)) for name, value in (query or {}).items()),
            headers=headers,
            body=b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
    )
    assert isinstance(reply, Reply)
    return reply


def ok(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def refused(reply: Reply, status: int) -> str:
    """The text of an error answer of v1 (a string) or v2 (title: detail)."""
    assert reply.status == status, reply.body
    first = json.loads(reply.body)["errors"][0]
    return first if isinstance(first, str) else f"{cast(dict[str, str], first)['title']}: {first['detail']}"


def metric(name: str = "Checkout", *, target: float = 99.0, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "type": "metric",
        "query": {"numerator": "sum:good{*}.as_count()", "denominator": "sum:all{*}.as_count()"},
        "thresholds": [{"timeframe": "30d", "target": target}],
        **more,
    }


def monitor(name: str = "Sessions", **more: object) -> dict[str, object]:
    return {"name": name, "type": "monitor", "monitor_ids": [7], "thresholds": [{"timeframe": "7d", "target": 99.0}], **more}


def time_slice(name: str = "Fast", **more: object) -> dict[str, object]:
    queries = [{"data_source": "metrics", "name": "q", "query": "p95:latency{*}"}]
    condition = {"comparator": "<=", "threshold": 5, "query": {"formulas": [{"formula": "q"}], "queries": queries}}
    spec = {"time_slice": condition}
    return {
        "name": name,
        "type": "time_slice",
        "sli_specification": spec,
        "thresholds": [{"timeframe": "7d", "target": 99.0}],
        **more,
    }
