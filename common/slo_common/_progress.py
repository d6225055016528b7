"""The progress of a long operation, as a bar on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from slo_common._errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console


class Progressing(Protocol):
    """What the ``on_progress`` functions of this SDK are given."""

    @property
    def done(self) -> int:
        """How much is there."""
        ...

    @property
    def total(self) -> int:
        """How much there will be."""
        ...


@contextmanager
def rich_progress(title: str, *, console: Console | None = None) -> Generator[Callable[[Progressing], None]]:
    """A progress bar of rich for any ``on_progress``, which also says when the work waits for a rate limit. Needs the extra ``progress``.

    ``console``: by default rich's own. The bar may be fed from several threads. Raises :class:`ConfigurationError` when rich is not
    installed.

    >>> with rich_progress("SLO report") as bar:  # doctest: +SKIP
    ...     report = dd.reports.run(query="team:payments", from_ts=start, to_ts=end, on_progress=bar)
    """
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError as e:
        raise ConfigurationError("rich_progress needs rich: pip install 'slo-sdk[progress]'") from e
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=console) as shown:
        task = shown.add_task(title, total=None, state="")

        def show(progress: Progressing) -> None:
            waiting: float = getattr(progress, "waiting", 0.0)  # only some operations know
            state = f"waits {waiting:.0f} s for the rate limit" if waiting > 0 else ""
            shown.update(task, completed=progress.done, total=progress.total, state=state)

        yield show
