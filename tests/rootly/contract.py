"""The vendor's OpenAPI document as a judge of exchanges: what they do that it does not allow, as short lines.

Made strict: a key that the document does not name is a complaint, in requests as in replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

JSON_API = "application/vnd.api+json"
Schema = dict[str, Any]
DOCUMENT: Schema = json.loads((Path(__file__).parents[1] / "data" / "rootly" / "openapi-slas.json").read_text("utf-8"))


def complaints(request: httpx.Request, response: httpx.Response) -> Iterator[str]:
    """What an exchange does that the document does not allow, as ``operation where: what``."""
    collection = request.url.path == "/v1/slas"
    operation = DOCUMENT["paths"]["/v1/slas" if collection else "/v1/slas/{id}"][request.method.lower()]
    name = operation["operationId"]
    yield from (f"{name} query {text}" for text in _query(operation, request))
    if request.content:
        schema = operation["requestBody"]["content"][request.headers["content-type"]]["schema"]
        yield from (f"{name} request {text}" for text in _check(schema, json.loads(request.content)))
    declared = operation["responses"].get(str(response.status_code))
    if declared is None:
        yield f"{name} status: {response.status_code} is not declared"
        return
    kind = response.headers["content-type"].partition(";")[0]
    if kind != JSON_API:
        yield f"{name} {response.status_code} content type: {kind}"
    schema = declared["content"][JSON_API]["schema"]
    yield from (f"{name} {response.status_code} {text}" for text in _check(schema, response.json()))


def _query(operation: Schema, request: httpx.Request) -> Iterator[str]:
    declared = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p.get("in") == "query"}
    for key, text in request.url.params.multi_items():
        if key not in declared:
            yield f"{key}: is not declared"
        elif declared[key]["type"] == "integer" and not text.isdecimal():
            yield f"{key}: {text!r} is no integer"


def _check(schema: Schema, value: Any) -> Iterator[str]:
    found = cast(Iterable[ValidationError], Draft202012Validator(strict(schema)).iter_errors(value))  # pyright: ignore[reportUnknownMemberType]  # jsonschema's own types
    for error in found:
        where = "".join("[]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        yield f"{where or '$'}: {error.message}"


def strict(schema: Schema) -> Schema:
    """An OpenAPI 3.0 schema as a JSON Schema: ``nullable`` as a type, and every object closed."""
    out = {key: value for key, value in schema.items() if key != "nullable"}
    if "properties" in out:
        out["properties"] = {name: strict(value) for name, value in out["properties"].items()}
        out.setdefault("additionalProperties", False)
    if "items" in out:
        out["items"] = strict(out["items"])
    if schema.get("nullable"):
        out["type"] = [out["type"], "null"]
        if "enum" in out:
            out["enum"] = [*out["enum"], None]
    return out
