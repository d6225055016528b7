"""The calls of the Zabbix API as values: checked arguments in, the wire form and the reader of the result out. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from slo_common._json import JsonValue
from slo_common._later import Later
from slo_common._times import Timestamp
from slo_common._unset import UNSET, Unset
from slo_common._values import Reply, Safety
from zabbix_sla import _replies
from zabbix_sla._checks import Checks, Filter, TagsIn, Texts, given, listing, service_fields, sla_fields, sli_params
from zabbix_sla._rpc import Rpc
from zabbix_sla.models import (
    Algorithm,
    ExcludedDowntime,
    ProblemTag,
    PropagationRule,
    Schedule,
    Search,
    ServiceTag,
    Sla,
    SlaPeriod,
    SlaStatus,
    StatusRule,
    TagCondition,
)

if TYPE_CHECKING:
    from zabbix_sla import _sli_decode
    from zabbix_sla._models_services import Service
    from zabbix_sla._sli import SliResult
else:
    _sli_decode = Later("zabbix_sla._sli_decode")

T = TypeVar("T")
Row = Mapping[str, JsonValue]
Select = str | Sequence[str]


def _structured(kind: type[T], method: str) -> Callable[[object, Reply], T]:
    def read(value: object, reply: Reply) -> T:
        from zabbix_sla._convert import DECODER

        return DECODER.decode(value, kind, call=f"zabbix.{method}", reply=reply, root="$.result")

    return read


def _ids(name: str, method: str) -> Callable[[object, Reply], tuple[str, ...]]:
    """``{"slaids": ["1"]}``; a delete echoes ids with the type they were sent with."""

    def read(value: object, reply: Reply) -> tuple[str, ...]:
        found = cast(dict[str, object], value).get(name) if isinstance(value, dict) else None
        if not isinstance(found, list) or not found:
            raise _replies.misfit(f"$.result.{name}: expected a list of ids", call=f"zabbix.{method}", reply=reply)
        return tuple(str(item) for item in cast(list[object], found))

    return read


def _one_id(name: str, method: str) -> Callable[[object, Reply], str]:
    ids = _ids(name, method)
    return lambda value, reply: ids(value, reply)[0]


# SLAs


def sla_query(
    *,
    slaids: Sequence[str] | None = None,
    serviceids: Sequence[str] | None = None,
    service_tags: Sequence[TagCondition] | None = None,
    any_tag: bool = False,
    filter: Filter | None = None,
    search: Mapping[str, Texts] | Search | None = None,
    sortfield: Texts | None = None,
    sortorder: Texts | None = None,
    limit: int | None = None,
    editable: bool = False,
) -> dict[str, object]:
    """What chooses and orders SLAs."""
    checks = Checks()
    params = given(
        slaids=checks.ids("slaids", slaids) if slaids is not None else None,
        serviceids=checks.ids("serviceids", serviceids) if serviceids is not None else None,
        service_tags=checks.conditions("service_tags", service_tags) if service_tags is not None else None,
        evaltype=2 if checks.flag("any_tag", any_tag) else None,
    )
    params.update(
        listing(checks, filter=filter, search=search, sortfield=sortfield, sortorder=sortorder, limit=limit, editable=editable)
    )
    checks.raise_if_any()
    return params


def sla_get(query: Mapping[str, object]) -> Rpc[tuple[Sla, ...]]:
    """``sla.get`` of whole SLAs."""
    whole = {"output": "extend", "selectServiceTags": "extend", "selectSchedule": "extend", "selectExcludedDowntimes": "extend"}
    return Rpc(
        method="sla.get",
        params={**whole, **query},
        safety=Safety.READ,
        read=_structured(tuple[Sla, ...], "sla.get"),
    )


def columns(method: str, output: Select, selects: Mapping[str, Select | None], query: Mapping[str, object]) -> Rpc[tuple[Row, ...]]:
    """A ``get`` of chosen columns: rows as the server writes them."""
    checks = Checks()
    params: dict[str, object] = {
        "output": checks.texts("output", output),
        **{_wire(name): checks.texts(name, value) for name, value in selects.items() if value is not None},
        **query,
    }
    checks.raise_if_any()

    def read(value: object, reply: Reply) -> tuple[Row, ...]:
        rows = cast(list[object], value) if isinstance(value, list) else [None]
        if not all(isinstance(row, dict | list) for row in rows):
            raise _replies.misfit("$.result: expected a list of objects", call=f"zabbix.{method}", reply=reply)
        # PHP writes an object without members as an empty list.
        return tuple(cast(Row, row) if isinstance(row, dict) else dict[str, JsonValue]() for row in rows)

    return Rpc(method=method, params=params, safety=Safety.READ, read=read)


def _wire(argument: str) -> str:
    """The vendor's name of a parameter: ``select_service_tags`` is ``selectServiceTags``."""
    first, *rest = argument.split("_")
    return first + "".join(word.capitalize() for word in rest)


