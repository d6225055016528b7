"""What one worker does with one name at each vendor: create, read, change, read again, and delete every other one.

Written once: with sync clients the stories are stepped like the flows of the SDK, with async clients they are awaited. A story ends when
the state of its object is known, and gives it: the description, or None when it was deleted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.models import MonitorSlo, Threshold, Timeframe
from rootly_sla import AsyncRootlySLA, RootlySLA
from slo_common import OutcomeUnknown, RetryPolicy, ServiceUnavailable
from zabbix_sla import AsyncZabbixSLA, SlaPeriod, ZabbixSLA

RETRY = RetryPolicy(attempts=10, backoff_base=0.005, backoff_cap=0.05, rate_limit_retries=20)
LONG_AGO = 1_767_225_600
"""2026-01-01: an SLI of that time does not change any more."""
DEADLINES: dict[str, Any] = {
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "resolved",
}


@frozen
class Place:
    """Where the sandboxes are."""

    url: str
    token: str


@frozen
class Clients:
    """One client a vendor, all sync or all async."""

    datadog: DatadogSLO | AsyncDatadogSLO
    rootly: RootlySLA | AsyncRootlySLA
    zabbix: ZabbixSLA | AsyncZabbixSLA


def sync_clients(place: Place) -> Clients:
    return Clients(
        DatadogSLO("k", "a", base_url=f"{place.url}/datadog", retry=RETRY),
        RootlySLA("t", base_url=f"{place.url}/rootly", retry=RETRY),
        ZabbixSLA(f"{place.url}/zabbix", token=place.token, retry=RETRY),
    )


def async_clients(place: Place) -> Clients:
    return Clients(
        AsyncDatadogSLO("k", "a", base_url=f"{place.url}/datadog", retry=RETRY),
        AsyncRootlySLA("t", base_url=f"{place.url}/rootly", retry=RETRY),
        AsyncZabbixSLA(f"{place.url}/zabbix", token=place.token, retry=RETRY),
    )


async def value(result: Any) -> Any:
    """What a call gave: awaited, if the client is async."""
    return await result if inspect.isawaitable(result) else result


async def done_once(write: Callable[[], Any]) -> Any:
    """Do a write until it is confirmed. Refused: again. Outcome unknown: look, and only do it again when it is not there."""
    for _ in range(30):
        try:
            return await value(write())
        except ServiceUnavailable:
            continue  # the gateway passed nothing on
        except OutcomeUnknown as unknown:
            found: Any = await value(unknown.reconcile())
            if found and hasattr(found, "count"):  # Datadog's names are not unique, so its look-up gives a tuple
                return found[0]
            if found:
                return found
    raise AssertionError("thirty attempts were not enough")


async def datadog_story(dd: Any, name: str, *, keep: bool) -> str | None:
    wanted = MonitorSlo(
        name=name, monitor_ids=(1,), thresholds=(Threshold(timeframe=Timeframe.SEVEN_DAYS, target=99.0),), description="new"
    )
    slo = await done_once(lambda: dd.slos.create(wanted))
    read = await value(dd.slos.get(slo.id))
    assert (read.name, read.description) == (name, "new")
    await value(dd.slos.update(evolve(read, description="changed")))
    assert (await value(dd.slos.get(slo.id))).description == "changed"
    if keep:
        return "changed"
    (await value(dd.slos.delete(slo.id))).raise_for_errors()
    return None


async def rootly_story(rootly: Any, name: str, *, keep: bool) -> str | None:
    sla = await done_once(lambda: rootly.slas.create(name=name, manager_user_id=7, description="new", **DEADLINES))
    assert (await value(rootly.slas.get(sla.id))).description == "new"
    await value(rootly.slas.update(sla.id, description="changed"))
    read = await value(rootly.slas.get(sla.id))
    assert (read.name, read.description) == (name, "changed")
    if keep:
        return "changed"
    await value(rootly.slas.delete(sla.id))
    return None


async def zabbix_story(zbx: Any, name: str, *, keep: bool) -> str | None:
    made = await done_once(
        lambda: zbx.sla.create(
            name,
            period=SlaPeriod.MONTHLY,
            slo=99.9,
            effective_date=LONG_AGO,
            timezone="UTC",
            service_tags={"tier": name},
            description="new",
        )
    )
    slaid = made if isinstance(made, str) else made.slaid
    sli = await value(zbx.sla.getsli("5", serviceids=["50", "60", "70"], periods=3, period_from=LONG_AGO))
    assert sli.serviceids == ("50", "60", "70")
    await value(zbx.sla.update(slaid, description="changed"))
    (read,) = await value(zbx.sla.get(slaids=[slaid]))
    assert (read.name, read.description) == (name, "changed")
    if keep:
        return "changed"
    assert await value(zbx.sla.delete(slaid)) == (slaid,)
    return None


CALLS = 15
"""Calls of the three stories of one name, not counting repeats."""


async def stories(clients: Clients, name: str, *, keep: bool) -> dict[str, str | None]:
    """All three, and the state in which each vendor's object is left."""
    return {
        "datadog": await datadog_story(clients.datadog, name, keep=keep),
        "rootly": await rootly_story(clients.rootly, name, keep=keep),
        "zabbix": await zabbix_story(clients.zabbix, name, keep=keep),
    }
