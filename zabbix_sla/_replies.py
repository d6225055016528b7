"""From a Zabbix reply to a result or an exception. The server's text decides, since its codes differ between versions.

All outcomes of the API come with HTTP 200; other statuses are those of PHP, the web server or a proxy. Source: observed on 6.0.14
and 7.0.22, and the Zabbix API reference, "Error handling".
"""

from __future__ import annotations

import re
from typing import Final

from slo_common._errors import (
    AlreadyExists,
    ApiError,
    AuthenticationError,
    BadRequest,
    DecodeError,
    ErrorDetail,
    MalformedResponse,
    NotFound,
    PermissionDenied,
    ServerError,
    ServiceUnavailable,
    SloError,
    UnexpectedContent,
    UnexpectedRedirect,
    ValidationFailed,
    api_error,
)
from slo_common._json import excerpt, not_json, parse
from slo_common._jsonrpc import Failure, InvalidEnvelope, Success, Unanswered, answer, answers
from slo_common._ratelimit import parse as parse_rate_limit
from slo_common._url import redirect_hint
from slo_common._values import Reply
from zabbix_sla._errors import MethodNotFound, ServerOutOfMemory, SessionEnded, UnsupportedVersion

SESSION_ENDED: Final = "Session terminated, re-login, please."
NOT_AUTHORISED: Final = "Not authorized."
BAD_LOGIN: Final = "Incorrect user name or password or account is temporarily blocked."
NO_OBJECT: Final = "No permissions to referred object or it does not exist!"
UNEXPECTED_AUTH: Final = 'Invalid parameter "/": unexpected parameter "auth".'

_PATH: Final = re.compile(r'^Invalid parameter "([^"]*)": (.*)$', re.DOTALL)
_DATABASE: Final = (
    "Error connecting to database",
    "Database error occurred",
    "Your database is not working properly",
    "SQL statement",
)
_MEMORY_HINT: Final = (
    "PHP's memory limit is the likely cause: ask for fewer periods or services, use sla.report (it splits), or raise memory_limit"
)
_URL_HINT: Final = "Is the address that of api_jsonrpc.php?"


def check_status(reply: Reply, *, call: str, subject: str) -> None:
    """Raise for every HTTP status but 200."""
    status = reply.status
    if status == 200:
        return
    kind: type[ApiError] | None = None
    hint: str | None = None
    if status == 412:
        kind, hint = BadRequest, "Zabbix got no Content-Type that it knows: a proxy in between changes or drops it"
    elif status == 404:
        hint = _URL_HINT
    elif 300 <= status < 400:
        kind, hint = UnexpectedRedirect, f"{redirect_hint(reply.header('location'))}. {_URL_HINT}"
    elif status == 500 and not reply.body.strip() and call == "zabbix.sla.getsli":
        kind, hint = ServerOutOfMemory, _MEMORY_HINT
    elif status == 413:
        hint = "The request is larger than the web server allows: send smaller batches"
    wait = parse_rate_limit(reply.headers)
    raise api_error(
        status,
        call=call,
        subject=subject,
        errors=_page_title(reply),
        hint=hint,
        kind=kind,
        retry_after=wait.hint if status == 429 else wait.retry_after,
    )


def _page_title(reply: Reply) -> tuple[ErrorDetail, ...]:
    found = re.search(rb"<title>([^<]{1,200})</title>", reply.body[:2000])
    return (ErrorDetail(detail=found.group(1).decode("utf-8", "replace").strip()),) if found else ()


def parsed(reply: Reply, *, call: str) -> object:
    """The JSON of a reply with status 200, or the exception that says what came instead and what to do."""
    try:
        return parse(reply.body)
    except ValueError as e:
        reason = str(e)
    raise no_answer(reply, call=call, reason=reason)


def no_answer(reply: Reply, *, call: str, reason: str) -> SloError:
    """The exception for a reply with status 200 that is no JSON."""
    body = reply.body.lstrip()
    said: str | None = None
    if b"Allowed memory size" in body[:2000]:
        detail = ErrorDetail(detail="PHP: allowed memory size exhausted")
        return api_error(reply.status, call=call, errors=(detail,), hint=_MEMORY_HINT, kind=ServerOutOfMemory)
    if body.startswith(b"<") and body.rstrip().endswith(b"}"):
        said = "PHP printed a message in front of the JSON: switch display_errors off on the server, and see the excerpt"
    elif body.startswith(b"<") or reply.content_type == "text/html":
        said = f"an HTML page came where JSON was expected: {_URL_HINT} Or a proxy asks for a login"
    if said is None:
        return not_json(reply, call=call, request_id=None, reason=reason)
    return UnexpectedContent(f"{call}: {said}", call=call, excerpt=excerpt(reply.body), status=reply.status)


