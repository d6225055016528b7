"""The status corrections of the sandbox: checking, showing, and the time that they take out of an SLI."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from attrs import define

from datadog_slo._sandbox_query import matches
from datadog_slo._sandbox_replies import Doc, attributes_of, bad_request
from datadog_slo._sandbox_sli import DAY, Span, overlap
from datadog_slo._sandbox_slos import StoredSlo

CATEGORIES = ("Scheduled Maintenance", "Outside Business Hours", "Deployment", "Other")
_NAMES = ("slo_id", "slo_query", "start", "end", "description", "category", "timezone", "rrule", "duration")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY")
_USER: Doc = {
    "data": {
        "type": "users",
        "id": "00000000-0000-4000-8000-000000000001",
        "attributes": {
            "uuid": "00000000-0000-4000-8000-000000000001",
            "handle": "sandbox@example.com",
            "email": "sandbox@example.com",
            "name": None,
            "icon": "https://example.com/icon.png",
        },
    }
}


@define(kw_only=True)
class StoredCorrection:
    """One correction of the sandbox."""

    id: str
    attributes: Doc

    @property
    def doc(self) -> Doc:
        return {"type": "correction", "id": self.id, "attributes": self.attributes}

    def covers(self, slo: StoredSlo) -> bool:
        """Whether it applies to this SLO, by id or by query."""
        query = self.attributes["slo_query"]
        return self.attributes["slo_id"] == slo.id or (query is not None and matches(query, slo.doc))

    def spans(self, window: Span) -> Iterator[Span]:
        """The corrected stretches inside the window."""
        start = float(self.attributes["start"])
        if self.attributes["rrule"] is None:
            found = iter([(start, float(self.attributes["end"]))])
        else:
            found = _occurrences(start, float(self.attributes["duration"]), self.attributes["rrule"], window[1])
        for span in found:
            low, high = overlap(span, window)
            if low < high:
                yield (low, high)


def attributes(sent: Any, *, creating: bool) -> Doc:
    """The attributes of a create or update body, checked."""
    given = attributes_of(sent)
    if given is None:
        raise bad_request("Invalid payload: 'data.attributes' is missing")
    if creating:
        for name in ("category", "start"):
            if name not in given:
                raise bad_request(f"Invalid payload: Required parameter '{name}' is missing")
        if ("slo_id" in given) == ("slo_query" in given):
            raise bad_request("Invalid payload: exactly one of 'slo_id' and 'slo_query' is required")
        if not ("end" in given or "rrule" in given) or ("rrule" in given) != ("duration" in given):
            raise bad_request("Invalid payload: either 'end' or both 'rrule' and 'duration' are required")
    if "category" in given and given["category"] not in CATEGORIES:
        raise bad_request(f"Invalid payload: '{given['category']}' is not a valid category")
    if given.get("end") is not None and given.get("start") is not None and given["end"] <= given["start"]:
        raise bad_request("Invalid payload: 'end' must be after 'start'")
    if given.get("rrule") is not None:  # null takes it away
        _rules(given["rrule"])
    return {k: v for k, v in given.items() if k in _NAMES}


def stored(given: Doc, correction_id: str) -> StoredCorrection:
    """A new correction. ``created_at`` and ``modified_at`` are filled in by the caller after the answer: recorded as null there."""
    base: Doc = dict.fromkeys(_NAMES)
    shown = {
        **base,
        "description": "",
        "timezone": "UTC",
        "created_at": None,
        "modified_at": None,
        "creator": _USER,
        "modifier": None,
    }
    return StoredCorrection(id=correction_id, attributes={**shown, **given})


def update(correction: StoredCorrection, given: Doc, now: int) -> None:
    changed = correction.attributes | given
    if (changed["rrule"] is None) != (changed["duration"] is None):
        raise bad_request("Invalid payload: 'rrule' and 'duration' go together")
    correction.attributes |= {**given, "modifier": _USER, "modified_at": now}


def _rules(text: str) -> dict[str, str]:
    # Recorded: rules come with and without the "RRULE:" of iCalendar.
    pairs = [part.partition("=") for part in text.removeprefix("RRULE:").split(";")]
    rules = {name: value for name, _, value in pairs}
    unknown = [name for name in rules if name not in _RULES]
    if unknown or rules.get("FREQ") not in ("DAILY", "WEEKLY", "MONTHLY"):
        raise bad_request(f"Invalid payload: rrule '{text}' is not supported")
    return rules


def _occurrences(start: float, duration: float, rrule: str, stop: float) -> Iterator[Span]:
    """The repetitions that begin before ``stop``. Days are counted in UTC: which zone the vendor counts in is not documented."""
    rules = _rules(rrule)
    left = int(rules.get("COUNT", "100000"))
    until = _until(rules["UNTIL"]) if "UNTIL" in rules else stop
    starts = _starts(start, rules)
    while left > 0 and (begin := next(starts)) <= until and begin < stop:
        yield (begin, begin + duration)
        left -= 1


def _starts(start: float, rules: dict[str, str]) -> Iterator[float]:
    step = int(rules.get("INTERVAL", "1"))
    first = dt.datetime.fromtimestamp(start, dt.UTC)
    if rules["FREQ"] == "MONTHLY":
        month = first.year * 12 + first.month - 1
        while True:
            year, index = divmod(month, 12)
            month += step
            if first.day <= 28 or _exists(year, index + 1, first.day):
                yield first.replace(year=year, month=index + 1).timestamp()
    days = [_DAYS.index(d) for d in rules["BYDAY"].split(",")] if "BYDAY" in rules else None
    if rules["FREQ"] == "DAILY" or days is None:
        stride = step * DAY * (1 if rules["FREQ"] == "DAILY" else 7)
        while True:
            if days is None or dt.datetime.fromtimestamp(start, dt.UTC).weekday() in days:
                yield start
            start += stride
    monday = start - first.weekday() * DAY
    while True:
        yield from (monday + d * DAY for d in sorted(days) if monday + d * DAY >= start)
        monday += step * 7 * DAY


def _exists(year: int, month: int, day: int) -> bool:
    last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
    return day <= last


def _until(text: str) -> float:
    """UNTIL as a moment. ``fromisoformat`` reads the basic format; a bare date is its midnight."""
    moment = dt.datetime.fromisoformat(text.removesuffix("Z"))
    return moment.replace(tzinfo=dt.UTC).timestamp()
