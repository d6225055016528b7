"""The async client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datadog_slo._async_resources import AsyncCorrections, AsyncReports, AsyncSlos
from datadog_slo._config import Credential, Token, settings
from slo_common._clients import AsyncClient, bare
from slo_common._errors import SloError
from slo_common._limiter import RateLimiter
from slo_common._retry import RetryPolicy
from slo_common._runtime import AsyncRuntime
from slo_common._timeouts import Timeouts

if TYPE_CHECKING:
    from slo_common._events import OnEvent
    from slo_common._httpx import AsyncHTTP


class AsyncDatadogSLO(AsyncClient):
    """Datadog's service level objectives, on asyncio and trio. One client belongs to one event loop.

    Keys come from the arguments, else from ``DD_API_KEY`` and ``DD_APP_KEY`` (then ``DATADOG_API_KEY`` and ``DATADOG_APP_KEY``), else a
    bearer token from ``bearer_token`` or ``DD_BEARER_TOKEN``; ``bearer_token`` may be a function that gives the current one. ``site`` is
    one of the vendor's sites or any other host that has an API under ``https://api.<site>`` (default: ``DD_SITE``, else
    ``datadoghq.com``); ``base_url`` is a whole address instead, https unless it is this machine or ``allow_insecure``.

    ``timeout``: seconds for one call with all its attempts, or :class:`~slo_common.Timeouts`. ``retry``: see
    :class:`~slo_common.RetryPolicy`. ``rate_limiter``: by default one of this process that follows the vendor's headers. ``on_event``: a
    function, or several, told what happens during each call, see :class:`~slo_common.Event`. ``http``: an
    ``httpx.AsyncClient`` (never closed by us) or an httpx transport, such as a sandbox's.

    Raises :class:`ConfigurationError` for missing or malformed credentials and addresses, before any request.

    >>> async with AsyncDatadogSLO("key", "app-key") as dd:  # doctest: +SKIP
    ...     await dd.slos.get("id")
    """

    reports: AsyncReports
    """SLO reports."""
    slos: AsyncSlos
    """Service level objectives."""
    corrections: AsyncCorrections
    """Status corrections."""

    def __init__(
        self,
        api_key: Credential | None = None,
        app_key: Credential | None = None,
        *,
        bearer_token: Token | None = None,
        site: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeouts = 60.0,
        retry: RetryPolicy | None = None,
        rate_limiter: RateLimiter | None = None,
        on_event: OnEvent | Sequence[OnEvent] | None = None,
        http: AsyncHTTP | None = None,
        allow_insecure: bool = False,
    ) -> None:
        try:
            told = settings(
                api_key=api_key,
                app_key=app_key,
                bearer_token=bearer_token,
                site=site,
                base_url=base_url,
                timeout=timeout,
                retry=retry,
                rate_limiter=rate_limiter,
                on_event=on_event,
                allow_insecure=allow_insecure,
            )
            runtime = AsyncRuntime(http)
        except SloError as e:
            del api_key, app_key, bearer_token, site, base_url  # see bare
            raise bare(e) from None
        super().__init__(told.caller(runtime), runtime)
        self._attach()

    def _attach(self) -> None:
        self.reports = AsyncReports(self._caller)
        self.slos = AsyncSlos(self._caller)
        self.corrections = AsyncCorrections(self._caller)
