"""Spans, made by the real OpenTelemetry SDK."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Generator
from typing import Any

import anyio
import httpx
import pytest
from attrs import evolve
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import (
    CallEnded,
    ConfigurationError,
    Event,
    LocalRateLimiter,
    NotFound,
    OpenTelemetryHook,
    OutcomeUnknown,
    ReadTimeout,
    RetryPolicy,
)
from slo_common._listeners import Listeners
from slo_common._values import Safety
from slo_common.sandbox import Fault, SystemClock
from tests.common.fakes import FakeRuntime, Step, call_of, caller_of, ok, run, status
from zabbix_sla import ZabbixSLA, calls
from zabbix_sla.sandbox import ZabbixSandbox


class Traces:
    """A tracer with an exporter into memory, and the hook that fills it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.hook = OpenTelemetryHook(tracer_provider=self.provider)
        self.tracer = self.provider.get_tracer("the program")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def run(self, *script: Step, safety: Safety = Safety.READ, **options: Any) -> object:
        caller = caller_of(FakeRuntime(*script), chance=lambda: 0.0, **options)
        listeners = Listeners(logger=logging.getLogger("tests.quiet"), hooks=(self.hook,))
        call = call_of(safety, target="/v1/things/7?token=hidden", subject="7")
        return run(evolve(caller, listeners=listeners), call)


@pytest.fixture(name="traces")
def _traces() -> Generator[Traces]:
    made = Traces()
    yield made
    assert not trace.get_current_span().get_span_context().is_valid  # whatever was made current is not any more


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def events(span: ReadableSpan) -> list[tuple[str, dict[str, Any]]]:
    return [(event.name, dict(event.attributes or {})) for event in span.events]


# Shape.


def test_a_call_is_a_span_and_its_attempt_a_child_of_it(traces: Traces) -> None:
    traces.run(ok())
    attempt, call = traces.spans
    assert (call.name, call.kind, parent_of(call)) == ("vendor.things.do", SpanKind.INTERNAL, None)
    assert (attempt.name, attempt.kind, parent_of(attempt)) == ("GET /v1/things/{id}", SpanKind.CLIENT, id_of(call))
    assert (call.status.status_code, attempt.status.status_code) == (StatusCode.UNSET, StatusCode.UNSET)


def test_the_attributes_of_an_attempt_follow_the_http_conventions(traces: Traces) -> None:
    traces.run(ok(b"fine", x_request_id="r-1", x_ratelimit_limit="9", x_ratelimit_remaining="8"), safety=Safety.IDEMPOTENT)
    assert attributes(traces.one("POST /v1/things/{id}")) == {
        "http.request.method": "POST",
        "url.template": "/v1/things/{id}",
        "server.address": "vendor.test",
        "server.port": 443,
        "http.response.status_code": 200,
        "http.request.body.size": 2,
        "slo.response.bytes": 4,
        "slo.request_id": "r-1",
        "slo.sent": "yes",
        "slo.budget.name": "things",
        "slo.budget.limit": 9,
        "slo.budget.remaining": 8,
    }


def test_a_retry_is_a_second_child_that_says_how_often_it_was_sent_again(traces: Traces) -> None:
    traces.run(status(503, retry_after="2"), ok())
    first, second = traces.named("GET /v1/things/{id}")
    call = traces.one("vendor.things.do")
    assert {parent_of(first), parent_of(second)} == {id_of(call)}
    assert "http.request.resend_count" not in attributes(first)
    assert attributes(second)["http.request.resend_count"] == 1
    assert (first.status.status_code, attributes(first)["error.type"]) == (StatusCode.ERROR, "503")
    assert call.status.status_code is StatusCode.UNSET
    assert events(call) == [("retry", {"pause": 2.0, "error.type": "ServiceUnavailable", "retry_after": 2.0})]
    assert (attributes(call)["slo.call.attempts"], attributes(call)["slo.call.outcome"]) == (2, "ok")


def test_waiting_for_the_rate_limit_is_an_event_of_the_call(traces: Traces) -> None:
    traces.run(status(429, retry_after="10"), ok())
    call = traces.one("vendor.things.do")
    assert ("rate_limit.wait", {"seconds": 10.0, "reason": "refused", "bucket": "things"}) in events(call)
    assert attributes(call)["slo.call.waited"] == 10.0
    assert attributes(traces.named("GET /v1/things/{id}")[0])["slo.retry_after"] == 10.0


def test_what_was_raised_is_the_status_of_both(traces: Traces) -> None:
    with pytest.raises(NotFound) as caught:
        traces.run(status(404))
    attempt, call = traces.spans
    for span, kind in ((attempt, "404"), (call, "NotFound")):
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, str(caught.value))
        assert attributes(span)["error.type"] == kind
        assert ("exception", {"exception.type": "NotFound", "exception.message": str(caught.value)}) in events(span)


