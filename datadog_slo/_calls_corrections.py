"""The calls of the correction endpoints: pure functions from arguments to a call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from attrs import frozen

from datadog_slo._convert import DECODER
from datadog_slo._endpoints import ACCEPT, SENDS, V1, checked_id, read
from datadog_slo._enums import CorrectionCategory
from datadog_slo._models_corrections import Correction
from datadog_slo._replies import check, json_of, request_id
from slo_common._check import Problems, is_int
from slo_common._json import dumps
from slo_common._pages import Page
from slo_common._times import Timestamp, to_epoch
from slo_common._unset import UNSET, Unset
from slo_common._url import target
from slo_common._values import Call, Reply, Safety

PAGE_SIZE = 25
PER_SLO_PAGE_SIZE = 10
_RULES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY")
_RULE = re.compile(r"(RRULE:)?[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*", re.ASCII)

Attributes = Mapping[str, str | int | None]


@frozen(kw_only=True)
class _Total:
    total_count: int | None = None


@frozen(kw_only=True)
class _Pagination:
    total: int | None = None


@frozen(kw_only=True)
class _Meta:
    page: _Total | None = None
    pagination: _Pagination | None = None


@frozen(kw_only=True)
class _Corrections:
    data: tuple[Correction, ...]
    meta: _Meta | None = None


@frozen(kw_only=True)
class _OneCorrection:
    data: Correction


def list_corrections(*, page_size: int = PAGE_SIZE, offset: int = 0) -> Call[Page[Correction]]:
    """GET /api/v1/slo/correction."""
    _check_page(page_size, offset)
    name = "datadog.corrections.list"

    def page(offset: int) -> Call[Page[Correction]]:
        query = [("limit", str(page_size)), *([("offset", str(offset))] if offset else [])]
        return read(name, target("slo", "correction", query=query, prefix=V1), "slo_correction_list", decode(offset))

    def decode(offset: int) -> Callable[[Reply], Page[Correction]]:
        return lambda reply: _page(reply, name, "", page_size, offset, page)

    return page(offset)


def corrections_of(slo_id: str, *, page_size: int = PER_SLO_PAGE_SIZE) -> Call[Page[Correction]]:
    """GET /api/v1/slo/{slo_id}/corrections, by the two page parameters that only its links name."""
    checked_id("slo_id", slo_id)
    _check_page(page_size, 0)
    name = "datadog.slos.corrections"

    def page(offset: int) -> Call[Page[Correction]]:
        query = (("page[offset]", str(offset)), ("page[limit]", str(page_size)))
        path = target("slo", slo_id, "corrections", query=query, prefix=V1)
        return read(name, path, "slo_corrections", decode(offset), slo_id)

    def decode(offset: int) -> Callable[[Reply], Page[Correction]]:
        return lambda reply: _page(reply, name, slo_id, page_size, offset, page)

    return page(0)


def _page(
    reply: Reply, name: str, subject: str, size: int, offset: int, page: Callable[[int], Call[Page[Correction]]]
) -> Page[Correction]:
    """One page, and the call for the next one.

    The vendor's links go on past the end and one of its counts is that of the page. What can be trusted: an empty page is the end,
    and so is the total. Where there is none, a short page is. The next page begins after what came, so that a server that gives
    less than asked for loses nothing.
    """
    body = json_of(reply, call=name, subject=subject)
    answer = DECODER.decode(body, _Corrections, call=name, reply=reply, request_id=request_id(reply))
    seen = offset + len(answer.data)
    total = _total(answer.meta)
    more = len(answer.data) > 0 and (seen < total if total is not None else len(answer.data) >= size)
    return Page(items=answer.data, next=page(seen) if more else None, total=total)


def _total(meta: _Meta | None) -> int | None:
    if meta is None:
        return None
    if meta.pagination is not None:
        return meta.pagination.total
    return meta.page.total_count if meta.page is not None else None


def _check_page(page_size: int, offset: int) -> None:
    problems = Problems()
    problems.integer("page_size", page_size, low=1, high=1000)
    problems.integer("offset", offset, low=0)
    problems.raise_if_any()


def get_correction(correction_id: str) -> Call[Correction]:
    """GET /api/v1/slo/correction/{slo_correction_id}."""
    name = "datadog.corrections.get"
    checked_id("correction_id", correction_id)

    def decode(reply: Reply) -> Correction:
        return _one(reply, name, correction_id)

    return read(name, target("slo", "correction", correction_id, prefix=V1), "slo_correction_get", decode, correction_id)


def _one(reply: Reply, name: str, subject: str) -> Correction:
    body = json_of(reply, call=name, subject=subject)
    return DECODER.decode(body, _OneCorrection, call=name, reply=reply, request_id=request_id(reply)).data


def create_correction(
    *,
    category: CorrectionCategory | str,
    start: Timestamp,
    end: Timestamp | None = None,
    slo_id: str | None = None,
    slo_query: str | None = None,
    description: str | None = None,
    timezone: str | None = None,
    rrule: str | None = None,
    duration: int | None = None,
) -> Call[Correction]:
    """POST /api/v1/slo/correction. Sent twice it would make two."""
    name = "datadog.corrections.create"
    problems = Problems()
    if (slo_id is None) == (slo_query is None):
        problems.add("slo_id, slo_query: allowed: exactly one of them")
    if rrule is None and end is None:
        problems.add("end: None was given; allowed: a time, unless rrule and duration say when")
    if (rrule is None) != (duration is None):
        problems.add("rrule, duration: allowed: both or neither")
    problems.time("start", start)
    given: dict[str, object] = {
        "slo_id": slo_id,
        "slo_query": slo_query,
        "category": category,
        "start": start,
        "end": end,
        "description": description,
        "timezone": timezone,
        "rrule": rrule,
        "duration": duration,
    }
    attributes = _attributes(problems, {key: value for key, value in given.items() if value is not None})
    subject = slo_id or slo_query or ""
    return Call(
        name=name,
        method="POST",
        target=target("slo", "correction", prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps({"data": {"attributes": attributes, "type": "correction"}}),
        safety=Safety.UNSAFE,
        bucket="slo_correction_create",
        decode=lambda reply: _one(reply, name, subject),
        subject=subject,
    )


def update_correction(
    correction_id: str,
    *,
    category: CorrectionCategory | str | Unset = UNSET,
    start: Timestamp | Unset = UNSET,
    end: Timestamp | Unset | None = UNSET,
    slo_query: str | Unset = UNSET,
    description: str | Unset = UNSET,
    timezone: str | Unset = UNSET,
    rrule: str | Unset | None = UNSET,
    duration: int | Unset | None = UNSET,
) -> Call[Correction]:
    """PATCH /api/v1/slo/correction/{slo_correction_id}. What is left out stays; None is sent as null."""
    name = "datadog.corrections.update"
    problems = Problems()
    problems.identifier("correction_id", correction_id)
    given: dict[str, object] = {
        "category": category,
        "start": start,
        "end": end,
        "slo_query": slo_query,
        "description": description,
        "timezone": timezone,
        "rrule": rrule,
        "duration": duration,
    }
    set_ones = {key: value for key, value in given.items() if value is not UNSET}
    if not set_ones:
        problems.add("category, start, end, ...: nothing was given; allowed: at least one of them")
    attributes = _attributes(problems, set_ones)
    return Call(
        name=name,
        method="PATCH",
        target=target("slo", "correction", correction_id, prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps({"data": {"attributes": attributes, "type": "correction"}}),
        safety=Safety.IDEMPOTENT,
        bucket="slo_correction_update",
        decode=lambda reply: _one(reply, name, correction_id),
        subject=correction_id,
    )


def delete_correction(correction_id: str) -> Call[None]:
    """DELETE /api/v1/slo/correction/{slo_correction_id}."""
    name = "datadog.corrections.delete"
    checked_id("correction_id", correction_id)
    return Call(
        name=name,
        method="DELETE",
        target=target("slo", "correction", correction_id, prefix=V1),
        headers=(ACCEPT,),
        content=None,
        safety=Safety.IDEMPOTENT,
        bucket="slo_correction_delete",
        # A 204 that may call its nothing text/html: the body is not looked at.
        decode=lambda reply: check(reply, call=name, subject=correction_id),
        subject=correction_id,
        gone_is_done=True,
        gone=lambda: None,
    )


def _attributes(problems: Problems, given: Mapping[str, object]) -> Attributes:
    """Check the attributes and bring them into the order and form of the wire. Raises with every problem at once."""
    for name in ("slo_query", "timezone"):
        if name in given:
            problems.text(name, given[name])
    if "slo_id" in given:
        problems.identifier("slo_id", given["slo_id"])
    if "category" in given:
        problems.one_of("category", given["category"], tuple(CorrectionCategory))
    if isinstance(given.get("timezone"), str):
        problems.zone("timezone", given["timezone"])
    if given.get("rrule") is not None:
        problems.add(_rule_problem(given["rrule"]))
    if given.get("duration") is not None and not (is_int(given["duration"]) and given["duration"] > 0):
        problems.add(f"duration: {given['duration']!r} was given; allowed: a whole number of seconds above 0")
    if "description" in given and not isinstance(given["description"], str):
        problems.add(f"description: {given['description']!r} was given; allowed: a string")
    times = {name: given[name] for name in ("start", "end") if given.get(name) is not None}
    good = [name for name, value in times.items() if problems.time(name, value)]
    epochs: dict[str, int] = {name: to_epoch(times[name]) for name in good}  # type: ignore[arg-type]  # checked just above
    if len(epochs) == 2 and epochs["start"] >= epochs["end"]:
        problems.add(f"end: {epochs['end']} was given; allowed: a time after start ({epochs['start']})")
    problems.raise_if_any()
    return {name: epochs.get(name, _plain(value)) for name, value in sorted(given.items())}


def _plain(value: object) -> str | int | None:
    if isinstance(value, str):
        return str(value)
    return value if is_int(value) else None


def _rule_problem(rrule: object) -> str | None:
    allowed = f"an iCalendar rule of {', '.join(_RULES)}, such as 'FREQ=WEEKLY;BYDAY=SU'"
    if not isinstance(rrule, str) or not _RULE.fullmatch(rrule):
        return f"rrule: {rrule!r} was given; allowed: {allowed}"
    names = [part.partition("=")[0] for part in rrule.removeprefix("RRULE:").split(";")]
    unknown = [name for name in names if name not in _RULES]
    if unknown or "FREQ" not in names:
        return f"rrule: {rrule!r} {'has ' + unknown[0] if unknown else 'has no FREQ'}; allowed: {allowed}"
    return None
