"""Log records of the calls: their loggers, levels, texts and extras, and that we set up no logging."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest
from attrs import evolve, fields

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common import (
    AttemptEnded,
    AttemptStarted,
    BudgetSeen,
    CallEnded,
    CallStarted,
    ConnectionLost,
    Event,
    LocalRateLimiter,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RateLimitWait,
    RetryPolicy,
    RetryScheduled,
)
from slo_common._event_log import extra_of, level_of, log
from slo_common._listeners import Listeners, logger_of
from slo_common._values import Safety
from tests.common.fakes import FakeRuntime, Step, call_of, caller_of, ok, run, status
from zabbix_sla import ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

KINDS: tuple[type[Event], ...] = (
    CallStarted,
    RateLimitWait,
    AttemptStarted,
    BudgetSeen,
    AttemptEnded,
    RetryScheduled,
    CallEnded,
)
LIMITED: dict[str, Any] = {
    "x_ratelimit_limit": "1",
    "x_ratelimit_remaining": "0",
    "x_ratelimit_period": "60",
    "x_ratelimit_reset": "30",
}


class Logged(logging.Handler):
    """A logger with a level, and the records that it lets through."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.logger = logging.Logger("vendor_package", level)  # noqa: LOG001  # of this test alone
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def run(self, *script: Step, safety: Safety = Safety.READ, **options: Any) -> str:
        caller = caller_of(FakeRuntime(*script, latency=0.25), chance=lambda: 0.0, **options)
        return run(evolve(caller, listeners=Listeners(logger=self.logger)), call_of(safety))

    @property
    def lines(self) -> list[str]:
        return [f"{record.levelname} {record.getMessage()}" for record in self.records]


@pytest.fixture(name="debug")
def _debug() -> Logged:
    return Logged(logging.DEBUG)


@pytest.fixture(name="info")
def _info() -> Logged:
    return Logged(logging.INFO)


@pytest.fixture(name="warning")
def _warning() -> Logged:
    return Logged(logging.WARNING)


def test_a_call_that_goes_well_is_told_at_debug(debug: Logged) -> None:
    debug.run(ok(x_ratelimit_limit="9", x_ratelimit_remaining="8"))
    assert debug.lines == [
        "DEBUG vendor.things.do: GET /v1/things at vendor.test",
        "DEBUG vendor.things.do: attempt 1 is sent",
        "DEBUG vendor.things.do: 8 of 9 requests left in things",
        "DEBUG vendor.things.do: attempt 1: HTTP 200 after 0.250 s",
        "DEBUG vendor.things.do: done in 0.250 s",
    ]


def test_a_call_that_goes_well_is_nothing_for_info(info: Logged) -> None:
    info.run(ok(x_ratelimit_limit="9", x_ratelimit_remaining="8"))
    assert info.lines == []


def test_retries_are_told_at_info(info: Logged) -> None:
    info.run(status(503, retry_after="2"), ConnectionLost("gone"), ok())
    assert info.lines == [
        "INFO vendor.things.do: attempt 1 failed with ServiceUnavailable; again in 2.00 s",
        "INFO vendor.things.do: attempt 2 failed with ConnectionLost; again in 0.00 s",
    ]


def test_waiting_for_a_turn_is_told_at_info(info: Logged) -> None:
    limiter = LocalRateLimiter()
    info.run(ok(**LIMITED), limiter=limiter)
    info.run(ok(), limiter=limiter)
    assert info.lines
    assert all("for its turn under the rate limit of things" in line and line.startswith("INFO") for line in info.lines)


def test_many_brief_waits_are_told_once_at_info() -> None:
    waits = [
        RateLimitWait(call_id=1, call="vendor.things.do", seconds=0.02, reason="turn", bucket="things", waited=i * 0.02)
        for i in range(200)
    ]
    assert [level_of(wait) for wait in waits].count(logging.INFO) == 1


