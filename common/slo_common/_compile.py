"""Readers of models as generated code, for replies that are as they should be.

A list of a thousand objects is forty thousand fields. For each, the generated code looks at the class of the value and takes it as it is.
What is not plainly right is an exception: the other reader, by cattrs, then reads the same reply, and converts it or names what is wrong.
The results are the same (each vendor's tests hold both against each other). Most programs never meet such a reply, and never load cattrs.
What replies and models of a vendor differ in is told by its :class:`Shapes`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin

from attrs import NOTHING, Attribute, field, fields, frozen, has, resolve_types

from slo_common._enums import OpenEnum
from slo_common._times import Timestamp
from slo_common._values import Reply

if TYPE_CHECKING:
    from slo_common._convert import Decoder

_PLAIN = (str, int, bool)
_DIGITS: Mapping[Any, tuple[int, str]] = {
    int: (19, "int({})"),
    datetime: (10, "moment(int({}), UTC)"),
    Timestamp: (10, "moment(int({}), UTC)"),
}
"""Of how many digits a number is read in line, and how."""
_MISSING = object()
_REMEMBERED = 2048
"""Where a list has more different parts and texts than that, the next part will be different, too: it is not worth its key."""
_LATEST = 4_000_000_000
"""Epoch seconds up to here are read in line; later ones, and negative ones, by the reader that knows their limits."""

T = TypeVar("T")
Read = Callable[[Any], Any]
Hook = Callable[[Any, Any], Any]
"""From a value and what is asked for to the result; raises one of REFUSALS."""
Names = dict[str, Any]
_UNIONS = (Union, types.UnionType)

REFUSALS = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What a reader raises for a reply that is not as it should be."""


class Unfit(ValueError):
    """Something that is not plainly right."""


def takes_none(annotation: Any) -> bool:
    """Whether a field may be None."""
    return get_origin(annotation) in _UNIONS and type(None) in get_args(annotation)


@frozen(kw_only=True)
class Shapes:
    """Where the replies of a vendor differ from its models. Models are told by their names: a table of classes would load them all."""

    kept: str = "extra"
    """The field in which a model keeps the keys that it does not know."""
    fields: Mapping[str, Mapping[str, Hook]] = field(factory=dict[str, Mapping[str, Hook]])
    """Fields that are read in a way of their own, by the name of their model."""
    values: Mapping[Any, Hook] = field(factory=dict[Any, Hook])
    """Types whose values are read in a way of their own wherever they stand."""
    numbers_are_texts: bool = False
    """Whether whole numbers and times come as texts of digits; what else they may come as is read by ``values``."""
    whole: Mapping[str, Hook] = field(factory=dict[str, Hook])
    """Models that are read as one, not field by field."""
    flattened: Mapping[str, Callable[[Any], dict[str, Any]]] = field(factory=dict[str, Callable[[Any], dict[str, Any]]])
    """Models whose objects are flattened before they are read."""
    unions: Mapping[frozenset[str], Callable[[Mapping[str, Any]], str]] = field(
        factory=dict[frozenset[str], Callable[[Mapping[str, Any]], str]]
    )
    """Which of several models an object is read as, by the names of the models."""
    null_is_absent: bool = True
    """Whether a null counts as left out where a field has a default and takes no None; else it is refused."""
    repeated: frozenset[str] = frozenset()
    """Models and fields of which a long list has few different ones."""


