"""In Python's development mode: a warning when a sync client blocks an event loop."""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings


def warn_in_a_loop(what: str, *, instead: str) -> None:
    """Warn if an event loop runs in this thread. ``instead``: the full name of the async client, whose package is passed over to name the
    line that called into it. Python shows each such line once.
    """
    if not _loop_runs_here():
        return
    warnings.warn(
        f"{what} blocks the event loop that runs in this thread: use {instead} there",
        RuntimeWarning,
        stacklevel=_level_of_the_caller({"slo_common", "tenacity", instead.partition(".")[0]}),
    )


def _loop_runs_here() -> bool:
    """Asks the loops themselves: sniffio goes by context variables as well, and threads that a loop started have copies of those."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return True
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def _level_of_the_caller(packages: set[str]) -> int:
    """As ``warnings.warn`` counts from the function above: the first frame that is in none of these packages."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
        frame, level = frame.f_back, level + 1
    return level
