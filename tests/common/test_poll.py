"""Waiting for a job: poll first, sleep after, end at the deadline with a handle; what is said of failed polls."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import (
    AuthenticationError,
    ConnectionLost,
    DecodeError,
    InvalidArgument,
    NotFound,
    OperationGone,
    PermissionDenied,
    PollSchedule,
    PollTimeout,
    RateLimited,
    Sent,
    ServerError,
    SloError,
    TLSError,
    ValidationFailed,
)
from slo_common._drive import drive
from slo_common._poll import JobHandle, poll
from tests.common.fakes import WALL, FakeRuntime

HANDLE = JobHandle(vendor="datadog", report_id="r-1", created_at=WALL, site="datadoghq.eu")
Step = str | Exception


def missing() -> NotFound:
    return NotFound("not there", status=404)


def lost() -> ConnectionLost:
    return ConnectionLost("x")


class Polled:
    """A job whose answers are scripted; each poll takes ``latency`` seconds."""

    def __init__(self, *script: Step, latency: float = 0.0, then: Step = "running") -> None:
        self.runtime = FakeRuntime()
        self.script = list(script)
        self.then = then
        self.latency = latency
        self.polls: list[float] = []

    async def ask(self) -> str:
        self.polls.append(self.runtime.time - 100.0)
        self.runtime.time += self.latency
        step = self.script.pop(0) if self.script else self.then
        if isinstance(step, Exception):
            raise step
        return step

    def run(
        self,
        timeout: float = 900.0,
        *,
        handle: JobHandle = HANDLE,
        schedule: PollSchedule | None = None,
        on_status: Callable[[str], object] | None = None,
    ) -> str:
        return drive(
            poll(
                self.runtime,
                self.ask,
                is_over=lambda status: status == "done",
                timeout=timeout,
                what="report 'r-1'",
                handle=handle,
                schedule=schedule,
                on_status=on_status,
            )
        )


def test_a_job_that_is_over_is_found_by_the_first_poll_without_a_pause() -> None:
    job = Polled("done")
    assert job.run() == "done"
    assert job.runtime.slept == []


def test_pauses_are_a_tenth_of_the_time_waited_from_half_a_second_to_thirty() -> None:
    job = Polled()
    with pytest.raises(PollTimeout):
        job.run(timeout=1000.0)
    pauses = job.runtime.slept
    assert pauses[:10] == [0.5] * 10
    waited = 0.0
    for pause in pauses[:-1]:
        assert pause == pytest.approx(min(30.0, max(0.5, 0.1 * waited)))
        waited += pause
    assert max(pauses) == 30.0


def test_the_schedule_can_be_chosen() -> None:
    job = Polled("running", "running", "running", "done")
    job.run(schedule=PollSchedule(share=1.0, shortest=2.0, longest=3.0))
    assert job.runtime.slept == [2.0, 2.0, 3.0]


def test_a_resumed_job_has_waited_elsewhere() -> None:
    job = Polled("running", "done")
    job.run(handle=JobHandle(vendor="datadog", report_id="r-1", created_at=WALL - 100))
    assert job.runtime.slept == [10.0]


def test_a_job_created_in_the_future_is_new() -> None:
    """The clock of the machine that made the handle may be ahead of ours."""
    job = Polled("running", "done")
    job.run(handle=JobHandle(vendor="datadog", report_id="r-1", created_at=WALL + 100))
    assert job.runtime.slept == [0.5]


def test_every_answer_is_shown_the_last_included() -> None:
    seen: list[str] = []
    Polled("pending", "running", "done").run(on_status=seen.append)
    assert seen == ["pending", "running", "done"]


def test_an_unknown_status_counts_as_running() -> None:
    assert Polled("queued", "whatever", "done").run() == "done"


def test_f73_the_deadline_ends_the_wait_with_a_handle_and_the_last_answer() -> None:
    job = Polled("running")
    with pytest.raises(PollTimeout, match=r"report 'r-1': not over after 5 s; .* the handle resumes the wait") as caught:
        job.run(timeout=5.0)
    error = caught.value
    assert JobHandle.from_json(error.handle, vendor="datadog") == HANDLE
    assert error.last_status == "running"
    assert (error.sent, error.retry_safe) == (Sent.YES, True)


def test_f73_the_last_poll_is_at_the_deadline() -> None:
    job = Polled()
    with pytest.raises(PollTimeout):
        job.run(timeout=5.2)
    assert job.polls[-1] == pytest.approx(5.2)


def test_a_job_that_ends_at_the_deadline_is_found() -> None:
    job = Polled(*["running"] * 10, "done")
    assert job.run(timeout=5.0) == "done"


def test_the_time_that_polls_take_is_part_of_the_deadline() -> None:
    job = Polled(latency=4.0)
    with pytest.raises(PollTimeout):
        job.run(timeout=5.0)
    assert job.polls == [0.0, 4.5]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "5"])
def test_a_timeout_that_is_none_is_refused_before_any_poll(timeout: float) -> None:
    job = Polled("done")
    with pytest.raises(InvalidArgument, match=r"timeout: .* was given"):
        job.run(timeout=timeout)
    assert job.polls == []


# 404.


def test_f74_a_404_just_after_the_creation_is_waited_out() -> None:
    assert Polled(missing(), missing(), "running", "done").run() == "done"


def test_f74_a_404_is_waited_out_for_thirty_seconds_however_many_polls() -> None:
    job = Polled(then=missing())
    with pytest.raises(NotFound):
        job.run()
    assert 30.0 < job.polls[-1] < 35.0


def test_f74_a_404_is_waited_out_for_five_polls_however_long() -> None:
    job = Polled(then=missing())
    with pytest.raises(NotFound):
        job.run(schedule=PollSchedule(shortest=20.0, longest=20.0))
    assert len(job.polls) == 6


def test_f74_a_resumed_job_that_is_gone_is_not_waited_for_by_time() -> None:
    job = Polled(then=missing())
    with pytest.raises(NotFound):
        job.run(handle=JobHandle(vendor="datadog", report_id="r-1", created_at=WALL - 1000))
    assert len(job.polls) == 6


def test_f49_an_operation_that_is_gone_ends_the_wait_at_once() -> None:
    job = Polled(OperationGone("gone", status=410))
    with pytest.raises(OperationGone):
        job.run()
    assert len(job.polls) == 1


# Failed polls.


@pytest.mark.parametrize(
    "failure",
    [ConnectionLost("x"), ServerError("x", status=500), RateLimited("x", status=429)],
    ids=lambda failure: type(failure).__name__,
)
def test_f76_a_failed_poll_does_not_end_the_wait(failure: SloError) -> None:
    assert Polled("running", failure, failure, "done").run() == "done"


def test_f76_five_failed_polls_in_a_row_do() -> None:
    job = Polled("running", then=lost())
    with pytest.raises(ConnectionLost):
        job.run()
    assert len(job.polls) == 1 + 5


def test_f76_a_good_poll_starts_the_count_anew() -> None:
    four = [lost() for _ in range(4)]
    assert Polled(*four, "running", *four, "done").run() == "done"


@pytest.mark.parametrize(
    "failure",
    [
        AuthenticationError("x", status=401),
        PermissionDenied("x", status=403),
        ValidationFailed("x", status=422),
        DecodeError("x"),
        TLSError("x"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_f76_what_another_poll_cannot_mend_ends_the_wait(failure: SloError) -> None:
    job = Polled("running", failure, "done")
    with pytest.raises(type(failure)):
        job.run()


def test_f76_the_last_failure_is_the_cause_of_the_timeout() -> None:
    job = Polled("running", *["running"] * 9, then=lost())
    with pytest.raises(PollTimeout) as caught:
        job.run(timeout=5.5, schedule=PollSchedule(shortest=0.5, longest=0.5, failures_in_a_row=10))
    assert isinstance(caught.value.__cause__, ConnectionLost)


def test_f77_a_refused_poll_is_repeated_no_sooner_than_the_server_says() -> None:
    job = Polled(RateLimited("x", status=429, retry_after=40.0), "done")
    assert job.run() == "done"
    assert job.runtime.slept == [40.0]


def test_f77_a_refusal_longer_than_the_deadline_ends_at_the_deadline() -> None:
    job = Polled(then=RateLimited("x", status=429, retry_after=300.0))
    with pytest.raises(PollTimeout):
        job.run(timeout=60.0)
    assert job.runtime.slept == [60.0]


def test_an_exception_of_the_callback_passes() -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Polled("running").run(on_status=stop)


# The handle.


def test_f78_a_handle_is_plain_json_and_comes_back() -> None:
    text = HANDLE.to_json()
    assert json.loads(text) == {"v": 1, "vendor": "datadog", "report_id": "r-1", "created_at": WALL, "site": "datadoghq.eu"}
    assert JobHandle.from_json(text, vendor="datadog") == HANDLE


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("5", "not a version 1 handle of datadog"),
        ("null", "not a version 1 handle"),
        ('{"v":2,"vendor":"datadog"}', "not a version 1 handle"),
        ('{"v":1,"vendor":"rootly","report_id":"r"}', "not a version 1 handle of datadog"),
        ('{"v":1,"vendor":"datadog","created_at":1}', "report_id or site is not a string"),
        ('{"v":1,"vendor":"datadog","report_id":"","created_at":1}', "report_id or site is not a string"),
        ('{"v":1,"vendor":"datadog","report_id":"r","created_at":1,"site":5}', "report_id or site is not a string"),
        ('{"v":1,"vendor":"datadog","report_id":"r"}', "created_at is no moment"),
        ('{"v":1,"vendor":"datadog","report_id":"r","created_at":true}', "created_at is no moment"),
        ('{"v":1,"vendor":"datadog","report_id":"r","created_at":"1"}', "created_at is no moment"),
        ('{"v":1,"vendor":"datadog","report_id":"r","created_at":NaN}', "created_at is no moment"),
        ('{"v":1,"vendor":"datadog","report_id":"r","created_at":1' + "0" * 400 + "}", "created_at is no moment"),
    ],
)
def test_f78_what_is_no_handle_of_this_vendor_is_refused(text: str, what: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^handle: {what}.*allowed: the text of a datadog job handle"):
        JobHandle.from_json(text, vendor="datadog")


@pytest.mark.parametrize("value", [None, 5, b"\xff"])
def test_f78_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgument, match="handle: not JSON"):
        JobHandle.from_json(value, vendor="datadog")  # type: ignore[arg-type]  # the fact under test


@given(
    st.text(max_size=40)
    | st.dictionaries(
        st.sampled_from(["v", "vendor", "report_id", "created_at", "site"]),
        st.none() | st.integers() | st.floats() | st.sampled_from([1, "datadog", "r"]),
    ).map(json.dumps)
)
def test_f78_any_text_is_a_handle_or_refused(text: str) -> None:
    try:
        handle = JobHandle.from_json(text, vendor="datadog")
    except InvalidArgument as e:
        assert str(e).startswith("handle: ")
    else:
        assert JobHandle.from_json(handle.to_json(), vendor="datadog") == handle
