"""The decoder of Datadog's replies: strict where a wrong value would mislead, tolerant where recordings differ from the specification.

Scalars are strict. A null where the model has a default and no None counts as left out (recorded: ``"errors": null``). Unknown keys
are ignored, or kept in ``extra`` by the models that have it.
"""

from __future__ import annotations

from functools import cache

from datadog_slo._shapes import SHAPES
from slo_common._compile import QuickDecoder
from slo_common._convert import Decoder


@cache
def careful() -> Decoder:
    """The decoder that names every bad path; made for replies that need it."""
    from datadog_slo._models_slos import SliSpec, Slo
    from slo_common._careful import careful_decoder

    return careful_decoder(SHAPES, Slo, SliSpec)


DECODER = QuickDecoder(SHAPES, careful)
