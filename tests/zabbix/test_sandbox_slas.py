"""SLAs of the sandbox: what is read, written and refused, and how a cell is calculated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common.sandbox import VirtualClock
from tests.zabbix.sandbox_requests import ask
from zabbix_sla._sandbox_periods import Span
from zabbix_sla._sandbox_sli import Excluded, Timeline, cell
from zabbix_sla.sandbox import Role, TagMatch, ZabbixSandbox

NOW = 1_790_000_000
DAY = 86_400
NO_OBJECT = "No permissions to referred object or it does not exist!"
WHOLE: dict[str, Any] = {
    "name": "new",
    "period": 0,
    "slo": 99,
    "effective_date": 0,
    "timezone": "UTC",
    "service_tags": [{"tag": "a"}],
}


@pytest.fixture
def sandbox() -> ZabbixSandbox:
    made = ZabbixSandbox(clock=VirtualClock(NOW))
    made.add_service("s", tags=[("a", "Bc"), ("a", "d")])
    made.add_service("t", tags={"b": ""})
    made.add_sla("Equal", tags={"a": "Bc"}, description="one")
    made.add_sla("Contains", tags=[TagMatch(tag="a", operator=2, value="BC")], period=2, slo=99.5)
    made.add_sla("Empty", tags={"b": ""}, status=0)
    return made


def names(sandbox: ZabbixSandbox, token: str = "", **params: Any) -> list[str]:
    return [row["name"] for row in ask(sandbox, "sla.get", {"output": ["name"], **params}, token=token)]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["Equal", "Contains", "Empty"]),
        ({"slaids": ["3", "1"]}, ["Equal", "Empty"]),
        ({"serviceids": ["1"]}, ["Equal", "Contains"]),
        ({"serviceids": ["9"]}, []),
        ({"service_tags": [{"tag": "a", "operator": 4}]}, ["Equal", "Contains"]),
        ({"filter": {"slo": "99.50"}}, ["Contains"]),
        ({"filter": {"status": [0]}}, ["Empty"]),
        ({"search": {"description": "ON"}}, ["Equal"]),
        ({"sortfield": "slo", "sortorder": "ASC"}, ["Contains", "Equal", "Empty"]),
    ],
)
def test_slas_are_chosen_and_ordered(sandbox: ZabbixSandbox, params: dict[str, Any], found: list[str]) -> None:
    assert names(sandbox, **params) == found


@pytest.mark.parametrize(
    ("role", "found"),
    [
        (Role(type=1, manage_sla=False, services=frozenset({"2"})), ["Empty"]),
        (Role(type=2, manage_sla=True, services=frozenset({"2"})), ["Equal", "Contains", "Empty"]),
        (Role(type=1, manage_sla=False), ["Equal", "Contains", "Empty"]),
        (Role(type=1, manage_sla=False, services=frozenset()), []),
    ],
)
def test_a_role_sees_the_slas_of_its_services(sandbox: ZabbixSandbox, role: Role, found: list[str]) -> None:
    sandbox.add_user("u", "p", role=role)
    assert names(sandbox, token=sandbox.add_token("u")) == found


def test_a_created_sla_is_read_back(sandbox: ZabbixSandbox) -> None:
    away = [{"name": "b", "period_from": 5, "period_to": 6}, {"name": "a", "period_from": 1, "period_to": 2}]
    made = ask(
        sandbox,
        "sla.create",
        {
            **WHOLE,
            "slo": "97.25",
            "schedule": [{"period_from": 0, "period_to": 9}, {"period_from": 5, "period_to": 12}],
            "excluded_downtimes": away,
        },
    )
    asked = {
        "slaids": made["slaids"],
        "selectServiceTags": "extend",
        "selectSchedule": "extend",
        "selectExcludedDowntimes": ["name"],
    }
    (row,) = ask(sandbox, "sla.get", asked)
    assert (row["slo"], row["status"]) == ("97.25", "1")
    assert row["service_tags"] == [{"tag": "a", "operator": "0", "value": ""}]
    assert row["schedule"] == [{"period_from": "0", "period_to": "12"}]
    assert row["excluded_downtimes"] == [{"name": "a"}, {"name": "b"}]


def test_an_sla_gives_counts_of_its_parts(sandbox: ZabbixSandbox) -> None:
    asked = {"output": [], "slaids": ["1"], "selectServiceTags": "count", "selectSchedule": "count"}
    assert ask(sandbox, "sla.get", asked) == [{"service_tags": "1", "schedule": "0"}]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Equal"}, 'SLA "Equal" already exists.'),
        ({"slo": 1.23456}, 'SLA "new" SLO must have no more than 4 fractional digits.'),
        ({"schedule": [{"period_from": 5, "period_to": 5}]}, 'Start time must be less than end time for SLA "new".'),
        (
            {"excluded_downtimes": [{"name": "d", "period_from": 5, "period_to": 5}]},
            'Start time must be less than end time for excluded downtime "d" of SLA "new".',
        ),
    ],
)
def test_an_sla_that_cannot_be_is_refused(sandbox: ZabbixSandbox, changes: dict[str, Any], problem: str) -> None:
    assert ask(sandbox, "sla.create", {**WHOLE, **changes}) == problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"period": 7}, 'Invalid parameter "/1/period": value must be one of 0, 1, 2, 3, 4.'),
        (
            {"service_tags": [{"tag": "a", "value": "b"}, {"tag": "a", "value": "b", "operator": 2}]},
            'Invalid parameter "/1/service_tags/2": value (tag, value)=(a, b) already exists.',
        ),
    ],
)
def test_a_field_is_refused_in_the_servers_words(sandbox: ZabbixSandbox, changes: dict[str, Any], problem: str) -> None:
    assert ask(sandbox, "sla.create", {**WHOLE, **changes}) == problem


def test_an_unknown_zone_is_refused_with_the_list(sandbox: ZabbixSandbox) -> None:
    refused = ask(sandbox, "sla.create", {**WHOLE, "timezone": "Mars"})
    assert refused.startswith('Invalid parameter "/1/timezone": value must be one of "system", ')
    assert '"Europe/Riga"' in refused


def test_an_update_keeps_what_was_not_given(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "sla.update", [{"slaid": "1", "name": "Equal", "slo": 12.5}]) == {"slaids": ["1"]}
    assert (sandbox.store.slas["1"].slo, sandbox.store.slas["1"].description) == (12.5, "one")


def test_an_update_may_not_take_a_name_in_use(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "sla.update", {"slaid": "1", "name": "Empty"}) == 'SLA "Empty" already exists.'


def test_an_update_names_the_sla_by_its_old_name(sandbox: ZabbixSandbox) -> None:
    refused = ask(sandbox, "sla.update", {"slaid": "1", "name": "Other", "slo": 1.23456})
    assert refused == 'SLA "Equal" SLO must have no more than 4 fractional digits.'


def test_a_removed_sla_is_gone(sandbox: ZabbixSandbox) -> None:
    sandbox.remove_sla("1")
    assert names(sandbox) == ["Contains", "Empty"]


def test_system_is_the_zone_of_the_server() -> None:
    sandbox = ZabbixSandbox(timezone="Asia/Tokyo", clock=VirtualClock(NOW))
    sandbox.add_sla("S", tags={"a": "b"}, timezone="system")
    (period,) = ask(sandbox, "sla.getsli", {"slaid": "1", "periods": 1})["periods"]
    assert datetime.fromtimestamp(period["period_from"], UTC).hour == 15


# A cell


def one(
    *changes: tuple[int, int], start_value: int = -1, created_at: int = 0, now: int = DAY, slo: float = 99.0, **more: Any
) -> Any:
    spans = more.pop("spans", [Span(start=0, end=DAY)])
    timeline = Timeline(start_value=start_value, changes=changes)
    return cell(
        slo=slo, excluded=more.pop("excluded", []), spans=spans, period_start=0, created_at=created_at, timeline=timeline, now=now
    )


def away(start: int, end: int, name: str = "x") -> Excluded:
    return Excluded(name=name, period_from=start, period_to=end)


def test_a_good_day() -> None:
    assert one() == {"uptime": DAY, "downtime": 0, "sli": 100, "error_budget": 0, "excluded_downtimes": []}


def test_an_outage_within_the_day() -> None:
    found = one((3600, 4), (7200, -1))
    assert (found["uptime"], found["downtime"]) == (DAY - 3600, 3600)
    assert found["sli"] == (DAY - 3600) / DAY * 100


def test_a_change_ahead_ends_what_is_measured() -> None:
    assert one((3600, 4), now=1000)["uptime"] == 3600


def test_an_outage_from_the_day_before() -> None:
    assert one((600, -1), start_value=0)["downtime"] == 600


def test_a_finished_day_owes_what_it_overspent() -> None:
    assert one((0, 4), (8640, -1), slo=99.0)["error_budget"] == int((DAY - 8640) / 99.0 * 100) - DAY


def test_a_running_day_has_at_most_the_time_left() -> None:
    found = one(now=DAY - 11)
    assert (found["uptime"], found["error_budget"]) == (DAY - 10, 10)


def test_a_target_of_nothing_leaves_all_the_time() -> None:
    assert one((0, 4), now=999, slo=0.0)["error_budget"] == DAY - 1000


def test_a_service_made_today_counts_from_then() -> None:
    assert one(created_at=DAY - 60)["uptime"] == 60


def test_a_service_made_later_was_not_measured() -> None:
    assert one(created_at=DAY) == {"uptime": 0, "downtime": 0, "sli": -1, "error_budget": 0, "excluded_downtimes": []}


def test_a_period_ahead_is_not_measured() -> None:
    assert one(now=-DAY)["sli"] == -1


def test_only_scheduled_time_counts() -> None:
    found = one((3000, 4), (5000, -1), spans=[Span(start=0, end=4000), Span(start=10_000, end=11_000)])
    assert (found["uptime"], found["downtime"]) == (4000, 1000)


def test_excluded_time_does_not_count() -> None:
    found = one((3000, 4), (5000, -1), excluded=[away(2000, 4000)])
    assert (found["uptime"], found["downtime"]) == (DAY - 3000, 1000)
    assert found["excluded_downtimes"] == [{"name": "x", "period_from": 2000, "period_to": 4000}]


def test_overlapping_exclusions_count_once() -> None:
    found = one(excluded=[away(0, 100), away(50, 150), away(150, 200)])
    assert found["uptime"] == DAY - 200


def test_an_exclusion_over_a_gap_of_the_schedule_is_listed_as_one() -> None:
    found = one(excluded=[away(50, 250)], spans=[Span(start=0, end=100), Span(start=200, end=300)])
    assert found["excluded_downtimes"] == [{"name": "x", "period_from": 50, "period_to": 250}]


def test_an_exclusion_that_skips_a_span_is_listed_anew() -> None:
    found = one(
        (100, 4),
        excluded=[away(0, 50), away(150, 160)],
        spans=[Span(start=0, end=60), Span(start=70, end=90), Span(start=140, end=170)],
    )
    assert [(e["period_from"], e["period_to"]) for e in found["excluded_downtimes"]] == [(0, 50), (150, 160)]


def test_an_exclusion_ahead_is_not_listed() -> None:
    assert one(now=1000, excluded=[away(2000, 3000)])["excluded_downtimes"] == []


@given(
    st.lists(st.tuples(st.integers(0, DAY - 1), st.integers(-1, 5)), max_size=6, unique_by=lambda c: c[0]).map(sorted),
    st.lists(st.tuples(st.integers(0, DAY - 1), st.integers(1, 9000)), max_size=4),
    st.integers(0, DAY),
)
def test_up_and_down_are_the_time_that_was_not_excluded(
    changes: list[tuple[int, int]], gone: list[tuple[int, int]], created: int
) -> None:
    excluded = [away(a, a + length) for a, length in gone]
    found = one(*changes, created_at=created, excluded=excluded)
    seconds = DAY - created - len({s for e in excluded for s in range(max(e.period_from, created), min(e.period_to, DAY))})
    assert found["uptime"] + found["downtime"] == seconds


# The demo


def test_the_demo_answers_the_vendors_example() -> None:
    sandbox = ZabbixSandbox.demo()
    found = ask(sandbox, "sla.getsli", {"slaid": "5", "serviceids": [50, 60, 70], "periods": 3, "period_from": "1635724800"})
    assert (len(found["periods"]), found["serviceids"]) == (3, [50, 60, 70])
    assert found["periods"][0]["period_from"] == 1635724800


def test_the_demo_repeats_itself() -> None:
    first, second = (ZabbixSandbox.demo(clock=VirtualClock(NOW)) for _ in range(2))
    question = {"slaid": "1", "periods": 100}
    assert ask(first, "sla.getsli", question) == ask(second, "sla.getsli", question)


def test_the_demo_has_something_to_show() -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock(NOW))
    rows = ask(sandbox, "sla.getsli", {"slaid": "1", "periods": 100})["sli"]
    cells = [c for row in rows for c in row]
    assert sum(c["downtime"] > 0 for c in cells) > 3
    assert any(c["excluded_downtimes"] for c in cells)
