"""The calls of the SLO endpoints: pure functions from arguments to a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from attrs import evolve, frozen

from datadog_slo._calls_reports import ACCEPT, SENDS, V1, V2
from datadog_slo._convert import DECODER
from datadog_slo._enums import SloState
from datadog_slo._models_slos import CanDeleteResult, DeleteResult, RawErrorBudget, Slo, SloStatus
from datadog_slo._quick import SloPage, quick_slos
from datadog_slo._replies import errors_of, json_of, request_id
from datadog_slo._wire import check_slo, slo_body
from slo_common._check import Problems
from slo_common._convert import decode_error
from slo_common._json import JsonValue, dumps
from slo_common._pages import Page
from slo_common._times import Timestamp, to_epoch
from slo_common._url import target
from slo_common._values import Call, Reply, Safety

T = TypeVar("T")

IDS_AT_ONCE = 100
"""Ids in one query: 100 of 32 characters stay below the 8 kB that servers take for a URL."""
PAGE_SIZE = 1000


@frozen(kw_only=True)
class _Total:
    total_count: int | None = None


@frozen(kw_only=True)
class _PageMeta:
    page: _Total | None = None


@frozen(kw_only=True)
class _Slos:
    data: tuple[Slo, ...]
    metadata: _PageMeta | None = None


@frozen(kw_only=True)
class _OneSlo:
    data: Slo


@frozen(kw_only=True)
class _Filter:
    ids: tuple[tuple[str, ...], ...]
    """Batches still to come, the current one first."""
    fixed: tuple[tuple[str, str], ...]
    page_size: int


def list_slos(
    *,
    ids: Sequence[str] | None = None,
    query: str | None = None,
    tags_query: str | None = None,
    metrics_query: str | None = None,
    is_deleted: bool = False,
    page_size: int = PAGE_SIZE,
    offset: int = 0,
) -> Call[Page[Slo]]:
    """GET /api/v1/slo."""
    problems = Problems()
    problems.integer("page_size", page_size, low=1, high=PAGE_SIZE)
    problems.integer("offset", offset, low=0)
    if ids is not None:
        check_ids(problems, ids)
    problems.raise_if_any()
    texts = (("query", query), ("tags_query", tags_query), ("metrics_query", metrics_query))
    fixed = tuple((name, text) for name, text in texts if text is not None) + ((("is_deleted", "true"),) if is_deleted else ())
    batches = tuple(tuple(ids[i : i + IDS_AT_ONCE]) for i in range(0, len(ids), IDS_AT_ONCE)) if ids is not None else ()
    return _slo_page(_Filter(ids=batches, fixed=fixed, page_size=page_size), offset)


def check_ids(problems: Problems, ids: Sequence[str]) -> None:
    """Ids that go into one query parameter, separated by commas."""
    if isinstance(ids, str) or not ids:
        problems.add(f"ids: {ids!r} was given; allowed: a sequence of one or more SLO ids")
        return
    for i, slo_id in enumerate(ids):
        problems.identifier(f"ids[{i}]", slo_id)
        if "," in str(slo_id):
            problems.add(f"ids[{i}]: {slo_id!r} holds a comma; allowed: one id each")


def _slo_page(asked: _Filter, offset: int) -> Call[Page[Slo]]:
    name = "datadog.slos.list"
    query = [*((("ids", ",".join(asked.ids[0])),) if asked.ids else ()), *asked.fixed, ("limit", str(asked.page_size))]
    if offset:
        query.append(("offset", str(offset)))

    def decode(reply: Reply) -> Page[Slo]:
        items, total = quick_slos(reply) or whole(reply)
        return Page(items=items, next=following(len(items)), total=total)

    def whole(reply: Reply) -> SloPage:
        body = json_of(reply, call=name)
        answer = DECODER.decode(body, _Slos, call=name, reply=reply, request_id=request_id(reply))
        meta = answer.metadata.page if answer.metadata is not None else None
        return answer.data, meta.total_count if meta is not None else None

    def following(count: int) -> Call[Page[Slo]] | None:
        # A short page is the end: the vendor's counts were seen to count only the page.
        if count >= asked.page_size:
            return _slo_page(asked, offset + asked.page_size)
        return _slo_page(evolve(asked, ids=asked.ids[1:]), 0) if len(asked.ids) > 1 else None

    return read(name, target("slo", query=query, prefix=V1), "slo_list", decode)


def read(name: str, path: str, bucket: str, decode: Callable[[Reply], T], subject: str = "") -> Call[T]:
    return Call(
        name=name,
        method="GET",
        target=path,
        headers=(ACCEPT,),
        content=None,
        safety=Safety.READ,
        bucket=bucket,
        decode=decode,
        subject=subject,
    )


def checked_id(name: str, value: str) -> None:
    problems = Problems()
    problems.identifier(name, value)
    problems.raise_if_any()


def get_slo(slo_id: str, *, with_configured_alert_ids: bool = False) -> Call[Slo]:
    """GET /api/v1/slo/{slo_id}."""
    name = "datadog.slos.get"
    checked_id("slo_id", slo_id)
    query = (("with_configured_alert_ids", "true"),) if with_configured_alert_ids else ()

    def decode(reply: Reply) -> Slo:
        body = json_of(reply, call=name, subject=slo_id)
        return DECODER.decode(body, _OneSlo, call=name, reply=reply, request_id=request_id(reply)).data

    return read(name, target("slo", slo_id, query=query, prefix=V1), "slo_get", decode, slo_id)


def create_slo(slo: Slo) -> Call[Slo]:
    """POST /api/v1/slo. Sent twice it would make two SLOs."""
    name = "datadog.slos.create"
    problems = Problems()
    check_slo(problems, slo)
    problems.raise_if_any()

    def decode(reply: Reply) -> Slo:
        return _only(json_of(reply, call=name, subject=slo.name), reply, name)

    return Call(
        name=name,
        method="POST",
        target=target("slo", prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps(slo_body(slo)),
        safety=Safety.UNSAFE,
        bucket="slo_create",
        decode=decode,
        subject=slo.name,
    )


def update_slo(slo: Slo) -> Call[Slo]:
    """PUT /api/v1/slo/{slo_id}: the whole SLO."""
    name = "datadog.slos.update"
    problems = Problems()
    check_slo(problems, slo)
    problems.identifier("slo.id", getattr(slo, "id", None))
    problems.raise_if_any()

    def decode(reply: Reply) -> Slo:
        return _only(json_of(reply, call=name, subject=slo.id), reply, name)

    return Call(
        name=name,
        method="PUT",
        target=target("slo", slo.id, prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps(slo_body(slo)),
        safety=Safety.IDEMPOTENT,
        bucket="slo_update",
        decode=decode,
        subject=slo.id,
    )


def _only(body: JsonValue, reply: Reply, name: str) -> Slo:
    """Create and update answer with a list of one."""
    found = DECODER.decode(body, _Slos, call=name, reply=reply, request_id=request_id(reply)).data
    if len(found) == 1:
        return found[0]
    raise decode_error([f"$.data: expected one SLO, got {len(found)}"], call=name, reply=reply, request_id=request_id(reply))


@frozen(kw_only=True)
class _Deleted:
    data: tuple[str, ...] | None = None


def delete_slo(slo_id: str, *, force: bool = False) -> Call[DeleteResult]:
    """DELETE /api/v1/slo/{slo_id}. A 409 is a value: what refers to the SLO."""
    name = "datadog.slos.delete"
    checked_id("slo_id", slo_id)

    def decode(reply: Reply) -> DeleteResult:
        body = json_of(reply, call=name, subject=slo_id, values=(409,))
        if reply.status == 409:
            # The text stands alone in what was seen, and under the SLO's id in the specification.
            errors = {e.parameter or slo_id: e.detail for e in errors_of(reply)}
            return DeleteResult(errors=errors or {slo_id: "conflict"})
        found = DECODER.decode(body, _Deleted, call=name, reply=reply, request_id=request_id(reply)).data
        return DeleteResult(deleted=found or ())

    return Call(
        name=name,
        method="DELETE",
        # The specification makes this boolean a string.
        target=target("slo", slo_id, query=(("force", "true"),) if force else (), prefix=V1),
        headers=(ACCEPT,),
        content=None,
        safety=Safety.IDEMPOTENT,
        bucket="slo_delete",
        decode=decode,
        subject=slo_id,
        gone_is_done=True,
        gone=lambda: DeleteResult(deleted=(slo_id,)),
    )


@frozen(kw_only=True)
class _Deletable:
    ok: tuple[str, ...] | None = None


@frozen(kw_only=True)
class _CanDelete:
    data: _Deletable | None = None


def can_delete_slos(ids: Sequence[str]) -> Call[CanDeleteResult]:
    """GET /api/v1/slo/can_delete. A 409 is a value: it says which ones are in use."""
    name = "datadog.slos.can_delete"
    problems = Problems()
    check_ids(problems, ids)
    problems.raise_if_any()

    def decode(reply: Reply) -> CanDeleteResult:
        body = json_of(reply, call=name, values=(409,))
        data = DECODER.decode(body, _CanDelete, call=name, reply=reply, request_id=request_id(reply)).data
        errors = {e.parameter or "": e.detail for e in errors_of(reply)}
        return CanDeleteResult(ok=data.ok or () if data is not None else (), errors=errors)

    return read(name, target("slo", "can_delete", query=(("ids", ",".join(ids)),), prefix=V1), "slo_can_delete", decode)


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


def window(slo_id: str, from_ts: Timestamp, to_ts: Timestamp) -> tuple[tuple[str, str], ...]:
    """The query of a window, checked."""
    problems = Problems()
    problems.identifier("slo_id", slo_id)
    times = [problems.time(name, value) for name, value in (("from_ts", from_ts), ("to_ts", to_ts))]
    if all(times) and to_epoch(from_ts) >= to_epoch(to_ts):
        problems.add(f"from_ts: {to_epoch(from_ts)} was given; allowed: a time before to_ts ({to_epoch(to_ts)})")
    problems.raise_if_any()
    return (("from_ts", str(to_epoch(from_ts))), ("to_ts", str(to_epoch(to_ts))))


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
