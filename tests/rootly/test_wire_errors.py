"""What every bad answer becomes: errors in both bodies, documents of another shape, refused SLAs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from rootly_sla import (
    NameTaken,
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
    ServerError,
    ServiceUnavailable,
    UnexpectedContent,
    UnexpectedRedirect,
    UnsupportedMediaType,
    ValidationFailed,
)
from tests.rootly.modes import Mode, all_modes
from tests.rootly.wire import EMPTY, ID, ONCE, OPERATIONS, RESOURCE, WANTED


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
            ("https://login.example/secret?token=1", "points to https://login.example$"),
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
