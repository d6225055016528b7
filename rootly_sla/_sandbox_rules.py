"""What the sandbox's Rootly accepts in an SLA: the documented rules, and the vendor's way of saying no.

Attributes it does not know are ignored, as the vendor was seen to do with ``entity_type`` and ``slug``. The texts follow Rails, in
which Rootly is written; only "Name has already been taken" was seen, so the others are a guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import cast

from attrs import frozen

from rootly_sla._names import NULLABLE, REQUIRED, human
from rootly_sla.models import (
    DEADLINE_DAYS,
    MAX_CONDITIONS,
    MAX_NOTIFICATIONS,
    ConditionProperty,
    ConditionType,
    MatchType,
    OffsetType,
    ParentStatus,
)

DEFAULTS: Mapping[str, object] = {
    "description": None,
    "position": None,
    # The defaults of the next three are said nowhere: a guess.
    "condition_match_type": "ALL",
    "assignment_skip_weekends": False,
    "completion_skip_weekends": False,
    "manager_role_id": None,
    "manager_user_id": None,
    "assignment_deadline_sub_status_id": None,
    "completion_deadline_sub_status_id": None,
    "conditions": [],
    "notification_configurations": [],
}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@frozen
class Refusal:
    """One thing that the server does not accept: where in ``attributes``, and its words."""

    place: str
    """A JSON pointer below ``/data/attributes``, without a leading slash."""
    text: str


@frozen(kw_only=True)
class Team:
    """What is particular to the team that a key belongs to. None: whatever is named exists."""

    custom_statuses: bool = False
    user_ids: Collection[int] | None = None
    role_ids: Collection[str] | None = None


def refusals(sla: Mapping[str, object], team: Team) -> Iterator[Refusal]:
    """Everything that is wrong with an SLA as it would be stored; uniqueness of the name is the store's matter."""
    for name in REQUIRED:
        if sla.get(name) in (None, ""):
            yield Refusal(name, f"{human(name)} can't be blank")
    yield from _plain(sla)
    yield from _managers(sla, team)
    for which in ("assignment", "completion"):
        yield from _deadline(sla, which, team)
    yield from _many(sla, "conditions", MAX_CONDITIONS)
    for i, condition in enumerate(_objects(sla.get("conditions"))):
        yield from _condition(condition, f"conditions/{i}", team)
    yield from _many(sla, "notification_configurations", MAX_NOTIFICATIONS)
    for i, notification in enumerate(_objects(sla.get("notification_configurations"))):
        yield from _notification(notification, f"notification_configurations/{i}")


def _plain(sla: Mapping[str, object]) -> Iterator[Refusal]:
    for name, kind in (
        ("name", str),
        ("description", str),
        ("position", int),
        ("assignment_skip_weekends", bool),
        ("completion_skip_weekends", bool),
    ):
        value = sla.get(name)
        if value is None:
            if name not in NULLABLE and name not in REQUIRED:
                yield Refusal(name, f"{human(name)} can't be blank")
        elif type(value) is not kind:
            yield Refusal(name, f"{human(name)} is invalid")
    if sla.get("condition_match_type") not in tuple(MatchType):
        yield Refusal("condition_match_type", "Condition match type is not included in the list")


def _managers(sla: Mapping[str, object], team: Team) -> Iterator[Refusal]:
    role, user = sla.get("manager_role_id"), sla.get("manager_user_id")
    if (role is None) == (user is None):
        yield Refusal("manager_role_id", "Exactly one of manager role or manager user must be provided")
    if role is not None and (not _is_uuid(role) or (team.role_ids is not None and role not in team.role_ids)):
        yield Refusal("manager_role_id", "Manager role must exist")
    if user is not None and (type(user) is not int or (team.user_ids is not None and user not in team.user_ids)):
        yield Refusal("manager_user_id", "Manager user must exist")


def _deadline(sla: Mapping[str, object], which: str, team: Team) -> Iterator[Refusal]:
    days, status, sub = f"{which}_deadline_days", f"{which}_deadline_parent_status", f"{which}_deadline_sub_status_id"
    value = sla.get(days)
    if value is not None and (type(value) is not int or value not in DEADLINE_DAYS):
        yield Refusal(days, f"{human(days)} is not included in the list")
    if sla.get(status) not in (None, "", *ParentStatus):
        yield Refusal(status, f"{human(status)} is not included in the list")
    if sla.get(sub) is not None and not _is_uuid(sla.get(sub)):
        yield Refusal(sub, f"{human(sub)} must exist")
    if sla.get(sub) is None and team.custom_statuses:
        yield Refusal(sub, f"{human(sub)} can't be blank")


def _many(sla: Mapping[str, object], name: str, most: int) -> Iterator[Refusal]:
    value = sla.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[object]", value)):
        yield Refusal(name, f"{human(name)} is invalid")
    elif len(cast("list[object]", value)) > most:
        yield Refusal(name, f"{human(name)} is too long (maximum is {most})")


def _condition(condition: Mapping[str, object], place: str, team: Team) -> Iterator[Refusal]:
    kind, values = condition.get("conditionable_type"), condition.get("values")
    if kind not in tuple(ConditionType):
        yield Refusal(f"{place}/conditionable_type", "Conditions conditionable type is not included in the list")
    if not isinstance(condition.get("operator"), str) or not condition.get("operator"):
        yield Refusal(f"{place}/operator", "Conditions operator can't be blank")
    if values is not None and (not isinstance(values, list) or not all(isinstance(v, str) for v in cast("list[object]", values))):
        yield Refusal(f"{place}/values", "Conditions values is invalid")
    if kind == ConditionType.BUILT_IN_FIELD:
        unfit = ConditionProperty.STATUS if team.custom_statuses else ConditionProperty.SUB_STATUS
        if condition.get("property") not in tuple(ConditionProperty):
            yield Refusal(f"{place}/property", "Conditions property is not included in the list")
        elif condition.get("property") == unfit:
            yield Refusal(f"{place}/property", f"Conditions property {unfit} cannot be used by this team")
    if kind == ConditionType.CUSTOM_FIELD and not _is_uuid(condition.get("form_field_id")):
        yield Refusal(f"{place}/form_field_id", "Conditions form field must exist")


def _notification(notification: Mapping[str, object], place: str) -> Iterator[Refusal]:
    kind, days = notification.get("offset_type"), notification.get("offset_days")
    if kind not in tuple(OffsetType):
        yield Refusal(f"{place}/offset_type", "Notification configurations offset type is not included in the list")
    if type(days) is not int or days < 0:
        yield Refusal(f"{place}/offset_days", "Notification configurations offset days is invalid")
    elif kind == OffsetType.WHEN_DUE and days != 0:
        yield Refusal(f"{place}/offset_days", "Notification configurations offset days must be 0 for when_due")


def _objects(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        return []
    return [cast("dict[str, object]", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
