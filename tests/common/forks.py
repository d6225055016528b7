"""Asking a question in a forked process."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable


def fork(question: Callable[[], bool]) -> int:
    """Start a child that answers by its exit code; gives its process id."""
    with warnings.catch_warnings():  # of threads that the child will lack: being safe from that is the fact under test
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if question() else 1
        finally:
            os._exit(code)
    return child


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def in_child(question: Callable[[], bool]) -> bool:
    return ended_well(fork(question))
