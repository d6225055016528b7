"""Ctrl-C at each place of a blocking call over a real socket: it is heard, and the client is as good as before, for other threads too."""

from __future__ import annotations

import threading

import pytest

from slo_common._drive import drive
from slo_common._runtime import SyncRuntime
from slo_common._values import Bounds, Request
from tests.common.interrupts import Pressed
from tests.sandbox.shop import Shop

PLACES = ("slo_common.", "threading", "socket", "ssl", "selectors")
BOUNDS = Bounds(connect=5.0, read=5.0, total=5.0, max_bytes=1 << 20)


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
            ctrl_c, heard = Pressed(places, lambda name: name.startswith(PLACES)), False
            try:
                with ctrl_c:
                    ask(runtime, server.url)
            except KeyboardInterrupt:
                heard = True
            pressed = ctrl_c.pressed
            assert (heard, in_another_thread(runtime, server.url)) == (pressed, [200]), f"place {places}"
            runtime.close()
    assert places > 50
