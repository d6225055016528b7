"""Ctrl-C at each place of a blocking call over a real socket: it is heard, and the client is as good as before, for other threads too."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Self

import pytest

from slo_common._drive import drive
from slo_common._runtime import SyncRuntime
from slo_common._values import Bounds, Request
from tests.sandbox.shop import Shop

PLACES = ("slo_common.", "threading", "socket", "ssl", "selectors")
BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


class Pressed:
    """Ctrl-C at the n-th place where Python looks for it: at the start of a function, and after a call of a C function."""

    def __init__(self, n: int) -> None:
        self._left = n
        self.pressed = False

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return") and str(frame.f_globals.get("__name__")).startswith(PLACES):
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


def ask(runtime: SyncRuntime, url: str) -> int:
    return drive(runtime.send(Request(method="GET", url=url + "/things"), BOUNDS, what="things")).status


def in_another_thread(runtime: SyncRuntime, url: str) -> list[int]:
    statuses: list[int] = []
    other = threading.Thread(target=lambda: statuses.append(ask(runtime, url)), daemon=True)
    other.start()
    other.join(10.0)
    return statuses


@pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited:RuntimeWarning"
)  # interrupted between its making and its first step
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a socket that was interrupted before anybody had it
@pytest.mark.parametrize("idle", [False, True], ids=["a new connection", "an idle one"])
def test_ctrl_c_at_every_place_of_a_blocking_call_is_heard_and_leaves_the_client_usable(idle: bool) -> None:
    places, pressed = 0, True
    with Shop().serve() as server:
        while pressed:
            places += 1
            runtime = SyncRuntime()
            if idle:
                ask(runtime, server.url)
            ctrl_c, heard = Pressed(places), False
            try:
                with ctrl_c:
                    ask(runtime, server.url)
            except KeyboardInterrupt:
                heard = True
            pressed = ctrl_c.pressed
            assert (heard, in_another_thread(runtime, server.url)) == (pressed, [200]), f"place {places}"
            runtime.close()
    assert places > 50
