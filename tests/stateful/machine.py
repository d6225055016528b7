"""What the stateful tests share: a public client before a sandbox, beside it a model of plain dicts, and faults now and then.

Every rule asks the client and the model, and both must say the same. A rule may be disturbed by one fault. Then the client may fail, but
only by an exception of ours, and what was written is there once or not at all, which is found out by looking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import frozen
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from slo_common import SloError
from slo_common.sandbox import FaultScript, Sandbox, VirtualClock

T = TypeVar("T")

START = 1_790_000_000.0

BOUNDED = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
)
"""The same few seconds each time: what is found here must not come and go."""

FAULTS = st.sampled_from(
    (
        *[""] * 9,
        "reset",
        "apply, close",
        "apply, cut 40%, reset",
        "apply, gzip, shorten 50%",
        "apply, length +10",
        "apply, answer 504",
        'apply, answer 200 "<html>"',
        "answer 429 retry-after=1",
        "answer 503",
        "stall",
        "wait 2s, apply",
    )
)
"""Mostly none."""


@frozen
class Done(Generic[T]):
    """What came of a call: its value, or our exception."""

    value: T | None
    error: SloError | None

    @property
    def result(self) -> T:
        assert self.error is None, self.error
        assert self.value is not None
        return self.value


class Machine(RuleBasedStateMachine):
    """``make`` gives the sandbox and a client of it."""

    sandbox: Sandbox
    client: Any

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(START)
        self.sandbox, self.client = self.make(self.clock)
        self.numbers = iter(range(1, 1_000_000))

    def make(self, clock: VirtualClock) -> tuple[Sandbox, Any]:
        raise NotImplementedError

    def ask(self, use: Callable[[], T], fault: str = "") -> Done[T]:
        """Use the client, disturbed by this fault. Any exception but ours is a failure of the test."""
        if fault:
            self.sandbox.faults.extend(FaultScript.parse(f"any: {fault}"))
        try:
            return Done(use(), None)
        except SloError as e:
            assert e.retry_safe in (True, False, None)
            return Done(None, e)
        finally:
            self.sandbox.faults = type(self.sandbox.faults)()

    def times_applied(self, what: str) -> int:
        """How often the sandbox has carried out a change that is noted like this."""
        return sum(note.startswith(what) for entry in self.sandbox.applied for note in entry.split("; "))

    def teardown(self) -> None:
        self.client.close()
