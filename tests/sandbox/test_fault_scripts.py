"""Fault scripts: what they say, what they refuse, and that they say again what they were told."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_common import InvalidArgument
from slo_common._values import Reply
from slo_common.sandbox import Broken, Drop, Fault, FaultScript, Framing, SpoiltReply, Step, VirtualClock
from slo_common.sandbox._script import usage
from slo_common.sandbox._steps import VERBS, outcome, part, seconds, size
from tests.sandbox.shop import Shop, answered, request


def only(text: str) -> Fault:
    (fault,) = FaultScript.parse(text).faults
    return fault


def happens(steps: str, reply: Reply | None = None) -> object:
    return outcome(only(f"any: {steps}").steps, reply)


def broken(steps: str, body: bytes = b"0123456789") -> Broken:
    result = happens(f"apply, {steps}", Reply(status=200, body=body))
    assert isinstance(result, Broken)
    return result


# The form of a script.


def test_a_rule_says_which_requests_and_what_happens() -> None:
    assert only("POST /api/v2/slo/report skip 1 times 2: apply, close") == Fault(
        steps=(Step("apply"), Step("close")), method="POST", path="/api/v2/slo/report", skip=1, times=2
    )


def test_comments_empty_lines_and_indentation() -> None:
    script = FaultScript.parse("# one\n\nGET /a:   # two\n    apply\n    cut 50%,\n    # three\n    reset # four\nany: close\n")
    assert str(script) == "GET /a: apply, cut 50%, reset\nany /: close\n"


def test_steps_may_follow_the_colon_or_stand_below_it() -> None:
    assert only("any: apply, reset") == only("any:\n apply\n reset") == only("any: apply\n reset") == only("any:\n\tapply, reset")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("any: reset", "any /: reset"),
        ("DELETE /: stall", "DELETE /: stall"),
        ('POST /api containing "sla.create": close', "POST /api containing sla.create: close"),
        ('any containing "a, b: \\"c\\"": close', 'any / containing "a, b: \\"c\\"": close'),
        ("any every 3: reset", "any / every 3: reset"),
        ("any every 3 skip 0 times 2: reset", "any / every 3 skip 0 times 2: reset"),
        ("any times always: reset", "any / times always: reset"),
        ('GET "/a b": reset', 'GET "/a b": reset'),
        ("any: answer 503 Retry-After=5 busy=1", "any /: answer 503 retry-after=5 busy=1"),
        ('any: answer 200 "{\\"a\\": 1}"', 'any /: answer 200 "{\\"a\\": 1}"'),
        ('any: answer 200 x-a="b, c" "x=y"', 'any /: answer 200 x-a="b, c" "x=y"'),
        ("any: redirect http://a.example/b?c=d#e", 'any /: redirect "http://a.example/b?c=d#e"'),
        ('any: garbage "a b"', 'any /: garbage "a b"'),
        ('any: "reset"', "any /: reset"),
    ],
)
def test_a_script_is_told_again_in_one_form(text: str, canonical: str) -> None:
    script = FaultScript.parse(text)
    assert str(script).replace("Retry-After", "retry-after") == f"{canonical}\n"
    assert FaultScript.parse(str(script)) == script


def test_an_empty_script_does_nothing() -> None:
    assert (len(FaultScript.parse("# nothing\n")), str(FaultScript())) == (0, "")


def test_a_script_is_a_row_of_faults() -> None:
    script = FaultScript.parse("any: reset\nany: close")
    assert list(script) == list(script.faults)


# What is refused: the line, what was given, what is allowed.


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("any: cutt 50%", "line 1: 'cutt' is no step; allowed: wait, apply, answer, redirect, header,"),
        ("\n\nany: apply, cut", "line 3: cut: 0 words follow it; allowed: cut 40% | cut 100B | cut head"),
        ("any: apply, cut 50% 60%", "line 1: cut: 2 words follow it"),
        ("any: apply, cut 101%", "cut: '101%' was given; allowed: a share from 0% to 100%, or a number of bytes"),
        ("any: apply, cut x%", "cut: 'x%' was given; allowed: a share from 0% to 100%"),
        ("any: apply, cut half", "cut: 'half' was given; allowed: a number of bytes up to 4GB"),
        ("any: apply, bomb 5GB", "bomb: '5GB' was given; allowed: a number of bytes up to 4GB, such as 100, 64KB or 200MB"),
        ("any: apply, drip 5", "drip: '5' was given; allowed: a time from 1ms to 60m, such as 20ms, 2s or 1m"),
        ("any: wait 61m, apply", "wait: '61m' was given; allowed: a time"),
        ("any: wait 0s, apply", "wait: '0s' was given; allowed: a time"),
        ("any: apply, length ten", "length: 'ten' was given; allowed: a content-length, or a difference"),
        ("any: apply, chunked well", "chunked: 'well' was given; allowed: nothing more, or badly"),
        ("any: answer 99", "answer: '99' was given; allowed: a status from 200 to 599"),
        ("any: answer 101", "answer: '101' was given; allowed: a status from 200 to 599"),
        ("any: answer 503 busy", "answer: 'busy' was given; allowed: a header as name=value"),
        ('any: answer 503 a="b\\nc"', "answer: 'a=b\\nc' was given; allowed: a header as name=value, of printable ASCII"),
        ("any: answer 503 a=é", "allowed: a header as name=value, of printable ASCII"),
        ('any: answer 200 "\\ud800"', "answer: 'utf-8' codec can't encode"),
        ("any: cut 50%", "cut: there is no answer yet; write apply, answer or redirect before it"),
        ("any: reset, apply", "apply: comes after the end of the connection"),
        ("any: answer 200, apply", "apply: there is an answer already; write apply first"),
        ("any: wait 2s", "wait 2s: the fault says neither what is answered nor how the connection ends"),
        ("any:", "line 1: a fault without steps; allowed: wait, apply"),
        (
            "any reset",
            "line 1: the requests end without a colon; allowed: a colon after the requests, as in 'GET /api: apply, reset'",
        ),
        ("FETCH /a: reset", "'FETCH' is no method; allowed: GET, POST, PUT, PATCH, DELETE, HEAD, any"),
        (": reset", "'' is no method"),
        ("GET api: reset", "'api' was given after the path; allowed: each once of skip N, times N, times always, every N"),
        ("GET /a twice: reset", "'twice' was given after the path"),
        ("GET /a skip: reset", "'skip' was given after the path"),
        ("GET /a skip 1 skip 2: reset", "'skip' was given after the path; allowed: each once"),
        ("GET /a skip -1: reset", "skip: '-1' was given; allowed: a whole number from 0"),
        ("GET /a times 0: reset", "times: '0' was given; allowed: a whole number from 1 or always"),
        ("GET /a every two: reset", "every: 'two' was given; allowed: a whole number from 1"),
        ("    reset", "line 1: it is indented, and there is no rule above it"),
        ('any: answer 200 "text', "a quotation mark without its other one in 'any: answer 200 \"text'"),
        ('any: answer 200 "\\x"', '"\\x" is no text; allowed: the escapes of JSON'),
        ('any containing "\\ud800": reset', "containing: half a surrogate pair was given; allowed: text"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        FaultScript.parse(text)
    assert "fault script, line " in str(caught.value)
    assert problem in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidArgument) as caught:
        FaultScript.parse("any: resett\nany: reset\nGOT /: reset\n")
    assert [p.partition(": ")[0] for p in caught.value.problems] == ["fault script, line 1", "fault script, line 3"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"steps": (Step("cut", ("1",)),)}, "cut: there is no answer yet"),
        (
            {"steps": (Step("reset"),), "method": "get"},
            "method: 'get' was given; allowed: GET, POST, PUT, PATCH, DELETE, HEAD, or None",
        ),
        ({"steps": (Step("reset"),), "path": "api"}, "path: 'api' was given; allowed: how a path begins, with its slash"),
    ],
)
def test_a_fault_made_in_python_is_checked_too(options: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Fault(**options)  # type: ignore[arg-type]  # one row of wrong arguments after the other
    assert problem in str(caught.value)


@given(st.text(max_size=60) | st.text(alphabet='GETany/ :,"#\\\n\t%=0123456789reset', max_size=60))
def test_whatever_the_text_it_is_a_script_or_refused(text: str) -> None:
    try:
        script = FaultScript.parse(text)
    except InvalidArgument:
        return
    assert FaultScript.parse(str(script)) == script


_STEPS = """
apply | answer 503 | answer 200 x=1 "{}" | redirect /x | header a=b | gzip | label br | shorten 1% | omit 1 | bomb 9 | headers 9KB | length +1 | length 7
| chunked | chunked badly | unframed | garbage | drip 1ms | cut 3 | cut head | cut 9% | wait 1ms | reset | close | stall
"""
_words = st.sampled_from([step.strip() for step in _STEPS.split("|")])


@given(st.lists(_words, min_size=1, max_size=6), st.binary(max_size=40))
def test_steps_in_any_order_are_refused_or_give_an_answer(steps: list[str], body: bytes) -> None:
    try:
        fault = only(f"any: {', '.join(steps)}")
    except InvalidArgument:
        return
    answer = fault.answer(Reply(status=200, body=body) if fault.applies else None)
    if isinstance(answer, Broken):
        assert isinstance(answer.on_the_wire(), bytes)
        assert answer.length >= 0
        assert not (answer.is_kept and answer.end)


# What the words mean.


@pytest.mark.parametrize(("word", "value"), [("1ms", 0.001), ("20ms", 0.02), ("2s", 2.0), ("1.5s", 1.5), ("60m", 3600.0)])
def test_times(word: str, value: float) -> None:
    assert seconds(word) == value


@pytest.mark.parametrize(
    ("word", "value"), [("0", 0), ("100", 100), ("7B", 7), ("2KB", 2048), ("3MB", 3 * 1024**2), ("4GB", 4 * 1024**3)]
)
def test_sizes(word: str, value: int) -> None:
    assert size(word) == value


@pytest.mark.parametrize(("word", "left"), [("0%", 0), ("40%", 4), ("100%", 10), ("3", 3), ("99", 10), ("12.5%", 1)])
def test_parts(word: str, left: int) -> None:
    assert len(part(word).of(b"0123456789")) == left


# What happens.


@pytest.mark.parametrize(
    ("steps", "drop"),
    [("reset", Drop.BEFORE), ("close", Drop.AFTER), ("stall", Drop.STALL), ("answer 200, reset", Drop.BEFORE)],
)
def test_an_end_alone_sends_nothing(steps: str, drop: Drop) -> None:
    assert happens(steps) is drop


def test_after_a_wait_an_end_sends_nothing_either() -> None:
    end = happens("wait 2s, reset")
    assert isinstance(end, Broken)
    assert (end.on_the_wire(), end.wait, end.end, end.says_status) == (b"", 2.0, Drop.BEFORE, False)


def test_pauses_add_up() -> None:
    assert broken("wait 2s, wait 500ms").wait == 2.5


@pytest.mark.parametrize(
    ("text", "kind"),
    [('"{}"', "application/json"), ('" [1]"', "application/json"), ('"<html>"', "text/html"), ('"no"', "text/plain")],
)
def test_an_answer_looks_like_its_body(text: str, kind: str) -> None:
    assert happens(f"answer 200 {text}") == Reply(status=200, headers={"content-type": kind}, body=text.strip('"').encode())
    assert happens(f"answer 200 content-type=a/b {text}") == Reply(
        status=200, headers={"content-type": "a/b"}, body=text.strip('"').encode()
    )


def test_an_answer_after_the_true_one_keeps_its_headers() -> None:
    true = Reply(status=201, headers={"x-ratelimit-remaining": "3"}, body=b"{}")
    assert happens("apply, answer 504 x-a=1", true) == Reply(status=504, headers={"x-ratelimit-remaining": "3", "x-a": "1"})
    assert happens("apply, header x-a=1 x-b=2", true) == Reply(
        status=201, headers={"x-ratelimit-remaining": "3", "x-a": "1", "x-b": "2"}, body=b"{}"
    )


def test_a_redirect_leads_elsewhere() -> None:
    assert happens("redirect https://a.example/") == Reply(status=307, headers={"location": "https://a.example/"})


def test_a_compressed_body_is_one() -> None:
    sent = broken("gzip")
    assert (sent.headers["content-encoding"], gzip.decompress(sent.body), sent.is_kept) == ("gzip", b"0123456789", True)
    assert sent.headers["content-length"] == str(len(sent.body))


@pytest.mark.parametrize(
    ("body", "left"),
    [(b'[{"id":1},{"id":2}]', b'[{"id":1}]'), (b"[7]", b"[7]"), (b'{"id":1}', b'{"id":1}'), (b"no JSON", b"no JSON")],
    ids=["a list", "a short list", "an object", "a text"],
)
def test_a_member_of_a_list_is_left_out(body: bytes, left: bytes) -> None:
    answer = only("any: apply, omit 2").answer(Reply(status=200, body=body))
    assert isinstance(answer, Reply)
    assert answer.body == left


def test_a_shortened_body_fits_its_lengths() -> None:
    sent = broken("gzip, shorten 50%")
    assert (sent.is_whole, sent.headers["content-length"]) == (True, str(len(sent.body)))
    inflater = zlib.decompressobj(wbits=31)
    inflater.decompress(sent.body)
    assert not inflater.eof


def test_a_label_does_not_change_the_body() -> None:
    sent = broken("label br")
    assert (sent.headers["content-encoding"], sent.body) == ("br", b"0123456789")


def test_a_bomb_is_small_until_it_inflates() -> None:
    sent = broken("bomb 3000000")
    assert (sent.headers["content-encoding"], len(gzip.decompress(sent.body)), len(sent.body) < 4000) == ("gzip", 3_000_000, True)


@pytest.mark.parametrize(
    ("word", "told", "whole", "kept"),
    [
        ("+10", "20", False, False),
        ("-4", "6", True, False),
        ("3", "3", True, False),
        ("10", "10", True, True),
        ("-99", "0", True, False),
    ],
)
def test_a_length_that_is_told(word: str, told: str, whole: bool, kept: bool) -> None:
    sent = broken(f"length {word}")
    assert (sent.headers["content-length"], sent.is_whole, sent.is_kept) == (told, whole, kept)
    assert sent.on_the_wire().endswith(b"\r\n\r\n0123456789")


def test_chunks() -> None:
    assert broken("chunked").on_the_wire().endswith(b"transfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")
    assert broken("chunked badly").on_the_wire().endswith(b"\r\n\r\na\r\n0123456789\r\nno chunk\r\n")
    assert broken("chunked, cut 3").on_the_wire().endswith(b"\r\n\r\n3\r\n012\r\n")


def test_a_body_without_a_frame_ends_by_the_close() -> None:
    sent = broken("unframed")
    assert (sent.framing, sent.is_whole, sent.is_kept) == (Framing.CLOSE, True, False)
    assert set(sent.headers) == {"connection"}


def test_a_cut_body_keeps_its_length() -> None:
    sent = broken("cut 40%, reset")
    assert sent.on_the_wire() == b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123"


def test_all_of_it_may_be_sent_and_then_the_connection_reset() -> None:
    sent = broken("cut 100%, reset")
    assert (sent.on_the_wire()[-10:], sent.end) == (b"0123456789", Drop.BEFORE)


def test_half_a_head() -> None:
    sent = broken("cut head")
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n"
    assert (sent.on_the_wire(), sent.says_status) == (whole[: len(whole) // 2], False)


def test_headers_without_end() -> None:
    assert len(broken("headers 200KB").on_the_wire()) > 200 * 1024


def test_something_else_than_http() -> None:
    assert broken("garbage").on_the_wire().startswith(b"\x00\x01 this is not HTTP")
    assert broken('garbage "SSH-2.0"').on_the_wire() == b"SSH-2.0"


def test_an_odd_status_has_a_line_too() -> None:
    assert broken("answer 599, drip 1ms").on_the_wire().startswith(b"HTTP/1.1 599 Odd\r\n")


# Which requests, and what the ledger says.


@pytest.mark.parametrize(
    ("where", "hit"),
    [
        ("POST /things", True),
        ("any /thi", True),
        ("any", True),
        ("POST /t*", True),
        ("POST /*/more", False),
        ("GET /things", False),
        ("POST /things containing one", True),
        ("POST /things containing two", False),
    ],
)
def test_a_rule_hits_what_it_names(where: str, hit: bool) -> None:
    sandbox = Shop(clock=VirtualClock(), faults=FaultScript.parse(f"{where}: answer 503"))
    assert (answered(sandbox.handle(request("POST", body=b"one"))).status == 503) is hit


def test_a_star_stays_within_its_segment() -> None:
    fault = only("any /a/*/c: reset")
    assert [fault.matches(request(path=path)) for path in ("/a/b/c", "/a/b/b/c", "/a//c")] == [True, False, True]


@pytest.mark.parametrize(
    ("options", "hits"),
    [
        ("", [1, 0, 0, 0, 0, 0]),
        ("times 2", [1, 1, 0, 0, 0, 0]),
        ("times always", [1, 1, 1, 1, 1, 1]),
        ("skip 2", [0, 0, 1, 0, 0, 0]),
        ("every 2", [0, 1, 0, 1, 0, 1]),
        ("every 2 skip 0", [1, 0, 1, 0, 1, 0]),
        ("every 3 times 1", [0, 0, 1, 0, 0, 0]),
    ],
)
def test_a_rule_hits_as_often_as_it_says(options: str, hits: list[int]) -> None:
    sandbox = Shop(clock=VirtualClock())
    sandbox.faults.extend(FaultScript.parse(f"any / {options}: answer 503"))
    assert [int(answered(sandbox.handle(request())).status == 503) for _ in range(6)] == hits


@pytest.mark.parametrize(
    ("steps", "status", "applied"),
    [
        ("apply, cut 40%, reset", 201, True),
        ("apply, cut head", 0, True),
        ("apply, garbage", 0, True),
        ("wait 1s, reset", 0, False),
        ("wait 1s, answer 503", 503, False),
    ],
)
def test_the_ledger_tells_the_steps_and_what_was_done(steps: str, status: int, applied: bool) -> None:
    sandbox = Shop(clock=VirtualClock(), faults=FaultScript.parse(f"any: {steps}"))
    sandbox.handle(request("POST", body=b"one"))
    (entry,) = sandbox.ledger
    assert (entry.status, entry.fault, sandbox.things) == (status, steps, ("one",) if applied else ())


def test_a_broken_answer_has_the_date_of_the_sandbox() -> None:
    sandbox = Shop(clock=VirtualClock(1_700_000_040), faults=FaultScript.parse("any: apply, cut 1"))
    answer = sandbox.handle(request())
    assert isinstance(answer, SpoiltReply)
    assert (answer.status, answer.body) == (200, b"[]")
    assert answer.broken.headers["date"] == "Tue, 14 Nov 2023 22:14:00 GMT"


def test_usage_names_every_step() -> None:
    assert all(verb.usage in usage() and verb.does in usage() for verb in VERBS.values())
    assert all(verb.usage.startswith(name) for name, verb in VERBS.items())


def test_the_guide_names_every_step() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")
    rows = [f"| `{verb.usage.replace(' | ', '`, `')}` | {verb.does} |\n" for verb in VERBS.values()]
    assert "".join(rows) in guide
