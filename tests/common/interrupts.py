"""Ctrl-C at a chosen place, without a signal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Self


class Pressed:
    """Ctrl-C at the n-th place of some modules where Python looks for it: at the start of a function, and after a call of a C function."""

    def __init__(self, n: int, within: Callable[[str], bool]) -> None:
        """``within``: whether a module, by its name, is one of them."""
        self._left = n
        self._within = within
        self.pressed = False

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return") and self._within(str(frame.f_globals.get("__name__", ""))):
            self._left -= 1
            if self._left == 0:
                self.pressed = True
                sys.setprofile(None)
                raise KeyboardInterrupt

    def __enter__(self) -> Self:
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
