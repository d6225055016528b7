"""Events as OpenTelemetry spans: one for the call, one for each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import TYPE_CHECKING, Final

from attrs import define, frozen

from slo_common._errors import ConfigurationError
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

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, TracerProvider

SCHEMA: Final = "https://opentelemetry.io/schemas/1.30.0"
"""The release of the conventions that the names of attributes are from."""


@frozen
class _Current:
    """A span that was made the current one, and the way back."""

    span: Span
    before: Token[Context]

    def end(self) -> None:
        from opentelemetry.context import detach

        detach(self.before)
        self.span.end()


@define
class _Open:
    """The spans of one call that have not ended."""

    started: CallStarted
    call: _Current
    attempt: _Current | None = None


class OpenTelemetryHook:
    """A hook that makes OpenTelemetry spans. Needs the extra ``otel``; an SDK and its exporters are for the program to set up.

    Each call is a span of kind INTERNAL named as the call (``datadog.slos.get``), a child of the span that is current where the call is
    made; each attempt is a child of that, of kind CLIENT, with the attributes of the HTTP conventions. Waits and retries are events of the
    call's span. Addresses are given by template, without ids and query. While an attempt runs, its span is the current one, so that an
    instrumented ``httpx.Client`` given as ``http=`` continues the trace; we send no ``traceparent`` to a vendor ourselves.

    ``tracer_provider``: by default the global one. One hook may serve all clients, threads and event loops of a process. Raises
    :class:`ConfigurationError` when opentelemetry-api is not installed.

    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> hook = OpenTelemetryHook(tracer_provider=TracerProvider())
    >>> RootlySLA(on_event=hook)  # doctest: +SKIP
    """

    def __init__(self, *, tracer_provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry.trace import get_tracer
        except ImportError as e:
            raise ConfigurationError("OpenTelemetryHook needs opentelemetry-api: pip install 'slo-sdk[otel]'") from e
        from slo_common._execute import VERSION

        self._tracer = get_tracer("slo_common", VERSION, tracer_provider=tracer_provider, schema_url=SCHEMA)
        self._open: dict[int, _Open] = {}  # by call id: each is touched by the thread or task of its call alone

    def __call__(self, event: Event) -> None:
        """Take one event. Called by the clients."""
        if isinstance(event, CallStarted):
            self._begin(event)
            return
        found = self._open.get(event.call_id)
        if found is None:  # its span could not be begun
            return
        match event:
            case AttemptStarted():
                self._begin_attempt(found, event)
            case BudgetSeen() if found.attempt is not None:
                found.attempt.span.set_attributes(
                    _known(
                        {
                            "slo.budget.name": event.bucket,
                            "slo.budget.limit": event.limit,
                            "slo.budget.remaining": event.remaining,
                            "slo.budget.resets_in": event.resets_in,
                        }
                    )
                )
            case AttemptEnded() if found.attempt is not None:
                _tell_reply(found.attempt.span, event)
                found.attempt.end()
                found.attempt = None
            case RateLimitWait():
                found.call.span.add_event(
                    "rate_limit.wait", {"seconds": event.seconds, "reason": event.reason, "bucket": event.bucket}
                )
            case RetryScheduled():
                found.call.span.add_event(
                    "retry", _known({"pause": event.pause, "error.type": event.error, "retry_after": event.retry_after})
                )
            case CallEnded():
                self._end(event)
            case _:
                return

    def _begin(self, event: CallStarted) -> None:
        span = self._tracer.start_span(
            event.call, attributes={"server.address": event.server, "server.port": event.port, "slo.call.id": event.call_id}
        )
        self._open[event.call_id] = _Open(started=event, call=_make_current(span))

    def _begin_attempt(self, found: _Open, event: AttemptStarted) -> None:
        from opentelemetry.trace import SpanKind

        call = found.started
        span = self._tracer.start_span(
            f"{call.method} {call.route}",
            kind=SpanKind.CLIENT,
            attributes=_known(
                {
                    "http.request.method": call.method,
                    "url.template": call.route,
                    "server.address": call.server,
                    "server.port": call.port,
                    "http.request.resend_count": event.attempt - 1 or None,
                }
            ),
        )
        found.attempt = _make_current(span)

    def _end(self, event: CallEnded) -> None:
        found = self._open.pop(event.call_id)
        if found.attempt is not None:  # interrupted in the moment between its beginning and its sending
            found.attempt.end()
        span = found.call.span
        span.set_attributes(
            {"slo.call.outcome": event.outcome, "slo.call.attempts": event.attempts, "slo.call.waited": event.waited}
        )
        _tell_failure(span, event.error, event.error, event.detail)
        found.call.end()


def _make_current(span: Span) -> _Current:
    from opentelemetry.context import attach
    from opentelemetry.trace import set_span_in_context

    return _Current(span, attach(set_span_in_context(span)))


def _tell_reply(span: Span, event: AttemptEnded) -> None:
    span.set_attributes(
        _known(
            {
                "http.response.status_code": event.status,
                "http.request.body.size": event.request_bytes or None,
                "slo.response.bytes": event.response_bytes,
                "slo.request_id": event.request_id,
                "slo.retry_after": event.retry_after,
                "slo.sent": event.sent.value,
            }
        )
    )
    # As the conventions want it: the status where that is the error, else the class.
    kind = str(event.status) if event.error is not None and event.status is not None and event.status >= 400 else event.error
    _tell_failure(span, event.error, kind, event.detail)


def _tell_failure(span: Span, error: str | None, kind: str | None, detail: str) -> None:
    """What ``Span.record_exception`` would tell, without the traceback: its frames are nobody's business at a tracing vendor."""
    from opentelemetry.trace import Status, StatusCode

    if error is None or kind is None:
        return
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, detail or error))
    span.add_event("exception", {"exception.type": error, "exception.message": detail})


def _known(attributes: Mapping[str, str | float | None]) -> dict[str, str | float]:
    """Those that have a value: OpenTelemetry has no null."""
    return {name: value for name, value in attributes.items() if value is not None}
