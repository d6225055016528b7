"""The limiter that keeps its state in a file."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import (
    ConfigurationError,
    FileRateLimiter,
    InvalidArgument,
    LimiterUnavailable,
    LimitKey,
    RateLimitState,
    Reservation,
)
from slo_common import _limiter_file as module
from slo_common._limiter_file import FileStore, boot_id, default_folder, dump, load
from slo_common._limiter_shared import LEASE, SharedBook, StoreFailed
from slo_common._windows import Bucket
from tests.common.forks import ended_well, fork
from tests.limiters.twins import BookStore, state_in_python

KEY = LimitKey("vendor", "account", "things")
FULL = RateLimitState(limit=1, period=60.0, remaining=0, sliding=True)


def now() -> float:
    return time.monotonic()


def reserve(limiter: FileRateLimiter, key: LimitKey = KEY) -> Reservation:
    return limiter.reserve(key, now())


def spend(limiter: FileRateLimiter, state: RateLimitState = FULL) -> None:
    reservation = reserve(limiter)
    assert reservation.wait == 0
    reservation.done(state, refused=False, now=now())


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


# One budget.


def test_two_limiters_on_one_folder_share_the_budget(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    assert reserve(FileRateLimiter(tmp_path)).wait > 50


def test_two_accounts_do_not(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    assert reserve(FileRateLimiter(tmp_path), LimitKey("vendor", "other", "things")).wait == 0


def test_two_vendors_do_not(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    assert reserve(FileRateLimiter(tmp_path), LimitKey("other", "account", "things")).wait == 0


def test_who_came_first_goes_first(tmp_path: Path) -> None:
    clock = 1000.0
    one, other = (FileStore(tmp_path, lease=LEASE, clock=lambda: clock, mend=False) for _ in range(2))
    one.told(KEY, one.ask(KEY, None, "one").ticket, FULL, refused=False)
    first, second = one.ask(KEY, None, "one"), other.ask(KEY, None, "other")
    clock += first.wait
    assert other.ask(KEY, second.ticket, "other").wait > 0
    assert one.ask(KEY, first.ticket, "one").wait == 0


def test_a_cancelled_place_is_free_for_the_other(tmp_path: Path) -> None:
    reservation, waiting = reserve(FileRateLimiter(tmp_path)), reserve(FileRateLimiter(tmp_path))
    assert waiting.wait > 0
    reservation.cancel()
    assert waiting.renew(now()) == 0


def test_the_canary_of_one_process_is_known_to_the_other(tmp_path: Path) -> None:
    reserve(FileRateLimiter(tmp_path))
    assert 0 < reserve(FileRateLimiter(tmp_path)).wait < 0.1


def test_threads_of_one_process_share_it_too(tmp_path: Path) -> None:
    limiter = FileRateLimiter(tmp_path)
    spend(limiter, RateLimitState(limit=10, period=60.0, remaining=9, sliding=True))
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.append(reserve(limiter).wait)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in waits) == 9


def test_forked_children_share_it_too(tmp_path: Path) -> None:
    limiter = FileRateLimiter(tmp_path)
    spend(limiter, RateLimitState(limit=10, period=60.0, remaining=9, sliding=True))
    children = [fork(lambda: reserve(limiter).wait == 0) for _ in range(12)]
    assert sum(ended_well(child) for child in children) == 9


# Where and how it is kept.


def test_the_folder_and_the_file_are_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    spend(FileRateLimiter(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


def test_nothing_is_touched_before_the_first_call(tmp_path: Path) -> None:
    FileRateLimiter(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_neither_the_file_nor_its_name_tells_the_account(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    assert "account" not in only_file(tmp_path).name
    assert b"account" not in only_file(tmp_path).read_bytes()


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    spend(FileRateLimiter(str(tmp_path)))
    assert only_file(tmp_path).suffix == ".json"


def test_it_is_in_the_users_cache_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    spend(FileRateLimiter())
    assert only_file(tmp_path / ".cache" / "slo-sdk").suffix == ".json"


def test_the_cache_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "slo-sdk"


def test_a_relative_cache_is_ignored_as_its_standard_demands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "slo-sdk"


def test_a_user_without_a_home_is_asked_for_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(ConfigurationError, match=r"^FileRateLimiter: this user has no home directory; pass path=$"):
        FileRateLimiter()


def test_a_system_without_file_locks_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(
        ConfigurationError, match="needs POSIX file locks, which this system lacks; use LocalRateLimiter or RedisRateLimiter"
    ):
        FileRateLimiter(tmp_path)


def test_what_is_no_path_is_named() -> None:
    path: Any = 7
    with pytest.raises(InvalidArgument, match=r"^path: 7 was given; allowed: the path of a directory$"):
        FileRateLimiter(path)


# What comes back from the file.


def random_book() -> SharedBook:
    clock = iter(x / 10 for x in range(1000, 100_000))
    store = BookStore(lambda: next(clock), lease=LEASE)
    for bucket, state in (
        ("a", RateLimitState(limit=3, period=10.0, remaining=1, sliding=True)),
        ("b", RateLimitState(limit=3, period=10.0, remaining=2, reset_in=4.0, name="both")),
        ("c", RateLimitState(limit=3, period=10.0, remaining=1, reset_in=4.0, name="both")),
        ("d", RateLimitState(retry_after=3.0)),
        ("e", None),
    ):
        key = LimitKey("vendor", "account", bucket)
        turn = store.ask(key, None, f"process of {bucket}")
        store.ask(key, None, f"process of {bucket}")
        store.told(key, turn.ticket, state, refused=bucket == "d")
        store.ask(key, None, "other")
    return store.book


def test_what_is_written_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    book = random_book()
    text = dump(book, boot="b", at=7.0)
    again = load(text.encode() + b"\n", KEY, lease=LEASE, boot="b", now=7.0)
    assert state_in_python(again) == state_in_python(book)
    assert dump(again, boot="b", at=7.0) == text


def test_every_part_of_a_bucket_is_read_back() -> None:
    assert set(module.LOADERS) == set(Bucket.__slots__)


def test_another_content_is_another_format() -> None:
    """Two releases on one machine must not take each other's files for damaged: a change of what is kept raises FORMAT."""
    assert (module.FORMAT, " ".join(sorted(Bucket.__slots__))) == (
        1,
        "blind blocked_until canary end_high end_low flying foreign foreign_until freed known left limit period sliding",
    )


