"""The fast path and the plain one read the same; the plain one says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootly_sla import _convert, _fast, _plain
from rootly_sla._calls import list_slas
from rootly_sla.models import Sla
from slo_common import DecodeError
from slo_common._jsonapi import Document, parse_document
from slo_common._values import Reply

LIST = list_slas("https://api.example.com", {}, sort=None, page_size=100, page_number=1)
TEXTS = st.sampled_from(["", "ALL", "resolved", "follow_up", "neu", "SLAs::New"]) | st.text(max_size=3)
TIMES = st.sampled_from(["2026-10-06T12:14:05.000-07:00", "2026-10-06T19:14:05Z", "2026-10-06", "soon", 5])
WHOLE = st.integers(-(2**70), 2**70)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(list[Any]),
    st.builds(dict[str, Any]),
    WHOLE,
    TEXTS,
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


def reply_with(attributes: dict[str, Any], **around: object) -> Reply:
    """A page of one SLA."""
    value = {"data": [{"type": "slas", "id": "1", "attributes": attributes}], **around}
    return Reply(status=200, body=json.dumps(value).encode())


def read(attributes: dict[str, Any]) -> Sla:
    (sla,) = LIST.decode(reply_with(attributes)).items
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
    assert _convert.fast_path() is _fast.read


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
    reply = reply_with(attributes)
    fast = _convert.quickly(reply)
    if fast is None:
        return
    (read,) = cast("list[Sla]", fast[0])
    document = parse_document(json.loads(reply.body))
    (plain,) = _plain.slas(document.many("slas"), call="c", reply=reply)
    assert read == plain
    assert fast[1] == attrs.evolve(document, data=None)
    names = [field.name for field in attrs.fields(Sla)]
    assert [type(getattr(read, name)) for name in names] == [type(getattr(plain, name)) for name in names]


def test_one_and_many_are_told_apart() -> None:
    one = Reply(status=200, body=b'{"data":{"type":"slas","id":"1","attributes":{"name":"n"}}}')
    assert _fast.read(one.body) == (Sla(id="1", name="n"), Document())
    with pytest.raises(DecodeError, match="expected a list of 'slas' resources, found one"):
        LIST.decode(one)


DEEP = "[" * 100 + "]" * 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data":[{"type":"roles","id":"1","attributes":{"name":"n"}}]}',
        b'{"data":[{"type":"slas","id":"","attributes":{"name":"n"}}]}',
        b'{"data":[{"type":"slas","id":"1","attributes":{"name":3}}]}',
        b'{"data":[{"type":"slas","id":"1","attributes":{"name":"n","created_at":"soon"}}]}',
        b'{"data":[],"errors":[{"title":"x"}]}',
        b'{"data":[],"links":3}',
        b'{"data":null}',
        f'{{"data":[{{"type":"slas","id":"1","attributes":{{"name":"n","more":{DEEP}}}}}]}}'.encode(),
        b"[" * 100_000,
    ],
)
def test_the_fast_path_leaves_what_does_not_fit(body: bytes) -> None:
    assert _fast.read(body) is None


def test_what_is_unknown_is_kept_by_the_fast_path() -> None:
    fast = _convert.quickly(reply_with({**GOOD, "more": [[1]]}))
    assert fast is not None
    assert cast("list[Sla]", fast[0])[0].extra == {"more": [[1]]}


def test_an_error_reply_is_none_of_the_fast_paths_business() -> None:
    assert _convert.quickly(Reply(status=422, body=reply_with(GOOD).body)) is None


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
