"""Bytes to objects, without HTTP: our calls' own decoding, bare JSON, and what the official clients do with a body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import bodies
from registry import (
    DECODE_GETSLI,
    DECODE_SLAS,
    DECODE_SLOS,
    DECODE_UNLIKE,
    OURS,
    PEERS,
    SDK,
    SDK_PLAIN,
    Operation,
    hide,
    load,
    work,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from slo_common._values import Call

T = TypeVar("T")
JSON, ORJSON = "json", "orjson"


def decoder(call: Call[T], body: bytes, content_type: str) -> Callable[[], T]:
    """What happens to a reply between the network and the caller."""
    from slo_common._execute import decode_large
    from slo_common._values import Reply

    reply = Reply(status=200, headers={"content-type": content_type}, body=body)
    return lambda: decode_large(call, reply)


def unlike() -> bytes:
    return bodies.slo_list(of=bodies.unlike_slo)


def slos(body: bytes) -> Operation:
    from datadog_slo._calls_slos import list_slos

    decode = decoder(list_slos(page_size=bodies.SLOS), body, "application/json")
    return lambda: len(decode().items)


def slas() -> Operation:
    from rootly_sla._calls import list_slas

    decode = decoder(
        list_slas("https://api.rootly.com", {}, sort=None, page_size=bodies.SLAS, page_number=1),
        bodies.sla_page(),
        "application/vnd.api+json",
    )
    return lambda: len(decode().items)


def rpc(result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","result":%b,"id":1}' % result


def getsli() -> Operation:
    from zabbix_sla._rpc import single
    from zabbix_sla.calls import getsli as getsli_of

    decode = decoder(single(getsli_of("5", periods=bodies.PERIODS)), rpc(bodies.getsli()), "application/json")
    return lambda: len(decode())


@work(DECODE_SLOS, SDK, home=OURS)
def _(_url: str) -> Operation:
    return slos(bodies.slo_list())


@work(DECODE_SLOS, SDK_PLAIN, home=OURS)
def _(_url: str) -> Operation:
    hide("msgspec")
    return slos(bodies.slo_list())


@work(DECODE_UNLIKE, SDK, home=OURS)
def _(_url: str) -> Operation:
    return slos(unlike())


@work(DECODE_UNLIKE, SDK_PLAIN, home=OURS)
def _(_url: str) -> Operation:
    hide("msgspec")
    return slos(unlike())


@work(DECODE_SLAS, SDK, home=OURS)
def _(_url: str) -> Operation:
    return slas()


@work(DECODE_SLAS, SDK_PLAIN, home=OURS)
def _(_url: str) -> Operation:
    hide("msgspec")
    return slas()


@work(DECODE_GETSLI, SDK, home=OURS)
def _(_url: str) -> Operation:
    return getsli()


@work(DECODE_GETSLI, SDK_PLAIN, home=OURS)
def _(_url: str) -> Operation:
    hide("msgspec")
    return getsli()


def data(loads: Any, body: bytes) -> Operation:
    return lambda: len(loads(body)["data"])


def cells(loads: Any, body: bytes) -> Operation:
    return lambda: sum(len(row) for row in loads(body)["result"]["sli"])


@work(DECODE_SLOS, JSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(json.loads, bodies.slo_list())


@work(DECODE_SLOS, ORJSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(load("orjson").loads, bodies.slo_list())


@work(DECODE_UNLIKE, JSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(json.loads, unlike())


@work(DECODE_UNLIKE, ORJSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(load("orjson").loads, unlike())


@work(DECODE_SLAS, JSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(json.loads, bodies.sla_page())


@work(DECODE_SLAS, ORJSON, home=PEERS)
def _(_url: str) -> Operation:
    return data(load("orjson").loads, bodies.sla_page())


@work(DECODE_GETSLI, JSON, home=PEERS)
def _(_url: str) -> Operation:
    return cells(json.loads, rpc(bodies.getsli()))


@work(DECODE_GETSLI, ORJSON, home=PEERS)
def _(_url: str) -> Operation:
    return cells(load("orjson").loads, rpc(bodies.getsli()))


def datadog_official(body: bytes) -> Operation:
    client = load("datadog_api_client").ApiClient(load("datadog_api_client").Configuration())
    kind, text = load("datadog_api_client.v1.model.slo_list_response").SLOListResponse, body.decode()
    return lambda: len(client.deserialize(text, (kind,), True).data)


@work(DECODE_SLOS, "datadog-api-client", home=PEERS)
def _(_url: str) -> Operation:
    return datadog_official(bodies.slo_list())


@work(DECODE_UNLIKE, "datadog-api-client", home=PEERS)
def _(_url: str) -> Operation:
    return datadog_official(unlike())


@work(DECODE_SLAS, "rootly", home=PEERS)
def _(_url: str) -> Operation:
    kind, body = load("rootly_sdk.models.sla_list").SlaList, bodies.sla_page()
    return lambda: len(kind.from_dict(json.loads(body)).data)
