"""The sandbox against the real server: the same SLA and the same arguments, the same answer, number by number."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from attrs import frozen

from slo_common.sandbox import Reply, SandboxRequest, VirtualClock
from tests.live.conftest import Zabbix
from zabbix_sla import SlaPeriod, ZabbixSLA
from zabbix_sla.models import ExcludedDowntime, Schedule
from zabbix_sla.sandbox import Excluded, TagMatch, ZabbixSandbox

DAY = 86_400
EFFECTIVE = 1_735_689_600  # 2025-01-01
# Three zones with and without clock changes, and one whose clock changes at midnight.
ZONES = ("UTC", "America/New_York", "Europe/Riga", "Africa/Cairo")
SPRING = 1_774_742_400  # 2026-03-29, when Riga's clock goes forward
HOUR = 3600


@frozen
class Scene:
    """The same services and SLAs in both."""

    real: Zabbix
    sandbox: ZabbixSandbox
    clock: VirtualClock
    session: str
    slas: dict[tuple[int, str, str], str]
    services: tuple[str, ...]


def outages(now: int) -> list[tuple[int, int, int | None, int]]:
    """Service, start, end, severity."""
    return [
        (0, SPRING + 5 * HOUR, SPRING + 5 * HOUR + 1800, 4),
        (0, now - 3 * DAY, now - 3 * DAY + 7200, 2),
        (0, now - 40 * DAY, now - 38 * DAY, 5),
        (1, now - 9 * DAY - 77, now - 9 * DAY + 11, 0),
        (1, now - 600, None, 3),
        (2, now - 700 * DAY, now - 690 * DAY, 4),
    ]


@pytest.fixture(scope="module")
def scene(zabbix: Zabbix, zbx: ZabbixSLA) -> Scene:
    name = f"differential {len(zbx.sla.get())}"
    tag = {"differential": name}
    services = tuple(zbx.service.create(f"{name} {i}", tags=tag) for i in range(3))
    answer, now = zabbix.post(
        {"jsonrpc": "2.0", "method": "user.login", "params": {"username": "Admin", "password": "zabbix"}, "id": 1}
    )
    session = str(cast(dict[str, object], answer)["result"])
    clock = VirtualClock(now)
    sandbox = ZabbixSandbox(version="6.0.14", clock=clock)
    created = (EFFECTIVE - 900 * DAY, EFFECTIVE - 900 * DAY, now - 100 * DAY)
    for serviceid, moment in zip(services, created, strict=True):
        zabbix.new_services([serviceid], created_at=moment)
        sandbox.add_service("s", serviceid=serviceid, tags=tag, created_at=moment)
    for index, start, end, severity in outages(now):
        zabbix.past_outage(services[index], start, end, severity)
        sandbox.add_outage(services[index], start, end, severity=severity)
    away = [
        ("first", now - 3 * DAY + 600, now - 3 * DAY + 1200),
        ("second", now - 3 * DAY + 900, now - 3 * DAY + 1500),
        ("long", now - 39 * DAY, now - 36 * DAY),
        ("now", now - 300, now + 300),
    ]
    office = [(day * DAY + 8 * HOUR, day * DAY + 18 * HOUR) for day in range(7)]
    slas: dict[tuple[int, str, str], str] = {}
    for period, zone, kind in itertools.product(range(5), ZONES, ("plain", "rich")):
        rich = kind == "rich"
        slas[period, zone, kind] = zbx.sla.create(
            f"{name} {period} {zone} {kind}",
            period=SlaPeriod(str(period)),
            slo=99.95,
            effective_date=EFFECTIVE,
            timezone=zone,
            service_tags=tag,
            schedule=[Schedule(period_from=a, period_to=b) for a, b in office] if rich else (),
            excluded_downtimes=[ExcludedDowntime(name=n, period_from=a, period_to=b) for n, a, b in away] if rich else (),
        )
        sandbox.add_sla(
            f"{period} {zone} {kind}",
            slaid=slas[period, zone, kind],
            tags=[TagMatch(tag="differential", value=name)],
            period=period,
            slo=99.95,
            effective_date=EFFECTIVE,
            timezone=zone,
            schedule=office if rich else (),
            excluded_downtimes=[Excluded(name=n, period_from=a, period_to=b) for n, a, b in away] if rich else (),
        )
    return Scene(zabbix, sandbox, clock, session, slas, services)


def from_sandbox(scene: Scene, body: dict[str, object]) -> object:
    sandbox_session = scene.sandbox.token
    request = SandboxRequest(
        method="POST",
        segments=("api_jsonrpc.php",),
        headers={"content-type": "application/json-rpc"},
        body=json.dumps({**body, "auth": sandbox_session}).encode(),
    )
    answer = scene.sandbox.handle(request)
    assert isinstance(answer, Reply)
    return json.loads(answer.body)


def by_service(answer: object) -> object:
    """An answer with its services in the order of their ids: the database's own order follows from what it stored where."""
    members = cast(dict[str, Any], answer)
    if "result" not in members:
        return members
    result = members["result"]
    order = sorted(range(len(result["serviceids"])), key=lambda i: result["serviceids"][i])
    cells = [[row[i] for i in order] for row in result["sli"]]
    return {**members, "result": {**result, "serviceids": sorted(result["serviceids"]), "sli": cells}}


