"""A rate limiter for the processes of one machine: the state of :class:`LocalRateLimiter` in a file, under a lock."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from slo_common._check import require
from slo_common._errors import ConfigurationError
from slo_common._limiter import ForkSafeLock, LimitKey
from slo_common._limiter_shared import (
    LEASE,
    OnBackendError,
    SharedBook,
    SharedRateLimiter,
    StoreFailed,
    Turn,
    check_options,
    log,
)
from slo_common._ratelimit import RateLimitState
from slo_common._windows import Bucket

R = TypeVar("R")

FORMAT = 1
"""Stands in the file's name: another format is another file, and never read."""
MAX_BYTES = 4 * 1024 * 1024
PATIENCE = 1.0
"""Seconds to wait for the file's lock, which is held for far less than a millisecond by anyone alive and running. They are those that a
process has slept for it: those in which the machine stood still are not its holder's fault."""
FIRST_LOOK = 0.0002
"""Seconds after which to look again whether the lock is free; doubled each time, at most 5 ms."""


class FileRateLimiter(SharedRateLimiter):
    """Paces all processes of one user on one machine that call with the same credentials. Needs no server.

    ``path``: a directory for the state, made when missing (default: ``$XDG_CACHE_HOME/slo-sdk`` or ``~/.cache/slo-sdk``); all
    processes must use the same one, on a local disk, and only you should be able to write to it. It holds one small file for each
    account, named by a digest, mode 0600, without secrets. ``on_backend_error``: what to do while the files cannot be used:
    ``"local"`` (go on alone with this process's part of the budget, one warning a minute, and start a damaged file anew) or
    ``"raise"`` (:class:`LimiterUnavailable`). ``lease``: seconds after which the place of a call is free again whose process died;
    longer than your calls last.

    Works in threads, tasks and forked children, in real time only: a sandbox with a virtual clock needs :class:`LocalRateLimiter`.
    Raises :class:`ConfigurationError` on systems without POSIX file locks (Windows), :class:`InvalidArgument` for bad arguments.

    >>> limiter = FileRateLimiter()
    >>> RootlySLA(rate_limiter=limiter)  # doctest: +SKIP
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, on_backend_error: OnBackendError = "local", lease: float = LEASE
    ) -> None:
        check_options(on_backend_error, lease)
        require([None if _is_path(path) else f"path: {path!r} was given; allowed: the path of a directory"])
        folder = default_folder() if path is None else Path(path)
        store = FileStore(folder, lease=lease, clock=time.monotonic, mend=on_backend_error == "local")
        super().__init__(store, on_backend_error, time.monotonic)


def _is_path(value: object) -> bool:
    return value is None or isinstance(value, (str, os.PathLike))


def default_folder() -> Path:
    """The same for all processes of a user, whether a person or cron started them; so not XDG_RUNTIME_DIR, which cron lacks."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "slo-sdk"
    except RuntimeError:
        raise ConfigurationError("FileRateLimiter: this user has no home directory; pass path=") from None


