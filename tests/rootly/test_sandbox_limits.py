"""The sandbox's rate limits: two budgets a token, true headers, both bodies."""

from __future__ import annotations

import pytest

from rootly_sla.sandbox import HeaderStyle, LimitBody, RootlySandbox
from slo_common.sandbox import VirtualClock, Window
from tests.rootly.rootly_requests import TOKEN, WANTED, ask, parsed

START = 1_790_000_000.0
READS = Window(limit=5, seconds=60)
WRITES = Window(limit=3, seconds=60)


def limits(sandbox: RootlySandbox, method: str = "GET", path: str = "/v1/slas") -> dict[str, str]:
    reply = ask(sandbox, method, path, attributes=WANTED)
    return {k: v for k, v in reply.headers.items() if "ratelimit" in k}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def sandbox(clock: VirtualClock) -> RootlySandbox:
    return RootlySandbox(clock=clock, reads=READS, writes=WRITES)


def test_headers_tell_the_window_and_what_is_left(sandbox: RootlySandbox) -> None:
    assert limits(sandbox) == {
        "x-ratelimit-limit": "5, 5;window=60",
        "x-ratelimit-remaining": "4",
        "x-ratelimit-used": "1",
        "x-ratelimit-reset": "1790000060",
    }


def test_reads_and_writes_are_counted_apart(sandbox: RootlySandbox) -> None:
    limits(sandbox)
    assert limits(sandbox, "DELETE", "/v1/slas/x")["x-ratelimit-limit"] == "3, 3;window=60"
    assert limits(sandbox)["x-ratelimit-used"] == "2"


def test_every_method_spends_its_budget(sandbox: RootlySandbox) -> None:
    calls = (("POST", "/v1/slas"), ("PUT", "/v1/slas/x"), ("DELETE", "/v1/slas/x"), ("HEAD", "/v1/slas"), ("OPTIONS", "/v1/slas"))
    assert [limits(sandbox, method, path)["x-ratelimit-used"] for method, path in calls] == ["1", "2", "3", "1", "2"]


def test_the_call_over_the_limit_is_refused_and_not_applied(sandbox: RootlySandbox) -> None:
    for _ in range(3):
        ask(sandbox, "DELETE", "/v1/slas/x")
    reply = ask(sandbox, "POST", "/v1/slas", attributes=WANTED)
    assert (reply.status, parsed(reply), sandbox.slas) == (429, {"error": "Rate limit exceeded. Try again later."}, {})


def test_the_other_body_is_json_api(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, reads=Window(limit=0, seconds=60), limit_body=LimitBody.ERRORS)
    reply = ask(sandbox, "GET", "/v1/slas")
    assert (reply.status, parsed(reply)) == (429, {"errors": [{"title": "Rate limit exceeded. Try again later.", "status": "429"}]})


def test_a_place_is_free_when_the_oldest_call_leaves_the_window(sandbox: RootlySandbox, clock: VirtualClock) -> None:
    for _ in range(5):
        ask(sandbox, "GET", "/v1/slas")
        clock.advance(1)
    assert ask(sandbox, "GET", "/v1/slas").status == 429
    clock.advance(55)
    assert [ask(sandbox, "GET", "/v1/slas").status for _ in range(2)] == [200, 429]


def test_refused_calls_are_not_counted(sandbox: RootlySandbox) -> None:
    assert [limits(sandbox)["x-ratelimit-used"] for _ in range(9)][4:] == ["5"] * 5


def test_each_token_has_its_own_budgets(sandbox: RootlySandbox) -> None:
    for _ in range(6):
        ask(sandbox, "GET", "/v1/slas")
    assert ask(sandbox, "GET", "/v1/slas", headers={"authorization": "Bearer other"}).status == 200


def test_others_can_spend_the_same_budget(sandbox: RootlySandbox) -> None:
    sandbox.spend("read", 3, token=TOKEN)
    assert limits(sandbox)["x-ratelimit-remaining"] == "1"


def test_the_bare_form(clock: VirtualClock) -> None:
    assert limits(RootlySandbox(clock=clock, header_style=HeaderStyle.BARE))["x-ratelimit-limit"] == "3000"


def test_the_names_of_2025(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, header_style=HeaderStyle.UNPREFIXED)
    assert list(limits(sandbox)) == ["ratelimit-limit", "ratelimit-remaining", "ratelimit-used", "ratelimit-reset"]


def test_every_reply_has_a_date_and_a_request_id_of_its_own(sandbox: RootlySandbox) -> None:
    first, second = ask(sandbox, "GET", "/v1/slas"), ask(sandbox, "GET", "/v1/slas")
    assert first.header("date") == "Mon, 21 Sep 2026 14:13:20 GMT"
    assert first.header("x-request-id") != second.header("x-request-id")
