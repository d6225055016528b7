"""https with a private CA and with client certificates, by an httpx client that brings its own ssl.SSLContext."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from slo_common import ConnectionLost, SloError, TLSError
from slo_common import _http as http_module
from tests.faults.clients import STATUS, Driver, read, read_slas, told
from tests.faults.server import FaultServer, Script, answer, read_request, repeat

GOOD = Script(repeat(read_request(), answer(200, STATUS)))
NO_SLAS = Script(repeat(read_request(), answer(200, {"jsonrpc": "2.0", "id": 1, "result": []})))


@pytest.fixture(name="ca", scope="module")
def _ca() -> Any:
    return trustme.CA()


@pytest.fixture(name="server_side", scope="module")
def _server_side(ca: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(name="client_side")
def _client_side(ca: Any) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def _http(driver: Driver, context: ssl.SSLContext) -> Any:
    return httpx.Client(verify=context) if driver.mode == "sync" else httpx.AsyncClient(verify=context)


def test_private_ca_by_a_client_of_ones_own(driver: Driver, server_side: ssl.SSLContext, client_side: ssl.SSLContext) -> None:
    with FaultServer(GOOD, tls=server_side) as server:
        assert driver.run(read, base_url=server.url, http=_http(driver, client_side)).status == "completed"
    (request,) = server.requests
    assert request.headers["dd-api-key"] == "k"
    with FaultServer(NO_SLAS, tls=server_side) as server:
        assert driver.run(read_slas, of="zabbix", url=server.url, http=_http(driver, client_side)) == ()


@pytest.fixture(name="default_trust")
def _default_trust() -> Generator[None]:
    """The process-wide context is made anew, before the test and after it."""
    http_module.shared_ssl_context.cache_clear()
    yield
    http_module.shared_ssl_context.cache_clear()


@pytest.mark.usefixtures("default_trust")
def test_private_ca_by_the_environment(
    driver: Driver, ca: Any, server_side: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with FaultServer(GOOD, tls=server_side) as server:
        assert driver.run(read, base_url=server.url).status == "completed"


def test_unknown_ca_is_refused_before_a_key_is_sent(driver: Driver, server_side: ssl.SSLContext) -> None:
    with FaultServer(GOOD, tls=server_side) as server:
        error = driver.fails(TLSError, read, base_url=server.url)
    assert (told(error), server.requests) == (("no", False, 1), ())
    assert "your own ssl.SSLContext" in str(error)


def test_client_certificate(driver: Driver, ca: Any, client_side: ssl.SSLContext) -> None:
    wants_one = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(wants_one)
    ca.configure_trust(wants_one)
    wants_one.verify_mode = ssl.CERT_REQUIRED
    with FaultServer(GOOD, tls=wants_one) as server:
        # TLS 1.3 lets the client believe that all is well until it reads; the server has dropped it by then, and read nothing.
        with pytest.raises(SloError) as refused:
            driver.run(read, base_url=server.url, http=_http(driver, client_side))
        assert isinstance(refused.value, (ConnectionLost, TLSError))
        assert server.requests == ()
        ca.issue_cert("client@example.test").configure_cert(client_side)
        assert driver.run(read, base_url=server.url, http=_http(driver, client_side)).status == "completed"


def test_certificate_is_checked_on_a_view_with_other_options(driver: Driver, server_side: ssl.SSLContext) -> None:
    with FaultServer(GOOD, tls=server_side) as server:
        driver.fails(TLSError, lambda dd: read(dd.with_options(timeout=5)), base_url=server.url)
    assert server.requests == ()
