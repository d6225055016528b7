"""Who is asking, and where: credentials and site from arguments or the environment, checked before any request."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from slo_common._auth import Authenticator, HeaderAuth, account_digest
from slo_common._clients import from_environment
from slo_common._errors import AuthenticationError, ConfigurationError, SloError
from slo_common._execute import Caller
from slo_common._limiter import LocalRateLimiter, RateLimiter
from slo_common._listeners import Listeners, with_listeners
from slo_common._retry import RetryPolicy
from slo_common._runtime import Runtime
from slo_common._secret import Secret
from slo_common._timeouts import Timeouts
from slo_common._url import base_url as checked_base_url
from slo_common._values import Call, Request

if TYPE_CHECKING:
    from slo_common._events import OnEvent

SITES = (
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "datadoghq.eu",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)
"""The sites that the vendor documents. Others are taken too: the list grows within a year, and proxies have names of their own."""

API_KEY_NAMES = ("DD_API_KEY", "DATADOG_API_KEY")
APP_KEY_NAMES = ("DD_APP_KEY", "DATADOG_APP_KEY")
TOKEN_NAMES = ("DD_BEARER_TOKEN",)
BASE_URL_NAMES = ("DD_BASE_URL",)
"""Ours, not the vendor's: where the sandbox or a proxy listens."""
_SITE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?", re.ASCII)
# Personal and service access tokens may stand alone in the place of the application key.
_TOKEN_PREFIXES = ("ddpat_", "ddsat_")

Credential = str | Secret
Token = Credential | Callable[[], str]
"""A bearer token, or a function that gives the current one; it is asked for each attempt, and once more after a 401."""


def _is_site(name: object) -> bool:
    return isinstance(name, str) and _SITE.fullmatch(name) is not None


def address(site: str | None, base_url: str | None, *, allow_insecure: bool) -> str:
    """``base_url`` as it is, or ``https://api.<site>``. Arguments come before the environment, and in it the address before the site."""
    if base_url is not None:
        if site is not None:
            raise ConfigurationError("site, base_url: both were given; allowed: one of them")
        return checked_base_url(base_url, allow_insecure=allow_insecure)
    if site is None:
        found = from_environment(None, BASE_URL_NAMES)
        if found is not None:
            return checked_base_url(found, name=BASE_URL_NAMES[0], allow_insecure=allow_insecure)
    name = from_environment(site, ("DD_SITE",)) or SITES[0]
    if not _is_site(name):
        # An address may hold a password, or a query with a token.
        shown = "something else" if set(str(name)) & set("@?#") else repr(name)
        raise ConfigurationError(f"site: {shown} was given (argument or DD_SITE); allowed: a host name such as {', '.join(SITES)}")
    # The vendor's tables name sites by their web address: app.datadoghq.com has its API at api.datadoghq.com.
    return checked_base_url(f"https://api.{name.lower().removeprefix('app.').removeprefix('api.')}", name="site")


def authenticator(api_key: Credential | None, app_key: Credential | None, bearer_token: Token | None) -> Authenticator:
    """Arguments come before the environment, and in it both keys before the token."""
    if bearer_token is not None:
        if api_key is not None or app_key is not None:
            raise ConfigurationError("api_key, app_key, bearer_token: keys and a token were given; allowed: both keys, or a token")
        return _bearer(bearer_token)
    api: Credential | None = from_environment(api_key, API_KEY_NAMES)
    app: Credential | None = from_environment(app_key, APP_KEY_NAMES)
    if app is not None:
        secret = Secret(app, name="app_key")
        if api is not None:
            headers = (("DD-API-KEY", "", Secret(api, name="api_key")), ("DD-APPLICATION-KEY", "", secret))
            return HeaderAuth(headers=headers)
        if secret.reveal().startswith(_TOKEN_PREFIXES):
            return HeaderAuth(headers=(("DD-APPLICATION-KEY", "", secret),))
    token = from_environment(None, TOKEN_NAMES)
    if token is not None and api_key is None and app_key is None:
        return _bearer(token)
    missing = [
        f"{name} (or {' or '.join(names)})"
        for name, names, value in (("api_key", API_KEY_NAMES, api), ("app_key", APP_KEY_NAMES, app))
        if value is None
    ]
    raise ConfigurationError(
        f"Datadog credentials are missing: {' and '.join(missing)}. Give both keys, or bearer_token (or {TOKEN_NAMES[0]})"
    )


def _bearer(token: Token) -> Authenticator:
    if callable(token):
        return ProvidedBearer(provider=token)
    return HeaderAuth(headers=(("Authorization", "Bearer ", Secret(token, name="bearer_token")),))


@frozen(kw_only=True)
class ProvidedBearer:
    """A bearer token from the caller's function: OAuth tokens live an hour, delegated ones a quarter of that."""

    provider: Callable[[], str] = field(repr=False)
    _given: deque[Secret] = field(init=False, repr=False, eq=False, factory=lambda: deque[Secret](maxlen=4))

    @property
    def account(self) -> str:
        # One function is one account; its tokens change.
        return account_digest(Secret(str(id(self.provider)), name="bearer_token"))

    async def apply(self, call: Call[object], request: Request) -> Request:  # noqa: ARG002 - the protocol's signature
        token = Secret(self.provider(), name="bearer_token")
        self._given.append(token)
        return request.with_header("Authorization", "Bearer " + token.reveal())

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(self._given)

    async def refused(self, call: Call[object], error: SloError) -> bool:  # noqa: ARG002 - the protocol's signature
        return isinstance(error, AuthenticationError)


@frozen(kw_only=True)
class Settings:
    """What a client was told, checked: all but the runtime, so that nothing is opened for arguments that are wrong."""

    base_url: str
    auth: Authenticator
    timeouts: Timeouts
    retry: RetryPolicy
    limiter: RateLimiter
    listeners: Listeners

    def caller(self, runtime: Runtime) -> Caller:
        return Caller(
            runtime=runtime,
            vendor="datadog",
            base_url=self.base_url,
            auth=self.auth,
            limiter=self.limiter,
            timeouts=self.timeouts,
            retry=self.retry,
            listeners=self.listeners,
        )


def settings(
    *,
    api_key: Credential | None,
    app_key: Credential | None,
    bearer_token: Token | None,
    site: str | None,
    base_url: str | None,
    timeout: float | Timeouts,
    retry: RetryPolicy | None,
    rate_limiter: RateLimiter | None,
    on_event: OnEvent | Sequence[OnEvent] | None,
    allow_insecure: bool,
) -> Settings:
    """What both clients make of their arguments."""
    return Settings(
        base_url=address(site, base_url, allow_insecure=allow_insecure),
        auth=authenticator(api_key, app_key, bearer_token),
        limiter=rate_limiter if rate_limiter is not None else LocalRateLimiter(),
        timeouts=Timeouts.of(timeout),
        retry=retry if retry is not None else RetryPolicy(),
        listeners=with_listeners("datadog_slo", on_event),
    )
