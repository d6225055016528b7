"""Checks of arguments before any request, and their form on the wire. Every problem is found at once and named."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, TypeGuard, TypeVar, cast

from slo_common._check import Problems, is_int, text_problem
from slo_common._times import Timestamp, to_epoch
from slo_common._unset import UNSET, Unset
from zabbix_sla.models import (
    Algorithm,
    ExcludedDowntime,
    Match,
    ProblemTag,
    PropagationRule,
    Schedule,
    Search,
    ServiceStatus,
    ServiceTag,
    SlaPeriod,
    SlaStatus,
    StatusRule,
    StatusRuleType,
    Tag,
    TagCondition,
    TagOperator,
)

MAX_DATE: Final = 2_147_483_647
MAX_PERIODS: Final = 100
MAX_CELLS: Final = 50_000
"""Cells of one call that a server with PHP's default memory limit of 128 MB answers; four times as many were seen to fail."""
WEEK: Final = 604_800
_MAX_ID: Final = 9_223_372_036_854_775_807

Texts = str | Sequence[str]
Filter = Mapping[str, str | int | float | Sequence[str | int | float]]
"""Column to the value or values that it may have."""
TagsIn = Mapping[str, str] | Iterable[Tag]
Row = TypeVar("Row")
AnyTag = TypeVar("AnyTag", ServiceTag, ProblemTag, Tag)


