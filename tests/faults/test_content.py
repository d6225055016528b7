"""Rows 54 to 69 of the fault matrix: replies that arrive whole and do not say what they should."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from datadog_slo import ReportJobStatus
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla.sandbox import RootlySandbox
from slo_common import (
    AlreadyExists,
    AuthenticationError,
    DecodeError,
    MalformedResponse,
    NotFound,
    OutcomeUnknown,
    PaginationError,
    PartialFailure,
    SloError,
    UnexpectedContent,
    ValidationFailed,
)
from slo_common._values import Reply
from slo_common.sandbox import FaultScript, SandboxRequest, VirtualClock
from tests.faults.clients import PATIENT, STATUS, Driver, download, read, read_slas, told, write
from tests.faults.scripted import Scripted, reply
from zabbix_sla import ServerOutOfMemory, SlaPeriod, calls
from zabbix_sla.models import ServiceTag
from zabbix_sla.sandbox import ZabbixSandbox


def _fails(driver: Driver, kind: type[Any], body: object, **options: Any) -> tuple[Any, Scripted]:
    server = Scripted(reply(200, body))
    return driver.fails(kind, read, http=server.transport(), **{**PATIENT, **options}), server


def _refused_by_read_and_in_doubt_for_a_write(driver: Driver, body: bytes) -> MalformedResponse:
    server = Scripted(reply(200, body))
    unknown = driver.fails(OutcomeUnknown, write, http=server.transport())
    assert (told(unknown), unknown.status, len(server.applied)) == (("maybe", None, 1), 200, 1)
    error, server = _fails(driver, MalformedResponse, body)
    assert (told(error), error.status, len(server.ledger)) == (("yes", False, 1), 200, 1)
    assert isinstance(error, MalformedResponse)
    return error


@pytest.mark.parametrize("body", [b'{"data":', b"{'data': 1}", b"OK", b'{"data":1}{"data":2}', b'{"a":1,}', b"\x00"])
def test_f54_malformed_json(driver: Driver, body: bytes) -> None:
    error = _refused_by_read_and_in_doubt_for_a_write(driver, body)
    assert "at character" in str(error)
    assert len(error.excerpt) <= 500


def test_f55_bytes_that_are_no_utf8(driver: Driver) -> None:
    error = _refused_by_read_and_in_doubt_for_a_write(driver, b'{"data": "\xff\xfe"}')
    assert "not UTF-8 at byte 10" in str(error)
    with_mark = Scripted(reply(200, b"\xef\xbb\xbf" + json.dumps(STATUS).encode()))
    assert driver.run(read, http=with_mark.transport()).status == "completed"
    csv = b"id,name,slo_type,target\nid1,Checkout \xff,metric,99.9\n"
    server = Scripted(Reply(status=200, body=csv, headers={"content-type": "text/csv"}))
    broken = driver.fails(MalformedResponse, download, http=server.transport())
    assert (broken.sent, "not UTF-8" in str(broken)) == ("yes", True)


def test_f55_half_a_surrogate_pair_does_not_break_what_comes_after(driver: Driver) -> None:
    server = Scripted(reply(200, b'{"data":{"id":"r-\\ud800","type":"report_id","attributes":{"status":"\\udfff"}}}'))
    status = driver.run(read, http=server.transport())
    assert (status.id, status.status.is_known) == ("r-\ud800", False)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_f56_nesting_without_end(driver: Driver, opening: str) -> None:
    error = _refused_by_read_and_in_doubt_for_a_write(driver, opening.encode() * 100_000)
    assert "nested deeper than 64 levels" in str(error)


def test_f57_number_of_5000_digits(driver: Driver) -> None:
    _refused_by_read_and_in_doubt_for_a_write(driver, b'{"data": ' + b"9" * 5000 + b"}")
    exact = 2**70 + 1
    server = Scripted(reply(200, {**STATUS, "meta": exact}))
    assert driver.run(read, http=server.transport()).status == "completed"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "1" + "0" * 400 + ".0", "9" * 250 + "e99"])
def test_f58_number_that_json_has_not(driver: Driver, number: str) -> None:
    _refused_by_read_and_in_doubt_for_a_write(driver, f'{{"data": {number}}}'.encode())


_TWICE = b'{"data":{"id":"r-0","id":"r-1","type":"report_id","attributes":{"status":"failed","status":"completed"}}}'


def test_f59_duplicate_keys(driver: Driver) -> None:
    status = driver.run(read, http=Scripted(reply(200, _TWICE)).transport())
    assert (status.id, status.status) == ("r-1", "completed")  # the last one counts, as with most readers of JSON


def test_f59_duplicate_keys_when_they_are_not_wanted(driver: Driver) -> None:
    server = Scripted(reply(200, _TWICE))
    error = driver.fails(MalformedResponse, lambda dd: read(dd.with_options(strict_json=True)), http=server.transport())
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    assert str(error) == "datadog.reports.status: twice in one object: 'status', 'id'"
    assert error.excerpt.startswith('{"data":{"id":"r-0","id"')
    server = Scripted(reply(202, _TWICE))
    unknown = driver.fails(OutcomeUnknown, lambda dd: write(dd.with_options(strict_json=True)), http=server.transport())
    assert (told(unknown), len(server.applied)) == (("maybe", None, 1), 1)


@pytest.mark.parametrize(
    "fine",
    [reply(200, STATUS), reply(200, {**STATUS, "a": [{"id": 1}, {"id": 2}, {"data": {"id": 3}}]})],
    ids=["none", "in several objects"],
)
def test_f59_keys_that_stand_once_in_each_object(driver: Driver, fine: Reply) -> None:
    http = Scripted(fine).transport()
    assert driver.run(lambda dd: read(dd.with_options(strict_json=True)), http=http).status == "completed"


def test_f59_an_error_is_told_although_its_body_has_a_key_twice(driver: Driver) -> None:
    refused = Scripted(reply(404, b'{"errors":["a"],"errors":["no such report"]}'))
    error = driver.fails(NotFound, lambda dd: read(dd.with_options(strict_json=True)), http=refused.transport())
    assert [e.detail for e in error.errors] == ["no such report"]
    page = Scripted(reply(200, b"<html>"))  # and what is no JSON is told as that
    driver.fails(UnexpectedContent, lambda dd: read(dd.with_options(strict_json=True)), http=page.transport())


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"id": None, "attributes": {"status": "completed"}}, "$.data.id"),
        ({"id": 7, "attributes": {"status": "completed"}}, "$.data.id"),
        ({"id": {}, "attributes": {"status": "completed"}}, "$.data.id"),
        ({"id": "r-1", "attributes": {"status": True}}, "$.data.attributes.status"),
        ({"id": "r-1", "attributes": []}, "$.data.attributes"),
    ],
)
def test_f60_right_shape_and_wrong_types(driver: Driver, data: object, path: str) -> None:
    error, server = _fails(driver, DecodeError, {"data": data})
    assert (told(error), error.paths, len(server.ledger)) == (("yes", False, 1), (path,), 1)
    server = Scripted(reply(200, {"data": data}))
    # The reply is whole and says yes; what is odd about it does not make the write unsafe to know of.
    created = {"data": {"id": 7}}
    error = driver.fails(DecodeError, write, http=(server := Scripted(reply(202, created))).transport())
    assert (told(error), error.paths, len(server.applied)) == (("yes", False, 1), ("$.data.id",), 1)


def test_f61_unknown_enum_value(driver: Driver) -> None:
    queued = {"data": {"id": "r-1", "type": "report_id", "attributes": {"status": "queued_again"}}}
    server = Scripted(reply(200, queued), reply(200, queued), reply(200, STATUS))
    status = driver.run(read, http=server.transport())
    assert (status.status, status.status.is_known) == ("queued_again", False)
    seen: list[str] = []

    def note(status: ReportJobStatus) -> None:
        seen.append(str(status.status))

    last = driver.run(lambda dd: dd.reports.wait("r-1", on_status=note), http=server.transport(), **PATIENT)
    assert (last.status, seen) == ("completed", ["queued_again", "completed"])  # taken for a job that is still running


def test_f62_missing_fields_are_named_all_at_once(driver: Driver) -> None:
    error, server = _fails(driver, DecodeError, {"data": {"type": "report_id"}})
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    assert set(error.paths) == {"$.data.id", "$.data.attributes"}
    error, _ = _fails(driver, DecodeError, {})
    assert error.paths == ("$.data",)


def test_f63_extra_fields(driver: Driver) -> None:
    data = {**STATUS["data"], "novelty": [1], "attributes": {"status": "completed", "progress": 0.5}}
    assert driver.run(read, http=Scripted(reply(200, {"data": data, "meta": {}})).transport()).status == "completed"


# JSON-RPC.


def _create(zabbix: Any) -> Any:
    return zabbix.sla.create(
        name="Checkout",
        period=SlaPeriod.DAILY,
        slo=99.9,
        effective_date=1_700_000_000,
        service_tags=[ServiceTag(tag="team", value="payments")],
        timezone="UTC",
    )


def _answer_to(number: int) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "result": []}


def _rpc(**members: object) -> Reply:
    return reply(200, {"jsonrpc": "2.0", **members})


@pytest.mark.parametrize(
    "odd",
    [
        _rpc(id=2, result=[]),
        _rpc(id="1", result=[]),
        _rpc(id=None, result=[]),
        _rpc(result=[]),
        _rpc(id=1),
        _rpc(id=1, result=[], error={"code": 1, "message": "", "data": ""}),
        reply(200, {"id": 1, "result": []}),
        reply(200, {"jsonrpc": "1.0", "id": 1, "result": []}),
        reply(200, [_answer_to(1)]),
        reply(200, "done"),
    ],
    ids=[
        "other id",
        "id as text",
        "id null",
        "no id",
        "no result",
        "result and error",
        "no version",
        "version 1.0",
        "list",
        "text",
    ],
)
def test_f64_envelope_that_answers_something_else(driver: Driver, odd: Reply) -> None:
    server = Scripted(odd)
    error = driver.fails(MalformedResponse, read_slas, of="zabbix", http=server.transport())
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    server = Scripted(odd)
    unknown = driver.fails(OutcomeUnknown, _create, of="zabbix", http=server.transport())
    assert (unknown.sent, unknown.retry_safe, [e.method for e in server.ledger]) == ("maybe", None, ["POST"])


@pytest.mark.parametrize(
    ("code", "data", "kind"),
    [
        (-32602, "Not authorized.", AuthenticationError),
        (-32602, 'Invalid parameter "/1/slo": a number is expected.', ValidationFailed),
        (-32602, 'SLA "Checkout" already exists.', AlreadyExists),
        (-32500, "No permissions to referred object or it does not exist!", NotFound),
    ],
)
def test_f65_error_within_a_200(driver: Driver, code: int, data: str, kind: type[SloError]) -> None:
    failure = _rpc(id=1, error={"code": code, "message": "Application error.", "data": data})
    for use in (read_slas, _create):
        server = Scripted(failure)
        with pytest.raises(kind) as caught:
            driver.run(use, of="zabbix", http=server.transport())
        assert (caught.value.sent, caught.value.retry_safe) == ("yes", False)
        assert sum(b"sla." in entry.body for entry in server.ledger) == 1  # a definite no: neither repeated nor in doubt


def test_f65_death_of_php_within_a_200(driver: Driver) -> None:
    server = Scripted(reply(200, b"<br />\n<b>Fatal error</b>: Allowed memory size of 134217728 bytes exhausted"))
    error = driver.fails(ServerOutOfMemory, read_slas, of="zabbix", http=server.transport())
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)


LOGIN = {"url": "http://127.0.0.1:1", "token": None, "user": "Admin", "password": "zabbix"}


def _logins(sandbox: ZabbixSandbox) -> int:
    return sum(b'"user.login"' in entry.body for entry in sandbox.ledger)


def test_f66_session_that_ends_in_the_middle(driver: Driver) -> None:
    for use, changes in ((read_slas, 0), (_create, 1)):
        sandbox = ZabbixSandbox.demo(clock=VirtualClock())
        uses = [read_slas, _ending_the_session(sandbox, use)]
        driver.run_all(uses, of="zabbix", http=sandbox.transport(), **LOGIN)
        assert (_logins(sandbox), len([a for a in sandbox.applied if a.startswith("sla.")])) == (2, changes)


def _ending_the_session(sandbox: ZabbixSandbox, use: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def first_end_it(zabbix: Any) -> Any:
        sandbox.end_sessions()
        return use(zabbix)

    return first_end_it


def test_f66_token_that_ends_is_not_replaced(driver: Driver) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    sandbox.revoke_token(sandbox.token)
    with pytest.raises(AuthenticationError) as caught:
        driver.run(read_slas, of="zabbix", http=sandbox.transport(), token=sandbox.token)
    assert (caught.value.sent, caught.value.retry_safe, _logins(sandbox)) == ("yes", False, 0)


def test_f66_failed_login_is_never_repeated(driver: Driver) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())

    refusals: list[SloError] = []

    def try_three_times(zabbix: Any) -> Any:
        if driver.mode != "sync":
            return _try_three_times_async(zabbix, refusals)
        for _ in range(3):
            with pytest.raises(AuthenticationError) as caught:
                read_slas(zabbix)
            refusals.append(caught.value)
        return None

    driver.run(try_three_times, of="zabbix", http=sandbox.transport(), **{**LOGIN, "password": "wrong"})
    assert (len(refusals), _logins(sandbox)) == (3, 1)


async def _try_three_times_async(zabbix: Any, refusals: list[SloError]) -> None:
    for _ in range(3):
        with pytest.raises(AuthenticationError) as caught:
            await read_slas(zabbix)
        refusals.append(caught.value)


def _batch_of_two(zabbix: Any) -> Any:
    return zabbix.batch([calls.sla_get(), calls.service_get()])


def test_f67_batch_answered_in_another_order(driver: Driver) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    ours = driver.run(_batch_of_two, of="zabbix", http=sandbox.transport(), token=sandbox.token)
    turned = _Turned(sandbox)
    theirs = driver.run(_batch_of_two, of="zabbix", http=turned.transport(), token=sandbox.token)
    assert [o.value for o in theirs] == [o.value for o in ours]
    assert ours[0].value != ours[1].value


class _Turned(Scripted):
    """Gives the answers of another sandbox's batches in the opposite order."""

    def __init__(self, inner: ZabbixSandbox) -> None:
        super().__init__(reply(200))
        self._inner = inner

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        answered = self._inner.respond(request, now)
        return reply(200, json.loads(answered.body)[::-1])