def misfit(problem: str, *, call: str, reply: Reply | None) -> DecodeError:
    """The exception for a result that is not what was asked for; ``problem`` is ``path: reason``."""
    from slo_common._convert import decode_error

    return decode_error([problem], call=call, reply=reply, request_id=None)


def single(reply: Reply, *, call: str, subject: str, method: str) -> object:
    """The result of one call; raises its error."""
    check_status(reply, call=call, subject=subject)
    return unwrapped(parsed(reply, call=call), reply, call=call, subject=subject, method=method)


def unwrapped(value: object, reply: Reply, *, call: str, subject: str, method: str) -> object:
    """The result member of an envelope that is already parsed."""
    try:
        found = answer(value, id=1)
    except InvalidEnvelope as e:
        problem = str(e)
    else:
        if isinstance(found, Success):
            return found.result
        raise error_of(found, reply, call=call, subject=subject, method=method)
    raise MalformedResponse(f"{call}: {problem}", call=call, excerpt=excerpt(reply.body), status=reply.status)


def many(reply: Reply, *, call: str, count: int) -> tuple[Success | Failure | Unanswered, ...]:
    """The answers of a batch in the order of its calls; one failure alone means that the batch was refused as a whole."""
    check_status(reply, call=call, subject="")
    value = parsed(reply, call=call)
    try:
        return answers(value, count=count)
    except InvalidEnvelope as e:
        problem = str(e)
    raise MalformedResponse(f"{call}: {problem}", call=call, excerpt=excerpt(reply.body), status=reply.status)


def error_of(failure: Failure, reply: Reply, *, call: str, subject: str, method: str) -> ApiError:
    """The exception for an error of the API: the same for 6.0 and 7.0, whose codes differ."""
    # Where the server cannot work at all, 6.0 puts the text into the message and uses the code 1.
    text = failure.data or failure.message
    kind, hint = _kind_of(failure.code, text, method)
    found = _PATH.match(text)
    parameter = _argument(found.group(1)) if found else None
    detail = ErrorDetail(detail=found.group(2) if found else text or "no reason given", code=str(failure.code), parameter=parameter)
    return api_error(reply.status, call=call, subject=subject, errors=(detail,), hint=hint, kind=kind)


def _argument(path: str) -> str | None:
    """``/1/service_tags/2/tag`` counts from 1; an argument's name does not.

    >>> _argument("/1/service_tags/2/tag")
    'service_tags[1].tag'
    """
    parts = [p for p in path.split("/") if p]
    if parts and parts[0].isdecimal():
        parts = parts[1:]
    name = ""
    for part in parts:
        name += f"[{int(part) - 1}]" if part.isdecimal() and name else f".{part}" if name else part
    return name or None


def _kind_of(code: int, text: str, method: str) -> tuple[type[ApiError], str | None]:
    if text == SESSION_ENDED:
        return SessionEnded, None
    if text == UNEXPECTED_AUTH:
        return (
            AuthenticationError,
            "This server takes the credential only in the Authorization header: auth_transport='header' or 'auto'",
        )
    if text in {NOT_AUTHORISED, BAD_LOGIN, "API token expired."}:
        return AuthenticationError, None
    if text.startswith("No permissions to call"):
        return PermissionDenied, "The role of this user does not allow it"
    if text.startswith(_DATABASE):
        return ServiceUnavailable, None
    if text == NO_OBJECT:
        return NotFound, "Zabbix says the same for an object that is hidden, and in sla.getsli also when its database fails"
    if text.startswith("Incorrect API") and method.partition(".")[0] == "sla":
        return UnsupportedVersion, "SLAs came with Zabbix 6.0"
    if code == -32601:
        return MethodNotFound, None
    return _by_code(code, text), "The frontend may be closed for maintenance" if code == 1 else None


def _by_code(code: int, text: str) -> type[ApiError]:
    if code in {1, -32603}:
        return ServiceUnavailable
    if text.endswith(" already exists.") and not text.startswith("Invalid parameter"):
        return AlreadyExists
    if code == -32602:
        return ValidationFailed
    if code in {-32600, -32700}:
        return BadRequest
    return ServerError if code in {-32400, -32300} else ApiError
