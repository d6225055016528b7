"""One strict converter per vendor: a value of the wrong type is an error that names its path, never a silent conversion.

Stock cattrs turns ``None`` into ``'None'``, ``'0'`` into ``True`` and ``1.9`` into ``1``; here nothing is coerced but an integer to a float.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, Union, cast, get_args, get_origin

from slo_common._enums import OpenEnum
from slo_common._errors import DecodeError
from slo_common._values import Reply

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Configure = Callable[["Converter"], None]


class WrongType(ValueError):
    """A value of another type came. Its text names the types, never the value."""


def _wrong(expected: str, value: object) -> NoReturn:
    raise WrongType(f"expected {expected}, got {type(value).__name__ if value is not None else 'null'}")


def _str(value: Any, _: Any) -> str:
    return value if type(value) is str else _wrong("a string", value)


def _int(value: Any, _: Any) -> int:
    return value if type(value) is int else _wrong("a whole number", value)


def _float(value: Any, _: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        _wrong("a number", value)
    try:
        return float(value)
    except OverflowError:
        raise WrongType("expected a number, got one that is too large") from None


def _bool(value: Any, _: Any) -> bool:
    return value if type(value) is bool else _wrong("true or false", value)


_UNCHANGED = (_str, _int, _bool)
"""Hooks that give a value of their type as it is."""


def _enum(value: Any, cls: Any) -> Any:
    if type(value) is not str:
        _wrong("a string", value)
    return cls._value2member_map_.get(value) or cls(value)  # the call alone takes five times as long


def an_object(value: Any) -> dict[str, Any]:
    """The value, if it is a JSON object."""
    return cast(dict[str, Any], value) if type(value) is dict else _wrong("an object", value)


_from_iso = datetime.fromisoformat


def iso_datetime(value: Any, _: Any = None) -> datetime:
    """An ISO 8601 text with an offset, as UTC."""
    if value.__class__ is not str:
        _wrong("an ISO 8601 time", value)
    try:
        moment = _from_iso(value)
    except ValueError:
        raise WrongType("expected an ISO 8601 time, got another text") from None
    if moment.tzinfo is None:
        raise WrongType("expected an ISO 8601 time with an offset, got one without")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise WrongType("expected an ISO 8601 time, got one that UTC cannot hold") from None


def epoch_datetime(value: Any, _: Any = None) -> datetime:
    """Seconds since the epoch, as UTC."""
    seconds = _float(value, float)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise WrongType("expected seconds since the epoch, got a number out of range") from None


def _is_sequence(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _sequence_factory(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """``tuple[X, ...]``: only from a list."""
    items = converter.get_structure_hook(types.GenericAlias(list, get_args(cls)[:1]))

    def structure(value: Any, _: Any) -> Any:
        return tuple(items(value, None)) if type(value) is list else _wrong("a list", value)

    return structure


def _is_optional(cls: Any) -> bool:
    return get_origin(cls) in (Union, types.UnionType) and len(get_args(cls)) == 2 and type(None) in get_args(cls)


def _optional_factory(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    inner = next(a for a in get_args(cls) if a is not type(None))
    hook = converter.get_structure_hook(inner)
    if hook in _UNCHANGED:  # what is of the type itself needs no call of the hook
        return lambda value, _: value if value is None or type(value) is inner else hook(value, inner)
    return lambda value, _: None if value is None else hook(value, inner)


def strict_converter(configure: Configure | None = None, *, detailed: bool = False) -> Converter:
    """A cattrs converter without coercion. ``configure`` adds a vendor's own hooks."""
    from cattrs import Converter

    converter = Converter(detailed_validation=detailed)
    converter.register_structure_hook_factory(_is_optional)(_optional_factory)
    converter.register_structure_hook_factory(lambda cls: _is_sequence(cls) and get_args(cls)[-1] is Ellipsis)(_sequence_factory)
    converter.register_structure_hook(str, _str)
    converter.register_structure_hook(int, _int)
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(bool, _bool)
    converter.register_structure_hook(datetime, iso_datetime)
    converter.register_structure_hook(OpenEnum, _enum)  # by class: a predicate would lose to the hook of str, its base
    if configure is not None:
        configure(converter)
    return converter


def _refusals() -> tuple[type[Exception], ...]:
    """What converters raise."""
    from cattrs import BaseValidationError

    return (ValueError, TypeError, KeyError, AttributeError, BaseValidationError)


class Decoder:
    """Structures replies into models. Fast when all is well; runs again in detail to name every bad path when not.

    ``configure`` is called for both converters, so hooks must be registered there and nowhere else. Both are made when they are needed.
    """

    def __init__(self, configure: Configure | None = None) -> None:
        self._configure = configure

    @cached_property
    def converter(self) -> Converter:
        """The fast one."""
        return strict_converter(self._configure)

    @cached_property
    def _detailed(self) -> Converter:
        return strict_converter(self._configure, detailed=True)

    def decode(
        self, value: object, cls: type[T], *, call: str, reply: Reply | None = None, request_id: str | None = None, root: str = "$"
    ) -> T:
        """``value`` as ``cls``; raises :class:`DecodeError` naming the call, every bad field below ``root`` and the request id."""
        try:
            return self.converter.structure(value, cls)
        except _refusals():
            pass
        try:
            return self._detailed.structure(value, cls)
        except _refusals() as e:
            problems = _problems(e, root)
        raise decode_error(problems, call=call, reply=reply, request_id=request_id)


def decode_error(problems: list[str], *, call: str, reply: Reply | None, request_id: str | None) -> DecodeError:
    """The exception that lists ``"path: reason"`` problems."""
    shown = "; ".join(problems[:10]) + (f"; and {len(problems) - 10} more" if len(problems) > 10 else "")
    where = f" (request id {request_id})" if request_id else ""
    return DecodeError(
        f"{call}: the reply does not fit the model: {shown}{where}",
        paths=tuple(p.partition(": ")[0] for p in problems),
        call=call,
        request_id=request_id,
        status=reply.status if reply is not None else None,
    )


def _reason(error: BaseException, _: type | None) -> str:
    if isinstance(error, WrongType):
        return str(error)
    if isinstance(error, KeyError):
        return "missing"
    if isinstance(error, (TypeError, AttributeError)):
        return "expected an object or list of another shape"
    return "invalid value"


def _problems(error: BaseException, root: str) -> list[str]:
    import cattrs

    if not isinstance(error, (cattrs.IterableValidationError, cattrs.ClassValidationError)):
        return [f"{root}: {_reason(error, None)}"]
    found: list[str] = []
    for line in cattrs.transform_error(error, path=root, format_exception=_reason):
        reason, _, path = line.rpartition(" @ ")
        found.append(f"{path}: {reason}")
    return found