def count(method: str, query: Mapping[str, object]) -> Rpc[int]:
    """A ``get`` that only counts."""
    return Rpc(method=method, params={**query, "countOutput": True}, safety=Safety.READ, read=_structured(int, "count"))


def sla_create(
    name: str,
    *,
    period: SlaPeriod | int,
    slo: float,
    effective_date: Timestamp,
    timezone: str,
    service_tags: Mapping[str, str] | Sequence[ServiceTag],
    schedule: Sequence[Schedule] = (),
    excluded_downtimes: Sequence[ExcludedDowntime] = (),
    status: SlaStatus | int = SlaStatus.ENABLED,
    description: str = "",
) -> Rpc[str]:
    """``sla.create``."""
    checks = Checks()
    fields = sla_fields(
        checks,
        name=name,
        period=period,
        slo=slo,
        effective_date=effective_date,
        timezone=timezone,
        service_tags=service_tags,
        schedule=UNSET if schedule in ((), []) else schedule,
        excluded_downtimes=UNSET if excluded_downtimes in ((), []) else excluded_downtimes,
        status=status,
        description=UNSET if description == "" else description,
    )
    checks.raise_if_any()
    return Rpc(method="sla.create", params=fields, safety=Safety.UNSAFE, subject=name, read=_one_id("slaids", "sla.create"))


def sla_update(
    slaid: str,
    *,
    name: str | Unset = UNSET,
    period: SlaPeriod | int | Unset = UNSET,
    slo: float | Unset = UNSET,
    effective_date: Timestamp | Unset = UNSET,
    timezone: str | Unset = UNSET,
    service_tags: Mapping[str, str] | Sequence[ServiceTag] | Unset = UNSET,
    schedule: Sequence[Schedule] | Unset = UNSET,
    excluded_downtimes: Sequence[ExcludedDowntime] | Unset = UNSET,
    status: SlaStatus | int | Unset = UNSET,
    description: str | Unset = UNSET,
) -> Rpc[str]:
    """``sla.update``: absolute values, so that a repeat does no harm."""
    checks = Checks()
    fields = sla_fields(
        checks,
        name=name,
        period=period,
        slo=slo,
        effective_date=effective_date,
        timezone=timezone,
        service_tags=service_tags,
        schedule=schedule,
        excluded_downtimes=excluded_downtimes,
        status=status,
        description=description,
    )
    params = {"slaid": checks.id("slaid", slaid), **fields}
    if not fields:
        checks.add("fields: none was given; allowed: at least one field to change")
    checks.raise_if_any()
    return Rpc(method="sla.update", params=params, safety=Safety.IDEMPOTENT, subject=slaid, read=_one_id("slaids", "sla.update"))


def deletion(method: str, name: str, ids: Sequence[str]) -> Rpc[tuple[str, ...]]:
    """``sla.delete`` and ``service.delete``: all or none. Sent again after a lost answer; ``gone`` and ``left`` tell what finding nothing
    then means.
    """
    checks = Checks()
    found = checks.ids(name, ids)
    if not found:
        checks.add(f"{name}: none was given; allowed: at least one id")
    checks.raise_if_any()
    return Rpc(
        method=method,
        params=found,
        safety=Safety.IDEMPOTENT,
        subject=" ".join(found),
        read=_ids(name, method),
        gone=lambda: tuple(found),
        left=count(f"{method.partition('.')[0]}.get", {name: found}) if len(found) > 1 else None,
    )


def getsli(
    slaid: str,
    *,
    period_from: Timestamp | None = None,
    period_to: Timestamp | None = None,
    periods: int | None = None,
    serviceids: Sequence[str] | None = None,
) -> Rpc[SliResult]:
    """``sla.getsli``."""
    params = sli_params(slaid, period_from=period_from, period_to=period_to, periods=periods, serviceids=serviceids)
    name = "zabbix.sla.getsli"

    def read(value: object, reply: Reply) -> SliResult:
        return _sli_decode.report(value, call=name, reply=reply)

    def decode(reply: Reply) -> SliResult:
        if reply.status == 200:
            found = _sli_decode.quickly(reply.body)
            if found is not None:
                return found
        return read(_replies.single(reply, call=name, subject=slaid, method="sla.getsli"), reply)

    return Rpc(method="sla.getsli", params=params, safety=Safety.READ, subject=slaid, read=read, decode=decode)


# Services


