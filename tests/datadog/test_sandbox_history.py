"""History, status and corrections in the sandbox: one truth about the SLI."""

from __future__ import annotations

from typing import Any

import pytest

from datadog_slo.sandbox import DatadogSandbox, Incident, SliModel
from tests.datadog.sandbox_requests import START, ask, metric, monitor, new_sandbox, ok, refused, time_slice

DAY, HOUR = 86_400, 3600
SINCE = START - 30 * DAY
WINDOW: dict[str, object] = {"from_ts": SINCE, "to_ts": START}
OUTAGE = SliModel(error_rate=0, incidents=(Incident(start=START - 3 * DAY, end=START - 3 * DAY + 6 * HOUR),))


def _history(sandbox: DatadogSandbox, slo_id: str, **query: object) -> Any:
    return ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/history", query=WINDOW | query))["data"]


def _status(sandbox: DatadogSandbox, slo_id: str, **query: object) -> Any:
    return ok(ask(sandbox, "GET", f"/api/v2/slo/{slo_id}/status", query=WINDOW | query))["data"]["attributes"]


@pytest.mark.parametrize("body", [metric(), monitor(), time_slice()])
def test_history_and_status_agree(body: dict[str, object]) -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(body, model=SliModel(seed=4, error_rate=0.02))
    assert _history(sandbox, slo_id)["overall"]["sli_value"] == _status(sandbox, slo_id)["sli"] == sandbox.sli(slo_id, SINCE, START)


def test_history_carries_what_the_specification_leaves_out() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), model=SliModel(error_rate=0))
    data = _history(sandbox, slo_id)
    assert data["slo"]["id"] == slo_id
    assert (data["type"], data["type_id"]) == ("metric", 1)
    assert (data["overall"]["state"], data["overall"]["corrections"]) == ("ok", [])
    assert data["series"]["from_date"] == SINCE * 1000


def test_the_series_add_up_to_the_sli() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), model=SliModel(error_rate=0.05, incidents=OUTAGE.incidents))
    data = _history(sandbox, slo_id)
    series = data["series"]
    sli = 100 * series["numerator"]["sum"] / series["denominator"]["sum"]
    assert sli == pytest.approx(data["overall"]["sli_value"], abs=1e-4)
    assert len(series["times"]) == series["numerator"]["count"] == len(series["denominator"]["values"])


@pytest.mark.parametrize(("days", "interval"), [(1, 7200), (7, 14_400), (31, DAY), (90, 2 * DAY), (200, 4 * DAY)])
def test_the_interval_of_the_series_grows_with_the_window(days: int, interval: int) -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    assert _history(sandbox, slo_id, from_ts=START - days * DAY)["series"]["interval"] == interval


def test_history_without_data_is_a_200_with_an_error_inside() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), model=SliModel(data_to=0))
    overall = _history(sandbox, slo_id)["overall"]
    assert (overall["sli_value"], overall["state"], overall["precision"]) == (None, "no_data", {"30d": 0})
    assert overall["errors"] == [{"error_type": "ZERO_VALUED_DENOMINATOR", "error_message": "The denominator is zero valued"}]


def test_a_target_of_one_s_own_adds_a_custom_timeframe() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=SliModel(error_rate=0))
    data = _history(sandbox, slo_id, target="99.5")
    assert data["thresholds"]["custom"]["target"] == 99.5
    assert data["overall"]["error_budget_remaining"] == {"7d": 100.0, "custom": 100.0}


@pytest.mark.parametrize("target", ["0", "100", "x", "nan"])
def test_history_refuses_a_target(target: str) -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor())
    assert "'target'" in refused(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/history", query=WINDOW | {"target": target}), 400)


@pytest.mark.parametrize("window", [{}, {"from_ts": 5, "to_ts": 5}, {"from_ts": "x", "to_ts": 9}, {"from_ts": 1}])
def test_history_and_status_refuse_a_window(window: dict[str, object]) -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor())
    assert "'from_ts'" in refused(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/history", query=window), 400)
    assert "Invalid Argument: from_ts" in refused(ask(sandbox, "GET", f"/api/v2/slo/{slo_id}/status", query=window), 400)


def test_an_slo_can_refuse_its_window() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric(), model=SliModel(refuses="window too long"))
    assert refused(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/history", query=WINDOW), 400) == "window too long"
    assert "window too long" in refused(ask(sandbox, "GET", f"/api/v2/slo/{slo_id}/status", query=WINDOW), 400)


def test_status_of_an_unknown_slo_is_an_object() -> None:
    assert refused(ask(new_sandbox(), "GET", "/api/v2/slo/x/status", query=WINDOW), 404) == "Not Found: SLO not found: x"


def test_status_without_data() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=SliModel(data_to=0))
    answer = _status(sandbox, slo_id)
    assert (answer["sli"], answer["error_budget_remaining"], answer["state"]) == (None, None, "no_data")


