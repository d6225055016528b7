from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common._jsonrpc import Failure, InvalidEnvelope, Success, Unanswered, answer, answers, batch, request


def ok(ident: object, result: object = "r") -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": result, "id": ident}


def bad(ident: object, code: object = -32602, **more: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": "Invalid params.", "data": "why", **more}, "id": ident}


def test_a_request_has_the_four_members() -> None:
    assert request("a.b", [], id=7) == {"jsonrpc": "2.0", "method": "a.b", "params": [], "id": 7}


def test_a_batch_numbers_its_calls_from_one() -> None:
    assert batch([("a", {}), ("b", {"x": 1})]) == [request("a", {}, id=1), request("b", {"x": 1}, id=2)]


def test_a_result_is_unwrapped() -> None:
    assert answer(ok(1, {"x": 2}), id=1) == Success(id=1, result={"x": 2})


def test_a_null_result_is_a_result() -> None:
    assert answer(ok(1, None), id=1) == Success(id=1, result=None)


def test_an_error_is_unwrapped_in_the_servers_words() -> None:
    assert answer(bad(1), id=1) == Failure(id=1, code=-32602, message="Invalid params.", data="why")


def test_an_error_without_an_id_is_taken_for_the_call() -> None:
    assert answer(bad(None, -32700), id=1) == Failure(id=None, code=-32700, message="Invalid params.", data="why")


def test_data_that_is_no_text_is_left_out() -> None:
    assert answer(bad(1, data=[1], message=None), id=1) == Failure(id=1, code=-32602, message="", data="")


def test_a_null_error_beside_a_result_is_none() -> None:
    assert answer({**ok(1), "error": None}, id=1) == Success(id=1, result="r")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (ok(2), "the reply answers call 2, not call 1"),
        (bad(2), "the reply answers call 2, not call 1"),
        ({"result": 1, "id": 1}, 'the reply: member "jsonrpc" is not "2.0"'),
        ({"jsonrpc": "1.0", "result": 1, "id": 1}, 'the reply: member "jsonrpc" is not "2.0"'),
        ({"jsonrpc": "2.0", "result": 1}, 'the reply: member "id" is missing'),
        (ok("1"), 'the reply: member "id" is a text where a whole number was sent'),
        (ok(True), 'the reply: member "id" is true or false where a whole number was sent'),
        (ok(1.0), 'the reply: member "id" is a number where a whole number was sent'),
        ({**ok(1), **bad(1)}, 'the reply has both "result" and "error"'),
        ({"jsonrpc": "2.0", "id": 1}, 'the reply has neither of "result" and "error"'),
        (ok(None), "the reply is a result without an id"),
        ({"jsonrpc": "2.0", "error": "no", "id": 1}, 'the reply: member "error" has no whole number as its code'),
        (bad(1, "x"), 'the reply: member "error" has no whole number as its code'),
        (bad(1, True), 'the reply: member "error" has no whole number as its code'),
        ([ok(1)], "the reply is a list where an object was expected"),
        (None, "the reply is null where an object was expected"),
        ("x", "the reply is a text where an object was expected"),
        (object(), "the reply is object where an object was expected"),
    ],
)
def test_what_is_no_answer_to_the_call_is_refused(value: object, problem: str) -> None:
    with pytest.raises(InvalidEnvelope) as caught:
        answer(value, id=1)
    assert str(caught.value) == problem


@given(st.permutations([1, 2, 3, 4]))
def test_answers_of_a_batch_come_back_in_the_order_of_the_calls(order: list[int]) -> None:
    assert answers([ok(n, n * 10) for n in order], count=4) == tuple(Success(id=n, result=n * 10) for n in (1, 2, 3, 4))


def test_an_error_in_a_batch_leaves_the_others_alone() -> None:
    got = answers([ok(1), bad(2), ok(3)], count=3)
    assert [type(a) for a in got] == [Success, Failure, Success]


def test_a_batch_refused_as_a_whole_is_one_failure() -> None:
    assert answers(bad(None, 1), count=3) == (Failure(id=None, code=1, message="Invalid params.", data="why"),)


def test_a_call_of_a_batch_without_an_answer_is_unanswered() -> None:
    assert answers([ok(3), ok(1)], count=4) == (
        Success(id=1, result="r"),
        Unanswered(id=2),
        Success(id=3, result="r"),
        Unanswered(id=4),
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "the reply answers none of the calls"),
        ([ok(1), ok(2), ok(3)], "[2] answers call 3, which was not in the batch"),
        ([ok(1), bad(None)], "[1] answers call None, which was not in the batch"),
        ([ok(1), ok(1), ok(2)], "[1] answers call 1 a second time"),
        (ok(1), "the reply is a single result where a list was expected"),
        ("x", "the reply is a text where a list was expected"),
        ([1, ok(2)], "[0] is a number where an object was expected"),
    ],
)
def test_a_batch_with_no_extra_or_doubled_answer_is_refused(value: object, problem: str) -> None:
    with pytest.raises(InvalidEnvelope) as caught:
        answers(value, count=2)
    assert str(caught.value) == problem
