"""The attributes of an SLA that a request may carry, in the vendor's order, and how the vendor names them to people."""

from __future__ import annotations

from typing import Final

from attrs import NOTHING, fields

from rootly_sla.models import Sla, SlaSpec

_NEEDED: Final = {f.name: f.default is NOTHING for f in fields(SlaSpec)}

ATTRIBUTES: Final = tuple(f.name for f in fields(Sla) if f.name in _NEEDED)

REQUIRED: Final = tuple(name for name in ATTRIBUTES if _NEEDED[name])
"""What a create must have."""

NULLABLE: Final = frozenset(("description", "position", *(name for name in ATTRIBUTES if name.endswith("_id"))))
"""What may be sent as null."""


def human(name: str) -> str:
    """An attribute as Rails, in which Rootly is written, names it in a message: ``Assignment deadline days``; ``_id`` is dropped."""
    return name.removesuffix("_id").replace("_", " ").capitalize()


def attribute_in(text: str) -> str | None:
    """The attribute that a message of the vendor begins with, or None.

    >>> attribute_in("Name has already been taken")
    'name'
    """
    return next((name for name in ATTRIBUTES if text.startswith(human(name) + " ")), None)
