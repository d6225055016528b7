"""The other SLO operations on the wire, and what is checked before they get there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx
from attrs import evolve

import slo_common
from datadog_slo.models import (
    Comparator,
    CountCondition,
    CountSpec,
    Formula,
    MetricQuery,
    MetricSlo,
    MonitorSlo,
    SliQuery,
    Slo,
    SloType,
    Threshold,
    Timeframe,
    TimeSliceCondition,
    TimeSliceQuery,
    TimeSliceSlo,
    TimeSliceSpec,
    UnknownSlo,
    UnknownSpec,
)
from tests.datadog.drivers import Driver

API = "https://api.datadoghq.com"
Use = Callable[[Any], Any]

THRESHOLDS = (Threshold(timeframe=Timeframe.THIRTY_DAYS, target=99.9, warning=99.95),)
METRIC = MetricSlo(name="Checkout", query=MetricQuery(numerator="sum:ok{*}", denominator="sum:all{*}"), thresholds=THRESHOLDS)
MONITOR = MonitorSlo(name="Sessions", monitor_ids=(7,), thresholds=THRESHOLDS)
QUERIES = (SliQuery(name="q", query="p95:latency{*}"),)
SLICES = TimeSliceCondition(
    comparator=Comparator.LESS_OR_EQUAL, threshold=5.0, query=TimeSliceQuery(formulas=(Formula(formula="q"),), queries=QUERIES)
)
TIME_SLICE = TimeSliceSlo(name="Fast", sli_specification=TimeSliceSpec(time_slice=SLICES), thresholds=THRESHOLDS)
COUNT = CountCondition(good_events_formula=Formula(formula="q"), total_events_formula=Formula(formula="q"), queries=QUERIES)

STORED = {
    "id": "abc",
    "name": "Checkout",
    "type": "metric",
    "thresholds": [{"timeframe": "30d", "target": 99.9, "target_display": "99.9"}],
    "query": {"numerator": "sum:ok{*}", "denominator": "sum:all{*}"},
}


def _sent(driver: Driver, use: Use, answer: Any = None, status: int = 200) -> httpx.Request:
    with respx.mock as router:
        route = router.route(url__startswith=API).respond(status, json={"data": [], "error": None} if answer is None else answer)
        driver.run(use)
        request: httpx.Request = route.calls.last.request
    return request


def _target(request: httpx.Request) -> str:
    return f"{request.method} {request.url.raw_path.decode()}"


SLO_LIST = {"data": [STORED], "error": None}
HISTORY = {"data": {"overall": {"sli_value": 99.9}}, "errors": None}
STATUS = {"data": {"id": "abc", "type": "slo_status", "attributes": {"sli": 99.9, "state": "ok"}}}
SEARCH: dict[str, Any] = {"data": {"type": "x", "attributes": {"slos": []}}, "meta": {"pagination": {"total": 0}}}

TARGETS: dict[str, tuple[Use, Any]] = {
    "GET /api/v1/slo?limit=1000": (lambda dd: dd.slos.list(), SLO_LIST),
    "GET /api/v1/slo?ids=a%2Cb&query=x%20y&tags_query=env%3Aprod&metrics_query=sum%3Aok&is_deleted=true&limit=5&offset=10": (
        lambda dd: dd.slos.list(
            ids=["a", "b"], query="x y", tags_query="env:prod", metrics_query="sum:ok", is_deleted=True, page_size=5, offset=10
        ),
        SLO_LIST,
    ),
    "GET /api/v1/slo/abc": (lambda dd: dd.slos.get("abc"), {"data": STORED, "error": None}),
    "GET /api/v1/slo/abc?with_configured_alert_ids=true": (
        lambda dd: dd.slos.get("abc", with_configured_alert_ids=True),
        {"data": STORED},
    ),
    "POST /api/v1/slo": (lambda dd: dd.slos.create(METRIC), SLO_LIST),
    "PUT /api/v1/slo/abc": (lambda dd: dd.slos.update(evolve(METRIC, id="abc")), SLO_LIST),
    "DELETE /api/v1/slo/abc": (lambda dd: dd.slos.delete("abc"), {"data": ["abc"], "error": None}),
    "DELETE /api/v1/slo/abc?force=true": (lambda dd: dd.slos.delete("abc", force=True), {"data": ["abc"]}),
    "GET /api/v1/slo/can_delete?ids=a%2Cb": (
        lambda dd: dd.slos.can_delete(["a", "b"]),
        {"data": {"ok": ["a", "b"]}, "errors": None},
    ),
    "GET /api/v1/slo/search?page%5Bsize%5D=100&page%5Bnumber%5D=0": (lambda dd: dd.slos.search(), SEARCH),
    "GET /api/v1/slo/search?query=team%3Apay%20%22a%20b%22&page%5Bsize%5D=20&page%5Bnumber%5D=0": (
        lambda dd: dd.slos.search('team:pay "a b"', page_size=20),
        SEARCH,
    ),
    "GET /api/v1/slo/search?query=x&page%5Bsize%5D=1&page%5Bnumber%5D=0&include_facets=true": (
        lambda dd: dd.slos.facets("x"),
        SEARCH,
    ),
    "GET /api/v1/slo/abc/history?from_ts=1&to_ts=2": (lambda dd: dd.slos.history("abc", from_ts=1, to_ts=2), HISTORY),
    "GET /api/v1/slo/abc/history?from_ts=1&to_ts=2&target=99.5&apply_correction=false": (
        lambda dd: dd.slos.history("abc", from_ts=1, to_ts=2, target=99.5, apply_correction=False),
        HISTORY,
    ),
    "GET /api/v2/slo/abc/status?from_ts=1&to_ts=2": (lambda dd: dd.slos.status("abc", from_ts=1, to_ts=2), STATUS),
    "GET /api/v2/slo/abc/status?from_ts=1&to_ts=2&disable_corrections=true": (
        lambda dd: dd.slos.status("abc", from_ts=1, to_ts=2, disable_corrections=True),
        STATUS,
    ),
    "GET /api/v1/slo/abc/corrections?page%5Boffset%5D=0&page%5Blimit%5D=10": (lambda dd: dd.slos.corrections("abc"), {"data": []}),
    "GET /api/v1/slo/correction?limit=25": (lambda dd: dd.corrections.list(), {"data": []}),
    "GET /api/v1/slo/correction?limit=3&offset=6": (lambda dd: dd.corrections.list(page_size=3, offset=6), {"data": []}),
}


@pytest.mark.parametrize("expected", TARGETS)
def test_method_path_and_query(expected: str, driver: Driver) -> None:
    use, answer = TARGETS[expected]
    assert _target(_sent(driver, use, answer)) == expected


BODIES: dict[str, tuple[Slo, dict[str, Any]]] = {
    "metric": (
        METRIC,
        {
            "name": "Checkout",
            "type": "metric",
            "query": {"numerator": "sum:ok{*}", "denominator": "sum:all{*}"},
            "thresholds": [{"timeframe": "30d", "target": 99.9, "warning": 99.95}],
        },
    ),
    "metric by formulas": (
        evolve(METRIC, query=None, sli_specification=CountSpec(count=COUNT), tags=("a:b",), description=""),
        {
            "name": "Checkout",
            "type": "metric",
            "description": "",
            "tags": ["a:b"],
            "sli_specification": {
                "count": {
                    "good_events_formula": {"formula": "q"},
                    "total_events_formula": {"formula": "q"},
                    "queries": [{"name": "q", "query": "p95:latency{*}", "data_source": "metrics"}],
                }
            },
            "thresholds": [{"timeframe": "30d", "target": 99.9, "warning": 99.95}],
        },
    ),
    "monitor": (
        evolve(MONITOR, groups=("env:prod",), timeframe=Timeframe.THIRTY_DAYS),
        {
            "name": "Sessions",
            "type": "monitor",
            "monitor_ids": [7],
            "groups": ["env:prod"],
            "thresholds": [{"timeframe": "30d", "target": 99.9, "warning": 99.95}],
            "timeframe": "30d",
            "target_threshold": 99.9,
            "warning_threshold": 99.95,
        },
    ),
    "time slice": (
        evolve(TIME_SLICE, thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=95),), timeframe=Timeframe.SEVEN_DAYS),
        {
            "name": "Fast",
            "type": "time_slice",
            "sli_specification": {
                "time_slice": {
                    "comparator": "<=",
                    "threshold": 5.0,
                    "query": {
                        "formulas": [{"formula": "q"}],
                        "queries": [{"name": "q", "query": "p95:latency{*}", "data_source": "metrics"}],
                    },
                }
            },
            "thresholds": [{"timeframe": "7d", "target": 95}],
            "timeframe": "7d",
            "target_threshold": 95,
        },
    ),
    "unknown kind": (
        UnknownSlo(name="New", type=SloType("synthetic"), thresholds=THRESHOLDS, extra={"test_ids": [1, 2]}),
        {
            "name": "New",
            "type": "synthetic",
            "test_ids": [1, 2],
            "thresholds": [{"timeframe": "30d", "target": 99.9, "warning": 99.95}],
        },
    ),
    "unknown specification": (
        evolve(METRIC, query=None, sli_specification=UnknownSpec(data={"burn": {"rate": 2}})),
        {
            "name": "Checkout",
            "type": "metric",
            "sli_specification": {"burn": {"rate": 2}},
            "thresholds": [{"timeframe": "30d", "target": 99.9, "warning": 99.95}],
        },
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_create_sends_the_whole_slo(name: str, driver: Driver) -> None:
    slo, body = BODIES[name]
    assert json.loads(_sent(driver, lambda dd: dd.slos.create(slo), SLO_LIST).content) == body


@pytest.mark.parametrize("name", BODIES)
def test_update_sends_the_same_body_without_the_id(name: str, driver: Driver) -> None:
    slo, body = BODIES[name]
    request = _sent(driver, lambda dd: dd.slos.update(evolve(slo, id="abc")), SLO_LIST)
    assert (json.loads(request.content), request.url.path) == (body, "/api/v1/slo/abc")


@pytest.mark.parametrize("answer", [{"data": []}, {"data": [STORED, STORED]}])
def test_create_and_update_want_one_slo_back(answer: Any, driver: Driver) -> None:
    with pytest.raises(slo_common.DecodeError, match=r"\$\.data: expected one SLO"):
        _sent(driver, lambda dd: dd.slos.create(METRIC), answer)


# 409s that are values.


def test_a_referenced_slo_is_not_deleted_and_the_result_says_why(driver: Driver) -> None:
    with respx.mock as router:
        router.delete(f"{API}/api/v1/slo/abc").respond(
            409, json={"errors": "slo abc is referenced in dashboard_id: x", "data": None}
        )
        result = driver.run(lambda dd: dd.slos.delete("abc"))
    assert (result.deleted, result.errors) == ((), {"abc": "slo abc is referenced in dashboard_id: x"})
    with pytest.raises(slo_common.Conflict, match="abc: slo abc is referenced"):
        result.raise_for_errors()


def test_the_specified_map_of_a_409_is_read_as_well(driver: Driver) -> None:
    with respx.mock as router:
        router.delete(f"{API}/api/v1/slo/abc").respond(409, json={"errors": {"abc": "in use"}, "data": []})
        assert driver.run(lambda dd: dd.slos.delete("abc")).errors == {"abc": "in use"}


def test_a_409_that_says_nothing_is_an_error_all_the_same(driver: Driver) -> None:
    with respx.mock as router:
        router.delete(f"{API}/api/v1/slo/abc").respond(409, json={})
        assert driver.run(lambda dd: dd.slos.delete("abc")).errors == {"abc": "conflict"}


def test_a_deletion_that_worked_raises_nothing(driver: Driver) -> None:
    with respx.mock as router:
        router.delete(f"{API}/api/v1/slo/abc").respond(json={"data": ["abc"], "error": None})
        result = driver.run(lambda dd: dd.slos.delete("abc"))
    result.raise_for_errors()
    assert result.deleted == ("abc",)


def test_can_delete_tells_both_kinds(driver: Driver) -> None:
    answer = {"data": {"ok": ["a"], "denied_ids": ["b"]}, "errors": {"b": "dashboard"}}
    with respx.mock as router:
        router.get(f"{API}/api/v1/slo/can_delete").respond(409, json=answer)
        result = driver.run(lambda dd: dd.slos.can_delete(["a", "b"]))
    assert (result.ok, result.errors) == (("a",), {"b": "dashboard"})
    with pytest.raises(slo_common.Conflict, match="b: dashboard"):
        result.raise_for_errors()


@pytest.mark.parametrize("answer", [{"data": None}, {"data": {"ok": None}}])
def test_can_delete_takes_null_for_nothing(answer: Any, driver: Driver) -> None:
    with respx.mock as router:
        router.get(f"{API}/api/v1/slo/can_delete").respond(json=answer)
        assert driver.run(lambda dd: dd.slos.can_delete(["a"])).ok == ()


def test_a_repeated_delete_that_finds_nothing_was_the_first_one_s_work(driver: Driver) -> None:
    with respx.mock as router:
        route = router.delete(f"{API}/api/v1/slo/abc")
        route.side_effect = [httpx.ReadError("reset"), httpx.Response(404, json={"errors": ["SLO not found"]})]
        result = driver.run(
            lambda dd: dd.slos.delete("abc"), api_key="k", app_key="a", retry=slo_common.RetryPolicy(backoff_base=0)
        )
    assert (result.deleted, route.call_count) == (("abc",), 2)


# Bad input.


def _refused(driver: Driver, use: Use) -> str:
    with respx.mock(assert_all_called=False) as router:
        route = router.route().mock(return_value=httpx.Response(500))
        with pytest.raises(slo_common.InvalidArgument) as caught:
            driver.run(use)
    assert not route.called
    return str(caught.value)


def _slo(slo: Slo, **change: Any) -> Slo:
    return evolve(slo, **change)


BAD_SLOS: dict[str, tuple[Any, str]] = {
    "no SLO": ({"name": "x"}, "slo: a dict was given"),
    "no name": (_slo(METRIC, name=" "), "name: ' ' was given"),
    "no threshold": (_slo(METRIC, thresholds=()), "thresholds: none was given"),
    "custom timeframe": (_slo(METRIC, thresholds=(Threshold(timeframe=Timeframe.CUSTOM, target=9),)), "thresholds[0].timeframe: "),
    "twice": (_slo(METRIC, thresholds=THRESHOLDS * 2), "thresholds[1].timeframe: '30d' was given twice"),
    "target 100": (_slo(METRIC, thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=100),)), "thresholds[0].target: 100"),
    "target nan": (_slo(METRIC, thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=float("nan")),)), "target: nan"),
    "warning": (
        _slo(METRIC, thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=9, warning=9),)),
        "thresholds[0].warning: 9 was given; allowed: above the target 9",
    ),
    "metric without query": (_slo(METRIC, query=None), "query, sli_specification: neither was given"),
    "metric by slices": (_slo(METRIC, sli_specification=TimeSliceSpec(time_slice=SLICES)), "allowed: a CountSpec"),
    "metric with two totals": (
        _slo(METRIC, sli_specification=CountSpec(count=evolve(COUNT, bad_events_formula=Formula(formula="q")))),
        "exactly one of total_events_formula and bad_events_formula",
    ),
    "monitor without monitors": (_slo(MONITOR, monitor_ids=()), "monitor_ids: () was given"),
    "monitor by name": (_slo(MONITOR, monitor_ids=("7",)), "monitor_ids: ('7',) was given"),
    "too many groups": (_slo(MONITOR, groups=("x",) * 101), "groups: 101 were given; allowed: at most 100"),
    "slices without specification": (_slo(TIME_SLICE, sli_specification=None), "sli_specification: NoneType was given"),
    "slices by count": (_slo(TIME_SLICE, sli_specification=CountSpec(count=COUNT)), "sli_specification: CountSpec was given"),
    "comparator": (
        _slo(TIME_SLICE, sli_specification=TimeSliceSpec(time_slice=evolve(SLICES, comparator=Comparator("==")))),
        "time_slice.comparator: Comparator('==') was given",
    ),
    "slice length": (
        _slo(TIME_SLICE, sli_specification=TimeSliceSpec(time_slice=evolve(SLICES, query_interval_seconds=90))),
        "query_interval_seconds: 90 was given; allowed: 60, 300",
    ),
    "two formulas": (
        _slo(
            TIME_SLICE,
            sli_specification=TimeSliceSpec(
                time_slice=evolve(SLICES, query=TimeSliceQuery(formulas=(Formula(formula="q"),) * 2, queries=QUERIES))
            ),
        ),
        "formulas: 2 were given; allowed: exactly one",
    ),
}


@pytest.mark.parametrize("name", BAD_SLOS)
def test_create_refuses_what_the_vendor_would_refuse(name: str, driver: Driver) -> None:
    slo, text = BAD_SLOS[name]
    assert text in _refused(driver, lambda dd: dd.slos.create(slo))


@pytest.mark.parametrize("seconds", [None, 60, 300])
def test_slice_lengths_that_are_allowed(seconds: int | None, driver: Driver) -> None:
    slo = _slo(TIME_SLICE, sli_specification=TimeSliceSpec(time_slice=evolve(SLICES, query_interval_seconds=seconds)))
    sent = json.loads(_sent(driver, lambda dd: dd.slos.create(slo), SLO_LIST).content)
    assert sent["sli_specification"]["time_slice"].get("query_interval_seconds") == seconds


def test_a_time_slice_slo_may_have_a_specification_to_come(driver: Driver) -> None:
    slo = _slo(TIME_SLICE, sli_specification=UnknownSpec(data={"wave": {}}))
    assert json.loads(_sent(driver, lambda dd: dd.slos.create(slo), SLO_LIST).content)["sli_specification"] == {"wave": {}}


def test_update_needs_an_id(driver: Driver) -> None:
    assert "slo.id: '' is empty" in _refused(driver, lambda dd: dd.slos.update(METRIC))


BAD_READS: list[tuple[Use, str]] = [
    (lambda dd: dd.slos.get(".."), "slo_id: '..' was given"),
    (lambda dd: dd.slos.delete(""), "slo_id: '' is empty"),
    (lambda dd: dd.slos.corrections(""), "slo_id: '' is empty"),
    (lambda dd: dd.slos.list(ids=[]), "ids: [] was given"),
    (lambda dd: dd.slos.list(ids="abc"), "ids: 'abc' was given"),
    (lambda dd: dd.slos.list(ids=["a,b"]), "ids[0]: 'a,b' holds a comma"),
    (lambda dd: dd.slos.list(page_size=1001), "page_size: 1001 was given; allowed: a whole number from 1 to 1000"),
    (lambda dd: dd.slos.list(offset=-1), "offset: -1 was given"),
    (lambda dd: dd.slos.can_delete([""]), "ids[0]: '' is empty"),
    (lambda dd: dd.slos.search(None), "query: None was given"),
    (lambda dd: dd.slos.search("x", page_size=0), "page_size: 0 was given"),
    (lambda dd: dd.slos.facets(5), "query: 5 was given"),
    (lambda dd: dd.slos.history("a", from_ts=2, to_ts=1), "from_ts: 2 was given; allowed: a time before to_ts (1)"),
    (lambda dd: dd.slos.history("a", from_ts=1, to_ts=2, target=100), "target: 100 was given"),
    (lambda dd: dd.slos.history("a", from_ts=1, to_ts=2, target=True), "target: True was given"),
    (lambda dd: dd.slos.status("", from_ts=1, to_ts="x"), "to_ts: 'x' was given"),
    (lambda dd: dd.corrections.list(page_size="9"), "page_size: '9' was given"),
]


@pytest.mark.parametrize(("use", "text"), BAD_READS)
def test_reads_refuse_bad_input(use: Use, text: str, driver: Driver) -> None:
    assert text in _refused(driver, use)
