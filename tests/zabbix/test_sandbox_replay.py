"""The sandbox answers what a real Zabbix 6.0.14 was recorded to answer, value for value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve

from slo_common.sandbox import Fault, Reply, SandboxRequest, VirtualClock
from zabbix_sla._sandbox_store import Session
from zabbix_sla.sandbox import Role, StatusRule, TagMatch, ZabbixSandbox

RECORDED = Path(__file__).parent.parent / "data" / "zabbix" / "recorded-6.0"
ADMIN = "5e550000000000000000000000000000"
SCENE = 1795225364  # 2026-11-21T01:42:44Z, when the services were made
BACKDATED = 1760659200

# Not the API's own answers: a web server or PHP in front of it. They are played as faults below.
EDGE = {"fault_php_out_of_memory_display_errors", "fault_php_timeout", "fault_proxy_rate_limit_429", "fault_php_fpm_down_502"}
# Answers that hold something new each time.
FRESH = {"user_login", "user_login_old_user_param", "token_generate"}


def names() -> list[str]:
    rows = (RECORDED / "INDEX.md").read_text(encoding="utf-8").splitlines()
    return [r.split("|")[1].strip() for r in rows if r.startswith("| ") and not r.startswith("| file")]


def recording(name: str) -> dict[str, dict[str, object]]:
    return cast(dict[str, dict[str, object]], json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")))


def request_of(name: str) -> SandboxRequest:
    sent = recording(name)["request"]
    body = sent["body"] if sent["body"] is not None else sent["body_text"]
    raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    headers = {k.lower(): v for k, v in cast(Mapping[str, str], sent["headers"]).items()}
    segments = tuple(str(sent["path"]).strip("/").split("/"))
    return SandboxRequest(method=str(sent["method"]), segments=segments, headers=headers, body=raw.encode())


class Replay:
    """One sandbox that lives through the recordings in their order. What was done in between, unrecorded, is done here."""

    def __init__(self) -> None:
        self.clock = VirtualClock(1795225361)
        self.sandbox = ZabbixSandbox(version="6.0.14", clock=self.clock)
        self.answers: dict[str, Reply] = {}
        self._between: dict[str, Callable[[], None]] = {
            "token_used": self._rename_token,
            "service_create_many": self._first_service,
            "service_get_during_outage": self._tree,
            "sla_create": self._history,
            "sla_get_all": self._minimal_sla,
            "sla_get_after_update": self._second_update,
            "perm_user_getsli": self._people,
            "error_token_disabled": self._disabled_token,
            "error_session_after_logout": self._logged_out,
            "error_session_expired": self._idle,
            "error_login_blocked_right_password": self._blocked,
            "fault_database_down_version": lambda: setattr(self.sandbox, "database_down", True),
            "fault_sql_error_getsli": self._sql_errors,
            "fault_maintenance_mode": lambda: setattr(self.sandbox, "maintenance", ""),
        }
        self._session(ADMIN, "Admin")
        self.tokenid = self._call("token.create", {"name": "recorded"})
        for name in names():
            if name in EDGE:
                continue
            self._between.get(name, lambda: None)()
            self._until(name)
            answer = self.sandbox.handle(request_of(name))
            assert isinstance(answer, Reply)
            self.answers[name] = answer

    def _until(self, name: str) -> None:
        headers = cast(Mapping[str, str], recording(name)["response"]["headers"])
        self.clock.advance(max(0.0, parsedate_to_datetime(headers["date"]).timestamp() - self.clock.now()))

    def _call(self, method: str, params: object) -> object:
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1, "auth": ADMIN}
        headers = {"content-type": "application/json-rpc"}
        request = SandboxRequest(method="POST", segments=("api_jsonrpc.php",), headers=headers, body=json.dumps(body).encode())
        answer = self.sandbox.handle(request)
        assert isinstance(answer, Reply)
        return cast(dict[str, object], json.loads(answer.body))["result"]

    def _session(self, sessionid: str, username: str) -> None:
        store = self.sandbox.store
        store.sessions[sessionid] = Session(user=store.users[username], lastaccess=int(self.clock.now()))

    def _rename_token(self) -> None:
        store = self.sandbox.store
        made = next(value for value, token in store.tokens.items() if token.name == "recorded")
        store.tokens["70ce" + "0" * 60] = store.tokens.pop(made)

    def _first_service(self) -> None:
        self.sandbox.add_service("Payment API", tags={"sla": "gold"}, serviceid="1")

    def _tree(self) -> None:
        """Payment API fails with severity 4; a rule of Checkout, its parent, makes that a 5."""
        store = self.sandbox.store
        created = dict(store.services)
        store.services.clear()
        self.sandbox.add_service(
            "Payment API",
            serviceid="1",
            algorithm=1,
            sortorder=1,
            description="card and wallet payments",
            tags={"sla": "gold"},
            problem_tags=[TagMatch(tag="service", value="payment")],
            created_at=SCENE,
            uuid="91e5ace0f55740e3818c8161f04b9323",
        )
        store.services["4"], store.services["2"] = created["4"], created["2"]
        store.services["3"], store.services["5"] = created["3"], created["5"]
        self.sandbox.add_service(
            "Checkout",
            serviceid="6",
            children=["2", "1"],
            tags={"sla": "gold", "tier": "1"},
            created_at=SCENE,
            status_rules=[StatusRule(type=0, limit_value=1, limit_status=4, new_status=5)],
            uuid="dc7f071732604a95acddd86219d42c0a",
        )
        self.sandbox.add_outage("1", SCENE + 3, SCENE + 11, name="payment.up is down", eventid="7")

    def _history(self) -> None:
        """Outages of the past were put into the database by hand, and three services made older; the database then lists those first."""
        services = self.sandbox.store.services
        for serviceid in ("6", "1", "4", "2", "3", "5"):
            services[serviceid] = services.pop(serviceid)
        for serviceid in ("1", "2", "3", "6"):
            services[serviceid].created_at = BACKDATED
        services["4"].created_at = SCENE
        services["6"].children = ["1"]  # what was put in by hand for Search was not put in for Checkout
        self.sandbox.add_outage("1", 1791763200, 1791770400)
        self.sandbox.add_outage("1", 1794996000, 1794997800)
        self.sandbox.add_outage("2", 1795140000, 1795140045, severity=2)
        self.sandbox.add_outage("3", 1795010400, 1795176000)

    def _minimal_sla(self) -> None:
        self.sandbox.add_sla("Minimal", tags=[TagMatch(tag="sla")], slo=99.5, effective_date=1761523200)

    def _second_update(self) -> None:
        away = [{"name": "one", "period_from": 1795219200, "period_to": 1795219260}]
        self._call(
            "sla.update", {"slaid": "7", "service_tags": [{"tag": "sla", "operator": 2, "value": "go"}], "excluded_downtimes": away}
        )

    def _people(self) -> None:
        assert self._call("sla.delete", [11]) == {"slaids": [11]}
        self._call("sla.update", {"slaid": "12", "effective_date": 1758747600})
        slas = self.sandbox.store.slas
        for slaid in ("12", "14"):  # an updated row comes after those the database has not touched since
            slas[slaid] = slas.pop(slaid)
        user = Role(type=1, manage_sla=False)
        self.sandbox.add_user("plain", "x", role=user)
        self.sandbox.add_user("no api", "x", role=evolve(user, api=False))
        self.sandbox.add_user("nothing", "x", role=evolve(user, services=frozenset()))
        self.sandbox.add_user("one", "Sdk-test-pass-1!", role=evolve(user, services=frozenset({"2"})))
        for number, username in enumerate(("plain", "no api", "nothing", "one"), 3):
            self._session(f"5e550{number}".ljust(32, "0"), username)

    def _disabled_token(self) -> None:
        store = self.sandbox.store
        value = self.sandbox.add_token()
        store.tokens["70ce02".ljust(64, "0")] = store.tokens.pop(value)
        self.sandbox.revoke_token("70ce02".ljust(64, "0"))

    def _logged_out(self) -> None:
        self._session("5e5508".ljust(32, "0"), "Admin")
        self.sandbox.store.sessions["5e5508".ljust(32, "0")].active = False

    def _idle(self) -> None:
        session = self.sandbox.store.sessions["5e5503".ljust(32, "0")]
        session.user.autologout, session.lastaccess = 90, session.lastaccess - 100

    def _blocked(self) -> None:
        for _ in range(5):
            body = json.dumps(
                {"jsonrpc": "2.0", "method": "user.login", "params": {"username": "one", "password": "wrong"}, "id": 1}
            )
            headers = {"content-type": "application/json-rpc"}
            self.sandbox.handle(SandboxRequest(method="POST", segments=("api_jsonrpc.php",), headers=headers, body=body.encode()))

    def _sql_errors(self) -> None:
        self.sandbox.database_down = False
        self.sandbox.sql_errors = True


@pytest.fixture(scope="module")
def replay() -> Replay:
    return Replay()


@pytest.mark.parametrize("name", [n for n in names() if n not in EDGE | FRESH | {"wrong_path_index"}])
def test_recorded_answer_is_given_value_for_value(replay: Replay, name: str) -> None:
    recorded = recording(name)["response"]
    answer = replay.answers[name]
    assert answer.status == recorded["status"]
    headers = cast(Mapping[str, str], recorded["headers"])
    assert answer.headers.get("content-type") == headers.get("content-type")
    if recorded["body"] is None:
        assert answer.body.decode() == (recorded["body_text"] or "")
    else:
        assert json.loads(answer.body) == recorded["body"]


def with_text() -> list[str]:
    return [
        n for n in names() if n not in EDGE | FRESH | {"wrong_path_index"} and recording(n)["response"]["body_text"] is not None
    ]


@pytest.mark.parametrize("name", with_text())
def test_recorded_answer_is_written_with_the_same_characters(replay: Replay, name: str) -> None:
    recorded = recording(name)["response"]
    # PHP and Python write the shortest digits of a float alike, so the texts can be compared.
    assert replay.answers[name].body.decode() == recorded["body_text"]


@pytest.mark.parametrize("name", sorted(FRESH))
def test_recorded_answer_with_a_new_secret_has_the_same_form(replay: Replay, name: str) -> None:
    def form(value: object) -> object:
        if isinstance(value, dict):
            return {k: form(v) for k, v in cast(dict[str, object], value).items()}
        if isinstance(value, list):
            return [form(v) for v in cast(list[object], value)]
        return (type(value).__name__, len(value)) if isinstance(value, str) and len(value) > 30 else value

    # tokenid differs by the token that every sandbox starts with
    got = json.loads(replay.answers[name].body.replace(b'"tokenid":"2"', b'"tokenid":"1"'))
    assert form(got) == form(recording(name)["response"]["body"])


def test_the_login_page_comes_for_a_wrong_path(replay: Replay) -> None:
    answer, recorded = replay.answers["wrong_path_index"], recording("wrong_path_index")["response"]
    assert (answer.status, answer.content_type, answer.body[:15]) == (recorded["status"], "text/html", b"<!DOCTYPE html>")


@pytest.mark.parametrize("name", sorted(EDGE))
def test_what_a_server_in_front_answered_can_be_played_as_a_fault(name: str) -> None:
    recorded = recording(name)["response"]
    status, body = cast(int, recorded["status"]), str(recorded["body_text"]).encode()
    headers = {"content-type": cast(Mapping[str, str], recorded["headers"])["content-type"]}
    sandbox = ZabbixSandbox(version="6.0.14", faults=[Fault.status(status, body=body, headers=headers)])
    answer = sandbox.handle(request_of(name))
    assert isinstance(answer, Reply)
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, headers["content-type"], body)
