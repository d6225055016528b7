"""Header fields as they stand on the wire: read into text, and written from it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?\r\n")
"""One field line, with nothing in it that could end it early (RFC 9110, 5.5)."""

Fields = tuple[tuple[str, str], ...]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by their lower-case names; repeated ones are joined by a comma, as HTTP allows."""
    found: dict[str, str] = {}
    for raw_name, raw in fields:
        name, value = _text(raw_name).lower(), _text(raw)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class FieldLines:
    """Writes field lines. The fields of one client's calls are almost always the same, so the last ones are kept."""

    def __init__(self) -> None:
        self._last: tuple[Fields, bytes] = ((), b"")

    def of(self, fields: Fields) -> bytes | None:
        """The lines; None if one of them must not be written."""
        known, lines = self._last
        if fields != known:
            each = [b"%b: %b\r\n" % (name.encode("ascii"), value.encode("ascii")) for name, value in fields]
            if not all(map(_LINE.fullmatch, each)):
                return None
            lines = b"".join(each)
            self._last = fields, lines
        return lines
