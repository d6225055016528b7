"""A Rootly to try things on: the SLA endpoints as a state machine, with true and enforced rate limits.

It answers as the vendor was seen to answer; where that is a guess, the code says so. Open it through the three doors of
:mod:`slo_common.sandbox`: ``transport()``, ``serve()`` or the pytest fixture ``rootly_sandbox``.
"""

from __future__ import annotations

import enum
import json
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, Self, cast
from urllib.parse import quote, urlencode

from rootly_sla._names import ATTRIBUTES
from rootly_sla._sandbox_rules import DEFAULTS, Refusal, Team, refusals
from rootly_sla._sandbox_store import Row, Store, in_order, new_id, plain, selected, stamp
from slo_common import _jsonapi
from slo_common._json import dumps
from slo_common._values import Reply
from slo_common.sandbox import Clock, Fault, Sandbox, SandboxRequest, SlidingWindows, Taken, Window

__all__ = ["HeaderStyle", "LimitBody", "Revision", "RootlySandbox"]

DEFAULT_WINDOW: Final = Window(limit=3000, seconds=60)
"""The vendor's published default, for reads and for writes, and what its headers were seen to say in October 2026."""

DEFAULT_PAGE: Final = 25
"""SLAs on a page if the client asks for no size. The vendor does not say: a guess."""

MAX_PAGE: Final = 100
"""The largest page. Seen on incidents, a guess for SLAs."""

_LIMIT_TEXT = "Rate limit exceeded. Try again later."
_ALL: Collection[str] = ("create", "read", "update", "delete")
_PERMISSION = {"GET": "read", "POST": "create", "PUT": "update", "DELETE": "delete"}


class HeaderStyle(enum.Enum):
    """The forms in which the vendor was seen to name its limit."""

    LISTED = "listed"
    """``X-RateLimit-Limit: 3000, 3000;window=60``, as in October 2026."""
    BARE = "bare"
    """``X-RateLimit-Limit: 3000``."""
    UNPREFIXED = "unprefixed"
    """``RateLimit-Limit: 3000, 3000;window=60``, as in 2025."""


class LimitBody(enum.Enum):
    """The bodies of a 429."""

    ERROR = "error"
    """``{"error": "Rate limit exceeded. Try again later."}``, as documented."""
    ERRORS = "errors"
    """A JSON:API document, as every other error has."""


class Revision(enum.Enum):
    """The states of the SLA endpoints in 2026."""

    APRIL = "2026-04"
    """The first: filters with operators are not known, and so ignored."""
    JUNE = "2026-06"
    """Replies have ``included`` and, for some weeks, the content type ``application/json``."""
    JULY = "2026-07"
    """JSON:API again, and filters with operators."""


