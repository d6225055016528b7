"""What the sandbox says about the SLI of one SLO: history (v1), status (v2) and the entry in a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datadog_slo._sandbox_replies import Doc
from datadog_slo._sandbox_sli import DAY, Span, error_budget, overlap
from datadog_slo._sandbox_slos import StoredSlo

PRECISION = 2
NO_DATA_ERROR: Doc = {"error_type": "ZERO_VALUED_DENOMINATOR", "error_message": "The denominator is zero valued"}
_BUCKETS = ((DAY, 7200), (7 * DAY, 14_400), (31 * DAY, DAY), (92 * DAY, 2 * DAY))
_LENGTHS = {"7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}


def state(sli: float | None, target: float, warning: float | None) -> str:
    if sli is None:
        return "no_data"
    if sli < target:
        return "breached"
    return "warning" if warning is not None and sli < warning else "ok"


def status_data(slo: StoredSlo, spans: Sequence[Span]) -> Doc:
    """The ``data`` of GET /api/v2/slo/{id}/status. What it shows without data is not documented; null numbers are a guess."""
    good, every = slo.model.totals(spans)
    sli = slo.model.sli(spans)
    return {
        "id": slo.id,
        "type": "slo_status",
        "attributes": {
            "sli": sli,
            "error_budget_remaining": None if sli is None else round(error_budget(sli, slo.target), 5),
            "raw_error_budget_remaining": _raw_budget(slo, good, every),
            "state": state(sli, slo.target, slo.warning),
            "span_precision": PRECISION,
        },
    }


def _raw_budget(slo: StoredSlo, good: float, every: float) -> Doc:
    unit = "requests" if slo.doc["type"] == "metric" else "seconds"
    return {"value": round(every * (1 - slo.target / 100) - (every - good), 3), "unit": unit}


def search_status(slo: StoredSlo, now: int) -> tuple[Doc, list[Doc]]:
    """The ``status`` of the primary timeframe and the ``overall_status`` of all."""
    overall: list[Doc] = []
    for threshold in slo.doc["thresholds"]:
        span = (float(now - _LENGTHS[threshold["timeframe"]]), float(now))
        good, every = slo.model.totals([span])
        sli = slo.model.sli([span])
        overall.append(
            {
                "error": None if sli is not None else NO_DATA_ERROR["error_message"],
                "error_budget_remaining": None if sli is None else round(error_budget(sli, threshold["target"]), 5),
                "indexed_at": now,
                "raw_error_budget_remaining": _raw_budget(slo, good, every),
                "span_precision": PRECISION,
                "state": state(sli, threshold["target"], threshold.get("warning")),
                "status": sli,
                "target": threshold["target"],
                "timeframe": threshold["timeframe"],
            }
        )
    first = next(o for o in overall if o["timeframe"] == slo.doc["timeframe"])
    shared = ("error_budget_remaining", "indexed_at", "raw_error_budget_remaining", "span_precision", "state")
    primary = {name: first[name] for name in shared} | {"sli": first["status"], "calculation_error": first["error"]}
    return primary, overall


def history_data(
    slo: StoredSlo, window: tuple[int, int], spans: Sequence[Span], corrections: list[Doc], target: float | None, *, words: bool
) -> Doc:
    """The ``data`` of GET /api/v1/slo/{id}/history. ``words``: no-data transitions are the text ``NO_DATA`` (an older server)."""
    sli = slo.model.sli(spans)
    thresholds: Doc = {t["timeframe"]: t for t in slo.doc["thresholds"]}
    if target is not None:
        thresholds["custom"] = {"timeframe": "custom", "target": target, "target_display": f"{target:g}"}
    overall: Doc = {
        "sli_value": sli,
        "span_precision": PRECISION,
        "precision": dict.fromkeys(thresholds, PRECISION if sli is not None else 0),
        "uptime": sli,
        "corrections": corrections,
        "state": state(sli, slo.target, slo.warning),
    }
    if sli is None:
        overall["errors"] = [NO_DATA_ERROR]
    else:
        overall["error_budget_remaining"] = {k: round(error_budget(sli, t["target"]), 5) for k, t in thresholds.items()}
    data: Doc = {
        "thresholds": thresholds,
        "from_ts": window[0],
        "to_ts": window[1],
        "type": slo.doc["type"],
        "type_id": slo.doc["type_id"],
        "slo": slo.doc,
        "overall": overall,
    }
    if slo.doc["type"] == "metric":
        return data | {"group_by": [], "series": _series(slo, window, spans)}
    overall["history"] = _transitions(slo, window, words=words)
    if slo.doc["type"] == "monitor":
        data["monitors"] = [_monitor(number, sli, overall["history"], window) for number in slo.doc["monitor_ids"]]
    return data


def _monitor(number: int, sli: float | None, history: list[list[Any]], window: tuple[int, int]) -> Doc:
    return {
        "name": f"Monitor {number}",
        "sli_value": sli,
        "span_precision": PRECISION,
        "precision": float(PRECISION),
        "preview": False,
        "uptime": sli,
        "history": history,
        "monitor_type": "metric alert",
        "monitor_modified": window[0],
    }


def _series(slo: StoredSlo, window: tuple[int, int], spans: Sequence[Span]) -> Doc:
    interval = next((size for length, size in _BUCKETS if window[1] - window[0] <= length), 4 * DAY)
    times: list[int] = []
    good: list[float] = []
    every: list[float] = []
    start = window[0] - window[0] % interval
    while start < window[1]:
        inside = [overlap(span, (start, start + interval)) for span in spans]
        totals = slo.model.totals(inside)
        times.append(start * 1000)
        good.append(round(totals[0], 3))
        every.append(round(totals[1], 3))
        start += interval
    query = slo.doc["query"]
    numerator, denominator = f"default_zero({query['numerator']})", f"default_zero({query['denominator']})"
    return {
        "timing": "0.02",
        "res_type": "time_series",
        "resp_version": 2,
        "query": f"{numerator}, {denominator}",
        "from_date": window[0] * 1000,
        "to_date": window[1] * 1000,
        "message": "",
        "interval": interval,
        "times": times,
        "numerator": _counted(good, numerator, 0),
        "denominator": _counted(every, denominator, 1),
        "numerator_query": numerator,
        "denominator_query": denominator,
        "bad_series_query": f"{denominator} - {numerator}",
        "graph_query": f"{numerator}, {denominator} - {numerator}",
    }


def _counted(values: list[float], expression: str, index: int) -> Doc:
    metadata: Doc = {
        "unit": None,
        "query_index": index,
        "aggr": "sum",
        "metric": expression.partition("{")[0].rpartition(":")[2],
        "tag_set": [],
        "expression": expression,
        "scope": expression.partition("{")[2].partition("}")[0],
    }
    return {"values": values, "metadata": metadata, "sum": round(sum(values), 3), "count": len(values)}


def _transitions(slo: StoredSlo, window: tuple[int, int], *, words: bool) -> list[list[Any]]:
    """Pairs of time and state: 0 good, 1 bad, 2 (or ``NO_DATA``) unknown."""
    model, nothing = slo.model, "NO_DATA" if words else 2
    span = (float(window[0]), float(window[1]))
    begin, end = model.data_from or span[0], model.data_to or span[1]
    marks: list[tuple[float, Any]] = [(begin, 0), (end, nothing)]
    for incident in model.incidents:
        marks += [(incident.start, 1), (incident.end, 0)]
    first: Any = nothing if begin > span[0] or end <= span[0] else 0
    if any(i.start <= span[0] < i.end for i in model.incidents):
        first = 1
    later = sorted((at, what) for at, what in ((int(at), what) for at, what in marks if span[0] < at < span[1]))
    return [[window[0], first], *([at, what] for at, what in later)]