def test_no_reply_is_told_by_the_class_of_the_error(traces: Traces) -> None:
    with pytest.raises(ReadTimeout):
        traces.run(ReadTimeout("too late"), retry=RetryPolicy(attempts=1))
    attempt = traces.one("GET /v1/things/{id}")
    assert attributes(attempt)["error.type"] == "ReadTimeout"
    assert "http.response.status_code" not in attributes(attempt)


def test_a_write_in_doubt_says_so(traces: Traces) -> None:
    with pytest.raises(OutcomeUnknown):
        traces.run(ReadTimeout("too late"), safety=Safety.UNSAFE)
    assert attributes(traces.one("vendor.things.do"))["slo.call.outcome"] == "unknown"


def test_an_error_without_words_is_told_by_its_class(traces: Traces) -> None:
    with pytest.raises(ValueError, match="secret"):
        traces.run(ValueError("a secret"))
    assert [span.status.description for span in traces.spans] == ["ValueError", "ValueError"]


def test_an_interrupted_call_leaves_no_span_open(traces: Traces) -> None:
    with pytest.raises(KeyboardInterrupt):
        traces.run(KeyboardInterrupt())
    assert [span.name for span in traces.spans] == ["GET /v1/things/{id}", "vendor.things.do"]
    assert vars(traces.hook)["_open"] == {}


def test_an_attempt_that_was_interrupted_before_it_was_sent_ends_with_its_call(traces: Traces) -> None:
    def interrupt(event: Event) -> None:
        if type(event).__name__ == "AttemptStarted":
            raise KeyboardInterrupt

    listeners = Listeners(logger=logging.getLogger("tests.quiet"), hooks=(traces.hook, interrupt))
    with pytest.raises(KeyboardInterrupt):
        run(evolve(caller_of(FakeRuntime(ok())), listeners=listeners), call_of())
    assert [span.name for span in traces.spans] == ["GET /v1/things", "vendor.things.do"]


def test_events_of_a_call_whose_start_was_missed_are_passed_over(traces: Traces) -> None:
    ended: list[Event] = []
    listeners = Listeners(logger=logging.getLogger("tests.quiet"), hooks=(ended.append,))
    run(evolve(caller_of(FakeRuntime(ok())), listeners=listeners), call_of())
    for event in ended[1:]:
        traces.hook(event)
    assert isinstance(ended[-1], CallEnded)
    assert traces.spans == ()


def test_an_event_of_a_later_release_is_passed_over(traces: Traces) -> None:
    class Later(Event):
        """Not known to this hook."""

    def pass_it_on(event: Event) -> None:
        traces.hook(event)
        traces.hook(Later(call_id=event.call_id, call=event.call))

    run(evolve(caller_of(FakeRuntime(ok())), listeners=Listeners(hooks=(pass_it_on,))), call_of())
    assert len(traces.spans) == 2


# Whose children they are: the real clients.


def _datadog(traces: Traces, *faults: Fault, **options: Any) -> DatadogSLO:
    return DatadogSLO("k", "a", http=DatadogSandbox(faults=faults).transport(), on_event=traces.hook, **options)


def test_the_span_that_is_current_is_the_parent(traces: Traces) -> None:
    with _datadog(traces) as dd, traces.tracer.start_as_current_span("the program") as outer:
        dd.slos.can_delete(["unknown"])
        assert trace.get_current_span() is outer
    call = traces.one("datadog.slos.can_delete")
    assert parent_of(call) == outer.get_span_context().span_id


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_each_task_has_its_own_parent(traces: Traces, backend: str) -> None:
    outer: dict[str, int] = {}

    async def main() -> None:
        transport = DatadogSandbox(faults=[Fault.status(503, times=2)]).transport()
        async with AsyncDatadogSLO("k", "a", http=transport, on_event=traces.hook, retry=RetryPolicy(backoff_base=0)) as dd:

            async def one(name: str) -> None:
                with traces.tracer.start_as_current_span(name) as span:
                    outer[name] = span.get_span_context().span_id
                    await anyio.lowlevel.checkpoint()
                    await dd.slos.can_delete([name])

            async with anyio.create_task_group() as group:
                for i in range(5):
                    group.start_soon(one, f"task {i}")

    anyio.run(main, backend=backend)
    by_id = {id_of(span): span for span in traces.spans}
    found = sorted(parent_of(span) or 0 for span in traces.named("datadog.slos.can_delete"))
    assert found == sorted(outer.values())
    attempts = [span for span in traces.spans if span.kind is SpanKind.CLIENT]
    assert len(attempts) == 7
    assert {by_id[parent_of(a) or 0].name for a in attempts} == {"datadog.slos.can_delete"}


