"""The two engines side by side: the book in Python and the script in Redis, both on the clock of a test."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from typing import Any, cast

import msgspec
import redis

from slo_common._limiter import LimitKey
from slo_common._limiter_redis import SCRIPT, RedisStore
from slo_common._limiter_shared import SharedBook, Turn
from slo_common._ratelimit import RateLimitState
from slo_common._windows import Bucket

NOW = "redis.call('TIME')"


class ClockedClient:
    """A Redis client whose scripts read the time from the test instead of the server."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock

    def register_script(self, script: str) -> Callable[..., object]:
        assert script.count(NOW) == 1
        run = self._client.register_script(script.replace(NOW, "cjson.decode(ARGV[#ARGV])"))

        def clocked(*, keys: list[str], args: list[str]) -> object:
            seconds, micros = divmod(round(self._clock() * 1e6), 1_000_000)
            return run(keys=keys, args=[*args, json.dumps([str(seconds), str(micros)])])

        return clocked


def redis_store(client: redis.Redis, clock: Callable[[], float], *, lease: float, namespace: str = "test") -> RedisStore:
    return RedisStore(ClockedClient(client, clock), name="Redis", namespace=namespace, lease=lease, script=SCRIPT)


class BookStore:
    """The book in memory, as a store: what the file holds, without the file. Waits in whole microseconds, as Redis tells them."""

    name = "memory"

    def __init__(self, clock: Callable[[], float], *, lease: float) -> None:
        self.book = SharedBook(lease)
        self._clock = clock

    def ask(self, key: LimitKey, ticket: int | None, process: str) -> Turn:
        now = self._clock()
        here = self.book.present(process, now)
        if ticket is None:
            ticket, wait = self.book.enter(key, now)
        else:
            wait = self.book.ask(key, ticket, now)
        return Turn(ticket, math.ceil(wait * 1e6) / 1e6, here)

    def leave(self, key: LimitKey, ticket: int) -> None:
        self.book.leave(key, ticket)

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        self.book.told(key, ticket, state, refused=refused, now=self._clock())


def _floats(pairs: Any) -> dict[int, float]:
    """A Lua table by ticket; an empty one comes as an empty list."""
    return {int(k): float(v) for k, v in dict(pairs).items()}


def _fields_in_redis(client: redis.Redis) -> dict[str, Any]:
    run: Callable[..., Any] = cast(Any, client).execute_command
    return {k.decode(): msgspec.msgpack.decode(v) for name in run("KEYS", "*") for k, v in run("HGETALL", name).items()}


def members_in_redis(client: redis.Redis) -> Collection[str]:
    """The processes that have asked of late, of the one account in this database."""
    book: dict[str, Any] = _fields_in_redis(client).get("book", {})
    return tuple(book.get("members", ()))


def state_in_redis(client: redis.Redis) -> dict[str, object]:
    """All that the script keeps of the one account in this database, by bucket."""
    fields = _fields_in_redis(client)
    book = fields["book"]
    found: dict[str, object] = {"members": book["members"], "ticket": book["ticket"], "names": _names(book)}
    for bucket, queue in book["buckets"].items():
        state = dict(fields[f"q:{queue}"])
        canary_at = state.pop("canary_at", None)
        canary = state.pop("canary", None)
        found[f"bucket {bucket}"] = {
            **dict.fromkeys(("limit", "period", "left")),
            **state,
            "canary": None if canary is None else (canary, canary_at),
            "flying": _floats(state["flying"]),
            "waiting": _floats(state["waiting"]),
        }
    return found


def _names(book: dict[str, Any]) -> dict[str, list[str]]:
    """For each name of the server's: the buckets that share its budget."""
    names: Any = book["names"] or {}
    return {name: sorted(b for b, q in book["buckets"].items() if q == queue) for name, queue in names.items()}


def state_in_python(book: SharedBook) -> dict[str, object]:
    found: dict[str, object] = {
        "members": book.members,
        "ticket": book.last_ticket,
        "names": {
            key.bucket: sorted(other.bucket for other, q in book.queues.items() if q is queue) for key, queue in book.named.items()
        },
    }
    for key, queue in book.queues.items():
        bucket = {name: getattr(queue.bucket, name) for name in Bucket.__slots__}
        found[f"bucket {key.bucket}"] = {**bucket, "waiting": queue.waiting}
    return found
