"""Who may come in, how often, and what they are told when they may not."""

from __future__ import annotations

import json

import pytest

from datadog_slo.sandbox import DatadogSandbox
from slo_common.sandbox import VirtualClock, Window
from tests.datadog.sandbox_requests import START, ask, metric, new_sandbox, ok, refused

KEYS = {"api_key": "right", "app_key": "good"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"dd-api-key": "right", "dd-application-key": "good"}, 200),
        ({"dd-api-key": "wrong", "dd-application-key": "good"}, 403),
        ({"dd-api-key": "right", "dd-application-key": "bad"}, 403),
        ({"dd-api-key": "right"}, 401),
        ({"dd-application-key": "good"}, 401),
        ({}, 401),
        ({"authorization": "Bearer t"}, 200),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer u"}, 403),
        ({"authorization": "Basic t"}, 401),
        ({"dd-application-key": "ddpat_x"}, 403),
    ],
)
def test_credentials(headers: dict[str, str], status: int) -> None:
    sandbox = new_sandbox(**KEYS, bearer_token="t")
    assert ask(sandbox, "GET", "/api/v1/slo", headers=headers).status == status


@pytest.mark.parametrize("headers", [{"authorization": "Bearer any"}, {"dd-application-key": "ddsat_any"}])
def test_any_token_will_do_when_none_is_set(headers: dict[str, str]) -> None:
    assert ask(new_sandbox(), "GET", "/api/v1/slo", headers=headers).status == 200


def test_every_answer_tells_the_limit_of_its_bucket() -> None:
    reply = ask(new_sandbox(), "GET", "/api/v1/slo")
    told = {name: value for name, value in reply.headers.items() if name.startswith("x-ratelimit")}
    assert told == {
        "x-ratelimit-limit": "100",
        "x-ratelimit-period": "10",
        "x-ratelimit-remaining": "99",
        "x-ratelimit-reset": "10",
        "x-ratelimit-name": "slo_read",
    }


@pytest.mark.parametrize(
    ("method", "path", "bucket"),
    [
        ("GET", "/api/v1/slo/x", "slo_read"),
        ("POST", "/api/v1/slo", "slo_write"),
        ("PUT", "/api/v1/slo/x", "slo_write"),
        ("DELETE", "/api/v1/slo/x", "slo_delete"),
        ("GET", "/api/v1/slo/x/history", "slo_history"),
        ("GET", "/api/v2/slo/x/status", "slo_status"),
        ("GET", "/api/v1/slo/x/corrections", "slo_corrections"),
        ("DELETE", "/api/v1/slo/correction/x", "slo_correction"),
        ("GET", "/api/v2/slo/report/x/status", "slo_report"),
    ],
)
def test_buckets(method: str, path: str, bucket: str) -> None:
    assert ask(new_sandbox(), method, path).header("x-ratelimit-name") == bucket


def _exhausted(**options: object) -> DatadogSandbox:
    sandbox = new_sandbox(limits={"slo_read": Window(limit=1, seconds=10)}, **options)
    ask(sandbox, "GET", "/api/v1/slo")
    return sandbox


def test_the_limit_is_enforced_with_the_vendor_s_text() -> None:
    text = "Rate limit of 1 requests in 10 seconds reached. Please try again later."
    assert refused(ask(_exhausted(), "GET", "/api/v1/slo"), 429) == text


def test_a_429_can_be_a_page_of_html() -> None:
    reply = ask(_exhausted(refusal="html"), "GET", "/api/v1/slo")
    assert (reply.status, reply.content_type, reply.body[:6]) == (429, "text/html", b"<html>")


def test_a_429_can_be_empty() -> None:
    reply = ask(_exhausted(refusal="empty"), "GET", "/api/v1/slo")
    assert (reply.status, reply.body) == (429, b"")


def test_one_bucket_does_not_spend_another() -> None:
    assert ask(_exhausted(), "GET", "/api/v1/slo/correction").status == 200


def test_the_window_starts_anew_by_the_calendar() -> None:
    clock = VirtualClock(START + 9)
    sandbox = DatadogSandbox(clock=clock, limits={"slo_read": Window(limit=1, seconds=10)})
    ask(sandbox, "GET", "/api/v1/slo")
    clock.advance(1)
    assert ask(sandbox, "GET", "/api/v1/slo").status == 200


def test_v1_and_v2_call_themselves_differently() -> None:
    sandbox = new_sandbox()
    slo_id = sandbox.add_slo(metric())
    kinds = [
        ask(sandbox, "GET", "/api/v1/slo").content_type,
        ask(sandbox, "GET", f"/api/v2/slo/{slo_id}/status", query={"from_ts": 1, "to_ts": 2}).content_type,
    ]
    assert kinds == ["application/json", "application/vnd.api+json"]


def test_a_secret_is_not_in_the_answer() -> None:
    reply = ask(new_sandbox(**KEYS), "GET", "/api/v1/slo", headers={"dd-api-key": "guess", "dd-application-key": "good"})
    assert json.loads(reply.body) == {"errors": ["Forbidden"]}


def test_text_goes_out_as_utf_8() -> None:
    sandbox = new_sandbox()
    sandbox.add_slo(metric("Käse"))
    assert ok(ask(sandbox, "GET", "/api/v1/slo"))["data"][0]["name"] == "Käse"
