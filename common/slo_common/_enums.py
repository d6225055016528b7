"""Open enums: a server may send a value that this release does not know, and nothing is lost."""

from __future__ import annotations

import enum
from typing import Self


class OpenEnum(enum.StrEnum):
    """A string enum that accepts unknown values.

    An unknown value keeps its text, equals it, hashes like it, survives pickling and says ``is_known == False``.

    >>> class Colour(OpenEnum):
    ...     RED = "red"
    >>> Colour("mauve") == "mauve", Colour("mauve").is_known, Colour("red") is Colour.RED
    (True, False, True)
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = "UNKNOWN"
        unknown._value_ = value
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether this release documents the value."""
        return self._value_ in type(self)._value2member_map_

    def __reduce_ex__(self, proto: object) -> tuple[type[Self], tuple[str]]:
        # Python 3.11.2 (Debian 12's) pickles members by name, and an unknown one has no name of its own.
        return (type(self), (self._value_,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self._name_}" if self.is_known else f"{type(self).__name__}({self._value_!r})"
