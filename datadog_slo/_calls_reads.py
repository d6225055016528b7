"""The calls that read what SLOs did: search, history and status."""

from __future__ import annotations

from attrs import evolve, field, frozen

from datadog_slo._checkpoint import CellValue
from datadog_slo._convert import DECODER
from datadog_slo._endpoints import V1, V2, read
from datadog_slo._enums import SloState
from datadog_slo._models_history import SliError, SloHistory
from datadog_slo._models_search import SearchedSlo, SearchFacets
from datadog_slo._models_status import RawErrorBudget, SloStatus
from datadog_slo._quick import quick_sli
from datadog_slo._replies import json_of, raise_error, request_id
from slo_common._check import Problems
from slo_common._json import JsonValue
from slo_common._pages import Page
from slo_common._times import Timestamp, to_epoch
from slo_common._url import target
from slo_common._values import Call, Reply

SEARCH_PAGE_SIZE = 100
HISTORY = "datadog.slos.history"


@frozen(kw_only=True)
class _Found:
    slos: tuple[SearchedSlo, ...] = ()
    facets: SearchFacets | None = None


@frozen(kw_only=True)
class _SearchData:
    attributes: _Found


@frozen(kw_only=True)
class _Pagination:
    total: int | None = None
    size: int | None = None


@frozen(kw_only=True)
class _SearchMeta:
    pagination: _Pagination | None = None


@frozen(kw_only=True)
class _Search:
    data: _SearchData
    meta: _SearchMeta | None = None


def search_slos(query: str = "", *, page_size: int = SEARCH_PAGE_SIZE) -> Call[Page[SearchedSlo]]:
    """GET /api/v1/slo/search. An empty query finds all."""
    problems = Problems()
    _check_query(problems, query)
    problems.integer("page_size", page_size, low=1, high=1000)
    problems.raise_if_any()
    return _search_page(query, page_size, 0)


def _check_query(problems: Problems, query: object) -> None:
    if not isinstance(query, str):
        problems.add(f"query: {query!r} was given; allowed: a string")


def _query(query: str, size: int, number: int) -> list[tuple[str, str]]:
    head = [("query", query)] if query else []
    return [*head, ("page[size]", str(size)), ("page[number]", str(number))]


def _search_page(query: str, size: int, number: int) -> Call[Page[SearchedSlo]]:
    name = "datadog.slos.search"

    def decode(reply: Reply) -> Page[SearchedSlo]:
        body = json_of(reply, call=name, subject=query)
        answer = DECODER.decode(body, _Search, call=name, reply=reply, request_id=request_id(reply))
        found = answer.data.attributes.slos
        pages = answer.meta.pagination if answer.meta is not None else None
        total, given = (pages.total, pages.size or size) if pages is not None else (None, size)
        # The links go on past the end; the total, an empty page or a short one is the end.
        more = len(found) > 0 and ((number + 1) * given < total if total is not None else len(found) >= size)
        return Page(items=found, next=_search_page(query, size, number + 1) if more else None, total=total)

    return read(name, target("slo", "search", query=_query(query, size, number), prefix=V1), "slo_search", decode, query)


def search_facets(query: str = "") -> Call[SearchFacets]:
    """The same search for what all its finds have in common; one find is asked for, and none of them read."""
    name = "datadog.slos.facets"
    problems = Problems()
    _check_query(problems, query)
    problems.raise_if_any()

    def decode(reply: Reply) -> SearchFacets:
        body = json_of(reply, call=name, subject=query)
        answer = DECODER.decode(body, _Search, call=name, reply=reply, request_id=request_id(reply))
        return answer.data.attributes.facets or SearchFacets()

    asked = [*_query(query, 1, 0), ("include_facets", "true")]
    return read(name, target("slo", "search", query=asked, prefix=V1), "slo_search", decode, query)


@frozen(kw_only=True)
class _HistoryError:
    error: str = ""


@frozen(kw_only=True)
class _History:
    data: SloHistory
    errors: tuple[_HistoryError, ...] = ()


def _history_json(reply: Reply, slo_id: str) -> JsonValue:
    body = json_of(reply, call=HISTORY, subject=slo_id)
    if isinstance(body, dict) and body.get("data") is None and body.get("errors"):
        raise_error(reply, call=HISTORY, subject=slo_id, kind=None)  # an error inside a 200
    return body