@pytest.mark.parametrize(
    ("rate", "warning", "state"), [(0.0, None, "ok"), (0.005, 99.9, "warning"), (0.02, 99.9, "breached"), (0.0, 99.9, "ok")]
)
def test_the_state_follows_target_and_warning(rate: float, warning: float | None, state: str) -> None:
    sandbox = new_sandbox()
    threshold = {"timeframe": "30d", "target": 99.0} | ({"warning": warning} if warning else {})
    slo_id = sandbox.add_slo(metric(thresholds=[threshold]), model=SliModel(error_rate=rate))
    assert _status(sandbox, slo_id)["state"] == state


def test_the_raw_budget_is_in_the_unit_of_the_slo() -> None:
    sandbox = new_sandbox()
    by_time, by_count = sandbox.add_slo(monitor()), sandbox.add_slo(metric())
    units = [_status(sandbox, slo_id)["raw_error_budget_remaining"]["unit"] for slo_id in (by_time, by_count)]
    assert units == ["seconds", "requests"]


def test_transitions_mark_the_outage() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=OUTAGE)
    data = _history(sandbox, slo_id)
    expected = [[SINCE, 0], [START - 3 * DAY, 1], [START - 3 * DAY + 6 * HOUR, 0]]
    assert data["overall"]["history"] == data["monitors"][0]["history"] == expected


def test_a_window_that_begins_in_the_outage_begins_bad() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(time_slice(), model=OUTAGE)
    data = _history(sandbox, slo_id, from_ts=START - 3 * DAY + HOUR)
    assert (data["overall"]["history"][0][1], "monitors" in data) == (1, False)


@pytest.mark.parametrize(("numeric", "mark"), [(True, 2), (False, "NO_DATA")])
def test_stretches_without_data_are_a_number_or_a_text(numeric: bool, mark: object) -> None:
    sandbox = new_sandbox(numeric_no_data=numeric)
    slo_id = sandbox.add_slo(time_slice(), model=SliModel(data_from=START - DAY))
    assert [state for _, state in _history(sandbox, slo_id)["overall"]["history"]] == [mark, 0]


# Corrections.


def _correct(sandbox: DatadogSandbox, on: str, **attributes: object) -> Any:
    given = {"slo_id": on, "category": "Deployment", "start": START - 3 * DAY, "end": START - 3 * DAY + 6 * HOUR, **attributes}
    body = {"data": {"type": "correction", "attributes": {k: v for k, v in given.items() if v is not None}}}
    return ok(ask(sandbox, "POST", "/api/v1/slo/correction", body))["data"]


def test_a_correction_takes_the_outage_out_of_the_sli() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=OUTAGE)
    before = _status(sandbox, slo_id)["sli"]
    correction = _correct(sandbox, slo_id)
    assert (before < 100, _status(sandbox, slo_id)["sli"]) == (True, 100.0)
    assert [c["id"] for c in _history(sandbox, slo_id)["overall"]["corrections"]] == [correction["id"]]


@pytest.mark.parametrize("days", [-40, 40])
def test_a_correction_outside_of_the_window_changes_nothing(days: int) -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=OUTAGE)
    before = _status(sandbox, slo_id)
    _correct(sandbox, slo_id, start=START + days * DAY, end=START + days * DAY + HOUR)
    assert (_status(sandbox, slo_id), _history(sandbox, slo_id)["overall"]["corrections"]) == (before, [])


