"""What goes on the wire, byte for byte, and what every good answer becomes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
import respx

from rootly_sla import (
    Condition,
    MatchType,
    NotificationConfiguration,
    ParentStatus,
    Sla,
)
from tests.rootly.modes import Mode, all_modes
from tests.rootly.wire import ATTRIBUTES, EMPTY, FIELD, FULL, ID, JSON_API, OPERATIONS, RESOURCE, ROLE, URL, WANTED, document


def last(rootly: respx.MockRouter) -> httpx.Request:
    request: httpx.Request = rootly.calls.last.request
    return request


class TestRequests:
    @all_modes
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_method_target_headers_and_body(self, mode: Mode, rootly: respx.MockRouter, name: str) -> None:
        operation, method, target, attributes = OPERATIONS[name]
        rootly.route().mock(return_value=document([RESOURCE] if name == "list" else RESOURCE))
        mode(operation)
        request = last(rootly)
        assert (request.method, str(request.url)) == (method, URL + target)
        assert request.headers["authorization"] == "Bearer rootly-test-token"
        assert [v for k, v in request.headers.multi_items() if k in {"accept", "content-type"}] == [JSON_API, JSON_API]
        if attributes is None:
            assert request.content == b""
        else:
            assert json.loads(request.content) == {"data": {"type": "slas", "attributes": attributes}}

    @all_modes
    def test_a_create_with_everything(self, mode: Mode, rootly: respx.MockRouter) -> None:
        rootly.post(f"{URL}/v1/slas").mock(return_value=httpx.Response(201, json={"data": RESOURCE}))
        conditions = [
            Condition.builtin("severity", "is_one_of", ["s1"]),
            Condition.custom(FIELD, "contains", ["x"], position=3),
            {"operator": "is_set", "values": None, "conditionable_type": "SLAs::BuiltInFieldCondition", "property": "cause"},
        ]
        notifications = [
            NotificationConfiguration.before(2),
            NotificationConfiguration.when_due(),
            {"offset_days": 1, "offset_type": "after_due"},
        ]
        mode(
            lambda slas: slas.create(
                **{**WANTED, "manager_user_id": None},
                manager_role_id=ROLE,
                description=None,
                position=3,
                condition_match_type=MatchType.ANY,
                assignment_deadline_sub_status_id=ROLE,
                assignment_skip_weekends=False,
                completion_deadline_sub_status_id=None,
                completion_skip_weekends=True,
                conditions=conditions,
                notification_configurations=notifications,
            )
        )
        assert last(rootly).content == (
            b'{"data":{"type":"slas","attributes":{"name":"Sev1 follow-ups","description":null,"position":3,"condition_match_type":"ANY",'
            b'"manager_role_id":"11111111-2222-4333-8444-555555555555","manager_user_id":null,"assignment_deadline_days":1,'
            b'"assignment_deadline_parent_status":"resolved","assignment_deadline_sub_status_id":"11111111-2222-4333-8444-555555555555",'
            b'"assignment_skip_weekends":false,"completion_deadline_days":14,"completion_deadline_parent_status":"resolved",'
            b'"completion_deadline_sub_status_id":null,"completion_skip_weekends":true,"conditions":[{"conditionable_type":'
            b'"SLAs::BuiltInFieldCondition","property":"severity","operator":"is_one_of","values":["s1"]},{"conditionable_type":'
            b'"SLAs::CustomFieldCondition","operator":"contains","values":["x"],"form_field_id":"99999999-2222-4333-8444-555555555555",'
            b'"position":3},{"operator":"is_set","values":null,"conditionable_type":"SLAs::BuiltInFieldCondition","property":"cause"}],'
            b'"notification_configurations":[{"offset_type":"before_due","offset_days":2},{"offset_type":"when_due","offset_days":0},'
            b'{"offset_days":1,"offset_type":"after_due"}]}}}'
        )

    @all_modes
    @pytest.mark.parametrize(
        ("changes", "sent"),
        [
            ({"name": "New"}, {"name": "New"}),
            ({"description": None}, {"description": None}),
            ({"assignment_skip_weekends": False}, {"assignment_skip_weekends": False}),
            ({"manager_role_id": None, "manager_user_id": 7}, {"manager_role_id": None, "manager_user_id": 7}),
            ({"manager_role_id": ROLE}, {"manager_role_id": ROLE}),
            ({"position": None}, {"position": None}),
            ({"conditions": []}, {"conditions": []}),
            ({"conditions": None}, {"conditions": []}),
            ({"notification_configurations": None}, {"notification_configurations": []}),
            ({"completion_deadline_sub_status_id": None}, {"completion_deadline_sub_status_id": None}),
            ({"completion_deadline_parent_status": ParentStatus.CLOSED}, {"completion_deadline_parent_status": "closed"}),
        ],
        ids=str,
    )
    def test_an_update_sends_what_was_given_and_nothing_else(
        self, mode: Mode, rootly: respx.MockRouter, changes: dict[str, Any], sent: dict[str, Any]
    ) -> None:
        rootly.put(f"{URL}/v1/slas/{ID}").mock(return_value=document())
        mode(lambda slas: slas.update(ID, **changes))
        assert json.loads(last(rootly).content) == {"data": {"type": "slas", "attributes": sent}}

    def test_conditions_that_were_read_can_be_sent_back(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document())
        Mode("sync")(
            lambda slas: slas.update(ID, conditions=FULL.conditions, notification_configurations=FULL.notification_configurations)
        )
        assert json.loads(last(rootly).content)["data"]["attributes"] == {
            "conditions": [
                {
                    "conditionable_type": "SLAs::BuiltInFieldCondition",
                    "property": "severity",
                    "operator": "is_one_of",
                    "values": ["s1"],
                    "position": 1,
                },
                {"conditionable_type": "SLAs::CustomFieldCondition", "operator": "is_set", "form_field_id": FIELD, "position": 2},
            ],
            "notification_configurations": [{"offset_type": "before_due", "offset_days": 2}],
        }

    def test_an_id_is_one_path_segment(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document())
        Mode("sync")(lambda slas: slas.get("a/b?c"))
        assert last(rootly).url.raw_path == b"/v1/slas/a%2Fb%3Fc"

    def test_text_beyond_ascii_goes_as_utf_8(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document())
        Mode("sync")(lambda slas: slas.update(ID, name="Très grave"))
        assert "Très grave".encode() in last(rootly).content

    @all_modes
    def test_every_filter(self, mode: Mode, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document([]))
        moment = datetime(2026, 10, 6, 14, 14, 5, tzinfo=timezone(timedelta(hours=2)))
        mode(
            lambda slas: slas.list(
                search="follow",
                name="a",
                name_eq="b,c",
                name_not_eq="d",
                name_in=["e", "f"],
                name_not_in=("g",),
                slug="h",
                slug_eq="i",
                slug_not_eq="j",
                slug_in=["k"],
                slug_not_in=["l", "m"],
                created_at_gt=moment,
                created_at_gte=1_790_000_000,
                created_at_lt=1_790_000_000.5,
                created_at_lte=moment,
                sort=["-created_at", "name"],
                page_size=10,
                page_number=3,
            )
        )
        assert list(last(rootly).url.params.multi_items()) == [
            ("filter[search]", "follow"),
            ("filter[name]", "a"),
            ("filter[name][eq]", "b,c"),
            ("filter[name][not_eq]", "d"),
            ("filter[name][in]", "e,f"),
            ("filter[name][not_in]", "g"),
            ("filter[slug]", "h"),
            ("filter[slug][eq]", "i"),
            ("filter[slug][not_eq]", "j"),
            ("filter[slug][in]", "k"),
            ("filter[slug][not_in]", "l,m"),
            ("filter[created_at][gt]", "2026-10-06T12:14:05Z"),
            ("filter[created_at][gte]", "2026-09-21T14:13:20Z"),
            ("filter[created_at][lt]", "2026-09-21T14:13:20.500000Z"),
            ("filter[created_at][lte]", "2026-10-06T12:14:05Z"),
            ("sort", "-created_at,name"),
            ("page[number]", "3"),
            ("page[size]", "10"),
        ]

    def test_a_blank_search_is_no_search(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document([]))
        Mode("sync")(lambda slas: slas.list(search=" ", sort="name"))
        assert list(last(rootly).url.params) == ["sort", "page[number]", "page[size]"]

    def test_another_base_url_keeps_its_path(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document())
        Mode("sync")(lambda slas: slas.get(ID), base_url="https://proxy.example/rootly/")
        assert str(last(rootly).url) == f"https://proxy.example/rootly/v1/slas/{ID}"


class TestResults:
    @all_modes
    @pytest.mark.parametrize("name", OPERATIONS)
    def test_every_field_is_read(self, mode: Mode, rootly: respx.MockRouter, name: str) -> None:
        operation = OPERATIONS[name][0]
        rootly.route().mock(return_value=document([RESOURCE] if name == "list" else RESOURCE, included=[]))
        assert mode(operation) == ([FULL] if name == "list" else FULL)

    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_any_good_status_will_do(self, rootly: respx.MockRouter, status: int) -> None:
        rootly.route().mock(return_value=httpx.Response(status, json={"data": RESOURCE}))
        assert Mode("sync")(lambda slas: slas.create(**WANTED)) == FULL

    @all_modes
    def test_a_delete_without_a_body_gives_none(self, mode: Mode, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=httpx.Response(204))
        assert mode(lambda slas: slas.delete(ID)) is None

    def read(self, rootly: respx.MockRouter, **attributes: object) -> Sla:
        rootly.route().mock(return_value=document({"id": ID, "type": "slas", "attributes": {"name": "n", **attributes}}))
        sla: Sla = Mode("sync")(lambda slas: slas.get(ID))
        return sla

    def test_all_but_the_name_may_be_missing(self, rootly: respx.MockRouter) -> None:
        assert self.read(rootly) == Sla(id=ID, name="n")

    def test_all_but_the_name_may_be_null(self, rootly: respx.MockRouter) -> None:
        assert self.read(rootly, **dict.fromkeys(ATTRIBUTES.keys() - {"name"})) == Sla(id=ID, name="n")

    def test_entries_of_lists_may_be_empty(self, rootly: respx.MockRouter) -> None:
        sla = self.read(rootly, conditions=[EMPTY], notification_configurations=[EMPTY])
        assert (sla.conditions, sla.notification_configurations) == ((Condition(),), (NotificationConfiguration(),))

    def test_conditions_without_a_position_come_last(self, rootly: respx.MockRouter) -> None:
        sla = self.read(rootly, conditions=[{"id": "b"}, {"id": "c", "position": None}, {"id": "a", "position": 4}])
        assert [c.id for c in sla.conditions] == ["a", "b", "c"]

    def test_new_enum_values_keep_their_text(self, rootly: respx.MockRouter) -> None:
        sla = self.read(
            rootly,
            condition_match_type="MOST",
            entity_type="task",
            assignment_deadline_parent_status="paused",
            conditions=[{"conditionable_type": "SLAs::New", "property": "mood", "operator": "is"}],
            notification_configurations=[{"offset_type": "daily"}],
        )
        values: tuple[Any, ...] = (
            sla.condition_match_type,
            sla.entity_type,
            sla.assignment_deadline_parent_status,
            sla.conditions[0].conditionable_type,
            sla.conditions[0].property,
            sla.conditions[0].operator,
            sla.notification_configurations[0].offset_type,
        )
        assert values == ("MOST", "task", "paused", "SLAs::New", "mood", "is", "daily")
        seen: list[Any] = list(values)
        assert not any(v.is_known for v in seen)

    def test_days_may_be_any_number(self, rootly: respx.MockRouter) -> None:
        assert self.read(rootly, assignment_deadline_days=45).assignment_deadline_days == 45

    def test_unknown_attributes_are_kept_apart(self, rootly: respx.MockRouter) -> None:
        assert self.read(rootly, violations={"open": 3}).extra == {"violations": {"open": 3}}

    def test_a_numeric_id_is_text(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=document({"id": 5, "type": "slas", "attributes": {"name": "n"}}))
        assert Mode("sync")(lambda slas: slas.get("5")).id == "5"

    @pytest.mark.parametrize("content_type", [JSON_API, f"{JSON_API}; charset=utf-8", "application/json", ""])
    def test_any_json_content_type_will_do(self, rootly: respx.MockRouter, content_type: str) -> None:
        rootly.route().mock(
            return_value=httpx.Response(200, content=json.dumps({"data": RESOURCE}), headers={"content-type": content_type})
        )
        assert Mode("sync")(lambda slas: slas.get(ID)) == FULL
