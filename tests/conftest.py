"""What holds for every test: no credentials of the person who runs them, and no traffic that leaves the machine."""

from __future__ import annotations

import importlib.util
import inspect
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

TESTS = Path(__file__).parent
# Helpers beside the tests are imported as tests.<folder>.<name>; in importlib mode pytest makes nothing importable. At the end of the
# path, because the packages under test come from where they are installed and not from this tree.
sys.path.append(str(TESTS.parent))

if importlib.util.find_spec("hypothesis") is not None:  # Airflow has an environment of its own
    from hypothesis import settings

    # How long one example takes says nothing on a busy machine; `make test` is bounded as a whole.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")

VENDOR_PREFIXES = ("DD_", "DATADOG_", "ROOTLY_", "ZABBIX_")
PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Every coroutine test runs on asyncio and on trio without a mark."""
    if inspect.iscoroutinefunction(obj) and collector.istestfunction(obj, name):
        pytest.mark.anyio(obj)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in ("live", "soak"):
            if item.path.is_relative_to(TESTS / name):
                item.add_marker(name)


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own keys and proxies never reach a test; live tests are told their server by ZABBIX_* variables."""
    live = request.path.is_relative_to(TESTS / "live")
    for name in list(os.environ):
        if live and name.startswith("ZABBIX_"):
            continue
        if name.startswith(VENDOR_PREFIXES) or name.upper() in PROXY_NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _stay_on_this_machine() -> Iterator[None]:
    """A connection to anything but the loopback interface is a fault of the test."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(address: Any) -> None:
        if isinstance(address, tuple):  # a Unix socket's address is a string
            host = str(cast("tuple[object, ...]", address)[0])
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a test tried to connect to {host}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield
