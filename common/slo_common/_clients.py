"""What the sync clients have in common, and what the async ones have: one runtime, one caller, an end."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from slo_common._drive import drive
from slo_common._errors import SloError
from slo_common._execute import Caller
from slo_common._values import Call

if TYPE_CHECKING:
    from slo_common._events import OnEvent
    from slo_common._retry import RetryPolicy
    from slo_common._runtime import AsyncRuntime, SyncRuntime
    from slo_common._timeouts import Timeouts

T = TypeVar("T")


def from_environment(value: T | None, names: Sequence[str]) -> T | str | None:
    """The argument, or the first environment variable of these that is set and not empty."""
    if value is not None:
        return value
    return next((os.environ[n] for n in names if os.environ.get(n)), None)


def bare(error: SloError) -> SloError:
    """An error of a constructor without the way it came: tools that show the locals of every frame would find keys and passwords there.

    The constructor itself is on the way again: it first deletes what it was given.
    """
    error.__context__ = None
    return error.with_traceback(None)


class SyncClient:
    """Base of the sync clients. A context manager; may be shared by threads."""

    def __init__(self, caller: Caller, runtime: SyncRuntime) -> None:
        self._caller = caller
        self._runtime = runtime

    def _run(self, flow: Coroutine[Any, Any, T]) -> T:
        return drive(flow)

    def _call(self, call: Call[T]) -> T:
        return drive(self._caller.call(call))

    def with_options(
        self,
        *,
        timeout: float | Timeouts | None = None,
        retry: RetryPolicy | None = None,
        max_response_bytes: int | None = None,
        strict_json: bool | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
    ) -> Self:
        """The same client (same connections, same rate limiter) with other options; what is left out stays as it is.

        ``timeout``: seconds for one call in all. ``retry``: see :class:`~slo_common.RetryPolicy`. ``max_response_bytes``: of one reply,
        decompressed. ``strict_json``: refuse a reply in which an object has a key twice, with :class:`~slo_common.MalformedResponse`; else
        its last value counts. ``on_event``: hooks in the place of the client's; an empty list is none. Raises
        :class:`~slo_common.InvalidArgument`.

        >>> client.with_options(timeout=5)  # doctest: +SKIP
        """
        return self._view(
            self._caller.with_options(
                timeout=timeout, retry=retry, max_response_bytes=max_response_bytes, strict_json=strict_json, on_event=on_event
            )
        )

    def _view(self, caller: Caller) -> Self:
        view = object.__new__(type(self))
        vars(view).update(vars(self), _caller=caller)
        view._attach()
        return view

    def _attach(self) -> None:
        """Make the resources of this client from its caller."""

    def close(self) -> None:
        """Close the connections. Safe to call twice; calls after it raise :class:`~slo_common.ClientClosed`."""
        self._runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._caller.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: make one in each process")


class AsyncClient:
    """Base of the async clients. An async context manager; belongs to one event loop (asyncio or trio)."""

    def __init__(self, caller: Caller, runtime: AsyncRuntime) -> None:
        self._caller = caller
        self._runtime = runtime

    async def _call(self, call: Call[T]) -> T:
        return await self._caller.call(call)

    def with_options(
        self,
        *,
        timeout: float | Timeouts | None = None,
        retry: RetryPolicy | None = None,
        max_response_bytes: int | None = None,
        strict_json: bool | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
    ) -> Self:
        """The same client (same connections, same rate limiter) with other options; what is left out stays as it is.

        ``timeout``: seconds for one call in all. ``retry``: see :class:`~slo_common.RetryPolicy`. ``max_response_bytes``: of one reply,
        decompressed. ``strict_json``: refuse a reply in which an object has a key twice, with :class:`~slo_common.MalformedResponse`; else
        its last value counts. ``on_event``: hooks in the place of the client's; an empty list is none. Raises
        :class:`~slo_common.InvalidArgument`.

        >>> client.with_options(timeout=5)  # doctest: +SKIP
        """
        return self._view(
            self._caller.with_options(
                timeout=timeout, retry=retry, max_response_bytes=max_response_bytes, strict_json=strict_json, on_event=on_event
            )
        )

    def _view(self, caller: Caller) -> Self:
        view = object.__new__(type(self))
        vars(view).update(vars(self), _caller=caller)
        view._attach()
        return view

    def _attach(self) -> None:
        """Make the resources of this client from its caller."""

    async def aclose(self) -> None:
        """Close the connections. Safe to call twice; calls after it raise :class:`~slo_common.ClientClosed`.

        Raises :class:`~slo_common.LoopMismatch` when there are connections of another event loop, which are to be closed there.
        """
        await self._runtime.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._caller.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"an {type(self).__name__} cannot be pickled: make one in each process")