def window(slo_id: str, from_ts: Timestamp, to_ts: Timestamp) -> tuple[tuple[str, str], ...]:
    """The query of a window, checked."""
    problems = Problems()
    problems.identifier("slo_id", slo_id)
    times = [problems.time(name, value) for name, value in (("from_ts", from_ts), ("to_ts", to_ts))]
    if all(times) and to_epoch(from_ts) >= to_epoch(to_ts):
        problems.add(f"from_ts: {to_epoch(from_ts)} was given; allowed: a time before to_ts ({to_epoch(to_ts)})")
    problems.raise_if_any()
    return (("from_ts", str(to_epoch(from_ts))), ("to_ts", str(to_epoch(to_ts))))


def slo_history(
    slo_id: str, *, from_ts: Timestamp, to_ts: Timestamp, target_percent: float | None = None, apply_correction: bool = True
) -> Call[SloHistory]:
    """GET /api/v1/slo/{slo_id}/history."""
    name = HISTORY
    if target_percent is not None and (isinstance(target_percent, bool) or not 0 < target_percent < 100):
        problems = Problems()
        problems.add(f"target: {target_percent!r} was given; allowed: a percentage above 0 and below 100")
        problems.raise_if_any()
    query = [*window(slo_id, from_ts, to_ts)]
    if target_percent is not None:
        query.append(("target", repr(target_percent)))
    if not apply_correction:
        query.append(("apply_correction", "false"))

    def decode(reply: Reply) -> SloHistory:
        body = _history_json(reply, slo_id)
        answer = DECODER.decode(body, _History, call=name, reply=reply, request_id=request_id(reply))
        return evolve(answer.data, errors=tuple(e.error for e in answer.errors))

    return read(name, target("slo", slo_id, "history", query=query, prefix=V1), "slo_history", decode, slo_id)


@frozen(kw_only=True)
class _LeanOverall:
    sli_value: float | None = None
    errors: tuple[SliError, ...] = ()


@frozen(kw_only=True)
class _LeanData:
    overall: _LeanOverall = field(factory=_LeanOverall)


@frozen(kw_only=True)
class _LeanHistory:
    data: _LeanData


def slo_sli(slo_id: str, from_ts: int, to_ts: int) -> Call[CellValue]:
    """The same history for its SLI alone: a report asks thousands of times, and reads one number of each answer."""

    def decode(reply: Reply) -> CellValue:
        return quick_sli(reply) or whole(reply)

    def whole(reply: Reply) -> CellValue:
        body = _history_json(reply, slo_id)
        overall = DECODER.decode(body, _LeanHistory, call=HISTORY, reply=reply, request_id=request_id(reply)).data.overall
        if overall.sli_value is not None:
            return CellValue(sli=overall.sli_value)
        return CellValue(reason="; ".join(e.error_message for e in overall.errors) or "no data")

    query = (("from_ts", str(from_ts)), ("to_ts", str(to_ts)))
    return read(HISTORY, target("slo", slo_id, "history", query=query, prefix=V1), "slo_history", decode, slo_id)


@frozen(kw_only=True)
class _StatusAttributes:
    sli: float | None = None
    error_budget_remaining: float | None = None
    raw_error_budget_remaining: RawErrorBudget | None = None
    state: SloState = SloState.NO_DATA
    span_precision: int | None = None


@frozen(kw_only=True)
class _StatusData:
    id: str
    attributes: _StatusAttributes
    type: str = "slo_status"


@frozen(kw_only=True)
class _Status:
    data: _StatusData


def slo_status(slo_id: str, *, from_ts: Timestamp, to_ts: Timestamp, disable_corrections: bool = False) -> Call[SloStatus]:
    """GET /api/v2/slo/{slo_id}/status."""
    name = "datadog.slos.status"
    query = window(slo_id, from_ts, to_ts) + ((("disable_corrections", "true"),) if disable_corrections else ())

    def decode(reply: Reply) -> SloStatus:
        body = json_of(reply, call=name, subject=slo_id)
        data = DECODER.decode(body, _Status, call=name, reply=reply, request_id=request_id(reply)).data
        told = data.attributes
        return SloStatus(
            id=data.id,
            type=data.type,
            sli=told.sli,
            error_budget_remaining=told.error_budget_remaining,
            raw_error_budget_remaining=told.raw_error_budget_remaining,
            state=told.state,
            span_precision=told.span_precision,
        )

    return read(name, target("slo", slo_id, "status", query=query, prefix=V2), "slo_status", decode, slo_id)
