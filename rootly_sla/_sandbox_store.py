"""What the sandbox's Rootly holds: the SLAs themselves, and the search index that follows them with a delay."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

from attrs import evolve, frozen

Attributes = Mapping[str, object]

_LISTS = ("conditions", "notification_configurations")


@frozen(kw_only=True)
class Row:
    """One SLA as stored. ``conditions`` and ``notification_configurations`` carry the ids that the server gave them."""

    id: str
    attributes: Attributes
    created_at: float
    updated_at: float


@frozen
class _Version:
    """What the index shows of one SLA from a moment on; None once it is deleted."""

    visible_at: float
    row: Row | None


class Store:
    """All SLAs of a team. Pure but for what it holds: the time is an argument and ids come from a seed."""

    def __init__(self, *, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._rows: dict[str, Row] = {}
        self._index: dict[str, list[_Version]] = {}

    def get(self, sla_id: str) -> Row | None:
        return self._rows.get(sla_id)

    def all(self) -> tuple[Row, ...]:
        return tuple(self._rows.values())

    def named(self, name: object) -> Row | None:
        return next((row for row in self._rows.values() if row.attributes["name"] == name), None)

    def listed(self, now: float) -> tuple[Row, ...]:
        """The SLAs as the search index knows them now, oldest first."""
        newest = (next((v.row for v in reversed(versions) if v.visible_at <= now), None) for versions in self._index.values())
        return tuple(row for row in newest if row is not None)

    def add(self, attributes: Attributes, now: float, lag: float) -> Row:
        row = Row(id=new_id(self._random), attributes=self._with_ids(attributes, now), created_at=now, updated_at=now)
        slug = slug_of(str(attributes["name"]))
        taken = {r.attributes["slug"] for r in self._rows.values()}
        row = evolve(row, attributes={**row.attributes, "slug": slug if slug not in taken else f"{slug}-{len(taken) + 1}"})
        self._put(row.id, row, now + lag)
        return row

    def change(self, row: Row, changed: Attributes, now: float, lag: float) -> Row:
        new = evolve(row, attributes={**row.attributes, **self._with_ids(changed, now)}, updated_at=now)
        self._put(row.id, new, now + lag)
        return new

    def remove(self, row: Row, now: float, lag: float) -> None:
        self._put(row.id, None, now + lag)

    def _put(self, sla_id: str, row: Row | None, visible_at: float) -> None:
        if row is None:
            del self._rows[sla_id]
        else:
            self._rows[sla_id] = row
        self._index.setdefault(sla_id, []).append(_Version(visible_at, row))

    def _with_ids(self, attributes: Attributes, now: float) -> dict[str, object]:
        """The attributes as stored: entries of both lists are new rows with ids, the notifications with times."""
        stored = plain(attributes)
        if stored.get("position", 0) is None:
            stored["position"] = len(self._rows) + 1  # a reply's position is never null; where it comes from is a guess
        for name in _LISTS:
            if name in stored:
                times = {} if name == "conditions" else {"created_at": stamp(now), "updated_at": stamp(now)}
                stored[name] = [
                    {"id": new_id(self._random), **entry, **times} for entry in cast("list[dict[str, object]]", stored[name])
                ]
        return stored


def new_id(seeded: random.Random) -> str:
    return str(uuid.UUID(int=seeded.getrandbits(128), version=4))


def plain(attributes: Attributes) -> dict[str, object]:
    """Attributes with both lists as they mean: conditions complete, with positions, and nothing that the server adds to a row."""
    out = dict(attributes)
    for name in _LISTS:
        if name in out:
            given = cast("Sequence[dict[str, object]]", out[name])
            out[name] = [_meant(entry, i if name == "conditions" else None) for i, entry in enumerate(given, start=1)]
    return out


def _meant(entry: Mapping[str, object], place: int | None) -> dict[str, object]:
    known = {k: v for k, v in entry.items() if k not in {"id", "created_at", "updated_at"}}
    if place is None:
        return known
    empty: dict[str, object] = {"position": place, "property": None, "values": None, "form_field_id": None}
    return {**empty, **{k: v for k, v in known.items() if v is not None}}


def slug_of(name: str) -> str:
    """How Rails makes a slug of a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "sla"


def stamp(moment: float) -> str:
    """A time in the vendor's form, with milliseconds and the team's offset: ``2026-10-06T12:14:05.000-07:00``."""
    local = datetime.fromtimestamp(moment, UTC).astimezone(timezone(timedelta(hours=-7)))
    return local.isoformat(timespec="milliseconds")


def moment(text: str) -> float | None:
    """The epoch seconds of a time in a filter, or None if it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=datetime.fromisoformat(text).tzinfo or UTC).timestamp()
    except ValueError:
        return None


# Lists.

_OPERATORS = ("eq", "not_eq", "in", "not_in")
_RANGES = ("gt", "gte", "lt", "lte")


def selected(rows: Iterable[Row], filters: Iterable[tuple[str, str]], *, operators: bool) -> list[Row]:
    """The rows that pass all filters (``name``, ``created_at[gte]``, ...); filters that the server does not know are ignored."""
    kept = list(rows)
    for key, text in filters:
        name, _, operator = key.removesuffix("]").partition("[")
        if name == "created_at" and operator in _RANGES:
            kept = [row for row in kept if _in_range(row.created_at, operator, text)]
        elif name == "search" and not operator:
            kept = [
                row for row in kept if text.lower() in f"{row.attributes['name']} {row.attributes['description'] or ''}".lower()
            ]
        elif name in {"name", "slug"} and not operator:
            # Without regard to case: a guess, and the worse one for a client that takes the first hit for the right one.
            kept = [row for row in kept if str(row.attributes[name]).lower() == text.lower()]
        elif name in {"name", "slug"} and operator in _OPERATORS and operators:
            wanted = text.split(",") if operator.endswith("in") else [text]
            kept = [row for row in kept if (row.attributes[name] in wanted) != operator.startswith("not")]
    return kept


def _in_range(created_at: float, operator: str, text: str) -> bool:
    bound = moment(text)
    if bound is None:
        return False
    if operator.startswith("g"):
        return created_at > bound or (operator == "gte" and created_at == bound)
    return created_at < bound or (operator == "lte" and created_at == bound)


SORTS = ("created_at", "updated_at", "name", "position")
"""What lists can be sorted by. The specification names none for SLAs; the first two are those of users, the others a guess."""


def in_order(rows: Sequence[Row], sort: str) -> list[Row] | None:
    """The rows sorted by ``name,-created_at`` and the like; None if the server does not know a part of it."""
    ordered = list(rows)
    for part in reversed(sort.split(",")):
        name = part.removeprefix("-")
        if name not in SORTS:
            return None
        ordered.sort(key=_sort_key(name), reverse=part.startswith("-"))
    return ordered


def _sort_key(name: str) -> Callable[[Row], tuple[bool, float, str]]:
    """None sorts last. Numbers and texts never meet in one column."""

    def key(row: Row) -> tuple[bool, float, str]:
        value = {"created_at": row.created_at, "updated_at": row.updated_at}.get(name, row.attributes.get(name))
        return (False, float(value), "") if isinstance(value, (int, float)) else (value is None, 0.0, str(value))

    return key
