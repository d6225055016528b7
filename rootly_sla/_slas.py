"""The resource ``slas``, sync and async: every operation with its full signature.

Arguments go on as ``locals()``, of which the calls take theirs by name: a list of them in each method could leave one out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rootly_sla import _calls
from rootly_sla.models import ConditionLike, MatchType, NotificationLike, ParentStatus, Sla, SlaSpec
from slo_common._drive import drive
from slo_common._errors import OutcomeUnknown
from slo_common._later import Later
from slo_common._pages import AsyncPaged, SyncPaged
from slo_common._times import Timestamp
from slo_common._unset import UNSET, Unset

if TYPE_CHECKING:
    from rootly_sla import _flows as flows
    from rootly_sla._flows import Ensured
    from rootly_sla._planning import Applied, Plan
    from rootly_sla._recent import Desk
else:
    flows = Later("rootly_sla._flows")


def _by_id(sla: Sla) -> str:
    return sla.id


class Slas:
    """The SLAs of the team that the key belongs to (Rootly API reference, SLAs)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(
        self,
        *,
        search: str | None = None,
        name: str | None = None,
        name_eq: str | None = None,
        name_not_eq: str | None = None,
        name_in: Sequence[str] | None = None,
        name_not_in: Sequence[str] | None = None,
        slug: str | None = None,
        slug_eq: str | None = None,
        slug_not_eq: str | None = None,
        slug_in: Sequence[str] | None = None,
        slug_not_in: Sequence[str] | None = None,
        created_at_gt: Timestamp | None = None,
        created_at_gte: Timestamp | None = None,
        created_at_lt: Timestamp | None = None,
        created_at_lte: Timestamp | None = None,
        sort: str | Sequence[str] | None = None,
        page_size: int = 100,
        page_number: int = 1,
    ) -> SyncPaged[Sla]:
        """All SLAs that pass every filter given, lazily: iterate over it, or over its ``.pages()``.

        ``search``: in the text (blank: no search). ``name``, ``slug``: that value; ``_eq``, ``_not_eq``, ``_in``, ``_not_in``: the
        vendor's operators (values in lists must not hold a comma). ``created_at_*``: aware datetimes or epoch seconds. ``sort``: a
        field or several, ``-`` before it for descending order, such as ``"-created_at"``; the vendor documents none for SLAs.
        ``page_size``: SLAs a call, 1 to 100. ``page_number``: where to begin, from 1.

        A list may lag some seconds behind what was written; ``get`` does not. Raises :class:`~slo_common.InvalidArgument`, and what every
        call may raise when it is iterated. Rootly API reference, SLAs, List SLAs.

        >>> for sla in rootly.slas.list(search="sev1", sort="-created_at"):
        ...     print(sla.name)  # doctest: +SKIP
        """
        first = _calls.list_slas(self._desk.caller.base_url, locals(), sort=sort, page_size=page_size, page_number=page_number)
        return SyncPaged(lambda call: drive(self._desk.caller.call(call)), first, _by_id)

    def get(self, sla_id: str) -> Sla:
        """One SLA by its id, as it is now.

        Raises :class:`~slo_common.NotFound` when there is none, or it belongs to another team. Rootly API reference, SLAs, Retrieves an SLA.

        >>> rootly.slas.get("0b9e6c1e-7f0e-4c39-b5a4-5d3f7a0c9d21")  # doctest: +SKIP
        Sla(id='0b9e6c1e-7f0e-4c39-b5a4-5d3f7a0c9d21', name='Sev1 follow-ups', ...)
        """
        return drive(self._desk.caller.call(_calls.get(sla_id)))

    def create(
        self,
        *,
        name: str,
        assignment_deadline_days: int,
        assignment_deadline_parent_status: ParentStatus | str,
        completion_deadline_days: int,
        completion_deadline_parent_status: ParentStatus | str,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Sla:
        """Create an SLA; what is left out is not sent.

        ``name``: unique within the team. ``*_deadline_days``: one of 1-7, 14, 21, 30. ``*_deadline_parent_status``: the incident status from
        which the deadline counts. Exactly one of ``manager_role_id`` (a UUID) and ``manager_user_id``. ``*_sub_status_id``: needed when
        the team has custom lifecycle statuses. ``conditions``, ``notification_configurations``: at most 20 each, as
        :class:`Condition` and :class:`NotificationConfiguration` or as the vendor's JSON objects; condition values are ids, not names.

        Raises :class:`~slo_common.InvalidArgument` with every fault, before any request; :class:`SlaRefused` for what only the server
        can know, of which :class:`NameTaken` is one; :class:`~slo_common.OutcomeUnknown` when the answer was lost: its ``reconcile()``
        only reads, while the client is open: the :class:`Sla`, or None when it is not there (it looks for half a minute, as lists lag).
        Rootly API reference, SLAs, Creates an SLA.

        >>> rootly.slas.create(
        ...     name="Sev1 follow-ups",
        ...     assignment_deadline_days=1,
        ...     assignment_deadline_parent_status="resolved",
        ...     completion_deadline_days=14,
        ...     completion_deadline_parent_status="resolved",
        ...     manager_user_id=7,
        ... )  # doctest: +SKIP
        """
        try:
            return drive(flows.create(self._desk, locals()))
        except OutcomeUnknown as unknown:
            raise self._with_look_up(unknown, name) from None

    def update(
        self,
        sla_id: str,
        *,
        name: str | Unset = UNSET,
        assignment_deadline_days: int | Unset = UNSET,
        assignment_deadline_parent_status: ParentStatus | str | Unset = UNSET,
        completion_deadline_days: int | Unset = UNSET,
        completion_deadline_parent_status: ParentStatus | str | Unset = UNSET,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Sla:
        """Change an SLA: what is left out stays, ``None`` clears, a list replaces the whole list (an empty one or None clears it).

        To change the kind of manager pass both, the old one as None. The rest is as in ``create``. A repeated update ends in the same
        state, so it is tried again when its answer is lost. Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound`,
        :class:`SlaRefused`. Rootly API reference, SLAs, Update an SLA (a PUT, partial all the same).

        >>> rootly.slas.update(sla.id, completion_deadline_days=21, description=None)  # doctest: +SKIP
        """
        return drive(flows.update(self._desk, sla_id, locals()))

    def delete(self, sla_id: str) -> Sla | None:
        """Delete an SLA and give it as it was; None when the server does not return it, or a try whose answer was lost had done it.

        Raises :class:`~slo_common.NotFound` when there was none. Rootly API reference, SLAs, Delete an SLA.

        >>> rootly.slas.delete(sla.id)  # doctest: +SKIP
        """
        return drive(flows.delete(self._desk, sla_id))

    def ensure(
        self,
        *,
        name: str,
        assignment_deadline_days: int,
        assignment_deadline_parent_status: ParentStatus | str,
        completion_deadline_days: int,
        completion_deadline_parent_status: ParentStatus | str,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Ensured:
        """Create the SLA of this name, or update what differs, with the fewest calls; says what it did.

        Arguments as in ``create``; what is left out is not managed and stays as it is. One read, a second one if somebody changed the
        SLA within the last half minute (lists lag), and one write if something differs.
        Safe when several processes do it at once (names are unique: the one that comes second finds the first one's SLA) and while lists
        lag behind (it waits up to half a minute for an SLA that must appear). A lost answer of a create is looked up before another try.
        Raises what ``create`` and ``update`` raise, and :class:`AmbiguousName` when several SLAs have the name.

        >>> (
        ...     rootly.slas.ensure(
        ...         name="Sev1 follow-ups",
        ...         assignment_deadline_days=1,
        ...         assignment_deadline_parent_status="resolved",
        ...         completion_deadline_days=14,
        ...         completion_deadline_parent_status="resolved",
        ...         manager_user_id=7,
        ...     )
        ... ).action  # doctest: +SKIP
        <Action.CREATED: 'created'>
        """
        try:
            return drive(flows.ensure(self._desk, locals()))
        except OutcomeUnknown as unknown:
            raise self._with_look_up(unknown, name) from None

    def plan(self, desired: Iterable[SlaSpec], *, delete_others: bool = False) -> Plan:
        """What would have to change so that these SLAs are as they should be. Only reads: one call for every 100 SLAs of the team.

        ``desired``: one :class:`SlaSpec` for each SLA; what it leaves UNSET is not managed. ``delete_others``: plan to delete every SLA that
        is not among them. The plan is a value: print it, keep it, or give it to ``apply``. Raises
        :class:`~slo_common.InvalidArgument` with every fault of every SLA, and :class:`AmbiguousName`.

        >>> rootly.slas.plan(specs)  # doctest: +SKIP
        """
        from rootly_sla import _planning as planning

        return drive(planning.plan(self._desk, desired, delete_others=delete_others))

    def apply(self, plan: Plan) -> Applied:
        """Do what a plan says: one write for each change, in the plan's order, under the rate limit.

        Safe when the world moved on since: an SLA that another process created meanwhile is updated, one that is gone is created,
        a deletion of what is gone is done. What one SLA is refused for does not stop the others; what would stop them all
        (credentials, connection) does. Then :class:`ApplyFailed` is raised, whose ``result`` tells what was done, what failed and what was
        not tried.

        >>> rootly.slas.apply(plan)  # doctest: +SKIP
        """
        from rootly_sla import _planning as planning

        return drive(planning.apply(self._desk, plan))

    def _with_look_up(self, unknown: OutcomeUnknown, name: str) -> OutcomeUnknown:
        return unknown.with_look_up(lambda: drive(flows.look_up(self._desk, name, unknown.first_sent_at)))


class AsyncSlas:
    """The SLAs of the team that the key belongs to (Rootly API reference, SLAs)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(
        self,
        *,
        search: str | None = None,
        name: str | None = None,
        name_eq: str | None = None,
        name_not_eq: str | None = None,
        name_in: Sequence[str] | None = None,
        name_not_in: Sequence[str] | None = None,
        slug: str | None = None,
        slug_eq: str | None = None,
        slug_not_eq: str | None = None,
        slug_in: Sequence[str] | None = None,
        slug_not_in: Sequence[str] | None = None,
        created_at_gt: Timestamp | None = None,
        created_at_gte: Timestamp | None = None,
        created_at_lt: Timestamp | None = None,
        created_at_lte: Timestamp | None = None,
        sort: str | Sequence[str] | None = None,
        page_size: int = 100,
        page_number: int = 1,
    ) -> AsyncPaged[Sla]:
        """All SLAs that pass every filter given, lazily: iterate over it, or over its ``.pages()``.

        ``search``: in the text (blank: no search). ``name``, ``slug``: that value; ``_eq``, ``_not_eq``, ``_in``, ``_not_in``: the
        vendor's operators (values in lists must not hold a comma). ``created_at_*``: aware datetimes or epoch seconds. ``sort``: a
        field or several, ``-`` before it for descending order, such as ``"-created_at"``; the vendor documents none for SLAs.
        ``page_size``: SLAs a call, 1 to 100. ``page_number``: where to begin, from 1.

        A list may lag some seconds behind what was written; ``get`` does not. Raises :class:`~slo_common.InvalidArgument`, and what every
        call may raise when it is iterated. Rootly API reference, SLAs, List SLAs.

        >>> async for sla in rootly.slas.list(search="sev1", sort="-created_at"):
        ...     print(sla.name)  # doctest: +SKIP
        """
        first = _calls.list_slas(self._desk.caller.base_url, locals(), sort=sort, page_size=page_size, page_number=page_number)
        return AsyncPaged(self._desk.caller.call, first, _by_id)

    async def get(self, sla_id: str) -> Sla:
        """One SLA by its id, as it is now.

        Raises :class:`~slo_common.NotFound` when there is none, or it belongs to another team. Rootly API reference, SLAs, Retrieves an SLA.

        >>> await rootly.slas.get("0b9e6c1e-7f0e-4c39-b5a4-5d3f7a0c9d21")  # doctest: +SKIP
        Sla(id='0b9e6c1e-7f0e-4c39-b5a4-5d3f7a0c9d21', name='Sev1 follow-ups', ...)
        """
        return await self._desk.caller.call(_calls.get(sla_id))

    async def create(
        self,
        *,
        name: str,
        assignment_deadline_days: int,
        assignment_deadline_parent_status: ParentStatus | str,
        completion_deadline_days: int,
        completion_deadline_parent_status: ParentStatus | str,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Sla:
        """Create an SLA; what is left out is not sent.

        ``name``: unique within the team. ``*_deadline_days``: one of 1-7, 14, 21, 30. ``*_deadline_parent_status``: the incident status from
        which the deadline counts. Exactly one of ``manager_role_id`` (a UUID) and ``manager_user_id``. ``*_sub_status_id``: needed when
        the team has custom lifecycle statuses. ``conditions``, ``notification_configurations``: at most 20 each, as
        :class:`Condition` and :class:`NotificationConfiguration` or as the vendor's JSON objects; condition values are ids, not names.

        Raises :class:`~slo_common.InvalidArgument` with every fault, before any request; :class:`SlaRefused` for what only the server
        can know, of which :class:`NameTaken` is one; :class:`~slo_common.OutcomeUnknown` when the answer was lost: its ``reconcile()``
        only reads, while the client is open: the :class:`Sla`, or None when it is not there (it looks for half a minute, as lists lag).
        Rootly API reference, SLAs, Creates an SLA.

        >>> await rootly.slas.create(
        ...     name="Sev1 follow-ups",
        ...     assignment_deadline_days=1,
        ...     assignment_deadline_parent_status="resolved",
        ...     completion_deadline_days=14,
        ...     completion_deadline_parent_status="resolved",
        ...     manager_user_id=7,
        ... )  # doctest: +SKIP
        """
        try:
            return await flows.create(self._desk, locals())
        except OutcomeUnknown as unknown:
            raise self._with_look_up(unknown, name) from None

    async def update(
        self,
        sla_id: str,
        *,
        name: str | Unset = UNSET,
        assignment_deadline_days: int | Unset = UNSET,
        assignment_deadline_parent_status: ParentStatus | str | Unset = UNSET,
        completion_deadline_days: int | Unset = UNSET,
        completion_deadline_parent_status: ParentStatus | str | Unset = UNSET,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Sla:
        """Change an SLA: what is left out stays, ``None`` clears, a list replaces the whole list (an empty one or None clears it).

        To change the kind of manager pass both, the old one as None. The rest is as in ``create``. A repeated update ends in the same
        state, so it is tried again when its answer is lost. Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound`,
        :class:`SlaRefused`. Rootly API reference, SLAs, Update an SLA (a PUT, partial all the same).

        >>> await rootly.slas.update(sla.id, completion_deadline_days=21, description=None)  # doctest: +SKIP
        """
        return await flows.update(self._desk, sla_id, locals())

    async def delete(self, sla_id: str) -> Sla | None:
        """Delete an SLA and give it as it was; None when the server does not return it, or a try whose answer was lost had done it.

        Raises :class:`~slo_common.NotFound` when there was none. Rootly API reference, SLAs, Delete an SLA.

        >>> await rootly.slas.delete(sla.id)  # doctest: +SKIP
        """
        return await flows.delete(self._desk, sla_id)

    async def ensure(
        self,
        *,
        name: str,
        assignment_deadline_days: int,
        assignment_deadline_parent_status: ParentStatus | str,
        completion_deadline_days: int,
        completion_deadline_parent_status: ParentStatus | str,
        manager_role_id: str | Unset | None = UNSET,
        manager_user_id: int | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        position: int | Unset | None = UNSET,
        condition_match_type: MatchType | str | Unset = UNSET,
        assignment_deadline_sub_status_id: str | Unset | None = UNSET,
        assignment_skip_weekends: bool | Unset = UNSET,
        completion_deadline_sub_status_id: str | Unset | None = UNSET,
        completion_skip_weekends: bool | Unset = UNSET,
        conditions: Sequence[ConditionLike] | Unset | None = UNSET,
        notification_configurations: Sequence[NotificationLike] | Unset | None = UNSET,
    ) -> Ensured:
        """Create the SLA of this name, or update what differs, with the fewest calls; says what it did.

        Arguments as in ``create``; what is left out is not managed and stays as it is. One read, a second one if somebody changed the
        SLA within the last half minute (lists lag), and one write if something differs.
        Safe when several processes do it at once (names are unique: the one that comes second finds the first one's SLA) and while lists
        lag behind (it waits up to half a minute for an SLA that must appear). A lost answer of a create is looked up before another try.
        Raises what ``create`` and ``update`` raise, and :class:`AmbiguousName` when several SLAs have the name.

        >>> (
        ...     await rootly.slas.ensure(
        ...         name="Sev1 follow-ups",
        ...         assignment_deadline_days=1,
        ...         assignment_deadline_parent_status="resolved",
        ...         completion_deadline_days=14,
        ...         completion_deadline_parent_status="resolved",
        ...         manager_user_id=7,
        ...     )
        ... ).action  # doctest: +SKIP
        <Action.CREATED: 'created'>
        """
        try:
            return await flows.ensure(self._desk, locals())
        except OutcomeUnknown as unknown:
            raise self._with_look_up(unknown, name) from None

    async def plan(self, desired: Iterable[SlaSpec], *, delete_others: bool = False) -> Plan:
        """What would have to change so that these SLAs are as they should be. Only reads: one call for every 100 SLAs of the team.

        ``desired``: one :class:`SlaSpec` for each SLA; what it leaves UNSET is not managed. ``delete_others``: plan to delete every SLA that
        is not among them. The plan is a value: print it, keep it, or give it to ``apply``. Raises
        :class:`~slo_common.InvalidArgument` with every fault of every SLA, and :class:`AmbiguousName`.

        >>> await rootly.slas.plan(specs)  # doctest: +SKIP
        """
        from rootly_sla import _planning as planning

        return await planning.plan(self._desk, desired, delete_others=delete_others)

    async def apply(self, plan: Plan) -> Applied:
        """Do what a plan says: one write for each change, in the plan's order, under the rate limit.

        Safe when the world moved on since: an SLA that another process created meanwhile is updated, one that is gone is created,
        a deletion of what is gone is done. What one SLA is refused for does not stop the others; what would stop them all
        (credentials, connection) does. Then :class:`ApplyFailed` is raised, whose ``result`` tells what was done, what failed and what was
        not tried.

        >>> await rootly.slas.apply(plan)  # doctest: +SKIP
        """
        from rootly_sla import _planning as planning

        return await planning.apply(self._desk, plan)

    def _with_look_up(self, unknown: OutcomeUnknown, name: str) -> OutcomeUnknown:
        return unknown.with_look_up(lambda: flows.look_up(self._desk, name, unknown.first_sent_at))
