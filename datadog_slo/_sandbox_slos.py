"""The SLOs of the sandbox: checking what is sent, and what is kept and shown of it."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field

from datadog_slo._sandbox_replies import Doc, bad_request
from datadog_slo._sandbox_sli import SliModel

TIMEFRAMES = ("7d", "30d", "90d")
TYPE_IDS = {"monitor": 0, "metric": 1, "time_slice": 2}
_OPTIONAL = ("query", "sli_specification", "monitor_ids", "groups")
USER: Doc = {"name": None, "handle": "sandbox@example.com", "email": "sandbox@example.com"}


@define(kw_only=True)
class StoredSlo:
    """One SLO: the document it is shown as, and the service behind it."""

    doc: Doc
    model: SliModel
    referenced_by: tuple[str, ...] = ()
    alert_ids: tuple[int, ...] = ()
    deleted_at: float | None = None
    dropped: list[str] = field(factory=list[str])
    """Timeframes deleted in bulk."""

    @property
    def id(self) -> str:
        return str(self.doc["id"])

    @property
    def target(self) -> float:
        return float(self.doc["target_threshold"])

    @property
    def warning(self) -> float | None:
        return self.doc.get("warning_threshold")

    def drop(self, timeframe: str) -> None:
        """Delete one threshold; the first that is left becomes the primary one."""
        rest = [t for t in self.doc["thresholds"] if t["timeframe"] != timeframe]
        self.doc["thresholds"] = rest
        if rest and self.doc["timeframe"] == timeframe:
            _set_primary(self.doc, rest[0])


def document(sent: Any, *, slo_id: str, created_at: int, now: int) -> Doc:
    """The document made of a create or update body. Refuses with 400 what the vendor documents as required or limited."""
    if not isinstance(sent, dict):
        raise bad_request("Invalid payload: expected an object")
    body = cast(Doc, sent)
    for name in ("type", "name", "thresholds"):
        if not body.get(name):
            raise bad_request(f"Invalid payload: Required parameter '{name}' is missing")
    kind = body["type"]
    if kind not in TYPE_IDS:
        raise bad_request(f"Invalid payload: '{kind}' is not a valid SLO type")
    _check_source(kind, body)
    thresholds = [_threshold(t) for t in body["thresholds"]]
    primary = next((t for t in thresholds if t["timeframe"] == body.get("timeframe")), thresholds[0])
    doc: Doc = {
        "id": slo_id,
        "name": body["name"],
        "tags": sorted(body.get("tags") or ()),
        "monitor_tags": [],
        "thresholds": thresholds,
        "type": kind,
        "type_id": TYPE_IDS[kind],
        "description": body.get("description") or "",
        "creator": USER,
        "created_at": created_at,
        "modified_at": now,
    }
    _set_primary(doc, primary)
    for name in _OPTIONAL:
        if body.get(name):
            doc[name] = body[name]
    if kind == "metric" and "query" not in doc:
        doc["query"] = _derived_query(body["sli_specification"]["count"])
    if kind == "time_slice":
        # Recorded: the interval left out comes back filled in.
        doc["sli_specification"]["time_slice"].setdefault("query_interval_seconds", 300)
    return doc


def created(doc: Doc) -> Doc:
    """The document as create and update show it. Recorded: whole thresholds are JSON integers there, floats everywhere else."""
    whole: Doc = {k: int(doc[k]) for k in ("target_threshold", "warning_threshold") if k in doc and float(doc[k]).is_integer()}
    return {**doc, **whole}


def _set_primary(doc: Doc, threshold: Doc) -> None:
    doc["timeframe"] = threshold["timeframe"]
    doc["target_threshold"] = threshold["target"]
    doc.pop("warning_threshold", None)
    if "warning" in threshold:
        doc["warning_threshold"] = threshold["warning"]


def _check_source(kind: str, body: Doc) -> None:
    spec = cast(Doc, body.get("sli_specification") or {})
    if kind == "metric" and not (body.get("query") or "count" in spec):
        raise bad_request("Invalid payload: Required parameter 'query' is missing")
    if kind == "monitor" and not body.get("monitor_ids"):
        raise bad_request("Invalid payload: Required parameter 'monitor_ids' is missing")
    if kind == "time_slice" and "time_slice" not in spec:
        raise bad_request("Invalid payload: Required parameter 'sli_specification' is missing")


def _threshold(sent: Any) -> Doc:
    if not isinstance(sent, dict) or "timeframe" not in sent or "target" not in sent:
        raise bad_request("Invalid payload: a threshold needs 'timeframe' and 'target'")
    given = cast(Doc, sent)
    target, warning = given["target"], given.get("warning")
    if given["timeframe"] not in TIMEFRAMES:
        raise bad_request(f"Invalid payload: '{given['timeframe']}' is not a valid timeframe")
    if not isinstance(target, int | float) or not 0 < target < 100:
        raise bad_request(f"Invalid payload: target {target} must be greater than 0 and less than 100")
    kept: Doc = {"timeframe": given["timeframe"], "target": float(target), "target_display": _display(target)}
    if warning is not None:
        if not target < warning <= 100:
            raise bad_request(f"Invalid payload: warning {warning} must be greater than the target")
        kept |= {"warning": float(warning), "warning_display": _display(warning)}
    return kept


def _display(value: float) -> str:
    """Recorded: ``95.`` for 95 (the specification promises ``95.00``)."""
    return f"{value:.3f}".rstrip("0")


def _derived_query(count: Doc) -> Doc:
    """Recorded: the server writes the older ``query`` from the formulas. How it does so with several queries is a guess."""
    named = {q["name"]: q["query"] for q in count["queries"]}
    good = _expand(count["good_events_formula"]["formula"], named)
    if "total_events_formula" in count:
        return {"numerator": good, "denominator": _expand(count["total_events_formula"]["formula"], named)}
    bad = _expand(count["bad_events_formula"]["formula"], named)
    return {"numerator": good, "denominator": f"{good} + {bad}"}


def _expand(formula: str, named: dict[str, str]) -> str:
    for name, query in named.items():
        formula = formula.replace(name, query)
    return formula
