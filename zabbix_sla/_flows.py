"""Calls that need more than one request."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from slo_common._errors import Attempt, NotFound, OutcomeUnknown, Sent, SloError, about
from slo_common._execute import Caller
from slo_common._times import from_epoch
from zabbix_sla import _calls
from zabbix_sla._rpc import Outcome, Rpc, checked, single, together
from zabbix_sla.models import Sla

T = TypeVar("T")

Finish = Callable[[Coroutine[Any, Any, "Sla | None"]], object]
"""How a client runs a look-up later: to its end, or as something to await."""


async def create_sla(caller: Caller, rpc: Rpc[str], finish: Finish) -> str:
    """Create an SLA. When the answer is lost the error can look the name up, which is unique."""
    try:
        return await caller.call(single(rpc))
    except OutcomeUnknown as e:
        raise e.with_look_up(functools.partial(_find_later, caller, rpc.subject, finish)) from None


def _find_later(caller: Caller, name: str, finish: Finish) -> object:
    return finish(find_sla(caller, name))


def later(look_up: Coroutine[Any, Any, Sla | None]) -> object:
    """For an async client: what ``reconcile()`` gives is to be awaited."""
    return look_up


async def find_sla(caller: Caller, name: str) -> Sla | None:
    """The SLA of this name, or None."""
    found = await caller.call(single(_calls.sla_get(_calls.sla_query(filter={"name": name}))))
    return next(iter(found), None)


async def delete_slas(caller: Caller, slaids: Sequence[str]) -> tuple[str, ...]:
    """Delete SLAs, all or none."""
    return await _delete(caller, _calls.deletion("sla.delete", "slaids", slaids))


async def delete_services(caller: Caller, serviceids: Sequence[str]) -> tuple[str, ...]:
    """Delete services, all or none."""
    return await _delete(caller, _calls.deletion("service.delete", "serviceids", serviceids))


async def _delete(caller: Caller, rpc: Rpc[T]) -> T:
    began = from_epoch(caller.runtime.wall())
    try:
        return await caller.call(single(rpc))
    except NotFound as e:
        missing = e
    settled = await _settled(caller, rpc, Outcome(method=rpc.method, error=missing), began)
    return settled.unwrap()


async def batch(caller: Caller, calls: Iterable[Rpc[T]], finish: Finish) -> tuple[Outcome[T], ...]:
    """Many calls in one request, each with an outcome of its own."""
    rpcs = cast("tuple[Rpc[T], ...]", checked(calls))
    began = from_epoch(caller.runtime.wall())
    outcomes = await caller.call(together(rpcs, began=began))
    for rpc, outcome in zip(rpcs, outcomes, strict=True):
        if isinstance(outcome.error, OutcomeUnknown) and rpc.method == "sla.create" and rpc.subject:
            outcome.error.with_look_up(functools.partial(_find_later, caller, rpc.subject, finish))
    return tuple([await _settled(caller, rpc, outcome, began) for rpc, outcome in zip(rpcs, outcomes, strict=True)])


async def _settled(caller: Caller, rpc: Rpc[T], outcome: Outcome[T], began: datetime) -> Outcome[T]:
    """That a deletion finds nothing after a lost answer means that it was done. Of several, one may never have been: then none was deleted."""
    missing = outcome.error
    if rpc.gone is None or not isinstance(missing, NotFound) or not any(map(_may_have_done_it, missing.attempts)):
        return outcome
    if rpc.left is not None:
        try:
            if await caller.call(single(rpc.left)):
                return outcome
        except SloError as e:
            return Outcome(method=rpc.method, error=_not_looked_up(rpc, missing, e, began))
    return Outcome(method=rpc.method, value=rpc.gone())


def _not_looked_up(rpc: Rpc[object], missing: NotFound, why: SloError, began: datetime) -> OutcomeUnknown:
    unknown = OutcomeUnknown(
        f"{about(rpc.name, rpc.subject)}: an answer was lost and its repeat found nothing, so it may have been applied; "
        f"looking whether it was failed: {why}",
        operation=rpc.name,
        first_sent_at=began,
        status=missing.status,
    )
    unknown.retry_safe = True
    unknown.attempts = missing.attempts
    return unknown


def _may_have_done_it(attempt: Attempt) -> bool:
    return attempt.sent is not Sent.NO and (attempt.status is None or attempt.status >= 500)
