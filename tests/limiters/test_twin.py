"""Whatever happens, the script in Redis does as the book in Python: the two are one model in two languages.

Who changes ``_windows.py``, ``_limiter.Queue`` or ``_limiter_shared.LeasedQueue`` changes the script too; this test says whether it is right.
"""

from __future__ import annotations

from random import Random

import pytest
import redis
from attrs import evolve

from slo_common._limiter import LimitKey
from slo_common._limiter_shared import Turn
from slo_common._ratelimit import RateLimitState
from slo_common._windows import CANARY_LEASE, LONGEST_BLOCK
from tests.limiters.redis_server import connect
from tests.limiters.twins import BookStore, redis_store, state_in_python, state_in_redis

BUCKETS = ("things", "others", "rest")
PAUSES = (0.0, 0.0, 0.001, 0.02, 0.3, 1.0, 2.5, 11.0)
CHAOS = ("enter", "enter", "again", "again", "again", "told", "told", "told", "lost", "leave", "die")
CALM = ("enter", "again", "again", "told", "told", "told")


class Pair:
    """Both engines, asked and told the same; whatever they answer is the same, and whatever they remember."""

    def __init__(self, client: redis.Redis, *, lease: float, micros: int = 0) -> None:
        self.client = client
        self.micros = 1_790_000_000_000_000 + micros
        self.memory = BookStore(self.clock, lease=lease)
        self.stores = (redis_store(client, self.clock, lease=lease), self.memory)

    def clock(self) -> float:
        seconds, micros = divmod(self.micros, 1_000_000)
        return seconds + micros / 1e6  # as the script adds up the two numbers of Redis

    def later(self, seconds: float) -> None:
        self.micros += round(seconds * 1e6)

    def ask(self, key: LimitKey, ticket: int | None, process: str = "p1") -> Turn:
        in_redis, in_python = (store.ask(key, ticket, process) for store in self.stores)
        assert in_redis == in_python
        self.check()
        return in_python

    def tell(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool = False) -> None:
        for store in self.stores:
            store.told(key, ticket, state, refused=refused)
        self.check()

    def leave(self, key: LimitKey, ticket: int) -> None:
        for store in self.stores:
            store.leave(key, ticket)
        self.check()

    def check(self) -> None:
        assert state_in_redis(self.client) == state_in_python(self.memory.book)


class Scene:
    """Random callers of one account."""

    def __init__(self, client: redis.Redis, seed: int) -> None:
        self.random = Random(seed)
        self.pair = Pair(client, lease=self.random.choice([3.0, 20.0, 45.0]), micros=self.random.randrange(1_000_000))
        self.waiting: list[tuple[LimitKey, int]] = []
        self.sent: list[tuple[LimitKey, int]] = []
        # What the server mostly says; the rest of the time it says anything.
        self.usual = RateLimitState(
            limit=self.random.choice([1, 3, 5]), period=self.random.choice([None, 4.0, 10.0]), sliding=self.random.random() < 0.5
        )
        self.oddity = self.random.choice([0.0, 0.1, 0.3, 0.5])
        self.pauses = PAUSES if self.oddity < 0.5 else (*PAUSES, 150.0)
        self.actions, self.refusals = self.random.choice([(CHAOS, 0.15), (CALM, 0.02)])

    def step(self) -> None:
        random = self.random
        self.pair.later(random.choice(self.pauses))
        action = random.choice(self.actions)
        if action == "enter":
            self.ask(LimitKey("vendor", "account", random.choice(BUCKETS)), None)
        elif action == "again" and self.waiting:
            self.ask(*random.choice(self.waiting))
        elif action == "told" and self.sent:
            self.tell(*self.pop(self.sent), self.state())
        elif action == "lost" and self.sent:
            self.tell(*self.pop(self.sent), None)
        elif action == "leave" and (self.waiting or self.sent):
            key, ticket = self.pop(self.waiting or self.sent)
            self.pair.leave(key, ticket)
        elif action == "die" and self.sent and random.random() < 0.3:
            self.pop(self.sent)

    def pop(self, tickets: list[tuple[LimitKey, int]]) -> tuple[LimitKey, int]:
        return tickets.pop(self.random.randrange(len(tickets)))

    def state(self) -> RateLimitState:
        random = self.random
        if random.random() < self.oddity:
            limit = random.choice([None, 1, 2, 5, 8])
            usual = RateLimitState(
                limit=limit,
                period=random.choice([None, 1.0, 7.5, 60.0, 300.0]),
                sliding=random.random() < 0.5,
                name=random.choice([None, *BUCKETS, "shared"]),
                retry_after=random.choice([None, None, None, 0.5, 3.0, 500.0]),
            )
        else:
            usual = self.usual
        return evolve(
            usual,
            remaining=None if usual.limit is None or random.random() < 0.2 else random.randint(0, usual.limit),
            reset_in=random.choice([None, 0.0, 0.25, 1.0, 3.9, 30.0, 59.0]),
        )

    def tell(self, key: LimitKey, ticket: int, state: RateLimitState | None) -> None:
        refused = state is not None and self.random.random() < self.refusals
        self.pair.tell(key, ticket, state, refused=refused)
        if refused and self.random.random() < 0.7:  # in line once more, with the ticket that it had
            self.waiting.append((key, ticket))

    def ask(self, key: LimitKey, ticket: int | None) -> None:
        turn = self.pair.ask(key, ticket, self.random.choice(["p1", "p2", "p3"]))
        if ticket is None:
            (self.waiting if turn.wait > 0 else self.sent).append((key, turn.ticket))
        elif turn.wait <= 0:
            self.waiting.remove((key, ticket))
            self.sent.append((key, ticket))


@pytest.mark.parametrize("seed", range(50))
def test_a_random_scene_ends_alike_in_both(redis_url: str, seed: int) -> None:
    with connect(redis_url) as client:
        scene = Scene(client, seed)
        scene.ask(LimitKey("vendor", "account", "things"), None)
        for _ in range(200):
            scene.step()


# What chance brings about too seldom.

KEY = LimitKey("vendor", "account", "things")
LEARNT = [
    RateLimitState(limit=3, period=60.0, remaining=2, sliding=True),
    RateLimitState(limit=3, period=60.0, remaining=2, reset_in=50.0),
    RateLimitState(),
]


@pytest.mark.parametrize("learnt", LEARNT)
def test_a_call_ahead_of_the_others_that_is_never_heard_of_ends_alike_in_both(redis_url: str, learnt: RateLimitState) -> None:
    with connect(redis_url) as client:
        pair = Pair(client, lease=45.0)
        pair.tell(KEY, pair.ask(KEY, None).ticket, learnt, refused=True)
        pair.later(60.5)
        assert pair.ask(KEY, None).wait == 0
        waiting = pair.ask(KEY, None)
        assert 0 < waiting.wait < 0.1
        pair.later(CANARY_LEASE)
        assert pair.ask(KEY, waiting.ticket).wait == 0


@pytest.mark.parametrize("period", [None, 5.0, 300.0])
@pytest.mark.parametrize("known", [False, True])
def test_a_refusal_for_a_very_long_time_ends_alike_in_both(redis_url: str, period: float | None, known: bool) -> None:
    with connect(redis_url) as client:
        pair = Pair(client, lease=45.0)
        if known:
            pair.tell(KEY, pair.ask(KEY, None).ticket, RateLimitState(limit=3, period=240.0, remaining=2, sliding=True))
        pair.tell(KEY, pair.ask(KEY, None).ticket, RateLimitState(limit=3, period=period, retry_after=1e9), refused=True)
        assert LONGEST_BLOCK <= pair.ask(KEY, None).wait < 301
