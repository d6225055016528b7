"""Rows 26 to 32 of the fault matrix: redirects, addresses, and values that must not reach a request."""

from __future__ import annotations

from typing import Any

import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from rootly_sla import AsyncRootlySLA, RootlySLA
from slo_common import ConfigurationError, InsecureURL, InvalidArgument, UnexpectedRedirect, UntrustedLink
from slo_common._url import base_url
from tests.faults.clients import STATUS, Driver, Use, nothing, read, read_sla, read_slas, told, write
from tests.faults.server import FaultServer, Script, answer, read_request, repeat
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA

CLIENTS: dict[str, tuple[Any, Any]] = {
    "datadog": (DatadogSLO, AsyncDatadogSLO),
    "rootly": (RootlySLA, AsyncRootlySLA),
    "zabbix": (ZabbixSLA, AsyncZabbixSLA),
}


def _moved(status: int, location: str) -> Script:
    return Script(repeat(read_request(), answer(status, headers={"location": location})))


def test_f26_redirect_loop(driver: Driver) -> None:
    for use in (read, write):
        with FaultServer(_moved(302, "/api/v2/slo/report")) as server:
            error = driver.fails(UnexpectedRedirect, use, base_url=server.url)
        assert (told(error), error.status) == (("yes", False, 1), 302)
        assert (len(server.requests), server.applied) == (1, ())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_f27_redirect_to_another_origin_takes_no_credentials_along(driver: Driver, status: int) -> None:
    with FaultServer(Script(repeat(read_request(), answer(200, STATUS)))) as elsewhere:
        location = f"{elsewhere.url}/?session=hunter2"
        for use, of in ((read, "datadog"), (write, "datadog"), (read_sla, "rootly")):
            with FaultServer(_moved(status, location)) as server:
                error = driver.fails(UnexpectedRedirect, use, of=of, base_url=server.url)
            assert (told(error), len(server.requests), server.applied) == (("yes", False, 1), 1, ())
            assert "127.0.0.1" in str(error)
            assert "hunter2" not in str(error)  # of a location only the origin is shown
        with FaultServer(_moved(status, location)) as server:
            error = driver.fails(UnexpectedRedirect, read_slas, of="zabbix", url=server.url)
        assert (told(error), len(server.requests)) == (("yes", False, 1), 1)
    assert elsewhere.connections == 0


def test_f27_a_redirect_to_an_address_that_is_none_is_no_other_error(driver: Driver) -> None:
    for location in ("http://[half", "http://host:99999/", "//", "", "\x7f"):
        for use, of in ((read, "datadog"), (read_sla, "rootly")):
            with FaultServer(_moved(302, location)) as server:
                driver.fails(UnexpectedRedirect, use, of=of, base_url=server.url)
        with FaultServer(_moved(302, location)) as server:
            driver.fails(UnexpectedRedirect, read_slas, of="zabbix", url=server.url)


