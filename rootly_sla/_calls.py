"""One pure function per operation of the SLA endpoints. No I/O, no clock, no HTTP library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import urlsplit

from rootly_sla._checks import create_attributes, update_attributes
from rootly_sla._convert import KIND, many, one
from rootly_sla.models import Sla
from slo_common._check import Problems, require, segment_problem
from slo_common._errors import PaginationError, UntrustedLink
from slo_common._json import dumps
from slo_common._jsonapi import MEDIA_TYPE, Document, DocumentError, Link, link_target, query_parameters, resource_document
from slo_common._pages import Page
from slo_common._url import target
from slo_common._values import Call, Reply, Safety

MAX_PAGE_SIZE: Final = 100
READ: Final = "read"
WRITE: Final = "write"

_LIST: Final = "rootly.slas.list"
_OPERATORS: Final = ("eq", "not_eq", "in", "not_in")
_FILTERS: Final = {
    "search": "search",
    "name": "name",
    **{f"name_{o}": f"name[{o}]" for o in _OPERATORS},
    "slug": "slug",
    **{f"slug_{o}": f"slug[{o}]" for o in _OPERATORS},
    **{f"created_at_{o}": f"created_at[{o}]" for o in ("gt", "gte", "lt", "lte")},
}
"""The filters by argument name."""

# Both on every request: without them the vendor answers 415, and to a parameter in either of them as well.
_HEADERS: Final = (("accept", MEDIA_TYPE), ("content-type", MEDIA_TYPE))


def get(sla_id: str) -> Call[Sla]:
    require((segment_problem("sla_id", sla_id),))
    return _single("get", "GET", target(sla_id, prefix="/v1/slas"), Safety.READ, subject=sla_id)


def create(given: Mapping[str, object]) -> Call[Sla]:
    """``given`` has every attribute of a request, UNSET where it was left out."""
    attributes = create_attributes(given)
    return _single("create", "POST", "/v1/slas", Safety.UNSAFE, subject=str(attributes["name"]), attributes=attributes)


def update(sla_id: str, given: Mapping[str, object]) -> Call[Sla]:
    """``given`` has every attribute of a request, UNSET where it is to stay as it is."""
    attributes = update_attributes(sla_id, given)
    path = target(sla_id, prefix="/v1/slas")
    return _single("update", "PUT", path, Safety.IDEMPOTENT, subject=sla_id, attributes=attributes)


def _single(
    operation: str, method: str, path: str, safety: Safety, *, subject: str, attributes: Mapping[str, object] | None = None
) -> Call[Sla]:
    """A call that is answered by one SLA."""
    name = f"rootly.slas.{operation}"
    return Call(
        name=name,
        method=method,
        target=path,
        headers=_HEADERS,
        content=None if attributes is None else dumps(resource_document(KIND, attributes)),
        safety=safety,
        bucket=READ if safety is Safety.READ else WRITE,
        subject=subject,
        decode=lambda reply: one(reply, call=name, subject=subject),
    )


def delete(sla_id: str) -> Call[Sla | None]:
    require((segment_problem("sla_id", sla_id),))
    name = "rootly.slas.delete"
    return Call(
        name=name,
        method="DELETE",
        target=target(sla_id, prefix="/v1/slas"),
        headers=_HEADERS,
        content=None,
        safety=Safety.IDEMPOTENT,
        bucket=WRITE,
        subject=sla_id,
        decode=lambda reply: None if reply.status < 300 and not reply.body.strip() else one(reply, call=name, subject=sla_id),
        gone_is_done=True,
        gone=lambda: None,
    )


def list_slas(
    base_url: str, given: Mapping[str, object], *, sort: str | Sequence[str] | None, page_size: int, page_number: int
) -> Call[Page[Sla]]:
    """``given``: the filters by argument name (``name_not_eq``, ``created_at_gte``, ...); None counts as none, other names are passed over."""
    problems = Problems()
    wanted = {key: _filter(name, given[name], problems) for name, key in _FILTERS.items() if given.get(name) is not None}
    problems.integer("page_size", page_size, low=1, high=MAX_PAGE_SIZE)
    problems.integer("page_number", page_number, low=1)
    order = _order(sort, problems) if sort is not None else []
    problems.raise_if_any()
    query = query_parameters(filters=wanted, sort=order)
    return _page(base_url, query, page_number, page_size)


def _page(base_url: str, query: tuple[tuple[str, str], ...], number: int, size: int) -> Call[Page[Sla]]:
    numbers = query_parameters(page={"number": number, "size": size})

    def following(read: Document) -> Call[Page[Sla]] | None:
        if "next_page" not in read.meta:
            return _linked(read.links.get("next"), base_url)
        following = read.page.next_page
        if following is None:
            return None
        if following <= number:
            raise PaginationError(f"{_LIST}: page {number} names page {following} as the next", call=_LIST)
        return _page(base_url, query, following, size)

    return _list_call(target("slas", prefix="/v1", query=(*query, *numbers)), following)


def _linked(link: Link | None, base_url: str) -> Call[Page[Sla]] | None:
    """The next page by its link, for a reply without page numbers. Only on our own origin: our token would go elsewhere."""
    if link is None:
        return None
    try:
        path = link_target(link.href, base_url)
    except DocumentError as e:
        problem = str(e)
    else:
        return _list_call(
            path.removeprefix(urlsplit(base_url).path.rstrip("/")), lambda read: _linked(read.links.get("next"), base_url)
        )
    raise UntrustedLink(f"{_LIST}: {problem}", call=_LIST)


def _list_call(path: str, following: Callable[[Document], Call[Page[Sla]] | None]) -> Call[Page[Sla]]:
    def decode(reply: Reply) -> Page[Sla]:
        items, read = many(reply, call=_LIST)
        # A page beyond the end is empty, whatever it says of the next.
        return Page(items=tuple(items), next=following(read) if items else None, total=read.page.total_count)

    return Call(
        name=_LIST, method="GET", target=path, headers=_HEADERS, content=None, safety=Safety.READ, bucket=READ, decode=decode
    )


def _order(sort: object, problems: Problems) -> list[str]:
    fields = cast("Sequence[object]", [sort] if isinstance(sort, str) or not isinstance(sort, Sequence) else sort)
    texts = [field for field in fields if isinstance(field, str) and field.strip()]
    if len(texts) < len(fields):
        problems.add(f"sort: {sort!r} was given; allowed: a field such as 'created_at' or '-created_at', or a list of them")
    return texts


def _filter(argument: str, value: object, problems: Problems) -> str | None:
    if argument.startswith("created_at_"):
        return _moment(value) if problems.time(argument, value) else None
    if argument.endswith("_in"):
        return _joined(argument, value, problems)
    if argument == "search" and isinstance(value, str) and not value.strip():
        return None  # searching for nothing is no search; the vendor answers 500 to a blank filter
    problems.text(argument, value)
    return str(value)


def _moment(value: object) -> str:
    """ISO 8601 in UTC, with microseconds only where there are some."""
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(cast("float", value), UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _joined(argument: str, value: object, problems: Problems) -> str | None:
    """A comma-separated list, which is how JSON:API writes one; the vendor does not say. So no value may hold a comma."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        problems.add(f"{argument}: {value!r} was given; allowed: a list of at least one string")
        return None
    texts = [text for text in cast("Sequence[object]", value) if isinstance(text, str) and text.strip() and "," not in text]
    if len(texts) < len(cast("Sequence[object]", value)):
        problems.add(f"{argument}: {value!r} was given; allowed: non-empty strings without a comma")
    return ",".join(texts)