def test_the_rest_of_an_older_longer_state_means_nothing() -> None:
    book = random_book()
    text = dump(book, boot="b", at=7.0).encode()
    assert state_in_python(load(text + b'\n"ticket":1}]', KEY, lease=LEASE, boot="b", now=7.0)) == state_in_python(book)


def test_a_shorter_state_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path), RateLimitState(limit=1, period=0.01, remaining=0, sliding=True))
    waiting = [reserve(FileRateLimiter(tmp_path)) for _ in range(20)]
    longer = only_file(tmp_path).stat().st_size
    for each in waiting:
        each.cancel()
    assert only_file(tmp_path).stat().st_size < longer
    assert only_file(tmp_path).read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(("boot", "at"), [("other", 6.0), ("b", 8.0)])
def test_what_was_written_before_the_machine_was_started_anew_is_dropped(boot: str, at: float) -> None:
    text = dump(random_book(), boot=boot, at=at).encode()
    assert state_in_python(load(text, KEY, lease=LEASE, boot="b", now=7.0)) == state_in_python(SharedBook(LEASE))


def test_a_start_of_the_machine_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spend(FileRateLimiter(tmp_path))
    monkeypatch.setattr(module, "boot_id", lambda: "the next")
    assert reserve(FileRateLimiter(tmp_path)).wait == 0


def test_a_run_of_the_system_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_told(self: Path, encoding: str) -> str:
        raise FileNotFoundError

    boot_id.cache_clear()
    told = boot_id()
    boot_id.cache_clear()
    monkeypatch.setattr(Path, "read_text", not_told)
    assert (len(told), boot_id()) == (36, "")
    boot_id.cache_clear()


# Damage.


QUEUE = ("queues", 0)
BUCKET = (*QUEUE, "bucket")


def edited(*path: str | int, to: object = ...) -> bytes:
    """A good state with one thing changed, or left out."""
    state: Any = json.loads(dump(random_book(), boot=boot_id(), at=0.0))
    at = state
    for step in path[:-1]:
        at = at[step]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return json.dumps(state).encode()


