"""A key, token or password that does not show itself."""

from __future__ import annotations

import hmac
import warnings
from typing import NoReturn

from slo_common._errors import ConfigurationError


class Secret:
    """Holds a credential. ``str`` and ``repr`` show ``'***'``; it cannot be pickled; ``reveal()`` gives the text.

    Raises :class:`ConfigurationError` for an empty value, a control character, a space at an end or a character outside
    visible ASCII, naming the position and never the value. One trailing newline (a key read from a file) is cut off with a warning.

    >>> Secret("abc", name="api_key")
    Secret('***')
    """

    __slots__ = ("_text", "name")

    def __init__(self, text: str | Secret, *, name: str = "secret", allow_any_text: bool = False) -> None:
        if isinstance(text, Secret):
            text = text.reveal()
        elif not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
            raise ConfigurationError(f"{name}: a {type(text).__name__} was given; allowed: a string")
        if text.endswith("\n"):
            text = text.removesuffix("\n").removesuffix("\r")
            warnings.warn(f"{name}: a trailing newline was cut off (read from a file?)", UserWarning, stacklevel=3)
        if not text:
            raise ConfigurationError(f"{name}: it is empty; allowed: visible ASCII characters")
        if not allow_any_text:
            for i, char in enumerate(text):
                if not "!" <= char <= "~":
                    kind = (
                        "a control character"
                        if ord(char) < 32 or ord(char) == 127
                        else "a space"
                        if char == " "
                        else "a non-ASCII character"
                    )
                    raise ConfigurationError(f"{name}: {kind} at position {i}; allowed: visible ASCII characters")
        self._text = text
        self.name = name

    def reveal(self) -> str:
        """The text itself. Nothing else gives it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: pass the credentials to the other process by its environment")
