"""JSON:API 1.1 over plain JSON values: documents, resources, links, errors and query parameters.

Pure functions and frozen values; no I/O and no vendor. Reading is lenient where the format allows it (a missing member, ``null`` and an
empty one mean the same) and exact where guessing would hurt: what cannot be read raises :class:`DocumentError` with the path of
the bad member. Source: jsonapi.org, format 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from urllib.parse import urljoin, urlsplit

from attrs import field, frozen

from slo_common._errors import ErrorDetail
from slo_common._url import origin, shown

MEDIA_TYPE = "application/vnd.api+json"
"""The media type of JSON:API, to be sent without parameters: a server must answer 415 to unknown ones."""


class DocumentError(ValueError):
    """A value is no JSON:API document; ``path`` is the member (``data[3].id``), ``problem`` what is wrong with it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


@frozen(kw_only=True)
class ResourceId:
    """A resource identifier: what a relationship points at."""

    type: str
    id: str
    meta: Mapping[str, object] = field(factory=dict[str, object])


@frozen(kw_only=True)
class Link:
    """A link; ``href`` is as the server wrote it. Ask :func:`link_problem` before following it."""

    href: str
    title: str | None = None
    meta: Mapping[str, object] = field(factory=dict[str, object])


Links = Mapping[str, Link | None]
"""By name; None when the server says that there is none (``next`` on the last page)."""


@frozen(kw_only=True)
class Relationship:
    """Where a resource points. ``loaded`` is False when the server gave links only, so that ``data`` says nothing."""

    data: ResourceId | tuple[ResourceId, ...] | None = None
    loaded: bool = False
    links: Links = field(factory=dict[str, Link | None])
    meta: Mapping[str, object] = field(factory=dict[str, object])

    @property
    def targets(self) -> tuple[ResourceId, ...]:
        """The resources pointed at, as a tuple whether the relationship is to one or to many."""
        if self.data is None:
            return ()
        return (self.data,) if isinstance(self.data, ResourceId) else self.data


@frozen(kw_only=True)
class Resource:
    """A resource object. ``attributes`` is the JSON object of the reply, unread."""

    type: str
    id: str
    attributes: Mapping[str, object] = field(factory=dict[str, object])
    relationships: Mapping[str, Relationship] = field(factory=dict[str, Relationship])
    links: Links = field(factory=dict[str, Link | None])
    meta: Mapping[str, object] = field(factory=dict[str, object])


@frozen(kw_only=True)
class ErrorObject:
    """One entry of ``errors``. Every member is optional in the format; the HTTP status wins over ``status``."""

    id: str | None = None
    status: str | None = None
    code: str | None = None
    title: str | None = None
    detail: str | None = None
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    links: Links = field(factory=dict[str, Link | None])
    meta: Mapping[str, object] = field(factory=dict[str, object])

    @property
    def argument(self) -> str | None:
        """What the request called the faulty value: ``conditions[3].operator``, a query parameter or a header."""
        return pointed_argument(self.pointer) or self.parameter or self.header

    @property
    def for_caller(self) -> ErrorDetail:
        """The same in the terms of our exceptions: where it was, by the caller's name for it, and the server's words."""
        return ErrorDetail(
            detail=self.detail or self.title or "no reason given",
            title=self.title,
            code=self.code,
            status=self.status,
            pointer=self.pointer,
            parameter=self.argument,
        )


@frozen(kw_only=True)
class PageInfo:
    """Page numbers of a list document, as a server puts them into ``meta``. None where it says nothing."""

    current_page: int | None = None
    next_page: int | None = None
    prev_page: int | None = None
    total_count: int | None = None
    total_pages: int | None = None
    next_cursor: str | None = None


