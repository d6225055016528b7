"""Status corrections: stretches of time that do not count."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from datadog_slo._enums import CorrectionCategory
from datadog_slo._models_slos import Extra
from slo_common._json import JsonValue


@frozen(kw_only=True)
class CorrectionUser:
    """Who created or changed a correction. The vendor nests it as a JSON:API user; older answers and the specification have it flat."""

    id: str | None = None
    uuid: str | None = None
    handle: str | None = None
    email: str | None = None
    name: str | None = None
    icon: str | None = None


@frozen(kw_only=True)
class Correction:
    """A status correction. Times are UTC, ``duration`` is in seconds.

    Either ``slo_id`` or ``slo_query`` says what it covers; either ``end``, or ``rrule`` with ``duration``, how long. ``created_at`` and
    ``modified_at`` are None in the answer to a creation and there from the next read on; ``modifier`` is None before the first change.
    """

    id: str
    category: CorrectionCategory
    start: datetime
    end: datetime | None = None
    slo_id: str | None = None
    slo_query: str | None = None
    description: str | None = None
    timezone: str | None = None
    rrule: str | None = None
    duration: int | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    creator: CorrectionUser | None = None
    modifier: CorrectionUser | None = None
    type: str = "correction"
    extra: Extra = field(factory=dict[str, JsonValue], repr=False)
