"""Every exception of the SDK. Each says whether the request was sent and whether repeating it is safe; none holds a secret.

``sent`` is ``"no"``, ``"maybe"`` or ``"yes"`` (a reply came); ``retry_safe`` is True, False or None (nobody can know);
``attempts`` tells each try. All of them survive pickling.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sent(enum.StrEnum):
    """Whether the server may have seen the request."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@frozen(kw_only=True)
class Attempt:
    """One try of a call that failed."""

    number: int
    error: str
    """The class of the error."""
    sent: Sent
    status: int | None = None
    request_id: str | None = None
    elapsed: float = 0.0
    """Seconds from sending to failing."""


@frozen(kw_only=True)
class ErrorDetail:
    """One error of a reply, in the vendor's words."""

    detail: str
    title: str | None = None
    code: str | None = None
    status: str | None = None
    pointer: str | None = None
    """Where in the request document, such as ``/data/attributes/name``."""
    parameter: str | None = None
    """Which argument or query parameter caused it."""

    def __str__(self) -> str:
        head = f"{self.title}: {self.detail}" if self.title and self.title != self.detail else self.detail
        where = self.parameter or self.pointer
        return f"{where}: {head}" if where else head


def _rebuild(cls: type[SloError], args: tuple[Any, ...], state: Mapping[str, Any]) -> SloError:
    error = cls.__new__(cls, *args)
    error.args = args  # TimeoutError, as an OSError, forgets them
    error.__dict__.update(state)
    return error


class SloError(Exception):
    """Base of all exceptions of this SDK."""

    sent: Sent = Sent.NO
    retry_safe: bool | None = False
    attempts: tuple[Attempt, ...] = ()

    _dropped_by_pickle: ClassVar[frozenset[str]] = frozenset()

    def __reduce__(self) -> tuple[Any, ...]:
        state = {k: v for k, v in self.__dict__.items() if k not in self._dropped_by_pickle}
        return (_rebuild, (type(self), self.args, state))


# Before any request.


class ConfigurationError(SloError):
    """The client cannot be set up: a credential, an address or an environment variable is missing or malformed."""


class InsecureURL(ConfigurationError):
    """``http://`` to a host that is not this machine, without ``allow_insecure=True``: credentials would travel in the clear."""


class InvalidArgument(SloError, ValueError):
    """One or more arguments are not allowed; nothing was sent. ``problems`` has one line for each, all found at once."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ClientClosed(SloError):
    """The client was closed before or during the call."""


class LoopMismatch(SloError):
    """An async client was used in another event loop than the one it began in."""


class LimiterUnavailable(SloError):
    """The shared rate limiter's store does not answer and its policy is to refuse."""

    retry_safe: bool | None = True


# On the way.


class TransportError(SloError):
    """No usable reply came. ``sent`` tells how far the request got."""

    retry_safe: bool | None = None

    def __init__(self, message: str, *, sent: Sent = Sent.MAYBE) -> None:
        super().__init__(message)
        self.sent = sent
        if sent is Sent.NO:
            self.retry_safe = True


class ConnectFailed(TransportError):
    """No connection: name not found, refused, or timed out. Never sent; ``reason`` is dns, refused, timeout or other."""

    def __init__(self, message: str, *, reason: str = "other") -> None:
        super().__init__(message, sent=Sent.NO)
        self.reason = reason


class TLSError(TransportError):
    """The server's certificate was not accepted. Never sent, never retried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=Sent.NO)
        self.retry_safe = False


class PoolExhausted(TransportError):
    """All connections of the client were in use for the whole connect timeout. Never sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=Sent.NO)


class ProxyFailed(TransportError):
    """The proxy refused or failed. Never sent. ``final``: it refused the client itself (407)."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message, sent=Sent.NO)
        if final:
            self.retry_safe = False


class ConnectionLost(TransportError):
    """The connection broke after the request was sent, or while it was."""


class ReadTimeout(TransportError):
    """The server did not answer in time."""


class TruncatedResponse(TransportError):
    """The reply ended before it was complete; nothing of it is used."""


class ProtocolError(TransportError):
    """What came was not HTTP, or not the protocol of this vendor. ``final``: another try would bring the same."""

    def __init__(self, message: str, *, sent: Sent = Sent.MAYBE, final: bool = False) -> None:
        super().__init__(message, sent=sent)
        if final:
            self.retry_safe = False


class ResponseTooLarge(TransportError):
    """The reply is larger than the limit. ``limit`` and ``seen`` are bytes after decompression."""

    def __init__(self, message: str, *, limit: int, seen: int) -> None:
        super().__init__(message, sent=Sent.YES)
        self.retry_safe = False
        self.limit = limit
        self.seen = seen


class DeadlineExceeded(TransportError, TimeoutError):
    """The call's total ``timeout`` passed, all attempts and pauses included (waiting for a rate limit is not counted)."""


