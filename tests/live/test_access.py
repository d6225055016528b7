"""Credentials on a real Zabbix 6.0: tokens, sessions that end, blocked logins, roles."""

from __future__ import annotations

import threading
import time
from typing import cast

import httpx
import pytest

from slo_common import (
    AlreadyExists,
    AuthenticationError,
    ConfigurationError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    UnexpectedContent,
    ValidationFailed,
)
from tests.live.conftest import Zabbix
from zabbix_sla import AsyncZabbixSLA, MethodNotFound, SessionEnded, ZabbixSLA, calls

JSON = dict[str, object]
PASSWORD = "Live-test-pass-1!"


def ids(answer: object, name: str) -> str:
    return cast(dict[str, list[str]], answer)[name][0]


def user(zbx: ZabbixSLA, name: str, rules: JSON, *, type: int = 1) -> str:
    """A user of a role with these rules; gives the user id."""
    role = ids(zbx.call("role.create", {"name": name, "type": type, "rules": rules}), "roleids")
    group = ids(zbx.call("usergroup.create", {"name": name}), "usrgrpids")
    made = zbx.call("user.create", {"username": name, "passwd": PASSWORD, "roleid": role, "usrgrps": [{"usrgrpid": group}]})
    return ids(made, "userids")


def sessions(zabbix: Zabbix, name: str) -> int:
    rows = zabbix.sql(f"select count(*) from sessions s join users u using (userid) where u.username='{name}' and s.status=0")
    return int(rows[0][0])


def test_a_token_works(zabbix: Zabbix, token: str) -> None:
    with ZabbixSLA(zabbix.url, token=token) as client:
        assert client.sla.count() >= 0


async def test_a_token_works_with_the_async_client(zabbix: Zabbix, token: str) -> None:
    async with AsyncZabbixSLA(zabbix.url, token=token) as client:
        assert await client.apiinfo.version() == "6.0.14"
        assert await client.service.count() >= 0


def test_a_revoked_token_is_refused_without_a_second_try(zabbix: Zabbix, zbx: ZabbixSLA, token: str, name: str) -> None:
    tokens = cast(list[dict[str, str]], zbx.call("token.get", {"filter": {"name": name}}))
    zbx.call("token.update", {"tokenid": tokens[0]["tokenid"], "status": 1})
    with ZabbixSLA(zabbix.url, token=token) as client, pytest.raises(AuthenticationError, match="Not authorized") as caught:
        client.sla.get()
    assert len(caught.value.attempts) == 1


def test_an_expired_token_says_so(zabbix: Zabbix, zbx: ZabbixSLA, token: str, name: str) -> None:
    tokens = cast(list[dict[str, str]], zbx.call("token.get", {"filter": {"name": name}}))
    zbx.call("token.update", {"tokenid": tokens[0]["tokenid"], "expires_at": int(time.time()) - 10})
    with ZabbixSLA(zabbix.url, token=token) as client, pytest.raises(AuthenticationError, match="API token expired"):
        client.sla.get()


def test_a_header_that_6_0_ignores_is_explained(zabbix: Zabbix, token: str) -> None:
    with ZabbixSLA(zabbix.url, token=token, auth_transport="header") as client, pytest.raises(AuthenticationError) as caught:
        client.sla.get()
    assert caught.value.hint == "Zabbix before 6.4 ignores the Authorization header: use auth_transport='auto' or 'body'"


