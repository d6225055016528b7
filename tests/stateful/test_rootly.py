"""Rootly's sandbox through the real client, held against dicts: names are unique, filters and order are the model's."""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from rootly_sla import Action, RootlySLA, SlaSpec, Step
from rootly_sla.sandbox import RootlySandbox
from slo_common import NotFound, OutcomeUnknown, ValidationFailed
from slo_common.sandbox import Sandbox, VirtualClock
from tests.stateful.machine import BOUNDED, FAULTS, Done, Machine

NAMES = ("Sev1", "Sev2", "Security review", "Security fix", "Postmortem, all")
WORD = "security"


@frozen
class Kept:
    """What the model knows of an SLA."""

    name: str
    days: int
    description: str | None


def kept(sla: Any) -> Kept:
    return Kept(sla.name, sla.assignment_deadline_days, sla.description)


def arguments(slo: Kept) -> dict[str, Any]:
    return {
        "name": slo.name,
        "assignment_deadline_days": slo.days,
        "assignment_deadline_parent_status": "resolved",
        "completion_deadline_days": 14,
        "completion_deadline_parent_status": "resolved",
        "manager_user_id": 7,
        "description": slo.description,
    }


slas = st.builds(
    Kept,
    name=st.sampled_from(NAMES),
    days=st.sampled_from((1, 3, 7)),
    description=st.sampled_from(("Everything about security", "Nothing", 'ü, 漢字 & "quotes"')),
)


