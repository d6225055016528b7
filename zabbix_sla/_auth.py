"""Who is asking a Zabbix server: where each version wants the credential, and sessions that are opened, renewed and closed.

Source: Zabbix API reference, "Performing requests" and "Authorization"; the versions were observed on 6.0.14 and 7.0.22.
"""

from __future__ import annotations

import copy
import functools
import re
import threading
from contextlib import suppress
from typing import Final, Literal, cast
from weakref import WeakKeyDictionary

from attrs import evolve, frozen

from slo_common._auth import account_digest
from slo_common._errors import ApiError, AuthenticationError, MalformedResponse, SloError
from slo_common._execute import Caller
from slo_common._json import JsonValue, dumps, parse
from slo_common._retry import RetryPolicy
from slo_common._secret import Secret
from slo_common._values import Call, Reply, Request, Safety
from zabbix_sla import _any
from zabbix_sla._errors import SessionEnded
from zabbix_sla._replies import NOT_AUTHORISED
from zabbix_sla._rpc import FREE_METHODS, Rpc, single

Transport = Literal["auto", "header", "body"]
"""Where the credential goes: by the server's version, or fixed."""
Version = tuple[int, int]

HEADER_FROM: Final[Version] = (6, 4)
HEADER_ONLY_FROM: Final[Version] = (7, 2)
_NEWEST: Final[Version] = (9999, 0)
_LOGOUT_SECONDS: Final = 5.0


def release(text: str) -> Version:
    """Major and minor of a version text; what cannot be read counts as newer than everything known.

    >>> release("7.0.22"), release("8.0.0rc1")
    ((7, 0), (8, 0))
    """
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(found.group(1)), int(found.group(2))) if found else _NEWEST


@frozen(kw_only=True)
class Login:
    """User name and password."""

    user: str
    password: Secret


def secret_of(credential: Secret | Login) -> Secret:
    return credential if isinstance(credential, Secret) else credential.password


@frozen(kw_only=True)
class NoAuth:
    """For the calls that take no credential."""

    account: str = "zabbix"
    secrets: tuple[Secret, ...] = ()
    """A password that a call carries in its body."""

    async def apply(self, call: Call[object], request: Request) -> Request:  # noqa: ARG002  # the protocol's signature
        return request

    async def refused(self, call: Call[object], error: SloError) -> bool:  # noqa: ARG002  # the protocol's signature
        return False


