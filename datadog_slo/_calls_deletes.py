"""The calls that delete SLOs, one or many, and the one that asks beforehand: pure functions from arguments to a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from datadog_slo._convert import DECODER
from datadog_slo._endpoints import ACCEPT, SENDS, V1, check_ids, checked_id, read
from datadog_slo._enums import TIMEFRAMES
from datadog_slo._models_deletes import BulkDeleteError, BulkDeleteResult, CanDeleteResult, DeleteResult
from datadog_slo._replies import errors_of, json_of, request_id
from slo_common._check import Problems
from slo_common._errors import InvalidArgument
from slo_common._json import dumps
from slo_common._url import target
from slo_common._values import Call, Reply, Safety


@frozen(kw_only=True)
class _Deleted:
    data: tuple[str, ...] | None = None


def delete_slo(slo_id: str, *, force: bool = False) -> Call[DeleteResult]:
    """DELETE /api/v1/slo/{slo_id}. A 409 is a value: what refers to the SLO."""
    name = "datadog.slos.delete"
    checked_id("slo_id", slo_id)

    def decode(reply: Reply) -> DeleteResult:
        body = json_of(reply, call=name, subject=slo_id, values=(409,))
        # The text stands alone in what was seen, and under the SLO's id in the specification.
        errors = {e.parameter or slo_id: e.detail for e in errors_of(reply)}
        if reply.status == 409:
            return DeleteResult(errors=errors or {slo_id: "conflict"})
        found = DECODER.decode(body, _Deleted, call=name, reply=reply, request_id=request_id(reply)).data
        return DeleteResult(deleted=found or (), errors=errors)

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
class _BulkData:
    deleted: tuple[str, ...] | None = None
    updated: tuple[str, ...] | None = None


@frozen(kw_only=True)
class _Bulk:
    data: _BulkData | None = None
    errors: tuple[BulkDeleteError, ...] | None = None


def timeframes_of(timeframes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """What a bulk deletion is asked for, checked. Raises :class:`InvalidArgument` with every problem at once."""
    problems = Problems()
    allowed = "a map of SLO ids to lists of '7d', '30d', '90d', such as {'<id>': ['7d']}"
    if not timeframes or not hasattr(timeframes, "items"):
        raise InvalidArgument(f"timeframes: {timeframes!r} was given; allowed: {allowed}")
    for slo_id, frames in timeframes.items():
        problems.identifier("timeframes: SLO id", slo_id)
        if isinstance(frames, str) or not frames:
            problems.add(f"timeframes[{slo_id!r}]: {frames!r} was given; allowed: a list of '7d', '30d', '90d', such as ['7d']")
            continue
        for frame in frames:
            problems.one_of(f"timeframes[{slo_id!r}]", frame, TIMEFRAMES)
    problems.raise_if_any()
    return {slo_id: tuple(dict.fromkeys(str(f) for f in frames)) for slo_id, frames in timeframes.items()}


def bulk_delete(asked: Mapping[str, Sequence[str]]) -> Call[BulkDeleteResult]:
    """POST /api/v1/slo/bulk_delete for a map that :func:`timeframes_of` has checked.

    Unsafe although a repetition ends in the same state: the second answer would call what the first one deleted an error. The flow
    around it settles a lost answer by reading.
    """
    name = "datadog.slos.bulk_delete"

    def decode(reply: Reply) -> BulkDeleteResult:
        body = json_of(reply, call=name)
        answer = DECODER.decode(body, _Bulk, call=name, reply=reply, request_id=request_id(reply))
        data = answer.data or _BulkData()
        return BulkDeleteResult(deleted=data.deleted or (), updated=data.updated or (), errors=answer.errors or ())

    return Call(
        name=name,
        method="POST",
        target=target("slo", "bulk_delete", prefix=V1),
        headers=(ACCEPT, SENDS),
        content=dumps({slo_id: list(frames) for slo_id, frames in asked.items()}),
        safety=Safety.UNSAFE,
        bucket="slo_bulk_delete",
        decode=decode,
    )
