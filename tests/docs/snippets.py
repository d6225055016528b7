"""The Python blocks of the README and the pages, and the comments that tell how each is run.

Readers see only the blocks. An HTML comment before a block speaks to the tests:

``<!-- before: CODE -->``   what the reader has already: run first, may span lines
``<!-- not run: REASON -->``  the next block is only compiled

The blocks of one page run in order and in one namespace, as a reader would paste them. A fence ``output`` after a block is what the
block prints (``...`` stands for anything). A block with test functions is run by pytest. ``python tests/docs/snippets.py`` lists all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts))

_PARTS = re.compile(
    r"^<!--\s*(?P<order>before|not run):(?P<said>.*?)-->|^(?P<fence>`{3,})(?P<language>\w+)[^\n]*\n(?P<body>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


@frozen(kw_only=True)
class Block:
    """One block of a page. ``line`` is where its code begins."""

    page: Path
    line: int
    code: str
    before: str = ""
    not_run: str = ""
    prints: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_for_pytest(self) -> bool:
        return re.search(r"^\s*(async )?def test_", self.code, re.MULTILINE) is not None

    @property
    def padded(self) -> str:
        """The code at its place in the page, so that tracebacks name the page's line."""
        return "\n" * (self.line - 1) + self.code


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    before = not_run = ""
    last: Block | None = None
    for part in _PARTS.finditer(text):
        if part["order"] == "before":
            before += part["said"].strip(" \n").replace("\r", "") + "\n"
        elif part["order"] == "not run":
            not_run = " ".join(part["said"].split())
        elif part["language"] == "output":
            if last is None:
                raise ValueError(f"{page}: an output stands before any block")
            last = evolve(last, prints=part["body"])
        elif part["language"] in {"python", "pycon", "py"}:
            if last is not None:
                yield last
            line = text.count("\n", 0, part.start("body")) + 1
            last = Block(page=page, line=line, code=part["body"], before=before, not_run=not_run)
            before = not_run = ""
    if last is not None:
        yield last


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page)]


if __name__ == "__main__":
    for found in all_blocks():
        how = f"not run: {found.not_run}" if found.not_run else "pytest" if found.is_for_pytest else "run"
        print(f"{found.place}: {how}")  # noqa: T201 - a listing
