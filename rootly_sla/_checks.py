"""Every documented rule, tried before a request: all faults of a call in one :class:`~slo_common.InvalidArgument`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from rootly_sla._names import ATTRIBUTES, NULLABLE
from rootly_sla.models import (
    DEADLINE_DAYS,
    MAX_CONDITIONS,
    MAX_NOTIFICATIONS,
    Condition,
    ConditionProperty,
    ConditionType,
    MatchType,
    NotificationConfiguration,
    OffsetType,
    ParentStatus,
)
from slo_common._check import Problems, is_int
from slo_common._enums import OpenEnum
from slo_common._unset import UNSET

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_CONDITION_KEYS: Final = ("conditionable_type", "property", "operator", "values", "form_field_id", "position")
_NOTIFICATION_KEYS: Final = ("offset_type", "offset_days")
_ONE_MANAGER: Final = "allowed: exactly one of manager_role_id and manager_user_id"


def create_attributes(given: Mapping[str, object]) -> dict[str, object]:
    """The attributes of a create as JSON values, in the vendor's order; what is UNSET is left out, other names are passed over."""
    problems = Problems()
    attributes = _attributes(given, problems)
    role, user = given["manager_role_id"], given["manager_user_id"]
    if not any(manager is not None and manager is not UNSET for manager in (role, user)):
        problems.add(f"manager_role_id, manager_user_id: neither was given; {_ONE_MANAGER}")
    problems.raise_if_any()
    return attributes


def update_attributes(sla_id: object, given: Mapping[str, object]) -> dict[str, object]:
    """The attributes of an update as JSON values; None is sent as null, what is UNSET is left out."""
    problems = Problems()
    problems.identifier("sla_id", sla_id)
    attributes = _attributes(given, problems)
    if given["manager_role_id"] is None and given["manager_user_id"] is None:
        problems.add(f"manager_role_id, manager_user_id: both are cleared; {_ONE_MANAGER}")
    if not attributes and not problems.found:
        problems.add(f"changes: none was given; allowed: at least one of {', '.join(ATTRIBUTES)}")
    problems.raise_if_any()
    return attributes


def _attributes(given: Mapping[str, object], problems: Problems) -> dict[str, object]:
    sent = {name: given[name] for name in ATTRIBUTES if given[name] is not UNSET}
    for name, value in sent.items():
        if value is None and name not in NULLABLE and name not in ("conditions", "notification_configurations"):
            problems.add(f"{name}: None was given; allowed: a value, it cannot be cleared")
    present = {name: value for name, value in sent.items() if value is not None}
    _scalars(present, problems)
    if "manager_role_id" in present and "manager_user_id" in present:
        problems.add(f"manager_role_id, manager_user_id: both were given; {_ONE_MANAGER}")
    if "conditions" in sent:
        sent["conditions"] = _conditions(sent["conditions"], problems)
    if "notification_configurations" in sent:
        sent["notification_configurations"] = _notifications(sent["notification_configurations"], problems)
    return {name: str(value) if isinstance(value, OpenEnum) else value for name, value in sent.items()}


def _scalars(present: Mapping[str, object], problems: Problems) -> None:
    for name, value in present.items():
        if name == "name":
            problems.text(name, value)
        elif name == "description" and not isinstance(value, str):
            problems.add(f"{name}: {value!r} was given; allowed: a string, or None to clear it")
        elif name == "position" and not is_int(value):
            problems.add(f"{name}: {value!r} was given; allowed: a whole number")
        elif name == "condition_match_type":
            _enum(problems, name, value, MatchType)
        elif name == "manager_user_id":
            problems.integer(name, value, low=1)
        elif name.endswith("_deadline_days"):
            problems.one_of(name, value, DEADLINE_DAYS)
        elif name.endswith("_parent_status"):
            _enum(problems, name, value, ParentStatus)
        elif name.endswith("_skip_weekends") and not isinstance(value, bool):
            problems.add(f"{name}: {value!r} was given; allowed: True or False")
        elif name == "manager_role_id" or name.endswith("_sub_status_id"):
            _uuid(problems, name, value)


