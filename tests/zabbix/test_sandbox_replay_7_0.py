"""The sandbox answers what a real Zabbix 7.0.9 was recorded to answer to the same services, SLAs and questions.

Recorded with tests/live/test_differential.py against Debian's backport of 7.0.9; the services are in the order of their ids.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from slo_common.sandbox import VirtualClock
from tests.zabbix.sandbox_requests import reply
from zabbix_sla.sandbox import Excluded, TagMatch, ZabbixSandbox

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "zabbix" / "recorded-7.0" / "exchanges.json").read_text(encoding="utf-8")
)
EXCHANGES: list[dict[str, Any]] = RECORDED["exchanges"]


def scene(second: int) -> ZabbixSandbox:
    sandbox = ZabbixSandbox(version=RECORDED["zabbix_version"], clock=VirtualClock(second))
    for service in RECORDED["services"]:
        sandbox.add_service(
            "s", serviceid=service["serviceid"], created_at=service["created_at"], tags={"differential": RECORDED["tag"]}
        )
        for start, end, severity in service["outages"]:
            sandbox.add_outage(service["serviceid"], start, end, severity=severity)
    for sla in RECORDED["slas"]:
        sandbox.add_sla(
            f"S {sla['slaid']}",
            slaid=sla["slaid"],
            tags=[TagMatch(tag="differential", value=RECORDED["tag"])],
            period=sla["period"],
            slo=sla["slo"],
            timezone=sla["timezone"],
            effective_date=RECORDED["effective_date"],
            schedule=[(start, end) for start, end in sla["schedule"]],
            excluded_downtimes=[Excluded(name=n, period_from=a, period_to=b) for n, a, b in sla["excluded_downtimes"]],
        )
    return sandbox


def by_service(answer: dict[str, Any]) -> dict[str, Any]:
    result: Any = answer.get("result")
    if not isinstance(result, dict) or "serviceids" not in result:
        return answer
    found = cast(dict[str, Any], result)
    order = sorted(range(len(found["serviceids"])), key=lambda i: found["serviceids"][i])
    return {
        **answer,
        "result": {**found, "serviceids": sorted(found["serviceids"]), "sli": [[row[i] for i in order] for row in found["sli"]]},
    }


@pytest.mark.parametrize("number", range(len(EXCHANGES)), ids=[f"{i}-{e['request']['method']}" for i, e in enumerate(EXCHANGES)])
def test_recorded_answer_of_7_0_is_given_value_for_value(number: int) -> None:
    exchange = EXCHANGES[number]
    # The server may have begun to calculate in the second before the one it signed with.
    answers: list[object] = []
    for second in (exchange["second"] - 1, exchange["second"]):
        sandbox = scene(second)
        body = {**exchange["request"], "auth": sandbox.token} if exchange["with_credential"] else exchange["request"]
        answers.append(by_service(json.loads(reply(sandbox, body).body)))
    assert by_service(exchange["answer"]) in answers
