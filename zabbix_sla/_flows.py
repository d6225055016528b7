"""Calls that need more than one request."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from slo_common._errors import OutcomeUnknown
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
