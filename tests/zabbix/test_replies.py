"""Every answer that is no result becomes the same exception, whichever version wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from slo_common import (
    AlreadyExists,
    ApiError,
    AuthenticationError,
    BadRequest,
    DecodeError,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RetryPolicy,
    ServerError,
    ServiceUnavailable,
    UnexpectedContent,
    UnexpectedRedirect,
    ValidationFailed,
)
from tests.zabbix.modes import Handler, Mode, Operation, Server, all_modes, error, reply, result
from zabbix_sla import MethodNotFound, ServerOutOfMemory, SessionEnded, UnsupportedVersion
from zabbix_sla.sandbox import Role, ZabbixSandbox

ONCE = RetryPolicy(attempts=1, rate_limit_retries=0)
RECORDED = Path(__file__).parent.parent / "data" / "zabbix" / "recorded-6.0"

# Situation: the code of 6.0.14, the code of 7.0.22, the text, the exception.
MAP: list[tuple[int, int, str, type[ApiError]]] = [
    (-32602, -32602, "Not authorized.", AuthenticationError),
    (-32602, -32602, "Session terminated, re-login, please.", SessionEnded),
    (-32500, -32500, "API token expired.", AuthenticationError),
    (-32500, -32500, "Incorrect user name or password or account is temporarily blocked.", AuthenticationError),
    (-32602, -32500, "Incorrect user name or password or account is temporarily blocked.", AuthenticationError),
    (-32602, -32500, 'No permissions to call "sla.create".', PermissionDenied),
    (-32500, -32500, "No permissions to referred object or it does not exist!", NotFound),
    (-32602, -32602, 'Invalid parameter "/periods": value must be one of 1-100.', ValidationFailed),
    (-32602, -32602, 'SLA "X" already exists.', AlreadyExists),
    (-32602, -32602, 'Invalid parameter "/1/service_tags/2": value (tag, value)=(a, b) already exists.', ValidationFailed),
    (-32602, -32602, 'Start time must be less than end time for SLA "X".', ValidationFailed),
    (-32601, -32601, 'Incorrect method "sla.nope".', MethodNotFound),
    (-32601, -32601, 'Incorrect API "sla".', UnsupportedVersion),
    (-32602, -32602, 'The "apiinfo.version" method must be called without authorization header.', ValidationFailed),
    (-32600, -32600, "The received JSON is not a valid JSON-RPC request.", BadRequest),
    (-32700, -32700, "Invalid JSON.", BadRequest),
    (-32600, -32600, 'Invalid parameter "/": unexpected parameter "auth".', AuthenticationError),
    (-32500, -32500, "Database error occurred.", ServiceUnavailable),
    (-32500, -32500, "Your database is not working properly. Please wait", ServiceUnavailable),
    (-32500, -32500, 'SQL statement execution has failed "DELETE FROM sla WHERE slaid=Array"', ServiceUnavailable),
    (-32603, -32603, "Error connecting to database.", ServiceUnavailable),
    (-32603, -32603, "Closed for maintenance.", ServiceUnavailable),
    (-32500, -32500, "Something else.", ApiError),
    (-32400, -32300, "No details", ServerError),
]


def get(z: Any) -> Any:
    return z.sla.get()


def failure(server: Server, operation: Operation = get) -> ApiError:
    with pytest.raises(ApiError) as caught:
        Mode("sync")(operation, http=server.http, retry=ONCE, auth_transport="body")
    return caught.value


@pytest.mark.parametrize(("old", "new", "text", "kind"), MAP, ids=[m[2][:40] for m in MAP])
def test_both_versions_raise_the_same(old: int, new: int, text: str, kind: type[ApiError]) -> None:
    raised = [failure(Server(sla_get=error(text, code))) for code in (old, new)]
    assert [type(e) for e in raised] == [kind, kind]
    assert [e.errors[0].code for e in raised] == [str(old), str(new)]


@all_modes
@pytest.mark.parametrize("version", ["6.0.14", "7.0.22"])
def test_an_unknown_sla_is_not_found_in_every_mode(mode: Mode, version: str) -> None:
    with pytest.raises(NotFound, match=r"sla\.getsli.*'99'"):
        mode(lambda z: z.sla.getsli("99"), sandbox=ZabbixSandbox(version=version))


@pytest.mark.parametrize("version", ["6.0.14", "7.0.22"])
def test_a_role_is_denied_on_both_versions(version: str) -> None:
    sandbox = ZabbixSandbox(version=version)
    sandbox.add_user("guest", "p", role=Role(type=1))
    with pytest.raises(PermissionDenied):
        Mode("sync")(lambda z: z.sla.delete("1"), sandbox=sandbox, user="guest", password="p")


@pytest.mark.parametrize("version", ["6.0.14", "7.0.22"])
def test_an_unknown_user_is_refused_on_both_versions(version: str) -> None:
    with pytest.raises(AuthenticationError, match="Incorrect user name"):
        Mode("sync")(lambda z: z.sla.get(), sandbox=ZabbixSandbox(version=version), user="nobody", password="p")


@pytest.mark.parametrize("version", ["6.0.14", "7.0.22"])
def test_a_database_that_is_down_is_unavailable_on_both_versions(version: str) -> None:
    sandbox = ZabbixSandbox(version=version)
    sandbox.database_down = True
    with pytest.raises(ServiceUnavailable, match="Error connecting to database") as caught:
        Mode("sync")(lambda z: z.apiinfo.version(), sandbox=sandbox, retry=ONCE)
    assert caught.value.retry_safe is True


@pytest.mark.parametrize("version", ["6.0.14", "7.0.22"])
def test_maintenance_gives_the_administrators_text(version: str) -> None:
    sandbox = ZabbixSandbox(version=version)
    sandbox.maintenance = "Back at noon"
    with pytest.raises(ServiceUnavailable, match="Back at noon"):
        Mode("sync")(lambda z: z.apiinfo.version(), sandbox=sandbox, retry=ONCE)


def test_maintenance_without_a_text_still_says_something() -> None:
    sandbox = ZabbixSandbox(version="6.0.14")
    sandbox.maintenance = ""
    with pytest.raises(ServiceUnavailable, match=r"no reason given.*maintenance"):
        Mode("sync")(lambda z: z.apiinfo.version(), sandbox=sandbox, retry=ONCE)


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("/periods", "periods"),
        ("/1/service_tags/2/tag", "service_tags[1].tag"),
        ("/2/name", "name"),
        ("/slaids/1", "slaids[0]"),
        ("/", None),
    ],
)
def test_a_refused_parameter_has_the_callers_name(path: str, argument: str | None) -> None:
    raised = failure(Server(sla_get=error(f'Invalid parameter "{path}": cannot be empty.')))
    assert (raised.errors[0].parameter, raised.errors[0].detail) == (argument, "cannot be empty.")


def test_an_error_names_call_subject_and_text() -> None:
    raised = failure(
        Server(sla_getsli=error("No permissions to referred object or it does not exist!", -32500)), lambda z: z.sla.getsli("5")
    )
    assert str(raised).startswith("zabbix.sla.getsli '5': HTTP 200: No permissions to referred object")
    assert (raised.status, raised.call) == (200, "zabbix.sla.getsli")


def test_a_missing_object_warns_that_the_database_may_have_failed() -> None:
    raised = failure(
        Server(sla_getsli=error("No permissions to referred object or it does not exist!", -32500)), lambda z: z.sla.getsli("5")
    )
    assert raised.hint is not None
    assert "database fails" in raised.hint


def test_an_old_server_is_named_as_such() -> None:
    raised = failure(Server(sla_get=error('Incorrect API "sla".', -32601)))
    assert raised.hint == "SLAs came with Zabbix 6.0"


def test_another_api_that_is_missing_is_no_question_of_the_version() -> None:
    raised = failure(Server(slo_get=error('Incorrect API "slo".', -32601)), lambda z: z.call("slo.get", {}))
    assert type(raised) is MethodNotFound


# What stands in front of the API


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (412, BadRequest, "Content-Type"),
        (404, NotFound, "api_jsonrpc.php"),
        (413, ApiError, "smaller batches"),
        (502, ServerError, None),
        (503, ServiceUnavailable, None),
        (301, UnexpectedRedirect, "api_jsonrpc.php"),
    ],
)
def test_statuses_of_the_web_server(status: int, kind: type[ApiError], hint: str | None) -> None:
    raised = failure(Server(sla_get=httpx.Response(status)))
    assert type(raised) is kind
    assert (raised.hint or "") == "" if hint is None else hint in (raised.hint or "")


def test_a_redirect_names_only_where_it_leads_to() -> None:
    page = httpx.Response(302, headers={"location": "https://sso.example.com/login?secret=1"})
    raised = failure(Server(sla_get=page))
    assert "https://sso.example.com." in str(raised)
    assert "secret" not in str(raised)


def test_the_title_of_a_proxys_page_is_the_text() -> None:
    page = httpx.Response(502, html="<html><head><title>502 Bad Gateway</title></head></html>")
    assert failure(Server(sla_get=page)).errors[0].detail == "502 Bad Gateway"


def test_a_proxys_rate_limit_without_a_hint() -> None:
    raised = failure(Server(sla_get=httpx.Response(429)))
    assert isinstance(raised, RateLimited)
    assert raised.retry_after is None


def test_a_proxys_rate_limit_with_a_hint_is_waited_for() -> None:
    answers = iter([httpx.Response(429, headers={"retry-after": "0"}), result("3")])
    handler: Handler = lambda _: next(answers)  # noqa: E731  # one line is enough
    server = Server(sla_get=handler)
    assert Mode("sync")(lambda z: z.sla.count(), http=server.http) == 3


def test_an_empty_500_of_getsli_is_the_memory_limit() -> None:
    sandbox = ZabbixSandbox(max_cells=3)
    sandbox.add_service("s", tags={"a": "b"})
    slaid = sandbox.add_sla("S", tags={"a": "b"})
    with pytest.raises(ServerOutOfMemory, match=r"sla\.report") as caught:
        Mode("sync")(lambda z: z.sla.getsli(slaid, periods=4), sandbox=sandbox)
    assert len(caught.value.attempts) == 1


def test_an_empty_500_of_another_call_is_a_server_error() -> None:
    assert type(failure(Server(sla_get=httpx.Response(500)))) is ServerError


def test_memory_exhausted_in_a_page_is_the_memory_limit() -> None:
    recorded = json.loads((RECORDED / "fault_php_out_of_memory_display_errors.json").read_text(encoding="utf-8"))
    page = httpx.Response(200, content=recorded["response"]["body_text"].encode())
    raised = failure(Server(sla_getsli=page), lambda z: z.sla.getsli("1"))
    assert type(raised) is ServerOutOfMemory


def getsli(z: Any) -> Any:
    return z.sla.getsli("1")


@pytest.mark.parametrize("operation", [get, getsli])
@pytest.mark.parametrize(
    ("body", "content_type", "kind", "said"),
    [
        (b"<!DOCTYPE html><title>Zabbix</title>", "text/html", UnexpectedContent, r"address that of api_jsonrpc\.php"),
        (b"moved", "text/html", UnexpectedContent, r"address that of api_jsonrpc\.php"),
        (
            b'<br />\n<b>Deprecated</b>: x<br />\n{"jsonrpc":"2.0","result":[],"id":1}',
            "application/json",
            UnexpectedContent,
            "display_errors",
        ),
        (b"", "application/json", MalformedResponse, "empty"),
        (b'{"jsonrpc":"2.0","resul', "application/json", MalformedResponse, "not valid JSON"),
        (b'{"jsonrpc":"2.0","result":NaN,"id":1}', "application/json", MalformedResponse, "not valid JSON"),
        (b'{"jsonrpc":"2.0","result":"\xff","id":1}', "application/json", MalformedResponse, "not UTF-8"),
        (b"[" * 200_000, "application/json", MalformedResponse, "nested"),
        (b'{"jsonrpc":"2.0","result":[],"id":2}', "application/json", MalformedResponse, "answers call 2"),
        (b"[]", "application/json", MalformedResponse, "a list where an object"),
    ],
)
def test_what_is_no_answer_says_what_to_do(
    operation: Any, body: bytes, content_type: str, kind: type[MalformedResponse], said: str
) -> None:
    answer = httpx.Response(200, content=body, headers={"content-type": content_type})
    server = Server(sla_get=answer, sla_getsli=answer)
    with pytest.raises(MalformedResponse, match=said) as caught:
        Mode("sync")(operation, http=server.http, retry=ONCE)
    assert type(caught.value) is kind


def test_the_excerpt_keeps_the_start_of_a_page() -> None:
    server = Server(sla_get=httpx.Response(200, html="<h1>Sign in</h1>"))
    with pytest.raises(UnexpectedContent) as caught:
        Mode("sync")(lambda z: z.sla.get(), http=server.http)
    assert caught.value.excerpt == "<h1>Sign in</h1>"


def test_a_write_with_an_unreadable_answer_is_unknown() -> None:
    server = Server(sla_create=httpx.Response(200, html="<h1>Sign in</h1>"))
    with pytest.raises(OutcomeUnknown):
        Mode("sync")(
            lambda z: z.sla.create("x", period=0, slo=1, effective_date=0, timezone="UTC", service_tags={"a": "b"}),
            http=server.http,
        )


# Answers of the right form that do not fit


MISFITS: list[tuple[Operation, str, Any, str]] = [
    (lambda z: z.sla.get(), "sla_get", {}, "$.result"),
    (lambda z: z.sla.get(), "sla_get", [{"slaid": 1}], "$.result[0].slaid"),
    (lambda z: z.sla.count(), "sla_get", "many", "$.result"),
    (lambda z: z.sla.get_columns(), "sla_get", "13", "$.result"),
    (lambda z: z.sla.get_columns(), "sla_get", ["x"], "$.result"),
    (lambda z: z.sla.update("1", slo=1), "sla_update", {"slaids": []}, "$.result.slaids"),
    (lambda z: z.sla.update("1", slo=1), "sla_update", ["1"], "$.result.slaids"),
    (lambda z: z.apiinfo.version(), "apiinfo_version", 6, "$.result"),
]


@pytest.mark.parametrize(("operation", "method", "value", "path"), MISFITS)
def test_a_result_that_does_not_fit_names_its_place(operation: Any, method: str, value: Any, path: str) -> None:
    answer: Any = reply({"jsonrpc": "2.0", "result": value, "id": 1})
    server = Server("7.0.22", **{method: answer})
    with pytest.raises(DecodeError) as caught:
        Mode("sync")(operation, http=server.http, auth_transport="body")
    assert path in caught.value.paths


ROW: dict[str, Any] = {
    "slaid": "1",
    "name": "a",
    "period": "0",
    "slo": "1",
    "effective_date": "0",
    "timezone": "UTC",
    "status": "1",
    "description": "",
    "service_tags": [],
    "schedule": [],
    "excluded_downtimes": [],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slo", None),
        ("slo", "high"),
        ("slo", "1e999"),
        ("slo", 10**400),
        ("slo", True),
        ("period", None),
        ("period", 1.0),
        ("effective_date", "soon"),
        ("effective_date", None),
        ("effective_date", "9999999999999999"),
        ("effective_date", 1.5),
    ],
)
def test_a_number_that_is_none_is_refused(field: str, value: object) -> None:
    with pytest.raises(DecodeError) as caught:
        Mode("sync")(lambda z: z.sla.get(), http=Server(sla_get=[{**ROW, field: value}]).http)
    assert caught.value.paths == (f"$.result[0].{field}",)


@pytest.mark.parametrize(("value", "slo"), [("99.9", 99.9), (99, 99.0), (99.5, 99.5), ("1e1", 10.0)])
def test_a_number_may_be_a_text(value: object, slo: float) -> None:
    assert Mode("sync")(lambda z: z.sla.get(), http=Server(sla_get=[{**ROW, "slo": value}]).http)[0].slo == slo


def test_a_code_of_the_future_is_kept() -> None:
    (sla,) = Mode("sync")(lambda z: z.sla.get(), http=Server(sla_get=[{**ROW, "period": "9"}]).http)
    assert (sla.period, sla.period.is_known) == ("9", False)


def test_a_code_may_come_as_a_number() -> None:
    (sla,) = Mode("sync")(lambda z: z.sla.get(), http=Server(sla_get=[{**ROW, "period": 2}]).http)
    assert sla.period == "2"


def test_a_whole_number_may_be_a_number() -> None:
    assert Mode("sync")(lambda z: z.service.get(), http=Server(service_get=[service_row(sortorder=7)]).http)[0].sortorder == 7


@pytest.mark.parametrize(("value", "readonly"), [(True, True), (False, False), ("1", True), ("0", False)])
def test_a_flag_may_be_a_text(value: object, readonly: bool) -> None:
    row = service_row(readonly=value)
    assert Mode("sync")(lambda z: z.service.get(), http=Server(service_get=[row]).http)[0].readonly is readonly


@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_no_flag_is_refused(value: object) -> None:
    with pytest.raises(DecodeError):
        Mode("sync")(lambda z: z.service.get(), http=Server(service_get=[service_row(readonly=value)]).http)


def service_row(**changes: object) -> dict[str, Any]:
    numbers = dict.fromkeys(
        ("status", "algorithm", "sortorder", "weight", "propagation_rule", "propagation_value", "created_at"), "0"
    )
    return {
        "serviceid": "1",
        "name": "s",
        "description": "",
        "uuid": "",
        "readonly": False,
        "tags": [],
        "problem_tags": [],
        **numbers,
        **changes,
    }
