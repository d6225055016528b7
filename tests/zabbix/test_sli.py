"""The columnar result: reading it from JSON by either decoder, looking at it, cutting and merging it."""

from __future__ import annotations

import copy
import json
import math
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import DecodeError
from slo_common._json import has_msgspec
from tests.zabbix.modes import Mode, Server
from tests.zabbix.sli_answers import DAY, answer, careful, cell, envelope, read
from zabbix_sla import SliCell, SliPeriod, SliResult, _sli_fast, _sli_stream
from zabbix_sla._sli import merged


def stream(body: bytes) -> SliResult:
    found = _sli_stream.decode(body)
    assert found is not None
    return found


def fast(body: bytes) -> SliResult:
    found = _sli_fast.decode(body)
    assert found is not None
    return found


every_decoder = pytest.mark.parametrize("decode", [careful, stream, fast])
quick_ones = pytest.mark.parametrize("decode", [_sli_stream.decode, _sli_fast.decode], ids=["stream", "fast"])
Decode = Callable[[bytes], SliResult]
TWO_BY_TWO = answer([[cell(), cell(90, 10, 90.0, -5)], [cell(0, 0, -1), cell(1, 2, 33.333333333333336)]], [7, 3])
LONG = answer([[cell(), cell(90, 10, 90.0, -5)] for _ in range(100)], [7, 3])


def getsli_by_client(result: Any) -> SliResult:
    """What ``sla.getsli`` makes of this result."""
    found: SliResult = Mode("sync")(lambda z: z.sla.getsli("1"), http=Server(sla_getsli=result).http)
    return found


@every_decoder
def test_cells_are_found_by_period_and_service(decode: Decode) -> None:
    sli = decode(envelope(TWO_BY_TWO))
    assert sli[0, "3"] == SliCell(uptime=90, downtime=10, sli=90.0, error_budget=-5, excluded_downtimes=())
    assert sli[-1, "3"].sli == 33.333333333333336


@every_decoder
def test_services_keep_the_servers_order(decode: Decode) -> None:
    assert decode(envelope(TWO_BY_TWO)).serviceids == ("7", "3")


@every_decoder
def test_minus_one_is_nothing_measured(decode: Decode) -> None:
    assert decode(envelope(TWO_BY_TWO))[1, "7"].sli is None


@every_decoder
def test_periods_are_aware_utc(decode: Decode) -> None:
    assert decode(envelope(TWO_BY_TWO)).periods[1] == SliPeriod(
        period_from=datetime(1970, 1, 2, tzinfo=UTC), period_to=datetime(1970, 1, 3, tzinfo=UTC)
    )


@every_decoder
def test_excluded_downtimes_stay_with_their_cell(decode: Decode) -> None:
    away = [{"name": "ü", "period_from": 5, "period_to": 9}, {"name": "b", "period_from": 6, "period_to": 7}]
    sli = decode(envelope(answer([[cell(), cell(away=away)]])))
    assert sli[0, "1"].excluded_downtimes == ()
    assert [(e.name, e.period_from, e.period_to) for e in sli[0, "2"].excluded_downtimes] == [
        ("ü", datetime.fromtimestamp(5, UTC), datetime.fromtimestamp(9, UTC)),
        ("b", datetime.fromtimestamp(6, UTC), datetime.fromtimestamp(7, UTC)),
    ]


@every_decoder
def test_no_period_is_an_empty_report(decode: Decode) -> None:
    sli = decode(envelope({"periods": [], "serviceids": [], "sli": []}))
    assert (sli.periods, sli.serviceids, len(sli), list(sli)) == ((), (), 0, [])


@every_decoder
def test_no_service_is_a_report_of_periods(decode: Decode) -> None:
    sli = decode(envelope({"periods": [{"period_from": 0, "period_to": 1}], "serviceids": [], "sli": []}))
    assert (len(sli.periods), sli.serviceids, len(sli)) == (1, (), 0)


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 100) | st.just(-1), st.integers(-(10**9), 10**9)),
            min_size=3,
            max_size=3,
        ),
        max_size=5,
    )
)
def test_all_decoders_read_the_same(rows: list[list[tuple[int, int, float, int]]]) -> None:
    value = answer([[cell(*numbers) for numbers in row] for row in rows], [1, 2, 3])
    body = envelope(value)
    assert list(careful(body)) == list(stream(body)) == list(fast(body))
    for (_, _, found), (uptime, downtime, sli, budget) in zip(stream(body), [n for row in rows for n in row], strict=True):
        assert (found.uptime, found.downtime, found.error_budget) == (uptime, downtime, budget)
        assert found.sli == (None if sli == -1 else sli)


