"""Measure our clients beside what users would pick instead in one run, and write the numbers into the performance page.

``python run.py --peers PYTHON --output docs/performance.md``; ``--only TEXT`` runs the sections whose name holds TEXT and prints them.
``--peers`` names the Python of an environment without the SDK, where the others are installed as pip installs them.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import sections
from measure import ENVIRONMENTS, replay_server
from page import Goals

BEGIN, END = "<!-- measured: begin (`make bench` writes what follows) -->", "<!-- measured: end -->"
SLOW = 0.05
"""Seconds that the second server waits before each answer."""


def measure(only: str) -> str:
    """All sections whose name holds ``only``, as Markdown, the goals and what they came to first."""
    goals, texts, timings = Goals(), list[str](), list[tuple[float, str]]()
    with replay_server() as url, replay_server(delay=SLOW) as slow_url:
        for name, make in sections.SECTIONS.items():
            if only in name:
                began = time.monotonic()
                texts.append(make(sections.Bench(url=url, slow_url=slow_url, slow=SLOW, goals=goals)))
                timings.append((time.monotonic() - began, name))
                print(f"{name}: {timings[-1][0]:.0f} s", file=sys.stderr)
    print(f"in all {sum(seconds for seconds, _ in timings):.0f} s", file=sys.stderr)
    head = [sections.machine(), *([goals.page()] if goals.list else [])]
    return "\n\n".join([*head, *texts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    ENVIRONMENTS.peers = options.peers
    measured = measure(options.only)
    if options.output is None or options.only:
        print(measured)
        return
    page = options.output.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    options.output.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
