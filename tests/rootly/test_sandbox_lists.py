"""The sandbox's lists: filters, sort, pages, and the index that lags behind."""

from __future__ import annotations

from typing import cast

import pytest

from rootly_sla.sandbox import Revision, RootlySandbox
from slo_common.sandbox import VirtualClock
from tests.rootly.rootly_requests import WANTED, ask, listed, parsed

START = 1_790_000_000.0
NAMES = ("alpha", "Beta", "gamma ray")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def sandbox(clock: VirtualClock) -> RootlySandbox:
    made = RootlySandbox(clock=clock)
    for i, name in enumerate(NAMES):
        made.add(**{**WANTED, "name": name, "description": f"about {name}" if i else None, "position": 3 - i if i < 2 else None})
        clock.advance(10)
    return made


def found(sandbox: RootlySandbox, *query: tuple[str, str]) -> list[str]:
    reply = ask(sandbox, "GET", "/v1/slas", query=query)
    assert reply.status == 200
    return listed(reply)


class TestFilters:
    def test_none_lists_all_oldest_first(self, sandbox: RootlySandbox) -> None:
        assert found(sandbox) == list(NAMES)

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("filter[name]", "beta", ["Beta"]),
            ("filter[slug]", "GAMMA-ray", ["gamma ray"]),
            ("filter[search]", "ABOUT", ["Beta", "gamma ray"]),
            ("filter[search]", "alpha", ["alpha"]),
            ("filter[name][eq]", "Beta", ["Beta"]),
            ("filter[name][eq]", "beta", []),
            ("filter[name][not_eq]", "Beta", ["alpha", "gamma ray"]),
            ("filter[name][in]", "Beta,alpha", ["alpha", "Beta"]),
            ("filter[slug][not_in]", "beta,alpha", ["gamma ray"]),
            ("filter[created_at][gt]", "2026-09-21T14:13:30Z", ["gamma ray"]),
            ("filter[created_at][gte]", "2026-09-21T14:13:30Z", ["Beta", "gamma ray"]),
            ("filter[created_at][lt]", "2026-09-21T14:13:30Z", ["alpha"]),
            ("filter[created_at][lte]", "2026-09-21T07:13:30-07:00", ["alpha", "Beta"]),
            ("filter[created_at][lte]", "2026-09-21T14:13:30", ["alpha", "Beta"]),
            ("filter[created_at][gt]", "yesterday", []),
            ("filter[mood]", "good", list(NAMES)),
            ("filter[name][like]", "x", list(NAMES)),
        ],
    )
    def test_one(self, sandbox: RootlySandbox, key: str, value: str, expected: list[str]) -> None:
        assert found(sandbox, (key, value)) == expected

    def test_several_must_all_hold(self, sandbox: RootlySandbox) -> None:
        assert found(sandbox, ("filter[search]", "about"), ("filter[name][not_eq]", "Beta")) == ["gamma ray"]

    def test_a_blank_one_breaks_the_server(self, sandbox: RootlySandbox) -> None:
        assert ask(sandbox, "GET", "/v1/slas", query=(("filter[name]", ""),)).status == 500


class TestSort:
    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("name", ["Beta", "alpha", "gamma ray"]),
            ("-created_at", ["gamma ray", "Beta", "alpha"]),
            ("position", ["Beta", "alpha", "gamma ray"]),
            ("updated_at,name", ["alpha", "Beta", "gamma ray"]),
        ],
    )
    def test_by(self, sandbox: RootlySandbox, sort: str, expected: list[str]) -> None:
        assert found(sandbox, ("sort", sort)) == expected

    def test_by_an_unknown_field_is_400(self, sandbox: RootlySandbox) -> None:
        assert ask(sandbox, "GET", "/v1/slas", query=(("sort", "-mood"),)).status == 400


