"""Whatever a server answers, nothing but our own exceptions leaves a public method: status, headers and body at will, and half right ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datadog_slo import DatadogSLO
from rootly_sla import RootlySLA
from slo_common import SloError, Timeouts
from slo_common._values import Reply
from slo_common.sandbox import Sandbox, SandboxRequest, VirtualClock
from tests.faults.clients import AT_ONCE, SLA
from zabbix_sla import SlaPeriod, ZabbixSLA, calls

BOUNDED = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=(HealthCheck.too_slow,),
)
FROM, TO = 1_780_000_000, 1_780_100_000
Use = Callable[[Any], Any]

DATADOG: dict[str, Use] = {
    "reports.create": lambda dd: dd.reports.create(query="*", from_ts=FROM, to_ts=TO),
    "reports.status": lambda dd: dd.reports.status("r"),
    "reports.wait": lambda dd: dd.reports.wait("r", timeout=5),
    "reports.download": lambda dd: dd.reports.download("r"),
    "reports.run": lambda dd: dd.reports.run(query="*", from_ts=FROM, to_ts=TO, timeout=5),
    "reports.run client": lambda dd: dd.reports.run(query="*", from_ts=FROM, to_ts=TO, engine="client"),
    "slos.list": lambda dd: list(dd.slos.list()),
    "slos.get": lambda dd: dd.slos.get("s"),
    "slos.delete": lambda dd: dd.slos.delete("s"),
    "slos.can_delete": lambda dd: dd.slos.can_delete(["s"]),
    "slos.search": lambda dd: list(dd.slos.search()),
    "slos.facets": lambda dd: dd.slos.facets(),
    "slos.history": lambda dd: dd.slos.history("s", from_ts=FROM, to_ts=TO),
    "slos.status": lambda dd: dd.slos.status("s", from_ts=FROM, to_ts=TO),
    "slos.corrections": lambda dd: list(dd.slos.corrections("s")),
    "slos.bulk_delete": lambda dd: dd.slos.bulk_delete({"s": ["7d"]}),
    "corrections.list": lambda dd: list(dd.corrections.list()),
    "corrections.get": lambda dd: dd.corrections.get("c"),
    "corrections.create": lambda dd: dd.corrections.create(slo_id="s", category="Other", start=FROM, end=TO),
    "corrections.delete": lambda dd: dd.corrections.delete("c"),
}
ROOTLY: dict[str, Use] = {
    "slas.list": lambda rootly: list(rootly.slas.list()),
    "slas.get": lambda rootly: rootly.slas.get("1"),
    "slas.create": lambda rootly: rootly.slas.create(**SLA),
    "slas.update": lambda rootly: rootly.slas.update("1", name="n"),
    "slas.delete": lambda rootly: rootly.slas.delete("1"),
    "slas.ensure": lambda rootly: rootly.slas.ensure(**SLA),
    "slas.plan": lambda rootly: rootly.slas.plan([], delete_others=True),
}
ZABBIX: dict[str, Use] = {
    "apiinfo.version": lambda zbx: zbx.apiinfo.version(),
    "sla.get": lambda zbx: zbx.sla.get(),
    "sla.count": lambda zbx: zbx.sla.count(),
    "sla.create": lambda zbx: zbx.sla.create(
        "n", period=SlaPeriod.DAILY, slo=99, effective_date=FROM, timezone="UTC", service_tags={"a": "b"}
    ),
    "sla.update": lambda zbx: zbx.sla.update("1", slo=99),
    "sla.delete": lambda zbx: zbx.sla.delete("1", "2"),
    "sla.getsli": lambda zbx: zbx.sla.getsli("1", periods=2),
    "sla.report": lambda zbx: zbx.sla.report("1", FROM, TO),
    "service.get": lambda zbx: zbx.service.get(),
    "service.create": lambda zbx: zbx.service.create("n"),
    "service.delete": lambda zbx: zbx.service.delete("1"),
    "batch": lambda zbx: zbx.batch([calls.sla_get(), calls.getsli("1"), calls.sla_delete("1")]),
    "call": lambda zbx: zbx.call("host.get", {}),
}


class Odd(Sandbox):
    """Answers with these replies in turn, again and again."""

    vendor = "odd"

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(clock=VirtualClock(1_790_000_000))
        self._replies = replies
        self._asked = 0

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        self._asked += 1
        assert self._asked < 2000, "a client that asks without end"
        return self._replies[self._asked % len(self._replies)]

    def bucket(self, request: SandboxRequest) -> str:
        return "all"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:
        raise NotImplementedError


# Replies.

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "2026-01-01T00:00:00Z", "id"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "id", "type", "attributes", "errors", "links", "next", "meta", "result", "error", "jsonrpc", "code"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
GOOD: tuple[dict[str, object] | list[object], ...] = (
    {"data": {"id": "r", "type": "report_id", "attributes": {"status": "completed"}}},
    {
        "data": [
            {"id": "s", "name": "n", "type": "monitor", "monitor_ids": [1], "thresholds": [{"timeframe": "7d", "target": 99.0}]}
        ]
    },
    {"data": {"deleted": ["s"], "updated": list[object]()}, "errors": list[object]()},
    {"data": {"overall": {"sli_value": 99.5}, "from_ts": FROM, "to_ts": TO, "type": "monitor"}, "errors": None},
    {"data": list[object](), "meta": {"page": {"total_count": 3}}},
    {
        "data": {
            "id": "1",
            "type": "slas",
            "attributes": {**SLA, "slug": "s", "entity_type": "follow_up", "conditions": list[object]()},
        }
    },
    {"data": list[object](), "links": {"next": "https://api.rootly.com/v1/slas?page[number]=2"}, "meta": {"next_page": 2}},
    {"jsonrpc": "2.0", "id": 1, "result": list[object]()},
    {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"periods": [{"period_from": 1, "period_to": 2}], "serviceids": [1], "sli": [[dict[str, object]()]]},
    },
    {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -32602, "message": "Invalid params.", "data": "Session terminated, re-login, please."},
    },
    [
        {"jsonrpc": "2.0", "id": 1, "result": list[object]()},
        {"jsonrpc": "2.0", "id": 2, "result": dict[str, object]()},
        {"jsonrpc": "2.0", "id": 3, "result": 1},
    ],
)


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A reply that would be right but for one place."""
    value: object = copy.deepcopy(draw(st.sampled_from(GOOD)))
    at = value
    for _ in range(draw(st.integers(0, 4))):
        if not isinstance(at, dict | list) or not at:
            break
        members = cast("dict[object, object]", at if isinstance(at, dict) else dict(enumerate(at)))
        place = draw(st.sampled_from(list(members)))
        if draw(st.booleans()):
            cast("dict[object, object]", at)[place] = draw(json_values)
            break
        at = members[place]
    return value


