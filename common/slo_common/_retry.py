"""What is tried again, when, and how often: pure decisions over the error, the safety of the call and what was tried before."""

from __future__ import annotations

import enum

from attrs import field, frozen

from slo_common._check import is_int, require
from slo_common._errors import (
    ConnectionLost,
    DeadlineExceeded,
    DecodeError,
    MalformedResponse,
    OutcomeUnknown,
    PoolExhausted,
    ProtocolError,
    RateLimited,
    ReadTimeout,
    RequestTimeout,
    ResponseTooLarge,
    Sent,
    ServerError,
    ServiceUnavailable,
    SloError,
    TLSError,
    TooEarly,
    TransportError,
    TruncatedResponse,
)
from slo_common._values import Safety


def _non_negative(name: str, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return f"{name}: {value!r} was given; allowed: a number of at least 0"
    return None


@frozen(kw_only=True)
class RetryPolicy:
    """How a client repeats what failed. Reads and idempotent writes are repeated; other writes only if never sent or refused.

    ``attempts``: tries of one call, the first included, for failures of connection or server. ``backoff_base`` and ``backoff_cap``:
    seconds; the pause before try n+1 is random up to ``min(cap, base * 2**(n-1))``. ``rate_limit_retries``: repeats after a 429.
    ``max_rate_limit_wait``: seconds that one call may wait for refusals (429), all together; a longer hint raises
    :class:`RateLimited` at once. ``max_queue_wait``: seconds that a call may wait in the client's own queue for its turn (None: as
    long as it takes). ``retry_writes_on_503``: repeat also unsafe writes after a 503 with Retry-After.

    >>> RetryPolicy(attempts=1)  # never repeat
    RetryPolicy(attempts=1, ...)
    """

    attempts: int = 3
    backoff_base: float = 0.5
    backoff_cap: float = 8.0
    rate_limit_retries: int = 5
    max_rate_limit_wait: float = 120.0
    max_queue_wait: float | None = None
    retry_writes_on_503: bool = field(default=False)

    def __attrs_post_init__(self) -> None:
        require(
            (
                None
                if is_int(self.attempts) and 1 <= self.attempts <= 20
                else f"retry.attempts: {self.attempts!r} was given; allowed: a whole number from 1 to 20",
                None
                if is_int(self.rate_limit_retries) and 0 <= self.rate_limit_retries <= 100
                else f"retry.rate_limit_retries: {self.rate_limit_retries!r} was given; allowed: a whole number from 0 to 100",
                _non_negative("retry.backoff_base", self.backoff_base),
                _non_negative("retry.backoff_cap", self.backoff_cap),
                _non_negative("retry.max_rate_limit_wait", self.max_rate_limit_wait),
                None if self.max_queue_wait is None else _non_negative("retry.max_queue_wait", self.max_queue_wait),
            )
        )


class Verdict(enum.Enum):
    """What to do about a failed attempt."""

    GIVE_UP = "give up"
    AGAIN = "again"
    ONCE_MORE = "once more"
    """Again, but only after the first failure."""
    WHEN_ALLOWED = "when allowed"
    """Refused by a rate limit: again when the server says so."""
    UNKNOWN = "unknown"
    """The write may have been applied; nobody may repeat it blindly."""


def judge(error: SloError, safety: Safety, policy: RetryPolicy) -> Verdict:
    """The one place where it is decided whether a call is repeated."""
    repeatable = safety is not Safety.UNSAFE
    match error:
        case RateLimited():
            return Verdict.WHEN_ALLOWED
        case RequestTimeout() | TooEarly():
            return Verdict.ONCE_MORE  # the server says itself that it did nothing
        case ServerError():
            return _judge_server_error(error, repeatable, policy)
        case MalformedResponse() if not isinstance(error, DecodeError) and not repeatable and (error.status or 0) < 300:
            return Verdict.UNKNOWN  # it said yes to something; nobody can read to what
        case TransportError():
            return _judge_transport_error(error, repeatable)
        case _:
            return Verdict.GIVE_UP


def _judge_server_error(error: ServerError, repeatable: bool, policy: RetryPolicy) -> Verdict:
    if repeatable:
        # 200: a vendor that hides its failure in a good reply, as JSON-RPC does
        return Verdict.AGAIN if error.status in (200, 500, 502, 503, 504) else Verdict.GIVE_UP
    if error.status in (502, 504):
        return Verdict.UNKNOWN  # a gateway may have passed it on
    asked_to_wait = isinstance(error, ServiceUnavailable) and error.retry_after is not None
    return Verdict.AGAIN if asked_to_wait and policy.retry_writes_on_503 else Verdict.GIVE_UP


def _judge_transport_error(error: TransportError, repeatable: bool) -> Verdict:
    match error:
        case TLSError() | PoolExhausted() | ResponseTooLarge() | OutcomeUnknown():
            return Verdict.GIVE_UP
        case _ if error.sent is Sent.NO:
            return Verdict.AGAIN if error.retry_safe and not isinstance(error, DeadlineExceeded) else Verdict.GIVE_UP
        case _ if not repeatable:
            return Verdict.UNKNOWN
        case ConnectionLost() | ReadTimeout() | TruncatedResponse():
            return Verdict.AGAIN
        case ProtocolError():
            return Verdict.GIVE_UP if error.retry_safe is False else Verdict.ONCE_MORE
        case _:
            return Verdict.GIVE_UP


def backoff(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Seconds before the next try, with full jitter; ``chance`` is a random number in [0, 1)."""
    return min(policy.backoff_cap, policy.backoff_base * 2.0 ** (failures - 1)) * chance
