"""Generated code reads of services and SLAs what the careful reader reads, and leaves the rest to it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_common import DecodeError
from slo_common._compile import REFUSALS
from slo_common.sandbox import VirtualClock
from tests.zabbix.sandbox_requests import ask
from zabbix_sla._convert import DECODER
from zabbix_sla.models import Service, ServiceStatus, Sla
from zabbix_sla.sandbox import ZabbixSandbox

RECORDED = Path(__file__).parent.parent / "data" / "zabbix" / "recorded-6.0"
SLA: dict[str, Any] = {
    "slaid": "5",
    "name": "Customers",
    "period": "2",
    "slo": "99.9995",
    "effective_date": "1672444800",
    "timezone": "America/New_York",
    "status": "1",
    "description": "",
    "service_tags": [{"tag": "sla", "operator": "0", "value": "customers"}],
    "schedule": [{"period_from": "118800", "period_to": "151200"}],
    "excluded_downtimes": [{"name": "Move", "period_from": "1672444800", "period_to": "1672448400"}],
}
SERVICE: dict[str, Any] = {
    "serviceid": "1",
    "name": "Payments",
    "status": "-1",
    "algorithm": "2",
    "sortorder": "0",
    "weight": "0",
    "propagation_rule": "0",
    "propagation_value": "0",
    "description": "",
    "uuid": "8a1c5dba8c4f4be4a5c0a5b8a6ab12cd",
    "created_at": "1672444800",
    "readonly": False,
    "tags": [{"tag": "team", "value": "payments"}],
    "problem_tags": [{"tag": "service", "operator": "2", "value": "payments"}],
    "parents": [{"serviceid": "2", "name": "Shop"}],
    "children": [],
    "problem_events": [{"eventid": "9", "severity": "4", "name": "Down"}],
    "status_rules": [{"type": "0", "limit_value": "2", "limit_status": "4", "new_status": "5"}],
    "status_timeline": [{"start_value": -1, "alarms": [{"clock": "1672444900", "value": "4"}]}],
}
SLAS: Any = tuple[Sla, ...]
SERVICES: Any = tuple[Service, ...]
ROWS: list[tuple[dict[str, Any], Any]] = [(SLA, SLAS), (SERVICE, SERVICES)]
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 1e308, 10**308, 10**400, -(10**400), 4_000_000_000, 253_402_300_799, 253_402_300_800),
    *("", "0", "1", "2", "-1", "5", "-0", "007", "1.5", "1e1", "1e999", "9" * 10, "9" * 11, "9" * 19, "9" * 20, "-" + "9" * 11),
    *("\u0663", "1\n", " 1", "+1", "1_0", "1.", ".5", "nan", "Infinity", "true", "text"),
    *([], {}, [[]], [{}], [None], ["1"], {"1": {}}, [{"tag": "t"}], [{"tag": "t", "value": None}], {"tag": "t", "value": "v"}),
)
JSON = st.recursive(
    st.sampled_from(JUNK) | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["tag", "value", "operator", "name"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a row stands."""
    kind: object = type(value)  # pyright: ignore[reportUnknownVariableType]  # any JSON
    keys: Any = range(len(value)) if kind is list else value if kind is dict else ()
    return [at, *(place for key in keys for place in places(value[key], (*at, key)))]


def decoded(decoder: Any, value: Any, kind: Any) -> str:
    """What comes of it, in words that tell True from 1: the models, or the error with the paths that it names."""
    try:
        return repr(decoder.decode(value, kind, call="zabbix.test", root="$.result"))
    except DecodeError as refused:
        return f"{refused} {refused.paths}"


def alike(value: Any, kind: Any) -> bool:
    return decoded(DECODER, value, kind) == decoded(DECODER.careful, value, kind)


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=["SLA", "service"])
def test_generated_code_reads_what_zabbix_writes(row: dict[str, Any], kind: Any) -> None:
    assert DECODER.read([row, row], kind) == DECODER.careful.decode([row, row], kind, call="zabbix.test")


def test_generated_code_reads_the_services_of_a_sandbox() -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock(1_700_000_000))
    wholes = ("Tags", "ProblemTags", "Parents", "Children", "ProblemEvents", "StatusRules")
    params: dict[str, Any] = {"output": "extend", **{f"select{name}": "extend" for name in wholes}}
    params["selectStatusTimeline"] = [{"period_from": 1_690_000_000, "period_to": 1_700_000_000}]
    rows = ask(sandbox, "service.get", params)
    assert len(rows) == 6
    assert any(row["status_timeline"][0]["alarms"] for row in rows)
    assert DECODER.read(rows, SERVICES) == DECODER.careful.decode(rows, SERVICES, call="zabbix.test")


def test_generated_code_reads_the_slas_of_a_sandbox() -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock(1_700_000_000))
    wholes = {f"select{name}": "extend" for name in ("ServiceTags", "Schedule", "ExcludedDowntimes")}
    rows = ask(sandbox, "sla.get", {"output": "extend", **wholes})
    assert len(rows) == 3
    assert DECODER.read(rows, SLAS) == DECODER.careful.decode(rows, SLAS, call="zabbix.test")


