"""What a batch saves on a real server: the start of a request, which is most of the time of a small read."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import frozen

from zabbix_sla import SlaPeriod, ZabbixSLA, calls
from zabbix_sla.calls import Rpc

ROUNDS = 15
IN_ONE = 20


@frozen
class Pair:
    """An SLA over one service."""

    slaid: str
    serviceid: str


@pytest.fixture(scope="module")
def pair(zbx: ZabbixSLA) -> Iterator[Pair]:
    name = f"batch {time.time_ns()}"
    serviceid = zbx.service.create(name, tags={"batch": name})
    slaid = zbx.sla.create(
        name, period=SlaPeriod.DAILY, slo=99.9, effective_date=1_700_000_000, timezone="UTC", service_tags={"batch": name}
    )
    yield Pair(slaid, serviceid)
    zbx.sla.delete(slaid)
    zbx.service.delete(serviceid)


READS: dict[str, tuple[Callable[[ZabbixSLA, Pair], object], Callable[[Pair], Rpc[Any]]]] = {
    "sla.get": (lambda z, p: z.sla.get(slaids=[p.slaid]), lambda p: calls.sla_get(slaids=[p.slaid])),
    "service.get": (lambda z, p: z.service.get(slaids=[p.slaid]), lambda p: calls.service_get(slaids=[p.slaid])),
    "sla.getsli": (lambda z, p: z.sla.getsli(p.slaid, periods=3), lambda p: calls.getsli(p.slaid, periods=3)),
    "host.get": (lambda z, _: z.call("host.get", {"limit": 1}), lambda _: calls.call("host.get", {"limit": 1})),
}


@pytest.mark.parametrize("read", READS)
def test_twenty_reads_in_a_batch_take_at_most_a_quarter_of_their_time(zbx: ZabbixSLA, pair: Pair, read: str) -> None:
    one, call = READS[read]
    one(zbx, pair)
    singly: list[float] = []
    batched: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(IN_ONE):
            one(zbx, pair)
        between = time.perf_counter()
        zbx.batch([call(pair)] * IN_ONE)
        singly.append(between - began)
        batched.append(time.perf_counter() - between)
    assert statistics.median(singly) >= 4 * statistics.median(batched)


def test_a_batch_of_every_kind_of_read_gives_what_they_give_singly(zbx: ZabbixSLA, pair: Pair) -> None:
    now = int(time.time())
    batched = zbx.batch([calls.sla_get(slaids=[pair.slaid]), calls.service_get(serviceids=[pair.serviceid])])
    assert [o.unwrap() for o in batched] == [zbx.sla.get(slaids=[pair.slaid]), zbx.service.get(serviceids=[pair.serviceid])]
    sli = zbx.batch([calls.getsli(pair.slaid, period_from=now, period_to=now)])[0].unwrap()
    assert (sli.serviceids, len(sli.periods)) == ((pair.serviceid,), 1)