@frozen(kw_only=True)
class Document:
    """A top-level document. ``data`` is None for a document of meta or errors only."""

    data: Resource | tuple[Resource, ...] | None = None
    errors: tuple[ErrorObject, ...] = ()
    included: Mapping[tuple[str, str], Resource] = field(factory=dict[tuple[str, str], Resource])
    links: Links = field(factory=dict[str, Link | None])
    meta: Mapping[str, object] = field(factory=dict[str, object])

    def one(self, kind: str) -> Resource:
        """The single resource, which must be of this type."""
        if not isinstance(self.data, Resource):
            raise DocumentError("data", f"expected one {kind!r} resource, found {'none' if self.data is None else 'a list'}")
        if self.data.type != kind:
            raise DocumentError("data.type", f"expected {kind!r}, found {self.data.type!r}")
        return self.data

    def many(self, kind: str) -> tuple[Resource, ...]:
        """The list of resources, all of which must be of this type."""
        if not isinstance(self.data, tuple):
            raise DocumentError("data", f"expected a list of {kind!r} resources, found {'none' if self.data is None else 'one'}")
        for i, resource in enumerate(self.data):
            if resource.type != kind:
                raise DocumentError(f"data[{i}].type", f"expected {kind!r}, found {resource.type!r}")
        return self.data

    def related(self, resource: Resource, name: str) -> tuple[Resource, ...]:
        """The included resources that this relationship points at; those that were not included are left out."""
        relationship = resource.relationships.get(name, Relationship())
        found = (self.included.get((target.type, target.id)) for target in relationship.targets)
        return tuple(r for r in found if r is not None)

    @property
    def page(self) -> PageInfo:
        """The page numbers in ``meta``."""
        cursor = self.meta.get("next_cursor")
        return PageInfo(
            current_page=_whole(self.meta.get("current_page")),
            next_page=_whole(self.meta.get("next_page")),
            prev_page=_whole(self.meta.get("prev_page")),
            total_count=_whole(self.meta.get("total_count")),
            total_pages=_whole(self.meta.get("total_pages")),
            next_cursor=cursor if isinstance(cursor, str) else None,
        )


# Reading.


def parse_document(value: object) -> Document:
    """Read a document. Raises :class:`DocumentError` for what is none, naming the member."""
    top = _object(value, "document")
    return Document(
        data=_primary(top.get("data")),
        errors=parse_errors(top) if "errors" in top else (),
        included={(r.type, r.id): r for r in _resources(top.get("included"), "included")},
        links=_links(top.get("links"), "links"),
        meta=_object(top.get("meta"), "meta"),
    )


def parse_errors(value: object) -> tuple[ErrorObject, ...]:
    """The errors of a reply, whatever its shape: ``errors`` (objects or texts), ``{"error": text or object}``, RFC 9457, or nothing.

    Never raises: what a server says about its failure must not hide that failure. A member of a wrong type counts as missing.
    """
    if not isinstance(value, dict):
        return ()
    top = cast("dict[str, object]", value)
    listed = top.get("errors") or top.get("error") or (top if "detail" in top or "title" in top else None)
    entries = cast("list[object]", listed) if isinstance(listed, list) else [listed]
    return tuple(error for error in map(_error, entries) if error is not None)


def pointed_argument(pointer: str | None) -> str | None:
    """The request's name for what a JSON pointer points at; None for one that points at no attribute.

    >>> pointed_argument("/data/attributes/conditions/3/operator")
    'conditions[3].operator'
    """
    parts = [p.replace("~1", "/").replace("~0", "~") for p in (pointer or "").split("/")]
    if parts[:3] != ["", "data", "attributes"] and parts[:3] != ["", "data", "relationships"]:
        return None
    name = ""
    for part in parts[3:]:
        name += f"[{part}]" if part.isdecimal() and name else f".{part}" if name else part
    return name or None