@pytest.mark.parametrize(("name", "kind"), [("sla_get_all", SLAS), ("service_get_during_outage", SERVICES)])
def test_generated_code_reads_what_was_recorded(name: str, kind: Any) -> None:
    rows = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["response"]["body"]["result"]
    assert len(rows) > 1
    assert DECODER.read(rows, kind) == DECODER.careful.decode(rows, kind, call="zabbix.test")


@pytest.mark.parametrize("digits", [20, 5000])
def test_a_number_of_more_digits_than_zabbix_has_is_a_wrong_field(digits: int) -> None:
    with pytest.raises(DecodeError, match=r"\[0\].sortorder: expected a whole number, got another text"):
        DECODER.decode([{**SERVICE, "sortorder": "9" * digits}], SERVICES, call="zabbix.test")


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_every_recorded_answer_is_read_or_refused_as_the_careful_reader_does(name: str) -> None:
    body: Any = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["response"]["body"]
    values: list[Any] = [body]
    for member in values[0] if type(body) is list else [body]:
        values += [member["result"]] if type(member) is dict and "result" in member else []
    assert [(value, kind) for value in values for kind in (SLAS, SERVICES, int) if not alike(value, kind)] == []


@pytest.mark.parametrize("kind", [SLAS, SERVICES])
def test_generated_code_refuses_rows_without_what_was_not_selected(kind: Any) -> None:
    with pytest.raises(REFUSALS):
        DECODER.read([{"slaid": "1", "serviceid": "1", "name": "Gold"}], kind)


def test_a_service_without_what_was_not_asked_for_is_read() -> None:
    asked = ("parents", "children", "problem_events", "status_rules", "status_timeline")
    row = {name: value for name, value in SERVICE.items() if name not in asked}
    (service,) = DECODER.read([row], SERVICES)
    assert {getattr(service, name) for name in asked} == {None}


def test_unknown_members_are_passed_over() -> None:
    rows = [{**SLA, "new": {"deep": [1]}}, {"new": 1, **SLA}]
    assert DECODER.read(rows, SLAS) == DECODER.read([SLA, SLA], SLAS)


@pytest.mark.parametrize("value", ["-1", -1])
def test_the_start_of_a_timeline_is_a_text_or_a_number(value: object) -> None:
    row: dict[str, Any] = {**SERVICE, "status_timeline": [{"start_value": value, "alarms": []}]}
    (service,) = DECODER.read([row], SERVICES)
    assert service.status_timeline[0].start_value is ServiceStatus.OK


def test_a_null_where_a_tag_has_its_value_is_refused() -> None:
    with pytest.raises(REFUSALS):
        DECODER.read([{**SERVICE, "tags": [{"tag": "team", "value": None}]}], SERVICES)


def test_a_code_that_comes_as_a_number_is_read_with_care() -> None:
    rows = [{**SLA, "period": 2}]
    with pytest.raises(REFUSALS):
        DECODER.read(rows, SLAS)
    assert DECODER.decode(rows, SLAS, call="zabbix.test") == DECODER.read([SLA], SLAS)


def test_every_bad_field_is_named() -> None:
    with pytest.raises(DecodeError) as refused:
        DECODER.decode(
            [SLA, {**SLA, "slo": "high", "schedule": [{"period_from": True, "period_to": "1"}]}], SLAS, call="zabbix.test"
        )
    assert set(refused.value.paths) == {"$[1].slo", "$[1].schedule[0].period_from"}


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=["SLA", "service"])
def test_any_one_junk_value_anywhere_is_read_or_refused_as_the_careful_reader_does(row: dict[str, Any], kind: Any) -> None:
    unlike: list[Any] = []
    for place in places([row])[1:]:
        for junk in (*JUNK, ...):
            rows: Any = copy.deepcopy([row])
            inner = rows
            for key in place[:-1]:
                inner = inner[key]
            if junk is ...:
                del inner[place[-1]]
            else:
                inner[place[-1]] = junk
            unlike += [] if alike(rows, kind) else [(place, junk)]
    assert unlike == []


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_row_with_several_faults_is_read_or_refused_as_the_careful_reader_does(data: st.DataObject) -> None:
    row, kind = data.draw(st.sampled_from(ROWS))
    rows = copy.deepcopy([row])
    for _ in range(data.draw(st.integers(2, 3))):
        place = data.draw(st.sampled_from(places(rows)[1:]))
        inner: Any = rows
        for key in place[:-1]:
            inner = inner[key]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[place[-1]]
        else:
            inner[place[-1]] = copy.deepcopy(data.draw(JSON))  # the next fault may be inside
        if not rows[0]:
            break
    assert alike(rows, kind)


@settings(deadline=None)
@given(value=JSON, kind=st.sampled_from([SLAS, SERVICES, int]))
def test_anything_at_all_is_read_or_refused_as_the_careful_reader_does(value: Any, kind: Any) -> None:
    assert alike(value, kind)