def test_f28_no_credentials_in_the_clear(driver: Driver) -> None:
    with FaultServer(_moved(301, "http://api.example.test/")) as server:
        driver.fails(UnexpectedRedirect, read, base_url=server.url)
    insecure = "http://api.example.test"
    for of, name in (("datadog", "base_url"), ("rootly", "base_url"), ("zabbix", "url")):
        error = driver.fails(InsecureURL, nothing, of=of, **{name: insecure})
        assert (error.sent, "allow_insecure=True" in str(error)) == ("no", True)
        driver.run(nothing, of=of, allow_insecure=True, **{name: insecure})  # asked for: no request, no complaint
    for loopback in ("http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "http://zabbix.localhost"):
        driver.run(nothing, of="zabbix", url=loopback)
    for lookalike in ("http://127.0.0.1.example.test", "http://localhost.example.test", "http://2130706434", "http://0x7f.1"):
        driver.fails(InsecureURL, nothing, of="zabbix", url=lookalike)


@pytest.mark.parametrize(
    "link", ["{}/v1/slas?page=2", "//127.0.0.1:1/v1/slas", "https://user@{}/v1/slas", "http://127.0.0.1\\@{}/"]
)
def test_f29_link_of_a_reply_to_another_origin(driver: Driver, link: str) -> None:
    item = {"type": "slas", "id": "1", "attributes": _sla_attributes()}
    with FaultServer(Script(repeat(read_request(), answer(200, {"data": []})))) as elsewhere:
        page = {"data": [item], "links": {"next": link.format(elsewhere.url)}}
        with FaultServer(Script(repeat(read_request(), answer(200, page)))) as server:
            error = driver.fails(UntrustedLink, lambda rootly: rootly.slas.list(), of="rootly", base_url=server.url)
    assert (told(error), len(server.requests), elsewhere.connections) == (("yes", False, 1), 1, 0)


def _sla_attributes() -> dict[str, object]:
    from rootly_sla.sandbox import RootlySandbox

    with RootlySLA("t", http=RootlySandbox.demo().transport()) as rootly:
        first = next(iter(rootly.slas.list()))
    return {
        "name": first.name,
        "slug": first.slug,
        "assignment_deadline_days": first.assignment_deadline_days,
        "assignment_deadline_parent_status": str(first.assignment_deadline_parent_status),
        "completion_deadline_days": first.completion_deadline_days,
        "completion_deadline_parent_status": str(first.completion_deadline_parent_status),
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("bad", ["", " ", ".", "..", "a\nb", "a\x00b", "x" * 256])
def test_f30_id_that_would_be_another_path(driver: Driver, bad: str) -> None:
    with FaultServer(Script(repeat(read_request(), answer(404)))) as server:
        uses: tuple[tuple[Use, str], ...] = (
            (lambda dd: dd.reports.status(bad), "datadog"),
            (lambda dd: dd.slos.get(bad), "datadog"),
            (lambda rootly: rootly.slas.get(bad), "rootly"),
            (lambda rootly: rootly.slas.delete(bad), "rootly"),
        )
        for use, of in uses:
            error = driver.fails(InvalidArgument, use, of=of, base_url=server.url)
            assert (told(error), isinstance(error, ValueError)) == (("no", False, 0), True)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("odd", "segment"),
    [
        ("../../v1/slo", "..%2F..%2Fv1%2Fslo"),
        ("a/b", "a%2Fb"),
        ("a?b", "a%3Fb"),
        ("a#f", "a%23f"),
        ("%2f", "%252f"),
        ("é ", "%C3%A9%20"),
    ],
)
def test_f30_odd_id_stays_one_segment(driver: Driver, odd: str, segment: str) -> None:
    with FaultServer(Script(repeat(read_request(), answer(200, STATUS)))) as server:
        driver.run(lambda dd: dd.reports.status(odd), base_url=server.url)
    (request,) = server.requests
    assert request.target == f"/api/v2/slo/report/{segment}/status"


MARK = "hunter2hunter2"


@pytest.mark.parametrize("bad", [f"{MARK}\r\nx-evil: 1", f"{MARK}\x00", f" {MARK}", f"{MARK}é", f"{MARK}\n", f"{MARK}\r\n", ""])
@pytest.mark.parametrize(
    ("of", "name"),
    [("datadog", "api_key"), ("datadog", "app_key"), ("datadog", "bearer_token"), ("rootly", "token"), ("zabbix", "token")],
)
def test_f31_key_that_would_break_a_header(driver: Driver, of: str, name: str, bad: str) -> None:
    keys: dict[str, str | None] = {"api_key": None, "app_key": None} if name == "bearer_token" else {}
    error = driver.fails(ConfigurationError, nothing, of=of, **{**keys, name: bad})
    assert told(error) == ("no", False, 0)
    assert name in str(error)
    assert MARK not in str(error)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1",
        "gopher://127.0.0.1",
        "127.0.0.1",
        "//127.0.0.1",
        "https://",
        "https://h:port",
        "https://[half",
    ],
)
def test_f32_address_that_is_no_web_address(driver: Driver, address: str) -> None:
    for of, name in (("datadog", "base_url"), ("rootly", "base_url"), ("zabbix", "url")):
        error = driver.fails(ConfigurationError, nothing, of=of, **{name: address})
        assert (told(error), name in str(error)) == (("no", False, 0), True)


def test_f32_address_with_a_password_is_refused_and_not_shown(driver: Driver) -> None:
    for of, name in (("datadog", "base_url"), ("rootly", "base_url"), ("zabbix", "url")):
        for address in (f"https://admin:{MARK}@api.example.test", f"https://api.example.test/?token={MARK}", f"https://h/#{MARK}"):
            error = driver.fails(ConfigurationError, nothing, of=of, **{name: address})
            assert MARK not in str(error)


def test_f32_address_of_a_cloud_metadata_service_needs_the_flag() -> None:
    with pytest.raises(InsecureURL):
        base_url("http://169.254.169.254/latest")
