"""A key, token or password that does not show itself."""

from __future__ import annotations

import hmac
from typing import NoReturn

from slo_common._errors import ConfigurationError


def _kind(text: str, i: int) -> str:
    if text[i:].strip("\r\n") == "":
        return "a trailing newline (read from a file? strip it)"
    if ord(text[i]) < 32 or ord(text[i]) == 127:
        return "a control character"
    return "a space" if text[i] == " " else "a non-ASCII character"


def _problem(text: object, *, allow_any_text: bool) -> str | None:
    if not isinstance(text, str):
        return f"a {type(text).__name__} was given; allowed: a string"
    if not text:
        return "it is empty; allowed: visible ASCII characters"
    at = next((i for i, char in enumerate(text) if not "!" <= char <= "~"), None)
    if at is None or allow_any_text:
        return None
    return f"{_kind(text, at)} at position {at}; allowed: visible ASCII characters"


class Secret:
    """Holds a credential. ``str`` and ``repr`` show ``'***'``; it cannot be pickled; ``reveal()`` gives the text.

    Raises :class:`ConfigurationError` for an empty value, a control character, a space or a character outside visible ASCII, naming
    the position and never the value. A trailing newline (a key read from a file) is one of them: it is not cut off silently, because
    the same file would fail with every other tool. ``allow_any_text`` is for passwords, which may hold any character.

    >>> Secret("abc", name="api_key")
    Secret('***')
    """

    __slots__ = ("_text", "name")

    def __init__(self, text: str | Secret, *, name: str = "secret", allow_any_text: bool = False) -> None:
        if isinstance(text, Secret):
            text = text.reveal()
        problem = _problem(text, allow_any_text=allow_any_text)
        if problem is not None:
            del text  # tools that show the locals of every frame must not find it here
            raise ConfigurationError(f"{name}: {problem}")
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
