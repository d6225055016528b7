"""Pages: one way to walk all lists, whatever the vendor's dialect. ``for item in ...`` gives items, ``.pages()`` gives pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from typing import Generic, TypeVar

from attrs import frozen

from slo_common._errors import PaginationError
from slo_common._values import Call

T = TypeVar("T")

MAX_PAGES = 10_000
MAX_STALE = 3
"""Pages in a row without anything new: a list that drifts may send one, a server that does not look at the offset sends nothing else."""


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page. ``next`` is the call for the following one, or None at the end. ``total`` is the vendor's count, if it gave one."""

    items: tuple[T, ...]
    next: Call[Page[T]] | None = None
    total: int | None = None


class _Walk(Generic[T]):
    """Stops endless walks and passes over what a drifting list shows twice."""

    def __init__(self, first: Call[Page[T]], identify: Callable[[T], Hashable] | None) -> None:
        self.call: Call[Page[T]] | None = first
        self._identify = identify
        self._seen: set[Hashable] = set()
        self._asked: set[str] = set()
        self._stale = 0
        self._name = first.name

    def about_to_ask(self, call: Call[Page[T]]) -> Call[Page[T]]:
        if call.target in self._asked:
            raise PaginationError(f"{call.name}: the server sent the same page link twice", call=call.name)
        if len(self._asked) >= MAX_PAGES:
            raise PaginationError(f"{call.name}: more than {MAX_PAGES} pages", call=call.name)
        self._asked.add(call.target)
        return call

    def take(self, page: Page[T]) -> Page[T]:
        self.call = page.next
        if self._identify is None:
            return page
        fresh: list[T] = []
        for item in page.items:
            key = self._identify(item)
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(item)
        self._stale = 0 if fresh or not page.items else self._stale + 1
        if self._stale >= MAX_STALE and page.next is not None:
            raise PaginationError(f"{self._name}: {MAX_STALE} pages in a row brought nothing new", call=self._name)
        return page if len(fresh) == len(page.items) else Page(items=tuple(fresh), next=page.next, total=page.total)


class SyncPaged(Generic[T]):
    """A lazy list: nothing is asked until it is iterated; each iteration asks anew.

    >>> for slo in dd.slos.list():
    ...     ...  # doctest: +SKIP
    >>> for page in dd.slos.list().pages():
    ...     ...  # doctest: +SKIP
    """

    def __init__(
        self, run: Callable[[Call[Page[T]]], Page[T]], first: Call[Page[T]], identify: Callable[[T], Hashable] | None = None
    ) -> None:
        self._run = run
        self._first = first
        self._identify = identify

    def pages(self) -> Iterator[Page[T]]:
        """Page by page."""
        walk = _Walk(self._first, self._identify)
        while walk.call is not None:
            yield walk.take(self._run(walk.about_to_ask(walk.call)))

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class AsyncPaged(Generic[T]):
    """A lazy list: nothing is asked until it is iterated; each iteration asks anew.

    >>> async for slo in dd.slos.list():
    ...     ...  # doctest: +SKIP
    >>> async for page in dd.slos.list().pages():
    ...     ...  # doctest: +SKIP
    """

    def __init__(
        self,
        run: Callable[[Call[Page[T]]], Awaitable[Page[T]]],
        first: Call[Page[T]],
        identify: Callable[[T], Hashable] | None = None,
    ) -> None:
        self._run = run
        self._first = first
        self._identify = identify

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page."""
        walk = _Walk(self._first, self._identify)
        while walk.call is not None:
            yield walk.take(await self._run(walk.about_to_ask(walk.call)))

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item
