"""How Zabbix checks parameters: one function per kind of value, refusing in the server's words.

A rule takes the value and its path (``/1/service_tags/2``) and gives back the value as the server stores it, or raises
:class:`Refusal`. Texts and order of the checks are those of 6.0.14, and of 7.0.22 where that was seen.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, cast

JsonObject: TypeAlias = dict[str, object]
Rule: TypeAlias = Callable[[object, str], object]

INT32_MAX: Final = 2_147_483_647
_INT: Final = re.compile(r"-?\d+")
_NUMBER: Final = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MAX_ID: Final = 9_223_372_036_854_775_807


class Kind(enum.Enum):
    """Why the server refuses; the JSON-RPC code follows from it and from the version."""

    METHOD = "method"
    PARAMETERS = "parameters"
    ROLE = "role"
    PERMISSIONS = "permissions"
    UNKNOWN_USER = "unknown user"
    REQUEST = "request"
    PARSE = "parse"


class Refusal(Exception):  # noqa: N818  # part of an answer, not a failure of this program
    """The server's error, before it is put into a JSON-RPC envelope."""

    def __init__(self, kind: Kind, data: str) -> None:
        super().__init__(data)
        self.kind = kind
        self.data = data


def invalid(path: str, why: str) -> Refusal:
    return Refusal(Kind.PARAMETERS, f'Invalid parameter "{path}": {why}.')


def below(path: str, name: str | int) -> str:
    return f"/{name}" if path == "/" else f"{path}/{name}"


def nullable(rule: Rule) -> Rule:
    def check(value: object, path: str) -> object:
        return None if value is None else rule(value, path)

    return check


def text(*, empty: bool = True, length: int | None = None, choices: Sequence[str] | None = None) -> Rule:
    def check(value: object, path: str) -> object:
        if not isinstance(value, str):
            raise invalid(path, "a character string is expected")
        if not empty and not value:
            raise invalid(path, "cannot be empty")
        if choices is not None and value not in choices:
            named = ", ".join(f'"{c}"' for c in choices)
            raise invalid(path, f"value must be {'one of ' if len(choices) > 1 else ''}{named}")
        if length is not None and len(value) > length:
            raise invalid(path, "value is too long")
        return value

    return check


def int32(*, low: int | None = None, high: int | None = None, choices: Sequence[int] | None = None) -> Rule:
    def check(value: object, path: str) -> object:
        if isinstance(value, bool) or not isinstance(value, int | str) or _INT.fullmatch(str(value)) is None:
            raise invalid(path, "an integer is expected")
        number = int(value)
        if not -INT32_MAX - 1 <= number <= INT32_MAX:
            raise invalid(path, "a number is too large")
        if choices is not None and number not in choices:
            raise invalid(path, "value must be one of " + ", ".join(map(str, choices)))
        if low is not None and high is not None and not low <= number <= high:
            raise invalid(path, f"value must be one of {low}-{high}")
        return number

    return check


def percent() -> Rule:
    def check(value: object, path: str) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str) or _NUMBER.fullmatch(str(value)) is None:
            raise invalid(path, "a floating point value is expected")
        number = float(value)
        if not 0 <= number <= 100:
            raise invalid(path, "value must be within the range of 0-100")
        return number

    return check


