"""Rows 1 to 25 of the fault matrix: no connection, a broken one, and replies that are cut, mislabelled, too large or too slow."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from slo_common import (
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    OutcomeUnknown,
    PoolExhausted,
    ProtocolError,
    ProxyFailed,
    ReadTimeout,
    ResponseTooLarge,
    RetryPolicy,
    SloError,
    Timeouts,
    TLSError,
    TruncatedResponse,
    UnfinishedWrite,
)
from slo_common import _http as http_module
from tests.common.fakes import RecordingLimiter
from tests.faults.clients import DEFAULTS, IMPATIENT, STATUS, WRITE_PATH, Driver, Use, download, read, told, write
from tests.faults.server import (
    LAST_CHUNK,
    FaultServer,
    Script,
    Step,
    answer,
    bomb,
    chunk,
    close,
    drip,
    full_backlog,
    gzip,
    head,
    hold,
    pour,
    read_request,
    read_some,
    repeat,
    reset,
    send,
    unused_address,
    wait,
)

BODY = b'{"data":{"id":"r-1","type":"report_id","attributes":{"status":"completed"}}}'
GOOD = Script(repeat(read_request(), answer(200, STATUS)))
NEVER_SENT = ("no", True, 3)


def _http(driver: Driver, **options: Any) -> Any:
    """An httpx client of the driver's kind, as a user would bring one."""
    import httpx

    return httpx.Client(**options) if driver.mode == "sync" else httpx.AsyncClient(**options)


def _script(*steps: Step) -> Script:
    return Script(read_request(), *steps)


def _lost(driver: Driver, *scripts: Script, then: Script | None = None, **options: Any) -> tuple[OutcomeUnknown, FaultServer]:
    """A write against these scripts, which must end in doubt after one try that the server applied."""
    with FaultServer(*scripts, then=then) as server:
        error = driver.fails(OutcomeUnknown, write, base_url=server.url, **options)
    assert told(error) == ("maybe", None, 1)
    return error, server


# No connection.


def test_f01_name_not_found(driver: Driver) -> None:
    limiter = RecordingLimiter()
    too_long_for_any_resolver = "https://" + ("a" * 60 + ".") * 5 + "test"
    for use in (read, write):
        error = driver.fails(ConnectFailed, use, base_url=too_long_for_any_resolver, rate_limiter=limiter)
        assert (told(error), error.reason) == (NEVER_SENT, "dns")
    assert limiter.events == ["reserve", "cancel"] * 6  # what was never sent spends nothing


def test_f02_connection_refused(driver: Driver) -> None:
    for use in (read, write):
        error = driver.fails(ConnectFailed, use, base_url=unused_address())
        assert (told(error), error.reason) == (NEVER_SENT, "refused")


def test_f03_connect_timeout_on_a_full_backlog(driver: Driver) -> None:
    with full_backlog() as address:
        error = driver.fails(ConnectFailed, write, base_url=address, timeout=Timeouts(connect=0.1))
    assert (told(error), error.reason) == (NEVER_SENT, "timeout")


def test_f04_pool_exhausted(driver: Driver) -> None:
    import httpx

    http = _http(driver, limits=httpx.Limits(max_connections=0))
    with FaultServer(GOOD) as server:
        error = driver.fails(PoolExhausted, write, base_url=server.url, http=http, timeout=Timeouts(connect=0.05))
    assert told(error) == ("no", True, 1)
    assert (server.connections, "connections of this client" in str(error)) == (0, True)


def _server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cast(Any, certificate).configure_cert(context)
    return context


def _trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    cast(Any, ca).configure_trust(context)
    return context


@pytest.mark.parametrize("fault", ["untrusted", "expired", "wrong host"])
def test_f05_certificate_not_accepted(driver: Driver, fault: str) -> None:
    from datetime import UTC, datetime

    ca = trustme.CA()
    host = "elsewhere.test" if fault == "wrong host" else "127.0.0.1"
    expiry = datetime(2020, 1, 1, tzinfo=UTC) if fault == "expired" else None
    http = None if fault == "untrusted" else _http(driver, verify=_trusting(ca))
    with FaultServer(GOOD, tls=_server_side(ca.issue_cert(host, not_after=expiry))) as server:
        error = driver.fails(TLSError, write, base_url=server.url, http=http)
    assert told(error) == ("no", False, 1)
    assert (server.requests, server.connections) == ((), 1)
    assert "certificate" in str(error)


