"""What the sandbox refuses, with which status and in which words."""

from __future__ import annotations

import pytest

from rootly_sla.sandbox import RootlySandbox
from tests.rootly.rootly_requests import FIELD, JSON_API, ROLE, TOKEN, WANTED, ask, parsed, titles

BUILT_IN = {"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "severity", "operator": "is_set"}
CUSTOM = {"conditionable_type": "SLAs::CustomFieldCondition", "operator": "is_set", "form_field_id": FIELD}


def refused(in_sandbox: RootlySandbox | None = None, /, **attributes: object) -> list[str]:
    sandbox = RootlySandbox() if in_sandbox is None else in_sandbox
    reply = ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, **attributes})
    assert reply.status == 422
    return titles(reply)


class TestKeys:
    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic abc", "Token abc"])
    def test_no_bearer_token_is_401(self, authorization: str) -> None:
        reply = ask(RootlySandbox(), "GET", "/v1/slas", headers={"authorization": authorization})
        assert (reply.status, parsed(reply)) == (401, {"errors": [{"title": "Invalid token", "status": "401"}]})

    def test_an_unknown_token_is_401(self) -> None:
        assert ask(RootlySandbox(tokens=["other"]), "GET", "/v1/slas").status == 401

    def test_a_known_token_is_let_in(self) -> None:
        assert ask(RootlySandbox(tokens=[TOKEN]), "GET", "/v1/slas").status == 200

    @pytest.mark.parametrize(
        ("method", "path", "permission"),
        [
            ("GET", "/v1/slas", "read"),
            ("POST", "/v1/slas", "create"),
            ("PUT", "/v1/slas/x", "update"),
            ("DELETE", "/v1/slas/x", "delete"),
        ],
    )
    def test_a_permission_that_is_lacking_is_403(self, method: str, path: str, permission: str) -> None:
        others = {"create", "read", "update", "delete"} - {permission}
        reply = ask(RootlySandbox(tokens={TOKEN: others}), method, path, attributes=WANTED)
        assert (reply.status, titles(reply)) == (403, ["Forbidden"])
        assert ask(RootlySandbox(tokens={TOKEN: [permission]}), method, path, attributes=WANTED).status != 403


class TestRequests:
    @pytest.mark.parametrize("content_type", ["application/json", "", f"{JSON_API}; charset=utf-8"])
    def test_another_content_type_is_415(self, content_type: str) -> None:
        reply = ask(RootlySandbox(), "POST", "/v1/slas", attributes=WANTED, headers={"content-type": content_type})
        assert (reply.status, titles(reply)) == (415, ["Unsupported Media Type"])

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1"),
            ("GET", "/v2/slas"),
            ("GET", "/v1/slas/a/b"),
            ("DELETE", "/v1/slas"),
            ("PATCH", "/v1/slas/x"),
            ("GET", "/"),
        ],
    )
    def test_another_route_is_404(self, method: str, path: str) -> None:
        assert ask(RootlySandbox(), method, path).status == 404

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_an_unknown_sla_is_404(self, method: str) -> None:
        reply = ask(RootlySandbox(), method, "/v1/slas/nope", attributes={})
        assert (reply.status, titles(reply)) == (404, ["Not found or unauthorized"])

    def test_broken_json_is_400(self) -> None:
        assert ask(RootlySandbox(), "POST", "/v1/slas", body=b"{").status == 400

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{}",
            b'{"data": []}',
            b'{"data": {"type": "slas"}}',
            b'{"data": {"type": "x", "attributes": {}}}',
            b'{"data": {"attributes": {}}}',
        ],
    )
    def test_a_document_without_type_or_attributes_is_422(self, body: bytes) -> None:
        assert ask(RootlySandbox(), "POST", "/v1/slas", body=body).status == 422

    def test_a_broken_update_is_refused_like_a_create(self) -> None:
        sandbox = RootlySandbox()
        sla_id = sandbox.add(**WANTED)
        assert ask(sandbox, "PUT", f"/v1/slas/{sla_id}", body=b"{").status == 400


