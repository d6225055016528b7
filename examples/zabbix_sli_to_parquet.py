"""Pull the SLI of a Zabbix SLA into a Parquet file, a row for each service and period.

    python examples/zabbix_sli_to_parquet.py --sla 5 --days 365 --output sli.parquet

With ZABBIX_URL and ZABBIX_TOKEN (or ZABBIX_USER and ZABBIX_PASSWORD) set it asks that server, else the sandbox that comes with the package.
Any range and any number of services will do: the report is cut into calls that the server can answer. Needs the `polars` extra.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slo_common import SloError
from zabbix_sla import Progress, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox


def client() -> ZabbixSLA:
    if os.environ.get("ZABBIX_URL"):
        return ZabbixSLA(timeout=120)
    sandbox = ZabbixSandbox.demo()
    print("ZABBIX_URL is not set: this is the sandbox", file=sys.stderr)
    return ZabbixSLA("http://127.0.0.1", token=sandbox.token, http=sandbox.transport())


def show(progress: Progress) -> None:
    print(f"\r{progress.done_cells} of {progress.cells} cells", end="", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sla", default="5", help="id of the SLA (default: %(default)s)")
    parser.add_argument("--days", type=int, default=365, help="how far to look back (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("sli.parquet"), help="file to write (default: %(default)s)")
    arguments = parser.parse_args()
    end = datetime.now(UTC)
    try:
        with client() as zbx:
            report = zbx.sla.report(arguments.sla, end - timedelta(days=arguments.days), end, on_progress=show)
            (sla,) = zbx.sla.get(slaids=[arguments.sla])
    except SloError as e:
        print(e, file=sys.stderr)
        return 1
    print(file=sys.stderr)
    report.to_polars().write_parquet(arguments.output)
    measured = [cell for _, _, cell in report if cell.sli is not None]
    missed = sum(cell.sli is not None and cell.sli < sla.slo for cell in measured)
    print(
        f"{sla.name}: {len(report.periods)} periods x {len(report.serviceids)} services written to {arguments.output}; "
        f"{missed} of {len(measured)} measured cells miss the target of {sla.slo:g} %"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
