"""What Rootly calls things: service-level agreements on follow-ups, their conditions and their notifications.

Results are looser than requests: every enum is open, and every attribute but the id and the name may be None, because the vendor's
replies have been seen to leave out or null what its schema requires. Source: Rootly API v1, SLAs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self, TypedDict, TypeVar, cast

from attrs import NOTHING, field, fields, frozen

from slo_common._check import require
from slo_common._enums import OpenEnum
from slo_common._errors import InvalidArgument
from slo_common._unset import UNSET, Unset

DEADLINE_DAYS: Final = (1, 2, 3, 4, 5, 6, 7, 14, 21, 30)
"""The numbers of days that a deadline may have in a request. A reply may hold any."""

MAX_CONDITIONS: Final = 20
"""Conditions per SLA."""

MAX_NOTIFICATIONS: Final = 20
"""Notification configurations per SLA."""


class ParentStatus(OpenEnum):
    """The incident status from which a deadline counts."""

    IN_TRIAGE = "in_triage"
    STARTED = "started"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class MatchType(OpenEnum):
    """Whether all conditions must hold or any one of them."""

    ALL = "ALL"
    ANY = "ANY"


class EntityType(OpenEnum):
    """What an SLA applies to. Rootly has SLAs on follow-ups only."""

    FOLLOW_UP = "follow_up"


class ConditionType(OpenEnum):
    """Which kind of field a condition looks at."""

    BUILT_IN_FIELD = "SLAs::BuiltInFieldCondition"
    CUSTOM_FIELD = "SLAs::CustomFieldCondition"


class ConditionProperty(OpenEnum):
    """The built-in fields of an incident that a condition can look at.

    A team with custom lifecycle statuses uses ``SUB_STATUS`` (values: sub-status ids), any other ``STATUS`` (values: parent statuses).
    """

    SEVERITY = "severity"
    ENVIRONMENT = "environment"
    SERVICE = "service"
    FUNCTIONALITY = "functionality"
    INCIDENT_TYPE = "incident_type"
    GROUP = "group"
    CAUSE = "cause"
    SUB_STATUS = "sub_status"
    INCIDENT_ROLE = "incident_role"
    STATUS = "status"
    KIND = "kind"
    VISIBILITY = "visibility"
    SUMMARY = "summary"
    STARTED_AT = "started_at"
    DETECTED_AT = "detected_at"
    ACKNOWLEDGED_AT = "acknowledged_at"
    MITIGATED_AT = "mitigated_at"
    RESOLVED_AT = "resolved_at"


class Operator(OpenEnum):
    """The comparison operators proven for SLAs. The vendor publishes no list, so any text is accepted in a request."""

    IS_ONE_OF = "is_one_of"
    IS_SET = "is_set"
    CONTAINS = "contains"


class OffsetType(OpenEnum):
    """When a notification is sent, relative to the deadline."""

    BEFORE_DUE = "before_due"
    WHEN_DUE = "when_due"
    AFTER_DUE = "after_due"


def _values(values: object) -> tuple[str, ...] | None:
    """One text is one value only inside a list: a bare one would fall into its letters."""
    if values is None:
        return None
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidArgument(f"values: {values!r} was given; allowed: a list of strings")
    return tuple(cast("Iterable[str]", values))


def _mapping_problem(values: object) -> str | None:
    return None if isinstance(values, Mapping) else f"values: {values!r} was given; allowed: a mapping of attributes to values"


Named = TypeVar("Named", bound=OpenEnum)


def _member(name: str, value: object, kind: type[Named]) -> Named:
    """A member of an enum, also a new one."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: {value!r} was given; allowed: a string, such as {str(next(iter(kind)))!r}")
    return kind(value)


@frozen(kw_only=True)
class Condition:
    """Which incidents an SLA applies to. ``values`` are ids of resources, not their display names.

    ``id`` is the server's and never sent. ``position`` orders the conditions; the server may return them in any order, and results
    are sorted by it. Fields that are None are not sent.

    >>> Condition.builtin("severity", "is_one_of", ["7d4c0a50-9b2b-4d8c-8a7e-2f6f0f1c9a11"]).property
    ConditionProperty.SEVERITY
    """

    conditionable_type: ConditionType | None = None
    operator: Operator | None = None
    property: ConditionProperty | None = None
    values: tuple[str, ...] | None = None
    form_field_id: str | None = None
    position: int | None = None
    id: str | None = None

    @classmethod
    def builtin(
        cls,
        property_name: ConditionProperty | str,
        operator: Operator | str,
        values: Iterable[str] | None = None,
        *,
        position: int | None = None,
    ) -> Self:
        """A condition on a built-in field. ``values`` is left out for operators such as ``is_set``."""
        return cls(
            conditionable_type=ConditionType.BUILT_IN_FIELD,
            property=_member("property_name", property_name, ConditionProperty),
            operator=_member("operator", operator, Operator),
            values=_values(values),
            position=position,
        )

    @classmethod
    def custom(
        cls, form_field_id: str, operator: Operator | str, values: Iterable[str] | None = None, *, position: int | None = None
    ) -> Self:
        """A condition on a custom form field, by the field's id."""
        return cls(
            conditionable_type=ConditionType.CUSTOM_FIELD,
            form_field_id=form_field_id,
            operator=_member("operator", operator, Operator),
            values=_values(values),
            position=position,
        )


