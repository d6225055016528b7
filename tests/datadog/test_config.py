"""Credentials and addresses: which one counts, and what is refused before anything is opened."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import pytest
import respx

import slo_common
from datadog_slo import AsyncDatadogSLO, DatadogSLO
from tests.datadog.drivers import Driver

STATUS = {"data": {"id": "r", "type": "report_id", "attributes": {"status": "completed"}}}
PATH = "/api/v2/slo/report/r/status"


def _headers(driver: Driver, **options: Any) -> dict[str, str | None]:
    with respx.mock as router:
        route = router.get(url__regex=f".*{PATH}").respond(json=STATUS)
        driver.run(lambda dd: dd.reports.status("r"), **({"timeout": 60.0} | options))
        sent: httpx.Headers = route.calls.last.request.headers
    return {name: sent.get(name) for name in ("dd-api-key", "dd-application-key", "authorization", "host")}


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_keys_from_the_environment(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(
        monkeypatch,
        DD_API_KEY="k",
        DD_APP_KEY="a",
        DATADOG_API_KEY="x",
        DATADOG_APP_KEY="y",
        DD_BEARER_TOKEN="t",
        DD_SITE="datadoghq.eu",
    )
    assert _headers(driver) == {"dd-api-key": "k", "dd-application-key": "a", "authorization": None, "host": "api.datadoghq.eu"}


def test_the_older_names_come_second(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATADOG_API_KEY="x", DATADOG_APP_KEY="y")
    assert _headers(driver)["dd-api-key"] == "x"


def test_arguments_come_first(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DD_API_KEY="k", DD_APP_KEY="a", DD_SITE="datadoghq.eu")
    sent = _headers(driver, api_key="k2", app_key=slo_common.Secret("a2"), site="ddog-gov.com")
    assert (sent["dd-api-key"], sent["dd-application-key"], sent["host"]) == ("k2", "a2", "api.ddog-gov.com")


def test_a_token_from_the_environment_when_there_are_no_keys(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DD_BEARER_TOKEN="t")
    assert _headers(driver) == {
        "dd-api-key": None,
        "dd-application-key": None,
        "authorization": "Bearer t",
        "host": "api.datadoghq.com",
    }


def test_a_token_as_an_argument_leaves_the_keys_of_the_environment_out(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DD_API_KEY="k", DD_APP_KEY="a")
    sent = _headers(driver, bearer_token="t")
    assert (sent["authorization"], sent["dd-api-key"]) == ("Bearer t", None)


@pytest.mark.parametrize("token", ["ddpat_x", "ddsat_x"])
def test_a_personal_token_may_stand_in_for_the_application_key(token: str, driver: Driver) -> None:
    sent = _headers(driver, app_key=token)
    assert (sent["dd-application-key"], sent["dd-api-key"], sent["authorization"]) == (token, None, None)


def test_a_function_gives_the_current_token_each_time(driver: Driver) -> None:
    tokens = iter(["t1", "t2"])
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(401 if len(seen) == 1 else 200, json=STATUS)

    with respx.mock as router:
        router.get(url__regex=f".*{PATH}").mock(side_effect=answer)
        driver.run(lambda dd: dd.reports.status("r"), bearer_token=lambda: next(tokens))
    assert seen == ["Bearer t1", "Bearer t2"]


def test_a_token_that_stays_refused_is_asked_for_once_more_only(driver: Driver) -> None:
    with respx.mock as router:
        route = router.get(url__regex=f".*{PATH}").respond(401)
        with pytest.raises(slo_common.AuthenticationError, match="keys belong to one site"):
            driver.run(lambda dd: dd.reports.status("r"), bearer_token=lambda: "t")
    assert route.call_count == 2


def test_another_error_asks_for_no_other_token(driver: Driver) -> None:
    with respx.mock as router:
        route = router.get(url__regex=f".*{PATH}").respond(403)
        with pytest.raises(slo_common.PermissionDenied):
            driver.run(lambda dd: dd.reports.status("r"), bearer_token=lambda: "t")
    assert route.call_count == 1


def test_an_address_in_the_environment_comes_before_its_site_and_after_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_SITE", "datadoghq.eu")
    monkeypatch.setenv("DD_BASE_URL", "http://127.0.0.1:8080/datadog")
    assert "127.0.0.1:8080/datadog" in repr(DatadogSLO("k", "a"))
    assert "api.us3.datadoghq.com" in repr(DatadogSLO("k", "a", site="us3.datadoghq.com"))
    assert "other.example" in repr(DatadogSLO("k", "a", base_url="https://other.example"))


@pytest.mark.parametrize("client", [DatadogSLO, AsyncDatadogSLO])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "api_key (or DD_API_KEY or DATADOG_API_KEY) and app_key (or DD_APP_KEY or DATADOG_APP_KEY)"),
        ({"api_key": "k"}, "missing: app_key (or DD_APP_KEY"),
        ({"app_key": "a"}, "missing: api_key (or DD_API_KEY"),
        ({"api_key": "k", "app_key": "a", "bearer_token": "t"}, "keys and a token were given"),
        ({"api_key": "k\x00SECRET", "app_key": "a"}, "api_key: a control character at position 1"),
        ({"api_key": "SECRET\n", "app_key": "a"}, "api_key: a trailing newline"),
        ({"api_key": "k", "app_key": "a b"}, "app_key: a space at position 1"),
        ({"api_key": "k", "app_key": ""}, "app_key: it is empty"),
        ({"bearer_token": "t\tt"}, "bearer_token: a control character"),
        ({"api_key": "k", "app_key": "a", "site": "a/b"}, "site: 'a/b' was given"),
        ({"api_key": "k", "app_key": "a", "site": "a b"}, "site: 'a b' was given"),
        ({"api_key": "k", "app_key": "a", "site": "user@host"}, "site: something else was given"),
        ({"api_key": "k", "app_key": "a", "site": "datadoghq.eu", "base_url": "https://x"}, "site, base_url: both were given"),
        ({"api_key": "k", "app_key": "a", "base_url": "http://example.com"}, "credentials in the clear"),
        ({"api_key": "k", "app_key": "a", "base_url": "ftp://example.com"}, "base_url: "),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    client: type[DatadogSLO | AsyncDatadogSLO], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(slo_common.ConfigurationError) as caught:
        client(**options)
    assert text in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"base_url": "https://proxy.example.com/dd/"}, "https://proxy.example.com/dd"),
        ({"base_url": "http://localhost:8080"}, "http://localhost:8080"),
        ({"base_url": "http://dd.internal", "allow_insecure": True}, "http://dd.internal"),
        ({"site": "US5.datadoghq.com"}, "https://api.us5.datadoghq.com"),
        ({"site": "api.datadoghq.com"}, "https://api.datadoghq.com"),
        ({"site": "localhost:8443"}, "https://api.localhost:8443"),
    ],
)
def test_addresses(options: dict[str, Any], url: str, driver: Driver) -> None:
    with respx.mock as router:
        route = router.get(url + PATH).respond(json=STATUS)
        driver.run(lambda dd: dd.reports.status("r"), api_key="k", app_key="a", **options)
    assert route.called


@pytest.mark.parametrize("client", [DatadogSLO, AsyncDatadogSLO])
def test_a_client_shows_no_secret_and_cannot_be_pickled(client: type[DatadogSLO | AsyncDatadogSLO]) -> None:
    dd = client("SECRET1", "SECRET2")
    shown = f"{dd!r} {dd.__dict__} {dd.reports.__dict__}"
    assert "SECRET" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(dd)


def test_a_view_with_other_options_has_all_resources() -> None:
    with DatadogSLO("k", "a") as dd:
        view = dd.with_options(timeout=5)
        assert type(view.reports) is type(dd.reports)
        assert (type(view.slos), type(view.corrections)) == (type(dd.slos), type(dd.corrections))


def test_a_view_of_the_async_client_has_all_resources() -> None:
    dd = AsyncDatadogSLO("k", "a")
    view = dd.with_options(timeout=5)
    assert (type(view.slos), type(view.corrections)) == (type(dd.slos), type(dd.corrections))