def link_problem(href: str, base_url: str) -> str | None:
    """Why this link must not be followed with our credentials, or None. A relative link is read against ``base_url``.

    >>> link_problem("https://example.net/v1/slas?page=2", "https://api.example.com")
    "it leads to 'https://example.net', not to 'https://api.example.com'"
    """
    if not href or not href.isascii() or any(c <= " " or c in "\\\x7f" for c in href):
        return "it is empty or holds a character that no URL may have"
    try:
        url = urljoin(base_url, href)
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        return "it is no URL"
    ours, theirs = origin(base_url), origin(url)
    if parts.username is not None or parts.password is not None:
        return "it carries a user name or a password"
    if not theirs[0]:
        return "it is no URL"
    return None if ours == theirs else f"it leads to {shown(theirs)!r}, not to {shown(ours)!r}"


def link_target(href: str, base_url: str) -> str:
    """Path and query of a link, for a request to our own origin. Raises :class:`DocumentError` when :func:`link_problem` finds one."""
    problem = link_problem(href, base_url)
    if problem is not None:
        raise DocumentError("links", f"a link of the reply is not followed: {problem}")
    parts = urlsplit(urljoin(base_url, href))
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


# Writing.


def resource_document(
    kind: str,
    attributes: Mapping[str, object],
    *,
    resource_id: str | None = None,
    relationships: Mapping[str, Sequence[ResourceId] | ResourceId | None] | None = None,
) -> dict[str, object]:
    """The body of a create or an update.

    >>> resource_document("slas", {"name": "Sev1"})
    {'data': {'type': 'slas', 'attributes': {'name': 'Sev1'}}}
    """
    data: dict[str, object] = {"type": kind} if resource_id is None else {"type": kind, "id": resource_id}
    data["attributes"] = dict(attributes)
    if relationships:
        data["relationships"] = {name: {"data": _linkage(target)} for name, target in relationships.items()}
    return {"data": data}


def query_parameters(
    *,
    page: Mapping[str, int | str | None] | None = None,
    filters: Mapping[str, str | None] | None = None,
    sort: str | Iterable[str] | None = None,
    include: str | Iterable[str] | None = None,
    fields: Mapping[str, Iterable[str]] | None = None,
) -> tuple[tuple[str, str], ...]:
    """Query parameters in the families of the format; None and blank values are left out.

    A key of ``filters`` may name an operator: ``name[eq]``. ``fields`` with an empty list asks for no attribute at all.

    >>> query_parameters(page={"size": 100}, filters={"name[eq]": "Sev1"}, fields={"slas": ["name", "slug"]})
    (('page[size]', '100'), ('filter[name][eq]', 'Sev1'), ('fields[slas]', 'name,slug'))
    """
    out = [(f"page[{key}]", str(value)) for key, value in (page or {}).items() if value is not None]
    for key, text in (filters or {}).items():
        name, bracket, operator = key.partition("[")
        out.append((f"filter[{name}]{bracket}{operator}", text or ""))
    out.append(("sort", _joined(sort)))
    out.append(("include", _joined(include)))
    kept = [(name, value) for name, value in out if value.strip()]
    return (*kept, *((f"fields[{kind}]", ",".join(names)) for kind, names in (fields or {}).items()))


# Parts.


