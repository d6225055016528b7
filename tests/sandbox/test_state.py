"""What all sandboxes share: the ledger, the clock, scripted faults, and limits whose headers are true."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common._ratelimit import parse
from slo_common.sandbox import (
    Drop,
    Fault,
    FaultPlan,
    FixedWindows,
    Meter,
    SandboxRequest,
    SlidingWindows,
    Step,
    SystemClock,
    VirtualClock,
    Window,
)
from tests.sandbox.shop import Shop, answered, request

START = 1_700_000_040.0


def shop(*faults: Fault, meter: Meter | None = None) -> Shop:
    return Shop(clock=VirtualClock(START), faults=faults, meter=meter)


# The clock.


def test_a_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(5)
    assert (clock.now(), clock.now()) == (5.0, 5.0)
    clock.advance(86_400)
    assert clock.now() == 86_405.0


def test_a_virtual_clock_does_not_run_backwards() -> None:
    clock = VirtualClock(5)
    with pytest.raises(ValueError, match="seconds: -1 is negative"):
        clock.advance(-1)
    assert clock.now() == 5.0


def test_without_a_clock_a_sandbox_lives_in_the_present() -> None:
    sandbox = Shop()
    assert isinstance(sandbox.clock, SystemClock)
    assert sandbox.clock.now() > START


def test_every_answer_carries_the_date_of_the_sandbox() -> None:
    assert answered(shop().handle(request())).headers["date"] == "Tue, 14 Nov 2023 22:14:00 GMT"


# The request.


def test_a_request_gives_the_first_value_of_a_parameter() -> None:
    asked = SandboxRequest(method="GET", segments=("a", "b c"), query=(("x", "1"), ("x", "2")))
    assert (asked.path, asked.param("x"), asked.param("y")) == ("/a/b c", "1", None)


def test_a_path_below_the_vendor_s_name_is_the_vendor_s() -> None:
    sandbox = shop()
    sandbox.handle(SandboxRequest(method="GET", segments=(sandbox.vendor, "a", "b")))
    assert sandbox.ledger[0].path == "/a/b"


# The ledger.


def test_the_ledger_tells_what_came_and_what_it_changed() -> None:
    sandbox = shop()
    sandbox.handle(request("POST", body=b"one"))
    sandbox.handle(request("GET"))
    sandbox.handle(request("GET", "/nowhere"))
    assert [(e.at, e.method, e.path, e.status, e.applied, e.fault) for e in sandbox.ledger] == [
        (START, "POST", "/things", 201, "things.create one", None),
        (START, "GET", "/things", 200, None, None),
        (START, "GET", "/nowhere", 404, None, None),
    ]
    assert sandbox.applied == ("things.create one",)


def test_a_request_that_changes_several_things_says_so_in_one_line() -> None:
    sandbox = shop()
    for name in (b"one", b"two"):
        sandbox.handle(request("POST", body=name))
    sandbox.handle(request("DELETE"))
    assert sandbox.applied[-1] == "things.delete one; things.delete two"


# Faults.


def test_a_status_fault_comes_instead_of_the_vendor() -> None:
    sandbox = shop(Fault.status(503, body=b"busy", headers={"retry-after": "3"}))
    reply = answered(sandbox.handle(request("POST", body=b"one")))
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (503, b"busy", "3")
    assert (sandbox.things, sandbox.applied) == ((), ())
    assert sandbox.ledger[0].fault == 'answer 503 retry-after=3 "busy"'


def test_a_status_fault_after_the_request_hides_what_was_done() -> None:
    sandbox = shop(Fault.status(504, after=True))
    assert answered(sandbox.handle(request("POST", body=b"one"))).status == 504
    assert sandbox.things == ("one",)
    assert (sandbox.ledger[0].status, sandbox.ledger[0].applied) == (504, "things.create one")


@pytest.mark.parametrize(
    ("fault", "drop", "done"),
    [
        (Fault.lost_answer(), Drop.AFTER, ("one",)),
        (Fault.reset(), Drop.BEFORE, ()),
        (Fault.stall(), Drop.STALL, ()),
        (Fault.stall(after=True), Drop.STALL, ("one",)),
    ],
    ids=["lost-answer", "reset", "stall", "stall-after"],
)
def test_a_broken_connection_says_before_or_after(fault: Fault, drop: Drop, done: tuple[str, ...]) -> None:
    sandbox = shop(fault)
    assert sandbox.handle(request("POST", body=b"one")) is drop
    assert sandbox.things == done
    assert sandbox.ledger[0].status == 0


def test_a_replaced_body_keeps_the_work_and_changes_the_answer() -> None:
    sandbox = shop(Fault.replace_body(b"<html>"))
    reply = answered(sandbox.handle(request("POST", body=b"one")))
    assert (reply.status, reply.body, reply.content_type) == (200, b"<html>", "text/html")
    assert sandbox.things == ("one",)


def test_a_fault_hits_as_often_as_it_says_and_then_no_more() -> None:
    sandbox = shop(Fault.status(500, times=2))
    assert [answered(sandbox.handle(request())).status for _ in range(4)] == [500, 500, 200, 200]
    assert sandbox.faults.pending == ()


def test_a_fault_lets_some_pass_first() -> None:
    sandbox = shop(Fault.status(500, skip=2))
    assert [answered(sandbox.handle(request())).status for _ in range(4)] == [200, 200, 500, 200]


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault.status(500, method="POST"), False),
        (Fault.status(500, method="GET"), True),
        (Fault.status(500, path="/thi"), True),
        (Fault.status(500, path="/other"), False),
    ],
    ids=["other-method", "method", "prefix", "other-path"],
)
def test_a_fault_hits_only_what_it_names(fault: Fault, hit: bool) -> None:
    sandbox = shop(fault)
    assert (answered(sandbox.handle(request())).status == 500) is hit
    assert (sandbox.faults.pending == ()) is hit


def test_the_first_fault_that_fits_is_used() -> None:
    sandbox = shop(Fault.status(501, method="POST"), Fault.status(502), Fault.status(503))
    assert [answered(sandbox.handle(request())).status for _ in range(2)] == [502, 503]
    assert [str(f) for f in sandbox.faults.pending] == ["POST /: answer 501"]


def test_faults_can_be_added_later() -> None:
    sandbox = shop()
    sandbox.faults.add(Fault.status(418))
    assert answered(sandbox.handle(request())).status == 418


def test_a_fault_that_only_adds_headers_keeps_the_true_answer() -> None:
    sandbox = shop(Fault(steps=(Step("apply"), Step("header", ("x-slow=1",)))))
    reply = answered(sandbox.handle(request("POST", body=b"one")))
    assert (reply.status, reply.body, reply.headers["x-slow"]) == (201, b'{"name": "one"}', "1")


class Plan:
    """A fault plan as a sentence: for each request in turn, which fault hits."""

    def __init__(self, faults: list[Fault]) -> None:
        self.left = [[f, f.skip, math.inf if f.times is None else f.times] for f in faults]

    def take(self, asked: SandboxRequest) -> str | None:
        for entry in self.left:
            fault, skip, times = entry
            assert isinstance(fault, Fault)
            assert isinstance(skip, int)
            assert isinstance(times, int | float)
            if times <= 0 or (fault.method is not None and fault.method != asked.method):
                continue
            if skip > 0:
                entry[1] = skip - 1
                continue
            entry[1], entry[2] = fault.every - 1, times - 1
            return fault.kind
        return None


@given(
    st.lists(
        st.builds(
            Fault,
            steps=st.integers(200, 599).map(lambda status: (Step("answer", (str(status),)),)),
            method=st.sampled_from([None, "GET", "POST"]),
            skip=st.integers(0, 2),
            times=st.integers(1, 3) | st.none(),
            every=st.integers(1, 3),
        ),
        max_size=4,
    ),
    st.lists(st.sampled_from(["GET", "POST"]), max_size=20),
)
def test_a_plan_does_what_its_faults_say(faults: list[Fault], methods: list[str]) -> None:
    plan, model = FaultPlan(faults), Plan(faults)
    for method in methods:
        asked = request(method)
        hit = plan.take(asked)
        assert (hit.kind if hit is not None else None) == model.take(asked)


# Limits.


def window(limit: int, seconds: int) -> Callable[[str], Window]:
    return lambda _: Window(limit=limit, seconds=seconds)


def test_a_refused_request_is_answered_as_the_vendor_refuses_and_does_nothing() -> None:
    sandbox = shop(meter=FixedWindows(window(1, 60)))
    assert answered(sandbox.handle(request("POST", body=b"one"))).status == 201
    reply = answered(sandbox.handle(request("POST", body=b"two")))
    assert (reply.status, reply.body) == (429, b'{"error":"slow down"}')
    assert reply.headers["x-ratelimit-remaining"] == "0"
    assert sandbox.things == ("one",)


def test_a_fixed_window_begins_anew_at_a_multiple_of_its_length() -> None:
    meter = FixedWindows(window(2, 60))
    assert [meter.take("b", START + 50 + i).granted for i in range(3)] == [True, True, False]
    assert meter.take("b", START + 60).granted


def test_the_headers_of_a_fixed_window_are_true() -> None:
    taken = FixedWindows(window(2, 60)).take("b", START + 50.5)
    assert taken.headers == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-period": "60",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "10",
        "x-ratelimit-name": "b",
    }


def test_buckets_are_counted_apart() -> None:
    for meter in (FixedWindows(window(1, 60)), SlidingWindows(window(1, 60))):
        assert [meter.take(b, START).granted for b in ("a", "b", "a")] == [True, True, False]


def test_a_sliding_window_looks_back() -> None:
    meter = SlidingWindows(window(2, 60))
    moments = [0.0, 30.0, 59.9, 60.0, 89.9, 90.0]
    assert [meter.take("b", START + m).granted for m in moments] == [True, True, False, True, False, True]


def test_a_refused_request_does_not_count_in_a_sliding_window() -> None:
    meter = SlidingWindows(window(1, 60))
    assert [meter.take("b", START + m).granted for m in (0, 10, 20, 60)] == [True, False, False, True]


def test_the_headers_of_a_sliding_window_are_true() -> None:
    meter = SlidingWindows(window(5, 60))
    meter.take("b", START + 0.5)
    assert meter.take("b", START + 20).headers == {
        "x-ratelimit-limit": "5, 5;window=60",
        "x-ratelimit-remaining": "3",
        "x-ratelimit-used": "2",
        "x-ratelimit-reset": str(int(START) + 61),
    }


def test_a_sliding_window_may_tell_its_limit_only() -> None:
    assert SlidingWindows(window(5, 60), bare_limit=True).take("b", START).headers["x-ratelimit-limit"] == "5"


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5), st.booleans())
def test_no_window_ever_grants_more_than_its_limit(pauses: list[float], limit: int, slides: bool) -> None:
    meter = SlidingWindows(window(limit, 60)) if slides else FixedWindows(window(limit, 60))
    now, granted = START, list[float]()
    for pause in pauses:
        now += pause
        taken = meter.take("b", now)
        if taken.granted:
            granted.append(now)
        state = parse(taken.headers)
        assert state.limit == limit
        assert state.remaining is not None
        assert 0 <= state.remaining <= limit
        assert taken.granted or state.remaining == 0
    for moment in granted:
        same = [g for g in granted if moment - 60 < g <= moment] if slides else [g for g in granted if g // 60 == moment // 60]
        assert len(same) <= limit
