"""The limiter that keeps its state in Redis: against a real one."""

from __future__ import annotations

import logging
import time

import pytest

from slo_common import LimiterUnavailable, LimitKey, RateLimitState, RedisRateLimiter, Reservation
from slo_common._limiter_redis import TIMEOUT, RedisStore
from slo_common._limiter_shared import LEASE, Turn
from tests.common.forks import ended_well, fork
from tests.limiters.redis_server import RedisServer, ask, connect
from tests.limiters.twins import redis_store

KEY = LimitKey("vendor", "account", "things")
FULL = RateLimitState(limit=1, period=60.0, remaining=0, sliding=True)
WINDOW = RateLimitState(limit=3, period=10.0, remaining=2, reset_in=10.0)


def now() -> float:
    return time.monotonic()


def reserve(limiter: RedisRateLimiter, key: LimitKey = KEY) -> Reservation:
    return limiter.reserve(key, now())


def spend(limiter: RedisRateLimiter, state: RateLimitState | None = FULL, *, refused: bool = False) -> None:
    reservation = reserve(limiter)
    assert reservation.wait == 0
    reservation.done(state, refused=refused, now=now())


# One budget.


def test_two_limiters_share_the_budget(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url))
    assert reserve(RedisRateLimiter(redis_url)).wait > 50


def test_two_accounts_do_not(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url))
    assert reserve(RedisRateLimiter(redis_url), LimitKey("vendor", "other", "things")).wait == 0


def test_two_namespaces_do_not(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url))
    assert reserve(RedisRateLimiter(redis_url, namespace="mine")).wait == 0


def test_one_call_goes_ahead_while_nothing_is_known(redis_url: str) -> None:
    one, other = RedisRateLimiter(redis_url), RedisRateLimiter(redis_url)
    first = reserve(one)
    second = reserve(other)
    assert (first.wait, 0 < second.wait < 0.1) == (0, True)
    first.done(WINDOW, refused=False, now=now())
    assert second.renew(now()) == 0


def test_a_fixed_window_is_shared(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url), WINDOW)
    other = RedisRateLimiter(redis_url)
    assert [reserve(other).wait > 0 for _ in range(3)] == [False, False, True]


def test_a_cancelled_place_is_free_for_the_other(redis_url: str) -> None:
    reservation, waiting = reserve(RedisRateLimiter(redis_url)), reserve(RedisRateLimiter(redis_url))
    assert waiting.wait > 0
    reservation.cancel()
    assert waiting.renew(now()) == 0


def test_a_lost_call_keeps_its_place(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url), RateLimitState(limit=2, period=60.0, remaining=1, sliding=True))
    spend(RedisRateLimiter(redis_url), None)
    assert reserve(RedisRateLimiter(redis_url)).wait > 9


def test_a_refusal_closes_the_budget_for_all(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url), RateLimitState(retry_after=40.0), refused=True)
    assert 39 < reserve(RedisRateLimiter(redis_url)).wait <= 40.01


def test_two_endpoints_whose_budget_has_one_name_share_it(redis_url: str) -> None:
    limiter = RedisRateLimiter(redis_url)
    named = RateLimitState(limit=1, period=60.0, remaining=0, sliding=True, name="all")
    spend(limiter, named)
    other = LimitKey("vendor", "account", "others")
    reservation = reserve(limiter, other)
    assert reservation.wait == 0
    reservation.done(named, refused=False, now=now())
    assert reserve(limiter, other).wait > 9


def test_forked_children_share_it_too(redis_url: str) -> None:
    limiter = RedisRateLimiter(redis_url, on_backend_error="raise")
    spend(limiter, RateLimitState(limit=10, period=60.0, remaining=9, sliding=True))
    children = [fork(lambda: reserve(limiter).wait == 0) for _ in range(12)]
    assert sum(ended_well(child) for child in children) == 9
    assert reserve(limiter).wait > 9


def test_time_is_that_of_redis_and_goes_on_when_its_clock_is_set_back(redis_url: str) -> None:
    clock = 1_790_000_000.0
    with connect(redis_url) as client:
        store = redis_store(client, lambda: clock, lease=LEASE)
        store.told(
            KEY, store.ask(KEY, None, "p").ticket, RateLimitState(limit=1, period=10.0, remaining=0, sliding=True), refused=False
        )
        turn = store.ask(KEY, None, "p")
        clock -= 3600.0
        assert store.ask(KEY, turn.ticket, "p").wait == pytest.approx(turn.wait)
        clock += turn.wait
        assert store.ask(KEY, turn.ticket, "p").wait == 0


# What it leaves in Redis.


def test_all_it_keeps_is_one_hash_that_expires(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url))
    (name,) = ask(redis_url, "KEYS", "*")
    assert name.startswith("slo-sdk:v1:")
    assert "account" not in name
    assert ask(redis_url, "TYPE", name) == "hash"
    assert 2 * 60_000 < ask(redis_url, "PTTL", name) < 20 * 60_000


def test_a_long_pause_is_kept_until_it_is_over(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url), RateLimitState(retry_after=7200.0, limit=1, period=7200.0), refused=True)
    (name,) = ask(redis_url, "KEYS", "*")
    assert ask(redis_url, "PTTL", name) > 7200_000


