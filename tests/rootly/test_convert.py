"""The fast path and the plain one read the same; the plain one says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootly_sla import _convert, _fast, _plain
from rootly_sla.models import Sla
from slo_common import DecodeError
from slo_common._jsonapi import Resource
from slo_common._values import Reply

REPLY = Reply(status=200)
TEXTS = st.sampled_from(["", "ALL", "resolved", "follow_up", "neu", "SLAs::New"]) | st.text(max_size=3)
TIMES = st.sampled_from(["2026-10-06T12:14:05.000-07:00", "2026-10-06T19:14:05Z", "2026-10-06", "soon", 5])
WHOLE = st.integers(-(2**70), 2**70)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.floats(), st.builds(list[Any]), st.builds(dict[str, Any]), WHOLE, TEXTS
)


def members(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these members, mostly of the right kind."""
    return st.fixed_dictionaries({}, optional={name: kind | st.none() | ODD for name, kind in kinds.items()})


CONDITION = members(
    id=TEXTS, position=WHOLE, conditionable_type=TEXTS, property=TEXTS, operator=TEXTS, values=st.lists(TEXTS, max_size=2)
)
NOTIFICATION = members(id=TEXTS, offset_type=TEXTS, offset_days=WHOLE, created_at=TIMES, updated_at=TIMES)
ATTRIBUTES = members(
    name=TEXTS,
    slug=TEXTS,
    description=TEXTS,
    position=WHOLE,
    entity_type=TEXTS,
    manager_user_id=WHOLE,
    assignment_deadline_days=WHOLE,
    assignment_deadline_parent_status=TEXTS,
    assignment_skip_weekends=st.booleans(),
    conditions=st.lists(CONDITION | ODD, max_size=3),
    notification_configurations=st.lists(NOTIFICATION | ODD, max_size=2),
    created_at=TIMES,
    violations=ODD,
    extra=ODD,
)
GOOD: dict[str, Any] = {"name": "n"}


def read(attributes: dict[str, Any]) -> Sla:
    (sla,) = _convert.slas([Resource(type="slas", id="1", attributes=attributes)], call="c", reply=REPLY)
    return sla


def _not_found(_name: str) -> None:
    return None


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Sla]:
    """Reads as where msgspec is not installed."""
    monkeypatch.setattr("importlib.util.find_spec", _not_found)
    _convert.fast_path.cache_clear()
    return read


@pytest.fixture(autouse=True)
def _forget_the_choice() -> Any:
    yield
    _convert.fast_path.cache_clear()


def test_without_msgspec_the_plain_path_reads(plain: Callable[[dict[str, Any]], Sla]) -> None:
    assert plain({**GOOD, "position": 3}) == Sla(id="1", name="n", position=3)
    assert _convert.fast_path() is None


def test_with_msgspec_the_fast_path_reads() -> None:
    assert read(GOOD) == Sla(id="1", name="n")
    assert _convert.fast_path() is _fast.slas


def test_without_msgspec_a_bad_field_is_named(plain: Callable[[dict[str, Any]], Sla]) -> None:
    with pytest.raises(DecodeError) as caught:
        plain({**GOOD, "position": "3"})
    assert caught.value.paths == ("$.data[0].attributes.position",)


@pytest.mark.parametrize("time", ["2026-10-06T12:14:05", "soon"])
def test_a_time_without_an_offset_or_that_is_none_is_named(time: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read({**GOOD, "created_at": time})
    assert caught.value.paths == ("$.data[0].attributes.created_at",)


@given(ATTRIBUTES)
def test_both_paths_agree(attributes: dict[str, Any]) -> None:
    """What the fast path reads, the plain one reads alike. The fast one may give up where the plain one reads."""
    fast = _fast.slas([_convert.tidy({**attributes, "id": "1"})])
    if fast is None:
        return
    resource = Resource(type="slas", id="1", attributes=attributes)
    plain = _plain.slas([resource], call="c", reply=REPLY)
    assert fast == plain == [_plain.sla(resource, call="c", reply=REPLY)]
    names = [field.name for field in attrs.fields(Sla)]
    assert [type(getattr(fast[0], name)) for name in names] == [type(getattr(plain[0], name)) for name in names]


@given(ATTRIBUTES)
def test_whatever_comes_is_read_or_named_by_path(attributes: dict[str, Any]) -> None:
    try:
        sla = read(attributes)
    except DecodeError as refused:
        assert refused.paths, refused  # noqa: PT017  # either outcome is right, and each has its fact
        assert all(path.startswith("$.data[0].attributes") for path in refused.paths), refused  # noqa: PT017  # see above
    else:
        assert sla.name == attributes["name"]
        assert set(sla.extra) == attributes.keys() & {"violations", "extra"}