DAMAGED = [
    b"{",
    b"\0" * 100,
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{}",
    b"[" * 100_000,
    edited("at", to="now"),
    edited("at", to=None),
    edited("ticket", to=[]),
    edited("members", to=[1]),
    edited("queues", to={"a": 1}),
    edited(*QUEUE, "waiting"),
    edited(*QUEUE, "waiting", to=[[1, 2, 3]]),
    edited(*BUCKET, "left"),
    edited(*BUCKET, "limit", to="many"),
    edited(*BUCKET, "canary", to=[1]),
    edited(*BUCKET, "freed", to=7),
    edited(*BUCKET, "period", to=float("nan")),
    edited(*BUCKET, "freed", to=[float("inf")]),
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_started_anew(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    spend(FileRateLimiter(tmp_path))
    only_file(tmp_path).write_bytes(data)
    spend(FileRateLimiter(tmp_path))
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", f"the shared rate limiter (files in {tmp_path}): a damaged file is started anew")
    ]
    assert reserve(FileRateLimiter(tmp_path)).wait > 50


def test_a_damaged_file_is_an_error_when_that_was_asked_for(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    only_file(tmp_path).write_bytes(b"{")
    with pytest.raises(LimiterUnavailable, match=r"cannot be used: a file is damaged; delete it; nothing was sent$"):
        reserve(FileRateLimiter(tmp_path, on_backend_error="raise"))


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=4) | st.dictionaries(st.sampled_from(["boot", "at", "ticket", "members", "queues", "bucket"]), x)
        ),
    ).map(lambda x: json.dumps(x).encode())
)
def test_whatever_the_file_holds_it_is_read_or_said_to_make_no_sense(data: bytes) -> None:
    try:
        book = load(data, KEY, lease=LEASE, boot="b", now=7.0)
    except ValueError:
        return
    assert isinstance(book, SharedBook)


def test_an_enormous_file_is_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spend(FileRateLimiter(tmp_path))
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    assert reserve(FileRateLimiter(tmp_path)).wait == 0
    assert len(caplog.records) == 1


# What is in the way.


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    limiter = FileRateLimiter(tmp_path / "file" / "folder")
    spend(limiter)
    assert reserve(limiter).wait > 50  # on its own
    assert [r.getMessage() for r in caplog.records] == [
        (
            f"the shared rate limiter (files in {tmp_path}/file/folder) cannot be used: NotADirectoryError: Not a directory; "
            "this process goes on alone, with its part of the budget"
        )
    ]


def test_a_folder_that_cannot_be_made_is_an_error_when_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LimiterUnavailable, match="NotADirectoryError: Not a directory; nothing was sent"):
        reserve(FileRateLimiter(tmp_path / "file", on_backend_error="raise"))


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    spend(FileRateLimiter(tmp_path))
    path = only_file(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LimiterUnavailable, match="OSError: Too many levels of symbolic links"):
        reserve(FileRateLimiter(tmp_path, on_backend_error="raise"))


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """The file, locked by somebody else."""
    spend(FileRateLimiter(tmp_path))
    file = os.open(only_file(tmp_path), os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)
    yield file
    os.close(file)


def test_a_lock_that_is_never_let_go_is_not_waited_for_without_end(
    tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    with pytest.raises(
        LimiterUnavailable, match=r"another process has held its lock for 0\.02 s; is it stopped\?; nothing was sent$"
    ):
        reserve(FileRateLimiter(tmp_path, on_backend_error="raise"))


def test_a_lock_is_waited_for(tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []

    def let_go(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 8:
            fcntl.flock(held, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", let_go)
    assert reserve(FileRateLimiter(tmp_path, on_backend_error="raise")).wait > 50
    assert looked == [0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.005, 0.005, 0.005]


def test_while_a_machine_stands_still_nobody_waits_for_a_lock(tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = FileRateLimiter(tmp_path, on_backend_error="raise")
    hours = iter(range(1_000_000))

    def let_go(seconds: float) -> None:
        if next(hours) > 3:
            fcntl.flock(held, fcntl.LOCK_UN)

    truth = time.monotonic
    monkeypatch.setattr(time, "sleep", let_go)
    monkeypatch.setattr(time, "monotonic", lambda: truth() + 3600 * next(hours))  # the machine stands still again and again
    assert limiter.reserve(KEY, 0.0).wait > 50


def test_a_file_that_is_deleted_while_its_lock_is_waited_for_is_made_anew(
    tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = only_file(tmp_path)

    def delete(seconds: float) -> None:
        path.unlink()
        fcntl.flock(held, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", delete)
    spend(FileRateLimiter(tmp_path, on_backend_error="raise"))
    assert json.loads(path.read_bytes())["queues"][0]["bucket"]["limit"] == 1


def test_no_file_stays_open(tmp_path: Path) -> None:
    limiter = FileRateLimiter(tmp_path)
    before = sorted(Path("/proc/self/fd").iterdir())
    spend(limiter)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_the_lock_is_let_go_although_something_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path, lease=LEASE, clock=now, mend=False)
    store.ask(KEY, None, "p")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(StoreFailed, match=r"^OSError: No space left on device$"):
            store.ask(KEY, None, "p")
    assert store.ask(KEY, None, "p").wait > 0


def test_it_logs_nothing_when_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    spend(FileRateLimiter(tmp_path))
    assert caplog.records == []
