"""The optional fast path of the two replies that come by the thousand, on msgspec. Imported only when msgspec is installed.

It reads bytes straight into typed records, and takes only what plainly fits: for anything else it gives None, and the other path reads
the same reply, converts what may be converted, keeps unknown keys and names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Raw, Struct

from datadog_slo._checkpoint import CellValue
from datadog_slo._convert import DECODER
from datadog_slo._enums import Timeframe
from datadog_slo._models_slos import Creator, MetricQuery, MetricSlo, MonitorSlo, SliSpec, Slo, Threshold, TimeSliceSlo
from slo_common._compile import REFUSALS
from slo_common._json import parse

_Epoch = Annotated[int, msgspec.Meta(ge=0, lt=4_000_000_000)]
"""Later and negative ones are read by the other path, which knows their limits."""
_TIMEFRAMES = {str(t): t for t in Timeframe}
_NULL = Raw(b"null")
_moment = datetime.fromtimestamp


class _Unfit(Exception):
    """Something that the other path knows how to read."""


class _Threshold(Struct, forbid_unknown_fields=True, gc=False):
    timeframe: str
    target: float
    warning: float | None = None
    target_display: str | None = None
    warning_display: str | None = None


class _Query(Struct, forbid_unknown_fields=True, gc=False):
    numerator: str
    denominator: str


class _Slo(Struct, tag_field="type", forbid_unknown_fields=True, gc=False):
    name: str
    thresholds: Raw
    id: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    timeframe: str | None = None
    target_threshold: float | None = None
    warning_threshold: float | None = None
    creator: Raw = _NULL
    created_at: _Epoch | None = None
    modified_at: _Epoch | None = None
    type_id: int | None = None
    monitor_tags: tuple[str, ...] | None = None
    configured_alert_ids: tuple[int, ...] | None = None


class _Metric(_Slo, tag="metric"):
    query: _Query | None = None
    sli_specification: Raw = _NULL


class _Monitor(_Slo, tag="monitor"):
    monitor_ids: tuple[int, ...] | None = None
    groups: tuple[str, ...] | None = None


class _TimeSlice(_Slo, tag="time_slice"):
    sli_specification: Raw = _NULL


class _Total(Struct):
    total_count: int | None = None


class _Meta(Struct):
    page: _Total | None = None


class _Slos(Struct):
    data: list[Raw]  # one by one: a thousand records beside a thousand models would double the memory
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
_slo = msgspec.json.Decoder(_Metric | _Monitor | _TimeSlice)
_thresholds = msgspec.json.Decoder(list[_Threshold])
_creator = msgspec.json.Decoder(Creator | None)
_history = msgspec.json.Decoder(_History)
_read_spec: Callable[[object], SliSpec] = DECODER.reader(SliSpec)


def slos(body: bytes) -> tuple[tuple[Slo, ...], int | None] | None:
    """The SLOs of a list and the vendor's count of all, or None."""
    try:
        page = _slos.decode(body)
        model = _Models().model
        found = tuple([model(_slo.decode(raw)) for raw in page.data])
    except (msgspec.DecodeError, _Unfit, ValueError, RecursionError):
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


class _Models:
    """Makes the models of one list. What many of its SLOs have alike, in the same bytes, is read once and shared."""

    def __init__(self) -> None:
        self._thresholds: dict[bytes, tuple[Threshold, ...]] = {}
        self._creators: dict[bytes, Creator | None] = {}
        self._texts: dict[str | None, str | None] = {}
        self._tags: dict[str, str] = {}

    def model(self, read: _Metric | _Monitor | _TimeSlice) -> Slo:
        raw = bytes(read.thresholds)
        thresholds = self._thresholds.get(raw)
        if thresholds is None:
            thresholds = self._thresholds[raw] = tuple([_threshold(t) for t in _thresholds.decode(raw)])
        raw = bytes(read.creator)
        if raw not in self._creators:
            self._creators[raw] = _creator.decode(raw)
        creator = self._creators[raw]
        description = self._texts.setdefault(read.description, read.description)
        tags = read.tags
        if tags is not None:
            tags = tuple(map(self._tags.setdefault, tags, tags))
        timeframe = read.timeframe if read.timeframe is None else _TIMEFRAMES.get(read.timeframe) or Timeframe(read.timeframe)
        created_at = None if read.created_at is None else _moment(read.created_at, UTC)
        modified_at = None if read.modified_at is None else _moment(read.modified_at, UTC)
        if isinstance(read, _Metric):
            query = None if read.query is None else MetricQuery(numerator=read.query.numerator, denominator=read.query.denominator)
            return MetricSlo(
                name=read.name,
                thresholds=thresholds,
                id=read.id or "",
                description=description,
                tags=tags,
                timeframe=timeframe,
                target_threshold=read.target_threshold,
                warning_threshold=read.warning_threshold,
                creator=creator,
                created_at=created_at,
                modified_at=modified_at,
                type_id=read.type_id,
                monitor_tags=read.monitor_tags,
                configured_alert_ids=read.configured_alert_ids,
                query=query,
                sli_specification=_spec(read.sli_specification),
            )
        if isinstance(read, _Monitor):
            return MonitorSlo(
                name=read.name,
                thresholds=thresholds,
                id=read.id or "",
                description=description,
                tags=tags,
                timeframe=timeframe,
                target_threshold=read.target_threshold,
                warning_threshold=read.warning_threshold,
                creator=creator,
                created_at=created_at,
                modified_at=modified_at,
                type_id=read.type_id,
                monitor_tags=read.monitor_tags,
                configured_alert_ids=read.configured_alert_ids,
                monitor_ids=read.monitor_ids or (),
                groups=read.groups,
            )
        return TimeSliceSlo(
            name=read.name,
            thresholds=thresholds,
            id=read.id or "",
            description=description,
            tags=tags,
            timeframe=timeframe,
            target_threshold=read.target_threshold,
            warning_threshold=read.warning_threshold,
            creator=creator,
            created_at=created_at,
            modified_at=modified_at,
            type_id=read.type_id,
            monitor_tags=read.monitor_tags,
            configured_alert_ids=read.configured_alert_ids,
            sli_specification=_spec(read.sli_specification),
        )


def _threshold(read: _Threshold) -> Threshold:
    return Threshold(
        timeframe=_TIMEFRAMES.get(read.timeframe) or Timeframe(read.timeframe),
        target=read.target,
        warning=read.warning,
        target_display=read.target_display,
        warning_display=read.warning_display,
    )


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
        raise _Unfit from e
