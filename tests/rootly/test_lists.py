"""Lists: every page once, whatever the server says of the next."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from rootly_sla import RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common import PaginationError, PermissionDenied, UntrustedLink
from slo_common.sandbox import VirtualClock
from tests.rootly.modes import TOKEN, Mode, all_modes
from tests.rootly.rootly_requests import WANTED

SYNC = Mode("sync")


def filled(count: int, **options: Any) -> RootlySandbox:
    sandbox = RootlySandbox(clock=VirtualClock(), **options)
    for i in range(count):
        sandbox.add(**{**WANTED, "name": f"sla {i:03}"})
    return sandbox


def sla(number: int) -> dict[str, Any]:
    return {"id": str(number), "type": "slas", "attributes": {"name": f"sla {number}"}}


class Server:
    """Answers the n-th request with the n-th document."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=self.documents[len(self.asked) - 1])

    def listed(self, **options: Any) -> list[str]:
        with RootlySLA(TOKEN, http=httpx.MockTransport(self), **options) as rootly:
            return [s.id for s in rootly.slas.list()]


@all_modes
@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_all_slas_with_the_fewest_calls(mode: Mode, count: int, calls: int) -> None:
    sandbox = filled(count)
    names = [s.name for s in mode(lambda slas: slas.list(), sandbox=sandbox)]
    assert names == [f"sla {i:03}" for i in range(count)]
    assert len(sandbox.ledger) == calls


@all_modes
def test_filters_and_sort_hold_on_every_page(mode: Mode) -> None:
    sandbox = filled(30)
    found = mode(lambda slas: slas.list(search="sla 00", sort="-name", page_size=4), sandbox=sandbox)
    assert [s.name for s in found] == [f"sla 00{i}" for i in range(9, -1, -1)]


def test_pages_tell_the_total() -> None:
    with RootlySLA(TOKEN, http=filled(5).transport()) as rootly:
        assert [(len(page.items), page.total) for page in rootly.slas.list(page_size=2).pages()] == [(2, 5), (2, 5), (1, 5)]


def test_it_can_begin_at_a_later_page() -> None:
    assert [s.name for s in SYNC(lambda slas: slas.list(page_size=2, page_number=3), sandbox=filled(5))] == ["sla 004"]


def test_nothing_is_asked_before_it_is_iterated() -> None:
    sandbox = filled(1)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        listed = rootly.slas.list()
        assert sandbox.ledger == ()
        assert len([*listed, *listed]) == 2
    assert len(sandbox.ledger) == 2


def test_an_sla_that_moved_to_the_next_page_comes_once() -> None:
    server = Server({"data": [sla(1), sla(2)], "meta": {"next_page": 2}}, {"data": [sla(2), sla(3)], "meta": {"next_page": None}})
    assert server.listed() == ["1", "2", "3"]


def test_an_empty_page_is_the_end_whatever_it_names() -> None:
    assert Server({"data": [], "meta": {"next_page": 2}}).listed() == []


@pytest.mark.parametrize("following", [1, 0, -5])
def test_a_next_page_that_does_not_follow_is_an_error(following: int) -> None:
    with pytest.raises(PaginationError, match=f"page 1 names page {following} as the next"):
        Server({"data": [sla(1)], "meta": {"next_page": following}}).listed()


def test_pages_may_be_skipped() -> None:
    server = Server({"data": [sla(1)], "meta": {"next_page": 5}}, {"data": [sla(2)], "meta": {"next_page": None}})
    assert server.listed() == ["1", "2"]
    assert "page%5Bnumber%5D=5" in server.asked[1]


@pytest.mark.parametrize(
    "document", [{"data": [sla(1)]}, {"data": [sla(1)], "links": {"next": None}}, {"data": [sla(1)], "meta": {}}]
)
def test_without_a_word_of_the_next_page_there_is_none(document: dict[str, Any]) -> None:
    assert Server(document).listed() == ["1"]


class TestLinks:
    """For a reply without page numbers."""

    @pytest.mark.parametrize(
        ("href", "base_url", "asked"),
        [
            ("https://api.rootly.com/v1/slas?page%5Bnumber%5D=2", "https://api.rootly.com", "/v1/slas?page%5Bnumber%5D=2"),
            ("/v1/slas?page=2", "https://api.rootly.com", "/v1/slas?page=2"),
            ("https://proxy.example/rootly/v1/slas?page=2", "https://proxy.example/rootly", "/rootly/v1/slas?page=2"),
        ],
    )
    def test_our_own_origin_is_followed(self, href: str, base_url: str, asked: str) -> None:
        server = Server(
            {"data": [sla(1)], "links": {"next": href}}, {"data": [sla(2)], "links": {"next": {"href": href}}}, {"data": []}
        )
        with pytest.raises(PaginationError, match="same page link twice"):
            server.listed(base_url=base_url)
        assert server.asked[1:] == [asked]

    def test_to_their_end(self) -> None:
        pages = ({"data": [sla(1)], "links": {"next": "/v1/slas?after=1"}}, {"data": [sla(2)], "links": {"next": None}})
        assert Server(*pages).listed() == ["1", "2"]

    @pytest.mark.parametrize(
        "href", ["https://evil.example/v1/slas?page=2", "//evil.example/v1", "http://api.rootly.com/v1/slas?page=2"]
    )
    def test_another_origin_never_gets_our_token(self, href: str) -> None:
        server = Server({"data": [sla(1)], "links": {"next": href}})
        with pytest.raises(UntrustedLink, match="a link of the reply is not followed"):
            server.listed()
        assert len(server.asked) == 1

    def test_page_numbers_win(self) -> None:
        links = {"next": "https://evil.example/"}
        server = Server(
            {"data": [sla(1)], "links": links, "meta": {"next_page": 2}}, {"data": [sla(2)], "meta": {"next_page": None}}
        )
        assert server.listed() == ["1", "2"]


def test_a_failure_on_a_later_page_is_raised_not_swallowed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "number%5D=2" in str(request.url):
            return httpx.Response(403, content=json.dumps({"errors": [{"title": "Forbidden"}]}))
        return httpx.Response(200, json={"data": [sla(1)], "meta": {"next_page": 2}})

    with pytest.raises(PermissionDenied, match="Forbidden"):
        SYNC(lambda slas: slas.list(), http=httpx.MockTransport(answer))
