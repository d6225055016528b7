"""Services of the sandbox: what is read, written and refused, and how status goes up the tree."""

from __future__ import annotations

from typing import Any

import pytest

from slo_common.sandbox import VirtualClock
from tests.zabbix.sandbox_requests import ask
from zabbix_sla.sandbox import Role, StatusRule, TagMatch, ZabbixSandbox

NOW = 1_790_000_000
NO_OBJECT = "No permissions to referred object or it does not exist!"


@pytest.fixture
def sandbox() -> ZabbixSandbox:
    made = ZabbixSandbox(clock=VirtualClock(NOW))
    made.add_service("Payments", tags={"team": "Core"}, sortorder=3, problem_tags=[TagMatch(tag="p", value="x")])
    made.add_service("Search", tags={"team": "web", "tier": "1"}, sortorder=1)
    made.add_service("Shop", children=["1", "2"], sortorder=2)
    made.add_service("World", children=["3"], algorithm=1)
    made.add_sla("S", tags={"team": "Core"})
    return made


def names(sandbox: ZabbixSandbox, **params: Any) -> list[str]:
    return [row["name"] for row in ask(sandbox, "service.get", {"output": ["name"], **params})]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["Payments", "Search", "Shop", "World"]),
        ({"serviceids": ["2", "4"]}, ["Search", "World"]),
        ({"serviceids": "2"}, ["Search"]),
        ({"serviceids": 2}, ["Search"]),
        ({"parentids": ["3"]}, ["Payments", "Search"]),
        ({"parentids": ["0"]}, ["World"]),
        ({"parentids": ["4"], "deep_parentids": True}, ["Payments", "Search", "Shop"]),
        ({"childids": ["2"]}, ["Shop"]),
        ({"slaids": ["1"]}, ["Payments"]),
        ({"tags": [{"tag": "team", "value": "CORE"}]}, ["Payments"]),
        ({"tags": [{"tag": "team", "value": "Core", "operator": 1}]}, ["Payments"]),
        ({"tags": [{"tag": "team", "value": "core", "operator": 2}]}, ["Search", "Shop", "World"]),
        ({"tags": [{"tag": "team", "value": "Core", "operator": 3}]}, ["Search", "Shop", "World"]),
        ({"tags": [{"tag": "tier", "operator": 4}]}, ["Search"]),
        ({"tags": [{"tag": "tier", "operator": 5}]}, ["Payments", "Shop", "World"]),
        ({"tags": [{"tag": "team", "value": "core"}, {"tag": "team", "value": "web"}]}, ["Payments", "Search"]),
        ({"tags": [{"tag": "team", "value": "web"}, {"tag": "tier", "value": "2"}]}, []),
        ({"tags": [{"tag": "team", "value": "web"}, {"tag": "tier", "value": "2"}], "evaltype": 2}, ["Search"]),
        ({"problem_tags": [{"tag": "p"}]}, ["Payments"]),
        ({"without_problem_tags": True}, ["Search", "Shop", "World"]),
        ({"filter": {"name": "Shop"}}, ["Shop"]),
        ({"filter": {"name": ["Shop", "World"]}}, ["Shop", "World"]),
        ({"filter": {"algorithm": 1}}, ["World"]),
        ({"filter": {"name": None}}, ["Payments", "Search", "Shop", "World"]),
        ({"filter": None, "search": None, "limit": None}, ["Payments", "Search", "Shop", "World"]),
        ({"search": {"name": "S"}}, ["Payments", "Search", "Shop"]),
        ({"search": {"name": "s"}, "startSearch": True}, ["Search", "Shop"]),
        ({"search": {"name": "s"}, "excludeSearch": True}, ["World"]),
        ({"search": {"name": ["sh", "wo"]}}, []),
        ({"search": {"name": ["sh", "wo"]}, "searchByAny": True}, ["Shop", "World"]),
        ({"search": {"name": "s*h"}, "searchWildcardsEnabled": True}, ["Search"]),
        ({"search": {"name": None}}, ["Payments", "Search", "Shop", "World"]),
        ({"sortfield": "name", "sortorder": "DESC"}, ["World", "Shop", "Search", "Payments"]),
        ({"sortfield": "sortorder"}, ["World", "Search", "Shop", "Payments"]),
        ({"sortfield": ["status", "name"], "sortorder": ["ASC", "DESC"]}, ["World", "Shop", "Search", "Payments"]),
        ({"sortfield": ["status", "name"], "sortorder": ["DESC"]}, ["World", "Shop", "Search", "Payments"]),
        ({"sortfield": ["status", "name"], "sortorder": {"x": "DESC", "y": "ASC"}}, ["Payments", "Search", "Shop", "World"]),
        ({"sortfield": ["status", "name", "sortorder"], "sortorder": ["ASC", "DESC"]}, ["World", "Shop", "Search", "Payments"]),
        ({"limit": 2}, ["Payments", "Search"]),
    ],
)
def test_services_are_chosen_and_ordered(sandbox: ZabbixSandbox, params: dict[str, Any], found: list[str]) -> None:
    assert names(sandbox, **params) == found


