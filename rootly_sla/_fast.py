"""The optional fast path of :mod:`rootly_sla._convert`, on msgspec. Imported only when msgspec is installed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec

from rootly_sla.models import Sla


class _Unfit(Exception):
    """A time that is none."""


_TIMES = frozenset(("created_at", "updated_at"))


def slas(tidied: Sequence[dict[str, object]]) -> list[Sla] | None:
    """Models of tidied attributes, which this changes, or None when something does not fit: the plain path then says what."""
    try:
        for attributes in tidied:
            _to_utc(attributes)
            notifications = attributes.get("notification_configurations")
            if isinstance(notifications, list):
                attributes["notification_configurations"] = [_timed(entry) for entry in cast("list[object]", notifications)]
        return msgspec.convert(tidied, type=list[Sla])
    except (msgspec.ValidationError, _Unfit):
        return None


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
