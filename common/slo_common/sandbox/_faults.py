"""Faults that a sandbox can be told to commit: which request they hit, and what the client sees."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from slo_common._values import Reply

if TYPE_CHECKING:
    from slo_common.sandbox._state import SandboxRequest


class Drop(enum.Enum):
    """A connection that broke instead of an answer."""

    BEFORE = "before"
    """Closed before the request was read: nothing was applied."""
    AFTER = "after"
    """Closed after the request was applied: the answer is lost."""
    STALL = "stall"
    """Applied or not, no answer comes; the client's read timeout ends it."""


@frozen(kw_only=True)
class Fault:
    """One scripted fault.

    ``method`` and ``path`` (a prefix) say which requests it may hit, ``skip`` how many of those pass first, ``times`` how many it
    hits. With ``after`` the request is applied first and then goes wrong; otherwise the vendor never sees it.

    >>> Fault.status(503, times=2)  # doctest: +ELLIPSIS
    Fault(...)
    """

    kind: str
    method: str | None = None
    path: str = "/"
    skip: int = 0
    times: int = 1
    after: bool = False
    drop: Drop | None = None
    code: int = 0
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes | None = None

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
        times: int = 1,
        after: bool = False,
    ) -> Fault:
        """Answer with this status. ``after=True``: the request was applied all the same (a gateway that lost the answer)."""
        return cls(
            kind=f"status {code}",
            code=code,
            body=body,
            headers=dict(headers or {}),
            method=method,
            path=path,
            skip=skip,
            times=times,
            after=after,
        )

    @classmethod
    def lost_answer(cls, *, method: str | None = None, path: str = "/", skip: int = 0, times: int = 1) -> Fault:
        """Apply the request, then close the connection without an answer."""
        return cls(kind="lost answer", drop=Drop.AFTER, method=method, path=path, skip=skip, times=times, after=True)

    @classmethod
    def reset(cls, *, method: str | None = None, path: str = "/", skip: int = 0, times: int = 1) -> Fault:
        """Close the connection before the request is looked at."""
        return cls(kind="reset", drop=Drop.BEFORE, method=method, path=path, skip=skip, times=times)

    @classmethod
    def stall(cls, *, after: bool = False, method: str | None = None, path: str = "/", skip: int = 0, times: int = 1) -> Fault:
        """Never answer."""
        return cls(kind="stall", drop=Drop.STALL, method=method, path=path, skip=skip, times=times, after=after)

    @classmethod
    def replace_body(
        cls,
        body: bytes,
        *,
        content_type: str = "text/html",
        method: str | None = None,
        path: str = "/",
        skip: int = 0,
        times: int = 1,
    ) -> Fault:
        """Apply the request, then answer 200 with another body (a login page, half a JSON)."""
        return cls(
            kind="replaced body",
            code=200,
            body=body,
            headers={"content-type": content_type},
            method=method,
            path=path,
            skip=skip,
            times=times,
            after=True,
        )

    def matches(self, request: SandboxRequest) -> bool:
        return (self.method is None or self.method == request.method) and request.path.startswith(self.path)

    def answer(self, true_reply: Reply | None) -> Reply | Drop:
        """What the client sees; ``true_reply`` is what the vendor answered, if it was asked."""
        if self.drop is not None:
            return self.drop
        headers = dict(true_reply.headers) if true_reply is not None else {}
        headers.update(self.headers)
        body = self.body if self.body is not None else (true_reply.body if true_reply is not None else b"")
        status = self.code or (true_reply.status if true_reply is not None else 200)
        return Reply(status=status, headers=headers, body=body)


class FaultPlan:
    """The faults still to come. Consulted once per request, in the order given; the first that matches is used."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: list[Fault] = list(faults)

    def add(self, fault: Fault) -> None:
        """Schedule one more fault, after those still pending."""
        self._faults.append(fault)

    @property
    def pending(self) -> tuple[Fault, ...]:
        return tuple(self._faults)

    def take(self, request: SandboxRequest) -> Fault | None:
        for i, fault in enumerate(self._faults):
            if not fault.matches(request):
                continue
            if fault.skip > 0:
                self._faults[i] = evolve(fault, skip=fault.skip - 1)
                continue
            if fault.times <= 1:
                del self._faults[i]
            else:
                self._faults[i] = evolve(fault, times=fault.times - 1)
            return fault
        return None
