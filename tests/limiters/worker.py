"""One process of several that share a budget. A test starts it as a script, with its orders as JSON, and speaks with it by lines.

It says "ready", waits for a line, works in one thread or several until the server says "enough", and says what it logged as JSON.
With the order "hold" it takes a place instead, says "held", and sits on it until it is killed.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from typing import Any

from slo_common import FileRateLimiter, LimitKey, LocalRateLimiter, RateLimiter, RedisRateLimiter, RetryPolicy, Secret
from slo_common._auth import HeaderAuth
from slo_common._drive import drive
from slo_common._execute import Caller
from slo_common._runtime import SyncRuntime
from slo_common._timeouts import Timeouts
from slo_common._values import Call, Reply, Safety


def decode(reply: Reply) -> str:
    from slo_common._errors import api_error
    from slo_common._ratelimit import parse

    if reply.status < 300:
        return reply.body.decode()
    raise api_error(reply.status, call="things.get", retry_after=parse(reply.headers).hint)


def limiter_of(orders: dict[str, Any]) -> RateLimiter:
    match orders["limiter"]:
        case "file":
            return FileRateLimiter(orders["where"], lease=orders.get("lease", 60.0))
        case "redis":
            return RedisRateLimiter(orders["where"], lease=orders.get("lease", 60.0))
        case _:
            return LocalRateLimiter()


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, record.getMessage()))


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # its voice


def work(orders: dict[str, Any], limiter: RateLimiter) -> None:
    kept = Kept()
    logging.getLogger("slo_common").setLevel(logging.INFO)
    kept.addFilter(lambda record: record.module == "_limiter_shared")  # what calls tell of themselves is not asked for here
    logging.getLogger("slo_common").addHandler(kept)
    runtime = SyncRuntime()
    caller = Caller(
        runtime=runtime,
        vendor="vendor",
        base_url=orders["url"],
        auth=HeaderAuth(headers=(("authorization", "Bearer ", Secret("k")),)),
        limiter=limiter,
        timeouts=Timeouts(total=30.0),
        retry=RetryPolicy(rate_limit_retries=100, max_rate_limit_wait=600.0),
    )
    call: Call[str] = Call(
        name="things.get",
        method="GET",
        target=f"/{orders['name']}",
        headers=(),
        content=None,
        safety=Safety.READ,
        bucket="things",
        decode=decode,
    )
    say("ready")
    sys.stdin.readline()

    def until_enough() -> None:
        while drive(caller.call(call)) != "enough":
            pass

    threads = [threading.Thread(target=until_enough) for _ in range(orders.get("threads", 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runtime.close()
    say(json.dumps(kept.lines))


def hold(limiter: RateLimiter) -> None:
    account = HeaderAuth(headers=(("authorization", "Bearer ", Secret("k")),)).account
    reservation = limiter.reserve(LimitKey("vendor", account, "things"), time.monotonic())
    assert reservation.wait == 0
    say("held")
    sys.stdin.readline()


def main() -> None:
    orders: dict[str, Any] = json.loads(sys.argv[1])
    limiter = limiter_of(orders)
    if orders.get("hold"):
        hold(limiter)
    else:
        work(orders, limiter)


main()
