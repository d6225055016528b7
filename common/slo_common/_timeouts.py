"""How long a call may take."""

from __future__ import annotations

import sys

from attrs import frozen

from slo_common._check import require


def _seconds_problem(name: str, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        return f"{name}: {value!r} was given; allowed: a number of seconds above 0"
    return None


@frozen(kw_only=True)
class Timeouts:
    """Seconds. ``total`` bounds one call with all its attempts and pauses; waiting for a rate limit is not counted.

    ``connect`` and ``read`` bound one attempt; by default the read timeout is half of ``total``, at least 30 s, never above ``total``.

    >>> Timeouts(total=60).read_timeout
    30.0
    """

    total: float = 60.0
    connect: float = 10.0
    read: float | None = None

    def __attrs_post_init__(self) -> None:
        require(
            (
                _seconds_problem("timeout.total", self.total),
                _seconds_problem("timeout.connect", self.connect),
                None if self.read is None else _seconds_problem("timeout.read", self.read),
            )
        )

    @property
    def read_timeout(self) -> float:
        """Seconds that one attempt may wait for the next bytes: ``read``, or what follows from ``total``."""
        return self.read if self.read is not None else min(self.total, max(30.0, self.total / 2))

    @staticmethod
    def allows(value: object) -> bool:
        """Whether ``value`` can be a timeout."""
        return _seconds_problem("timeout", value) is None

    @classmethod
    def of(cls, value: float | Timeouts) -> Timeouts:
        """A number is the total."""
        if isinstance(value, Timeouts):
            return value
        require((_seconds_problem("timeout", value),))
        return cls(total=float(value))
