"""``ensure``: create or update by name with the fewest calls, in the face of others and of lists that lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from rootly_sla import (
    Action,
    AmbiguousName,
    AsyncRootlySLA,
    Condition,
    Ensured,
    FieldChange,
    NameTaken,
    NotificationConfiguration,
    RootlySLA,
    SlaRefused,
)
from rootly_sla.sandbox import RootlySandbox
from slo_common import ConnectionLost, OutcomeUnknown, PermissionDenied
from slo_common.sandbox import Fault, Reply, SandboxRequest, VirtualClock
from tests.rootly.modes import TOKEN, Mode, all_modes
from tests.rootly.rootly_requests import FIELD, ROLE, WANTED

SYNC = Mode("sync")
NAME = str(WANTED["name"])


class Crowd(RootlySandbox):
    """A sandbox in which something happens just before the n-th request is answered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(clock=VirtualClock(), **options)
        self.before: dict[int, Callable[[], object]] = {}

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        self.before.pop(len(self.ledger) + 1, lambda: None)()
        return super().respond(request, now)

    @property
    def methods(self) -> list[str]:
        return [entry.method for entry in self.ledger]

    def wait(self, seconds: float) -> None:
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(seconds)

    def settled(self, **attributes: object) -> str:
        """An SLA that nobody has touched for long."""
        sla_id = self.add(**{**WANTED, **attributes})
        self.wait(3600)
        return sla_id


def ensure(**changes: Any) -> Callable[[Any], Any]:
    return lambda slas: slas.ensure(**{**WANTED, **changes})


