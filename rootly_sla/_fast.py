"""The optional fast path of :mod:`rootly_sla._convert`, on msgspec: from the bytes of a reply. Imported only when msgspec is installed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from rootly_sla._convert import KIND, tidy
from rootly_sla.models import Sla
from slo_common._json import deep
from slo_common._jsonapi import Document, DocumentError, parse_document


class _Unfit(Exception):
    """Something that the plain path has to look at."""


class _Resource(msgspec.Struct):
    type: str
    id: str
    attributes: dict[str, Any]
    relationships: Any = None
    links: Any = None
    meta: Any = None


class _Document(msgspec.Struct):
    data: list[_Resource] | _Resource
    errors: Any = None
    included: Any = None
    links: Any = None
    meta: Any = None


_TIMES = frozenset(("created_at", "updated_at"))
_document = msgspec.json.Decoder(_Document)


def read(body: bytes) -> tuple[list[Sla] | Sla, Document] | None:
    """The SLAs of a good reply, and what is around them; None when something does not fit: the plain path then says what."""
    try:
        found = _document.decode(body)
        around = parse_document({"links": found.links, "meta": found.meta, "included": found.included})
        if found.errors is not None:
            return None
        if isinstance(found.data, _Resource):
            return _slas([found.data], body)[0], around
        return _slas(found.data, body), around
    except (msgspec.DecodeError, DocumentError, ValueError, RecursionError, _Unfit):
        return None


def _slas(resources: Sequence[_Resource], body: bytes) -> list[Sla]:
    if not all(resource.type == KIND and resource.id for resource in resources):
        raise _Unfit
    slas = [_tidied(resource) for resource in resources]
    # What is known is flat; only what is not can go deep.
    if any("extra" in attributes for attributes in slas) and deep(body):
        raise _Unfit
    return msgspec.convert(slas, type=list[Sla])


def _tidied(resource: _Resource) -> dict[str, object]:
    attributes: dict[str, object] = resource.attributes
    beside = {"relationships": resource.relationships, "links": resource.links, "meta": resource.meta}
    if any(member is not None for member in beside.values()):
        parse_document({"data": {"type": resource.type, "id": resource.id, **beside}})  # what has no use here must be right, too
    attributes["id"] = resource.id
    attributes = tidy(attributes)
    _to_utc(attributes)
    notifications = attributes.get("notification_configurations")
    if isinstance(notifications, list):
        attributes["notification_configurations"] = [_timed(entry) for entry in cast("list[object]", notifications)]
    return attributes


def _timed(entry: object) -> object:
    """A notification configuration, of which replies need not tell the times."""
    if not isinstance(entry, dict) or not _TIMES & entry.keys():
        return entry  # pyright: ignore[reportUnknownVariableType]  # an object of whatever keys
    members = dict(cast("dict[str, object]", entry))
    _to_utc(members)
    return members


def _to_utc(members: dict[str, object]) -> None:
    """Times as they are in models: msgspec would leave them in the server's offset."""
    for name in _TIMES:
        text = members.get(name)
        if isinstance(text, str):
            members[name] = _moment(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Unfit from None
    if moment.tzinfo is None:
        raise _Unfit
    return moment.astimezone(UTC)
