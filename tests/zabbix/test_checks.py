"""Every wrong argument is named, with what was given and what is allowed, before any request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from slo_common import InvalidArgument
from tests.zabbix.modes import Mode, Server
from zabbix_sla import calls
from zabbix_sla.models import ExcludedDowntime, Schedule, ServiceStatus, ServiceTag, StatusRule, StatusRuleType, Tag

Operation = Callable[[Any], object]
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  # a naive time is the fault under test
WHOLE: dict[str, Any] = {"period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC", "service_tags": {"a": "b"}}


def create(**changes: Any) -> Operation:
    return lambda z: z.sla.create(**{"name": "x", **WHOLE, **changes})


def service(**fields: Any) -> Operation:
    return lambda z: z.service.create(**{"name": "x", **fields})


def sli(**fields: Any) -> Operation:
    return lambda z: z.sla.getsli(**{"slaid": "1", **fields})


def get(**fields: Any) -> Operation:
    return lambda z: z.sla.get(**fields)


def call(method: str, params: Any) -> Operation:
    return lambda z: z.call(method, params)


def update(**fields: Any) -> Operation:
    return lambda z: z.sla.update("1", **fields)


def update_service(**fields: Any) -> Operation:
    return lambda z: z.service.update("1", **fields)


def timeline(span: Any) -> Operation:
    return lambda z: z.service.get(select_status_timeline=[span])


def delete(*slaids: Any) -> Operation:
    return lambda z: z.sla.delete(*slaids)


CASES: list[tuple[Operation, str, str]] = [
    (sli(slaid="x"), "slaid: 'x'", "a string of digits"),
    (sli(slaid=5), "slaid: 5", "a string of digits"),
    (sli(slaid=""), "slaid: ''", "a string of digits"),
    (sli(slaid=".."), "slaid: '..'", "a string of digits"),
    (sli(slaid="٣"), "slaid: '٣'", "a string of digits"),
    (sli(slaid="9" * 20), "slaid:", "a string of digits"),
    (sli(periods=0), "periods: 0", "1 to 100"),
    (sli(periods=101), "periods: 101", "1 to 100"),
    (sli(periods=True), "periods: True", "1 to 100"),
    (sli(periods="3"), "periods: '3'", "1 to 100"),
    (sli(period_from=NAIVE), "period_from:", "aware datetime"),
    (sli(period_to=NAIVE), "period_to:", "aware datetime"),
    (sli(period_from=-1), "period_from: -1", "out of range"),
    (sli(period_from=1_700_000_000_000), "period_from: 1700000000000", "milliseconds"),
    (sli(period_from=2_147_483_648), "period_from: 2147483648", "2038-01-19"),
    (sli(period_from="2026-01-01"), "period_from: '2026-01-01'", "epoch seconds"),
    (sli(period_from=2, period_to=1), "period_from: 2 is after period_to 1", "not after the end"),
    (sli(serviceids="50"), "serviceids: '50'", "['50', '60']"),
    (sli(serviceids=5), "serviceids: 5", "['50', '60']"),
    (sli(serviceids=["1", 2]), "serviceids[1]: 2", "a string of digits"),
    (get(slaids="1"), "slaids: '1'", "a list of ids"),
    (get(limit=0), "limit: 0", "from 1 to"),
    (get(sortorder="UP"), "sortorder: 'UP'", "'ASC', 'DESC'"),
    (get(sortorder=["ASC", "down"]), "sortorder: 'down'", "'ASC', 'DESC'"),
    (timeline((0, NAIVE)), "select_status_timeline[0][1]:", "aware datetime"),
    (create(name=""), "name: ''", "non-empty"),
    (create(name="x" * 256), "name: 256 characters", "at most 255"),
    (create(period=5), "period: 5", "SlaPeriod.DAILY"),
    (create(period="daily"), "period: 'daily'", "numbers 0, 1, 2, 3, 4"),
    (create(period=None), "period: None", "SlaPeriod.DAILY"),
    (create(slo=100.1), "slo: 100.1", "0 to 100"),
    (create(slo=99.99999), "slo: 99.99999", "4 decimals"),
    (create(slo="99"), "slo: '99'", "a percentage"),
    (create(slo=True), "slo: True", "a percentage"),
    (create(effective_date=NAIVE), "effective_date:", "aware datetime"),
    (create(timezone="Mars/Base"), "timezone: 'Mars/Base'", "IANA"),
    (create(status=2), "status: 2", "SlaStatus.ENABLED"),
    (create(service_tags={}), "service_tags: none", "at least one"),
    (create(service_tags=[ServiceTag(tag="")]), "service_tags[0].tag: ''", "non-empty"),
    (create(service_tags=[ServiceTag(tag="a")] * 2), "service_tags[1]: ('a', '') was given twice", "each once"),
    (create(schedule=None), "schedule: None", "a list of Schedule"),
    (create(excluded_downtimes=0), "excluded_downtimes: 0", "a list of ExcludedDowntime"),
    (create(description=None), "description: None", "a string"),
    (create(schedule=[Schedule(period_from=5, period_to=5)]), "schedule[0]: 5 to 5", "0 to 604800"),
    (create(schedule=[Schedule(period_from=0, period_to=604801)]), "schedule[0]: 0 to 604801", "0 to 604800"),
    (create(schedule=[Schedule(period_from=0, period_to=9)] * 2), "schedule[1]: (0, 9) was given twice", "each once"),
    (
        create(excluded_downtimes=[ExcludedDowntime(name="d", period_from=9, period_to=9)]),
        "excluded_downtimes[0]: it starts at 9 and ends at 9",
        "before the end",
    ),
    (
        create(excluded_downtimes=[ExcludedDowntime(name="", period_from=0, period_to=9)]),
        "excluded_downtimes[0].name: ''",
        "non-empty",
    ),
    (
        create(excluded_downtimes=[ExcludedDowntime(name="d", period_from=0, period_to=9)] * 2),
        "excluded_downtimes[1]: (0, 9) was given twice",
        "each once",
    ),
    (update(), "fields: none", "at least one field"),
    (update_service(), "fields: none", "at least one field"),
    (delete(), "slaids: none", "at least one id"),
    (delete("1", "x"), "slaids[1]: 'x'", "a string of digits"),
    (service(name="x" * 129), "name: 129 characters", "at most 128"),
    (service(algorithm=3), "algorithm: 3", "Algorithm.MOST_CRITICAL"),
    (service(sortorder=1000), "sortorder: 1000", "0 to 999"),
    (service(weight=-1), "weight: -1", "0 to 1000000"),
    (service(propagation_rule=1), "propagation_value: it is missing", "together with propagation_rule"),
    (service(propagation_rule=9, propagation_value=1), "propagation_rule: 9", "PropagationRule.AS_IS"),
    (service(propagation_rule=1, propagation_value=6), "propagation_value: 6", "-1 to 5"),
    (service(tags=[Tag(tag="a"), Tag(tag="a")]), "tags[1]: ('a', '') was given twice", "each once"),
    (service(tags={"": "x"}), "tags[0].tag: ''", "non-empty"),
    (service(problem_tags={"a": "b"}, children=["1"]), "problem_tags: they were given together with children", "one of the two"),
    (service(parents=["x"]), "parents[0]: 'x'", "a string of digits"),
    (
        service(
            status_rules=[
                StatusRule(
                    type=StatusRuleType.AT_LEAST_N_CHILDREN,
                    limit_value=0,
                    limit_status=ServiceStatus.OK,
                    new_status=ServiceStatus.HIGH,
                )
            ]
        ),
        "status_rules[0].limit_value: 0",
        "1 to 1000000",
    ),
    (call("sla", {}), "method: 'sla'", "'host.get'"),
    (call("sla.", {}), "method: 'sla.'", "'host.get'"),
    (call("sla get.x", {}), "method: 'sla get.x'", "'host.get'"),
    (call("host.get", "x"), "params: 'x'", "a mapping or a list"),
    (call("host.get", {"a": object()}), "params: Object of type object", "what JSON can hold"),
    (call("host.get", {"a": float("nan")}), "params: Out of range float", "what JSON can hold"),
    (lambda z: z.batch([calls.call("a.get", {"a": object()})]), "params: Object of type object", "what JSON can hold"),
    (lambda z: z.batch([1]), "calls[0]: 1", "zabbix_sla.calls"),
    (create(name="\ud800"), "name: half of a surrogate pair", "Unicode text"),
    (get(filter={"status": float("inf")}), "filter['status']: inf", "a number"),
    (get(editable="no"), "editable: 'no'", "True or False"),
]


@pytest.mark.parametrize(("operation", "given", "allowed"), CASES, ids=[f"{i}-{c[1]}" for i, c in enumerate(CASES)])
def test_a_wrong_argument_is_named_before_any_request(operation: Operation, given: str, allowed: str) -> None:
    server = Server()
    with pytest.raises(InvalidArgument) as caught:
        Mode("sync")(operation, http=server.http)
    problem = next(p for p in caught.value.problems if p.startswith(given))
    assert allowed in problem
    assert server.requests == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Mode("sync")(create(name="", period=9, slo=-1, timezone="?"), http=Server().http)
    assert [p.partition(":")[0] for p in caught.value.problems] == ["name", "period", "slo", "timezone"]


def test_a_wrong_argument_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="periods"):
        Mode("sync")(sli(periods=0), http=Server().http)