def test_a_cancelled_task_ends_its_spans(traces: Traces) -> None:
    class Never(httpx.AsyncBaseTransport):
        def __init__(self, scope: anyio.CancelScope) -> None:
            self.scope = scope

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.scope.cancel()
            await asyncio.Event().wait()
            raise AssertionError

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with AsyncDatadogSLO("k", "a", http=Never(scope), on_event=traces.hook) as dd:
                await dd.slos.can_delete(["x"])

    asyncio.run(main())
    attempt, call = traces.spans
    assert (attributes(attempt)["error.type"], attributes(call)["slo.call.outcome"]) == ("CancelledError", "cancelled")


def test_each_thread_has_its_own_parent(traces: Traces) -> None:
    outer: dict[str, int] = {}
    with _datadog(traces) as dd:

        def one(name: str) -> None:
            with traces.tracer.start_as_current_span(name) as span:
                outer[name] = span.get_span_context().span_id
                dd.slos.can_delete([name])

        threads = [threading.Thread(target=one, args=(f"thread {i}",)) for i in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(parent_of(span) or 0 for span in traces.named("datadog.slos.can_delete")) == sorted(outer.values())


def test_a_batch_is_one_call(traces: Traces) -> None:
    sandbox = ZabbixSandbox.demo()
    with ZabbixSLA("https://zabbix.test", token=sandbox.token, http=sandbox.transport(), on_event=traces.hook) as zbx:
        zbx.batch([calls.sla_get(), calls.sla_get()])
    batch = traces.one("zabbix.batch")
    (attempt,) = [span for span in traces.named("POST /api_jsonrpc.php") if parent_of(span) == id_of(batch)]
    assert attributes(attempt)["http.response.status_code"] == 200


def test_a_login_is_a_child_of_the_call_that_needed_it(traces: Traces) -> None:
    sandbox = ZabbixSandbox.demo()
    sandbox.add_user("Admin", "a long password")
    http = sandbox.transport()
    with ZabbixSLA("https://zabbix.test", user="Admin", password="a long password", http=http, on_event=traces.hook) as zbx:
        zbx.sla.get()
    call = traces.one("zabbix.sla.get")
    assert parent_of(traces.one("zabbix.user.login")) == id_of(call)


def test_an_instrumented_http_client_continues_the_trace(traces: Traces) -> None:
    seen: list[str] = []
    sandbox = DatadogSandbox.demo().transport()

    def instrument(request: httpx.Request) -> None:
        propagate.inject(request.headers)

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["traceparent"])
        return sandbox.handle_request(request)

    with httpx.Client(transport=httpx.MockTransport(note), event_hooks={"request": [instrument]}) as http:
        DatadogSLO("k", "a", http=http, on_event=traces.hook).slos.can_delete(["x"])
    (attempt,) = [span for span in traces.spans if span.kind is SpanKind.CLIENT]
    assert seen[0].split("-")[2] == f"{id_of(attempt):016x}"


def test_no_trace_header_is_sent_by_ourselves(traces: Traces) -> None:
    runtime = FakeRuntime(ok())
    run(evolve(caller_of(runtime), listeners=Listeners(hooks=(traces.hook,))), call_of())
    assert "traceparent" not in dict(runtime.requests[0].headers)


def test_without_a_provider_the_global_one_is_used() -> None:
    hook = OpenTelemetryHook()
    run(evolve(caller_of(FakeRuntime(ok()), limiter=LocalRateLimiter()), listeners=Listeners(hooks=(hook,))), call_of())
    assert vars(hook)["_open"] == {}


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match=r"slo-sdk\[otel\]"):
        OpenTelemetryHook()


def test_the_class_is_imported_without_the_package() -> None:
    code = "import sys; from slo_common import OpenTelemetryHook; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_threads_of_a_report_go_on_with_the_trace_of_its_caller(traces: Traces) -> None:
    sandbox = DatadogSandbox.demo(clock=SystemClock())  # virtual time knows one thread only
    end = int(sandbox.clock.now()) // 86_400 * 86_400
    with (
        DatadogSLO("k", "a", http=sandbox.transport(), on_event=traces.hook) as dd,
        traces.tracer.start_as_current_span("the review") as outer,
    ):
        dd.reports.run(query="*", from_ts=end - 14 * 86_400, to_ts=end, interval="weekly", engine="client", concurrency=4)
    histories = traces.named("datadog.slos.history")
    assert len(histories) > 4
    assert {parent_of(span) for span in histories} == {outer.get_span_context().span_id}
