"""Corrections on the wire, and what is checked before they get there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

import slo_common
from datadog_slo import CorrectionCategory
from slo_common import UNSET
from tests.datadog.drivers import Driver

API = "https://api.datadoghq.com"
Use = Callable[[Any], Any]
USER = {"data": {"type": "users", "id": "u", "attributes": {"uuid": "u", "handle": "h", "email": "e@x", "name": None, "icon": "i"}}}
ATTRIBUTES: dict[str, Any] = {
    "slo_id": "abc",
    "start": 1600000000,
    "end": 1600003600,
    "description": "Upgrade",
    "category": "Scheduled Maintenance",
    "timezone": "UTC",
    "created_at": None,
    "modified_at": None,
    "rrule": None,
    "duration": None,
    "creator": USER,
    "modifier": None,
}
ANSWER = {"data": {"type": "correction", "id": "c1", "attributes": ATTRIBUTES}}


def _sent(driver: Driver, use: Use, answer: Any = None, status: int = 200) -> httpx.Request:
    with respx.mock as router:
        route = router.route(url__startswith=API).respond(status, json=ANSWER if answer is None else answer)
        driver.run(use)
        request: httpx.Request = route.calls.last.request
    return request


def test_create_by_id(driver: Driver) -> None:
    end = datetime(2020, 9, 13, 13, 26, 40, tzinfo=UTC)
    use: Use = lambda dd: dd.corrections.create(  # noqa: E731
        slo_id="abc", category="Scheduled Maintenance", start=1600000000, end=end, description="Upgrade", timezone="UTC"
    )
    request = _sent(driver, use)
    assert (request.method, request.url.path) == ("POST", "/api/v1/slo/correction")
    names = ("slo_id", "start", "end", "description", "category", "timezone")
    assert json.loads(request.content) == {"data": {"type": "correction", "attributes": {n: ATTRIBUTES[n] for n in names}}}


def test_create_a_recurring_one_by_query(driver: Driver) -> None:
    use: Use = lambda dd: dd.corrections.create(  # noqa: E731
        slo_query="team:pay", category=CorrectionCategory.DEPLOYMENT, start=5, rrule="FREQ=WEEKLY;BYDAY=SU", duration=3600
    )
    attributes = json.loads(_sent(driver, use).content)["data"]["attributes"]
    assert attributes == {
        "slo_query": "team:pay",
        "category": "Deployment",
        "start": 5,
        "rrule": "FREQ=WEEKLY;BYDAY=SU",
        "duration": 3600,
    }


def test_the_answer_is_flat_and_its_users_too(driver: Driver) -> None:
    with respx.mock as router:
        router.get(f"{API}/api/v1/slo/correction/c1").respond(json=ANSWER)
        correction = driver.run(lambda dd: dd.corrections.get("c1"))
    assert (correction.id, correction.type, correction.slo_id) == ("c1", "correction", "abc")
    assert (correction.start, correction.end) == (
        datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC),
        datetime(2020, 9, 13, 13, 26, 40, tzinfo=UTC),
    )
    assert (correction.created_at, correction.modifier) == (None, None)
    assert (correction.creator.email, correction.creator.id, correction.creator.icon) == ("e@x", "u", "i")
    assert correction.category is CorrectionCategory.SCHEDULED_MAINTENANCE


def test_a_flat_user_as_the_specification_has_it(driver: Driver) -> None:
    flat = {"email": "e@x", "handle": "h", "name": "n"}
    answer = {"data": {"type": "correction", "id": "c1", "attributes": {**ATTRIBUTES, "modifier": flat, "new": 1}}}
    with respx.mock as router:
        router.get(f"{API}/api/v1/slo/correction/c1").respond(json=answer)
        correction = driver.run(lambda dd: dd.corrections.get("c1"))
    assert (correction.modifier.name, correction.modifier.id, correction.extra) == ("n", None, {"new": 1})


def test_update_sends_only_what_was_given_and_none_as_null(driver: Driver) -> None:
    request = _sent(driver, lambda dd: dd.corrections.update("c1", description="", end=None, start=7, slo_query=UNSET))
    assert (request.method, request.url.path) == ("PATCH", "/api/v1/slo/correction/c1")
    assert json.loads(request.content) == {
        "data": {"type": "correction", "attributes": {"description": "", "end": None, "start": 7}}
    }


@pytest.mark.parametrize("headers", [{"content-type": "text/html; charset=utf-8"}, {}])
def test_delete_takes_an_empty_204_whatever_it_calls_itself(headers: dict[str, str], driver: Driver) -> None:
    with respx.mock as router:
        route = router.delete(f"{API}/api/v1/slo/correction/c1").respond(204, headers=headers)
        assert driver.run(lambda dd: dd.corrections.delete("c1")) is None
    assert route.call_count == 1


def test_a_repeated_delete_that_finds_nothing_is_done(driver: Driver) -> None:
    with respx.mock as router:
        route = router.delete(f"{API}/api/v1/slo/correction/c1")
        route.side_effect = [httpx.ReadError("reset"), httpx.Response(404)]
        options = {"api_key": "k", "app_key": "a", "retry": slo_common.RetryPolicy(backoff_base=0)}
        assert driver.run(lambda dd: dd.corrections.delete("c1"), **options) is None


def _refused(driver: Driver, use: Use) -> str:
    with respx.mock(assert_all_called=False) as router:
        route = router.route().mock(return_value=httpx.Response(500))
        with pytest.raises(slo_common.InvalidArgument) as caught:
            driver.run(use)
    assert not route.called
    return str(caught.value)


GOOD: dict[str, Any] = {"slo_id": "abc", "category": "Other", "start": 5, "end": 9}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"slo_id": None}, "slo_id, slo_query: allowed: exactly one"),
        ({"slo_query": "x"}, "slo_id, slo_query: allowed: exactly one"),
        ({"slo_id": ""}, "slo_id: '' is empty"),
        ({"slo_id": None, "slo_query": " "}, "slo_query: ' ' was given"),
        ({"category": "Lunch"}, "category: 'Lunch' was given; allowed: 'Scheduled Maintenance', 'Outside Business Hours'"),
        ({"end": None}, "end: None was given"),
        ({"end": 5}, "end: 5 was given; allowed: a time after start (5)"),
        ({"start": None}, "start: None was given"),
        ({"start": datetime(2026, 1, 1)}, "is a naive datetime"),  # noqa: DTZ001
        ({"rrule": "FREQ=DAILY"}, "rrule, duration: allowed: both or neither"),
        ({"duration": 5}, "rrule, duration: allowed: both or neither"),
        ({"rrule": "FREQ=DAILY", "duration": 0}, "duration: 0 was given"),
        ({"rrule": "FREQ=DAILY", "duration": True}, "duration: True was given"),
        ({"rrule": "daily", "duration": 5}, "rrule: 'daily' was given"),
        ({"rrule": 7, "duration": 5}, "rrule: 7 was given"),
        ({"rrule": "FREQ=DAILY;BYHOUR=1", "duration": 5}, "has BYHOUR"),
        ({"rrule": "INTERVAL=1", "duration": 5}, "has no FREQ"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a known time zone"),
        ({"timezone": 5}, "timezone: 5 was given"),
        ({"description": 5}, "description: 5 was given"),
    ],
)
def test_create_refuses_bad_input(change: dict[str, Any], text: str, driver: Driver) -> None:
    assert text in _refused(driver, lambda dd: dd.corrections.create(**(GOOD | change)))


def test_update_refuses_to_change_nothing(driver: Driver) -> None:
    assert "nothing was given" in _refused(driver, lambda dd: dd.corrections.update("c1"))


@pytest.mark.parametrize("method", ["get", "update", "delete"])
def test_a_correction_id_that_cannot_be_one(method: str, driver: Driver) -> None:
    more: dict[str, Any] = {"start": 5} if method == "update" else {}
    assert "correction_id: '..' was given" in _refused(driver, lambda dd: getattr(dd.corrections, method)("..", **more))
