"""Client, sandbox and the vendor's document cannot drift apart: every exchange is judged by the document.

The one table of deviations says where they differ and why; one that no longer occurs fails as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from attrs import fields, frozen

from rootly_sla import Condition, NotificationConfiguration, RootlySLA, Sla, SlaSpec
from rootly_sla._names import ATTRIBUTES
from rootly_sla.sandbox import LimitBody, Revision, RootlySandbox
from slo_common import NoRateLimiter, RetryPolicy, SloError
from slo_common.sandbox import Window
from tests.rootly.contract import DOCUMENT, complaints, strict
from tests.rootly.modes import TOKEN
from tests.rootly.rootly_requests import FIELD, ROLE, WANTED


@frozen
class Deviation:
    """A complaint that is expected, as a pattern, and why."""

    pattern: str
    reason: str


DEVIATIONS = (
    Deviation(r"\w+ status: 401 ", "an invalid token; the document declares it for create alone"),
    Deviation(r"\w+ status: 403 ", "the key's role lacks the permission; seen, declared nowhere"),
    Deviation(r"\w+ status: 429 ", "the rate limit; told in the document's prose, declared nowhere"),
    Deviation(
        r"(listSLAs|createSLA|updateSLA) status: 400 ", "a page beyond the maximum, seen on incidents; broken JSON is a guess"
    ),
    Deviation(r"updateSLA status: 422 ", "a validation error of a PUT; the document declares it for create alone"),
    Deviation(r"listSLAs status: 500 ", "a blank filter, as the vendor's own MCP server found"),
    Deviation(r"(create|update)SLA status: 415 ", "another content type, as the vendor's own MCP server found"),
    Deviation(
        r"createSLA 422 \.errors\[\]: Additional properties are not allowed \('source' was unexpected\)",
        "JSON:API's source.pointer, only when the sandbox is told to send it",
    ),
    Deviation(r"\w+ \d+ content type: application/json$", "the revision of June 2026"),
    Deviation(
        r"\w+ 20[01] \.data(\[\])?\.attributes: Additional properties are not allowed \('violations' was unexpected\)",
        "an attribute of a later revision, only when the sandbox is told to send it",
    ),
)


class Judge(httpx.BaseTransport):
    """Passes requests to a sandbox and holds every exchange against the document."""

    def __init__(self, sandbox: RootlySandbox, found: list[str]) -> None:
        self._inner = sandbox.transport()
        self._found = found

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        self._found += complaints(request, response)
        return response


CONDITIONS = [
    Condition.builtin("severity", "is_one_of", ["a"], position=2),
    Condition.builtin("cause", "is_set"),
    Condition.custom(FIELD, "contains", ["x"]),
]
NOTIFICATIONS = [NotificationConfiguration.before(2), NotificationConfiguration.when_due(), NotificationConfiguration.after(1)]
EVERYTHING: dict[str, Any] = {
    **WANTED,
    "description": "x",
    "position": 3,
    "condition_match_type": "ANY",
    "manager_role_id": None,
    "assignment_deadline_sub_status_id": ROLE,
    "assignment_skip_weekends": True,
    "completion_deadline_sub_status_id": None,
    "completion_skip_weekends": False,
    "conditions": CONDITIONS,
    "notification_configurations": NOTIFICATIONS,
}
FILTERS: dict[str, Any] = {
    "search": "x",
    **{f"created_at_{o}": 1_790_000_000 for o in ("gt", "gte", "lt", "lte")},
    **{f"{field}{o}": "x" for field in ("name", "slug") for o in ("", "_eq", "_not_eq")},
    **{f"{field}_{o}": ["x", "y"] for field in ("name", "slug") for o in ("in", "not_in")},
}


def good_life(rootly: RootlySLA) -> None:
    """Every operation with everything it takes."""
    created = rootly.slas.create(**EVERYTHING)
    rootly.slas.get(created.id)
    rootly.slas.update(created.id, conditions=created.conditions, notification_configurations=created.notification_configurations)
    rootly.slas.update(created.id, description=None, position=None, manager_user_id=None, manager_role_id=ROLE, conditions=None)
    list(rootly.slas.list(**FILTERS, sort=["-created_at", "name"], page_size=1))
    changed: dict[str, Any] = {**WANTED, "completion_deadline_days": 30}
    rootly.slas.ensure(**changed)
    arguments: dict[str, Any] = {**WANTED, "name": "another"}
    rootly.slas.apply(rootly.slas.plan([SlaSpec(**arguments)], delete_others=True))
    list(rootly.slas.list(page_size=1))


def judged(sandbox: RootlySandbox, found: list[str]) -> RootlySLA:
    """A client that neither repeats nor waits, and whose every exchange is judged."""
    once = RetryPolicy(attempts=1, rate_limit_retries=0)
    return RootlySLA(TOKEN, http=Judge(sandbox, found), retry=once, rate_limiter=NoRateLimiter())


def test_a_good_life_deviates_nowhere() -> None:
    found: list[str] = []
    with judged(RootlySandbox(), found) as rootly:
        good_life(rootly)
    assert found == []


@pytest.mark.parametrize("revision", [Revision.APRIL, Revision.JULY])
def test_nor_do_the_revisions_of_april_and_july(revision: Revision) -> None:
    found: list[str] = []
    with judged(RootlySandbox(revision=revision), found) as rootly:
        rootly.slas.get(rootly.slas.create(**EVERYTHING).id)
    assert found == []


def hard_life() -> Iterator[str]:
    """Every refusal that the sandbox knows, and every option that changes a reply's form."""
    found: list[str] = []
    none = Window(limit=0, seconds=60)
    known = RootlySandbox(user_ids=[7])
    known_id = known.add(**WANTED)
    worlds = (
        RootlySandbox(tokens=[]),
        RootlySandbox(tokens={TOKEN: []}),
        RootlySandbox(reads=none, writes=none),
        RootlySandbox(reads=none, writes=none, limit_body=LimitBody.ERRORS),
        known,
        RootlySandbox(pointers=True, user_ids=[]),
        RootlySandbox(revision=Revision.JUNE),
        RootlySandbox(extra_attributes={"violations": 3}),
    )
    for sandbox in worlds:
        with judged(sandbox, found) as rootly:
            operations = (
                lambda rootly=rootly: list(rootly.slas.list()),
                lambda rootly=rootly: rootly.slas.get("nope"),
                lambda rootly=rootly: rootly.slas.get(rootly.slas.create(**EVERYTHING).id),
                lambda rootly=rootly: rootly.slas.update(known_id, manager_user_id=99),
                lambda rootly=rootly: rootly.slas.delete("nope"),
            )
            for operation in operations:
                try:
                    operation()
                except SloError:
                    continue
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/vnd.api+json"}
    with httpx.Client(transport=Judge(known, found), base_url="https://api.rootly.com", headers=headers) as raw:
        raw.get("/v1/slas", params={"page[size]": "101"})
        raw.get("/v1/slas", params={"filter[name]": ""})
        for method, path in (("POST", "/v1/slas"), ("PUT", f"/v1/slas/{known_id}")):
            raw.request(method, path, content=b"")
    yield from found


