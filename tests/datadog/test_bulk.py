"""Bulk deletion when answers are lost: nothing deleted twice, nothing reported twice, nothing left out."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import anyio
import pytest

import slo_common
from datadog_slo import AsyncDatadogSLO, BulkDeleteResult
from datadog_slo.sandbox import DatadogSandbox
from slo_common.sandbox import Fault, VirtualClock
from tests.datadog.drivers import Driver
from tests.datadog.sandbox_requests import metric

PATH = "/api/v1/slo/bulk_delete"


def _sandbox(count: int, *faults: Fault) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(1_700_000_000), faults=faults)
    for n in range(count):
        sandbox.add_slo(metric(thresholds=[{"timeframe": t, "target": 99.0} for t in ("7d", "30d")]), slo_id=f"id{n}")
    return sandbox


def _delete(driver: Driver, sandbox: DatadogSandbox, asked: dict[str, list[str]]) -> BulkDeleteResult:
    result: BulkDeleteResult = driver.on(
        sandbox, lambda dd: dd.slos.bulk_delete(asked), retry=slo_common.RetryPolicy(backoff_base=0)
    )
    return result


def _sent(sandbox: DatadogSandbox) -> list[dict[str, Any]]:
    return [json.loads(e.body) for e in sandbox.ledger if e.path == PATH]


def _deletions(sandbox: DatadogSandbox) -> Counter[str]:
    return Counter(change for entry in sandbox.applied for change in entry.split("; "))


def test_a_large_map_goes_in_parts(driver: Driver) -> None:
    sandbox = _sandbox(250)
    result = _delete(driver, sandbox, {f"id{n}": ["7d", "30d"] for n in range(250)})
    assert [len(part) for part in _sent(sandbox)] == [100, 100, 50]
    assert (len(result.deleted), sandbox.slos) == (250, ())


def test_a_timeframe_named_twice_is_sent_once(driver: Driver) -> None:
    sandbox = _sandbox(1)
    _delete(driver, sandbox, {"id0": ["7d", "7d"]})
    assert _sent(sandbox) == [{"id0": ["7d"]}]


def test_a_lost_answer_is_settled_by_reading(driver: Driver) -> None:
    sandbox = _sandbox(3, Fault.lost_answer(path=PATH))
    result = _delete(driver, sandbox, {"id0": ["7d", "30d"], "id1": ["7d"], "nope": ["7d"]})
    assert (result.deleted, result.updated) == (("id0",), ("id1",))
    assert [(e.id, e.timeframe) for e in result.errors] == [("nope", "all")]
    assert len(_sent(sandbox)) == 1
    assert max(_deletions(sandbox).values()) == 1


def test_what_did_not_arrive_is_sent_again(driver: Driver) -> None:
    sandbox = _sandbox(2, Fault.reset(path=PATH))
    result = _delete(driver, sandbox, {"id0": ["7d", "30d"], "id1": ["7d"]})
    assert (result.deleted, result.updated, result.errors) == (("id0",), ("id1",), ())
    assert (len(_sent(sandbox)), max(_deletions(sandbox).values())) == (2, 1)


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize("after", [True, False])
def test_a_server_error_leaves_nothing_open(status: int, after: bool, driver: Driver) -> None:
    sandbox = _sandbox(2, Fault.status(status, path=PATH, after=after))
    result = _delete(driver, sandbox, {"id0": ["7d", "30d"], "id1": ["7d"]})
    assert (result.deleted, result.updated, result.errors) == (("id0",), ("id1",), ())
    assert max(_deletions(sandbox).values()) == 1


def test_a_part_that_is_lost_does_not_touch_the_others(driver: Driver) -> None:
    sandbox = _sandbox(150, Fault.lost_answer(path=PATH, skip=1))
    result = _delete(driver, sandbox, {f"id{n}": ["7d", "30d"] for n in range(150)})
    assert (len(result.deleted), len(set(result.deleted)), len(_sent(sandbox))) == (150, 150, 2)
    assert max(_deletions(sandbox).values()) == 1


def test_an_answer_lost_again_and_again_is_an_error_with_a_look_up(driver: Driver) -> None:
    sandbox = _sandbox(1, Fault.reset(path=PATH, times=9))
    with pytest.raises(slo_common.OutcomeUnknown) as caught:
        _delete(driver, sandbox, {"id0": ["7d"]})
    assert len(_sent(sandbox)) == 3
    assert caught.value.sent == "maybe"


def test_the_look_up_tells_what_is_done_and_what_is_not() -> None:
    faults = (Fault.lost_answer(path=PATH), Fault.status(503, path="/api/v1/slo", method="GET", times=3))
    sandbox = _sandbox(2, *faults)
    driver = Driver("sync")

    def use(dd: Any) -> Any:
        with pytest.raises(slo_common.OutcomeUnknown) as caught:
            dd.slos.bulk_delete({"id0": ["7d", "30d"], "nope": ["7d"]})
        sandbox.add_slo(metric(), slo_id="nope")  # made in the meantime: it is there, but not with this timeframe
        return caught.value.reconcile()

    result = driver.on(sandbox, use, retry=slo_common.RetryPolicy(backoff_base=0))
    assert (result.deleted, result.updated, result.errors) == (("id0",), ("nope",), ())
    assert len(_sent(sandbox)) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_look_up_of_the_async_client_is_awaited(backend: str) -> None:
    sandbox = _sandbox(2, Fault.reset(path=PATH, times=9))

    async def main() -> BulkDeleteResult:
        options: dict[str, Any] = {"http": sandbox.transport(), "retry": slo_common.RetryPolicy(backoff_base=0)}
        async with AsyncDatadogSLO("k", "a", **options) as dd:
            with pytest.raises(slo_common.OutcomeUnknown) as caught:
                await dd.slos.bulk_delete({"id0": ["7d"], "id1": ["30d", "90d"]})
            result: BulkDeleteResult = await caught.value.reconcile()
            return result

    result = anyio.run(main, backend=backend)
    assert (result.deleted, result.updated) == ((), ())
    assert [(e.id, e.timeframe, e.message) for e in result.errors] == [("id0", "7d", "still there"), ("id1", "30d", "still there")]


def test_a_refusal_is_not_settled_but_raised(driver: Driver) -> None:
    sandbox = _sandbox(1, Fault.status(403, path=PATH))
    with pytest.raises(slo_common.PermissionDenied):
        _delete(driver, sandbox, {"id0": ["7d"]})
    assert len(sandbox.ledger) == 1
