"""A long list read SLO by SLO with the standard library: the same SLOs in less memory, or none of them."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from datadog_slo import _fast, _listed
from datadog_slo._calls_slos import list_slos
from datadog_slo._convert import DECODER
from datadog_slo._models_slos import MetricSlo, Slo
from slo_common import PermissionDenied
from slo_common._values import Reply


def slo(i: int, **changes: object) -> dict[str, Any]:
    return {
        "id": f"{i:032x}",
        "name": f"Größe des Kübels {i}",
        "description": "All that was answered within 300 ms.",
        "type": "metric",
        "tags": ["env:prod", f"shard:{i}"],
        "thresholds": [{"timeframe": "7d", "target": 99.0, "warning": 99.5}, {"timeframe": "30d", "target": 99.9}],
        "query": {"numerator": f"sum:good{{shard:{i}}}", "denominator": f"sum:all{{shard:{i}}}"},
        "creator": {"name": "Dana", "handle": "d", "email": None},
        "created_at": 1_700_000_000 + i,
        **changes,
    }


read_one = DECODER.reader(Slo)
SLOS = [slo(i) for i in range(500)]  # several windows


def body(data: object = None, **beside: object) -> bytes:
    return json.dumps({"data": SLOS if data is None else data, **beside}, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("read", [_listed.slos, _fast.slos], ids=["standard library", "msgspec"])
class TestBothFastPaths:
    def test_a_list_of_several_windows_is_read_whole(self, read: Any) -> None:
        assert len(body()) > 3 * _listed.WINDOW
        expected = tuple(read_one(item) for item in SLOS)
        assert read(body(metadata={"page": {"total_count": 500}})) == (expected, 500)

    def test_equal_parts_are_one_object(self, read: Any) -> None:
        (first, *_, last), _ = read(body())
        assert isinstance(first, MetricSlo)
        assert first.thresholds[0] is last.thresholds[0]
        assert first.creator is last.creator
        assert first.description is last.description
        assert (first.tags or "")[0] is (last.tags or "")[0]
        assert first.query != last.query

    def test_what_has_too_many_different_parts_to_remember_is_read_all_the_same(self, read: Any) -> None:
        unlike = [
            slo(i, creator={"name": f"Dana {i}"}, thresholds=[{"timeframe": t, "target": i / 10} for t in ("7d", "30d", f"{i}d")])
            for i in range(900)
        ]
        assert read(body(unlike)) == (tuple(read_one(item) for item in unlike), None)

    @pytest.mark.parametrize(
        "item",
        [
            slo(1, monitor_ids=[1]),
            slo(1, groups=None),
            slo(1, type="monitor"),
            slo(1, type="monitor", query=None) | {"sli_specification": None},
            slo(1, type="time_slice"),
            slo(1, type="new"),
        ],
        ids=range(6),
    )
    def test_an_slo_of_an_unknown_type_or_with_what_another_type_has_is_left_to_the_other_path(
        self, read: Any, item: dict[str, Any]
    ) -> None:
        assert read(body([item])) is None

    @pytest.mark.parametrize("kind", ["monitor", "time_slice"])
    def test_an_slo_with_nothing_but_what_it_must_have(self, read: Any, kind: str) -> None:
        item: dict[str, Any] = {"type": kind, "name": "a", "thresholds": []}
        assert read(body([item])) == ((read_one(item),), None)

    def test_an_slo_without_tags(self, read: Any) -> None:
        found = read(body([slo(1, tags=None)]))
        assert found[0][0].tags is None

    def test_a_truth_value_is_no_number_although_it_equals_one(self, read: Any) -> None:
        one, true = (slo(i, thresholds=[{"timeframe": "7d", "target": target}]) for i, target in enumerate((1, True)))
        assert read(body([one, true])) is None
        assert read(body([one, slo(3, thresholds=[{"timeframe": "7d", "target": 1.0}])])) is not None

    def test_a_new_key_is_left_to_the_path_that_keeps_it(self, read: Any) -> None:
        assert read(body([slo(1, new={"a": 1})])) is None
        (found,) = list_slos().decode(Reply(status=200, body=body([slo(1, new={"a": 1})]))).items
        assert found.extra == {"new": {"a": 1}}

    @pytest.mark.parametrize("head", [b'{"data":[', b'{"data":[{"id":', b'{"data":[],"more":'])
    def test_nesting_without_end_is_left_to_the_path_that_refuses_it(self, head: bytes, read: Any) -> None:
        assert read(head + b"[" * 100_000) is None

    def test_it_holds_less_than_half_of_a_dict_tree(self, read: Any) -> None:
        text = body([slo(i) for i in range(1000)])
        read(text)  # what is imported and made once
        tracemalloc.start()
        try:
            read(text)
            ours = tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            json.loads(text)
            tree = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        assert ours < tree / 2


@pytest.mark.parametrize("indent", [None, 1])
def test_spaces_between_the_items_change_nothing(indent: int | None) -> None:
    text = json.dumps({"data": SLOS, "errors": None}, indent=indent).encode()
    found = _listed.slos(text)
    assert found is not None
    assert len(found[0]) == 500


def test_spaces_at_the_end_of_a_window_change_nothing() -> None:
    head = body(SLOS[:1])[:-2] + b","
    text = head + b" " * _listed.WINDOW + body(SLOS[1:2])[len(b'{"data":[') :]
    found = _listed.slos(text)
    assert found is not None
    assert len(found[0]) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"data":[]}',
        b'{"errors":null,"data":[]}',
        b'{"data":[1 2]}',
        body()[:-200],
        body()[:-1],
        body() + b"}",
        body([slo(1)])[:-1] + b" x}",
        body([slo(1)])[:-1] + b',"data":[]}',
        body([slo(1)])[:-1] + b',"metadata":5}',
        body([slo(1, target_threshold="TT")]).replace(b'"TT"', b"1e999"),
        body([slo(1, target_threshold="TT")]).replace(b'"TT"', b"NaN"),
        body([slo(1)]).replace("ü".encode(), b"\xff"),
        b'{"data":[' + b"[" * 100_000,
        b'{"data":[{"id":"' + b"x" * (6 * _listed.WINDOW),
    ],
    ids=range(16),
)
def test_what_is_no_plain_list_of_slos_is_left_to_the_other_path(text: bytes) -> None:
    assert _listed.slos(text) is None


def test_an_slo_that_is_longer_than_any_is_left_to_the_other_path() -> None:
    """To look for its end again with every window takes the square of the time."""
    text = body([slo(1, description="x" * (_listed.LONGEST + _listed.WINDOW))])
    assert _listed.slos(text) is None
    assert len(list_slos().decode(Reply(status=200, body=text)).items) == 1


def test_a_long_list_with_a_bad_status_is_an_error() -> None:
    with pytest.raises(PermissionDenied):
        list_slos().decode(Reply(status=403, body=body()))


def test_nesting_without_end_in_a_history_is_left_to_the_other_path() -> None:
    assert _fast.sli(b'{"data":{"more":' + b"[" * 100_000) is None
