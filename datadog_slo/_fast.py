"""The optional fast path of the two replies that come by the thousand, on msgspec. Imported only when msgspec is installed.

It reads bytes straight into typed records, and takes only what plainly fits: for anything else it gives None, and the other path reads
the same reply, converts what may be converted, keeps unknown keys and names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from datadog_slo._checkpoint import CellValue
from datadog_slo._convert import DECODER
from datadog_slo._enums import SloType, Timeframe
from datadog_slo._models_slos import Creator, MetricQuery, MetricSlo, MonitorSlo, SliSpec, Slo, Threshold, TimeSliceSlo
from datadog_slo._quick import SloPage
from slo_common._compile import REFUSALS, Unfit, filler
from slo_common._json import parse

_Epoch = Annotated[int, msgspec.Meta(ge=0, lt=4_000_000_000)]
"""Later and negative ones are read by the other path, which knows their limits."""
_NULL = Raw(b"null")
_METRIC, _MONITOR, _TIME_SLICE = SloType.METRIC, SloType.MONITOR, SloType.TIME_SLICE
_AT_ONCE = 128
"""Records that are in memory beside the models."""
REMEMBERED = 256
"""Where a list has more different parts than that, the next one will be different, too: it is not worth its memory."""

T = TypeVar("T")


class _Threshold(Struct, forbid_unknown_fields=True, gc=False):
    timeframe: Timeframe
    target: float
    warning: float | None = None
    target_display: str | None = None
    warning_display: str | None = None


class _Query(Struct, forbid_unknown_fields=True, gc=False):
    numerator: str
    denominator: str


class _Slo(Struct, forbid_unknown_fields=True, gc=False):
    """An SLO of any kind: to choose among records by a type that comes in their middle would be to look at them twice."""

    name: str
    thresholds: Raw
    type: str
    id: str | None = None
    tags: tuple[str, ...] | None = None
    monitor_tags: tuple[str, ...] | None = None
    type_id: int | None = None
    description: str | None = None
    timeframe: Timeframe | None = None
    warning_threshold: float | None = None
    target_threshold: float | None = None
    query: _Query | UnsetType | None = UNSET
    sli_specification: Raw = _NULL
    monitor_ids: tuple[int, ...] | UnsetType | None = UNSET
    groups: tuple[str, ...] | UnsetType | None = UNSET
    creator: Raw = _NULL
    created_at: _Epoch | None = None
    modified_at: _Epoch | None = None
    configured_alert_ids: tuple[int, ...] | None = None


class _Total(Struct):
    total_count: int | None = None


class _Meta(Struct):
    page: _Total | None = None


class _Slos(Struct):
    data: list[Raw]  # records of all of them beside their models would take a third more memory
    metadata: _Meta | None = None


class _Error(Struct):
    error_type: str
    error_message: str


class _Overall(Struct):
    sli_value: float | None = None
    errors: list[_Error] | None = None


class _Data(Struct):
    overall: _Overall | None = None


class _History(Struct):
    data: _Data


_slos = msgspec.json.Decoder(_Slos)
_slo = msgspec.json.Decoder(_Slo)
_threshold_list = msgspec.json.Decoder(list[_Threshold])
_creator = msgspec.json.Decoder(Creator | None)
_history = msgspec.json.Decoder(_History)
_made_threshold, _made_query = filler(Threshold, "extra"), filler(MetricQuery, "extra")
_MADE = ("id", "thresholds", "description", "tags", "creator", "created_at", "modified_at", "extra", "type")
_made_metric = filler(MetricSlo, *_MADE, "query", "sli_specification")
_made_monitor = filler(MonitorSlo, *_MADE, "monitor_ids", "groups")
_made_time_slice = filler(TimeSliceSlo, *_MADE, "sli_specification")
_read_spec: Callable[[object], SliSpec] = DECODER.reader(SliSpec)


def slos(body: bytes) -> SloPage | None:
    """The SLOs of a list and the vendor's count of all, or None."""
    try:
        page = _slos.decode(body)
        found = tuple(_models(page.data))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    meta = page.metadata.page if page.metadata is not None else None
    return found, meta.total_count if meta is not None else None


def sli(body: bytes) -> CellValue | None:
    """The SLI of a history, or why there is none; or None."""
    try:
        overall = _history.decode(body).data.overall
    except (msgspec.DecodeError, RecursionError):
        return None
    if overall is not None and overall.sli_value is not None:
        return CellValue(sli=overall.sli_value)
    errors = overall.errors if overall is not None else None
    return CellValue(reason="; ".join(e.error_message for e in errors or ()) or "no data")


def remembered(read: Callable[[bytes], T]) -> Callable[[Raw], T]:
    """Reads the same bytes once: many SLOs of a list have parts alike, which then are one object."""
    known: dict[bytes, T] = {}

    def reading(raw: Raw) -> T:
        key = bytes(raw)
        found = known.get(key)
        if found is None:
            found = read(key)
            if len(known) < REMEMBERED:
                known[key] = found
        return found

    return reading


def _thresholds(raw: bytes) -> tuple[Threshold, ...]:
    return tuple([_made_threshold(record, {}) for record in _threshold_list.decode(raw)])


def _records(items: list[Raw]) -> Iterator[tuple[_Slo, datetime | None, datetime | None]]:
    """The records, with what their times are as datetimes: many made at once take a fifth of the time."""
    for start in range(0, len(items), _AT_ONCE):
        records = [_slo.decode(item) for item in items[start : start + _AT_ONCE]]
        created = msgspec.convert([r.created_at for r in records], list[datetime | None], strict=False)
        modified = msgspec.convert([r.modified_at for r in records], list[datetime | None], strict=False)
        yield from zip(records, created, modified, strict=True)


def _models(items: list[Raw]) -> Iterator[Slo]:
    thresholds, creator = remembered(_thresholds), remembered(_creator.decode)
    share = dict[str, str]().setdefault
    for read, created, modified in _records(items):
        targets = thresholds(read.thresholds)
        owner = None if read.creator is _NULL else creator(read.creator)
        text = read.description and share(read.description, read.description)
        tags = read.tags and tuple(map(share, read.tags, read.tags))
        of_monitors = read.monitor_ids is not UNSET or read.groups is not UNSET
        if read.type == "metric" and not of_monitors:
            query = _made_query(read.query, {}) if isinstance(read.query, _Query) else None
            spec = _spec(read.sli_specification)
            yield _made_metric(read, read.id or "", targets, text, tags, owner, created, modified, {}, _METRIC, query, spec)
        elif read.type == "monitor" and read.query is UNSET and read.sli_specification is _NULL:
            ids, groups = read.monitor_ids or (), None if read.groups is UNSET else read.groups
            yield _made_monitor(read, read.id or "", targets, text, tags, owner, created, modified, {}, _MONITOR, ids, groups)
        elif read.type == "time_slice" and not of_monitors and read.query is UNSET:
            spec = _spec(read.sli_specification)
            yield _made_time_slice(read, read.id or "", targets, text, tags, owner, created, modified, {}, _TIME_SLICE, spec)
        else:
            raise Unfit


def _spec(raw: Raw) -> SliSpec | None:
    """Specifications differ in too many ways to be read twice: they go to the other path."""
    if raw is _NULL:  # left out, as most are
        return None
    value = parse(bytes(raw))
    if value is None:
        return None
    try:
        return _read_spec(value)
    except REFUSALS as e:
        raise Unfit from e