class OutcomeUnknown(TransportError):
    """A write was sent and its answer was lost: it may have been applied, and a repeat could apply it twice.

    ``operation`` names the call, ``first_sent_at`` when (UTC). ``reconcile()`` looks it up, without writing, where the vendor
    offers a look-up; else it raises :class:`ConfigurationError`. With an async client ``await error.reconcile()``.
    """

    _dropped_by_pickle: ClassVar[frozenset[str]] = frozenset({"_reconcile"})

    def __init__(
        self, message: str, *, operation: str, first_sent_at: datetime, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, sent=Sent.MAYBE)
        self.operation = operation
        self.first_sent_at = first_sent_at
        self.status = status
        self.request_id = request_id
        self._reconcile: Callable[[], Any] | None = None

    def with_look_up(self, look: Callable[[], Any]) -> Self:
        """For the clients: how :meth:`reconcile` finds out."""
        self._reconcile = look
        return self

    def reconcile(self) -> Any:
        """Ask the server whether it was applied. Only reads. The result's type is said by the method that raised."""
        look = self.__dict__.get("_reconcile")
        if look is None:
            raise ConfigurationError(
                f"{self.operation}: there is no look-up for this operation (or the error crossed a process boundary)"
            )
        return look()


class UnfinishedWrite(OutcomeUnknown, DeadlineExceeded):
    """The call's total ``timeout`` passed after a write was sent: both an :class:`OutcomeUnknown` and a :class:`DeadlineExceeded`."""


# An answer that says no.


