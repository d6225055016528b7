"""What ``*.get`` methods share: tag conditions, filters, searches, sorting, limits, and the shapes of ``output`` and ``select*``."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from zabbix_sla._sandbox_rules import (
    INT32_MAX,
    JsonObject,
    Rule,
    boolean,
    filter_of,
    flag,
    int32,
    nullable,
    objects,
    one_object,
    sort_order,
    strings,
    text,
)
from zabbix_sla._sandbox_store import Tag

TAG_CONDITION: Final = one_object(
    {"tag": (text(), True), "value": (text(), False), "operator": (int32(choices=(0, 1, 2, 3, 4, 5)), False)},
)


def common_fields(sortable: Sequence[str], filtered: Sequence[str], searched: Sequence[str]) -> dict[str, tuple[Rule, bool]]:
    """The parameters that every ``get`` has."""
    rules: dict[str, Rule] = {
        "evaltype": int32(choices=(0, 2)),
        "filter": nullable(filter_of(filtered)),
        "search": nullable(filter_of(searched)),
        "searchByAny": boolean,
        "startSearch": flag,
        "excludeSearch": flag,
        "searchWildcardsEnabled": boolean,
        "countOutput": flag,
        "sortfield": strings(sortable),
        "sortorder": sort_order,
        "limit": nullable(int32(low=1, high=INT32_MAX)),
        "editable": boolean,
        "preservekeys": boolean,
    }
    return {name: (rule, False) for name, rule in rules.items()}


TAG_CONDITIONS: Final = objects(TAG_CONDITION)


def tags_match(tags: Sequence[Tag], conditions: Sequence[JsonObject], evaltype: int) -> bool:
    """With ``evaltype`` 0 conditions on the same tag name are alternatives and all names must hold; with 2 one is enough."""
    held = [_condition(tags, c) for c in conditions]
    if evaltype == 2 or not conditions:
        return any(held) or not conditions
    names = {c["tag"] for c in conditions}
    return all(any(h for h, c in zip(held, conditions, strict=True) if c["tag"] == name) for name in names)


def _condition(tags: Sequence[Tag], condition: JsonObject) -> bool:
    wanted = cast(str, condition.get("value", "")).lower()
    operator = cast(int, condition.get("operator", 0))
    values = [t.value for t in tags if t.tag == condition["tag"]]
    if operator in (4, 5):
        return bool(values) == (operator == 4)
    if operator in (1, 3):
        return any(v == condition.get("value", "") for v in values) == (operator == 1)
    return any(wanted in v.lower() for v in values) == (operator == 0)


def narrowed(rows: Iterable[JsonObject], asked: JsonObject, key: str) -> list[JsonObject]:
    """Filter, search, sort and limit. ``rows`` hold every column as the text that the server shows."""
    found = [r for r in rows if _filtered(r, asked.get("filter")) and _searched(r, asked)]
    fields = cast(list[str], asked.get("sortfield", []))
    orders = cast(list[str], asked.get("sortorder", []))
    for index, name in reversed(list(enumerate(fields))):
        order = orders[index] if index < len(orders) else (orders[0] if len(orders) == 1 else "ASC")
        found.sort(key=lambda row: _sort_key(row, name, key), reverse=order == "DESC")
    limit = asked.get("limit")
    return found[: cast(int, limit)] if limit is not None else found


def _sort_key(row: JsonObject, name: str, key: str) -> tuple[float, str]:
    value = str(row[name])
    numeric = name in {key, "period", "slo", "effective_date", "status", "sortorder", "created_at"}
    return (float(value) if numeric else 0.0, value)


def _filtered(row: JsonObject, wanted: object) -> bool:
    if wanted is None:
        return True
    conditions = cast(Mapping[str, list[str] | None], wanted)
    return all(values is None or any(_same(str(row[name]), v) for v in values) for name, values in conditions.items())


def _same(held: str, wanted: str) -> bool:
    try:
        return float(held) == float(wanted)
    except ValueError:
        return held == wanted


def _searched(row: JsonObject, asked: JsonObject) -> bool:
    wanted = cast(Mapping[str, list[str] | None], asked.get("search") or {})
    hits = [_found(str(row[name]), v, asked) for name, values in wanted.items() for v in values or []]
    if not hits:
        return True
    hit = any(hits) if asked.get("searchByAny") else all(hits)
    return hit != bool(asked.get("excludeSearch"))


def _found(held: str, wanted: str, asked: JsonObject) -> bool:
    text_, part = held.lower(), wanted.lower()
    if asked.get("searchWildcardsEnabled"):
        return fnmatch.fnmatchcase(text_, part.replace("[", "[[]").replace("?", "[?]"))
    return text_.startswith(part) if asked.get("startSearch") else part in text_


def picked(row: Mapping[str, object], wanted: object) -> object:
    """The columns asked for. PHP has no empty object: without a column it is an empty list."""
    if wanted is None or wanted == "extend":
        return dict(row)
    names = cast(list[str], wanted)
    return {name: value for name, value in row.items() if name in names} or []


def related(rows: Sequence[Mapping[str, object]], wanted: object) -> object:
    """Sub-objects as ``select*`` shapes them: whole, some columns, or a count that is a text."""
    return str(len(rows)) if wanted == "count" else [picked(r, wanted) for r in rows]


def answered(rows: Mapping[str, object], asked: JsonObject) -> object:
    """The result: a list, an object by id with ``preservekeys`` (a list when empty, being PHP), or a count that is a text."""
    if asked.get("countOutput"):
        return str(len(rows))
    return dict(rows) if asked.get("preservekeys") and rows else list(rows.values())
