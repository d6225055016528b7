"""Delete one timeframe of every SLO of a tag, after a look at what that would do. A dry run unless ``--apply`` is given.

An SLO that has no other timeframe would be deleted whole: it is left alone unless ``--whole`` is given, and never while something refers
to it. With DD_API_KEY and DD_APP_KEY set it asks Datadog, else the sandbox that comes with the package.

    python examples/datadog_bulk_cleanup.py --timeframe 90d [--tag team:payments] [--whole] [--apply]
"""

from __future__ import annotations

import argparse
import os
import sys

from attrs import frozen

from datadog_slo import DatadogSLO, Slo
from datadog_slo.sandbox import DatadogSandbox
from slo_common import PartialFailure, SloError


def client() -> DatadogSLO:
    """Datadog if there are credentials, else a small organisation in memory."""
    if os.environ.get("DD_API_KEY") or os.environ.get("DD_BEARER_TOKEN"):
        return DatadogSLO()
    print("No DD_API_KEY: asking the sandbox.")
    return DatadogSLO("sandbox", "sandbox", http=DatadogSandbox.demo().transport())


@frozen
class Plan:
    """What is to be done, and what is left alone and why."""

    shrink: tuple[Slo, ...]
    """These keep other timeframes."""
    delete: tuple[Slo, ...]
    """These have no other."""
    spared: dict[str, str]


def plan(dd: DatadogSLO, timeframe: str, tag: str | None, *, whole: bool) -> Plan:
    found = [slo for slo in dd.slos.list(tags_query=tag) if any(t.timeframe == timeframe for t in slo.thresholds)]
    last = [slo for slo in found if len(slo.thresholds) == 1]
    spared = {} if whole else {slo.name: f"{timeframe} is its only timeframe" for slo in last}
    if whole and last:
        in_use = dd.slos.can_delete([slo.id for slo in last]).errors
        spared = {slo.name: in_use[slo.id] for slo in last if slo.id in in_use}
    return Plan(
        shrink=tuple(slo for slo in found if slo not in last),
        delete=tuple(slo for slo in last if slo.name not in spared),
        spared=spared,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeframe", choices=("7d", "30d", "90d"), default="90d")
    parser.add_argument("--tag", help="one tag, such as team:payments")
    parser.add_argument("--whole", action="store_true", help="also SLOs that have no other timeframe")
    parser.add_argument("--apply", action="store_true", help="do it; without this nothing is changed")
    options = parser.parse_args()
    with client() as dd:
        try:
            todo = plan(dd, options.timeframe, options.tag, whole=options.whole)
            for slo in todo.shrink:
                print(f"  {options.timeframe} of   {slo.name}")
            for slo in todo.delete:
                print(f"  the whole of {slo.name}")
            for name, reason in todo.spared.items():
                print(f"  (spared: {name}: {reason})")
            if not options.apply:
                print(f"Dry run: {len(todo.shrink) + len(todo.delete)} SLOs would change. Add --apply to do it.")
                return 0
            asked = {slo.id: [options.timeframe] for slo in (*todo.shrink, *todo.delete)}
            if not asked:
                print("Nothing to do.")
                return 0
            result = dd.slos.bulk_delete(asked)
            print(f"Done: {len(result.updated)} SLOs lost {options.timeframe}, {len(result.deleted)} were deleted.")
            result.raise_for_errors()
        except PartialFailure as failure:
            print(f"Some were not: {failure}", file=sys.stderr)
            return 1
        except SloError as error:
            print(f"Stopped: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
