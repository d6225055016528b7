"""The optional fast path of :mod:`zabbix_sla._sli_decode`, on msgspec. Imported only when msgspec is installed.

One period at a time becomes objects, so that the body is most of the memory that it takes.
"""

from __future__ import annotations

from array import array
from typing import Annotated

import msgspec

from slo_common._times import from_epoch
from zabbix_sla._sli import SliPeriod, SliResult
from zabbix_sla._sli_decode import MAX_SECONDS, Away, Misfit, columns_of

Seconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_SECONDS)]


class _Excluded(msgspec.Struct, gc=False):
    name: str
    period_from: Seconds
    period_to: Seconds


class _Cell(msgspec.Struct, gc=False):
    uptime: int
    downtime: int
    sli: float
    error_budget: int
    excluded_downtimes: tuple[_Excluded, ...]


class _Period(msgspec.Struct, gc=False):
    period_from: Seconds
    period_to: Seconds


class _Report(msgspec.Struct, gc=False):
    periods: list[_Period]
    serviceids: list[int | str]
    sli: list[msgspec.Raw]
    """Each a part of the body, not yet parsed."""


class _Envelope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    jsonrpc: str
    id: int
    result: _Report


_envelope = msgspec.json.Decoder(_Envelope)
_row = msgspec.json.Decoder(list[_Cell])


def decode(body: bytes) -> SliResult | None:
    """The report of a good answer to call 1; None for anything else."""
    try:
        envelope = _envelope.decode(body)
        return _result(envelope.result) if (envelope.jsonrpc, envelope.id) == ("2.0", 1) else None
    except (msgspec.DecodeError, Misfit, ValueError, OverflowError, RecursionError):
        return None


def _result(report: _Report) -> SliResult | None:
    width = len(report.serviceids)
    if len(report.sli) != (len(report.periods) if width else 0):
        return None
    uptime, downtime, sli, error_budget = array("q"), array("q"), array("d"), array("q")
    excluded: dict[int, Away] = {}
    for part in report.sli:
        row = _row.decode(part)
        if len(row) != width:
            return None
        for number, away in enumerate([cell.excluded_downtimes for cell in row], len(uptime)):
            if away:
                excluded[number] = tuple([(e.name, e.period_from, e.period_to) for e in away])
        uptime.fromlist([cell.uptime for cell in row])
        downtime.fromlist([cell.downtime for cell in row])
        sli.fromlist([cell.sli for cell in row])
        error_budget.fromlist([cell.error_budget for cell in row])
    columns = columns_of(uptime, downtime, sli, error_budget, excluded)
    periods = tuple(SliPeriod(period_from=from_epoch(p.period_from), period_to=from_epoch(p.period_to)) for p in report.periods)
    return SliResult(periods=periods, serviceids=tuple(map(str, report.serviceids)), columns=columns)
