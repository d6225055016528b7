"""The sandbox's creates, updates and deletes."""

from __future__ import annotations

import json
import uuid
from typing import cast

import pytest

from rootly_sla.sandbox import RootlySandbox
from slo_common.sandbox import VirtualClock
from tests.rootly.rootly_requests import FIELD, ROLE, WANTED, ask, parsed, shown

CONDITION: dict[str, object] = {
    "conditionable_type": "SLAs::BuiltInFieldCondition",
    "property": "severity",
    "operator": "is_one_of",
    "values": ["s1", "s2"],
}
CUSTOM: dict[str, object] = {"conditionable_type": "SLAs::CustomFieldCondition", "operator": "is_set", "form_field_id": FIELD}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_790_000_000.0)


@pytest.fixture
def sandbox(clock: VirtualClock) -> RootlySandbox:
    return RootlySandbox(clock=clock)


def made(sandbox: RootlySandbox, **attributes: object) -> str:
    return str(shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, **attributes}))["id"])


class TestCreate:
    def test_answers_201_with_the_sla(self, sandbox: RootlySandbox) -> None:
        reply = ask(sandbox, "POST", "/v1/slas", attributes=WANTED)
        assert (reply.status, reply.content_type) == (201, "application/vnd.api+json")
        assert WANTED.items() <= shown(reply).items()

    def test_gives_a_uuid(self, sandbox: RootlySandbox) -> None:
        assert uuid.UUID(made(sandbox)).version == 4

    def test_fills_in_what_was_left_out(self, sandbox: RootlySandbox) -> None:
        attributes = shown(ask(sandbox, "POST", "/v1/slas", attributes=WANTED))
        assert {
            k: attributes[k] for k in ("slug", "entity_type", "condition_match_type", "position", "assignment_skip_weekends")
        } == {
            "slug": "sev1-follow-ups",
            "entity_type": "follow_up",
            "condition_match_type": "ALL",
            "position": 1,
            "assignment_skip_weekends": False,
        }

    def test_times_are_texts_with_milliseconds_and_an_offset(self, sandbox: RootlySandbox) -> None:
        assert shown(ask(sandbox, "POST", "/v1/slas", attributes=WANTED))["created_at"] == "2026-09-21T07:13:20.000-07:00"

    def test_a_second_slug_of_the_same_words_gets_a_number(self, sandbox: RootlySandbox) -> None:
        made(sandbox)
        assert (
            shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "name": "sev1 follow ups"}))["slug"] == "sev1-follow-ups-2"
        )

    def test_a_name_without_letters_still_has_a_slug(self, sandbox: RootlySandbox) -> None:
        assert shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "name": "***"}))["slug"] == "sla"

    def test_slug_entity_type_and_unknown_attributes_are_ignored(self, sandbox: RootlySandbox) -> None:
        sent = {**WANTED, "slug": "mine", "entity_type": "task", "mood": "good"}
        attributes = shown(ask(sandbox, "POST", "/v1/slas", attributes=sent))
        assert (attributes["slug"], attributes["entity_type"], "mood" in attributes) == ("sev1-follow-ups", "follow_up", False)

    def test_conditions_get_ids_and_positions_and_come_back_in_another_order(self, sandbox: RootlySandbox) -> None:
        attributes = shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "conditions": [CONDITION, CUSTOM]}))
        conditions = cast("list[dict[str, object]]", attributes["conditions"])
        assert [(c["position"], c["operator"]) for c in conditions] == [(2, "is_set"), (1, "is_one_of")]
        assert len({c["id"] for c in conditions}) == 2

    def test_conditions_keep_their_order_when_told_so(self) -> None:
        sandbox = RootlySandbox(reorder_conditions=False)
        attributes = shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "conditions": [CONDITION, CUSTOM]}))
        assert [c["position"] for c in cast("list[dict[str, object]]", attributes["conditions"])] == [1, 2]

    def test_notifications_get_ids_and_times(self, sandbox: RootlySandbox) -> None:
        sent = [{"offset_type": "before_due", "offset_days": 2}]
        attributes = shown(ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "notification_configurations": sent}))
        (notification,) = cast("list[dict[str, object]]", attributes["notification_configurations"])
        assert set(notification) == {"id", "offset_type", "offset_days", "created_at", "updated_at"}

    def test_is_applied_once_and_told_in_the_ledger(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        assert (sandbox.applied, list(sandbox.slas)) == ((f"slas.create {sla_id}",), [sla_id])


class TestGet:
    def test_answers_at_once(self) -> None:
        sandbox = RootlySandbox(index_lag=60)
        sla_id = made(sandbox)
        assert shown(ask(sandbox, "GET", f"/v1/slas/{sla_id}"))["name"] == WANTED["name"]

    def test_needs_no_content_type(self, sandbox: RootlySandbox) -> None:
        assert ask(sandbox, "GET", f"/v1/slas/{made(sandbox)}", headers={"content-type": ""}).status == 200


class TestUpdate:
    def test_changes_what_is_sent_and_leaves_the_rest(self, sandbox: RootlySandbox, clock: VirtualClock) -> None:
        sla_id = made(sandbox, description="old")
        before = shown(ask(sandbox, "GET", f"/v1/slas/{sla_id}"))
        clock.advance(60)
        reply = ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"completion_deadline_days": 21})
        changed = {k: v for k, v in shown(reply).items() if v != before[k]}
        assert (reply.status, changed) == (200, {"completion_deadline_days": 21, "updated_at": "2026-09-21T07:14:20.000-07:00"})

    def test_null_clears(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox, description="old")
        assert shown(ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"description": None}))["description"] is None

    def test_null_position_goes_to_the_end(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox, position=9)
        assert shown(ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"position": None}))["position"] == 2

    def test_a_list_replaces_the_whole_list(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox, conditions=[CONDITION, CUSTOM])
        ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"conditions": [CUSTOM]})
        conditions = cast("list[dict[str, object]]", sandbox.slas[sla_id]["conditions"])
        assert [c["operator"] for c in conditions] == ["is_set"]

    def test_an_empty_list_clears(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox, conditions=[CONDITION])
        ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"conditions": []})
        assert sandbox.slas[sla_id]["conditions"] == []

    def test_the_same_again_changes_nothing(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox, conditions=[CONDITION])
        ask(
            sandbox,
            "PUT",
            f"/v1/slas/{sla_id}",
            attributes={"name": WANTED["name"], "conditions": [{**CONDITION, "form_field_id": None}]},
        )
        assert sandbox.applied == (f"slas.create {sla_id}",)

    def test_the_manager_changes_when_the_old_one_is_cleared(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        reply = ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"manager_user_id": None, "manager_role_id": ROLE})
        assert (reply.status, shown(reply)["manager_role_id"]) == (200, ROLE)

    def test_a_second_manager_is_refused(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        assert ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"manager_role_id": ROLE}).status == 422

    def test_its_own_name_is_not_taken(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        assert ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"name": WANTED["name"]}).status == 200

    def test_the_name_of_another_is_taken(self, sandbox: RootlySandbox) -> None:
        made(sandbox)
        other = made(sandbox, name="Other")
        assert ask(sandbox, "PUT", f"/v1/slas/{other}", attributes={"name": WANTED["name"]}).status == 422