class ApiError(SloError):
    """The vendor answered with an error. ``status`` is the HTTP status, ``errors`` the vendor's own words."""

    sent = Sent.YES

    def __init__(
        self,
        message: str,
        *,
        status: int,
        call: str = "",
        errors: tuple[ErrorDetail, ...] = (),
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.call = call
        self.errors = errors
        self.request_id = request_id
        self.hint = hint


class AuthenticationError(ApiError):
    """401: the credentials are missing, wrong, expired or revoked."""


class PermissionDenied(ApiError):
    """403: the credentials are good and do not allow this."""


class NotFound(ApiError):
    """404: no such object, or it may not be seen."""


class OperationGone(NotFound):
    """The operation itself is gone (410), or the vendor does not offer it to this organisation."""


class Conflict(ApiError):
    """409: the state of the object does not allow it."""


class AlreadyExists(Conflict):
    """An object of that name exists."""


class ValidationFailed(ApiError):
    """The vendor refused the arguments; ``errors`` name them where the vendor did."""


class BadRequest(ValidationFailed):
    """400."""


class UnsupportedMediaType(ApiError):
    """415: the content type is not what the vendor wants."""


class RateLimited(ApiError):
    """429 (or a 403 that says when to come back), given up.

    ``retry_after`` is the server's hint in seconds or None; repeating later is always safe.
    """

    retry_safe: bool | None = True

    def __init__(
        self, message: str, *, retry_after: float | None = None, exceeds_max_wait: bool = False, sent: Sent = Sent.YES, **rest: Any
    ) -> None:
        super().__init__(message, **rest)
        self.sent = sent
        self.retry_after = retry_after
        self.exceeds_max_wait = exceeds_max_wait


class RequestTimeout(ApiError):
    """408: the server did not get the whole request in time."""

    retry_safe: bool | None = True


class TooEarly(ApiError):
    """425: the server would not risk a replayed request."""

    retry_safe: bool | None = True


class ServerError(ApiError):
    """5xx: the server failed. For a write nobody can know whether it was applied."""

    retry_safe: bool | None = None


class ServiceUnavailable(ServerError):
    """503. ``retry_after`` is the server's hint in seconds or None."""

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class UnexpectedRedirect(ApiError):
    """3xx: redirects are never followed, because credentials would follow too. The message names the origin it pointed to."""


class PartialFailure(ApiError):
    """Part of a bulk operation failed; ``result`` tells which. Raised only when asked for."""

    def __init__(self, message: str, *, result: object, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.result = result


# An answer that cannot be used.


class MalformedResponse(SloError):
    """The reply is not what the protocol promises (no JSON, bad UTF-8, too deep). ``excerpt`` shows its start."""

    sent = Sent.YES

    def __init__(
        self, message: str, *, call: str = "", request_id: str | None = None, excerpt: str = "", status: int | None = None
    ) -> None:
        super().__init__(message)
        self.call = call
        self.request_id = request_id
        self.excerpt = excerpt
        self.status = status


class UnexpectedContent(MalformedResponse):
    """Another content type came: a login page, a proxy's notice."""


class DecodeError(MalformedResponse):
    """The reply is well-formed and does not fit the model. ``paths`` names every bad field, such as ``$.data.id``."""

    def __init__(self, message: str, *, paths: tuple[str, ...] = (), **rest: Any) -> None:
        super().__init__(message, **rest)
        self.paths = paths


class UntrustedLink(MalformedResponse):
    """The reply links to another origin; it is not followed."""


class PaginationError(MalformedResponse):
    """The pages do not end or repeat themselves."""


# Reports.


class PollTimeout(SloError, TimeoutError):
    """The job did not end in time; it goes on at the vendor. ``handle`` resumes it, also in another process."""

    sent = Sent.YES
    retry_safe: bool | None = True

    def __init__(self, message: str, *, handle: str = "", last_status: object = None) -> None:
        super().__init__(message)
        self.handle = handle
        self.last_status = last_status


class ReportFailed(SloError):
    """The vendor ended the job as failed. ``report_id`` and ``status`` as the vendor gave them."""

    sent = Sent.YES

    def __init__(self, message: str, *, report_id: str, status: str) -> None:
        super().__init__(message)
        self.report_id = report_id
        self.status = status


class ReportPartial(ReportFailed):
    """The job ended with errors in some rows and the caller asked for all or nothing."""


class ReportUnavailable(SloError):
    """The job is complete but its file is not there (any more); reports are not kept for ever."""

    sent = Sent.YES

    def __init__(self, message: str, *, report_id: str) -> None:
        super().__init__(message)
        self.report_id = report_id


def shown(text: str, *, limit: int = 500) -> str:
    """A text of the server's or the caller's as a message may hold it: of bounded length, and unable to forge a line of a log."""
    if len(text) <= limit and text.isprintable():
        return text
    start = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return start if len(text) <= limit else f"{start}... ({len(text)} characters)"


def about(call: str, subject: str) -> str:
    """A call and what it is about, for the head of a message."""
    return f"{call} {shown(subject, limit=100)!r}" if subject else call


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    408: RequestTimeout,
    409: Conflict,
    410: OperationGone,
    415: UnsupportedMediaType,
    422: ValidationFailed,
    425: TooEarly,
    429: RateLimited,
    503: ServiceUnavailable,
}


def error_class(status: int) -> type[ApiError]:
    """The exception for an HTTP status: the one place where this is decided."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return ServerError
    if 300 <= status < 400:
        return UnexpectedRedirect
    return ApiError


def api_error(
    status: int,
    *,
    call: str,
    subject: str = "",
    errors: tuple[ErrorDetail, ...] = (),
    request_id: str | None = None,
    hint: str | None = None,
    retry_after: float | None = None,
    kind: type[ApiError] | None = None,
) -> ApiError:
    """Build the exception of an error reply. ``kind`` overrides the class that the status would choose.

    The message names the call, its subject, the status, the vendor's text, the request id and the hint.
    """
    if kind is None:
        # A firewall in front of the vendor that refuses with 403 and says when to come back means a rate limit.
        kind = RateLimited if status == 403 and retry_after is not None else error_class(status)
    said = shown("; ".join(str(e) for e in errors[:20])) or "no reason given"
    message = f"{about(call, subject)}: HTTP {status}: {said}"
    if request_id:
        message += f" (request id {shown(request_id, limit=100)})"
    if hint:
        message += f". {hint}"
    more: dict[str, Any] = {"retry_after": retry_after} if issubclass(kind, (RateLimited, ServiceUnavailable)) else {}
    return kind(message, status=status, call=call, errors=errors, request_id=request_id, hint=hint, **more)
