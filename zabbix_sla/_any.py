"""Calls that need no model: any method of the API by its name, and the version. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from slo_common._check import Problems
from slo_common._json import JsonValue
from slo_common._values import Reply, Safety
from zabbix_sla._replies import misfit
from zabbix_sla._rpc import Rpc

_METHOD: Final = re.compile(r"[!-~]+?\.[!-~]+")
_READS: Final = ("get", "version", "getsli", "export", "test", "checkauthentication")


def any_call(method: str, params: Mapping[str, object] | Sequence[object]) -> Rpc[JsonValue]:
    """Any method of the API. ``*.get`` and the like count as reads, all else as writes that are not repeated."""
    problems = Problems()
    _check_method(problems, method)
    sent = _sent(problems, params)
    problems.raise_if_any()
    safety = Safety.READ if method.partition(".")[2].lower() in _READS else Safety.UNSAFE
    return Rpc(method=method, params=sent, safety=safety, read=lambda value, _: cast(JsonValue, value))


def _check_method(problems: Problems, method: object) -> None:
    if not isinstance(method, str) or _METHOD.fullmatch(method) is None:
        problems.add(f"method: {method!r} was given; allowed: the API and the method, such as 'host.get'")


def _sent(problems: Problems, params: object) -> dict[object, object] | list[object]:
    """Whether what is in it can be sent shows when it is written as JSON."""
    if isinstance(params, Mapping):
        return dict(cast(Mapping[object, object], params))
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        problems.add(f"params: {params!r} was given; allowed: a mapping or a list")
        return []
    return list(cast(Iterable[object], params))


def version() -> Rpc[str]:
    """``apiinfo.version``."""

    def read(value: object, reply: Reply) -> str:
        if not isinstance(value, str):
            raise misfit("$.result: expected a string", call="zabbix.apiinfo.version", reply=reply)
        return value

    return Rpc(method="apiinfo.version", params=[], safety=Safety.READ, read=read)