def assert_same(scene: Scene, params: dict[str, object]) -> None:
    body: dict[str, object] = {"jsonrpc": "2.0", "method": "sla.getsli", "params": params, "id": 1}
    real, second = scene.real.post({**body, "auth": scene.session})
    answers: list[object] = []
    # The server may have begun to calculate in the second before the one it signs with.
    for now in (second - 1, second):
        scene.clock.advance(max(0.0, now - scene.clock.now()))
        answers.append(by_service(from_sandbox(scene, body)))
    assert by_service(real) in answers


def arguments() -> Iterator[tuple[str, dict[str, object]]]:
    """All eight rows of the partition table, on both sides of the effective date and of now."""
    after, before, ahead = EFFECTIVE + 30 * DAY, EFFECTIVE - 10 * DAY, 1_830_297_600
    for start, end, count in itertools.product(
        (None, after, before), (None, after + 60 * DAY, before + 3 * DAY, ahead), (None, 3, 100)
    ):
        given = {"period_from": start, "period_to": end, "periods": count}
        params = {k: v for k, v in given.items() if v is not None}
        yield "-".join(f"{k}={v}" for k, v in params.items()) or "none", cast(dict[str, object], params)


ARGUMENTS = dict(arguments())


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", range(5), ids=lambda p: SlaPeriod(str(p)).name.lower())
def test_sandbox_cuts_and_counts_as_the_server_does(scene: Scene, period: int, zone: str, arguments: dict[str, object]) -> None:
    assert_same(scene, {"slaid": scene.slas[period, zone, "plain"], **arguments})


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", range(5), ids=lambda p: SlaPeriod(str(p)).name.lower())
@pytest.mark.parametrize("arguments", [{"periods": 20}, {"period_from": SPRING - 3 * DAY, "periods": 9}], ids=["now", "spring"])
def test_schedules_and_excluded_downtimes_count_as_on_the_server(
    scene: Scene, period: int, zone: str, arguments: dict[str, object]
) -> None:
    assert_same(scene, {"slaid": scene.slas[period, zone, "rich"], **arguments})


@pytest.mark.parametrize("number", range(3))
def test_one_service_alone_counts_as_on_the_server(scene: Scene, number: int) -> None:
    assert_same(scene, {"slaid": scene.slas[0, "UTC", "rich"], "serviceids": [scene.services[number], "999999"], "periods": 50})


def test_no_service_counts_as_on_the_server(scene: Scene) -> None:
    assert_same(scene, {"slaid": scene.slas[0, "UTC", "plain"], "serviceids": []})


