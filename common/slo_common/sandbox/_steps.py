"""The steps of a fault: what happens to a request and to its answer. Pure: a true answer goes in, what the client gets comes out."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping
from typing import cast

from attrs import evolve, field, frozen

from slo_common._errors import InvalidArgument
from slo_common._values import Reply
from slo_common.sandbox import _wire


class Drop(enum.Enum):
    """A connection that ended instead of an answer."""

    BEFORE = "before"
    """By a reset (RST)."""
    AFTER = "after"
    """By an orderly close."""
    STALL = "stall"
    """Not at all: no answer comes, and the client's read timeout ends it."""


class Framing(enum.Enum):
    """How a reply says where its body ends."""

    LENGTH = "length"
    CHUNKED = "chunked"
    BAD_CHUNKS = "bad chunks"
    CLOSE = "close"


@frozen(kw_only=True)
class Part:
    """A part of a body, from its start: a share of it, or so many bytes."""

    share: float | None = None
    size: int = 0

    def of(self, data: bytes) -> bytes:
        """That part of some bytes."""
        return data[: self.size if self.share is None else round(len(data) * self.share)]


@frozen(kw_only=True)
class Broken:
    """An answer as a broken server sends it: ``reply`` is what was meant, the rest is what goes wrong on the way."""

    reply: Reply = field(factory=lambda: Reply(status=200))
    wait: float = 0.0
    """Seconds of silence before the first byte."""
    framing: Framing = Framing.LENGTH
    announced: str = ""
    """The content-length that is told, as a number, or as a difference with its sign; empty: the true one."""
    inflates_to: int = 0
    """The body is a gzip bomb of this size."""
    padding: int = 0
    """Bytes of further headers."""
    instead: bytes | None = None
    """Sent instead of any HTTP."""
    drip: float = 0.0
    """Seconds between two bytes."""
    part: Part | None = None
    """All that is sent of the body."""
    within_head: bool = False
    """Half of the head is sent and no more."""
    end: Drop | None = None
    sends: bool = False
    """Something of the answer is sent although the connection ends."""

    @property
    def body(self) -> bytes:
        """The body in full, before it is framed."""
        return _wire.bomb(self.inflates_to) if self.inflates_to else self.reply.body

    @property
    def sent_body(self) -> bytes:
        """What is sent of it, before it is framed."""
        return self.body if self.part is None else self.part.of(self.body)

    @property
    def received(self) -> bytes:
        """What a client takes of that for the body."""
        return self.sent_body[: self.length] if self.framing is Framing.LENGTH else self.sent_body

    @property
    def end_seen(self) -> Drop | None:
        """What comes after the bytes that were sent, where a client looks for more."""
        return None if self.is_whole else self.end or Drop.AFTER

    @property
    def length(self) -> int:
        """The content-length that is told."""
        size = len(self.body)
        return max(0, size + int(self.announced)) if self.announced[:1] in ("+", "-") else int(self.announced or size)

    @property
    def is_whole(self) -> bool:
        """Whether a client finds the body complete."""
        whole = self.part is None or self.sent_body == self.body
        match self.framing:
            case Framing.LENGTH:
                return len(self.sent_body) >= self.length
            case Framing.CHUNKED:
                return whole
            case Framing.BAD_CHUNKS:
                return False
            case _:
                return True

    @property
    def headers(self) -> dict[str, str]:
        """The headers as they are sent; names are lower case."""
        named = {k.lower(): v for k, v in self.reply.headers.items()}
        if self.inflates_to:
            named["content-encoding"] = "gzip"
        if self.framing is Framing.LENGTH:
            named["content-length"] = str(self.length)
        elif self.framing is not Framing.CLOSE:
            named["transfer-encoding"] = "chunked"
        if not self.is_kept:
            named["connection"] = "close"
        for i in range(0, self.padding, 1000):
            named[f"x-padding-{i}"] = "x" * min(1000, self.padding - i)
        return named

    @property
    def is_kept(self) -> bool:
        """Whether the connection can be used again."""
        exact = self.framing is not Framing.LENGTH or len(self.sent_body) == self.length
        return self.end is None and self.instead is None and self.framing is not Framing.CLOSE and self.is_whole and exact

    @property
    def says_status(self) -> bool:
        """Whether a client gets to read a status."""
        return self.instead is None and not self.within_head and (self.sends or self.end is None)

    def on_the_wire(self) -> bytes:
        """All bytes that are sent."""
        if self.instead is not None:
            return self.instead
        head = _wire.head(self.reply.status, self.headers)
        if self.end is not None and not self.sends:
            return b""
        if self.within_head:
            return head[: len(head) // 2]
        body = self.sent_body
        match self.framing:
            case Framing.CHUNKED:
                body = _wire.chunks(body) + (_wire.LAST_CHUNK if self.is_whole else b"")
            case Framing.BAD_CHUNKS:
                body = _wire.chunks(body) + b"no chunk\r\n"
            case _:
                pass
        return head + body


Answer = Reply | Drop | Broken
"""What a client gets."""


@frozen(kw_only=True)
class SpoiltReply(Reply):
    """What a sandbox meant to say, and in ``broken`` what goes wrong with it on its way."""

    broken: Broken


# What the words of a step mean.

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_BYTES = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
MAX_WAIT = 3600.0
MAX_SIZE = 4 * 1024**3


def _matched(pattern: str, word: str, allowed: str) -> re.Match[str]:
    found = re.fullmatch(pattern, word, re.ASCII)
    if found is None:
        raise ValueError(f"{word!r} was given; allowed: {allowed}")
    return found


def seconds(word: str) -> float:
    """``20ms``, ``2s``, ``1m``."""
    allowed = "a time from 1ms to 60m, such as 20ms, 2s or 1m"
    found = _matched(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m)", word, allowed)
    value = float(found[1]) * _SECONDS[found[2]]
    if not 0 < value <= MAX_WAIT:
        raise ValueError(f"{word!r} was given; allowed: {allowed}")
    return value


def size(word: str) -> int:
    """``100``, ``100B``, ``64KB``, ``200MB``."""
    allowed = "a number of bytes up to 4GB, such as 100, 64KB or 200MB"
    found = _matched(r"([0-9]{1,10})(B|KB|MB|GB|)", word, allowed)
    value = int(found[1]) * _BYTES[found[2]]
    if value > MAX_SIZE:
        raise ValueError(f"{word!r} was given; allowed: {allowed}")
    return value


def part(word: str) -> Part:
    """``40%`` or a size."""
    if not word.endswith("%"):
        return Part(size=size(word))
    found = _matched(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", word, "a share from 0% to 100%, or a number of bytes")
    if float(found[1]) > 100:
        raise ValueError(f"{word!r} was given; allowed: a share from 0% to 100%, or a number of bytes")
    return Part(share=float(found[1]) / 100)


def _header(word: str) -> tuple[str, str]:
    found = _matched(r"([!$%&'*+.^_`|~0-9A-Za-z-]{1,100})=([ -~]*)", word, "a header as name=value, of printable ASCII")
    return found[1].lower(), found[2]


def _status(word: str) -> int:
    code = int(_matched(r"[0-9]{3}", word, "a status from 200 to 599")[0])
    if not 200 <= code <= 599:
        raise ValueError(f"{word!r} was given; allowed: a status from 200 to 599")
    return code


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _kind(body: str) -> str:
    """What a body looks like, for answers that do not say."""
    return {"{": "application/json", "[": "application/json", "<": "text/html"}.get(body.lstrip()[:1], "text/plain")


def _evolved(draft: Broken, **headers: str) -> Reply:
    return evolve(draft.reply, headers={**draft.reply.headers, **headers})


def _answer(draft: Broken, words: tuple[str, ...]) -> Broken:
    status, *rest = words
    body = rest.pop().removeprefix(BODY) if rest and rest[-1].startswith(BODY) else ""
    headers = dict(_header(word) for word in rest)
    if body and "content-type" not in headers:
        headers["content-type"] = _kind(body)
    return evolve(
        draft, reply=Reply(status=_status(status), headers={**draft.reply.headers, **headers}, body=_bytes(body)), inflates_to=0
    )


def _redirect(draft: Broken, words: tuple[str, ...]) -> Broken:
    _header(f"location={words[0]}")
    return evolve(draft, reply=Reply(status=307, headers={**draft.reply.headers, "location": words[0]}))


def _add_header(draft: Broken, words: tuple[str, ...]) -> Broken:
    return evolve(draft, reply=_evolved(draft, **dict(map(_header, words))))


def _gzip(draft: Broken, _: tuple[str, ...]) -> Broken:
    reply = _evolved(draft, **{"content-encoding": "gzip"})
    return evolve(draft, reply=evolve(reply, body=_wire.compressed(reply.body)))


def _shorten(draft: Broken, words: tuple[str, ...]) -> Broken:
    return evolve(draft, reply=evolve(draft.reply, body=part(words[0]).of(draft.reply.body)))


def _omit(draft: Broken, words: tuple[str, ...]) -> Broken:
    place = int(_matched(r"[1-9][0-9]{0,5}", words[0], "which one, counted from 1")[0])
    try:
        members: object = json.loads(draft.reply.body)
    except ValueError:
        return draft
    if not isinstance(members, list):
        return draft
    rest = [member for i, member in enumerate(cast("list[object]", members), 1) if i != place]
    return evolve(draft, reply=evolve(draft.reply, body=json.dumps(rest, separators=(",", ":")).encode()))


def _length(draft: Broken, words: tuple[str, ...]) -> Broken:
    _matched(r"[+-]?[0-9]{1,12}", words[0], "a content-length, or a difference to the true one such as +10 or -10")
    return evolve(draft, framing=Framing.LENGTH, announced=words[0], sends=True)


def _chunked(draft: Broken, words: tuple[str, ...]) -> Broken:
    if words not in ((), ("badly",)):
        raise ValueError(f"{' '.join(words)!r} was given; allowed: nothing more, or badly")
    return evolve(draft, framing=Framing.BAD_CHUNKS if words else Framing.CHUNKED, sends=True)


def _cut(draft: Broken, words: tuple[str, ...]) -> Broken:
    if words == ("head",):
        return evolve(draft, within_head=True, sends=True, end=Drop.AFTER)
    return evolve(draft, part=part(words[0]), sends=True)


def _garbage(draft: Broken, words: tuple[str, ...]) -> Broken:
    return evolve(draft, instead=_bytes(words[0].removeprefix(BODY)) if words else b"\x00\x01 this is not HTTP\r\n\r\n", sends=True)


BODY = "\0"
"""Before a word that was quoted as a whole: such a one is text, whatever it looks like."""


@frozen
class Verb:
    """One kind of step. ``least`` and ``most`` count its words."""

    usage: str
    does: str
    effect: Callable[[Broken, tuple[str, ...]], Broken]
    least: int = 0
    most: int = 0
    needs_answer: bool = True
    gives_answer: bool = False
    ends: bool = False


VERBS: Mapping[str, Verb] = {
    "wait": Verb(
        "wait 2s",
        "nothing happens for so long",
        lambda d, w: evolve(d, wait=d.wait + seconds(w[0])),
        1,
        1,
        needs_answer=False,
    ),
    "apply": Verb(
        "apply",
        "the vendor carries the request out; its answer is what follows",
        lambda d, _: d,
        needs_answer=False,
        gives_answer=True,
    ),
    "answer": Verb(
        'answer 503 retry-after=5 "text"',
        "this is the answer; after apply it keeps the headers of the true one",
        _answer,
        1,
        99,
        needs_answer=False,
        gives_answer=True,
    ),
    "redirect": Verb("redirect URL", "the answer is a 307 to there", _redirect, 1, 1, needs_answer=False, gives_answer=True),
    "header": Verb("header name=value", "the answer has this header", _add_header, 1, 99),
    "gzip": Verb("gzip", "the body is compressed", _gzip),
    "label": Verb(
        "label br",
        "the body is labelled with this encoding and left as it is",
        lambda d, w: _add_header(d, (f"content-encoding={w[0]}",)),
        1,
        1,
    ),
    "shorten": Verb("shorten 50%", "only this much of the body is left; all lengths fit", _shorten, 1, 1),
    "omit": Verb("omit 2", "of a JSON list, such as the answers of a batch, this one is left out", _omit, 1, 1),
    "bomb": Verb(
        "bomb 200MB", "the body is a small gzip that inflates to this size", lambda d, w: evolve(d, inflates_to=size(w[0])), 1, 1
    ),
    "headers": Verb(
        "headers 200KB", "so many bytes of further headers", lambda d, w: evolve(d, padding=size(w[0]), sends=True), 1, 1
    ),
    "length": Verb("length +10", "this content-length is told: a number, or a difference to the true one", _length, 1, 1),
    "chunked": Verb("chunked | chunked badly", "the body comes in chunks, or in something that is none", _chunked, 0, 1),
    "unframed": Verb("unframed", "nothing but the close ends the body", lambda d, _: evolve(d, framing=Framing.CLOSE, sends=True)),
    "garbage": Verb('garbage | garbage "text"', "this comes instead of HTTP", _garbage, 0, 1, needs_answer=False),
    "drip": Verb("drip 20ms", "one byte at a time, with such pauses", lambda d, w: evolve(d, drip=seconds(w[0]), sends=True), 1, 1),
    "cut": Verb("cut 40% | cut 100B | cut head", "only this much of the body, or half of the head, is sent", _cut, 1, 1),
    "reset": Verb(
        "reset", "the connection ends by a reset", lambda d, _: evolve(d, end=Drop.BEFORE), needs_answer=False, ends=True
    ),
    "close": Verb("close", "the connection is closed", lambda d, _: evolve(d, end=Drop.AFTER), needs_answer=False, ends=True),
    "stall": Verb(
        "stall",
        "nothing more comes, and the connection stays",
        lambda d, _: evolve(d, end=Drop.STALL),
        needs_answer=False,
        ends=True,
    ),
}


@frozen
class Step:
    """One step of a fault: a verb and its words, such as ``Step("cut", ("40%",))``. A wrong one raises ``InvalidArgument``."""

    verb: str
    words: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        verb = VERBS.get(self.verb)
        if verb is None:
            raise InvalidArgument(f"{self.verb!r} is no step; allowed: {', '.join(VERBS)}")
        if not verb.least <= len(self.words) <= verb.most:
            raise InvalidArgument(f"{self.verb}: {len(self.words)} words follow it; allowed: {verb.usage}")
        try:
            verb.effect(Broken(), self.words)
        except ValueError as e:
            raise InvalidArgument(f"{self.verb}: {e} ({verb.usage})") from None

    def __str__(self) -> str:
        return " ".join((self.verb, *map(quoted, self.words)))


def quoted(word: str) -> str:
    """A word as a script has it."""
    if word.startswith(BODY):
        return json.dumps(word.removeprefix(BODY))
    if re.fullmatch(r"[^\s,\"\\#:][^\s,\"\\:]*", word) and word.isprintable():
        return word
    header = re.fullmatch(r"([!$%&'*+.^_`|~0-9A-Za-z-]+=)(.*)", word, re.DOTALL)
    return f"{header[1]}{json.dumps(header[2])}" if header is not None else json.dumps(word)


def answer_step(status: int, headers: Mapping[str, str], body: bytes) -> Step:
    """``answer`` for a body of any bytes."""
    text = (BODY + _text(body),) if body else ()
    return Step("answer", (str(status), *(f"{name}={value}" for name, value in headers.items()), *text))


def check_order(steps: tuple[Step, ...]) -> None:
    """Raise ``InvalidArgument`` for steps that mean nothing in this order."""
    if not steps:
        raise InvalidArgument(f"a fault without steps; allowed: {', '.join(VERBS)}")
    answered = ended = False
    for step in steps:
        verb = VERBS[step.verb]
        if ended:
            raise InvalidArgument(f"{step.verb}: comes after the end of the connection")
        if verb.needs_answer and not answered:
            raise InvalidArgument(f"{step.verb}: there is no answer yet; write apply, answer or redirect before it")
        if step.verb == "apply" and answered:
            raise InvalidArgument("apply: there is an answer already; write apply first")
        answered = answered or verb.gives_answer
        ended = verb.ends
    if not answered and not ended and steps[-1].verb != "garbage":
        raise InvalidArgument(f"{steps[-1]}: the fault says neither what is answered nor how the connection ends")


def outcome(steps: tuple[Step, ...], true_reply: Reply | None) -> Answer:
    """What the client gets; ``true_reply`` is what the vendor answered, if it was asked."""
    draft = Broken() if true_reply is None else Broken(reply=true_reply)
    for step in steps:
        draft = VERBS[step.verb].effect(draft, step.words)
    if draft.end is not None and not draft.sends and not draft.wait:
        return draft.end
    plain = draft == Broken(reply=draft.reply) and "content-encoding" not in draft.reply.headers
    return draft.reply if plain else draft
