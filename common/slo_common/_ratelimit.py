"""What a reply says about the request budget, as one value; never raises, whatever the headers hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC

from attrs import frozen

EPOCH = 1_000_000_000.0
"""A number from here on is a moment, below it a duration."""

DAY = 86_400.0
"""No window is longer; a Reset that says so is not believed."""

_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?", re.ASCII)
_WINDOW = re.compile(r";\s*(?:window|w)=([0-9]{1,9})", re.ASCII)


@frozen(kw_only=True)
class RateLimitState:
    """The budget as the server told it with one reply. What it did not tell is None."""

    limit: int | None = None
    """Requests per window."""
    period: float | None = None
    """Seconds of the window."""
    remaining: int | None = None
    reset_in: float | None = None
    """Seconds, from this reply on, until the window ends (fixed) or a place is free at the latest (sliding)."""
    sliding: bool = False
    """The window looks back from now, rather than starting anew at calendar moments."""
    name: str | None = None
    """The server's name of the budget."""
    retry_after: float | None = None
    """Seconds to wait after a refusal, as the server asked."""

    @property
    def hint(self) -> float | None:
        """How long a refused request should wait: Retry-After, else Reset; None when neither is a time to come."""
        return self.retry_after if self.retry_after is not None else self.reset_in or None


NOTHING = RateLimitState()


def _number(text: str) -> float | None:
    """A plain decimal number in ASCII digits of sane length, or None."""
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _http_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # few replies need it, and it takes as long to load as all that reads rate limits

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def retry_after(text: str, *, date: str) -> float | None:
    """Seconds from a ``Retry-After`` value: seconds, an epoch moment or an HTTP date, held against the reply's own ``Date``.

    None when absent, in the past, zero or not understood: then the caller's own backoff rules. A number that is neither a sane
    duration nor a moment to come stays a duration, far above any maximum wait.
    """
    text = text.strip()
    server_now = _http_date(date) if date else None
    if _DIGITS.fullmatch(text):
        value = float(text)
        if value >= EPOCH and server_now is None:
            return None if value < 1e10 else value
        if value >= EPOCH and server_now is not None and server_now - 86_400 <= value < 1e10:
            value -= server_now
        return value if value > 0 else None
    moment = _http_date(text) if text and not text.lstrip("+-").isdigit() else None
    if moment is None or server_now is None:
        return None
    return moment - server_now if moment > server_now else None


_PREFIXES = ("x-ratelimit-", "ratelimit-")
_SIGNS = frozenset({"retry-after", "ratelimit", *(p + member for p in _PREFIXES for member in ("limit", "remaining", "reset"))})
"""Without one of these nothing is said."""


def parse(headers: Mapping[str, str]) -> RateLimitState:
    """Read ``X-RateLimit-*`` (or, as Rootly sent it in 2025, ``RateLimit-*``), ``RateLimit``/``RateLimit-Policy`` and ``Retry-After``.

    Header names are lower case.
    """
    if _SIGNS.isdisjoint(headers):
        return NOTHING
    date = headers.get("date", "")
    wait = retry_after(headers.get("retry-after", ""), date=date)
    prefix = next((p for p in _PREFIXES if any(p + member in headers for member in ("limit", "remaining", "reset"))), None)
    if prefix is None:
        return _draft(headers, wait)
    limit_text = headers.get(f"{prefix}limit", "")
    window = _WINDOW.search(limit_text)
    limit = _number(re.split(r"[,;]", limit_text, maxsplit=1)[0])
    period = _number(headers.get(f"{prefix}period", ""))
    remaining = _number(headers.get(f"{prefix}remaining", ""))
    reset = _number(headers.get(f"{prefix}reset", ""))
    sliding = window is not None or (reset is not None and reset >= EPOCH)
    if reset is not None and reset >= EPOCH:
        server_now = _http_date(date) if date else None
        reset = max(0.0, reset - server_now) if server_now is not None else None
    if window is not None:
        period = float(window.group(1))
    if reset is not None:
        reset = min(reset, 2 * period if period is not None else DAY)
    return RateLimitState(
        limit=int(limit or 0) or None,
        period=period or None,
        remaining=int(remaining) if remaining is not None else None,
        reset_in=reset,
        sliding=sliding,
        name=headers.get(f"{prefix}name") or None,
        retry_after=wait,
    )


_POLICY_ITEM = re.compile(r'^\s*"([^"]{0,100})"((?:\s*;\s*[a-z]+=[^;,]{1,40})*)\s*$', re.ASCII)


def _params(text: str) -> dict[str, str]:
    return {k.strip(): v.strip() for k, _, v in (part.partition("=") for part in text.split(";") if part.strip())}


def _draft(headers: Mapping[str, str], wait: float | None) -> RateLimitState:
    """The fields of the IETF draft: ``RateLimit-Policy: "p";q=100;w=60`` and ``RateLimit: "p";r=50;t=30``."""
    item = _POLICY_ITEM.match(headers.get("ratelimit", ""))
    if item is None:
        return RateLimitState(retry_after=wait) if wait is not None else NOTHING
    now = _params(item.group(2))
    policy = _POLICY_ITEM.match(headers.get("ratelimit-policy", ""))
    rules = _params(policy.group(2)) if policy is not None and policy.group(1) == item.group(1) else {}
    limit, period = _number(rules.get("q", "")), _number(rules.get("w", ""))
    remaining, reset = _number(now.get("r", "")), _number(now.get("t", ""))
    return RateLimitState(
        limit=int(limit or 0) or None,
        period=period or None,
        remaining=math.floor(remaining) if remaining is not None else None,
        reset_in=reset,
        name=item.group(1),
        retry_after=wait,
    )
