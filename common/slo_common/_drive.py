"""Runs a flow to its end without an event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def drive(flow: Coroutine[Any, Any, T]) -> T:
    """Step a coroutine once. Over a runtime that blocks it never suspends, so one step is the whole run."""
    try:
        flow.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    flow.close()
    raise RuntimeError("a flow suspended under the sync runtime; only Runtime methods may be awaited in a flow")