class TestWhatItDoes:
    @all_modes
    def test_creates_what_is_not_there(self, mode: Mode) -> None:
        sandbox = Crowd()
        done: Ensured = mode(ensure(), sandbox=sandbox)
        assert (done.action, done.sla.name, done.changes) == ("created", NAME, ())
        assert sandbox.methods == ["GET", "POST"]

    @all_modes
    def test_leaves_alone_what_is_right(self, mode: Mode) -> None:
        sandbox = Crowd()
        sla_id = sandbox.settled()
        done: Ensured = mode(ensure(), sandbox=sandbox)
        assert (done.action, done.sla.id, done.changed) == ("unchanged", sla_id, ())
        assert sandbox.methods == ["GET"]

    @all_modes
    def test_updates_what_differs_and_nothing_else(self, mode: Mode) -> None:
        sandbox = Crowd()
        sandbox.settled(description="kept", assignment_deadline_days=3)
        done: Ensured = mode(ensure(completion_deadline_days=21), sandbox=sandbox)
        assert (done.action, done.changed) == ("updated", ("assignment_deadline_days", "completion_deadline_days"))
        assert done.changes[1] == FieldChange(name="completion_deadline_days", before=14, after=21)
        assert sandbox.methods == ["GET", "PUT"]
        assert sandbox.ledger[1].body == (
            b'{"data":{"type":"slas","attributes":{"assignment_deadline_days":1,"completion_deadline_days":21}}}'
        )

    def test_what_is_not_given_is_not_managed(self) -> None:
        sandbox = Crowd()
        sandbox.settled(description="theirs", position=5, assignment_skip_weekends=True, condition_match_type="ANY")
        assert SYNC(ensure(), sandbox=sandbox).action is Action.UNCHANGED

    @pytest.mark.parametrize(
        ("stored", "wanted"),
        [
            ({"description": "old"}, {"description": None}),
            ({"description": "old"}, {"description": ""}),
            ({"assignment_skip_weekends": True}, {"assignment_skip_weekends": False}),
            ({}, {"completion_skip_weekends": True}),
            ({}, {"position": 7}),
            ({}, {"condition_match_type": "ANY"}),
            ({}, {"completion_deadline_parent_status": "closed"}),
            ({"completion_deadline_sub_status_id": ROLE}, {"completion_deadline_sub_status_id": None}),
            ({}, {"conditions": [Condition.builtin("severity", "is_set")]}),
            ({"notification_configurations": [{"offset_type": "when_due", "offset_days": 0}]}, {"notification_configurations": []}),
            (
                {"notification_configurations": [{"offset_type": "when_due", "offset_days": 0}]},
                {"notification_configurations": None},
            ),
        ],
        ids=str,
    )
    def test_every_kind_of_difference_is_mended_once(self, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
        sandbox = Crowd()
        sandbox.settled(**stored)
        first, second = SYNC(ensure(**wanted), sandbox=sandbox), SYNC(ensure(**wanted), sandbox=sandbox)
        assert (first.action, first.changed, second.action) == ("updated", tuple(wanted), "unchanged")

    def test_another_kind_of_manager_replaces_the_old_one(self) -> None:
        sandbox = Crowd()
        sla_id = sandbox.settled()
        done: Ensured = SYNC(ensure(manager_user_id=None, manager_role_id=ROLE), sandbox=sandbox)
        assert done.changed == ("manager_role_id", "manager_user_id")
        stored = sandbox.slas[sla_id]
        assert (stored["manager_role_id"], stored["manager_user_id"]) == (ROLE, None)

    def test_naming_the_new_manager_is_enough(self) -> None:
        sandbox = Crowd()
        sandbox.settled(manager_user_id=None, manager_role_id=ROLE)
        done: Ensured = SYNC(ensure(), sandbox=sandbox)
        assert (done.changed, done.sla.manager_role_id, done.sla.manager_user_id) == (
            ("manager_user_id", "manager_role_id"),
            None,
            7,
        )


class TestWhatIsNoDifference:
    CONDITIONS = (
        Condition.builtin("severity", "is_one_of", ["b", "a"]),
        Condition.custom(FIELD, "is_set"),
    )

    def ensured_twice(self, first: dict[str, Any], second: dict[str, Any]) -> Action:
        sandbox = Crowd()
        SYNC(ensure(**first), sandbox=sandbox)
        sandbox.wait(3600)
        action: Action = SYNC(ensure(**second), sandbox=sandbox).action
        return action

    def test_the_order_of_conditions_and_of_values(self) -> None:
        other = [self.CONDITIONS[1], Condition.builtin("severity", "is_one_of", ["a", "b"])]
        assert self.ensured_twice({"conditions": self.CONDITIONS}, {"conditions": other}) == "unchanged"

    def test_nulls_that_say_nothing(self) -> None:
        spelled = {"conditionable_type": "SLAs::CustomFieldCondition", "operator": "is_set", "form_field_id": FIELD, "values": None}
        assert self.ensured_twice({"conditions": [self.CONDITIONS[1]]}, {"conditions": [spelled]}) == "unchanged"

    def test_the_order_of_notifications(self) -> None:
        both = [NotificationConfiguration.before(1), NotificationConfiguration.after(2)]
        twice = {"notification_configurations": both}, {"notification_configurations": both[::-1]}
        assert self.ensured_twice(*twice) == "unchanged"

    def test_a_position_left_to_the_server(self) -> None:
        assert self.ensured_twice({"position": 4}, {"position": None}) == "unchanged"

    def test_but_positions_that_are_given_count(self) -> None:
        a, b = (Condition.builtin("cause", "is_set", position=1), Condition.builtin("kind", "is_set", position=2))
        c, d = (Condition.builtin("cause", "is_set", position=2), Condition.builtin("kind", "is_set", position=1))
        assert self.ensured_twice({"conditions": [a, b]}, {"conditions": [c, d]}) == "updated"

    def test_and_a_condition_more(self) -> None:
        assert self.ensured_twice({"conditions": self.CONDITIONS[:1]}, {"conditions": self.CONDITIONS}) == "updated"


class TestNames:
    def test_only_the_exact_name_counts(self) -> None:
        """The vendor's filter may take another case for the same."""
        sandbox = Crowd()
        sandbox.settled(name=NAME.upper())
        assert SYNC(ensure(), sandbox=sandbox).action == "created"
        assert len(sandbox.slas) == 2

    def test_the_right_one_may_be_on_a_later_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sandbox = Crowd()
        cases = [NAME[:i] + NAME[i:].upper() for i in range(len(NAME))]
        for i, name in enumerate(dict.fromkeys([*cases, NAME])):
            sandbox.add(**{**WANTED, "name": name, "position": i})
        sandbox.wait(3600)
        monkeypatch.setattr("rootly_sla._calls.MAX_PAGE_SIZE", 5)
        done: Ensured = SYNC(ensure(), sandbox=sandbox)
        assert (done.action, done.sla.name) == ("unchanged", NAME)
        assert len(sandbox.ledger) > 1

    def test_two_of_one_name_are_for_a_person_to_sort_out(self) -> None:
        sandbox = Crowd()
        twins = sandbox.settled(), sandbox.settled()
        with pytest.raises(AmbiguousName) as caught:
            SYNC(ensure(completion_deadline_days=21), sandbox=sandbox)
        assert (caught.value.name, caught.value.ids) == (NAME, twins)
        assert sandbox.applied == ()

    def test_a_name_that_no_list_shows_stays_taken(self) -> None:
        """As when names are compared without case by the server and the list's filter is exact."""
        sandbox = Crowd(index_lag=10_000)
        SYNC(lambda slas: slas.create(**WANTED), sandbox=sandbox)
        with pytest.raises(NameTaken):
            SYNC(ensure(), sandbox=sandbox)
        assert sandbox.methods == ["POST", "GET", "POST", *["GET"] * 5]

    def test_a_refused_sla_is_not_tried_again(self) -> None:
        sandbox = Crowd(user_ids=[1])
        with pytest.raises(SlaRefused):
            SYNC(ensure(), sandbox=sandbox)
        assert sandbox.methods == ["GET", "POST"]


class TestAtOnce:
    @all_modes
    def test_another_process_creates_it_between_our_look_and_our_create(self, mode: Mode) -> None:
        sandbox = Crowd()
        sandbox.before[2] = lambda: sandbox.add(**{**WANTED, "completion_deadline_days": 30})
        done: Ensured = mode(ensure(), sandbox=sandbox)
        assert (done.action, done.changed) == ("updated", ("completion_deadline_days",))
        assert len(sandbox.slas) == 1

    def test_and_the_list_shows_it_seconds_later(self) -> None:
        sandbox = Crowd(index_lag=9)
        sandbox.before[2] = lambda: SYNC(lambda slas: slas.create(**WANTED), sandbox=sandbox)
        done: Ensured = SYNC(ensure(), sandbox=sandbox)
        assert (done.action, len(sandbox.slas)) == ("unchanged", 1)

    def test_another_process_deletes_it_before_our_update(self) -> None:
        sandbox = Crowd()
        sla_id = sandbox.settled(completion_deadline_days=30)
        sandbox.before[2] = lambda: SYNC(lambda slas: slas.delete(sla_id), sandbox=sandbox)
        done: Ensured = SYNC(ensure(), sandbox=sandbox)
        assert (done.action, list(sandbox.slas)) == ("created", [done.sla.id])

    def test_another_process_changes_it_before_our_update(self) -> None:
        """Our update brings about what it was asked for, not only what the list had shown to differ."""
        sandbox = Crowd()
        sla_id = sandbox.settled(completion_deadline_days=30)
        sandbox.before[2] = lambda: SYNC(lambda slas: slas.update(sla_id, assignment_deadline_days=5), sandbox=sandbox)
        done: Ensured = SYNC(ensure(), sandbox=sandbox)
        assert done.changed == ("completion_deadline_days", "assignment_deadline_days")
        assert {k: v for k, v in sandbox.slas[sla_id].items() if k in WANTED} == WANTED

    @pytest.mark.parametrize("lag", [0.0, 7.0])
    @pytest.mark.parametrize("library", ["asyncio", "trio"])
    def test_sixteen_at_once_make_one_sla(self, library: str, lag: float) -> None:
        sandbox = Crowd(index_lag=lag)
        done: list[Ensured] = []

        async def one() -> None:
            async with AsyncRootlySLA(TOKEN, http=sandbox.transport()) as rootly:
                done.append(await rootly.slas.ensure(**WANTED))

        async def all_of_them() -> None:
            async with anyio.create_task_group() as group:
                for _ in range(16):
                    group.start_soon(one)

        anyio.run(all_of_them, backend=library)
        assert sorted(d.action for d in done) == ["created"] + ["unchanged"] * 15
        assert len({d.sla.id for d in done}) == len(sandbox.slas) == 1


class TestLag:
    """Lists show what was written five seconds later."""

    @pytest.fixture
    def sandbox(self) -> Crowd:
        return Crowd(index_lag=5)

    @pytest.fixture
    def rootly(self, sandbox: Crowd) -> Iterator[RootlySLA]:
        with RootlySLA(TOKEN, http=sandbox.transport()) as client:
            yield client

    @pytest.fixture
    def other(self, sandbox: Crowd) -> Iterator[RootlySLA]:
        """A client of another process."""
        with RootlySLA(TOKEN, http=sandbox.transport()) as client:
            yield client

    def test_what_was_just_created_is_known(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        ensure()(rootly.slas)
        assert ensure()(rootly.slas).action == "unchanged"
        assert sandbox.methods == ["GET", "POST", "GET"]

    def test_what_was_just_updated_is_known_as_it_is(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        sandbox.settled()
        ensure(completion_deadline_days=21)(rootly.slas)
        back = ensure()(rootly.slas)
        assert (back.action, back.changes) == (
            "updated",
            (FieldChange(name="completion_deadline_days", before=21, after=14),),
        )

    def test_what_was_just_deleted_is_made_anew(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        rootly.slas.delete(sandbox.settled())
        assert ensure()(rootly.slas).action == "created"
        assert sandbox.methods == ["DELETE", "GET", "POST"]

    def test_what_was_just_renamed_is_not_taken_for_it(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        rootly.slas.update(sandbox.settled(), name="Renamed")
        assert ensure()(rootly.slas).action == "created"
        assert ensure(name="Renamed")(rootly.slas).action == "unchanged"

    def test_views_of_a_client_remember_together(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        rootly.with_options(timeout=5).slas.delete(sandbox.settled())
        assert ensure()(rootly.slas).action == "created"

    def test_a_delete_that_failed_may_have_been_done(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        sla_id = sandbox.settled()
        sandbox.faults.add(Fault.lost_answer(method="DELETE", times=1))
        sandbox.faults.add(Fault.status(403, method="DELETE"))
        with pytest.raises(PermissionDenied):
            rootly.slas.delete(sla_id)
        assert ensure()(rootly.slas).action == "created"

    def test_an_update_that_failed_may_have_been_done(self, sandbox: Crowd, rootly: RootlySLA) -> None:
        sla_id = sandbox.settled()
        sandbox.faults.add(Fault.lost_answer(method="PUT", times=3))
        with pytest.raises(ConnectionLost):
            rootly.slas.update(sla_id, completion_deadline_days=21)
        done = ensure()(rootly.slas)
        assert (done.action, done.changed) == ("updated", ("completion_deadline_days",))

    def test_what_another_process_changed_after_us_is_seen(self, sandbox: Crowd, rootly: RootlySLA, other: RootlySLA) -> None:
        done = ensure()(rootly.slas)
        sandbox.wait(6)
        other.slas.update(done.sla.id, completion_deadline_days=30)
        sandbox.wait(6)
        assert ensure()(rootly.slas).changed == ("completion_deadline_days",)

    def test_what_another_process_changed_a_moment_ago_is_asked_for_by_id(
        self, sandbox: Crowd, rootly: RootlySLA, other: RootlySLA
    ) -> None:
        done = ensure()(other.slas)
        sandbox.wait(6)
        other.slas.update(done.sla.id, completion_deadline_days=30)
        assert ensure()(rootly.slas).changed == ("completion_deadline_days",)

    def test_an_sla_just_deleted_and_made_again_is_one(self, sandbox: Crowd, rootly: RootlySLA, other: RootlySLA) -> None:
        old = sandbox.settled()
        other.slas.delete(old)
        sandbox.index_lag = 0
        new = other.slas.create(**WANTED)
        done = ensure()(rootly.slas)
        assert (done.action, done.sla.id) == ("unchanged", new.id)

    def test_after_a_minute_nothing_is_remembered(self, sandbox: Crowd, rootly: RootlySLA, other: RootlySLA) -> None:
        created = ensure()(rootly.slas).sla
        sandbox.wait(100)
        other.slas.delete(created.id)
        sandbox.wait(6)
        assert ensure()(rootly.slas).action == "created"


class TestLostAnswers:
    @all_modes
    @pytest.mark.parametrize("lag", [0.0, 6.0])
    def test_a_create_that_was_applied_is_found(self, mode: Mode, lag: float) -> None:
        sandbox = Crowd(index_lag=lag)
        sandbox.faults.add(Fault.lost_answer(method="POST"))
        done: Ensured = mode(ensure(), sandbox=sandbox)
        assert (done.action, list(sandbox.slas), len(sandbox.applied)) == ("created", [done.sla.id], 1)

    @all_modes
    def test_a_create_that_was_not_applied_is_tried_again(self, mode: Mode) -> None:
        sandbox = Crowd()
        sandbox.faults.add(Fault.status(502, method="POST"))
        done: Ensured = mode(ensure(), sandbox=sandbox)
        assert (done.action, len(sandbox.applied)) == ("created", 1)

    def test_when_every_answer_is_lost_nobody_knows(self) -> None:
        sandbox = Crowd()
        sandbox.faults.add(Fault.stall(method="POST", times=3))
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            with pytest.raises(OutcomeUnknown) as caught:
                ensure()(rootly.slas)
            assert sandbox.methods.count("POST") == 3
            assert caught.value.reconcile() is None

    @pytest.mark.parametrize("library", ["asyncio", "trio"])
    def test_nor_with_the_async_client(self, library: str) -> None:
        sandbox = Crowd()
        sandbox.faults.add(Fault.stall(method="POST", times=3))

        async def run() -> object:
            async with AsyncRootlySLA(TOKEN, http=sandbox.transport()) as rootly:
                with pytest.raises(OutcomeUnknown) as caught:
                    await ensure()(rootly.slas)
                return await caught.value.reconcile()

        assert anyio.run(run, backend=library) is None
