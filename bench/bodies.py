"""The replies that the bench server gives: fixed bytes, the shapes and sizes of real ones."""

from __future__ import annotations

import json
from collections.abc import Callable

SLOS = 1_000
FEW_SLOS = 25
"""A list just long enough to be read as a long one is."""
SLAS = 100
REPORT_SLOS, REPORT_MONTHS = 300, 12
PERIODS, SERVICES = 60, 715
"""Chosen so that the body of ``sla.getsli`` is 5 MB."""


def dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def slo(i: int) -> dict[str, object]:
    """A metric SLO as ``GET /api/v1/slo`` lists it."""
    return {
        "id": f"{i:032x}",
        "name": f"Checkout answers within 300 ms, shard {i}",
        "description": "Requests of the checkout service that were answered within 300 ms, over all of them.",
        "tags": ["env:prod", "team:checkout", f"shard:{i}", "tier:1"],
        "monitor_tags": [],
        "thresholds": [
            {"timeframe": "7d", "target": 99.0, "target_display": "99.", "warning": 99.5, "warning_display": "99.5"},
            {"timeframe": "30d", "target": 99.9, "target_display": "99.9"},
        ],
        "type": "metric",
        "type_id": 1,
        "query": {
            "numerator": f"sum:checkout.requests{{shard:{i},fast:true}}.as_count()",
            "denominator": f"sum:checkout.requests{{shard:{i}}}.as_count()",
        },
        "creator": {"name": "Dana Example", "handle": "dana@example.com", "email": "dana@example.com"},
        "created_at": 1_700_000_000 + i,
        "modified_at": 1_710_000_000 + i,
        "timeframe": "30d",
        "target_threshold": 99.9,
    }


def unlike_slo(i: int) -> dict[str, object]:
    """An SLO that has nothing in common with another, where real ones share owners, targets and tags."""
    targets = [90 + (i * n % 9973) / 1_000 for n in (7, 31)]
    return {
        **slo(i),
        "description": f"Requests of shard {i} that were answered within {100 + i} ms, over all of them.",
        "tags": [f"env:{i}", f"team:{i}", f"shard:{i}", f"tier:{i}"],
        "monitor_tags": [f"monitor:{i}"],
        "thresholds": [
            {"timeframe": timeframe, "target": t, "target_display": f"{t}", "warning": t + 0.01, "warning_display": f"{t + 0.01}"}
            for timeframe, t in zip(("7d", "30d"), targets, strict=True)
        ],
        "creator": {"name": f"Dana Example {i}", "handle": f"dana.{i}@example.com", "email": f"dana.{i}@example.com"},
        "target_threshold": targets[1],
        "warning_threshold": targets[1] + 0.01,
    }


def slo_list(count: int = SLOS, *, first: int = 0, total: int | None = None, of: Callable[[int], dict[str, object]] = slo) -> bytes:
    """A page of so many SLOs from this one on, of ``total`` that there are."""
    there_are = count if total is None else total
    return dumps(
        {
            "data": [of(i) for i in range(first, first + count)],
            "errors": [],
            "metadata": {"page": {"total_count": there_are, "total_filtered_count": there_are}},
        }
    )


def slo_list_end() -> bytes:
    return slo_list(0, total=SLOS)


def report_status() -> bytes:
    return dumps(
        {"data": {"type": "report_id", "id": "9fb2dc2a-ead0-11ee-a174-9fe3a9d7627f", "attributes": {"status": "completed"}}}
    )


def report_csv() -> bytes:
    """A monthly report as ``GET /api/v2/slo/report/{id}/download`` gives it."""
    months = ",".join(f"2025-{month:02}-01" for month in range(1, REPORT_MONTHS + 1))
    lines = [f"id,slo_type,name,target,export_error,{months}"]
    for i in range(REPORT_SLOS):
        cells = ",".join(f"{99.9 + ((i * 31 + month * 17) % 1000) / 10_000:.4f}" for month in range(REPORT_MONTHS))
        lines.append(f'{i:032x},metric,"Checkout answers within 300 ms, shard {i}",99.9,,{cells}')
    return ("\n".join(lines) + "\n").encode()


