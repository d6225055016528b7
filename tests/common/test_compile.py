"""Generated readers: what is plainly right becomes objects like any other, everything else is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, field, frozen, validators
from attrs.exceptions import FrozenInstanceError

from slo_common import DecodeError
from slo_common._compile import REFUSALS, QuickDecoder, Readers, Shapes, Unfit, filler
from slo_common._convert import iso_datetime
from slo_common._enums import OpenEnum
from slo_common._times import Timestamp


class Colour(OpenEnum):
    RED = "red"


@frozen(kw_only=True)
class Point:
    """Required, defaulted and optional fields."""

    x: int
    y: int = 5
    label: str | None = None
    colour: Colour | None = Colour.RED


@frozen(kw_only=True)
class Shape:
    name: str
    points: tuple[Point, ...] = ()
    tags: tuple[str, ...] = ("none",)
    at: datetime | None = None
    extra: Mapping[str, object] = field(factory=dict[str, object])


READERS = Readers(Shapes())
read_point = READERS.reader(Point)
read_shape = READERS.reader(Shape)


@pytest.mark.parametrize(
    ("given", "point"),
    [
        ({"x": 1, "y": 2, "label": "a", "colour": "red"}, Point(x=1, y=2, label="a")),
        ({"x": 1}, Point(x=1)),
        ({"x": 1, "y": None, "label": None, "colour": None}, Point(x=1, colour=None)),
        ({"x": 1, "new": [1], "newer": 2, "newest": 3}, Point(x=1)),
        ({"x": 1, "y": 2, "label": "a", "colour": "red", "new": 1}, Point(x=1, y=2, label="a")),
    ],
    ids=["all", "left out", "null", "others in place of some", "one more"],
)
def test_a_field_that_is_left_out_has_its_default_and_others_are_ignored(given: dict[str, Any], point: Point) -> None:
    assert read_point(given) == point


@pytest.mark.parametrize("given", [{}, {"y": 1, "label": "a", "colour": "red", "new": 1}])
def test_a_required_field_that_is_missing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        read_point(given)


@pytest.mark.parametrize(
    "given", [None, [], "x", {"x": None}, {"x": "1"}, {"x": True}, {"x": 1, "label": 1}, {"x": 1, "colour": 1}]
)
def test_what_is_not_plainly_right_is_refused(given: Any) -> None:
    with pytest.raises(Unfit):
        read_point(given)


def test_an_unknown_member_of_an_enum_is_kept() -> None:
    assert read_point({"x": 1, "colour": "mauve"}).colour == Colour("mauve")


def test_unknown_keys_are_kept_by_a_model_that_has_a_place_for_them() -> None:
    known = {"name": "n", "points": [{"x": 1}], "tags": ["a"], "at": 60}
    shape = Shape(name="n", points=(Point(x=1),), tags=("a",), at=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    assert read_shape(known) == shape
    assert read_shape({**known, "more": [1]}).extra == {"more": [1]}
    assert read_shape({"name": "n", "more": 1, "extra": 2}).extra == {"more": 1, "extra": 2}


def test_objects_are_as_the_constructor_makes_them() -> None:
    read, made = read_point({"x": 1}), Point(x=1)
    assert (type(read), hash(read), repr(read), pickle.loads(pickle.dumps(read))) == (Point, hash(made), repr(made), made)  # noqa: S301 - our own
    with pytest.raises(FrozenInstanceError):
        read.x = 2


def test_a_filler_makes_what_the_constructor_makes() -> None:
    made = filler(Point, "label", "x")(Point(x=5, y=2, colour=None), "a", 1)
    assert made == Point(x=1, y=2, label="a", colour=None)
    assert type(made) is Point
    with pytest.raises(FrozenInstanceError):
        made.x = 2  # type: ignore[misc]  # what must not work


def test_two_objects_share_no_default() -> None:
    assert read_shape({"name": "a"}).extra is not read_shape({"name": "a"}).extra


def test_what_a_constructor_checks_or_adds_is_done() -> None:
    @frozen(kw_only=True)
    class Positive:
        x: int = field(validator=validators.gt(0))

    @frozen(kw_only=True)
    class Doubled:
        x: int
        twice: int = 0

        def __attrs_post_init__(self) -> None:
            object.__setattr__(self, "twice", self.x * 2)

    @define(kw_only=True, slots=False)
    class Open:
        x: int

    assert READERS.reader(Positive)({"x": 1}) == Positive(x=1)
    with pytest.raises(ValueError, match="must be > 0"):
        READERS.reader(Positive)({"x": 0})
    assert READERS.reader(Doubled)({"x": 2}).twice == 4
    assert vars(READERS.reader(Open)({"x": 2})) == {"x": 2}


def test_a_constructor_of_the_models_own_is_called() -> None:
    @frozen(kw_only=True)
    class Own:
        x: int

        def __init__(self, x: int) -> None:
            self.__attrs_init__(x=x + 1)  # type: ignore[attr-defined]  # attrs makes it for classes like this one

    assert READERS.reader(Own)({"x": 1}).x == 2


def test_values_of_a_type_and_fields_of_a_model_are_read_in_ways_of_their_own() -> None:
    shapes = Shapes(
        values={datetime: iso_datetime, str: lambda value, _: value.upper()},
        fields={"Shape": {"points": lambda value, _: tuple(Point(x=x) for x in value)}},
        flattened={"Shape": lambda value: value["data"]},
    )
    given = {"data": {"name": "n", "points": [1, 2], "tags": ["a", "b"], "at": "2026-01-01T02:00:00+02:00"}}
    assert Readers(shapes).reader(Shape)(given) == Shape(
        name="N", points=(Point(x=1), Point(x=2)), tags=("A", "B"), at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_a_field_with_a_way_of_its_own_and_a_default_may_be_left_out() -> None:
    shapes = Shapes(fields={"Point": {name: lambda value, _: value for name in ("x", "y", "label")}})
    assert Readers(shapes).reader(Point)({"x": 1}) == Point(x=1)


@frozen(kw_only=True)
class Moved:
    count: int
    at: datetime
    since: Timestamp
    ratio: float = 1.0


def _digits(value: Any, _: Any) -> Any:
    if type(value) is not str or not value.startswith("-"):
        raise Unfit
    return int(value)


TEXTS = Shapes(values={int: _digits, float: _digits, datetime: _digits, Timestamp: _digits}, numbers_are_texts=True)


def test_numbers_and_times_are_read_from_texts_of_digits_where_they_come_so() -> None:
    moved = Readers(TEXTS).reader(Moved)({"count": "9" * 19, "at": "0", "since": "9999999999"})
    assert moved == Moved(count=10**19 - 1, at=datetime(1970, 1, 1, tzinfo=UTC), since=datetime.fromtimestamp(9_999_999_999, UTC))


def test_what_is_no_text_of_digits_is_read_in_the_way_of_its_type() -> None:
    moved = Readers(TEXTS).reader(Moved)({"count": "-1", "at": "-2", "since": "-3", "ratio": "-4"})
    assert (moved.count, moved.at, moved.since, moved.ratio) == (-1, -2, -3, -4)


@pytest.mark.parametrize("count", ["1" * 20, "", "1_0", " 1", "1\n", "+1", "\u0663", "1.0", 1, True, None, ["1"]])
def test_what_is_nearly_a_text_of_digits_goes_the_way_of_its_type(count: object) -> None:
    with pytest.raises(Unfit):
        Readers(TEXTS).reader(Moved)({"count": count, "at": "0", "since": "0"})


@pytest.mark.parametrize("given", [{"x": 1, "y": None}, {"x": 1, "y": None, "label": None, "colour": None}])
def test_a_null_is_refused_where_it_does_not_count_as_left_out(given: dict[str, Any]) -> None:
    read = Readers(Shapes(null_is_absent=False)).reader(Point)
    assert read({"x": 1, "label": None}) == Point(x=1)
    with pytest.raises(Unfit):
        read(given)


@pytest.mark.parametrize("given", [{"count": 1, "at": 0}, {"count": 1, "at": 0, "other": 0}, {"since": 0, "ratio": 2.0}, {}])
def test_a_required_field_that_is_missing_is_refused_also_where_all_are_required(given: dict[str, Any]) -> None:
    @frozen(kw_only=True)
    class Span:
        count: int
        at: datetime
        since: datetime

    with pytest.raises(KeyError):
        READERS.reader(Span)(given)


def test_a_reader_that_shares_gives_equal_parts_once_and_refuses_unknown_keys() -> None:
    read, shared = Readers(Shapes(repeated=frozenset({"Point", "name"}))).sharing_reader(Shape)
    first, second = (read(json.loads('{"name": "ab", "points": [{"x": 1}]}')) for _ in range(2))
    assert (first.points[0] is second.points[0], first.name is second.name) == (True, True)
    with pytest.raises(Unfit):
        read({"name": "n", "new": 1})
    assert shared


def test_what_is_refused_goes_to_the_careful_decoder_and_nothing_else_does() -> None:
    decoder = QuickDecoder(Shapes())
    assert decoder.decode({"x": 1}, Point, call="test") == Point(x=1)
    assert "careful" not in vars(decoder)
    with pytest.raises(DecodeError, match=r"\$\.x: expected a whole number, got str"):
        decoder.decode({"x": "1"}, Point, call="test")
    with pytest.raises(REFUSALS):
        decoder.read({"x": "1"}, Point)