class TestDelete:
    def test_answers_200_with_the_sla_as_it_was(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        reply = ask(sandbox, "DELETE", f"/v1/slas/{sla_id}")
        assert (reply.status, shown(reply)["id"], sandbox.slas) == (200, sla_id, {})

    def test_a_second_time_it_is_not_found(self, sandbox: RootlySandbox) -> None:
        sla_id = made(sandbox)
        ask(sandbox, "DELETE", f"/v1/slas/{sla_id}")
        assert ask(sandbox, "DELETE", f"/v1/slas/{sla_id}").status == 404

    def test_the_name_is_free_again(self, sandbox: RootlySandbox) -> None:
        ask(sandbox, "DELETE", f"/v1/slas/{made(sandbox)}")
        assert ask(sandbox, "POST", "/v1/slas", attributes=WANTED).status == 201


class TestSetUp:
    def test_add_is_listed_at_once_and_not_in_the_ledger(self) -> None:
        sandbox = RootlySandbox(clock=VirtualClock(), index_lag=60)
        sandbox.add(**WANTED)
        data = cast("list[object]", parsed(ask(sandbox, "GET", "/v1/slas"))["data"])
        assert (len(data), sandbox.applied) == (1, ())

    def test_add_refuses_what_the_vendor_would(self, sandbox: RootlySandbox) -> None:
        with pytest.raises(ValueError, match="Assignment deadline days is not included in the list"):
            sandbox.add(**{**WANTED, "assignment_deadline_days": 8})

    def test_the_same_seed_gives_the_same_ids(self) -> None:
        assert RootlySandbox(seed=4).add(**WANTED) == RootlySandbox(seed=4).add(**WANTED)

    def test_the_demo_has_two_slas(self) -> None:
        names = [sla["name"] for sla in RootlySandbox.demo().slas.values()]
        assert names == ["Sev1 follow-ups", "Sev2 follow-ups"]

    def test_extra_attributes_come_with_every_sla(self) -> None:
        sandbox = RootlySandbox(extra_attributes={"violations": 3})
        assert shown(ask(sandbox, "POST", "/v1/slas", attributes=WANTED))["violations"] == 3

    def test_the_ledger_keeps_what_was_sent(self, sandbox: RootlySandbox) -> None:
        made(sandbox)
        assert json.loads(sandbox.ledger[0].body)["data"]["type"] == "slas"
