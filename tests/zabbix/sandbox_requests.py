"""Questions to a sandbox without a client."""

from __future__ import annotations

import json
from typing import Any

from slo_common.sandbox import Reply, SandboxRequest
from zabbix_sla.sandbox import ZabbixSandbox

JSON_RPC = "application/json-rpc"


def request(
    body: Any, *, method: str = "POST", path: str = "api_jsonrpc.php", content_type: str | None = JSON_RPC, **headers: str
) -> SandboxRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {**({"content-type": content_type} if content_type is not None else {}), **headers}
    return SandboxRequest(method=method, segments=tuple(path.split("/")), headers=sent, body=raw)


def reply(sandbox: ZabbixSandbox, body: Any, **options: Any) -> Reply:
    answer = sandbox.handle(request(body, **options))
    assert isinstance(answer, Reply)
    return answer


def ask(sandbox: ZabbixSandbox, method: str, params: Any, *, token: str | None = "") -> Any:
    """The result of a call, or the text of its error. ``token`` None sends no credential, empty the sandbox's own."""
    held = sandbox.token if token == "" else token
    headers = {} if held is None else {"authorization": f"Bearer {held}"}
    answer = json.loads(reply(sandbox, {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}, **headers).body)
    return answer["result"] if "result" in answer else answer["error"]["data"]
