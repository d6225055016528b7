"""What goes on the wire for each method, and what the documented answers become."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
import respx

from slo_common import InvalidArgument
from tests.zabbix.modes import TOKEN, URL, Mode, Server, all_modes
from zabbix_sla import SlaPeriod
from zabbix_sla.models import (
    Alarm,
    Algorithm,
    ExcludedDowntime,
    Match,
    ProblemEvent,
    ProblemTag,
    PropagationRule,
    Schedule,
    Search,
    Service,
    ServiceLink,
    ServiceStatus,
    ServiceTag,
    Sla,
    SlaStatus,
    StatusRule,
    StatusRuleType,
    StatusTimeline,
    Tag,
    TagCondition,
    TagOperator,
)

Operation = Callable[[Any], Any]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# The two examples of the vendor's page on sla.getsli.

MONTHS = [1635724800, 1638316800, 1640995200, 1643673600]
NOVEMBER = {"name": "Maintenance Nov 25 - Dec 01", "period_from": 1637836212, "period_to": 1638316800}
DECEMBER = {"name": "Maintenance Dec 02 - Dec 10", "period_from": 1638439200, "period_to": 1639109652}


def monthly() -> dict[str, Any]:
    rows: list[tuple[int, list[dict[str, Any]]]] = [(1186212, [NOVEMBER]), (1147548, [DECEMBER]), (1674000, [])]
    return {
        "periods": [{"period_from": a, "period_to": b} for a, b in itertools.pairwise(MONTHS)],
        "serviceids": [50, 60, 70],
        "sli": [
            [{"uptime": up, "downtime": 0, "sli": 100, "error_budget": 0, "excluded_downtimes": away} for _ in range(3)]
            for up, away in rows
        ],
    }


DAILY: dict[str, Any] = {
    "periods": [{"period_from": 1761775200, "period_to": 1761861600}],
    "serviceids": [1, 4],
    "sli": [
        [
            {
                "uptime": 43843,
                "downtime": 0,
                "sli": 100,
                "error_budget": 0,
                "excluded_downtimes": [{"name": "Maintenance OCT", "period_from": 1761825600, "period_to": 1761829200}],
            },
            {"uptime": 32225, "downtime": 0, "sli": 100, "error_budget": 0, "excluded_downtimes": []},
        ]
    ],
}


@all_modes
def test_getsli_of_the_monthly_example_is_sent_as_documented(mode: Mode) -> None:
    server = Server(sla_getsli=monthly())
    with respx.mock() as router:
        router.post(URL).mock(side_effect=server)
        sli = mode(lambda z: z.sla.getsli("5", serviceids=["50", "60", "70"], periods=3, period_from=1635724800))
    request = server.requests[1]
    assert json.loads(request.content) == {
        "jsonrpc": "2.0",
        "method": "sla.getsli",
        "params": {"slaid": "5", "serviceids": ["50", "60", "70"], "periods": 3, "period_from": 1635724800},
        "id": 1,
    }
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json-rpc"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip"
    assert sli.serviceids == ("50", "60", "70")
    assert [p.period_from for p in sli.periods] == [at(s) for s in MONTHS[:3]]
    assert [p.period_to for p in sli.periods] == [at(s) for s in MONTHS[1:]]
    assert [c.uptime for c in sli.service("60")] == [1186212, 1147548, 1674000]
    assert sli[0, "50"].excluded_downtimes[0].name == "Maintenance Nov 25 - Dec 01"


@all_modes
def test_getsli_of_the_daily_example_is_sent_as_documented(mode: Mode) -> None:
    server = Server(sla_getsli=DAILY)
    sli = mode(lambda z: z.sla.getsli("1", serviceids=["1", "4"], periods=1, period_to=1761861599), http=server.http)
    assert server.bodies[1]["params"] == {"slaid": "1", "serviceids": ["1", "4"], "periods": 1, "period_to": 1761861599}
    assert (sli[0, "1"].uptime, sli[0, "4"].uptime) == (43843, 32225)


def sent(operation: Operation, **results: Any) -> Any:
    """The parameters of the one call that an operation makes."""
    server = Server(**results)
    Mode("sync")(operation, http=server.http)
    assert len(server.bodies) == 2
    return server.bodies[1]["params"]


@all_modes
def test_version_is_asked_without_a_credential(mode: Mode) -> None:
    server = Server("8.0.0rc1")
    assert mode(lambda z: z.apiinfo.version(), http=server.http) == "8.0.0rc1"
    assert server.bodies == [{"jsonrpc": "2.0", "method": "apiinfo.version", "params": [], "id": 1}]
    assert "authorization" not in server.requests[0].headers


def test_getsli_alone_names_only_the_sla() -> None:
    assert sent(lambda z: z.sla.getsli("1"), sla_getsli=DAILY) == {"slaid": "1"}


def test_getsli_takes_aware_datetimes() -> None:
    start = datetime(2021, 11, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    params = sent(lambda z: z.sla.getsli("1", period_from=start, period_to=start), sla_getsli=DAILY)
    assert params == {"slaid": "1", "period_from": 1635724800, "period_to": 1635724800}


def test_getsli_of_no_service_sends_the_empty_list() -> None:
    empty: dict[str, Any] = {"periods": DAILY["periods"], "serviceids": [], "sli": []}
    assert sent(lambda z: z.sla.getsli("1", serviceids=[]), sla_getsli=empty) == {"slaid": "1", "serviceids": []}


SLA_ROW: dict[str, Any] = {
    "slaid": "5",
    "name": "Gold",
    "period": "2",
    "slo": "99.95",
    "effective_date": "1761523200",
    "timezone": "Europe/Riga",
    "status": "1",
    "description": "",
    "service_tags": [{"tag": "sla", "operator": "2", "value": "go"}],
    "schedule": [{"period_from": "115200", "period_to": "151200"}],
    "excluded_downtimes": [{"name": "one", "period_from": "1795219200", "period_to": "1795219260"}],
    "a_field_of_the_future": 1,
}
SLA = Sla(
    slaid="5",
    name="Gold",
    period=SlaPeriod.MONTHLY,
    slo=99.95,
    effective_date=at(1761523200),
    timezone="Europe/Riga",
    status=SlaStatus.ENABLED,
    description="",
    service_tags=(ServiceTag(tag="sla", value="go", operator=Match.CONTAINS),),
    schedule=(Schedule(period_from=115200, period_to=151200),),
    excluded_downtimes=(ExcludedDowntime(name="one", period_from=at(1795219200), period_to=at(1795219260)),),
)


@all_modes
def test_sla_get_reads_numbers_out_of_texts(mode: Mode) -> None:
    assert mode(lambda z: z.sla.get(), http=Server(sla_get=[SLA_ROW]).http) == (SLA,)


def test_sla_get_asks_for_whole_slas() -> None:
    whole = {"output": "extend", "selectServiceTags": "extend", "selectSchedule": "extend", "selectExcludedDowntimes": "extend"}
    assert sent(lambda z: z.sla.get(), sla_get=[]) == whole


def test_sla_get_sends_every_parameter() -> None:
    params = sent(
        lambda z: z.sla.get(
            slaids=["1"],
            serviceids=["2"],
            service_tags=[TagCondition(tag="a", value="b", operator=TagOperator.EQUALS)],
            any_tag=True,
            filter={"status": 1, "name": ["x", "y"]},
            search=Search(fields={"name": ("x", "y")}, any_field=True, at_start=True, exclude=True, wildcards=True),
            sortfield=["period", "name"],
            sortorder=["DESC", "ASC"],
            limit=3,
            editable=True,
        ),
        sla_get=[],
    )
    del params["output"], params["selectServiceTags"], params["selectSchedule"], params["selectExcludedDowntimes"]
    assert params == {
        "slaids": ["1"],
        "serviceids": ["2"],
        "service_tags": [{"tag": "a", "value": "b", "operator": 1}],
        "evaltype": 2,
        "editable": True,
        "filter": {"status": 1, "name": ["x", "y"]},
        "search": {"name": ["x", "y"]},
        "searchByAny": True,
        "startSearch": True,
        "excludeSearch": True,
        "searchWildcardsEnabled": True,
        "sortfield": ["period", "name"],
        "sortorder": ["DESC", "ASC"],
        "limit": 3,
    }


def test_a_plain_search_sends_no_flags() -> None:
    params = sent(
        lambda z: z.sla.get(search={"name": "gold", "description": ["a", "b"]}, sortfield="name", sortorder="ASC"), sla_get=[]
    )
    assert params["search"] == {"name": "gold", "description": ["a", "b"]}
    assert (params["sortfield"], params["sortorder"]) == ("name", "ASC")
    assert not {"searchByAny", "startSearch", "excludeSearch", "searchWildcardsEnabled"} & params.keys()


@all_modes
def test_sla_columns_come_as_the_server_writes_them(mode: Mode) -> None:
    server = Server(sla_get=[{"slaid": "1", "service_tags": "2"}, []])
    rows = mode(
        lambda z: z.sla.get_columns(["slaid"], select_service_tags="count", select_schedule=["period_from"], limit=2),
        http=server.http,
    )
    assert rows == ({"slaid": "1", "service_tags": "2"}, {})
    assert server.bodies[1]["params"] == {
        "output": ["slaid"],
        "selectServiceTags": "count",
        "selectSchedule": ["period_from"],
        "limit": 2,
    }


@all_modes
def test_sla_count_is_a_number(mode: Mode) -> None:
    server = Server(sla_get="13")
    assert mode(lambda z: z.sla.count(filter={"period": 0}), http=server.http) == 13
    assert server.bodies[1]["params"] == {"filter": {"period": 0}, "countOutput": True}


@all_modes
def test_sla_create_sends_what_was_given(mode: Mode) -> None:
    server = Server(sla_create={"slaids": ["7"]})
    slaid = mode(
        lambda z: z.sla.create(
            "Gold", period=SlaPeriod.DAILY, slo=99.9, effective_date=at(60), timezone="UTC", service_tags={"sla": "gold"}
        ),
        http=server.http,
    )
    assert slaid == "7"
    assert server.bodies[1]["params"] == {
        "name": "Gold",
        "period": 0,
        "slo": 99.9,
        "effective_date": 60,
        "timezone": "UTC",
        "status": 1,
        "service_tags": [{"tag": "sla", "operator": 0, "value": "gold"}],
    }


def test_sla_create_sends_every_field() -> None:
    params = sent(
        lambda z: z.sla.create(
            "Gold",
            period=2,
            slo=100,
            effective_date=0,
            timezone="system",
            service_tags=[ServiceTag(tag="sla", value="go", operator=Match.CONTAINS), ServiceTag(tag="sla")],
            schedule=[Schedule(period_from=0, period_to=604800)],
            excluded_downtimes=[ExcludedDowntime(name="one", period_from=1, period_to=at(2))],
            status=SlaStatus.DISABLED,
            description="d",
        ),
        sla_create={"slaids": [7]},
    )
    assert params == {
        "name": "Gold",
        "period": 2,
        "slo": 100,
        "effective_date": 0,
        "timezone": "system",
        "status": 0,
        "description": "d",
        "service_tags": [{"tag": "sla", "operator": 2, "value": "go"}, {"tag": "sla", "operator": 0, "value": ""}],
        "schedule": [{"period_from": 0, "period_to": 604800}],
        "excluded_downtimes": [{"name": "one", "period_from": 1, "period_to": 2}],
    }


@all_modes
def test_sla_update_sends_only_what_was_given(mode: Mode) -> None:
    server = Server(sla_update={"slaids": ["7"]})
    assert mode(lambda z: z.sla.update("7", slo=98.5, schedule=[], status=0, description=""), http=server.http) == "7"
    assert server.bodies[1]["params"] == {"slaid": "7", "slo": 98.5, "status": 0, "description": "", "schedule": []}


@all_modes
def test_sla_delete_sends_texts_and_reads_ids_of_any_type(mode: Mode) -> None:
    server = Server(sla_delete={"slaids": ["7", 8]})
    assert mode(lambda z: z.sla.delete("7", "8"), http=server.http) == ("7", "8")
    assert server.bodies[1]["params"] == ["7", "8"]


SERVICE_ROW: dict[str, Any] = {
    "serviceid": "1",
    "name": "Payment API",
    "status": "4",
    "algorithm": "1",
    "sortorder": "1",
    "weight": "0",
    "propagation_rule": "0",
    "propagation_value": "0",
    "description": "",
    "uuid": "91e5ace0f55740e3818c8161f04b9323",
    "created_at": "1795225364",
    "readonly": False,
    "tags": [{"tag": "sla", "value": "gold"}],
    "problem_tags": [{"tag": "service", "operator": "0", "value": "payment"}],
}
SERVICE = Service(
    serviceid="1",
    name="Payment API",
    status=ServiceStatus.HIGH,
    algorithm=Algorithm.MOST_CRITICAL_IF_ALL_FAIL,
    sortorder=1,
    weight=0,
    propagation_rule=PropagationRule.AS_IS,
    propagation_value=0,
    description="",
    uuid="91e5ace0f55740e3818c8161f04b9323",
    created_at=at(1795225364),
    readonly=False,
    tags=(Tag(tag="sla", value="gold"),),
    problem_tags=(ProblemTag(tag="service", value="payment"),),
)


@all_modes
def test_service_get_reads_services(mode: Mode) -> None:
    server = Server(service_get=[SERVICE_ROW])
    assert mode(lambda z: z.service.get(), http=server.http) == (SERVICE,)
    assert server.bodies[1]["params"] == {"output": "extend", "selectTags": "extend", "selectProblemTags": "extend"}


def test_service_get_sends_every_parameter() -> None:
    params = sent(
        lambda z: z.service.get(
            serviceids=["1"],
            parentids=["2"],
            deep_parentids=True,
            childids=["3"],
            slaids=["4"],
            tags=[TagCondition(tag="a")],
            problem_tags=[TagCondition(tag="b", operator=TagOperator.EXISTS)],
            without_problem_tags=True,
            any_tag=True,
            filter={"name": "x"},
            search={"name": "x"},
            sortfield="name",
            sortorder="DESC",
            limit=1,
            editable=True,
            select_parents=True,
            select_children=True,
            select_problem_events=True,
            select_status_rules=True,
            select_status_timeline=[(1, at(2))],
        ),
        service_get=[],
    )
    assert params == {
        "output": "extend",
        "selectTags": "extend",
        "selectProblemTags": "extend",
        "selectParents": ["serviceid", "name"],
        "selectChildren": ["serviceid", "name"],
        "selectProblemEvents": "extend",
        "selectStatusRules": "extend",
        "selectStatusTimeline": [{"period_from": 1, "period_to": 2}],
        "serviceids": ["1"],
        "parentids": ["2"],
        "childids": ["3"],
        "slaids": ["4"],
        "deep_parentids": True,
        "tags": [{"tag": "a", "value": "", "operator": 0}],
        "problem_tags": [{"tag": "b", "value": "", "operator": 4}],
        "without_problem_tags": True,
        "evaltype": 2,
        "editable": True,
        "sortfield": "name",
        "sortorder": "DESC",
        "limit": 1,
        "filter": {"name": "x"},
        "search": {"name": "x"},
    }


def test_service_get_reads_what_was_selected() -> None:
    row = {
        **SERVICE_ROW,
        "parents": [{"serviceid": "6", "name": "Checkout"}],
        "children": [],
        "problem_events": [{"eventid": "7", "severity": "4", "name": "down"}],
        "status_rules": [{"type": "0", "limit_value": "1", "limit_status": "4", "new_status": "5"}],
        "status_timeline": [{"start_value": -1, "alarms": [{"clock": "1794996000", "value": "4"}]}],
    }
    (service,) = Mode("sync")(lambda z: z.service.get(), http=Server(service_get=[row]).http)
    assert service.parents == (ServiceLink(serviceid="6", name="Checkout"),)
    assert service.children == ()
    assert service.problem_events == (ProblemEvent(eventid="7", severity=ServiceStatus.HIGH, name="down"),)
    assert service.status_rules == (
        StatusRule(
            type=StatusRuleType.AT_LEAST_N_CHILDREN,
            limit_value=1,
            limit_status=ServiceStatus.HIGH,
            new_status=ServiceStatus.DISASTER,
        ),
    )
    assert service.status_timeline == (
        StatusTimeline(start_value=ServiceStatus.OK, alarms=(Alarm(clock=at(1794996000), value=ServiceStatus.HIGH),)),
    )


@all_modes
def test_service_columns_come_as_the_server_writes_them(mode: Mode) -> None:
    server = Server(service_get=[{"serviceid": "1"}])
    rows = mode(
        lambda z: z.service.get_columns(
            ["serviceid"],
            select_parents="count",
            select_children="count",
            select_tags=["tag"],
            select_problem_tags="extend",
            select_problem_events="count",
            select_status_rules="count",
            slaids=["1"],
        ),
        http=server.http,
    )
    assert rows == ({"serviceid": "1"},)
    assert server.bodies[1]["params"] == {
        "output": ["serviceid"],
        "selectParents": "count",
        "selectChildren": "count",
        "selectTags": ["tag"],
        "selectProblemTags": "extend",
        "selectProblemEvents": "count",
        "selectStatusRules": "count",
        "slaids": ["1"],
    }


@all_modes
def test_service_count_is_a_number(mode: Mode) -> None:
    assert mode(lambda z: z.service.count(slaids=["1"]), http=Server(service_get="4").http) == 4


@all_modes
def test_service_create_sends_what_was_given(mode: Mode) -> None:
    server = Server(service_create={"serviceids": ["9"]})
    assert mode(lambda z: z.service.create("Checkout", tags={"sla": "gold"}), http=server.http) == "9"
    assert server.bodies[1]["params"] == {
        "name": "Checkout",
        "algorithm": 2,
        "sortorder": 0,
        "tags": [{"tag": "sla", "value": "gold"}],
    }


def test_service_create_sends_every_field() -> None:
    params = sent(
        lambda z: z.service.create(
            "Checkout",
            algorithm=1,
            sortorder=7,
            weight=5,
            propagation_rule=PropagationRule.FIXED,
            propagation_value=-1,
            description="d",
            tags=[Tag(tag="a"), Tag(tag="a", value="b")],
            problem_tags=[],
            parents=["1"],
            children=["2", "3"],
            status_rules=[
                StatusRule(
                    type=StatusRuleType.WEIGHT_LESS_THAN_N,
                    limit_value=3,
                    limit_status=ServiceStatus.WARNING,
                    new_status=ServiceStatus.HIGH,
                )
            ],
        ),
        service_create={"serviceids": ["9"]},
    )
    assert params == {
        "name": "Checkout",
        "algorithm": 1,
        "sortorder": 7,
        "weight": 5,
        "propagation_rule": 4,
        "propagation_value": -1,
        "description": "d",
        "tags": [{"tag": "a", "value": ""}, {"tag": "a", "value": "b"}],
        "problem_tags": [],
        "parents": [{"serviceid": "1"}],
        "children": [{"serviceid": "2"}, {"serviceid": "3"}],
        "status_rules": [{"type": 6, "limit_value": 3, "limit_status": 2, "new_status": 4}],
    }


@all_modes
def test_service_update_sends_only_what_was_given(mode: Mode) -> None:
    server = Server(service_update={"serviceids": ["9"]})
    tags = [ProblemTag(tag="p", value="v", operator=Match.CONTAINS)]
    assert mode(lambda z: z.service.update("9", algorithm=Algorithm.ALWAYS_OK, problem_tags=tags), http=server.http) == "9"
    assert server.bodies[1]["params"] == {
        "serviceid": "9",
        "algorithm": 0,
        "problem_tags": [{"tag": "p", "operator": 2, "value": "v"}],
    }


@all_modes
def test_service_delete_gives_the_ids(mode: Mode) -> None:
    assert mode(lambda z: z.service.delete("9"), http=Server(service_delete={"serviceids": ["9"]}).http) == ("9",)


@all_modes
def test_any_method_goes_out_as_it_is(mode: Mode) -> None:
    server = Server(host_get=[{"hostid": "1"}])
    assert mode(lambda z: z.call("host.get", {"output": ["hostid"]}), http=server.http) == [{"hostid": "1"}]
    assert server.bodies[1] == {"jsonrpc": "2.0", "method": "host.get", "params": {"output": ["hostid"]}, "id": 1}


def test_any_method_without_parameters_sends_an_empty_list() -> None:
    assert sent(lambda z: z.call("settings.get"), settings_get={}) == []


def test_unicode_and_quotes_arrive_whole() -> None:
    server = Server(sla_create={"slaids": ["1"]})
    name = 'Ünïcode ☃ 😀 "q" \\ \n'
    Mode("sync")(
        lambda z: z.sla.create(name, period=0, slo=1, effective_date=0, timezone="UTC", service_tags={"a": "ß"}), http=server.http
    )
    assert server.bodies[1]["params"]["name"] == name


def test_the_version_is_asked_once_for_many_calls() -> None:
    server = Server(sla_get=[])

    def twice(z: Any) -> object:
        z.sla.get()
        return z.sla.get()

    Mode("sync")(twice, http=server.http)
    assert server.methods == ["apiinfo.version", "sla.get", "sla.get"]


def test_the_caller_s_own_http_client_stays_open() -> None:
    with httpx.Client(transport=Server(sla_get=[]).http) as own:
        Mode("sync")(lambda z: z.sla.get(), http=own)
        assert not own.is_closed


def test_wrong_arguments_reach_no_server() -> None:
    server = Server()
    with pytest.raises(InvalidArgument):
        Mode("sync")(lambda z: z.sla.getsli("x"), http=server.http)
    assert server.requests == []
