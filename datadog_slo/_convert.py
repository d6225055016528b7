"""The decoder of Datadog's replies: strict where a wrong value would mislead, tolerant where recordings differ from the specification.

Scalars are strict. A null where the model has a default and no None counts as left out (recorded: ``"errors": null``). Unknown keys
are ignored, or kept in ``extra`` by the models that have it.
"""

from __future__ import annotations

from datadog_slo._shapes import SHAPES
from slo_common._compile import QuickDecoder

DECODER = QuickDecoder(SHAPES)
