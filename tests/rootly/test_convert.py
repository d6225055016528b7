"""The quick paths, by msgspec and by generated code, read what the careful one does; that one says what is wrong."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootly_sla import _careful, _convert, _fast, _plain
from rootly_sla._calls import list_slas
from rootly_sla.models import Condition, EntityType, MatchType, Sla
from slo_common import DecodeError
from slo_common._json import QUICK_FROM, has_msgspec
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
Read = Callable[[bytes], tuple[list[Sla] | Sla, Document] | None]
quick_paths = pytest.mark.parametrize("quick", [_fast.read, _plain.read], ids=["msgspec", "generated"])


def reply_with(attributes: dict[str, Any], **around: object) -> Reply:
    """A page of one SLA."""
    value = {"data": [{"type": "slas", "id": "1", "attributes": attributes}], **around}
    return Reply(status=200, body=json.dumps(value).encode())


def read(attributes: dict[str, Any]) -> Sla:
    (sla,) = LIST.decode(reply_with(attributes)).items
    return sla


def long(reply: Reply) -> Reply:
    """The same, so long that it suits msgspec."""
    return attrs.evolve(reply, body=reply.body + b" " * QUICK_FROM)


def read_long(attributes: dict[str, Any]) -> Sla:
    (sla,) = LIST.decode(long(reply_with(attributes))).items
    return sla


def _not_found(_name: str) -> None:
    return None


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Sla]:
    """Reads as where msgspec is not installed."""
    monkeypatch.setattr("importlib.util.find_spec", _not_found)
    has_msgspec.cache_clear()
    return read_long


@pytest.fixture(autouse=True)
def _forget_the_choice() -> Any:
    yield
    has_msgspec.cache_clear()


def _not_to_be_called(_: bytes) -> None:
    raise AssertionError("the other way was to be taken")


def test_without_msgspec_generated_code_reads(plain: Callable[[dict[str, Any]], Sla], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fast, "read", _not_to_be_called)
    assert plain({**GOOD, "position": 3}) == Sla(id="1", name="n", position=3)


def test_with_msgspec_it_reads_a_long_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plain, "read", _not_to_be_called)
    assert read_long(GOOD) == Sla(id="1", name="n")


def test_a_short_reply_is_not_worth_the_import_of_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fast, "read", _not_to_be_called)
    assert read(GOOD) == Sla(id="1", name="n")


def test_without_msgspec_a_bad_field_is_named(plain: Callable[[dict[str, Any]], Sla]) -> None:
    with pytest.raises(DecodeError) as caught:
        plain({**GOOD, "position": "3"})
    assert caught.value.paths == ("$.data[0].attributes.position",)


@pytest.mark.parametrize("time", ["2026-10-06T12:14:05", "soon"])
def test_a_time_without_an_offset_or_that_is_none_is_named(time: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read({**GOOD, "created_at": time})
    assert caught.value.paths == ("$.data[0].attributes.created_at",)


def page_of(*resources: dict[str, Any]) -> Reply:
    return Reply(status=200, body=json.dumps({"data": resources, "meta": {"total_count": len(resources)}}).encode())


@quick_paths
@given(pages=st.lists(st.tuples(ATTRIBUTES, RESOURCE), max_size=3))
def test_what_a_quick_path_reads_the_careful_one_reads_alike(
    quick: Read, pages: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    """A quick one may give up where the careful one reads."""
    reply = page_of(*({"type": "slas", "id": "1", "attributes": attributes, **beside} for attributes, beside in pages))
    found = quick(reply.body)
    if found is None:
        return
    document = parse_document(json.loads(reply.body))
    assert repr(found[0]) == repr(_careful.slas(document.many("slas"), call="c", reply=reply))
    assert found[1] == attrs.evolve(document, data=None)


@given(pages=st.lists(ATTRIBUTES, min_size=1, max_size=3))
def test_a_page_is_read_or_refused_alike_with_and_without_msgspec(pages: list[dict[str, Any]]) -> None:
    reply = long(page_of(*({"type": "slas", "id": "1", "attributes": attributes} for attributes in pages)))
    results: list[str] = []
    for find_spec in (importlib.util.find_spec, _not_found):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("importlib.util.find_spec", find_spec)
            has_msgspec.cache_clear()
            try:
                results.append(repr(LIST.decode(reply).items))
            except DecodeError as refused:
                results.append(f"{refused} {refused.paths}")
    assert results[0] == results[1]


@quick_paths
def test_a_quick_path_reads_a_whole_sla(quick: Read) -> None:
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
    found = quick(reply_with(attributes).body)
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
def test_what_stands_beside_the_attributes_is_no_hindrance(quick: Read, beside: dict[str, Any]) -> None:
    found = quick(page_of({"type": "slas", "id": "1", "attributes": GOOD, **beside}).body)
    assert found is not None
    assert found[0] == [Sla(id="1", name="n")]


@quick_paths
def test_one_and_many_are_told_apart(quick: Read) -> None:
    one = Reply(status=200, body=b'{"data":{"type":"slas","id":"1","attributes":{"name":"n"}}}')
    assert quick(one.body) == (Sla(id="1", name="n"), Document())
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
def test_a_quick_path_leaves_what_does_not_fit(quick: Read, body: bytes) -> None:
    assert quick(body) is None


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
