"""What deletions did, and what would be deleted."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from datadog_slo._enums import ErrorTimeframe
from slo_common._errors import ErrorDetail, PartialFailure, api_error


@frozen(kw_only=True)
class DeleteResult:
    """What a deletion did. ``errors`` maps ids to what keeps them, such as a dashboard that shows the SLO."""

    deleted: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(factory=dict[str, str])

    def raise_for_errors(self) -> None:
        """Nothing if all was deleted.

        Raises :class:`~slo_common.Conflict`, with what refers to the SLO in its ``errors``, if something was not.

        >>> dd.slos.delete(slo.id).raise_for_errors()  # doctest: +SKIP
        """
        raise_conflict(self.errors, "datadog.slos.delete", "Delete with force=True to do it all the same")


@frozen(kw_only=True)
class CanDeleteResult:
    """Which SLOs nothing refers to. ``errors`` maps the others to what refers to them."""

    ok: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(factory=dict[str, str])

    def raise_for_errors(self) -> None:
        """Nothing if all of them are free.

        Raises :class:`~slo_common.Conflict`, with what refers to them in its ``errors``, if one is in use.

        >>> dd.slos.can_delete([slo.id]).raise_for_errors()  # doctest: +SKIP
        """
        raise_conflict(self.errors, "datadog.slos.can_delete", None)


def raise_conflict(errors: Mapping[str, str], call: str, hint: str | None) -> None:
    if errors:
        raise api_error(409, call=call, errors=tuple(ErrorDetail(detail=v, parameter=k) for k, v in errors.items()), hint=hint)


@frozen(kw_only=True)
class BulkDeleteError:
    """One SLO, or one of its timeframes, that was not deleted."""

    id: str
    message: str
    timeframe: ErrorTimeframe


@frozen(kw_only=True)
class BulkDeleteResult:
    """What a bulk deletion did; it may be partly done.

    ``deleted``: ids of SLOs that are gone. ``updated``: ids of SLOs that lost at least one timeframe and remain. ``errors``: what was
    not done, with the vendor's reason.
    """

    deleted: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    errors: tuple[BulkDeleteError, ...] = ()

    def raise_for_errors(self) -> None:
        """Nothing if all was deleted.

        Raises :class:`~slo_common.PartialFailure`, with this result in its ``result``, if anything was not.

        >>> dd.slos.bulk_delete({"id1": ["7d"]}).raise_for_errors()  # doctest: +SKIP
        """
        if not self.errors:
            return
        details = tuple(ErrorDetail(detail=e.message, parameter=f"{e.id} {e.timeframe}") for e in self.errors)
        shown = "; ".join(str(d) for d in details[:10]) + (f"; and {len(details) - 10} more" if len(details) > 10 else "")
        done = len(self.deleted) + len(self.updated)
        message = f"datadog.slos.bulk_delete: {len(details)} not deleted, {done} done: {shown}"
        raise PartialFailure(message, result=self, status=200, call="datadog.slos.bulk_delete", errors=details)
