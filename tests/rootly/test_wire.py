"""What goes on the wire, byte for byte, and what every answer becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
import respx

from rootly_sla import (
    Condition,
    ConditionProperty,
    ConditionType,
    EntityType,
    MatchType,
    NameTaken,
    NotificationConfiguration,
    OffsetType,
    Operator,
    ParentStatus,
    Sla,
    SlaRefused,
)
from slo_common import (
    ApiError,
    AuthenticationError,
    BadRequest,
    Conflict,
    DecodeError,
    InvalidArgument,
    MalformedResponse,
    NotFound,
    OperationGone,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RetryPolicy,
    ServerError,
    ServiceUnavailable,
    UnexpectedContent,
    UnexpectedRedirect,
    UnsupportedMediaType,
    ValidationFailed,
)
from tests.rootly.modes import Mode, all_modes

URL = "https://api.rootly.com"
ID = "0b9e6c1e-7f0e-4c39-b5a4-5d3f7a0c9d21"
ROLE = "11111111-2222-4333-8444-555555555555"
FIELD = "99999999-2222-4333-8444-555555555555"
JSON_API = "application/vnd.api+json"
EMPTY: dict[str, object] = {}
ONCE = RetryPolicy(attempts=1, rate_limit_retries=0)

WANTED: dict[str, Any] = {
    "name": "Sev1 follow-ups",
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "resolved",
    "manager_user_id": 7,
}
ATTRIBUTES: dict[str, Any] = {
    "slug": "sev1-follow-ups",
    "name": "Sev1 follow-ups",
    "description": "All of them",
    "position": 2,
    "entity_type": "follow_up",
    "condition_match_type": "ANY",
    "manager_role_id": None,
    "manager_user_id": 7,
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "assignment_deadline_sub_status_id": None,
    "assignment_skip_weekends": True,
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "closed",
    "completion_deadline_sub_status_id": ROLE,
    "completion_skip_weekends": False,
    "conditions": [
        {
            "id": "c2",
            "position": 2,
            "conditionable_type": "SLAs::CustomFieldCondition",
            "property": None,
            "operator": "is_set",
            "values": None,
            "form_field_id": FIELD,
        },
        {
            "id": "c1",
            "position": 1,
            "conditionable_type": "SLAs::BuiltInFieldCondition",
            "property": "severity",
            "operator": "is_one_of",
            "values": ["s1"],
            "form_field_id": None,
        },
    ],
    "notification_configurations": [
        {
            "id": "n1",
            "offset_type": "before_due",
            "offset_days": 2,
            "created_at": "2026-10-06T12:14:05.000-07:00",
            "updated_at": "2026-10-06T19:14:05Z",
        }
    ],
    "created_at": "2026-10-06T12:14:05.000-07:00",
    "updated_at": "2026-10-06T19:14:05Z",
}
RESOURCE = {"id": ID, "type": "slas", "attributes": ATTRIBUTES}
MOMENT = datetime(2026, 10, 6, 19, 14, 5, tzinfo=UTC)
FULL = Sla(
    id=ID,
    name="Sev1 follow-ups",
    slug="sev1-follow-ups",
    description="All of them",
    position=2,
    entity_type=EntityType.FOLLOW_UP,
    condition_match_type=MatchType.ANY,
    manager_user_id=7,
    assignment_deadline_days=1,
    assignment_deadline_parent_status=ParentStatus.RESOLVED,
    assignment_skip_weekends=True,
    completion_deadline_days=14,
    completion_deadline_parent_status=ParentStatus.CLOSED,
    completion_deadline_sub_status_id=ROLE,
    completion_skip_weekends=False,
    conditions=(
        Condition(
            id="c1",
            position=1,
            conditionable_type=ConditionType.BUILT_IN_FIELD,
            property=ConditionProperty.SEVERITY,
            operator=Operator.IS_ONE_OF,
            values=("s1",),
        ),
        Condition(
            id="c2", position=2, conditionable_type=ConditionType.CUSTOM_FIELD, operator=Operator.IS_SET, form_field_id=FIELD
        ),
    ),
    notification_configurations=(
        NotificationConfiguration(id="n1", offset_type=OffsetType.BEFORE_DUE, offset_days=2, created_at=MOMENT, updated_at=MOMENT),
    ),
    created_at=MOMENT,
    updated_at=MOMENT,
)


@pytest.fixture
def rootly() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def document(data: object = RESOURCE, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"data": data, **more}, headers={"content-type": JSON_API})


def last(rootly: respx.MockRouter) -> httpx.Request:
    request: httpx.Request = rootly.calls.last.request
    return request


OPERATIONS: dict[str, tuple[Callable[[Any], Any], str, str, object]] = {
    "list": (lambda slas: slas.list(), "GET", "/v1/slas?page%5Bnumber%5D=1&page%5Bsize%5D=100", None),
    "get": (lambda slas: slas.get(ID), "GET", f"/v1/slas/{ID}", None),
    "create": (lambda slas: slas.create(**WANTED), "POST", "/v1/slas", WANTED),
    "update": (
        lambda slas: slas.update(ID, description=None, completion_skip_weekends=False),
        "PUT",
        f"/v1/slas/{ID}",
        {"description": None, "completion_skip_weekends": False},
    ),
    "delete": (lambda slas: slas.delete(ID), "DELETE", f"/v1/slas/{ID}", None),
}


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


class TestBadReplies:
    def fail(self, rootly: respx.MockRouter, body: object, operation: Callable[[Any], Any] = lambda slas: slas.get(ID)) -> Any:
        rootly.route().mock(return_value=httpx.Response(200, json=body, headers={"x-request-id": "req-1"}))
        with pytest.raises(DecodeError) as caught:
            Mode("sync")(operation, retry=ONCE)
        return caught.value

    def test_every_bad_field_is_named(self, rootly: respx.MockRouter) -> None:
        attributes = {
            "name": None,
            "position": "3",
            "assignment_skip_weekends": "no",
            "created_at": "soon",
            "conditions": [{"values": [1]}],
        }
        error = self.fail(rootly, {"data": {**RESOURCE, "attributes": attributes}})
        root = "$.data.attributes"
        assert set(error.paths) == {
            f"{root}.name",
            f"{root}.position",
            f"{root}.assignment_skip_weekends",
            f"{root}.created_at",
            f"{root}.conditions[0].values[0]",
        }
        assert error.request_id == "req-1"

    def test_in_a_list_every_bad_field_of_the_page_is_named(self, rootly: respx.MockRouter) -> None:
        bad = {"id": "2", "type": "slas", "attributes": {"name": 2}}
        worse = {"id": "3", "type": "slas", "attributes": {"name": "n", "conditions": EMPTY}}
        error = self.fail(rootly, {"data": [RESOURCE, bad, worse]}, lambda slas: slas.list())
        assert error.paths == ("$.data[1].attributes.name", "$.data[2].attributes.conditions")

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ([], "$"),
            ({}, "$.data"),
            ({"data": [RESOURCE]}, "$.data"),
            ({"data": {"type": "slas"}}, "$.data.id"),
            ({"data": {**RESOURCE, "type": "teams"}}, "$.data.type"),
            ({"data": {**RESOURCE, "attributes": []}}, "$.data.attributes"),
        ],
    )
    def test_a_document_of_another_shape_is_named_by_path(self, rootly: respx.MockRouter, body: object, path: str) -> None:
        assert self.fail(rootly, body).paths == (path,)

    def test_one_where_a_list_belongs(self, rootly: respx.MockRouter) -> None:
        assert self.fail(rootly, {"data": RESOURCE}, lambda slas: slas.list()).paths == ("$.data",)

    @pytest.mark.parametrize(
        ("body", "kind"), [(b"{", MalformedResponse), (b"", MalformedResponse), (b"<html>", UnexpectedContent)]
    )
    def test_no_json(self, rootly: respx.MockRouter, body: bytes, kind: type[MalformedResponse]) -> None:
        rootly.route().mock(return_value=httpx.Response(200, content=body))
        with pytest.raises(kind):
            Mode("sync")(lambda slas: slas.get(ID), retry=ONCE)

    def test_errors_within_a_200_are_errors(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=httpx.Response(200, json={"errors": [{"title": "odd"}]}))
        with pytest.raises(ApiError, match="HTTP 200: odd"):
            Mode("sync")(lambda slas: slas.get(ID))


STATUSES: list[tuple[int, type[ApiError]]] = [
    (400, BadRequest),
    (401, AuthenticationError),
    (403, PermissionDenied),
    (404, NotFound),
    (409, Conflict),
    (410, OperationGone),
    (415, UnsupportedMediaType),
    (418, ApiError),
    (422, SlaRefused),
    (429, RateLimited),
    (500, ServerError),
    (501, ServerError),
    (503, ServiceUnavailable),
    (520, ServerError),
]
BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "errors": (
        {"json": {"errors": [{"title": "Nope", "status": "4xx", "detail": "Because of that", "code": "e7"}]}},
        "Nope: Because of that",
    ),
    "titles": ({"json": {"errors": [{"title": "First", "status": "1"}, {"title": "Second", "status": "2"}]}}, "First; Second"),
    "error": ({"json": {"error": "Rate limit exceeded. Try again later."}}, "Rate limit exceeded. Try again later."),
    "html": ({"html": "<html>Bad gateway</html>"}, "no reason given"),
    "empty": ({"content": b""}, "no reason given"),
}


class TestErrors:
    @all_modes
    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize(("status", "kind"), STATUSES)
    def test_every_status_with_every_body(
        self, mode: Mode, rootly: respx.MockRouter, status: int, kind: type[ApiError], body: str
    ) -> None:
        content, text = BODIES[body]
        rootly.route().mock(return_value=httpx.Response(status, headers={"x-request-id": "req-9"}, **content))
        with pytest.raises(ApiError) as caught:
            mode(lambda slas: slas.get(ID), retry=ONCE)
        error = caught.value
        assert type(error) is kind
        assert (error.status, error.request_id, error.call) == (status, "req-9", "rootly.slas.get")
        assert f"rootly.slas.get {ID!r}: HTTP {status}: {text}" in str(error)

    @pytest.mark.parametrize("name", [n for n in OPERATIONS if n != "create"])
    @pytest.mark.parametrize(("status", "kind"), STATUSES)
    def test_every_operation(self, rootly: respx.MockRouter, name: str, status: int, kind: type[ApiError]) -> None:
        rootly.route().mock(return_value=httpx.Response(status, json={"errors": [{"title": "x"}]}))
        with pytest.raises(kind):
            Mode("sync")(OPERATIONS[name][0], retry=ONCE)

    @pytest.mark.parametrize(("status", "kind"), [*((s, k) for s, k in STATUSES), (502, OutcomeUnknown), (504, OutcomeUnknown)])
    def test_a_create(self, rootly: respx.MockRouter, status: int, kind: type[Exception]) -> None:
        rootly.route().mock(return_value=httpx.Response(status, json={"errors": [{"title": "x"}]}))
        with pytest.raises(kind):
            Mode("sync")(OPERATIONS["create"][0], retry=ONCE)

    def test_error_details_keep_the_vendors_members(self, rootly: respx.MockRouter) -> None:
        rootly.route().mock(return_value=httpx.Response(403, **BODIES["errors"][0]))
        with pytest.raises(PermissionDenied) as caught:
            Mode("sync")(lambda slas: slas.get(ID))
        (detail,) = caught.value.errors
        assert (detail.title, detail.detail, detail.code, detail.status) == ("Nope", "Because of that", "e7", "4xx")

    @pytest.mark.parametrize(("status", "hint"), [(401, "ROOTLY_API_TOKEN"), (403, "permission for SLAs"), (415, "content type")])
    def test_hints(self, rootly: respx.MockRouter, status: int, hint: str) -> None:
        rootly.route().mock(return_value=httpx.Response(status))
        with pytest.raises(ApiError, match=hint):
            Mode("sync")(lambda slas: slas.get(ID), retry=ONCE)

    @pytest.mark.parametrize(
        ("location", "text"),
        [
            ("https://login.example/secret?token=1", "points to https://login.example:443"),
            ("/login", "Redirects are not followed$"),
            ("", "Redirects are not followed$"),
            ("https://[bad", "Redirects are not followed$"),
        ],
    )
    def test_a_redirect_is_not_followed_and_its_path_not_told(self, rootly: respx.MockRouter, location: str, text: str) -> None:
        rootly.route().mock(return_value=httpx.Response(302, headers={"location": location} if location else {}))
        with pytest.raises(UnexpectedRedirect, match=text) as caught:
            Mode("sync")(lambda slas: slas.get(ID), retry=ONCE)
        assert "secret" not in str(caught.value)
        assert rootly.calls.call_count == 1

    def test_a_429_tells_when(self, rootly: respx.MockRouter) -> None:
        headers = {"x-ratelimit-reset": "1791314045", "date": "Tue, 06 Oct 2026 19:13:35 GMT"}
        rootly.route().mock(return_value=httpx.Response(429, json={"error": "later"}, headers=headers))
        with pytest.raises(RateLimited) as caught:
            Mode("sync")(lambda slas: slas.get(ID), retry=ONCE)
        assert caught.value.retry_after == 30


class TestRefusedSlas:
    def refuse(self, rootly: respx.MockRouter, *errors: dict[str, Any]) -> SlaRefused:
        rootly.route().mock(return_value=httpx.Response(422, json={"errors": list(errors)}))
        with pytest.raises(SlaRefused) as caught:
            Mode("sync")(lambda slas: slas.create(**WANTED))
        return caught.value

    def test_looks_like_our_own_checks(self, rootly: respx.MockRouter) -> None:
        pointer = {"pointer": "/data/attributes/conditions/3/operator"}
        error = self.refuse(
            rootly,
            {"title": "is not known", "status": "422", "source": pointer},
            {"title": "Completion deadline days is not included in the list", "status": "422"},
            {"title": "Manager user must exist", "status": "422"},
            {"title": "Something else", "status": "422"},
        )
        assert isinstance(error, InvalidArgument)
        assert isinstance(error, ValidationFailed)
        assert isinstance(error, ValueError)
        assert error.problems == (
            "conditions[3].operator: is not known",
            "completion_deadline_days: Completion deadline days is not included in the list",
            "manager_user_id: Manager user must exist",
            "Something else",
        )

    def test_without_a_body_there_is_still_a_problem(self, rootly: respx.MockRouter) -> None:
        assert self.refuse(rootly).problems == ("rootly.slas.create 'Sev1 follow-ups': HTTP 422: no reason given",)

    @pytest.mark.parametrize(
        "entry",
        [
            {"title": "Name has already been taken"},
            {"title": "Invalid", "detail": "has already been taken", "source": {"pointer": "/data/attributes/name"}},
            {"title": "Invalid", "code": "taken", "source": {"pointer": "/data/attributes/name"}},
        ],
    )
    def test_a_taken_name_has_its_own_class(self, rootly: respx.MockRouter, entry: dict[str, Any]) -> None:
        assert type(self.refuse(rootly, entry)) is NameTaken

    @pytest.mark.parametrize(
        "entries",
        [[{"title": "Slug has already been taken"}], [{"title": "Name has already been taken"}, {"title": "Position is invalid"}]],
    )
    def test_other_refusals_have_not(self, rootly: respx.MockRouter, entries: list[dict[str, Any]]) -> None:
        assert type(self.refuse(rootly, *entries)) is SlaRefused
