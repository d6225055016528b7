"""Give the throw-away Zabbix something to review: two services with three months of past, and one SLA over them. Used by ``.ci/run``.

The API has no way into the past, so the age of the services and their outages are written with SQL.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta

from zabbix_sla import SlaPeriod, ZabbixSLA

DAY = 86_400
NOW = datetime.now(UTC)
BIRTH = NOW - timedelta(days=200)


def sql(statement: str) -> None:
    """Run SQL as the owner of the throw-away database."""
    port = os.environ.get("ZABBIX_PORT") or "18080"
    data = os.environ.get("ZABBIX_DATA") or f"{tempfile.gettempdir()}/zabbix-live-{port}"
    psql = ["runuser", "-u", "postgres", "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", f"{data}/sockets", "-U", "zabbix"]
    subprocess.run([*psql, "-d", "zabbix", "-c", statement], check=True)


def main() -> None:
    """Make the scene once."""
    with ZabbixSLA() as zbx:
        if zbx.service.get(filter={"name": "Till"}):
            return
        for name, outage in (("Till", 5_400), ("Shelves", 0)):
            serviceid = zbx.service.create(name, algorithm=2, sortorder=0, tags={"sla": "review"})
            sql(f"update services set created_at = {int(BIRTH.timestamp())} where serviceid = {serviceid}")
            start = int((NOW - timedelta(days=60)).timestamp())
            for clock, value in ((start, 4), (start + outage, -1)) if outage else ():
                sql(
                    "insert into service_alarms (servicealarmid, serviceid, clock, value) "
                    f"select coalesce(max(servicealarmid), 0) + 1, {serviceid}, {clock}, {value} from service_alarms"
                )
        slaid = zbx.sla.create(
            "Real shop", period=SlaPeriod.MONTHLY, slo=99.9, effective_date=BIRTH, timezone="UTC", service_tags={"sla": "review"}
        )
        print(f"SLA {slaid} over Till and Shelves")


if __name__ == "__main__":
    main()
