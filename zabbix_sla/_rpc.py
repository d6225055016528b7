"""A Zabbix call as a value: method, parameters and how to read the result; alone, or with others in one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, TypeVar, cast

from attrs import field, frozen

from slo_common._check import Problems
from slo_common._errors import AuthenticationError, InvalidArgument, MalformedResponse, OutcomeUnknown, SloError, about
from slo_common._json import dumps, excerpt
from slo_common._jsonrpc import Failure, Success, Unanswered, batch, request
from slo_common._values import Call, Reply, Safety
from zabbix_sla import _replies

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
"""What a call gives. Covariant, so that one batch may hold calls that give different things."""

_MADE = "what the functions of zabbix_sla.calls make"

HEADERS = (("content-type", "application/json-rpc"), ("accept", "application/json"))
BUCKET = "api"
FREE_METHODS = frozenset({"apiinfo.version", "user.login", "user.checkauthentication"})
"""Methods that take no credential, and refuse one. In lower case, since Zabbix does not mind the case."""


@frozen(kw_only=True, eq=False)
class Rpc(Generic[T_co]):
    """One call of the API, not yet sent. Made by the functions of :mod:`zabbix_sla.calls`; sent by ``batch``."""

    method: str
    params: object = field(repr=False)  # those of a login hold the password
    safety: Safety
    read: Callable[[object, Reply], T_co]
    subject: str = ""
    gone: Callable[[], T_co] | None = None
    """Of a delete: what it gives when a repeat finds nothing, because the attempt whose answer was lost did it."""
    left: Rpc[int] | None = None
    """Of a delete of several: counts those that are there. A repeat finds nothing also if one of them never was, and then none was deleted."""
    decode: Callable[[Reply], T_co] | None = None
    """Reads the whole reply of a single call, where that is faster than through ``read``."""

    @property
    def name(self) -> str:
        """For logs and errors, such as ``zabbix.sla.get``."""
        return f"zabbix.{self.method}"

    @property
    def takes_credentials(self) -> bool:
        """Whether it is sent with the client's credential."""
        return self.method.lower() not in FREE_METHODS


@frozen(kw_only=True)
class Outcome(Generic[T_co]):
    """What became of one call of a batch: a value or an error."""

    method: str
    value: T_co | None = None
    error: SloError | None = None

    def unwrap(self) -> T_co:
        """The value; raises the error if that is what came."""
        if self.error is not None:
            raise self.error
        return cast(T_co, self.value)


def single(rpc: Rpc[T]) -> Call[T]:
    """The HTTP call for one call of the API."""

    def through_read(reply: Reply) -> T:
        result = _replies.single(reply, call=rpc.name, subject=rpc.subject, method=rpc.method)
        return rpc.read(result, reply)

    return Call(
        name=rpc.name,
        method="POST",
        target="",
        headers=HEADERS,
        content=_content(request(rpc.method, rpc.params, id=1)),
        safety=rpc.safety,
        bucket=BUCKET,
        subject=rpc.subject,
        decode=rpc.decode if rpc.decode is not None else through_read,
        gone_is_done=rpc.gone is not None and rpc.left is None,
        gone=rpc.gone,
    )


def _content(envelope: object) -> bytes:
    try:
        return dumps(envelope)
    except (TypeError, ValueError, RecursionError) as e:  # what ``call`` was given, since all else is checked
        problem = str(e)
    raise InvalidArgument(f"params: {problem}; allowed: what JSON can hold")


def checked(calls: object) -> tuple[Rpc[object], ...]:
    """The calls of a batch. Raises InvalidArgument."""
    problems = Problems()
    found: list[Rpc[object]] = []
    if isinstance(calls, str | bytes) or not isinstance(calls, Iterable):
        raise InvalidArgument(f"calls: {calls!r} was given; allowed: a list of {_MADE}")
    for i, rpc in enumerate(cast("Iterable[object]", calls)):
        if not isinstance(rpc, Rpc):
            problems.add(f"calls[{i}]: {rpc!r} was given; allowed: {_MADE}")
            continue
        found.append(cast("Rpc[object]", rpc))
        if not found[-1].takes_credentials:
            problems.add(
                f"calls[{i}]: {rpc.method} was given; allowed: calls that take credentials, since one batch has one credential"
            )
    if not found and not problems.found:
        problems.add("calls: none was given; allowed: at least one")
    problems.raise_if_any()
    return tuple(found)


def _safety_of(rpcs: Iterable[Rpc[object]]) -> Safety:
    """As safe to repeat as the least safe of them; and not at all, if a repeat would be answered otherwise: a read that stands before a
    change would then read what was changed, a change that stands before a deletion would not find what was deleted.
    """
    ranks = [2 if r.safety is Safety.READ else 1 if r.gone is None else 0 for r in rpcs]
    if ranks != sorted(ranks):
        return Safety.UNSAFE
    safeties = {r.safety for r in rpcs}
    return next(s for s in (Safety.UNSAFE, Safety.IDEMPOTENT, Safety.READ) if s in safeties)


def together(rpcs: Sequence[Rpc[T]], *, began: datetime) -> Call[tuple[Outcome[T], ...]]:
    """One HTTP call for many calls of the API. ``began``: when they are sent, for those whose answer does not come."""

    def decode(reply: Reply) -> tuple[Outcome[T], ...]:
        found = _replies.many(reply, call="zabbix.batch", count=len(rpcs))
        if len(found) != len(rpcs):  # one error for all of it
            found = found * len(rpcs)
        outcomes = tuple(_outcome(rpc, answer, reply, began) for rpc, answer in zip(rpcs, found, strict=True))
        # One credential serves the batch: refused for all is refused once, so that a session can be renewed.
        errors = [o.error for o in outcomes]
        first = errors[0]
        if isinstance(first, AuthenticationError) and all(type(e) is type(first) for e in errors):
            raise first
        return outcomes

    return Call(
        name="zabbix.batch",
        method="POST",
        target="",
        headers=HEADERS,
        content=_content(batch([(r.method, r.params) for r in rpcs])),
        safety=_safety_of(rpcs),
        bucket=BUCKET,
        decode=decode,
        errors_in=lambda outcomes: (o.error for o in outcomes if o.error is not None),
    )


def _outcome(rpc: Rpc[T], answer: Success | Failure | Unanswered, reply: Reply, began: datetime) -> Outcome[T]:
    error: SloError
    match answer:
        case Success():
            try:
                return Outcome(method=rpc.method, value=rpc.read(answer.result, reply))
            except SloError as e:
                error = e
        case Failure():
            error = _replies.error_of(answer, reply, call=rpc.name, subject=rpc.subject, method=rpc.method)
        case _:
            error = _unanswered(rpc, reply, began)
    if error.retry_safe is None and rpc.safety is not Safety.UNSAFE:
        error.retry_safe = True
    return Outcome(method=rpc.method, error=error)


def _unanswered(rpc: Rpc[object], reply: Reply, began: datetime) -> SloError:
    problem = f"{about(rpc.name, rpc.subject)}: the reply answers other calls of the batch and not this one"
    if rpc.safety is Safety.READ:
        return MalformedResponse(problem, call=rpc.name, excerpt=excerpt(reply.body), status=reply.status)
    return OutcomeUnknown(f"{problem}; it may have been applied", operation=rpc.name, first_sent_at=began, status=reply.status)
