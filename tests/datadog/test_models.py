"""Reading the vendor's answers: kinds, what is kept, what is tolerated, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from attrs import evolve

import slo_common
from datadog_slo import DatadogSLO, SloState
from datadog_slo.models import (
    CountSpec,
    MetricSlo,
    MonitorSlo,
    Reading,
    SearchedSlo,
    SliData,
    SliError,
    Threshold,
    Timeframe,
    TimeSliceSlo,
    TimeSliceSpec,
    Transition,
    UnknownSlo,
    UnknownSpec,
)
from datadog_slo.sandbox import DatadogSandbox, SliModel
from slo_common.sandbox import VirtualClock
from tests.datadog.sandbox_requests import metric, monitor, time_slice

API = "https://api.datadoghq.com"
THRESHOLD: dict[str, Any] = {"timeframe": "30d", "target": 99.9, "target_display": "99.9"}
SLO: dict[str, Any] = {
    "id": "abc",
    "name": "Checkout",
    "tags": ["env:prod"],
    "monitor_tags": [],
    "thresholds": [THRESHOLD],
    "type": "metric",
    "type_id": 1,
    "description": "",
    "timeframe": "30d",
    "target_threshold": 99.9,
    "query": {"numerator": "sum:ok{*}", "denominator": "sum:all{*}"},
    "creator": {"name": None, "handle": "h", "email": "e@x"},
    "created_at": 1704322488,
    "modified_at": 1704322488,
}


def _get(answer: Any, **options: Any) -> Any:
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/abc").respond(json={"data": answer, "error": None})
        return dd.slos.get("abc", **options)


def _history(answer: Any) -> Any:
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/abc/history").respond(json=answer)
        return dd.slos.history("abc", from_ts=1, to_ts=2)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, MetricSlo),
        ({"type": "monitor", "monitor_ids": [1]}, MonitorSlo),
        ({"type": "time_slice"}, TimeSliceSlo),
        ({"type": "synthetic"}, UnknownSlo),
    ],
)
def test_each_kind_is_a_type_of_its_own(change: dict[str, Any], kind: type[object]) -> None:
    assert type(_get(SLO | change)) is kind


def test_every_field_of_a_recorded_slo_is_read() -> None:
    slo = _get(SLO | {"configured_alert_ids": [4]}, with_configured_alert_ids=True)
    assert (slo.id, slo.name, slo.tags, slo.monitor_tags, slo.type_id) == ("abc", "Checkout", ("env:prod",), (), 1)
    assert (slo.timeframe, slo.target_threshold, slo.description) == (Timeframe.THIRTY_DAYS, 99.9, "")
    assert slo.created_at == slo.modified_at == datetime(2024, 1, 3, 22, 54, 48, tzinfo=UTC)
    assert (slo.creator.name, slo.creator.handle, slo.creator.email) == (None, "h", "e@x")
    assert (slo.query.numerator, slo.query.denominator) == ("sum:ok{*}", "sum:all{*}")
    assert (slo.configured_alert_ids, slo.extra) == ((4,), {})


def test_an_unknown_kind_keeps_its_data() -> None:
    slo = _get(SLO | {"type": "synthetic", "test_ids": [1, 2], "nested": {"a": [1]}})
    assert (slo.type, slo.type.is_known) == ("synthetic", False)
    assert slo.extra == {"query": SLO["query"], "test_ids": [1, 2], "nested": {"a": [1]}}


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"count": {"good_events_formula": {"formula": "a"}, "queries": []}}, CountSpec),
        (
            {
                "time_slice": {
                    "comparator": ">",
                    "threshold": 5,
                    "query": {"formulas": [], "queries": []},
                    "query_interval_seconds": 300,
                }
            },
            TimeSliceSpec,
        ),
        ({"burn": {"rate": 1}}, UnknownSpec),
        (None, type(None)),
    ],
)
def test_specifications(spec: Any, kind: type[object]) -> None:
    assert type(_get(SLO | {"sli_specification": spec}).sli_specification) is kind


def test_integers_come_as_floats_where_a_float_is_meant() -> None:
    slo = _get(SLO | {"target_threshold": 98, "thresholds": [{"timeframe": "7d", "target": 95, "warning": 98}]})
    assert [type(x) for x in (slo.target_threshold, slo.thresholds[0].target, slo.thresholds[0].warning)] == [float] * 3


def test_an_unknown_timeframe_does_not_break_the_list() -> None:
    slo = _get(SLO | {"thresholds": [{"timeframe": "365d", "target": 95.0}]})
    assert (slo.thresholds[0].timeframe, slo.thresholds[0].timeframe.is_known) == ("365d", False)


@pytest.mark.parametrize(
    "name", ["tags", "description", "creator", "query", "timeframe", "warning_threshold", "monitor_tags", "groups"]
)
def test_null_is_taken_wherever_the_vendor_may_send_it(name: str) -> None:
    assert _get(SLO | {name: None}).name == "Checkout"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": None}, "$.data.name"),
        ({"thresholds": [{"timeframe": "7d", "target": "95"}]}, "$.data.thresholds[0].target"),
        ({"tags": "env:prod"}, "$.data.tags"),
        ({"created_at": "now"}, "$.data.created_at"),
        ({"type_id": True}, "$.data.type_id"),
        ({"creator": []}, "$.data.creator"),
        ({"query": {"numerator": "a"}}, "$.data.query.denominator"),
    ],
)
def test_a_wrong_type_is_named_by_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(slo_common.DecodeError) as caught:
        _get(SLO | change)
    assert caught.value.paths == (path,)


def test_the_primary_threshold_is_that_of_the_timeframe() -> None:
    first, second = (
        Threshold(timeframe=t, target=target) for t, target in ((Timeframe.SEVEN_DAYS, 90), (Timeframe.NINETY_DAYS, 95))
    )
    slo = MonitorSlo(name="x", thresholds=(first, second), timeframe=Timeframe.NINETY_DAYS)
    assert (slo.primary, slo.target) == (second, 95)
    assert evolve(slo, timeframe=None).primary == first
    assert evolve(slo, thresholds=(), target_threshold=80.0).target == 80.0


# Read, change, write.


@pytest.mark.parametrize("body", [metric(), monitor(groups=["env:prod"]), time_slice()])
def test_read_change_write_changes_only_what_was_changed(body: dict[str, object]) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(1_700_000_000))
    slo_id = sandbox.add_slo({**body, "tags": ["team:pay"], "description": "d"}, slo_id="abc")
    before = dict(sandbox.slos[0])
    with DatadogSLO("k", "a", http=sandbox.transport()) as dd:
        dd.slos.update(evolve(dd.slos.get(slo_id), name="Renamed"))
    after = dict(sandbox.slos[0])
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"name", "modified_at"}


def test_unknown_fields_at_every_depth_go_back() -> None:
    query = {"data_source": "metrics", "name": "q", "query": "x", "new_in_query": 1}
    condition = {
        "comparator": ">",
        "threshold": 5.0,
        "query_interval_seconds": 60,
        "query": {"formulas": [{"formula": "q", "new_in_formula": [1]}], "queries": [query], "new_in_queries": None},
        "new_in_condition": {"a": 1},
    }
    answer = SLO | {
        "type": "time_slice",
        "thresholds": [THRESHOLD | {"new_in_threshold": True}],
        "sli_specification": {"time_slice": condition, "new_in_spec": "x"},
        "new_at_the_top": {"deep": [{"er": 1}]},
    }
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/abc").respond(json={"data": answer})
        put = router.put(f"{API}/api/v1/slo/abc").respond(json={"data": [answer]})
        dd.slos.update(dd.slos.get("abc"))
    sent = json.loads(put.calls.last.request.content)
    assert sent["sli_specification"] == answer["sli_specification"]
    assert sent["thresholds"] == [{"timeframe": "30d", "target": 99.9, "new_in_threshold": True}]
    assert (sent["new_at_the_top"], "created_at" in sent, "id" in sent) == ({"deep": [{"er": 1}]}, False, False)


def test_the_primary_target_follows_a_changed_threshold() -> None:
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/abc").respond(json={"data": SLO})
        put = router.put(f"{API}/api/v1/slo/abc").respond(json={"data": [SLO]})
        slo = dd.slos.get("abc")
        dd.slos.update(evolve(slo, thresholds=(evolve(slo.thresholds[0], target=95.0),)))
    sent = json.loads(put.calls.last.request.content)
    assert (sent["target_threshold"], sent["thresholds"][0]["target"]) == (95.0, 95.0)


def test_a_lost_create_can_be_looked_up() -> None:
    methods: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        if request.method == "POST":
            raise httpx.ReadError("reset")
        old = SLO | {"id": "old", "created_at": 5}
        new = SLO | {"id": "new", "created_at": 4_000_000_000}
        return httpx.Response(
            200, json={"data": [old, new, SLO | {"id": "other", "name": "Checkout 2", "created_at": 4_000_000_000}]}
        )

    slo = MetricSlo(
        name="Checkout",
        query=None,
        sli_specification=UnknownSpec(data={}),
        thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=9),),
    )
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.route(url__startswith=f"{API}/api/v1/slo").mock(side_effect=answer)
        with pytest.raises(slo_common.OutcomeUnknown) as caught:
            dd.slos.create(slo)
        assert [s.id for s in caught.value.reconcile()] == ["new"]
    assert methods == ["POST", "GET"]


def test_a_lost_correction_can_be_looked_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadError("reset")
        found = [
            {"id": i, "type": "correction", "attributes": {"category": "Other", "start": 1, "created_at": at}}
            for i, at in (("old", 5), ("new", 4_000_000_000), ("unborn", None))
        ]
        offset = int(request.url.params.get("offset", "0"))
        return httpx.Response(200, json={"data": found[offset : offset + 2], "meta": {"page": {"total_count": 3}}})

    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.route(url__startswith=f"{API}/api/v1/slo/correction").mock(side_effect=answer)
        with pytest.raises(slo_common.OutcomeUnknown) as caught:
            dd.corrections.create(slo_id="x", category="Other", start=1, end=2)
        assert [c.id for c in caught.value.reconcile()] == ["new"]


# History.


def test_history_reads_what_only_recordings_show() -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(1_700_000_000))
    slo_id = sandbox.add_slo(metric(), model=SliModel(error_rate=0))
    with DatadogSLO("k", "a", http=sandbox.transport()) as dd:
        history = dd.slos.history(slo_id, from_ts=1_699_900_000, to_ts=1_700_000_000, target=95.0)
    assert (history.from_ts, history.to_ts) == (
        datetime.fromtimestamp(1_699_900_000, UTC),
        datetime.fromtimestamp(1_700_000_000, UTC),
    )
    assert (history.type, history.type_id, history.slo.id if history.slo else None) == ("metric", 1, slo_id)
    assert (history.overall.sli_value, history.overall.state, history.overall.no_data_reason) == (100.0, SloState.OK, None)
    assert history.overall.error_budget_remaining == {"30d": 100.0, "custom": 100.0}
    assert history.thresholds["custom"].target == 95.0
    series = history.series
    assert series is not None
    assert series.from_date == history.from_ts
    assert series.numerator is not None
    assert len(series.times) == series.numerator.count == len(series.numerator.values)
    assert series.times[0].tzinfo is UTC


def test_history_without_data_says_why() -> None:
    error = {"error_type": "ZERO_VALUED_DENOMINATOR", "error_message": "The denominator is zero valued"}
    overall = _history({"data": {"overall": {"sli_value": None, "errors": [error]}}, "errors": None}).overall
    assert overall.errors == (SliError(**error),)
    assert overall.no_data_reason == "The denominator is zero valued"


def test_no_data_without_a_reason_is_still_no_data() -> None:
    assert SliData().no_data_reason == "no data"


@pytest.mark.parametrize(
    ("state", "reading"),
    [
        (0, Reading.GOOD),
        (1.0, Reading.BAD),
        (2, Reading.NO_DATA),
        ("NO_DATA", Reading.NO_DATA),
        (7, Reading("7")),
        (None, Reading("None")),
    ],
)
def test_transitions_take_numbers_and_texts(state: Any, reading: Reading) -> None:
    history = _history({"data": {"overall": {"history": [[1600000000, state]]}}}).overall.history
    assert history == (Transition(at=datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), reading=reading),)


@pytest.mark.parametrize("pair", [[1], "x", None, {"a": 1}, [1, 2, 3]])
def test_a_transition_that_is_no_pair_is_refused(pair: Any) -> None:
    with pytest.raises(slo_common.DecodeError):
        _history({"data": {"overall": {"history": [pair]}}})


def test_monitors_and_groups() -> None:
    part = {
        "name": "m",
        "group": "g",
        "sli_value": 99.5,
        "precision": 2.0,
        "preview": False,
        "monitor_type": "t",
        "monitor_modified": 5,
    }
    history = _history({"data": {"monitors": [part], "groups": [part], "group_by": ["env"], "overall": {}, "from_ts": 1}})
    assert (history.monitors[0].sli_value, history.monitors[0].precision) == (99.5, {"all": 2.0})
    assert (history.groups[0].group, history.group_by, history.groups[0].preview) == ("g", ("env",), False)
    assert history.monitors[0].monitor_modified == datetime.fromtimestamp(5, UTC)


@pytest.mark.parametrize(("budget", "read"), [({"7d": 1, "30d": None}, {"7d": 1.0}), (None, {}), ({}, {})])
def test_numbers_by_timeframe(budget: Any, read: dict[str, float]) -> None:
    assert _history({"data": {"overall": {"error_budget_remaining": budget}}}).overall.error_budget_remaining == read


def test_a_text_among_numbers_is_refused() -> None:
    with pytest.raises(slo_common.DecodeError):
        _history({"data": {"overall": {"precision": {"7d": "2"}}}})


@pytest.mark.parametrize("series", [{"times": [1600000000000.0, 1600000060000]}, {"times": None, "from_date": None}, None])
def test_times_of_series_are_milliseconds(series: Any) -> None:
    found = _history({"data": {"series": series, "overall": {}}}).series
    if series is None:
        assert found is None
    elif series["times"] is None:
        assert (found.times, found.from_date) == ((), None)
    else:
        assert [int(t.timestamp()) for t in found.times] == [1600000000, 1600000060]


@pytest.mark.parametrize("times", ["x", ["x"]])
def test_times_that_are_none_are_refused(times: Any) -> None:
    with pytest.raises(slo_common.DecodeError):
        _history({"data": {"series": {"times": times}}})


def test_complaints_about_the_query_stand_beside_the_data() -> None:
    assert _history({"data": {"overall": {}}, "errors": [{"error": "slow"}]}).errors == ("slow",)


def test_complaints_instead_of_data_are_an_error() -> None:
    with pytest.raises(slo_common.ApiError, match="HTTP 200: no such metric"):
        _history({"data": None, "errors": [{"error": "no such metric"}]})


def test_a_series_unit_may_be_null() -> None:
    unit = {"id": 2, "family": "bytes", "name": "byte", "plural": None, "short_name": "B", "scale_factor": 1}
    numerator = {"values": [1, None], "sum": 1, "count": 2, "metadata": {"unit": [unit, None], "query_index": 0, "tag_set": []}}
    series = _history({"data": {"series": {"numerator": numerator, "times": []}}}).series
    assert (series.numerator.values, series.numerator.metadata.unit[0].family, series.numerator.metadata.unit[1]) == (
        (1.0, None),
        "bytes",
        None,
    )


# Search.


def test_search_entries_are_flat() -> None:
    entry = {
        "data": {
            "id": "a",
            "type": "slo",
            "attributes": {"name": "n", "groups": None, "thresholds": [THRESHOLD], "timeframe": "30d"},
        }
    }
    answer = {
        "data": {
            "attributes": {
                "slos": [entry],
                "facets": {"slo_type": [{"name": 1, "count": 2}], "all_tags": [{"name": "a", "count": 1}]},
            }
        }
    }
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/search").respond(json=answer)
        found = list(dd.slos.search("n"))
        facets = dd.slos.facets("n")
    assert (found[0].id, found[0].name, found[0].type, found[0].groups, found[0].target) == ("a", "n", "slo", None, 99.9)
    assert [(f.name, f.count) for f in (*facets.slo_type, *facets.all_tags)] == [(1.0, 2), ("a", 1)]


def test_facets_that_did_not_come_are_empty() -> None:
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v1/slo/search").respond(json={"data": {"attributes": {"slos": None}}})
        assert dd.slos.facets().all_tags == ()


@pytest.mark.parametrize(
    ("slo", "target"),
    [
        (SearchedSlo(id="a", name="n"), None),
        (SearchedSlo(id="a", name="n", target_threshold=95.0), 95.0),
        (SearchedSlo(id="a", name="n", thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=90.0),)), 90.0),
    ],
)
def test_the_target_of_a_search_entry(slo: SearchedSlo, target: float | None) -> None:
    assert slo.target == target


def test_status_without_data_has_no_numbers() -> None:
    answer = {
        "data": {
            "id": "a",
            "type": "slo_status",
            "attributes": {"sli": None, "state": "no_data", "raw_error_budget_remaining": None},
        }
    }
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v2/slo/a/status").respond(json=answer)
        status = dd.slos.status("a", from_ts=1, to_ts=2)
    assert (status.sli, status.error_budget_remaining, status.state) == (None, None, SloState.NO_DATA)


def test_status_with_data() -> None:
    attributes = {
        "sli": 99,
        "error_budget_remaining": -5.5,
        "raw_error_budget_remaining": {"unit": "seconds", "value": 5},
        "state": "new",
        "span_precision": 2,
    }
    with respx.mock as router, DatadogSLO("k", "a") as dd:
        router.get(f"{API}/api/v2/slo/a/status").respond(json={"data": {"id": "a", "type": "slo_status", "attributes": attributes}})
        status = dd.slos.status("a", from_ts=1, to_ts=2)
    assert (status.id, status.sli, status.error_budget_remaining, status.span_precision) == ("a", 99.0, -5.5, 2)
    assert status.raw_error_budget_remaining is not None
    assert (status.raw_error_budget_remaining.unit, status.state.is_known) == ("seconds", False)