def test_f06_tls_to_a_port_that_speaks_something_else(driver: Driver) -> None:
    def ask(script: Script, **options: Any) -> tuple[Any, FaultServer]:
        with FaultServer(script) as server, pytest.raises((ConnectFailed, TLSError)) as caught:
            driver.run(write, base_url=server.url.replace("http:", "https:"), **options)
        return caught.value, server

    silent, server = ask(Script(wait()), timeout=Timeouts(connect=0.1))
    assert (type(silent), told(silent), silent.reason) == (ConnectFailed, NEVER_SENT, "timeout")
    assert "is it https?" in str(silent)
    plain, server = ask(Script(read_some(5), answer(400)))
    assert (type(plain), told(plain)) == (TLSError, ("no", False, 1))
    assert "does not speak TLS" in str(plain)
    for end in (close(), reset()):
        broken, server = ask(Script(read_some(5), end))
        assert (type(broken), told(broken), broken.reason) == (ConnectFailed, NEVER_SENT, "tls")
        assert server.requests == ()


# A connection that breaks.


def test_f07_reset_before_the_request_was_read(driver: Driver) -> None:
    with FaultServer(Script(read_some(1), reset()), then=GOOD) as server:
        assert driver.run(read, base_url=server.url).status == "completed"
    assert (server.connections, len(server.requests)) == (2, 1)
    _, server = _lost(driver, Script(read_some(1), reset()), then=GOOD)
    assert (server.connections, server.applied) == (1, ())


@pytest.mark.parametrize("end", [reset(), close()], ids=["reset", "close"])
def test_f08_connection_lost_after_the_request(driver: Driver, end: Step) -> None:
    with FaultServer(_script(end)) as server:
        error = driver.fails(ConnectionLost, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("maybe", True, 3), 3)
    unknown, server = _lost(driver, _script(end), then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)
    assert unknown.operation == "datadog.reports.create"


def test_f09_no_answer_in_time(driver: Driver) -> None:
    with FaultServer(_script(wait())) as server:
        error = driver.fails(ReadTimeout, read, base_url=server.url, timeout=IMPATIENT)
    assert (told(error), len(server.requests)) == (("maybe", True, 3), 3)
    _, server = _lost(driver, _script(wait()), then=GOOD, timeout=IMPATIENT)
    assert server.applied == (f"POST {WRITE_PATH}",)


def test_f10_connection_broken_within_the_upload(driver: Driver) -> None:
    def large(client: Any) -> Any:
        return client.reports.create(query="team:payments " * 600_000, from_ts=0, to_ts=60)

    for end, timeout in ((reset(), DEFAULTS["timeout"]), (hold(), IMPATIENT)):
        with FaultServer(Script(read_some(100), end), then=GOOD) as server:
            error = driver.fails(OutcomeUnknown, large, base_url=server.url, timeout=timeout)
        assert (told(error), server.requests) == (("maybe", None, 1), ())
        assert len(str(error)) < 1000


def test_f11_stale_keep_alive_connection(driver: Driver) -> None:
    # Closed while idle: noticed before it is used again. Closed on the next request: a read is repeated, a write is in doubt.
    with FaultServer(_script(answer(200, STATUS, keep=True), close()), then=GOOD) as server:
        driver.run_all([read, read], base_url=server.url)
    assert len(server.requests) == 2
    with FaultServer(_script(answer(200, STATUS, keep=True), read_request(), close()), then=GOOD) as server:
        driver.run_all([read, read], base_url=server.url)
    assert [r.connection for r in server.requests] == [0, 0, 1]
    with (
        FaultServer(_script(answer(200, STATUS, keep=True), read_request(), close()), then=GOOD) as server,
        pytest.raises(OutcomeUnknown),
    ):
        driver.run_all([read, write], base_url=server.url)
    assert server.applied == (f"POST {WRITE_PATH}",)


# A reply that is cut.


@pytest.mark.parametrize("end", [reset(), close()], ids=["reset", "close"])
@pytest.mark.parametrize("so_far", [b"", BODY[:20]], ids=["after the head", "within the body"])
def test_f12_connection_lost_within_the_body(driver: Driver, so_far: bytes, end: Step) -> None:
    half = _script(send(head(200, length=500), so_far), end)
    with FaultServer(half, then=GOOD) as server:
        assert driver.run(read, base_url=server.url).status == "completed"
    assert len(server.requests) == 2
    with FaultServer(half) as server:
        error = driver.fails(TruncatedResponse, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("yes", True, 3), 3)
    _, server = _lost(driver, half, then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)


