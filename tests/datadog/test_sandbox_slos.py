"""SLOs in the sandbox: create, read, change, delete, list and search, as the vendor was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datadog_slo.sandbox import DatadogSandbox, SliModel
from slo_common.sandbox import VirtualClock
from tests.datadog.sandbox_requests import START, ask, metric, monitor, new_sandbox, ok, refused, time_slice

DAY = 86_400


def test_create_answers_with_a_list_of_one_and_a_singular_null_error() -> None:
    answer = ok(ask(new_sandbox(), "POST", "/api/v1/slo", metric()))
    assert (len(answer["data"]), answer["error"], "errors" in answer) == (1, None, False)


def test_create_fills_in_what_the_vendor_fills_in() -> None:
    slo = ok(ask(new_sandbox(), "POST", "/api/v1/slo", metric(tags=["env:prod", "app:core"])))["data"][0]
    assert slo["type_id"] == 1
    assert slo["tags"] == ["app:core", "env:prod"]
    assert slo["description"] == ""
    assert slo["created_at"] == slo["modified_at"] == START
    assert slo["thresholds"] == [{"timeframe": "30d", "target": 99.0, "target_display": "99."}]
    assert (slo["timeframe"], slo["creator"]["handle"]) == ("30d", "sandbox@example.com")


def test_a_whole_target_is_an_integer_when_created_and_a_float_when_read() -> None:
    sandbox = new_sandbox()
    body = metric(thresholds=[{"timeframe": "7d", "target": 95, "warning": 98.5}])
    created = ask(sandbox, "POST", "/api/v1/slo", body)
    slo_id = ok(created)["data"][0]["id"]
    read = ask(sandbox, "GET", f"/api/v1/slo/{slo_id}")
    assert b'"target_threshold":95,' in created.body
    assert b'"warning_threshold":98.5' in created.body
    assert b'"target_threshold":95.0,' in read.body


def test_time_slice_interval_left_out_comes_back_as_300() -> None:
    slo = ok(ask(new_sandbox(), "POST", "/api/v1/slo", time_slice()))["data"][0]
    assert slo["sli_specification"]["time_slice"]["query_interval_seconds"] == 300


@pytest.mark.parametrize(
    ("formulas", "denominator"),
    [
        ({"total_events_formula": {"formula": "t"}}, "sum:t{*}"),
        ({"bad_events_formula": {"formula": "t"}}, "sum:g{*} + sum:t{*}"),
    ],
)
def test_count_specification_brings_the_older_query_too(formulas: dict[str, Any], denominator: str) -> None:
    queries = [{"data_source": "metrics", "name": n, "query": f"sum:{n}{{*}}"} for n in ("g", "t")]
    spec = {"count": {"good_events_formula": {"formula": "g"}, "queries": queries, **formulas}}
    body = {k: v for k, v in metric().items() if k != "query"} | {"sli_specification": spec}
    slo = ok(ask(new_sandbox(), "POST", "/api/v1/slo", body))["data"][0]
    assert slo["query"] == {"numerator": "sum:g{*}", "denominator": denominator}


def test_the_named_timeframe_is_the_primary_one() -> None:
    body = metric(thresholds=[{"timeframe": "7d", "target": 95.0}, {"timeframe": "90d", "target": 97.0}], timeframe="90d")
    slo = ok(ask(new_sandbox(), "POST", "/api/v1/slo", body))["data"][0]
    assert (slo["timeframe"], slo["target_threshold"]) == ("90d", 97)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "not JSON"),
        ([], "expected an object"),
        ({}, "Required parameter 'type' is missing"),
        (metric(type="burn"), "'burn' is not a valid SLO type"),
        (metric(query=None), "'query' is missing"),
        (monitor(monitor_ids=[]), "'monitor_ids' is missing"),
        (time_slice(sli_specification=None), "'sli_specification' is missing"),
        (metric(thresholds=[3]), "a threshold needs"),
        (metric(thresholds=[{"timeframe": "custom", "target": 9}]), "'custom' is not a valid timeframe"),
        (metric(target=100), "greater than 0 and less than 100"),
        (metric(thresholds=[{"timeframe": "7d", "target": 9, "warning": 9}]), "greater than the target"),
    ],
)
def test_create_refuses(body: object, text: str) -> None:
    assert text in refused(ask(new_sandbox(), "POST", "/api/v1/slo", body), 400)


def test_furnishing_with_a_bad_slo_says_what_the_vendor_would_say() -> None:
    with pytest.raises(ValueError, match="'type' is missing"):
        new_sandbox().add_slo({})


def test_get_of_an_unknown_slo() -> None:
    assert refused(ask(new_sandbox(), "GET", "/api/v1/slo/nope"), 404) == "SLO not found: nope not found"


def test_alert_ids_come_when_asked_for() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), alert_ids=[4, 5])
    plain = ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}"))["data"]
    asked = ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}", query={"with_configured_alert_ids": "true"}))["data"]
    assert ("configured_alert_ids" in plain, asked["configured_alert_ids"]) == (False, [4, 5])


def test_update_replaces_everything_but_the_origin() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(tags=["env:prod"]), age=10)
    answer = ok(ask(sandbox, "PUT", f"/api/v1/slo/{slo_id}", metric("Other")))["data"][0]
    assert (answer["name"], answer["tags"], answer["created_at"], answer["modified_at"]) == ("Other", [], START - 10, START)


def test_the_type_of_an_slo_stays() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    assert "cannot be changed" in refused(ask(sandbox, "PUT", f"/api/v1/slo/{slo_id}", monitor()), 400)


def test_update_with_no_object_is_refused() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    assert "expected an object" in refused(ask(sandbox, "PUT", f"/api/v1/slo/{slo_id}", []), 400)


def test_a_method_that_does_not_exist() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    assert refused(ask(sandbox, "PATCH", f"/api/v1/slo/{slo_id}", {}), 404) == "Not Found"


def test_a_path_that_does_not_exist() -> None:
    assert refused(ask(new_sandbox(), "GET", "/api/v1/slos"), 404) == "Not Found"


def test_delete_names_the_id_and_the_slo_is_gone() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    assert ok(ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}")) == {"data": [slo_id], "error": None}
    assert ask(sandbox, "GET", f"/api/v1/slo/{slo_id}").status == 404


def test_delete_of_a_referenced_slo_is_a_409_with_errors_as_one_text() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), referenced_by=["dashboard_id: abc"])
    reply = ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}")
    assert reply.status == 409
    assert json.loads(reply.body) == {"errors": f"slo {slo_id} is referenced in dashboard_id: abc", "data": None}


def test_force_deletes_what_is_referenced() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), referenced_by=["dashboard_id: abc"])
    ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}", query={"force": "true"})
    assert sandbox.slos == ()


def test_can_delete_without_conflict() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    answer = ok(ask(sandbox, "GET", "/api/v1/slo/can_delete", query={"ids": slo_id}))
    assert answer == {"data": {"ok": [slo_id], "denied_ids": []}, "errors": None}


def test_can_delete_with_conflict_is_a_409_with_both_lists() -> None:
    sandbox = new_sandbox()
    free, used = sandbox.add_slo(metric()), sandbox.add_slo(metric(), referenced_by=["dashboard_id: abc"])
    reply = ask(sandbox, "GET", "/api/v1/slo/can_delete", query={"ids": f"{free},{used}"})
    expected = {"data": {"ok": [free], "denied_ids": [used]}, "errors": {used: "dashboard_id: abc"}}
    assert (reply.status, json.loads(reply.body)) == (409, expected)


def test_can_delete_needs_ids() -> None:
    assert "'ids' is missing" in refused(ask(new_sandbox(), "GET", "/api/v1/slo/can_delete"), 400)


def test_changes_stand_in_the_ledger() -> None:
    sandbox = new_sandbox()
    slo_id = ok(ask(sandbox, "POST", "/api/v1/slo", metric()))["data"][0]["id"]
    ask(sandbox, "PUT", f"/api/v1/slo/{slo_id}", metric())
    ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}")
    assert sandbox.applied == (f"slos.create {slo_id}", f"slos.update {slo_id}", f"slos.delete {slo_id}")


def _three_timeframes() -> dict[str, object]:
    return metric(thresholds=[{"timeframe": t, "target": 99.0} for t in ("7d", "30d", "90d")])


def test_bulk_delete_is_partly_done_and_says_so() -> None:
    sandbox = new_sandbox()
    whole, part = sandbox.add_slo(metric()), sandbox.add_slo(_three_timeframes())
    answer = ok(ask(sandbox, "POST", "/api/v1/slo/bulk_delete", {whole: ["30d"], part: ["7d"], "gone": ["7d"]}))
    error = {"id": "gone", "message": "SLO not found: gone not found", "timeframe": "all"}
    assert answer == {"data": {"deleted": [whole], "updated": [part]}, "errors": [error]}
    assert sandbox.applied == (f"slos.delete {whole}; slos.update {part}",)


def test_bulk_delete_moves_the_primary_timeframe_on() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(_three_timeframes())
    ask(sandbox, "POST", "/api/v1/slo/bulk_delete", {slo_id: ["7d", "90d"]})
    assert (sandbox.slos[0]["timeframe"], len(sandbox.slos[0]["thresholds"])) == ("30d", 1)


def test_bulk_delete_of_a_threshold_that_is_not_there() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    answer = ok(ask(sandbox, "POST", "/api/v1/slo/bulk_delete", {slo_id: ["7d"]}))
    assert (answer["data"], answer["errors"][0]["timeframe"]) == ({"deleted": [], "updated": []}, "7d")


def test_bulk_delete_spares_what_is_referenced() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), referenced_by=["dashboard_id: abc"])
    answer = ok(ask(sandbox, "POST", "/api/v1/slo/bulk_delete", {slo_id: ["30d"]}))
    assert (answer["errors"][0]["timeframe"], len(sandbox.slos)) == ("all", 1)


@pytest.mark.parametrize(("body", "text"), [([], "expected a map"), ({"a": "7d"}, "expected a map"), ({"a": ["1d"]}, "'1d'")])
def test_bulk_delete_refuses(body: object, text: str) -> None:
    assert text in refused(ask(new_sandbox(), "POST", "/api/v1/slo/bulk_delete", body), 400)


def _listed(sandbox: DatadogSandbox, **query: object) -> list[str]:
    return [slo["name"] for slo in ok(ask(sandbox, "GET", "/api/v1/slo", query=query))["data"]]


def _shop() -> DatadogSandbox:
    sandbox = new_sandbox()
    sandbox.add_slo(metric("Checkout", tags=["team:pay", "env:prod"]), slo_id="c")
    sandbox.add_slo(monitor("Login", tags=["team:id"]), slo_id="l")
    sandbox.add_slo(time_slice("Fast login", tags=["team:id", "env:prod"]), slo_id="f")
    return sandbox


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Checkout", "Login", "Fast login"]),
        ({"ids": "f,c"}, ["Checkout", "Fast login"]),
        ({"query": "login"}, ["Login", "Fast login"]),
        ({"tags_query": "env:prod"}, ["Checkout", "Fast login"]),
        ({"metrics_query": "sum:good"}, ["Checkout"]),
        ({"limit": 1, "offset": 1}, ["Login"]),
        ({"offset": 9}, []),
    ],
)
def test_list_filters(query: dict[str, Any], names: list[str]) -> None:
    assert _listed(_shop(), **query) == names


def test_list_counts_everything_but_the_filtered_count_is_the_page() -> None:
    answer = ok(ask(_shop(), "GET", "/api/v1/slo", query={"limit": 2}))
    assert answer["metadata"]["page"] == {"total_count": 3, "total_filtered_count": 2}


def test_list_of_unknown_ids_only_is_a_404() -> None:
    assert "not found" in refused(ask(_shop(), "GET", "/api/v1/slo", query={"ids": "x"}), 404)


@pytest.mark.parametrize("value", ["-1", "x", "0", "٣"])
def test_list_refuses_a_limit(value: str) -> None:
    assert "'limit'" in refused(ask(_shop(), "GET", "/api/v1/slo", query={"limit": value}), 400)


def test_deleted_slos_are_listed_for_thirty_days() -> None:
    clock = VirtualClock(START)
    sandbox = DatadogSandbox(clock=clock)
    slo_id = sandbox.add_slo(metric())
    assert _listed(sandbox, is_deleted="true") == []
    ask(sandbox, "DELETE", f"/api/v1/slo/{slo_id}")
    soon = _listed(sandbox, is_deleted="true")
    clock.advance(30 * DAY)
    assert (soon, _listed(sandbox, is_deleted="true"), _listed(sandbox)) == (["Checkout"], [], [])


def _found(sandbox: DatadogSandbox, query: str) -> list[str]:
    slos = ok(ask(sandbox, "GET", "/api/v1/slo/search", query={"query": query}))["data"]["attributes"]["slos"]
    return [slo["data"]["attributes"]["name"] for slo in slos]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Checkout", "Login", "Fast login"]),
        ("*", ["Checkout", "Login", "Fast login"]),
        ("login", ["Login", "Fast login"]),
        ('"fast LOGIN"', ["Fast login"]),
        ("slo_type:metric", ["Checkout"]),
        ("type:time_slice AND login", ["Fast login"]),
        ("timeframe:30d", ["Checkout"]),
        ("team:id -timeframe:30d -fast", ["Login"]),
        ("team:i*", ["Login", "Fast login"]),
        ('slo_type:metric "SLO Reporting Test"', []),
    ],
)
def test_search_speaks_the_query_language(query: str, names: list[str]) -> None:
    assert _found(_shop(), query) == names


def test_search_page_has_links_past_the_end() -> None:
    answer = ok(ask(_shop(), "GET", "/api/v1/slo/search", query={"query": "login", "page[size]": 20, "page[number]": 0}))
    assert answer["meta"]["pagination"]["total"] == 2
    assert answer["meta"]["pagination"]["next_number"] == 1
    assert "page[number]=1" in answer["links"]["next"]
    assert "page%5Bnumber%5D=0" in answer["links"]["self"]
    assert (answer["links"]["last"], answer["links"]["prev"]) == (None, None)


def test_search_second_page() -> None:
    answer = ok(ask(_shop(), "GET", "/api/v1/slo/search", query={"page[size]": 2, "page[number]": 1}))
    assert [s["data"]["id"] for s in answer["data"]["attributes"]["slos"]] == ["f"]
    assert answer["meta"]["pagination"]["last_number"] == 1
    assert "page[number]=0" in answer["links"]["prev"]


def test_search_entry_has_what_only_recordings_show() -> None:
    sandbox = new_sandbox()
    sandbox.add_slo(metric(tags=["team:pay", "env:prod", "service:web"]), model=SliModel(error_rate=0))
    entry = ok(ask(sandbox, "GET", "/api/v1/slo/search"))["data"]["attributes"]["slos"][0]["data"]["attributes"]
    assert (entry["target_threshold"], entry["description"], entry["monitor_ids"]) == (99.0, None, None)
    assert (entry["team_tags"], entry["env_tags"], entry["service_tags"]) == (["team:pay"], ["env:prod"], ["service:web"])
    assert entry["thresholds"][0]["target_display"] == "99"
    assert (entry["status"]["sli"], entry["status"]["state"], entry["status"]["error_budget_remaining"]) == (100.0, "ok", 100.0)
    assert entry["overall_status"][0]["timeframe"] == "30d"


def test_search_entry_without_data() -> None:
    sandbox = new_sandbox()
    sandbox.add_slo(monitor(), model=SliModel(data_to=0))
    entry = ok(ask(sandbox, "GET", "/api/v1/slo/search"))["data"]["attributes"]["slos"][0]["data"]["attributes"]
    assert (entry["status"]["sli"], entry["status"]["state"], entry["query"]) == (None, "no_data", None)
    assert entry["status"]["calculation_error"] == "The denominator is zero valued"


def test_facets_count_what_was_found() -> None:
    answer = ok(ask(_shop(), "GET", "/api/v1/slo/search", query={"query": "login", "include_facets": "true"}))
    facets = answer["data"]["attributes"]["facets"]
    assert facets["team_tags"] == [{"name": "team:id", "count": 2}]
    assert facets["slo_type"] == [{"name": 0, "count": 1}, {"name": 2, "count": 1}]


def test_a_new_slo_is_missing_from_the_index_for_a_while() -> None:
    clock = VirtualClock(START)
    sandbox = DatadogSandbox(clock=clock, search_lag=60)
    ask(sandbox, "POST", "/api/v1/slo", metric())
    before = _found(sandbox, "checkout")
    clock.advance(60)
    assert (before, _found(sandbox, "checkout")) == ([], ["Checkout"])


def test_the_demo_has_every_kind_and_is_the_same_each_time() -> None:
    one, two = (DatadogSandbox.demo(clock=VirtualClock(START)) for _ in range(2))
    assert {slo["type"] for slo in one.slos} == {"metric", "monitor", "time_slice"}
    assert one.slos == two.slos


def test_the_demo_starts_at_the_machine_s_time() -> None:
    assert DatadogSandbox.demo().clock.now() > 1_780_000_000
