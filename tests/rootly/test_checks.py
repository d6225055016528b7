"""Bad input: an exception that names the argument, what was given and what is allowed, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from rootly_sla import Condition, ConditionProperty, ConditionType, NotificationConfiguration, OffsetType, ParentStatus, SlaSpec
from rootly_sla.sandbox import RootlySandbox
from slo_common import InvalidArgument
from tests.rootly.modes import Mode, all_modes
from tests.rootly.rootly_requests import FIELD, ROLE, WANTED

SYNC = Mode("sync")
BUILT_IN: dict[str, object] = {"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "severity", "operator": "is_set"}
CUSTOM: dict[str, object] = {"conditionable_type": "SLAs::CustomFieldCondition", "operator": "is_set", "form_field_id": FIELD}
UUID = "allowed: a UUID, such as '3f2a7c1e-5b0d-4c8e-9a6f-1d2e3c4b5a69'"
DAYS = "allowed: 1, 2, 3, 4, 5, 6, 7, 14, 21, 30"
STATUSES = "allowed: 'in_triage', 'started', 'mitigated', 'resolved', 'closed', 'cancelled'"
KINDS = "allowed: 'SLAs::BuiltInFieldCondition', 'SLAs::CustomFieldCondition'"
CONDITION_KEYS = "conditionable_type, property, operator, values, form_field_id, position"
ONE = "allowed: exactly one of manager_role_id and manager_user_id"


def refused(operation: Callable[[Any], Any], mode: Mode = SYNC) -> tuple[str, ...]:
    """The problems; nothing may have reached the server."""
    sandbox = RootlySandbox()
    with pytest.raises(InvalidArgument) as caught:
        mode(operation, sandbox=sandbox)
    assert sandbox.ledger == ()
    return caught.value.problems


def accepted(**changes: Any) -> None:
    sandbox = RootlySandbox()
    SYNC(lambda slas: slas.create(**{**WANTED, **changes}), sandbox=sandbox)
    assert len(sandbox.applied) == 1


ATTRIBUTES: list[tuple[str, object, str]] = [
    ("name", "", "name: '' was given; allowed: a non-empty string"),
    ("name", " \t", "name: ' \\t' was given; allowed: a non-empty string"),
    ("name", 3, "name: 3 was given; allowed: a non-empty string"),
    ("name", None, "name: None was given; allowed: a value, it cannot be cleared"),
    ("description", 3, "description: 3 was given; allowed: a string, or None to clear it"),
    ("position", "1", "position: '1' was given; allowed: a whole number"),
    ("position", True, "position: True was given; allowed: a whole number"),
    ("condition_match_type", "all", "condition_match_type: 'all' was given; allowed: 'ALL', 'ANY'"),
    ("condition_match_type", None, "condition_match_type: None was given; allowed: a value, it cannot be cleared"),
    ("manager_user_id", "7", "manager_user_id: '7' was given; allowed: a whole number of at least 1"),
    ("manager_user_id", 0, "manager_user_id: 0 was given; allowed: a whole number of at least 1"),
    ("manager_user_id", True, "manager_user_id: True was given; allowed: a whole number of at least 1"),
    ("assignment_deadline_days", 8, f"assignment_deadline_days: 8 was given; {DAYS}"),
    ("assignment_deadline_days", "1", f"assignment_deadline_days: '1' was given; {DAYS}"),
    ("assignment_deadline_days", True, f"assignment_deadline_days: True was given; {DAYS}"),
    ("completion_deadline_days", 31, f"completion_deadline_days: 31 was given; {DAYS}"),
    ("completion_deadline_days", None, "completion_deadline_days: None was given; allowed: a value, it cannot be cleared"),
    ("assignment_deadline_parent_status", "done", f"assignment_deadline_parent_status: 'done' was given; {STATUSES}"),
    ("completion_deadline_parent_status", 4, f"completion_deadline_parent_status: 4 was given; {STATUSES}"),
    ("assignment_deadline_sub_status_id", "x", f"assignment_deadline_sub_status_id: 'x' was given; {UUID}"),
    ("completion_deadline_sub_status_id", 5, f"completion_deadline_sub_status_id: 5 was given; {UUID}"),
    ("assignment_skip_weekends", 1, "assignment_skip_weekends: 1 was given; allowed: True or False"),
    ("assignment_skip_weekends", None, "assignment_skip_weekends: None was given; allowed: a value, it cannot be cleared"),
    ("completion_skip_weekends", "no", "completion_skip_weekends: 'no' was given; allowed: True or False"),
    ("conditions", "x", "conditions: a value of type str was given; allowed: a list of at most 20"),
    ("conditions", {}, "conditions: a value of type dict was given; allowed: a list of at most 20"),
    ("conditions", [BUILT_IN] * 21, "conditions: 21 were given; allowed: at most 20"),
    (
        "conditions",
        [BUILT_IN, "x"],
        f"conditions[1]: a value of type str was given; allowed: a Condition or a mapping with {CONDITION_KEYS}",
    ),
    ("notification_configurations", 5, "notification_configurations: a value of type int was given; allowed: a list of at most 20"),
    (
        "notification_configurations",
        [NotificationConfiguration.after(1)] * 21,
        "notification_configurations: 21 were given; allowed: at most 20",
    ),
    (
        "notification_configurations",
        [None],
        "notification_configurations[0]: a value of type NoneType was given; allowed: a NotificationConfiguration or a mapping with offset_type, offset_days",
    ),
]
CONDITIONS: list[tuple[object, str]] = [
    ({**BUILT_IN, "conditionable_type": "x"}, f"conditionable_type: 'x' was given; {KINDS}"),
    (Condition(operator=None), f"conditionable_type: None was given; {KINDS}"),
    ({**BUILT_IN, "operator": ""}, "operator: '' was given; allowed: a non-empty string"),
    ({k: v for k, v in CUSTOM.items() if k != "operator"}, "operator: None was given; allowed: a non-empty string"),
    ({**BUILT_IN, "property": "mood"}, "property: 'mood' was given; allowed: 'severity', 'environment'"),
    ({**BUILT_IN, "property": None}, "property: None was given; allowed: 'severity', 'environment'"),
    ({**CUSTOM, "property": "mood"}, "property: 'mood' was given; allowed: 'severity', 'environment'"),
    ({**CUSTOM, "form_field_id": None}, f"form_field_id: None was given; {UUID}"),
    ({**BUILT_IN, "form_field_id": "field"}, f"form_field_id: 'field' was given; {UUID}"),
    ({**BUILT_IN, "values": "s1"}, "values: 's1' was given; allowed: a list of strings"),
    ({**BUILT_IN, "values": {"s1": 1}}, "values: {'s1': 1} was given; allowed: a list of strings"),
    ({**BUILT_IN, "values": ["s1", 2]}, "values[1]: 2 was given; allowed: a string"),
    ({**BUILT_IN, "position": None}, "position: None was given; allowed: a whole number"),
    ({**BUILT_IN, "id": "c1"}, "id: an unknown key was given; allowed: conditionable_type, property, operator"),
]
NOTIFICATIONS: list[tuple[object, str]] = [
    ({"offset_type": "daily", "offset_days": 1}, "offset_type: 'daily' was given; allowed: 'before_due', 'when_due', 'after_due'"),
    ({"offset_days": 1}, "offset_type: None was given; allowed: 'before_due', 'when_due', 'after_due'"),
    ({"offset_type": "after_due"}, "offset_days: None was given; allowed: a whole number of at least 0"),
    (NotificationConfiguration.before(-1), "offset_days: -1 was given; allowed: a whole number of at least 0"),
    ({"offset_type": "when_due", "offset_days": 2}, "offset_days: 2 was given; allowed: 0, because offset_type is 'when_due'"),
    ({"offset_type": "when_due", "offset_days": "0"}, "offset_days: '0' was given; allowed: a whole number of at least 0"),
    ({"offset_type": "when_due", "offset_days": 0, "at": 1}, "at: an unknown key was given; allowed: offset_type, offset_days"),
]


class TestAttributes:
    @pytest.mark.parametrize("operation", ["create", "update", "ensure"])
    @pytest.mark.parametrize(("name", "value", "problem"), ATTRIBUTES, ids=[f"{n}={v!r:.20}" for n, v, _ in ATTRIBUTES])
    def test_a_wrong_value(self, operation: str, name: str, value: object, problem: str) -> None:
        given = {name: value} if operation == "update" else {**WANTED, name: value}
        args = ("x",) if operation == "update" else ()
        assert refused(lambda slas: getattr(slas, operation)(*args, **given)) == (problem,)

    @pytest.mark.parametrize(("condition", "problem"), CONDITIONS)
    def test_a_wrong_condition(self, condition: object, problem: str) -> None:
        problems = refused(lambda slas: slas.create(**WANTED, conditions=[BUILT_IN, condition]))
        assert problems[0].startswith(f"conditions[1].{problem}")

    @pytest.mark.parametrize(("notification", "problem"), NOTIFICATIONS)
    def test_a_wrong_notification(self, notification: object, problem: str) -> None:
        problems = refused(lambda slas: slas.update("x", notification_configurations=[notification]))
        assert problems == (f"notification_configurations[0].{problem}",)

    @all_modes
    def test_all_faults_come_in_one_exception(self, mode: Mode) -> None:
        empty: dict[str, object] = {}
        bad = {**WANTED, "name": "", "assignment_deadline_days": 8, "manager_role_id": ROLE, "conditions": [empty] * 21}
        problems = refused(lambda slas: slas.create(**bad), mode)
        assert {p.partition(":")[0] for p in problems} >= {
            "name",
            "assignment_deadline_days",
            "manager_role_id, manager_user_id",
            "conditions",
            "conditions[20].operator",
        }


class TestManagers:
    @pytest.mark.parametrize("operation", ["create", "ensure"])
    @pytest.mark.parametrize(
        ("managers", "problem"),
        [
            ({}, f"manager_role_id, manager_user_id: neither was given; {ONE}"),
            ({"manager_role_id": None}, f"manager_role_id, manager_user_id: neither was given; {ONE}"),
            ({"manager_role_id": ROLE, "manager_user_id": 7}, f"manager_role_id, manager_user_id: both were given; {ONE}"),
        ],
    )
    def test_exactly_one_for_a_new_sla(self, operation: str, managers: dict[str, object], problem: str) -> None:
        given = {k: v for k, v in WANTED.items() if k != "manager_user_id"} | managers
        assert refused(lambda slas: getattr(slas, operation)(**given)) == (problem,)

    @pytest.mark.parametrize(
        ("managers", "problem"),
        [
            ({"manager_role_id": None, "manager_user_id": None}, f"manager_role_id, manager_user_id: both are cleared; {ONE}"),
            ({"manager_role_id": ROLE, "manager_user_id": 7}, f"manager_role_id, manager_user_id: both were given; {ONE}"),
        ],
    )
    def test_at_most_one_for_an_update(self, managers: dict[str, object], problem: str) -> None:
        assert refused(lambda slas: slas.update("x", **managers)) == (problem,)


class TestIds:
    @pytest.mark.parametrize("operation", ["get", "delete", "update"])
    @pytest.mark.parametrize("sla_id", ["", " ", ".", "..", "a\nb", "x" * 256, 7, None])
    def test_no_id(self, operation: str, sla_id: object) -> None:
        more = {"name": "n"} if operation == "update" else {}
        (problem,) = refused(lambda slas: getattr(slas, operation)(sla_id, **more))
        assert problem.startswith("sla_id: ")

    def test_an_update_of_nothing(self) -> None:
        (problem,) = refused(lambda slas: slas.update("x"))
        assert problem.startswith("changes: none was given; allowed: at least one of name, description, position")


class TestLists:
    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"name": ""}, "name: '' was given; allowed: a non-empty string"),
            ({"slug_eq": " "}, "slug_eq: ' ' was given; allowed: a non-empty string"),
            ({"search": 3}, "search: 3 was given; allowed: a non-empty string"),
            ({"name_in": "ab"}, "name_in: 'ab' was given; allowed: a list of at least one string"),
            ({"name_in": []}, "name_in: [] was given; allowed: a list of at least one string"),
            ({"name_not_in": ["a,b"]}, "name_not_in: ['a,b'] was given; allowed: non-empty strings without a comma"),
            ({"slug_in": ["a", ""]}, "slug_in: ['a', ''] was given; allowed: non-empty strings without a comma"),
            ({"slug_not_in": [3]}, "slug_not_in: [3] was given; allowed: non-empty strings without a comma"),
            ({"created_at_gt": "today"}, "created_at_gt: 'today' was given; allowed: an aware datetime or epoch seconds"),
            ({"sort": ""}, "sort: '' was given; allowed: a field such as 'created_at' or '-created_at', or a list of them"),
            (
                {"sort": ["name", ""]},
                "sort: ['name', ''] was given; allowed: a field such as 'created_at' or '-created_at', or a list of them",
            ),
            ({"page_size": 0}, "page_size: 0 was given; allowed: a whole number from 1 to 100"),
            ({"page_size": 101}, "page_size: 101 was given; allowed: a whole number from 1 to 100"),
            ({"page_number": 0}, "page_number: 0 was given; allowed: a whole number of at least 1"),
        ],
    )
    def test_a_wrong_argument(self, given: dict[str, object], problem: str) -> None:
        assert refused(lambda slas: slas.list(**given)) == (problem,)

    @all_modes
    def test_a_naive_time(self, mode: Mode) -> None:
        (problem,) = refused(lambda slas: slas.list(created_at_lte=datetime(2026, 1, 1)), mode)  # noqa: DTZ001  # the fault itself
        assert "is a naive datetime" in problem

    def test_several_at_once(self) -> None:
        assert len(refused(lambda slas: slas.list(name="", page_size=0, sort=""))) == 3


class TestPlans:
    def test_every_fault_of_every_sla(self) -> None:
        good = SlaSpec(**WANTED)
        arguments: dict[str, Any] = {**WANTED, "assignment_deadline_days": 8, "manager_user_id": None}
        bad = SlaSpec(**arguments)
        assert refused(lambda slas: slas.plan([good, bad])) == (
            f"desired[1].assignment_deadline_days: 8 was given; {DAYS}",
            f"desired[1].manager_role_id, manager_user_id: neither was given; {ONE}",
            "desired[1].name: 'Sev1 follow-ups' was given before; allowed: each name once",
        )


class TestWhatIsAllowed:
    @pytest.mark.parametrize("days", [1, 2, 3, 4, 5, 6, 7, 14, 21, 30])
    def test_days(self, days: int) -> None:
        accepted(assignment_deadline_days=days, completion_deadline_days=days)

    @pytest.mark.parametrize("status", list(ParentStatus))
    def test_statuses_as_members_and_as_texts(self, status: ParentStatus) -> None:
        accepted(assignment_deadline_parent_status=status, completion_deadline_parent_status=str(status))

    @pytest.mark.parametrize("name", [p for p in ConditionProperty if p != "sub_status"])
    def test_properties(self, name: ConditionProperty) -> None:
        accepted(conditions=[Condition.builtin(name, "is_set")])

    def test_twenty_conditions_and_notifications(self) -> None:
        accepted(conditions=[BUILT_IN] * 20, notification_configurations=[NotificationConfiguration.before(1)] * 20)

    def test_tuples(self) -> None:
        accepted(conditions=(CUSTOM,), notification_configurations=(NotificationConfiguration.when_due(),))

    def test_upper_case_uuids(self) -> None:
        accepted(assignment_deadline_sub_status_id=ROLE.upper())

    def test_a_value_to_come_passes_as_a_member_of_its_enum(self) -> None:
        sandbox = RootlySandbox()
        new = {"assignment_deadline_parent_status": ParentStatus("paused")}
        conditions = [Condition(conditionable_type=ConditionType("SLAs::New"), operator=BUILT_IN["operator"])]  # type: ignore[arg-type]  # a text
        notifications = [NotificationConfiguration(offset_type=OffsetType("daily"), offset_days=3)]
        with pytest.raises(ValueError, match="HTTP 422") as refusal:
            SYNC(
                lambda slas: slas.create(**{**WANTED, **new}, conditions=conditions, notification_configurations=notifications),
                sandbox=sandbox,
            )
        assert len(sandbox.ledger) == 1, refusal.value
