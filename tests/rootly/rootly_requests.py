"""Requests to the sandbox, without a client: what the sandbox's own tests send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from slo_common.sandbox import Reply, Sandbox, SandboxRequest

JSON_API = "application/vnd.api+json"
TOKEN = "rootly-test-token"
ROLE = "11111111-2222-4333-8444-555555555555"
FIELD = "99999999-2222-4333-8444-555555555555"

WANTED: dict[str, Any] = {
    "name": "Sev1 follow-ups",
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "resolved",
    "manager_user_id": 7,
}
"""The attributes of a good create."""


def ask(
    sandbox: Sandbox,
    method: str,
    path: str,
    *,
    attributes: Mapping[str, object] | None = None,
    query: tuple[tuple[str, str], ...] = (),
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Reply:
    """Send one request and give the reply, which must not be a broken connection."""
    content = b"" if attributes is None else json.dumps({"data": {"type": "slas", "attributes": attributes}}).encode()
    reply = sandbox.handle(
        SandboxRequest(
            method=method,
            segments=tuple(path.strip("/").split("/")),
            query=query,
            headers={"authorization": f"Bearer {TOKEN}", "content-type": JSON_API} | dict(headers or {}),
            body=content if body is None else body,
        )
    )
    assert isinstance(reply, Reply)
    return reply


def parsed(reply: Reply) -> dict[str, object]:
    """The JSON object of a reply."""
    return cast("dict[str, object]", json.loads(reply.body))


def shown(reply: Reply) -> dict[str, object]:
    """The attributes of a reply's only SLA, with its id."""
    data = cast("dict[str, object]", parsed(reply)["data"])
    return {"id": data["id"], **cast("dict[str, object]", data["attributes"])}


def listed(reply: Reply) -> list[str]:
    """The names on a page."""
    data = cast("list[dict[str, dict[str, str]]]", parsed(reply)["data"])
    return [item["attributes"]["name"] for item in data]


def titles(reply: Reply) -> list[str]:
    """The texts of a reply's errors."""
    errors = cast("list[dict[str, str]]", parsed(reply)["errors"])
    return [e["title"] for e in errors]
