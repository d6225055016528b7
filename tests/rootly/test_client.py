"""The clients themselves: credentials, addresses, closing, and what they never tell."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import anyio
import httpx
import pytest

import rootly_sla
from rootly_sla import AsyncRootlySLA, RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common import (
    AuthenticationError,
    ClientClosed,
    ConfigurationError,
    InsecureURL,
    InvalidArgument,
    RetryPolicy,
    Secret,
    ServiceUnavailable,
)
from slo_common.sandbox import Fault, VirtualClock
from tests.rootly.modes import TOKEN
from tests.rootly.rootly_requests import WANTED

CLIENTS: list[Any] = [RootlySLA, AsyncRootlySLA]
both_clients = pytest.mark.parametrize("client", CLIENTS)


def used_token(**options: Any) -> str:
    """The token that reaches the server."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"data": []})

    with RootlySLA(http=httpx.MockTransport(answer), **options) as rootly:
        list(rootly.slas.list())
    return seen[0]


class TestCredentials:
    def test_the_argument_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROOTLY_API_TOKEN", "from-environment")
        assert used_token(token="mine") == "Bearer mine"

    def test_a_secret_will_do(self) -> None:
        assert used_token(token=Secret("mine")) == "Bearer mine"

    def test_the_first_variable_wins_over_the_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROOTLY_API_KEY", "second")
        assert used_token() == "Bearer second"
        monkeypatch.setenv("ROOTLY_API_TOKEN", "first")
        assert used_token() == "Bearer first"

    @both_clients
    def test_none_at_all_names_the_variables(self, client: Any) -> None:
        with pytest.raises(
            ConfigurationError, match="token: none was given; pass token= or set ROOTLY_API_TOKEN or ROOTLY_API_KEY"
        ):
            client()

    @both_clients
    @pytest.mark.parametrize("token", ["", "a b", "tok\x00en", "tok\r\nen", "token\n", "töken", 5])
    def test_a_malformed_one_is_refused_without_being_shown(self, client: Any, token: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^token: ") as caught:
            client(token)
        assert not isinstance(token, str) or not token or token not in str(caught.value)

    def test_no_repr_and_no_error_shows_it(self) -> None:
        sandbox = RootlySandbox(tokens=["other"])
        with RootlySLA("very-secret", http=sandbox.transport()) as rootly:
            with pytest.raises(AuthenticationError) as caught:
                rootly.slas.get("x")
            shown = (repr(rootly), repr(rootly.slas), repr(vars(rootly)), repr(caught.value), repr(vars(caught.value)))
        assert not [text for text in shown if "very-secret" in text]


class TestAddresses:
    @both_clients
    def test_one_in_the_environment_comes_after_an_argument(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROOTLY_BASE_URL", "http://127.0.0.1:8080/rootly")
        assert "127.0.0.1:8080/rootly" in repr(client("token"))
        assert "other.example" in repr(client("token", base_url="https://other.example"))

    @both_clients
    @pytest.mark.parametrize("url", ["ftp://x", "api.rootly.com", "https://u:p@x", "https://x?y=1", "https://x y", ""])
    def test_a_bad_one_is_refused(self, client: Any, url: str) -> None:
        with pytest.raises(ConfigurationError, match=r"^base_url: "):
            client("token", base_url=url)

    @both_clients
    def test_plain_http_only_to_this_machine(self, client: Any) -> None:
        with pytest.raises(InsecureURL):
            client("token", base_url="http://rootly.example")
        client("token", base_url="http://127.0.0.1:1")
        client("token", base_url="http://rootly.example", allow_insecure=True)

    @both_clients
    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), "5"])
    def test_a_bad_timeout_is_refused(self, client: Any, timeout: Any) -> None:
        with pytest.raises(InvalidArgument, match=r"^timeout: "):
            client("token", timeout=timeout)

    @both_clients
    def test_another_kind_of_http_is_refused(self, client: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^http: "):
            client("token", http=object())


class TestLife:
    def test_a_closed_client_says_so(self) -> None:
        rootly = RootlySLA(TOKEN, http=RootlySandbox().transport())
        rootly.close()
        rootly.close()
        with pytest.raises(ClientClosed):
            rootly.slas.get("x")

    def test_a_closed_async_client_says_so(self) -> None:
        async def run() -> None:
            rootly = AsyncRootlySLA(TOKEN, http=RootlySandbox().transport())
            await rootly.aclose()
            with pytest.raises(ClientClosed):
                await rootly.slas.get("x")

        anyio.run(run)

    def test_a_given_httpx_client_stays_open(self) -> None:
        with httpx.Client(transport=RootlySandbox().transport()) as http:
            with RootlySLA(TOKEN, http=http) as rootly:
                list(rootly.slas.list())
            assert not http.is_closed

    @both_clients
    def test_it_cannot_be_pickled(self, client: Any) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(client(TOKEN))

    def test_other_options_for_some_calls(self) -> None:
        sandbox = RootlySandbox(clock=VirtualClock(), faults=[Fault.status(503, times=9)])
        with RootlySLA(TOKEN, http=sandbox.transport()) as rootly:
            for client, calls in ((rootly, 3), (rootly.with_options(retry=RetryPolicy(attempts=1)), 4)):
                with pytest.raises(ServiceUnavailable):
                    client.slas.get("x")
                assert len(sandbox.ledger) == calls

    def test_other_options_for_some_async_calls(self) -> None:
        sandbox = RootlySandbox(clock=VirtualClock(), faults=[Fault.status(503, times=9)])

        async def run() -> None:
            async with AsyncRootlySLA(TOKEN, http=sandbox.transport()) as rootly:
                with pytest.raises(ServiceUnavailable):
                    await rootly.with_options(retry=RetryPolicy(attempts=1)).slas.get("x")

        anyio.run(run)
        assert len(sandbox.ledger) == 1

    def test_over_real_http(self) -> None:
        sandbox = RootlySandbox()
        with sandbox.serve() as server, RootlySLA(TOKEN, base_url=server.url) as rootly:
            created = rootly.slas.create(**WANTED)
            assert rootly.slas.get(created.id) == created
        assert list(sandbox.slas) == [created.id]


class TestPackage:
    def test_every_public_name_is_there(self) -> None:
        assert [name for name in rootly_sla.__all__ if getattr(rootly_sla, name, None) is None] == []
        assert set(rootly_sla.__all__) <= set(dir(rootly_sla))

    def test_another_name_is_not(self) -> None:
        with pytest.raises(AttributeError, match="module 'rootly_sla' has no attribute 'Rootly'"):
            _ = rootly_sla.Rootly

    def test_importing_it_loads_no_http_library(self) -> None:
        code = "import sys, rootly_sla, rootly_sla.models; print('httpx' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