def _object(value: object, path: str) -> dict[str, object]:
    """An object of the reply; null and a missing member read as empty, but for the document itself."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if value is None and path != "document":
        return {}
    raise DocumentError(path, f"expected an object, found {_kind(value)}")


def _items(value: object, path: str) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    if value is None:
        return []
    raise DocumentError(path, f"expected a list, found {_kind(value)}")


def _primary(value: object) -> Resource | tuple[Resource, ...] | None:
    if value is None:
        return None
    return _resources(cast("list[object]", value), "data") if isinstance(value, list) else _resource(value, "data")


def _resources(value: object, path: str) -> tuple[Resource, ...]:
    return tuple(_resource(item, f"{path}[{i}]") for i, item in enumerate(_items(value, path)))


def _resource(value: object, path: str) -> Resource:
    if not isinstance(value, dict):
        raise DocumentError(path, f"expected an object, found {_kind(value)}")
    members = cast("dict[str, object]", value)
    relationships, links, meta = members.get("relationships"), members.get("links"), members.get("meta")
    return Resource(
        type=_text(members.get("type"), path, "type"),
        id=_text(members.get("id"), path, "id"),
        attributes=_object(members.get("attributes"), f"{path}.attributes"),
        relationships={} if relationships is None else _relationships(relationships, f"{path}.relationships"),
        links={} if links is None else _links(links, f"{path}.links"),
        meta={} if meta is None else _object(meta, f"{path}.meta"),
    )


def _relationships(value: object, path: str) -> dict[str, Relationship]:
    return {name: _relationship(item, f"{path}.{name}") for name, item in _object(value, path).items() if not name.startswith("@")}


def _relationship(value: object, path: str) -> Relationship:
    members = _object(value, path)
    data = members.get("data")
    linkage: ResourceId | tuple[ResourceId, ...] | None = None
    if isinstance(data, list):
        linkage = tuple(_resource_id(item, f"{path}.data[{i}]") for i, item in enumerate(cast("list[object]", data)))
    elif data is not None:
        linkage = _resource_id(data, f"{path}.data")
    return Relationship(
        data=linkage,
        loaded="data" in members,
        links=_links(members.get("links"), f"{path}.links"),
        meta=_object(members.get("meta"), f"{path}.meta"),
    )


def _resource_id(value: object, path: str) -> ResourceId:
    members = _object(value, path)
    return ResourceId(
        type=_text(members.get("type"), path, "type"),
        id=_text(members.get("id"), path, "id"),
        meta=_object(members.get("meta"), f"{path}.meta"),
    )


def _links(value: object, path: str) -> dict[str, Link | None]:
    if value is None:
        return {}
    return {name: _link(item, f"{path}.{name}") for name, item in _object(value, path).items() if not name.startswith("@")}


def _link(value: object, path: str) -> Link | None:
    if value is None:
        return None
    if isinstance(value, str):
        return Link(href=value)
    members = _object(value, path)
    return Link(
        href=_text(members.get("href"), path, "href"),
        title=_said(members.get("title")),
        meta=_object(members.get("meta"), f"{path}.meta"),
    )


def _error(value: object) -> ErrorObject | None:
    if isinstance(value, str):
        return ErrorObject(title=value) if value.strip() else None
    if not isinstance(value, dict):
        return None
    members = cast("dict[str, object]", value)
    source = members.get("source")
    place = cast("dict[str, object]", source) if isinstance(source, dict) else {}
    meta = members.get("meta")
    return ErrorObject(
        id=_said(members.get("id")),
        status=_said(members.get("status")),
        code=_said(members.get("code")),
        title=_said(members.get("title")),
        detail=_said(members.get("detail")) or _said(members.get("message")),
        pointer=_said(place.get("pointer")),
        parameter=_said(place.get("parameter")),
        header=_said(place.get("header")),
        links=_error_links(members.get("links")),
        meta=cast("dict[str, object]", meta) if isinstance(meta, dict) else {},
    )


def _error_links(value: object) -> dict[str, Link | None]:
    try:
        return _links(value, "links")
    except DocumentError:
        return {}


def _text(value: object, path: str, name: str) -> str:
    """A member that must be there: a text, or a number that stands for one."""
    text = _said(value)
    if text is None:
        raise DocumentError(f"{path}.{name}", f"expected a text, found {_kind(value)}")
    return text


def _said(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_KINDS = ((bool, "true or false"), (dict, "an object"), (list, "a list"), (str, "a text"), (int, "a number"), (float, "a number"))


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    return type(value).__name__


def _joined(names: str | Iterable[str] | None) -> str:
    return "" if names is None else names if isinstance(names, str) else ",".join(names)


def _linkage(target: Sequence[ResourceId] | ResourceId | None) -> object:
    if target is None:
        return None
    if isinstance(target, ResourceId):
        return {"type": target.type, "id": target.id}
    return [{"type": t.type, "id": t.id} for t in target]
