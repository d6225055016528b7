"""The rate limiter, by what it costs: makespans and refusals against metered servers in virtual time, and its bookkeeping."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_common import (
    ConnectFailed,
    ConnectionLost,
    LimitKey,
    LocalRateLimiter,
    NoRateLimiter,
    RateLimitState,
    Reservation,
    RetryPolicy,
)
from slo_common._execute import Caller
from slo_common._limiter import ForkSafeLock
from slo_common._ratelimit import parse
from slo_common._values import Reply
from slo_common._windows import CANARY_LEASE, CROWD, DEFAULT_WINDOW, FLIGHT_LEASE, MARGIN, POLL, RECHECK, Bucket
from slo_common.sandbox import FixedWindows, Meter, SlidingWindows, Window
from tests.common.forks import in_child
from tests.common.simulation import (
    START,
    Kernel,
    Outcome,
    Pause,
    Server,
    caller_for,
    fixed_ideal,
    ideal,
    simulate,
    sliding_ideal,
    things,
)

PATIENT = RetryPolicy(attempts=20, backoff_base=0.1, rate_limit_retries=100, max_rate_limit_wait=1e9)
KEY = LimitKey("vendor", "account", "things")


def sliding(limit: int, seconds: int, *, bare: bool = False) -> Meter:
    return SlidingWindows(lambda _: Window(limit=limit, seconds=seconds), bare_limit=bare)


def fixed(limit: int, seconds: int) -> Meter:
    return FixedWindows(lambda _: Window(limit=limit, seconds=seconds))


# How close to the ideal.


@pytest.mark.parametrize("workers", [1, 8, 64])
@pytest.mark.parametrize("calls", [5, 50, 500])
@pytest.mark.parametrize(("limit", "seconds"), [(5, 60), (3, 60), (3000, 60)])
def test_a_sliding_window_is_used_to_a_hundredth_without_a_refusal(limit: int, seconds: int, calls: int, workers: int) -> None:
    outcome = simulate(Server(sliding(limit, seconds), kernel=Kernel()), calls=calls, workers=workers)
    best = ideal(sliding_ideal(limit, seconds), calls=calls, workers=workers)
    assert outcome.makespan <= 1.01 * best + 0.3
    assert (len(outcome.finished), outcome.refused) == (calls, 0)


@pytest.mark.parametrize("workers", [1, 8, 64])
@pytest.mark.parametrize("calls", [5, 50, 500])
@pytest.mark.parametrize(("limit", "seconds", "offset"), [(1000, 60, 30.0), (100, 10, 3.7), (5, 60, 42.42)])
def test_a_fixed_window_is_used_to_a_fiftieth_without_a_refusal(
    limit: int, seconds: int, offset: float, calls: int, workers: int
) -> None:
    outcome = simulate(Server(fixed(limit, seconds), kernel=Kernel(), starts_at=START + offset), calls=calls, workers=workers)
    best = ideal(fixed_ideal(limit, seconds, offset=offset), calls=calls, workers=workers)
    assert outcome.makespan <= 1.02 * best + 0.3
    assert (len(outcome.finished), outcome.refused) == (calls, 0)


@pytest.mark.parametrize("workers", [8, 64])
def test_several_fixed_windows_are_used_to_a_fiftieth(workers: int) -> None:
    outcome = simulate(Server(fixed(1000, 60), kernel=Kernel(), starts_at=START + 30), calls=2500, workers=workers)
    assert outcome.makespan <= 1.02 * ideal(fixed_ideal(1000, 60, offset=30), calls=2500, workers=workers) + 0.3
    assert outcome.refused == 0


def test_a_crowd_of_thousands_does_not_ask_without_end() -> None:
    outcome = simulate(Server(sliding(1000, 60), kernel=Kernel()), calls=2000, workers=2000)
    assert outcome.makespan <= 1.03 * 60.1
    assert outcome.refused == 0
    assert outcome.steps < 6 * 2000, "asks, sends and replies together"


@pytest.mark.parametrize("skew", [-30.0, 30.0])
def test_a_sliding_window_of_a_server_whose_clock_is_off(skew: float) -> None:
    outcome = simulate(Server(sliding(5, 60), kernel=Kernel(), skew=skew), calls=50, workers=8)
    assert outcome.makespan <= 1.01 * 540.1 + 0.3
    assert outcome.refused == 0


@pytest.mark.parametrize("skew", [-30.0, 30.0])
def test_a_fixed_window_of_a_server_whose_clock_is_off(skew: float) -> None:
    outcome = simulate(Server(fixed(100, 10), kernel=Kernel(), skew=skew), calls=500, workers=8)
    assert outcome.makespan <= 1.02 * ideal(fixed_ideal(100, 10, offset=0), calls=500, workers=8) + 0.3
    assert outcome.refused == 0


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("date", [False, True])
def test_a_sliding_window_needs_neither_a_date_nor_the_length_of_the_window(bare: bool, date: bool) -> None:
    outcome = simulate(Server(sliding(5, 60, bare=bare), kernel=Kernel(), date=date), calls=50, workers=8)
    assert outcome.makespan <= 1.01 * 540.1 + 0.3
    assert outcome.refused == 0


def reset_rounded_down(headers: dict[str, str]) -> Mapping[str, str]:
    return {**headers, "x-ratelimit-reset": str(int(headers["x-ratelimit-reset"]) - 1)}


@pytest.mark.parametrize("offset", [0.0, 3.3, 7.77])
def test_a_reset_that_is_rounded_down_costs_few_refusals(offset: float) -> None:
    """The window ends up to a second later than said: one call at a time finds out, the others wait."""
    server = Server(fixed(100, 10), kernel=Kernel(), starts_at=START + offset, edit=reset_rounded_down)
    outcome = simulate(server, calls=500, workers=64)
    assert outcome.refused <= 10
    assert outcome.makespan <= 1.03 * ideal(fixed_ideal(100, 10, offset=offset), calls=500, workers=64) + 0.3


def test_without_any_header_refusals_slow_all_callers_down() -> None:
    outcome = simulate(Server(sliding(5, 10), kernel=Kernel(), edit=lambda _: {}), calls=50, workers=8)
    assert len(outcome.finished) == 50
    assert outcome.refused <= 75


class Rough(Server):
    """Every way takes its own time, and of the answers a share is lost."""

    def __init__(self, meter: Meter, *, kernel: Kernel, seed: int, starts_at: float, lost: float) -> None:
        self.random = Random(seed)
        self.share = lost
        self.lost = 0
        super().__init__(meter, kernel=kernel, starts_at=starts_at)

    def way(self) -> float:
        return self.random.choice((0.0, 0.01, 0.1, 0.5, 1.0)) * self.random.random()

    def take(self, bucket: str) -> Reply:
        reply = super().take(bucket)
        if self.random.random() < self.share:
            self.lost += 1
            raise ConnectionLost("x")
        return reply


@settings(max_examples=150)
@given(
    slides=st.booleans(),
    limit=st.integers(1, 12),
    seconds=st.sampled_from([5, 10, 60]),
    offset=st.floats(0, 60),
    calls=st.integers(1, 40),
    workers=st.integers(1, 12),
    seed=st.integers(0, 1000),
    lost=st.sampled_from([0.0, 0.1]),
)
def test_over_a_rough_line_true_headers_mean_no_refusal_but_for_lost_answers(
    slides: bool, limit: int, seconds: int, offset: float, calls: int, workers: int, seed: int, lost: float
) -> None:
    """Of a lost answer nobody knows in which window it was counted, so it may cost one refusal."""
    meter = sliding(limit, seconds) if slides else fixed(limit, seconds)
    server = Rough(meter, kernel=Kernel(), seed=seed, starts_at=START + offset, lost=lost)
    outcome = simulate(server, calls=calls, workers=workers, retry=PATIENT)
    assert len(outcome.finished) == calls
    assert outcome.refused <= server.lost


# Others spend the same budget.


def with_others(server: Server, every: float, calls: int) -> Outcome:
    """Somebody else asks at a steady pace as long as we work."""
    over: list[bool] = []

    async def other() -> None:
        while not over:
            server.meter.take("things", server.clock())
            await Pause(every)

    server.kernel.spawn(other())

    async def stop() -> None:
        caller = caller_for(server, limiter)
        for _ in range(calls):
            await caller.call(things())
            finished.append(server.kernel.time)
        over.append(True)

    limiter = LocalRateLimiter()
    finished: list[float] = []
    server.kernel.spawn(stop())
    server.kernel.run()
    return Outcome(
        makespan=finished[-1], refused=len(server.counted.refused), finished=finished, given_up=0, steps=server.kernel.steps
    )


def test_what_others_spend_of_a_sliding_window_is_learnt_from_remaining() -> None:
    outcome = with_others(Server(sliding(10, 60), kernel=Kernel()), every=12.0, calls=50)
    assert len(outcome.finished) == 50
    assert outcome.refused <= 8


def test_what_others_spend_of_a_fixed_window_is_learnt_from_remaining() -> None:
    outcome = with_others(Server(fixed(100, 10), kernel=Kernel()), every=0.2, calls=300)
    assert len(outcome.finished) == 300
    assert outcome.refused <= 5


def test_four_processes_that_do_not_know_of_each_other_get_by() -> None:
    server = Server(fixed(1000, 60), kernel=Kernel(), starts_at=START + 30)
    outcome = simulate(server, calls=2500, workers=16, limiters=[LocalRateLimiter() for _ in range(4)])
    assert len(outcome.finished) == 2500
    assert outcome.refused <= 110
    assert outcome.makespan <= 1.05 * ideal(fixed_ideal(1000, 60, offset=30), calls=2500, workers=64) + 30


# The start of a window.


def test_one_call_goes_ahead_of_the_others() -> None:
    server = Server(fixed(100, 60), kernel=Kernel())
    simulate(server, calls=20, workers=20)
    assert server.counted.granted[0] == pytest.approx(0.05)
    assert server.counted.granted[1] >= 0.15, "the second is sent when the first has come back"


def test_one_call_goes_ahead_at_each_new_window() -> None:
    server = Server(fixed(10, 60), kernel=Kernel(), starts_at=START + 50)
    simulate(server, calls=20, workers=20)
    second_window = server.counted.granted[10:]
    assert second_window[0] >= 10.0
    assert second_window[1] - second_window[0] >= 0.1


# Names of budgets.


class Shop(Server):
    """Two endpoints; ``names`` says how the server calls the budget of each."""

    def __init__(self, kernel: Kernel, names: Mapping[str, str]) -> None:
        super().__init__(fixed(5, 60), kernel=kernel)
        self.names = names

    def take(self, bucket: str) -> Reply:
        return super().take(self.names[bucket])


def ask_both(names: Mapping[str, str]) -> tuple[float, int]:
    kernel = Kernel()
    shop = Shop(kernel, names)
    caller = caller_for(shop, LocalRateLimiter())

    async def ask(bucket: str) -> None:
        for _ in range(5):
            await caller.call(things(bucket))

    kernel.spawn(ask("a"))
    kernel.spawn(ask("b"))
    kernel.run()
    return kernel.time, len(shop.counted.refused)


def test_two_endpoints_whose_budget_has_one_name_share_it() -> None:
    time, refused = ask_both({"a": "x", "b": "x"})
    assert time > 60, "ten calls do not fit into one window of five"
    assert refused <= 1, "only what went before the name was known"


def test_two_endpoints_whose_budgets_have_two_names_do_not() -> None:
    time, refused = ask_both({"a": "x", "b": "y"})
    assert time < 1
    assert refused == 0


def test_budgets_of_two_accounts_are_apart() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=1, remaining=0)
    assert limiter.reserve(KEY, 1.0).wait > 0
    assert limiter.reserve(LimitKey("vendor", "other account", "things"), 1.0).wait == 0


# Those who were refused.


def test_a_refused_call_goes_before_those_who_came_later() -> None:
    limiter = LocalRateLimiter()
    refused = limiter.reserve(KEY, 0.0)
    refused.done(
        state({"x-ratelimit-limit": "2, 2;window=60", "x-ratelimit-remaining": "0", "retry-after": "60"}), refused=True, now=0.1
    )
    later, latest = limiter.reserve(KEY, 1.0), limiter.reserve(KEY, 2.0)
    assert refused.renew(59.0) > 0
    assert [reservation.renew(60.2) > 0 for reservation in (latest, later, refused)] == [True, True, False]


def test_a_refused_call_that_gives_up_leaves_the_line() -> None:
    limiter = LocalRateLimiter()
    refused = limiter.reserve(KEY, 0.0)
    refused.done(
        state({"x-ratelimit-limit": "1, 1;window=60", "x-ratelimit-remaining": "0", "retry-after": "60"}), refused=True, now=0.1
    )
    later = limiter.reserve(KEY, 1.0)
    assert refused.renew(59.0) > 0
    refused.cancel()
    assert later.renew(60.2) == 0


# Those who never come back.


def state(headers: dict[str, str]) -> RateLimitState:
    return parse(headers)


def learn(limiter: LocalRateLimiter, key: LimitKey, *, limit: int, remaining: int, now: float = 0.0) -> None:
    """Tell the limiter of a sliding window by one call."""
    reservation = limiter.reserve(key, now)
    assert reservation.wait == 0
    told = state({"x-ratelimit-limit": f"{limit}, {limit};window=60", "x-ratelimit-remaining": str(remaining)})
    reservation.done(told, refused=False, now=now + 0.1)


def test_a_waiter_that_gives_up_makes_room() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=2, remaining=1)
    assert limiter.reserve(KEY, 0.2).wait == 0
    first, second = limiter.reserve(KEY, 0.3), limiter.reserve(KEY, 0.3)
    assert (first.wait > 0, second.wait > 0) == (True, True)
    first.cancel()
    assert second.renew(60.2) == 0


def test_a_waiter_that_dies_in_its_sleep_blocks_the_others_for_no_longer_than_the_grace() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=1, remaining=0)
    dead, alive = limiter.reserve(KEY, 0.2), limiter.reserve(KEY, 0.2)
    assert dead.wait > 0
    now = 0.2
    while (wait := alive.wait) > 0 and now < 1000:
        now += wait
        alive.renew(now)
    assert alive.wait == 0
    assert now <= 60.1 + 5.0 + POLL + RECHECK * (1 + 1 / CROWD)


def test_many_cancelled_waiters_do_not_slow_the_rest_down() -> None:
    kernel = Kernel()
    server = Server(sliding(5, 60), kernel=kernel)
    limiter = LocalRateLimiter()
    caller = caller_for(server, limiter)
    finished: list[float] = []

    async def ask() -> None:
        await caller.call(things())
        finished.append(kernel.time)

    doomed = [ask() for _ in range(20)]
    for i in range(40):
        kernel.spawn(doomed[i // 2] if i % 2 else ask())
    kernel.run(until=30.0)
    kernel.close(*doomed)
    kernel.run()
    before = sum(1 for moment in finished if moment < 30)
    assert len(finished) >= 20
    windows = -(-(len(finished) - before) // 5)
    assert finished[-1] <= 1.01 * (windows * 60 + 0.1) + 0.3


def test_a_call_that_is_lost_ahead_of_the_others_does_not_stop_them() -> None:
    limiter = LocalRateLimiter()
    ahead = limiter.reserve(KEY, 0.0)
    other = limiter.reserve(KEY, 0.0)
    assert (ahead.wait, other.wait) == (0, POLL * (1 + 0 / CROWD))
    ahead.done(None, refused=False, now=5.0)
    assert other.renew(5.0) == 0, "the next one goes ahead"


def test_a_call_ahead_of_the_others_that_is_never_heard_of_is_given_up() -> None:
    limiter = LocalRateLimiter()
    assert limiter.reserve(KEY, 0.0).wait == 0
    other = limiter.reserve(KEY, 0.0)
    assert other.renew(CANARY_LEASE - 1) > 0
    assert other.renew(CANARY_LEASE + 1) == 0


def test_a_call_that_is_never_heard_of_gives_its_place_back_after_a_lease() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=1, remaining=1)
    assert limiter.reserve(KEY, 100.0).wait == 0, "and is never told of"
    waiting = limiter.reserve(KEY, 101.0)
    assert waiting.renew(100.0 + FLIGHT_LEASE - 1) > 0
    waiting.renew(100.0 + FLIGHT_LEASE)
    assert waiting.renew(100.0 + FLIGHT_LEASE + 61) == 0


def test_a_reply_that_comes_after_its_lease_is_still_learnt_from() -> None:
    limiter = LocalRateLimiter()
    late = limiter.reserve(KEY, 0.0)
    second = limiter.reserve(KEY, CANARY_LEASE + 1)
    assert second.wait == 0
    late.done(state({"x-ratelimit-limit": "1, 1;window=60", "x-ratelimit-remaining": "0"}), refused=False, now=CANARY_LEASE + 2)
    second.cancel()
    assert limiter.reserve(KEY, CANARY_LEASE + 3).wait == pytest.approx(59 + MARGIN)


def test_cancel_and_done_are_of_no_effect_the_second_time() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=5, remaining=4)
    reservation = limiter.reserve(KEY, 1.0)
    reservation.done(None, refused=False, now=1.1)
    reservation.cancel()
    reservation.done(None, refused=False, now=1.2)
    assert [limiter.reserve(KEY, 1.3).wait for _ in range(4)] == [0, 0, 0, RECHECK]


def test_a_call_that_was_never_sent_spends_nothing() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=2, remaining=1)
    limiter.reserve(KEY, 1.0).cancel()
    assert limiter.reserve(KEY, 1.0).wait == 0


@pytest.mark.parametrize(
    ("failure", "seconds"), [(ConnectFailed("x"), 0.0), (ConnectionLost("x"), 60.0)], ids=["never-sent", "perhaps-sent"]
)
def test_only_what_the_server_may_have_seen_is_counted(failure: Exception, seconds: float) -> None:
    """Two calls fit; the first fails. Sent or not makes the difference for the third."""
    kernel = Kernel()

    class Failing(Server):
        failed = False

        def take(self, bucket: str) -> Reply:
            if len(self.counted.granted) == 1 and not self.failed:
                self.failed = True
                if isinstance(failure, ConnectionLost):
                    super().take(bucket)
                raise failure
            return super().take(bucket)

    server = Failing(sliding(3, 60), kernel=kernel)
    simulate(server, calls=3, workers=1, retry=RetryPolicy(attempts=3))
    assert len(server.counted.refused) == 0
    assert kernel.time == pytest.approx(seconds, abs=1.5)


# Threads and processes.


def test_threads_never_get_more_than_the_limit() -> None:
    limiter = LocalRateLimiter()
    learn(limiter, KEY, limit=100, remaining=99)
    granted: list[Reservation] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        for _ in range(50):
            reservation = limiter.reserve(KEY, 1.0)
            if reservation.wait == 0:
                granted.append(reservation)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 99


def test_a_forked_child_does_not_wait_for_the_calls_of_its_parent() -> None:
    limiter = LocalRateLimiter()
    assert limiter.reserve(KEY, 0.0).wait == 0, "under way in the parent"
    assert in_child(lambda: limiter.reserve(KEY, 1.0).wait == 0)
    assert limiter.reserve(KEY, 1.0).wait > 0, "the parent still waits for it"


def test_a_forked_child_is_not_stuck_on_a_lock_that_its_parent_held() -> None:
    lock = ForkSafeLock()

    def enter() -> bool:
        with lock.here:
            return True

    with lock.here:
        assert in_child(enter)


# The model of one budget, where the server says strange things.


def fixed_state(remaining: int | None = 4, reset: float | None = 10, *, limit: int = 5, period: float = 60) -> RateLimitState:
    return RateLimitState(limit=limit, period=period, remaining=remaining, reset_in=reset)


def told(bucket: Bucket, told: RateLimitState, *, sent: float, now: float, refused: bool = False, ticket: int = 1) -> None:
    bucket.go(ticket, sent)
    bucket.answered(ticket, told, refused=refused, now=now)


def test_a_fixed_window_without_remaining_is_counted_by_the_calls_made() -> None:
    bucket = Bucket()
    for i in range(5):
        assert bucket.wait(float(i), 0) == 0
        told(bucket, fixed_state(remaining=None, reset=50 - i), sent=float(i), now=i + 0.1, ticket=i)
    assert bucket.left == 1, "the first is counted as made before the limit was known"
    assert bucket.wait(5.0, 0) == 0


def test_a_fixed_window_without_reset_lasts_a_period_from_the_reply_at_most() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=0, reset=None), sent=0.0, now=0.1)
    assert bucket.wait(1.0, 0) == pytest.approx(59.1)
    assert bucket.wait(60.2, 0) == 0


def test_the_end_of_a_fixed_window_is_known_better_with_every_reply() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=4, reset=10), sent=0.0, now=0.1)
    told(bucket, fixed_state(remaining=0, reset=9), sent=0.3, now=0.4)
    assert [bucket.end_low, bucket.end_high] == pytest.approx([9.0, 9.4])


def test_a_late_reply_of_a_window_that_is_past_teaches_nothing() -> None:
    bucket = Bucket()
    bucket.go(7, 20.0)
    told(bucket, fixed_state(remaining=3, reset=60), sent=100.0, now=100.1)
    bucket.answered(7, fixed_state(remaining=0, reset=0), refused=False, now=100.2)
    assert [bucket.left, bucket.end_high] == pytest.approx([3, 160.1])


def test_a_new_window_of_the_same_phase_keeps_what_was_known_of_its_end() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=4, reset=10), sent=0.0, now=0.1)
    told(bucket, fixed_state(remaining=4, reset=9), sent=0.3, now=0.4)
    told(bucket, fixed_state(remaining=4, reset=60), sent=9.5, now=9.6)
    assert bucket.end_high - bucket.end_low < 1.0
    assert bucket.left == 4


def test_a_window_that_contradicts_what_was_known_replaces_it() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=0, reset=10), sent=0.0, now=0.1)
    told(bucket, fixed_state(remaining=4, reset=35), sent=0.2, now=0.3)
    assert bucket.end_high == pytest.approx(35.3)
    assert bucket.left == 4


def test_a_lost_call_of_a_fixed_window_is_counted() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=1, reset=30), sent=0.0, now=0.1)
    bucket.go(2, 1.0)
    bucket.lost(2, 2.0)
    assert bucket.wait(3.0, 0) > 20


def test_a_lost_call_of_a_fixed_window_that_is_not_known_yet_counts_for_nothing() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=0, reset=10), sent=0.0, now=0.1)
    assert bucket.wait(11.0, 0) == 0
    bucket.go(2, 11.0)
    bucket.lost(2, 12.0)
    assert bucket.wait(12.0, 0) == 0


def test_a_window_that_passed_unused_is_passed_over() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=0, reset=10), sent=0.0, now=0.1)
    assert [bucket.wait(now, 0) for now in (11.0, 75.0, 500.0)] == [0, 0, 0]
    told(bucket, fixed_state(remaining=4, reset=30), sent=500.0, now=500.1)
    assert [bucket.left, bucket.end_high] == pytest.approx([4, 530.1], abs=0.5)


def test_a_budget_without_a_limit_is_free() -> None:
    bucket = Bucket()
    told(bucket, RateLimitState(), sent=0.0, now=0.1)
    assert bucket.wait(0.2, 1000) == 0
    assert not bucket.needs_canary()


def test_a_refusal_closes_the_budget_for_everybody_as_long_as_the_server_says() -> None:
    bucket = Bucket()
    told(bucket, RateLimitState(retry_after=7.0), sent=0.0, now=0.1, refused=True)
    assert bucket.wait(1.0, 0) == pytest.approx(6.1 + MARGIN)
    assert bucket.wait(8.0, 0) == 0


@pytest.mark.parametrize(("period", "seconds"), [(None, 120.0), (60.0, 120.0), (3600.0, 3600.0)])
def test_a_refusal_for_years_closes_it_for_two_minutes_or_a_window(period: float | None, seconds: float) -> None:
    """The call that was told so fails at once; those after it must not sleep for years."""
    bucket = Bucket()
    told(bucket, RateLimitState(retry_after=1e9, limit=5, period=period, sliding=True), sent=0.0, now=0.0, refused=True)
    assert bucket.wait(0.0, 0) == pytest.approx(seconds + MARGIN)


def test_refusals_that_say_nothing_close_it_for_longer_each_time_until_a_reply_is_good() -> None:
    bucket = Bucket()
    waits: list[float] = []
    now = 0.0
    for i in range(7):
        told(bucket, RateLimitState(), sent=now, now=now, refused=True, ticket=i)
        waits.append(round(bucket.wait(now, 0) - MARGIN, 6))
        now += 100
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    told(bucket, RateLimitState(), sent=now, now=now)
    told(bucket, RateLimitState(), sent=now, now=now, refused=True)
    assert bucket.wait(now, 0) == pytest.approx(0.5 + MARGIN)


def test_a_sliding_window_without_remaining_is_a_log_of_own_calls() -> None:
    bucket = Bucket()
    slides = RateLimitState(limit=2, sliding=True)
    told(bucket, slides, sent=0.0, now=0.1)
    told(bucket, slides, sent=1.0, now=1.1, ticket=2)
    assert bucket.wait(2.0, 0) == pytest.approx(DEFAULT_WINDOW + 0.1 + MARGIN - 2.0)


def test_when_the_server_says_that_a_place_is_free_one_call_asks_for_the_rest() -> None:
    """Others are taken to go on as they did, until a reply says otherwise."""
    bucket = Bucket()
    told(bucket, RateLimitState(limit=5, period=60, remaining=0, reset_in=12.0, sliding=True), sent=0.0, now=0.1)
    assert bucket.foreign == 4
    assert bucket.wait(2.1, 0) == pytest.approx(10.0)
    assert bucket.wait(60.2, 0) == 0
    assert bucket.wait(60.2, 1) > 0
    told(bucket, RateLimitState(limit=5, period=60, remaining=4, sliding=True), sent=60.2, now=60.3)
    assert bucket.wait(60.4, 3) == 0


def test_a_refused_call_holds_no_place_in_a_sliding_window() -> None:
    bucket = Bucket()
    slides = RateLimitState(limit=5, period=60, remaining=0, sliding=True, retry_after=1.0)
    told(bucket, slides, sent=0.0, now=0.1, refused=True)
    assert bucket.freed == []


def test_those_far_behind_in_a_sliding_window_wait_for_as_many_windows_as_are_before_them() -> None:
    bucket = Bucket()
    told(bucket, RateLimitState(limit=1, period=1, remaining=0, sliding=True), sent=0.0, now=0.1)
    assert bucket.wait(0.2, 0) == pytest.approx(0.9 + MARGIN)
    assert bucket.wait(0.2, 3) == pytest.approx(3.9 + MARGIN)


def test_a_waiter_behind_an_idle_window_waits_for_the_next() -> None:
    bucket = Bucket()
    told(bucket, RateLimitState(limit=2, period=4, remaining=2, sliding=True), sent=0.0, now=0.1)
    assert bucket.wait(4.2, 2) == pytest.approx(4.0), "two others ahead take both places"


def test_those_behind_calls_under_way_in_a_fixed_window_ask_again_soon() -> None:
    bucket = Bucket()
    told(bucket, fixed_state(remaining=2, reset=30), sent=0.0, now=0.1)
    bucket.go(2, 0.2)
    bucket.go(3, 0.2)
    assert bucket.wait(0.3, 0) == POLL


def test_no_limiter_never_waits() -> None:
    reservation = NoRateLimiter().reserve(KEY, 0.0)
    assert (reservation.wait, reservation.renew(1.0)) == (0, 0)
    reservation.done(None, refused=True, now=1.0)
    reservation.cancel()
    assert NoRateLimiter().reserve(KEY, 1.0).wait == 0


def test_a_caller_waits_for_nobody_without_a_limiter() -> None:
    server = Server(sliding(1000, 60), kernel=Kernel())
    caller: Caller = caller_for(server, NoRateLimiter())

    async def ask() -> None:
        await caller.call(things())

    for _ in range(100):
        server.kernel.spawn(ask())
    server.kernel.run()
    assert server.kernel.time == pytest.approx(0.1)
