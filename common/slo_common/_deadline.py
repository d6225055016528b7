"""A deadline for blocking sockets that are not ours: those of calls through a proxy. A read timeout is none: a server that sends one byte
a second never runs into it.

httpcore has timeouts for single reads only, and a reply's head takes as many reads as the server likes. So the sockets below it are
given, for each read and write, no more than what is left of the call.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager


class Deadline(threading.local):
    """When the call of the current thread must be over, in monotonic seconds."""

    ends: float = math.inf

    @contextmanager
    def until(self, ends: float) -> Generator[None]:
        self.ends = ends
        try:
            yield
        finally:
            self.ends = math.inf

    def cut(self, timeout: float | None) -> float | None:
        """What may still be waited; never 0, which would mean not to wait for what is already there."""
        if self.ends == math.inf:
            return timeout
        left = max(0.001, self.ends - time.monotonic())
        return left if timeout is None else min(timeout, left)
