"""Models of a server's request windows: how many more calls fit now, and when the next place is free.

Pure bookkeeping in the caller's monotonic seconds; no clock, no lock, no sleep. :class:`~slo_common.LocalRateLimiter` holds one
:class:`Bucket` per request budget. What the models learn comes from the reply headers alone.

Sliding window (Rootly): the server looks back W seconds. A call is counted at a moment between sending and reply, so a place is
surely free W after the *reply*. Fixed window (Datadog): a calendar-aligned period; its end is known to a second from one reply
and to a round trip from several, because the intervals are intersected.
"""

from __future__ import annotations

from bisect import insort

from slo_common._ratelimit import RateLimitState

MARGIN = 0.005
"""Seconds added to every computed free moment, against rounding on both sides."""
POLL = 0.02
"""Seconds after which to ask again, when only a pending reply can tell."""
LONGEST_BLOCK = 120.0
"""Longest pause after a refusal, or one window: a server that says "in 30 years" must not stop the client for so long."""
CANARY_LEASE = 30.0
"""A canary (the one call that learns the state for all) that is not heard of for so long is given up."""
FLIGHT_LEASE = 900.0
"""Any other call that is not heard of for so long (its process died) is taken as counted and lost."""
RECHECK = 10.0
"""Longest sleep of one who depends on others: they may give up their place, or spend less than was foreseen."""
CROWD = 32
"""So many others ahead double the two above: the asking of thousands must not keep a processor busy."""
DEFAULT_WINDOW = 60.0
"""Seconds of a sliding window whose length no header names."""


