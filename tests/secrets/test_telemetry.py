"""No credential in an event, a log record with its extras, or a span: whatever a server answers, and whatever it repeats."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import define, field
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from slo_common import AttemptEnded, CallEnded, Event, OpenTelemetryHook, SloError, Timeouts
from slo_common._values import Reply
from slo_common.sandbox import SandboxRequest
from tests.faults.clients import AT_ONCE, Driver, Use, read
from tests.faults.server import FaultServer
from tests.secrets.search import Trap, trap
from tests.secrets.test_marked_secrets import ACCOUNTS, API, APP, BEARER, FAULTS, MARKS, SCRIPTS, USES, Echo, accounts, server_for


@define
class Heard:
    """All that was told about some calls."""

    caught: Trap
    events: list[Event] = field(factory=list[Event])
    records: list[logging.LogRecord] = field(factory=list[logging.LogRecord])
    exporter: InMemorySpanExporter = field(factory=InMemorySpanExporter)

    def leaks(self, marks: Iterable[str]) -> list[str]:
        self.caught.take(*self.events, *(vars(record) for record in self.records))
        self.caught.take(*(span.to_json() for span in self.exporter.get_finished_spans()))
        return self.caught.leaks(marks)

    @property
    def is_whole(self) -> bool:
        """Whether hooks, loggers and spans were told of the same calls."""
        ends = [e for e in self.events if isinstance(e, CallEnded)]
        logged = [r for r in self.records if vars(r).get("event") == "CallEnded"]
        spans = [s for s in self.exporter.get_finished_spans() if "slo.call.outcome" in (s.attributes or {})]
        return len(ends) == len(logged) == len(spans) > 0


class _Keep(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(level=1)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@contextmanager
def listening() -> Generator[tuple[Heard, dict[str, Any]]]:
    """Everything that listens, and the options that bring it to a client."""
    with trap() as caught:
        heard = Heard(caught=caught)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(heard.exporter))
        keep = _Keep(heard.records)
        logging.getLogger().addHandler(keep)
        try:
            yield heard, {"on_event": [heard.events.append, OpenTelemetryHook(tracer_provider=provider)]}
        finally:
            logging.getLogger().removeHandler(keep)


def use_all(driver: Driver, of: str, uses: Iterable[Use], **options: Any) -> None:
    for use in uses:
        try:
            driver.run(use, of=of, retry=AT_ONCE, **options)
        except SloError:
            continue


def with_long_token(account: str) -> tuple[str, dict[str, Any]]:
    of, options = ACCOUNTS[account]
    if of != "zabbix":
        return of, options
    return of, {**options, "auth_transport": "body"} | ({} if "login" in account else {"token": BEARER * 4})


@accounts
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_server_answers(account: str, fault: str) -> None:
    sandbox, options, marks = server_for(account)
    for each in FAULTS[fault]:
        sandbox.faults.add(each)
    of = ACCOUNTS[account][0]
    with listening() as (heard, hooks):
        use_all(Driver("sync"), of, USES[of], http=sandbox.transport(), **options, **hooks)
    assert heard.is_whole
    assert heard.leaks(marks()) == []


@accounts
@pytest.mark.parametrize("status", [200, 401, 429, 500])
@pytest.mark.parametrize("form", ["json", "rpc", "cut", "page"])
def test_server_that_repeats_what_it_heard(account: str, status: int, form: str) -> None:
    of, options = with_long_token(account)
    server = Echo(status, form)
    with listening() as (heard, hooks):
        use_all(Driver("sync"), of, USES[of], **{"http": server.transport(), **options, **hooks})
    assert heard.is_whole
    assert heard.leaks(MARKS) == []


class Names(Echo):
    """Repeats the credential as the name of a budget."""

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        said = super().respond(request, now)
        said.headers.update(  # type: ignore[attr-defined]  # a dict, as reply() makes it
            {"x-ratelimit-limit": "9", "x-ratelimit-remaining": "8", "x-ratelimit-name": said.header("x-request-id")}
        )
        return said


@accounts
def test_server_that_names_a_budget_by_the_credential(account: str) -> None:
    of, options = with_long_token(account)
    with listening() as (heard, hooks):
        use_all(Driver("sync"), of, USES[of], **{"http": Names(200, "json").transport(), **options, **hooks})
    assert "BudgetSeen" in {type(event).__name__ for event in heard.events}
    assert heard.leaks(MARKS) == []


@accounts
@pytest.mark.parametrize("script", ["reset", "silent", "not HTTP", "cut"])
def test_whatever_a_connection_does(account: str, script: str) -> None:
    of, options = with_long_token(account)
    name = "url" if of == "zabbix" else "base_url"
    with FaultServer(SCRIPTS[script]) as server, listening() as (heard, hooks):
        use_all(Driver("sync"), of, USES[of], **{**options, **hooks, name: server.url, "timeout": Timeouts(read=0.02)})
    assert server.requests
    assert heard.is_whole
    assert heard.leaks(MARKS) == []


def test_credentials_in_a_query_of_the_caller_are_not_in_the_route(driver: Driver) -> None:
    """Nobody should put a key there; it goes onto the wire, and nowhere else."""
    sandbox, options, _ = server_for("datadog keys")
    with listening() as (heard, hooks):
        use_all(driver, "datadog", [lambda dd: dd.slos.list(tags_query=BEARER)], http=sandbox.transport(), **options, **hooks)
    assert [entry.path for entry in sandbox.ledger] == ["/api/v1/slo"]
    assert heard.is_whole
    assert heard.leaks([BEARER]) == []


def test_error_of_a_provider_is_told_by_its_class_alone(driver: Driver) -> None:
    def provider() -> str:
        raise ValueError(f"the vault refused {API}")

    sandbox, _, _ = server_for("datadog provider")
    with listening() as (heard, hooks):
        options: dict[str, Any] = {"api_key": None, "app_key": None, "bearer_token": provider, "http": sandbox.transport()}
        with pytest.raises(ValueError, match="vault"):
            driver.run(read, **options, **hooks)
    assert heard.is_whole
    assert heard.leaks([API]) == []


def test_hook_that_raises_shows_no_credential(driver: Driver) -> None:
    """Its traceback is logged, and some tools show the locals of every frame in it."""

    def hook(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            raise KeyError

    sandbox, options, _ = server_for("datadog keys")
    for each in FAULTS["500"]:
        sandbox.faults.add(each)
    with listening() as (heard, hooks):
        use_all(driver, "datadog", [read], http=sandbox.transport(), **options, on_event=[hook, *hooks["on_event"]])
    assert any(record.name == "slo_common.events" and record.exc_info for record in heard.records)
    assert heard.leaks([API, APP]) == []


@pytest.mark.parametrize("given", [7, [print, 7]])
def test_hook_that_is_refused_shows_no_credential(driver: Driver, given: Any) -> None:
    for account in ACCOUNTS:
        of, options = with_long_token(account)
        with trap() as caught:
            with pytest.raises(SloError) as refused:
                driver.run(read, of=of, on_event=given, **options)
            caught.take(refused.value)
        assert caught.leaks(MARKS) == []


def test_the_search_finds_what_an_event_a_record_or_a_span_shows() -> None:
    with listening() as (heard, hooks):
        _, trace = hooks["on_event"]
        heard.events.append(Event(call_id=1, call=API))
        logging.getLogger("datadog_slo").warning("x", extra={"key": APP})
        with trace._tracer.start_as_current_span("x", attributes={"key": BEARER}):
            pass
    assert [mark for mark in (API, APP, BEARER, MARKS[3]) if heard.leaks([mark])] == [API, APP, BEARER]