def test_a_count_is_a_text(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.get", {"countOutput": True}) == "4"


def test_a_flag_that_is_no_boolean_counts_as_set(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.get", {"countOutput": "yes"}) == "4"


def test_rows_by_id_are_an_object_or_an_empty_list(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.get", {"output": ["name"], "serviceids": ["1"], "preservekeys": True}) == {
        "1": {"name": "Payments"}
    }
    assert ask(sandbox, "service.get", {"output": ["name"], "serviceids": ["9"], "preservekeys": True}) == []


def test_no_column_is_an_empty_list(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.get", {"output": [], "limit": 1}) == [[]]


def test_no_column_with_a_selection_is_only_that(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.get", {"output": [], "selectTags": "count", "limit": 1}) == [{"tags": "1"}]


def test_selections_show_the_neighbours(sandbox: ZabbixSandbox) -> None:
    (row,) = ask(
        sandbox,
        "service.get",
        {
            "output": ["name"],
            "serviceids": ["3"],
            "selectParents": ["name"],
            "selectChildren": ["serviceid"],
            "selectStatusRules": "count",
        },
    )
    assert row == {
        "name": "Shop",
        "parents": [{"name": "World"}],
        "children": [{"serviceid": "1"}, {"serviceid": "2"}],
        "status_rules": "0",
    }


def test_a_role_sees_only_its_services(sandbox: ZabbixSandbox) -> None:
    sandbox.add_user("u", "p", role=Role(type=1, services=frozenset({"2", "3"})))
    token = sandbox.add_token("u")
    found = ask(sandbox, "service.get", {"output": ["name"], "selectChildren": ["serviceid"]}, token=token)
    assert found == [{"name": "Search", "children": []}, {"name": "Shop", "children": [{"serviceid": "2"}]}]


# Writing


def create(sandbox: ZabbixSandbox, **fields: Any) -> Any:
    return ask(sandbox, "service.create", {"name": "new", "algorithm": 2, "sortorder": 0, **fields})


def test_a_created_service_is_read_back(sandbox: ZabbixSandbox) -> None:
    rules = [{"type": 1, "limit_value": 50, "limit_status": 3, "new_status": 5}]
    made = create(
        sandbox,
        weight=7,
        propagation_rule=1,
        propagation_value=2,
        description="d",
        tags=[{"tag": "a", "value": "b"}],
        parents=[{"serviceid": "3"}],
        children=[{"serviceid": "2"}],
        status_rules=rules,
    )
    (row,) = ask(
        sandbox,
        "service.get",
        {"serviceids": made["serviceids"], "selectTags": "extend", "selectStatusRules": "extend", "selectParents": ["name"]},
    )
    assert (row["weight"], row["propagation_rule"], row["propagation_value"], row["created_at"]) == ("7", "1", "2", str(NOW))
    assert row["tags"] == [{"tag": "a", "value": "b"}]
    assert row["status_rules"] == [{"type": "1", "limit_value": "50", "limit_status": "3", "new_status": "5"}]
    assert row["parents"] == [{"name": "Shop"}]
    assert sandbox.applied == ("service.create 5",)


def test_a_uuid_is_kept_and_unique(sandbox: ZabbixSandbox) -> None:
    uuid = "91e5ace0f55740e3818c8161f04b9323"
    assert create(sandbox, uuid=uuid) == {"serviceids": ["5"]}
    assert create(sandbox, uuid=uuid) == f'Entry with UUID "{uuid}" already exists.'


def test_all_are_created_or_none(sandbox: ZabbixSandbox) -> None:
    good = {"name": "x", "algorithm": 0, "sortorder": 0}
    assert ask(sandbox, "service.create", [good, {**good, "children": [{"serviceid": "99"}]}]) == NO_OBJECT
    assert len(sandbox.store.services) == 4


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"problem_tags": [{"tag": "a"}], "children": [{"serviceid": "1"}]}, 'Service "new" cannot have problem tags and children'),
        ({"parents": [{"serviceid": "1"}]}, 'Service "Payments" cannot have problem tags and children'),
        ({"propagation_rule": 1}, 'Cannot specify "propagation_rule" parameter without'),
        ({"propagation_value": 1}, 'Incompatible "propagation_rule" and "propagation_value"'),
        ({"propagation_rule": 4, "propagation_value": 6}, 'Incompatible "propagation_rule" and "propagation_value"'),
        ({"uuid": "0" * 32}, 'Invalid parameter "/1/uuid": UUIDv4 is expected.'),
        ({"uuid": "0"}, 'Invalid parameter "/1/uuid": must be 32 characters long.'),
        ({"uuid": 0}, 'Invalid parameter "/1/uuid": a character string is expected.'),
        (
            {"status_rules": [{"type": 1, "limit_value": 101, "limit_status": 0, "new_status": 0}]},
            'Invalid parameter "/1/status_rules/1/limit_value": value must be one of 1-100.',
        ),
    ],
)
def test_a_service_that_cannot_be_is_refused(sandbox: ZabbixSandbox, fields: dict[str, Any], problem: str) -> None:
    assert problem in create(sandbox, **fields)


