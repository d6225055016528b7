"""The smallest sandbox there is: things that can be created, read and deleted, in memory."""

from __future__ import annotations

import json

from slo_common._values import Reply
from slo_common.sandbox import Answer, Sandbox, SandboxRequest

JSON = {"content-type": "application/json"}


class Shop(Sandbox):
    vendor = "shop"

    things: tuple[str, ...] = ()

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        match request.method, request.segments:
            case "POST", ("things",):
                name = request.body.decode()
                self.things = (*self.things, name)
                self.record(f"things.create {name}")
                return Reply(status=201, headers=JSON, body=json.dumps({"name": name}).encode())
            case "DELETE", ("things",):
                for name in self.things:
                    self.record(f"things.delete {name}")
                self.things = ()
                return Reply(status=204)
            case (("GET" | "HEAD"), ("things",)):
                return Reply(status=200, headers=JSON, body=json.dumps(self.things).encode())
            case "GET", ("echo", *rest):
                seen = {"rest": rest, "query": request.query, "agent": request.headers.get("user-agent", "")}
                return Reply(status=200, headers=JSON, body=json.dumps(seen).encode())
            case _:
                return Reply(status=404, headers={"content-type": "text/plain"}, body=b"no such thing")

    def bucket(self, request: SandboxRequest) -> str:
        return "read" if request.method == "GET" else "write"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:
        return Reply(status=429, headers=JSON, body=b'{"error":"slow down"}')


def request(method: str = "GET", path: str = "/things", body: bytes = b"") -> SandboxRequest:
    return SandboxRequest(method=method, segments=tuple(path.split("/")[1:]), body=body)


def answered(reply: Answer) -> Reply:
    assert isinstance(reply, Reply)
    return reply
