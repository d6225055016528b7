"""Makes the helpers beside these tests importable as ``tests.fuzz.<name>``: in importlib mode pytest does not."""

from __future__ import annotations

import sys
from pathlib import Path

# At the end: the packages under test come from where they are installed, which may be a wheel and not this tree.
sys.path.append(str(Path(__file__).parents[2]))