def test_an_update_moves_a_service_in_the_tree(sandbox: ZabbixSandbox) -> None:
    update = {"serviceid": "2", "name": "Find", "parents": [{"serviceid": "4"}], "problem_tags": [{"tag": "q"}], "tags": []}
    assert ask(sandbox, "service.update", update) == {"serviceids": ["2"]}
    assert names(sandbox, parentids=["4"]) == ["Find", "Shop"]
    assert names(sandbox, parentids=["3"]) == ["Payments"]


def test_an_update_knows_what_was_there(sandbox: ZabbixSandbox) -> None:
    refused = ask(sandbox, "service.update", {"serviceid": "3", "problem_tags": [{"tag": "a"}]})
    assert refused == 'Service "Shop" cannot have problem tags and children at the same time.'


def test_an_update_of_an_unknown_service_is_refused(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.update", {"serviceid": "99", "name": "x"}) == NO_OBJECT


def test_a_circle_is_refused_and_undone(sandbox: ZabbixSandbox) -> None:
    assert (
        ask(sandbox, "service.update", {"serviceid": "2", "children": [{"serviceid": "4"}]})
        == "Services form a circular dependency."
    )
    assert sandbox.store.services["2"].children == []


def test_a_deleted_service_leaves_the_tree(sandbox: ZabbixSandbox) -> None:
    assert ask(sandbox, "service.delete", [3, "1"]) == {"serviceids": [3, "1"]}
    assert names(sandbox) == ["Search", "World"]
    assert sandbox.store.services["4"].children == []


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (["99"], NO_OBJECT),
        ({"serviceid": "1"}, 'SQL statement execution has failed "DELETE FROM services WHERE serviceid=Array"'),
        ([], 'Invalid parameter "/": cannot be empty.'),
        (["1", "1"], 'Invalid parameter "/2": value (1) already exists.'),
    ],
)
def test_a_delete_that_cannot_be_is_refused(sandbox: ZabbixSandbox, params: object, problem: str) -> None:
    assert ask(sandbox, "service.delete", params) == problem


# Status


def status(sandbox: ZabbixSandbox, serviceid: str) -> str:
    return str(ask(sandbox, "service.get", {"output": ["status"], "serviceids": [serviceid]})[0]["status"])


