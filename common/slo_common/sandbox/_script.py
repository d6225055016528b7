"""Fault scripts: a small language that says which requests go wrong, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from attrs import frozen

from slo_common._errors import InvalidArgument
from slo_common.sandbox._faults import METHODS, Fault
from slo_common.sandbox._steps import BODY, VERBS, Step

_WORD = re.compile(r'\s*(?:(#.*)|(,)|((?:[^\s,"]|"(?:[^"\\]|\\.)*")+))')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COLON = "a colon after the requests, as in 'GET /api: apply, reset'"
_OPTIONS = "skip N, times N, times always, every N, containing TEXT"


@frozen
class FaultScript:
    """Faults as text: one rule says which requests it hits, and after a colon what happens to them, step by step.

    >>> script = FaultScript.parse('''
    ... # the gateway loses the answer of the first creation
    ... POST /api/v2/slo/report: apply, answer 504
    ... GET /api/v2/slo/report/*/download times 2: apply, cut 40%, reset
    ... ''')
    >>> len(script.faults)
    2

    Give it to a sandbox as ``faults=``, or to a running one by ``sandbox.faults.extend(script)``. ``str()`` gives the text again.
    """

    faults: tuple[Fault, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FaultScript:
        """Read a script. Raises :class:`~slo_common.InvalidArgument` that names every line that makes no sense, and what is allowed."""
        problems: list[str] = []
        faults: list[Fault] = []
        for number, lines in _rules(text, problems):
            try:
                faults.append(_fault(lines))
            except InvalidArgument as e:
                problems += [f"fault script, line {number}: {problem}" for problem in e.problems]
        if problems:
            raise InvalidArgument(*problems)
        return cls(tuple(faults))

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    def __str__(self) -> str:
        return "".join(f"{fault}\n" for fault in self.faults)


def _rules(text: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Each rule's first line number and its lines; indented lines belong to the rule above them."""
    number, lines = 0, list[str]()
    for i, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0] in " \t":
            if lines:
                lines.append(line)
            else:
                problems.append(
                    f"fault script, line {i}: it is indented, and there is no rule above it; allowed: a rule at the line's start"
                )
            continue
        if lines:
            yield number, lines
        number, lines = i, [line]
    if lines:
        yield number, lines


def _words(line: str) -> Iterator[str]:
    """The words of a line as they stand; a comma is a word of its own."""
    at = 0
    line = line.rstrip()
    while at < len(line):
        found = _WORD.match(line, at)
        if found is None:
            raise InvalidArgument(
                f'a quotation mark without its other one in {line.strip()[:60]!r}; allowed: "text", with \\" inside it'
            )
        at = found.end()
        if found[1] is None:
            yield found[2] or found[3]


def _meant(word: str) -> str:
    """A word without its quotation marks; one that was quoted as a whole begins with BODY."""

    def read(found: re.Match[str]) -> str:
        try:
            return str(json.loads(found[0], strict=False))
        except ValueError:
            raise InvalidArgument(f'{found[0][:60]} is no text; allowed: the escapes of JSON, such as \\n and \\"') from None

    text = _QUOTED.sub(read, word)
    return BODY + text if _QUOTED.fullmatch(word) else text


def _fault(lines: list[str]) -> Fault:
    words: list[str] = []
    for line in lines:
        words += (*_words(line), ",")
    where = list[str]()
    while words and not (where and where[-1].endswith(":")):
        word = words.pop(0)
        if word == ",":
            raise InvalidArgument(f"the requests end without a colon; allowed: {_COLON}")
        where.append(word)
    where[-1] = where[-1][:-1]
    return _hitting([_meant(word).removeprefix(BODY) for word in where if word], tuple(_steps(words)))


def _steps(words: list[str]) -> Iterator[Step]:
    step: list[str] = []
    for word in words:
        if word != ",":
            step.append(_meant(word))
        elif step:
            verb, *rest = step
            yield Step(verb.removeprefix(BODY), tuple(rest if verb == "answer" else (w.removeprefix(BODY) for w in rest)))
            step = []


def _hitting(where: list[str], steps: tuple[Step, ...]) -> Fault:
    method, *rest = where or [""]
    if method not in (*METHODS, "any"):
        raise InvalidArgument(f"{method[:60]!r} is no method; allowed: {', '.join(METHODS)}, any")
    path = rest.pop(0) if rest and rest[0].startswith("/") else "/"
    options: dict[str, str] = {}
    while rest:
        name = rest.pop(0)
        if name not in ("skip", "times", "every", "containing") or not rest or name in options:
            raise InvalidArgument(f"{name[:60]!r} was given after the path; allowed: each once of {_OPTIONS}")
        options[name] = rest.pop(0)
    every = _count("every", options.get("every", "1"), least=1)
    always = options.get("times", "always" if every > 1 else "1") == "always"
    return Fault(
        steps=steps,
        method=None if method == "any" else method,
        path=path,
        containing=options.get("containing", ""),
        skip=_count("skip", options.get("skip", str(every - 1)), least=0),
        times=None if always else _count("times", options.get("times", "1"), least=1),
        every=every,
    )


def _count(name: str, word: str, *, least: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) or int(word) < least:
        raise InvalidArgument(
            f"{name}: {word[:60]!r} was given; allowed: a whole number from {least}{' or always' if name == 'times' else ''}"
        )
    return int(word)


def usage() -> str:
    """What a script may say, for ``--help``."""
    width = max(len(verb.usage) for verb in VERBS.values())
    steps = "\n".join(f"  {verb.usage:{width}}  {verb.does}" for verb in VERBS.values())
    return f"METHOD PATH [{_OPTIONS.replace(', ', '] [')}]: step, step, ...\n\n{steps}"
