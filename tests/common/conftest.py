"""Certificates. And the helpers beside these tests become importable as ``tests.common.<name>``, which importlib mode does not do."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest
import trustme

# At the end: the packages under test come from where they are installed, which may be a wheel and not this tree.
sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]  # it takes pyOpenSSL's, too
    return context


@pytest.fixture
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]  # as above
    return context