class TestPages:
    def test_numbers_and_links(self, sandbox: RootlySandbox) -> None:
        query = (("page[number]", "2"), ("page[size]", "1"), ("sort", "name"))
        body = parsed(ask(sandbox, "GET", "/v1/slas", query=query))
        assert body["meta"] == {
            "current_page": 2,
            "next_page": 3,
            "prev_page": 1,
            "total_count": 3,
            "total_pages": 3,
            "next_cursor": None,
        }
        links = cast("dict[str, str]", body["links"])
        assert links["next"] == "https://api.rootly.com/v1/slas?sort=name&page%5Bnumber%5D=3&page%5Bsize%5D=1"
        assert list(links) == ["self", "first", "prev", "next", "last"]

    def test_links_name_the_loopback_server_that_was_asked(self, sandbox: RootlySandbox) -> None:
        body = parsed(ask(sandbox, "GET", "/v1/slas", headers={"host": "127.0.0.1:8080"}))
        assert cast("dict[str, str]", body["links"])["self"].startswith("http://127.0.0.1:8080/v1/slas?")

    def test_the_last_page_names_no_next(self, sandbox: RootlySandbox) -> None:
        body = parsed(ask(sandbox, "GET", "/v1/slas", query=(("page[number]", "2"), ("page[size]", "2"))))
        assert (cast("dict[str, object]", body["meta"])["next_page"], cast("dict[str, object]", body["links"])["next"]) == (
            None,
            None,
        )

    def test_a_page_beyond_the_end_is_empty(self, sandbox: RootlySandbox) -> None:
        body = parsed(ask(sandbox, "GET", "/v1/slas", query=(("page[number]", "9"),)))
        assert (body["data"], cast("dict[str, object]", body["meta"])["prev_page"]) == ([], None)

    def test_the_default_size_can_be_chosen(self) -> None:
        sandbox = RootlySandbox(page_size=1)
        for name in NAMES:
            sandbox.add(**{**WANTED, "name": name})
        assert found(sandbox) == ["alpha"]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("page[size]", "101"),
            ("page[size]", "0"),
            ("page[number]", "0"),
            ("page[number]", "-1"),
            ("page[number]", "x"),
            ("page[size]", "9" * 12),
        ],
    )
    def test_a_wrong_page_is_400(self, sandbox: RootlySandbox, key: str, value: str) -> None:
        assert ask(sandbox, "GET", "/v1/slas", query=((key, value),)).status == 400


class TestIndexLag:
    def test_a_create_is_listed_when_the_lag_is_over(self, clock: VirtualClock) -> None:
        sandbox = RootlySandbox(clock=clock, index_lag=5)
        ask(sandbox, "POST", "/v1/slas", attributes=WANTED)
        clock.advance(4.9)
        assert found(sandbox) == []
        clock.advance(0.1)
        assert found(sandbox) == [WANTED["name"]]

    def test_an_update_is_listed_as_it_was_until_then(self, clock: VirtualClock) -> None:
        sandbox = RootlySandbox(clock=clock, index_lag=5)
        sla_id = sandbox.add(**WANTED)
        ask(sandbox, "PUT", f"/v1/slas/{sla_id}", attributes={"name": "New"})
        assert found(sandbox) == [WANTED["name"]]
        clock.advance(5)
        assert found(sandbox) == ["New"]

    def test_a_deleted_one_is_listed_until_then(self, clock: VirtualClock) -> None:
        sandbox = RootlySandbox(clock=clock, index_lag=5)
        ask(sandbox, "DELETE", f"/v1/slas/{sandbox.add(**WANTED)}")
        assert found(sandbox) == [WANTED["name"]]
        clock.advance(5)
        assert found(sandbox) == []

    def test_the_lag_can_change(self, clock: VirtualClock) -> None:
        sandbox = RootlySandbox(clock=clock, index_lag=5)
        sandbox.index_lag = 0
        ask(sandbox, "POST", "/v1/slas", attributes=WANTED)
        assert found(sandbox) == [WANTED["name"]]


class TestRevisions:
    def test_the_first_knows_no_operators(self) -> None:
        sandbox = RootlySandbox(revision=Revision.APRIL)
        sandbox.add(**WANTED)
        assert found(sandbox, ("filter[name][eq]", "other")) == [WANTED["name"]]

    def test_the_first_has_no_included(self) -> None:
        assert "included" not in parsed(ask(RootlySandbox(revision=Revision.APRIL), "GET", "/v1/slas"))

    def test_later_ones_have(self) -> None:
        assert parsed(ask(RootlySandbox(), "GET", "/v1/slas"))["included"] == []

    def test_in_june_replies_were_plain_json(self) -> None:
        assert ask(RootlySandbox(revision=Revision.JUNE), "GET", "/v1/slas").content_type == "application/json"
