"""What a type checker must say about ``slo_common``. Read by mypy and pyright (``make types``), never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Literal, assert_type

from slo_common import (
    UNSET,
    ApiError,
    AsyncPaged,
    Attempt,
    AuthenticationError,
    ConfigurationError,
    Conflict,
    DeadlineExceeded,
    ErrorDetail,
    InvalidArgument,
    LimitKey,
    LocalRateLimiter,
    NotFound,
    OpenEnum,
    OutcomeUnknown,
    Page,
    PermissionDenied,
    PollTimeout,
    RateLimited,
    RateLimiter,
    ReportFailed,
    Reservation,
    RetryPolicy,
    Secret,
    Sent,
    ServerError,
    SloError,
    SyncPaged,
    Timeouts,
    TransportError,
    Unset,
    ValidationFailed,
)


def every_error_says_what_happened(error: SloError) -> None:
    assert_type(error.sent, Sent)
    assert_type(error.retry_safe, bool | None)
    assert_type(error.attempts, tuple[Attempt, ...])
    assert_type(error.attempts[0].status, int | None)
    assert_type(error.attempts[0].elapsed, float)


def an_api_error_carries_the_answer(error: ApiError) -> None:
    assert_type(error.status, int)
    assert_type(error.request_id, str | None)
    assert_type(error.errors, tuple[ErrorDetail, ...])
    assert_type(error.errors[0].detail, str)
    assert_type(error.errors[0].parameter, str | None)


def errors_form_one_tree() -> None:
    _all: tuple[type[SloError], ...] = (ConfigurationError, InvalidArgument, TransportError, ApiError, PollTimeout, ReportFailed)
    _api: tuple[type[ApiError], ...] = (
        AuthenticationError,
        PermissionDenied,
        NotFound,
        Conflict,
        ValidationFailed,
        RateLimited,
        ServerError,
    )
    _transport: tuple[type[TransportError], ...] = (DeadlineExceeded, OutcomeUnknown)
    _standard: tuple[type[ValueError], type[TimeoutError]] = (InvalidArgument, DeadlineExceeded)


def single_errors_carry_what_helps(refused: RateLimited, lost: OutcomeUnknown, late: PollTimeout, wrong: InvalidArgument) -> None:
    assert_type(refused.retry_after, float | None)
    assert_type(lost.operation, str)
    assert_type(lost.first_sent_at, datetime)
    assert_type(late.handle, str)
    assert_type(wrong.problems, tuple[str, ...])


def unset_is_told_from_none(value: str | Unset | None) -> None:
    if value is UNSET:
        assert_type(value, Literal[Unset.UNSET])
    elif value is None:
        assert_type(value, None)
    else:
        assert_type(value, str)


def settings_have_exact_types() -> None:
    policy = RetryPolicy(attempts=1, backoff_base=0.5, max_queue_wait=None)
    assert_type(policy.attempts, int)
    assert_type(policy.max_rate_limit_wait, float)
    assert_type(Timeouts(total=5).read_timeout, float)
    assert_type(Secret("x", name="api_key").reveal(), str)


def a_limiter_fits_its_protocol(key: LimitKey) -> None:
    limiter: RateLimiter = LocalRateLimiter()
    assert_type(limiter.reserve(key, 0.0), Reservation)
    assert_type(limiter.reserve(key, 0.0).wait, float)


class Colour(OpenEnum):
    RED = "red"


def an_open_enum_takes_any_text() -> None:
    assert_type(Colour("mauve"), Colour)
    assert_type(Colour.RED.is_known, bool)
    _text: str = Colour.RED


def a_sync_list_gives_items_and_pages(paged: SyncPaged[int]) -> None:
    assert_type(iter(paged), Iterator[int])
    assert_type(list(paged), list[int])
    assert_type(paged.pages(), Iterator[Page[int]])
    for page in paged.pages():
        assert_type(page.items, tuple[int, ...])
        assert_type(page.total, int | None)


async def an_async_list_gives_items_and_pages(paged: AsyncPaged[int]) -> None:
    assert_type(paged.pages(), AsyncIterator[Page[int]])
    assert_type([item async for item in paged], list[int])
