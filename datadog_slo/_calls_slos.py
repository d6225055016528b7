"""The calls of the SLO endpoints: pure functions from arguments to a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from datadog_slo._convert import DECODER
from datadog_slo._endpoints import ACCEPT, SENDS, V1, check_ids, checked_id, read
from datadog_slo._models_slos import Slo
from datadog_slo._quick import SloPage, quick_slos
from datadog_slo._replies import json_of, request_id
from slo_common._check import Problems
from slo_common._convert import decode_error
from slo_common._json import JsonValue, dumps
from slo_common._later import Later
from slo_common._pages import Page
from slo_common._url import target
from slo_common._values import Call, Reply, Safety

if TYPE_CHECKING:
    from datadog_slo import _wire
else:
    _wire = Later("datadog_slo._wire")

IDS_AT_ONCE = 100
"""Ids in one query: 100 of 32 characters stay below the 8 kB that servers take for a URL."""
PAGE_SIZE = 1000


@frozen(kw_only=True, eq=False, repr=False)
class _Total:
    total_count: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class PageMeta:
    """What stands beside a list."""

    page: _Total | None = None


@frozen(kw_only=True, eq=False, repr=False)
class _Slos:
    data: tuple[Slo, ...]
    metadata: PageMeta | None = None


@frozen(kw_only=True, eq=False, repr=False)
class _OneSlo:
    data: Slo


@frozen(kw_only=True, eq=False, repr=False)
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
    _wire.check_slo(problems, slo)
    problems.raise_if_any()

    def decode(reply: Reply) -> Slo:
        return _only(json_of(reply, call=name, subject=slo.name), reply, name)

    return Call(
        name=name,
        method="POST",
        target=target("slo", prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps(_wire.slo_body(slo)),
        safety=Safety.UNSAFE,
        bucket="slo_create",
        decode=decode,
        subject=slo.name,
    )


def update_slo(slo: Slo) -> Call[Slo]:
    """PUT /api/v1/slo/{slo_id}: the whole SLO."""
    name = "datadog.slos.update"
    problems = Problems()
    _wire.check_slo(problems, slo)
    problems.identifier("slo.id", getattr(slo, "id", None))
    problems.raise_if_any()

    def decode(reply: Reply) -> Slo:
        return _only(json_of(reply, call=name, subject=slo.id), reply, name)

    return Call(
        name=name,
        method="PUT",
        target=target("slo", slo.id, prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps(_wire.slo_body(slo)),
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
