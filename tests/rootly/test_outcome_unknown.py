"""A create whose answer was lost: nothing is sent again, and ``reconcile()`` only reads."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from rootly_sla import AsyncRootlySLA, RootlySLA, Sla
from rootly_sla.sandbox import RootlySandbox
from slo_common import ConfigurationError, OutcomeUnknown
from slo_common.sandbox import Fault, VirtualClock
from tests.rootly.modes import TOKEN
from tests.rootly.rootly_requests import WANTED

GOOD: dict[str, Any] = WANTED
LOST = Fault.lost_answer(method="POST")
NEVER_APPLIED = Fault.status(502, method="POST")


def lost(rootly: RootlySLA) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        rootly.slas.create(**GOOD)
    return caught.value


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_790_000_000.0)


@pytest.mark.parametrize("fault", [LOST, NEVER_APPLIED, Fault.stall(method="POST"), Fault.status(504, method="POST", after=True)])
def test_it_says_what_is_known(clock: VirtualClock, fault: Fault) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[fault])
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        error = lost(rootly)
    assert (error.operation, error.first_sent_at) == ("rootly.slas.create", datetime.fromtimestamp(1_790_000_000, UTC))
    assert error.retry_safe is None
    assert "rootly.slas.create 'Sev1 follow-ups': it may have been applied" in str(error)
    assert [entry.method for entry in sandbox.ledger] == ["POST"]


@pytest.mark.parametrize("lag", [0, 3, 25])
def test_reconcile_finds_what_was_applied(clock: VirtualClock, lag: float) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[LOST], index_lag=lag)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        sla = lost(rootly).reconcile()
    assert isinstance(sla, Sla)
    assert [sla.id] == list(sandbox.slas)
    assert {entry.method for entry in sandbox.ledger[1:]} == {"GET"}


def test_reconcile_says_when_it_is_not_there(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[NEVER_APPLIED])
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        assert lost(rootly).reconcile() is None
    assert (sandbox.slas, {entry.method for entry in sandbox.ledger[1:]}) == ({}, {"GET"})
    assert clock.now() - 1_790_000_000 == pytest.approx(30)


def test_an_older_sla_of_the_name_is_not_taken_for_ours(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[NEVER_APPLIED])
    sandbox.add(**GOOD)
    clock.advance(3600)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        assert lost(rootly).reconcile() is None


@pytest.mark.parametrize(("minutes", "ours"), [(4, True), (6, False)])
def test_the_vendors_clock_may_be_five_minutes_behind(clock: VirtualClock, minutes: int, ours: bool) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[NEVER_APPLIED])
    sandbox.add(**GOOD)
    clock.advance(60 * minutes)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        assert (lost(rootly).reconcile() is not None) is ours


def test_reconcile_can_be_asked_again(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[LOST])
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        error = lost(rootly)
        assert error.reconcile() == error.reconcile()


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_the_async_client_awaits_it(clock: VirtualClock, library: str) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[LOST])

    async def run() -> Sla | None:
        async with AsyncRootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            with pytest.raises(OutcomeUnknown) as caught:
                await rootly.slas.create(**GOOD)
            found: Sla | None = await caught.value.reconcile()
            return found

    found = anyio.run(run, backend=library)
    assert found is not None
    assert [found.id] == list(sandbox.slas)


def test_in_another_process_there_is_no_look_up(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[LOST])
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        copy: OutcomeUnknown = pickle.loads(pickle.dumps(lost(rootly)))
    with pytest.raises(ConfigurationError, match="no look-up"):
        copy.reconcile()


def test_a_create_that_was_never_sent_is_sent_again(clock: VirtualClock) -> None:
    """A refusal by the limit comes before anything is done."""
    sandbox = RootlySandbox(clock=clock, faults=[Fault.status(429, method="POST", body=b'{"error": "later"}')])
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        rootly.slas.create(**GOOD)
    assert len(sandbox.applied) == 1


def test_a_delete_whose_answer_was_lost_is_done(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[Fault.lost_answer(method="DELETE")])
    sla_id = sandbox.add(**GOOD)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        assert rootly.slas.delete(sla_id) is None
    assert (sandbox.slas, [e.status for e in sandbox.ledger]) == ({}, [0, 404])


def test_an_update_whose_answer_was_lost_is_sent_again(clock: VirtualClock) -> None:
    sandbox = RootlySandbox(clock=clock, faults=[Fault.lost_answer(method="PUT")])
    sla_id = sandbox.add(**GOOD)
    with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
        assert rootly.slas.update(sla_id, completion_deadline_days=21).completion_deadline_days == 21
    assert len(sandbox.applied) == 1
