"""Everything that an exception, an object or a log may show, as one text to search."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import cast

TESTS = str(Path(__file__).parents[1])


def shown_by(error: BaseException) -> Iterator[str]:
    """Message, repr, attributes, notes, pickle, and the traceback with the locals of every frame but the tests' own, causes included."""
    for link in _chain(error):
        yield str(link)
        yield repr(link)
        yield repr(vars(link))
        yield repr(link.args)
        for at, _ in traceback.walk_tb(link.__traceback__):
            if not at.f_code.co_filename.startswith(TESTS):
                yield f"{at.f_code.co_qualname}: {dict(at.f_locals)!r}"
    try:
        yield pickle.dumps(error).decode("latin-1")
    except (TypeError, AttributeError) as e:  # an exception of another library in the chain may refuse
        yield str(e)


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