class Readers:
    """The readers of one vendor's replies."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self._made: dict[Any, Read] = {}

    def reader(self, annotation: Any) -> Read:
        """A function from JSON to what the annotation says; made once. It raises one of REFUSALS.

        Times are seconds since the epoch, unless ``values`` of the shapes reads them.
        """
        if annotation not in self._made:
            self._made[annotation] = _Maker(self).make(annotation)
        return self._made[annotation]

    @cached_property
    def careful(self) -> Decoder:
        """The decoder that goes by the same table and names every bad path; loaded when it is needed."""
        from slo_common._careful import careful_decoder

        return careful_decoder(self.shapes)

    def sharing_reader(self, annotation: Any) -> tuple[Read, dict[Any, Any]]:
        """The same for many objects that have much in common, and the memory by which equal parts are one object; clear it in between.

        It takes no key that it does not know and no infinite number, so that what it reads may come from a parser that looks for neither.
        """
        maker = _Maker(self, shared={})
        return maker.make(annotation), maker.shared


class QuickDecoder(Readers):
    """Reads by generated code; what that refuses is read by the careful decoder, which is loaded for it."""

    def read(self, value: object, cls: type[T]) -> T:
        """``value`` as ``cls``, if all of it is plainly right; raises one of REFUSALS for anything else."""
        found: T = self.reader(cls)(value)
        return found

    def decode(
        self, value: object, cls: type[T], *, call: str, reply: Reply | None = None, request_id: str | None = None, root: str = "$"
    ) -> T:
        """``value`` as ``cls``; raises :class:`DecodeError` naming the call, every bad field below ``root`` and the request id."""
        try:
            return self.read(value, cls)
        except REFUSALS:
            pass
        return self.careful.decode(value, cls, call=call, reply=reply, request_id=request_id, root=root)


def _is_filled_in_only(cls: Any) -> bool:
    """Whether all that making an object does is to put its fields into slots."""
    own_init = "__attrs_init__" in vars(cls) or hasattr(cls, "__attrs_pre_init__") or hasattr(cls, "__attrs_post_init__")
    if own_init or "__dict__" in dir(cls):
        return False
    return all(f.init and f.validator is None and f.converter is None for f in fields(cls))


def _open(cls: type[Any]) -> type[Any]:
    """The same class, whose objects take assignments: a frozen one is filled through ``object.__setattr__``, at five times the cost.

    It adds nothing to the layout, so that an object of it becomes one of ``cls`` by assignment, before anybody sees it.
    """
    return type(cls.__name__, (cls,), {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__})


def _making(cls: type[Any], values: Mapping[str, str], names: Names) -> list[str]:
    """The lines that make an object whose fields are what these expressions say, and return it."""
    names["cls"] = cls
    if not _is_filled_in_only(cls):
        return [f"    return cls({', '.join(f'{name}={value}' for name, value in values.items())})"]
    names |= {"open_cls": _open(cls), "new": object.__new__}
    filled = [f"    made.{name} = {value}" for name, value in values.items()]
    return ["    made = new(open_cls)", *filled, "    made.__class__ = cls", "    return made"]


def filler(cls: type[T], *given: str) -> Callable[..., T]:
    """A function that makes an object of what a record holds, which is known to be right.

    Its first argument is the record, the others are the fields ``given``. All other fields are those of the record of the same name.
    """
    names: Names = {}
    values = {f.name: f.name if f.name in given else f"record.{f.name}" for f in fields(cast(Any, cls))}
    return _compiled([f"def read({', '.join(('record', *given))}):", *_making(cls, values, names)], names)


def _compiled(lines: list[str], names: Names) -> Read:
    exec("\n".join(lines), names)  # noqa: S102 - the text is made of the models' own field names, as attrs and cattrs do it
    read: Read = names["read"]
    return read


class _Maker:
    """Makes readers: plain ones, or ones that share."""

    def __init__(self, readers: Readers, shared: dict[Any, Any] | None = None) -> None:
        self._readers = readers
        self._shapes = readers.shapes
        self._sharing = shared is not None
        self.shared: dict[Any, Any] = {} if shared is None else shared

    def _reader(self, annotation: Any) -> Read:
        return self.make(annotation) if self._sharing else self._readers.reader(annotation)

    def _name_later(self, name: str, annotation: Any, names: Names) -> None:
        """Have a name stand for a reader that is made for the first value: of many a list there is never one with items."""

        def read(value: Any) -> Any:
            if names[name] is read:
                names[name] = self._reader(annotation)
            return names[name](value)

        names[name] = read

    def make(self, annotation: Any) -> Read:
        if not (isinstance(annotation, type) and has(annotation)):
            return self._value_reader(annotation)
        read = self._model_reader(annotation)
        return self._remembering(read) if self._sharing and annotation.__name__ in self._shapes.repeated else read

    def _remembering(self, read: Read) -> Read:
        shared = self.shared

        def remembered(value: Any) -> Any:
            if value.__class__ is not dict:
                raise Unfit
            key = (*value, *value.values(), *map(type, value.values()))  # the types: True and 1 are equal keys
            found = shared.get(key)
            if found is None:
                found = read(value)
                if len(shared) < _REMEMBERED:
                    shared[key] = found
            return found

        return remembered

    def _value_reader(self, annotation: Any) -> Read:
        names: Names = {"Unfit": Unfit, "share": self.shared.setdefault}
        test = self._is_right("v", annotation, names)
        return _compiled(["def read(v):", f"    if not ({test}):", "        raise Unfit", "    return v"], names)

    def _model_reader(self, cls: Any) -> Read:
        whole = self._shapes.whole.get(cls.__name__)
        if whole is not None:
            return lambda value: whole(value, cls)
        resolve_types(cls)
        flatten = self._shapes.flattened.get(cls.__name__)
        own = self._shapes.fields.get(cls.__name__, {})
        read = [f for f in fields(cls) if f.name != self._shapes.kept]
        known = frozenset(f.name for f in read)
        names: Names = {"missing": _MISSING, "Unfit": Unfit, "flatten": flatten, "known": known}
        names["share"] = self.shared.setdefault
        lines = ["def read(given):", "    if given.__class__ is not dict:", "        raise Unfit"]
        lines += [*([] if flatten is None else ["    given = flatten(given)"]), *self._told(read, own, names)]
        for i, attribute in enumerate(read):
            lines += self._field(f"v{i}", attribute, names, own.get(attribute.name))
        if self._sharing:
            lines += ["    if not given.keys() <= known:", "        raise Unfit"]
        values = {attribute.name: f"v{i}" for i, attribute in enumerate(read)}
        if len(read) < len(fields(cls)):
            values[self._shapes.kept] = "{} if given.keys() <= known else {k: given[k] for k in given if k not in known}"
        return _compiled([*lines, *_making(cls, values, names)], names)

    def _told(self, read: list[Attribute[Any]], own: Mapping[str, Hook], names: Names) -> list[str]:
        """The lines that look up all fields: at once, if none is left out, which takes half the time."""
        values: list[str] = []
        for attribute in read:
            if attribute.default is NOTHING:
                values.append(f"given[{attribute.name!r}]")
            elif self._reads_absent_as_null(attribute) and attribute.name not in own:
                values.append(f"get({attribute.name!r})")
            else:
                values.append(f"get({attribute.name!r}, missing)")
        variables = "".join(f"v{i}, " for i in range(len(read)))
        one_by_one = ["get = given.get", f"{variables}= {', '.join(values)},"]
        if len(read) < 2:
            return [f"    {line}" for line in one_by_one]
        names["pick"] = itemgetter(*(attribute.name for attribute in read))
        if all(attribute.default is NOTHING for attribute in read):
            return [f"    {variables}= pick(given)"]
        return [
            f"    if len(given) >= {len(read)}:",
            "        try:",
            f"            {variables}= pick(given)",
            "        except KeyError:",
            *(f"            {line}" for line in one_by_one),
            "    else:",
            *(f"        {line}" for line in one_by_one),
        ]

    def _reads_absent_as_null(self, attribute: Attribute[Any]) -> bool:
        """Whether a field that is left out may be read as if it were null."""
        return attribute.default is None if takes_none(attribute.type) else self._shapes.null_is_absent

    def _field(self, v: str, attribute: Attribute[Any], names: Names, own: Hook | None) -> list[str]:
        """The lines that read one field."""
        lines: list[str] = []
        word = "if"
        optional, absent_is_null = takes_none(attribute.type), self._reads_absent_as_null(attribute)
        if attribute.default is not NOTHING and not (optional and absent_is_null and own is None):
            factory = getattr(attribute.default, "factory", None)
            names[f"default_{v}"] = attribute.default if factory is None else factory
            absent = f"{v} is None or {v} is missing" if absent_is_null and not optional else f"{v} is missing"
            lines += [f"    if {absent}:", f"        {v} = default_{v}{'' if factory is None else '()'}"]
            word = "elif"
        if own is not None:
            names[f"own_{v}"] = own
            return [*lines, *(["    else:"] if lines else []), f"    {'    ' if lines else ''}{v} = own_{v}({v}, None)"]
        if self._sharing and attribute.name in self._shapes.repeated:
            lines += [f"    {word} {v}.__class__ is str:", f"        {v} = share({v}, {v})"]
            word = "elif"
        return [*lines, f"    {word} not ({self._is_right(v, attribute.type, names)}):", "        raise Unfit"]

    def _is_right(self, v: str, annotation: Any, names: Names) -> str:
        """An expression that is true if the value of the variable ``v`` can be taken; it converts it by the way."""
        if takes_none(annotation):
            rest: Any = Union[tuple(a for a in get_args(annotation) if a is not type(None))]  # noqa: UP007 - of a tuple, there is no other way
            return f"{v} is None or {self._is_right(v, rest, names)}"
        if annotation in self._shapes.values:
            names[f"value_{v}"] = self._shapes.values[annotation]
            told = self._from_digits(v, annotation, names) if self._shapes.numbers_are_texts else ""
            return f"{told}({v} := value_{v}({v}, None)) is not None"
        if get_origin(annotation) in _UNIONS:
            names[f"choose_{v}"] = self._chooser(get_args(annotation))
            return f"{v}.__class__ is dict and ({v} := choose_{v}({v})) is not None"
        if annotation in _PLAIN:
            return f"{v}.__class__ is {annotation.__name__}"
        if annotation is float:  # also from an integer: the vendor sends both
            finite = f" and {v} - {v} == 0" if self._sharing else ""
            return f"{v}.__class__ is float{finite} or {v}.__class__ is int and ({v} := float({v})) is not None"
        if annotation is datetime:
            names |= {"moment": datetime.fromtimestamp, "UTC": UTC}
            return f"{v}.__class__ is int and 0 <= {v} < {_LATEST} and ({v} := moment({v}, UTC)) is not None"
        if get_origin(annotation) is tuple:
            return f"{v}.__class__ is list and ({self._are_right(v, get_args(annotation)[0], names)}) is not None"
        if isinstance(annotation, type) and issubclass(annotation, OpenEnum):
            names |= {f"member_{v}": {member.value: member for member in annotation}.get, f"enum_{v}": annotation}
            return f"{v}.__class__ is str and ({v} := member_{v}({v}) or enum_{v}({v})) is not None"
        if get_origin(annotation) in (Mapping, dict):
            self._name_later(f"item_{v}", get_args(annotation)[1], names)
            return f"{v}.__class__ is dict and ({v} := {{k: item_{v}({v}[k]) for k in {v}}}) is not None"
        names[f"read_{v}"] = self._reader(annotation)
        return f"({v} := read_{v}({v})) is not None"

    def _from_digits(self, v: str, annotation: Any, names: Names) -> str:
        """The beginning of an expression that reads a text of digits, which takes half the time of a function that does it."""
        if annotation not in _DIGITS:
            return ""
        most, made = _DIGITS[annotation]
        names |= {"moment": datetime.fromtimestamp, "UTC": UTC}
        is_one = f"{v}.__class__ is str and {v}.isdecimal() and {v}.isascii() and len({v}) <= {most}"
        return f"{is_one} and ({v} := {made.format(v)}) is not None or "

    def _are_right(self, v: str, item: Any, names: Names) -> str:
        """The same for a list that is to be a tuple: an expression that is the tuple, or None."""
        if item is str and item not in self._shapes.values:
            names["join"] = "".join  # it takes nothing but texts, and half the time of looking at their types
            made = f"tuple(map(share, {v}, {v}))" if self._sharing else f"tuple({v})"
            return f"{v} := {made} if join({v}) is not None else None"
        if item is int and item not in self._shapes.values:
            names["only_int"] = frozenset({int})
            return f"{v} := tuple({v}) if only_int.issuperset(map(type, {v})) else None"
        self._name_later(f"item_{v}", item, names)
        return f"{v} := tuple(map(item_{v}, {v})) if {v} else ()"

    def _chooser(self, models: tuple[Any, ...]) -> Read:
        """For an object that is read as one of several models."""
        kind_of = self._shapes.unions[frozenset(model.__name__ for model in models)]
        by_name = {model.__name__: model for model in models}
        readers: dict[str, Read] = {}

        def choose(given: Any) -> Any:
            kind = kind_of(given)
            if kind not in readers:
                readers[kind] = self._reader(by_name[kind])
            return readers[kind](given)

        return choose
