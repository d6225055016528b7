"""The same report as Arrow, pandas, polars, CSV and chart."""

from __future__ import annotations

import csv
import importlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slo_common import ConfigurationError
from tests.zabbix.sli_answers import DAY, answer, cell, read
from zabbix_sla._sli import RECORD_COLUMNS

AWAY = [{"name": "x", "period_from": 5, "period_to": 9}]
SLI = read(answer([[cell(), cell(90, 10, 90.0, -5, AWAY)], [cell(0, 0, -1), cell(1, 2, 33.25)]], [7, 3]))


def test_arrow_holds_what_the_records_hold() -> None:
    table = SLI.to_arrow()
    assert table.column_names == list(RECORD_COLUMNS)
    assert table.to_pylist() == list(SLI.to_records())


def test_arrow_of_nothing_has_the_columns() -> None:
    table = read({"periods": [], "serviceids": [], "sli": []}).to_arrow()
    assert (table.num_rows, table.column_names) == (0, list(RECORD_COLUMNS))


def test_arrow_of_periods_without_a_service_has_no_rows() -> None:
    assert read({"periods": [{"period_from": 0, "period_to": 1}], "serviceids": [], "sli": []}).to_arrow().num_rows == 0


def test_pandas_keeps_whole_numbers_and_times() -> None:
    frame: Any = SLI.to_pandas()
    assert frame["downtime"].tolist() == [0, 10, 0, 2]
    assert frame["sli"].isna().tolist() == [False, False, True, False]
    assert frame["period_from"][0].to_pydatetime() == datetime(1970, 1, 1, tzinfo=UTC)


def test_polars_keeps_whole_numbers_and_times() -> None:
    frame: Any = SLI.to_polars()
    assert frame["uptime"].to_list() == [DAY, 90, 0, 1]
    assert frame["serviceid"].to_list() == ["7", "3", "7", "3"]
    assert frame["sli"].to_list() == [100.0, 90.0, None, 33.25]


def test_csv_has_a_row_for_each_cell(tmp_path: Path) -> None:
    text = SLI.to_csv(tmp_path / "sli.csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["sli"] for r in rows] == ["100.0", "90.0", "", "33.25"]
    assert [r["excluded_seconds"] for r in rows] == ["0", "4", "0", "0"]
    assert rows[0]["period_to"] == "1970-01-02T00:00:00+00:00"
    assert (tmp_path / "sli.csv").read_text(encoding="utf-8") == text


def test_csv_without_a_path_writes_no_file() -> None:
    assert SLI.to_csv().startswith("serviceid,period_from,period_to,uptime,downtime,sli,error_budget,excluded_seconds\n")


def test_chart_has_a_line_for_each_service_and_the_target() -> None:
    drawn: Any = SLI.chart(slo=99.9, names={"7": "Checkout"})
    assert [line.name for line in drawn.data] == ["Checkout", "3"]
    assert list(drawn.data[0].y) == [100.0, None]
    assert drawn.layout.shapes[0].y0 == 99.9


def test_chart_without_a_target_has_no_line_for_it() -> None:
    drawn: Any = SLI.chart()
    assert len(drawn.layout.shapes) == 0


@pytest.mark.parametrize("method", ["to_arrow", "to_pandas", "to_polars", "chart"])
def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'slo-sdk\[\w+\]'"):
        getattr(SLI, method)()
