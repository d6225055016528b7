"""What failed connections are called."""

from __future__ import annotations

import socket
import ssl

import httpcore
import httpx
import pytest

from slo_common import ConnectFailed, PoolExhausted, ProxyFailed, Sent, TLSError, TransportError
from slo_common._failures import Progress, translate

URL = "https://vendor.test/things"


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
        (caused(httpx.ConnectError("x"), ConnectionResetError()), ConnectFailed, "ended the connection while TLS was being set up"),
        (caused(httpx.ConnectError("x"), ssl.SSLError(1, "x")), TLSError, "does not speak TLS with us .*: TLS failure"),
        (caused(httpx.ConnectTimeout("x"), ssl.SSLWantReadError()), ConnectFailed, "no connection to vendor.test in time"),
    ],
)
def test_a_failed_connection_is_called_by_its_reason(error: Exception, kind: type[TransportError], text: str) -> None:
    found = translate(error, what="vendor.things.do", url=URL, progress=Progress(), connections=256)
    assert type(found) is kind
    assert found.sent is Sent.NO
    with pytest.raises(kind, match=text):
        raise found


def test_without_tls_a_reset_ends_no_handshake() -> None:
    error = caused(httpx.ConnectError("x"), ConnectionResetError())
    found = translate(error, what="w", url="http://127.0.0.1/things", progress=Progress(), connections=256)
    assert str(found) == "w: no connection to 127.0.0.1"


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = other = OSError()
    other.__context__ = error
    assert isinstance(translate(error, what="w", url=URL, progress=Progress(), connections=256), ConnectFailed)


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
    assert translate(httpx.ReadError("x"), what="w", url=URL, progress=progress, connections=256).sent is sent


def test_what_never_went_out_is_a_failed_connection() -> None:
    assert type(translate(httpx.ReadError("x"), what="w", url=URL, progress=traced(OPENED), connections=256)) is ConnectFailed


def test_what_broke_before_the_proxy_let_through_is_the_proxys() -> None:
    found = translate(
        httpx.RemoteProtocolError("Server disconnected"), what="w", url=URL, progress=traced(OPENED, TO_PROXY), connections=256
    )
    assert type(found) is ProxyFailed


def connecting_to(host: str) -> Progress:
    progress = Progress()
    progress.trace("connection.connect_tcp.started", {"host": host})
    return progress


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://Vendor.test", "vendor.test"), ("https://b\u00fccher.test", "xn--bcher-kva.test")],
    ids=["capitals", "another spelling"],
)
def test_a_vendor_that_cannot_be_reached_is_not_taken_for_a_proxy(url: str, host: str) -> None:
    found = translate(httpx.ConnectError("x"), what="w", url=url, progress=connecting_to(host), connections=256)
    assert type(found) is ConnectFailed


def test_an_exhausted_pool_is_named_with_its_size() -> None:
    found = translate(httpx.PoolTimeout("x"), what="w", url=URL, progress=Progress(), connections=256)
    assert isinstance(found, PoolExhausted)
    assert "all connections of this client were in use (256" in str(found)


def test_httpcores_exceptions_are_called_like_those_of_httpx() -> None:
    for kind in (httpx.ReadTimeout("x"), httpcore.ReadTimeout("x")):
        found = translate(kind, what="vendor.things.do", url=URL, progress=Progress(), connections=256)
        assert str(found) == "vendor.things.do: no answer in time (ReadTimeout)"


def test_a_kind_of_ones_own_is_called_like_what_it_is_a_kind_of() -> None:
    class Refused(httpx.ConnectError):
        pass

    found = translate(Refused("x"), what="vendor.things.do", url=URL, progress=Progress(), connections=256)
    assert type(found) is ConnectFailed


def test_an_error_of_tls_that_nobody_wrapped_is_called_by_its_reason() -> None:
    found = translate(certificate_error(), what="w", url=URL, progress=traced(OPENED), connections=256)
    assert type(found) is TLSError
