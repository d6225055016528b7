"""Last months' SLIs of all SLOs of a query: a CSV for the warehouse, a chart for people, and who missed the target on the terminal.

With DD_API_KEY and DD_APP_KEY set it asks Datadog, else the sandbox that comes with the package. The vendor's report job is used while it
exists; when it is gone, the client engine builds the same report, with progress, and goes on after an interruption.

    python examples/datadog_monthly_report.py [--query QUERY] [--months 6] [--timezone Europe/Paris] [--csv report.csv] [--html report.html]
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from datadog_slo import DatadogSLO, ReportProgress, SloReport
from datadog_slo.sandbox import DatadogSandbox
from slo_common import SloError


def client() -> DatadogSLO:
    """Datadog if there are credentials, else a small organisation in memory."""
    if os.environ.get("DD_API_KEY") or os.environ.get("DD_BEARER_TOKEN"):
        return DatadogSLO()
    print("No DD_API_KEY: asking the sandbox.")
    return DatadogSLO("sandbox", "sandbox", http=DatadogSandbox.demo().transport())


def full_months(count: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The last months that are over, in the zone: from the first day of the first to the first day of the current one."""
    end = datetime.now(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = end
    for _ in range(count):
        start = (start - timedelta(days=1)).replace(day=1)
    return start, end


def show_progress(progress: ReportProgress) -> None:
    waiting = f", next call in {progress.waiting:.0f} s (rate limit)" if progress.waiting else ""
    end = f", done at {progress.estimated_end:%H:%M:%S} UTC" if progress.estimated_end else ""
    print(f"\r{progress.done} of {progress.total} values{waiting}{end}", end="", file=sys.stderr)


def print_misses(report: SloReport) -> None:
    """The SLOs below their target, worst first, with the error budget of the month."""
    misses = [
        (budget, row, day) for row in report.rows for day, budget in row.error_budget.items() if budget is not None and budget < 0
    ]
    print(f"{len(report.rows)} SLOs, {len(report.intervals)} months, {len(misses)} misses:")
    for budget, row, day in sorted(misses, key=lambda miss: miss[0]):
        print(f"  {day:%Y-%m}  {row.name:<50.50}  SLI {row.sli[day]:.3f} %, target {row.target} %, budget {budget:.0f} %")
    for slo_id, error in report.errors.items():
        print(f"  not exported: {slo_id}: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--query", default="*", help="in Datadog's search language, such as 'team:payments'")
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--timezone", default="UTC")
    parser.add_argument("--engine", choices=("auto", "server", "client"), default="auto")
    parser.add_argument("--csv", type=Path, default=Path("datadog_report.csv"))
    parser.add_argument("--html", type=Path, default=Path("datadog_report.html"))
    options = parser.parse_args()
    start, end = full_months(options.months, ZoneInfo(options.timezone))
    with client() as dd:
        try:
            report = dd.reports.run(
                query=options.query,
                from_ts=start,
                to_ts=end,
                interval="monthly",
                timezone=options.timezone,
                engine=options.engine,
                on_progress=show_progress,
                checkpoint=options.csv.with_suffix(".checkpoint"),
            )
        except SloError as error:
            print(f"No report: {error}", file=sys.stderr)
            return 1
    print(f"\nBuilt by the {report.engine} engine.")
    options.csv.write_text(report.to_csv(), encoding="utf-8")
    report.chart(title=f"SLIs by month ({options.query})").write_html(options.html)
    print_misses(report)
    print(f"Written: {options.csv} and {options.html}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
