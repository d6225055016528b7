"""The vendor's OpenAPI documents as a judge: operations by method and path, schemas made strict, complaints as short lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from attrs import frozen
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

DATA = Path(__file__).parents[1] / "data" / "datadog"
Schema = dict[str, Any]


@frozen
class Operation:
    """One operation of a document."""

    id: str
    spec: Schema
    document: Schema
    validators: dict[str, Draft202012Validator]

    def complaints(
        self, *, query: Iterable[tuple[str, str]], sent: bytes, status: int, content_type: str, body: bytes
    ) -> Iterator[str]:
        """What an exchange does that the document does not allow, as ``operation where: what``."""
        yield from (f"{self.id} query {text}" for text in self._query(dict(query)))
        if sent:
            schema = self.spec["requestBody"]["content"]["application/json"]["schema"]
            yield from (f"{self.id} request {text}" for text in self._check(schema, json.loads(sent)))
        yield from (f"{self.id} {status} {text}" for text in self._answer(status, content_type, body))

    @property
    def query_parameters(self) -> set[str]:
        """The names of what may stand in the query."""
        return {p["name"] for p in map(self.resolve, self.spec.get("parameters", ())) if p["in"] == "query"}

    @property
    def request_attributes(self) -> set[str]:
        """The names of everything that a request's body may hold, at any depth."""
        if "requestBody" not in self.spec:
            return set()
        found: set[str] = set()
        ahead = [self.spec["requestBody"]["content"]["application/json"]["schema"]]
        while ahead:
            schema = self.resolve(ahead.pop())
            for name, inner in schema.get("properties", {}).items():
                found.add(name)
                ahead.append(inner)
            ahead += [*schema.get("oneOf", ()), *([schema["items"]] if "items" in schema else ())]
        return found

    def _query(self, query: dict[str, str]) -> Iterator[str]:
        known = {p["name"]: p for p in map(self.resolve, self.spec.get("parameters", ())) if p["in"] == "query"}
        yield from (f"{name}: undeclared" for name in query if name not in known)
        yield from (f"{name}: missing" for name, p in known.items() if p.get("required") and name not in query)
        for name, text in query.items():
            if name in known:
                schema = known[name]["schema"]
                value = text if schema["type"] == "string" else json.loads(text)
                yield from (f"{name}{problem}" for problem in self._check(schema, value))

    def _answer(self, status: int, content_type: str, body: bytes) -> Iterator[str]:
        declared = self.spec["responses"].get(str(status))
        if declared is None:
            yield "status: undeclared"
            return
        content = self.resolve(declared).get("content", {})
        if not content:
            yield from (["body: undeclared"] if body else [])
            yield from ([f"content type: {content_type}"] if content_type else [])
            return
        if content_type not in content:
            yield f"content type: {content_type}"
        kind, media = next(iter(content.items()))
        if kind == "application/json" and "json" not in content_type:
            return
        value = json.loads(body) if kind == "application/json" else body.decode()
        yield from self._check(media["schema"], value)

    def resolve(self, node: Schema) -> Schema:
        """What a reference refers to."""
        while "$ref" in node:
            at: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    def _check(self, schema: Schema, value: Any) -> Iterator[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            strict = _strict({**schema, "components": self.document["components"]})
            self.validators[key] = Draft202012Validator(strict)
        found = cast(Iterable[ValidationError], self.validators[key].iter_errors(value))  # pyright: ignore[reportUnknownMemberType]  # jsonschema's own types
        for error in found:
            yield from _lines(error)


def _lines(error: ValidationError) -> Iterator[str]:
    path = re.sub(r"\[\d+\]", "[]", error.json_path)
    if error.validator == "additionalProperties":
        known = set(cast(Schema, error.schema).get("properties", {}))
        yield from (f"{path}.{name}: undeclared" for name in cast(dict[str, Any], error.instance) if name not in known)
    elif error.validator == "required":
        yield f"{path}: {error.message}"
    else:
        yield f"{path}: {error.validator}"


def _strict(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: ``nullable``, boolean exclusive bounds; and no keys but the declared ones."""
    if isinstance(node, list):
        return [_strict(item) for item in iter(node)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # any JSON
    if not isinstance(node, dict):
        return node
    found = {name: _strict(item) for name, item in cast(Schema, node).items()}
    if found.pop("nullable", False) is True:
        found["type"] = [found["type"], "null"] if "type" in found else ["object", "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    for bound in ("Minimum", "Maximum"):
        if found.get(f"exclusive{bound}") is True:
            found[f"exclusive{bound}"] = found.pop(bound.lower())
    if "properties" in found and isinstance(found.get("type", "object"), str | list) and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found


class Contract:
    """Both documents."""

    def __init__(self) -> None:
        self._operations: list[tuple[str, re.Pattern[str], Operation]] = []
        for name in ("openapi-v1.json", "openapi-v2.json"):
            document = json.loads((DATA / name).read_text())
            for path, methods in document["paths"].items():
                pattern = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)))
                for method, spec in methods.items():
                    self._operations.append((method.upper(), pattern, Operation(spec["operationId"], spec, document, {})))
        # "/slo/search" is no SLO named "search": the paths without parameters come first.
        self._operations.sort(key=lambda entry: entry[1].pattern.count("[^/]+"))

    @property
    def operations(self) -> list[Operation]:
        return [operation for _, _, operation in self._operations]

    @property
    def names(self) -> set[str]:
        return {operation.id for operation in self.operations}

    def named(self, name: str) -> Operation:
        return next(operation for _, _, operation in self._operations if operation.id == name)

    def find(self, method: str, path: str) -> Operation:
        return next(o for m, pattern, o in self._operations if m == method and pattern.fullmatch(path))
