"""The ``service.*`` methods of a sandboxed Zabbix."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from zabbix_sla._sandbox_periods import MAX_DATE, Span
from zabbix_sla._sandbox_query import TAG_CONDITIONS, answered, common_fields, narrowed, picked, related, tags_match
from zabbix_sla._sandbox_rules import (
    JsonObject,
    Kind,
    Refusal,
    Rule,
    boolean,
    ids,
    ids_to_delete,
    int32,
    invalid,
    nullable,
    objects,
    one_id,
    one_object,
    output,
    text,
)
from zabbix_sla._sandbox_slas import NO_OBJECT
from zabbix_sla._sandbox_store import Role, ServiceRow, Statuses, StatusRule, Store, Tag, TagMatch

COLUMNS: Final = (
    "serviceid",
    "uuid",
    "name",
    "status",
    "algorithm",
    "sortorder",
    "weight",
    "propagation_rule",
    "propagation_value",
    "description",
    "created_at",
    "readonly",
)
_SORTABLE: Final = ("serviceid", "name", "status", "sortorder", "created_at")
_FILTERED: Final = ("uuid", "serviceid", "name", "status", "algorithm")
_PERCENT_RULES: Final = (1, 3, 5, 7)
_UUID4: Final = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")

_tag: Final = text(empty=False, length=255)
_value: Final = text(length=255)
_LINKS: Final = objects(one_object({"serviceid": (one_id, True)}), unique=[["serviceid"]])
_STATUS_RULE: Final = one_object(
    {
        "type": (int32(choices=tuple(range(8))), True),
        "limit_value": (int32(low=1, high=1_000_000), True),
        "limit_status": (int32(choices=(-1, 0, 1, 2, 3, 4, 5)), True),
        "new_status": (int32(choices=(0, 1, 2, 3, 4, 5)), True),
    }
)


def _status_rule(value: object, path: str) -> object:
    rule = cast(JsonObject, _STATUS_RULE(value, path))
    if rule["type"] in _PERCENT_RULES and cast(int, rule["limit_value"]) > 100:
        raise invalid(f"{path}/limit_value", "value must be one of 1-100")
    return rule


def _uuid(value: object, path: str) -> object:
    if not isinstance(value, str):
        raise invalid(path, "a character string is expected")
    if len(value) != 32:
        raise invalid(path, "must be 32 characters long")
    if _UUID4.fullmatch(value) is None:
        raise invalid(path, "UUIDv4 is expected")
    return value


def _writable(*, creating: bool) -> dict[str, tuple[Rule, bool]]:
    rules: dict[str, tuple[Rule, bool]] = {
        "name": (text(empty=False, length=128), creating),
        "algorithm": (int32(choices=(0, 1, 2)), creating),
        "sortorder": (int32(low=0, high=999), creating),
        "weight": (int32(low=0, high=1_000_000), False),
        "propagation_rule": (int32(choices=(0, 1, 2, 3, 4)), False),
        "propagation_value": (int32(), False),
        "description": (text(length=65535), False),
        "tags": (
            objects(one_object({"tag": (_tag, True), "value": (_value, False)}, {"value": ""}), unique=[["tag", "value"]]),
            False,
        ),
        "problem_tags": (
            objects(
                one_object(
                    {"tag": (_tag, True), "operator": (int32(choices=(0, 2)), False), "value": (_value, False)},
                    {"operator": 0, "value": ""},
                ),
                unique=[["tag", "value"]],
            ),
            False,
        ),
        "parents": (_LINKS, False),
        "children": (_LINKS, False),
        "status_rules": (objects(_status_rule, unique=[["type", "limit_value", "limit_status"]]), False),
    }
    return {"uuid": (_uuid, False), **rules} if creating else {"serviceid": (one_id, True), **rules}


_TIMELINE: Final = objects(
    one_object({"period_from": (int32(low=0, high=MAX_DATE), True), "period_to": (int32(low=0, high=MAX_DATE), True)}),
    empty=False,
    unique=[["period_from", "period_to"]],
)


def _selecting(*columns: str) -> tuple[Rule, bool]:
    return nullable(output(columns, count=True)), False


_GET: Final = one_object(
    {
        "serviceids": (nullable(ids()), False),
        "parentids": (nullable(ids()), False),
        "deep_parentids": (boolean, False),
        "childids": (nullable(ids()), False),
        "tags": (TAG_CONDITIONS, False),
        "problem_tags": (TAG_CONDITIONS, False),
        "without_problem_tags": (boolean, False),
        "slaids": (nullable(ids()), False),
        "output": (output(COLUMNS), False),
        "selectParents": _selecting(*COLUMNS),
        "selectChildren": _selecting(*COLUMNS),
        "selectTags": _selecting("tag", "value"),
        "selectProblemTags": _selecting("tag", "operator", "value"),
        "selectProblemEvents": _selecting("eventid", "severity", "name"),
        "selectStatusRules": _selecting("type", "limit_value", "limit_status", "new_status"),
        "selectStatusTimeline": (nullable(_TIMELINE), False),
        **common_fields(_SORTABLE, _FILTERED, ("name",)),
    }
)
_CREATE: Final = objects(one_object(_writable(creating=True)), empty=False, unique=[["uuid"]], single=True)
_UPDATE: Final = objects(one_object(_writable(creating=False)), empty=False, unique=[["serviceid"]], single=True)


def _columns(service: ServiceRow, statuses: Statuses, now: int) -> JsonObject:
    return {
        "serviceid": service.serviceid,
        "name": service.name,
        "status": str(statuses.at(service, now)),
        "algorithm": str(service.algorithm),
        "sortorder": str(service.sortorder),
        "weight": str(service.weight),
        "propagation_rule": str(service.propagation_rule),
        "propagation_value": str(service.propagation_value),
        "description": service.description,
        "uuid": service.uuid,
        "created_at": str(service.created_at),
        "readonly": False,
    }


def get(store: Store, params: object, role: Role, now: int) -> object:
    """``service.get``."""
    asked = cast(JsonObject, _GET(params, "/"))
    statuses = Statuses(store, now)
    found = [s for s in store.services.values() if role.sees(s.serviceid) and _matches(store, s, asked)]
    by_id = {s.serviceid: s for s in found}
    rows = narrowed([_columns(s, statuses, now) for s in found], asked, "serviceid")

    def shaped(row: JsonObject) -> object:
        parts = _related(store, by_id[cast(str, row["serviceid"])], asked, role, statuses, now)
        columns = picked(row, asked.get("output"))
        return {**cast(JsonObject, columns or {}), **parts} if parts else columns

    return answered({cast(str, r["serviceid"]): shaped(r) for r in rows}, asked)


def _matches(store: Store, service: ServiceRow, asked: JsonObject) -> bool:
    def listed(name: str, values: Sequence[str]) -> bool:
        wanted = cast(list[str] | None, asked.get(name))
        return wanted is None or any(v in wanted for v in values)

    parents = (
        _ancestors(store, service.serviceid)
        if asked.get("deep_parentids")
        else [p.serviceid for p in store.parents(service.serviceid)]
    )
    slaids = [s.slaid for s in store.slas.values() if s.covers(service)]
    evaltype = cast(int, asked.get("evaltype", 0))
    problem_tags = [Tag(tag=t.tag, value=t.value) for t in service.problem_tags]
    conditions = cast(list[JsonObject], asked.get("problem_tags", []))
    return (
        listed("serviceids", [service.serviceid])
        and listed("parentids", parents or ["0"])
        and listed("childids", service.children)
        and listed("slaids", slaids)
        and tags_match(service.tags, cast(list[JsonObject], asked.get("tags", [])), evaltype)
        and tags_match(problem_tags, conditions, evaltype)
        and not (asked.get("without_problem_tags") and not conditions and problem_tags)
    )


def _ancestors(store: Store, serviceid: str) -> list[str]:
    found: list[str] = []
    for parent in store.parents(serviceid):
        found += [parent.serviceid, *_ancestors(store, parent.serviceid)]
    return found


def _related(store: Store, service: ServiceRow, asked: JsonObject, role: Role, statuses: Statuses, now: int) -> JsonObject:
    def linked(services: Sequence[ServiceRow]) -> list[JsonObject]:
        return [_columns(s, statuses, now) for s in services if role.sees(s.serviceid)]

    sources: dict[str, tuple[str, Callable[[], list[JsonObject]]]] = {
        "selectParents": ("parents", lambda: linked(store.parents(service.serviceid))),
        "selectChildren": ("children", lambda: linked([store.services[c] for c in service.children])),
        "selectTags": ("tags", lambda: [{"tag": t.tag, "value": t.value} for t in service.tags]),
        "selectProblemTags": (
            "problem_tags",
            lambda: [{"tag": t.tag, "operator": str(t.operator), "value": t.value} for t in service.problem_tags],
        ),
        "selectProblemEvents": (
            "problem_events",
            lambda: [{"eventid": o.eventid, "severity": str(o.severity), "name": o.name} for o in statuses.problems(service)],
        ),
        "selectStatusRules": (
            "status_rules",
            lambda: [
                {
                    "type": str(r.type),
                    "limit_value": str(r.limit_value),
                    "limit_status": str(r.limit_status),
                    "new_status": str(r.new_status),
                }
                for r in service.status_rules
            ],
        ),
    }
    parts: JsonObject = {}
    for parameter, (name, rows) in sources.items():
        if asked.get(parameter) is not None:
            parts[name] = related(rows(), asked[parameter])
    if asked.get("selectStatusTimeline") is not None:
        spans = cast(list[dict[str, int]], asked["selectStatusTimeline"])
        parts["status_timeline"] = [_timeline(statuses, service, Span(start=s["period_from"], end=s["period_to"])) for s in spans]
    return parts


def _timeline(statuses: Statuses, service: ServiceRow, span: Span) -> JsonObject:
    line = statuses.timeline(service, span)
    # The server gives the value of a service that never had an alarm as a number, that of an alarm as a text.
    start: object = str(line.start_value) if statuses.changed_before(service, span.start) else line.start_value
    return {"start_value": start, "alarms": [{"clock": str(clock), "value": str(value)} for clock, value in line.changes]}


def create(store: Store, params: object, now: int) -> tuple[str, ...]:
    """``service.create``: all of them, or none."""
    rows = cast(list[JsonObject], _CREATE(params, "/"))
    _check(store, rows, {})
    taken = {s.uuid for s in store.services.values()}
    for row in rows:
        if row.get("uuid") in taken:
            raise Refusal(Kind.PARAMETERS, f'Entry with UUID "{row["uuid"]}" already exists.')
    created: list[str] = []
    for row in rows:
        serviceid = store.number("services", store.services)
        uuid = cast(str, row.get("uuid", new_uuid(serviceid)))
        blank = ServiceRow(serviceid=serviceid, name="", algorithm=0, sortorder=0, created_at=now, uuid=uuid)
        store.services[serviceid] = blank
        _change(store, blank, row)
        created.append(serviceid)
    return tuple(created)


def update(store: Store, params: object) -> tuple[str, ...]:
    """``service.update``: what is given replaces what was there; lists are replaced whole."""
    rows = cast(list[JsonObject], _UPDATE(params, "/"))
    serviceids = [cast(str, r["serviceid"]) for r in rows]
    if any(serviceid not in store.services for serviceid in serviceids):
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    _check(store, rows, {i: store.services[i] for i in serviceids})
    before = {i: list(s.children) for i, s in store.services.items()}
    for serviceid, row in zip(serviceids, rows, strict=True):
        _change(store, store.services[serviceid], row)
    if any(i in _ancestors_of(store, i) for i in store.services):
        for serviceid, children in before.items():
            store.services[serviceid].children = children
        raise Refusal(Kind.PARAMETERS, "Services form a circular dependency.")
    return tuple(serviceids)


def _ancestors_of(store: Store, serviceid: str) -> set[str]:
    found: set[str] = set()
    open_ = [serviceid]
    while open_:
        for parent in store.parents(open_.pop()):
            if parent.serviceid not in found:
                found.add(parent.serviceid)
                open_.append(parent.serviceid)
    return found


def _check(store: Store, rows: Sequence[JsonObject], old: Mapping[str, ServiceRow]) -> None:
    linked = [
        cast(str, link["serviceid"]) for r in rows for n in ("parents", "children") for link in cast(list[JsonObject], r.get(n, []))
    ]
    if any(serviceid not in store.services for serviceid in linked):
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    for row in rows:
        before = old.get(cast(str, row.get("serviceid", "")))
        name = before.name if before is not None else row["name"]
        _check_propagation(row, before, name)
        tags: Sequence[object] = cast(list[object], row.get("problem_tags", before.problem_tags if before else []))
        children: Sequence[object] = cast(list[object], row.get("children", before.children if before else []))
        parents = [store.services[cast(str, link["serviceid"])] for link in cast(list[JsonObject], row.get("parents", []))]
        clash = name if tags and children else next((p.name for p in parents if p.problem_tags), None)
        if clash is not None:
            raise Refusal(Kind.PARAMETERS, f'Service "{clash}" cannot have problem tags and children at the same time.')


def _check_propagation(row: JsonObject, before: ServiceRow | None, name: object) -> None:
    if "propagation_rule" in row and "propagation_value" not in row:
        raise Refusal(
            Kind.PARAMETERS,
            f'Cannot specify "propagation_rule" parameter without specifying "propagation_value" parameter for service "{name}".',
        )
    rule = cast(int, row.get("propagation_rule", before.propagation_rule if before else 0))
    allowed = {1: range(1, 6), 2: range(1, 6), 4: range(-1, 6)}.get(rule, range(1))
    if "propagation_value" in row and row["propagation_value"] not in allowed:
        raise Refusal(Kind.PARAMETERS, f'Incompatible "propagation_rule" and "propagation_value" parameters for service "{name}".')


def _change(store: Store, service: ServiceRow, row: JsonObject) -> None:
    for column in ("name", "algorithm", "sortorder", "weight", "propagation_rule", "propagation_value", "description"):
        if column in row:
            setattr(service, column, row[column])
    if "tags" in row:
        service.tags = [Tag(tag=cast(str, t["tag"]), value=cast(str, t["value"])) for t in cast(list[JsonObject], row["tags"])]
    if "problem_tags" in row:
        service.problem_tags = [
            TagMatch(tag=cast(str, t["tag"]), operator=cast(int, t["operator"]), value=cast(str, t["value"]))
            for t in cast(list[JsonObject], row["problem_tags"])
        ]
    if "status_rules" in row:
        service.status_rules = [StatusRule(**cast(dict[str, int], r)) for r in cast(list[JsonObject], row["status_rules"])]
    if "children" in row:
        service.children = [cast(str, c["serviceid"]) for c in cast(list[JsonObject], row["children"])]
    if "parents" in row:
        parents = [cast(str, p["serviceid"]) for p in cast(list[JsonObject], row["parents"])]
        for other in store.services.values():
            if (service.serviceid in other.children) != (other.serviceid in parents):
                rest = [c for c in other.children if c != service.serviceid]
                other.children = [*rest, service.serviceid] if other.serviceid in parents else rest


def delete(store: Store, params: object) -> tuple[list[object], tuple[str, ...]]:
    """``service.delete``: children stay; the answer holds the ids with the types they were sent with."""
    serviceids = ids_to_delete(params, "/")
    if any(serviceid not in store.services for serviceid in serviceids):
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    if isinstance(params, dict):
        raise Refusal(Kind.PERMISSIONS, 'SQL statement execution has failed "DELETE FROM services WHERE serviceid=Array"')
    for serviceid in serviceids:
        for parent in store.parents(serviceid):
            parent.children.remove(serviceid)
        del store.services[serviceid]
    return list(cast(list[object], params)), tuple(serviceids)


def new_uuid(seed: str) -> str:
    """A version-4 uuid without dashes, the same for the same seed."""
    digest = hashlib.sha256(f"service {seed}".encode()).hexdigest()
    return f"{digest[:12]}4{digest[13:16]}a{digest[17:32]}"
