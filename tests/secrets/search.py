"""Everything that an exception, an object, a log or a warning shows, searched for marked secrets."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

TESTS = str(Path(__file__).parents[1])


def shown_by(error: BaseException) -> Iterator[str]:
    """Message, repr, attributes, notes, pickle, and the traceback with the locals of every frame but the tests' own, causes included."""
    for link in _chain(error):
        yield str(link)
        yield repr(link)
        yield repr(vars(link))
        yield repr(link.args)
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                yield from (f"{frame.f_code.co_qualname}: {name} = {_safely(value)}" for name, value in frame.f_locals.items())
    try:
        yield pickle.dumps(error).decode("latin-1")
    except (TypeError, AttributeError) as e:  # an exception of another library may refuse
        yield str(e)


def _safely(value: object) -> str:
    try:
        return repr(value)
    except AttributeError as e:  # of an object that is not made yet, in the frame of its __init__
        return str(e)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        at = ahead.pop()
        if at is None or any(at is other for other in seen):
            continue
        seen.append(at)
        yield at
        ahead.extend((at.__cause__, at.__context__))
        if isinstance(at, BaseExceptionGroup):
            ahead.extend(cast("BaseExceptionGroup[BaseException]", at).exceptions)


class Trap(logging.Handler):
    """Collects what is shown; :meth:`leaks` searches it for the marks, as they are and in the forms that carry them."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
        self.shown: list[str] = []
        self.logged = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.logged += 1
        self.shown.append(self.format(record))
        self.shown.append(str({name: value for name, value in vars(record).items() if name not in ("msg", "args", "exc_info")}))
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.shown.extend(shown_by(record.exc_info[1]))

    def take(self, *things: Any) -> None:
        for thing in things:
            if isinstance(thing, BaseException):
                self.shown.extend(shown_by(thing))
            else:
                self.shown.extend((repr(thing), str(thing)))

    def leaks(self, marks: Iterable[str]) -> list[str]:
        """The texts that show one of the marks, cut to what is around it."""
        forms = {
            form for mark in marks for form in (mark, quote(mark, safe=""), base64.b64encode(mark.encode()).decode().rstrip("="))
        }
        return [
            text[max(0, text.index(form) - 200) : text.index(form) + len(form) + 40]
            for text in self.shown
            for form in forms
            if form in text
        ]


@contextmanager
def trap() -> Generator[Trap]:
    """Catch every log record of every logger, and every warning, while it is open."""
    caught = Trap()
    root = logging.getLogger()
    levels = {logger: logger.level for logger in (root, *(logging.getLogger(n) for n in ("httpx", "httpcore", "asyncio")))}
    root.addHandler(caught)
    for logger in levels:
        logger.setLevel(1)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield caught
            caught.shown.extend(str(w) for w in warned)
    finally:
        root.removeHandler(caught)
        for logger, level in levels.items():
            logger.setLevel(level)
