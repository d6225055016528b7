"""Readers of models as generated code: what cattrs does by a call for each field, done in line.

A list of a thousand SLOs is thirty thousand fields. For each the generated code looks at the class of the value and takes it as it is;
only what is not plainly right goes to the converter's hook, which converts it or refuses it. The result is the same as the hooks'
(a test holds both against each other); the converter that names bad paths does not use it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from attrs import NOTHING, Attribute, fields
from cattrs import Converter

from slo_common._enums import OpenEnum

_PLAIN = (str, int, float, bool)
_MISSING = object()

Hook = Callable[[Any, Any], Any]


def takes_none(annotation: Any) -> bool:
    """Whether a field may be None."""
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def compiled_reader(cls: Any, converter: Converter, hooks: Mapping[str, Hook], unknown_into: str | None) -> Callable[[Any], Any]:
    """A function from a JSON object to the model.

    ``hooks`` are for fields that the converter would read in another way; ``unknown_into`` names the field that keeps unknown keys. A
    null counts as left out where a field has a default and takes no None.
    """
    names: dict[str, Any] = {"cls": cls, "missing": _MISSING}
    lines = ["def read(given):", "    get = given.get"]
    arguments: list[str] = []
    for i, attribute in enumerate(fields(cls)):
        arguments.append(f"{attribute.name}=v{i}")
        if attribute.name == unknown_into:
            names["known"] = frozenset(f.name for f in fields(cls)) - {unknown_into}
            lines.append(f"    v{i} = {{}} if known.issuperset(given) else {{k: given[k] for k in given if k not in known}}")
            continue
        names[f"hook{i}"] = hooks.get(attribute.name) or converter.get_structure_hook(attribute.type)
        names[f"type{i}"] = attribute.type
        lines += _field(i, attribute, names, plain=attribute.name not in hooks)
    lines.append(f"    return cls({', '.join(arguments)})")
    exec("\n".join(lines), names)  # noqa: S102 - the text is made of the models' own field names, as attrs and cattrs do it
    read: Callable[[Any], Any] = names["read"]
    return read


def _field(i: int, attribute: Attribute[Any], names: dict[str, Any], *, plain: bool) -> list[str]:
    """The lines that read one field."""
    v, name = f"v{i}", attribute.name
    lines = [f"    {v} = get({name!r}, missing)"]
    if attribute.default is NOTHING:
        absent = [f"    if {v} is missing:", f"        raise KeyError({name!r})"]
    else:
        factory = getattr(attribute.default, "factory", None)
        made = factory is not None
        names[f"default{i}"] = factory if made else attribute.default
        null = "" if takes_none(attribute.type) else f" or {v} is None"
        absent = [f"    if {v} is missing{null}:", f"        {v} = default{i}{'()' if made else ''}"]
    test = _is_right(i, attribute.type, names) if plain else "False"
    return [*lines, *absent, f"    elif not ({test}):", f"        {v} = hook{i}({v}, type{i})"]


def _is_right(i: int, annotation: Any, names: dict[str, Any]) -> str:
    """An expression that is true for a value that may be taken as it is. Enums are looked up by the way."""
    v = f"v{i}"
    if takes_none(annotation):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        return f"{v} is None or {_is_right(i, inner[0], names)}" if len(inner) == 1 else f"{v} is None"
    if annotation in _PLAIN:
        return f"{v}.__class__ is {annotation.__name__}"
    if isinstance(annotation, type) and issubclass(annotation, OpenEnum):
        names[f"table{i}"] = {member.value: member for member in annotation}
        return f"{v}.__class__ is str and ({v} := table{i}.get({v}, {v})).__class__ is not str"
    if annotation == tuple[str, ...]:
        names["texts"] = frozenset({str})
        return f"{v}.__class__ is list and texts.issuperset(map(type, {v})) and ({v} := tuple({v})) is not None"
    return "False"
