"""Two ways to read a reply, the compiled one and the one that names bad paths, must agree on every reply, good or damaged."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

import slo_common
from datadog_slo._compile import Compiler
from datadog_slo._convert import DECODER
from datadog_slo._models_corrections import Correction
from datadog_slo._models_history import SloHistory
from datadog_slo._models_search import SearchedSlo, SearchFacets
from datadog_slo._models_slos import Slo, Threshold
from datadog_slo.sandbox import DatadogSandbox, SliModel
from slo_common._convert import strict_converter
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


def _read(converter: Any, value: Any, model: Any) -> Any:
    try:
        return converter.structure(copy.deepcopy(value), model)
    except Exception as e:  # noqa: BLE001 - which one is raised differs; that one is, must not
        return type(e).__mro__[-2]


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a document stands."""
    kind: object = type(value)  # pyright: ignore[reportUnknownVariableType]  # any JSON
    keys: Any = range(len(value)) if kind is list else value if kind is dict else ()
    return [at, *(place for key in keys for place in _places(value[key], (*at, key)))]


@pytest.mark.parametrize("number", range(len(REPLIES)))
def test_both_readers_read_a_good_reply_alike(number: int) -> None:
    value, model = REPLIES[number]
    detailed = DECODER._detailed  # pyright: ignore[reportPrivateUsage]
    fast = _read(DECODER.converter, value, model)
    assert not isinstance(fast, type)
    assert fast == _read(detailed, value, model)


@settings(max_examples=200)
@given(data=st.data())
def test_both_readers_agree_on_a_damaged_reply(data: st.DataObject) -> None:
    value, model = copy.deepcopy(data.draw(st.sampled_from(REPLIES)))
    place = data.draw(st.sampled_from(_places(value)[1:]))
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    if isinstance(inner, dict) and data.draw(st.booleans()):
        del inner[place[-1]]
    else:
        inner[place[-1]] = data.draw(JSON)
    detailed = DECODER._detailed  # pyright: ignore[reportPrivateUsage]
    assert repr(_read(DECODER.converter, value, model)) == repr(_read(detailed, value, model))


@settings(max_examples=100)
@given(value=JSON, model=st.sampled_from([Slo, SloHistory, SearchedSlo, Correction, Threshold]))
def test_anything_at_all_is_read_or_refused_by_our_own_exception(value: Any, model: Any) -> None:
    try:
        DECODER.decode(value, model, call="test")
    except slo_common.DecodeError as e:
        assert e.paths


def test_a_reader_of_a_model_with_defaults_of_every_kind() -> None:
    @frozen(kw_only=True)
    class Model:
        needed: str
        number: int = 5
        maybe: float | None = None

    compiler = Compiler(
        strict_converter(), is_plain=lambda _: False, hooks={Model: {"number": lambda value, _: value * 2}}, kept="extra"
    )
    read = compiler.reader(Model)
    assert read({"needed": "a", "number": 4, "more": 1}) == Model(needed="a", number=8)
    assert read({"needed": "a", "number": None, "maybe": 2}) == Model(needed="a", maybe=2.0)
    with pytest.raises(KeyError, match="needed"):
        read({})