class Bucket:
    """One request budget as known from its replies. Not thread-safe: its limiter locks."""

    __slots__ = (
        "blind",
        "blocked_until",
        "canary",
        "end_high",
        "end_low",
        "flying",
        "foreign",
        "foreign_until",
        "freed",
        "known",
        "left",
        "limit",
        "period",
        "sliding",
    )

    def __init__(self) -> None:
        self.limit: int | None = None
        self.period: float | None = None
        self.sliding = False
        self.known = False
        self.blocked_until = float("-inf")
        self.blind = 0  # refusals in a row that did not say when to come back
        self.flying: dict[int, float] = {}  # ticket -> sent at, for calls whose reply is awaited
        self.canary: tuple[int, float] | None = None  # ticket and when it went
        # sliding
        self.freed: list[float] = []  # moments at which our counted calls leave the window, sorted
        self.foreign = 0  # places that others hold
        self.foreign_until = float("-inf")
        # fixed
        self.end_low = float("-inf")  # the window's end lies in (end_low, end_high]
        self.end_high = float("-inf")
        self.left: int | None = None  # smallest Remaining seen in this window

    # Questions

    def wait(self, now: float, ahead: int) -> float:
        """Seconds until the one who has ``ahead`` others before it may ask again; 0 means go."""
        if now < self.blocked_until:
            return self.blocked_until - now
        if self.canary is not None:
            if now - self.canary[1] < CANARY_LEASE:
                return POLL * (1 + ahead / CROWD)
            self.lost(self.canary[0], now)
        if self.flying:
            oldest = next(iter(self.flying))
            if now - self.flying[oldest] >= FLIGHT_LEASE:
                self.lost(oldest, now)
        if not self.known:
            return POLL * (1 + ahead / CROWD) if ahead else 0.0
        if self.limit is None:
            return 0.0
        return self._sliding_wait(self.limit, now, ahead) if self.sliding else self._fixed_wait(self.limit, now, ahead)

    def needs_canary(self) -> bool:
        """Whether the next call must come back before others may follow."""
        if not self.known:
            return True
        return self.limit is not None and not self.sliding and self.left is None

    def _sliding_wait(self, limit: int, now: float, ahead: int) -> float:
        while self.freed and self.freed[0] <= now:
            self.freed.pop(0)
        # Others are taken to go on as they did until a reply says otherwise, but for one place, so that there is a reply.
        held = now < self.foreign_until
        foreign = self.foreign if held else min(self.foreign, limit - 1)
        free = limit - len(self.flying) - len(self.freed) - foreign
        if free > ahead:
            return 0.0
        # Nobody can go before this: the place falls free, and as many full windows pass as there are full windows of others ahead.
        window = self.period or DEFAULT_WINDOW
        waves, place = divmod(ahead, limit)
        moments = sorted([*self.freed, *([self.foreign_until] * foreign)]) if foreign and held else self.freed
        nth = place - free
        opens = now if nth < 0 else moments[nth] if nth < len(moments) else now + window
        wait = max(opens + waves * window - now, MARGIN)
        return min(wait, RECHECK * (1 + ahead / CROWD)) if ahead or self.flying or foreign else wait

    def _fixed_wait(self, limit: int, now: float, ahead: int) -> float:
        self._roll(now)
        if self.left is None:
            return POLL * (1 + ahead / CROWD) if ahead else 0.0
        if self.left - len(self.flying) > ahead:
            return 0.0
        if self.flying and self.left > ahead:
            return POLL * (1 + ahead / CROWD)  # some of those under way may be counted in Remaining already; their replies tell
        period = self.period or DEFAULT_WINDOW
        beyond = ahead - self.left
        windows = max(0, beyond) // limit
        wait = max(self.end_high + windows * period - now, MARGIN)
        return min(wait, RECHECK * (1 + ahead / CROWD)) if ahead or self.flying else wait

    def _roll(self, now: float) -> None:
        """When the window has surely ended, the next one begins with nothing known but its end."""
        if now < self.end_high:
            return
        period = self.period or DEFAULT_WINDOW
        if self.left is not None:
            self.left = None
            steps = (now - self.end_high) // period + 1
            self.end_low += steps * period
            self.end_high += steps * period

    # Events

    def go(self, ticket: int, now: float) -> None:
        """The ticket's call is being sent."""
        if self.needs_canary():
            self.canary = (ticket, now)
        self.flying[ticket] = now

    def lost(self, ticket: int, now: float) -> None:
        """No reply came: it may have been counted, so its place stays taken for a window."""
        self._landed(ticket)
        if self.sliding and self.limit is not None:
            insort(self.freed, now + (self.period or DEFAULT_WINDOW) + MARGIN)
        elif self.left is not None:
            self.left -= 1

    def never_sent(self, ticket: int) -> None:
        """The call did not reach the server: nothing was spent."""
        self._landed(ticket)

    def take_over(self, ticket: int, other: Bucket, now: float) -> None:
        """A call that was counted in ``other`` turns out to spend this budget."""
        sent_at = other.flying.get(ticket, now)
        other.never_sent(ticket)
        self.flying[ticket] = sent_at

    def _landed(self, ticket: int) -> float | None:
        if self.canary is not None and self.canary[0] == ticket:
            self.canary = None
        return self.flying.pop(ticket, None)

    def answered(self, ticket: int, state: RateLimitState, *, refused: bool, now: float) -> None:
        """A reply came, with what its headers say."""
        sent_at = self._landed(ticket)
        sent_at = now if sent_at is None else sent_at
        self.known = True
        self.blind = self.blind + 1 if refused and state.hint is None else 0
        if refused:
            wait = state.hint if state.hint is not None else min(15.0, 0.5 * 2.0 ** (self.blind - 1))
            longest = max(LONGEST_BLOCK, state.period or self.period or 0.0)
            self.blocked_until = max(self.blocked_until, now + min(wait, longest) + MARGIN)
            self.known = False  # one call goes first after the pause
        if state.limit is None:
            return
        self.limit, self.sliding = state.limit, state.sliding
        if state.period is not None:
            self.period = state.period
        if state.sliding:
            self._learn_sliding(state, sent_at, now, refused)
        else:
            self._learn_fixed(state, state.limit, sent_at, now)

    def _learn_sliding(self, state: RateLimitState, sent_at: float, now: float, refused: bool) -> None:
        window = self.period or DEFAULT_WINDOW
        if not refused:
            insort(self.freed, now + window + MARGIN)
        if state.remaining is None or self.limit is None:
            return
        # Everything of ours that the server may have counted when it answered, at the most: what it counts beyond is others'.
        ours = len(self.flying) + sum(1 for moment in self.freed if moment > sent_at)
        self.foreign = max(0, self.limit - state.remaining - ours)
        held_for = window if state.reset_in is None or state.remaining > 0 else min(window, state.reset_in)
        self.foreign_until = now + held_for + MARGIN

    def _learn_fixed(self, state: RateLimitState, limit: int, sent_at: float, now: float) -> None:
        period = self.period or state.reset_in or DEFAULT_WINDOW
        if state.reset_in is None:
            low, high = now, now + period
        else:
            low, high = sent_at + state.reset_in - 1.0, now + state.reset_in
        if high <= self.end_low - period / 2:
            return  # answered in a window that is past
        if low >= self.end_high or high <= self.end_low:  # a new window, or what was known is wrong
            shift = round((low - self.end_low) / period) * period if self.end_high > float("-inf") else 0.0
            carried_low, carried_high = self.end_low + shift, self.end_high + shift
            same_phase = self.end_high > float("-inf") and max(low, carried_low) < min(high, carried_high)
            self.end_low, self.end_high = (max(low, carried_low), min(high, carried_high)) if same_phase else (low, high)
            self.left = None
        else:
            self.end_low, self.end_high = max(low, self.end_low), min(high, self.end_high)
        if state.remaining is not None:
            self.left = state.remaining if self.left is None else min(self.left, state.remaining)
        else:
            self.left = limit if self.left is None else max(0, self.left - 1)
