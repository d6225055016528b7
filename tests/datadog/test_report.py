"""The report: read from CSV, written back, flat, as tables and as a chart."""

from __future__ import annotations

import csv
import datetime as dt
import io
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import slo_common
from datadog_slo import SloReport, SloReportRow, SloType
from datadog_slo._report import read_csv

JULY, AUGUST = dt.date(2026, 7, 1), dt.date(2026, 8, 1)
HEADER = "id,slo_type,name,target,export_error,2026-07-01,2026-08-01\n"
CSV = HEADER + 'a,metric,"Checkout, EU",99.9,,99.95,\nb,time_slice,Fast,99.0,query timed out,,98.5\n'


def test_rows_are_read() -> None:
    report = read_csv(CSV)
    assert report.intervals == (JULY, AUGUST)
    assert report.rows[0] == SloReportRow(
        id="a", name="Checkout, EU", slo_type=SloType.METRIC, target=99.9, sli={JULY: 99.95, AUGUST: None}
    )
    assert (report.rows[1].export_error, report.rows[1].sli) == ("query timed out", {JULY: None, AUGUST: 98.5})
    assert (len(report), [row.id for row in report], report.errors) == (2, ["a", "b"], {"b": "query timed out"})


def test_what_is_read_is_written_back() -> None:
    assert read_csv(CSV).to_csv() == CSV


def test_the_recorded_file_without_rows() -> None:
    recorded = "id,slo_type,name,target,export_error,2023-08-01,2023-09-01,2023-10-01,2023-11-01,2023-12-01,2024-01-01\n"
    report = read_csv(recorded)
    assert (report.rows, len(report.intervals), report.to_csv()) == ((), 6, recorded)


def test_the_specification_s_example_is_read_too() -> None:
    report = read_csv("slo_name,slo_id,sli,error_budget_remaining\nMy SLO,abc-123,99.95,99.5")
    row = report.rows[0]
    assert (row.id, row.name, row.sli, row.target) == ("abc-123", "My SLO", {}, None)
    assert row.extra == {"sli": "99.95", "error_budget_remaining": "99.5"}


def test_columns_that_are_new_are_kept() -> None:
    text = "id,slo_type,name,target,export_error,tags,2026-07-01\na,metric,n,99.0,,env:prod,99.5\n"
    report = read_csv(text)
    assert (report.columns, report.to_csv()) == (("id", "slo_type", "name", "target", "export_error", "tags", "2026-07-01"), text)


def test_a_date_that_does_not_exist_is_an_ordinary_column() -> None:
    report = read_csv("id,name,2026-02-30\na,n,5\n")
    assert (report.intervals, report.rows[0].extra) == ((), {"2026-02-30": "5"})


@pytest.mark.parametrize("cell", ["N/A", "nan", "inf", "no data"])
def test_a_cell_that_is_no_number_is_empty_with_its_text_as_the_reason(cell: str) -> None:
    row = read_csv(f"id,name,2026-07-01\na,n,{cell}\n").rows[0]
    assert (row.sli, row.reasons) == ({JULY: None}, {JULY: cell})


@pytest.mark.parametrize("blank", ["", "\n", "\r\n"])
def test_blank_lines_and_line_ends_do_not_matter(blank: str) -> None:
    assert len(read_csv("\ufeffid,name\r\na,n\r\n" + blank).rows) == 1


@pytest.mark.parametrize("text", ["", "\n", "<html></html>", "id\n1\n", "name\nx\n"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(slo_common.MalformedResponse, match="no header with 'id' and 'name'"):
        read_csv(text)


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(slo_common.MalformedResponse, match="twice"):
        read_csv("id,name,slo_id\n1,2,3\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,name\na,b,c\n", "line 2 of the file: expected 2 cells, got 3"),
        ("id,name\na,b\na\n", "line 3 of the file: expected 2 cells, got 1"),
        ('id,name\n"a,b\n', "line 2 of the file: unexpected end of data"),
    ],
)
def test_a_bad_line_is_named(text: str, problem: str) -> None:
    with pytest.raises(slo_common.DecodeError, match=problem):
        read_csv(text)


@given(st.text())
def test_no_text_raises_anything_but_our_own(text: str) -> None:
    try:
        read_csv(text)
    except slo_common.MalformedResponse:
        return


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.none() | st.floats(0, 100), st.none() | st.floats(0, 100)
        ),
        max_size=5,
    )
)
def test_every_report_survives_its_csv(rows: list[tuple[str, float | None, float | None]]) -> None:
    report = SloReport(
        rows=tuple(
            SloReportRow(id=str(i), name=name, slo_type=SloType.METRIC, target=target, sli={JULY: sli})
            for i, (name, target, sli) in enumerate(rows)
        ),
        intervals=(JULY,),
    )
    assert read_csv(report.to_csv()) == report