@frozen(kw_only=True)
class NotificationConfiguration:
    """When to notify. ``offset_days`` counts days before or after the deadline and is 0 for ``when_due``.

    ``id``, ``created_at`` and ``updated_at`` are the server's and never sent.

    >>> NotificationConfiguration.before(2)
    NotificationConfiguration(offset_type=OffsetType.BEFORE_DUE, offset_days=2, id=None, created_at=None, updated_at=None)
    """

    offset_type: OffsetType | None = None
    offset_days: int | None = None
    id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def before(cls, days: int) -> Self:
        """``days`` before the deadline."""
        return cls(offset_type=OffsetType.BEFORE_DUE, offset_days=days)

    @classmethod
    def when_due(cls) -> Self:
        """On the day of the deadline."""
        return cls(offset_type=OffsetType.WHEN_DUE, offset_days=0)

    @classmethod
    def after(cls, days: int) -> Self:
        """``days`` after the deadline."""
        return cls(offset_type=OffsetType.AFTER_DUE, offset_days=days)


class ConditionDict(TypedDict, total=False):
    """A condition as the vendor's JSON has it, for those who keep SLAs in files.

    >>> severe: ConditionDict = {"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "severity", "operator": "is_set"}
    """

    conditionable_type: str
    operator: str
    property: str | None
    values: Sequence[str] | None
    form_field_id: str | None
    position: int


class NotificationConfigurationDict(TypedDict, total=False):
    """A notification configuration as the vendor's JSON has it.

    >>> a_day_before: NotificationConfigurationDict = {"offset_type": "before_due", "offset_days": 1}
    """

    offset_type: str
    offset_days: int


ConditionLike = Condition | ConditionDict
"""A condition argument: the class or the vendor's JSON object."""

NotificationLike = NotificationConfiguration | NotificationConfigurationDict
"""A notification argument: the class or the vendor's JSON object."""


@frozen(kw_only=True)
class Sla:
    """A service-level agreement on follow-ups. Times are UTC; days are calendar days unless weekends are skipped.

    ``conditions`` are in the order of their positions. ``extra`` holds attributes that this release does not know.
    """

    id: str
    name: str
    slug: str | None = None
    description: str | None = None
    position: int | None = None
    entity_type: EntityType | None = None
    condition_match_type: MatchType | None = None
    manager_role_id: str | None = None
    manager_user_id: int | None = None
    assignment_deadline_days: int | None = None
    assignment_deadline_parent_status: ParentStatus | None = None
    assignment_deadline_sub_status_id: str | None = None
    assignment_skip_weekends: bool | None = None
    completion_deadline_days: int | None = None
    completion_deadline_parent_status: ParentStatus | None = None
    completion_deadline_sub_status_id: str | None = None
    completion_skip_weekends: bool | None = None
    conditions: tuple[Condition, ...] = ()
    notification_configurations: tuple[NotificationConfiguration, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    extra: Mapping[str, object] = field(factory=dict[str, object])


@frozen(kw_only=True)
class SlaSpec:
    """An SLA as it should be: the arguments of ``slas.create`` as a value, for ``slas.plan``.

    What is left ``UNSET`` is not managed: it is not sent, and a difference there is no change. ``None`` means that the server
    should hold null.

    >>> SlaSpec(
    ...     name="Sev1 follow-ups",
    ...     assignment_deadline_days=1,
    ...     assignment_deadline_parent_status="resolved",
    ...     completion_deadline_days=14,
    ...     completion_deadline_parent_status="resolved",
    ...     manager_user_id=7,
    ... ).name
    'Sev1 follow-ups'
    """

    name: str
    assignment_deadline_days: int
    assignment_deadline_parent_status: ParentStatus | str
    completion_deadline_days: int
    completion_deadline_parent_status: ParentStatus | str
    manager_role_id: str | Unset | None = UNSET
    manager_user_id: int | Unset | None = UNSET
    description: str | Unset | None = UNSET
    position: int | Unset | None = UNSET
    condition_match_type: MatchType | str | Unset = UNSET
    assignment_deadline_sub_status_id: str | Unset | None = UNSET
    assignment_skip_weekends: bool | Unset = UNSET
    completion_deadline_sub_status_id: str | Unset | None = UNSET
    completion_skip_weekends: bool | Unset = UNSET
    conditions: Sequence[ConditionLike] | Unset | None = UNSET
    notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """From the vendor's attribute names, as a YAML or JSON file has them; the values are checked by ``slas.plan``.

        Raises :class:`~slo_common.InvalidArgument` for names that are unknown or missing.

        >>> SlaSpec.from_dict({"name": "Sev1", "assigment_deadline_days": 1})
        Traceback (most recent call last):
        ...
        slo_common._errors.InvalidArgument: assigment_deadline_days: an unknown attribute; allowed: name, ...
        """
        require((_mapping_problem(values),))
        known = tuple(f.name for f in fields(cls))
        required = tuple(f.name for f in fields(cls) if f.default is NOTHING)
        require(
            (
                *(f"{name}: an unknown attribute; allowed: {', '.join(known)}" for name in values if name not in known),
                *(
                    f"{name}: it is missing; allowed: a value for each of {', '.join(required)}"
                    for name in required
                    if name not in values
                ),
            )
        )
        return cls(**cast("dict[str, Any]", dict(values)))
