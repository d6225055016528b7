"""The layer that ``datadog_slo``, ``rootly_sla`` and ``zabbix_sla`` share. It knows no vendor.

Import from here: errors, :class:`RetryPolicy`, :class:`Timeouts`, the rate limiters, :class:`Secret`, :data:`UNSET`. Names are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from slo_common._lazy import lazy

if TYPE_CHECKING:
    from slo_common._enums import OpenEnum as OpenEnum
    from slo_common._errors import AlreadyExists as AlreadyExists
    from slo_common._errors import ApiError as ApiError
    from slo_common._errors import Attempt as Attempt
    from slo_common._errors import AuthenticationError as AuthenticationError
    from slo_common._errors import BadRequest as BadRequest
    from slo_common._errors import ClientClosed as ClientClosed
    from slo_common._errors import ConfigurationError as ConfigurationError
    from slo_common._errors import Conflict as Conflict
    from slo_common._errors import ConnectFailed as ConnectFailed
    from slo_common._errors import ConnectionLost as ConnectionLost
    from slo_common._errors import DeadlineExceeded as DeadlineExceeded
    from slo_common._errors import DecodeError as DecodeError
    from slo_common._errors import ErrorDetail as ErrorDetail
    from slo_common._errors import InsecureURL as InsecureURL
    from slo_common._errors import InvalidArgument as InvalidArgument
    from slo_common._errors import LimiterUnavailable as LimiterUnavailable
    from slo_common._errors import LoopMismatch as LoopMismatch
    from slo_common._errors import MalformedResponse as MalformedResponse
    from slo_common._errors import NotFound as NotFound
    from slo_common._errors import OperationGone as OperationGone
    from slo_common._errors import OutcomeUnknown as OutcomeUnknown
    from slo_common._errors import PaginationError as PaginationError
    from slo_common._errors import PartialFailure as PartialFailure
    from slo_common._errors import PermissionDenied as PermissionDenied
    from slo_common._errors import PollTimeout as PollTimeout
    from slo_common._errors import PoolExhausted as PoolExhausted
    from slo_common._errors import ProtocolError as ProtocolError
    from slo_common._errors import ProxyFailed as ProxyFailed
    from slo_common._errors import RateLimited as RateLimited
    from slo_common._errors import ReadTimeout as ReadTimeout
    from slo_common._errors import ReportFailed as ReportFailed
    from slo_common._errors import ReportPartial as ReportPartial
    from slo_common._errors import ReportUnavailable as ReportUnavailable
    from slo_common._errors import RequestTimeout as RequestTimeout
    from slo_common._errors import ResponseTooLarge as ResponseTooLarge
    from slo_common._errors import Sent as Sent
    from slo_common._errors import ServerError as ServerError
    from slo_common._errors import ServiceUnavailable as ServiceUnavailable
    from slo_common._errors import SloError as SloError
    from slo_common._errors import TLSError as TLSError
    from slo_common._errors import TooEarly as TooEarly
    from slo_common._errors import TransportError as TransportError
    from slo_common._errors import TruncatedResponse as TruncatedResponse
    from slo_common._errors import UnexpectedContent as UnexpectedContent
    from slo_common._errors import UnexpectedRedirect as UnexpectedRedirect
    from slo_common._errors import UnfinishedWrite as UnfinishedWrite
    from slo_common._errors import UnsupportedMediaType as UnsupportedMediaType
    from slo_common._errors import UntrustedLink as UntrustedLink
    from slo_common._errors import ValidationFailed as ValidationFailed
    from slo_common._events import AttemptEnded as AttemptEnded
    from slo_common._events import AttemptStarted as AttemptStarted
    from slo_common._events import BudgetSeen as BudgetSeen
    from slo_common._events import CallEnded as CallEnded
    from slo_common._events import CallStarted as CallStarted
    from slo_common._events import Event as Event
    from slo_common._events import OnEvent as OnEvent
    from slo_common._events import RateLimitWait as RateLimitWait
    from slo_common._events import RetryScheduled as RetryScheduled
    from slo_common._limiter import LimitKey as LimitKey
    from slo_common._limiter import LocalRateLimiter as LocalRateLimiter
    from slo_common._limiter import NoRateLimiter as NoRateLimiter
    from slo_common._limiter import RateLimiter as RateLimiter
    from slo_common._limiter import Reservation as Reservation
    from slo_common._limiter_file import FileRateLimiter as FileRateLimiter
    from slo_common._limiter_redis import RedisRateLimiter as RedisRateLimiter
    from slo_common._otel import OpenTelemetryHook as OpenTelemetryHook
    from slo_common._pages import AsyncPaged as AsyncPaged
    from slo_common._pages import Page as Page
    from slo_common._pages import SyncPaged as SyncPaged
    from slo_common._poll import PollSchedule as PollSchedule
    from slo_common._progress import rich_progress as rich_progress
    from slo_common._ratelimit import RateLimitState as RateLimitState
    from slo_common._retry import RetryPolicy as RetryPolicy
    from slo_common._secret import Secret as Secret
    from slo_common._timeouts import Timeouts as Timeouts
    from slo_common._unset import UNSET as UNSET
    from slo_common._unset import Unset as Unset

_ERRORS = """AlreadyExists ApiError Attempt AuthenticationError BadRequest ClientClosed ConfigurationError Conflict ConnectFailed
ConnectionLost DeadlineExceeded DecodeError ErrorDetail InsecureURL InvalidArgument LimiterUnavailable LoopMismatch MalformedResponse
NotFound OperationGone OutcomeUnknown PaginationError PartialFailure PermissionDenied PollTimeout PoolExhausted ProtocolError
ProxyFailed RateLimited ReadTimeout ReportFailed ReportPartial ReportUnavailable RequestTimeout ResponseTooLarge Sent ServerError
ServiceUnavailable SloError TLSError TooEarly TransportError TruncatedResponse UnexpectedContent UnexpectedRedirect UnfinishedWrite
UnsupportedMediaType UntrustedLink ValidationFailed"""

_HOME: Final[dict[str, str]] = {
    **dict.fromkeys(_ERRORS.split(), "_errors"),
    **dict.fromkeys(
        "AttemptEnded AttemptStarted BudgetSeen CallEnded CallStarted Event OnEvent RateLimitWait RetryScheduled".split(), "_events"
    ),
    **dict.fromkeys(("LimitKey", "LocalRateLimiter", "NoRateLimiter", "RateLimiter", "Reservation"), "_limiter"),
    **dict.fromkeys(("AsyncPaged", "Page", "SyncPaged"), "_pages"),
    **dict.fromkeys(("UNSET", "Unset"), "_unset"),
    "FileRateLimiter": "_limiter_file",
    "OpenEnum": "_enums",
    "OpenTelemetryHook": "_otel",
    "PollSchedule": "_poll",
    "RateLimitState": "_ratelimit",
    "RedisRateLimiter": "_limiter_redis",
    "RetryPolicy": "_retry",
    "Secret": "_secret",
    "Timeouts": "_timeouts",
    "rich_progress": "_progress",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  # the names above, loaded when used
__getattr__, __dir__ = lazy(__name__, _HOME)