def sla_resource(i: int) -> dict[str, object]:
    """An SLA as Rootly returns it."""
    return {
        "id": f"{i:08x}-0000-4000-8000-000000000000",
        "type": "slas",
        "attributes": {
            "name": f"Follow-ups of severity {i}",
            "slug": f"follow-ups-of-severity-{i}",
            "description": "Every follow-up has an owner within a day and is done within two weeks.",
            "position": i,
            "condition_match_type": "ALL",
            "manager_role_id": None,
            "manager_user_id": 7,
            "assignment_deadline_days": 1,
            "assignment_deadline_parent_status": "resolved",
            "assignment_deadline_sub_status_id": None,
            "assignment_skip_weekends": True,
            "completion_deadline_days": 14,
            "completion_deadline_parent_status": "resolved",
            "completion_deadline_sub_status_id": None,
            "completion_skip_weekends": False,
            "conditions": [
                {
                    "id": f"{i:08x}-0000-4000-8000-00000000000{n}",
                    "conditionable_type": "SLAs::BuiltInFieldCondition",
                    "property": prop,
                    "operator": "is_one_of",
                    "values": ["sev0", "sev1"],
                    "form_field_id": None,
                    "position": n,
                }
                for n, prop in enumerate(("severity", "kind"), start=1)
            ],
            "notification_configurations": [
                {"id": f"{i:08x}-0000-4000-8000-0000000000{n}0", "offset_type": kind, "offset_days": days}
                for n, (kind, days) in enumerate((("before_due", 2), ("when_due", 0), ("after_due", 3)), start=1)
            ],
            "created_at": "2026-01-05T09:00:00.000-08:00",
            "updated_at": "2026-02-05T09:00:00.000-08:00",
        },
    }


def sla_one() -> bytes:
    return dumps({"data": sla_resource(1)})


def sla_page() -> bytes:
    return dumps(
        {
            "data": [sla_resource(i) for i in range(SLAS)],
            "links": {"self": "x", "first": "x", "prev": None, "next": None, "last": "x"},
            "meta": {"current_page": 1, "next_page": None, "prev_page": None, "total_count": SLAS, "total_pages": 1},
        }
    )


def zabbix_sla() -> bytes:
    return dumps(
        [
            {
                "slaid": "5",
                "name": "Customers",
                "period": "2",
                "slo": "99.9995",
                "effective_date": "1672444800",
                "timezone": "America/New_York",
                "status": "1",
                "description": "What customers were promised",
                "service_tags": [{"tag": "sla", "operator": "0", "value": "customers"}],
                "schedule": [{"period_from": "118800", "period_to": "151200"}],
                "excluded_downtimes": [{"name": "Move", "period_from": "1672444800", "period_to": "1672448400"}],
            }
        ]
    )


def getsli(services: int = SERVICES) -> bytes:
    """The result of ``sla.getsli`` for 60 periods of so many services."""
    month = 30 * 86_400
    start = 1_600_000_000
    periods = [{"period_from": start + p * month, "period_to": start + (p + 1) * month} for p in range(PERIODS)]

    def cell(p: int, s: int) -> dict[str, object]:
        down = (p * 7919 + s * 104_729) % 4000
        excluded = (
            [{"name": "Maintenance", "period_from": start + p * month, "period_to": start + p * month + 3600}]
            if (p + s) % 4 == 0
            else []
        )
        return {
            "uptime": month - down,
            "downtime": down,
            "sli": round(100 * (month - down) / month, 11),
            "error_budget": 2592 - down,
            "excluded_downtimes": excluded,
        }

    return dumps(
        {
            "periods": periods,
            "serviceids": list(range(1, services + 1)),
            "sli": [[cell(p, s) for s in range(services)] for p in range(PERIODS)],
        }
    )
