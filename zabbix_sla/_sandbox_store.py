"""What a sandboxed Zabbix remembers: services and their outages, SLAs, users, sessions and tokens."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field, frozen

from zabbix_sla._sandbox_periods import Span
from zabbix_sla._sandbox_sli import OK, Excluded, Timeline


@frozen(kw_only=True)
class Tag:
    """A tag of a service."""

    tag: str
    value: str = ""


@frozen(kw_only=True)
class TagMatch:
    """A tag that an SLA looks for; operator 0 is "equals", 2 is "contains" without regard to case."""

    tag: str
    operator: int = 0
    value: str = ""

    def matches(self, tag: Tag) -> bool:
        """Whether a service's tag meets the condition."""
        if tag.tag != self.tag:
            return False
        return tag.value == self.value if self.operator == 0 else self.value.upper() in tag.value.upper()


@frozen(kw_only=True)
class Outage:
    """A problem of a service: from ``start`` until before ``end`` (None: it lasts)."""

    start: int
    end: int | None
    severity: int
    name: str
    eventid: str

    def lasts_at(self, moment: int) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)


@frozen(kw_only=True)
class StatusRule:
    """An additional rule of a parent: ``type`` 0-7 as in the Zabbix service object."""

    type: int
    limit_value: int
    limit_status: int
    new_status: int

    def holds(self, children: Sequence[tuple[int, int]]) -> bool:
        """``children``: status and weight of each."""
        falling = self.type in (2, 3, 6, 7)
        hit = [w for s, w in children if (s <= self.limit_status if falling else s >= self.limit_status)]
        by_weight = self.type >= 4
        amount = sum(hit) if by_weight else len(hit)
        whole = sum(w for _, w in children) if by_weight else len(children)
        if self.type in (1, 3, 5, 7):
            amount = amount * 100 // whole if whole else 0
        return amount < self.limit_value if falling else amount >= self.limit_value


@define(kw_only=True)
class ServiceRow:
    """A service of the service tree."""

    serviceid: str
    name: str
    algorithm: int
    sortorder: int
    created_at: int
    uuid: str
    weight: int = 0
    propagation_rule: int = 0
    propagation_value: int = 0
    description: str = ""
    tags: list[Tag] = field(factory=list[Tag])
    problem_tags: list[TagMatch] = field(factory=list[TagMatch])
    children: list[str] = field(factory=list[str])
    status_rules: list[StatusRule] = field(factory=list[StatusRule])
    outages: list[Outage] = field(factory=list[Outage])


@frozen(kw_only=True)
class ScheduleRow:
    """Seconds from Sunday 00:00 in which the service is meant to be up."""

    period_from: int
    period_to: int


@define(kw_only=True)
class SlaRow:
    """A service level agreement."""

    slaid: str
    name: str
    period: int
    slo: float
    effective_date: int
    timezone: str
    status: int = 1
    description: str = ""
    service_tags: list[TagMatch] = field(factory=list[TagMatch])
    schedule: list[ScheduleRow] = field(factory=list[ScheduleRow])
    excluded_downtimes: list[Excluded] = field(factory=list[Excluded])

    def covers(self, service: ServiceRow) -> bool:
        return any(m.matches(t) for m in self.service_tags for t in service.tags)


@frozen(kw_only=True)
class Role:
    """What a user may do. ``services`` None: every service; ``type`` 1 user, 2 admin, 3 super admin."""

    type: int = 3
    api: bool = True
    manage_sla: bool = True
    services: frozenset[str] | None = None

    def sees(self, serviceid: str) -> bool:
        """Whether the role may read a service."""
        return self.services is None or serviceid in self.services


@define(kw_only=True)
class User:
    """A user who logs in with a password."""

    userid: str
    username: str
    password: str = field(repr=False)
    role: Role
    autologout: int = 0
    failed: int = 0
    failed_at: int = 0


