"""The door into a sandbox without a network: what a fault does to a connection, as the nearest thing that an HTTP library would tell."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self, cast

import anyio
from attrs import frozen

from slo_common._errors import ConfigurationError
from slo_common._http import SandboxTransport, sandbox_request
from slo_common._values import Reply
from slo_common.sandbox._state import VirtualClock
from slo_common.sandbox._steps import Answer, Broken, Drop, Framing, SpoiltReply

if TYPE_CHECKING:
    import httpx

    from slo_common.sandbox._state import Sandbox


@frozen
class _Fixed:
    """In the place of a sandbox: one answer."""

    answer: Reply | Drop

    def handle(self, _: object) -> Reply | Drop:
        return self.answer


def _says(answer: Reply | Drop) -> SandboxTransport:
    return SandboxTransport(cast("Sandbox", _Fixed(answer)))


def _needs_a_connection(broken: Broken) -> str:
    """The step that nothing but a real connection can show, if there is one."""
    if broken.instead is not None:
        return "garbage"
    if broken.drip:
        return "drip"
    if broken.padding:
        return "headers"
    return "unframed" if broken.framing is Framing.CLOSE else ""


def _end_of(broken: Broken) -> Drop | None:
    """What comes after the bytes that were sent, where a client looks for more."""
    return None if broken.is_whole else broken.end or Drop.AFTER


class _AsyncBody:
    """What is sent of a body, and then how it ends. No generator: a reader that stops early would leave it half read."""

    def __init__(self, broken: Broken, request: httpx.Request) -> None:
        self._left = [_sent(broken)]
        self._end = _end_of(broken)
        self._request = request

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._left:
            return self._left.pop()
        if self._end is not None:
            await _says(self._end).handle_async_request(self._request)
        raise StopAsyncIteration


class FaultyTransport(SandboxTransport):
    """Answers from a sandbox. Raises ``ConfigurationError`` for a fault that needs a real connection."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._ask(request, request.read())
        if isinstance(answer, Broken):
            seconds, answer = self._patience(request, answer)
            if isinstance(self.sandbox.clock, VirtualClock):
                self.sandbox.clock.advance(seconds)
            else:
                time.sleep(seconds)
        if not isinstance(answer, Broken):
            return _says(answer).handle_request(request)
        end = _end_of(answer)

        def body() -> Iterator[bytes]:
            yield _sent(answer)
            if end is not None:
                _says(end).handle_request(request)

        return _says(_head(answer, body())).handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._ask(request, await request.aread())
        if isinstance(answer, Broken):
            seconds, answer = self._patience(request, answer)
            if isinstance(self.sandbox.clock, VirtualClock):
                self.sandbox.clock.advance(seconds)
            else:
                await anyio.sleep(seconds)
        if not isinstance(answer, Broken):
            return await _says(answer).handle_async_request(request)
        return await _says(_head(answer, _AsyncBody(answer, request))).handle_async_request(request)

    def _ask(self, request: httpx.Request, body: bytes) -> Answer:
        said = self.sandbox.handle(
            sandbox_request(request.method, request.url.raw_path.decode("ascii"), request.headers.items(), body)
        )
        answer: Answer = said.broken if isinstance(said, SpoiltReply) else said
        step = _needs_a_connection(answer) if isinstance(answer, Broken) else ""
        if step:
            raise ConfigurationError(
                f"fault: {step} needs a real connection, which sandbox.transport() has not; serve the sandbox: sandbox.serve(), "
                "or python -m slo_common.sandbox --faults FILE"
            )
        return answer

    def _patience(self, request: httpx.Request, broken: Broken) -> tuple[float, Answer]:
        """How long the client waits, and what it gets then: nothing, if its read timeout is shorter than the fault's silence."""
        timeouts = cast("dict[str, float | None]", request.extensions.get("timeout", {}))
        read = timeouts.get("read")
        if read is not None and broken.wait >= read:
            return read, Drop.STALL
        if broken.within_head or (broken.end is not None and not broken.sends):
            return broken.wait, broken.end or Drop.AFTER
        return broken.wait, broken


def _sent(broken: Broken) -> bytes:
    body = broken.sent_body
    return body[: broken.length] if broken.framing is Framing.LENGTH else body


def _head(broken: Broken, body: object) -> Reply:
    """A reply whose body is read piece by piece, as from a connection: httpx then leaves it as it was sent."""
    return Reply(status=broken.reply.status, headers=broken.headers, body=cast("bytes", body))
