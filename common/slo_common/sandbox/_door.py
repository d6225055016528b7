"""The doors into a sandbox: a request as it sees one; and, without a network, what a fault does to a connection, as the nearest thing that an HTTP library would tell."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote

from slo_common._errors import ConfigurationError
from slo_common._values import Reply
from slo_common.sandbox._state import SandboxRequest
from slo_common.sandbox._steps import Broken, Drop, Framing, SpoiltReply


def as_seen(answer: Reply | Drop, read_timeout: float | None) -> tuple[float, Reply | Drop]:
    """How long a client waits, and what it gets then: nothing, if its read timeout is shorter than the fault's silence.

    Raises :class:`~slo_common.ConfigurationError` for what only a real connection can show.
    """
    if not isinstance(answer, SpoiltReply):
        return 0.0, answer
    broken = answer.broken
    step = _needs_a_connection(broken)
    if step:
        raise ConfigurationError(
            f"fault: {step} needs a real connection, which sandbox.transport() has not; serve the sandbox: sandbox.serve(), "
            "or python -m slo_common.sandbox --faults FILE"
        )
    if read_timeout is not None and broken.wait >= read_timeout:
        return read_timeout, Drop.STALL
    if broken.within_head or (broken.end is not None and not broken.sends):
        return broken.wait, broken.end or Drop.AFTER
    return broken.wait, answer


def _needs_a_connection(broken: Broken) -> str:
    """The step that nothing but a real connection can show, if there is one."""
    if broken.instead is not None:
        return "garbage"
    if broken.drip:
        return "drip"
    if broken.padding:
        return "headers"
    return "unframed" if broken.framing is Framing.CLOSE else ""


def sandbox_request(method: str, raw_path: str, headers: Iterable[tuple[str, str]], body: bytes) -> SandboxRequest:
    """A sandbox's view of an HTTP request."""
    path, _, query = raw_path.partition("?")
    return SandboxRequest(
        method=method,
        segments=tuple(unquote(s) for s in path.split("/")[1:]),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers={k.lower(): v for k, v in headers},
        body=body,
    )
