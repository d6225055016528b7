"""SLI reports as tables and CSV. Arrow tables are made from the columns as they are, without a Python object per cell."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, cast

from slo_common._tables import ArrowTable, need

if TYPE_CHECKING:
    from zabbix_sla._sli import SliResult


def to_arrow(sli: SliResult) -> ArrowTable:
    """Ids as a dictionary column, times as UTC timestamps of seconds, an unmeasured SLI as null."""
    pa = need("pyarrow", "arrow")
    columns, cells, width = sli.columns, len(sli), len(sli.serviceids)
    numbers = pa.array(range(width), pa.int32())
    periods = len(sli.periods) if width else 0
    services = pa.DictionaryArray.from_arrays(
        pa.concat_arrays([numbers] * periods or [numbers]), pa.array(sli.serviceids, pa.string())
    )
    second = pa.timestamp("s", tz="UTC")
    span = pa.struct([("name", pa.string()), ("period_from", second), ("period_to", second)])

    def times(values: list[int]) -> object:
        repeated = [v for v in values for _ in range(width)]
        return pa.array(repeated, pa.int64()).cast(second)

    def whole(values: object) -> object:
        return pa.Array.from_buffers(pa.int64(), cells, [None, pa.py_buffer(values)])

    excluded: list[list[dict[str, object]]] = [[]] * cells
    for number, rows in columns.excluded.items():
        excluded[number] = [{"name": name, "period_from": start, "period_to": end} for name, start, end in rows]
    table = pa.table(
        {
            "serviceid": services,
            "period_from": times([int(p.period_from.timestamp()) for p in sli.periods]),
            "period_to": times([int(p.period_to.timestamp()) for p in sli.periods]),
            "uptime": whole(columns.uptime),
            "downtime": whole(columns.downtime),
            "sli": pa.array([None if math.isnan(v) else v for v in columns.sli], pa.float64()),
            "error_budget": whole(columns.error_budget),
            "excluded_downtimes": pa.array(excluded, pa.list_(span)),
        }
    )
    return cast(ArrowTable, table)


def to_csv(sli: SliResult, path: str | Path | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["serviceid", "period_from", "period_to", "uptime", "downtime", "sli", "error_budget", "excluded_seconds"])
    for period, serviceid, cell in sli:
        away = sum(int((e.period_to - e.period_from).total_seconds()) for e in cell.excluded_downtimes)
        row = [serviceid, period.period_from.isoformat(), period.period_to.isoformat(), cell.uptime, cell.downtime]
        writer.writerow([*row, "" if cell.sli is None else repr(cell.sli), cell.error_budget, away])
    if path is not None:
        Path(path).write_text(text.getvalue(), encoding="utf-8")
    return text.getvalue()
