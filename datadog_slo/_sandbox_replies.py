"""The envelopes of Datadog's answers, as recordings show them and not as the specification says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from slo_common._json import dumps
from slo_common._values import Reply

Doc = dict[str, Any]
"""A JSON object on its way in or out."""

PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>Too many requests, slow down.</p></body></html>"


def v1(body: object, status: int = 200) -> Reply:
    return Reply(status=status, headers={"content-type": "application/json"}, body=dumps(body))


def v2(body: object, status: int = 200) -> Reply:
    # Recorded: v2 answers call themselves JSON:API whatever the specification declares.
    return Reply(status=status, headers={"content-type": "application/vnd.api+json"}, body=dumps(body))


def v1_error(status: int, *messages: str) -> Reply:
    return v1({"errors": list(messages)}, status)


def v2_error(status: int, title: str, detail: str) -> Reply:
    # Recorded for reports: objects, where the specification says strings.
    return v2({"errors": [{"title": title, "detail": detail}]}, status)


def html(status: int, title: str) -> Reply:
    return Reply(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=PAGE.format(title).encode())


def csv(text: str) -> Reply:
    return Reply(status=200, headers={"content-type": "text/csv"}, body=text.encode())


def empty(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status=status, headers=dict(headers or {}))


class RefusedError(ValueError):
    """An error answer on its way up to the router; a ValueError for who furnishes a sandbox with what the vendor would refuse."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode())
        self.reply = reply


def bad_request(message: str) -> RefusedError:
    return RefusedError(v1_error(400, message))


def attributes_of(body: Any) -> Doc | None:
    """``data.attributes`` of a JSON:API body, if it is there."""
    data = cast(Doc, body).get("data") if isinstance(body, dict) else None
    attributes = cast(Doc, data).get("attributes") if isinstance(data, dict) else None
    return cast(Doc, attributes) if isinstance(attributes, dict) else None