def test_a_session_is_closed_with_the_client(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client:
        client.sla.get()
        assert sessions(zabbix, name) == 1
    assert sessions(zabbix, name) == 0


def test_a_session_that_was_ended_is_opened_again(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client:
        client.sla.get()
        zabbix.sql(f"update sessions set status=1 where userid=(select userid from users where username='{name}')")
        assert client.sla.count() >= 0


def test_an_idle_session_is_opened_again(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    userid = user(zbx, name, {})
    zbx.call("user.update", {"userid": userid, "autologout": "90s"})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client:
        client.sla.get()
        zabbix.sql(f"update sessions set lastaccess=lastaccess-100 where userid={userid}")
        assert client.sla.count() >= 0


def test_threads_that_lose_a_session_log_in_once(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    userid = user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client:
        client.sla.get()
        zabbix.sql(f"delete from sessions where userid={userid}")
        barrier, failures = threading.Barrier(6), list[BaseException]()

        def ask() -> None:
            barrier.wait()
            try:
                client.sla.count()
            except BaseException as e:  # noqa: BLE001  # reported by the test
                failures.append(e)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert sessions(zabbix, name) == 1


def test_a_wrong_password_is_tried_once_by_a_client(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    userid = user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password="wrong") as client:
        for _ in range(4):
            with pytest.raises(AuthenticationError, match="Incorrect user name or password"):
                client.sla.get()
    assert zabbix.sql(f"select attempt_failed from users where userid={userid}") == [["1"]]


def test_a_blocked_account_refuses_the_right_password(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {})
    for _ in range(5):
        with ZabbixSLA(zabbix.url, user=name, password="wrong") as client, pytest.raises(AuthenticationError):
            client.sla.get()
    with (
        ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client,
        pytest.raises(AuthenticationError, match="temporarily blocked"),
    ):
        client.sla.get()


def test_an_unknown_user_fails_like_a_wrong_password(zabbix: Zabbix, name: str) -> None:
    with ZabbixSLA(zabbix.url, user=name, password="x") as client, pytest.raises(AuthenticationError, match="Incorrect user name"):
        client.sla.get()


def test_a_role_without_api_rights_is_denied(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {"api.access": 0})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client, pytest.raises(PermissionDenied, match=r"sla\.get"):
        client.sla.get()


def test_an_ordinary_user_may_not_create(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client, pytest.raises(PermissionDenied, match=r"sla\.create"):
        client.sla.create(name, period=0, slo=99, effective_date=0, timezone="UTC", service_tags={"a": "b"})


def test_the_login_page_is_recognised(zabbix: Zabbix, token: str) -> None:
    with pytest.raises(ConfigurationError, match="api_jsonrpc"):
        ZabbixSLA(zabbix.url.replace("api_jsonrpc", "index"), token=token)
    other = zabbix.url.replace("/api_jsonrpc.php", "/index.php/api_jsonrpc.php")
    with (
        ZabbixSLA(other, token=token, auth_transport="body") as client,
        pytest.raises(UnexpectedContent, match=r"api_jsonrpc\.php"),
    ):
        client.sla.get()


def test_an_unknown_sla_is_not_found(zbx: ZabbixSLA) -> None:
    with pytest.raises(NotFound):
        zbx.sla.getsli("999999999")


def test_a_name_in_use_is_a_conflict(zbx: ZabbixSLA, name: str) -> None:
    for_all = {"period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC"}
    zbx.sla.create(name, service_tags={"a": "b"}, **for_all)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the same twice
    with pytest.raises(AlreadyExists, match=name):
        zbx.sla.create(name, service_tags={"a": "b"}, **for_all)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the same twice


def test_an_unknown_method_is_named(zbx: ZabbixSLA) -> None:
    with pytest.raises(MethodNotFound, match=r"sla\.nope"):
        zbx.call("sla.nope", {})


def test_a_parameter_that_the_server_refuses_is_named(zbx: ZabbixSLA) -> None:
    with pytest.raises(ValidationFailed) as caught:
        zbx.call("sla.create", [{"name": "x"}])
    assert "period" in caught.value.errors[0].detail


def test_a_batch_keeps_the_good_answers_beside_the_bad(zbx: ZabbixSLA) -> None:
    asked = [
        calls.call("sla.get", {"countOutput": True}),
        calls.call("sla.nope", {}),
        calls.call("service.get", {"countOutput": True}),
    ]
    outcomes = zbx.batch(asked)
    assert [type(o.error).__name__ for o in outcomes] == ["NoneType", "MethodNotFound", "NoneType"]


def test_a_batch_with_an_ended_session_logs_in_again(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    userid = user(zbx, name, {})
    with ZabbixSLA(zabbix.url, user=name, password=PASSWORD) as client:
        client.sla.get()
        zabbix.sql(f"update sessions set status=1 where userid={userid}")
        outcomes = client.batch([calls.call("sla.get", {"countOutput": True})] * 3)
    assert [o.error for o in outcomes] == [None, None, None]


def test_a_session_that_cannot_be_renewed_says_so(zabbix: Zabbix, zbx: ZabbixSLA, name: str) -> None:
    user(zbx, name, {})
    answer = httpx.post(
        zabbix.url,
        json={"jsonrpc": "2.0", "method": "user.login", "params": {"username": name, "password": PASSWORD}, "id": 1},
    ).json()
    zabbix.sql("update sessions set status=1 where sessionid='" + answer["result"] + "'")
    # A session id given as a token: there is no password to open another with.
    with ZabbixSLA(zabbix.url, token=answer["result"]) as client, pytest.raises(SessionEnded):
        client.sla.get()


def test_no_argument_that_is_wrong_reaches_the_server(zbx: ZabbixSLA) -> None:
    with pytest.raises(InvalidArgument, match="periods"):
        zbx.sla.getsli("1", periods=101)
