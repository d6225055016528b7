"""``plan`` shows what would change without a write; ``apply`` does it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from rootly_sla import (
    AmbiguousName,
    Applied,
    ApplyFailed,
    Condition,
    FieldChange,
    NameTaken,
    Plan,
    PlannedChange,
    RootlySLA,
    SlaRefused,
    SlaSpec,
    Step,
)
from rootly_sla.sandbox import RootlySandbox
from slo_common import AuthenticationError, OutcomeUnknown, PermissionDenied, SloError
from slo_common.sandbox import Fault, VirtualClock
from tests.rootly.modes import TOKEN, Mode, all_modes
from tests.rootly.rootly_requests import ROLE, WANTED

SYNC = Mode("sync")


def spec(name: str, **changes: Any) -> SlaSpec:
    arguments: dict[str, Any] = {**WANTED, "name": name, **changes}
    return SlaSpec(**arguments)


def team(*names: str, **options: Any) -> RootlySandbox:
    """A sandbox with settled SLAs of these names."""
    clock = VirtualClock()
    sandbox = RootlySandbox(clock=clock, **options)
    for name in names:
        sandbox.add(**{**WANTED, "name": name})
        clock.advance(60)
    return sandbox


def planned(sandbox: RootlySandbox, *specs: SlaSpec, delete_others: bool = False) -> Plan:
    plan: Plan = SYNC(lambda slas: slas.plan(specs, delete_others=delete_others), sandbox=sandbox)
    return plan


def applied(sandbox: RootlySandbox, plan: Plan) -> Applied:
    result: Applied = SYNC(lambda slas: slas.apply(plan), sandbox=sandbox)
    return result


def steps(result: Plan | Applied) -> list[tuple[str, str | None]]:
    if isinstance(result, Plan):
        return [(c.name, c.step) for c in result.changes]
    return [(c.planned.name, c.done) for c in result.changes]


SPECS = (spec("new"), spec("changed", completion_deadline_days=30), spec("same"))
STEPS = [("new", "create"), ("changed", "update"), ("same", "unchanged"), ("old", "delete")]


class TestPlan:
    @all_modes
    def test_one_read_and_no_write(self, mode: Mode) -> None:
        sandbox = team("same", "old", "changed")
        plan: Plan = mode(lambda slas: slas.plan(SPECS, delete_others=True), sandbox=sandbox)
        assert steps(plan) == STEPS
        assert ([entry.method for entry in sandbox.ledger], sandbox.applied) == (["GET"], ())

    def test_tells_each_change_before_and_after(self) -> None:
        sandbox = team("a")
        (change,) = planned(sandbox, spec("a", description="why", conditions=[Condition.builtin("kind", "is_set")])).changes
        condition = {"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "kind", "operator": "is_set"}
        assert change.changes == (
            FieldChange(name="description", before=None, after="why"),
            FieldChange(name="conditions", before=[], after=[condition]),
        )

    def test_shows_lists_as_they_are_without_what_the_server_adds(self) -> None:
        sandbox = team()
        notification = {"offset_type": "before_due", "offset_days": 2}
        condition = {
            "conditionable_type": "SLAs::BuiltInFieldCondition",
            "property": "kind",
            "operator": "is_one_of",
            "values": ["x"],
        }
        sandbox.add(**WANTED, conditions=[condition], notification_configurations=[notification])
        (change,) = planned(sandbox, spec(str(WANTED["name"]), conditions=None, notification_configurations=[])).changes
        assert [c.before for c in change.changes] == [[condition], [notification]]

    def test_a_create_tells_all_that_will_be_sent(self) -> None:
        (change,) = planned(team(), spec("a")).changes
        assert {c.name: (c.before, c.after) for c in change.changes} == {k: (None, v) for k, v in {**WANTED, "name": "a"}.items()}

    def test_others_are_left_alone_unless_told(self) -> None:
        assert steps(planned(team("other"), spec("a"))) == [("a", "create")]

    def test_counts_writes_and_sorts_by_step(self) -> None:
        plan = planned(team("same", "old", "changed"), *SPECS, delete_others=True)
        assert (plan.writes, [c.name for c in plan.only(Step.UPDATE)]) == (3, ["changed"])

    def test_reads_every_page(self) -> None:
        sandbox = team()
        for i in range(250):
            sandbox.add(**{**WANTED, "name": f"sla {i}"})
        plan = planned(sandbox, *(spec(f"sla {i}") for i in range(250)))
        assert (plan.writes, len(sandbox.ledger)) == (0, 3)

    def test_two_of_one_name_are_for_a_person_to_sort_out(self) -> None:
        with pytest.raises(AmbiguousName, match="2 SLAs are called 'a'"):
            planned(team("a", "a"), spec("a"))

    def test_two_of_a_name_that_is_not_ours_do_not_matter(self) -> None:
        assert planned(team("a", "a"), spec("b")).writes == 1

    def test_nothing_desired_and_others_to_be_deleted(self) -> None:
        assert steps(planned(team("a", "b"), delete_others=True)) == [("a", "delete"), ("b", "delete")]

    def test_takes_any_iterable(self) -> None:
        plan = SYNC(lambda slas: slas.plan(s for s in SPECS), sandbox=team())
        assert plan.writes == 3

    def test_can_be_kept(self) -> None:
        plan = planned(team("changed"), *SPECS)
        assert pickle.loads(pickle.dumps(plan)) == plan


class TestApply:
    @all_modes
    def test_does_what_the_plan_says(self, mode: Mode) -> None:
        sandbox = team("same", "old", "changed")
        plan = planned(sandbox, *SPECS, delete_others=True)
        result: Applied = mode(lambda slas: slas.apply(plan), sandbox=sandbox)
        assert steps(result) == STEPS
        assert {sla["name"]: sla["completion_deadline_days"] for sla in sandbox.slas.values()} == {
            "same": 14,
            "changed": 30,
            "new": 14,
        }
        assert [e.method for e in sandbox.ledger[1:]] == ["POST", "PUT", "DELETE"]

    def test_gives_each_sla_as_it_is_now(self) -> None:
        sandbox = team("same", "old", "changed")
        result = applied(sandbox, planned(sandbox, *SPECS, delete_others=True))
        assert [c.sla and c.sla.completion_deadline_days for c in result.changes] == [14, 30, 14, None]
        assert (len(result.done), result.failed, result.not_tried) == (4, (), ())

    def test_then_there_is_nothing_to_do(self) -> None:
        """Even while lists still show the old state, for the client that did it."""
        sandbox = team("same", "old", "changed", index_lag=5)
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            rootly.slas.apply(rootly.slas.plan(SPECS, delete_others=True))
            again = rootly.slas.plan(SPECS, delete_others=True)
        assert again.writes == 0

    def test_sends_only_what_differs(self) -> None:
        sandbox = team("changed")
        applied(sandbox, planned(sandbox, SPECS[1]))
        assert sandbox.ledger[1].body == b'{"data":{"type":"slas","attributes":{"completion_deadline_days":30}}}'

    def test_an_sla_of_unknown_state_is_asked_for(self) -> None:
        sandbox = team("a", "b")
        first = next(iter(sandbox.slas))
        sandbox.faults.add(Fault.lost_answer(method="PUT", times=3))
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            with pytest.raises(SloError):
                rootly.slas.update(first, completion_deadline_days=21)
            plan = rootly.slas.plan([spec("a"), spec("b")])
        assert steps(plan) == [("a", "update"), ("b", "unchanged")]
        assert [e.path for e in sandbox.ledger[3:]] == ["/v1/slas", f"/v1/slas/{first}"]


class TestWhenTheWorldMovedOn:
    def test_an_sla_that_is_there_by_now_is_brought_in_line(self) -> None:
        sandbox = team()
        plan = planned(sandbox, spec("a"))
        sandbox.add(**{**WANTED, "name": "a", "completion_deadline_days": 30})
        assert steps(applied(sandbox, plan)) == [("a", "update")]

    def test_an_sla_that_is_gone_is_created(self) -> None:
        sandbox = team("changed")
        plan = planned(sandbox, SPECS[1])
        SYNC(lambda slas: slas.delete(next(iter(sandbox.slas))), sandbox=sandbox)
        assert steps(applied(sandbox, plan)) == [("changed", "create")]

    def test_a_deletion_of_what_is_gone_is_done(self) -> None:
        sandbox = team("old")
        plan = planned(sandbox, delete_others=True)
        SYNC(lambda slas: slas.delete(next(iter(sandbox.slas))), sandbox=sandbox)
        assert steps(applied(sandbox, plan)) == [("old", "delete")]

    def test_a_lost_answer_is_looked_up(self) -> None:
        sandbox = team()
        plan = planned(sandbox, spec("a"))
        sandbox.faults.add(Fault.lost_answer(method="POST"))
        assert steps(applied(sandbox, plan)) == [("a", "create")]
        assert len(sandbox.slas) == 1


class TestFailures:
    def fail(self, sandbox: RootlySandbox, *specs: SlaSpec, delete_others: bool = False) -> ApplyFailed:
        plan = planned(sandbox, *specs, delete_others=delete_others)
        with pytest.raises(ApplyFailed) as caught:
            applied(sandbox, plan)
        return caught.value

    def test_one_refused_sla_does_not_stop_the_others(self) -> None:
        bad = spec("bad", manager_user_id=99)
        error = self.fail(team("old", user_ids=[7]), spec("a"), bad, spec("b"), delete_others=True)
        assert steps(error.result) == [("a", "create"), ("bad", None), ("b", "create"), ("old", "delete")]
        (failed,) = error.result.failed
        assert isinstance(failed.error, SlaRefused)
        assert (error.__cause__, error.result.not_tried) == (failed.error, ())
        assert str(error).startswith("1 of 4 changes failed, 0 were not tried: create 'bad': rootly.slas.create 'bad': HTTP 422")

    @pytest.mark.parametrize("status", [403, 409, 404, 400])
    def test_nor_does_what_else_is_about_one_sla(self, status: int) -> None:
        error = self.fail(team(faults=[Fault.status(status, method="POST")]), spec("a"), spec("b"))
        assert steps(error.result) == [("a", None), ("b", "create")]

    def test_nor_a_name_that_no_list_shows(self) -> None:
        sandbox = team(index_lag=10_000)
        SYNC(lambda slas: slas.create(**WANTED), sandbox=sandbox)
        error = self.fail(sandbox, spec(str(WANTED["name"])), spec("b"))
        assert isinstance(error.result.failed[0].error, NameTaken)
        assert steps(error.result)[1] == ("b", "create")

    def test_nor_an_outcome_that_nobody_knows(self) -> None:
        error = self.fail(team(faults=[Fault.stall(method="POST", times=3)]), spec("a"), spec("b"))
        assert isinstance(error.result.failed[0].error, OutcomeUnknown)
        assert steps(error.result)[1] == ("b", "create")

    @pytest.mark.parametrize("fault", [Fault.status(401, method="POST"), Fault.status(500, method="POST")])
    def test_what_would_meet_every_change_stops(self, fault: Fault) -> None:
        sandbox = team("changed", "old")
        plan = planned(sandbox, *SPECS, delete_others=True)
        sandbox.faults.add(fault)
        with pytest.raises(ApplyFailed) as caught:
            applied(sandbox, plan)
        result = caught.value.result
        assert [c.planned.name for c in result.not_tried] == ["changed", "same", "old"]
        assert str(caught.value).startswith("1 of 4 changes failed, 3 were not tried")
        assert len(sandbox.ledger) == 2

    def test_a_key_that_may_not_write_says_so(self) -> None:
        sandbox = team(tokens={TOKEN: ["read"]})
        error = self.fail(sandbox, spec("a"))
        assert isinstance(error.result.failed[0].error, PermissionDenied)

    def test_it_can_be_planned_and_applied_again(self) -> None:
        sandbox = team("changed")
        plan = planned(sandbox, *SPECS)
        sandbox.faults.add(Fault.status(401, method="PUT"))
        with pytest.raises(ApplyFailed) as caught:
            applied(sandbox, plan)
        assert isinstance(caught.value.__cause__, AuthenticationError)
        assert steps(applied(sandbox, planned(sandbox, *SPECS))) == [
            ("new", "unchanged"),
            ("changed", "update"),
            ("same", "create"),
        ]

    def test_the_error_survives_pickling(self) -> None:
        error = self.fail(
            team(user_ids=[7]), spec("bad", manager_user_id=None, manager_role_id=ROLE), spec("worse", manager_user_id=99)
        )
        copy: ApplyFailed = pickle.loads(pickle.dumps(error))
        assert (str(copy), len(copy.result.failed)) == (str(error), 1)


def test_a_planned_deletion_without_an_sla_does_nothing() -> None:
    """A plan written by hand may say so."""
    sandbox = team()
    assert steps(applied(sandbox, Plan(changes=(PlannedChange(step=Step.DELETE, name="x"),)))) == [("x", "delete")]
    assert sandbox.ledger == ()
