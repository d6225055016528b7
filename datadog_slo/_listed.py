"""A long list, read SLO by SLO with the standard library: at no time is there a tree of all of it, nor its text.

It takes only what plainly fits: for anything else it gives None, and the other path reads the same reply.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast

from datadog_slo._calls_slos import PageMeta
from datadog_slo._convert import DECODER
from datadog_slo._models_slos import Slo
from datadog_slo._quick import SloPage
from slo_common._compile import REFUSALS
from slo_common._json import parse

WINDOW = 64 * 1024
"""Bytes that become text at a time."""
LONGEST = 4 * WINDOW
"""Characters of one SLO; what is longer is none, and to look for its end again and again takes for ever."""
_START = re.compile(r'[ \t\r\n]*\{[ \t\r\n]*"data"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_BETWEEN = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


_scan: Callable[[str, int], tuple[Any, int]] = cast(Any, json.JSONDecoder(parse_constant=_no_constant)).scan_once
_read, _shared = DECODER.sharing_reader(Slo)


def slos(body: bytes) -> SloPage | None:
    """The SLOs of a list and the vendor's count of all, or None."""
    try:
        items, rest = _items(body)
        return items, _total(rest)
    except (*REFUSALS, RecursionError):
        return None
    finally:
        _shared.clear()


def _items(body: bytes) -> tuple[tuple[Slo, ...], str]:
    """The SLOs, and the text after their list."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    view = memoryview(body)
    text, read_to = decode(view[:WINDOW], len(body) <= WINDOW), WINDOW
    start = _START.match(text)
    if start is None:
        raise ValueError("not as expected")
    at = start.end()
    found: list[Slo] = []
    while True:
        try:
            item, end = _scan(text, at)
        except (StopIteration, json.JSONDecodeError):
            item, end = None, len(text)
        if text.startswith(",{", end):
            at = end + 1
        elif (mark := _BETWEEN.match(text, end)) is not None:
            at = mark.end()
            if mark[1] == "]":
                found.append(_read(item))
                return tuple(found), text[at:] + decode(view[read_to:], True)
        else:  # the window ends here, or it is no list of objects
            if read_to >= len(body) or len(text) - at > LONGEST:
                raise ValueError("not as expected")
            more = decode(view[read_to : read_to + WINDOW], read_to + WINDOW >= len(body))
            text, at, read_to = (text[at:] + more).lstrip(), 0, read_to + WINDOW
            continue
        found.append(_read(item))


def _total(rest: str) -> int | None:
    """The count in what stands beside the list; raises one of REFUSALS for anything out of the ordinary."""
    if rest[:1] not in (",", "}"):
        raise ValueError("not as expected")
    beside = parse(b"{" + rest.removeprefix(",").encode())
    if not isinstance(beside, dict) or "data" in beside:
        raise ValueError("not as expected")
    meta = None if beside.get("metadata") is None else DECODER.read(beside["metadata"], PageMeta)
    return meta.page.total_count if meta is not None and meta.page is not None else None
