"""A server of scripted replies in virtual time: what would take minutes of waiting takes none, and every pause is measured."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

from slo_common._values import Reply
from slo_common.sandbox import Sandbox, SandboxRequest, VirtualClock

START = 1_790_000_000.0


class Scripted(Sandbox):
    """Answers with one reply after the other, and the last one for ever. Its clock moves only while a client sleeps.

    A write counts as applied unless it is answered by 3xx or 4xx.
    """

    vendor = "scripted"

    def __init__(self, *replies: Reply) -> None:
        super().__init__(clock=VirtualClock(START))
        self._replies = list(replies)

    def bucket(self, request: SandboxRequest) -> str:
        return "all"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:
        return Reply(status=429)

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if request.method != "GET" and reply.status not in range(300, 500):
            self.record(f"{request.method} {request.path}")
        return reply

    @property
    def pauses(self) -> list[float]:
        """Seconds before the first request, and between each two."""
        moments = [START, *(entry.at for entry in self.ledger)]
        return [later - earlier for earlier, later in itertools.pairwise(moments)]


def reply(status: int = 200, body: object = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """Anything but bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/json"
    return Reply(status=status, body=content, headers={"content-type": kind, **(headers or {})})


def refused(**headers: str) -> Reply:
    """A 429; underscores in header names become hyphens."""
    return reply(429, {"errors": ["Too many requests"]}, {name.replace("_", "-"): value for name, value in headers.items()})