def test_f12_broken_replies_use_up_no_connection(driver: Driver) -> None:
    half = _script(send(head(200, length=500), BODY[:20]), reset())
    broken = 300  # more than a client has connections

    def again_and_again(dd: Any) -> Any:
        return _expecting_failures(dd, broken, driver.mode)

    with FaultServer(*(half,) * broken, GOOD) as server:
        status = driver.run(again_and_again, base_url=server.url, retry=RetryPolicy(attempts=1))
    assert (status.status, len(server.requests)) == ("completed", broken + 1)


def _expecting_failures(dd: Any, count: int, mode: str) -> Any:
    async def asynchronously() -> Any:
        for _ in range(count):
            with pytest.raises(TruncatedResponse):
                await read(dd)
        return await read(dd)

    if mode != "sync":
        return asynchronously()
    for _ in range(count):
        with pytest.raises(TruncatedResponse):
            read(dd)
    return read(dd)


@pytest.mark.parametrize(
    "body", [chunk(BODY)[:-10], b"zz\r\n" + BODY, chunk(BODY[:9]) + b"9999\r\nx"], ids=["cut", "no number", "cut chunk"]
)
def test_f13_bad_chunking(driver: Driver, body: bytes) -> None:
    script = _script(send(head(200, chunked=True), body), close())
    with FaultServer(script) as server:
        error = driver.fails(TruncatedResponse, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("yes", True, 3), 3)
    _, server = _lost(driver, script, then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)


CSV = b"id,name,slo_type,target\n" + b"".join(b"id%d,Checkout %d,metric,99.9\n" % (n, n) for n in range(500))


def test_f14_truncated_gzip(driver: Driver, tmp_path: Path) -> None:
    packed = gzip(CSV)[:-500]
    script = _script(send(head(200, length=len(packed), headers={"content-encoding": "gzip", "content-type": "text/csv"}), packed))
    target = tmp_path / "report.csv"
    with FaultServer(script) as server:
        error = driver.fails(TruncatedResponse, lambda dd: dd.reports.download_to("r-1", target), base_url=server.url)
    assert (told(error), len(server.requests)) == (("yes", True, 3), 3)
    assert list(tmp_path.iterdir()) == []  # neither half a file nor a file in the making
    tiny = gzip(BODY)[:11]
    _, server = _lost(driver, _script(send(head(200, length=11, headers={"content-encoding": "gzip"}), tiny)), then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)


@pytest.mark.parametrize("step", [1, 7, 10_000], ids=lambda step: f"{step} bytes a piece")
def test_f15_multi_member_gzip(driver: Driver, step: int) -> None:
    packed = gzip(BODY[:30]) + gzip(BODY[30:31]) + gzip(BODY[31:])
    pieces = [chunk(packed[i : i + step]) for i in range(0, len(packed), step)]
    script = _script(
        send(head(200, chunked=True, headers={"content-encoding": "gzip"})), *(send(piece) for piece in pieces), send(LAST_CHUNK)
    )
    with FaultServer(script) as server:
        assert driver.run(read, base_url=server.url).status == "completed"
    assert len(server.requests) == 1


def test_f16_not_gzip_though_labelled(driver: Driver) -> None:
    script = _script(send(head(200, length=len(BODY), headers={"content-encoding": "gzip"}), BODY))
    with FaultServer(script) as server:
        error = driver.fails(ProtocolError, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("yes", True, 2), 2)
    _, server = _lost(driver, script, then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_f17_unknown_encoding(driver: Driver, encoding: str) -> None:
    with FaultServer(_script(send(head(200, length=len(BODY), headers={"content-encoding": encoding}), BODY))) as server:
        error = driver.fails(ProtocolError, read, base_url=server.url)
    assert {r.headers["accept-encoding"] for r in server.requests} == {"gzip"}
    assert (error.sent, repr(encoding) in str(error)) == ("yes", True)


def test_f18_body_that_only_the_close_ends(driver: Driver, tmp_path: Path) -> None:
    # JSON shows by itself that it is whole; a CSV does not, cut between two lines.
    with FaultServer(_script(send(head(200), BODY), close())) as server:
        assert driver.run(read, base_url=server.url).status == "completed"
    cut_between_lines = CSV[: CSV.index(b"id250")]
    script = _script(send(head(200, headers={"content-type": "text/csv"}), cut_between_lines), close())
    uses: tuple[Use, ...] = (
        download,
        lambda dd: dd.reports.download_to("r-1", tmp_path / "report.csv"),
    )
    for use in uses:
        with FaultServer(script) as server:
            error = driver.fails(TruncatedResponse, use, base_url=server.url)
        assert (told(error), len(server.requests)) == (("yes", True, 3), 3)
    assert list(tmp_path.iterdir()) == []


# A reply that is none, or too much.


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 50 + b"\r\n\r\n"])
def test_f19_reply_that_is_not_http(driver: Driver, garbage: bytes) -> None:
    with FaultServer(_script(send(garbage), close())) as server:
        error = driver.fails(ProtocolError, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("maybe", True, 2), 2)
    _, server = _lost(driver, _script(send(garbage), close()), then=GOOD)
    assert server.applied == (f"POST {WRITE_PATH}",)