def _batch_of_four(zabbix: Any) -> Any:
    return zabbix.batch(
        [
            calls.sla_update("1", slo=99.5),
            calls.sla_create("Night", period=0, slo=99.0, effective_date=0, timezone="UTC", service_tags={"a": "b"}),
            calls.sla_get(slaids=["1"]),
            calls.service_get(serviceids=["50"]),
        ]
    )


@pytest.mark.parametrize(
    ("missing", "kind", "expected"),
    [
        (1, OutcomeUnknown, ("maybe", True, 1)),  # repeating it ends in the same state
        (2, OutcomeUnknown, ("maybe", None, 1)),
        (3, MalformedResponse, ("yes", False, 1)),
        (4, MalformedResponse, ("yes", False, 1)),
    ],
)
def test_f67_batch_with_an_answer_missing(
    driver: Driver, missing: int, kind: type[SloError], expected: tuple[str, bool | None, int]
) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    before = sandbox.clock.now()
    sandbox.faults.extend(FaultScript.parse(f"any containing sla.update: apply, omit {missing}"))
    outcomes = driver.run(_batch_of_four, of="zabbix", http=sandbox.transport(), token=sandbox.token)
    alone = outcomes[missing - 1].error
    assert (type(alone), told(alone)) == (kind, expected)
    assert [o.error for o in outcomes if o.error is not alone] == [None] * 3
    assert [bool(o.value) for o in outcomes].count(True) == 3
    assert sum("sla.create" in applied for applied in sandbox.applied) == 1  # all of it was done, and once
    if isinstance(alone, OutcomeUnknown):
        assert (alone.status, alone.first_sent_at.timestamp()) == (200, before)