def changed(path: list[Any], value: object) -> dict[str, Any]:
    whole = copy.deepcopy(TWO_BY_TWO)
    at: Any = whole
    for step in path[:-1]:
        at = at[step]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return whole


BAD: list[tuple[list[Any], object, str]] = [
    (["sli", 0, 1, "uptime"], "90", "$.result.sli[0][1].uptime"),
    (["sli", 0, 1, "downtime"], 1.0, "$.result.sli[0][1].downtime"),
    (["sli", 1, 0, "sli"], None, "$.result.sli[1][0].sli"),
    (["sli", 1, 0, "sli"], True, "$.result.sli[1][0].sli"),
    (["sli", 1, 0, "sli"], -2, "$.result.sli"),
    (["sli", 1, 0, "error_budget"], KeyError, "$.result.sli[1][0].error_budget"),
    (["sli", 1, 0, "uptime"], 2**63, "$.result.sli"),
    (
        ["sli", 1, 0, "excluded_downtimes"],
        [{"name": "x", "period_from": -1, "period_to": 2}],
        "$.result.sli[1][0].excluded_downtimes[0].period_from",
    ),
    (
        ["sli", 1, 0, "excluded_downtimes"],
        [{"name": "x", "period_from": 1, "period_to": 10**15}],
        "$.result.sli[1][0].excluded_downtimes[0].period_to",
    ),
    (
        ["sli", 1, 0, "excluded_downtimes"],
        [{"name": "x", "period_from": True, "period_to": 2}],
        "$.result.sli[1][0].excluded_downtimes[0].period_from",
    ),
    (["sli", 1, 0, "uptime"], True, "$.result.sli[1][0].uptime"),
    (["sli", 1, 0, "excluded_downtimes"], None, "$.result.sli[1][0].excluded_downtimes"),
    (["sli", 1, 0, "excluded_downtimes"], {}, "$.result.sli[1][0].excluded_downtimes"),
    (["sli", 1, 0, "excluded_downtimes"], [1], "$.result.sli[1][0].excluded_downtimes[0]"),
    (["sli", 1, 0, "excluded_downtimes"], [{"name": 1}], "$.result.sli[1][0].excluded_downtimes[0].name"),
    (
        ["sli", 1, 0, "excluded_downtimes"],
        [{"name": "x", "period_from": "1", "period_to": 2}],
        "$.result.sli[1][0].excluded_downtimes[0].period_from",
    ),
    (["sli", 0, 0], "x", "$.result.sli[0][0]"),
    (["sli", 0], [cell()], "$.result.sli[0]"),
    (["sli", 0], "x", "$.result.sli[0]"),
    (["sli"], [], "$.result.sli"),
    (["sli"], KeyError, "$.result.sli"),
    (["serviceids", 0], 1.5, "$.result.serviceids[0]"),
    (["serviceids", 0], True, "$.result.serviceids[0]"),
    (["serviceids"], "x", "$.result.serviceids"),
    (["periods", 0], 1, "$.result.periods[0]"),
    (["periods", 0, "period_to"], "1", "$.result.periods[0].period_to"),
    (["periods", 0, "period_from"], 10**15, "$.result.periods[0].period_from"),
]