def test_a_refusal_is_told_at_warning_and_its_pause_at_info(info: Logged) -> None:
    info.run(status(429, retry_after="10"), ok())
    assert info.lines == [
        "WARNING vendor.things.do: attempt 1 failed with RateLimited; again in 10.00 s",
        "INFO vendor.things.do: waits 10.00 s as the server asked",
    ]


def test_a_refusal_that_is_given_up_is_told_at_warning(warning: Logged) -> None:
    with pytest.raises(RateLimited):
        warning.run(status(429, retry_after="9999"))
    (line,) = warning.lines
    assert line.startswith("WARNING vendor.things.do: failed after 0.250 s: RateLimited vendor.things.do: HTTP 429")


def test_our_own_queue_that_is_too_long_is_no_warning(warning: Logged) -> None:
    limiter = LocalRateLimiter()
    warning.run(ok(**LIMITED), limiter=limiter)
    with pytest.raises(RateLimited):
        warning.run(limiter=limiter, retry=RetryPolicy(max_queue_wait=0))
    assert warning.lines == []


def test_a_write_in_doubt_is_told_at_warning_although_nothing_else_is(warning: Logged) -> None:
    with pytest.raises(OutcomeUnknown):
        warning.run(ConnectionLost("gone"), safety=Safety.UNSAFE)
    (line,) = warning.lines
    assert line.startswith("WARNING vendor.things.do: unknown after 0.250 s: OutcomeUnknown")


def test_an_interrupted_write_is_told_at_warning(warning: Logged) -> None:
    with pytest.raises(KeyboardInterrupt):
        warning.run(KeyboardInterrupt(), safety=Safety.UNSAFE)
    (line,) = warning.lines
    assert line.startswith("WARNING vendor.things.do: unknown after 0.250 s: KeyboardInterrupt")


def test_an_interrupted_read_is_no_warning(warning: Logged) -> None:
    with pytest.raises(KeyboardInterrupt):
        warning.run(KeyboardInterrupt())
    assert warning.lines == []


def test_a_call_that_fails_is_told_at_info_because_its_caller_has_the_exception(info: Logged) -> None:
    with pytest.raises(NotFound):
        info.run(status(404))
    (line,) = info.lines
    assert line.startswith("INFO vendor.things.do: failed after 0.250 s: NotFound vendor.things.do: HTTP 404")


def test_an_attempt_without_a_reply_says_why(debug: Logged) -> None:
    debug.run(ConnectionLost("gone"), ok())
    assert "DEBUG vendor.things.do: attempt 1 failed after 0.250 s: ConnectionLost" in debug.lines


def test_nothing_is_made_or_said_when_the_logger_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something listens")

    monkeypatch.setattr("slo_common._watch.Watch", never)
    off = Logged(logging.CRITICAL)
    off.run(status(503), ok())
    with pytest.raises(OutcomeUnknown):
        off.run(ConnectionLost("gone"), safety=Safety.UNSAFE)
    assert off.lines == []


# Extras.


def test_the_fields_of_an_event_are_attributes_of_its_record(debug: Logged) -> None:
    debug.run(ok(x_request_id="r-1", x_ratelimit_limit="9", x_ratelimit_remaining="8", x_ratelimit_reset="12"))
    started, sent, budget, ended, done = (vars(record) for record in debug.records)
    assert [r["event"] for r in (started, sent, budget, ended, done)] == [
        "CallStarted",
        "AttemptStarted",
        "BudgetSeen",
        "AttemptEnded",
        "CallEnded",
    ]
    assert {r["call"] for r in (started, sent, budget, ended, done)} == {"vendor.things.do"}
    assert len({r["call_id"] for r in (started, sent, budget, ended, done)}) == 1
    assert (budget["limit"], budget["remaining"], budget["resets_in"]) == (9, 8, 12.0)
    assert (ended["attempt"], ended["status"], ended["request_id"], ended["elapsed"]) == (1, 200, "r-1", 0.25)
    assert ended["sent"] == "yes"
    assert (done["outcome"], done["attempts"], done["waited"]) == ("ok", 1, 0.0)