@pytest.mark.parametrize(("created", "omitted"), [("Night", 2), ("Shop front", 2)], ids=["created", "refused"])
def test_f67_creation_whose_answer_is_missing_is_looked_up(driver: Driver, created: str, omitted: int) -> None:
    sandbox = ZabbixSandbox.demo(clock=VirtualClock())
    sandbox.faults.extend(FaultScript.parse(f"any containing sla.create: apply, omit {omitted}"))
    fields: dict[str, Any] = {"period": 0, "slo": 99, "effective_date": 0, "timezone": "UTC", "service_tags": {"a": "b"}}
    asked = [calls.service_update("50", sortorder=7), calls.sla_create(created, **fields)]

    def use(zabbix: Any) -> Any:
        if driver.mode == "sync":
            return zabbix.batch(asked)[1].error.reconcile()

        async def find() -> Any:
            return await (await zabbix.batch(asked))[1].error.reconcile()

        return find()

    found = driver.run(use, of="zabbix", http=sandbox.transport(), token=sandbox.token)
    assert found.name == created


@pytest.mark.parametrize(
    "answers",
    [[_answer_to(1), _answer_to(1)], [_answer_to(1), _answer_to(2), _answer_to(3)], [_answer_to(3)], _answer_to(1), []],
    ids=["one twice", "one too many", "another's", "single object", "none"],
)
def test_f67_batch_with_other_answers_than_calls(driver: Driver, answers: object) -> None:
    server = Scripted(reply(200, answers))
    error = driver.fails(MalformedResponse, _batch_of_two, of="zabbix", http=server.transport())
    assert (told(error), len(server.ledger)) == (("yes", False, 1), 1)
    # With a write among them nobody knows what was done.
    server = Scripted(reply(200, answers))
    unknown = driver.fails(
        OutcomeUnknown,
        lambda zabbix: zabbix.batch([calls.sla_get(), calls.call("sla.create", {"name": "x"})]),
        of="zabbix",
        http=server.transport(),
    )
    assert (told(unknown), len(server.ledger)) == (("maybe", None, 1), 1)


