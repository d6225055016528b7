"""The ``sla.*`` methods of a sandboxed Zabbix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast
from zoneinfo import available_timezones

from attrs import frozen

from zabbix_sla._sandbox_periods import MAX_DATE, MAX_PERIODS, WEEK, Span, merged, partition, scheduled, zone_of
from zabbix_sla._sandbox_query import TAG_CONDITIONS, answered, common_fields, narrowed, picked, related, tags_match
from zabbix_sla._sandbox_rules import (
    JsonObject,
    Kind,
    Refusal,
    Rule,
    ids,
    ids_to_delete,
    int32,
    nullable,
    objects,
    one_id,
    one_object,
    output,
    percent,
    text,
)
from zabbix_sla._sandbox_sli import Excluded, cell
from zabbix_sla._sandbox_store import Role, ScheduleRow, ServiceRow, SlaRow, Statuses, Store, Tag, TagMatch

NO_OBJECT: Final = "No permissions to referred object or it does not exist!"
COLUMNS: Final = ("slaid", "name", "period", "slo", "effective_date", "timezone", "status", "description")
_SPAN_COLUMNS: Final = ("period_from", "period_to")

_second: Final = (int32(low=0, high=WEEK), True)
_moment: Final = (int32(low=0, high=MAX_DATE), True)
_SERVICE_TAGS: Final = objects(
    one_object(
        {
            "tag": (text(empty=False, length=255), True),
            "operator": (int32(choices=(0, 2)), False),
            "value": (text(length=255), False),
        },
        defaults={"operator": 0, "value": ""},
    ),
    empty=False,
    unique=[["tag", "value"]],
)
_SCHEDULE: Final = objects(one_object({"period_from": _second, "period_to": _second}), unique=[_SPAN_COLUMNS])
_EXCLUDED: Final = objects(
    one_object({"name": (text(empty=False, length=255), True), "period_from": _moment, "period_to": _moment}),
    unique=[_SPAN_COLUMNS],
)


def _writable(*, creating: bool) -> dict[str, tuple[Rule, bool]]:
    rules: dict[str, tuple[Rule, bool]] = {
        "name": (text(empty=False, length=255), creating),
        "period": (int32(choices=(0, 1, 2, 3, 4)), creating),
        "slo": (percent(), creating),
        "effective_date": (int32(low=0, high=MAX_DATE), creating),
        "timezone": (_timezone, creating),
        "status": (int32(choices=(0, 1)), False),
        "description": (text(length=65535), False),
        "service_tags": (_SERVICE_TAGS, creating),
        "schedule": (_SCHEDULE, False),
        "excluded_downtimes": (_EXCLUDED, False),
    }
    return rules if creating else {"slaid": (one_id, True), **rules}


def _timezone(value: object, path: str) -> object:
    known = {"system", *available_timezones()}
    if isinstance(value, str) and value in known:
        return value
    # The server lists all of PHP's zones here; ours are those of this machine.
    return text(choices=("system", *sorted(known - {"system"})))(value, path)


_GET: Final = one_object(
    {
        "slaids": (nullable(ids()), False),
        "service_tags": (TAG_CONDITIONS, False),
        "serviceids": (nullable(ids()), False),
        "output": (output(COLUMNS), False),
        "selectServiceTags": (nullable(output(("tag", "operator", "value"), count=True)), False),
        "selectSchedule": (nullable(output(_SPAN_COLUMNS, count=True)), False),
        "selectExcludedDowntimes": (nullable(output(("name", *_SPAN_COLUMNS), count=True)), False),
        **common_fields(COLUMNS, COLUMNS[:-1], ("name", "timezone", "description")),
    }
)
_CREATE: Final = objects(one_object(_writable(creating=True)), empty=False, unique=[["name"]], single=True)
_UPDATE: Final = objects(one_object(_writable(creating=False)), empty=False, unique=[["slaid"], ["name"]], single=True)
_GETSLI: Final = one_object(
    {
        "slaid": (one_id, True),
        "period_from": (nullable(int32(low=0, high=MAX_DATE)), False),
        "period_to": (nullable(int32(low=0, high=MAX_DATE)), False),
        "periods": (nullable(int32(low=1, high=MAX_PERIODS)), False),
        "serviceids": (nullable(ids()), False),
    }
)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _columns(sla: SlaRow) -> JsonObject:
    return {
        "slaid": sla.slaid,
        "name": sla.name,
        "period": str(sla.period),
        "slo": _number(sla.slo),
        "effective_date": str(sla.effective_date),
        "timezone": sla.timezone,
        "status": str(sla.status),
        "description": sla.description,
    }


def _visible(store: Store, role: Role, serviceids: Sequence[str] | None) -> list[SlaRow]:
    """SLAs that the role may see: all of them with all services or the right to manage, else those of its services."""
    slas = list(store.slas.values())
    if serviceids is None and (role.services is None or role.manage_sla):
        return slas
    wanted = [s for s in store.services.values() if role.sees(s.serviceid) and (serviceids is None or s.serviceid in serviceids)]
    return [sla for sla in slas if any(sla.covers(s) for s in wanted)]


def get(store: Store, params: object, role: Role) -> object:
    """``sla.get``."""
    asked = cast(JsonObject, _GET(params, "/"))
    slaids = cast(list[str] | None, asked.get("slaids"))
    conditions = cast(list[JsonObject], asked.get("service_tags", []))
    evaltype = cast(int, asked.get("evaltype", 0))
    found = [
        sla
        for sla in _visible(store, role, cast(list[str] | None, asked.get("serviceids")))
        if (slaids is None or sla.slaid in slaids)
        and tags_match([Tag(tag=t.tag, value=t.value) for t in sla.service_tags], conditions, evaltype)
    ]
    rows = narrowed([_columns(s) for s in found], asked, "slaid")
    by_id = {s.slaid: s for s in found}
    return answered({cast(str, r["slaid"]): _shaped(r, by_id[cast(str, r["slaid"])], asked) for r in rows}, asked)


def _shaped(row: JsonObject, sla: SlaRow, asked: JsonObject) -> object:
    shaped = picked(row, asked.get("output"))
    parts: JsonObject = {}
    if asked.get("selectServiceTags") is not None:
        tags = [{"tag": t.tag, "operator": str(t.operator), "value": t.value} for t in sla.service_tags]
        parts["service_tags"] = related(tags, asked["selectServiceTags"])
    if asked.get("selectSchedule") is not None:
        spans = [{"period_from": str(s.period_from), "period_to": str(s.period_to)} for s in sla.schedule]
        parts["schedule"] = related(spans, asked["selectSchedule"])
    if asked.get("selectExcludedDowntimes") is not None:
        away = [{"name": e.name, "period_from": str(e.period_from), "period_to": str(e.period_to)} for e in sla.excluded_downtimes]
        parts["excluded_downtimes"] = related(away, asked["selectExcludedDowntimes"])
    if not parts:
        return shaped
    return {**cast(JsonObject, shaped or {}), **parts}


def create(store: Store, params: object) -> tuple[str, ...]:
    """``sla.create``: all of them, or none."""
    rows = cast(list[JsonObject], _CREATE(params, "/"))
    _check(rows, store, None)
    created: list[str] = []
    for row in rows:
        slaid = store.number("slas", store.slas)
        blank = SlaRow(slaid=slaid, name="", period=0, slo=0.0, effective_date=0, timezone="UTC")
        store.slas[slaid] = _changed(blank, row)
        created.append(slaid)
    return tuple(created)


def update(store: Store, params: object) -> tuple[str, ...]:
    """``sla.update``: what is given replaces what was there; lists are replaced whole."""
    rows = cast(list[JsonObject], _UPDATE(params, "/"))
    slaids = [cast(str, row["slaid"]) for row in rows]
    if any(slaid not in store.slas for slaid in slaids):
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    _check(rows, store, slaids)
    for slaid, row in zip(slaids, rows, strict=True):
        _changed(store.slas[slaid], row)
    return tuple(slaids)


def _check(rows: Sequence[JsonObject], store: Store, slaids: Sequence[str] | None) -> None:
    before = [store.slas[i] for i in slaids] if slaids is not None else [None] * len(rows)
    for row, old in zip(rows, before, strict=True):
        name = row.get("name")
        if name is not None and (old is None or name != old.name) and any(s.name == name for s in store.slas.values()):
            raise Refusal(Kind.PARAMETERS, f'SLA "{name}" already exists.')
    named = [(row, cast(str, row["name"]) if old is None else old.name) for row, old in zip(rows, before, strict=True)]
    for row, name in named:
        if "slo" in row and round(cast(float, row["slo"]), 4) != row["slo"]:
            raise Refusal(Kind.PARAMETERS, f'SLA "{name}" SLO must have no more than 4 fractional digits.')
    for row, name in named:
        for span in cast(list[dict[str, int]], row.get("schedule", [])):
            if span["period_from"] >= span["period_to"]:
                raise Refusal(Kind.PARAMETERS, f'Start time must be less than end time for SLA "{name}".')
    for row, name in named:
        for away in cast(list[JsonObject], row.get("excluded_downtimes", [])):
            if cast(int, away["period_from"]) >= cast(int, away["period_to"]):
                what = f'excluded downtime "{away["name"]}" of SLA "{name}"'
                raise Refusal(Kind.PARAMETERS, f"Start time must be less than end time for {what}.")


def _changed(sla: SlaRow, row: Mapping[str, object]) -> SlaRow:
    for column in ("name", "period", "slo", "effective_date", "timezone", "status", "description"):
        if column in row:
            setattr(sla, column, row[column])
    if "service_tags" in row:
        tags = cast(list[JsonObject], row["service_tags"])
        sla.service_tags = [
            TagMatch(tag=cast(str, t["tag"]), operator=cast(int, t["operator"]), value=cast(str, t["value"])) for t in tags
        ]
    if "schedule" in row:
        spans = merged(cast(list[dict[str, int]], row["schedule"]))
        sla.schedule = [ScheduleRow(period_from=s["period_from"], period_to=s["period_to"]) for s in spans]
    if "excluded_downtimes" in row:
        away = [_excluded(e) for e in cast(list[JsonObject], row["excluded_downtimes"])]
        sla.excluded_downtimes = sorted(away, key=lambda e: e.period_from)
    return sla


def _excluded(row: JsonObject) -> Excluded:
    return Excluded(name=cast(str, row["name"]), period_from=cast(int, row["period_from"]), period_to=cast(int, row["period_to"]))


def delete(store: Store, params: object) -> tuple[list[object], tuple[str, ...]]:
    """``sla.delete``: the answer holds the ids with the types they were sent with."""
    slaids = ids_to_delete(params, "/")
    if any(slaid not in store.slas for slaid in slaids):
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    if isinstance(params, dict):
        raise Refusal(Kind.PERMISSIONS, 'SQL statement execution has failed "DELETE FROM sla WHERE slaid=Array"')
    for slaid in slaids:
        del store.slas[slaid]
    return list(cast(list[object], params)), tuple(slaids)


@frozen(kw_only=True)
class SliQuestion:
    """A ``sla.getsli`` that passed its checks: which periods and services are to be calculated."""

    sla: SlaRow
    periods: tuple[Span, ...]
    services: tuple[ServiceRow, ...]

    @property
    def cells(self) -> int:
        return len(self.periods) * len(self.services)


def asked_sli(store: Store, params: object, role: Role, *, now: int, system_timezone: str) -> SliQuestion:
    """Check the arguments of ``sla.getsli`` and cut the periods."""
    asked = cast(JsonObject, _GETSLI(params, "/"))
    sla = next((s for s in _visible(store, role, None) if s.slaid == asked["slaid"]), None)
    if sla is None:
        raise Refusal(Kind.PERMISSIONS, NO_OBJECT)
    periods = partition(
        kind=sla.period,
        zone=zone_of(sla.timezone, system_timezone),
        effective_date=sla.effective_date,
        now=now,
        period_from=cast(int | None, asked.get("period_from")),
        period_to=cast(int | None, asked.get("period_to")),
        periods=cast(int | None, asked.get("periods")),
    )
    wanted = cast(list[str] | None, asked.get("serviceids"))
    services = [s for s in store.covered(sla, role) if wanted is None or s.serviceid in wanted]
    return SliQuestion(sla=sla, periods=tuple(periods), services=tuple(services) if periods else ())


def sli(question: SliQuestion, store: Store, *, now: int, system_timezone: str, shifts_with_dst: bool) -> object:
    """The answer of ``sla.getsli``: the only one with real numbers, ids of services included."""
    sla, services = question.sla, question.services
    zone = zone_of(sla.timezone, system_timezone)
    statuses = Statuses(store, now)
    rows: list[list[dict[str, object]]] = []
    for period in question.periods if services else ():
        spans = scheduled(sla.schedule, period, zone, shifts_with_dst=shifts_with_dst)
        row = [
            cell(
                slo=sla.slo,
                excluded=sla.excluded_downtimes,
                spans=spans,
                period_start=period.start,
                created_at=service.created_at,
                timeline=statuses.timeline(service, period),
                now=now,
            )
            for service in services
        ]
        rows.append(row)
    return {
        "periods": [{"period_from": p.start, "period_to": p.end} for p in question.periods],
        "serviceids": [int(s.serviceid) for s in services],
        "sli": rows,
    }
