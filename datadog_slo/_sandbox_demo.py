"""The organisation that ``DatadogSandbox.demo()`` shows: a web shop with four teams, twelve SLOs, a bad week and some corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from datadog_slo._sandbox_replies import Doc
from datadog_slo._sandbox_sli import DAY, Incident, SliModel

if TYPE_CHECKING:
    from datadog_slo.sandbox import DatadogSandbox

HOUR = 3600


@frozen
class _Demo:
    name: str
    team: str
    service: str
    source: str
    """A metric (metric SLO), ``p95:<ms>`` (time slice) or ``monitor``."""
    target: float
    error_rate: float
    incidents: tuple[tuple[float, float, float], ...] = ()
    """Days before now, hours long, share lost."""


_SLOS = (
    _Demo("Checkout availability (SLO Reporting Test)", "payments", "checkout", "http.requests", 99.9, 0.0004, ((38, 3, 0.4),)),
    _Demo("Payment authorisation success (SLO Reporting Test)", "payments", "payments", "auth.requests", 99.5, 0.0021),
    _Demo("Refunds are booked", "payments", "refunds", "refund.jobs", 99.0, 0.006, ((121, 30, 0.35),)),
    _Demo("Search answers", "discovery", "search", "search.requests", 99.9, 0.0007, ((12, 2, 0.3), (75, 6, 0.15))),
    _Demo("Search is fast", "discovery", "search", "p95:400", 99.0, 0.004),
    _Demo("Recommendations answer", "discovery", "recommendations", "reco.requests", 99.0, 0.003),
    _Demo("Login works", "identity", "login", "login.requests", 99.95, 0.0002, ((203, 1, 0.9),)),
    _Demo("Login is fast", "identity", "login", "p95:250", 99.0, 0.003),
    _Demo("Sessions survive", "identity", "sessions", "monitor", 99.9, 0.0003),
    _Demo("Warehouse sync is on time", "logistics", "warehouse", "monitor", 99.0, 0.005, ((54, 9, 1.0),)),
    _Demo("Parcel labels print", "logistics", "labels", "label.jobs", 99.5, 0.0017),
    _Demo("Tracking page loads", "logistics", "tracking", "p95:800", 98.0, 0.011, ((20, 4, 1.0),)),
)


def furnish(sandbox: DatadogSandbox, now: int) -> None:
    """Fill the sandbox. ``now`` is in epoch seconds; incidents and corrections lie before it."""
    ids: list[str] = []
    for number, demo in enumerate(_SLOS):
        incidents = tuple(Incident(start=now - d * DAY, end=now - d * DAY + h * HOUR, lost=lost) for d, h, lost in demo.incidents)
        model = SliModel(seed=number, error_rate=demo.error_rate, traffic=3.0 + number, incidents=incidents)
        pinned = ("dashboard_id: sho-pfr-ont",) if demo.service == "checkout" else ()
        ids.append(sandbox.add_slo(_body(demo, number), model=model, referenced_by=pinned, alert_ids=(9000 + number,)))
    start = now - 121 * DAY
    sandbox.add_correction(
        slo_id=ids[2], category="Scheduled Maintenance", start=start, end=start + 12 * HOUR, description="Ledger migration"
    )
    for week in range(12):
        sandbox.add_correction(
            slo_id=ids[9],
            category="Scheduled Maintenance",
            start=now - (7 * week + 5) * DAY,
            end=now - (7 * week + 5) * DAY + 2 * HOUR,
            description="Weekly stock count",
        )


def _body(demo: _Demo, number: int) -> Doc:
    thresholds = [{"timeframe": frame, "target": demo.target} for frame in ("30d", "7d", "90d")]
    body: Doc = {
        "name": demo.name,
        "tags": [f"team:{demo.team}", f"service:{demo.service}", "env:prod"],
        "thresholds": thresholds,
        "description": f"Kept by team {demo.team}.",
    }
    if demo.source == "monitor":
        return body | {"type": "monitor", "monitor_ids": [7000 + number]}
    if demo.source.startswith("p95:"):
        queries = [{"data_source": "metrics", "name": "query1", "query": f"p95:{demo.service}.latency{{*}}"}]
        condition = {
            "comparator": "<=",
            "threshold": float(demo.source.removeprefix("p95:")),
            "query": {"formulas": [{"formula": "query1"}], "queries": queries},
        }
        return body | {"type": "time_slice", "sli_specification": {"time_slice": condition}}
    every = f"sum:{demo.source}{{env:prod}}.as_count()"
    return body | {"type": "metric", "query": {"numerator": every.replace("}", ",ok:true}"), "denominator": every}}