def service_query(
    *,
    serviceids: Sequence[str] | None = None,
    parentids: Sequence[str] | None = None,
    deep_parentids: bool = False,
    childids: Sequence[str] | None = None,
    slaids: Sequence[str] | None = None,
    tags: Sequence[TagCondition] | None = None,
    problem_tags: Sequence[TagCondition] | None = None,
    without_problem_tags: bool = False,
    any_tag: bool = False,
    filter: Filter | None = None,
    search: Mapping[str, Texts] | Search | None = None,
    sortfield: Texts | None = None,
    sortorder: Texts | None = None,
    limit: int | None = None,
    editable: bool = False,
) -> dict[str, object]:
    """What chooses and orders services."""
    checks = Checks()
    named = {"serviceids": serviceids, "parentids": parentids, "childids": childids, "slaids": slaids}
    params = given(
        **{name: checks.ids(name, value) for name, value in named.items() if value is not None},
        deep_parentids=checks.flag("deep_parentids", deep_parentids) or None,
        tags=checks.conditions("tags", tags) if tags is not None else None,
        problem_tags=checks.conditions("problem_tags", problem_tags) if problem_tags is not None else None,
        without_problem_tags=checks.flag("without_problem_tags", without_problem_tags) or None,
        evaltype=2 if checks.flag("any_tag", any_tag) else None,
    )
    params.update(
        listing(checks, filter=filter, search=search, sortfield=sortfield, sortorder=sortorder, limit=limit, editable=editable)
    )
    checks.raise_if_any()
    return params


def service_get(
    query: Mapping[str, object],
    *,
    parents: bool = False,
    children: bool = False,
    problem_events: bool = False,
    status_rules: bool = False,
    status_timeline: Sequence[tuple[Timestamp, Timestamp]] | None = None,
) -> Rpc[tuple[Service, ...]]:
    """``service.get`` of whole services."""
    checks = Checks()
    spans = checks.spans("select_status_timeline", status_timeline) if status_timeline is not None else None
    links = {"selectParents": checks.flag("select_parents", parents), "selectChildren": checks.flag("select_children", children)}
    wholes = {
        "selectProblemEvents": checks.flag("select_problem_events", problem_events),
        "selectStatusRules": checks.flag("select_status_rules", status_rules),
    }
    checks.raise_if_any()
    params: dict[str, object] = {
        "output": "extend",
        "selectTags": "extend",
        "selectProblemTags": "extend",
        **{name: ["serviceid", "name"] for name, asked in links.items() if asked},
        **{name: "extend" for name, asked in wholes.items() if asked},
        **given(selectStatusTimeline=spans or None),
        **query,
    }
    from zabbix_sla._models_services import Service

    kind = tuple[Service, ...]
    return Rpc(method="service.get", params=params, safety=Safety.READ, read=_structured(kind, "service.get"))


def service_create(
    name: str,
    *,
    algorithm: Algorithm | int = Algorithm.MOST_CRITICAL,
    sortorder: int = 0,
    weight: int | Unset = UNSET,
    propagation_rule: PropagationRule | int | Unset = UNSET,
    propagation_value: int | Unset = UNSET,
    description: str | Unset = UNSET,
    tags: TagsIn | Unset = UNSET,
    problem_tags: Mapping[str, str] | Sequence[ProblemTag] | Unset = UNSET,
    parents: Sequence[str] | Unset = UNSET,
    children: Sequence[str] | Unset = UNSET,
    status_rules: Sequence[StatusRule] | Unset = UNSET,
) -> Rpc[str]:
    """``service.create``. Names of services need not be unique."""
    checks = Checks()
    fields = service_fields(
        checks,
        name=name,
        algorithm=algorithm,
        sortorder=sortorder,
        weight=weight,
        propagation_rule=propagation_rule,
        propagation_value=propagation_value,
        description=description,
        tags=tags,
        problem_tags=problem_tags,
        parents=parents,
        children=children,
        status_rules=status_rules,
    )
    checks.raise_if_any()
    return Rpc(
        method="service.create", params=fields, safety=Safety.UNSAFE, subject=name, read=_one_id("serviceids", "service.create")
    )


def service_update(
    serviceid: str,
    *,
    name: str | Unset = UNSET,
    algorithm: Algorithm | int | Unset = UNSET,
    sortorder: int | Unset = UNSET,
    weight: int | Unset = UNSET,
    propagation_rule: PropagationRule | int | Unset = UNSET,
    propagation_value: int | Unset = UNSET,
    description: str | Unset = UNSET,
    tags: TagsIn | Unset = UNSET,
    problem_tags: Mapping[str, str] | Sequence[ProblemTag] | Unset = UNSET,
    parents: Sequence[str] | Unset = UNSET,
    children: Sequence[str] | Unset = UNSET,
    status_rules: Sequence[StatusRule] | Unset = UNSET,
) -> Rpc[str]:
    """``service.update``: absolute values, so that a repeat does no harm."""
    checks = Checks()
    fields = service_fields(
        checks,
        name=name,
        algorithm=algorithm,
        sortorder=sortorder,
        weight=weight,
        propagation_rule=propagation_rule,
        propagation_value=propagation_value,
        description=description,
        tags=tags,
        problem_tags=problem_tags,
        parents=parents,
        children=children,
        status_rules=status_rules,
    )
    params = {"serviceid": checks.id("serviceid", serviceid), **fields}
    if not fields:
        checks.add("fields: none was given; allowed: at least one field to change")
    checks.raise_if_any()
    return Rpc(
        method="service.update",
        params=params,
        safety=Safety.IDEMPOTENT,
        subject=serviceid,
        read=_one_id("serviceids", "service.update"),
    )
