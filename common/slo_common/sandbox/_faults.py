"""Faults that a sandbox can be told to commit: which requests they hit, how often, and what the client sees."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from slo_common._errors import InvalidArgument
from slo_common._values import Reply
from slo_common.sandbox._steps import Answer, Step, answer_step, check_order, outcome, quoted
from slo_common.sandbox._steps import Drop as Drop  # noqa: PLC0414  # slo_common._httpx looks for it here

if TYPE_CHECKING:
    from slo_common.sandbox._state import SandboxRequest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@functools.lru_cache(maxsize=256)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, path.split("*"))))


@frozen(kw_only=True)
class Fault:
    """One fault: the requests that it hits, and what happens to them, step by step.

    ``method``, ``path`` and ``containing`` say which requests it may hit, ``skip`` how many of those pass first, ``times`` how many it
    hits. A script (:class:`FaultScript`) is the readable way to write one.

    >>> str(Fault.status(503, times=2))
    'any / times 2: answer 503'
    """

    steps: tuple[Step, ...]
    method: str | None = None
    """None: any."""
    path: str = "/"
    """How the path begins; ``*`` stands for anything within one segment."""
    containing: str = ""
    """A text that the request's body contains, such as the name of a JSON-RPC method."""
    skip: int = 0
    times: int | None = 1
    """None: without end."""
    every: int = 1
    """Of those that it may hit, each such one only."""

    def __attrs_post_init__(self) -> None:
        check_order(self.steps)
        if self.method is not None and self.method not in METHODS:
            raise InvalidArgument(f"method: {self.method!r} was given; allowed: {', '.join(METHODS)}, or None for any")
        if not _is_text(self.containing):
            raise InvalidArgument("containing: half a surrogate pair was given; allowed: text")
        if not self.path.startswith("/"):
            raise InvalidArgument(f"path: {self.path!r} was given; allowed: how a path begins, with its slash")

    @classmethod
    def status(
        cls,
        code: int,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        path: str = "/",
        skip: int = 0,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """Answer with this status. ``after=True``: the request was applied all the same (a gateway that lost the answer)."""
        return cls(
            steps=(*_applied(after), answer_step(code, headers or {}, body)), method=method, path=path, skip=skip, times=times
        )

    @classmethod
    def lost_answer(cls, *, method: str | None = None, path: str = "/", skip: int = 0, times: int | None = 1) -> Fault:
        """Apply the request, then close the connection without an answer."""
        return cls(steps=(Step("apply"), Step("close")), method=method, path=path, skip=skip, times=times)

    @classmethod
    def reset(cls, *, method: str | None = None, path: str = "/", skip: int = 0, times: int | None = 1) -> Fault:
        """Reset the connection before the request is looked at."""
        return cls(steps=(Step("reset"),), method=method, path=path, skip=skip, times=times)

    @classmethod
    def stall(
        cls, *, after: bool = False, method: str | None = None, path: str = "/", skip: int = 0, times: int | None = 1
    ) -> Fault:
        """Never answer."""
        return cls(steps=(*_applied(after), Step("stall")), method=method, path=path, skip=skip, times=times)

    @classmethod
    def replace_body(
        cls,
        body: bytes,
        *,
        content_type: str = "text/html",
        method: str | None = None,
        path: str = "/",
        skip: int = 0,
        times: int | None = 1,
    ) -> Fault:
        """Apply the request, then answer 200 with another body (a login page, half a JSON)."""
        answer = answer_step(200, {"content-type": content_type}, body)
        return cls(steps=(Step("apply"), answer), method=method, path=path, skip=skip, times=times)

    @property
    def kind(self) -> str:
        """What happens, as the ledger says it: the steps."""
        return ", ".join(map(str, self.steps))

    @property
    def applies(self) -> bool:
        """Whether the vendor carries the request out."""
        return any(step.verb == "apply" for step in self.steps)

    def __str__(self) -> str:
        where = [self.method or "any", quoted(self.path)]
        if self.containing:
            where += ["containing", quoted(self.containing)]
        if self.every > 1:
            where += ["every", str(self.every)]
        if self.skip != self.every - 1:
            where += ["skip", str(self.skip)]
        if self.times != (1 if self.every == 1 else None):
            where += ["times", "always" if self.times is None else str(self.times)]
        return f"{' '.join(where)}: {self.kind}"

    def matches(self, request: SandboxRequest) -> bool:
        """Whether it may hit this request."""
        return (
            (self.method is None or self.method == request.method)
            and _pattern(self.path).match(request.path) is not None
            and self.containing.encode() in request.body
        )

    def answer(self, true_reply: Reply | None) -> Answer:
        """What the client sees; ``true_reply`` is what the vendor answered, if it was asked."""
        return outcome(self.steps, true_reply)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _applied(after: bool) -> tuple[Step, ...]:
    return (Step("apply"),) if after else ()


class FaultPlan:
    """The faults still to come. Consulted once per request, in the order given; the first that matches is used."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: list[Fault] = list(faults)

    def add(self, fault: Fault) -> None:
        """Schedule one more fault, after those still pending."""
        self._faults.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Schedule further faults, such as those of a :class:`FaultScript`."""
        self._faults.extend(faults)

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that have not happened as often as they shall."""
        return tuple(self._faults)

    def take(self, request: SandboxRequest) -> Fault | None:
        """The fault that this request meets, counted as happened; None: it is served."""
        for i, fault in enumerate(self._faults):
            if not fault.matches(request):
                continue
            if fault.skip > 0:
                self._faults[i] = evolve(fault, skip=fault.skip - 1)
                continue
            if fault.times is not None and fault.times <= 1:
                del self._faults[i]
            else:
                self._faults[i] = evolve(fault, skip=fault.every - 1, times=None if fault.times is None else fault.times - 1)
            return fault
        return None