def test_no_field_is_named_as_an_attribute_that_records_have() -> None:
    taken = {*vars(logging.LogRecord("n", 10, "p", 1, "m", (), None)), "message", "asctime", "taskName"}
    assert [(kind.__name__, field.name) for kind in KINDS for field in fields(kind) if field.name in taken] == []


def test_extras_are_plain_values_that_any_formatter_can_write(debug: Logged) -> None:
    debug.run(status(429, retry_after="1", x_ratelimit_limit="9"), ok())
    assert {r.__dict__["event"] for r in debug.records} == {kind.__name__ for kind in KINDS}
    for record in debug.records:
        values = [vars(record)[name] for name in vars(record) if name not in vars(logging.makeLogRecord({}))]
        assert [v for v in values if v is not None and type(v) not in {str, int, float, bool}] == []


def test_an_event_of_a_later_release_is_logged_too(debug: Logged) -> None:
    class Later(Event):
        """Not known to the log."""

    log(debug.logger, Later(call_id=1, call="vendor.things.do"))
    assert debug.lines == ["DEBUG vendor.things.do: Later"]
    assert extra_of(Later(call_id=1, call="c")) == {"event": "Later", "call_id": 1, "call": "c"}


# Loggers and handlers.


@pytest.fixture(name="loggers")
def _loggers() -> Generator[dict[str, logging.Logger]]:
    loggers = {name: logging.getLogger(name) for name in ("datadog_slo", "rootly_sla", "zabbix_sla")}
    for logger in loggers.values():
        logger.setLevel(logging.DEBUG)
    yield loggers
    for logger in loggers.values():
        logger.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("loggers")
def test_each_vendor_has_the_logger_of_its_package(caplog: pytest.LogCaptureFixture) -> None:
    zabbix = ZabbixSandbox.demo()
    with DatadogSLO("k", "a", http=DatadogSandbox.demo().transport()) as dd:
        dd.slos.can_delete(["x"])
    with RootlySLA("t", http=RootlySandbox.demo().transport()) as rootly:
        list(rootly.slas.list())
    with ZabbixSLA("https://zabbix.test", token=zabbix.token, http=zabbix.transport()) as zbx:
        zbx.sla.get()
    told = {(r.name, vars(r)["call"].partition(".")[0]) for r in caplog.records if "call" in vars(r)}
    assert told == {("datadog_slo", "datadog"), ("rootly_sla", "rootly"), ("zabbix_sla", "zabbix")}


def test_no_handler_is_installed_but_the_one_that_does_nothing() -> None:
    logger_of("datadog_slo")
    logger_of("datadog_slo")
    kinds = [type(handler) for handler in logging.getLogger("datadog_slo").handlers]
    assert kinds.count(logging.NullHandler) == 1
    assert not [h for h in logging.getLogger().handlers if type(h).__module__.startswith("slo_common")]


PROGRAM = """
from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import SloError
from slo_common.sandbox import Fault
import logging
{set_up}
dd = DatadogSLO("k", "a", http=DatadogSandbox(faults=[Fault.lost_answer(times=9)]).transport(), on_event={hook})
try:
    dd.reports.create(query="q", from_ts=1_700_000_000, to_ts=1_700_086_400)
except SloError as e:
    print(type(e).__name__)
"""


@pytest.mark.parametrize(
    ("set_up", "hook", "expected"),
    [
        ("", "None", ""),
        ("logging.basicConfig()", "None", "WARNING:datadog_slo:datadog.reports.create: unknown after"),
        ("", "lambda event: 1 / 0", "on_event raised for CallStarted"),
    ],
    ids=["no logging set up: silence", "logging set up: a warning", "no logging set up: a broken hook shows"],
)
def test_what_a_program_shows_of_a_write_in_doubt(set_up: str, hook: str, expected: str) -> None:
    code = PROGRAM.format(set_up=set_up, hook=hook)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "OutcomeUnknown\n"
    assert expected in done.stderr
    assert bool(done.stderr) is bool(expected)