def test_corrections_can_be_left_out_by_either_switch() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(), model=OUTAGE)
    _correct(sandbox, slo_id)
    raw = [
        _history(sandbox, slo_id, apply_correction="false")["overall"]["sli_value"],
        _status(sandbox, slo_id, disable_corrections="true")["sli"],
    ]
    assert raw == [sandbox.sli(slo_id, SINCE, START, corrected=False)] * 2


def test_a_correction_by_query_covers_what_the_query_matches() -> None:
    sandbox = new_sandbox()
    hit = sandbox.add_slo(monitor(tags=["team:pay"]), model=OUTAGE)
    missed = sandbox.add_slo(monitor(tags=["team:id"]), model=OUTAGE)
    made = _correct(sandbox, hit, slo_id=None, slo_query="team:pay")
    assert (made["attributes"]["slo_id"], made["attributes"]["slo_query"]) == (None, "team:pay")
    assert (_status(sandbox, hit)["sli"], _status(sandbox, missed)["sli"] < 100) == (100.0, True)


@pytest.mark.parametrize(
    ("rrule", "hours"),
    [
        ("FREQ=DAILY", 14),
        ("RRULE:FREQ=DAILY;INTERVAL=2", 7),
        ("FREQ=DAILY;COUNT=5", 5),
        ("FREQ=DAILY;UNTIL=20231103T221320Z", 4),
        ("FREQ=DAILY;UNTIL=20231104", 4),
        ("FREQ=WEEKLY", 2),
        ("FREQ=WEEKLY;INTERVAL=2", 1),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE", 6),
        ("FREQ=DAILY;BYDAY=MO", 2),
        ("FREQ=MONTHLY", 1),
    ],
)
def test_recurring_corrections(rrule: str, hours: int) -> None:
    """START is Tuesday 2023-11-14 22:13:20 UTC; the rule begins 14 days earlier, also on a Tuesday, for an hour each time."""
    assert _corrected(START - 14 * DAY, rrule, START - 20 * DAY, START) == hours


def _corrected(start: int, rrule: str, low: int, high: int) -> int:
    """Corrected hours of a window, read from the raw budget: a service that is always up, with a target of 50 %."""
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor(thresholds=[{"timeframe": "7d", "target": 50}]), model=SliModel(error_rate=0))
    budget = {"from_ts": low, "to_ts": high}
    before: float = _status(sandbox, slo_id, **budget)["raw_error_budget_remaining"]["value"]
    _correct(sandbox, slo_id, start=start, end=None, rrule=rrule, duration=HOUR)
    after: float = _status(sandbox, slo_id, **budget)["raw_error_budget_remaining"]["value"]
    return round((before - after) * 2 / HOUR)


@pytest.mark.parametrize(("months", "hours"), [(1, 1), (3, 2), (5, 3)])
def test_a_monthly_rule_skips_months_without_the_day(months: int, hours: int) -> None:
    january_31 = 1_675_123_200  # 2023-01-31T00:00:00Z
    assert _corrected(january_31, "FREQ=MONTHLY;COUNT=3", january_31, january_31 + months * 31 * DAY) == hours


def test_a_new_correction_has_no_times_yet_and_a_nested_creator() -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(monitor()))
    attributes = made["attributes"]
    assert (attributes["created_at"], attributes["modified_at"], attributes["modifier"]) == (None, None, None)
    assert attributes["creator"]["data"]["attributes"]["email"] == "sandbox@example.com"
    assert (attributes["rrule"], attributes["duration"], attributes["timezone"]) == (None, None, "UTC")


def test_the_times_are_there_on_the_next_read() -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(monitor()))
    assert ok(ask(sandbox, "GET", f"/api/v1/slo/correction/{made['id']}"))["data"]["attributes"]["created_at"] == START


