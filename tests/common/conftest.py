"""Makes the helpers beside these tests importable as ``tests.common.<name>``: in importlib mode pytest does not."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

# At the end: the packages under test come from where they are installed, which may be a wheel and not this tree.
sys.path.append(str(Path(__file__).parents[2]))

# How long one example takes says nothing on a busy machine; `make test` is bounded as a whole.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