# Parts and pages.


def test_f68_bulk_deletion_that_is_done_in_part(driver: Driver) -> None:
    sandbox = DatadogSandbox(clock=VirtualClock())
    body = {"name": "Checkout", "type": "monitor", "monitor_ids": [1], "thresholds": [{"timeframe": "7d", "target": 99.0}]}
    known = sandbox.add_slo(body)
    unknown = "0" * 32
    result = driver.run(lambda dd: dd.slos.bulk_delete({known: ["7d"], unknown: ["7d"]}), http=sandbox.transport())
    assert (result.deleted, [e.id for e in result.errors]) == ((known,), [unknown])
    with pytest.raises(PartialFailure) as caught:
        result.raise_for_errors()
    assert (caught.value.result, caught.value.sent, len(sandbox.slos)) == (result, "yes", 0)


def _page(*ids: str, **meta: object) -> Reply:
    sandbox = RootlySandbox.demo(clock=VirtualClock())
    request = SandboxRequest(
        method="GET",
        segments=("v1", "slas"),
        headers={"authorization": "Bearer t", "content-type": "application/vnd.api+json", "accept": "application/vnd.api+json"},
    )
    document = json.loads(sandbox.respond(request, sandbox.clock.now()).body)
    items = [{**document["data"][0], "id": ident} for ident in ids]
    return reply(200, {"data": items, "meta": meta})


