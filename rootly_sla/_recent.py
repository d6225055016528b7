"""What this client wrote a moment ago, which Rootly's lists may not show yet."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from rootly_sla.models import Sla
    from slo_common._execute import Caller

KEPT: Final = 60.0
"""Seconds. Lists were seen to lag up to about ten."""


@frozen
class _Write:
    at: float
    sla: Sla | None
    """As the server answered; None when it is gone."""
    known: bool
    """False while a write is under way and after one that failed: it may have been applied."""


class RecentWrites:
    """The SLAs that this client wrote within the last minute, by id. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _writes
        self._writes: dict[str, _Write] = {}

    def wrote(self, sla: Sla, now: float) -> None:
        """The server answered a write with this."""
        self._note(sla.id, _Write(now, sla, known=True))

    def gone(self, sla_id: str, now: float) -> None:
        """The SLA was deleted."""
        self._note(sla_id, _Write(now, None, known=True))

    def writing(self, sla_id: str, now: float) -> None:
        """A write begins: until its answer nobody knows what the SLA is."""
        self._note(sla_id, _Write(now, None, known=False))

    def _note(self, sla_id: str, write: _Write) -> None:
        with self._lock:
            self._writes = {i: w for i, w in self._writes.items() if write.at - w.at < KEPT}
            self._writes[sla_id] = write

    def merged(self, listed: Iterable[Sla], now: float) -> tuple[list[Sla], list[Sla]]:
        """What a list shows, corrected by what was written: the SLAs that are sure, and those that only ``get`` can tell of."""
        with self._lock:
            writes = {i: w for i, w in self._writes.items() if now - w.at < KEPT}
        shown: list[Sla] = []
        unsure: list[Sla] = []
        for sla in listed:
            write = writes.pop(sla.id, None)
            if write is None or (write.sla is not None and _newer(sla, write.sla)):
                shown.append(sla)
            elif not write.known:
                unsure.append(sla)
            elif write.sla is not None:
                shown.append(write.sla)
        return shown + [w.sla for w in writes.values() if w.sla is not None], unsure

    def holds(self, sla: Sla) -> bool:
        """Whether this very value is the answer to a write of this client."""
        with self._lock:
            write = self._writes.get(sla.id)
        return write is not None and write.sla is sla


def _newer(listed: Sla, written: Sla) -> bool:
    """Whether the list shows a change that came after our write."""
    return listed.updated_at is not None and written.updated_at is not None and listed.updated_at > written.updated_at


@frozen(kw_only=True)
class Desk:
    """Who calls, and what it remembers."""

    caller: Caller
    recent: RecentWrites

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.caller.runtime.now()
