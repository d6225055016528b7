"""The quick paths, by msgspec and by generated code, read what the careful one does; that one says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootly_sla import _convert
from rootly_sla._calls import list_slas
from rootly_sla.models import Condition, EntityType, MatchType, Sla
from slo_common import DecodeError, _json
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
RESOURCE = members(relationships=st.builds(dict[str, Any]), links=st.builds(dict[str, Any]), meta=st.builds(dict[str, Any]))
Found = tuple[list[Sla] | Sla, Document] | None
NEVER = 2**60


def read_quickly(body: bytes, quick_from: int) -> Found:
    """By the quick path. ``quick_from``: from how many bytes on msgspec takes a body apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "QUICK_FROM", quick_from)
        return _convert.quickly(Reply(status=200, body=body))


quick_paths = pytest.mark.parametrize("quick_from", [0, NEVER], ids=["msgspec", "json"])


def reply_with(attributes: dict[str, Any], **around: object) -> Reply:
    """A page of one SLA."""
    value = {"data": [{"type": "slas", "id": "1", "attributes": attributes}], **around}
    return Reply(status=200, body=json.dumps(value).encode())


def read(attributes: dict[str, Any]) -> Sla:
    (sla,) = LIST.decode(reply_with(attributes)).items
    return sla


@pytest.fixture
def _no_msgspec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where msgspec is not installed."""
    monkeypatch.setattr("importlib.util.find_spec", _not_found)
    monkeypatch.setattr(_json, "QUICK_FROM", 0)
    _json.has_msgspec.cache_clear()
    yield
    _json.has_msgspec.cache_clear()


def _not_found(_name: str) -> None:
    return None


@pytest.mark.usefixtures("_no_msgspec")
def test_without_msgspec_a_page_is_read() -> None:
    assert read({**GOOD, "position": 3}) == Sla(id="1", name="n", position=3)


@pytest.mark.usefixtures("_no_msgspec")
def test_without_msgspec_a_bad_field_is_named() -> None:
    with pytest.raises(DecodeError) as caught:
        read({**GOOD, "position": "3"})
    assert caught.value.paths == ("$.data[0].attributes.position",)


@pytest.mark.parametrize("time", ["2026-10-06T12:14:05", "soon"])
def test_a_time_without_an_offset_or_that_is_none_is_named(time: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read({**GOOD, "created_at": time})
    assert caught.value.paths == ("$.data[0].attributes.created_at",)


def page_of(*resources: dict[str, Any]) -> Reply:
    return Reply(status=200, body=json.dumps({"data": resources, "meta": {"total_count": len(resources)}}).encode())


def carefully(reply: Reply) -> list[Sla]:
    """By the careful path alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_convert, "quickly", _not_found)
        return _convert.many(reply, call="c")[0]


@quick_paths
@given(pages=st.lists(st.tuples(ATTRIBUTES, RESOURCE), max_size=3))
def test_what_a_quick_path_reads_the_careful_one_reads_alike(
    quick_from: int, pages: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    """A quick one may give up where the careful one reads."""
    reply = page_of(*({"type": "slas", "id": "1", "attributes": attributes, **beside} for attributes, beside in pages))
    found = read_quickly(reply.body, quick_from)
    if found is None:
        return
    document = parse_document(json.loads(reply.body))
    assert repr(found[0]) == repr(carefully(reply))
    assert found[1] == attrs.evolve(document, data=None)


@given(pages=st.lists(ATTRIBUTES, min_size=1, max_size=3))
def test_a_page_is_read_or_refused_alike_with_and_without_msgspec(pages: list[dict[str, Any]]) -> None:
    reply = page_of(*({"type": "slas", "id": "1", "attributes": attributes} for attributes in pages))
    results: list[str] = []
    for quick_from in (0, NEVER):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_json, "QUICK_FROM", quick_from)
            try:
                results.append(repr(LIST.decode(reply).items))
            except DecodeError as refused:
                results.append(f"{refused} {refused.paths}")
    assert results[0] == results[1]


@quick_paths
def test_a_quick_path_reads_a_whole_sla(quick_from: int) -> None:
    attributes = {
        **GOOD,
        "entity_type": "follow_up",
        "condition_match_type": "SOME",
        "assignment_skip_weekends": True,
        "conditions": [{"id": "b", "position": 2, "values": ["x"]}, {"id": "none"}, {"id": "a", "position": 1, "values": None}],
        "notification_configurations": None,
        "created_at": "2026-10-06T12:14:05.000-07:00",
        "violations": [[1]],
    }
    found = read_quickly(reply_with(attributes).body, quick_from)
    assert found is not None
    (sla,) = cast("list[Sla]", found[0])
    assert sla == Sla(
        id="1",
        name="n",
        entity_type=EntityType.FOLLOW_UP,
        condition_match_type=MatchType("SOME"),
        assignment_skip_weekends=True,
        conditions=(Condition(id="a", position=1), Condition(id="b", position=2, values=("x",)), Condition(id="none")),
        created_at=datetime(2026, 10, 6, 19, 14, 5, tzinfo=UTC),
        extra={"violations": [[1]]},
    )
    assert [sla.condition_match_type.is_known if sla.condition_match_type else None, sla.created_at and sla.created_at.tzinfo] == [
        False,
        UTC,
    ]


@quick_paths
@pytest.mark.parametrize("beside", [{"relationships": {"team": {"data": None}}}, {"links": {"self": "x"}, "meta": {"a": 1}}])
def test_what_stands_beside_the_attributes_is_no_hindrance(quick_from: int, beside: dict[str, Any]) -> None:
    found = read_quickly(page_of({"type": "slas", "id": "1", "attributes": GOOD, **beside}).body, quick_from)
    assert found is not None
    assert found[0] == [Sla(id="1", name="n")]


@quick_paths
def test_one_and_many_are_told_apart(quick_from: int) -> None:
    one = Reply(status=200, body=b'{"data":{"type":"slas","id":"1","attributes":{"name":"n"}}}')
    assert read_quickly(one.body, quick_from) == (Sla(id="1", name="n"), Document())
    with pytest.raises(DecodeError, match="expected a list of 'slas' resources, found one"):
        LIST.decode(one)


DEEP = "[" * 100 + "]" * 100


@quick_paths
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
        b'{"data":[{"type":"slas","id":"1","attributes":{"name":"n"},"relationships":3}]}',
        b'{"data":[{"type":"slas","id":"1","attributes":null}]}',
        b"[]",
        b'{"data":null}',
        f'{{"data":[{{"type":"slas","id":"1","attributes":{{"name":"n","more":{DEEP}}}}}]}}'.encode(),
        b"[" * 100_000,
    ],
)
def test_a_quick_path_leaves_what_does_not_fit(quick_from: int, body: bytes) -> None:
    assert read_quickly(body, quick_from) is None


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
