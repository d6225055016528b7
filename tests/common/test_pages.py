"""Lazy lists: page by page or item by item, sync and async alike, and never without end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slo_common import AsyncPaged, Page, PaginationError, SyncPaged
from slo_common import _pages as pages
from slo_common._values import Call
from tests.common.fakes import call_of

Run = Callable[[Call[Page[str]]], Page[str]]


def page_call(target: str) -> Call[Page[str]]:
    plain = call_of(target=target)
    return Call(
        name=plain.name,
        method=plain.method,
        target=plain.target,
        headers=plain.headers,
        content=None,
        safety=plain.safety,
        bucket=plain.bucket,
        decode=lambda _: Page(items=()),
    )


class Shelf:
    """Pages by target; notes what was asked."""

    def __init__(self, *each: tuple[str, ...], loop: bool = False, endless: bool = False) -> None:
        self.each = each
        self.loop = loop
        self.endless = endless
        self.asked: list[str] = []

    def get(self, call: Call[Page[str]]) -> Page[str]:
        self.asked.append(call.target)
        number = int(call.target.rpartition("/")[2])
        following = number + 1
        if self.loop and following == len(self.each):
            following = 0
        more = self.endless or following < len(self.each)
        items = self.each[number % len(self.each)]
        return Page(items=items, next=page_call(f"/p/{following}") if more else None, total=10)

    async def aget(self, call: Call[Page[str]]) -> Page[str]:
        return self.get(call)


FIRST = page_call("/p/0")


def sync_list(shelf: Shelf, *, identify: bool = False) -> SyncPaged[str]:
    return SyncPaged(shelf.get, FIRST, (lambda item: item) if identify else None)


def async_list(shelf: Shelf, *, identify: bool = False) -> AsyncPaged[str]:
    return AsyncPaged(shelf.aget, FIRST, (lambda item: item) if identify else None)


def test_nothing_is_asked_before_the_first_item_is_wanted() -> None:
    shelf = Shelf(("a",))
    iter(sync_list(shelf))
    sync_list(shelf).pages()
    assert shelf.asked == []


def test_items_come_in_order_across_pages() -> None:
    assert list(sync_list(Shelf(("a", "b"), (), ("c",)))) == ["a", "b", "c"]


def test_pages_carry_what_the_vendor_counts() -> None:
    assert [(p.items, p.total) for p in sync_list(Shelf(("a",), ("b",))).pages()] == [(("a",), 10), (("b",), 10)]


def test_the_next_page_is_asked_only_when_its_items_are_wanted() -> None:
    shelf = Shelf(("a", "b"), ("c",))
    walk = iter(sync_list(shelf))
    assert (next(walk), next(walk)) == ("a", "b")
    assert shelf.asked == ["/p/0"]


def test_each_iteration_asks_anew() -> None:
    shelf = Shelf(("a",))
    listed = sync_list(shelf)
    assert [list(listed), list(listed)] == [["a"], ["a"]]
    assert shelf.asked == ["/p/0", "/p/0"]


def test_f69_a_link_that_comes_back_ends_the_walk() -> None:
    shelf = Shelf(("a",), ("b",), loop=True)
    with pytest.raises(PaginationError, match=r"vendor\.things\.do: the server sent the same page link twice"):
        list(sync_list(shelf))
    assert shelf.asked == ["/p/0", "/p/1"]


def test_f69_items_that_a_drifting_list_shows_twice_come_once() -> None:
    shelf = Shelf(("a", "b"), ("b", "c"))
    assert list(sync_list(shelf, identify=True)) == ["a", "b", "c"]
    assert [(p.items, p.total) for p in sync_list(shelf, identify=True).pages()] == [(("a", "b"), 10), (("c",), 10)]


def test_f69_without_identity_every_item_comes() -> None:
    assert list(sync_list(Shelf(("a", "b"), ("b", "c")))) == ["a", "b", "b", "c"]


def test_f69_pages_that_bring_nothing_new_end_the_walk() -> None:
    """A server that does not look at the offset answers every page with the first."""
    shelf = Shelf(("a", "b"), endless=True)
    with pytest.raises(PaginationError, match="3 pages in a row brought nothing new"):
        list(sync_list(shelf, identify=True))
    assert len(shelf.asked) == 4


def test_f69_a_page_or_two_without_anything_new_is_drift() -> None:
    assert list(sync_list(Shelf(("a",), ("a",), ("a",), ("b",)), identify=True)) == ["a", "b"]


def test_f69_a_last_page_without_anything_new_is_the_end() -> None:
    assert list(sync_list(Shelf(("a",), ("a",), ("a",), ("a",)), identify=True)) == ["a"]


def test_f69_empty_pages_are_no_drift() -> None:
    assert list(sync_list(Shelf((), (), (), (), ("a",)), identify=True)) == ["a"]


def test_f69_pages_do_not_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_PAGES", 5)
    shelf = Shelf(("a",), endless=True)
    with pytest.raises(PaginationError, match="more than 5 pages"):
        list(sync_list(shelf))
    assert len(shelf.asked) == 5


async def test_async_items_come_in_order_across_pages() -> None:
    assert [item async for item in async_list(Shelf(("a", "b"), (), ("c",)))] == ["a", "b", "c"]


async def test_async_pages_carry_what_the_vendor_counts() -> None:
    assert [(p.items, p.total) async for p in async_list(Shelf(("a",), ("b",))).pages()] == [(("a",), 10), (("b",), 10)]


async def test_f69_async_items_that_a_drifting_list_shows_twice_come_once() -> None:
    assert [item async for item in async_list(Shelf(("a", "b"), ("b", "c")), identify=True)] == ["a", "b", "c"]


async def test_f69_an_async_link_that_comes_back_ends_the_walk() -> None:
    with pytest.raises(PaginationError, match="twice"):
        [item async for item in async_list(Shelf(("a",), ("b",), loop=True))]
