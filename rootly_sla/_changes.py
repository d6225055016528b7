"""How an SLA differs from what it should be. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from attrs import frozen

from rootly_sla.models import Condition, NotificationConfiguration, Sla
from slo_common._enums import OpenEnum

_LISTS: Final = ("conditions", "notification_configurations")


@frozen(kw_only=True)
class FieldChange:
    """One attribute that is not as it should be. Values are as in the vendor's JSON."""

    name: str
    before: object
    after: object


def differences(desired: Mapping[str, object], sla: Sla) -> tuple[FieldChange, ...]:
    """The attributes of ``desired`` (those of a request, as JSON values) that the SLA does not have, in the vendor's order.

    What does not change how the SLA acts is no difference: the order of conditions that name no position, of notifications and of
    values, a position that is left to the server, False against a value that the server does not tell.
    """
    found: list[FieldChange] = []
    for name, after in complete(desired).items():
        before = _json(getattr(sla, name))
        if name in _LISTS:
            wanted = cast("Sequence[Mapping[str, object]]", after)
            held = cast("Sequence[Mapping[str, object]]", before)
            if not (wanted and all("position" in entry for entry in wanted)):
                wanted, held = _without_positions(wanted), _without_positions(held)
            before = held
            same = _comparable(wanted) == _comparable(held)
        else:
            same = before == after or (before is None and after is False) or (name == "position" and after is None)
        if not same:
            found.append(FieldChange(name=name, before=before, after=after))
    return tuple(found)


def complete(desired: Mapping[str, object]) -> dict[str, object]:
    """With the other manager cleared: an SLA has one, so naming one says that there is no other."""
    out = dict(desired)
    for named, other in (("manager_user_id", "manager_role_id"), ("manager_role_id", "manager_user_id")):
        if out.get(named) is not None:
            out.setdefault(other, None)
    return out


def _json(value: object) -> object:
    """A value of the model as the vendor's JSON has it, without what the server adds."""
    if isinstance(value, OpenEnum):
        return str(value)
    if not isinstance(value, tuple):
        return value
    entries = cast("tuple[Condition | NotificationConfiguration, ...]", value)
    return [
        _condition(e) if isinstance(e, Condition) else {"offset_type": _json(e.offset_type), "offset_days": e.offset_days}
        for e in entries
    ]


def _condition(condition: Condition) -> dict[str, object]:
    given = {
        "conditionable_type": _json(condition.conditionable_type),
        "property": _json(condition.property),
        "operator": _json(condition.operator),
        "values": None if condition.values is None else list(condition.values),
        "form_field_id": condition.form_field_id,
        "position": condition.position,
    }
    return {key: value for key, value in given.items() if value is not None}


def _without_positions(entries: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{key: value for key, value in entry.items() if key != "position"} for entry in entries]


def _comparable(entries: Sequence[Mapping[str, object]]) -> list[tuple[str, ...]]:
    """Entries in an order of their own, so that theirs does not count; nor does the order of values, or a null."""
    rows: list[tuple[str, ...]] = []
    for entry in entries:
        values = sorted(cast("Sequence[str]", entry.get("values") or ()))
        plain = {key: value for key, value in entry.items() if value is not None and key != "values"}
        rows.append((*(f"{key}={plain[key]}" for key in sorted(plain)), *values))
    return sorted(rows)