def test_a_problem_goes_up_to_the_most_critical(sandbox: ZabbixSandbox) -> None:
    sandbox.add_outage("1", NOW - 10, severity=3)
    sandbox.add_outage("2", NOW - 10, severity=2)
    assert [status(sandbox, s) for s in "1234"] == ["3", "2", "3", "3"]


def test_if_all_fail_needs_all(sandbox: ZabbixSandbox) -> None:
    sandbox.store.services["3"].algorithm = 1
    sandbox.add_outage("1", NOW - 10, severity=3)
    assert status(sandbox, "3") == "-1"
    sandbox.add_outage("2", NOW - 10, severity=2)
    assert status(sandbox, "3") == "3"


def test_always_ok_is_ok(sandbox: ZabbixSandbox) -> None:
    sandbox.store.services["3"].algorithm = 0
    sandbox.add_outage("1", NOW - 10)
    assert status(sandbox, "3") == "-1"


def test_an_outage_ends(sandbox: ZabbixSandbox) -> None:
    sandbox.add_outage("1", NOW - 10, NOW)
    sandbox.add_outage("2", NOW + 10)
    assert [status(sandbox, s) for s in "12"] == ["-1", "-1"]


@pytest.mark.parametrize(
    ("rule", "value", "seen"),
    [(0, 0, "3"), (1, 1, "4"), (1, 5, "5"), (2, 2, "1"), (2, 5, "0"), (3, 0, "-1"), (4, 5, "5"), (4, -1, "-1")],
)
def test_status_is_passed_on_by_rule(sandbox: ZabbixSandbox, rule: int, value: int, seen: str) -> None:
    service = sandbox.store.services["1"]
    service.propagation_rule, service.propagation_value = rule, value
    sandbox.add_outage("1", NOW - 10, severity=3)
    assert status(sandbox, "3") == seen


@pytest.mark.parametrize(
    ("kind", "limit", "level", "holds"),
    [
        (0, 2, 3, True),
        (0, 3, 3, False),
        (1, 50, 3, True),
        (1, 51, 3, False),
        (2, 3, 2, True),
        (2, 2, 2, False),
        (3, 51, 2, True),
        (3, 50, 2, False),
        (4, 30, 3, True),
        (4, 31, 3, False),
        (5, 30, 3, True),
        (5, 31, 3, False),
        (6, 71, 2, True),
        (6, 70, 2, False),
        (7, 71, 2, True),
        (7, 70, 2, False),
    ],
)
def test_status_rules_count_children_and_weights(kind: int, limit: int, level: int, holds: bool) -> None:
    rule = StatusRule(type=kind, limit_value=limit, limit_status=level, new_status=5)
    assert rule.holds([(4, 10), (3, 20), (-1, 30), (2, 40)]) is holds


def test_a_percentage_of_nothing_is_nothing() -> None:
    assert StatusRule(type=5, limit_value=1, limit_status=0, new_status=5).holds([]) is False


def test_problems_are_listed_up_the_tree(sandbox: ZabbixSandbox) -> None:
    eventid = sandbox.add_outage("1", NOW - 10, name="it broke")
    (row,) = ask(sandbox, "service.get", {"output": [], "serviceids": ["4"], "selectProblemEvents": "extend"})
    assert row == {"problem_events": [{"eventid": eventid, "severity": "4", "name": "it broke"}]}


def test_a_timeline_has_what_was_before_and_each_change(sandbox: ZabbixSandbox) -> None:
    sandbox.add_outage("1", NOW - 300, NOW - 200)
    sandbox.add_outage("1", NOW - 250, NOW - 100, severity=5)
    spans = [{"period_from": NOW - 400, "period_to": NOW}, {"period_from": NOW - 220, "period_to": NOW - 150}]
    (row,) = ask(sandbox, "service.get", {"output": [], "serviceids": ["3"], "selectStatusTimeline": spans})
    assert row["status_timeline"] == [
        {
            "start_value": -1,
            "alarms": [
                {"clock": str(NOW - 300), "value": "4"},
                {"clock": str(NOW - 250), "value": "5"},
                {"clock": str(NOW - 100), "value": "-1"},
            ],
        },
        {"start_value": "5", "alarms": []},
    ]
