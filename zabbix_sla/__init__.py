"""Typed Python client, sync and async, for the SLAs and services of Zabbix 6.0 and later.

>>> from zabbix_sla import ZabbixSLA
>>> with ZabbixSLA("https://zabbix.example.com", token="0123...") as zbx:  # doctest: +SKIP
...     print(zbx.sla.getsli("5", periods=3)[0, "50"].sli)

Models are in :mod:`zabbix_sla.models`, calls for ``batch`` in :mod:`zabbix_sla.calls`, a server to test against in
:mod:`zabbix_sla.sandbox`, errors in :mod:`slo_common`. Names are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from slo_common._lazy import lazy

if TYPE_CHECKING:
    from zabbix_sla._client import AsyncZabbixSLA as AsyncZabbixSLA
    from zabbix_sla._client import ZabbixSLA as ZabbixSLA
    from zabbix_sla._errors import MethodNotFound as MethodNotFound
    from zabbix_sla._errors import ServerOutOfMemory as ServerOutOfMemory
    from zabbix_sla._errors import SessionEnded as SessionEnded
    from zabbix_sla._errors import UnsupportedVersion as UnsupportedVersion
    from zabbix_sla._report import Progress as Progress
    from zabbix_sla._rpc import Outcome as Outcome
    from zabbix_sla._sli import SliCell as SliCell
    from zabbix_sla._sli import SliPeriod as SliPeriod
    from zabbix_sla._sli import SliResult as SliResult
    from zabbix_sla.models import SlaPeriod as SlaPeriod

_HOME: Final[dict[str, str]] = {
    **dict.fromkeys(("AsyncZabbixSLA", "ZabbixSLA"), "_client"),
    **dict.fromkeys(("MethodNotFound", "ServerOutOfMemory", "SessionEnded", "UnsupportedVersion"), "_errors"),
    **dict.fromkeys(("SliCell", "SliPeriod", "SliResult"), "_sli"),
    "Outcome": "_rpc",
    "Progress": "_report",
    "SlaPeriod": "models",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  # the names above, loaded when used
__getattr__, __dir__ = lazy(__name__, _HOME)
