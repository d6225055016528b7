"""The language of fault scripts, through the public clients: over real sockets, and in process as the nearest thing to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datadog_slo.sandbox import DatadogSandbox
from rootly_sla.sandbox import RootlySandbox
from slo_common import (
    ConfigurationError,
    ConnectionLost,
    DeadlineExceeded,
    MalformedResponse,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    ReadTimeout,
    ResponseTooLarge,
    ServerError,
    ServiceUnavailable,
    SloError,
    Timeouts,
    TruncatedResponse,
    UnexpectedContent,
    UnexpectedRedirect,
    UnfinishedWrite,
)
from slo_common.sandbox import FaultScript, SystemClock, VirtualClock
from tests.faults.clients import AT_ONCE, IMPATIENT, PATIENT, Driver, create_sla, download, read_slas, told, write
from tests.faults.server import PATIENCE, FaultServer, Script, play, read_request, serve
from zabbix_sla.sandbox import ZabbixSandbox

DOORS = ("served", "in process")
UNTIL_SILENT = httpx.Timeout(20.0, read=0.1)
"""For a plain httpx client: nothing but silence ends its request."""


def _slos(client: Any) -> Any:
    """A read of Datadog's whose answer is some kilobytes long."""
    return client.slos.list()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sandbox() -> DatadogSandbox:
    return DatadogSandbox.demo(clock=VirtualClock())


def _fails(
    driver: Driver, door: str, sandbox: DatadogSandbox, kind: type[SloError], use: Any, *, heard: int = 1, **options: Any
) -> Any:
    """The exception of a use, and a sandbox that has heard so many requests: who gives up may be faster than who listens."""
    if door == "in process":
        return driver.fails(kind, use, http=sandbox.transport(), **options)
    with sandbox.serve() as server:
        error = driver.fails(kind, use, base_url=server.url, **options)
        _until(lambda: len(sandbox.ledger) >= heard)
        return error


def _until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.002)


def _waiting_for(steps: str) -> dict[str, Any]:
    """Options for a client that meets these steps."""
    return {"timeout": IMPATIENT} if "stall" in steps else {}


Met = tuple[type[SloError], tuple[str, bool | None, int]]
LOST: Met = (ConnectionLost, ("maybe", True, 3))
CUT: Met = (TruncatedResponse, ("yes", True, 3))
DOUBT: Met = (OutcomeUnknown, ("maybe", None, 1))

HALF_AND_SILENCE = "apply, cut 40%, stall"
# What a read and what a creation meet, at both doors, for as long as it goes wrong.
BOTH: dict[str, tuple[Met, Met]] = {
    "reset": (LOST, DOUBT),
    "close": (LOST, DOUBT),
    "apply, reset": (LOST, DOUBT),
    "apply, close": (LOST, DOUBT),
    "apply, cut head": (LOST, DOUBT),
    "apply, cut head, reset": (LOST, DOUBT),
    "apply, stall": ((ReadTimeout, ("maybe", True, 3)), DOUBT),
    "apply, cut 0%": (CUT, DOUBT),
    "apply, cut 40%, reset": (CUT, DOUBT),
    "apply, cut 40%, close": (CUT, DOUBT),
    HALF_AND_SILENCE: ((ReadTimeout, ("yes", True, 3)), DOUBT),
    "apply, length +10": (CUT, DOUBT),
    "apply, chunked badly": (CUT, DOUBT),
    "apply, chunked, cut 3": (CUT, DOUBT),
    "apply, gzip, shorten 50%": (CUT, DOUBT),
    "apply, label gzip": ((ProtocolError, ("yes", True, 2)), DOUBT),
    "apply, label br": ((ProtocolError, ("yes", True, 2)), DOUBT),
    "apply, length -3": ((MalformedResponse, ("yes", False, 1)), DOUBT),
    "apply, bomb 50MB": ((ResponseTooLarge, ("yes", False, 1)), (ResponseTooLarge, ("yes", False, 1))),
    "answer 500": ((ServerError, ("yes", True, 3)), (ServerError, ("yes", None, 1))),
    "answer 503": ((ServiceUnavailable, ("yes", True, 3)), (ServiceUnavailable, ("yes", None, 1))),
    "answer 429 retry-after=999": ((RateLimited, ("yes", True, 1)), (RateLimited, ("yes", True, 1))),
    'apply, answer 200 "<html>"': ((UnexpectedContent, ("yes", False, 1)), DOUBT),
    "redirect https://elsewhere.example/": ((UnexpectedRedirect, ("yes", False, 1)), (UnexpectedRedirect, ("yes", False, 1))),
}
APPLIED = {steps: "apply" in steps for steps in BOTH}


