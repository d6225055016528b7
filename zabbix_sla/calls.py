"""Calls for ``batch``: the same arguments as the methods of the client, and nothing is sent until then.

>>> from zabbix_sla import calls
>>> results = zbx.batch([calls.getsli("1", periods=1), calls.getsli("2", periods=1)])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from slo_common._json import JsonValue
from zabbix_sla import _calls
from zabbix_sla._calls import any_call as call
from zabbix_sla._calls import getsli, service_create, service_update, sla_create, sla_update
from zabbix_sla._rpc import Outcome, Rpc
from zabbix_sla.models import Service, Sla

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


def sla_get(**query: Any) -> Rpc[tuple[Sla, ...]]:
    """``sla.get`` with the arguments of ``zbx.sla.get``."""
    return _calls.sla_get(_calls.sla_query(**query))


def sla_delete(*slaids: str) -> Rpc[tuple[str, ...]]:
    """``sla.delete``."""
    return _calls.deletion("sla.delete", "slaids", slaids)


def service_get(**query: Any) -> Rpc[tuple[Service, ...]]:
    """``service.get`` with the arguments of ``zbx.service.get`` that choose and order services."""
    return _calls.service_get(_calls.service_query(**query))


def service_delete(*serviceids: str) -> Rpc[tuple[str, ...]]:
    """``service.delete``."""
    return _calls.deletion("service.delete", "serviceids", serviceids)
