"""The three sandboxes in a process of their own, one request in ten disturbed. Reads commands from its standard input.

``calm`` ends the disturbance, ``report`` prints one JSON line: how often each object was created, by vendor and name, and how many
requests came and were disturbed.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter

from datadog_slo.sandbox import DatadogSandbox
from rootly_sla.sandbox import RootlySandbox
from slo_common.sandbox import Fault, FaultPlan, FaultScript, FixedWindows, Sandbox, SandboxRequest, SystemClock, Window
from slo_common.sandbox._server import Server
from zabbix_sla.sandbox import ZabbixSandbox

SHARE = 0.1
PLENTY = Window(limit=1_000_000, seconds=10)
"""A budget that nobody exhausts: this is not about limits."""


BROKEN = tuple(
    FaultScript.parse("any: apply, cut 40%, reset\nany: apply, gzip, shorten 50%\nany: apply, length +10\nany: apply, cut head")
)
"""Answers that go wrong on their way."""


class Disturbed(FaultPlan):
    """One request in ten goes wrong, in one of the ways that a network or a gateway has."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._dice = random.Random(seed)
        self.calm = False

    def take(self, request: SandboxRequest) -> Fault | None:
        if self.calm or self._dice.random() >= SHARE:
            return None
        return self._dice.choice(
            (
                Fault.status(503),
                Fault.status(502),
                Fault.status(504, after=True),
                Fault.status(429, headers={"retry-after": "0.02"}),
                Fault.lost_answer(),
                Fault.reset(),
                *BROKEN,
            )
        )


def created(sandbox: Sandbox) -> Counter[str]:
    """How often each name was created."""
    names: Counter[str] = Counter()
    for entry in sandbox.ledger:
        if entry.applied is None or ".create " not in entry.applied:
            continue
        body = json.loads(entry.body)
        body = body.get("data", {}).get("attributes", body.get("params", body))
        names[body["name"]] += 1
    return names


def main() -> None:
    clock = SystemClock()
    sandboxes: dict[str, Sandbox] = {
        "datadog": DatadogSandbox(clock=clock, meter=FixedWindows(lambda _: PLENTY)),
        "rootly": RootlySandbox(clock=clock, reads=PLENTY, writes=PLENTY),
        "zabbix": (zabbix := ZabbixSandbox.demo(clock=clock)),
    }
    plans = [Disturbed(seed) for seed in range(3)]
    for sandbox, plan in zip(sandboxes.values(), plans, strict=True):
        sandbox.faults = plan
    with Server(sandboxes) as server:
        print(json.dumps({"url": server.url, "token": zabbix.token}), flush=True)
        for line in sys.stdin:
            if line.strip() == "calm":
                for plan in plans:
                    plan.calm = True
                print("{}", flush=True)
            elif line.strip() == "report":
                ledger = [entry for sandbox in sandboxes.values() for entry in sandbox.ledger]
                counts = {"requests": len(ledger), "disturbed": sum(entry.fault is not None for entry in ledger)}
                print(json.dumps({**counts, "created": {n: created(s) for n, s in sandboxes.items()}}), flush=True)


if __name__ == "__main__":
    main()
