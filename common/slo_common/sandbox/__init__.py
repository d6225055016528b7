"""Sandboxes of the three vendors: the base they share, scripted faults, enforced limits, a virtual clock and three doors.

``sandbox.transport()`` is an httpx transport, ``sandbox.serve()`` a loopback HTTP server (``python -m slo_common.sandbox`` serves all
three), and the pytest plugin gives the fixtures ``datadog_sandbox``, ``rootly_sandbox`` and ``zabbix_sandbox``.
"""

from slo_common._values import Reply
from slo_common.sandbox._faults import Fault, FaultPlan
from slo_common.sandbox._limits import FixedWindows, Meter, SlidingWindows, Taken, Window
from slo_common.sandbox._script import FaultScript
from slo_common.sandbox._state import Clock, Entry, Sandbox, SandboxRequest, SystemClock, VirtualClock
from slo_common.sandbox._steps import Answer, Broken, Drop, Framing, Part, SpoiltReply, Step

__all__ = [
    "Answer",
    "Broken",
    "Clock",
    "Drop",
    "Entry",
    "Fault",
    "FaultPlan",
    "FaultScript",
    "FixedWindows",
    "Framing",
    "Meter",
    "Part",
    "Reply",
    "Sandbox",
    "SandboxRequest",
    "SlidingWindows",
    "SpoiltReply",
    "Step",
    "SystemClock",
    "Taken",
    "VirtualClock",
    "Window",
]
