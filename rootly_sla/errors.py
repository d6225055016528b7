"""Exceptions of Rootly that say more than those of ``slo_common``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo_common._errors import AlreadyExists, InvalidArgument, Sent, SloError, ValidationFailed

if TYPE_CHECKING:
    from rootly_sla._planning import Applied

__all__ = ["AmbiguousName", "ApplyFailed", "NameTaken", "SlaRefused"]


class SlaRefused(ValidationFailed, InvalidArgument):
    """422: the server did not accept the SLA.

    Looks like the :class:`~slo_common.InvalidArgument` that our own checks raise: ``problems`` has a line for each fault, which begins
    with the argument where the server named it. ``errors`` has the server's own words.
    """


class NameTaken(SlaRefused, AlreadyExists):
    """422: another SLA has that name; names are unique within a team."""


class AmbiguousName(SloError):
    """Several SLAs have the name by which one was to be found; nothing was changed. ``name``, and ``ids`` of those found."""

    sent = Sent.YES

    def __init__(self, name: str, ids: tuple[str, ...]) -> None:
        super().__init__(f"name: {len(ids)} SLAs are called {name!r} ({', '.join(ids)}); rename or delete all but one")
        self.name = name
        self.ids = ids


class ApplyFailed(SloError):
    """Some changes of a plan failed. ``result`` tells what was done, what failed with which error, and what was not tried."""

    sent = Sent.YES
    retry_safe: bool | None = True

    def __init__(self, result: Applied) -> None:
        failed = "; ".join(f"{change.planned.step} {change.planned.name!r}: {change.error}" for change in result.failed)
        super().__init__(
            f"{len(result.failed)} of {len(result.changes)} changes failed, {len(result.not_tried)} were not tried: {failed}"
        )
        self.result = result
