"""Makes the helpers beside these tests importable as ``tests.rootly.<name>``: in importlib mode pytest does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import respx

# At the end: the packages under test come from where they are installed, which may be a wheel and not this tree.
sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture
def rootly() -> Iterator[respx.MockRouter]:
    """Stands between httpx and the network."""
    with respx.mock(assert_all_called=False) as router:
        yield router
