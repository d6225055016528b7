"""The ways to read a reply: the quick ones take only what the careful one takes, and give the same."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

import slo_common
from datadog_slo import _fast
from datadog_slo._calls_reads import slo_sli
from datadog_slo._calls_slos import list_slos
from datadog_slo._convert import DECODER
from datadog_slo._models_corrections import Correction
from datadog_slo._models_history import HistorySeries, SliData, SloHistory
from datadog_slo._models_search import SearchedSlo, SearchFacets
from datadog_slo._models_slos import MetricSlo, Slo, Threshold
from datadog_slo.sandbox import DatadogSandbox, SliModel
from slo_common._compile import REFUSALS, Unfit
from slo_common._json import QUICK_FROM, has_msgspec
from slo_common._pages import Page
from slo_common._values import Reply
from slo_common.sandbox import VirtualClock
from tests.datadog.sandbox_requests import ask, metric, monitor, ok, time_slice

START = 1_700_000_000


def _replies() -> list[tuple[Any, Any]]:
    """A reply of every shape with its model, as the sandbox gives them."""
    sandbox = DatadogSandbox(clock=VirtualClock(START))
    ids = [sandbox.add_slo(body, model=SliModel(seed=1)) for body in (metric(tags=["a:b"]), monitor(groups=["g"]), time_slice())]
    empty = sandbox.add_slo(monitor(), model=SliModel(data_to=0))
    sandbox.add_correction(slo_id=ids[0], category="Other", start=START - 99, end=START - 9)
    found: list[tuple[Any, Any]] = [(doc, Slo) for doc in ok(ask(sandbox, "GET", "/api/v1/slo"))["data"]]
    window: dict[str, object] = {"from_ts": START - 86_400, "to_ts": START, "target": 98}
    histories = [ok(ask(sandbox, "GET", f"/api/v1/slo/{slo_id}/history", query=window))["data"] for slo_id in (*ids, empty)]
    found += [(history, SloHistory) for history in histories]
    search = ok(ask(sandbox, "GET", "/api/v1/slo/search", query={"include_facets": "true"}))["data"]["attributes"]
    found += [(entry, SearchedSlo) for entry in search["slos"]]
    found.append((search["facets"], SearchFacets))
    found += [(doc, Correction) for doc in ok(ask(sandbox, "GET", "/api/v1/slo/correction"))["data"]]
    return found


REPLIES = _replies()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["metric", "7d", "NO_DATA", 0, 1.5]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "type", "data", "extra"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def _read(value: Any, model: Any) -> Any:
    """By generated code; None for what it leaves to the careful reader."""
    try:
        return DECODER.read(copy.deepcopy(value), model)
    except REFUSALS:
        return None


def _read_carefully(value: Any, model: Any) -> Any:
    try:
        return DECODER.careful.decode(copy.deepcopy(value), model, call="test")
    except slo_common.DecodeError as e:
        return e


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a document stands."""
    kind: object = type(value)  # pyright: ignore[reportUnknownVariableType]  # any JSON
    keys: Any = range(len(value)) if kind is list else value if kind is dict else ()
    return [at, *(place for key in keys for place in _places(value[key], (*at, key)))]


@pytest.mark.parametrize("number", range(len(REPLIES)))
def test_generated_code_reads_a_good_reply_as_the_careful_reader_does(number: int) -> None:
    value, model = REPLIES[number]
    found = _read(value, model)
    assert found is not None
    assert found == _read_carefully(value, model)


@settings(max_examples=200)
@given(data=st.data())
def test_what_generated_code_reads_of_a_damaged_reply_is_what_the_careful_reader_does(data: st.DataObject) -> None:
    value, model = copy.deepcopy(data.draw(st.sampled_from(REPLIES)))
    place = data.draw(st.sampled_from(_places(value)[1:]))
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    if isinstance(inner, dict) and data.draw(st.booleans()):
        del inner[place[-1]]
    else:
        inner[place[-1]] = data.draw(JSON)
    found = _read(value, model)
    assert found is None or repr(found) == repr(_read_carefully(value, model))


@settings(max_examples=100)
@given(value=JSON, model=st.sampled_from([Slo, SloHistory, SearchedSlo, Correction, Threshold]))
def test_anything_at_all_is_read_or_refused_by_our_own_exception(value: Any, model: Any) -> None:
    try:
        DECODER.decode(value, model, call="test")
    except slo_common.DecodeError as e:
        assert e.paths


LISTED = [value for value, model in REPLIES if model is Slo]
HISTORIES = [value for value, model in REPLIES if model is SloHistory]


def _damaged(data: st.DataObject, value: Any) -> Any:
    value = copy.deepcopy(value)
    place = data.draw(st.sampled_from(_places(value)[1:]))
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = data.draw(JSON)
    if data.draw(st.booleans()):
        value["new"] = data.draw(JSON)
    return value


def _result(decode: Callable[[Reply], Any], body: bytes) -> Any:
    try:
        return decode(Reply(status=200, body=body))
    except slo_common.SloError as e:
        return str(e)


def _not_installed(name: str) -> None:
    return None


def _without_msgspec(decode: Callable[[Reply], Any], body: bytes) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", _not_installed)
        has_msgspec.cache_clear()
        try:
            assert not has_msgspec()
            return _result(decode, body)
        finally:
            has_msgspec.cache_clear()


def _long(body: bytes) -> bytes:
    """The same, long enough for the fast path: it leaves short lists alone."""
    return body + b" " * QUICK_FROM


