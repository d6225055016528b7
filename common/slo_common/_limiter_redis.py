"""A rate limiter for the processes of many machines: the queues of ``_limiter`` and ``_windows``, kept and run inside Redis."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from types import ModuleType
from typing import Protocol, cast
from urllib.parse import urlsplit

from slo_common._check import require
from slo_common._errors import ConfigurationError
from slo_common._limiter import LimitKey, Queue
from slo_common._limiter_shared import (
    LEASE,
    PRESENT,
    OnBackendError,
    SharedRateLimiter,
    StoreFailed,
    Turn,
    check_options,
)
from slo_common._ratelimit import RateLimitState
from slo_common._windows import CANARY_LEASE, CROWD, DEFAULT_WINDOW, LONGEST_BLOCK, MARGIN, POLL, RECHECK

FORMAT = 1
"""Stands in the keys: another format is another key, and never read."""
TIMEOUT = 0.5
"""Seconds for a connection or an answer; an URL may set others (``?socket_timeout=2``)."""

# The twin of SharedBook, LeasedQueue and Bucket, in their order and with their names; the reasons stand there. A test plays random
# scenes to both and holds every answer equal. One hash for each account: the field "book" and one "q:..." for each queue.
SCRIPT = (
    f"local MARGIN, POLL, CANARY_LEASE, RECHECK = {MARGIN!r}, {POLL!r}, {CANARY_LEASE!r}, {RECHECK!r}\n"
    f"local CROWD, WINDOW, GRACE, PRESENT, LONGEST_BLOCK = {CROWD!r}, {DEFAULT_WINDOW!r}, {Queue.GRACE!r}, {PRESENT!r}, {LONGEST_BLOCK!r}\n"
    """
local NEVER = -math.huge
local op, bucket, process, lease, ticket = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local raw = redis.call('HGET', KEYS[1], 'book')
local book = raw and cmsgpack.unpack(raw) or {offset = 0, last = 0, ticket = 0, members = {}, buckets = {}, names = {}}
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6 + book.offset
if now < book.last then -- the server's clock was set back: ours goes on from where it was
  book.offset = book.offset + book.last - now
  now = book.last
end
book.last = now

local loaded = {}
local function queue_of(id)
  local q = loaded[id]
  if not q then
    local packed = redis.call('HGET', KEYS[1], 'q:' .. id)
    q = packed and cmsgpack.unpack(packed) or {
      waiting = {}, flying = {}, freed = {}, known = false, sliding = false, blocked_until = NEVER, blind = 0,
      foreign = 0, foreign_until = NEVER, end_low = NEVER, end_high = NEVER,
    }
    loaded[id] = q
  end
  return q
end
book.buckets[bucket] = book.buckets[bucket] or bucket
local id = book.buckets[bucket]
local q = queue_of(id)