@define(kw_only=True)
class Session:
    """A login. ``lastaccess`` decides when auto-logout ends it."""

    user: User
    lastaccess: int
    active: bool = True


@define(kw_only=True)
class Token:
    """An API token; ``expires_at`` 0 means never."""

    tokenid: str
    name: str
    user: User
    enabled: bool = True
    expires_at: int = 0


class Store:
    """The tables. Not locked: the sandbox answers one request at a time."""

    def __init__(self) -> None:
        self.services: dict[str, ServiceRow] = {}
        self.slas: dict[str, SlaRow] = {}
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.tokens: dict[str, Token] = {}
        self._numbers: dict[str, Iterator[int]] = {}

    def number(self, table: str, taken: Iterable[str] = ()) -> str:
        """The next free id of a table."""
        counter = self._numbers.setdefault(table, itertools.count(1))
        held = set(taken)
        return next(n for n in map(str, counter) if n not in held)

    def parents(self, serviceid: str) -> list[ServiceRow]:
        return [s for s in self.services.values() if serviceid in s.children]

    def covered(self, sla: SlaRow, role: Role) -> list[ServiceRow]:
        return [s for s in self.services.values() if sla.covers(s) and role.sees(s.serviceid)]


class Statuses:
    """Status of services over time: problems of their own, and of their children by algorithm, propagation and rules."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now
        self._histories: dict[str, tuple[list[int], list[int]]] = {}

    def at(self, service: ServiceRow, moment: int) -> int:
        """-1 is OK, 0 to 5 a severity."""
        if service.algorithm == 0:
            return OK
        own = max((o.severity for o in service.outages if o.lasts_at(moment)), default=OK)
        children = self._children(service, moment)
        statuses = [s for s, _ in children]
        worst = max(statuses, default=OK)
        if service.algorithm == 1 and min(statuses, default=OK) == OK:
            worst = OK
        ruled = max((r.new_status for r in service.status_rules if r.holds(children)), default=OK)
        return max(own, worst, ruled)

    def _children(self, service: ServiceRow, moment: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for childid in service.children:
            child = self._store.services[childid]
            status = self.at(child, moment)
            if child.propagation_rule == 3:
                continue
            if status != OK:
                step = {1: child.propagation_value, 2: -child.propagation_value}.get(child.propagation_rule, 0)
                status = min(5, max(0, status + step))
                if child.propagation_rule == 4:
                    status = child.propagation_value
            found.append((status, child.weight))
        return found

    def timeline(self, service: ServiceRow, period: Span) -> Timeline:
        clocks, values = self._history(service)
        first, last = bisect_left(clocks, period.start), bisect_left(clocks, period.end)
        return Timeline(
            start_value=values[first - 1] if first else OK,
            changes=tuple(zip(clocks[first:last], values[first:last], strict=True)),
        )

    def changed_before(self, service: ServiceRow, moment: int) -> bool:
        """Whether the service changed its status before this moment."""
        return bisect_left(self._history(service)[0], moment) > 0

    def _history(self, service: ServiceRow) -> tuple[list[int], list[int]]:
        known = self._histories.get(service.serviceid)
        if known is not None:
            return known
        clocks: list[int] = []
        values: list[int] = []
        for clock in sorted(self._moments(service)):
            value = self.at(service, clock)
            if value != (values[-1] if values else OK):
                clocks.append(clock)
                values.append(value)
        self._histories[service.serviceid] = (clocks, values)
        return clocks, values

    def _moments(self, service: ServiceRow) -> set[int]:
        found = {m for o in service.outages for m in (o.start, o.end) if m is not None and m <= self._now}
        for childid in service.children:
            found |= self._moments(self._store.services[childid])
        return found

    def problems(self, service: ServiceRow) -> list[Outage]:
        """The events that make the service's status what it is now."""
        if self.at(service, self._now) == OK:
            return []
        found = [o for o in service.outages if o.lasts_at(self._now)]
        for childid in service.children:
            found += self.problems(self._store.services[childid])
        return found
