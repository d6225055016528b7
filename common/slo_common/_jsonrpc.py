"""JSON-RPC 2.0 over plain JSON values: envelopes for one call and for a batch, and their answers matched by id.

Pure functions and frozen values; no I/O and no vendor. Source: jsonrpc.org, JSON-RPC 2.0 Specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from attrs import frozen

VERSION = "2.0"


class InvalidEnvelope(ValueError):
    """A value is no answer to what was asked. The text quotes nothing but ids and member names."""


@frozen(kw_only=True)
class Success:
    """The call was done; ``result`` is what it gave."""

    id: int
    result: object


@frozen(kw_only=True)
class Failure:
    """The call was refused, in the server's words. ``data`` is the error's data where it is a text, else empty.

    ``id`` is None when the server could not read which call it was.
    """

    id: int | None
    code: int
    message: str
    data: str = ""


Answer = Success | Failure


@frozen(kw_only=True)
class Unanswered:
    """The reply to a batch answers others of its calls and not this one: whether it was done cannot be told from the reply."""

    id: int


def request(method: str, params: object, *, id: int) -> dict[str, object]:
    """The envelope of one call. ``params`` is always sent, since servers differ on a missing one.

    >>> request("sla.get", {"slaids": ["1"]}, id=1)
    {'jsonrpc': '2.0', 'method': 'sla.get', 'params': {'slaids': ['1']}, 'id': 1}
    """
    return {"jsonrpc": VERSION, "method": method, "params": params, "id": id}


def batch(calls: Sequence[tuple[str, object]]) -> list[dict[str, object]]:
    """The envelope of many calls, numbered from 1.

    >>> [member["id"] for member in batch([("a", {}), ("b", {})])]
    [1, 2]
    """
    return [request(method, params, id=number) for number, (method, params) in enumerate(calls, 1)]


def answer(value: object, *, id: int) -> Answer:
    """The answer to one call. A failure may come with the id null: the server could not read the call.

    Raises :class:`InvalidEnvelope` when the value is no answer, or one to another call.
    """
    found = _answer(value, "the reply")
    if found.id != id and not (isinstance(found, Failure) and found.id is None):
        raise InvalidEnvelope(f"the reply answers call {found.id}, not call {id}")
    return found


def answers(value: object, *, count: int) -> tuple[Answer | Unanswered, ...]:
    """The answers to a batch of ``count`` calls numbered from 1, in the order of the calls; the server may send them in any.

    A call without an answer is :class:`Unanswered`. A single failure in place of the list is given alone: the server refused the batch
    as a whole. Raises :class:`InvalidEnvelope` when all answers are missing, and for one that is doubled or to a call that was not in
    the batch: what mixes those up may have mixed up the others.
    """
    if isinstance(value, Mapping):
        whole = _answer(cast("object", value), "the reply")
        if isinstance(whole, Failure):
            return (whole,)
        raise InvalidEnvelope("the reply is a single result where a list was expected")
    if not isinstance(value, list):
        raise InvalidEnvelope(f"the reply is {_kind(value)} where a list was expected")
    by_id: dict[int, Answer] = {}
    for index, item in enumerate(cast("list[object]", value)):
        found = _answer(item, f"[{index}]")
        if found.id is None or not 1 <= found.id <= count:
            raise InvalidEnvelope(f"[{index}] answers call {found.id}, which was not in the batch")
        if found.id in by_id:
            raise InvalidEnvelope(f"[{index}] answers call {found.id} a second time")
        by_id[found.id] = found
    if not by_id:
        raise InvalidEnvelope("the reply answers none of the calls")
    return tuple(by_id.get(number) or Unanswered(id=number) for number in range(1, count + 1))


def _answer(value: object, path: str) -> Answer:
    if not isinstance(value, Mapping):
        raise InvalidEnvelope(f"{path} is {_kind(value)} where an object was expected")
    members = cast("Mapping[str, object]", value)
    if members.get("jsonrpc") != VERSION:
        raise InvalidEnvelope(f'{path}: member "jsonrpc" is not "{VERSION}"')
    if "id" not in members:
        raise InvalidEnvelope(f'{path}: member "id" is missing')
    ident = members["id"]
    if ident is not None and (isinstance(ident, bool) or not isinstance(ident, int)):
        raise InvalidEnvelope(f'{path}: member "id" is {_kind(ident)} where a whole number was sent')
    has_error = members.get("error") is not None
    if has_error == ("result" in members):
        raise InvalidEnvelope(f'{path} has {"both" if has_error else "neither of"} "result" and "error"')
    if has_error:
        return _failure(members["error"], ident, path)
    if ident is None:
        raise InvalidEnvelope(f"{path} is a result without an id")
    return Success(id=ident, result=members["result"])


def _failure(value: object, ident: int | None, path: str) -> Failure:
    error: Mapping[str, object] = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else dict[str, object]()
    code, message, data = error.get("code"), error.get("message"), error.get("data")
    if isinstance(code, bool) or not isinstance(code, int):
        raise InvalidEnvelope(f'{path}: member "error" has no whole number as its code')
    return Failure(
        id=ident, code=code, message=message if isinstance(message, str) else "", data=data if isinstance(data, str) else ""
    )


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names: dict[type[object], str] = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    kind = type(value)
    return names.get(kind, kind.__name__)
