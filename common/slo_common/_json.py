"""Strict JSON: what the standard library lets through and a reply must not hold is refused, with the place named."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, cast

from slo_common._errors import MalformedResponse, UnexpectedContent, shown
from slo_common._values import Reply

JsonValue = dict[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None
"""What ``json.loads`` gives."""

MAX_DEPTH = 64
EXCERPT = 200
QUICK_FROM = 16 * 1024
"""Bytes of a body from which on it pays to import a faster parser."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def excerpt(body: bytes) -> str:
    """The start of a body, with control characters escaped, for an exception's attribute (never for its message)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in body[:EXCERPT].decode("utf-8", "replace"))


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


# The hook costs 0.2 us for each fraction; looking for large numbers beforehand costs 40 us for each kB of body.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def deep(body: bytes) -> bool:
    """Whether the nesting passes MAX_DEPTH. Peels the innermost pairs, level by level, at C speed."""
    all_brackets = body.translate(None, _NOT_BRACKETS)
    if all_brackets.count(b"[") + all_brackets.count(b"{") <= MAX_DEPTH:
        return False

    def peel(brackets: bytes) -> bool:
        for _ in range(MAX_DEPTH):
            left = brackets.replace(b"[]", b"").replace(b"{}", b"")
            if len(left) == len(brackets):  # what remains has no other half: a body that was cut, and how deep it is where it was
                return left.count(b"[") + left.count(b"{") > MAX_DEPTH
            brackets = left
        return bool(brackets)

    if not peel(all_brackets):
        return False
    return peel(_STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS))  # the brackets inside strings were in the way


@functools.cache
def has_msgspec() -> bool:
    """Whether the extra ``fast`` is there; looked for once."""
    return importlib.util.find_spec("msgspec") is not None


def suits_msgspec(body: bytes) -> bool:
    """Whether msgspec is there, and the body so long that it makes up for its import."""
    return len(body) >= QUICK_FROM and has_msgspec()


def parse(body: bytes) -> JsonValue:
    """Parse strictly; raises ValueError with a reason that quotes nothing of the body."""
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if deep(body):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise ValueError(f"not UTF-8 at byte {e.start}") from None
    value: JsonValue
    if suits_msgspec(body):
        import msgspec

        try:
            value = msgspec.json.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):  # its errors are ValueErrors since 0.20 only
            pass  # it takes a little less than is JSON; what is wrong is said by the parser that takes it all
        else:
            return value
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as e:
        raise ValueError(f"{e.msg} at character {e.pos}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    return value


def refuse_doubles(reply: Reply, *, call: str) -> None:
    """Raise :class:`MalformedResponse` if an object has a key twice, of which all readers here take the last one.

    A reading of its own, that only those pay for who want it. What is no JSON is left to the reader that comes after.
    """
    doubled: list[str] = []

    def look(members: list[tuple[str, object]]) -> None:
        if len(dict(members)) < len(members):
            keys = sorted(key for key, _ in members)
            doubled.extend(one for one, other in itertools.pairwise(keys) if one == other)

    try:
        json.loads(reply.body, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return
    if doubled:
        keys = shown(", ".join(map(repr, dict.fromkeys(doubled))), limit=200)
        raise MalformedResponse(f"{call}: twice in one object: {keys}", call=call, excerpt=excerpt(reply.body), status=reply.status)


def parse_apart(body: bytes, member: str) -> tuple[Any, dict[str, Any]]:
    """One member of an object, and the others; raises ValueError or KeyError, also for a little that is valid.

    Of a body that suits msgspec, a list comes as an iterator, each item parsed when it is its turn: then there never is a tree of them
    all. Asking for an item may raise ValueError, and nothing looks at the depth: ask :func:`deep` if need be.
    """
    if suits_msgspec(body):
        return _apart_decoder()(body, member)
    top = cast("dict[str, JsonValue]", parse(body))
    return top.pop(member), top


@functools.cache
def _apart_decoder() -> Callable[[bytes, str], tuple[Any, dict[str, Any]]]:
    from msgspec import MsgspecError, Raw
    from msgspec.json import Decoder

    refusals = (MsgspecError, ValueError, RecursionError)
    decode = Decoder(dict[str, list[Raw] | dict[str, Any] | None]).decode
    decode_item: Callable[[Raw], JsonValue] = Decoder().decode

    def items(value: list[Raw]) -> Iterator[JsonValue]:
        try:
            yield from map(decode_item, value)
        except refusals as e:
            raise ValueError from e

    def apart(body: bytes, member: str) -> tuple[Any, dict[str, Any]]:
        try:
            rest = decode(body)
        except refusals as e:
            raise ValueError from e
        found = rest.pop(member)
        beside = {name: list(items(value)) if isinstance(value, list) else value for name, value in rest.items()}
        return items(found) if isinstance(found, list) else found, beside

    return apart


def loads(reply: Reply, *, call: str, request_id: str | None = None) -> JsonValue:
    """The JSON of a reply.

    Raises :class:`UnexpectedContent` when it is HTML and :class:`MalformedResponse` when it is no strict JSON; both keep an excerpt.
    """
    try:
        return parse(reply.body)
    except ValueError as e:
        reason = str(e)
    raise not_json(reply, call=call, request_id=request_id, reason=reason)


def not_json(reply: Reply, *, call: str, request_id: str | None, reason: str) -> MalformedResponse:
    """The exception for a reply that should have been JSON."""
    where = f" (request id {request_id})" if request_id else ""
    kind = MalformedResponse
    if not reply.body.strip():
        said = f"the body is empty where JSON was expected{where}"
    elif reply.body.lstrip()[:1] == b"<" or reply.content_type == "text/html":
        kind = UnexpectedContent
        said = f"{reply.content_type or 'HTML'} came where JSON was expected{where}: a login page, a proxy or a wrong address?"
    else:
        said = f"the body is not valid JSON: {reason}{where}"
    return kind(
        f"{call}: HTTP {reply.status}: {said}", call=call, request_id=request_id, excerpt=excerpt(reply.body), status=reply.status
    )


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON; NaN and infinities are refused with ValueError."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as replies may hold it: UTF-8 has no bytes for it, JSON has an escape
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
