"""What a sandbox is: a state machine that answers requests at a moment of a clock, and a ledger of what it applied."""

from __future__ import annotations

import abc
import threading
import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen

from slo_common._values import Reply
from slo_common.sandbox._faults import Fault, FaultPlan
from slo_common.sandbox._limits import Meter
from slo_common.sandbox._steps import Answer, Broken, Drop, SpoiltReply

if TYPE_CHECKING:
    from slo_common._httpx import SandboxTransport
    from slo_common.sandbox._server import Server


class Clock(Protocol):
    """Wall-clock seconds since the epoch."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


class VirtualClock:
    """A clock that moves only when told to, so that a month passes at once.

    >>> clock = VirtualClock(1_700_000_000.0)
    >>> clock.advance(86_400)
    >>> clock.now()
    1700086400.0
    """

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._now = float(start)
        self._lock = threading.Lock()  # guards _now

    def now(self) -> float:
        """Seconds since the epoch, as far as it was moved."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; a negative number is refused."""
        if seconds < 0:
            raise ValueError(f"seconds: {seconds} is negative; a clock does not run backwards")
        with self._lock:
            self._now += seconds


@frozen(kw_only=True)
class SandboxRequest:
    """A request as the state machine sees it. ``path`` is percent-decoded per segment; header names are lower case."""

    method: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = b""

    @property
    def path(self) -> str:
        """All segments, decoded, each after a slash."""
        return "/" + "/".join(self.segments)

    def param(self, name: str) -> str | None:
        """The first value of a query parameter, or None."""
        return next((v for k, v in self.query if k == name), None)


@frozen(kw_only=True)
class Entry:
    """One line of the ledger: a request that reached the server, and whether it changed anything."""

    at: float
    method: str
    path: str
    status: int
    applied: str | None = None
    """What was changed, such as ``"slas.create 0a1b"``; None for reads, refusals and faults that came before."""
    fault: str | None = None
    body: Any = field(default=None, repr=False)


def _status(answer: Answer) -> int:
    """What the client read of a status; 0 for none."""
    if isinstance(answer, Broken):
        return answer.reply.status if answer.says_status else 0
    return answer.status if isinstance(answer, Reply) else 0


class Sandbox(abc.ABC):
    """Base of the three vendor sandboxes.

    A subclass implements :meth:`respond`, which is pure but for the state it holds: no I/O, no clock of its own. This base adds
    what is the same for all: rate limits, scripted faults, the ledger and the doors.
    """

    vendor: str

    def __init__(self, *, clock: Clock | None = None, faults: Iterable[Fault] = (), meter: Meter | None = None) -> None:
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.faults = FaultPlan(faults)
        self.meter = meter
        self._ledger: list[Entry] = []
        self._lock = threading.RLock()  # guards all state of the machine: requests are answered one at a time
        self._applied: str | None = None

    @property
    def ledger(self) -> tuple[Entry, ...]:
        """Every request that reached the server, in order, with what it changed."""
        with self._lock:
            return tuple(self._ledger)

    @property
    def applied(self) -> tuple[str, ...]:
        """What was changed, in order: the ledger's ``applied`` entries."""
        return tuple(e.applied for e in self.ledger if e.applied is not None)

    @abc.abstractmethod
    def respond(self, request: SandboxRequest, now: float) -> Reply:
        """Answer one request at this moment. Call :meth:`record` for each change made."""

    @abc.abstractmethod
    def bucket(self, request: SandboxRequest) -> str:
        """The rate-limit bucket that this request spends."""

    @abc.abstractmethod
    def refuse(self, request: SandboxRequest, now: float) -> Reply:
        """The vendor's 429, without the rate-limit headers (the meter adds them)."""

    def record(self, applied: str) -> None:
        """Note a change for the ledger; called by :meth:`respond` while it answers."""
        self._applied = applied if self._applied is None else f"{self._applied}; {applied}"

    def handle(self, request: SandboxRequest) -> Reply | Drop:
        """Answer one request now: faults first, then the limit, then the vendor.

        A :class:`Drop` is a connection that ended instead, a :class:`SpoiltReply` an answer that goes wrong on its way.
        """
        if request.segments[:1] == (self.vendor,):
            # Three sandboxes at one address are told apart so, and clients read that address from the environment (DD_BASE_URL), also
            # those that are given this sandbox itself.
            request = evolve(request, segments=request.segments[1:])
        with self._lock:
            now = self.clock.now()
            fault = self.faults.take(request)
            self._applied = None
            answer: Answer
            if fault is None:
                answer = self._metered(request, now)
            else:
                answer = fault.answer(self._metered(request, now) if fault.applies else None)
            meant = answer.reply if isinstance(answer, Broken) else answer
            if isinstance(meant, Reply):
                meant = evolve(meant, headers={"date": formatdate(now, usegmt=True), **meant.headers})
                answer = evolve(answer, reply=meant) if isinstance(answer, Broken) else meant
            self._ledger.append(
                Entry(
                    at=now,
                    method=request.method,
                    path=request.path,
                    status=_status(answer),
                    applied=self._applied,
                    fault=fault.kind if fault is not None else None,
                    body=request.body,
                )
            )
            if isinstance(answer, Broken):
                meant = answer.reply
                return SpoiltReply(status=meant.status, headers=meant.headers, body=meant.body, broken=answer)
            return answer

    def _metered(self, request: SandboxRequest, now: float) -> Reply:
        if self.meter is None:
            return self.respond(request, now)
        taken = self.meter.take(self.bucket(request), now)
        reply = self.respond(request, now) if taken.granted else self.refuse(request, now)
        return Reply(status=reply.status, headers={**reply.headers, **taken.headers}, body=reply.body)

    # The doors.

    def transport(self) -> SandboxTransport:
        """An httpx transport (sync and async) that answers from this sandbox, without a network.

        >>> with DatadogSLO("k", "a", http=sandbox.transport()) as dd:  # doctest: +SKIP
        ...     dd.reports.status("...")

        Given as ``http=`` itself, the client also sleeps by this sandbox's :class:`VirtualClock` if it has one; wrapped in an
        ``httpx.Client(transport=...)`` it sleeps by the machine's clock.
        """
        from slo_common._httpx import SandboxTransport

        return SandboxTransport(self)

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> Server:
        """A real HTTP server on the loopback interface.

        >>> with sandbox.serve() as server:  # doctest: +SKIP
        ...     print(server.url)
        """
        from slo_common.sandbox._server import Server

        return Server({"": self}, host=host, port=port)
