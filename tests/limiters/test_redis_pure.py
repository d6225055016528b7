"""What the limiter says to Redis and how it understands the answer, without a server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio

from slo_common import ConfigurationError, InvalidArgument, LimiterUnavailable, LimitKey, RateLimitState, RedisRateLimiter
from slo_common._limiter_redis import SCRIPT, address_of

KEY = LimitKey("vendor", "account", "things")


class Recorded:
    """A client whose script answers what it was told to."""

    def __init__(self, *answers: list[int] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[list[str], list[str]]] = []
        self.script = ""

    def register_script(self, script: str) -> Callable[..., object]:
        self.script = script
        return self.run

    def run(self, *, keys: list[str], args: list[str]) -> list[int]:
        self.asked.append((keys, args))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_place_is_asked_for_asked_for_again_and_its_outcome_told() -> None:
    client = Recorded([17, 250_000, 3], [17, 0, 3], [17, 0, 0])
    reservation = RedisRateLimiter(client, lease=30, namespace="mine").reserve(KEY, 0.0)
    assert reservation.wait == 0.25
    assert reservation.renew(0.0) == 0
    state = RateLimitState(limit=5, period=60.0, remaining=4, reset_in=0.1, sliding=True, name="n", retry_after=2.5)
    reservation.done(state, refused=True, now=0.0)
    (key,) = {key for keys, _ in client.asked for key in keys}
    process = client.asked[0][1][2]
    assert key.startswith("mine:v1:")
    assert [args for _, args in client.asked] == [
        ["ask", "things", process, "30", ""],
        ["ask", "things", process, "30", "17"],
        ["told", "things", "", "30", "17", "5", "60.0", "4", "0.1", "2.5", "1", "1", "n"],
    ]
    assert client.script == SCRIPT


def test_what_a_reply_did_not_say_is_left_empty() -> None:
    client = Recorded([17, 0, 1], [17, 0, 0])
    RedisRateLimiter(client).reserve(KEY, 0.0).done(RateLimitState(), refused=False, now=0.0)
    assert client.asked[1][1] == ["told", "things", "", "60.0", "17", "", "", "", "", "", "0", "0", ""]


@pytest.mark.parametrize(("end", "op"), [("lost", "lost"), ("cancel", "leave")])
def test_a_lost_call_and_a_cancelled_one_are_told(end: str, op: str) -> None:
    client = Recorded([17, 0, 1], [17, 0, 0])
    reservation = RedisRateLimiter(client).reserve(KEY, 0.0)
    if end == "lost":
        reservation.done(None, refused=False, now=0.0)
    else:
        reservation.cancel()
    assert client.asked[1][1] == [op, "things", "", "60.0", "17"]


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("secret"), redis.TimeoutError("secret"), redis.ResponseError("secret"), OSError("secret")]
)
def test_every_failure_of_redis_is_one_of_the_backend_and_its_text_is_kept_back(error: Exception) -> None:
    limiter = RedisRateLimiter(Recorded(error), on_backend_error="raise")
    with pytest.raises(LimiterUnavailable) as caught:
        limiter.reserve(KEY, 0.0)
    assert str(caught.value) == (
        f"the shared rate limiter (the Redis of the given client) cannot be used: {type(error).__name__}; nothing was sent"
    )
    assert caught.value.__context__ is None


def test_an_asyncio_client_is_refused() -> None:
    client: Any = redis.asyncio.Redis()
    with pytest.raises(
        ConfigurationError, match=r"an asyncio client was given; allowed: a redis\.Redis, for sync and async clients alike"
    ):
        RedisRateLimiter(client)


@pytest.mark.parametrize("url", ["https://u:hunter2@h", "localhost:6379", "redis://u:hunter2@h:port", ""])
def test_what_is_no_address_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisRateLimiter(url)
    assert str(caught.value) == "RedisRateLimiter: no address of a Redis; allowed: redis://, rediss:// or unix://"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://u:hunter2@host:7000/1", "Redis at host:7000"),
        ("rediss://host", "Redis at host:6379"),
        ("unix://u:hunter2@/run/redis.sock", "Redis at /run/redis.sock"),
    ],
)
def test_messages_name_the_place_and_not_the_password(url: str, name: str) -> None:
    assert address_of(url) == name


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    for given in ("redis://localhost", Recorded()):
        with pytest.raises(ConfigurationError, match=r"^RedisRateLimiter needs the package redis: install slo-sdk\[redis\]$"):
            RedisRateLimiter(given)


@pytest.mark.parametrize("namespace", ["", "x" * 101, 7])
def test_a_bad_namespace_is_named(namespace: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        RedisRateLimiter(Recorded(), namespace=namespace)
    assert caught.value.problems == (f"namespace: {namespace!r} was given; allowed: a string of 1 to 100 characters",)


@pytest.mark.parametrize("given", [7, None, object()])
def test_what_is_neither_an_address_nor_a_client_is_named(given: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        RedisRateLimiter(given)
    assert caught.value.problems == (f"redis: a {type(given).__name__} was given; allowed: an address or a redis.Redis",)


def test_bad_options_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="lease"):
        RedisRateLimiter(Recorded(), lease=-1)


def test_async_clients_ask_it_beside_the_event_loop() -> None:
    assert RedisRateLimiter(Recorded()).does_io is True