@pytest.mark.parametrize("steps", BOTH)
def test_read_meets_the_same_at_both_doors(driver: Driver, door: str, steps: str) -> None:
    kind, expected = BOTH[steps][0]
    met: object = None
    for _ in range(10):
        sandbox = DatadogSandbox.demo(clock=VirtualClock())
        sandbox.faults.extend(FaultScript.parse(f"GET /api times always: {steps}"))
        error = _fails(driver, door, sandbox, kind, _slos, heard=expected[2], **_waiting_for(steps))
        met = told(error), len(sandbox.ledger)
        if not (steps == HALF_AND_SILENCE and error.sent == "maybe"):  # the machine stood still, and even the half came too late
            break
    assert met == (expected, expected[2])


@pytest.mark.parametrize("steps", BOTH)
def test_write_meets_the_same_at_both_doors(driver: Driver, door: str, sandbox: DatadogSandbox, steps: str) -> None:
    sandbox.faults.extend(FaultScript.parse(f"POST /api times always: {steps}"))
    kind, expected = BOTH[steps][1]
    error = _fails(driver, door, sandbox, kind, write, **_waiting_for(steps))
    assert (told(error), len(sandbox.ledger), len(sandbox.applied)) == (expected, 1, int(APPLIED[steps]))


WHOLE = ("apply, gzip", "apply, chunked", "apply, chunked, gzip", "apply, header x-a=1", "wait 10ms, apply")


@pytest.mark.parametrize("steps", WHOLE)
def test_what_is_odd_and_whole_is_read(driver: Driver, door: str, sandbox: DatadogSandbox, steps: str) -> None:
    sandbox.faults.extend(FaultScript.parse(f"GET /api: {steps}"))
    if door == "in process":
        slos = driver.run(_slos, http=sandbox.transport())
    else:
        with sandbox.serve() as server:
            slos = driver.run(_slos, base_url=server.url)
    assert (len(slos), len(sandbox.ledger), sandbox.faults.pending) == (12, 1, ())


def test_kept_connection_that_is_reset_between_two_calls_is_opened_anew(driver: Driver, sandbox: DatadogSandbox) -> None:
    sandbox.faults.extend(FaultScript.parse("GET /api: apply, cut 100%, close"))
    with sandbox.serve() as server:
        first, second = driver.run_all([_slos, _slos], base_url=server.url)
    assert (len(first), len(second), len(sandbox.ledger)) == (12, 12, 2)


# What only a real connection can show.

SERVED: dict[str, tuple[Met, Met]] = {
    "apply, garbage": ((ProtocolError, ("maybe", True, 2)), DOUBT),
    "apply, headers 200KB": ((ProtocolError, ("maybe", False, 1)), DOUBT),
    "apply, drip 20ms": ((DeadlineExceeded, ("maybe", True, 1)), (UnfinishedWrite, ("maybe", None, 1))),
}


@pytest.mark.parametrize("steps", SERVED)
def test_what_needs_a_connection_is_met_where_there_is_one(driver: Driver, sandbox: DatadogSandbox, steps: str) -> None:
    sandbox.faults.extend(FaultScript.parse(f"any /api times always: {steps}"))
    (kind, expected), (write_kind, in_doubt) = SERVED[steps]
    read = _served_in_time(driver, sandbox, _slos, steps)
    assert (type(read), told(read)[::2]) == (kind, expected[::2])
    written = _served_in_time(driver, sandbox, write, steps)
    assert (type(written), told(written)[1:]) == (write_kind, in_doubt[1:])
    assert len(sandbox.applied) == 1


def _served_in_time(driver: Driver, sandbox: DatadogSandbox, use: Any, steps: str) -> SloError:
    """What a use meets; what never ends may take 0.3 s. A machine that stood still until they were over has sent nothing: then once more."""
    options: dict[str, Any] = {"timeout": Timeouts(total=0.3)} if "drip" in steps else {}
    before = len(sandbox.ledger)
    for _ in range(10):
        with sandbox.serve() as server:
            with pytest.raises(SloError) as caught:
                driver.run(use, base_url=server.url, **options)
            if caught.value.sent != "no":
                _until(lambda: len(sandbox.ledger) > before)
                return caught.value
    pytest.fail("nothing was sent")


def test_csv_that_only_the_close_ends_is_refused(driver: Driver, sandbox: DatadogSandbox) -> None:
    sandbox.faults.extend(FaultScript.parse('GET /api times always: answer 200 content-type=text/csv "id,name\\n1,a\\n", unframed'))
    assert told(_fails(driver, "served", sandbox, TruncatedResponse, download))[0] == "yes"


