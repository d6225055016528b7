"""What the Zabbix API takes and gives, typed. Ids are strings, times aware UTC datetimes, tuples in place of lists.

Zabbix writes numbers and flags as texts; they are read into numbers by the hooks of this package alone. Source: Zabbix API reference,
"SLA object" and "Service object".
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from slo_common._enums import OpenEnum
from slo_common._lazy import lazy
from slo_common._times import Timestamp

if TYPE_CHECKING:
    from zabbix_sla._models_services import Alarm, ProblemEvent, Service, ServiceLink, StatusTimeline
    from zabbix_sla._sli import ExcludedSpan, SliCell, SliPeriod, SliResult

__all__ = [
    "Alarm",
    "Algorithm",
    "ExcludedDowntime",
    "ExcludedSpan",
    "Match",
    "ProblemEvent",
    "ProblemTag",
    "PropagationRule",
    "Schedule",
    "Search",
    "Service",
    "ServiceLink",
    "ServiceStatus",
    "ServiceTag",
    "Sla",
    "SlaPeriod",
    "SlaStatus",
    "SliCell",
    "SliPeriod",
    "SliResult",
    "StatusRule",
    "StatusRuleType",
    "StatusTimeline",
    "Tag",
    "TagCondition",
    "TagOperator",
]
# Programs that only keep SLAs never load these.
_HOME = {
    **dict.fromkeys(("Alarm", "ProblemEvent", "Service", "ServiceLink", "StatusTimeline"), "_models_services"),
    **dict.fromkeys(("ExcludedSpan", "SliCell", "SliPeriod", "SliResult"), "_sli"),
}
__getattr__, __dir__ = lazy(__name__, _HOME)


class SlaPeriod(OpenEnum):
    """The reporting period of an SLA. Weeks begin on Sunday."""

    DAILY = "0"
    WEEKLY = "1"
    MONTHLY = "2"
    QUARTERLY = "3"
    ANNUALLY = "4"


class SlaStatus(OpenEnum):
    """Whether an SLA is shown in Zabbix's reports. ``sla.getsli`` calculates a disabled one all the same."""

    DISABLED = "0"
    ENABLED = "1"


class Match(OpenEnum):
    """How the tag of an SLA or the problem tag of a service is compared."""

    EQUALS = "0"
    CONTAINS = "2"
    """Part of the value, without regard to case."""


class TagOperator(OpenEnum):
    """How a tag condition of a ``get`` is compared."""

    CONTAINS = "0"
    EQUALS = "1"
    NOT_CONTAINS = "2"
    NOT_EQUALS = "3"
    EXISTS = "4"
    NOT_EXISTS = "5"


class ServiceStatus(OpenEnum):
    """The state of a service: OK, or the severity of its problem. Every severity counts as downtime."""

    OK = "-1"
    NOT_CLASSIFIED = "0"
    INFORMATION = "1"
    WARNING = "2"
    AVERAGE = "3"
    HIGH = "4"
    DISASTER = "5"


class Algorithm(OpenEnum):
    """How the status of a service follows from its children."""

    ALWAYS_OK = "0"
    MOST_CRITICAL_IF_ALL_FAIL = "1"
    MOST_CRITICAL = "2"


class PropagationRule(OpenEnum):
    """How a service passes its status on to its parents."""

    AS_IS = "0"
    INCREASE = "1"
    DECREASE = "2"
    IGNORE = "3"
    FIXED = "4"


class StatusRuleType(OpenEnum):
    """The condition of an additional status rule; N is ``limit_value``, the status ``limit_status``."""

    AT_LEAST_N_CHILDREN = "0"
    AT_LEAST_N_PERCENT_OF_CHILDREN = "1"
    LESS_THAN_N_CHILDREN = "2"
    LESS_THAN_N_PERCENT_OF_CHILDREN = "3"
    WEIGHT_AT_LEAST_N = "4"
    WEIGHT_AT_LEAST_N_PERCENT = "5"
    WEIGHT_LESS_THAN_N = "6"
    WEIGHT_LESS_THAN_N_PERCENT = "7"