class TestAttributes:
    @pytest.mark.parametrize(
        ("attribute", "value", "text"),
        [
            ("name", None, "Name can't be blank"),
            ("name", "", "Name can't be blank"),
            ("name", 3, "Name is invalid"),
            ("description", 3, "Description is invalid"),
            ("position", "1", "Position is invalid"),
            ("position", True, "Position is invalid"),
            ("condition_match_type", "SOME", "Condition match type is not included in the list"),
            ("condition_match_type", None, "Condition match type is not included in the list"),
            ("assignment_skip_weekends", None, "Assignment skip weekends can't be blank"),
            ("completion_skip_weekends", "no", "Completion skip weekends is invalid"),
            ("manager_user_id", "7", "Manager user must exist"),
            ("assignment_deadline_days", None, "Assignment deadline days can't be blank"),
            ("assignment_deadline_days", 8, "Assignment deadline days is not included in the list"),
            ("assignment_deadline_days", True, "Assignment deadline days is not included in the list"),
            ("completion_deadline_days", [1], "Completion deadline days is not included in the list"),
            ("assignment_deadline_parent_status", "done", "Assignment deadline parent status is not included in the list"),
            ("completion_deadline_parent_status", None, "Completion deadline parent status can't be blank"),
            ("completion_deadline_sub_status_id", "x", "Completion deadline sub status must exist"),
            ("conditions", {}, "Conditions is invalid"),
            ("conditions", ["x"], "Conditions is invalid"),
            ("conditions", [BUILT_IN] * 21, "Conditions is too long (maximum is 20)"),
            ("notification_configurations", None, "Notification configurations is invalid"),
        ],
    )
    def test_a_wrong_value_is_named(self, attribute: str, value: object, text: str) -> None:
        assert refused(**{attribute: value}) == [text]

    @pytest.mark.parametrize("managers", [{"manager_user_id": None}, {"manager_role_id": ROLE}])
    def test_exactly_one_manager(self, managers: dict[str, object]) -> None:
        assert refused(**managers) == ["Exactly one of manager role or manager user must be provided"]

    def test_users_and_roles_must_exist_where_they_are_known(self) -> None:
        sandbox = RootlySandbox(user_ids=[1], role_ids=[])
        assert refused(sandbox) == ["Manager user must exist"]
        assert refused(sandbox, manager_user_id=None, manager_role_id=ROLE) == ["Manager role must exist"]

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            ({**BUILT_IN, "conditionable_type": "x"}, "Conditions conditionable type is not included in the list"),
            ({**BUILT_IN, "operator": ""}, "Conditions operator can't be blank"),
            ({**BUILT_IN, "property": "mood"}, "Conditions property is not included in the list"),
            ({**BUILT_IN, "property": "sub_status"}, "Conditions property sub_status cannot be used by this team"),
            ({**BUILT_IN, "values": "s1"}, "Conditions values is invalid"),
            ({**BUILT_IN, "values": [1]}, "Conditions values is invalid"),
            ({**CUSTOM, "form_field_id": None}, "Conditions form field must exist"),
        ],
    )
    def test_a_wrong_condition_is_named(self, condition: dict[str, object], text: str) -> None:
        assert refused(conditions=[condition]) == [text]

    @pytest.mark.parametrize(
        ("notification", "text"),
        [
            ({"offset_type": "x", "offset_days": 1}, "Notification configurations offset type is not included in the list"),
            ({"offset_type": "after_due"}, "Notification configurations offset days is invalid"),
            ({"offset_type": "after_due", "offset_days": -1}, "Notification configurations offset days is invalid"),
            ({"offset_type": "when_due", "offset_days": 1}, "Notification configurations offset days must be 0 for when_due"),
        ],
    )
    def test_a_wrong_notification_is_named(self, notification: dict[str, object], text: str) -> None:
        assert refused(notification_configurations=[notification]) == [text]

    def test_a_team_with_custom_statuses_needs_sub_statuses(self) -> None:
        sandbox = RootlySandbox(custom_statuses=True)
        assert refused(sandbox, conditions=[{**BUILT_IN, "property": "status"}]) == [
            "Assignment deadline sub status can't be blank",
            "Completion deadline sub status can't be blank",
            "Conditions property status cannot be used by this team",
        ]

    def test_a_team_with_custom_statuses_is_served(self) -> None:
        sub = {"assignment_deadline_sub_status_id": ROLE, "completion_deadline_sub_status_id": ROLE}
        conditions = [{**BUILT_IN, "property": "sub_status"}]
        sandbox = RootlySandbox(custom_statuses=True)
        assert ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, **sub, "conditions": conditions}).status == 201

    def test_all_faults_come_at_once(self) -> None:
        assert len(refused(name="", assignment_deadline_days=8, manager_user_id=None)) == 3

    def test_a_taken_name(self) -> None:
        sandbox = RootlySandbox()
        sandbox.add(**WANTED)
        assert refused(sandbox) == ["Name has already been taken"]

    def test_pointers_when_asked_for(self) -> None:
        sandbox = RootlySandbox(pointers=True)
        reply = ask(sandbox, "POST", "/v1/slas", attributes={**WANTED, "conditions": [BUILT_IN, {**BUILT_IN, "operator": None}]})
        assert parsed(reply)["errors"] == [
            {
                "title": "Conditions operator can't be blank",
                "status": "422",
                "source": {"pointer": "/data/attributes/conditions/1/operator"},
            }
        ]