def _items(page: Any) -> Any:
    """What a page holds; the call for the next one is another object each time."""
    return (page.items, page.total) if isinstance(page, Page) else page  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def test_the_fast_path_reads_what_the_vendor_sends() -> None:
    body = json.dumps({"data": LISTED, "error": None, "metadata": {"page": {"total_count": 9}}}).encode()
    found = _fast.slos(body)
    assert found is not None
    assert (len(found[0]), found[1]) == (len(LISTED), 9)
    assert all(_fast.sli(json.dumps({"data": history, "errors": None}).encode()) is not None for history in HISTORIES)


def test_the_fast_path_leaves_errors_to_the_other() -> None:
    with pytest.raises(slo_common.NotFound):
        list_slos().decode(Reply(status=404, body=_long(b'{"errors":["x"]}')))
    with pytest.raises(slo_common.BadRequest):
        slo_sli("a", 1, 2).decode(Reply(status=400, body=b'{"data":{"overall":{"sli_value":5}}}'))


@pytest.mark.parametrize(
    "change", [{"sli_specification": {"count": 5}}, {"sli_specification": None}, {"created_at": -1}, {"new": 1}]
)
def test_what_does_not_plainly_fit_is_left_to_the_other(change: dict[str, Any]) -> None:
    body = json.dumps({"data": [LISTED[0] | change]}).encode()
    decode = list_slos().decode
    expected = _items(_result(decode, body))
    assert _items(_result(decode, _long(body))) == expected
    assert _items(_without_msgspec(decode, _long(body))) == expected


@settings(max_examples=200)
@given(data=st.data())
def test_lists_are_read_alike_by_both_fast_paths_and_without_one(data: st.DataObject) -> None:
    slos = [data.draw(st.sampled_from(LISTED)), _damaged(data, data.draw(st.sampled_from(LISTED)))]
    meta = data.draw(st.sampled_from([None, {"page": None}, {"page": {"total_count": 5}}, 5]))
    body = json.dumps({"data": slos, "metadata": meta}).encode()
    decode = list_slos().decode
    expected = repr(_items(_result(decode, body)))  # too short for a fast path
    assert repr(_items(_result(decode, _long(body)))) == expected
    assert repr(_items(_without_msgspec(decode, _long(body)))) == expected


@settings(max_examples=100)
@given(data=st.data())
def test_slis_are_read_alike_with_and_without_the_fast_path(data: st.DataObject) -> None:
    history = data.draw(st.sampled_from(HISTORIES))
    overall = {name: history["overall"][name] for name in ("sli_value", "errors", "state") if name in history["overall"]}
    body = json.dumps(
        {"data": _damaged(data, {"overall": overall, "from_ts": 1}), "errors": data.draw(st.sampled_from([None, [{"error": "x"}]]))}
    ).encode()
    decode = slo_sli("abc", 1, 2).decode
    assert _result(decode, body) == _without_msgspec(decode, body)


LIST = list_slos().decode


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b'{"data":null,"errors":[{"error":"x"}]}', b'{"data":[]}', b'\xef\xbb\xbf{"data":[]}']
)
@pytest.mark.parametrize("decode", [LIST, slo_sli("abc", 1, 2).decode])
def test_bodies_that_are_none_are_refused_alike(decode: Callable[[Reply], Any], body: bytes) -> None:
    body = _long(body) if decode is LIST else body
    assert _items(_result(decode, body)) == _items(_without_msgspec(decode, body))


def test_a_reader_of_a_model_with_defaults_of_every_kind() -> None:
    @frozen(kw_only=True)
    class Model:
        needed: str
        number: int = 5
        maybe: float | None = None
        many: Mapping[str, int] = field(factory=dict[str, int])

    read = DECODER.reader(Model)
    assert read({"needed": "a", "number": 4, "more": 1, "many": {"b": 1}}) == Model(needed="a", number=4, many={"b": 1})
    assert read({"needed": "a", "number": None, "maybe": 2}) == Model(needed="a", maybe=2.0)
    with pytest.raises(KeyError, match="needed"):
        read({})
    with pytest.raises(Unfit):
        read({"needed": 1})


@pytest.mark.parametrize(("value", "model"), [({"times": [10**400]}, HistorySeries), ({"precision": 10**400}, SliData)])
def test_numbers_too_large_for_a_time_or_a_float_are_refused(value: Any, model: Any) -> None:
    with pytest.raises(slo_common.DecodeError, match="a number, got one that is too large"):
        DECODER.decode(value, model, call="test")


def test_parts_are_remembered_only_as_long_as_they_repeat() -> None:
    """A list without anything in common would else keep all of its parts."""
    read: list[bytes] = []

    def once(part: bytes) -> bytes:
        read.append(part)
        return part

    reading = _fast.remembered(once)
    parts = [msgspec.Raw(str(number).encode()) for number in range(_fast.REMEMBERED + 1)]
    for _ in range(2):
        assert [reading(part) for part in parts] == [bytes(part) for part in parts]
    assert read == [*map(bytes, parts), bytes(parts[-1])]


def test_the_careful_reader_takes_a_null_where_one_of_several_models_may_be_left_out() -> None:
    given: dict[str, object] = {"name": "n", "type": "metric", "thresholds": [], "sli_specification": None, "query": None}
    found: Any = DECODER.careful.decode(given, MetricSlo, call="test")
    assert (found.sli_specification, found.query) == (None, None)
