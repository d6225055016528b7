"""The replies that come by the thousand, read by the fast path where msgspec is installed and they plainly fit; else None."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache

from attrs import frozen

from datadog_slo._checkpoint import CellValue
from datadog_slo._models_slos import Slo
from slo_common._values import Reply

SloPage = tuple[tuple[Slo, ...], int | None]
"""The SLOs of a list and the vendor's count of all."""


@frozen(kw_only=True)
class Quick:
    """The fast readers of bodies."""

    slos: Callable[[bytes], SloPage | None]
    sli: Callable[[bytes], CellValue | None]


@cache
def quick() -> Quick | None:
    """None without msgspec (the extra ``fast``); looked for once."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    from datadog_slo import _fast

    return Quick(slos=_fast.slos, sli=_fast.sli)


def quick_slos(reply: Reply) -> SloPage | None:
    readers = quick() if reply.status == 200 else None
    return None if readers is None else readers.slos(reply.body)


def quick_sli(reply: Reply) -> CellValue | None:
    readers = quick() if reply.status == 200 else None
    return None if readers is None else readers.sli(reply.body)
