"""SLAs as code: what would have to change (``plan``), and doing it (``apply``)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final, cast

from attrs import frozen

from rootly_sla import _calls, _flows
from rootly_sla._changes import FieldChange, differences
from rootly_sla._checks import create_attributes
from rootly_sla._names import ATTRIBUTES
from rootly_sla._recent import Desk
from rootly_sla.errors import AmbiguousName, ApplyFailed
from rootly_sla.models import Sla, SlaSpec
from slo_common._errors import Conflict, InvalidArgument, NotFound, OutcomeUnknown, PermissionDenied, SloError, ValidationFailed
from slo_common._pages import Page
from slo_common._values import Call


class Step(enum.StrEnum):
    """What is to be done about one SLA."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"


@frozen(kw_only=True)
class PlannedChange:
    """One SLA of a plan. ``changes`` are those of an update; a create has every attribute that will be sent, from None."""

    step: Step
    name: str
    changes: tuple[FieldChange, ...] = ()
    sla: Sla | None = None
    """The SLA as it was when the plan was made; None if there was none."""
    spec: SlaSpec | None = None
    """The SLA as it should be; None if it is to be deleted."""


@frozen(kw_only=True)
class Plan:
    """What would change, SLA by SLA: the desired ones in the order given, then what is to be deleted."""

    changes: tuple[PlannedChange, ...]

    @property
    def writes(self) -> int:
        """How many calls ``apply`` will spend of the write budget, if nothing changes until then."""
        return sum(1 for change in self.changes if change.step is not Step.UNCHANGED)

    def only(self, step: Step) -> tuple[PlannedChange, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.step is step)


@frozen(kw_only=True)
class AppliedChange:
    """What became of one planned change. ``sla`` is as it is now; None after a deletion and after a failure."""

    planned: PlannedChange
    done: Step | None
    """What was really done, which may differ from the plan when the world moved on; None if it failed or was not tried."""
    sla: Sla | None = None
    error: SloError | None = None
    """Why it failed; None as well if it was not tried, because of an error that would have met every change."""


@frozen(kw_only=True)
class Applied:
    """What ``apply`` did, in the order of the plan."""

    changes: tuple[AppliedChange, ...]

    @property
    def done(self) -> tuple[AppliedChange, ...]:
        """Those that are as planned now."""
        return tuple(change for change in self.changes if change.done is not None)

    @property
    def failed(self) -> tuple[AppliedChange, ...]:
        """Those that failed, each with its error."""
        return tuple(change for change in self.changes if change.error is not None)

    @property
    def not_tried(self) -> tuple[AppliedChange, ...]:
        """Those that were not tried after an error that would have met every change."""
        return tuple(change for change in self.changes if change.done is None and change.error is None)


# Plan.


async def plan(desk: Desk, desired: Iterable[SlaSpec], *, delete_others: bool) -> Plan:
    """Compare all SLAs of the team with those desired."""
    specs, wanted = _checked(desired, delete_others)
    held = await _all(desk)
    changes = [_planned(spec, attributes, _flows.only(held, spec.name)) for spec, attributes in zip(specs, wanted, strict=True)]
    if delete_others:
        named = {spec.name for spec in specs}
        changes += [PlannedChange(step=Step.DELETE, name=sla.name, sla=sla) for sla in held if sla.name not in named]
    return Plan(changes=tuple(changes))


def given_by(spec: SlaSpec) -> dict[str, object]:
    """A spec as the arguments of a request."""
    return {name: getattr(spec, name) for name in ATTRIBUTES}


