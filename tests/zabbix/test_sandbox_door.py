"""The sandbox's front door: HTTP, envelopes, credentials and what each version makes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from slo_common.sandbox import Fault, FixedWindows, VirtualClock, Window
from tests.zabbix.sandbox_requests import ask, reply
from zabbix_sla.sandbox import Role, ZabbixSandbox

NOW = 1_790_000_000
VERSION: dict[str, Any] = {"jsonrpc": "2.0", "method": "apiinfo.version", "params": [], "id": 1}


def made(version: str = "7.0.22") -> ZabbixSandbox:
    return ZabbixSandbox(version=version, clock=VirtualClock(NOW))


def answer(sandbox: ZabbixSandbox, body: Any, **options: Any) -> Any:
    return json.loads(reply(sandbox, body, **options).body)


# HTTP


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json-rpc", "application/jsonrequest", "application/json; charset=utf-8"]
)
def test_json_in_three_spellings_is_read(content_type: str) -> None:
    assert answer(made(), VERSION, content_type=content_type)["result"] == "7.0.22"


@pytest.mark.parametrize("content_type", [None, "text/plain", "Application/JSON"])
def test_other_content_types_are_412(content_type: str | None) -> None:
    found = reply(made(), VERSION, content_type=content_type)
    assert (found.status, found.body) == (412, b"")


def test_another_path_is_404() -> None:
    assert reply(made(), VERSION, path="zabbix/other").status == 404


@pytest.mark.parametrize("path", ["", "index.php", "zabbix/index.php"])
def test_the_frontend_shows_its_login_page(path: str) -> None:
    found = reply(made(), VERSION, path=path)
    assert (found.status, found.content_type) == (200, "text/html")


def test_the_api_is_found_below_a_folder() -> None:
    assert reply(made(), VERSION, path="zabbix/api_jsonrpc.php").status == 200


def test_options_are_answered_for_browsers() -> None:
    found = reply(made(), b"", method="OPTIONS")
    assert (found.status, found.headers["access-control-allow-methods"]) == (200, "POST")


def test_a_meter_refuses_as_a_proxy_does() -> None:
    sandbox = ZabbixSandbox(meter=FixedWindows(lambda _: Window(limit=1, seconds=60)), clock=VirtualClock(NOW))
    assert [reply(sandbox, VERSION).status for _ in range(2)] == [200, 429]


def test_a_fault_comes_before_the_server() -> None:
    sandbox = ZabbixSandbox(faults=[Fault.status(502)])
    assert [reply(sandbox, VERSION).status for _ in range(2)] == [502, 200]


# Envelopes


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({**VERSION, "jsonrpc": "1.0"}, 'Invalid parameter "/jsonrpc": value must be "2.0".'),
        ({**VERSION, "method": 1}, 'Invalid parameter "/method": a character string is expected.'),
        ({**VERSION, "params": "x"}, 'Invalid parameter "/params": an array or object is expected.'),
        ({**VERSION, "id": {}}, 'Invalid parameter "/id": a string, number or null value is expected.'),
        ({**VERSION, "id": True}, 'Invalid parameter "/id": a string, number or null value is expected.'),
        ({**VERSION, "auth": ""}, 'Invalid parameter "/auth": cannot be empty.'),
        (7, "The received JSON is not a valid JSON-RPC request."),
        ({}, "The received JSON is not a valid JSON-RPC request."),
    ],
)
def test_a_bad_envelope_is_refused(body: Any, problem: str) -> None:
    found = answer(made(), body)
    assert (found["error"]["code"], found["error"]["data"]) == (-32600, problem)


def test_a_bad_id_is_answered_with_null() -> None:
    assert answer(made(), {**VERSION, "id": {}, "foo": 1})["id"] is None


def test_methods_do_not_mind_the_case() -> None:
    assert answer(made(), {**VERSION, "method": "APIInfo.VERSION"})["result"] == "7.0.22"


def test_a_call_without_an_id_is_not_answered() -> None:
    without = {k: v for k, v in VERSION.items() if k != "id"}
    assert reply(made(), without).body == b""


def test_what_follows_a_second_dot_is_ignored() -> None:
    assert answer(made(), {**VERSION, "method": "apiinfo.version.x"})["result"] == "7.0.22"


# Versions


@pytest.mark.parametrize(
    ("version", "header", "body"),
    [("6.0.14", False, True), ("6.4.0", True, True), ("7.0.22", True, True), ("7.2.0", True, False)],
)
def test_each_version_takes_the_credential_in_its_places(version: str, header: bool, body: bool) -> None:
    sandbox = made(version)
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": "sla.get", "params": {}, "id": 1}
    by_header = answer(sandbox, call, authorization=f"Bearer {sandbox.token}")
    by_body = answer(sandbox, {**call, "auth": sandbox.token})
    assert ("result" in by_header, "result" in by_body) == (header, body)


def test_the_scheme_is_exactly_bearer() -> None:
    sandbox = made()
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": "sla.get", "params": {}, "id": 1}
    assert answer(sandbox, call, authorization=f"bearer {sandbox.token}")["error"]["data"] == "Not authorized."


@pytest.mark.parametrize("version", ["6.0.14", "7.0.9"])
def test_a_credential_in_the_body_where_none_belongs_is_refused(version: str) -> None:
    sandbox = made(version)
    found = answer(sandbox, {**VERSION, "auth": sandbox.token})
    assert found["error"]["data"] == 'The "apiinfo.version" method must be called without the "auth" parameter.'


def test_a_credential_in_the_header_where_none_belongs_is_refused() -> None:
    sandbox = made("7.0.9")
    found = answer(sandbox, VERSION, authorization=f"Bearer {sandbox.token}")
    assert found["error"]["data"] == 'The "apiinfo.version" method must be called without authorization header.'


def test_6_0_does_not_look_at_the_header() -> None:
    assert answer(made("6.0.14"), VERSION, authorization="Bearer x")["result"] == "6.0.14"


@pytest.mark.parametrize(("version", "code"), [("6.0.14", -32602), ("7.0.22", -32500)])
def test_a_denied_role_has_the_code_of_its_version(version: str, code: int) -> None:
    sandbox = made(version)
    sandbox.add_user("u", "p", role=Role(type=1))
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": "sla.create", "params": {}, "id": 1}
    held = sandbox.add_token("u")
    found = answer(sandbox, {**call, "auth": held}) if version < "7" else answer(sandbox, call, authorization=f"Bearer {held}")
    assert (found["error"]["code"], found["error"]["data"]) == (code, 'No permissions to call "sla.create".')


@pytest.mark.parametrize("version", ["6.0.14", "6.4.0"])
def test_user_instead_of_username_ends_with_6_4(version: str) -> None:
    found = ask(made(version), "user.login", {"user": "Admin", "password": "zabbix"}, token=None)
    assert (len(found) == 32) == (version == "6.0.14")


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ("6.0.14", {"code": 1, "message": "Error connecting to database.", "data": ""}),
        ("7.0.22", {"code": -32603, "message": "Internal error.", "data": "Error connecting to database."}),
    ],
)
def test_a_database_that_is_down(version: str, error: dict[str, object]) -> None:
    sandbox = made(version)
    sandbox.database_down = True
    assert answer(sandbox, VERSION) == {"jsonrpc": "2.0", "error": error, "id": 1}


@pytest.mark.parametrize("body", [b"{", [VERSION]])
def test_a_database_that_is_down_answers_what_it_cannot_read_too(body: Any) -> None:
    sandbox = made()
    sandbox.database_down = True
    assert answer(sandbox, body)["id"] is None


@pytest.mark.parametrize(
    ("version", "method", "found"),
    [
        ("6.0.14", "sla.get", []),
        ("6.0.14", "sla.create", "Your database is not working properly."),
        ("7.0.22", "sla.get", "Database error occurred."),
        ("7.0.22", "sla.create", "Database error occurred."),
        ("6.0.14", "sla.getsli", "No permissions to referred object or it does not exist!"),
        ("7.0.22", "sla.getsli", "No permissions to referred object or it does not exist!"),
    ],
)
def test_a_statement_that_fails(version: str, method: str, found: object) -> None:
    sandbox = made(version)
    sandbox.sql_errors = True
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": {}, "id": 1}
    got = answer(sandbox, {**call, "auth": sandbox.token})
    assert got.get("result", got.get("error", {}).get("data")) == found


# Sessions and tokens


def login(sandbox: ZabbixSandbox, password: str = "zabbix", **more: Any) -> Any:
    return ask(sandbox, "user.login", {"username": "Admin", "password": password, **more}, token=None)


def test_a_session_lives_until_it_is_logged_out() -> None:
    sandbox = made()
    session = login(sandbox)
    assert ask(sandbox, "sla.get", {}, token=session) == []
    assert ask(sandbox, "user.logout", [], token=session) is True
    assert ask(sandbox, "sla.get", {}, token=session) == "Session terminated, re-login, please."


def test_a_login_may_describe_the_user() -> None:
    found = login(made(), userData=True)
    assert (found["username"], found["type"], len(found["sessionid"])) == ("Admin", 3, 32)


def test_five_wrong_passwords_block_for_30_seconds() -> None:
    clock = VirtualClock(NOW)
    sandbox = ZabbixSandbox(clock=clock)
    for _ in range(5):
        login(sandbox, "wrong")
    assert login(sandbox).startswith("Incorrect user name")
    clock.advance(30)
    assert len(login(sandbox)) == 32


def test_user_and_username_together_are_refused() -> None:
    found = ask(made("6.0.14"), "user.login", {"username": "Admin", "user": "Admin", "password": "x"}, token=None)
    assert found == 'Parameter "user" is deprecated.'


def test_the_version_takes_no_parameter() -> None:
    assert ask(made(), "apiinfo.version", [1], token=None) == 'Invalid parameter "/": should be empty.'


def test_a_right_password_forgets_the_wrong_ones() -> None:
    sandbox = made()
    for _ in range(4):
        login(sandbox, "wrong")
    login(sandbox)
    assert sandbox.store.users["Admin"].failed == 0


def test_silence_ends_a_session_and_asking_prolongs_it() -> None:
    clock = VirtualClock(NOW)
    sandbox = ZabbixSandbox(clock=clock)
    sandbox.add_user("u", "p", autologout=100)
    session = ask(sandbox, "user.login", {"username": "u", "password": "p"}, token=None)
    for _ in range(3):
        clock.advance(60)
        assert ask(sandbox, "sla.get", {}, token=session) == []
    clock.advance(100)
    assert ask(sandbox, "sla.get", {}, token=session) == "Session terminated, re-login, please."


def test_a_look_at_a_session_need_not_prolong_it() -> None:
    clock = VirtualClock(NOW)
    sandbox = ZabbixSandbox(clock=clock)
    sandbox.add_user("u", "p", autologout=100)
    session = ask(sandbox, "user.login", {"username": "u", "password": "p"}, token=None)
    clock.advance(60)
    assert ask(sandbox, "user.checkAuthentication", {"sessionid": session, "extend": False}, token=None)["sessionid"] == session
    clock.advance(60)
    assert ask(sandbox, "user.checkAuthentication", {"sessionid": session}, token=None) == "Session terminated, re-login, please."


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, "Session ID or token is expected."),
        ({"sessionid": "a", "token": "b"}, "Session ID or token is expected."),
        ({"token": "b", "extend": True}, 'Invalid parameter "/": unexpected parameter "extend".'),
        ({"token": "b"}, "Not authorized."),
        ({"sessionid": "b", "extend": 1}, 'Invalid parameter "/extend": a boolean is expected.'),
    ],
)
def test_a_look_that_asks_wrongly(params: dict[str, object], found: str) -> None:
    assert ask(made(), "user.checkAuthentication", params, token=None) == found


def test_a_look_at_a_token_describes_its_user() -> None:
    sandbox = made()
    assert ask(sandbox, "user.checkAuthentication", {"token": sandbox.token}, token=None)["username"] == "Admin"


def test_a_token_cannot_log_out() -> None:
    assert ask(made(), "user.logout", []).startswith('Incorrect field "sessionid"')


def test_a_token_expires() -> None:
    sandbox = made()
    held = sandbox.add_token(expires_at=datetime.fromtimestamp(NOW - 1, UTC))
    assert ask(sandbox, "sla.get", {}, token=held) == "API token expired."


def test_a_token_may_be_made_disabled() -> None:
    sandbox = made()
    assert ask(sandbox, "sla.get", {}, token=sandbox.add_token(enabled=False)) == "Not authorized."


def test_no_credential_is_not_authorised() -> None:
    assert ask(made(), "sla.get", {}, token=None) == "Not authorized."


def test_a_token_is_made_and_then_generated() -> None:
    sandbox = made()
    tokenids = ask(sandbox, "token.create", [{"name": "a"}, {"name": "b", "expires_at": NOW - 5}])["tokenids"]
    first, second = ask(sandbox, "token.generate", tokenids)
    assert ask(sandbox, "sla.get", {}, token=first["token"]) == []
    assert ask(sandbox, "sla.get", {}, token=second["token"]) == "API token expired."


def test_an_unknown_token_is_not_generated() -> None:
    assert ask(made(), "token.generate", ["99"]) == "No permissions to referred object or it does not exist!"


def test_ending_sessions_tells_how_many() -> None:
    sandbox = made()
    login(sandbox)
    login(sandbox)
    assert (sandbox.open_sessions, sandbox.end_sessions(), sandbox.open_sessions) == (2, 2, 0)


# Parameters


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"limit": "x"}, 'Invalid parameter "/limit": an integer is expected.'),
        ({"limit": 2**40}, 'Invalid parameter "/limit": a number is too large.'),
        ({"slaids": ["9" * 30]}, 'Invalid parameter "/slaids/1": a number is too large.'),
        ({"slaids": [True]}, 'Invalid parameter "/slaids/1": a number is expected.'),
        ({"slaids": "x"}, 'Invalid parameter "/slaids": an array is expected.'),
        ({"output": ["name", "name"]}, 'Invalid parameter "/output/2": value (name) already exists.'),
        ({"output": None}, 'Invalid parameter "/output": an array or a character string is expected.'),
        ({"sortorder": 7}, 'Invalid parameter "/sortorder": an array or a character string is expected.'),
        ({"sortorder": ["UP"]}, 'Invalid parameter "/sortorder/1": value must be one of "ASC", "DESC".'),
        (
            {"filter": {"name": [None]}},
            'Invalid parameter "/filter/name/1": a character string, integer or floating point value is expected.',
        ),
        ({"editable": "x"}, 'Invalid parameter "/editable": a boolean is expected.'),
    ],
)
def test_a_parameter_is_refused_in_the_servers_words(params: dict[str, object], problem: str) -> None:
    assert ask(made(), "sla.get", params) == problem