def test_f20_header_bomb(driver: Driver) -> None:
    with FaultServer(_script(send(b"HTTP/1.1 200 OK\r\n"), pour(b"x-filler: " + b"x" * 50_000 + b"\r\n"))) as server:
        error = driver.fails(ProtocolError, read, base_url=server.url)
    assert (told(error), len(server.requests)) == (("maybe", False, 1), 1)


def _limited(use: Use, limit: int | None) -> Use:
    return lambda dd: use(dd.with_options(max_response_bytes=limit))


def test_f21_endless_body(driver: Driver) -> None:
    announced = _script(send(head(200, length=5 * 2**30)), pour(b"x" * 65536))
    for script in (announced, _script(send(head(200)), pour(b"x" * 65536))):
        for use in (read, write):
            with FaultServer(script, then=GOOD) as server:
                error = driver.fails(ResponseTooLarge, _limited(use, 10**6), base_url=server.url)
            assert (told(error), error.limit) == (("yes", False, 1), 10**6)
            assert error.seen < 10**6 + 2**20 or script is announced
            assert len(server.requests) == 1


def test_f22_gzip_bomb(driver: Driver) -> None:
    packed = bomb(64 * 2**20)
    script = _script(send(head(200, length=len(packed), headers={"content-encoding": "gzip"}), packed))
    for limit in (None, 2**20):
        with FaultServer(script) as server:
            error = driver.fails(ResponseTooLarge, _limited(read, limit), base_url=server.url)
        assert (told(error), len(server.requests)) == (("yes", False, 1), 1)
        assert error.seen <= 2**25  # long before all of it was inflated


def _out_of_time(driver: Driver, script: Script, use: Use) -> tuple[Any, FaultServer]:
    """What ends a call that may take 0.3 s. A machine that stood still until they were over has sent nothing: then once more."""
    for _ in range(10):
        with FaultServer(script, then=GOOD) as server, pytest.raises(SloError) as caught:
            driver.run(use, base_url=server.url, timeout=Timeouts(total=0.3))
        if server.requests:
            return caught.value, server
    pytest.fail("nothing was sent")


def test_f23_slow_drip(driver: Driver) -> None:
    for slow in (_script(send(head(200, length=10**6)), drip(b" ")), _script(send(b"HTTP/1.1 200 OK\r\nx-slow: "), drip(b"x"))):
        error, server = _out_of_time(driver, slow, read)
        assert (type(error), len(server.requests), error.retry_safe) == (DeadlineExceeded, 1, True)
        assert isinstance(error, TimeoutError)
        unfinished, server = _out_of_time(driver, slow, write)
        assert (type(unfinished), told(unfinished)) == (UnfinishedWrite, ("maybe", None, 1))
        assert server.applied == (f"POST {WRITE_PATH}",)


# Proxies.


@pytest.mark.parametrize(
    ("refusal", "safe", "tries"),
    [
        (answer(502), True, 3),
        (answer(407, headers={"proxy-authenticate": "Basic"}), False, 1),
        (close(), True, 3),
        (reset(), True, 3),
    ],
    ids=["502", "407", "close", "reset"],
)
def test_f24_proxy_refuses(driver: Driver, monkeypatch: pytest.MonkeyPatch, refusal: Step, safe: bool, tries: int) -> None:
    with FaultServer(_script(refusal)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = driver.fails(ProxyFailed, write, base_url="https://api.example.test")
    assert told(error) == ("no", safe, tries)
    assert {r.method for r in proxy.requests} == {"CONNECT"}
    assert not any("dd-api-key" in r.headers for r in proxy.requests)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://user:hunter2@127.0.0.1:1"),
        ("ALL_PROXY", "ftp://hunter2@127.0.0.1"),
        ("SSL_CERT_FILE", "/nowhere/hunter2"),
    ],
)
def test_f25_broken_proxy_or_trust_store_of_the_environment(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    http_module.shared_ssl_context.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match=name) as caught:
            (DatadogSLO if driver.mode == "sync" else AsyncDatadogSLO)("k", "a")
    finally:
        http_module.shared_ssl_context.cache_clear()
    assert "hunter2" not in str(caught.value)
    assert caught.value.sent == "no"