def test_f69_pages_that_drift_or_do_not_end(driver: Driver) -> None:
    def names(*pages: Reply) -> list[str]:
        slas = driver.run(lambda rootly: rootly.slas.list(page_size=2), of="rootly", http=Scripted(*pages).transport())
        return [sla.id for sla in slas]

    assert names(_page("1", "2", next_page=2), _page("2", "3", next_page=None)) == ["1", "2", "3"]  # shown twice, given once
    assert names(_page("1", "2", next_page=2), _page(next_page=3)) == ["1", "2"]  # beyond the end
    for backwards in (1, 2, 0):
        with pytest.raises(PaginationError) as caught:
            names(_page("1", "2", next_page=2), _page("3", next_page=backwards))
        assert (caught.value.sent, caught.value.retry_safe) == ("yes", False)
    linked = Scripted(reply(200, {"data": json.loads(_page("1").body)["data"], "links": {"next": "/v1/slas?page=2"}}))
    error = driver.fails(PaginationError, lambda rootly: rootly.slas.list(), of="rootly", http=linked.transport())
    assert (error.sent, len(linked.ledger)) == ("yes", 2)


def test_f69_server_that_does_not_look_at_the_offset(driver: Driver) -> None:
    with DatadogSandbox.demo(clock=VirtualClock()).serve() as real:
        items = driver.run(lambda dd: dd.slos.list(page_size=2), base_url=real.url)
    assert len(items) == 12
    keys = {"dd-api-key": "k", "dd-application-key": "a"}
    first_page = SandboxRequest(method="GET", segments=("api", "v1", "slo"), query=(("limit", "2"),), headers=keys)
    sandbox = DatadogSandbox.demo(clock=VirtualClock())
    server = Scripted(sandbox.respond(first_page, sandbox.clock.now()))
    error = driver.fails(PaginationError, lambda dd: dd.slos.list(page_size=2), http=server.transport())
    assert (error.sent, len(server.ledger)) == ("yes", 4)
