"""The clients of the Zabbix API: sync and async."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.parse import urlsplit

from attrs import evolve

from slo_common._clients import AsyncClient, SyncClient, bare, from_environment
from slo_common._drive import drive
from slo_common._errors import ConfigurationError, SloError
from slo_common._execute import Caller
from slo_common._json import JsonValue
from slo_common._limiter import NoRateLimiter, RateLimiter
from slo_common._listeners import with_listeners
from slo_common._retry import RetryPolicy
from slo_common._runtime import AsyncRuntime, Runtime, SyncRuntime
from slo_common._secret import Secret
from slo_common._timeouts import Timeouts
from slo_common._url import base_url
from zabbix_sla._any import any_call
from zabbix_sla._auth import Login, NoAuth, Transport, ZabbixAuth, secret_of
from zabbix_sla._rpc import Outcome, Rpc, single

if TYPE_CHECKING:
    from slo_common._events import OnEvent
    from slo_common._httpx import AsyncHTTP, SyncHTTP
    from zabbix_sla._resources import ApiInfo, Services, Slas
    from zabbix_sla._resources_async import AsyncApiInfo, AsyncServices, AsyncSlas

T = TypeVar("T")

_TOKEN_NAMES: Final = ("ZABBIX_TOKEN", "ZABBIX_API_TOKEN")
_TRANSPORTS: Final = ("auto", "header", "body")


def address(url: str | None, *, allow_insecure: bool) -> str:
    """The address of ``api_jsonrpc.php``; that of the frontend is completed. Raises :class:`~slo_common.ConfigurationError`."""
    found = from_environment(url, ("ZABBIX_URL",))
    if found is None:
        raise ConfigurationError(
            "url: none was given and ZABBIX_URL is not set; allowed: an address such as https://host/api_jsonrpc.php"
        )
    checked = base_url(found, name="url", allow_insecure=allow_insecure)
    path = urlsplit(checked).path
    if path.endswith("/api_jsonrpc.php"):
        return checked
    if path.endswith(".php"):
        raise ConfigurationError(
            f"url: {checked!r} was given; allowed: the address of api_jsonrpc.php, or that of the frontend without a page"
        )
    return f"{checked}/api_jsonrpc.php"


def credential(token: str | Secret | None, user: str | None, password: str | Secret | None) -> Secret | Login:
    """A token, or a user with a password; what was given as an argument wins over the environment."""
    if token is not None and (user is not None or password is not None):
        raise ConfigurationError("token: it was given together with user or password; allowed: one of the two")
    if user is None and password is None:
        found: str | Secret | None = token if token is not None else from_environment(None, _TOKEN_NAMES)
        if found is not None:
            return Secret(found, name="token")
    name: str | None = user if user is not None else from_environment(None, ("ZABBIX_USER",))
    secret: str | Secret | None = password if password is not None else from_environment(None, ("ZABBIX_PASSWORD",))
    if name is None and secret is None:
        raise ConfigurationError(
            "token: none was given, and neither ZABBIX_TOKEN (or ZABBIX_API_TOKEN) nor ZABBIX_USER and ZABBIX_PASSWORD are set"
        )
    if name is None or secret is None:
        missing, variable = ("user", "ZABBIX_USER") if name is None else ("password", "ZABBIX_PASSWORD")
        raise ConfigurationError(f"{missing}: none was given and {variable} is not set; allowed: user and password together")
    problem = _user_problem(name)
    if problem is not None:
        raise ConfigurationError(problem)
    return Login(user=name, password=Secret(secret, name="password", allow_any_text=True))


def _user_problem(user: object) -> str | None:
    return None if isinstance(user, str) and user else "user: what was given is no text or empty; allowed: the name of a user"


def make_caller(
    runtime: Runtime,
    *,
    url: str | None,
    token: str | Secret | None,
    user: str | None,
    password: str | Secret | None,
    auth_transport: Transport,
    timeout: float | Timeouts,
    retry: RetryPolicy | None,
    rate_limiter: RateLimiter | None,
    on_event: OnEvent | Sequence[OnEvent] | None,
    allow_insecure: bool,
) -> Caller:
    """The caller of either client."""
    if auth_transport not in _TRANSPORTS:
        raise ConfigurationError(f"auth_transport: {auth_transport!r} was given; allowed: {', '.join(map(repr, _TRANSPORTS))}")
    found = credential(token, user, password)
    plain = Caller(
        runtime=runtime,
        vendor="zabbix",
        base_url=address(url, allow_insecure=allow_insecure),
        auth=NoAuth(secrets=(secret_of(found),)),
        limiter=rate_limiter if rate_limiter is not None else NoRateLimiter(),
        timeouts=Timeouts.of(timeout),
        retry=retry if retry is not None else RetryPolicy(),
        listeners=with_listeners("zabbix_sla", on_event),
    )
    return evolve(plain, auth=ZabbixAuth(plain, found, auth_transport))


def _auth_of(caller: Caller) -> ZabbixAuth:
    return cast(ZabbixAuth, caller.auth)


class ZabbixSLA(SyncClient):
    """Zabbix 6.0 and later: SLAs, their SLI, services, and by ``call`` every other method of the API.

    ``url``: address of ``api_jsonrpc.php`` or of the frontend. Either ``token`` (an API token) or ``user`` and ``password`` (a session, ended
    by :meth:`close`; one that expires is opened again once). What is missing comes from ``ZABBIX_URL``, ``ZABBIX_TOKEN`` (then
    ``ZABBIX_API_TOKEN``), ``ZABBIX_USER`` and ``ZABBIX_PASSWORD``. ``auth_transport``: "auto" asks the server for its version once and
    puts the credential where that wants it (before 6.4 the body, from 6.4 on the ``Authorization`` header); "header" and "body" fix it.
    ``timeout``: seconds for a call with all its repeats, or :class:`~slo_common.Timeouts`. ``on_event``: a function, or several, told what
    happens during each call, see :class:`~slo_common.Event`. ``http``: an ``httpx.Client`` of yours, which is
    never closed by us, or a transport. ``allow_insecure``: plain http to another machine.

    Raises :class:`~slo_common.ConfigurationError` before any request. Threads may share a client. A failed login is never
    repeated by the same client, since five of them block the account.

    >>> with ZabbixSLA("https://zabbix.example.com", token="0123...") as zbx:  # doctest: +SKIP
    ...     sli = zbx.sla.getsli("5", periods=3)
    """

    apiinfo: ApiInfo
    sla: Slas
    service: Services

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | Secret | None = None,
        user: str | None = None,
        password: str | Secret | None = None,
        auth_transport: Transport = "auto",
        timeout: float | Timeouts = 60.0,
        retry: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
        http: SyncHTTP | None = None,
        allow_insecure: bool = False,
    ) -> None:
        try:
            runtime = SyncRuntime(http, instead="zabbix_sla.AsyncZabbixSLA")
            caller = make_caller(
                runtime,
                url=url,
                token=token,
                user=user,
                password=password,
                auth_transport=auth_transport,
                timeout=timeout,
                retry=retry,
                rate_limiter=rate_limiter,
                on_event=on_event,
                allow_insecure=allow_insecure,
            )
        except SloError as e:
            del url, token, password  # see bare
            raise bare(e) from None
        super().__init__(caller, runtime)
        self._attach()

    def _attach(self) -> None:
        from zabbix_sla._resources import ApiInfo, Services, Slas  # with all that they need: importing the client alone stays cheap

        self.apiinfo = ApiInfo(self._caller)
        self.sla = Slas(self._caller)
        self.service = Services(self._caller)

    def call(self, method: str, params: Mapping[str, object] | Sequence[object] = ()) -> JsonValue:
        """Any method of the API, with its parameters as they are; gives the result as JSON.

        Methods that read (``*.get`` and the like) are repeated after a failure, all others are not. Raises
        :class:`~slo_common.InvalidArgument`, :class:`~slo_common.ApiError`, :class:`~slo_common.TransportError`, and
        :class:`~slo_common.OutcomeUnknown` for a write whose answer was lost.

        >>> zbx.call("host.get", {"output": ["hostid", "name"], "limit": 5})  # doctest: +SKIP
        """
        return drive(self._caller.call(single(any_call(method, params))))

    def batch(self, calls: Sequence[Rpc[T]]) -> tuple[Outcome[T], ...]:
        """Many calls in one request, answered in their order; each has a value or an error of its own.

        ``calls`` are made by the functions of :mod:`zabbix_sla.calls`. It is repeated only if each of them may be, and if deletions stand
        first, then changes, then reads: in another order a repeat would be answered otherwise. On the server the batch is one PHP request
        with one memory and time limit.

        Raises :class:`~slo_common.InvalidArgument`, and what concerns the request as a whole; the :meth:`~zabbix_sla.Outcome.unwrap`
        of an outcome raises what concerns that call. Where a reply answers only others, that is :class:`~slo_common.OutcomeUnknown` for
        a write (its ``reconcile()`` looks a created SLA up, and gives the :class:`Sla` or None) and
        :class:`~slo_common.MalformedResponse` for a read.

        >>> from zabbix_sla import calls
        >>> results = zbx.batch([calls.getsli("1"), calls.getsli("2")])  # doctest: +SKIP
        >>> results[0].unwrap()[0, "50"].sli  # doctest: +SKIP
        """
        from zabbix_sla._flows import batch

        return drive(batch(self._caller, calls, drive))

    def close(self) -> None:
        """End the session, if there is one, and close the connections. Safe to call twice."""
        try:
            drive(_auth_of(self._caller).logout())
        finally:
            super().close()


class AsyncZabbixSLA(AsyncClient):
    __doc__ = ZabbixSLA.__doc__

    apiinfo: AsyncApiInfo
    sla: AsyncSlas
    service: AsyncServices

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | Secret | None = None,
        user: str | None = None,
        password: str | Secret | None = None,
        auth_transport: Transport = "auto",
        timeout: float | Timeouts = 60.0,
        retry: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
        http: AsyncHTTP | None = None,
        allow_insecure: bool = False,
    ) -> None:
        try:
            runtime = AsyncRuntime(http)
            caller = make_caller(
                runtime,
                url=url,
                token=token,
                user=user,
                password=password,
                auth_transport=auth_transport,
                timeout=timeout,
                retry=retry,
                rate_limiter=rate_limiter,
                on_event=on_event,
                allow_insecure=allow_insecure,
            )
        except SloError as e:
            del url, token, password  # see bare
            raise bare(e) from None
        super().__init__(caller, runtime)
        self._attach()

    def _attach(self) -> None:
        from zabbix_sla._resources_async import AsyncApiInfo, AsyncServices, AsyncSlas

        self.apiinfo = AsyncApiInfo(self._caller)
        self.sla = AsyncSlas(self._caller)
        self.service = AsyncServices(self._caller)

    async def call(self, method: str, params: Mapping[str, object] | Sequence[object] = ()) -> JsonValue:
        """Any method of the API, with its parameters as they are; gives the result as JSON.

        Methods that read (``*.get`` and the like) are repeated after a failure, all others are not. Raises
        :class:`~slo_common.InvalidArgument`, :class:`~slo_common.ApiError`, :class:`~slo_common.TransportError`, and
        :class:`~slo_common.OutcomeUnknown` for a write whose answer was lost.

        >>> zbx.call("host.get", {"output": ["hostid", "name"], "limit": 5})  # doctest: +SKIP
        """
        return await self._caller.call(single(any_call(method, params)))

    async def batch(self, calls: Sequence[Rpc[T]]) -> tuple[Outcome[T], ...]:
        """Many calls in one request, answered in their order; each has a value or an error of its own.

        ``calls`` are made by the functions of :mod:`zabbix_sla.calls`. It is repeated only if each of them may be, and if deletions stand
        first, then changes, then reads: in another order a repeat would be answered otherwise. On the server the batch is one PHP request
        with one memory and time limit.

        Raises :class:`~slo_common.InvalidArgument`, and what concerns the request as a whole; the :meth:`~zabbix_sla.Outcome.unwrap`
        of an outcome raises what concerns that call. Where a reply answers only others, that is :class:`~slo_common.OutcomeUnknown` for
        a write (its ``reconcile()`` looks a created SLA up, and gives the :class:`Sla` or None) and
        :class:`~slo_common.MalformedResponse` for a read.

        >>> from zabbix_sla import calls
        >>> results = zbx.batch([calls.getsli("1"), calls.getsli("2")])  # doctest: +SKIP
        >>> results[0].unwrap()[0, "50"].sli  # doctest: +SKIP
        """
        from zabbix_sla._flows import batch, later

        return await batch(self._caller, calls, later)

    async def aclose(self) -> None:
        """End the session, if there is one, and close the connections. Safe to call twice."""
        try:
            await _auth_of(self._caller).logout()
        finally:
            await super().aclose()
