"""How good the SLOs of the sandbox are: a model that gives the same SLI to history, status, search and the CSV report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

DAY = 86_400
Span = tuple[float, float]
"""Start and end (exclusive) in epoch seconds."""


@frozen(kw_only=True)
class Incident:
    """A stretch of time in which the share ``lost`` of the events (or of the time) was bad."""

    start: float
    end: float
    lost: float = 1.0


@frozen(kw_only=True)
class SliModel:
    """The service behind one SLO of the sandbox. The same model gives the same numbers, whenever and however it is asked.

    ``error_rate`` is the share of bad events (or time) on an average day, ``traffic`` the events per second on a quiet day. With
    ``by_time``, which the sandbox sets for monitor and time-slice SLOs, the events are seconds. Before ``data_from`` and from ``data_to`` on there is no data. ``refuses`` is the
    text of a 400 with which history and status answer.

    >>> SliModel(error_rate=0.0, incidents=(Incident(start=0, end=43_200),)).sli([(0, 86_400)])
    50.0
    """

    seed: int = 0
    error_rate: float = 0.0004
    traffic: float = 1.0
    by_time: bool = False
    incidents: tuple[Incident, ...] = ()
    data_from: float | None = None
    data_to: float | None = None
    refuses: str | None = None

    def totals(self, spans: Iterable[Span]) -> tuple[float, float]:
        """Good and all events (or seconds) in these spans, which must not overlap."""
        good = every = 0.0
        for span in spans:
            calm = [self._with_data(span)]
            for incident in self.incidents:
                hit = [overlap(piece, (incident.start, incident.end)) for piece in calm]
                events = sum(self._events(piece)[0] for piece in hit)
                good += events * (1.0 - incident.lost)
                every += events
                calm = list(subtract(calm, (incident.start, incident.end)))
            for piece in calm:
                events, bad = self._events(piece)
                good += events - bad
                every += events
        return good, every

    def sli(self, spans: Iterable[Span]) -> float | None:
        """The SLI in percent, rounded to five decimals; None without data."""
        good, every = self.totals(spans)
        return None if every <= 0 else round(100.0 * good / every, 5)

    def _with_data(self, span: Span) -> Span:
        low = span[0] if self.data_from is None else max(span[0], self.data_from)
        high = span[1] if self.data_to is None else min(span[1], self.data_to)
        return (low, max(low, high))

    def _events(self, span: Span) -> tuple[float, float]:
        """All and bad events of a span without incidents: every day has its own traffic and error rate."""
        start, end = span
        every = bad = 0.0
        day = int(start // DAY)
        while start < end:
            stop = min(end, (day + 1) * DAY)
            luck = _mix(self.seed * 1_000_003 + day)
            events = stop - start if self.by_time else (stop - start) * self.traffic * (1.0 + (luck & 0xFFFF) / 0xFFFF / 2)
            every += events
            bad += events * min(1.0, self.error_rate * 2 * ((luck >> 16) & 0xFFFF) / 0xFFFF)
            start, day = stop, day + 1
        return every, bad


def _mix(x: int) -> int:
    """Bits that look random but are not (splitmix64): the model needs no generator and no state."""
    x = (x + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)


def overlap(span: Span, other: Span) -> Span:
    """The part of ``span`` inside ``other``; empty spans have equal ends."""
    low, high = max(span[0], other[0]), min(span[1], other[1])
    return (low, max(low, high))


def subtract(spans: Iterable[Span], hole: Span) -> Iterator[Span]:
    """What is left of the spans without the hole."""
    for low, high in spans:
        if low < min(high, hole[0]):
            yield (low, min(high, hole[0]))
        if max(low, hole[1]) < high:
            yield (max(low, hole[1]), high)


def error_budget(sli: float, target: float) -> float:
    """What is left of the error budget in percent; negative when it is overspent.

    Datadog guides, Service Level Objectives: 100 (status - target) / (100 - target).
    """
    return 100.0 * (sli - target) / (100.0 - target)
