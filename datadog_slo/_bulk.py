"""Bulk deletion: large maps in parts, and a lost answer settled by reading, so that nothing is deleted or reported twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from datadog_slo import _calls_deletes as calls
from datadog_slo import _calls_slos as slo_calls
from datadog_slo._enums import ErrorTimeframe
from datadog_slo._flows import Run
from datadog_slo._models_deletes import BulkDeleteError, BulkDeleteResult
from datadog_slo._models_slos import Slo
from slo_common._errors import NotFound, OutcomeUnknown, ServerError, SloError
from slo_common._execute import Caller

IDS_AT_ONCE = 100
"""SLOs in one request. The vendor names no limit; this keeps the list of ids for a look-up within any server's longest URL."""
ROUNDS = 3
"""How often the rest of one part is sent, when each answer is lost."""

Asked = Mapping[str, tuple[str, ...]]


async def bulk_delete(caller: Caller, asked: Asked, run: Run) -> BulkDeleteResult:
    """Delete part by part. Raises :class:`OutcomeUnknown`, with a look-up over the whole map, if a part cannot be settled."""
    done = BulkDeleteResult()
    try:
        for part in _parts(asked):
            done = _join(done, await _delete_part(caller, part))
    except OutcomeUnknown as e:
        e.with_look_up(lambda: run(look_up(caller, asked)))
        raise
    return done


async def _delete_part(caller: Caller, part: Asked) -> BulkDeleteResult:
    """One part. The vendor handles the timeframes of one SLO together: if one is left, none was deleted and all are sent again."""
    done = BulkDeleteResult()
    rounds = 0
    while True:
        rounds += 1
        try:
            return _join(done, await caller.call(calls.bulk_delete(part)))
        except (OutcomeUnknown, ServerError) as e:
            lost: SloError = e
        try:
            present, gone = await _state(caller, part)
        except SloError as e:
            raise lost from e
        settled = [slo_id for slo_id, frames in part.items() if not present.get(slo_id, frozenset()) & set(frames)]
        done = _join(done, _found(settled, present, gone))
        part = {slo_id: frames for slo_id, frames in part.items() if slo_id not in settled}
        if not part:
            return done
        if rounds == ROUNDS:
            raise lost


async def look_up(caller: Caller, asked: Asked) -> BulkDeleteResult:
    """What is deleted of all that was asked for, by reading only; what is still there counts as an error."""
    result = BulkDeleteResult()
    for part in _parts(asked):
        present, gone = await _state(caller, part)
        settled = [slo_id for slo_id, frames in part.items() if not present.get(slo_id, frozenset()) & set(frames)]
        result = _join(result, _found(settled, present, gone))
        errors = [
            BulkDeleteError(id=slo_id, message="still there", timeframe=ErrorTimeframe(frame))
            for slo_id, frames in part.items()
            for frame in frames
            if frame in present.get(slo_id, frozenset())
        ]
        result = _join(result, BulkDeleteResult(errors=tuple(errors)))
    return result


def _found(settled: Iterable[str], present: Mapping[str, frozenset[str]], gone: frozenset[str]) -> BulkDeleteResult:
    deleted: list[str] = []
    updated: list[str] = []
    errors: list[BulkDeleteError] = []
    for slo_id in settled:
        if slo_id in present:
            updated.append(slo_id)
        elif slo_id in gone:
            deleted.append(slo_id)
        else:
            errors.append(BulkDeleteError(id=slo_id, message="SLO not found, nor deleted of late", timeframe=ErrorTimeframe.ALL))
    return BulkDeleteResult(deleted=tuple(deleted), updated=tuple(updated), errors=tuple(errors))


async def _state(caller: Caller, part: Asked) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
    """The timeframes of what is there, and the ids of what is among the deleted ones (the vendor lists those for 30 days)."""
    there = await _listed(caller, tuple(part), is_deleted=False)
    present = {slo.id: frozenset(t.timeframe.value for t in slo.thresholds) for slo in there}
    missing = tuple(slo_id for slo_id in part if slo_id not in present)
    deleted = await _listed(caller, missing, is_deleted=True) if missing else ()
    return present, frozenset(slo.id for slo in deleted)


async def _listed(caller: Caller, ids: Sequence[str], *, is_deleted: bool) -> tuple[Slo, ...]:
    try:
        return (await caller.call(slo_calls.list_slos(ids=ids, is_deleted=is_deleted))).items
    except NotFound:  # the vendor's answer when none of the ids is known
        return ()


def _parts(asked: Asked) -> Iterator[Asked]:
    left = iter(asked.items())
    while part := dict(islice(left, IDS_AT_ONCE)):
        yield part


def _join(one: BulkDeleteResult, two: BulkDeleteResult) -> BulkDeleteResult:
    return BulkDeleteResult(deleted=one.deleted + two.deleted, updated=one.updated + two.updated, errors=one.errors + two.errors)