def test_every_deviation_is_in_the_table() -> None:
    assert [line for line in hard_life() if not any(re.match(d.pattern, line) for d in DEVIATIONS)] == []


def test_every_line_of_the_table_still_occurs() -> None:
    found = [*hard_life(), *wrong_content_type()]
    assert [d.pattern for d in DEVIATIONS if not any(re.match(d.pattern, line) for line in found)] == []


def wrong_content_type() -> Iterator[str]:
    found: list[str] = []
    with httpx.Client(transport=Judge(RootlySandbox(), found), base_url="https://api.rootly.com") as raw:
        raw.post("/v1/slas", headers={"authorization": f"Bearer {TOKEN}", "content-type": ""})
    yield from found


class TestTheJudge:
    """A judge that never complains would prove nothing."""

    def exchange(self, *, sent: dict[str, Any] | None = None, body: dict[str, Any] | None = None, query: str = "") -> list[str]:
        content_type = {"content-type": "application/vnd.api+json"}
        method = "GET" if sent is None else "POST"
        request = httpx.Request(method, f"https://x/v1/slas{query}", json=sent, headers=content_type)
        status = 200 if sent is None else 201
        return list(complaints(request, httpx.Response(status, json=body, headers=content_type)))

    def test_sees_an_extra_key_deep_in_a_request(self) -> None:
        sent = {
            "data": {
                "type": "slas",
                "attributes": {**WANTED, "conditions": [{"conditionable_type": "x", "operator": "y", "mood": 1}]},
            }
        }
        found = self.exchange(sent=sent, body={"data": {}})
        assert any(line.startswith("createSLA request .data.attributes.conditions[]: Additional properties") for line in found)

    def test_sees_a_value_outside_an_enum(self) -> None:
        sent = {"data": {"type": "slas", "attributes": {**WANTED, "assignment_deadline_days": 8}}}
        assert any("8 is not one of" in line for line in self.exchange(sent=sent, body={"data": {}}))

    def test_sees_what_is_missing_from_a_reply(self) -> None:
        assert "listSLAs 200 $: 'meta' is a required property" in self.exchange(body={"data": [], "links": {}})

    def test_sees_an_undeclared_query_parameter(self) -> None:
        assert "listSLAs query include: is not declared" in self.exchange(query="?include=x", body={})

    def test_sees_a_page_number_that_is_none(self) -> None:
        assert "listSLAs query page[number]: 'x' is no integer" in self.exchange(query="?page[number]=x", body={})

    def test_takes_null_only_where_it_may_be(self) -> None:
        schema = strict({"type": "object", "properties": {"a": {"type": "string", "enum": ["x"], "nullable": True}}})
        assert schema["properties"]["a"] == {"type": ["string", "null"], "enum": ["x", None]}

    def test_knows_every_operation_of_the_document(self) -> None:
        ids: set[str] = {op["operationId"] for path in DOCUMENT["paths"].values() for op in path.values() if "operationId" in op}
        assert ids == {"listSLAs", "createSLA", "getSLA", "updateSLA", "deleteSLA"}


def test_every_attribute_of_the_document_is_in_our_models() -> None:
    create = DOCUMENT["paths"]["/v1/slas"]["post"]
    sent = create["requestBody"]["content"]["application/vnd.api+json"]["schema"]
    answer = create["responses"]["201"]["content"]["application/vnd.api+json"]["schema"]
    requested = set(sent["properties"]["data"]["properties"]["attributes"]["properties"])
    replied = set(strict(answer)["properties"]["data"]["properties"]["attributes"]["properties"])
    assert requested - {"slug"} == set(ATTRIBUTES), "slug is deprecated and ignored by the vendor"
    assert replied == {f.name for f in fields(Sla)} - {"id", "extra"}