class ZabbixAuth:
    """Puts a token or a session on each call. One for all threads or tasks of a client, its views included.

    A failed login is never repeated: five of them block the account for everybody who uses it. Every later call fails with the same
    error, without a request.
    """

    def __init__(self, plain: Caller, credential: Secret | Login, transport: Transport) -> None:
        self._plain = plain
        self._token = credential if isinstance(credential, Secret) else None
        self._login = credential if isinstance(credential, Login) else None
        self._transport: Transport = transport
        self._version: Version | None = None
        self._session: Secret | None = None
        self._login_failed: AuthenticationError | None = None
        self._header_lost = False
        self._asking_version = plain.runtime.lock()  # guards the one question for _version
        self._logging_in = plain.runtime.lock()  # guards the change of _session from None
        self._used_guard = threading.Lock()  # guards _used
        self._used: WeakKeyDictionary[Call[object], Secret] = WeakKeyDictionary()  # the session that a call went out with
        self._secret = secret_of(credential)
        self.account: str = account_digest(self._secret)

    async def apply(self, call: Call[object], request: Request) -> Request:
        """The request with its credential. May first ask for the version and log in."""
        if _is_free(call):
            return request
        credential = self._token if self._token is not None else await self._open_session()
        if self._token is None:
            with self._used_guard:
                self._used[call] = credential
        if await self._place() == "header":
            return request.with_header("Authorization", f"Bearer {credential.reveal()}")
        return evolve(request, content=_with_auth(request.content or b"{}", credential))

    async def refused(self, call: Call[object], error: SloError) -> bool:
        """Whether the call may go out once more: an ended session is renewed, and a header that gets lost is not used again."""
        if not isinstance(error, AuthenticationError) or _is_free(call):
            return False
        with self._used_guard:
            used = self._token or self._used.get(call)
        if isinstance(error, SessionEnded) and self._login is not None:
            await self._logging_in.during(functools.partial(self._forget, used))
            return True
        if used is None or not any(e.detail == NOT_AUTHORISED for e in error.errors):
            return False
        return await self._look_for_the_header(used, error)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(secret for secret in (self._secret, self._session) if secret is not None)

    async def version(self) -> Version:
        """The server's version, asked once."""
        known = self._version
        return known if known is not None else await self._asking_version.during(self._ask_for_the_version)

    async def logout(self) -> None:
        """End the session, if there is one. A failure is kept quiet: the session then ends by itself."""
        if self._session is None:
            return
        hurried = evolve(self._plain, auth=self).with_options(
            timeout=_LOGOUT_SECONDS, retry=RetryPolicy(attempts=1, rate_limit_retries=0)
        )
        with suppress(SloError):
            await hurried.call(single(_any.any_call("user.logout", [])))
        self._session = None

    async def _place(self) -> Literal["header", "body"]:
        if self._transport != "auto":
            return self._transport
        if self._header_lost:
            return "body"
        return "header" if await self.version() >= HEADER_FROM else "body"

    async def _ask_for_the_version(self) -> Version:
        meanwhile = self._version  # what another call may have found out
        self._version = known = meanwhile or release(await self._plain.call(single(_any.version())))
        return known

    async def _open_session(self) -> Secret:
        session = self._session
        return session if session is not None else await self._logging_in.during(self._log_in)

    async def _log_in(self) -> Secret:
        if self._session is not None:
            return self._session
        if self._login_failed is not None:
            raise copy.copy(self._login_failed)
        try:
            text = await self._plain.call(single(_login_call(cast(Login, self._login))))
        except AuthenticationError as e:
            self._login_failed = e
            raise copy.copy(e) from None
        self._session = Secret(text, name="session", allow_any_text=True)
        return self._session

    async def _forget(self, used: Secret | None) -> None:
        """Whoever sends next logs in, unless another call did so already."""
        self._session = None if self._session == used else self._session

    async def _look_for_the_header(self, credential: Secret, error: AuthenticationError) -> bool:
        """Refused although sent: if the server knows the credential, the header did not arrive."""
        if await self._place() == "body" or not await self._is_alive(credential):
            return False
        version = await self.version()
        if version < HEADER_FROM:
            _add_hint(error, "Zabbix before 6.4 ignores the Authorization header: use auth_transport='auto' or 'body'")
        elif self._transport == "auto" and version < HEADER_ONLY_FROM:
            self._header_lost = True
            return True
        else:
            cure = " or auth_transport='body'" if version < HEADER_ONLY_FROM else ""
            _add_hint(
                error,
                "The credential is good and the Authorization header did not arrive: a web server or proxy drops it "
                f"(Apache needs CGIPassAuth On){cure}",
            )
        return False

    async def _is_alive(self, credential: Secret) -> bool:
        try:
            return await self._plain.call(single(_check_call(credential, is_token=self._token is not None)))
        except (ApiError, MalformedResponse):
            return False


def _login_call(login: Login) -> Rpc[str]:
    def read(value: object, reply: Reply) -> str:
        if not isinstance(value, str) or not value:
            raise MalformedResponse("zabbix.user.login: the result is no session id", call="zabbix.user.login", status=reply.status)
        return value

    params = {"username": login.user, "password": login.password.reveal()}
    return Rpc(method="user.login", params=params, safety=Safety.IDEMPOTENT, subject=login.user, read=read)


def _check_call(credential: Secret, *, is_token: bool) -> Rpc[bool]:
    text = credential.reveal()
    params: dict[str, object] = {"token": text} if is_token and len(text) == 64 else {"sessionid": text, "extend": False}
    return Rpc(method="user.checkAuthentication", params=params, safety=Safety.READ, read=lambda _value, _reply: True)


def _is_free(call: Call[object]) -> bool:
    return call.name.removeprefix("zabbix.").lower() in FREE_METHODS


def _with_auth(content: bytes, credential: Secret) -> bytes:
    value = parse(content)
    members = cast("list[dict[str, JsonValue]]", value if isinstance(value, list) else [value])
    for member in members:
        member["auth"] = credential.reveal()
    return dumps(value)


def _add_hint(error: AuthenticationError, hint: str) -> None:
    error.hint = hint
    error.args = (f"{error}. {hint}",)
