"""Names of a module that are loaded when they are used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy(module: str, home: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module; ``home`` tells in which module of its package each name is at home."""
    space = vars(sys.modules[module])

    def load(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        space[name] = getattr(importlib.import_module(f"{space['__package__']}.{home[name]}"), name)
        return space[name]

    return load, lambda: sorted({*space, *home})