WRONG: list[tuple[str, object]] = [
    ("sla.getsli", {}),
    ("sla.getsli", {"slaid": "999999"}),
    ("sla.getsli", {"slaid": "x"}),
    ("sla.getsli", {"slaid": "1", "periods": 0}),
    ("sla.getsli", {"slaid": "1", "period_to": 99999999999}),
    ("sla.getsli", {"slaid": "1", "period_from": 1.5}),
    ("sla.getsli", {"slaid": "1", "serviceids": {"a": "b"}}),
    ("sla.get", {"limit": 0}),
    ("sla.get", {"sortfield": ["name", "name"]}),
    ("sla.get", {"sortfield": "x"}),
    ("sla.get", {"sortorder": "UP"}),
    ("sla.get", {"sortorder": 1}),
    ("sla.get", {"sortorder": ["ASC", "x"]}),
    ("sla.get", {"output": "all"}),
    ("sla.get", {"output": 1}),
    ("sla.get", {"selectSchedule": ["x"]}),
    ("sla.get", {"filter": {"x": 1}}),
    ("sla.get", {"filter": {"name": [True]}}),
    ("sla.get", {"filter": 1}),
    ("sla.get", {"evaltype": 1}),
    ("sla.get", {"editable": 1}),
    ("sla.get", {"service_tags": [{"value": "x"}]}),
    ("sla.get", {"slaids": ["1", -1]}),
    ("sla.get", {"slaids": ["99999999999999999999"]}),
    ("sla.create", []),
    ("sla.create", {"name": ""}),
    ("sla.create", {"name": 1}),
    ("sla.create", {"name": "a", "period": 7}),
    ("sla.create", {"name": "a", "period": "x"}),
    (
        "sla.create",
        {"name": "a", "period": 0, "slo": 1.23456, "effective_date": 0, "timezone": "UTC", "service_tags": [{"tag": "x"}]},
    ),
    ("sla.create", {"name": "a", "period": 0, "slo": True}),
    ("sla.create", {"name": "a", "period": 0, "slo": 9, "effective_date": 0, "timezone": "UTC", "service_tags": [{"tag": ""}]}),
    (
        "sla.create",
        {"name": "a", "period": 0, "slo": 9, "effective_date": 0, "timezone": "UTC", "service_tags": [{"tag": "x"}, {"tag": "x"}]},
    ),
    (
        "sla.create",
        {
            "name": "a",
            "period": 0,
            "slo": 9,
            "effective_date": 0,
            "timezone": "UTC",
            "service_tags": [{"tag": "x"}],
            "excluded_downtimes": [{"name": "d", "period_from": 9, "period_to": 9}],
        },
    ),
    ("sla.update", {}),
    ("sla.update", {"slo": 1}),
    ("sla.update", {"slaid": "999999", "slo": 1}),
    ("sla.delete", []),
    ("sla.delete", ["1", "1"]),
    ("sla.delete", "1"),
    ("service.create", {"name": "x"}),
    ("service.create", {"name": "x", "algorithm": 3, "sortorder": 0}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 1000}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "uuid": "short"}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "uuid": 1}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "uuid": "0" * 32}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "tags": [{"tag": "a"}, {"tag": "a"}]}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "propagation_rule": 1}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "propagation_rule": 1, "propagation_value": 9}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "propagation_value": 1}),
    ("service.create", {"name": "x", "algorithm": 1, "sortorder": 0, "children": [{"serviceid": "999999"}]}),
    (
        "service.create",
        {
            "name": "x",
            "algorithm": 1,
            "sortorder": 0,
            "status_rules": [{"type": 1, "limit_value": 101, "limit_status": 0, "new_status": 0}],
        },
    ),
    ("service.update", {"serviceid": "999999"}),
    ("service.delete", ["999999"]),
    ("service.get", {"selectStatusTimeline": []}),
    ("service.get", {"selectTags": "some"}),
    ("apiinfo.version", [1]),
    ("user.logout", [1]),
    ("user.checkAuthentication", {}),
    ("user.login", {"username": "Admin"}),
    ("user.login", {"username": "Admin", "password": "x" * 256}),
    ("user.login", {"username": "Admin", "password": "x", "other": 1}),
    ("user.login", {"username": "Admin", "user": "Admin", "password": "x"}),
    ("token.create", {}),
    ("token.generate", ["999999"]),
]


@pytest.mark.parametrize(("method", "params"), WRONG, ids=[f"{i}-{m}" for i, (m, _) in enumerate(WRONG)])
def test_sandbox_refuses_in_the_servers_words(scene: Scene, method: str, params: object) -> None:
    free = method in {"apiinfo.version", "user.login", "user.checkAuthentication"}
    body: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    real, _ = scene.real.post(body if free else {**body, "auth": scene.session})
    request = SandboxRequest(
        method="POST",
        segments=("api_jsonrpc.php",),
        headers={"content-type": "application/json-rpc"},
        body=json.dumps(body if free else {**body, "auth": scene.sandbox.token}).encode(),
    )
    answer = scene.sandbox.handle(request)
    assert isinstance(answer, Reply)
    assert json.loads(answer.body) == real
