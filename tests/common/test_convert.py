"""Strict conversion: nothing is coerced but an integer to a float, and every bad field is named by its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import frozen
from cattrs import Converter
from hypothesis import given
from hypothesis import strategies as st

from slo_common import DecodeError, OpenEnum, Sent
from slo_common._convert import Decoder, WrongType, epoch_datetime, iso_datetime
from slo_common._values import Reply


class Colour(OpenEnum):
    RED = "red"


@frozen(kw_only=True)
class Part:
    name: str
    weight: float = 1.0


@frozen(kw_only=True)
class Thing:
    id: str
    count: int
    ready: bool
    target: float
    colour: Colour
    at: datetime
    note: str | None = None
    parts: tuple[Part, ...] = ()
    more: Mapping[str, int] | None = None


GOOD: dict[str, object] = {
    "id": "a",
    "count": 3,
    "ready": True,
    "target": 99.9,
    "colour": "red",
    "at": "2024-01-02T03:04:05Z",
}
DECODER = Decoder()


def thing(**changes: object) -> Thing:
    return DECODER.decode({**GOOD, **changes}, Thing, call="vendor.things.get")


def refused(value: object, cls: type[object] = Thing, **more: object) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        DECODER.decode(value, cls, call="vendor.things.get", request_id="r-1", reply=Reply(status=200), root="$.data")
    return caught.value


def test_a_good_value_is_read_as_it_is() -> None:
    assert thing() == Thing(
        id="a", count=3, ready=True, target=99.9, colour=Colour.RED, at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", None, "expected a string, got null"),
        ("id", 5, "expected a string, got int"),
        ("id", {}, "expected a string, got dict"),
        ("count", "3", "expected a whole number, got str"),
        ("count", True, "expected a whole number, got bool"),
        ("count", 1.9, "expected a whole number, got float"),
        ("count", 1.0, "expected a whole number, got float"),
        ("ready", 1, "expected true or false, got int"),
        ("ready", "0", "expected true or false, got str"),
        ("ready", None, "expected true or false, got null"),
        ("target", "nan", "expected a number, got str"),
        ("target", False, "expected a number, got bool"),
        ("colour", 1, "expected a string, got int"),
        ("at", 1, "expected an ISO 8601 time, got int"),
        ("at", "yesterday", "expected an ISO 8601 time, got another text"),
        ("at", "2024-01-02T03:04:05", "expected an ISO 8601 time with an offset, got one without"),
        ("note", 5, "expected a string, got int"),
        ("parts", {}, "expected a list, got dict"),
        ("parts", "ab", "expected a list, got str"),
        ("parts", None, "expected a list, got null"),
    ],
)
def test_f60_a_value_of_another_type_is_an_error_that_names_path_and_types(field: str, value: object, reason: str) -> None:
    error = refused({**GOOD, field: value})
    assert error.paths == (f"$.data.{field}",)
    assert f"$.data.{field}: {reason}" in str(error)


def test_f60_an_integer_may_be_a_float() -> None:
    target = thing(target=99).target
    assert (target, type(target)) == (99.0, float)


def test_f60_the_value_itself_is_never_in_the_message() -> None:
    error = refused({**GOOD, "count": "hunter2", "at": "hunter2", "note": ["hunter2"]})
    assert "hunter2" not in str(error)


def test_f61_an_unknown_word_of_an_open_enum_is_kept() -> None:
    colour = thing(colour="mauve").colour
    assert (colour, colour.is_known) == ("mauve", False)


def test_f62_all_that_is_missing_or_wrong_is_named_at_once() -> None:
    error = refused({"id": 1, "parts": [{"name": "x"}, {"weight": "heavy"}], "more": {"k": "v"}})
    assert set(error.paths) == {
        "$.data.id",
        "$.data.count",
        "$.data.ready",
        "$.data.target",
        "$.data.colour",
        "$.data.at",
        "$.data.parts[1].name",
        "$.data.parts[1].weight",
        "$.data.more['k']",
    }
    assert "$.data.count: missing" in str(error)


def test_f62_the_error_names_call_request_and_status() -> None:
    error = refused({})
    assert str(error).startswith("vendor.things.get: the reply does not fit the model: ")
    assert str(error).endswith("(request id r-1)")
    assert (error.call, error.request_id, error.status, error.sent) == ("vendor.things.get", "r-1", 200, Sent.YES)


def test_f62_of_many_problems_ten_are_shown_and_all_are_kept() -> None:
    empty: list[object] = [{} for _ in range(30)]
    error = refused(empty, tuple[Part, ...])
    assert len(error.paths) == 30
    assert "and 20 more" in str(error)


def test_f63_unknown_keys_are_passed_over() -> None:
    assert thing(unheard="of").id == "a"


@pytest.mark.parametrize("value", [None, 5, "text", [], True])
def test_what_is_no_object_at_all_is_an_error_at_the_root(value: object) -> None:
    assert refused(value).paths[0].startswith("$.data")


def test_a_list_of_models_is_a_tuple() -> None:
    assert thing(parts=[{"name": "a"}, {"name": "b", "weight": 2}]).parts == (Part(name="a"), Part(name="b", weight=2.0))


def test_null_is_allowed_where_the_model_says_so() -> None:
    assert thing(note=None, more=None) == thing()


def test_a_vendor_can_read_numbers_from_strings_by_its_own_hook() -> None:
    def configure(converter: Converter) -> None:
        converter.register_structure_hook(int, lambda value, _: int(value))

    decoder = Decoder(configure)
    assert decoder.decode({**GOOD, "count": "3"}, Thing, call="c").count == 3
    with pytest.raises(DecodeError, match=r"\$\.count: invalid value"):
        decoder.decode({**GOOD, "count": "three"}, Thing, call="c")


def test_a_hook_that_changes_its_mind_is_taken_at_its_second_word() -> None:
    answers = iter([WrongType("first"), None])

    def configure(converter: Converter) -> None:
        def hook(value: object, _: object) -> int:
            answer = next(answers)
            if answer is not None:
                raise answer
            return 7

        converter.register_structure_hook(int, hook)

    assert Decoder(configure).decode({**GOOD}, Thing, call="c").count == 7


def test_times_are_utc_whatever_their_offset() -> None:
    at = iso_datetime("2024-01-02T03:04:05+02:00")
    assert at == datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert at.tzinfo is UTC


def test_epoch_seconds_are_utc() -> None:
    assert epoch_datetime(1_700_000_000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("value", [1e18, -1e18, 1e308, 10**400, "5", None, True])
def test_what_is_no_moment_is_a_wrong_type(value: object) -> None:
    with pytest.raises(WrongType):
        epoch_datetime(value)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_cannot_hold_is_a_wrong_type(value: str) -> None:
    with pytest.raises(WrongType):
        iso_datetime(value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("2024-01-02T03:04:05Z"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "parts", "name", "more"]), inner, max_size=9)
    ),
    max_leaves=15,
)


@given(ANYTHING)
def test_any_value_is_a_model_or_one_of_our_exceptions(value: object) -> None:
    try:
        found = DECODER.decode(value, Thing, call="c")
    except DecodeError as e:
        assert e.paths
        assert all(path.startswith("$") for path in e.paths)
    else:
        assert isinstance(found, Thing)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])))
def test_any_time_that_datetime_writes_is_read(moment: datetime) -> None:
    try:
        read = iso_datetime(moment.isoformat())
    except WrongType:
        assert moment.year in {1, 9999}
    else:
        assert read == moment


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_wrong_type(text: str) -> None:
    try:
        assert iso_datetime(text).tzinfo is UTC
    except WrongType as e:
        assert "expected an ISO 8601 time" in str(e)
