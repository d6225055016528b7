"""The values that pass between the layers: a request, a reply, a call.

Nothing here does I/O, knows a vendor or imports an HTTP library.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from attrs import field, frozen

from slo_common._errors import SloError

T = TypeVar("T")


class Safety(enum.Enum):
    """What it would mean for the server to receive the same request twice."""

    READ = "read"
    """Changes nothing (also a POST that only reads, as all of Zabbix's are)."""
    IDEMPOTENT = "idempotent"
    """A write whose repetition ends in the same state."""
    UNSAFE = "unsafe"
    """A write that a repetition would do a second time."""


@frozen(kw_only=True)
class Request:
    """One HTTP request, complete: what goes on the wire."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # holds credentials
    content: bytes | None = field(default=None, repr=False)  # may hold credentials (Zabbix 6.0)

    def with_header(self, name: str, value: str) -> Request:
        return Request(method=self.method, url=self.url, headers=(*self.headers, (name, value)), content=self.content)


@frozen(kw_only=True)
class Bounds:
    """Bounds of one attempt: seconds and bytes."""

    connect: float
    read: float
    """For each part of the reply, and of the request."""
    total: float
    max_bytes: int

    def waits(self) -> dict[str, float]:
        """The seconds as httpx and httpcore are told of them."""
        total = max(self.total, 0.001)
        connect, read = min(self.connect, total), min(self.read, total)
        return {"connect": connect, "read": read, "write": read, "pool": connect}


@frozen(kw_only=True)
class Reply:
    """One HTTP reply, read to its end. Header names are lower case; repeated headers are joined by ", "."""

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = field(default=b"", repr=False)
    unframed: bool = False
    """Nothing but the end of the connection ended the body: only the body itself can show whether all of it came."""

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, by its name in lower case."""
        return self.headers.get(name, default)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()


@frozen(kw_only=True, eq=False)
class Call(Generic[T]):
    """One operation of a vendor, as a value: everything but where the server is and who is asking.

    ``decode`` turns a reply into the result or raises an :class:`~slo_common.ApiError`; it is what lets an error that a
    vendor hides in an HTTP 200 meet the same retry rules as a 503.
    """

    name: str
    """For logs and errors, such as ``datadog.reports.create``."""
    method: str
    target: str
    """Percent-encoded path and query, starting with ``/``."""
    headers: tuple[tuple[str, str], ...]
    content: bytes | None = field(repr=False)  # may hold credentials (a Zabbix login)
    safety: Safety
    bucket: str
    """Which of the vendor's request budgets it spends, until the vendor's headers name it."""
    decode: Callable[[Reply], T]
    subject: str = ""
    """What it is about, for messages: an id or a name."""
    gone_is_done: bool = False
    """A 404 on a repeated attempt means that the first one worked (deletes)."""
    gone: Callable[[], T] | None = None
    """What the call returns in that case."""
    errors_in: Callable[[T], Iterable[SloError]] | None = None
    """The failures that a result of this call holds (a batch). They get the history that a failure which is raised has, and the server's
    words are cleaned before the result is made."""
