"""Reports as Arrow tables, through which pandas and polars take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from slo_common._tables import ArrowTable, need

if TYPE_CHECKING:
    from datadog_slo._report import SloReport


def to_arrow(report: SloReport) -> ArrowTable:
    pa = need("pyarrow", "arrow")
    text = pa.dictionary(pa.int32(), pa.string())  # names and ids repeat in every interval
    schema = pa.schema(
        [
            ("id", text),
            ("name", text),
            ("slo_type", text),
            ("target", pa.float64()),
            ("interval", pa.date32()),
            ("sli", pa.float64()),
            ("error_budget", pa.float64()),
            ("reason", pa.string()),
        ]
    )
    return cast(ArrowTable, pa.Table.from_pylist(report.records(), schema=schema))
