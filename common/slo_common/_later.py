"""Modules that are imported when something of them is used: a program that reads one SLO loads no report and no search."""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """Stands for a module of a vendor's package. Type checkers see the module itself, by an import that only they follow."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
