"""The models as a user builds them."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from rootly_sla import (
    Condition,
    ConditionProperty,
    ConditionType,
    NotificationConfiguration,
    OffsetType,
    Operator,
    ParentStatus,
    Sla,
    SlaSpec,
)
from slo_common import UNSET, InvalidArgument
from tests.rootly.rootly_requests import FIELD, WANTED


def test_a_condition_on_a_built_in_field() -> None:
    assert Condition.builtin("severity", "is_one_of", ["a", "b"], position=3) == Condition(
        conditionable_type=ConditionType.BUILT_IN_FIELD,
        property=ConditionProperty.SEVERITY,
        operator=Operator.IS_ONE_OF,
        values=("a", "b"),
        position=3,
    )


def test_a_condition_on_a_custom_field() -> None:
    assert Condition.custom(FIELD, "is_set") == Condition(
        conditionable_type=ConditionType.CUSTOM_FIELD, form_field_id=FIELD, operator=Operator.IS_SET
    )


@pytest.mark.parametrize("make", [lambda: Condition.builtin("severity", "is", "sev1"), lambda: Condition.custom(FIELD, "is", "x")])
def test_one_text_is_no_list_of_values(make: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"values: '.*' was given; allowed: a list of strings"):
        make()


def test_notifications() -> None:
    made = NotificationConfiguration.before(2), NotificationConfiguration.when_due(), NotificationConfiguration.after(3)
    assert [(n.offset_type, n.offset_days) for n in made] == [
        (OffsetType.BEFORE_DUE, 2),
        (OffsetType.WHEN_DUE, 0),
        (OffsetType.AFTER_DUE, 3),
    ]


def test_an_operator_that_the_vendor_never_published_is_kept() -> None:
    operator = Condition.builtin("severity", "is_not_one_of", ["a"]).operator
    assert (operator, operator is not None and operator.is_known) == ("is_not_one_of", False)


@pytest.mark.parametrize("value", [Sla(id="1", name="n"), Condition.builtin("kind", "is_set"), NotificationConfiguration.after(1)])
def test_models_are_frozen_and_survive_pickling(value: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        value.id = "2"
    assert pickle.loads(pickle.dumps(value)) == value


def test_an_sla_can_be_changed_by_copy() -> None:
    assert evolve(Sla(id="1", name="n"), name="m") == Sla(id="1", name="m")


class TestSpecs:
    def test_what_is_left_out_is_unset(self) -> None:
        spec = SlaSpec.from_dict(WANTED)
        assert (spec.name, spec.manager_user_id, spec.manager_role_id, spec.conditions) == (WANTED["name"], 7, UNSET, UNSET)

    def test_none_stays_none(self) -> None:
        assert SlaSpec.from_dict({**WANTED, "description": None}).description is None

    def test_unknown_and_missing_names_come_all_at_once(self) -> None:
        with pytest.raises(InvalidArgument) as caught:
            SlaSpec.from_dict({"name": "n", "nom": 1, "slug": "x", "completion_deadline_days": 1})
        assert [problem.partition(";")[0] for problem in caught.value.problems] == [
            "nom: an unknown attribute",
            "slug: an unknown attribute",
            "assignment_deadline_days: it is missing",
            "assignment_deadline_parent_status: it is missing",
            "completion_deadline_parent_status: it is missing",
        ]


def test_enums_are_texts() -> None:
    status: str = ParentStatus.RESOLVED
    assert (status == "resolved", f"{status}") == (True, "resolved")
