"""Readers of models as generated code: what cattrs does by several calls for each field, done in line.

A list of a thousand SLOs is forty thousand fields. For each, the generated code looks at the class of the value and takes it as it is;
only what is not plainly right goes to the converter's hook, which converts it or refuses it. The results are the same (a test holds both
against each other); the converter that names bad paths does not use this.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin

from attrs import NOTHING, Attribute, fields, resolve_types
from cattrs import Converter

from slo_common._enums import OpenEnum

_PLAIN = (str, int, float, bool)
_MISSING = object()
_LATEST = 4_000_000_000
"""Epoch seconds up to here are read in line; later ones, and negative ones, by the hook that knows their limits."""

Hook = Callable[[Any, Any], Any]
Read = Callable[[dict[str, Any]], Any]


def takes_none(annotation: Any) -> bool:
    """Whether a field may be None."""
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


class Compiler:
    """Makes one reader for each model, and for those inside it.

    ``is_plain`` says of which types an object is read as it stands. ``hooks`` are for fields, by model, that are read in a way of their
    own; ``kept`` is the name of the field that keeps unknown keys. A null counts as left out where a field has a default and takes no
    None. Times are seconds since the epoch.
    """

    def __init__(
        self, converter: Converter, *, is_plain: Callable[[Any], bool], hooks: Mapping[type, Mapping[str, Hook]], kept: str
    ) -> None:
        self._converter = converter
        self._is_plain = is_plain
        self._hooks = hooks
        self._kept = kept
        self._made: dict[type, Read] = {}

    def reader(self, cls: Any) -> Read:
        """A function from a JSON object to the model."""
        if cls not in self._made:
            self._made[cls] = self._compile(cls)
        return self._made[cls]

    def _compile(self, cls: Any) -> Read:
        resolve_types(cls)
        names: dict[str, Any] = {"cls": cls, "missing": _MISSING, "UTC": UTC, "moment": datetime.fromtimestamp}
        names |= {"texts": frozenset({str}), "whole": frozenset({int})}
        lines = ["def read(given):", "    get = given.get"]
        for i, attribute in enumerate(fields(cls)):
            if attribute.name == self._kept:
                names["known"] = frozenset(f.name for f in fields(cls)) - {self._kept}
                lines.append(f"    v{i} = {{}} if known.issuperset(given) else {{k: given[k] for k in given if k not in known}}")
            else:
                lines += self._field(i, attribute, names, self._hooks.get(cls, {}).get(attribute.name))
        arguments = ", ".join(f"{attribute.name}=v{i}" for i, attribute in enumerate(fields(cls)))
        lines.append(f"    return cls({arguments})")
        exec("\n".join(lines), names)  # noqa: S102 - the text is made of the models' own field names, as attrs and cattrs do it
        read: Read = names["read"]
        return read

    def _field(self, i: int, attribute: Attribute[Any], names: dict[str, Any], own: Hook | None) -> list[str]:
        """The lines that read one field."""
        v, name = f"v{i}", attribute.name
        lines = [f"    {v} = get({name!r}, missing)"]
        if attribute.default is NOTHING:
            absent = [f"    if {v} is missing:", f"        raise KeyError({name!r})"]
        else:
            factory = getattr(attribute.default, "factory", None)
            names[f"default{i}"] = attribute.default if factory is None else factory
            null = "" if takes_none(attribute.type) else f" or {v} is None"
            absent = [f"    if {v} is missing{null}:", f"        {v} = default{i}{'' if factory is None else '()'}"]
        names[f"hook{i}"] = own or self._converter.get_structure_hook(attribute.type)
        names[f"type{i}"] = attribute.type
        test = "False" if own is not None else self._is_right(i, attribute.type, names)
        return [*lines, *absent, f"    elif not ({test}):", f"        {v} = hook{i}({v}, type{i})"]

    def _is_right(self, i: int, annotation: Any, names: dict[str, Any]) -> str:
        """An expression that is true if the value can be taken in line; it converts it by the way."""
        v = f"v{i}"
        if takes_none(annotation):
            inner = [a for a in get_args(annotation) if a is not type(None)]
            return f"{v} is None" + (f" or {self._is_right(i, inner[0], names)}" if len(inner) == 1 else "")
        if annotation in _PLAIN:
            return f"{v}.__class__ is {annotation.__name__}"
        if annotation is datetime:
            return f"{v}.__class__ is int and 0 <= {v} < {_LATEST} and ({v} := moment({v}, UTC)) is not None"
        if get_origin(annotation) is tuple:
            return f"{v}.__class__ is list and {self._are_right(i, get_args(annotation)[0], names)}"
        if self._is_plain(annotation):
            names[f"read{i}"] = self.reader(annotation)
            return f"{v}.__class__ is dict and ({v} := read{i}({v})) is not None"
        if isinstance(annotation, type) and issubclass(annotation, OpenEnum):
            names[f"table{i}"] = {member.value: member for member in annotation}
            return f"{v}.__class__ is str and ({v} := table{i}.get({v}, {v})).__class__ is not str"
        return "False"

    def _are_right(self, i: int, item: Any, names: dict[str, Any]) -> str:
        """The same for a list that is to be a tuple."""
        v = f"v{i}"
        if item in (str, int):
            return f"{'texts' if item is str else 'whole'}.issuperset(map(type, {v})) and ({v} := tuple({v})) is not None"
        names[f"item{i}"], names[f"itemtype{i}"] = self._converter.get_structure_hook(item), item
        each = f"item{i}(x, itemtype{i})"
        if self._is_plain(item):
            names[f"read{i}"] = self.reader(item)
            each = f"read{i}(x) if x.__class__ is dict else {each}"
        return f"({v} := tuple([{each} for x in {v}])) is not None"
