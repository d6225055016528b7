"""What every reply goes through: errors become exceptions in the vendor's words, anything else a JSON:API document."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve

from rootly_sla._names import attribute_in
from rootly_sla.errors import NameTaken, SlaRefused
from slo_common._convert import decode_error
from slo_common._errors import ApiError, ErrorDetail, api_error
from slo_common._json import loads, parse
from slo_common._jsonapi import Document, DocumentError, parse_document, parse_errors
from slo_common._ratelimit import parse as parse_rate_limit
from slo_common._url import redirect_hint
from slo_common._values import Reply

T = TypeVar("T")

_HINTS = {
    401: "Was the token right (argument token, or ROOTLY_API_TOKEN)?",
    403: "The key's role needs the permission for SLAs",
    415: "Something between this client and Rootly may have changed the content type",
}


def request_id(reply: Reply) -> str | None:
    """The vendor's name of the request, for its support."""
    return reply.header("x-request-id") or None


def document(reply: Reply, pick: Callable[[Document], T], *, call: str, subject: str = "") -> tuple[T, Document]:
    """What is picked of the document of a good reply, and the document.

    Raises the :class:`~slo_common.ApiError` of a bad one, and :class:`~slo_common.MalformedResponse` for what is no JSON:API; ``pick`` may
    raise :class:`DocumentError`.
    """
    if reply.status >= 300:
        raise refusal(reply, call=call, subject=subject)
    value = loads(reply, call=call, request_id=request_id(reply))
    try:
        read = parse_document(value)
        if read.errors and read.data is None:
            raise refusal(reply, call=call, subject=subject)
        return pick(read), read
    except DocumentError as e:
        problem = f"$.{e.path}: {e.problem}" if e.path != "document" else f"$: {e.problem}"
    raise decode_error([problem], call=call, reply=reply, request_id=request_id(reply))


def refusal(reply: Reply, *, call: str, subject: str) -> ApiError:
    """The exception of an error reply. The body may be JSON:API, ``{"error": ...}``, HTML or nothing: it never hides the status."""
    details = _details(reply)
    limits = parse_rate_limit(reply.headers)
    error = api_error(
        reply.status,
        call=call,
        subject=subject,
        errors=details,
        request_id=request_id(reply),
        hint=redirect_hint(reply.header("location")) if 300 <= reply.status < 400 else _HINTS.get(reply.status),
        retry_after=limits.hint if reply.status == 429 else limits.retry_after,
        kind=_kind(reply.status, details),
    )
    if isinstance(error, SlaRefused):
        error.problems = tuple(str(d) for d in details) or (str(error),)
    return error


def _details(reply: Reply) -> tuple[ErrorDetail, ...]:
    try:
        errors = parse_errors(parse(reply.body))
    except ValueError:
        return ()
    return tuple(_with_argument(e.for_caller) for e in errors)


def _with_argument(detail: ErrorDetail) -> ErrorDetail:
    """Rootly documents no ``source.pointer``; without one the argument is known from the words."""
    return detail if detail.parameter is not None else evolve(detail, parameter=attribute_in(detail.detail))


def _kind(status: int, details: tuple[ErrorDetail, ...]) -> type[ApiError] | None:
    if status != 422:
        return None
    taken = any(d.parameter == "name" and "taken" in f"{d.title} {d.detail} {d.code}".lower() for d in details)
    return NameTaken if taken and len(details) == 1 else SlaRefused
