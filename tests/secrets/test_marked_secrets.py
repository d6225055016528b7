"""No key, token, password or session is ever shown: every path is driven with marked ones, and all output is searched for the marks."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import anyio
import pytest
import trustme

from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from rootly_sla.sandbox import RootlySandbox
from slo_common import LocalRateLimiter, Secret, SloError, Timeouts
from slo_common._values import Reply
from slo_common.sandbox import Fault, Sandbox, SandboxRequest, VirtualClock
from tests.faults.clients import AT_ONCE, Driver, Use, client_of, create_sla, read, read_sla, read_slas, write
from tests.faults.scripted import Scripted, reply
from tests.faults.server import (
    FaultServer,
    Script,
    answer,
    close,
    full_backlog,
    read_request,
    repeat,
    reset,
    send,
    then_do,
    unused_address,
    wait,
)
from tests.secrets.search import Trap, trap
from zabbix_sla import calls
from zabbix_sla.sandbox import ZabbixSandbox

API, APP, BEARER, ROOTLY, PASSWORD = "mark0api7f3c", "mark0app91ab", "mark0bearer55d", "mark0rootly8e2", "mark0password3b"
PROXY_PASSWORD = "mark0proxy4c9"
MARKS = (API, APP, BEARER, ROOTLY, PASSWORD, PROXY_PASSWORD)

ACCOUNTS: dict[str, tuple[str, dict[str, Any]]] = {
    "datadog keys": ("datadog", {"api_key": API, "app_key": APP}),
    "datadog token": ("datadog", {"api_key": None, "app_key": None, "bearer_token": BEARER}),
    "datadog provider": ("datadog", {"api_key": None, "app_key": None, "bearer_token": lambda: BEARER}),
    "rootly": ("rootly", {"token": ROOTLY}),
    "zabbix token": ("zabbix", {"auth_transport": "auto"}),
    "zabbix token, old server": ("zabbix", {"auth_transport": "auto"}),
    "zabbix login": ("zabbix", {"token": None, "user": "Admin", "password": PASSWORD, "auth_transport": "auto"}),
    "zabbix login, old server": ("zabbix", {"token": None, "user": "Admin", "password": PASSWORD, "auth_transport": "auto"}),
}
accounts = pytest.mark.parametrize("account", ACCOUNTS)


def _batch(zabbix: Any) -> Any:
    return zabbix.batch([calls.sla_get(), calls.sla_delete("1")])


def _delete(zabbix: Any) -> Any:
    return zabbix.sla.delete("1")


USES: dict[str, tuple[Use, ...]] = {
    "datadog": (read, write),
    "rootly": (read_sla, create_sla),
    "zabbix": (read_slas, _batch, _delete),
}


def server_for(account: str, *faults: Fault) -> tuple[Sandbox, dict[str, Any], Callable[[], Iterable[str]]]:
    """A server for an account, the client's options, and all that must not be shown."""
    of, options = ACCOUNTS[account]
    if of == "datadog":
        datadog = DatadogSandbox(clock=VirtualClock(), faults=faults)
        return datadog, dict(options), lambda: MARKS
    if of == "rootly":
        return RootlySandbox.demo(clock=VirtualClock()), dict(options), lambda: MARKS
    zabbix = ZabbixSandbox.demo(clock=VirtualClock(), version="6.0.14" if "old" in account else "7.0.22")
    zabbix.add_user("Admin", PASSWORD)
    given = dict(options) if "login" in account else {**options, "token": zabbix.token}
    return zabbix, given, lambda: (*MARKS, zabbix.token, *zabbix.store.sessions)


FAULTS: dict[str, tuple[Fault, ...]] = {
    "none": (),
    **{str(status): (Fault.status(status, times=99),) for status in (302, 400, 401, 403, 429, 500, 503)},
    "gone": (Fault.lost_answer(times=99),),
    "reset": (Fault.reset(times=99),),
    "silent": (Fault.stall(times=99),),
    "page": (Fault.replace_body(b"<html>sign in</html>", times=99),),
    "junk": (Fault.replace_body(b'{"data":', content_type="application/json", times=99),),
    "other": (Fault.replace_body(b'{"data": 7}', content_type="application/json", times=99),),
    "refused in between": (Fault.status(401, skip=2, times=99),),
}