def _is_list(value: object) -> TypeGuard[Iterable[object]]:
    """Many values: no text, whose items would be letters, and no mapping, whose items would be its keys."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


class Checks(Problems):
    """The problems of one call, and the wire form of what was checked."""

    def wrong(self, name: str, value: object, allowed: str) -> None:
        self.add(f"{name}: {value!r} was given; allowed: {allowed}")

    def id(self, name: str, value: object) -> str:
        text = value if isinstance(value, str) else ""
        if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_ID):
            self.wrong(name, value, "an id, which is a string of digits such as '5'")
        return text

    def ids(self, name: str, values: object) -> list[str]:
        if not _is_list(values):
            self.wrong(name, values, "a list of ids, such as ['50', '60']")
            return []
        return [self.id(f"{name}[{i}]", v) for i, v in enumerate(values)]

    def function(self, name: str, value: object, what: str) -> None:
        if not callable(value):
            self.wrong(name, value, what)

    def flag(self, name: str, value: object) -> bool:
        if not isinstance(value, bool):
            self.wrong(name, value, "True or False")
        return value is True

    def words(self, name: str, value: object) -> str:
        """A text that may be empty."""
        if not isinstance(value, str):
            self.wrong(name, value, "a string")
            return ""
        self.add(text_problem(name, value))
        return value

    def texts(self, name: str, value: object) -> str | list[str]:
        """A text or several."""
        if isinstance(value, str):
            return self.words(name, value)
        if not _is_list(value):
            self.wrong(name, value, "a string or a list of strings")
            return []
        return [self.words(f"{name}[{i}]", v) for i, v in enumerate(value)]

    def moment(self, name: str, value: object) -> int:
        """Epoch seconds that Zabbix can hold."""
        if not self.time(name, value):
            return 0
        seconds = to_epoch(cast(Timestamp, value))
        if seconds > MAX_DATE:
            self.wrong(name, value, "a time until 2038-01-19 03:14:07 UTC, the last that Zabbix can hold")
        return seconds

    def code(self, name: str, value: object, kind: type[Enum]) -> int:
        """A member of an enumeration, or its number. That of another enumeration may be the same number and mean something else."""
        known = isinstance(value, kind) or is_int(value) or (isinstance(value, str) and not isinstance(value, Enum))
        text = str(value.value if isinstance(value, Enum) else value) if known else ""
        allowed = [str(m.value) for m in kind]
        if text not in allowed:
            named = ", ".join(f"{kind.__name__}.{m.name}" for m in kind)
            self.wrong(name, value, f"{named}, or their numbers {', '.join(allowed)}")
            return 0
        return int(text)

    def slo(self, value: object) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100 or round(value, 4) != value:
            self.wrong("slo", value, "a percentage from 0 to 100 with at most 4 decimals")
            return 0
        return value

    def zone_or_system(self, name: str, value: object) -> object:
        if value != "system":
            self.zone(name, value)
        return value

    def rows(self, name: str, value: object, kind: type[Row]) -> list[tuple[str, Row]]:
        """Those items that are of our class, each with its place in the argument."""
        if not _is_list(value):
            self.wrong(name, value, f"a list of {kind.__name__}")
            return []
        found: list[tuple[str, Row]] = []
        for i, row in enumerate(value):
            if isinstance(row, kind):
                found.append((f"{name}[{i}]", row))
            else:
                self.wrong(f"{name}[{i}]", row, f"a {kind.__name__}")
        return found

    def service_tags(self, value: object) -> list[dict[str, object]]:
        before = len(self.found)
        tags = self._tags("service_tags", value, ServiceTag)
        if not tags and len(self.found) == before:
            self.add("service_tags: none was given; allowed: at least one tag")
        return [self._matching(place, t) for place, t in tags]

    def problem_tags(self, value: object) -> list[dict[str, object]]:
        return [self._matching(place, t) for place, t in self._tags("problem_tags", value, ProblemTag)]

    def tags(self, value: object) -> list[dict[str, object]]:
        return [{"tag": t.tag, "value": t.value} for _, t in self._tags("tags", value, Tag)]

    def _tags(self, name: str, value: object, kind: type[AnyTag]) -> list[tuple[str, AnyTag]]:
        if isinstance(value, Mapping):
            value = [kind(tag=t, value=v) for t, v in cast(Mapping[str, str], value).items()]
        rows = self.rows(name, value, kind)
        for place, tag in rows:
            self.text(f"{place}.tag", tag.tag, max_length=255)
            self.words(f"{place}.value", tag.value)
        self._distinct([(place, (t.tag, t.value)) for place, t in rows])
        return rows

    def _matching(self, place: str, tag: ServiceTag | ProblemTag) -> dict[str, object]:
        return {"tag": tag.tag, "operator": self.code(f"{place}.operator", tag.operator, Match), "value": tag.value}

    def _distinct(self, keys: Sequence[tuple[str, object]]) -> None:
        seen: list[object] = []  # not a set: what was given may have no hash
        for place, key in keys:
            if key in seen:
                self.add(f"{place}: {key!r} was given twice; allowed: each once")
            seen.append(key)

    def schedule(self, value: object) -> list[dict[str, object]]:
        rows = self.rows("schedule", value, Schedule)
        for place, row in rows:
            if not (is_int(row.period_from) and is_int(row.period_to) and 0 <= row.period_from < row.period_to <= WEEK):
                self.add(
                    f"{place}: {row.period_from!r} to {row.period_to!r} was given; "
                    f"allowed: seconds from Sunday 00:00, 0 to {WEEK}, the start before the end"
                )
        self._distinct([(place, (r.period_from, r.period_to)) for place, r in rows])
        return [{"period_from": r.period_from, "period_to": r.period_to} for _, r in rows]

    def excluded(self, value: object) -> list[dict[str, object]]:
        found: list[tuple[str, dict[str, object]]] = []
        for place, row in self.rows("excluded_downtimes", value, ExcludedDowntime):
            self.text(f"{place}.name", row.name, max_length=255)
            start, end = self.moment(f"{place}.period_from", row.period_from), self.moment(f"{place}.period_to", row.period_to)
            if start >= end:
                self.add(
                    f"{place}: it starts at {row.period_from!r} and ends at {row.period_to!r}; allowed: a start before the end"
                )
            found.append((place, {"name": row.name, "period_from": start, "period_to": end}))
        self._distinct([(place, (r["period_from"], r["period_to"])) for place, r in found])
        return [r for _, r in found]

    def conditions(self, name: str, value: object) -> list[dict[str, object]]:
        return [
            {
                "tag": self.words(f"{place}.tag", r.tag),
                "value": self.words(f"{place}.value", r.value),
                "operator": self.code(f"{place}.operator", r.operator, TagOperator),
            }
            for place, r in self.rows(name, value, TagCondition)
        ]

    def status_rules(self, value: object) -> list[dict[str, object]]:
        rows = self.rows("status_rules", value, StatusRule)
        for place, row in rows:
            self.integer(f"{place}.limit_value", row.limit_value, low=1, high=1_000_000)
        return [
            {
                "type": self.code(f"{place}.type", r.type, StatusRuleType),
                "limit_value": r.limit_value,
                "limit_status": self.code(f"{place}.limit_status", r.limit_status, ServiceStatus),
                "new_status": self.code(f"{place}.new_status", r.new_status, ServiceStatus),
            }
            for place, r in rows
        ]

    def spans(self, name: str, value: object) -> list[dict[str, object]]:
        """Pairs of a start and an end."""
        if not _is_list(value):
            self.wrong(name, value, "a list of (start, end)")
            return []
        found: list[dict[str, object]] = []
        for i, span in enumerate(value):
            place = f"{name}[{i}]"
            ends = list(span) if _is_list(span) else []
            if len(ends) != 2:
                self.wrong(place, span, "a pair of times, (start, end)")
                continue
            found.append({"period_from": self.moment(f"{place}[0]", ends[0]), "period_to": self.moment(f"{place}[1]", ends[1])})
        return found

    def filter(self, value: object) -> dict[str, object]:
        if not isinstance(value, Mapping):
            self.wrong("filter", value, "a mapping of columns to a value or a list of values")
            return {}
        columns = cast(Mapping[object, object], value)
        return {self.words("filter", name): self._plain(f"filter[{name!r}]", found) for name, found in columns.items()}

    def _plain(self, name: str, value: object) -> object:
        values = list(value) if _is_list(value) else [value]
        for one in values:
            if not isinstance(one, str | int | float) or (isinstance(one, float) and not math.isfinite(one)):
                self.wrong(name, one, "a string, a number, or a list of them")
        return values if _is_list(value) else value

    def search(self, value: object) -> dict[str, object]:
        """The parameters of a text search."""
        asked = value if isinstance(value, Search) else Search(fields={})
        fields: object = asked.fields if isinstance(value, Search) else value
        if not isinstance(fields, Mapping):
            self.wrong("search", fields, "a mapping of columns to the text or texts looked for, or a Search")
            return {}
        columns = cast(Mapping[object, object], fields)
        flags = {
            "searchByAny": self.flag("search.any_field", asked.any_field),
            "startSearch": self.flag("search.at_start", asked.at_start),
            "excludeSearch": self.flag("search.exclude", asked.exclude),
            "searchWildcardsEnabled": self.flag("search.wildcards", asked.wildcards),
        }
        return {
            "search": {self.words("search", name): self.texts(f"search[{name!r}]", found) for name, found in columns.items()},
            **{name: True for name, flag in flags.items() if flag},
        }


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
    editable: bool,
) -> dict[str, object]:
    """The wire form of what every ``get`` takes."""
    if limit is not None:
        checks.integer("limit", limit, low=1, high=MAX_DATE)
    orders = checks.texts("sortorder", sortorder) if sortorder is not None else None
    for order in [orders] if isinstance(orders, str) else orders or []:
        checks.one_of("sortorder", order, ("ASC", "DESC"))
    return {
        **given(
            editable=checks.flag("editable", editable) or None,
            sortfield=checks.texts("sortfield", sortfield) if sortfield is not None else None,
            sortorder=orders,
            limit=limit,
            filter=checks.filter(filter) if filter is not None else None,
        ),
        **(checks.search(search) if search is not None else {}),
    }


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
        fields["description"] = checks.words("description", description)
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
    if not isinstance(propagation_rule, Unset):
        fields["propagation_rule"] = checks.code("propagation_rule", propagation_rule, PropagationRule)
        if isinstance(propagation_value, Unset):
            checks.add("propagation_value: it is missing; allowed: given together with propagation_rule")
    if not isinstance(propagation_value, Unset):
        checks.integer("propagation_value", propagation_value, low=-1, high=5)
        fields["propagation_value"] = propagation_value
    if not isinstance(description, Unset):
        fields["description"] = checks.words("description", description)
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