class RootlySandbox(Sandbox):
    """Rootly's SLA endpoints over a store of its own.

    ``reads`` and ``writes``: the two budgets of each token (sliding windows). ``tokens``: the tokens that are let in, with the
    permissions of each (``create``, ``read``, ``update``, ``delete``) if given as a mapping; None lets any in. ``index_lag``: seconds
    until a list shows a change, which may be set anew at any time. ``page_size``: SLAs on a page if the client asks for no size.
    ``custom_statuses``, ``user_ids``, ``role_ids``: the team's own. ``reorder_conditions``: return them back to front, as the vendor may.
    ``pointers``: put ``source.pointer`` into validation errors, which the vendor does not document. ``extra_attributes``: sent with
    every SLA, as a later revision might.

    >>> sandbox = RootlySandbox(reads=Window(limit=5, seconds=60), writes=Window(limit=3, seconds=60), clock=VirtualClock())
    >>> with RootlySLA("token", http=sandbox.transport()) as rootly:  # doctest: +SKIP
    ...     rootly.slas.list()
    """

    vendor = "rootly"

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        faults: Iterable[Fault] = (),
        reads: Window = DEFAULT_WINDOW,
        writes: Window = DEFAULT_WINDOW,
        header_style: HeaderStyle = HeaderStyle.LISTED,
        limit_body: LimitBody = LimitBody.ERROR,
        tokens: Collection[str] | Mapping[str, Collection[str]] | None = None,
        index_lag: float = 0.0,
        page_size: int = DEFAULT_PAGE,
        custom_statuses: bool = False,
        user_ids: Collection[int] | None = None,
        role_ids: Collection[str] | None = None,
        reorder_conditions: bool = True,
        pointers: bool = False,
        extra_attributes: Mapping[str, object] | None = None,
        revision: Revision = Revision.JULY,
        seed: int = 0,
    ) -> None:
        windows = {"read": reads, "write": writes}
        meter = _Meter(lambda bucket: windows[bucket.rpartition(":")[2]], header_style)
        super().__init__(clock=clock, faults=faults, meter=meter)
        self.index_lag = index_lag
        self._limits = meter
        self._limit_body = limit_body
        self._allowed = _permissions(tokens)
        self._page_size = page_size
        self._team = Team(custom_statuses=custom_statuses, user_ids=user_ids, role_ids=role_ids)
        self._reorder = reorder_conditions
        self._pointers = pointers
        self._extra = dict(extra_attributes or {})
        self._revision = revision
        self._store = Store(seed=seed)
        self._requests = random.Random(seed)  # for request ids, apart from the store's

    @classmethod
    def demo(cls, *, clock: Clock | None = None) -> Self:
        """A team with two SLAs, the published limits, and lists that lag a second. ``clock``: the machine's own unless one is given."""
        sandbox = cls(clock=clock, index_lag=1.0)
        common: dict[str, object] = {
            "assignment_deadline_parent_status": "resolved",
            "completion_deadline_parent_status": "resolved",
        }
        sandbox.add(name="Sev1 follow-ups", manager_user_id=7, assignment_deadline_days=1, completion_deadline_days=21, **common)
        sandbox.add(
            name="Sev2 follow-ups",
            description="Everything that customers noticed.",
            manager_user_id=7,
            assignment_deadline_days=3,
            completion_deadline_days=30,
            notification_configurations=[{"offset_type": "when_due", "offset_days": 0}],
            **common,
        )
        return sandbox

    # For tests: the state without a request.

    @property
    def slas(self) -> dict[str, dict[str, object]]:
        """What is stored now: the attributes of each SLA by id, whatever the index shows."""
        with self._lock:
            return {row.id: self._attributes(row) for row in self._store.all()}

    def add(self, **attributes: object) -> str:
        """Store an SLA that was always there, so that lists show it at once, and give its id.

        >>> RootlySandbox().add(
        ...     name="Sev1",
        ...     manager_user_id=7,
        ...     assignment_deadline_days=1,
        ...     assignment_deadline_parent_status="resolved",
        ...     completion_deadline_days=7,
        ...     completion_deadline_parent_status="resolved",
        ... )
        'e3e70682-c209-4cac-a29f-6fbed82c07cd'
        """
        with self._lock:
            wanted = {**DEFAULTS, **attributes}
            found = [*refusals(wanted, self._team)]
            if found:
                raise ValueError("; ".join(r.text for r in found))
            return self._store.add(wanted, self.clock.now(), 0.0).id

    def spend(self, kind: Literal["read", "write"], calls: int = 1, *, token: str) -> int:
        """Spend some of a token's budget, as another program with the same key would. Gives how many calls were granted."""
        with self._lock:
            return sum(self._limits.take(f"{token}:{kind}", self.clock.now()).granted for _ in range(calls))

    # What the base asks for.

    def bucket(self, request: SandboxRequest) -> str:
        """Reads and writes of each token are counted apart."""
        return f"{_token(request)}:{'read' if request.method in {'GET', 'HEAD', 'OPTIONS'} else 'write'}"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:  # noqa: ARG002  # the base's signature
        """The 429, in the body that was chosen."""
        if self._limit_body is LimitBody.ERRORS:
            return self._errors(429, _LIMIT_TEXT)
        return self._reply(429, {"error": _LIMIT_TEXT})

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        """Answer one request. The order of the checks (key, content type, route, permission, body) is a guess."""
        token = _token(request)
        permissions = _ALL if self._allowed is None else self._allowed.get(token)
        if not token or permissions is None:
            return self._errors(401, "Invalid token")
        if request.method in {"POST", "PUT"} and request.headers.get("content-type", "").strip().lower() != _jsonapi.MEDIA_TYPE:
            return self._errors(415, "Unsupported Media Type")
        methods = {2: ("GET", "POST"), 3: ("GET", "PUT", "DELETE")}.get(len(request.segments), ())
        if request.segments[:2] != ("v1", "slas") or request.method not in methods:
            return self._errors(404, "Not found")
        if _PERMISSION[request.method] not in permissions:
            return self._errors(403, "Forbidden")
        if len(request.segments) == 3:
            return self._single(request, request.segments[2], now)
        return self._list(request, now) if request.method == "GET" else self._create(request, now)

    # The operations.

    def _create(self, request: SandboxRequest, now: float) -> Reply:
        sent = self._read(request)
        if isinstance(sent, Reply):
            return sent
        wanted = {**DEFAULTS, **sent}
        refusal = self._refusal(wanted, None)
        if refusal is not None:
            return refusal
        row = self._store.add(wanted, now, self.index_lag)
        self.record(f"slas.create {row.id}")
        return self._one(201, row)

    def _single(self, request: SandboxRequest, sla_id: str, now: float) -> Reply:
        row = self._store.get(sla_id)
        if row is None:
            return self._errors(404, "Not found or unauthorized")
        if request.method == "PUT":
            return self._update(request, row, now)
        if request.method == "DELETE":
            self._store.remove(row, now, self.index_lag)
            self.record(f"slas.delete {row.id}")
        return self._one(200, row)

    def _update(self, request: SandboxRequest, row: Row, now: float) -> Reply:
        """PUT is partial: what is not sent stays, null clears, a list replaces the whole list."""
        sent = self._read(request)
        if isinstance(sent, Reply):
            return sent
        before = plain(row.attributes)
        refusal = self._refusal({**before, **sent}, row.id)
        if refusal is not None:
            return refusal
        changed = {k: v for k, v in plain(sent).items() if v != before[k]}
        if changed:
            row = self._store.change(row, changed, now, self.index_lag)
            self.record(f"slas.update {row.id} {','.join(sorted(changed))}")
        return self._one(200, row)

    def _list(self, request: SandboxRequest, now: float) -> Reply:
        filters = [(k.removeprefix("filter["), v) for k, v in request.query if k.startswith("filter[")]
        if any(not v.strip() for _, v in filters):
            return self._errors(500, "Internal Server Error")  # as the vendor was seen to answer a blank filter
        number, size = _page(request.param("page[number]"), 1), _page(request.param("page[size]"), self._page_size)
        if number is None or size is None or size > MAX_PAGE:
            return self._errors(400, "Invalid page parameter")
        names = [(k.replace("]", "", 1), v) for k, v in filters]
        # That the plain list lags like a search does is a guess, the safer one.
        rows = selected(self._store.listed(now), names, operators=self._revision is Revision.JULY)
        ordered = in_order(rows, request.param("sort") or "created_at")
        if ordered is None:
            return self._errors(400, "Invalid sort parameter")
        pages = max(1, -(-len(ordered) // size))
        shown = ordered[(number - 1) * size : number * size]

        def link(page: int | None) -> str | None:
            return None if page is None else _link(request, page, size)

        following, previous = number + 1 if number < pages else None, number - 1 if 1 < number <= pages + 1 else None
        body: dict[str, object] = {
            "data": [self._resource(row) for row in shown],
            "links": {"self": link(number), "first": link(1), "prev": link(previous), "next": link(following), "last": link(pages)},
            "meta": {
                "current_page": number,
                "next_page": following,
                "prev_page": previous,
                "total_count": len(ordered),
                "total_pages": pages,
                "next_cursor": None,
            },
        }
        return self._reply(200, self._with_included(body))

    # Requests.

    def _read(self, request: SandboxRequest) -> dict[str, object] | Reply:
        """The known attributes of a request's document. How the vendor answers a broken document is a guess."""
        try:
            value: object = json.loads(request.body)
        except ValueError:
            return self._errors(400, "Error occurred while parsing request parameters")
        data = cast("dict[str, object]", value).get("data") if isinstance(value, dict) else None
        members = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        attributes = members.get("attributes")
        if members.get("type") != "slas" or not isinstance(attributes, dict):
            return self._errors(422, "data must hold the type 'slas' and attributes")
        return {k: v for k, v in cast("dict[str, object]", attributes).items() if k in ATTRIBUTES}

    def _refusal(self, wanted: Mapping[str, object], own_id: str | None) -> Reply | None:
        """The 422 with everything that is wrong with an SLA as it would be stored; None if nothing is."""
        found = [*refusals(wanted, self._team)]
        other = self._store.named(wanted.get("name"))
        if other is not None and other.id != own_id:
            found.append(Refusal("name", "Name has already been taken"))
        entries: list[dict[str, object]] = [{"title": refusal.text, "status": "422"} for refusal in found]
        if self._pointers:
            entries = [{**e, "source": {"pointer": f"/data/attributes/{r.place}"}} for e, r in zip(entries, found, strict=True)]
        return self._reply(422, {"errors": entries}) if found else None

    # Replies.

    def _attributes(self, row: Row) -> dict[str, object]:
        shown = {
            **row.attributes,
            "entity_type": "follow_up",
            "created_at": stamp(row.created_at),
            "updated_at": stamp(row.updated_at),
            **self._extra,
        }
        if self._reorder:
            shown["conditions"] = list(reversed(cast("Sequence[object]", row.attributes["conditions"])))
        return shown

    def _resource(self, row: Row) -> dict[str, object]:
        return {"id": row.id, "type": "slas", "attributes": self._attributes(row)}

    def _one(self, status: int, row: Row) -> Reply:
        return self._reply(status, self._with_included({"data": self._resource(row)}))

    def _with_included(self, body: dict[str, object]) -> dict[str, object]:
        return body if self._revision is Revision.APRIL else {**body, "included": []}

    def _errors(self, status: int, title: str) -> Reply:
        return self._reply(status, {"errors": [{"title": title, "status": str(status)}]})

    def _reply(self, status: int, body: object) -> Reply:
        kind = "application/json" if self._revision is Revision.JUNE else _jsonapi.MEDIA_TYPE
        return Reply(
            status=status,
            headers={
                "content-type": f"{kind}; charset=utf-8",
                "x-request-id": new_id(self._requests),
            },
            body=dumps(body),
        )


class _Meter(SlidingWindows):
    """The sliding windows of the shared sandbox, with the headers under the names of the chosen style."""

    def __init__(self, window_of: Callable[[str], Window], style: HeaderStyle) -> None:
        super().__init__(window_of, bare_limit=style is HeaderStyle.BARE)
        self._prefix = "ratelimit-" if style is HeaderStyle.UNPREFIXED else "x-ratelimit-"

    def take(self, bucket: str, now: float) -> Taken:
        taken = super().take(bucket, now)
        headers = {name.replace("x-ratelimit-", self._prefix): value for name, value in taken.headers.items()}
        return Taken(granted=taken.granted, headers=headers)


def _token(request: SandboxRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _permissions(tokens: Collection[str] | Mapping[str, Collection[str]] | None) -> dict[str, Collection[str]] | None:
    if tokens is None:
        return None
    if isinstance(tokens, Mapping):
        return dict(cast("Mapping[str, Collection[str]]", tokens))
    return dict.fromkeys(tokens, _ALL)


def _page(text: str | None, default: int) -> int | None:
    """A page number or size, or None if it is none."""
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0 else None


def _link(request: SandboxRequest, page: int, size: int) -> str:
    host = request.headers.get("host") or "api.rootly.com"
    scheme = "http" if host.startswith(("127.0.0.1", "localhost")) else "https"
    kept = [(k, v) for k, v in request.query if not k.startswith("page[")]
    query = urlencode([*kept, ("page[number]", str(page)), ("page[size]", str(size))], quote_via=quote)
    return f"{scheme}://{host}/v1/slas?{query}"
