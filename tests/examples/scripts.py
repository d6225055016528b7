"""Examples are scripts and not a package: how a test gets at their functions."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any


def load(script: Path) -> Any:
    """The script as a module, anew each time."""
    spec = importlib.util.spec_from_file_location(f"example_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # attrs and FastAPI look annotations up there
    spec.loader.exec_module(module)
    return module
