"""The decoder of Datadog's replies: strict where a wrong value would mislead, tolerant where recordings differ from the specification.

Scalars are strict. A null where the model has a default and no None counts as left out (recorded: ``"errors": null``). Unknown keys
are ignored, or kept in ``extra`` by the models that have it.
"""

from __future__ import annotations

from typing import TypeVar

from datadog_slo._compile import reader
from slo_common._values import Reply

T = TypeVar("T")

REFUSALS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What the reader raises for a reply that is not as it should be."""


class ReplyDecoder:
    """Reads by generated code; what that refuses is read by cattrs, which is loaded for it."""

    def read(self, value: object, cls: type[T]) -> T:
        """``value`` as ``cls``, if all of it is plainly right; raises one of REFUSALS for anything else."""
        found: T = reader(cls)(value)
        return found

    def decode(
        self, value: object, cls: type[T], *, call: str, reply: Reply | None = None, request_id: str | None = None, root: str = "$"
    ) -> T:
        """``value`` as ``cls``; raises :class:`DecodeError` naming the call, every bad field below ``root`` and the request id."""
        try:
            return self.read(value, cls)
        except REFUSALS:
            pass
        from datadog_slo._careful import CAREFUL

        return CAREFUL.decode(value, cls, call=call, reply=reply, request_id=request_id, root=root)


DECODER = ReplyDecoder()