@pytest.mark.parametrize("step", ["garbage", "drip", "headers", "unframed"])
def test_in_process_it_says_that_it_needs_a_connection(driver: Driver, sandbox: DatadogSandbox, step: str) -> None:
    words = {"drip": "drip 1ms", "headers": "headers 9KB"}.get(step, step)
    sandbox.faults.extend(FaultScript.parse(f"any: apply, {words}"))
    error = _fails(driver, "in process", sandbox, ConfigurationError, _slos)
    assert str(error) == (
        f"fault: {step} needs a real connection, which sandbox.transport() has not; serve the sandbox: sandbox.serve(), "
        "or python -m slo_common.sandbox --faults FILE"
    )


# Waiting.


@pytest.mark.parametrize("steps", ["wait 20s, apply", "wait 20s, close"])
def test_silence_passes_in_virtual_time(driver: Driver, sandbox: DatadogSandbox, steps: str) -> None:
    sandbox.faults.extend(FaultScript.parse(f"GET /api: {steps}"))
    began = time.monotonic()
    driver.run(_slos, http=sandbox.transport(), **PATIENT)
    assert sandbox.clock.now() - sandbox.ledger[0].at >= 20.0
    assert time.monotonic() - began < 10.0


def test_silence_longer_than_the_read_timeout_ends_by_it(driver: Driver, sandbox: DatadogSandbox) -> None:
    sandbox.faults.extend(FaultScript.parse("GET /api times always: wait 1m, apply"))
    error = driver.fails(ReadTimeout, _slos, http=sandbox.transport(), retry=AT_ONCE, timeout=Timeouts(total=1000.0, read=5.0))
    assert told(error) == ("maybe", True, 3)
    assert [entry.at - sandbox.ledger[0].at for entry in sandbox.ledger] == [0.0, 5.0, 10.0]


def test_silence_passes_in_real_time_too(driver: Driver) -> None:
    sandbox = DatadogSandbox.demo(clock=SystemClock())
    sandbox.faults.extend(FaultScript.parse("GET /api: wait 50ms, apply"))
    began = time.monotonic()
    assert len(driver.run(_slos, http=sandbox.transport())) == 12
    assert time.monotonic() - began >= 0.05


def test_silence_of_a_served_sandbox_ends_with_the_server(sandbox: DatadogSandbox) -> None:
    sandbox.faults.extend(FaultScript.parse("any: wait 10m, apply"))
    began = time.monotonic()
    with sandbox.serve() as server, pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{server.url}/api/v1/slo", timeout=UNTIL_SILENT, trust_env=False)
    assert time.monotonic() - began < 60.0


# Others than our clients.


def test_plain_httpx_client_meets_errors_of_httpx(sandbox: DatadogSandbox) -> None:
    script = "any: apply, cut 10, reset\nany: apply, cut 10\nany: apply, cut 10, stall\nany: wait 9s, reset\nany: apply, gzip"
    sandbox.faults.extend(FaultScript.parse(script))
    keys = {"dd-api-key": "k", "dd-application-key": "a"}
    with httpx.Client(transport=sandbox.transport(), base_url="http://sandbox", headers=keys) as http:
        for kind in (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout, httpx.ReadTimeout):
            with pytest.raises(kind):
                http.get("/api/v1/slo")
        assert len(http.get("/api/v1/slo").json()["data"]) == 12


def test_all_three_sandboxes_take_scripts(driver: Driver) -> None:
    rootly = RootlySandbox(clock=VirtualClock(), faults=FaultScript.parse("POST /v1/slas: apply, reset"))
    assert told(driver.fails(OutcomeUnknown, create_sla, of="rootly", http=rootly.transport())) == ("maybe", None, 1)
    zabbix = ZabbixSandbox.demo(clock=VirtualClock())
    zabbix.faults.extend(FaultScript.parse('any containing "sla.get" times always: apply, cut 3'))
    error = driver.fails(TruncatedResponse, read_slas, of="zabbix", http=zabbix.transport(), token=zabbix.token)
    assert told(error) == ("yes", True, 3)


# One language: the fault server of these tests plays it too.


def test_fault_server_plays_steps_of_a_script(driver: Driver) -> None:
    sandbox = DatadogSandbox.demo(clock=VirtualClock())
    broken = Script(read_request(), play("apply, cut 40%, reset", sandbox))
    with FaultServer(broken, then=Script(serve(sandbox))) as server:
        assert len(driver.run(_slos, base_url=server.url)) == 12
    assert (len(server.requests), len(sandbox.ledger)) == (2, 2)


@pytest.mark.parametrize(
    ("end", "met"), [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError), ("stall", httpx.ReadTimeout)]
)
@pytest.mark.parametrize("before", ["", 'answer 200 "0123456789", cut 5, ', "wait 10ms, "])
def test_fault_server_plays_every_end(end: str, met: type[Exception], before: str) -> None:
    timeout = UNTIL_SILENT if end == "stall" else 20.0
    with FaultServer(Script(read_request(), play(before + end))) as server, pytest.raises(met):
        httpx.get(server.url, timeout=timeout, trust_env=False)
