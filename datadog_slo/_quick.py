"""The replies that come by the thousand, read by a fast path if they plainly fit; else None. One is for msgspec, one does without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datadog_slo._models_slos import Slo
from slo_common._json import QUICK_FROM, has_msgspec
from slo_common._values import Reply

if TYPE_CHECKING:
    from datadog_slo._checkpoint import CellValue

SloPage = tuple[tuple[Slo, ...], int | None]
"""The SLOs of a list and the vendor's count of all."""


def quick_slos(reply: Reply) -> SloPage | None:
    """The SLOs of a list. A short one is not worth the import."""
    if reply.status != 200 or len(reply.body) < QUICK_FROM:
        return None
    if has_msgspec():
        from datadog_slo import _fast

        return _fast.slos(reply.body)
    from datadog_slo import _listed

    return _listed.slos(reply.body)


def quick_sli(reply: Reply) -> CellValue | None:
    """The SLI of a history: short, but a report asks for thousands."""
    if reply.status != 200 or not has_msgspec():
        return None
    from datadog_slo import _fast

    return _fast.sli(reply.body)