def _drive(driver: Driver, caught: Trap, of: str, uses: Iterable[Use], **options: Any) -> None:
    """Use a client in every way, and give the trap whatever comes of it."""

    def one(use: Use) -> Use:
        def guarded(client: Any) -> Any:
            caught.take(client, client._caller, client._caller.auth, client._caller.limiter, vars(client))
            return use(client)

        return guarded

    for use in uses:
        try:
            caught.take(driver.run(one(use), of=of, retry=AT_ONCE, **options))
        except SloError as e:
            caught.take(e, e.attempts)


@accounts
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_server_answers(driver: Driver, account: str, fault: str) -> None:
    sandbox, options, marks = server_for(account)
    for each in FAULTS[fault]:
        sandbox.faults.add(each)
    of = ACCOUNTS[account][0]
    limiter = LocalRateLimiter()
    with trap() as caught:
        _drive(driver, caught, of, USES[of], http=sandbox.transport(), rate_limiter=limiter, **options)
        caught.take(sandbox, sandbox.ledger, limiter, vars(limiter))
    assert sandbox.ledger
    assert caught.leaks(marks()) == []


class Echo(Scripted):
    """Says back whatever it was sent, in all the places that an error may quote."""

    def __init__(self, status: int, form: str) -> None:
        super().__init__(reply())
        self._status = status
        self._form = form

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        said = f"{dict(request.headers)} {request.body.decode()}"
        heard = next((text for mark in MARKS for text in (*request.headers.values(), request.body.decode()) if mark in text), "")
        headers = {"x-request-id": said, "location": f"https://{heard.partition(' ')[2] or heard}.example.test/".replace('"', "")}
        match self._form:
            case "json":
                return reply(
                    self._status,
                    {"errors": [said, {"title": said, "detail": said}], "error": {"code": -1, "message": said, "data": said}},
                    headers,
                )
            case "rpc":
                failure = {"code": -32602, "message": said, "data": said}
                return reply(self._status, {"jsonrpc": "2.0", "id": 1, "error": failure}, headers)
            case "cut":  # so that the excerpt ends within the key
                return reply(self._status, b"x" * (200 - said.index("mark0") % 190 - 6) + said.encode(), headers)
            case _:
                return reply(self._status, f"<html><title>{said}</title>{said}".encode(), {**headers, "content-type": "text/html"})


@accounts
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 429, 500, 502])
@pytest.mark.parametrize("form", ["json", "rpc", "cut", "page"])
def test_server_that_repeats_what_it_heard(account: str, status: int, form: str) -> None:
    of, options = ACCOUNTS[account]
    if of == "zabbix" and "login" not in account:
        options = {**options, "token": BEARER * 4}
    if of == "zabbix":
        options = {**options, "auth_transport": "body"}
    server = Echo(status, form)
    with trap() as caught:
        _drive(Driver("sync"), caught, of, USES[of], **{"http": server.transport(), **options})
    assert server.ledger
    assert caught.leaks(MARKS) == []


SCRIPTS: dict[str, Script] = {
    "good": Script(repeat(read_request(), answer(200, {}))),
    "reset": Script(read_request(), reset()),
    "close": Script(read_request(), close()),
    "silent": Script(read_request(), wait()),
    "not HTTP": Script(read_request(), send(b"SSH-2.0\r\n\r\n")),
    "redirect": Script(repeat(read_request(), answer(307, headers={"location": "https://elsewhere.test/"}))),
    "refused": Script(repeat(read_request(), answer(401, {"errors": ["no"]}))),
    "cut": Script(read_request(), send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), reset()),
}


@accounts
@pytest.mark.parametrize("script", SCRIPTS)
def test_whatever_a_connection_does(driver: Driver, account: str, script: str) -> None:
    of, options = ACCOUNTS[account]
    if of == "zabbix" and "login" not in account:
        options = {**options, "token": BEARER * 4}
    name = "url" if of == "zabbix" else "base_url"
    with FaultServer(SCRIPTS[script]) as server, trap() as caught:
        _drive(driver, caught, of, USES[of], **{**options, name: server.url, "timeout": Timeouts(read=0.02)})
    assert server.requests
    assert caught.logged > 0  # httpcore's own records at its lowest level
    assert caught.leaks(MARKS) == []


@accounts
def test_without_a_connection(driver: Driver, account: str) -> None:
    of, options = ACCOUNTS[account]
    if of == "zabbix" and "login" not in account:
        options = {**options, "token": BEARER * 4}
    name = "url" if of == "zabbix" else "base_url"
    with trap() as caught, full_backlog() as full, FaultServer(SCRIPTS["good"], tls=_self_signed()) as untrusted:
        for address in (full, unused_address(), untrusted.url, f"https://{'a' * 60}.invalid"):
            _drive(driver, caught, of, USES[of][:1], **{**options, name: address, "timeout": Timeouts(connect=0.05)})
    assert caught.leaks(MARKS) == []


