"""What the file and the Redis limiter have in common: the queue with leases, and how they go on while their store is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from slo_common import InvalidArgument, LimiterUnavailable, LimitKey, RateLimitState, Reservation
from slo_common._limiter_shared import (
    LEASE,
    PRESENT,
    UNTOLD,
    WARN_EVERY,
    LeasedQueue,
    OnBackendError,
    Outage,
    SharedBook,
    SharedRateLimiter,
    StoreFailed,
    Turn,
    check_options,
    share,
)
from slo_common._windows import MARGIN
from tests.common.forks import in_child
from tests.limiters.twins import BookStore

KEY = LimitKey("vendor", "account", "things")
SLIDING = RateLimitState(limit=4, period=10.0, remaining=3, sliding=True)


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Wire(BookStore):
    """A store that can be cut off; it notes what reaches it."""

    name = "the wire"

    def __init__(self, clock: Clock, *, lease: float = LEASE) -> None:
        super().__init__(clock, lease=lease)
        self.down = False
        self.tried = 0
        self.heard: list[tuple[Any, ...]] = []

    def check(self) -> None:
        self.tried += 1
        if self.down:
            raise StoreFailed("cut off")

    def ask(self, key: LimitKey, ticket: int | None, process: str) -> Turn:
        self.check()
        return super().ask(key, ticket, process)

    def leave(self, key: LimitKey, ticket: int) -> None:
        self.check()
        self.heard.append(("leave", ticket))
        super().leave(key, ticket)

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        self.check()
        self.heard.append(("told", ticket, state))
        super().told(key, ticket, state, refused=refused)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Wire:
    return Wire(clock)


def process(wire: Wire, clock: Callable[[], float], on_backend_error: OnBackendError = "local") -> SharedRateLimiter:
    return SharedRateLimiter(wire, on_backend_error, clock)


def granted(limiter: SharedRateLimiter) -> Reservation:
    reservation = limiter.reserve(KEY, 0.0)
    assert reservation.wait == 0
    return reservation


def call(limiter: SharedRateLimiter, state: RateLimitState | None = SLIDING) -> None:
    granted(limiter).done(state, refused=False, now=0.0)


# The queue.


def test_a_place_whose_holder_is_not_heard_of_is_free_after_the_lease() -> None:
    queue = LeasedQueue(20.0)
    queue.bucket.known, queue.bucket.limit, queue.bucket.sliding, queue.bucket.period = True, 1, True, 60.0
    assert queue.ask(1, 0.0) == 0
    assert queue.ask(2, 5.0) > 0
    assert queue.ask(2, 20.0) == 0


def test_who_waits_for_such_a_place_is_awake_when_the_lease_ends() -> None:
    queue = LeasedQueue(7.0)
    queue.bucket.known, queue.bucket.limit, queue.bucket.sliding, queue.bucket.period = True, 1, True, 60.0
    queue.ask(1, 0.0)
    assert queue.ask(2, 5.0) == pytest.approx(2.0)


def test_who_stands_behind_one_that_died_in_its_sleep_asks_again_when_the_grace_is_over() -> None:
    queue = LeasedQueue(600.0)
    queue.bucket.known, queue.bucket.limit, queue.bucket.sliding, queue.bucket.period = True, 1, True, 60.0
    queue.bucket.freed = [3.0]
    assert queue.ask(1, 0.0) == pytest.approx(3.0)
    assert queue.ask(2, 0.0) == pytest.approx(3.0 + queue.GRACE)
    assert queue.ask(2, 3.0 + queue.GRACE) == 0
    assert queue.waiting == {}


def test_who_stands_behind_several_asks_again_when_all_of_them_may_be_dead() -> None:
    queue = LeasedQueue(600.0)
    queue.bucket.known, queue.bucket.limit, queue.bucket.sliding, queue.bucket.period = True, 3, True, 60.0
    queue.bucket.freed = [1.0, 2.0, 4.0]
    assert [queue.ask(ticket, 0.0) for ticket in (1, 2)] == pytest.approx([1.0, 2.0])
    assert queue.ask(3, 0.0) == pytest.approx(4.0)  # its own turn
    queue.bucket.freed = [1.0, 2.0, 40.0]
    assert queue.ask(3, 0.0) == pytest.approx(2.0 + queue.GRACE)
    assert queue.ask(3, 2.0 + queue.GRACE) == 0


def test_the_grace_is_no_longer_than_the_lease() -> None:
    queue = LeasedQueue(1.0)
    queue.bucket.blocked_until = 100.0
    queue.ask(1, 0.0)
    assert queue.ask(2, 99.999) == pytest.approx(0.001)
    assert queue.ask(2, 101.0) == 0


def test_who_asks_late_is_told_at_least_a_moment() -> None:
    queue = LeasedQueue(600.0)
    queue.bucket.known, queue.bucket.limit, queue.bucket.sliding, queue.bucket.period = True, 1, True, 60.0
    queue.bucket.freed = [50.0]
    queue.waiting = {1: 5.0}
    assert queue.ask(2, 9.9999) == MARGIN


def test_tickets_never_come_twice_even_if_the_state_was_lost() -> None:
    first, second = SharedBook(LEASE), SharedBook(LEASE)
    before = first.next_ticket(1000.0), first.next_ticket(1000.0)
    assert before[0] < before[1] < second.next_ticket(1001.0)


def test_a_process_that_does_not_ask_any_more_is_not_counted() -> None:
    book = SharedBook(LEASE)
    assert [book.present("a", 0.0), book.present("b", 10.0), book.present("b", 10.0 + PRESENT)] == [1, 2, 1]


# Its part of a budget.


@pytest.mark.parametrize(
    ("state", "processes", "part"),
    [
        (RateLimitState(limit=20, remaining=3), 1, RateLimitState(limit=20, remaining=3)),
        (RateLimitState(remaining=3), 4, RateLimitState(remaining=3)),
        (RateLimitState(limit=20, remaining=19), 4, RateLimitState(limit=5)),
        (RateLimitState(limit=20, remaining=3), 4, RateLimitState(limit=5, remaining=3)),
        (RateLimitState(limit=20), 4, RateLimitState(limit=5)),
        (RateLimitState(limit=3, remaining=0), 4, RateLimitState(limit=1, remaining=0)),
    ],
)
def test_the_part_of_one_process(state: RateLimitState, processes: int, part: RateLimitState) -> None:
    assert share(state, processes) == part


# The store goes away and comes back.


def test_alone_a_process_keeps_to_its_part_and_remembers_its_own_calls(wire: Wire, clock: Clock) -> None:
    one, other = process(wire, clock), process(wire, clock)
    call(other)
    call(one)
    wire.down = True
    assert one.reserve(KEY, 0.0).wait == 0  # 4 for two processes: two each, of which one is used
    assert one.reserve(KEY, 0.0).wait > 0


def test_alone_a_process_asks_its_own_book(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter, RateLimitState(limit=1, period=10.0, remaining=0, sliding=True))
    wire.down = True
    reservation = limiter.reserve(KEY, 0.0)
    assert reservation.wait == pytest.approx(10.0 + MARGIN)
    clock.time += 9.0
    assert reservation.renew(0.0) == pytest.approx(1.0 + MARGIN)
    clock.time += 1.1
    assert reservation.renew(0.0) == 0
    reservation.done(SLIDING, refused=False, now=0.0)
    assert wire.heard == [("told", wire.book.last_ticket, RateLimitState(limit=1, period=10.0, remaining=0, sliding=True))]


def test_one_who_waits_for_the_store_goes_on_alone_when_it_fails(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(process(wire, clock), RateLimitState(limit=1, period=10.0, remaining=0, sliding=True))
    reservation = limiter.reserve(KEY, 0.0)
    assert reservation.wait > 0
    wire.down = True
    assert reservation.renew(0.0) == 0  # nothing is known here of the others' calls


def test_while_the_store_is_away_it_is_left_in_peace_and_then_tried_by_one(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    wire.down = True
    tries: list[int] = []
    for seconds in (0.0, 0.9, 0.2, 1.0, 1.1, 4.9, 0.2, 4.9, 0.2):
        clock.time += seconds
        limiter.reserve(KEY, 0.0).cancel()
        limiter.reserve(KEY, 0.0).cancel()
        tries.append(wire.tried)
    # At first, after 1 s, after 2 s more, and every 5 s from then on.
    assert tries == [1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_many_who_fail_at_the_same_time_count_as_one_failure() -> None:
    outage = Outage("the wire")
    for _ in range(50):
        outage.failed("cut off", 100.0, then="")
    assert [outage.may_ask(100.9), outage.may_ask(101.0), outage.may_ask(101.0)] == [False, True, False]


def test_it_is_told_once_a_minute_that_the_store_is_away_and_once_that_it_is_back(
    wire: Wire, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "slo_common")
    limiter = process(wire, clock)
    wire.down = True
    for _ in range(12):
        call(limiter, None)
        clock.time += 6.0
    wire.down = False
    call(limiter)
    call(limiter)
    away = "the shared rate limiter (the wire) cannot be used: cut off; this process goes on alone, with its part of the budget"
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", away),
        ("WARNING", away),
        ("INFO", "the shared rate limiter (the wire) can be used again"),
    ]
    assert WARN_EVERY < 12 * 6.0 < 2 * WARN_EVERY


def test_calls_are_refused_when_that_was_asked_for(wire: Wire, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    limiter = process(wire, clock, "raise")
    wire.down = True
    for _ in range(2):  # the second does not even try
        with pytest.raises(
            LimiterUnavailable, match=r"^the shared rate limiter \(the wire\) cannot be used: cut off; nothing was sent$"
        ):
            limiter.reserve(KEY, 0.0)
    assert wire.tried == 1
    assert [r.getMessage() for r in caplog.records] == [
        "the shared rate limiter (the wire) cannot be used: cut off; calls are refused until it can"
    ]


def test_a_reply_is_never_lost_to_a_store_that_refuses(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock, "raise")
    reservation = granted(limiter)
    wire.down = True
    reservation.done(SLIDING, refused=False, now=0.0)
    with pytest.raises(LimiterUnavailable):
        limiter.reserve(KEY, 0.0)


def test_what_could_not_be_told_is_told_before_the_store_is_asked_again(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter)
    done, cancelled = granted(limiter), granted(limiter)
    wire.heard.clear()
    wire.down = True
    done.done(RateLimitState(limit=4, period=10.0, reset_in=5.0, retry_after=2.0, sliding=True), refused=False, now=0.0)
    cancelled.cancel()
    clock.time += 3.0
    wire.down = False
    granted(limiter)
    aged = RateLimitState(limit=4, period=10.0, reset_in=2.0, retry_after=0.0, sliding=True)
    assert [(what, *rest[1:]) for what, *rest in wire.heard] == [("told", aged), ("leave",)]
    assert len(wire.book.queues[KEY].bucket.flying) == 1


def test_what_cannot_be_told_at_the_second_try_either_is_kept_in_its_order(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter)
    reservations = [granted(limiter) for _ in range(3)]
    tickets = list(wire.book.queues[KEY].bucket.flying)
    wire.heard.clear()
    wire.down = True
    for reservation in reservations:
        reservation.done(None, refused=False, now=0.0)
    clock.time += 1.5
    limiter.reserve(KEY, 0.0)
    assert wire.heard == []
    clock.time += 2.5
    wire.down = False
    limiter.reserve(KEY, 0.0)
    assert wire.heard == [("told", ticket, None) for ticket in tickets]


def test_of_what_cannot_be_told_only_so_much_is_kept(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    limiter.reserve(KEY, 0.0).done(RateLimitState(), refused=False, now=0.0)  # no limit known: all may go
    reservations = [granted(limiter) for _ in range(UNTOLD + 5)]
    wire.down = True
    wire.heard.clear()
    for reservation in reservations:
        reservation.done(None, refused=False, now=0.0)
    wire.down = False
    clock.time += 1.5
    limiter.reserve(KEY, 0.0)
    assert len(wire.heard) == UNTOLD


def test_a_place_can_be_given_back_twice(wire: Wire, clock: Clock) -> None:
    reservation = granted(process(wire, clock))
    reservation.cancel()
    reservation.cancel()
    reservation.done(SLIDING, refused=False, now=0.0)
    assert [what for what, *_ in wire.heard] == ["leave"]


def test_an_outcome_counts_once(wire: Wire, clock: Clock) -> None:
    reservation = granted(process(wire, clock))
    reservation.done(SLIDING, refused=False, now=0.0)
    reservation.done(SLIDING, refused=False, now=0.0)
    reservation.cancel()
    assert [what for what, *_ in wire.heard] == ["told"]


def test_an_outcome_of_a_call_that_did_not_wait_for_its_turn_is_told_too(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter, RateLimitState(limit=1, period=10.0, remaining=0, sliding=True))
    impatient = limiter.reserve(KEY, 0.0)
    assert impatient.wait > 0
    impatient.done(SLIDING, refused=False, now=0.0)
    assert [heard[2] for heard in wire.heard][1:] == [SLIDING]


def test_a_granted_place_stays_granted(wire: Wire, clock: Clock) -> None:
    reservation = granted(process(wire, clock))
    tried = wire.tried
    assert reservation.renew(0.0) == 0
    assert wire.tried == tried


def test_one_that_was_refused_goes_before_those_who_came_later(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    refused = granted(limiter)
    refused.done(RateLimitState(limit=1, period=10.0, remaining=0, sliding=True, retry_after=10.0), refused=True, now=0.0)
    later = limiter.reserve(KEY, 0.0)
    clock.time += 9.0
    assert (refused.renew(0.0) > 0, later.renew(0.0) > 0) == (True, True)
    clock.time += 2.0
    assert (later.renew(0.0) > 0, refused.renew(0.0) > 0) == (True, False)


def test_one_that_was_refused_and_asks_when_the_store_is_away_goes_by_our_own_book(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    refused = granted(limiter)
    refused.done(SLIDING, refused=True, now=0.0)
    wire.down = True
    clock.time += 60.0
    assert refused.renew(0.0) == 0
    refused.cancel()
    assert limiter.reserve(KEY, 0.0).wait == 0


def test_one_that_waits_can_leave(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter, RateLimitState(limit=1, period=10.0, remaining=0, sliding=True))
    limiter.reserve(KEY, 0.0).cancel()
    assert wire.book.queues[KEY].waiting == {}


def test_a_forked_child_is_a_process_of_its_own(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter)

    def asks() -> bool:
        call(limiter)
        return len(wire.book.members) == 2

    assert in_child(asks)


def test_a_forked_child_does_not_tell_its_parents_outcomes(wire: Wire, clock: Clock) -> None:
    limiter = process(wire, clock)
    call(limiter)
    reservation = granted(limiter)
    wire.down = True
    reservation.done(SLIDING, refused=False, now=0.0)
    wire.down = False
    wire.heard.clear()
    clock.time += 1.5

    def asks() -> bool:
        limiter.reserve(KEY, 0.0)
        return wire.heard == []

    assert in_child(asks)
    limiter.reserve(KEY, 0.0)
    assert len(wire.heard) == 1


# Arguments.


@pytest.mark.parametrize(
    ("on_backend_error", "lease", "text"),
    [
        ("ignore", 60.0, 'on_backend_error: \'ignore\' was given; allowed: "local" or "raise"'),
        ("local", 0, "lease: 0 was given; allowed: seconds, above 0 and at most 600"),
        ("local", 601.0, "lease: 601.0 was given; allowed: seconds, above 0 and at most 600"),
        ("local", True, "lease: True was given; allowed: seconds, above 0 and at most 600"),
        ("local", "60", "lease: '60' was given; allowed: seconds, above 0 and at most 600"),
    ],
)
def test_bad_options_are_named(on_backend_error: str, lease: Any, text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_options(on_backend_error, lease)
    assert caught.value.problems == (text,)
