"""The front door of a sandboxed Zabbix: the HTTP edge, JSON-RPC envelopes, and error codes by version.

Every outcome of a call is an HTTP 200; other statuses come from the web server and from PHP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, cast

from attrs import frozen

from slo_common._values import Reply
from slo_common.sandbox import SandboxRequest
from zabbix_sla._sandbox_rules import JsonObject, Kind, Refusal, Rule, nullable, one_object, text

CONTENT_TYPES: Final = ("application/json-rpc", "application/json", "application/jsonrequest")
Version = tuple[int, int]


@frozen(kw_only=True)
class Credential:
    """A token or session id, and what carried it."""

    text: str
    carrier: str


Handler = Callable[[str, str, object, Credential | None], object]
"""Runs a method: API, method, parameters, credential."""

_MESSAGES: Final = {
    -32700: "Parse error",
    -32600: "Invalid request.",
    -32601: "Method not found.",
    -32602: "Invalid params.",
    -32603: "Internal error.",
    -32500: "Application error.",
}
_CODES: Final = {Kind.METHOD: -32601, Kind.PARAMETERS: -32602, Kind.PERMISSIONS: -32500, Kind.REQUEST: -32600, Kind.PARSE: -32700}
_CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Content-Type",
    "access-control-allow-methods": "POST",
    "access-control-max-age": "1000",
}
_HTML: Final = "text/html; charset=UTF-8"
_LOGIN_PAGE: Final = b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>Zabbix</title>\n</head>\n<body>Sign in</body>\n</html>\n'
_NOT_FOUND: Final = b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n</body>\r\n</html>\r\n"


class OutOfMemory(Exception):  # noqa: N818  # says what happened to PHP
    """PHP died of its memory limit: the whole request fails, the batch included."""


def code_of(kind: Kind, version: Version) -> int:
    """Refusals of a role and of an unknown user moved from -32602 (6.0.14) to -32500 (7.0.9); that 6.4 is like 6.0 is a guess."""
    if kind in {Kind.ROLE, Kind.UNKNOWN_USER}:
        return -32602 if version < (7, 0) else -32500
    return _CODES[kind]


def edge(request: SandboxRequest) -> Reply | None:
    """What the web server or PHP answers before the API is asked; None when the API is to answer."""
    if request.path.endswith("/index.php") or request.path == "/":
        return Reply(status=200, headers={"content-type": _HTML}, body=_LOGIN_PAGE)
    if not request.path.endswith("/api_jsonrpc.php"):
        return Reply(status=404, headers={"content-type": "text/html"}, body=_NOT_FOUND)
    if request.method == "OPTIONS":
        return Reply(status=200, headers={"content-type": _HTML, **_CORS})
    if request.headers.get("content-type", "").partition(";")[0] not in CONTENT_TYPES:
        return Reply(status=412, headers={"content-type": _HTML, **_CORS})
    return None


def encoded(value: object) -> Reply:
    """An answer of the API, written as PHP writes it."""
    body = b"" if value is None else json.dumps(value, separators=(",", ":")).encode()
    return Reply(status=200, headers={"content-type": "application/json", **_CORS}, body=body)


def out_of_memory() -> Reply:
    """HTTP 500 without a body."""
    return Reply(status=500, headers={"content-type": _HTML, **_CORS})


def answer(body: bytes, headers: Mapping[str, str], version: Version, handler: Handler) -> object:
    """The JSON to answer a body with; None for an empty answer (nothing but notifications)."""
    try:
        decoded: object = json.loads(body)
    except ValueError:
        return failed(-32700, "Invalid JSON. An error occurred on the server while parsing the JSON text.", None)
    if not isinstance(decoded, dict | list) or not decoded:
        return failed(-32600, "The received JSON is not a valid JSON-RPC request.", None)
    if isinstance(decoded, dict):
        return _call(cast(object, decoded), headers, version, handler)
    answers = [_call(member, headers, version, handler) for member in cast(list[object], decoded)]
    return [a for a in answers if a is not None] or None


def failed(code: int, data: str, ident: object, message: str | None = None) -> JsonObject:
    """An error object. Code 1 is how 6.0 says that it cannot work at all; its text is the message."""
    error = {"code": code, "message": message if message is not None else _MESSAGES[code], "data": data}
    return {"jsonrpc": "2.0", "error": error, "id": ident}


def _params(value: object, path: str) -> object:
    if not isinstance(value, dict | list):
        raise Refusal(Kind.PARAMETERS, f'Invalid parameter "{path}": an array or object is expected.')
    return cast(object, value)


def _ident(value: object, path: str) -> object:
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise Refusal(Kind.PARAMETERS, f'Invalid parameter "{path}": a string, number or null value is expected.')
    return value


def _envelope(version: Version) -> Rule:
    fields: dict[str, tuple[Rule, bool]] = {
        "jsonrpc": (text(choices=("2.0",)), True),
        "method": (text(), True),
        "params": (_params, True),
        "auth": (nullable(text(empty=False)), False),
        "id": (_ident, False),
    }
    if version >= (7, 2):
        del fields["auth"]
    return one_object(fields)


def _call(member: object, headers: Mapping[str, str], version: Version, handler: Handler) -> JsonObject | None:
    try:
        call = cast(JsonObject, _envelope(version)(member, "/"))
    except Refusal as refusal:
        return failed(-32600, refusal.data, _safe_ident(member))
    try:
        api, _, rest = cast(str, call["method"]).partition(".")
        credential = _credential(headers, cast(str | None, call.get("auth")), version)
        result = handler(api, rest.partition(".")[0], call["params"], credential)
        outcome: JsonObject = {"jsonrpc": "2.0", "result": result, "id": call.get("id")}
    except Refusal as refusal:
        outcome = failed(code_of(refusal.kind, version), refusal.data, call.get("id"))
    return outcome if "id" in call else None


def _safe_ident(member: object) -> object:
    ident = cast(JsonObject, member).get("id") if isinstance(member, dict) else None
    try:
        return _ident(ident, "/id")
    except Refusal:
        return None


def _credential(headers: Mapping[str, str], auth: str | None, version: Version) -> Credential | None:
    header = headers.get("authorization", "")
    if version >= (6, 4) and header.startswith("Bearer "):
        return Credential(text=header.removeprefix("Bearer "), carrier="authorization header")
    return Credential(text=auth, carrier='the "auth" parameter') if auth is not None else None
