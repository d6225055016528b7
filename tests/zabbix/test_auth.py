"""Where the credential goes on every version, and how sessions begin, end and begin again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from slo_common import (
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    InsecureURL,
    OutcomeUnknown,
    RetryPolicy,
    Secret,
    ServiceUnavailable,
)
from slo_common.sandbox import Fault, VirtualClock
from tests.zabbix.modes import TOKEN, URL, Handler, Mode, Server, all_modes, error, result
from zabbix_sla import AsyncZabbixSLA, SessionEnded, ZabbixSLA
from zabbix_sla._auth import release
from zabbix_sla.sandbox import Role, ZabbixSandbox

VERSIONS = ("6.0.14", "6.4.0", "7.0.22", "7.2.1", "8.0.0")
ENDED = "Session terminated, re-login, please."
NO = "Not authorized."


def count(z: Any) -> Any:
    return z.sla.count()


@all_modes
@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_works_on_every_version(mode: Mode, version: str) -> None:
    assert mode(count, sandbox=ZabbixSandbox(version=version)) == 0


@all_modes
@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_works_on_every_version_and_is_closed(mode: Mode, version: str) -> None:
    sandbox = ZabbixSandbox(version=version)
    assert mode(count, sandbox=sandbox, user="Admin", password="zabbix") == 0
    assert sandbox.open_sessions == 0


@pytest.mark.parametrize(("version", "place"), [("6.0.14", "body"), ("6.2.9", "body"), ("6.4.0", "header"), ("7.2.0", "header")])
def test_the_credential_goes_where_the_version_wants_it(version: str, place: str) -> None:
    server = Server(version, sla_get="0")
    Mode("sync")(count, http=server.http)
    body, header = server.bodies[1].get("auth"), server.requests[1].headers.get("authorization")
    assert (body, header) == ((TOKEN, None) if place == "body" else (None, f"Bearer {TOKEN}"))


def test_an_unknown_future_version_is_taken() -> None:
    server = Server("Zabbix Next", sla_get="0")
    Mode("sync")(count, http=server.http)
    assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("place", ["header", "body"])
def test_a_fixed_place_needs_no_version(place: str) -> None:
    server = Server(sla_get="0")
    Mode("sync")(count, http=server.http, auth_transport=place)
    assert server.methods == ["sla.get"]
    assert ("authorization" in server.requests[0].headers) == (place == "header")
    assert ("auth" in server.bodies[0]) == (place == "body")


def test_the_credential_of_a_batch_goes_into_each_call_before_6_4() -> None:
    answers = [{"jsonrpc": "2.0", "result": "0", "id": i} for i in (1, 2)]
    server = Server("6.0.14", batch=httpx.Response(200, json=answers))
    from zabbix_sla import calls

    Mode("sync")(lambda z: z.batch([calls.call("sla.get", {}), calls.call("service.get", {})]), http=server.http)
    assert [m["auth"] for m in server.bodies[1]] == [TOKEN, TOKEN]


@pytest.mark.parametrize(
    ("text", "version"), [("6.0.14", (6, 0)), ("7.10", (7, 10)), ("8.0.0alpha1", (8, 0)), ("", (9999, 0)), ("x.y", (9999, 0))]
)
def test_release_reads_the_version(text: str, version: tuple[int, int]) -> None:
    assert release(text) == version


# Sessions


@all_modes
def test_an_ended_session_is_opened_again_once(mode: Mode) -> None:
    sandbox = ZabbixSandbox()

    def sync(z: Any) -> Any:
        z.sla.count()
        sandbox.end_sessions()
        return z.sla.count()

    async def asynchronous(z: Any) -> Any:
        await z.sla.count()
        sandbox.end_sessions()
        return await z.sla.count()

    operation = sync if mode.name == "sync" else asynchronous
    assert mode(operation, sandbox=sandbox, user="Admin", password="zabbix") == 0
    logins = [json.loads(e.body)["method"] for e in sandbox.ledger]
    assert logins.count("user.login") == 2


def test_a_session_that_ends_again_at_once_is_not_renewed_for_ever() -> None:
    server = Server(user_login="s" * 32, sla_get=error(ENDED), user_logout=True)
    with pytest.raises(SessionEnded):
        Mode("sync")(count, http=server.http, user="Admin", password="p")
    assert server.methods.count("user.login") == 2
    assert server.methods.count("sla.get") == 2


def test_an_idle_session_is_opened_again() -> None:
    clock = VirtualClock()
    sandbox = ZabbixSandbox(clock=clock)
    sandbox.add_user("idler", "p", autologout=90)

    def operation(z: Any) -> Any:
        z.sla.count()
        clock.advance(91)
        return z.sla.count()

    assert Mode("sync")(operation, sandbox=sandbox, user="idler", password="p") == 0


def test_a_token_is_never_renewed() -> None:
    sandbox = ZabbixSandbox()
    sandbox.revoke_token(sandbox.token)
    with pytest.raises(AuthenticationError, match=NO) as caught:
        Mode("sync")(count, sandbox=sandbox)
    assert len(caught.value.attempts) == 1


def test_threads_that_lose_their_session_log_in_once() -> None:
    sandbox = ZabbixSandbox()
    with sandbox.serve() as server, ZabbixSLA(server.url, user="Admin", password="zabbix") as client:
        client.sla.count()
        sandbox.end_sessions()
        barrier, results = threading.Barrier(8), list[int]()

        def ask() -> None:
            barrier.wait(10)
            results.append(client.sla.count())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert results == [0] * 8
        assert sandbox.open_sessions == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_that_lose_their_session_log_in_once(backend: str) -> None:
    sandbox = ZabbixSandbox()

    async def run() -> None:
        with sandbox.serve() as server:
            async with AsyncZabbixSLA(server.url, user="Admin", password="zabbix") as client:
                async with anyio.create_task_group() as group:
                    for _ in range(8):
                        group.start_soon(client.sla.count)
                assert sandbox.open_sessions == 1
                sandbox.end_sessions()
                async with anyio.create_task_group() as group:
                    for _ in range(8):
                        group.start_soon(client.sla.count)
                assert sandbox.open_sessions == 1

    anyio.run(run, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_that_begin_together_ask_for_the_version_once(backend: str) -> None:
    sandbox = ZabbixSandbox()

    async def run() -> None:
        with sandbox.serve() as server:
            async with AsyncZabbixSLA(server.url, token=sandbox.token) as client, anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(client.sla.count)

    anyio.run(run, backend=backend)
    assert [json.loads(e.body)["method"] for e in sandbox.ledger].count("apiinfo.version") == 1


def test_a_session_that_another_call_renewed_is_not_opened_again() -> None:
    renewed = "t" * 32

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer {renewed}":
            auth: Any = client._caller.auth  # pyright: ignore[reportPrivateUsage]  # to stand in for a second thread
            auth._session = Secret(renewed)  # what a second thread would have done meanwhile
            return error(ENDED)
        return result("7")

    server = Server(user_login="s" * 32, sla_get=answer, user_logout=True)
    client = ZabbixSLA(URL, user="Admin", password="p", http=server.http)
    assert client.sla.count() == 7
    assert server.methods.count("user.login") == 1


def test_a_view_shares_the_session() -> None:
    sandbox = ZabbixSandbox()

    def operation(z: ZabbixSLA) -> int:
        z.sla.count()
        return z.with_options(timeout=5).sla.count()

    Mode("sync")(operation, sandbox=sandbox, user="Admin", password="zabbix")
    assert sum(json.loads(e.body)["method"] == "user.login" for e in sandbox.ledger) == 1


@all_modes
def test_a_failed_login_is_not_repeated(mode: Mode) -> None:
    sandbox = ZabbixSandbox()

    def sync(z: Any) -> None:
        for _ in range(3):
            with pytest.raises(AuthenticationError, match="Incorrect user name or password"):
                z.sla.count()

    async def asynchronous(z: Any) -> None:
        for _ in range(3):
            with pytest.raises(AuthenticationError, match="Incorrect user name or password"):
                await z.sla.count()

    mode(sync if mode.name == "sync" else asynchronous, sandbox=sandbox, user="Admin", password="wrong")
    assert sandbox.store.users["Admin"].failed == 1


def test_a_login_that_could_not_be_sent_is_repeated() -> None:
    sandbox = ZabbixSandbox(clock=VirtualClock(), faults=[Fault.reset(skip=1, times=1)])
    assert Mode("sync")(count, sandbox=sandbox, user="Admin", password="zabbix") == 0


def test_a_login_without_a_session_id_is_refused() -> None:
    from slo_common import MalformedResponse

    server = Server(user_login={"sessionid": "x"})
    with pytest.raises(MalformedResponse, match="no session id"):
        Mode("sync")(count, http=server.http, user="Admin", password="p")


def test_a_user_without_the_right_role_is_told() -> None:
    from slo_common import PermissionDenied

    sandbox = ZabbixSandbox()
    sandbox.add_user("guest", "p", role=Role(type=1, api=False))
    with pytest.raises(PermissionDenied, match="role of this user"):
        Mode("sync")(count, sandbox=sandbox, user="guest", password="p")


def test_a_client_that_asked_nothing_has_nothing_to_log_out() -> None:
    sandbox = ZabbixSandbox()
    ZabbixSLA(URL, user="Admin", password="zabbix", http=sandbox.transport()).close()
    assert sandbox.ledger == ()


def test_closing_closes_even_when_the_logout_is_interrupted() -> None:
    def interrupted(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    server = Server(user_login="s" * 32, sla_get="0", user_logout=interrupted)
    client = ZabbixSLA(URL, user="Admin", password="p", http=server.http)
    client.sla.count()
    with pytest.raises(KeyboardInterrupt):
        client.close()
    with pytest.raises(ClientClosed):
        client.sla.count()


def test_closing_survives_a_failed_logout() -> None:
    sandbox = ZabbixSandbox()
    client = ZabbixSLA(URL, user="Admin", password="zabbix", http=sandbox.transport())
    client.sla.count()
    sandbox.faults.add(Fault.status(500))
    client.close()
    client.close()
    assert json.loads(sandbox.ledger[-1].body)["method"] == "user.logout"


def test_a_token_is_not_logged_out() -> None:
    sandbox = ZabbixSandbox()
    Mode("sync")(count, sandbox=sandbox)
    assert "user.logout" not in [json.loads(e.body)["method"] for e in sandbox.ledger]


# A header that gets lost


def test_auto_goes_over_to_the_body_when_the_header_gets_lost() -> None:
    sandbox = ZabbixSandbox(version="7.0.22")
    sandbox.strips_authorization = True

    def twice(z: Any) -> Any:
        z.sla.count()
        return z.sla.count()

    assert Mode("sync")(twice, sandbox=sandbox) == 0
    methods = [json.loads(e.body)["method"] for e in sandbox.ledger]
    assert methods == ["apiinfo.version", "sla.get", "user.checkAuthentication", "sla.get", "sla.get"]


def test_a_lost_header_is_named_where_only_the_header_counts() -> None:
    sandbox = ZabbixSandbox(version="7.2.1")
    sandbox.strips_authorization = True
    with pytest.raises(AuthenticationError, match="CGIPassAuth On") as caught:
        Mode("sync")(count, sandbox=sandbox)
    assert caught.value.hint is not None
    assert "auth_transport" not in caught.value.hint


def test_a_lost_header_names_the_body_to_who_asked_for_the_header() -> None:
    sandbox = ZabbixSandbox(version="7.0.22")
    sandbox.strips_authorization = True
    with pytest.raises(AuthenticationError, match="auth_transport='body'"):
        Mode("sync")(count, sandbox=sandbox, auth_transport="header")


def test_a_header_sent_to_6_0_is_explained() -> None:
    with pytest.raises(AuthenticationError, match=r"before 6\.4 ignores"):
        Mode("sync")(count, sandbox=ZabbixSandbox(version="6.0.14"), auth_transport="header")


def test_a_body_sent_to_7_2_is_explained() -> None:
    with pytest.raises(AuthenticationError, match="only in the Authorization header"):
        Mode("sync")(count, sandbox=ZabbixSandbox(version="7.2.1"), auth_transport="body")


def test_a_lost_header_is_found_with_a_session_too() -> None:
    sandbox = ZabbixSandbox(version="7.0.22")
    sandbox.strips_authorization = True
    assert Mode("sync")(count, sandbox=sandbox, user="Admin", password="zabbix") == 0


def test_a_dead_token_is_not_blamed_on_the_header() -> None:
    sandbox = ZabbixSandbox()
    with pytest.raises(AuthenticationError) as caught:
        Mode("sync")(count, sandbox=sandbox, token="f" * 64)
    assert caught.value.hint is None


def test_a_refused_body_is_not_looked_into() -> None:
    server = Server(sla_get=error(NO))
    with pytest.raises(AuthenticationError):
        Mode("sync")(count, http=server.http, auth_transport="body")
    assert server.methods == ["sla.get"]


def test_an_expired_token_is_not_looked_into() -> None:
    server = Server(sla_get=error("API token expired.", -32500))
    with pytest.raises(AuthenticationError, match="expired"):
        Mode("sync")(count, http=server.http)
    assert "user.checkAuthentication" not in server.methods


def test_no_answer_about_the_token_leaves_the_refusal_as_it_was() -> None:
    server = Server(sla_get=error(NO), user_checkAuthentication=httpx.Response(200, content=b"?"))
    with pytest.raises(AuthenticationError, match=NO):
        Mode("sync")(count, http=server.http)


# Setting up


def test_version_and_login_carry_no_credential() -> None:
    server = Server("6.0.14", user_login="s" * 32, sla_get="0", user_logout=True)
    Mode("sync")(count, http=server.http, user="Admin", password="p")
    by_method = dict(zip(server.methods, server.bodies, strict=True))
    assert "auth" not in by_method["apiinfo.version"]
    assert "auth" not in by_method["user.login"]
    assert by_method["user.login"]["params"] == {"username": "Admin", "password": "p"}
    assert by_method["sla.get"]["auth"] == "s" * 32
    assert by_method["user.logout"]["auth"] == "s" * 32


@pytest.mark.parametrize("name", ["ZABBIX_TOKEN", "ZABBIX_API_TOKEN"])
def test_address_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("ZABBIX_URL", URL)
    monkeypatch.setenv(name, TOKEN)
    server = Server(sla_get="0")
    with ZabbixSLA(http=server.http) as client:
        client.sla.count()
    assert str(server.requests[1].url) == URL
    assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_user_and_password_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZABBIX_USER", "Admin")
    monkeypatch.setenv("ZABBIX_PASSWORD", "a pass wörd")
    server = Server(user_login="s" * 32, sla_get="0", user_logout=True)
    with ZabbixSLA(URL, http=server.http) as client:
        client.sla.count()
    assert server.bodies[0]["params"] == {"username": "Admin", "password": "a pass wörd"}


def test_a_user_given_as_an_argument_wins_over_a_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZABBIX_TOKEN", TOKEN)
    server = Server(user_login="s" * 32, sla_get="0", user_logout=True)
    with ZabbixSLA(URL, user="Admin", password=Secret("p"), http=server.http) as client:
        client.sla.count()
    assert "user.login" in server.methods


@pytest.mark.parametrize("client", [ZabbixSLA, AsyncZabbixSLA])
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "ZABBIX_TOKEN"),
        ({"user": "x"}, "ZABBIX_PASSWORD"),
        ({"password": "x"}, "ZABBIX_USER"),
        ({"token": "x", "user": "y"}, "token: it was given together"),
        ({"token": "x\ty"}, "token: a control character at position 1"),
        ({"token": TOKEN, "auth_transport": "cookie"}, "auth_transport: 'cookie'"),
        ({"token": TOKEN, "url": "http://zabbix.example.com/index.php", "allow_insecure": True}, "the address of api_jsonrpc.php"),
        ({"token": TOKEN, "url": "ftp://zabbix.example.com"}, "url: 'ftp://zabbix.example.com'"),
    ],
)
def test_what_cannot_be_set_up_is_named(client: Callable[..., object], options: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {"url": URL, **options}
    with pytest.raises(ConfigurationError) as caught:
        client(**arguments)
    assert named in str(caught.value)


def test_no_address_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="ZABBIX_URL"):
        ZabbixSLA(token=TOKEN)


def test_plain_http_to_another_machine_is_refused() -> None:
    with pytest.raises(InsecureURL):
        ZabbixSLA("http://zabbix.example.com", token=TOKEN)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://127.0.0.1/zabbix", "http://127.0.0.1/zabbix/api_jsonrpc.php"),
        ("http://127.0.0.1/zabbix/", "http://127.0.0.1/zabbix/api_jsonrpc.php"),
        ("http://127.0.0.1", "http://127.0.0.1/api_jsonrpc.php"),
        ("http://127.0.0.1/zabbix/api_jsonrpc.php", "http://127.0.0.1/zabbix/api_jsonrpc.php"),
    ],
)
def test_the_address_of_the_frontend_is_completed(given: str, asked: str) -> None:
    server = Server()
    with ZabbixSLA(given, token=TOKEN, http=server.http) as client:
        client.apiinfo.version()
    assert str(server.requests[0].url) == asked


def test_no_secret_shows_in_a_client_or_an_error() -> None:
    server = Server(sla_get=error(NO), user_checkAuthentication=error(NO))
    with ZabbixSLA(URL, token=TOKEN, http=server.http) as client, pytest.raises(AuthenticationError) as caught:
        client.sla.count()
    assert TOKEN not in f"{client!r} {caught.value!r} {caught.value} {caught.value.__dict__}"


# A create whose answer is lost


@all_modes
def test_a_create_whose_answer_was_lost_can_be_looked_up(mode: Mode) -> None:
    sandbox = ZabbixSandbox(faults=[Fault.lost_answer(skip=1)])
    fields: dict[str, Any] = {"period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC", "service_tags": {"a": "b"}}

    def sync(z: Any) -> Any:
        with pytest.raises(OutcomeUnknown) as caught:
            z.sla.create("Gold", **fields)
        return caught.value.reconcile()

    async def asynchronous(z: Any) -> Any:
        with pytest.raises(OutcomeUnknown) as caught:
            await z.sla.create("Gold", **fields)
        return await caught.value.reconcile()

    found = mode(sync if mode.name == "sync" else asynchronous, sandbox=sandbox)
    assert (found.name, found.slo) == ("Gold", 99.0)
    assert sandbox.applied == ("sla.create 1",)


def test_a_create_that_never_arrived_is_looked_up_as_none() -> None:
    sandbox = ZabbixSandbox(faults=[Fault.status(502, skip=1)])

    def operation(z: Any) -> Any:
        with pytest.raises(OutcomeUnknown) as caught:
            z.sla.create("Gold", period=0, slo=99, effective_date=0, timezone="UTC", service_tags={"a": "b"})
        return caught.value.reconcile()

    assert Mode("sync")(operation, sandbox=sandbox) is None


def test_a_delete_whose_answer_was_lost_is_done_when_nothing_is_left() -> None:
    sandbox = ZabbixSandbox(clock=VirtualClock(), faults=[Fault.lost_answer(skip=1)])
    slaid = sandbox.add_sla("Gold", tags={"a": "b"})
    assert Mode("sync")(lambda z: z.sla.delete(slaid), sandbox=sandbox) == (slaid,)


def test_a_database_that_comes_back_is_waited_for() -> None:
    sandbox = ZabbixSandbox(version="6.0.14", clock=VirtualClock())
    answers = iter([True, False])

    def operation(z: Any) -> Any:
        sandbox.database_down = next(answers)
        with pytest.raises(ServiceUnavailable, match="Error connecting to database"):
            z.with_options(retry=RetryPolicy(attempts=1)).sla.count()
        sandbox.database_down = next(answers)
        return z.sla.count()

    assert Mode("sync")(operation, sandbox=sandbox) == 0


def test_a_failure_inside_a_good_reply_is_retried() -> None:
    bad = {"jsonrpc": "2.0", "error": {"code": 1, "message": "Error connecting to database.", "data": ""}, "id": None}
    answers = iter([httpx.Response(200, json=bad), result("3")])
    handler: Handler = lambda _: next(answers)  # noqa: E731  # one line is enough
    server = Server("6.0.14", sla_get=handler)
    assert Mode("sync")(count, http=server.http, retry=RetryPolicy(backoff_base=0)) == 3
