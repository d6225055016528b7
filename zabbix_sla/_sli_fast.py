"""The optional fast path of :mod:`zabbix_sla._sli_decode`, on msgspec. Imported only when msgspec is installed."""

from __future__ import annotations

from array import array
from itertools import chain

import msgspec

from slo_common._times import from_epoch
from zabbix_sla._sli import SliPeriod, SliResult
from zabbix_sla._sli_decode import Misfit, columns_of


class _Excluded(msgspec.Struct, gc=False):
    name: str
    period_from: int
    period_to: int


class _Cell(msgspec.Struct, gc=False):
    uptime: int
    downtime: int
    sli: float
    error_budget: int
    excluded_downtimes: list[_Excluded]


class _Period(msgspec.Struct, gc=False):
    period_from: int
    period_to: int


class _Report(msgspec.Struct, gc=False):
    periods: list[_Period]
    serviceids: list[int | str]
    sli: list[list[_Cell]]


class _Envelope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    jsonrpc: str
    id: int
    result: _Report


_decoder = msgspec.json.Decoder(_Envelope)


def decode(body: bytes) -> SliResult | None:
    """The report of a good answer to call 1; None for anything else."""
    try:
        envelope = _decoder.decode(body)
        return _result(envelope.result) if (envelope.jsonrpc, envelope.id) == ("2.0", 1) else None
    except (msgspec.DecodeError, Misfit, ValueError, OverflowError):
        return None


def _result(report: _Report) -> SliResult | None:
    width = len(report.serviceids)
    rows = report.sli
    if len(rows) != (len(report.periods) if width else 0) or any(len(row) != width for row in rows):
        return None
    flat = list(chain.from_iterable(rows))
    excluded = {
        i: tuple((e.name, e.period_from, e.period_to) for e in cell.excluded_downtimes)
        for i, cell in enumerate(flat)
        if cell.excluded_downtimes
    }
    columns = columns_of(
        array("q", [c.uptime for c in flat]),
        array("q", [c.downtime for c in flat]),
        array("d", [c.sli for c in flat]),
        array("q", [c.error_budget for c in flat]),
        excluded,
    )
    periods = tuple(SliPeriod(period_from=from_epoch(p.period_from), period_to=from_epoch(p.period_to)) for p in report.periods)
    return SliResult(periods=periods, serviceids=tuple(map(str, report.serviceids)), columns=columns)