@frozen(kw_only=True)
class ServiceTag:
    """A tag that an SLA looks for: services with any of its tags belong to it. An empty value matches only an empty value.

    >>> zbx.sla.update("5", service_tags=[ServiceTag(tag="team", value="payments")])  # doctest: +SKIP
    """

    tag: str
    value: str = ""
    operator: Match = Match.EQUALS


@frozen(kw_only=True)
class ProblemTag:
    """A tag of the problems that a service takes for its own.

    >>> zbx.service.create("Payments", problem_tags=[ProblemTag(tag="service", value="payments")])  # doctest: +SKIP
    """

    tag: str
    value: str = ""
    operator: Match = Match.EQUALS


@frozen(kw_only=True)
class Tag:
    """A tag of a service.

    >>> zbx.service.create("Payments", tags=[Tag(tag="team", value="payments")])  # doctest: +SKIP
    """

    tag: str
    value: str = ""


@frozen(kw_only=True)
class Schedule:
    """Part of the week in which the services are meant to be up: seconds from Sunday 00:00, 0 to 604800, in the SLA's time zone.

    >>> monday_from_8_to_18 = Schedule(period_from=32 * 3600, period_to=42 * 3600)
    """

    period_from: int
    period_to: int


@frozen(kw_only=True)
class ExcludedDowntime:
    """A planned downtime that an SLA does not count. Read: aware UTC datetimes. Written: these or epoch seconds.

    >>> down = ExcludedDowntime(name="move to the new rack", period_from=1_790_000_000, period_to=1_790_003_600)
    >>> zbx.sla.update("5", excluded_downtimes=[down])  # doctest: +SKIP
    """

    name: str
    period_from: Timestamp
    period_to: Timestamp


@frozen(kw_only=True)
class Sla:
    """A service level agreement."""

    slaid: str
    name: str
    period: SlaPeriod
    slo: float
    """Target in per cent, 0 to 100."""
    effective_date: datetime
    timezone: str
    """IANA name, or ``system``: the zone of the Zabbix server."""
    status: SlaStatus
    description: str
    service_tags: tuple[ServiceTag, ...]
    schedule: tuple[Schedule, ...]
    """Empty: around the clock."""
    excluded_downtimes: tuple[ExcludedDowntime, ...]


@frozen(kw_only=True)
class StatusRule:
    """An additional rule: ``new_status`` when the condition holds and no worse status does.

    >>> high, down = ServiceStatus.HIGH, ServiceStatus.DISASTER
    >>> rule = StatusRule(type=StatusRuleType.AT_LEAST_N_CHILDREN, limit_value=2, limit_status=high, new_status=down)
    """

    type: StatusRuleType
    limit_value: int
    limit_status: ServiceStatus
    new_status: ServiceStatus


@frozen(kw_only=True)
class TagCondition:
    """A condition on tags in a ``get``.

    >>> zbx.service.get(tags=[TagCondition(tag="team", value="payments", operator=TagOperator.EQUALS)])  # doctest: +SKIP
    """

    tag: str
    value: str = ""
    operator: TagOperator = TagOperator.CONTAINS


@frozen(kw_only=True)
class Search:
    """A text search: ``fields`` maps a column to the text or texts looked for, without regard to case.

    ``any_field``: one hit is enough. ``at_start``: the column begins with it. ``exclude``: what does not match. ``wildcards``: ``*``
    stands for anything.

    >>> zbx.sla.get(search=Search(fields={"name": "pay*"}, wildcards=True))  # doctest: +SKIP
    """

    fields: dict[str, str | tuple[str, ...]]
    any_field: bool = False
    at_start: bool = False
    exclude: bool = False
    wildcards: bool = False
