"""The search language of SLO queries, as far as the sandbox speaks it: words, "phrases", ``key:value`` and a leading ``-``.

All terms must match. What the vendor does with ``OR``, brackets and ranges was never recorded; the sandbox does not know them.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from datadog_slo._sandbox_replies import Doc

_TERM = re.compile(r'(-?)(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')


def matches(query: str, doc: Doc) -> bool:
    """Whether the SLO answers to the query. An empty query or ``*`` matches all."""
    return all(_term(key.lower(), phrase or word, doc) != bool(minus) for minus, key, phrase, word in _TERM.findall(query))


def _term(key: str, value: str, doc: Doc) -> bool:
    wanted = value.lower()
    if not key:
        return wanted in ("*", "and") or fnmatchcase(doc["name"].lower(), f"*{wanted}*")
    if key in ("slo_type", "type"):
        return bool(doc["type"] == wanted)
    if key == "timeframe":
        return any(t["timeframe"] == wanted for t in doc["thresholds"])
    return any(fnmatchcase(tag.lower(), f"{key}:{wanted}") for tag in doc["tags"])
