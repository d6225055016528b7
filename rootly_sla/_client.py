"""The two clients of Rootly's SLA endpoints, and the resource ``slas`` that hangs on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rootly_sla._recent import Desk, RecentWrites
from slo_common._auth import HeaderAuth
from slo_common._clients import AsyncClient, SyncClient, bare, from_environment
from slo_common._errors import ConfigurationError, SloError
from slo_common._execute import Caller
from slo_common._limiter import LocalRateLimiter
from slo_common._listeners import with_listeners
from slo_common._retry import RetryPolicy
from slo_common._runtime import AsyncRuntime, Runtime, SyncRuntime
from slo_common._secret import Secret
from slo_common._timeouts import Timeouts
from slo_common._url import base_url as checked_url

if TYPE_CHECKING:
    from slo_common._events import OnEvent
    from slo_common._httpx import AsyncHTTP, SyncHTTP
    from slo_common._limiter import RateLimiter

BASE_URL: Final = "https://api.rootly.com"
BASE_URL_VARIABLES: Final = ("ROOTLY_BASE_URL",)
"""Ours, not the vendor's: where the sandbox or a proxy listens."""
TOKEN_VARIABLES: Final = ("ROOTLY_API_TOKEN", "ROOTLY_API_KEY")


def _caller(
    runtime: Runtime,
    token: str | Secret | None,
    *,
    base_url: str | None,
    timeout: float | Timeouts,
    retry: RetryPolicy | None,
    rate_limiter: RateLimiter | None,
    on_event: OnEvent | Sequence[OnEvent] | None,
    allow_insecure: bool,
) -> Caller:
    found: str | Secret | None = from_environment(token, TOKEN_VARIABLES)
    if found is None:
        raise ConfigurationError(f"token: none was given; pass token= or set {' or '.join(TOKEN_VARIABLES)}")
    address = from_environment(base_url, BASE_URL_VARIABLES)
    return Caller(
        runtime=runtime,
        vendor="rootly",
        base_url=checked_url(BASE_URL if address is None else address, allow_insecure=allow_insecure),
        auth=HeaderAuth(headers=(("authorization", "Bearer ", Secret(found, name="token")),)),
        limiter=rate_limiter if rate_limiter is not None else LocalRateLimiter(),
        timeouts=Timeouts.of(timeout),
        retry=retry if retry is not None else RetryPolicy(),
        listeners=with_listeners("rootly_sla", on_event),
    )


class RootlySLA(SyncClient):
    """Rootly's SLA endpoints.

    ``token``: an API key, else ``ROOTLY_API_TOKEN``, else ``ROOTLY_API_KEY``. ``base_url``: where the API is, else ``ROOTLY_BASE_URL``, else
    Rootly's own address. ``timeout``: seconds for one call in all. ``retry``, ``rate_limiter``: see :class:`~slo_common.RetryPolicy` and :class:`~slo_common.LocalRateLimiter`; the limit is
    learnt from the replies, apart for reads and writes. ``on_event``: a function, or several, told what happens during each call, see
    :class:`~slo_common.Event`. ``http``: an httpx client (never closed by us) or transport. Raises
    :class:`~slo_common.ConfigurationError` before any request when the token is missing or malformed.

    >>> with RootlySLA("token") as rootly:  # doctest: +SKIP
    ...     rootly.slas.get("0b9e...")
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        base_url: str | None = None,
        timeout: float | Timeouts = 60.0,
        retry: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
        http: SyncHTTP | None = None,
        allow_insecure: bool = False,
    ) -> None:
        try:
            runtime = SyncRuntime(http, instead="rootly_sla.AsyncRootlySLA")
            caller = _caller(
                runtime,
                token,
                base_url=base_url,
                timeout=timeout,
                retry=retry,
                rate_limiter=rate_limiter,
                on_event=on_event,
                allow_insecure=allow_insecure,
            )
        except SloError as e:
            del token, base_url  # see bare
            raise bare(e) from None
        super().__init__(caller, runtime)
        self._recent = RecentWrites()
        self._attach()

    def _attach(self) -> None:
        from rootly_sla._slas import Slas  # with all that operations need: importing the client alone stays cheap

        self.slas = Slas(Desk(caller=self._caller, recent=self._recent))


class AsyncRootlySLA(AsyncClient):
    """Rootly's SLA endpoints.

    ``token``: an API key, else ``ROOTLY_API_TOKEN``, else ``ROOTLY_API_KEY``. ``base_url``: where the API is, else ``ROOTLY_BASE_URL``, else
    Rootly's own address. ``timeout``: seconds for one call in all. ``retry``, ``rate_limiter``: see :class:`~slo_common.RetryPolicy` and :class:`~slo_common.LocalRateLimiter`; the limit is
    learnt from the replies, apart for reads and writes. ``on_event``: a function, or several, told what happens during each call, see
    :class:`~slo_common.Event`. ``http``: an httpx client (never closed by us) or transport. Raises
    :class:`~slo_common.ConfigurationError` before any request when the token is missing or malformed.

    >>> async with AsyncRootlySLA("token") as rootly:  # doctest: +SKIP
    ...     await rootly.slas.get("0b9e...")
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        base_url: str | None = None,
        timeout: float | Timeouts = 60.0,
        retry: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
        http: AsyncHTTP | None = None,
        allow_insecure: bool = False,
    ) -> None:
        try:
            runtime = AsyncRuntime(http)
            caller = _caller(
                runtime,
                token,
                base_url=base_url,
                timeout=timeout,
                retry=retry,
                rate_limiter=rate_limiter,
                on_event=on_event,
                allow_insecure=allow_insecure,
            )
        except SloError as e:
            del token, base_url  # see bare
            raise bare(e) from None
        super().__init__(caller, runtime)
        self._recent = RecentWrites()
        self._attach()

    def _attach(self) -> None:
        from rootly_sla._slas import AsyncSlas

        self.slas = AsyncSlas(Desk(caller=self._caller, recent=self._recent))
