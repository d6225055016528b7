"""A real Zabbix 6.0 for the tests in this folder: started if it is not up, and left as it was found."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import httpx
import pytest
from attrs import field, frozen

from zabbix_sla import ZabbixSLA

# So that these tests can name this module; at the end: the packages under test come from where they are installed.
sys.path.append(str(Path(__file__).parents[2]))

SCRIPTS = Path(__file__).parent / "zabbix"


@frozen
class Zabbix:
    """A running server: its API, its database and the port that takes values."""

    url: str
    port: int
    http: httpx.Client = field(repr=False)

    @property
    def data(self) -> Path:
        return Path(os.environ.get("ZABBIX_DATA") or f"{tempfile.gettempdir()}/zabbix-live-{self.port}")

    def sql(self, statement: str) -> list[list[str]]:
        """Run SQL and give the rows: the only way to put outages into the past."""
        command = ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.data / "sockets")]
        done = subprocess.run(
            [*command, "-U", "zabbix", "-d", "zabbix", "-c", statement], check=True, capture_output=True, text=True
        )
        return [line.split("|") for line in done.stdout.splitlines()]

    def post(self, body: object, **headers: str) -> tuple[object, int]:
        """One request without the client under test; gives the answer and the server's second."""
        sent = {"content-type": "application/json-rpc", **headers}
        reply = self.http.post(self.url, content=json.dumps(body), headers=sent)
        second = int(parsedate_to_datetime(reply.headers["date"]).timestamp())
        return (json.loads(reply.content) if reply.content else None), second

    def send(self, host: str, key: str, value: int) -> None:
        """Give zabbix_server a value, as an agent does."""
        body = json.dumps({"request": "sender data", "data": [{"host": host, "key": key, "value": str(value)}]}).encode()
        trapper = int(os.environ.get("ZABBIX_TRAPPER_PORT") or self.port + 1)
        with socket.create_connection(("127.0.0.1", trapper), timeout=10) as link:
            link.sendall(b"ZBXD\x01" + struct.pack("<Q", len(body)) + body)
            answer = b"".join(iter(lambda: link.recv(4096), b""))
        # Until the server has read its configuration anew it does not know the item.
        if b"failed: 0" not in answer:
            raise LookupError(f"zabbix_server does not know {host}:{key} yet")

    def new_services(self, services: Sequence[str], *, created_at: int) -> None:
        """Make services older than they are."""
        self.sql(f"update services set created_at={created_at} where serviceid in ({','.join(services)})")

    def past_outage(self, serviceid: str, start: int, end: int | None, severity: int = 4) -> None:
        """Write an outage into the history of a service."""
        rows = [(start, severity)] + ([(end, -1)] if end is not None else [])
        for clock, value in rows:
            self.sql(
                "insert into service_alarms (servicealarmid, serviceid, clock, value) "
                f"select coalesce(max(servicealarmid), 0) + 1, {serviceid}, {clock}, {value} from service_alarms"
            )


@pytest.fixture(scope="session")
def zabbix() -> Iterator[Zabbix]:
    port = int(os.environ.get("ZABBIX_PORT") or 18080)
    with socket.socket() as probe:
        was_up = probe.connect_ex(("127.0.0.1", port)) == 0
    done = subprocess.run([SCRIPTS / "up.sh"], check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    with httpx.Client(timeout=120) as http:
        yield Zabbix(done.stdout.strip().splitlines()[-1], port, http)
    if not was_up:
        subprocess.run([SCRIPTS / "down.sh", "--purge"], check=True, timeout=60)


@pytest.fixture(scope="session")
def zbx(zabbix: Zabbix) -> Iterator[ZabbixSLA]:
    """The administrator's client."""
    with ZabbixSLA(zabbix.url, user="Admin", password="zabbix", timeout=120) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A name that no other run has used."""
    return f"live {uuid.uuid4().hex[:12]}"


@pytest.fixture
def token(zbx: ZabbixSLA, name: str) -> str:
    """A fresh API token of the administrator."""
    made = cast(dict[str, list[str]], zbx.call("token.create", {"name": name}))
    generated = cast(list[dict[str, str]], zbx.call("token.generate", made["tokenids"]))
    return generated[0]["token"]
