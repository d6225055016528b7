"""The resources of the async client: the same methods as in :mod:`zabbix_sla._resources`, to be awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from slo_common._execute import Caller
from slo_common._later import Later
from slo_common._times import Timestamp
from slo_common._unset import UNSET, Unset
from zabbix_sla import _any, _calls, _flows
from zabbix_sla._calls import Row, Select
from zabbix_sla._checks import MAX_CELLS, Filter, TagsIn, Texts
from zabbix_sla._rpc import single
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
    from zabbix_sla import _report, _sli
    from zabbix_sla._models_services import Service
    from zabbix_sla._report import OnProgress
    from zabbix_sla._sli import SliResult
else:
    _report = Later("zabbix_sla._report")
    _sli = Later("zabbix_sla._sli")


class AsyncApiInfo:
    """``zbx.apiinfo``: the server itself."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def version(self) -> str:
        """The version of the server, such as ``"7.0.22"``. Needs no credential.

        Raises a :class:`~slo_common.TransportError` when there is no answer. Source: Zabbix API reference, apiinfo.version.

        >>> zbx.apiinfo.version()  # doctest: +SKIP
        """
        return await self._caller.call(single(_any.version()))


class AsyncSlas:
    """``zbx.sla``: service level agreements and their SLI."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(
        self,
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
    ) -> tuple[Sla, ...]:
        """SLAs, whole: with tags, schedule and excluded downtimes. Without arguments all that the user may see.

        ``slaids``: only these. ``serviceids``: those that cover these services. ``service_tags``: those that look for such tags
        (``any_tag``: one condition is enough). ``filter``: column to value or values, such as ``{"status": 1}``. ``search``: column to
        text, or a :class:`~zabbix_sla.models.Search`. ``sortfield`` and ``sortorder`` ("ASC", "DESC"); ``limit``: at most so many.
        ``editable``: only those that the user may change. Unknown and hidden ids are left out without an error, and Zabbix 6.0 answers an
        empty list also when its database fails.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.AuthenticationError`,
        :class:`~slo_common.PermissionDenied`. Source: Zabbix API reference, sla.get.

        >>> [sla.name for sla in zbx.sla.get(filter={"period": 2})]  # doctest: +SKIP
        """
        query = _calls.sla_query(
            slaids=slaids,
            serviceids=serviceids,
            service_tags=service_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            sortfield=sortfield,
            sortorder=sortorder,
            limit=limit,
            editable=editable,
        )
        return await self._caller.call(single(_calls.sla_get(query)))

    async def get_columns(
        self,
        output: Select = "extend",
        *,
        select_service_tags: Select | None = None,
        select_schedule: Select | None = None,
        select_excluded_downtimes: Select | None = None,
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
    ) -> tuple[Row, ...]:
        """SLAs by the columns named in ``output``, as plain rows with the texts that the server writes.

        ``select_*``: "extend", "count" or names of columns. The other arguments as in :meth:`get`. Raises the same as :meth:`get`.
        Source: Zabbix API reference, sla.get and "Reference commentary".

        >>> zbx.sla.get_columns(["slaid", "name"])  # doctest: +SKIP
        """
        query = _calls.sla_query(
            slaids=slaids,
            serviceids=serviceids,
            service_tags=service_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            sortfield=sortfield,
            sortorder=sortorder,
            limit=limit,
            editable=editable,
        )
        selects = {
            "select_service_tags": select_service_tags,
            "select_schedule": select_schedule,
            "select_excluded_downtimes": select_excluded_downtimes,
        }
        return await self._caller.call(single(_calls.columns("sla.get", output, selects, query)))

    async def count(
        self,
        *,
        slaids: Sequence[str] | None = None,
        serviceids: Sequence[str] | None = None,
        service_tags: Sequence[TagCondition] | None = None,
        any_tag: bool = False,
        filter: Filter | None = None,
        search: Mapping[str, Texts] | Search | None = None,
        editable: bool = False,
    ) -> int:
        """How many SLAs :meth:`get` would give. Raises the same. Source: Zabbix API reference, sla.get, ``countOutput``.

        >>> zbx.sla.count()  # doctest: +SKIP
        """
        query = _calls.sla_query(
            slaids=slaids,
            serviceids=serviceids,
            service_tags=service_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            editable=editable,
        )
        return await self._caller.call(single(_calls.count("sla.get", query)))

    async def create(
        self,
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
    ) -> str:
        """Create an SLA; gives its id.

        ``name``: 1 to 255 characters, unique. ``slo``: per cent, at most 4 decimals. ``effective_date``: the server keeps the second; by
        convention UTC midnight. ``timezone``: IANA name or "system". ``service_tags``: services with any of these belong to it; a mapping
        means "equals". ``schedule``: empty is around the clock.

        Raises :class:`~slo_common.InvalidArgument` before any request, :class:`~slo_common.AlreadyExists` for a name in use,
        :class:`~slo_common.PermissionDenied`, and :class:`~slo_common.OutcomeUnknown` when the answer was lost: its
        ``reconcile()`` looks the name up and gives the :class:`~zabbix_sla.models.Sla` or None. Source: Zabbix API reference,
        sla.create.

        >>> zbx.sla.create(
        ...     "Gold", period=SlaPeriod.MONTHLY, slo=99.9, effective_date=1761523200, timezone="UTC", service_tags={"sla": "gold"}
        ... )  # doctest: +SKIP
        """
        rpc = _calls.sla_create(
            name,
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
        return await _flows.create_sla(self._caller, rpc, _flows.later)

    async def update(
        self,
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
    ) -> str:
        """Change an SLA; what is left out stays. Lists are replaced whole. Gives the id.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound` (also for an SLA that is hidden),
        :class:`~slo_common.AlreadyExists`. Source: Zabbix API reference, sla.update.

        >>> zbx.sla.update("5", slo=99.5)  # doctest: +SKIP
        """
        rpc = _calls.sla_update(
            slaid,
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
        return await self._caller.call(single(rpc))

    async def delete(self, *slaids: str) -> tuple[str, ...]:
        """Delete SLAs, all or none; gives their ids.

        Raises :class:`~slo_common.NotFound` when one does not exist. Source: Zabbix API reference, sla.delete.

        >>> zbx.sla.delete("5")  # doctest: +SKIP
        """
        return await _flows.delete_slas(self._caller, slaids)

    async def getsli(
        self,
        slaid: str,
        *,
        period_from: Timestamp | None = None,
        period_to: Timestamp | None = None,
        periods: int | None = None,
        serviceids: Sequence[str] | None = None,
    ) -> SliResult:
        """The SLI of services by reporting period: one call, at most 100 periods.

        ``period_from`` and ``period_to``: moments within the first and the last period (both inclusive). ``periods``: 1 to 100.
        ``serviceids``: None is all of the SLA's, an empty list none; unknown ones are left out without an error. Observed:

        - neither bound: the last 20 (or ``periods``) up to the current one;
        - only ``period_to``: the 20 (or ``periods``) that end with its period; only ``period_from``: that begin with its period;
        - both: the newest 100 (or ``periods``) of the range.

        Only without ``periods`` does the server stop at the effective date or at the current period, and only on a side without a bound.
        :meth:`report` takes any range and size. A disabled SLA is calculated all the same.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound` (Zabbix says the same when its database
        fails), :class:`~zabbix_sla.ServerOutOfMemory` for too many cells. Source: Zabbix API reference, sla.getsli.

        >>> sli = zbx.sla.getsli("5", serviceids=["50", "60"], periods=3, period_from=1635724800)  # doctest: +SKIP
        >>> sli[0, "50"].sli  # doctest: +SKIP
        """
        rpc = _calls.getsli(slaid, period_from=period_from, period_to=period_to, periods=periods, serviceids=serviceids)
        return await self._caller.call(single(rpc))

    async def report(
        self,
        slaid: str,
        start: Timestamp,
        end: Timestamp,
        serviceids: Sequence[str] | None = None,
        *,
        on_progress: OnProgress | None = None,
        max_cells: int = MAX_CELLS,
    ) -> SliResult:
        """The SLI of any range and any number of services, in as many calls as it takes, at most four at a time.

        Covers every period that touches ``start`` (inclusive) to ``end`` (exclusive), but none before the one of the SLA's effective date
        and none after the current one (by the clock of this machine). ``serviceids``: None is all of the SLA's. ``on_progress`` gets a
        :class:`~zabbix_sla.Progress` after each call. ``max_cells``: periods times services of one call; a call that exhausts the
        server's memory all the same is split further. Each call has the client's timeout.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound` for an unknown or hidden SLA. Source: Zabbix
        API reference, sla.getsli.

        >>> sli = zbx.sla.report("5", start=1609459200, end=1640995200)  # doctest: +SKIP
        >>> sli.to_csv("2021.csv")  # doctest: +SKIP
        """
        asked = _report.wish(slaid, start, end, serviceids, on_progress=on_progress, max_cells=max_cells)
        return await _report.report(self._caller, asked)

    async def report_periods(
        self,
        slaid: str,
        start: Timestamp,
        end: Timestamp,
        serviceids: Sequence[str] | None = None,
        *,
        on_progress: OnProgress | None = None,
        max_cells: int = MAX_CELLS,
    ) -> AsyncIterator[SliResult]:
        """The same as :meth:`report`, period by period, oldest first: each result has one period. Holds at most 100 periods in memory.
        Raises the same, when it is iterated.

        >>> for sli in zbx.sla.report_periods("5", start=1609459200, end=1640995200):  # doctest: +SKIP
        ...     print(sli.periods[0].period_from, sli[0, "50"].sli)
        """
        asked = _report.wish(slaid, start, end, serviceids, on_progress=on_progress, max_cells=max_cells)
        made = await _report.plan(self._caller, asked)
        done = 0
        for page in made.pages:
            parts = await _report.fetch_pages(self._caller, made, [page], asked.on_progress, done_before=done)
            done += len(page.periods) * sum(map(len, made.chunks))
            for one in _sli.merged(parts).by_period():
                yield one


class AsyncServices:
    """``zbx.service``: the service tree."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(
        self,
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
        select_parents: bool = False,
        select_children: bool = False,
        select_problem_events: bool = False,
        select_status_rules: bool = False,
        select_status_timeline: Sequence[tuple[Timestamp, Timestamp]] | None = None,
    ) -> tuple[Service, ...]:
        """Services, with their tags. Without arguments all that the user may see.

        ``parentids``: children of these ("0": roots), with ``deep_parentids`` all descendants. ``slaids``: covered by these SLAs.
        ``tags`` and ``problem_tags``: conditions (``any_tag``: one is enough). The ``select_*`` fill the fields of that name;
        ``select_status_timeline`` takes spans of (from, to). The other arguments as in ``sla.get``. Zabbix 6.0 answers an empty list
        also when its database fails.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.AuthenticationError`,
        :class:`~slo_common.PermissionDenied`. Source: Zabbix API reference, service.get.

        >>> zbx.service.get(slaids=["5"], select_problem_events=True)  # doctest: +SKIP
        """
        query = _calls.service_query(
            serviceids=serviceids,
            parentids=parentids,
            deep_parentids=deep_parentids,
            childids=childids,
            slaids=slaids,
            tags=tags,
            problem_tags=problem_tags,
            without_problem_tags=without_problem_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            sortfield=sortfield,
            sortorder=sortorder,
            limit=limit,
            editable=editable,
        )
        rpc = _calls.service_get(
            query,
            parents=select_parents,
            children=select_children,
            problem_events=select_problem_events,
            status_rules=select_status_rules,
            status_timeline=select_status_timeline,
        )
        return await self._caller.call(single(rpc))

    async def get_columns(
        self,
        output: Select = "extend",
        *,
        select_parents: Select | None = None,
        select_children: Select | None = None,
        select_tags: Select | None = None,
        select_problem_tags: Select | None = None,
        select_problem_events: Select | None = None,
        select_status_rules: Select | None = None,
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
    ) -> tuple[Row, ...]:
        """Services by the columns named in ``output``, as plain rows with the texts that the server writes.

        ``select_*``: "extend", "count" or names of columns. The other arguments as in :meth:`get`. Raises the same as :meth:`get`.
        Source: Zabbix API reference, service.get and "Reference commentary".

        >>> zbx.service.get_columns(["serviceid", "name"])  # doctest: +SKIP
        """
        query = _calls.service_query(
            serviceids=serviceids,
            parentids=parentids,
            deep_parentids=deep_parentids,
            childids=childids,
            slaids=slaids,
            tags=tags,
            problem_tags=problem_tags,
            without_problem_tags=without_problem_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            sortfield=sortfield,
            sortorder=sortorder,
            limit=limit,
            editable=editable,
        )
        selects = {
            "select_parents": select_parents,
            "select_children": select_children,
            "select_tags": select_tags,
            "select_problem_tags": select_problem_tags,
            "select_problem_events": select_problem_events,
            "select_status_rules": select_status_rules,
        }
        return await self._caller.call(single(_calls.columns("service.get", output, selects, query)))

    async def count(
        self,
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
        editable: bool = False,
    ) -> int:
        """How many services :meth:`get` would give. Raises the same. Source: Zabbix API reference, service.get, ``countOutput``.

        >>> zbx.service.count(slaids=["5"])  # doctest: +SKIP
        """
        query = _calls.service_query(
            serviceids=serviceids,
            parentids=parentids,
            deep_parentids=deep_parentids,
            childids=childids,
            slaids=slaids,
            tags=tags,
            problem_tags=problem_tags,
            without_problem_tags=without_problem_tags,
            any_tag=any_tag,
            filter=filter,
            search=search,
            editable=editable,
        )
        return await self._caller.call(single(_calls.count("service.get", query)))

    async def create(
        self,
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
    ) -> str:
        """Create a service; gives its id. Names need not be unique, so a create whose answer was lost cannot be looked up for certain.

        ``sortorder``: 0 to 999. ``tags``: what SLAs find it by. ``problem_tags``: which problems are its own; not together with
        ``children``. ``parents`` and ``children``: ids.

        Raises :class:`~slo_common.InvalidArgument` before any request, :class:`~slo_common.NotFound` for an unknown parent or
        child, :class:`~slo_common.OutcomeUnknown` when the answer was lost. Source: Zabbix API reference, service.create.

        >>> zbx.service.create("Checkout", tags={"sla": "gold"}, problem_tags={"service": "checkout"})  # doctest: +SKIP
        """
        rpc = _calls.service_create(
            name,
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
        return await self._caller.call(single(rpc))

    async def update(
        self,
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
    ) -> str:
        """Change a service; what is left out stays. Lists are replaced whole. Gives the id.

        Raises :class:`~slo_common.InvalidArgument`, :class:`~slo_common.NotFound` (also for a service that is hidden). Source:
        Zabbix API reference, service.update.

        >>> zbx.service.update("50", description="card payments")  # doctest: +SKIP
        """
        rpc = _calls.service_update(
            serviceid,
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
        return await self._caller.call(single(rpc))

    async def delete(self, *serviceids: str) -> tuple[str, ...]:
        """Delete services, all or none; their children stay. Gives the ids.

        Raises :class:`~slo_common.NotFound` when one does not exist. Source: Zabbix API reference, service.delete.

        >>> zbx.service.delete("50")  # doctest: +SKIP
        """
        return await _flows.delete_services(self._caller, serviceids)