HEADERS = {
    "content-type": ["application/json", "text/html", "text/csv", "application/vnd.api+json", "", "\xff"],
    "retry-after": ["1", "-1", "nan", "inf", "1e999", "9" * 30, "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 99 Foo 2026"],
    "x-ratelimit-limit": ["5", "5, 5;window=60", "x", "0", "-3", ";;;", "9" * 30],
    "x-ratelimit-remaining": ["0", "1", "-1", "x", "1.5"],
    "x-ratelimit-reset": ["1", "1790000060", "nan", "-5", "9" * 40],
    "x-ratelimit-period": ["60", "0", "x"],
    "x-ratelimit-name": ["a", "", "x" * 300],
    "ratelimit": ['"default";r=0;t=1', '"default";r=;t=', "((", '"a";r=1e9'],
    "date": ["Wed, 21 Oct 2026 07:28:00 GMT", "never", "Thu, 32 Jan 99999 00:00:00 GMT"],
    "location": ["https://elsewhere.example/", "http://[", "", "//x"],
    "content-encoding": ["gzip", "br", "identity", "x-gzip"],
}
headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in HEADERS.items()})
CSV = b"id,name,slo_type,target,status,2026-01-01\nid1,n,metric,99.9,,99.5\n"
bodies = (
    json_values.map(lambda value: json.dumps(value).encode())
    | damaged().map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=60)
    | st.sampled_from([b"", CSV, CSV[:-20], CSV.replace(b",", b";"), b"<html>", b"null", b"[" * 500])
)
replies = st.lists(
    st.builds(
        Reply,
        status=st.sampled_from([200] * 6 + [201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504, 599]),
        headers=headers,
        body=bodies,
    ),
    min_size=1,
    max_size=4,
)


def _only_ours_leave(client: Any, use: Use) -> None:
    with client:
        try:
            use(client)
        except SloError as e:
            assert str(e)
            assert len(str(e)) < 4000
            assert "\n" not in str(e)


OPTIONS: dict[str, Any] = {"retry": AT_ONCE, "timeout": Timeouts(total=20.0)}


@pytest.mark.filterwarnings(
    "ignore::datadog_slo.ReportEngineWarning"
)  # where the report endpoints are gone, run says so and goes on
@BOUNDED
@given(replies, st.sampled_from(sorted(DATADOG)))
def test_datadog(given_replies: list[Reply], name: str) -> None:
    _only_ours_leave(DatadogSLO("k", "a", http=Odd(given_replies).transport(), **OPTIONS), DATADOG[name])


@BOUNDED
@given(replies, st.sampled_from(sorted(ROOTLY)))
def test_rootly(given_replies: list[Reply], name: str) -> None:
    _only_ours_leave(RootlySLA("t", http=Odd(given_replies).transport(), **OPTIONS), ROOTLY[name])


@BOUNDED
@given(replies, st.sampled_from(sorted(ZABBIX)), st.booleans())
def test_zabbix(given_replies: list[Reply], name: str, login: bool) -> None:
    credential: dict[str, Any] = {"user": "u", "password": "p"} if login else {"token": "t" * 64}
    client = ZabbixSLA("http://127.0.0.1:1/api_jsonrpc.php", http=Odd(given_replies).transport(), **credential, **OPTIONS)
    _only_ours_leave(client, ZABBIX[name])