def _enum(problems: Problems, name: str, value: object, kind: type[OpenEnum]) -> None:
    """One of the documented values. A member of the enum itself passes whatever it says: a way around for values to come."""
    if not isinstance(value, kind):
        problems.one_of(name, value, tuple(kind))


def _uuid(problems: Problems, name: str, value: object) -> None:
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        problems.add(f"{name}: {value!r} was given; allowed: a UUID, such as '3f2a7c1e-5b0d-4c8e-9a6f-1d2e3c4b5a69'")


def _entries(name: str, value: object, most: int, problems: Problems) -> Sequence[object]:
    if value is None:
        return ()  # clears, as an empty list does
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        problems.add(f"{name}: a value of type {type(value).__name__} was given; allowed: a list of at most {most}")  # pyright: ignore[reportUnknownArgumentType]
        return ()
    entries = cast("Sequence[object]", value)
    if len(entries) > most:
        problems.add(f"{name}: {len(entries)} were given; allowed: at most {most}")
    return entries


def _members(place: str, entry: object, keys: tuple[str, ...], kind: type, problems: Problems) -> dict[str, object] | None:
    """An entry as the JSON object that it is sent as; None if it is neither of our class nor a mapping."""
    if isinstance(entry, kind):
        return {key: getattr(entry, key) for key in keys if getattr(entry, key) is not None}
    if not isinstance(entry, Mapping):
        problems.add(
            f"{place}: a value of type {type(entry).__name__} was given; allowed: a {kind.__name__} or a mapping with {', '.join(keys)}"
        )
        return None
    members = dict(cast("Mapping[str, object]", entry))
    for key in members:
        if key not in keys:
            problems.add(f"{place}.{key}: an unknown key was given; allowed: {', '.join(keys)}")
    return members


def _conditions(value: object, problems: Problems) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for i, entry in enumerate(_entries("conditions", value, MAX_CONDITIONS, problems)):
        members = _members(f"conditions[{i}]", entry, _CONDITION_KEYS, Condition, problems)
        if members is not None:
            out.append(_condition(f"conditions[{i}]", members, problems))
    return out


def _condition(place: str, members: dict[str, object], problems: Problems) -> dict[str, object]:
    kind = members.get("conditionable_type")
    _enum(problems, f"{place}.conditionable_type", kind, ConditionType)
    problems.text(f"{place}.operator", members.get("operator"))
    if kind == ConditionType.BUILT_IN_FIELD or members.get("property") is not None:
        _enum(problems, f"{place}.property", members.get("property"), ConditionProperty)
    if kind == ConditionType.CUSTOM_FIELD or members.get("form_field_id") is not None:
        _uuid(problems, f"{place}.form_field_id", members.get("form_field_id"))
    if "position" in members and not is_int(members["position"]):
        problems.add(f"{place}.position: {members['position']!r} was given; allowed: a whole number")
    values = members.get("values")
    if values is not None:
        members["values"] = _texts(f"{place}.values", values, problems)
    return {key: str(value) if isinstance(value, OpenEnum) else value for key, value in members.items()}


def _texts(place: str, values: object, problems: Problems) -> list[object]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        problems.add(f"{place}: {values!r} was given; allowed: a list of strings")
        return []
    items = list(cast("Sequence[object]", values))
    for j, item in enumerate(items):
        if not isinstance(item, str):
            problems.add(f"{place}[{j}]: {item!r} was given; allowed: a string")
    return items


def _notifications(value: object, problems: Problems) -> list[dict[str, object]]:
    out: list[dict[str, object]] = []
    for i, entry in enumerate(_entries("notification_configurations", value, MAX_NOTIFICATIONS, problems)):
        place = f"notification_configurations[{i}]"
        members = _members(place, entry, _NOTIFICATION_KEYS, NotificationConfiguration, problems)
        if members is None:
            continue
        kind, days = members.get("offset_type"), members.get("offset_days")
        _enum(problems, f"{place}.offset_type", kind, OffsetType)
        if kind == OffsetType.WHEN_DUE and is_int(days) and days != 0:
            problems.add(f"{place}.offset_days: {days!r} was given; allowed: 0, because offset_type is 'when_due'")
        else:
            problems.integer(f"{place}.offset_days", days, low=0)
        out.append({key: str(v) if isinstance(v, OpenEnum) else v for key, v in members.items()})
    return out
