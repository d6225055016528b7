"""Datadog's sandbox through the real client, held against dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from datadog_slo import DatadogSLO
from datadog_slo.models import MonitorSlo, Threshold, Timeframe
from datadog_slo.sandbox import DatadogSandbox
from slo_common import NotFound, OutcomeUnknown, UnexpectedContent
from slo_common.sandbox import Sandbox, VirtualClock
from tests.stateful.machine import BOUNDED, FAULTS, START, Machine

FRAMES = ("7d", "30d", "90d")
TAGS = ("team:a", "team:b", "env:prod")


@frozen
class Kept:
    """What the model knows of an SLO."""

    name: str
    tags: frozenset[str]
    frames: frozenset[str]


def kept(slo: Any) -> Kept:
    return Kept(slo.name, frozenset(slo.tags or ()), frozenset(str(t.timeframe.value) for t in slo.thresholds))


frames = st.sets(st.sampled_from(FRAMES), min_size=1).map(sorted)
tags = st.sets(st.sampled_from(TAGS)).map(sorted)


class Datadog(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.slos: dict[str, Kept] = {}
        self.corrections: dict[str, tuple[str, str]] = {}

    def make(self, clock: VirtualClock) -> tuple[Sandbox, Any]:
        sandbox = DatadogSandbox(clock=clock)
        return sandbox, DatadogSLO("k", "a", http=sandbox.transport())

    def seen(self) -> dict[str, Kept]:
        return {slo.id: kept(slo) for slo in self.client.slos.list(page_size=3)}

    # SLOs.

    @rule(frames=frames, tags=tags, fault=FAULTS)
    def create(self, frames: Sequence[str], tags: Sequence[str], fault: str) -> None:
        name = f"slo {next(self.numbers)}"
        thresholds = tuple(Threshold(timeframe=Timeframe(f), target=99.0) for f in frames)
        done = self.ask(
            lambda: self.client.slos.create(MonitorSlo(name=name, monitor_ids=(1,), tags=tuple(tags), thresholds=thresholds)), fault
        )
        made = {i: slo for i, slo in self.seen().items() if slo.name == name}
        assert len(made) <= 1
        if isinstance(done.error, OutcomeUnknown):
            assert {slo.id for slo in done.error.reconcile()} == set(made)
        elif done.error is None:
            assert {done.result.id: kept(done.result)} == made
        assert all(slo == Kept(name, frozenset(tags), frozenset(frames)) for slo in made.values())
        self.slos |= made

    @precondition(lambda self: self.slos)
    @rule(data=st.data(), tags=tags, fault=FAULTS)
    def update(self, data: st.DataObject, tags: Sequence[str], fault: str) -> None:
        slo_id = data.draw(st.sampled_from(sorted(self.slos)))
        before = self.client.slos.get(slo_id)
        name = f"slo {next(self.numbers)}"
        done = self.ask(lambda: self.client.slos.update(evolve(before, name=name, tags=tuple(tags))), fault)
        new = evolve(self.slos[slo_id], name=name, tags=frozenset(tags))
        now = kept(self.client.slos.get(slo_id))
        assert now in ((new,) if done.error is None else (self.slos[slo_id], new))
        self.slos[slo_id] = now

    @precondition(lambda self: self.slos)
    @rule(data=st.data(), fault=FAULTS)
    def delete(self, data: st.DataObject, fault: str) -> None:
        slo_id = data.draw(st.sampled_from(sorted(self.slos)))
        done = self.ask(lambda: self.client.slos.delete(slo_id), fault)
        there = slo_id in self.seen()
        assert not (done.error is None and there)
        assert self.times_applied(f"slos.delete {slo_id}") == int(not there)
        if not there:
            del self.slos[slo_id]

    @rule(data=st.data(), fault=FAULTS)
    def delete_in_bulk(self, data: st.DataObject, fault: str) -> None:
        ids = data.draw(st.sets(st.sampled_from([*sorted(self.slos), "unknown-1"]), min_size=1))
        asked = {slo_id: data.draw(frames) for slo_id in sorted(ids)}
        done = self.ask(lambda: self.client.slos.bulk_delete(asked), fault)
        left = {i: evolve(self.slos[i], frames=self.slos[i].frames - set(fs)) for i, fs in asked.items() if i in self.slos}
        after = {**self.slos, **left}
        if done.error is None:
            assert set(done.result.deleted) == {i for i, slo in left.items() if not slo.frames}
            updated = {i for i, slo in left.items() if slo.frames and slo.frames != self.slos[i].frames}
            if fault:  # after a lost answer nobody can tell what was deleted from what was never there
                assert updated <= set(done.result.updated) <= {i for i, slo in left.items() if slo.frames}
            else:
                assert set(done.result.updated) == updated
                missing = {(i, f) for i, fs in asked.items() if i in self.slos for f in fs if f not in self.slos[i].frames}
                unknown = {(i, "all") for i in asked if i not in self.slos}
                assert {(e.id, str(e.timeframe.value)) for e in done.result.errors} == missing | unknown
            self.slos = {i: slo for i, slo in after.items() if slo.frames}
        else:
            seen = self.seen()
            assert seen in (self.slos, {i: slo for i, slo in after.items() if slo.frames})
            self.slos = seen

    @rule(tag=st.sampled_from(TAGS), fault=FAULTS)
    def list_by_tag(self, tag: str, fault: str) -> None:
        done = self.ask(lambda: [slo.id for slo in self.client.slos.list(tags_query=tag, page_size=2)], fault)
        if done.error is None:
            assert sorted(done.result) == sorted(i for i, slo in self.slos.items() if tag in slo.tags)
        else:
            assert isinstance(done.error, UnexpectedContent)  # the one fault that no further try can help against

    @rule(slo_id=st.sampled_from(("unknown-1", "unknown-2")))
    def get_what_is_not_there(self, slo_id: str) -> None:
        assert isinstance(self.ask(lambda: self.client.slos.get(slo_id)).error, NotFound)
        assert isinstance(self.ask(lambda: self.client.slos.delete(slo_id)).error, NotFound)

    # Corrections.

    @precondition(lambda self: self.slos)
    @rule(data=st.data(), fault=FAULTS)
    def correct(self, data: st.DataObject, fault: str) -> None:
        slo_id = data.draw(st.sampled_from(sorted(self.slos)))
        text = f"correction {next(self.numbers)}"
        done = self.ask(
            lambda: self.client.corrections.create(
                slo_id=slo_id, category="Deployment", start=START - 7200, end=START - 3600, description=text
            ),
            fault,
        )
        made = {c.id: (c.slo_id, c.description) for c in self.client.corrections.list(page_size=2) if c.description == text}
        assert len(made) <= 1
        if done.error is None:
            assert {done.result.id: (slo_id, text)} == made
        self.corrections |= made

    @precondition(lambda self: self.corrections)
    @rule(data=st.data(), fault=FAULTS)
    def change_correction(self, data: st.DataObject, fault: str) -> None:
        correction_id = data.draw(st.sampled_from(sorted(self.corrections)))
        slo_id, old = self.corrections[correction_id]
        text = f"correction {next(self.numbers)}"
        done = self.ask(lambda: self.client.corrections.update(correction_id, description=text), fault)
        now = self.client.corrections.get(correction_id).description
        assert now in ((text,) if done.error is None else (old, text))
        self.corrections[correction_id] = (slo_id, now)

    @precondition(lambda self: self.corrections)
    @rule(data=st.data(), fault=FAULTS)
    def drop_correction(self, data: st.DataObject, fault: str) -> None:
        correction_id = data.draw(st.sampled_from(sorted(self.corrections)))
        done = self.ask(lambda: self.client.corrections.delete(correction_id) or True, fault)
        there = correction_id in {c.id for c in self.client.corrections.list()}
        assert not (done.error is None and there)
        if not there:
            del self.corrections[correction_id]

    # Report jobs.

    @rule(tag=st.sampled_from(TAGS), fault=FAULTS, late=st.sampled_from((0, 60)))
    def report(self, tag: str, fault: str, late: int) -> None:
        """A job lists what there was when it was made, whoever waits for it."""
        job = self.ask(lambda: self.client.reports.create(query=tag, from_ts=START - 86_400, to_ts=START, interval="daily"), fault)
        if job.error is not None:
            return
        expected = sorted(i for i, slo in self.slos.items() if tag in slo.tags)
        self.clock.advance(late)
        assert self.client.reports.wait(job.result.id).status.is_known
        report = self.ask(lambda: self.client.reports.resume(job.result.handle()), fault)
        if report.error is None:
            assert sorted(row.id for row in report.result.rows) == expected
        assert sorted({row.id for row in self.client.reports.download(job.result.id).rows}) == expected

    # Always.

    @invariant()
    def both_know_the_same(self) -> None:
        assert self.seen() == self.slos
        assert {c.id: (c.slo_id, c.description) for c in self.client.corrections.list()} == self.corrections


TestDatadog = Datadog.TestCase
TestDatadog.settings = BOUNDED