def test_an_absurd_pause_is_not_kept_for_ever(redis_url: str) -> None:
    spend(RedisRateLimiter(redis_url), RateLimitState(retry_after=1e12), refused=True)
    (name,) = ask(redis_url, "KEYS", "*")
    assert ask(redis_url, "PTTL", name) <= 2 * 10**9


def test_a_redis_that_forgot_the_script_is_given_it_again(redis_url: str) -> None:
    limiter = RedisRateLimiter(redis_url)
    spend(limiter)
    ask(redis_url, "SCRIPT", "FLUSH")
    assert reserve(limiter).wait > 50


# Clients.


@pytest.mark.parametrize("decode_responses", [False, True])
def test_a_client_may_be_given_and_stays_open(redis_url: str, decode_responses: bool) -> None:
    with connect(redis_url, decode_responses=decode_responses) as client:
        limiter = RedisRateLimiter(client)
        spend(limiter)
        before = connections(redis_url)
        limiter.close()
        assert connections(redis_url) == before
        assert reserve(limiter).wait > 50


def connections(url: str) -> int:
    return len(str(ask(url, "CLIENT", "LIST")).splitlines())


def test_close_closes_what_it_opened(redis_url: str) -> None:
    before = connections(redis_url)
    limiter = RedisRateLimiter(redis_url)
    spend(limiter)
    during = connections(redis_url)
    limiter.close()
    give_up = now() + 30
    while connections(redis_url) > before and now() < give_up:
        pass  # Redis notices a moment later
    assert (during - before, connections(redis_url) - before) == (1, 0)


def test_a_closed_limiter_opens_again_when_needed(redis_url: str) -> None:
    limiter = RedisRateLimiter(redis_url)
    spend(limiter)
    limiter.close()
    assert reserve(limiter).wait > 50


def test_a_user_with_few_rights_is_enough(own_redis: RedisServer) -> None:
    own_redis.start()
    rights = ["+evalsha", "+script|load", "+time", "+hget", "+hset", "+pttl", "+pexpire"]
    ask(own_redis.url, "ACL", "SETUSER", "limiter", "on", ">password", "~slo-sdk:*", *rights)
    limiter = RedisRateLimiter(own_redis.url.replace("redis://", "redis://limiter:password@"), on_backend_error="raise")
    spend(limiter)
    assert reserve(limiter).wait > 50
    limiter.close()


# Trouble.


def test_a_redis_that_refuses_connections_is_told_once(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    limiter = RedisRateLimiter(own_redis.url)  # not started
    spend(limiter)
    assert reserve(limiter).wait > 50  # on its own
    assert [r.getMessage() for r in caplog.records] == [
        (
            f"the shared rate limiter (Redis at 127.0.0.1:{own_redis.port}) cannot be used: ConnectionError; "
            "this process goes on alone, with its part of the budget"
        )
    ]


def test_a_redis_that_refuses_connections_is_an_error_when_that_was_asked_for(own_redis: RedisServer) -> None:
    with pytest.raises(LimiterUnavailable, match=r"cannot be used: ConnectionError; nothing was sent$"):
        reserve(RedisRateLimiter(own_redis.url, on_backend_error="raise"))


def test_a_redis_that_is_frozen_costs_half_a_second_once(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_redis.start()
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: 1000.0)  # all that follows happens before Redis is worth another try
        limiter = RedisRateLimiter(own_redis.url)
    asked: list[str] = []
    ask = RedisStore.ask

    def counted(self: RedisStore, key: LimitKey, ticket: int | None, process: str) -> Turn:
        asked.append(process)
        return ask(self, key, ticket, process)

    monkeypatch.setattr(RedisStore, "ask", counted)
    own_redis.freeze()
    started = now()
    for _ in range(5):
        spend(limiter, RateLimitState(limit=100, period=60.0, remaining=99, sliding=True))
    took = now() - started
    own_redis.thaw()
    assert (took > 0.4, len(asked), TIMEOUT) == (True, 1, 0.5)
    assert [r.getMessage().split(": ", 1)[1] for r in caplog.records] == [
        "TimeoutError; this process goes on alone, with its part of the budget"
    ]


def test_a_key_of_another_kind_is_a_trouble_of_the_backend(redis_url: str) -> None:
    limiter = RedisRateLimiter(redis_url, on_backend_error="raise")
    spend(limiter)
    (name,) = ask(redis_url, "KEYS", "*")
    ask(redis_url, "SET", name, "something else")
    with pytest.raises(LimiterUnavailable, match="ResponseError"):
        reserve(limiter)


def test_a_password_is_never_told(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with_password = redis_url.replace("redis://", "redis://someone:hunter2@")
    limiter = RedisRateLimiter(with_password, on_backend_error="raise")
    with pytest.raises(LimiterUnavailable) as caught:
        reserve(limiter)
    told = [str(caught.value), repr(limiter), repr(caught.value.__cause__), repr(vars(caught.value)), caplog.text]
    assert [text for text in told if "hunter2" in text or "someone" in text] == []
    assert "AuthenticationError" in str(caught.value)
