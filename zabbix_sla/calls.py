"""Calls for ``batch``: the same arguments as the methods of the client, and nothing is sent until then.

>>> from zabbix_sla import calls
>>> results = zbx.batch([calls.getsli("1", periods=1), calls.getsli("2", periods=1)])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slo_common._json import JsonValue
from slo_common._times import Timestamp
from zabbix_sla import _calls
from zabbix_sla._any import any_call as call
from zabbix_sla._calls import getsli, service_create, service_update, sla_create, sla_update
from zabbix_sla._checks import Filter, Texts
from zabbix_sla._rpc import Outcome, Rpc
from zabbix_sla.models import Search, Service, Sla, TagCondition

__all__ = [
    "JsonValue",
    "Outcome",
    "Rpc",
    "call",
    "getsli",
    "service_create",
    "service_delete",
    "service_get",
    "service_update",
    "sla_create",
    "sla_delete",
    "sla_get",
    "sla_update",
]


def sla_get(
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
) -> Rpc[tuple[Sla, ...]]:
    """``sla.get`` with the arguments of ``zbx.sla.get``."""
    return _calls.sla_get(
        _calls.sla_query(
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
    )


def sla_delete(*slaids: str) -> Rpc[tuple[str, ...]]:
    """``sla.delete``."""
    return _calls.deletion("sla.delete", "slaids", slaids)


def service_get(
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
) -> Rpc[tuple[Service, ...]]:
    """``service.get`` with the arguments of ``zbx.service.get``."""
    return _calls.service_get(
        _calls.service_query(
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
        ),
        parents=select_parents,
        children=select_children,
        problem_events=select_problem_events,
        status_rules=select_status_rules,
        status_timeline=select_status_timeline,
    )


def service_delete(*serviceids: str) -> Rpc[tuple[str, ...]]:
    """``service.delete``."""
    return _calls.deletion("service.delete", "serviceids", serviceids)
