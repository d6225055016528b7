"""Through the client on a real server: services, SLAs, a real outage, and the SLI worked out again from the events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from attrs import frozen

from tests.live.conftest import Zabbix
from zabbix_sla import AsyncZabbixSLA, SlaPeriod, ZabbixSLA
from zabbix_sla.models import ExcludedDowntime, Schedule, ServiceStatus, TagCondition

JSON = dict[str, object]
DAY = 86_400


@frozen
class Outage:
    """What was done: a service that failed and came back, under a parent, and when by the server's own events."""

    serviceid: str
    parentid: str
    tag: dict[str, str]
    down_at: int
    up_at: int


def until(found: Callable[[], object], what: str) -> object:
    """Ask again until there is something, for at most a minute."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        result = found()
        if result:
            return result
        time.sleep(0.2)
    pytest.fail(f"{what} did not happen within a minute")


def monitored(zbx: ZabbixSLA, name: str) -> None:
    """A host with a value of its own and a trigger with a tag."""
    group = cast(JSON, zbx.call("hostgroup.create", {"name": name}))["groupids"]
    groups = [{"groupid": cast(list[str], group)[0]}]
    host = cast(JSON, zbx.call("host.create", {"host": name, "groups": groups}))["hostids"]
    item = {"name": "up", "key_": "up", "hostid": cast(list[str], host)[0], "type": 2, "value_type": 3}
    zbx.call("item.create", item)
    trigger = {
        "description": "it is down",
        "expression": f"last(/{name}/up)=0",
        "priority": 4,
        "tags": [{"tag": "live", "value": name}],
    }
    zbx.call("trigger.create", trigger)


def deliver(zabbix: Zabbix, host: str, value: int) -> None:
    def sent() -> bool:
        try:
            zabbix.send(host, "up", value)
        except LookupError:
            return False
        return True

    until(sent, "zabbix_server taking a value")


def status(zbx: ZabbixSLA, serviceid: str) -> ServiceStatus:
    return zbx.service.get(serviceids=[serviceid])[0].status


@pytest.fixture(scope="module")
def outage(zabbix: Zabbix, zbx: ZabbixSLA) -> Iterator[Outage]:
    name = f"outage-{int(time.time())}"
    tag = {"outage": name}
    monitored(zbx, name)
    service = zbx.service.create(name, tags=tag, problem_tags={"live": name})
    parent = zbx.service.create(f"{name} parent", tags=tag, children=[service])
    zabbix.new_services([service, parent], created_at=int(time.time()) - 400 * DAY)
    deliver(zabbix, name, 1)
    deliver(zabbix, name, 0)
    until(lambda: status(zbx, parent) == ServiceStatus.HIGH, "the failure of the parent")
    events = zbx.service.get(serviceids=[service], select_problem_events=True)[0].problem_events
    assert events is not None
    assert [(e.severity, e.name) for e in events] == [(ServiceStatus.HIGH, "it is down")]
    found = cast(list[dict[str, str]], zbx.call("event.get", {"source": 0, "eventids": [events[0].eventid]}))
    # An outage within one second counts nothing, and every test of it would hold for nothing.
    until(lambda: time.time() >= int(found[0]["clock"]) + 2, "the second second of the outage")
    failed_at = int(cast(list[dict[str, str]], zbx.call("event.get", {"eventids": [events[0].eventid]}))[0]["clock"])
    until(lambda: time.time() >= failed_at + 3, "an outage of three seconds")
    deliver(zabbix, name, 1)
    until(lambda: status(zbx, parent) == ServiceStatus.OK, "the recovery of the parent")
    found = cast(list[dict[str, str]], zbx.call("event.get", {"source": 0, "eventids": [events[0].eventid]}))
    recovery = cast(list[dict[str, str]], zbx.call("event.get", {"eventids": [found[0]["r_eventid"]]}))
    yield Outage(service, parent, tag, int(found[0]["clock"]), int(recovery[0]["clock"]))
    zbx.service.delete(service, parent)


def midnight(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(hour=0, minute=0, second=0)


def create(zbx: ZabbixSLA, outage: Outage, name: str, **more: object) -> str:
    fields: JSON = {
        "period": SlaPeriod.DAILY,
        "slo": 99.9,
        "effective_date": midnight(outage.down_at - 100 * DAY),
        "timezone": "UTC",
    }
    return zbx.sla.create(name, service_tags=outage.tag, **(fields | more))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # fields of one test


def test_outage_counts_second_by_second(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    sli = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    down = sum(sli[i, outage.serviceid].downtime for i in range(len(sli.periods)))
    assert down >= 3
    assert down == outage.up_at - outage.down_at


def test_uptime_is_the_rest_of_the_time_until_now(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    before = int(time.time())
    sli = zbx.sla.getsli(slaid, periods=1)
    after = int(time.time())
    cell, day = sli[0, outage.serviceid], int(sli.periods[0].period_from.timestamp())
    assert before + 1 - day <= cell.uptime + cell.downtime <= after + 1 - day


def test_sli_is_uptime_by_measured_time(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    cell = zbx.sla.getsli(slaid, period_from=outage.down_at, periods=1)[0, outage.serviceid]
    assert cell.sli == pytest.approx(100 * cell.uptime / (cell.uptime + cell.downtime), abs=1e-12)


def test_the_parent_fails_with_its_child(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    sli = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    assert [c.downtime for c in sli.service(outage.parentid)] == [c.downtime for c in sli.service(outage.serviceid)]


def test_an_excluded_downtime_is_not_counted_and_is_named(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    away = ExcludedDowntime(name="planned", period_from=outage.down_at, period_to=outage.up_at)
    slaid = create(zbx, outage, name, excluded_downtimes=[away])
    sli = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    cells = [sli[i, outage.serviceid] for i in range(len(sli.periods))]
    named = [(e.name, e.period_from, e.period_to) for c in cells for e in c.excluded_downtimes]
    assert sum(c.downtime for c in cells) == 0
    assert named[0][:2] == ("planned", datetime.fromtimestamp(outage.down_at, UTC))


def test_an_outage_outside_the_schedule_is_not_counted(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    sunday = midnight(outage.down_at) - timedelta(days=midnight(outage.down_at).isoweekday() % 7)
    second = outage.down_at - int(sunday.timestamp())
    other = Schedule(period_from=0, period_to=second - 60) if second > 120 else Schedule(period_from=DAY, period_to=2 * DAY)
    slaid = create(zbx, outage, name, schedule=[other])
    sli = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    assert sum(sli[i, outage.serviceid].downtime for i in range(len(sli.periods))) == 0


@pytest.mark.parametrize("period", list(SlaPeriod), ids=lambda p: p.name.lower())
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_every_period_kind_and_zone_holds_the_outage(
    zbx: ZabbixSLA, outage: Outage, name: str, period: SlaPeriod, zone: str
) -> None:
    slaid = create(zbx, outage, name, period=period, timezone=zone)
    sli = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    assert sum(c.downtime for c in sli.service(outage.serviceid)) == outage.up_at - outage.down_at
    assert sli.periods[0].period_from.timestamp() <= outage.down_at < sli.periods[-1].period_to.timestamp()


def test_status_timeline_tells_the_outage(zbx: ZabbixSLA, outage: Outage) -> None:
    span = (outage.down_at - 1, outage.up_at + 1)
    line = zbx.service.get(serviceids=[outage.serviceid], select_status_timeline=[span])[0].status_timeline
    assert line is not None
    assert [(int(a.clock.timestamp()), a.value) for a in line[0].alarms] == [
        (outage.down_at, ServiceStatus.HIGH),
        (outage.up_at, ServiceStatus.OK),
    ]


def test_what_was_created_is_read_back(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    away = ExcludedDowntime(name="Übung ☃", period_from=start, period_to=start + timedelta(hours=1))
    slaid = create(
        zbx, outage, name, period=SlaPeriod.WEEKLY, slo=97.25, timezone="Europe/Riga", excluded_downtimes=[away], description="d"
    )
    (sla,) = zbx.sla.get(slaids=[slaid])
    assert (sla.name, sla.period, sla.slo, sla.timezone, sla.description) == (name, SlaPeriod.WEEKLY, 97.25, "Europe/Riga", "d")
    assert sla.excluded_downtimes == (away,)
    assert sla.effective_date == midnight(outage.down_at - 100 * DAY)


def test_update_changes_only_what_was_given(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name, description="kept")
    zbx.sla.update(slaid, slo=50)
    (sla,) = zbx.sla.get(slaids=[slaid])
    assert (sla.slo, sla.description, len(sla.service_tags)) == (50.0, "kept", 1)


def test_delete_takes_it_away(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    assert zbx.sla.delete(slaid) == (slaid,)
    assert zbx.sla.get(slaids=[slaid]) == ()


def test_services_are_found_by_tag_and_by_sla(zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    (tag,) = outage.tag.items()
    by_tag = zbx.service.get(tags=[TagCondition(tag=tag[0], value=tag[1])])
    by_sla = zbx.service.get(slaids=[slaid], select_children=True, select_parents=True)
    assert {s.serviceid for s in by_tag} == {s.serviceid for s in by_sla} == {outage.serviceid, outage.parentid}
    parent = next(s for s in by_sla if s.serviceid == outage.parentid)
    assert parent.children is not None
    assert [c.serviceid for c in parent.children] == [outage.serviceid]


async def test_async_client_gives_the_same_numbers(zabbix: Zabbix, zbx: ZabbixSLA, outage: Outage, name: str) -> None:
    slaid = create(zbx, outage, name)
    async with AsyncZabbixSLA(zabbix.url, user="Admin", password="zabbix") as client:
        theirs = await client.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    ours = zbx.sla.getsli(slaid, period_from=outage.down_at, period_to=outage.up_at)
    assert [c.downtime for c in theirs.service(outage.serviceid)] == [c.downtime for c in ours.service(outage.serviceid)]
