"""What the sandbox shows in a search: entries, facets, and the page with its misleading links."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from datadog_slo._sandbox_history import search_status
from datadog_slo._sandbox_replies import Doc
from datadog_slo._sandbox_slos import StoredSlo

_KEYS = ("team", "env", "service")


def answer(query: str, found: Sequence[StoredSlo], *, number: int, size: int, facets: bool, now: int) -> Doc:
    """One page of what was found. ``number`` counts from 0."""
    page = found[number * size : (number + 1) * size]
    attributes: Doc = {"slos": [{"data": {"type": "slo", "id": s.id, "attributes": _entry(s, now)}} for s in page]}
    if facets:
        attributes["facets"] = _facets(found)
    pagination = {
        "number": number,
        "first_number": 0,
        "prev_number": max(0, number - 1),
        "next_number": number + 1,
        "last_number": max(0, (len(found) - 1) // size),
        "size": size,
        "total": len(found),
        "type": "number_size",
    }
    at = f"https://api.datadoghq.com/api/v1/slo/search?query={quote(query)}"
    links: Doc = {
        # Recorded: next is there past the end too, last is null, and self spells the brackets in another way.
        "self": f"{at}&page%5Bsize%5D={size}&page%5Bnumber%5D={number}",
        "first": f"{at}&page[number]=0&page[size]={size}",
        "prev": f"{at}&page[number]={number - 1}&page[size]={size}" if number else None,
        "next": f"{at}&page[number]={number + 1}&page[size]={size}",
        "last": None,
    }
    data = {"type": "service_level_objective_search_results", "attributes": attributes}
    return {"data": data, "links": links, "meta": {"pagination": pagination}}


def _entry(slo: StoredSlo, now: int) -> Doc:
    doc = slo.doc
    status, overall = search_status(slo, now)
    entry: Doc = {
        "name": doc["name"],
        "slo_type": doc["type"],
        "description": doc["description"] or None,
        "creator": {"id": 1, "email": doc["creator"]["email"], "name": None},
        "created_at": doc["created_at"],
        "modified_at": doc["modified_at"],
        "all_tags": doc["tags"],
        "groups": doc.get("groups"),
        "monitor_ids": doc.get("monitor_ids"),
        "query": {**doc["query"], "metrics": None} if "query" in doc else None,
        "thresholds": [{**t, "target_display": f"{t['target']:g}"} for t in doc["thresholds"]],
        "timeframe": doc["timeframe"],
        "target_threshold": doc["target_threshold"],
        "warning_threshold": doc.get("warning_threshold"),
        "status": status,
        "overall_status": overall,
    }
    return entry | {f"{key}_tags": [t for t in doc["tags"] if t.startswith(f"{key}:")] for key in _KEYS}


def _facets(found: Sequence[StoredSlo]) -> Doc:
    """Counts of what was found. That slo_type counts by number is declared; the rest of the shape is a guess from the names."""
    tags = [t for s in found for t in s.doc["tags"]]
    facets: Doc = {
        "all_tags": _counted(tags),
        "creator_name": _counted([s.doc["creator"]["handle"] for s in found]),
        "slo_type": _counted([s.doc["type_id"] for s in found]),
        "target": _counted([s.target for s in found]),
        "timeframe": _counted([t["timeframe"] for s in found for t in s.doc["thresholds"]]),
    }
    return facets | {f"{key}_tags": _counted([t for t in tags if t.startswith(f"{key}:")]) for key in _KEYS}


def _counted(values: Sequence[object]) -> list[Doc]:
    return [{"name": name, "count": values.count(name)} for name in dict.fromkeys(values)]
