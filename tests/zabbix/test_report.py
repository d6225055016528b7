"""Reports of any range and size: cut, fetched, put together, and equal to what single calls give."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from slo_common import InvalidArgument, MalformedResponse, NotFound
from slo_common.sandbox import Reply, SandboxRequest, VirtualClock
from tests.zabbix.modes import Mode, Operation, Server, all_modes
from zabbix_sla import Progress, ServerOutOfMemory, SliResult
from zabbix_sla.sandbox import ZabbixSandbox

DAY = 86_400
NOW = 1_790_000_000


def at(*date: int) -> int:
    return int(datetime(*cast(tuple[int, int, int], date), tzinfo=UTC).timestamp())


def scene(
    *,
    zone: str = "UTC",
    services: int = 2,
    effective: int = at(2024, 1, 1),
    period: int = 0,
    cls: type[ZabbixSandbox] = ZabbixSandbox,
) -> Any:
    sandbox = cls(clock=VirtualClock(NOW))
    for i in range(services):
        serviceid = sandbox.add_service(f"s{i}", tags={"a": "b"}, created_at=0)
        sandbox.add_outage(serviceid, at(2025, 3, 1) + i * 10_000, at(2025, 3, 1) + i * 10_000 + 500)
    sandbox.add_sla("S", tags={"a": "b"}, timezone=zone, period=period, effective_date=effective)
    return sandbox


def asked(sandbox: ZabbixSandbox) -> list[dict[str, Any]]:
    bodies = [json.loads(e.body) for e in sandbox.ledger]
    return [b["params"] for b in bodies if b["method"] == "sla.getsli"]


@all_modes
def test_a_long_range_is_whole_and_in_order(mode: Mode) -> None:
    sli = mode(lambda z: z.sla.report("1", at(2025, 1, 1), at(2026, 1, 1)), sandbox=scene())
    assert len(sli.periods) == 365
    assert sli.periods[0].period_from == datetime(2025, 1, 1, tzinfo=UTC)
    assert all(a.period_to == b.period_from for a, b in pairwise(sli.periods))
    assert [sum(c.downtime for c in sli.service(s)) for s in ("1", "2")] == [500, 500]


@all_modes
def test_period_by_period_gives_the_same_cells(mode: Mode) -> None:
    sandbox = scene()
    whole = mode(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 9, 1)), sandbox=sandbox)
    parts = mode(lambda z: z.sla.report_periods("1", at(2025, 1, 1), at(2025, 9, 1)), sandbox=sandbox)
    assert [len(p.periods) for p in parts] == [1] * 243
    assert [c for p in parts for c in p] == list(whole)


@pytest.mark.parametrize(("zone", "spring"), [("Europe/Riga", 23), ("America/New_York", 23), ("UTC", 24)])
def test_days_of_a_clock_change_keep_their_length(zone: str, spring: int) -> None:
    sli: SliResult = Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 2), at(2025, 12, 30)), sandbox=scene(zone=zone))
    lengths = sorted({p.seconds // 3600 for p in sli.periods})
    assert lengths == sorted({spring, 24, 48 - spring})
    assert all(a.period_to == b.period_from for a, b in pairwise(sli.periods))


@pytest.mark.parametrize("period", [1, 2, 3, 4])
def test_every_period_kind_is_whole(period: int) -> None:
    sli = Mode("sync")(
        lambda z: z.sla.report("1", at(2024, 1, 10), at(2026, 1, 10)), sandbox=scene(period=period, zone="Europe/Riga")
    )
    assert all(a.period_to == b.period_from for a, b in pairwise(sli.periods))
    assert sli.periods[0].period_from.timestamp() <= at(2024, 1, 10)
    assert sli.periods[-1].period_to.timestamp() >= at(2026, 1, 10)


def test_it_begins_with_the_period_of_the_effective_date() -> None:
    sandbox = scene(effective=at(2025, 6, 15) + 3600)
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2020, 1, 1), at(2025, 7, 1)), sandbox=sandbox)
    assert sli.periods[0].period_from == datetime(2025, 6, 15, tzinfo=UTC)


def test_it_ends_with_the_current_period() -> None:
    sli = Mode("sync")(lambda z: z.sla.report("1", NOW - 3 * DAY, NOW + 90 * DAY), sandbox=scene())
    assert sli.periods[-1].period_from.timestamp() <= NOW < sli.periods[-1].period_to.timestamp()


def test_the_end_is_exclusive() -> None:
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2025, 5, 1), at(2025, 5, 3)), sandbox=scene())
    assert len(sli.periods) == 2


def test_a_range_before_the_effective_date_is_empty() -> None:
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2020, 1, 1), at(2021, 1, 1)), sandbox=scene())
    assert (sli.periods, len(sli)) == ((), 0)


def test_a_range_in_the_future_is_empty() -> None:
    assert Mode("sync")(lambda z: z.sla.report("1", NOW + 9 * DAY, NOW + 19 * DAY), sandbox=scene()).periods == ()


def test_no_service_gives_the_periods() -> None:
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 6, 1), []), sandbox=scene())
    assert (len(sli.periods), sli.serviceids) == (151, ())


def test_only_the_services_asked_for() -> None:
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 1, 5), ["2", "2", "99"]), sandbox=scene())
    assert sli.serviceids == ("2",)


def test_a_call_holds_no_more_cells_than_asked_for() -> None:
    sandbox = scene(services=7)
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2026, 1, 1), max_cells=300), sandbox=sandbox)
    sizes = [len(p["serviceids"]) for p in asked(sandbox) if p["serviceids"]]
    assert (max(sizes), len(sizes)) == (3, 12)
    assert sli.serviceids == tuple("1234567")


def test_no_call_asks_for_more_than_100_periods() -> None:
    sandbox = scene()
    Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2026, 1, 1)), sandbox=sandbox)
    assert {p["periods"] for p in asked(sandbox)} <= set(range(1, 101))


def test_progress_counts_to_the_end() -> None:
    seen: list[Progress] = []
    Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 9, 1), on_progress=seen.append), sandbox=scene())
    assert [p.done_calls for p in seen] == [1, 2, 3]
    assert (seen[-1].done_cells, seen[-1].cells) == (486, 486)


def test_progress_of_single_periods_counts_to_the_end() -> None:
    seen: list[Progress] = []
    Mode("sync")(lambda z: z.sla.report_periods("1", at(2025, 1, 1), at(2025, 9, 1), on_progress=seen.append), sandbox=scene())
    assert [p.done_cells for p in seen] == [86, 286, 486]


def test_a_server_that_runs_out_of_memory_is_asked_for_less() -> None:
    sandbox = scene(services=8)
    sandbox.max_cells = 250
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 4, 11)), sandbox=sandbox)
    assert sorted(sli.serviceids) == list("12345678")
    assert sum(c.downtime for s in sli.serviceids for c in sli.service(s)) == 8 * 500


def test_a_single_service_that_is_too_much_is_reported() -> None:
    sandbox = scene(services=1)
    sandbox.max_cells = 50
    with pytest.raises(ServerOutOfMemory):
        Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 4, 11)), sandbox=sandbox)


class Meeting(ZabbixSandbox):
    """Answers a call for cells only when three others have come, and counts how many are there at once."""

    def __init__(self) -> None:
        super().__init__()
        self.running = self.most = 0
        self.guard = threading.Lock()
        self.four = threading.Barrier(4)

    def handle(self, request: SandboxRequest) -> Any:
        body = json.loads(request.body)
        if body["method"] != "sla.getsli" or not body["params"]["serviceids"]:
            return super().handle(request)
        with self.guard:
            self.running += 1
            self.most = max(self.most, self.running)
        self.four.wait(30)
        answer = super().handle(request)
        with self.guard:
            self.running -= 1
        return answer


@all_modes
def test_four_calls_are_in_flight_and_no_more(mode: Mode) -> None:
    sandbox = Meeting()
    now = int(sandbox.clock.now())
    sandbox.add_service("s", tags={"a": "b"})
    sandbox.add_sla("S", tags={"a": "b"})
    with sandbox.serve() as server:
        sli = mode(lambda z: z.sla.report("1", now - 1599 * DAY, now + DAY), token=sandbox.token, url=server.url)
    assert len(sli.periods) == 1600
    assert sandbox.most == 4


def test_an_unknown_sla_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"zabbix\.sla\.report '77'"):
        Mode("sync")(lambda z: z.sla.report("77", 0, 1), sandbox=scene())


WRONG: list[tuple[Operation, str]] = [
    (lambda z: z.sla.report("x", 0, 1), "slaid"),
    (lambda z: z.sla.report("1", 5, 5), "start"),
    (lambda z: z.sla.report("1", 0, 1, "12"), "serviceids"),
    (lambda z: z.sla.report("1", 0, 1, max_cells=0), "max_cells"),
    (lambda z: z.sla.report("1", datetime(2025, 1, 1), 1), "start"),  # noqa: DTZ001  # a naive time is the fault under test
]


@pytest.mark.parametrize(("operation", "named"), WRONG)
def test_wrong_arguments_are_named_before_any_request(operation: Operation, named: str) -> None:
    sandbox = scene()
    with pytest.raises(InvalidArgument, match=named):
        Mode("sync")(operation, sandbox=sandbox)
    assert sandbox.ledger == ()


class Meddler(ZabbixSandbox):
    """Somebody changes the SLA between the first look and the last."""

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        body = json.loads(request.body)
        if body["method"] == "sla.getsli" and body["params"].get("serviceids"):
            self.store.slas["1"].timezone = "Asia/Tokyo"
        return super().respond(request, now)


def test_an_sla_that_changes_meanwhile_is_noticed() -> None:
    with pytest.raises(MalformedResponse, match="cut other periods than before"):
        Mode("sync")(lambda z: z.sla.report("1", at(2025, 1, 1), at(2025, 2, 1)), sandbox=scene(cls=Meddler))


def test_periods_that_do_not_go_back_end_the_report() -> None:
    ahead = {
        "periods": [{"period_from": at(2030, 1, 1) + i, "period_to": at(2030, 1, 1) + i + 1} for i in range(100)],
        "serviceids": [],
        "sli": [],
    }
    row = {
        "slaid": "1",
        "name": "a",
        "period": "0",
        "slo": "1",
        "effective_date": "0",
        "timezone": "UTC",
        "status": "1",
        "description": "",
    }
    lists: dict[str, Any] = {"service_tags": [], "schedule": [], "excluded_downtimes": []}
    server = Server(sla_get=[{**row, **lists}], service_get=[], sla_getsli=ahead)
    with pytest.raises(MalformedResponse, match="begin after the range"):
        Mode("sync")(lambda z: z.sla.report("1", 1, 86_400), http=server.http)


def test_an_hour_that_overlaps_is_left_out() -> None:
    # The last page holds nothing but the day that the page before it began an hour late with.
    start = int(datetime(2025, 3, 28, 0, 30, tzinfo=ZoneInfo("Africa/Cairo")).timestamp())
    end = int(datetime(2025, 7, 6, tzinfo=ZoneInfo("Africa/Cairo")).timestamp())
    sli = Mode("sync")(lambda z: z.sla.report("1", start, end), sandbox=scene(zone="Africa/Cairo"))
    assert all(a.period_to == b.period_from for a, b in pairwise(sli.periods))
    assert len(sli.periods) == 100


def test_a_clock_that_changes_at_midnight_makes_no_overlap() -> None:
    # In Cairo the day begins at 01:00 once a year; the server's own days then overlap by an hour from page to page.
    sli = Mode("sync")(lambda z: z.sla.report("1", at(2024, 1, 5), at(2026, 1, 1)), sandbox=scene(zone="Africa/Cairo"))
    assert all(a.period_to <= b.period_from for a, b in pairwise(sli.periods))
    assert max((b.period_from - a.period_to).total_seconds() for a, b in pairwise(sli.periods)) <= DAY
