"""What takes several calls: writes that are remembered, a look-up by name, and ``ensure``.

Rootly's lists follow its store some seconds later. A list that is behind is the same as having asked a little earlier, unless this
client wrote in between: so it remembers what it wrote. An SLA that somebody changed within the last half minute is asked for by its
id, which is never behind.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from rootly_sla import _calls
from rootly_sla._changes import FieldChange, differences
from rootly_sla._checks import create_attributes
from rootly_sla._names import ATTRIBUTES
from rootly_sla._recent import Desk
from rootly_sla.errors import AmbiguousName, NameTaken
from rootly_sla.models import Sla
from slo_common._errors import NotFound, OutcomeUnknown
from slo_common._pages import Page
from slo_common._times import from_epoch
from slo_common._unset import UNSET
from slo_common._values import Call

PATIENCE: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the looks at a list for an SLA that must be there."""
FLUX: Final = timedelta(seconds=30)
"""An SLA that was changed within this time may have been changed again since the list was made."""
MOST_CREATES: Final = 3
"""So often is a create tried whose SLA is gone again, or whose answer was lost and which did not arrive."""
SKEW: Final = timedelta(minutes=5)
"""How far the clocks of this machine and of Rootly may be apart."""


class Action(enum.StrEnum):
    """What ``ensure`` did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@frozen(kw_only=True)
class Ensured:
    """What ``ensure`` did, and the SLA as it is now. ``changes`` are those of an update, with the values before and after."""

    action: Action
    sla: Sla
    changes: tuple[FieldChange, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the changed attributes."""
        return tuple(change.name for change in self.changes)


# Single writes, remembered.


async def create(desk: Desk, given: Mapping[str, object]) -> Sla:
    sla = await desk.caller.call(_calls.create(given))
    desk.recent.wrote(sla, desk.now)
    return sla


async def update(desk: Desk, sla_id: str, given: Mapping[str, object]) -> Sla:
    call = _calls.update(sla_id, given)
    desk.recent.writing(sla_id, desk.now)
    sla = await desk.caller.call(call)
    desk.recent.wrote(sla, desk.now)
    return sla


async def delete(desk: Desk, sla_id: str) -> Sla | None:
    call = _calls.delete(sla_id)
    desk.recent.writing(sla_id, desk.now)
    sla = await desk.caller.call(call)
    desk.recent.gone(sla_id, desk.now)
    return sla


# Looking up.


async def find(desk: Desk, name: str) -> Sla | None:
    """The SLA of exactly this name."""
    caller = desk.caller
    hits: list[Sla] = []
    call: Call[Page[Sla]] | None = _calls.list_slas(
        caller.base_url, {"name": name}, sort=None, page_size=_calls.MAX_PAGE_SIZE, page_number=1
    )
    while call is not None:
        page = await caller.call(call)
        hits += page.items
        # The vendor's filter may find other names as well, so that the right one may be on a later page.
        call = page.next if not any(sla.name == name for sla in hits) else None
    shown, unsure = desk.recent.merged(hits, desk.now)
    found = [sla for sla in shown if sla.name == name]
    soon = from_epoch(caller.runtime.wall()) - FLUX
    if unsure or len(found) > 1 or any(_in_flux(sla, soon) and not desk.recent.holds(sla) for sla in found):
        asked = [await live(desk, sla.id) for sla in (*found, *unsure)]
        found = [sla for sla in asked if sla is not None]
    return only(found, name)


def only(slas: Iterable[Sla], name: str) -> Sla | None:
    """The one of exactly this name."""
    found = [sla for sla in slas if sla.name == name]
    if len(found) > 1:
        raise AmbiguousName(name, tuple(sla.id for sla in found))
    return found[0] if found else None


def _in_flux(sla: Sla, soon: datetime) -> bool:
    return sla.updated_at is not None and sla.updated_at > soon


async def live(desk: Desk, sla_id: str) -> Sla | None:
    """The SLA by its id, which no list stands before; None if it is gone."""
    try:
        return await desk.caller.call(_calls.get(sla_id))
    except NotFound:
        return None


async def await_listed(desk: Desk, name: str) -> Sla | None:
    """The SLA of this name, once the list has caught up; None if it does not appear within half a minute."""
    for pause in PATIENCE:
        await desk.caller.runtime.sleep(pause)
        sla = await find(desk, name)
        if sla is not None:
            return sla
    return None


async def look_up(desk: Desk, name: str, sent_at: datetime) -> Sla | None:
    """Whether a create whose answer was lost was applied: the SLA, or None when it is not there. Only reads."""
    sla = await find(desk, name) or await await_listed(desk, name)
    ours = sla is not None and (sla.created_at is None or sla.created_at >= sent_at - SKEW)
    return sla if ours else None


# Ensure.


async def ensure(desk: Desk, given: Mapping[str, object]) -> Ensured:
    """Create or update by name."""
    desired = create_attributes(given)
    return await bring_about(desk, given, desired, await find(desk, str(desired["name"])))


async def bring_about(desk: Desk, given: Mapping[str, object], desired: Mapping[str, object], found: Sla | None) -> Ensured:
    """Make it so, from what was found. Another process may do the same at the same moment; names are unique, so one of both creates."""
    creates = 0
    lost = False
    while True:
        done = None if found is None else await _change(desk, desired, found)
        if done is not None:
            return evolve(done, action=Action.CREATED) if lost and not done.changes else done
        try:
            creates += 1
            return Ensured(action=Action.CREATED, sla=await create(desk, given))
        except (NameTaken, OutcomeUnknown) as failure:
            # Another process was first, or our own create may have arrived after all: the list will show it.
            lost = lost or isinstance(failure, OutcomeUnknown)
            found = await await_listed(desk, str(desired["name"]))
            if creates == MOST_CREATES or (found is None and isinstance(failure, NameTaken)):
                raise


async def _change(desk: Desk, desired: Mapping[str, object], found: Sla) -> Ensured | None:
    """Update what differs; None if the SLA is gone."""
    sla = found
    made: tuple[FieldChange, ...] = ()
    changes = differences(desired, found)
    while changes:
        wanted = dict.fromkeys(ATTRIBUTES, UNSET) | {change.name: change.after for change in changes}
        try:
            sla = await update(desk, found.id, wanted)
        except NotFound:
            return None
        made += changes
        # What differs beyond what was sent has been changed by others since the list was made.
        sent = {change.name for change in made}
        changes = tuple(c for c in differences(desired, sla) if c.name not in sent)
    return Ensured(action=Action.UPDATED if made else Action.UNCHANGED, sla=sla, changes=made)