@functools.cache
def boot_id() -> str:
    """Tells one run of the system from the next; "" where that is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class FileStore:
    """One file for each account. Its lock is the kernel's: it ends with the process that held it."""

    def __init__(self, folder: Path, *, lease: float, clock: Callable[[], float], mend: bool) -> None:
        try:
            import fcntl
        except ImportError:
            raise ConfigurationError(
                "FileRateLimiter needs POSIX file locks, which this system lacks; use LocalRateLimiter or RedisRateLimiter"
            ) from None
        self._fcntl = fcntl
        self._folder = folder
        self._lease = lease
        self._clock = clock  # the same seconds in all processes of the machine
        self._mend = mend
        self._lock = ForkSafeLock()  # one thread of a process at a time tries for a file's lock

    @property
    def name(self) -> str:
        return f"files in {self._folder}"

    def ask(self, key: LimitKey, ticket: int | None, process: str) -> Turn:
        def act(book: SharedBook, now: float) -> Turn:
            here = book.present(process, now)
            if ticket is None:
                return Turn(*book.enter(key, now), here)
            return Turn(ticket, book.ask(key, ticket, now), here)

        return self._change(key, act)

    def leave(self, key: LimitKey, ticket: int) -> None:
        self._change(key, lambda book, _: book.leave(key, ticket))

    def told(self, key: LimitKey, ticket: int, state: RateLimitState | None, *, refused: bool) -> None:
        self._change(key, lambda book, now: book.told(key, ticket, state, refused=refused, now=now))

    def _change(self, key: LimitKey, act: Callable[[SharedBook, float], R]) -> R:
        account = hashlib.sha256(f"{key.vendor}\0{key.account}".encode()).hexdigest()[:24]
        path = self._folder / f"{account}.v{FORMAT}.json"
        try:
            with self._lock.here, self._held(path) as file:
                now = self._clock()
                book = self._read(file, key, now)
                result = act(book, now)
                data = dump(book, boot=boot_id(), at=now).encode() + b"\n"
                os.pwrite(file, data, 0)
                os.ftruncate(file, len(data))
                return result
        except OSError as e:
            raise StoreFailed(f"{type(e).__name__}: {e.strerror or 'unknown'}") from None

    @contextmanager
    def _held(self, path: Path) -> Generator[int]:
        """The open file under its lock. Opened afresh each time: a descriptor that a fork copies would share the lock."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        pauses = _pauses()
        while True:
            try:
                file = os.open(path, flags, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                file = os.open(path, flags, 0o600)
            try:
                self._acquire(file, pauses)
                if os.fstat(file).st_nlink:  # else: deleted by someone while we waited; a new one has its place
                    try:
                        yield file
                        return
                    finally:
                        self._fcntl.flock(file, self._fcntl.LOCK_UN)
            finally:
                os.close(file)

    def _acquire(self, file: int, pauses: Iterator[float]) -> None:
        while True:
            try:
                self._fcntl.flock(file, self._fcntl.LOCK_EX | self._fcntl.LOCK_NB)
            except BlockingIOError:
                pause = next(pauses, None)
                if pause is None:
                    raise StoreFailed(f"another process has held its lock for {PATIENCE:g} s; is it stopped?") from None
            else:
                return
            time.sleep(pause)

    def _read(self, file: int, key: LimitKey, now: float) -> SharedBook:
        data = os.pread(file, MAX_BYTES + 1, 0)
        if not data:
            return SharedBook(self._lease)
        try:
            return load(data, key, lease=self._lease, boot=boot_id(), now=now)
        except ValueError:
            if not self._mend:
                raise StoreFailed("a file is damaged; delete it") from None
        log.warning("the shared rate limiter (%s): a damaged file is started anew", self.name)
        return SharedBook(self._lease)


# The file's content: one line of JSON. What follows the line is of an older, longer state and means nothing.

NEVER = float("-inf")


def _pauses() -> Iterator[float]:
    """How long to sleep before each further look at a lock, until patience is over."""
    pause, slept = FIRST_LOOK, 0.0
    while slept < PATIENCE:
        yield pause
        slept += pause
        pause = min(0.005, pause * 2)


def dump(book: SharedBook, *, boot: str, at: float) -> str:
    """The book as text. ``at``: now, on the clock of all moments in it."""
    queues = {id(queue): queue for queue in (*book.queues.values(), *book.named.values())}
    return json.dumps(
        {
            "boot": boot,
            "at": at,
            "ticket": book.last_ticket,
            "members": book.members,
            "queues": [
                {
                    "buckets": [key.bucket for key, queue in book.queues.items() if id(queue) == which],
                    "names": [key.bucket for key, queue in book.named.items() if id(queue) == which],
                    "waiting": list(queue.waiting.items()),
                    "bucket": _dump_bucket(queue.bucket),
                }
                for which, queue in queues.items()
            ],
        },
        separators=(",", ":"),
        allow_nan=False,
    )


def _dump_bucket(bucket: Bucket) -> dict[str, object]:
    state: dict[str, object] = {}
    for name in Bucket.__slots__:
        value = getattr(bucket, name)
        if isinstance(value, dict):
            value = list(cast(dict[int, float], value).items())
        state[name] = None if value == NEVER else value
    return state


def load(data: bytes, key: LimitKey, *, lease: float, boot: str, now: float) -> SharedBook:
    """The book of a text; an empty one when the text is of another run of the system. Raises ValueError when it makes no sense."""
    try:
        state = json.loads(data.partition(b"\n")[0], parse_constant=_no_constant)
        return _book(state, key, lease=lease, boot=boot, now=now)
    except (TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("not the state of a rate limiter") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _book(state: Any, key: LimitKey, *, lease: float, boot: str, now: float) -> SharedBook:
    book = SharedBook(lease)
    if state["boot"] != boot or float(state["at"]) > now:
        return book  # its clock began anew since
    book.last_ticket = int(state["ticket"])
    book.members = {str(name): float(seen) for name, seen in state["members"].items()}
    for each in state["queues"]:
        queue = book.new_queue()
        queue.waiting = _moments(each["waiting"])
        _load_bucket(queue.bucket, each["bucket"])
        for names, queues in ((each["buckets"], book.queues), (each["names"], book.named)):
            queues.update({LimitKey(key.vendor, key.account, str(name)): queue for name in names})
    return book


def _moments(pairs: Any) -> dict[int, float]:
    return {int(ticket): float(moment) for ticket, moment in pairs}


def _load_bucket(bucket: Bucket, state: Any) -> None:
    for name in Bucket.__slots__:
        setattr(bucket, name, LOADERS[name](state[name]))


def _moment(value: Any) -> float:
    return NEVER if value is None else float(value)


def _or_none(read: Callable[[Any], R]) -> Callable[[Any], R | None]:
    return lambda value: None if value is None else read(value)


def _canary(value: Any) -> tuple[int, float]:
    ticket, sent_at = value
    return int(ticket), float(sent_at)


LOADERS: dict[str, Callable[[Any], object]] = {
    "blind": int,
    "blocked_until": _moment,
    "canary": _or_none(_canary),
    "end_high": _moment,
    "end_low": _moment,
    "flying": _moments,
    "foreign": int,
    "foreign_until": _moment,
    "freed": lambda moments: [float(moment) for moment in moments],
    "known": bool,
    "left": _or_none(int),
    "limit": _or_none(int),
    "period": _or_none(float),
    "sliding": bool,
}
"""How each part of a bucket is read; that none is missing is a test."""