@pytest.mark.parametrize(("path", "value", "named"), BAD, ids=[b[2] + f"-{i}" for i, b in enumerate(BAD)])
def test_a_report_that_does_not_fit_names_the_place(path: list[Any], value: object, named: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(changed(path, value))
    assert caught.value.paths == (named,)


@quick_ones
@pytest.mark.parametrize(("path", "value", "named"), BAD, ids=[b[2] + f"-{i}" for i, b in enumerate(BAD)])
def test_a_quick_decoder_takes_nothing_that_the_careful_one_refuses(
    decode: Callable[[bytes], object], path: list[Any], value: object, named: str
) -> None:
    assert decode(envelope(changed(path, value))) is None


def test_an_infinite_sli_is_refused() -> None:
    body = envelope(TWO_BY_TWO).replace(b"90.0", b"1e999")
    with pytest.raises(DecodeError, match="no percentage"):
        careful(body)


@quick_ones
@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","error":{"code":1,"message":"","data":""},"id":1}',
        envelope(TWO_BY_TWO).replace(b'"id": 1}', b'"id": 2}'),
        envelope(TWO_BY_TWO).replace(b'"2.0"', b'"1.0"'),
        envelope(TWO_BY_TWO).replace(b'"id": 1}', b'"id": 1, "error": null}'),
        envelope(TWO_BY_TWO).replace(b"90.0", b"1e999"),
        envelope(TWO_BY_TWO).replace(b"90.0", b"NaN"),
        envelope(TWO_BY_TWO).replace(b'"sli": [[{"uptime"', b'"sli": [[{"period_from"'),
        b'{"jsonrpc":"2.0","result":{"periods":[],"serviceids":[],"sli":[],"more":{"uptime":1,"downtime":1,"sli":1,"error_budget":1,"excluded_downtimes":[]}},"id":1}',
        envelope(TWO_BY_TWO).replace(b'"sli": [[', b'"more": {"sli": [1]}, "sli": [['),
        envelope(TWO_BY_TWO).replace(b"]]}", b"] []]}"),
        envelope(TWO_BY_TWO).replace(b"]]}", b"], ]}"),
        envelope(TWO_BY_TWO)[: envelope(TWO_BY_TWO).rindex(b"]]}") + 1],
        b"[" * 100_000,
        b"<html>",
        b"\xff",
        b"",
        b'{"jsonrpc":"2.0","id":1,"result":{"sli":' + b"[" * 100_000,
    ],
)
def test_a_quick_decoder_leaves_what_is_no_good_answer(decode: Callable[[bytes], object], body: bytes) -> None:
    found = decode(body)
    # msgspec ignores members that it does not know, as it may.
    assert found is None or (decode is _sli_fast.decode and b"more" in body)


def not_to_be_called(_: bytes) -> None:
    raise AssertionError("the other decoder was to be taken")


@pytest.fixture
def without_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    has_msgspec.cache_clear()
    yield
    has_msgspec.cache_clear()


@pytest.mark.usefixtures("without_msgspec")
def test_without_msgspec_the_standard_library_reads_a_long_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sli_fast, "decode", not_to_be_called)
    assert getsli_by_client(LONG)[0, "3"].uptime == 90


def test_msgspec_reads_a_long_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sli_stream, "decode", not_to_be_called)
    assert getsli_by_client(LONG)[0, "3"].uptime == 90


def test_a_short_report_is_not_worth_the_import_of_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sli_fast, "decode", not_to_be_called)
    assert getsli_by_client(TWO_BY_TWO)[0, "3"].uptime == 90


def test_a_name_with_true_in_it_is_read_all_the_same() -> None:
    away = [{"name": "true or false", "period_from": 5, "period_to": 9}]
    found = stream(envelope(answer([[cell(away=away)]])))
    assert found[0, "1"].excluded_downtimes[0].name == "true or false"


def test_a_report_that_is_no_object_is_refused() -> None:
    with pytest.raises(DecodeError):
        read([])


# Looking at it


def test_iteration_goes_period_by_period() -> None:
    assert [(p.period_from.day, s, c.uptime) for p, s, c in read(TWO_BY_TWO)] == [
        (1, "7", DAY),
        (1, "3", 90),
        (2, "7", 0),
        (2, "3", 1),
    ]


def test_length_is_the_number_of_cells() -> None:
    assert len(read(TWO_BY_TWO)) == 4


def test_a_service_gives_its_cells_in_time() -> None:
    assert [c.uptime for c in read(TWO_BY_TWO).service("3")] == [90, 1]


@pytest.mark.parametrize("key", [(0, "99"), (0, 3)])
def test_an_unknown_service_is_a_key_error(key: Any) -> None:
    with pytest.raises(KeyError):
        read(TWO_BY_TWO)[key]


@pytest.mark.parametrize("period", [2, -3])
def test_an_unknown_period_is_an_index_error(period: int) -> None:
    with pytest.raises(IndexError):
        read(TWO_BY_TWO)[period, "7"]


def test_a_period_knows_its_length() -> None:
    assert read(TWO_BY_TWO).periods[0].seconds == DAY


