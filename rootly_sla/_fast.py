"""The optional fast path of :mod:`rootly_sla._convert`, on msgspec. Imported only when msgspec is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec

from rootly_sla.models import Sla


class _Unfit(Exception):
    """A time that is none."""


_TIMES = ("created_at", "updated_at")


def slas(tidied: Sequence[Mapping[str, object]]) -> list[Sla] | None:
    """Models of tidied attributes, or None when something does not fit: the slow path then says what."""
    try:
        return msgspec.convert([_timed(attributes) for attributes in tidied], type=list[Sla])
    except (msgspec.ValidationError, _Unfit):
        return None


def _timed(attributes: Mapping[str, object]) -> dict[str, object]:
    """With times in UTC: msgspec would leave them in the server's offset."""
    out = _in_utc(attributes)
    notifications = out.get("notification_configurations")
    if isinstance(notifications, list):
        entries = cast("list[object]", notifications)
        out["notification_configurations"] = [_in_utc(cast("dict[str, object]", e)) if isinstance(e, dict) else e for e in entries]
    return out


def _in_utc(members: Mapping[str, object]) -> dict[str, object]:
    out = dict(members)
    for name in _TIMES:
        text = out.get(name)
        if isinstance(text, str):
            out[name] = _moment(text)
    return out


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Unfit from None
    if moment.tzinfo is None:
        raise _Unfit
    return moment.astimezone(UTC)
