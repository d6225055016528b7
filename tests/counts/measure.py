"""Counts what single operations cost, in numbers that do not depend on the machine: ``python tests/counts/measure.py``.

It prints JSON for the installed packages. ``--write`` puts the numbers into ``baseline.json`` beside this file, under the running Python's
version; do that in an environment made with ``constraints.txt``, after a change that is meant to cost more or that costs less.
``--only TEXT`` counts the operations whose name holds TEXT.

The operations are those that the bench times. Each is run a few times, so that caches are filled and lazy imports done, and then counted:

- ``functions``: calls of Python and C functions, all packages included
- ``own_functions``: those made by, or into, the four packages
- ``instructions``: bytecode instructions run in the four packages
- ``peak``: bytes that Python had allocated for it at most (tracemalloc, the least of five)

and of imports, in fresh interpreters: ``own_modules`` of the four packages, ``library_modules`` of Python's, ``other_modules``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
BENCH = HERE.parent.parent / "bench"
sys.path.append(str(BENCH))

import registry  # noqa: E402  # from the folder above
import works  # noqa: E402

PACKAGES = ("slo_common", "datadog_slo", "rootly_sla", "zabbix_sla")
LIBRARIES = ("anyio", "attrs", "cattrs", "httptools", "httpx", "msgspec", "sniffio")
WARM = 3
PEAKS = 5
LIMITER = "limiter: reserve and done"
OPERATIONS: dict[str, str] = {
    "small call, Datadog": f"{registry.NULL_DATADOG}|{registry.SDK}|sync",
    "small call, Datadog, async": f"{registry.NULL_DATADOG}|{registry.SDK}|async",
    "small call, Rootly": f"{registry.NULL_ROOTLY}|{registry.SDK}|sync",
    "small call, Rootly, async": f"{registry.NULL_ROOTLY}|{registry.SDK}|async",
    "small call, Zabbix": f"{registry.NULL_ZABBIX}|{registry.SDK}|sync",
    "small call, Zabbix, async": f"{registry.NULL_ZABBIX}|{registry.SDK}|async",
    "decode 1,000 SLOs": f"{registry.DECODE_SLOS}|{registry.SDK}|sync",
    "decode 1,000 SLOs without msgspec": f"{registry.DECODE_SLOS}|{registry.SDK_PLAIN}|sync",
    "decode 100 SLAs": f"{registry.DECODE_SLAS}|{registry.SDK}|sync",
    "decode 100 SLAs without msgspec": f"{registry.DECODE_SLAS}|{registry.SDK_PLAIN}|sync",
    "decode getsli, 5 MB": f"{registry.DECODE_GETSLI}|{registry.SDK}|sync",
    "decode getsli, 5 MB, without msgspec": f"{registry.DECODE_GETSLI}|{registry.SDK_PLAIN}|sync",
    "small call, Datadog, over loopback": f"{registry.CALL_DATADOG}|{registry.SDK}|sync",
    "small call, Datadog, over loopback, async": f"{registry.CALL_DATADOG}|{registry.SDK}|async",
    LIMITER: "",
}
IMPORTS = {
    f"{what} {package}": code.format(package=package, client=client)
    for package, client in (("datadog_slo", "DatadogSLO"), ("rootly_sla", "RootlySLA"), ("zabbix_sla", "ZabbixSLA"))
    for what, code in (("import", "import {package}"), ("client of", "from {package} import {client}"))
}
ABSENT = ("brotli", "brotlicffi", "click", "h2", "socksio", "trio", "uvloop", "zstandard")
"""What httpx and httpcore import where it is installed, which is not for us to count."""
Counts = dict[str, int]


def our_files() -> tuple[str, ...]:
    """The beginnings of the file names of our code."""
    specs = [importlib.util.find_spec(name) for name in PACKAGES]
    return tuple(str(Path(spec.origin).parent) + "/" for spec in specs if spec is not None and spec.origin is not None)


class Ours:
    """Whether code belongs to us: by its file, or, where attrs or cattrs generated it, by the class it is for."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._known: dict[str, bool] = {}

    def __call__(self, frame: FrameType | None) -> bool:
        if frame is None:
            return False
        name = frame.f_code.co_filename
        known = self._known.get(name)
        if known is None:
            generated = name.startswith("<") and any(package in name for package in PACKAGES)
            known = self._known[name] = generated or name.startswith(self._folders)
        return known


