"""Datadog's replies: one check for all of them, and an error parser for every shape that was seen."""

from __future__ import annotations

from typing import NoReturn

from slo_common._errors import ApiError, ErrorDetail, OperationGone, api_error
from slo_common._json import JsonValue, loads, parse
from slo_common._ratelimit import parse as parse_rate_limit
from slo_common._url import redirect_hint
from slo_common._values import Reply

KEYS_HINT = "Check DD_API_KEY, DD_APP_KEY and the site: keys belong to one site"
REPORTS_HINT = "The report endpoints are a closed beta that ends on 2027-01-25; reports.run(engine='client') builds the same report without them"


def request_id(reply: Reply) -> str | None:
    return reply.header("x-request-id") or None


def json_of(
    reply: Reply, *, call: str, subject: str = "", kind: type[ApiError] | None = None, values: tuple[int, ...] = ()
) -> JsonValue:
    """The JSON of a good reply; statuses in ``values`` are good too. Raises the exception of any other."""
    check(reply, call=call, subject=subject, kind=kind, values=values)
    return loads(reply, call=call, request_id=request_id(reply))


def check(reply: Reply, *, call: str, subject: str = "", kind: type[ApiError] | None = None, values: tuple[int, ...] = ()) -> None:
    """Raise the exception of a reply that is not good. ``kind``: what a 404 or 410 of this operation means."""
    if reply.status in values or reply.status < 300:
        return
    raise_error(reply, call=call, subject=subject, kind=kind if reply.status in (404, 410) else None)


def raise_error(reply: Reply, *, call: str, subject: str, kind: type[ApiError] | None) -> NoReturn:
    budget = parse_rate_limit(reply.headers)
    raise api_error(
        reply.status,
        call=call,
        subject=subject,
        errors=errors_of(reply),
        request_id=request_id(reply),
        hint=_hint(reply, call, kind),
        retry_after=budget.hint if reply.status == 429 else budget.retry_after,
        kind=kind,
    )


def _hint(reply: Reply, call: str, kind: type[ApiError] | None) -> str | None:
    if 300 <= reply.status < 400:
        return redirect_hint(reply.header("location"))
    if reply.status == 401:
        return KEYS_HINT
    if call.startswith("datadog.reports.") and (reply.status in (403, 410) or kind is OperationGone):
        return REPORTS_HINT
    return KEYS_HINT if reply.status == 403 else None


def errors_of(reply: Reply) -> tuple[ErrorDetail, ...]:
    """What the body says, in any shape seen: texts, objects, a map of id to text, one text; nothing for HTML and empty bodies."""
    try:
        body = parse(reply.body)
    except ValueError:
        return ()
    if not isinstance(body, dict):
        return ()
    found = body.get("errors")
    if found is None:
        found = body.get("error")
    if found is None and any(name in body for name in ("detail", "title", "message")):  # RFC 9457, and what gateways write
        return (_detail(body),)
    if isinstance(found, str):
        return (ErrorDetail(detail=found),)
    if isinstance(found, dict):
        return tuple(ErrorDetail(detail=_text(v), parameter=k) for k, v in found.items())
    if isinstance(found, list):
        return tuple(_detail(item) for item in found)
    return ()


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else str(value)


def _detail(item: JsonValue) -> ErrorDetail:
    if not isinstance(item, dict):
        return ErrorDetail(detail=_text(item))
    source = item.get("source")
    at = source if isinstance(source, dict) else {}
    title = _optional(item, "title")
    return ErrorDetail(
        detail=_optional(item, "detail") or _optional(item, "message") or _optional(item, "error") or title or "no reason given",
        title=title,
        status=_optional(item, "status"),
        pointer=_optional(at, "pointer"),
        parameter=_optional(at, "parameter") or _optional(at, "header"),
    )


def _optional(item: dict[str, JsonValue], name: str) -> str | None:
    value = item.get(name)
    return None if value is None or value == "" else _text(value)