def one_id(value: object, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not (digits := str(value)).isdecimal():
        raise invalid(path, "a number is expected")
    if int(digits) > _MAX_ID:
        raise invalid(path, "a number is too large")
    return str(int(digits))


def ids(*, scalar: bool = True) -> Rule:
    """A list of ids; a single id is taken as well unless ``scalar`` is off."""

    def check(value: object, path: str) -> object:
        if scalar and isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdecimal():
            value = [value]
        return [one_id(v, below(path, i)) for i, v in enumerate(_values(value, path), 1)]

    return check


def ids_to_delete(value: object, path: str) -> list[str]:
    """The argument of a delete: at least one id, none twice."""
    found = cast(list[str], ids(scalar=False)(value, path))
    if not found:
        raise invalid(path, "cannot be empty")
    for index, item in enumerate(found, 1):
        if item in found[: index - 1]:
            raise invalid(below(path, index), f"value ({item}) already exists")
    return found


def boolean(value: object, path: str) -> object:
    if not isinstance(value, bool):
        raise invalid(path, "a boolean is expected")
    return value


def flag(value: object, _path: str) -> object:
    # Anything but null counts as set; the server only logs a notice.
    return value if isinstance(value, bool) else value is not None


def strings(choices: Sequence[str]) -> Rule:
    one = text(choices=choices)

    def check(value: object, path: str) -> object:
        items = [value] if isinstance(value, str) else _values(value, path)
        seen: list[object] = []
        for index, item in enumerate(items, 1):
            one(item, below(path, index))
            if item in seen:
                raise invalid(below(path, index), f"value ({item}) already exists")
            seen.append(item)
        return seen

    return check


def sort_order(value: object, path: str) -> object:
    one = text(choices=("ASC", "DESC"))
    if isinstance(value, str):
        return [one(value, path)]
    if not isinstance(value, list | dict):
        raise invalid(path, "an array or a character string is expected")
    return [one(v, below(path, i)) for i, v in enumerate(_values(cast(object, value), path), 1)]


def output(choices: Sequence[str], *, count: bool = False) -> Rule:
    word = text(choices=("extend", "count") if count else ("extend",))
    fields = strings(choices)

    def check(value: object, path: str) -> object:
        if isinstance(value, str):
            return word(value, path)
        if not isinstance(value, list | dict):
            raise invalid(path, "an array or a character string is expected")
        return fields(cast(object, value), path)

    return check


def filter_of(fields: Sequence[str]) -> Rule:
    def values(value: object, path: str) -> object:
        if value is None:
            return None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return [str(value)]
        found: list[str] = []
        for index, item in enumerate(_values(value, path), 1):
            if isinstance(item, bool) or not isinstance(item, str | int | float):
                raise invalid(below(path, index), "a character string, integer or floating point value is expected")
            found.append(str(item))
        return found

    return one_object(dict.fromkeys(fields, (values, False)))


def one_object(fields: Mapping[str, tuple[Rule, bool]], defaults: Mapping[str, object] | None = None) -> Rule:
    """``fields`` maps a name to its rule and whether it is required; checked in this order, strangers first."""

    def check(value: object, path: str) -> object:
        given = as_object(value, path)
        if given and not fields:
            raise invalid(path, "should be empty")
        for name in given:
            if name not in fields:
                raise invalid(path, f'unexpected parameter "{name}"')
        result: JsonObject = {}
        for name, (rule, required) in fields.items():
            if name in given:
                result[name] = rule(given[name], below(path, name))
            elif required:
                raise invalid(path, f'the parameter "{name}" is missing')
            elif defaults is not None and name in defaults:
                result[name] = defaults[name]
        return result

    return check


def objects(one: Rule, *, empty: bool = True, unique: Sequence[Sequence[str]] = (), single: bool = False) -> Rule:
    """A list of objects. ``single``: one object in place of the list is taken as well."""

    def check(value: object, path: str) -> object:
        items = _values(value, path)
        if single and isinstance(value, dict) and items:
            items = [cast(object, value)]
        if not empty and not items:
            raise invalid(path, "cannot be empty")
        rows = [cast(JsonObject, one(v, below(path, i))) for i, v in enumerate(items, 1)]
        for names in unique:
            _check_unique(rows, names, path)
        return rows

    return check


def _check_unique(rows: Sequence[JsonObject], names: Sequence[str], path: str) -> None:
    seen: set[tuple[object, ...]] = set()
    for index, row in enumerate(rows, 1):
        if any(name not in row for name in names):
            continue
        values = tuple(row[name] for name in names)
        if values in seen:
            named = f"({', '.join(names)})=({', '.join(map(str, values))})"
            raise invalid(below(path, index), f"value {named} already exists")
        seen.add(values)


def as_object(value: object, path: str) -> JsonObject:
    """PHP reads a JSON list as an object with the keys 0, 1, 2."""
    if isinstance(value, dict):
        return cast(JsonObject, value)
    if isinstance(value, list):
        return {str(i): item for i, item in enumerate(cast(list[object], value))}
    raise invalid(path, "an array is expected")


def _values(value: object, path: str) -> list[object]:
    return list(as_object(value, path).values())