class Rootly(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.slas: dict[str, Kept] = {}

    def make(self, clock: VirtualClock) -> tuple[Sandbox, Any]:
        sandbox = RootlySandbox(clock=clock)
        return sandbox, RootlySLA("t", http=sandbox.transport())

    def seen(self) -> dict[str, Kept]:
        return {sla.id: kept(sla) for sla in self.client.slas.list(page_size=2)}

    def known(self, name: str) -> str | None:
        return next((i for i, sla in self.slas.items() if sla.name == name), None)

    @rule(wanted=slas, fault=FAULTS)
    def create(self, wanted: Kept, fault: str) -> None:
        done = self.ask(lambda: self.client.slas.create(**arguments(wanted)), fault)
        if self.known(wanted.name) is not None:
            assert done.error is not None
            assert isinstance(done.error, ValidationFailed) or fault
            return
        made = {i: sla for i, sla in self.seen().items() if i not in self.slas}
        assert set(made.values()) <= {wanted}
        if done.error is None:
            assert {done.result.id: kept(done.result)} == made
        elif isinstance(done.error, OutcomeUnknown):
            found = done.error.reconcile()
            assert ({} if found is None else {found.id: kept(found)}) == made
        self.slas |= made

    @precondition(lambda self: self.slas)
    @rule(data=st.data(), wanted=slas, fault=FAULTS)
    def update(self, data: st.DataObject, wanted: Kept, fault: str) -> None:
        sla_id = data.draw(st.sampled_from(sorted(self.slas)))
        before = self.slas[sla_id]
        done = self.ask(
            lambda: self.client.slas.update(sla_id, name=wanted.name, assignment_deadline_days=wanted.days, manager_user_id=7),
            fault,
        )
        after = evolve(before, name=wanted.name, days=wanted.days)
        now = kept(self.client.slas.get(sla_id))
        if self.known(wanted.name) not in (None, sla_id):
            assert done.error is not None
            assert now == before
        else:
            assert now in ((after,) if done.error is None else (before, after))
        self.slas[sla_id] = now

    @precondition(lambda self: self.slas)
    @rule(data=st.data(), fault=FAULTS)
    def delete(self, data: st.DataObject, fault: str) -> None:
        sla_id = data.draw(st.sampled_from(sorted(self.slas)))
        done = self.ask(lambda: self.client.slas.delete(sla_id) or True, fault)
        there = sla_id in self.seen()
        assert not (done.error is None and there)
        assert self.times_applied(f"slas.delete {sla_id}") == int(not there)
        if not there:
            del self.slas[sla_id]

    @rule()
    def what_is_not_there(self) -> None:
        for use in (self.client.slas.get, self.client.slas.delete):
            assert isinstance(self.ask(partial(use, "0a1b")).error, NotFound)

    # SLAs as code.

    def agrees(self, done: Done[Any], wanted: Kept) -> None:
        """After an ensure or an apply: as wanted, or as before."""
        now = self.seen()
        before = self.known(wanted.name)
        changed = {i: sla for i, sla in now.items() if self.slas.get(i) != sla}
        assert set(changed.values()) <= {wanted}
        assert before is None or set(changed) <= {before}
        if done.error is None:
            assert wanted in now.values()
        assert set(self.slas) <= set(now)
        self.slas = now

    @rule(wanted=slas, fault=FAULTS)
    def ensure(self, wanted: Kept, fault: str) -> None:
        before = self.known(wanted.name)
        done = self.ask(lambda: self.client.slas.ensure(**arguments(wanted)), fault)
        if done.error is None and not fault:
            same = before is not None and self.slas[before] == wanted
            assert done.result.action is (Action.CREATED if before is None else Action.UNCHANGED if same else Action.UPDATED)
        self.agrees(done, wanted)
        again = self.ask(lambda: self.client.slas.ensure(**arguments(wanted)))
        assert again.result.action is Action.UNCHANGED or done.error is not None
        self.agrees(again, wanted)

    @rule(wanted=st.lists(slas, max_size=3, unique_by=lambda sla: sla.name), alone=st.booleans())
    def plan_and_apply(self, wanted: list[Kept], alone: bool) -> None:
        plan = self.client.slas.plan([SlaSpec(**arguments(sla)) for sla in wanted], delete_others=alone)
        by_name = {sla.name: sla for sla in self.slas.values()}
        assert {c.name for c in plan.only(Step.CREATE)} == {s.name for s in wanted if s.name not in by_name}
        assert {c.name for c in plan.only(Step.UNCHANGED)} == {s.name for s in wanted if by_name.get(s.name) == s}
        assert {c.name for c in plan.only(Step.DELETE)} == (
            {n for n in by_name if n not in {s.name for s in wanted}} if alone else set()
        )
        applied = self.client.slas.apply(plan)
        assert not applied.failed
        now = self.seen()
        assert set(wanted) <= set(now.values())
        assert {s.name for s in now.values()} == {s.name for s in wanted} | (set() if alone else set(by_name))
        self.slas = now

    # Lists.

    @rule(name=st.sampled_from(NAMES), fault=FAULTS)
    def filter_by_name(self, name: str, fault: str) -> None:
        done = self.ask(lambda: [sla.id for sla in self.client.slas.list(name=name)], fault)
        if done.error is None:
            assert done.result == [i for i, sla in self.slas.items() if sla.name == name]
        others = {sla.id for sla in self.client.slas.list(name_not_eq=name)}
        assert others == {i for i, sla in self.slas.items() if sla.name != name}

    @rule(names=st.sets(st.sampled_from(NAMES[:-1]), min_size=1))
    def filter_by_names(self, names: set[str]) -> None:
        assert {s.id for s in self.client.slas.list(name_in=sorted(names))} == {i for i, s in self.slas.items() if s.name in names}
        assert {s.id for s in self.client.slas.list(name_not_in=sorted(names))} == {
            i for i, s in self.slas.items() if s.name not in names
        }

    @rule()
    def search(self) -> None:
        found = {sla.id for sla in self.client.slas.list(search=WORD, page_size=1)}
        assert found == {i for i, sla in self.slas.items() if WORD in f"{sla.name} {sla.description}".lower()}

    @rule(down=st.booleans())
    def sort(self, down: bool) -> None:
        names = [sla.name for sla in self.client.slas.list(sort="-name" if down else "name", page_size=2)]
        assert names == sorted((sla.name for sla in self.slas.values()), reverse=down)

    # Always.

    @invariant()
    def both_know_the_same(self) -> None:
        assert self.seen() == self.slas
        names = [sla.name for sla in self.slas.values()]
        assert len(names) == len(set(names))


TestRootly = Rootly.TestCase
TestRootly.settings = BOUNDED