def _self_signed() -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = trustme.CA().issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    return context


@pytest.mark.parametrize("refusal", [answer(502), answer(407), close(), wait()], ids=["502", "407", "close", "silent"])
def test_password_of_a_proxy(driver: Driver, monkeypatch: pytest.MonkeyPatch, refusal: Any) -> None:
    with FaultServer(Script(read_request(), refusal)) as proxy, trap() as caught:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", f"http://user:{PROXY_PASSWORD}@"))
        options = {"api_key": API, "app_key": APP, "base_url": "https://api.example.test", "timeout": Timeouts(read=0.1)}
        _drive(driver, caught, "datadog", USES["datadog"], **options)
    assert any("proxy-authorization" in r.headers for r in proxy.requests)
    assert caught.leaks(MARKS) == []


@pytest.mark.parametrize("spoilt", ["{}\n", "{}\r\n", " {}", "{}\x00", "{}é", "{} x", "\t{}"])
@pytest.mark.parametrize(
    ("of", "name"),
    [("datadog", "api_key"), ("datadog", "app_key"), ("datadog", "bearer_token"), ("rootly", "token"), ("zabbix", "token")],
)
def test_keys_that_cannot_be_sent(driver: Driver, of: str, name: str, spoilt: str) -> None:
    keys: dict[str, Any] = {"api_key": None, "app_key": None} if name == "bearer_token" else {}
    for given in (spoilt.format(API), spoilt.format(API).encode(), [API]):
        with trap() as caught, pytest.raises(SloError) as failed:
            client_of(driver.mode, of, **{**keys, name: given})
        caught.take(failed.value)
        assert caught.leaks(MARKS) == []