@pytest.mark.parametrize(("slo", "left"), [(98, 10.0), (99, 0.0), (100, -10.0)])
def test_budget_left_is_the_time_that_may_still_be_down(slo: float, left: float) -> None:
    assert SliCell(uptime=990, downtime=10, sli=99.0, error_budget=0, excluded_downtimes=()).budget_left(slo) == left


def test_budget_left_of_nothing_measured_is_none() -> None:
    assert SliCell(uptime=0, downtime=0, sli=None, error_budget=0, excluded_downtimes=()).budget_left(99) is None


def test_records_are_plain() -> None:
    away = [{"name": "x", "period_from": 5, "period_to": 9}]
    (record,) = read(answer([[cell(sli=-1, away=away)]], [8])).to_records()
    assert record == {
        "serviceid": "8",
        "period_from": datetime(1970, 1, 1, tzinfo=UTC),
        "period_to": datetime(1970, 1, 2, tzinfo=UTC),
        "uptime": DAY,
        "downtime": 0,
        "sli": None,
        "error_budget": 0,
        "excluded_downtimes": [
            {"name": "x", "period_from": datetime.fromtimestamp(5, UTC), "period_to": datetime.fromtimestamp(9, UTC)}
        ],
    }


# Cutting and merging


def numbered(rows: int, services: list[int], *, first_day: int = 0, base: int = 0) -> SliResult:
    away = [{"name": f"{base}", "period_from": 1, "period_to": 2}]
    made = [[cell(base + 100 * p + s, base + s, away=away if s == services[0] else ()) for s in services] for p in range(rows)]
    return read(answer(made, services, first_day=first_day))


def test_first_and_last_periods_keep_their_cells() -> None:
    whole = numbered(5, [1, 2])
    assert list(whole.first_periods(2)) + list(whole.last_periods(3)) == list(whole)


def test_more_periods_than_there_are_is_all() -> None:
    whole = numbered(2, [1])
    assert whole.last_periods(9) is whole


def test_by_period_gives_one_period_each() -> None:
    whole = numbered(3, [1, 2])
    parts = list(whole.by_period())
    assert [len(p.periods) for p in parts] == [1, 1, 1]
    assert [c for p in parts for c in p] == list(whole)


def test_parts_that_follow_each_other_are_joined() -> None:
    whole = numbered(5, [1, 2])
    assert list(merged([[whole.first_periods(2)], [whole.last_periods(3)]])) == list(whole)


def test_parts_with_other_services_stand_side_by_side() -> None:
    left, right = numbered(2, [1, 2]), numbered(2, [3], base=1000)
    both_sides = merged([[left, right]])
    assert both_sides.serviceids == ("1", "2", "3")
    assert [c.uptime for c in both_sides.service("2")] == [c.uptime for c in left.service("2")]
    assert [c.excluded_downtimes for c in both_sides.service("3")] == [c.excluded_downtimes for c in right.service("3")]


def test_parts_may_have_their_services_in_another_order() -> None:
    early, late = numbered(1, [1, 2, 3]), numbered(1, [3, 1, 2], first_day=1, base=50)
    whole = merged([[early], [late]])
    assert [whole[1, s].uptime for s in ("1", "2", "3")] == [late[0, s].uptime for s in ("1", "2", "3")]
    assert [bool(whole[1, s].excluded_downtimes) for s in ("1", "2", "3")] == [False, False, True]


def test_a_service_that_is_missing_in_a_part_was_not_measured_there() -> None:
    whole = merged([[numbered(1, [1])], [numbered(1, [1, 2], first_day=1)]])
    assert (whole[0, "2"].sli, whole[0, "2"].uptime) == (None, 0)


def test_nothing_merged_is_empty() -> None:
    assert (len(merged([])), len(merged([[]]))) == (0, 0)


def test_unmeasured_cells_hold_no_number() -> None:
    assert math.isnan(read(TWO_BY_TWO).columns.sli[2])


def highest(work: Callable[[], object]) -> int:
    """Bytes that were alive at once."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@quick_ones
def test_a_large_report_takes_less_than_half_of_the_memory_of_its_json(decode: Callable[[bytes], object]) -> None:
    body = envelope(answer([[cell(DAY - i, i, 99.5 + i / 1000) for i in range(100)] for _ in range(50)]))
    assert highest(lambda: decode(body)) < highest(lambda: json.loads(body)) / 2