def test_update_names_its_modifier() -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(monitor()))
    body = {"data": {"type": "correction", "attributes": {"description": "longer", "category": "Other"}}}
    after = ok(ask(sandbox, "PATCH", f"/api/v1/slo/correction/{made['id']}", body))["data"]["attributes"]
    assert (after["description"], after["category"], after["start"]) == ("longer", "Other", made["attributes"]["start"])
    assert after["modifier"]["data"]["type"] == "users"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"end": 9, "rrule": None, "duration": None}, 200),
        ({"end": None}, 200),
        ({"rrule": None}, 400),
        ({"duration": None}, 400),
    ],
)
def test_null_takes_an_end_or_a_whole_recurrence_away(change: dict[str, Any], status: int) -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(metric()), start=5, end=None, rrule="FREQ=DAILY", duration=60)
    body = {"data": {"type": "correction", "attributes": {"start": 5, **change}}}
    reply = ask(sandbox, "PATCH", f"/api/v1/slo/correction/{made['id']}", body)
    shown = ok(ask(sandbox, "GET", f"/api/v1/slo/correction/{made['id']}"))["data"]["attributes"]
    assert reply.status == status
    assert (shown["rrule"] is None) == (shown["duration"] is None) == (change.get("end") == 9)


def test_delete_is_an_empty_204_that_names_a_content_type() -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(monitor()))
    reply = ask(sandbox, "DELETE", f"/api/v1/slo/correction/{made['id']}")
    assert (reply.status, reply.body, reply.content_type, sandbox.corrections) == (204, b"", "text/html", ())


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_correction(method: str) -> None:
    assert "not found: x" in refused(ask(new_sandbox(), method, "/api/v1/slo/correction/x", {}), 404)


def test_a_correction_has_no_put() -> None:
    sandbox = new_sandbox()
    made = _correct(sandbox, sandbox.add_slo(monitor()))
    assert refused(ask(sandbox, "PUT", f"/api/v1/slo/correction/{made['id']}", {}), 404) == "Not Found"


def test_a_correction_needs_an_slo_that_exists() -> None:
    body = {"data": {"attributes": {"slo_id": "x", "category": "Other", "start": 1, "end": 2}}}
    assert refused(ask(new_sandbox(), "POST", "/api/v1/slo/correction", body), 404) == "SLO Not Found"


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        (None, "'data.attributes' is missing"),
        ({"start": 1}, "'category' is missing"),
        ({"category": "Other"}, "'start' is missing"),
        ({"category": "Lunch", "start": 1, "end": 2, "slo_id": "x"}, "'Lunch' is not a valid category"),
        ({"category": "Other", "start": 1, "end": 2}, "exactly one"),
        ({"category": "Other", "start": 1, "end": 2, "slo_id": "x", "slo_query": "y"}, "exactly one"),
        ({"category": "Other", "start": 1, "slo_id": "x"}, "either 'end' or both"),
        ({"category": "Other", "start": 1, "slo_id": "x", "rrule": "FREQ=DAILY"}, "either 'end' or both"),
        ({"category": "Other", "start": 2, "end": 2, "slo_id": "x"}, "'end' must be after 'start'"),
        ({"category": "Other", "start": 1, "slo_id": "x", "rrule": "FREQ=HOURLY", "duration": 5}, "is not supported"),
        ({"category": "Other", "start": 1, "slo_id": "x", "rrule": "FREQ=DAILY;BYHOUR=1", "duration": 5}, "is not supported"),
    ],
)
def test_create_refuses(attributes: object, text: str) -> None:
    assert text in refused(ask(new_sandbox(), "POST", "/api/v1/slo/correction", {"data": {"attributes": attributes}}), 400)


def test_corrections_of_one_slo_come_ten_at_a_time() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor())
    for n in range(12):
        sandbox.add_correction(slo_id=slo_id, category="Other", start=n, end=n + 1)
    first = ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/corrections"))
    second = ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/corrections", query={"page[offset]": 10, "page[limit]": 10}))
    assert (len(first["data"]), len(second["data"])) == (10, 2)
    assert first["meta"]["pagination"]["total"] == 12
    assert (first["links"]["prev"], "page[offset]=20" in second["links"]["next"]) == (None, True)


def test_list_of_corrections_counts_the_page_as_filtered() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(monitor())
    for n in range(3):
        sandbox.add_correction(slo_id=slo_id, category="Other", start=n, end=n + 1)
    answer = ok(ask(sandbox, "GET", "/api/v1/slo/correction", query={"limit": 2, "offset": 2}))
    assert (len(answer["data"]), answer["meta"]["page"]) == (1, {"total_count": 3, "total_filtered_count": 1})
