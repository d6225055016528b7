"""Small values: requests and replies, open enums, UNSET, timeouts, credentials in headers."""

from __future__ import annotations

import copy
import pickle
from typing import Any, cast

import pytest

from slo_common import UNSET, InvalidArgument, OpenEnum, Secret, Timeouts, Unset
from slo_common._auth import HeaderAuth, account_digest
from slo_common._drive import drive
from slo_common._errors import api_error
from slo_common._values import Bounds, Call, Reply, Request
from tests.common.fakes import call_of

CALL: Call[Any] = call_of()


class Colour(OpenEnum):
    RED = "red"
    GREEN = "green"


def test_a_known_word_is_the_member() -> None:
    assert Colour("red") is Colour.RED
    assert Colour.RED.is_known


def test_an_unknown_word_keeps_its_text() -> None:
    mauve = Colour("mauve")
    assert (mauve, str(mauve), mauve.value, mauve.name) == ("mauve", "mauve", "mauve", "UNKNOWN")
    assert not mauve.is_known


def test_an_unknown_word_equals_and_hashes_like_its_text_and_itself() -> None:
    assert Colour("mauve") == Colour("mauve")
    assert {Colour("mauve"): 1}["mauve"] == 1  # type: ignore[index]  # a plain string finds it
    assert Colour("mauve") != Colour("taupe")


def test_an_unknown_word_survives_pickling_and_copying() -> None:
    for again in (pickle.loads(pickle.dumps(Colour("mauve"))), copy.deepcopy(Colour("mauve")), copy.copy(Colour("mauve"))):
        assert (again, again.is_known, type(again)) == ("mauve", False, Colour)


def test_an_unknown_word_does_not_join_the_members() -> None:
    Colour("mauve")
    assert list(Colour) == [Colour.RED, Colour.GREEN]


def test_what_is_no_text_is_no_member() -> None:
    with pytest.raises(ValueError, match="5 is not a valid Colour"):
        Colour(cast(str, 5))


def test_words_show_what_they_are() -> None:
    assert (repr(Colour.RED), repr(Colour("mauve"))) == ("Colour.RED", "Colour('mauve')")


def test_unset_is_false_and_one_of_a_kind() -> None:
    assert not UNSET
    assert (repr(UNSET), pickle.loads(pickle.dumps(UNSET)) is UNSET, isinstance(UNSET, Unset)) == ("UNSET", True, True)


def test_a_request_never_shows_headers_or_content() -> None:
    request = Request(method="POST", url="https://v.test/", headers=(("authorization", "Bearer s3cret"),), content=b"s3cret")
    assert "s3cret" not in repr(request)


def test_a_header_is_added_behind_the_others() -> None:
    request = Request(method="GET", url="https://v.test/", headers=(("a", "1"),)).with_header("b", "2")
    assert request.headers == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize(
    ("value", "media_type"),
    [("application/json; charset=utf-8", "application/json"), ("TEXT/HTML", "text/html"), ("", "")],
)
def test_the_content_type_of_a_reply_is_the_bare_media_type(value: str, media_type: str) -> None:
    assert Reply(status=200, headers={"content-type": value}).content_type == media_type


def test_a_header_that_is_not_there_is_empty() -> None:
    assert (Reply(status=200).header("x"), Reply(status=200).header("x", "y")) == ("", "y")


@pytest.mark.parametrize(("total", "read"), [(60.0, 30.0), (10.0, 10.0), (45.0, 30.0), (300.0, 150.0)])
def test_the_read_timeout_is_half_the_total_but_at_least_thirty_seconds(total: float, read: float) -> None:
    assert Timeouts(total=total).read_timeout == read


def test_a_read_timeout_of_ones_own_is_kept() -> None:
    assert Timeouts(total=60.0, read=2.0).read_timeout == 2.0


def test_a_number_is_the_total() -> None:
    assert Timeouts.of(7) == Timeouts(total=7.0)
    given = Timeouts(total=9.0)
    assert Timeouts.of(given) is given


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 10**400, True, "5", None])
def test_a_timeout_that_is_no_positive_number_is_refused(value: object) -> None:
    assert not Timeouts.allows(value)
    with pytest.raises(InvalidArgument, match=r"timeout: .* was given; allowed: a number of seconds above 0"):
        Timeouts.of(value)  # type: ignore[arg-type]  # the fact under test


def test_all_bad_timeouts_are_named_at_once() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Timeouts(total=0, connect=-1, read=0)
    assert [p.partition(":")[0] for p in caught.value.problems] == ["timeout.total", "timeout.connect", "timeout.read"]


def test_header_auth_adds_its_headers_to_every_attempt() -> None:
    auth = HeaderAuth(headers=(("dd-api-key", "", Secret("k")), ("authorization", "Bearer ", Secret("t"))))
    request = drive(auth.apply(CALL, Request(method="GET", url="https://v.test/", headers=(("a", "1"),))))
    assert request.headers == (("a", "1"), ("dd-api-key", "k"), ("authorization", "Bearer t"))


def test_header_auth_cannot_renew_anything() -> None:
    auth = HeaderAuth(headers=(("authorization", "Bearer ", Secret("t")),))
    assert drive(auth.refused(CALL, api_error(401, call="c"))) is False


def test_header_auth_shows_no_secret() -> None:
    assert "s3cret" not in repr(HeaderAuth(headers=(("authorization", "Bearer ", Secret("s3cret")),)))


def test_the_account_is_the_same_for_the_same_secrets_and_no_other() -> None:
    one, same, other = (
        account_digest(Secret("a"), Secret("b")),
        account_digest(Secret("a"), Secret("b")),
        account_digest(Secret("ab")),
    )
    assert one == same != other


def test_an_account_of_ones_own_is_kept() -> None:
    assert HeaderAuth(headers=(), account="mine").account == "mine"


@pytest.mark.parametrize(
    ("connect", "read", "total", "waits"),
    [(2.0, 3.0, 9.0, (2.0, 3.0, 3.0, 2.0)), (2.0, 3.0, 1.0, (1.0, 1.0, 1.0, 1.0)), (2.0, 3.0, 0.0, (0.001,) * 4)],
    ids=["their own", "the total", "never none, which would mean not to wait at all"],
)
def test_httpx_is_told_the_shorter_bound(connect: float, read: float, total: float, waits: tuple[float, ...]) -> None:
    told = Bounds(connect=connect, read=read, total=total, max_bytes=1).waits()
    assert tuple(told[name] for name in ("connect", "read", "write", "pool")) == waits
