"""What the wire tests share: one SLA as the vendor sends it and as a model, and every operation with what it must send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from rootly_sla import (
    Condition,
    ConditionProperty,
    ConditionType,
    EntityType,
    MatchType,
    NotificationConfiguration,
    OffsetType,
    Operator,
    ParentStatus,
    Sla,
)
from slo_common import (
    RetryPolicy,
)

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


def document(data: object = RESOURCE, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"data": data, **more}, headers={"content-type": JSON_API})


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
