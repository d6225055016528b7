"""Services as Zabbix tells of them. Source: Zabbix API reference, "Service object"."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from zabbix_sla.models import Algorithm, ProblemTag, PropagationRule, ServiceStatus, StatusRule, Tag


@frozen(kw_only=True)
class ServiceLink:
    """A parent or a child of a service."""

    serviceid: str
    name: str


@frozen(kw_only=True)
class ProblemEvent:
    """A problem that makes a service fail now."""

    eventid: str
    severity: ServiceStatus
    name: str


@frozen(kw_only=True)
class Alarm:
    """A change of a service's status."""

    clock: datetime
    value: ServiceStatus


@frozen(kw_only=True)
class StatusTimeline:
    """The status of a service over one of the spans asked for: what it was before, then each change."""

    start_value: ServiceStatus
    alarms: tuple[Alarm, ...]


@frozen(kw_only=True)
class Service:
    """A service of the service tree. Fields that say "if asked" are None unless the parameter of that name was set."""

    serviceid: str
    name: str
    status: ServiceStatus
    algorithm: Algorithm
    sortorder: int
    weight: int
    propagation_rule: PropagationRule
    propagation_value: int
    description: str
    uuid: str
    created_at: datetime
    """Where measuring starts; a service that is deleted and made again starts anew."""
    readonly: bool
    tags: tuple[Tag, ...]
    problem_tags: tuple[ProblemTag, ...]
    parents: tuple[ServiceLink, ...] | None = None
    """If asked."""
    children: tuple[ServiceLink, ...] | None = None
    """If asked."""
    problem_events: tuple[ProblemEvent, ...] | None = None
    """If asked."""
    status_rules: tuple[StatusRule, ...] | None = None
    """If asked."""
    status_timeline: tuple[StatusTimeline, ...] | None = None
    """If asked; one for each span."""
