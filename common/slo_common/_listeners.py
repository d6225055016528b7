"""Who is told what a client does. Where nobody listens, no event is made, and the modules that make them are not loaded."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import field, frozen

from slo_common._errors import InvalidArgument
from slo_common._limiter import ForkSafeLock
from slo_common._values import Call

if TYPE_CHECKING:
    from slo_common._events import Event, OnEvent
    from slo_common._watch import Watch


_log: Final = logging.getLogger(
    "slo_common.events"
)  # without a handler of ours: a broken hook must show even where logging is not set up


def hooks_of(on_event: OnEvent | Sequence[OnEvent] | None) -> tuple[OnEvent, ...]:
    """One hook, several or none, as a tuple. Raises :class:`InvalidArgument` for what cannot be called or would have to be awaited."""
    if on_event is None:
        return ()
    given: tuple[object, ...] = tuple(cast("Sequence[object]", on_event)) if isinstance(on_event, (list, tuple)) else (on_event,)
    for hook in given:
        if not callable(hook):
            raise InvalidArgument(
                f"on_event: a {type(hook).__name__} was given; allowed: a function of one event, or a list of them"
            )
        if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004 - asked for its kind
            raise InvalidArgument("on_event: an async function was given; allowed: a plain function, which must not block")
    return cast("tuple[OnEvent, ...]", given)


def logger_of(package: str) -> logging.Logger:
    """A package's logger. It gets the one handler that does nothing, so that Python does not print for those who set up no logging."""
    logger = logging.getLogger(package)
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
    return logger


class _Broken:
    """Which hooks have failed, and how."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()  # guards _seen
        self._seen: set[tuple[int, type[Exception]]] = set()

    def is_new(self, place: int, error: Exception) -> bool:
        with self._lock.here:
            if (place, type(error)) in self._seen:
                return False
            self._seen.add((place, type(error)))
            return True


@frozen(kw_only=True)
class Listeners:
    """Everyone who is told what a client does: its hooks, and its logger."""

    logger: logging.Logger = field(factory=lambda: logger_of("slo_common.calls"))
    hooks: tuple[OnEvent, ...] = ()
    _broken: _Broken = field(init=False, factory=_Broken, repr=False, eq=False)

    def watch(self, call: Call[Any]) -> Watch | None:
        """Asked when a call begins. None: nobody wants to know unless something happens."""
        return self._watch(call) if self.hooks or self.logger.isEnabledFor(logging.DEBUG) else None

    def watch_from_now(self, call: Call[Any], level: int) -> Watch | None:
        """Asked when something happens that is logged at ``level`` or above."""
        return self._watch(call) if self.logger.isEnabledFor(level) else None

    def _watch(self, call: Call[Any]) -> Watch:
        from slo_common._watch import Watch

        return Watch(self, call)

    def tell_hooks(self, event: Event) -> None:
        """Pass an event on. A hook that raises does not disturb the call: each of its errors is logged once, with its traceback."""
        for place, hook in enumerate(self.hooks):
            try:
                hook(event)
            except Exception as e:  # noqa: BLE001 - a defect of the listener's must not become one of the call's
                level = logging.ERROR if self._broken.is_new(place, e) else logging.DEBUG
                _log.log(
                    level,
                    "on_event raised for %s; the call goes on, and the hook is called again",
                    type(event).__name__,
                    exc_info=e,
                )


def with_listeners(package: str, on_event: OnEvent | Sequence[OnEvent] | None) -> Listeners:
    """The listeners of a client of a vendor's package."""
    return Listeners(logger=logger_of(package), hooks=hooks_of(on_event))
