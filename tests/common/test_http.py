"""What carries requests: a client that was given, or connections of our own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from slo_common import ConfigurationError, ProxyFailed, Sent
from slo_common._deadline import Deadline
from slo_common._failures import Progress
from slo_common._http import (
    AsyncCarrier,
    SyncCarrier,
    _http_errors,  # pyright: ignore[reportPrivateUsage]  # one with libraries that a test cannot unload
    shared_ssl_context,
)
from slo_common._httpx import SandboxTransport
from slo_common._values import Bounds, Request
from tests.sandbox.shop import Shop

URL = "https://vendor.test/things"
BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


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


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment names a proxy that nobody runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://me:s3cret@127.0.0.1:{held.getsockname()[1]}")
        yield


@pytest.mark.usefixtures("dead_proxy")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_f25_a_proxy_that_cannot_be_reached_is_not_taken_for_the_vendor(scheme: str) -> None:
    carrier = SyncCarrier(None, Deadline())
    asked = Request(method="GET", url=f"{scheme}://vendor.test/things")
    with pytest.raises(
        ProxyFailed, match=r"^w: the proxy 127\.0\.0\.1 cannot be reached; it is named by the environment"
    ) as caught:
        carrier.exchange(asked, BOUNDS, what="w", sink=None, progress=Progress(), check=lambda: None)
    carrier.close()
    assert caught.value.sent is Sent.NO


@pytest.mark.usefixtures("dead_proxy")
async def test_f25_a_proxy_that_cannot_be_reached_is_not_taken_for_the_vendor_by_async_clients() -> None:
    carrier = AsyncCarrier(None)
    asked = Request(method="GET", url="https://vendor.test/things")
    with pytest.raises(ProxyFailed, match=r"the proxy 127\.0\.0\.1 cannot be reached"):
        await carrier.exchange(asked, BOUNDS, what="w", sink=None, progress=Progress())
    await carrier.aclose()


def test_no_client_waits_for_the_trust_store() -> None:
    """Reading it takes 20 ms, and a client for http needs none."""
    shared_ssl_context.cache_clear()
    SyncCarrier(None, Deadline()).close()
    assert shared_ssl_context.cache_info().currsize == 0


def test_f25_a_trust_store_that_is_not_there_is_named_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read"):
        SyncCarrier(None, Deadline())


def test_the_trust_store_is_the_one_that_comes_with_certifi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    ours, httpxs = shared_ssl_context.__wrapped__(), httpx.create_ssl_context()
    assert ours.get_ca_certs(binary_form=True) == httpxs.get_ca_certs(binary_form=True) != []
    assert (ours.verify_mode, ours.check_hostname) == (httpxs.verify_mode, httpxs.check_hostname)


def test_a_folder_takes_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    context = shared_ssl_context.__wrapped__()
    assert (context.get_ca_certs(), context.verify_mode) == ([], ssl.CERT_REQUIRED)


def test_what_fails_is_not_looked_for_in_libraries_that_are_not_loaded() -> None:
    ours, theirs = (_http_errors(loaded=frozenset(loaded)) for loaded in ((), ("httpx", "httpcore")))
    assert set(ours) < set(theirs)
    assert {kind.__module__.partition(".")[0] for kind in ours} == {"builtins", "slo_common"}
    assert {kind.__module__.partition(".")[0] for kind in theirs} == {"builtins", "slo_common", "httpx", "httpcore"}


def test_f25_a_trust_store_that_is_none_is_named_when_it_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = tmp_path / "certificates.pem"
    store.write_text("no certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    shared_ssl_context.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR names a file that cannot be read"):
            shared_ssl_context()
    finally:
        shared_ssl_context.cache_clear()


# After a fork.

ASKED = Request(method="GET", url=URL)
Brought = httpx.MockTransport | SandboxTransport


def mocked() -> Brought:
    return httpx.MockTransport(lambda _: httpx.Response(200))


def in_a_sandbox() -> Brought:
    return Shop().transport()


def ask(carrier: SyncCarrier) -> None:
    carrier.exchange(ASKED, BOUNDS, what="w", sink=None, progress=Progress(), check=lambda: None)


def test_f85_what_was_brought_and_used_cannot_be_opened_anew() -> None:
    carrier = SyncCarrier(mocked(), Deadline())
    ask(carrier)
    with pytest.raises(ConfigurationError, match="make a client in each process"):
        carrier.reopen()


async def test_f85_what_was_brought_to_an_async_client_and_used_cannot_be_opened_anew() -> None:
    carrier = AsyncCarrier(mocked())
    await carrier.exchange(ASKED, BOUNDS, what="w", sink=None, progress=Progress())
    with pytest.raises(ConfigurationError, match="make a client in each process"):
        carrier.reopen()


@pytest.mark.parametrize(("brought", "used"), [(mocked, False), (in_a_sandbox, True)])
def test_f85_what_was_not_used_or_has_no_connections_goes_on(brought: Callable[[], Brought], used: bool) -> None:
    carrier = SyncCarrier(brought(), Deadline())
    if used:
        ask(carrier)
    carrier.reopen()
    ask(carrier)


@pytest.mark.parametrize(("brought", "used"), [(mocked, False), (in_a_sandbox, True)])
async def test_f85_so_it_does_for_async_clients(brought: Callable[[], Brought], used: bool) -> None:
    carrier = AsyncCarrier(brought())
    if used:
        await carrier.exchange(ASKED, BOUNDS, what="w", sink=None, progress=Progress())
    carrier.reopen()
    await carrier.exchange(ASKED, BOUNDS, what="w", sink=None, progress=Progress())
