"""The rows about the wire once more over httpx2, the successor that has httpx's interface: users who alias it must not lose anything."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = """
import sys, httpx2
sys.modules["httpx"] = httpx2
import pytest
code = pytest.main(sys.argv[1:])
import slo_common._httpx
assert slo_common._httpx.httpx is httpx2
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("httpx2") is None, reason="httpx2 is not installed (it is in the extra `test-httpx2`)")
def test_rows_about_the_wire_hold_over_httpx2() -> None:
    # The other modes differ from these two by the event loop and by the parser, and neither is httpx's.
    modes = "not trio and not uvloop and not h11"
    arguments = ["tests/faults/test_connection.py", "-q", "-p", "no:cacheprovider", "-k", modes]
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