def test_keys_of_the_environment_that_cannot_be_sent(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, of, given in (
        ("DD_API_KEY", "datadog", {"api_key": None, "app_key": APP}),
        ("ROOTLY_API_TOKEN", "rootly", {"token": None}),
        ("ZABBIX_TOKEN", "zabbix", {"token": None}),
    ):
        monkeypatch.setenv(name, f"{API}\n")
        with trap() as caught, pytest.raises(SloError) as failed:
            client_of(driver.mode, of, **given)
        caught.take(failed.value)
        assert caught.leaks(MARKS) == []


ADDRESSES = (
    "https://user:{}@vendor.example",
    "https://user:{}@vendor.example:port",
    "https://[user:{}@vendor.example",
    "https://vendor.example/?token={}",
    "https://vendor.example/#{}",
    "ftp://user:{}@vendor.example",
    "user:{}@vendor.example",
    " https://user:{}@vendor.example",
)
VENDORS = pytest.mark.parametrize(
    ("of", "name", "variable"),
    [("datadog", "base_url", "DD_BASE_URL"), ("rootly", "base_url", "ROOTLY_BASE_URL"), ("zabbix", "url", "ZABBIX_URL")],
)


def _refused(driver: Driver, of: str, **options: Any) -> list[str]:
    """What the refusal to make a client shows."""
    with trap() as caught, pytest.raises(SloError) as failed:
        client_of(driver.mode, of, **options)
    caught.take(failed.value)
    return caught.leaks(MARKS)


@VENDORS
@pytest.mark.parametrize("address", ADDRESSES)
def test_address_that_is_refused(driver: Driver, of: str, name: str, variable: str, address: str, monkeypatch: Any) -> None:
    hidden = address.format(PASSWORD)
    for given in (hidden, hidden.encode(), [hidden]):
        assert _refused(driver, of, **{name: given}) == []
    monkeypatch.setenv(variable, hidden)
    assert _refused(driver, of, **{name: None}) == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_site_that_is_refused(driver: Driver, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (address.format(PASSWORD), [address.format(PASSWORD)]):
        assert _refused(driver, "datadog", site=given) == []
    monkeypatch.setenv("DD_SITE", address.format(PASSWORD))
    assert _refused(driver, "datadog") == []


@VENDORS
def test_client_that_the_environment_prevents(driver: Driver, of: str, name: str, variable: str, monkeypatch: Any) -> None:
    monkeypatch.setenv(variable, "https://vendor.example")
    monkeypatch.setenv("HTTPS_PROXY", f"ftp://user:{PROXY_PASSWORD}@proxy.example")
    keys = {"datadog": {"api_key": API, "app_key": APP}, "rootly": {"token": ROOTLY}, "zabbix": {"token": BEARER * 4}}[of]
    assert _refused(driver, of, **keys, **{name: None}) == []


def test_token_that_a_provider_gives_and_that_cannot_be_sent(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock())
    options: dict[str, Any] = {"api_key": None, "app_key": None, "bearer_token": lambda: f"{BEARER}\n", "http": sandbox.transport()}
    with trap() as caught:
        _drive(driver, caught, "datadog", [read], **options)
    assert sandbox.ledger == ()
    assert caught.leaks(MARKS) == []


def test_reply_that_repeats_a_key_of_ours_as_a_key_of_its_own(driver: Driver) -> None:
    echo = Scripted(reply(200, f'{{"{APP}": 1, "{APP}": 2}}'.encode()))
    with trap() as caught:
        options = {"api_key": API, "app_key": APP, "http": echo.transport()}
        _drive(driver, caught, "datadog", [lambda dd: read(dd.with_options(strict_json=True))], **options)
    assert any("twice in one object: '***'" in text for text in caught.shown)
    assert caught.leaks(MARKS) == []


def test_failed_login(driver: Driver) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    options = {"token": None, "user": "Admin", "password": PASSWORD, "auth_transport": "auto"}
    with trap() as caught:
        _drive(driver, caught, "zabbix", [read_slas], http=sandbox.transport(), **options)
        caught.take(sandbox.ledger)
    assert len(sandbox.ledger) >= 1
    assert caught.leaks(MARKS) == []


@accounts
def test_interrupted_in_the_middle(driver: Driver, account: str) -> None:
    """Ctrl-C and cancellation leave by every frame on the way, and some tools show the locals of each."""
    of, options = ACCOUNTS[account]
    if of == "zabbix" and "login" not in account:
        options = {**options, "token": BEARER * 4}
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    press = then_do(lambda: signal.pthread_kill(main_thread, signal.SIGINT))
    name = "url" if of == "zabbix" else "base_url"
    for transport in ({"auth_transport": "header"}, {"auth_transport": "body"}, {}) if of == "zabbix" else ({},):
        with FaultServer(Script(read_request(), press, wait())) as server, trap() as caught:
            with pytest.raises(KeyboardInterrupt) as interrupted:
                driver.run(USES[of][0], of=of, **{**options, **transport, name: server.url})
            caught.take(interrupted.value)
        assert server.requests
        assert caught.leaks(MARKS) == []


def test_handles_and_what_survives_a_process(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock(), report_plan=ReportPlan(seconds=10**9))
    options: dict[str, Any] = {"api_key": API, "app_key": APP, "http": sandbox.transport()}

    def wait_in_vain(dd: Any) -> Any:
        return dd.reports.wait("0" * 36, timeout=40)

    with trap() as caught:
        job = driver.run(write, **options)
        caught.take(job, job.handle())
        _drive(driver, caught, "datadog", [lambda dd: dd.reports.wait(job, timeout=20), wait_in_vain], **options)
    assert any('"vendor": "datadog"' in text for text in caught.shown)
    assert caught.leaks(MARKS) == []


def test_secret_shows_itself_nowhere() -> None:
    secret = Secret(API, name="api_key")
    out = io.StringIO()
    print(secret, [secret], {"key": secret}, f"{secret} {secret!r}", file=out)
    with trap() as caught:
        caught.take(out.getvalue(), secret)
        for refused in (lambda: vars(secret), lambda: __import__("pickle").dumps(secret), lambda: __import__("json").dumps(secret)):
            with pytest.raises(TypeError) as failed:
                refused()
            caught.take(failed.value)
    assert caught.leaks([API]) == []


def test_the_trap_catches() -> None:
    """The search itself: a mark in a message, a cause, a local variable of an SDK frame, a log record or a warning is found."""
    import logging
    import warnings

    with trap() as caught:
        logging.getLogger("httpcore.connection").debug("key %s", API)
        warnings.warn(f"about {APP}", stacklevel=1)
        try:
            try:
                raise ValueError(ROOTLY)
            except ValueError as e:
                raise SloError("outside") from e
        except SloError as e:
            caught.take(e)
    assert [mark for mark in (API, APP, ROOTLY, BEARER) if caught.leaks([mark])] == [API, APP, ROOTLY]
    anyio.run(anyio.sleep, 0)
