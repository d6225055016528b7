"""Checks of arguments before any request, and their form on the wire. Every problem is found at once and named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, cast

from slo_common._check import Problems, is_int
from slo_common._times import Timestamp, to_epoch
from slo_common._unset import UNSET, Unset
from zabbix_sla.models import (
    ExcludedDowntime,
    Match,
    ProblemTag,
    Schedule,
    Search,
    ServiceTag,
    SlaPeriod,
    StatusRule,
    Tag,
    TagCondition,
)

MAX_DATE: Final = 2_147_483_647
MAX_PERIODS: Final = 100
WEEK: Final = 604_800
_MAX_ID: Final = 9_223_372_036_854_775_807

Texts = str | Sequence[str]
Filter = Mapping[str, str | int | float | Sequence[str | int | float]]
"""Column to the value or values that it may have."""
TagsIn = Mapping[str, str] | Iterable[Tag]


class Checks(Problems):
    """The problems of one call, and the wire form of what was checked."""

    def id(self, name: str, value: object) -> str:
        text = value if isinstance(value, str) else ""
        if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_ID):
            self.add(f"{name}: {value!r} was given; allowed: an id, which is a string of digits such as '5'")
        return text

    def ids(self, name: str, values: object) -> list[str]:
        if isinstance(values, str) or not isinstance(values, Iterable):
            self.add(f"{name}: {values!r} was given; allowed: a list of ids, such as ['50', '60']")
            return []
        return [self.id(f"{name}[{i}]", v) for i, v in enumerate(cast(Iterable[object], values))]

    def moment(self, name: str, value: Timestamp) -> int:
        """Epoch seconds that Zabbix can hold."""
        if not self.time(name, value):
            return 0
        seconds = to_epoch(value)
        if seconds > MAX_DATE:
            self.add(f"{name}: {value!r} was given; allowed: a time until 2038-01-19 03:14:07 UTC, the last that Zabbix can hold")
        return seconds

    def code(self, name: str, value: object, kind: type[Enum]) -> int:
        """A member of an enumeration, or its number."""
        text = str(value.value) if isinstance(value, Enum) else str(value) if is_int(value) or isinstance(value, str) else ""
        allowed = [str(m.value) for m in kind]
        if text not in allowed:
            named = ", ".join(f"{kind.__name__}.{m.name}" for m in kind)
            self.add(f"{name}: {value!r} was given; allowed: {named}, or their numbers {', '.join(allowed)}")
            return 0
        return int(text)

    def slo(self, value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100 or round(value, 4) != value:
            self.add(f"slo: {value!r} was given; allowed: a percentage from 0 to 100 with at most 4 decimals")
            return 0
        return value

    def zone_or_system(self, name: str, value: object) -> object:
        if value != "system":
            self.zone(name, value)
        return value

    def service_tags(self, value: Mapping[str, str] | Sequence[ServiceTag]) -> list[dict[str, object]]:
        tags = [ServiceTag(tag=t, value=v) for t, v in value.items()] if isinstance(value, Mapping) else list(value)
        if not tags:
            self.add("service_tags: none was given; allowed: at least one tag")
        self._distinct("service_tags", [(t.tag, t.value) for t in tags])
        return [self._matching("service_tags", i, t) for i, t in enumerate(tags)]

    def problem_tags(self, value: Mapping[str, str] | Sequence[ProblemTag]) -> list[dict[str, object]]:
        tags = [ProblemTag(tag=t, value=v) for t, v in value.items()] if isinstance(value, Mapping) else list(value)
        self._distinct("problem_tags", [(t.tag, t.value) for t in tags])
        return [self._matching("problem_tags", i, t) for i, t in enumerate(tags)]

    def tags(self, value: TagsIn) -> list[dict[str, object]]:
        tags = (
            [Tag(tag=t, value=v) for t, v in cast(Mapping[str, str], value).items()] if isinstance(value, Mapping) else list(value)
        )
        self._distinct("tags", [(t.tag, t.value) for t in tags])
        for i, tag in enumerate(tags):
            self.text(f"tags[{i}].tag", tag.tag, max_length=255)
        return [{"tag": t.tag, "value": t.value} for t in tags]

    def _matching(self, name: str, index: int, tag: ServiceTag | ProblemTag) -> dict[str, object]:
        self.text(f"{name}[{index}].tag", tag.tag, max_length=255)
        return {"tag": tag.tag, "operator": self.code(f"{name}[{index}].operator", tag.operator, Match), "value": tag.value}

    def _distinct(self, name: str, keys: Sequence[object]) -> None:
        for i, key in enumerate(keys):
            if key in keys[:i]:
                self.add(f"{name}[{i}]: {key!r} was given twice; allowed: each once")

    def schedule(self, rows: Sequence[Schedule]) -> list[dict[str, object]]:
        for i, row in enumerate(rows):
            if not (is_int(row.period_from) and is_int(row.period_to) and 0 <= row.period_from < row.period_to <= WEEK):
                self.add(
                    f"schedule[{i}]: {row.period_from!r} to {row.period_to!r} was given; "
                    f"allowed: seconds from Sunday 00:00, 0 to {WEEK}, the start before the end"
                )
        self._distinct("schedule", [(r.period_from, r.period_to) for r in rows])
        return [{"period_from": r.period_from, "period_to": r.period_to} for r in rows]

    def excluded(self, rows: Sequence[ExcludedDowntime]) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for i, row in enumerate(rows):
            name = f"excluded_downtimes[{i}]"
            self.text(f"{name}.name", row.name, max_length=255)
            start, end = self.moment(f"{name}.period_from", row.period_from), self.moment(f"{name}.period_to", row.period_to)
            if start >= end:
                self.add(f"{name}: it starts at {row.period_from!r} and ends at {row.period_to!r}; allowed: a start before the end")
            found.append({"name": row.name, "period_from": start, "period_to": end})
        self._distinct("excluded_downtimes", [(r["period_from"], r["period_to"]) for r in found])
        return found

    def conditions(self, rows: Sequence[TagCondition]) -> list[dict[str, object]]:
        return [{"tag": r.tag, "value": r.value, "operator": int(r.operator.value)} for r in rows]

    def status_rules(self, rows: Sequence[StatusRule]) -> list[dict[str, object]]:
        for i, row in enumerate(rows):
            self.integer(f"status_rules[{i}].limit_value", row.limit_value, low=1, high=1_000_000)
        return [
            {
                "type": int(r.type.value),
                "limit_value": r.limit_value,
                "limit_status": int(r.limit_status.value),
                "new_status": int(r.new_status.value),
            }
            for r in rows
        ]


def given(**values: object) -> dict[str, object]:
    """Only what was given: neither None nor UNSET."""
    return {name: value for name, value in values.items() if value is not None and value is not UNSET}


def listing(
    checks: Checks,
    *,
    filter: Filter | None,
    search: Mapping[str, Texts] | Search | None,
    sortfield: Texts | None,
    sortorder: Texts | None,
    limit: int | None,
) -> dict[str, object]:
    """The wire form of what every ``get`` takes."""
    if limit is not None:
        checks.integer("limit", limit, low=1, high=MAX_DATE)
    fields = (sortorder,) if isinstance(sortorder, str) else tuple(sortorder or ())
    for order in fields:
        checks.one_of("sortorder", order, ("ASC", "DESC"))
    params = given(sortfield=_plain(sortfield), sortorder=_plain(sortorder), limit=limit)
    if filter is not None:
        params["filter"] = {name: _plain(value) for name, value in filter.items()}
    if search is not None:
        asked = search if isinstance(search, Search) else Search(fields={n: _texts(v) for n, v in search.items()})
        params["search"] = {name: _plain(value) for name, value in asked.fields.items()}
        flags = {
            "searchByAny": asked.any_field,
            "startSearch": asked.at_start,
            "excludeSearch": asked.exclude,
            "searchWildcardsEnabled": asked.wildcards,
        }
        params.update({name: True for name, flag in flags.items() if flag})
    return params


def _plain(value: object) -> object:
    return list(cast(Iterable[object], value)) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _texts(value: Texts) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value)


def sli_params(
    slaid: str,
    *,
    period_from: Timestamp | None,
    period_to: Timestamp | None,
    periods: int | None,
    serviceids: Sequence[str] | None,
) -> dict[str, object]:
    """The parameters of ``sla.getsli``, checked."""
    checks = Checks()
    start = checks.moment("period_from", period_from) if period_from is not None else None
    end = checks.moment("period_to", period_to) if period_to is not None else None
    if start is not None and end is not None and start > end:
        checks.add(f"period_from: {period_from!r} is after period_to {period_to!r}; allowed: a start that is not after the end")
    if periods is not None:
        checks.integer("periods", periods, low=1, high=MAX_PERIODS)
    params = given(
        slaid=checks.id("slaid", slaid),
        serviceids=checks.ids("serviceids", serviceids) if serviceids is not None else None,
        periods=periods,
        period_from=start,
        period_to=end,
    )
    checks.raise_if_any()
    return params


def sla_fields(
    checks: Checks,
    *,
    name: str | Unset,
    period: SlaPeriod | int | Unset,
    slo: float | Unset,
    effective_date: Timestamp | Unset,
    timezone: str | Unset,
    service_tags: Mapping[str, str] | Sequence[ServiceTag] | Unset,
    schedule: Sequence[Schedule] | Unset,
    excluded_downtimes: Sequence[ExcludedDowntime] | Unset,
    status: object,
    description: str | Unset,
) -> dict[str, object]:
    """The writable fields of an SLA that are set, checked."""
    from zabbix_sla.models import SlaStatus

    fields: dict[str, object] = {}
    if not isinstance(name, Unset):
        checks.text("name", name, max_length=255)
        fields["name"] = name
    if not isinstance(period, Unset):
        fields["period"] = checks.code("period", period, SlaPeriod)
    if not isinstance(slo, Unset):
        fields["slo"] = checks.slo(slo)
    if not isinstance(effective_date, Unset):
        fields["effective_date"] = checks.moment("effective_date", effective_date)
    if not isinstance(timezone, Unset):
        fields["timezone"] = checks.zone_or_system("timezone", timezone)
    if not isinstance(status, Unset):
        fields["status"] = checks.code("status", status, SlaStatus)
    if not isinstance(description, Unset):
        fields["description"] = description
    if not isinstance(service_tags, Unset):
        fields["service_tags"] = checks.service_tags(service_tags)
    if not isinstance(schedule, Unset):
        fields["schedule"] = checks.schedule(schedule)
    if not isinstance(excluded_downtimes, Unset):
        fields["excluded_downtimes"] = checks.excluded(excluded_downtimes)
    return fields


def service_fields(
    checks: Checks,
    *,
    name: str | Unset,
    algorithm: object,
    sortorder: int | Unset,
    weight: int | Unset,
    propagation_rule: object,
    propagation_value: int | Unset,
    description: str | Unset,
    tags: TagsIn | Unset,
    problem_tags: Mapping[str, str] | Sequence[ProblemTag] | Unset,
    parents: Sequence[str] | Unset,
    children: Sequence[str] | Unset,
    status_rules: Sequence[StatusRule] | Unset,
) -> dict[str, object]:
    """The writable fields of a service that are set, checked."""
    from zabbix_sla.models import Algorithm, PropagationRule

    fields: dict[str, object] = {}
    if not isinstance(name, Unset):
        checks.text("name", name, max_length=128)
        fields["name"] = name
    if not isinstance(algorithm, Unset):
        fields["algorithm"] = checks.code("algorithm", algorithm, Algorithm)
    for label, number, most in (("sortorder", sortorder, 999), ("weight", weight, 1_000_000)):
        if not isinstance(number, Unset):
            checks.integer(label, number, low=0, high=most)
            fields[label] = number
    if isinstance(propagation_rule, Unset) != isinstance(propagation_value, Unset) and isinstance(propagation_value, Unset):
        checks.add("propagation_value: it is missing; allowed: given together with propagation_rule")
    if not isinstance(propagation_rule, Unset):
        fields["propagation_rule"] = checks.code("propagation_rule", propagation_rule, PropagationRule)
    if not isinstance(propagation_value, Unset):
        checks.integer("propagation_value", propagation_value, low=-1, high=5)
        fields["propagation_value"] = propagation_value
    if not isinstance(description, Unset):
        fields["description"] = description
    if not isinstance(tags, Unset):
        fields["tags"] = checks.tags(tags)
    if not isinstance(problem_tags, Unset):
        fields["problem_tags"] = checks.problem_tags(problem_tags)
    for label, links in (("parents", parents), ("children", children)):
        if not isinstance(links, Unset):
            fields[label] = [{"serviceid": i} for i in checks.ids(label, links)]
    if not isinstance(status_rules, Unset):
        fields["status_rules"] = checks.status_rules(status_rules)
    if fields.get("problem_tags") and fields.get("children"):
        checks.add("problem_tags: they were given together with children; allowed: one of the two")
    return fields
