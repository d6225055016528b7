"""Client, sandbox and specification, held together: every request and every answer is judged by the vendor's documents.

Extra keys are forbidden here, and here only. Where recordings of the real service differ from its specification, the difference
stands in one table with its reason; an entry that is no longer needed fails the test as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from attrs import evolve

import slo_common
from datadog_slo import DatadogSLO
from datadog_slo.models import (
    Comparator,
    CountCondition,
    CountSpec,
    Formula,
    MetricQuery,
    MetricSlo,
    MonitorSlo,
    SliQuery,
    Threshold,
    Timeframe,
    TimeSliceCondition,
    TimeSliceQuery,
    TimeSliceSlo,
    TimeSliceSpec,
)
from datadog_slo.sandbox import DatadogSandbox, Incident, ReportPlan, SliModel
from slo_common._httpx import SandboxTransport
from slo_common.sandbox import Fault, VirtualClock, Window
from tests.datadog.contract import Contract
from tests.datadog.drivers import KEYS

START = 1_700_000_000
WINDOW: dict[str, Any] = {"from_ts": START - 86_400 * 7, "to_ts": START}

_REASONS: dict[str, list[str]] = {
    "recorded: the key is error, and null, where the specification has errors": [
        "ListSLOs 200 $.error: undeclared",
        "CreateSLO 200 $.error: undeclared",
        "GetSLO 200 $.error: undeclared",
        "UpdateSLO 200 $.error: undeclared",
        "DeleteSLO 200 $.error: undeclared",
    ],
    "recorded: type_id is always there, whatever is declared": [
        "ListSLOs 200 $.data[].type_id: undeclared",
        "CreateSLO 200 $.data[].type_id: undeclared",
        "UpdateSLO 200 $.data[].type_id: undeclared",
        "GetSLO 200 $.data.type_id: undeclared",
    ],
    "recorded: null for no errors, and denied_ids beside ok": [
        "CheckCanDeleteSLO 200 $.errors: type",
        "CheckCanDeleteSLO 200 $.data.denied_ids: undeclared",
        "CheckCanDeleteSLO 409 $.data.denied_ids: undeclared",
    ],
    "seen by a user: a refused deletion has its reason as one text, and null for data": [
        "DeleteSLO 409 $.errors: type",
        "DeleteSLO 409 $.data: type",
    ],
    "recorded: users of corrections are nested as JSON:API has it": [
        "CreateSLOCorrection 200 $.data.attributes.creator.data: undeclared",
        "GetSLOCorrection 200 $.data.attributes.creator.data: undeclared",
        "GetSLOCorrection 200 $.data.attributes.modifier.data: undeclared",
        "UpdateSLOCorrection 200 $.data.attributes.creator.data: undeclared",
        "UpdateSLOCorrection 200 $.data.attributes.modifier.data: undeclared",
        "ListSLOCorrection 200 $.data[].attributes.creator.data: undeclared",
        "ListSLOCorrection 200 $.data[].attributes.modifier.data: undeclared",
        "GetSLOCorrections 200 $.data[].attributes.creator.data: undeclared",
        "GetSLOCorrections 200 $.data[].attributes.modifier.data: undeclared",
    ],
    "recorded: an empty 204 that calls itself text/html": ["DeleteSLOCorrection 204 content type: text/html"],
    "recorded: the corrections of one SLO come ten at a time, and only the links name the parameters for more": [
        "GetSLOCorrections query page[offset]: undeclared",
        "GetSLOCorrections query page[limit]: undeclared",
        "GetSLOCorrections 200 $.links: undeclared",
        "GetSLOCorrections 200 $.meta.pagination: undeclared",
    ],
    "recorded: history also has the SLO, its state, the corrections applied and how the series were asked for": [
        "GetSLOHistory 200 $.data.slo: undeclared",
        "GetSLOHistory 200 $.data.overall.state: undeclared",
        "GetSLOHistory 200 $.data.overall.corrections: undeclared",
        *(
            f"GetSLOHistory 200 $.data.series.{name}: undeclared"
            for name in (
                "timing",
                "from_date",
                "to_date",
                "numerator_query",
                "denominator_query",
                "bad_series_query",
                "graph_query",
                "numerator.metadata.tag_set",
                "denominator.metadata.tag_set",
            )
        ),
    ],
    "recorded of the whole SLO, guessed of its monitors: null without data": ["GetSLOHistory 200 $.data.monitors[].uptime: type"],
    "guessed: without data a status has no numbers to show": [
        "GetSloStatus 200 $.data.attributes.sli: type",
        "GetSloStatus 200 $.data.attributes.error_budget_remaining: type",
    ],
    "recorded: a search shows the primary threshold too": [
        f"SearchSLO 200 $.data.attributes.slos[].data.attributes.{name}: undeclared"
        for name in ("timeframe", "target_threshold", "warning_threshold")
    ],
    "recorded: v2 calls itself JSON:API": [
        f"{operation} content type: application/vnd.api+json"
        for operation in (
            "CreateSLOReportJob 200",
            "GetSLOReportJobStatus 200",
            "GetSLOReportJobStatus 400",
            "GetSLOReportJobStatus 404",
            "GetSLOReport 404",
            "GetSloStatus 200",
            "GetSloStatus 400",
            "GetSloStatus 404",
        )
    ],
    "recorded: errors of reports are objects with title and detail, not texts": [
        "GetSLOReportJobStatus 400 $.errors[]: type",
        "GetSLOReportJobStatus 404 $.errors[]: type",
        "GetSLOReport 404 $.errors[]: type",
    ],
    "guessed: null takes an end or a recurrence away, as the answers show it; the documents have no way to": [
        f"UpdateSLOCorrection request $.data.attributes.{name}: type" for name in ("end", "rrule", "duration")
    ],
    "guessed: what an endpoint answers after its sunset": ["CreateSLOReportJob 410 status: undeclared"],
}
_WRITTEN_BY_THE_SERVER = ("id", "created_at", "modified_at", "creator", "email", "handle", "monitor_tags")
NEVER_SENT = {
    **{("UpdateSLO", name): "the server writes it, and what is sent is not looked at" for name in _WRITTEN_BY_THE_SERVER},
    **{
        (operation, name): "the server's text of a number that is sent"
        for operation in ("CreateSLO", "UpdateSLO")
        for name in ("target_display", "warning_display")
    },
}
DEVIATIONS = {line: reason for reason, lines in _REASONS.items() for line in lines}


class Recorder(SandboxTransport):
    """Between client and sandbox: keeps what passes. Being a sandbox's transport, it brings the client into its virtual time."""

    def __init__(self, sandbox: DatadogSandbox) -> None:
        super().__init__(sandbox)
        self.seen: list[tuple[httpx.Request, httpx.Response]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.seen.append((request, response))
        return response


THRESHOLDS = (
    Threshold(timeframe=Timeframe.THIRTY_DAYS, target=99.0, warning=99.5),
    Threshold(timeframe=Timeframe.SEVEN_DAYS, target=95),
)
QUERIES = (SliQuery(name="q", query="sum:x{*}", aggregator="sum", semantic_mode="combined", cross_org_uuids=("u",)),)
SLICE = TimeSliceCondition(
    comparator=Comparator.LESS,
    threshold=5.0,
    query=TimeSliceQuery(formulas=(Formula(formula="q"),), queries=QUERIES),
    query_interval_seconds=60,
)
SLOS = (
    MetricSlo(
        name="Metric",
        description="d",
        tags=("env:prod", "team:pay"),
        timeframe=Timeframe.SEVEN_DAYS,
        thresholds=THRESHOLDS,
        query=MetricQuery(numerator="sum:ok{*}", denominator="sum:all{*}"),
    ),
    MetricSlo(
        name="Count",
        thresholds=THRESHOLDS[:1],
        sli_specification=CountSpec(
            count=CountCondition(good_events_formula=Formula(formula="q"), bad_events_formula=Formula(formula="q"), queries=QUERIES)
        ),
    ),
    MonitorSlo(name="Monitor", monitor_ids=(1, 2), groups=("env:prod",), thresholds=THRESHOLDS, timeframe=Timeframe.THIRTY_DAYS),
    TimeSliceSlo(name="Slice", sli_specification=TimeSliceSpec(time_slice=SLICE), thresholds=THRESHOLDS),
    MetricSlo(
        name="Total",
        thresholds=THRESHOLDS[:1],
        sli_specification=CountSpec(
            count=CountCondition(
                good_events_formula=Formula(formula="q"), total_events_formula=Formula(formula="q"), queries=QUERIES
            )
        ),
    ),
)


def _good_calls(dd: DatadogSLO, sandbox: DatadogSandbox) -> None:
    """Every operation with every parameter, over SLOs of every kind."""
    made = [dd.slos.create(slo) for slo in SLOS]
    made.append(
        dd.slos.get(
            sandbox.add_slo(
                {"name": "Empty", "type": "monitor", "monitor_ids": [3], "thresholds": [{"timeframe": "7d", "target": 9}]},
                model=SliModel(data_to=0),
            )
        )
    )
    for slo in made:
        dd.slos.update(evolve(dd.slos.get(slo.id, with_configured_alert_ids=True), name=f"{slo.name} 2"))
        dd.slos.history(slo.id, **WINDOW)
        dd.slos.history(slo.id, **WINDOW, target=98.5, apply_correction=False)
        dd.slos.status(slo.id, **WINDOW)
        dd.slos.status(slo.id, **WINDOW, disable_corrections=True)
    ids = [slo.id for slo in made]
    assert len(list(dd.slos.list(page_size=2))) == len(made)
    list(dd.slos.list(ids=ids[:2], query="metric", tags_query="env:prod", metrics_query="sum:ok", offset=1))
    list(dd.slos.list(is_deleted=True))
    list(dd.slos.search("team:pay", page_size=1))
    list(dd.slos.search(page_size=2))
    dd.slos.facets("metric")
    for n in range(12):
        dd.corrections.create(
            slo_id=ids[0], category="Other", start=START - 900 + n, end=START + n, description="d", timezone="UTC"
        )
    rule = dd.corrections.create(slo_query="team:pay", category="Deployment", start=5, rrule="FREQ=DAILY;COUNT=2", duration=60)
    dd.corrections.update(rule.id, description="changed", start=6, category="Other", duration=90, timezone="UTC")
    dd.corrections.update(rule.id, rrule="FREQ=DAILY;COUNT=3", slo_query="team:pay")
    dd.corrections.update(rule.id, end=9000, rrule=None, duration=None)
    dd.corrections.update(rule.id, end=None, rrule="FREQ=DAILY;COUNT=2", duration=60)
    dd.corrections.get(rule.id)
    assert len(list(dd.slos.corrections(ids[0]))) == 13
    list(dd.corrections.list(page_size=5))
    dd.slos.history(ids[0], **WINDOW)
    dd.corrections.delete(rule.id)
    dd.reports.run(query="*", **WINDOW, interval="daily", timezone="Europe/Paris")
    dd.slos.can_delete(ids)
    dd.slos.delete(ids[3])
    dd.slos.delete(ids[4], force=True)
    dd.slos.bulk_delete({ids[0]: ["7d"], ids[1]: ["30d"], "nope": ["90d"]})


def _refused_calls(sandbox: DatadogSandbox, recorder: Recorder) -> Iterator[tuple[type[Exception], Any]]:
    """Every documented kind of refusal."""
    slo = sandbox.add_slo(
        {"name": "Pinned", "type": "monitor", "monitor_ids": [1], "thresholds": [{"timeframe": "7d", "target": 99}]},
        model=SliModel(refuses="too long", incidents=(Incident(start=0, end=1),)),
        referenced_by=["dashboard_id: x"],
    )
    dd = DatadogSLO(**KEYS, http=recorder)
    report_id = "00000000-0000-4000-8000-000000000000"
    yield slo_common.Conflict, lambda: dd.slos.delete(slo).raise_for_errors()
    yield slo_common.Conflict, lambda: dd.slos.can_delete([slo]).raise_for_errors()
    yield slo_common.BadRequest, lambda: dd.slos.history(slo, **WINDOW)
    yield slo_common.BadRequest, lambda: dd.slos.status(slo, **WINDOW)
    yield slo_common.NotFound, lambda: dd.slos.get("nope")
    yield slo_common.NotFound, lambda: dd.slos.delete("nope")
    yield slo_common.NotFound, lambda: dd.slos.update(MonitorSlo(id="nope", name="n", monitor_ids=(1,), thresholds=THRESHOLDS))
    yield slo_common.NotFound, lambda: dd.slos.history("nope", **WINDOW)
    yield slo_common.NotFound, lambda: dd.slos.status("nope", **WINDOW)
    yield slo_common.NotFound, lambda: list(dd.slos.corrections("nope"))
    yield slo_common.NotFound, lambda: list(dd.slos.list(ids=["nope"]))
    yield slo_common.NotFound, lambda: dd.corrections.create(slo_id="nope", category="Other", start=1, end=2)
    yield slo_common.NotFound, lambda: dd.corrections.update("nope", start=1)
    yield slo_common.NotFound, lambda: dd.corrections.delete("nope")
    yield slo_common.NotFound, lambda: dd.reports.status(report_id)
    yield slo_common.NotFound, lambda: dd.reports.download(report_id)
    yield slo_common.BadRequest, lambda: dd.reports.status("invalid-report-id")
    wrong = DatadogSLO(api_key="k", app_key="wrong", http=recorder)
    for refused in (
        lambda: list(wrong.slos.list()),
        lambda: wrong.reports.create(query="*", **WINDOW),
        lambda: list(wrong.corrections.list()),
        lambda: wrong.slos.bulk_delete({"a": ["7d"]}),
    ):
        yield slo_common.PermissionDenied, refused
    sandbox.faults.add(
        Fault.status(
            429, body=b'{"errors":["Too many requests"]}', headers={"content-type": "application/json", "retry-after": "999"}
        )
    )
    yield slo_common.RateLimited, dd.slos.facets
    sandbox.end_reports(410)
    yield slo_common.OperationGone, lambda: dd.reports.create(query="*", **WINDOW)


def _judge(recorder: Recorder, contract: Contract) -> tuple[set[str], set[str]]:
    """The complaints, and the operations that were used."""
    found: set[str] = set()
    used: set[str] = set()
    for request, response in recorder.seen:
        operation = contract.find(request.method, request.url.path)
        used.add(operation.id)
        found |= set(
            operation.complaints(
                query=request.url.params.multi_items(),
                sent=request.content,
                status=response.status_code,
                content_type=response.headers.get("content-type", "").partition(";")[0],
                body=response.content,
            )
        )
    return found, used


def keys_of(content: bytes) -> set[str]:
    """Every key of a document, at any depth."""
    found: set[str] = set()

    def keep(pairs: list[tuple[str, object]]) -> None:
        found.update(name for name, _ in pairs)

    json.loads(content, object_pairs_hook=keep)
    return found


@pytest.fixture(scope="module", name="recorder")
def _recorder() -> Recorder:
    plenty = {name: Window(limit=10_000, seconds=10) for name in ("slo_read", "slo_history", "slo_status", "slo_report")}
    options: dict[str, Any] = {"clock": VirtualClock(START), "limits": plenty, "app_key": KEYS["app_key"]}
    sandbox = DatadogSandbox(**options, report_plan=ReportPlan(seconds=1))
    recorder = Recorder(sandbox)
    with DatadogSLO(**KEYS, http=recorder, retry=slo_common.RetryPolicy(attempts=1)) as dd:
        _good_calls(dd, sandbox)
    for expected, use in _refused_calls(sandbox, recorder):
        with pytest.raises(expected):
            use()
    return recorder


@pytest.fixture(scope="module", name="verdict")
def _verdict(recorder: Recorder) -> tuple[set[str], set[str]]:
    return _judge(recorder, Contract())


def test_all_operations_were_judged(verdict: tuple[set[str], set[str]]) -> None:
    assert verdict[1] == Contract().names
    assert len(verdict[1]) == 19


def test_every_declared_parameter_was_sent(recorder: Recorder) -> None:
    contract = Contract()
    exchanges = [(contract.find(r.method, r.url.path), r.url.params, r.content) for r, _ in recorder.seen]
    sent = {(o.id, name) for o, params, _ in exchanges for name in params}
    assert {(o.id, name) for o in contract.operations for name in o.query_parameters} - sent == set()


def test_every_declared_attribute_of_a_request_was_sent(recorder: Recorder) -> None:
    contract = Contract()
    exchanges = [(contract.find(r.method, r.url.path), r.content) for r, _ in recorder.seen if r.content]
    sent = {(o.id, name) for o, content in exchanges for name in keys_of(content)}
    assert {(o.id, name) for o in contract.operations for name in o.request_attributes} - sent == {*NEVER_SENT}


def test_nothing_differs_but_what_the_table_explains(verdict: tuple[set[str], set[str]]) -> None:
    assert sorted(verdict[0] - DEVIATIONS.keys()) == []


def test_the_table_explains_nothing_that_is_not_there(verdict: tuple[set[str], set[str]]) -> None:
    assert sorted(DEVIATIONS.keys() - verdict[0]) == []


# The judge itself.


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (b'{"data":{"attributes":{"query":"*","from_ts":1,"to_ts":2}}}', None),
        (b'{"data":{"attributes":{"query":"*","from_ts":1,"to_ts":2,"zone":"UTC"}}}', "$.data.attributes.zone: undeclared"),
        (b'{"data":{"attributes":{"query":"*","from_ts":"1","to_ts":2}}}', "$.data.attributes.from_ts: type"),
        (b'{"data":{"attributes":{"query":"*","from_ts":1}}}', "$.data.attributes: 'to_ts' is a required property"),
        (b'{"data":{"attributes":{"query":"*","from_ts":1,"to_ts":2,"interval":"hourly"}}}', "$.data.attributes.interval: enum"),
    ],
)
def test_the_judge_sees_a_bad_request(sent: bytes, complaint: str | None) -> None:
    operation = Contract().find("POST", "/api/v2/slo/report")
    good = b'{"data":{"id":"x","type":"report_id"}}'
    found = list(operation.complaints(query=(), sent=sent, status=200, content_type="application/json", body=good))
    assert found == ([] if complaint is None else [f"CreateSLOReportJob request {complaint}"])


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"from_ts": "1", "to_ts": "2"}, None),
        ({"from_ts": "1"}, "to_ts: missing"),
        ({"from_ts": "1", "to_ts": "2", "x": "3"}, "x: undeclared"),
        ({"from_ts": "1.5", "to_ts": "2"}, "from_ts$: type"),
        ({"from_ts": "1", "to_ts": "2", "target": "100"}, "target$: exclusiveMaximum"),
    ],
)
def test_the_judge_sees_a_bad_query(query: dict[str, str], complaint: str | None) -> None:
    operation = Contract().find("GET", "/api/v1/slo/x/history")
    found = list(
        operation.complaints(query=query.items(), sent=b"", status=200, content_type="application/json", body=b'{"data":{}}')
    )
    assert found == ([] if complaint is None else [f"GetSLOHistory query {complaint}"])


@pytest.mark.parametrize(
    ("status", "kind", "body", "complaint"),
    [
        (204, "", b"", None),
        (204, "text/html", b"", "204 content type: text/html"),
        (204, "", b"x", "204 body: undeclared"),
        (500, "application/json", b"{}", "500 status: undeclared"),
        (404, "text/html", b"<html>", "404 content type: text/html"),
        (404, "application/json", b'{"errors":[1]}', "404 $.errors[]: type"),
    ],
)
def test_the_judge_sees_a_bad_answer(status: int, kind: str, body: bytes, complaint: str | None) -> None:
    operation = Contract().find("DELETE", "/api/v1/slo/correction/x")
    found = list(operation.complaints(query=(), sent=b"", status=status, content_type=kind, body=body))
    assert found == ([] if complaint is None else [f"DeleteSLOCorrection {complaint}"])
