"""Take a maintenance window out of the SLIs of a team: one correction for each SLO, none twice, and the SLI before and after.

Run it again and it finds its corrections and changes nothing. With DD_API_KEY and DD_APP_KEY set it asks Datadog, else the sandbox that
comes with the package.

    python examples/datadog_maintenance_correction.py --tag team:discovery --start 2026-11-09T08:00+00:00 --hours 3 --note "Index rebuild"
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta

from datadog_slo import CorrectionCategory, DatadogSLO, Slo
from datadog_slo.sandbox import DatadogSandbox
from slo_common import SloError


def client() -> DatadogSLO:
    """Datadog if there are credentials, else a small organisation in memory."""
    if os.environ.get("DD_API_KEY") or os.environ.get("DD_BEARER_TOKEN"):
        return DatadogSLO()
    print("No DD_API_KEY: asking the sandbox.")
    return DatadogSLO("sandbox", "sandbox", http=DatadogSandbox.demo().transport())


def is_corrected(dd: DatadogSLO, slo: Slo, start: datetime, end: datetime) -> bool:
    """Whether a correction covers the window already; all of the SLO's corrections are looked at, not the first ten."""
    return any(c.start <= start and c.end is not None and c.end >= end for c in dd.slos.corrections(slo.id))


def percent(value: float | None) -> str:
    return "no data" if value is None else f"{value:.3f} %"


def main() -> int:
    yesterday = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", default="team:discovery", help="one tag of the SLOs that are meant")
    parser.add_argument(
        "--start", type=datetime.fromisoformat, default=yesterday, help="with an offset, such as 2026-11-09T08:00+00:00"
    )
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--note", default="Planned maintenance")
    options = parser.parse_args()
    start, end = options.start, options.start + timedelta(hours=options.hours)
    window = {"from_ts": start - timedelta(days=30), "to_ts": end}
    made = 0
    with client() as dd:
        try:
            for slo in dd.slos.list(tags_query=options.tag):
                if is_corrected(dd, slo, start, end):
                    print(f"  {slo.name}: corrected already")
                    continue
                before = dd.slos.status(slo.id, **window).sli
                dd.corrections.create(
                    slo_id=slo.id,
                    category=CorrectionCategory.SCHEDULED_MAINTENANCE,
                    start=start,
                    end=end,
                    description=options.note,
                    timezone="UTC",
                )
                made += 1
                print(f"  {slo.name}: {percent(before)} -> {percent(dd.slos.status(slo.id, **window).sli)}")
        except SloError as error:
            print(f"Stopped after {made} corrections: {error}", file=sys.stderr)
            return 1
    print(f"{made} corrections of {options.hours:g} hours from {start:%Y-%m-%d %H:%M %Z}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
