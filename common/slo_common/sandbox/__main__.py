"""``python -m slo_common.sandbox``: serve the three sandboxes on the loopback interface until interrupted."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from slo_common._errors import InvalidArgument
from slo_common.sandbox._script import FaultScript, usage
from slo_common.sandbox._server import Server
from slo_common.sandbox._state import Sandbox, SystemClock


def sandboxes(names: Sequence[str]) -> dict[str, Sandbox]:
    """The demo organisation of each vendor named, by the machine's clock: its jobs end and its limits refill while real clients sleep."""
    clock = SystemClock()
    made: dict[str, Sandbox] = {}
    if "datadog" in names:
        from datadog_slo.sandbox import DatadogSandbox

        made["datadog"] = DatadogSandbox.demo(clock=clock)
    if "rootly" in names:
        from rootly_sla.sandbox import RootlySandbox

        made["rootly"] = RootlySandbox.demo(clock=clock)
    if "zabbix" in names:
        from zabbix_sla.sandbox import ZabbixSandbox

        made["zabbix"] = ZabbixSandbox.demo(clock=clock)
    return made


NAMES = ("datadog", "rootly", "zabbix")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m slo_common.sandbox",
        description=__doc__,
        epilog=f"A fault script has one rule a line, and # before a comment:\n\n{usage()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    made.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one (default: 8080)")
    made.add_argument("--only", choices=NAMES, action="append", help="serve this vendor only (may be given more than once)")
    made.add_argument(
        "--faults", type=Path, metavar="FILE", help="commit the faults of this script; each vendor has its own copy of it"
    )
    return made


def script(path: Path | None) -> FaultScript:
    """The script in this file. Raises ``OSError``, ``UnicodeDecodeError`` or ``InvalidArgument``."""
    return FaultScript() if path is None else FaultScript.parse(path.read_text(encoding="utf-8"))


def environment(server: Server, names: Sequence[str]) -> list[str]:
    """What to export so that clients and examples use the sandboxes."""
    lines: list[str] = []
    if "datadog" in names:
        lines += [f"export DD_BASE_URL={server.url_of('datadog')} DD_API_KEY=sandbox-api-key DD_APP_KEY=sandbox-app-key"]
    if "rootly" in names:
        lines += [f"export ROOTLY_BASE_URL={server.url_of('rootly')} ROOTLY_API_TOKEN=sandbox-token"]
    if "zabbix" in names:
        lines += [f"export ZABBIX_URL={server.url_of('zabbix')}/api_jsonrpc.php ZABBIX_USER=Admin ZABBIX_PASSWORD=zabbix"]
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    known = parser()
    options = known.parse_args(argv)
    names: Sequence[str] = options.only or NAMES
    try:
        faults = script(options.faults)
    except InvalidArgument as e:
        known.exit(2, "".join(f"{options.faults}: {problem}\n" for problem in e.problems))
    except (OSError, UnicodeDecodeError) as e:
        known.exit(2, f"--faults {options.faults}: it cannot be read: {e}\n")
    over = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    made = sandboxes(names)
    for sandbox in made.values():
        sandbox.faults.extend(faults)
    with Server(made, host=options.host, port=options.port) as server:
        print(f"# serving {', '.join(names)} at {server.url}; Ctrl-C stops", flush=True)
        for line in environment(server, names):
            print(line, flush=True)
        over.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
