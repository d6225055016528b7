"""Four dialects of pages, one way to walk them: all is there once, and nothing is asked past the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from datadog_slo.sandbox import DatadogSandbox
from slo_common.sandbox import VirtualClock
from tests.datadog.drivers import Driver
from tests.datadog.sandbox_requests import metric, monitor

Use = Callable[[Any], Any]
API = "https://api.datadoghq.com"


def _sandbox(slos: int, corrections: int = 0) -> DatadogSandbox:
    sandbox = DatadogSandbox(clock=VirtualClock(1_700_000_000))
    for n in range(slos):
        sandbox.add_slo(metric(f"SLO {n}"), slo_id=f"id{n}")
    for n in range(corrections):
        sandbox.add_correction(slo_id="id0", category="Other", start=n, end=n + 1, description=str(n))
    return sandbox


def _asked(sandbox: DatadogSandbox) -> int:
    return len(sandbox.ledger)


DIALECTS: dict[str, tuple[Use, int, int, int]] = {
    # what is walked, SLOs, corrections, requests that it takes
    "list, one short page": (lambda dd: dd.slos.list(page_size=5), 4, 0, 1),
    "list, a full page is not known to be the last": (lambda dd: dd.slos.list(page_size=2), 4, 0, 3),
    "list, from the second on": (lambda dd: dd.slos.list(page_size=3, offset=1), 5, 0, 2),
    "search, the total ends it": (lambda dd: dd.slos.search(page_size=2), 4, 0, 2),
    "search, a short last page": (lambda dd: dd.slos.search(page_size=3), 4, 0, 2),
    "search, nothing": (lambda dd: dd.slos.search("nowhere"), 4, 0, 1),
    "corrections, by the total": (lambda dd: dd.corrections.list(page_size=3), 1, 6, 2),
    "corrections of one SLO, past the silent ten": (lambda dd: dd.slos.corrections("id0"), 1, 25, 3),
    "corrections of one SLO, exactly ten": (lambda dd: dd.slos.corrections("id0"), 1, 10, 1),
    "corrections of one SLO, none": (lambda dd: dd.slos.corrections("id0"), 1, 0, 1),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_everything_comes_once_with_as_many_requests_as_it_takes(name: str, driver: Driver) -> None:
    use, slos, corrections, requests = DIALECTS[name]
    sandbox = _sandbox(slos, corrections)
    items = driver.on(sandbox, use)
    expected = {"list, from the second on": slos - 1, "search, nothing": 0}.get(
        name, corrections if "corrections" in name else slos
    )
    assert (len({item.id for item in items}), len(items), _asked(sandbox)) == (expected, expected, requests)


def test_pages_know_the_total(driver: Driver) -> None:
    pages = driver.on(_sandbox(5), lambda dd: dd.slos.list(page_size=2).pages())
    assert [(len(page.items), page.total) for page in pages] == [(2, 5), (2, 5), (1, 5)]


def test_nothing_is_asked_before_the_first_step(driver: Driver) -> None:
    sandbox = _sandbox(1)

    def use(dd: Any) -> int:
        dd.slos.list()
        return _asked(sandbox)

    assert driver.on(sandbox, use) == 0


def test_many_ids_are_asked_for_in_batches(driver: Driver) -> None:
    sandbox = _sandbox(250)
    ids = [f"id{n}" for n in range(250)]
    items = driver.on(sandbox, lambda dd: dd.slos.list(ids=ids))
    assert ([slo.id for slo in items], _asked(sandbox)) == (ids, 3)


def test_a_batch_of_ids_may_have_several_pages(driver: Driver) -> None:
    sandbox = _sandbox(150)
    items = driver.on(sandbox, lambda dd: dd.slos.list(ids=[f"id{n}" for n in range(150)], page_size=60))
    assert (len(items), _asked(sandbox)) == (150, 3)


def test_an_item_that_moves_between_pages_comes_once(driver: Driver) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("offset", "0"))
        ids = ["a", "b"] if offset == 0 else ["b"]
        return httpx.Response(200, json={"data": [{"id": i, "name": i, "type": "metric", "thresholds": []} for i in ids]})

    with respx.mock as router:
        router.get(f"{API}/api/v1/slo").mock(side_effect=answer)
        items = driver.run(lambda dd: dd.slos.list(page_size=2))
    assert [slo.id for slo in items] == ["a", "b"]


def _correction(n: int) -> dict[str, Any]:
    return {"id": str(n), "type": "correction", "attributes": {"category": "Other", "start": n, "slo_id": "x"}}


def test_a_server_that_gives_less_than_asked_for_loses_nothing(driver: Driver) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["page[offset]"])
        return httpx.Response(
            200, json={"data": [_correction(n) for n in range(offset, min(offset + 3, 7))], "meta": {"pagination": {"total": 7}}}
        )

    with respx.mock as router:
        router.get(f"{API}/api/v1/slo/x/corrections").mock(side_effect=answer)
        items = driver.run(lambda dd: dd.slos.corrections("x", page_size=10))
    assert [c.id for c in items] == [str(n) for n in range(7)]


@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": {"page": None}}, {"meta": {"page": {"total_filtered_count": 2}}}])
def test_without_a_total_a_short_page_is_the_end(meta: dict[str, Any], driver: Driver) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("offset", "0"))
        return httpx.Response(200, json={"data": [_correction(n) for n in range(offset, min(offset + 2, 3))], **meta})

    with respx.mock as router:
        route = router.get(f"{API}/api/v1/slo/correction").mock(side_effect=answer)
        items = driver.run(lambda dd: dd.corrections.list(page_size=2))
    assert ([c.id for c in items], route.call_count) == (["0", "1", "2"], 2)


@pytest.mark.parametrize(("meta", "requests"), [({}, 2), ({"pagination": {"total": 3, "size": 2}}, 2), ({"pagination": None}, 2)])
def test_search_pages_by_what_the_server_says_it_gives(meta: dict[str, Any], requests: int, driver: Driver) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page[number]"])
        slos = [
            {"data": {"id": f"{n}", "type": "slo", "attributes": {"name": "n"}}} for n in range(number * 2, min(number * 2 + 2, 3))
        ]
        return httpx.Response(200, json={"data": {"attributes": {"slos": slos}}, "meta": meta})

    size = 2 if not meta.get("pagination") else 100
    with respx.mock as router:
        route = router.get(f"{API}/api/v1/slo/search").mock(side_effect=answer)
        items = driver.run(lambda dd: dd.slos.search(page_size=size))
    assert ([slo.id for slo in items], route.call_count) == (["0", "1", "2"], requests)


def test_corrections_by_query_are_among_those_of_an_slo(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(1_700_000_000))
    slo_id = sandbox.add_slo(monitor(tags=["team:pay"]))
    sandbox.add_correction(slo_query="team:pay", category="Other", start=1, end=2)
    items = driver.on(sandbox, lambda dd: dd.slos.corrections(slo_id))
    assert [(c.slo_id, c.slo_query) for c in items] == [(None, "team:pay")]