REPORT = SloReport(
    rows=(
        SloReportRow(
            id="a", name="A", slo_type=SloType.METRIC, target=99.0, sli={JULY: 99.5, AUGUST: None}, reasons={AUGUST: "no data"}
        ),
        SloReportRow(id="b", name="B", slo_type=SloType.MONITOR, target=100.0, export_error="gone", sli={JULY: 98.0, AUGUST: None}),
        SloReportRow(id="c", name="C", slo_type=SloType.METRIC, sli={JULY: 98.0, AUGUST: 97.0}),
    ),
    intervals=(JULY, AUGUST),
)


def test_error_budgets_by_interval() -> None:
    budgets = [row.error_budget for row in REPORT]
    assert budgets[0] == {JULY: pytest.approx(50.0), AUGUST: None}
    assert budgets[1] == {JULY: None, AUGUST: None}  # a target of 100 allows no failure
    assert budgets[2] == {JULY: None, AUGUST: None}  # no target


def test_an_overspent_budget_is_negative() -> None:
    row = SloReportRow(id="a", name="A", slo_type=SloType.METRIC, target=99.0, sli={JULY: 98.0})
    assert row.error_budget == {JULY: pytest.approx(-100.0)}


def test_records_are_flat_and_say_why_a_value_is_missing() -> None:
    records = REPORT.records()
    assert len(records) == 6
    assert records[0] == {
        "id": "a",
        "name": "A",
        "slo_type": "metric",
        "target": 99.0,
        "interval": JULY,
        "sli": 99.5,
        "error_budget": pytest.approx(50.0),
        "reason": None,
    }
    assert [r["reason"] for r in records] == [None, "no data", None, "gone", None, None]


def test_arrow() -> None:
    table = REPORT.to_arrow()
    assert (table.num_rows, table.column_names) == (6, list(REPORT.records()[0]))
    assert [row["sli"] for row in table.to_pylist()] == [99.5, None, 98.0, None, 98.0, 97.0]


def test_pandas() -> None:
    frame = REPORT.to_pandas()
    assert frame.shape == (6, 8)
    assert frame["sli"].isna().tolist() == [False, True, False, True, False, False]
    assert frame["interval"].iloc[0] == JULY


def test_polars() -> None:
    frame = REPORT.to_polars()
    assert frame.shape == (6, 8)
    assert frame["sli"].to_list() == [99.5, None, 98.0, None, 98.0, 97.0]
    assert frame["interval"].to_list()[:2] == [JULY, AUGUST]


def test_a_report_without_rows_is_an_empty_table() -> None:
    assert SloReport(rows=(), intervals=(JULY,)).to_arrow().num_rows == 0


def _lines(figure: Any) -> list[tuple[str, list[float | None]]]:
    return [(trace.name, list(trace.y)) for trace in figure.data]


def test_a_chart_has_a_line_for_each_slo_with_gaps() -> None:
    figure = REPORT.chart(title="Q3")
    assert _lines(figure) == [("A", [99.5, None]), ("B", [98.0, None]), ("C", [98.0, 97.0])]
    assert "Q3" in figure.to_html(include_plotlyjs=False)


def test_a_chart_of_error_budgets() -> None:
    figure = REPORT.chart(value="error_budget")
    assert _lines(figure)[0] == ("A", [pytest.approx(50.0), None])


def test_a_chart_of_something_else_is_refused() -> None:
    with pytest.raises(slo_common.InvalidArgument, match="value: 'sla' was given"):
        REPORT.chart(value="sla")


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [
        ("to_arrow", "pyarrow", "arrow"),
        ("to_pandas", "pandas", "pandas"),
        ("to_polars", "polars", "polars"),
        ("chart", "plotly.graph_objects", "charts"),
    ],
)
def test_a_missing_extra_is_named(method: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(slo_common.ConfigurationError, match=rf"slo-sdk\[{extra}\]"):
        getattr(REPORT, method)()


def test_csv_needs_no_extra() -> None:
    code = "import sys; sys.modules.update(dict.fromkeys(['pyarrow', 'pandas', 'polars', 'plotly'])); from datadog_slo import SloReport; print(SloReport(rows=(), intervals=()).to_csv())"
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert printed.strip() == "id,slo_type,name,target,export_error"


def test_csv_of_many_rows_is_one_line_each() -> None:
    rows = tuple(SloReportRow(id=str(i), name="line\nbreak", slo_type=SloType.METRIC) for i in range(50))
    assert len(list(csv.reader(io.StringIO(SloReport(rows=rows, intervals=()).to_csv())))) == 51
