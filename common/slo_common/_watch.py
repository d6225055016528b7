"""Makes the events of one call."""

from __future__ import annotations

import functools
import itertools
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from slo_common._auth import SHORTEST
from slo_common._body import Sink
from slo_common._errors import OutcomeUnknown, Sent, SloError, shown
from slo_common._event_log import log
from slo_common._events import (
    AttemptEnded,
    AttemptStarted,
    BudgetSeen,
    CallEnded,
    CallStarted,
    Event,
    RateLimitWait,
    RetryScheduled,
)
from slo_common._listeners import Listeners
from slo_common._ratelimit import RateLimitState
from slo_common._secret import Secret
from slo_common._values import Call, Reply, Safety

_numbers: Final = itertools.count(1)


@functools.lru_cache(maxsize=64)
def _place(base_url: str) -> tuple[str, int, str]:
    """Host, port and path of a base address."""
    parts = urlsplit(base_url)
    port = parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80
    return parts.hostname or "", port, parts.path


def _route(target: str, subject: str) -> str:
    """A target without its query and its id: what a backend for traces can group by."""
    segments = target.partition("?")[0].split("/")
    encoded = quote(subject, safe="")
    for i in range(len(segments) - 1, 0, -1):
        if segments[i] == encoded:
            segments[i] = "{id}"
            break
    return "/".join(segments)


class CountingSink:
    """A sink that counts what goes into it."""

    def __init__(self, inner: Sink) -> None:
        self._inner = inner
        self.count = 0

    def reset(self) -> None:
        self.count = 0
        self._inner.reset()

    def write(self, chunk: bytes) -> None:
        self.count += len(chunk)
        self._inner.write(chunk)


class Watch:
    """The events of one call, told as they happen."""

    __slots__ = ("_call", "_counter", "_id", "_listeners")

    def __init__(self, listeners: Listeners, call: Call[Any]) -> None:
        self._listeners = listeners
        self._call = call
        self._id = next(_numbers)
        self._counter: CountingSink | None = None

    def _tell(self, event: Event) -> None:
        log(self._listeners.logger, event)
        self._listeners.tell_hooks(event)

    def counted(self, sink: Sink | None) -> Sink | None:
        """The sink of a download, with its bytes counted."""
        self._counter = None if sink is None else CountingSink(sink)
        return self._counter

    def call_started(self, base_url: str) -> None:
        call = self._call
        server, port, path = _place(base_url)
        self._tell(
            CallStarted(
                call_id=self._id,
                call=call.name,
                method=call.method,
                route=path + _route(call.target, call.subject),
                server=server,
                port=port,
                subject=shown(call.subject, limit=100),
                writes=call.safety is not Safety.READ,
            )
        )

    def waits(self, seconds: float, reason: Literal["turn", "refused"], waited: float) -> None:
        self._tell(
            RateLimitWait(
                call_id=self._id, call=self._call.name, seconds=seconds, reason=reason, bucket=self._call.bucket, waited=waited
            )
        )

    def attempt_started(self, attempt: int) -> None:
        self._tell(AttemptStarted(call_id=self._id, call=self._call.name, attempt=attempt))

    def attempt_ended(
        self,
        attempt: int,
        elapsed: float,
        reply: Reply | None,
        limits: RateLimitState,
        error: BaseException | None,
        secrets: tuple[Secret, ...],
    ) -> None:
        """Also tells the budget, if the reply says something about it."""
        if limits.limit is not None or limits.remaining is not None:
            self._tell(
                BudgetSeen(
                    call_id=self._id,
                    call=self._call.name,
                    bucket=_header(limits.name, secrets) or self._call.bucket,
                    limit=limits.limit,
                    remaining=limits.remaining,
                    period=limits.period,
                    resets_in=limits.reset_in,
                )
            )
        self._tell(
            AttemptEnded(
                call_id=self._id,
                call=self._call.name,
                attempt=attempt,
                elapsed=elapsed,
                status=None if reply is None else reply.status,
                request_id=None if reply is None else _header(reply.header("x-request-id"), secrets),
                sent=Sent.YES if reply is not None else error.sent if isinstance(error, SloError) else Sent.MAYBE,
                request_bytes=len(self._call.content or b""),
                response_bytes=(0 if reply is None else len(reply.body)) + (0 if self._counter is None else self._counter.count),
                retry_after=limits.retry_after,
                error=None if error is None else type(error).__name__,
                detail=_said(error),
            )
        )

    def retry(self, attempt: int, error: SloError, pause: float) -> None:
        self._tell(
            RetryScheduled(
                call_id=self._id,
                call=self._call.name,
                attempt=attempt,
                pause=pause,
                error=type(error).__name__,
                status=getattr(error, "status", None),
                retry_after=getattr(error, "retry_after", None),
            )
        )

    def call_ended(self, error: BaseException | None, *, in_doubt: bool, attempts: int, elapsed: float, waited: float) -> None:
        request_id: str | None = getattr(error, "request_id", None) if isinstance(error, SloError) else None
        self._tell(
            CallEnded(
                call_id=self._id,
                call=self._call.name,
                outcome=_outcome(error, in_doubt=in_doubt),
                error=None if error is None else type(error).__name__,
                detail=_said(error),
                status=getattr(error, "status", None) if isinstance(error, SloError) else None,
                request_id=None if request_id is None else shown(request_id, limit=100),
                sent=error.sent if isinstance(error, SloError) else None,
                attempts=attempts,
                elapsed=elapsed,
                waited=waited,
            )
        )


def _header(text: str | None, secrets: tuple[Secret, ...]) -> str | None:
    """A server's words, without a credential that it repeats."""
    if not text:
        return None
    for secret in (s.reveal() for s in secrets):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, "***")
    return shown(text, limit=100)


def _said(error: BaseException | None) -> str:
    """The message of an error of ours; what others say may quote anything."""
    return str(error) if isinstance(error, SloError) else ""


def _outcome(error: BaseException | None, *, in_doubt: bool) -> Literal["ok", "failed", "unknown", "cancelled"]:
    if error is None:
        return "ok"
    if in_doubt or isinstance(error, OutcomeUnknown):
        return "unknown"
    return "failed" if isinstance(error, Exception) else "cancelled"