class Counter:
    """Counts the calls and the instructions of what runs while it is entered."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self.functions = self.own_functions = self.instructions = 0

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.functions += 1
            self.own_functions += self._ours(frame) or self._ours(frame.f_back)
        elif event == "c_call":
            self.functions += 1
            self.own_functions += self._ours(frame)

    def trace(self, frame: FrameType, _event: str, _: object) -> Any:
        if not self._ours(frame):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return self._instruction

    def _instruction(self, _frame: FrameType, event: str, _: object) -> Any:
        self.instructions += event == "opcode"
        return self._instruction


async def count(operation: Callable[[], Awaitable[object]], ours: Ours) -> Counts:
    """What one operation costs once it is warm. The garbage collector rests meanwhile."""
    for _ in range(WARM):
        await operation()
    gc.collect()
    gc.disable()
    try:
        counter = Counter(ours)
        sys.setprofile(counter.profile)
        try:
            await operation()
        finally:
            sys.setprofile(None)
        before = sys.gettrace()  # coverage's
        sys.settrace(counter.trace)
        try:
            await operation()
        finally:
            sys.settrace(before)
        peaks: list[int] = []
        for _ in range(PEAKS):
            tracemalloc.start()
            await operation()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    finally:
        gc.enable()
    return {
        "functions": counter.functions,
        "own_functions": counter.own_functions,
        "instructions": counter.instructions,
        "peak": min(peaks),
    }


async def limiter_operation() -> Callable[[], Awaitable[object]]:
    from slo_common import LimitKey, LocalRateLimiter, RateLimitState

    limiter, key = LocalRateLimiter(), LimitKey("vendor", "account", "things")
    state = RateLimitState(limit=1_000_000, period=60.0, remaining=999_999, reset_in=60.0)
    moments = iter(range(1_000))

    async def operation() -> object:
        now = float(next(moments))
        limiter.reserve(key, now).done(state, refused=False, now=now)
        return None

    return operation


async def operation_of(name: str, url: str) -> Callable[[], Awaitable[object]]:
    if name == LIMITER:
        return await limiter_operation()
    contestant = works.CONTESTANTS[OPERATIONS[name]]
    if contestant.asynchronous:
        made: Callable[[], Awaitable[object]] = await contestant.make(url)
        return made
    sync = contestant.make(url)

    async def operation() -> object:
        return sync()

    return operation


def clean_environment(**more: str) -> dict[str, str]:
    """Without coverage, which would trace as well; a child finds the same packages as its parent."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_CORE_"))} | more


def script_environment() -> dict[str, str]:
    """For a script of the bench, which imports what lies beside it; the packages are the installed ones all the same."""
    return {name: value for name, value in clean_environment().items() if name != "PYTHONSAFEPATH"}


@contextmanager
def server() -> Generator[str]:
    """The bench's replaying server, for the operations that go through the SDK's own connections; it ends with its standard input."""
    command = [sys.executable, str(BENCH / "server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=script_environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def modules(code: str) -> Counts:
    """How many modules this code imports in a fresh interpreter: of the standard library, of others, and of the four packages."""
    program = (
        f"import json, sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\nbefore = set(sys.modules)\n{code}\n"
        "new = [name.partition('.')[0] for name in set(sys.modules) - before]\n"
        f"own, library = sum(n in {PACKAGES!r} for n in new), sum(n in sys.stdlib_module_names for n in new)\n"
        "print(json.dumps({'own_modules': own, 'library_modules': library, 'other_modules': len(new) - own - library}))"
    )
    command = [sys.executable, "-P", "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment(), timeout=60).stdout
    counts: Counts = json.loads(printed)
    return counts


def in_a_process(name: str, **environment: str) -> Counts:
    """The counts of one operation, in a process of its own, so that none warms or hides anything for another."""
    command = [sys.executable, str(Path(__file__)), "--one", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment(**environment), timeout=120)
    counts: Counts = json.loads(done.stdout)
    return counts


def versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def this_python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


TOLERANCES = {"peak": 0.1, "library_modules": 0.1}
"""Bytes differ by some percent from process to process, and Python's own modules by how it starts; all other counts are the same each time."""
TOLERANCE = 0.03


def compare(stored: Counts, counted: Counts) -> tuple[list[str], list[str]]:
    """What has grown by more than the tolerance, and what has shrunk by more than it, in words."""
    grown: list[str] = []
    shrunk: list[str] = []
    for what, before in stored.items():
        now = counted[what]
        words = f"{what}: {now:,}, the baseline says {before:,}" + (f" ({100 * (now / before - 1):+.1f} %)" if before else "")
        tolerance = TOLERANCES.get(what, TOLERANCE)
        if now > before * (1 + tolerance):
            grown.append(words)
        elif now < before * (1 - tolerance):
            shrunk.append(words)
    return grown, shrunk


def measure(only: str = "") -> dict[str, Counts]:
    found = {name: in_a_process(name) for name in OPERATIONS if only in name}
    return found | {name: modules(code) for name, code in IMPORTS.items() if only in name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the numbers as the baseline of this Python version")
    parser.add_argument("--only", default="", help="count the operations whose name holds this")
    parser.add_argument("--one", help="count this operation in this process")
    options = parser.parse_args()
    if options.one is not None:

        async def one(url: str) -> Counts:
            return await count(await operation_of(options.one, url), Ours(our_files()))

        with server() if "loopback" in options.one else nullcontext("") as url:
            print(json.dumps(asyncio.run(one(url))))  # noqa: T201  # a script
        return
    found = measure(options.only)
    print(json.dumps(found, indent=1))  # noqa: T201  # a script
    if options.write:
        stored: dict[str, Any] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
        before = stored.get(this_python(), {}).get("counts", {})
        stored[this_python()] = {"versions": versions(), "counts": before | found}
        BASELINE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
