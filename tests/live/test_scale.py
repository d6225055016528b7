"""A thousand services on a real server with PHP's default memory limit: reports that no single call could give."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from attrs import frozen

from tests.live.conftest import Zabbix
from zabbix_sla import AsyncZabbixSLA, Progress, ServerOutOfMemory, SlaPeriod, ZabbixSLA, calls
from zabbix_sla.models import TagCondition

DAY = 86_400
MANY = 1000


@frozen
class Crowd:
    """An SLA over a thousand services that began 300 days ago; one of them was down for an hour on the 150th day."""

    slaid: str
    serviceids: tuple[str, ...]
    began: int
    broken: str


@pytest.fixture(scope="module")
def crowd(zabbix: Zabbix, zbx: ZabbixSLA) -> Iterator[Crowd]:
    name = f"crowd {int(time.time())}"
    began = int(time.time()) // DAY * DAY - 300 * DAY
    tag = [{"tag": "crowd", "value": name}]
    made: list[str] = []
    for start in range(0, MANY, 250):
        rows = [{"name": f"{name} {i}", "algorithm": 2, "sortorder": 0, "tags": tag} for i in range(start, start + 250)]
        answer = zbx.call("service.create", rows)
        assert isinstance(answer, dict)
        ids = answer["serviceids"]
        assert isinstance(ids, list)
        made += map(str, ids)
    zabbix.new_services(made, created_at=began)
    zabbix.past_outage(made[700], began + 150 * DAY + 60, began + 150 * DAY + 3660)
    slaid = zbx.sla.create(
        name, period=SlaPeriod.DAILY, slo=99.9, effective_date=began, timezone="UTC", service_tags={"crowd": name}
    )
    yield Crowd(slaid, tuple(made), began, made[700])
    # zabbix_server looks at every service each second: leave it as few as it had.
    extra = zbx.service.get_columns(["serviceid"], tags=[TagCondition(tag="extra", value=slaid)])
    zbx.service.delete(*made, *(str(row["serviceid"]) for row in extra))


def test_one_call_for_too_much_is_recognised(zabbix: Zabbix, zbx: ZabbixSLA, crowd: Crowd) -> None:
    # 300 000 cells do not fit into PHP's default of 128 MB.
    extra = [
        {"name": f"extra {i}", "algorithm": 2, "sortorder": 0, "tags": [{"tag": "extra", "value": crowd.slaid}]}
        for i in range(2 * MANY)
    ]
    zbx.call("service.create", extra)
    (sla,) = zbx.sla.get(slaids=[crowd.slaid])
    both = zbx.sla.create(
        f"{sla.name} and more",
        period=SlaPeriod.DAILY,
        slo=99.9,
        effective_date=crowd.began,
        timezone="UTC",
        service_tags={"crowd": sla.name, "extra": crowd.slaid},
    )
    zabbix.new_services([s.serviceid for s in zbx.service.get(slaids=[both])], created_at=crowd.began)
    with pytest.raises(ServerOutOfMemory, match=r"sla\.report"):
        zbx.sla.getsli(both, periods=100)
    whole = zbx.sla.report(both, crowd.began + 200 * DAY, crowd.began + 300 * DAY)
    assert (len(whole.periods), len(whole.serviceids)) == (100, 3 * MANY)


def test_a_report_of_300_days_and_1000_services_is_whole(zbx: ZabbixSLA, crowd: Crowd) -> None:
    seen: list[Progress] = []
    sli = zbx.sla.report(crowd.slaid, crowd.began - 40 * DAY, crowd.began + 300 * DAY, on_progress=seen.append)
    assert (len(sli.periods), len(sli.serviceids)) == (300, MANY)
    assert set(sli.serviceids) == set(crowd.serviceids)
    assert all(a.period_to == b.period_from for a, b in pairwise(sli.periods))
    assert (seen[-1].done_cells, seen[-1].cells) == (300 * MANY, 300 * MANY)
    assert sum(sli.columns.downtime) == 3600
    assert sli[150, crowd.broken].downtime == 3600
    assert sum(sli.columns.uptime) == 300 * MANY * DAY - 3600


def test_period_by_period_gives_the_same(zbx: ZabbixSLA, crowd: Crowd) -> None:
    some = crowd.serviceids[690:710]
    whole = zbx.sla.report(crowd.slaid, crowd.began, crowd.began + 300 * DAY, some)
    parts = list(zbx.sla.report_periods(crowd.slaid, crowd.began, crowd.began + 300 * DAY, some))
    assert [c for p in parts for c in p] == list(whole)


async def test_the_async_report_is_the_same(zabbix: Zabbix, zbx: ZabbixSLA, crowd: Crowd) -> None:
    some = crowd.serviceids[690:710]
    async with AsyncZabbixSLA(zabbix.url, user="Admin", password="zabbix", timeout=120) as client:
        theirs = await client.sla.report(crowd.slaid, crowd.began, crowd.began + 300 * DAY, some)
    assert list(theirs) == list(zbx.sla.report(crowd.slaid, crowd.began, crowd.began + 300 * DAY, some))


def test_twenty_calls_in_a_batch_give_what_they_give_singly(zbx: ZabbixSLA, crowd: Crowd) -> None:
    some = crowd.serviceids[:20]
    batched = [
        o.unwrap()
        for o in zbx.batch([calls.getsli(crowd.slaid, periods=1, period_to=crowd.began + DAY, serviceids=[s]) for s in some])
    ]
    singly = [zbx.sla.getsli(crowd.slaid, periods=1, period_to=crowd.began + DAY, serviceids=[s]) for s in some]
    assert [list(s) for s in batched] == [list(s) for s in singly]
