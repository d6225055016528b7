"""What carries requests: a client that was given or connections of our own, and what failed connections are called."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from slo_common import ConfigurationError, ConnectFailed, PoolExhausted, ProxyFailed, Sent, TLSError, TransportError
from slo_common._deadline import Deadline
from slo_common._http import (
    AsyncCarrier,
    Bounds,
    Progress,
    SyncCarrier,
    shared_ssl_context,
    translate,
)
from slo_common._values import Request
from tests.sandbox.shop import Shop

URL = "https://vendor.test/things"
BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


# What failed connections are called.


def caused(error: Exception, *causes: BaseException) -> Exception:
    at: BaseException = error
    for cause in causes:
        at.__cause__ = cause
        at = cause
    return error


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (caused(httpx.ConnectError("x"), ConnectionRefusedError()), ConnectFailed, "vendor.test refused the connection"),
        (caused(httpx.ConnectError("x"), OSError(), socket.gaierror(-2, "x")), ConnectFailed, "the name vendor.test was not found"),
        (httpx.ConnectTimeout("x"), ConnectFailed, r"no connection to vendor.test in time \(is it https\?\)"),
        (httpx.ConnectError("x"), ConnectFailed, "no connection to vendor.test"),
        (
            caused(httpx.ConnectError("x"), BaseExceptionGroup("several addresses", [OSError(), ConnectionRefusedError()])),
            ConnectFailed,
            "refused the connection",
        ),
        (caused(httpx.ConnectError("x"), certificate_error()), TLSError, "was not accepted: self-signed certificate"),
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError("x")), TLSError, "was not accepted: TLS failure"),
        (caused(httpx.ConnectError("x"), ssl.SSLEOFError()), ConnectFailed, "ended the connection while TLS was being set up"),
        (caused(httpx.ConnectError("x"), ssl.SSLError(1, "x")), TLSError, "does not speak TLS with us .*: TLS failure"),
        (caused(httpx.ConnectTimeout("x"), ssl.SSLWantReadError()), ConnectFailed, "no connection to vendor.test in time"),
    ],
)
def test_a_failed_connection_is_called_by_its_reason(error: Exception, kind: type[TransportError], text: str) -> None:
    found = translate(error, what="vendor.things.do", url=URL, progress=Progress())
    assert type(found) is kind
    assert found.sent is Sent.NO
    with pytest.raises(kind, match=text):
        raise found


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = other = OSError()
    other.__context__ = error
    assert isinstance(translate(error, what="w", url=URL, progress=Progress()), ConnectFailed)


def traced(*events: tuple[str, bytes]) -> Progress:
    progress = Progress()
    for name, method in events:
        progress.trace(name, {"request": _Core(method)})
    return progress


class _Core:
    """httpcore's request, as its trace shows it."""

    def __init__(self, method: bytes) -> None:
        self.method = method


OPENED = ("connection.connect_tcp.complete", b"GET")
WENT_OUT = ("http11.send_request_headers.started", b"GET")
TO_PROXY = ("http11.send_request_headers.started", b"CONNECT")


@pytest.mark.parametrize(
    ("progress", "sent"),
    [
        (traced(), Sent.MAYBE),
        (traced(OPENED), Sent.NO),
        (traced(OPENED, WENT_OUT), Sent.MAYBE),
        (traced(OPENED, TO_PROXY), Sent.NO),
        (traced(OPENED, TO_PROXY, WENT_OUT), Sent.MAYBE),
    ],
    ids=["no-trace", "opened", "went-out", "to-the-proxy", "through-the-proxy"],
)
def test_the_trace_tells_whether_the_request_went_out(progress: Progress, sent: Sent) -> None:
    assert translate(httpx.ReadError("x"), what="w", url=URL, progress=progress).sent is sent


def test_what_never_went_out_is_a_failed_connection() -> None:
    assert type(translate(httpx.ReadError("x"), what="w", url=URL, progress=traced(OPENED))) is ConnectFailed


def test_what_broke_before_the_proxy_let_through_is_the_proxys() -> None:
    found = translate(httpx.RemoteProtocolError("Server disconnected"), what="w", url=URL, progress=traced(OPENED, TO_PROXY))
    assert type(found) is ProxyFailed


def test_an_exhausted_pool_is_named_with_its_size() -> None:
    found = translate(httpx.PoolTimeout("x"), what="w", url=URL, progress=Progress())
    assert isinstance(found, PoolExhausted)
    assert "all connections of this client were in use (256" in str(found)


# The environment.


@pytest.mark.parametrize("proxy", ["ftp://proxy.test", "socks5://proxy.test"])
def test_f25_a_proxy_that_cannot_be_used_is_named_by_its_variable_and_not_shown(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:s3cret@"))
    for make in (lambda: SyncCarrier(None, Deadline()), lambda: AsyncCarrier(None)):
        with pytest.raises(ConfigurationError, match="the proxy named by HTTPS_PROXY") as caught:
            make()
        assert "s3cret" not in str(caught.value)


def test_f25_a_proxy_is_used_and_its_streams_obey_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox plays the proxy: it is asked for the whole address."""
    shop = Shop()
    with shop.serve() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.test")
        carrier = SyncCarrier(None, Deadline())
        carrier.exchange(
            Request(method="GET", url="http://vendor.test/things"),
            BOUNDS,
            what="w",
            sink=None,
            progress=Progress(),
            check=lambda: None,
        )
        carrier.close()
    assert shop.ledger[0].path.endswith("vendor.test/things")


async def test_f25_a_proxy_is_used_by_async_clients_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    with shop.serve() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        carrier = AsyncCarrier(None)
        asked = Request(method="GET", url="http://vendor.test/things")
        await carrier.exchange(asked, BOUNDS, what="w", sink=None, progress=Progress())
        await carrier.aclose()
    assert shop.ledger[0].path.endswith("vendor.test/things")


def test_no_client_waits_for_the_trust_store() -> None:
    """Reading it takes 20 ms, and a client for http needs none."""
    shared_ssl_context.cache_clear()
    SyncCarrier(None, Deadline()).close()
    assert shared_ssl_context.cache_info().currsize == 0


def test_f25_a_trust_store_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    shared_ssl_context.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read"):
            shared_ssl_context()
    finally:
        shared_ssl_context.cache_clear()