local function size(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end
local function insort(list, value)
  local i = #list
  while i > 0 and list[i] > value do
    list[i + 1] = list[i]
    i = i - 1
  end
  list[i + 1] = value
end
local function crowd(seconds, ahead) return seconds * (1 + ahead / CROWD) end

-- Bucket: events

local function landed(q, ticket)
  if q.canary == ticket then q.canary = nil end
  local sent_at = q.flying[ticket]
  q.flying[ticket] = nil
  return sent_at
end

local function lost(q, ticket)
  landed(q, ticket)
  if q.sliding and q.limit then
    insort(q.freed, now + (q.period or WINDOW) + MARGIN)
  elseif q.left then
    q.left = q.left - 1
  end
end

local function needs_canary(q)
  if not q.known then return true end
  return q.limit and not q.sliding and not q.left
end

local function go(q, ticket)
  if needs_canary(q) then q.canary, q.canary_at = ticket, now end
  q.flying[ticket] = now
end

local function learn_sliding(q, state, sent_at)
  local window = q.period or WINDOW
  if not state.refused then insort(q.freed, now + window + MARGIN) end
  if not state.remaining then return end
  local ours = size(q.flying)
  for _, moment in ipairs(q.freed) do
    if moment > sent_at then ours = ours + 1 end
  end
  q.foreign = math.max(0, q.limit - state.remaining - ours)
  local held_for = window
  if state.reset_in and state.remaining <= 0 then held_for = math.min(window, state.reset_in) end
  q.foreign_until = now + held_for + MARGIN
end

local function learn_fixed(q, state, sent_at)
  local period = q.period or (state.reset_in and state.reset_in > 0 and state.reset_in) or WINDOW
  local low, high = now, now + period
  if state.reset_in then low, high = sent_at + state.reset_in - 1, now + state.reset_in end
  if high <= q.end_low - period / 2 then return end
  if low >= q.end_high or high <= q.end_low then
    local seen = q.end_high > NEVER
    local shift = seen and math.floor((low - q.end_low) / period + 0.5) * period or 0
    local carried_low, carried_high = q.end_low + shift, q.end_high + shift
    if seen and math.max(low, carried_low) < math.min(high, carried_high) then
      q.end_low, q.end_high = math.max(low, carried_low), math.min(high, carried_high)
    else
      q.end_low, q.end_high = low, high
    end
    q.left = nil
  else
    q.end_low, q.end_high = math.max(low, q.end_low), math.min(high, q.end_high)
  end
  if state.remaining then
    q.left = q.left and math.min(q.left, state.remaining) or state.remaining
  else
    q.left = q.left and math.max(0, q.left - 1) or q.limit
  end
end

local function answered(q, ticket, state)
  local sent_at = landed(q, ticket) or now
  q.known = true
  q.blind = (state.refused and not state.hint) and q.blind + 1 or 0
  if state.refused then
    local wait = state.hint or math.min(15, 0.5 * 2 ^ (q.blind - 1))
    local longest = math.max(LONGEST_BLOCK, state.period or q.period or 0)
    q.blocked_until = math.max(q.blocked_until, now + math.min(wait, longest) + MARGIN)
    q.known = false
  end
  if not state.limit then return end
  q.limit, q.sliding = state.limit, state.sliding
  q.period = state.period or q.period
  if state.sliding then learn_sliding(q, state, sent_at) else learn_fixed(q, state, sent_at) end
end

-- Bucket: questions

local function sliding_wait(q, ahead)
  local freed = {}
  for _, moment in ipairs(q.freed) do
    if moment > now then freed[#freed + 1] = moment end
  end
  q.freed = freed
  local held = now < q.foreign_until
  local foreign = held and q.foreign or math.min(q.foreign, q.limit - 1)
  local flying = size(q.flying)
  local free = q.limit - flying - #freed - foreign
  if free > ahead then return 0 end
  local window = q.period or WINDOW
  local waves, place = math.floor(ahead / q.limit), ahead % q.limit
  local moments = freed
  if foreign > 0 and held then
    moments = {}
    for i, moment in ipairs(freed) do moments[i] = moment end
    for _ = 1, foreign do insort(moments, q.foreign_until) end
  end
  local nth = place - free
  local opens = now + window
  if nth < 0 then opens = now elseif nth < #moments then opens = moments[nth + 1] end
  local wait = math.max(opens + waves * window - now, MARGIN)
  if ahead > 0 or flying > 0 or foreign > 0 then return math.min(wait, crowd(RECHECK, ahead)) end
  return wait
end

local function fixed_wait(q, ahead)
  local period = q.period or WINDOW
  if now >= q.end_high and q.left then
    local steps = math.floor((now - q.end_high) / period) + 1
    q.left, q.end_low, q.end_high = nil, q.end_low + steps * period, q.end_high + steps * period
  end
  if not q.left then return ahead > 0 and crowd(POLL, ahead) or 0 end
  local flying = size(q.flying)
  if q.left - flying > ahead then return 0 end
  if flying > 0 and q.left > ahead then return crowd(POLL, ahead) end
  local windows = math.floor(math.max(0, ahead - q.left) / q.limit)
  local wait = math.max(q.end_high + windows * period - now, MARGIN)
  if ahead > 0 or flying > 0 then return math.min(wait, crowd(RECHECK, ahead)) end
  return wait
end

local function bucket_wait(q, ahead)
  if now < q.blocked_until then return q.blocked_until - now end
  if q.canary then
    if now - q.canary_at < CANARY_LEASE then return crowd(POLL, ahead) end
    lost(q, q.canary)
  end
  if not q.known then return ahead > 0 and crowd(POLL, ahead) or 0 end
  if not q.limit then return 0 end
  if q.sliding then return sliding_wait(q, ahead) end
  return fixed_wait(q, ahead)
end

-- LeasedQueue

local function ask(q, ticket)
  for other, sent_at in pairs(q.flying) do
    if now - sent_at >= lease then landed(q, other) end
  end
  local grace = math.min(GRACE, lease)
  local ahead, last = 0, nil
  for other, wakes in pairs(q.waiting) do
    if wakes + grace <= now then
      q.waiting[other] = nil
    elseif other < ticket then
      ahead = ahead + 1
      last = math.max(last or wakes, wakes)
    end
  end
  local wait = bucket_wait(q, ahead)
  if wait <= 0 then
    q.waiting[ticket] = nil
    go(q, ticket)
    return 0
  end
  if last then wait = math.min(wait, math.max(last + grace - now, MARGIN)) end
  for _, sent_at in pairs(q.flying) do
    wait = math.min(wait, math.max(sent_at + lease - now, MARGIN))
  end
  q.waiting[ticket] = now + wait
  return wait
end

-- SharedBook

local wait, members = 0, 0
if op == 'ask' then
  for name, seen in pairs(book.members) do
    if now - seen >= PRESENT then book.members[name] = nil end
  end
  book.members[process] = now
  members = size(book.members)
  if not ticket then
    book.ticket = math.max(book.ticket + 1, math.floor(now * 1e6))
    ticket = book.ticket
  end
  wait = ask(q, ticket)
elseif op == 'leave' then
  q.waiting[ticket] = nil
  landed(q, ticket)
elseif op == 'lost' then
  lost(q, ticket)
else
  local state = {
    limit = tonumber(ARGV[6]), period = tonumber(ARGV[7]), remaining = tonumber(ARGV[8]), reset_in = tonumber(ARGV[9]),
    hint = tonumber(ARGV[10]), sliding = ARGV[11] == '1', refused = ARGV[12] == '1',
  }
  local name = ARGV[13]
  if name ~= '' then
    book.names[name] = book.names[name] or id
    if book.names[name] ~= id then
      book.buckets[bucket] = book.names[name]
      local named = queue_of(book.names[name])
      named.flying[ticket] = q.flying[ticket] or now
      landed(q, ticket)
      q = named
    end
  end
  answered(q, ticket, state)
end

local keep = 0
for name, each in pairs(loaded) do
  redis.call('HSET', KEYS[1], 'q:' .. name, cmsgpack.pack(each))
  keep = math.max(keep, each.blocked_until - now, 2 * (each.period or WINDOW), each.end_high - now)
end
redis.call('HSET', KEYS[1], 'book', cmsgpack.pack(book))
keep = math.ceil(1000 * math.min(keep + lease + PRESENT, 1e6))
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], 2 * keep) end
return {ticket, math.ceil(wait * 1e6), members}
"""
)


class RedisClient(Protocol):
    """What is used of a ``redis.Redis``."""

    def register_script(self, script: str) -> Callable[..., object]: ...


class RedisRateLimiter(SharedRateLimiter):
    """Paces all processes, on all machines, that call with the same credentials. Needs a Redis (5 or later) and the extra ``redis``.

    ``redis``: an address (``redis://``, ``rediss://`` or ``unix://``) or a client of redis-py (``redis.Redis``, not the asyncio
    one: async clients ask it in a worker thread); a client should have short time-outs and is not closed by us.
    ``on_backend_error``: what to do while Redis does not answer: ``"local"`` (go on alone with this process's part of the budget
    last known, one warning a minute, and return to Redis when it is back) or ``"raise"`` (:class:`LimiterUnavailable`).
    ``namespace``: begins all keys; they hold a digest of the account, never a secret. ``lease``: seconds after which the place of a
    call is free again whose process died; longer than your calls last.

    Time is Redis's own, so the machines' clocks need not agree. Raises :class:`ConfigurationError` when redis-py is missing or the
    address is none, :class:`InvalidArgument` for bad arguments; nothing is sent before the first call.

    >>> limiter = RedisRateLimiter("redis://localhost:6379/0")  # doctest: +SKIP
    >>> RootlySLA(rate_limiter=limiter)  # doctest: +SKIP
    """

    does_io = True

    def __init__(
        self,
        redis: str | RedisClient,
        *,
        on_backend_error: OnBackendError = "local",
        namespace: str = "slo-sdk",
        lease: float = LEASE,
    ) -> None:
        check_options(on_backend_error, lease)
        require(
            (
                None
                if isinstance(redis, str) or callable(getattr(redis, "register_script", None))
                else f"redis: a {type(redis).__name__} was given; allowed: an address or a redis.Redis",
                None if _is_name(namespace) else f"namespace: {namespace!r} was given; allowed: a string of 1 to 100 characters",
            )
        )
        self._disconnect: Callable[[], None] | None = None
        if isinstance(redis, str):
            client, self._disconnect = _connect(redis)
            name = address_of(redis)
        else:
            client, name = redis, "the Redis of the given client"
        super().__init__(RedisStore(client, name=name, namespace=namespace, lease=lease), on_backend_error, time.monotonic)

    def close(self) -> None:
        """Close the connections to Redis, unless the client was given. They open again when needed."""
        if self._disconnect is not None:
            self._disconnect()


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 100


def address_of(url: str) -> str:
    """Where Redis is, without the password that the URL may hold."""
    parts = urlsplit(url)
    return f"Redis at {parts.hostname}:{parts.port or 6379}" if parts.hostname else f"Redis at {parts.path}"


def _redis() -> ModuleType:
    try:
        import redis
    except ImportError:
        raise ConfigurationError("RedisRateLimiter needs the package redis: install slo-sdk[redis]") from None
    return redis


def _connect(url: str) -> tuple[RedisClient, Callable[[], None]]:
    """A client, and what closes its connections."""
    redis = _redis()
    never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)  # what to do about a failure is decided here, at once
    try:
        client = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=never)
    except ValueError:  # its text may hold the password
        raise ConfigurationError("RedisRateLimiter: no address of a Redis; allowed: redis://, rediss:// or unix://") from None
    return client, client.connection_pool.disconnect


class RedisStore:
    """One hash for each account, changed by one script."""

    def __init__(self, client: RedisClient, *, name: str, namespace: str, lease: float, script: str = SCRIPT) -> None:
        self._errors: tuple[type[Exception], ...] = (_redis().RedisError, OSError)
        if isinstance(client, _redis().asyncio.Redis):
            raise ConfigurationError(
                "RedisRateLimiter: an asyncio client was given; allowed: a redis.Redis, for sync and async clients alike"
            )
        self._script = client.register_script(script)
        self._namespace = namespace
        self._lease = lease
        self.name = name

    def ask(self, key: LimitKey, ticket: int | None, process: str) -> Turn:
        got, micros, processes = self._run(key, "ask", ticket, process)
        return Turn(got, micros / 1e6, processes)

    def leave(self, key: LimitKey, ticket: int) -> None:
        self._run(key, "leave", ticket)

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        if state is None:
            self._run(key, "lost", ticket)
            return
        numbers = (state.limit, state.period, state.remaining, state.reset_in, state.hint)
        self._run(
            key,
            "told",
            ticket,
            "",
            *("" if number is None else repr(number) for number in numbers),
            "1" if state.sliding else "0",
            "1" if refused else "0",
            state.name or "",
        )

    def _run(self, key: LimitKey, op: str, ticket: int | None, process: str = "", *state: str) -> tuple[int, int, int]:
        account = hashlib.sha256(f"{key.vendor}\0{key.account}".encode()).hexdigest()[:24]
        try:
            reply = self._script(
                keys=[f"{self._namespace}:v{FORMAT}:{account}"],
                args=[op, key.bucket, process, repr(self._lease), "" if ticket is None else str(ticket), *state],
            )
        except self._errors as e:
            raise StoreFailed(type(e).__name__) from None  # the text may quote the address
        got, micros, processes = cast("tuple[int, int, int]", reply)
        return got, micros, processes