def _checked(desired: object, delete_others: object) -> tuple[tuple[SlaSpec, ...], list[dict[str, object]]]:
    """The specs and their attributes; all faults of all of them in one exception."""
    if isinstance(desired, str | bytes) or not isinstance(desired, Iterable):
        raise InvalidArgument(f"desired: {desired!r} was given; allowed: a list of SlaSpec")
    specs: list[SlaSpec] = []
    wanted: list[dict[str, object]] = []
    problems: list[str] = []
    if not isinstance(delete_others, bool):  # a text such as "no" must not count as true
        problems.append(f"delete_others: {delete_others!r} was given; allowed: True or False")
    seen: set[str] = set()
    for i, spec in enumerate(cast("Iterable[object]", desired)):
        if not isinstance(spec, SlaSpec):
            problems.append(
                f"desired[{i}]: a value of type {type(spec).__name__} was given; allowed: a SlaSpec, which SlaSpec.from_dict makes of a mapping"
            )
            continue
        try:
            wanted.append(create_attributes(given_by(spec)))
        except InvalidArgument as e:
            problems += [f"desired[{i}].{problem}" for problem in e.problems]
        if str(spec.name) in seen:
            problems.append(f"desired[{i}].name: {spec.name!r} was given before; allowed: each name once")
        seen.add(str(spec.name))
        specs.append(spec)
    if problems:
        raise InvalidArgument(*problems)
    return tuple(specs), wanted


async def _all(desk: Desk) -> list[Sla]:
    """Every SLA of the team, oldest first, corrected by what this client wrote a moment ago."""
    listed: dict[str, Sla] = {}
    call: Call[Page[Sla]] | None = _calls.list_slas(
        desk.caller.base_url, {}, sort="created_at", page_size=_calls.MAX_PAGE_SIZE, page_number=1
    )
    while call is not None:
        page = await desk.caller.call(call)
        listed |= {sla.id: sla for sla in page.items}
        call = page.next
    shown, unsure = desk.recent.merged(listed.values(), desk.now)
    asked = [await _flows.live(desk, sla.id) for sla in unsure]
    return shown + [sla for sla in asked if sla is not None]


def _planned(spec: SlaSpec, attributes: Mapping[str, object], sla: Sla | None) -> PlannedChange:
    if sla is None:
        changes = tuple(FieldChange(name=name, before=None, after=value) for name, value in attributes.items())
        return PlannedChange(step=Step.CREATE, name=spec.name, changes=changes, spec=spec)
    changes = differences(attributes, sla)
    return PlannedChange(step=Step.UPDATE if changes else Step.UNCHANGED, name=spec.name, changes=changes, sla=sla, spec=spec)


# Apply.

_OF_ONE_SLA: Final = (ValidationFailed, Conflict, NotFound, PermissionDenied, AmbiguousName, OutcomeUnknown)
"""What says something about one SLA; anything else would meet the others too."""

_STEPS: Final = {
    _flows.Action.CREATED: Step.CREATE,
    _flows.Action.UPDATED: Step.UPDATE,
    _flows.Action.UNCHANGED: Step.UNCHANGED,
}


async def apply(desk: Desk, plan: Plan) -> Applied:
    """Do it, one SLA after the other."""
    _check_plan(plan)
    results: list[AppliedChange] = []
    stopped: SloError | None = None
    for change in plan.changes:
        if stopped is not None:
            results.append(AppliedChange(planned=change, done=None))
            continue
        try:
            results.append(await _apply(desk, change))
        except SloError as e:
            results.append(AppliedChange(planned=change, done=None, error=e))
            stopped = None if isinstance(e, _OF_ONE_SLA) else e
    result = Applied(changes=tuple(results))
    if result.failed:
        raise ApplyFailed(result) from result.failed[0].error
    return result


def _check_plan(plan: object) -> None:
    changes: object = plan.changes if isinstance(plan, Plan) else None
    if not isinstance(changes, tuple) or not all(isinstance(c, PlannedChange) for c in cast("tuple[object, ...]", changes)):
        raise InvalidArgument(f"plan: a value of type {type(plan).__name__} was given; allowed: what slas.plan gives")


async def _apply(desk: Desk, change: PlannedChange) -> AppliedChange:
    if change.spec is None:
        await _delete(desk, change)
        return AppliedChange(planned=change, done=Step.DELETE)
    if change.step is Step.UNCHANGED:
        return AppliedChange(planned=change, done=Step.UNCHANGED, sla=change.sla)
    given = given_by(change.spec)
    done = await _flows.bring_about(desk, given, create_attributes(given), change.sla)
    return AppliedChange(planned=change, done=_STEPS[done.action], sla=done.sla)


async def _delete(desk: Desk, change: PlannedChange) -> None:
    if change.sla is None:
        return
    try:
        await _flows.delete(desk, change.sla.id)
    except NotFound:
        desk.recent.gone(change.sla.id, desk.now)  # somebody else was first
