"""Calls that need more than one request."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from attrs import evolve

from slo_common._errors import Attempt, NotFound, OutcomeUnknown, Sent
from slo_common._execute import Caller
from zabbix_sla import _calls
from zabbix_sla._rpc import Rpc, single
from zabbix_sla.models import Sla

Finish = Callable[[Coroutine[Any, Any, "Sla | None"]], object]
"""How a client runs a look-up later: to its end, or as something to await."""


async def create_sla(caller: Caller, rpc: Rpc[str], finish: Finish) -> str:
    """Create an SLA. When the answer is lost the error can look the name up, which is unique."""
    try:
        return await caller.call(single(rpc))
    except OutcomeUnknown as e:
        raise e.with_look_up(lambda: finish(find_sla(caller, rpc.subject))) from None


def later(look_up: Coroutine[Any, Any, Sla | None]) -> object:
    """For an async client: what ``reconcile()`` gives is to be awaited."""
    return look_up


async def find_sla(caller: Caller, name: str) -> Sla | None:
    """The SLA of this name, or None."""
    found = await caller.call(single(_calls.sla_get(_calls.sla_query(filter={"name": name}))))
    return next(iter(found), None)


async def delete_slas(caller: Caller, slaids: Sequence[str]) -> tuple[str, ...]:
    """Delete SLAs, all or none."""
    return await _delete(
        caller, _calls.deletion("sla.delete", "slaids", slaids), "sla.get", lambda: _calls.sla_query(slaids=slaids)
    )


async def delete_services(caller: Caller, serviceids: Sequence[str]) -> tuple[str, ...]:
    """Delete services, all or none."""
    rpc = _calls.deletion("service.delete", "serviceids", serviceids)
    return await _delete(caller, rpc, "service.get", lambda: _calls.service_query(serviceids=serviceids))


async def _delete(caller: Caller, rpc: Rpc[tuple[str, ...]], get: str, query: Callable[[], dict[str, object]]) -> tuple[str, ...]:
    """That one is not found after a lost answer means that it was done. Of several, one may never have been: then none was deleted."""
    ids = tuple(rpc.subject.split())
    if len(ids) == 1:
        return await caller.call(single(rpc))
    try:
        return await caller.call(single(evolve(rpc, gone=None)))
    except NotFound as e:
        missing = e
    if any(map(_may_have_done_it, missing.attempts)) and not await caller.call(single(_calls.count(get, query()))):
        return ids
    raise missing


def _may_have_done_it(attempt: Attempt) -> bool:
    return attempt.sent is not Sent.NO and (attempt.status is None or attempt.status >= 500)
