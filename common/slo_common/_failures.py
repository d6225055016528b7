"""What failed connections are called: an exception of httpx or httpcore, and how far the request got, become one of ours.

Both libraries call their exceptions by the same names, as does httpx2; so they are told apart by name, and no module of theirs is needed.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from slo_common._body import Sink
from slo_common._errors import (
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    PoolExhausted,
    ProtocolError,
    ProxyFailed,
    ReadTimeout,
    Sent,
    TLSError,
    TransportError,
    TruncatedResponse,
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, the members of groups included (trio tries several addresses at once)."""
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        at = ahead.pop(0)
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        yield at
        if isinstance(at, BaseExceptionGroup):
            ahead.extend(cast("BaseExceptionGroup[BaseException]", at).exceptions)
        ahead.extend((at.__cause__, at.__context__))


def _tls_failed(error: ssl.SSLError, what: str, host: str) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSError(
            f"{what}: the certificate of {host} was not accepted: {_said(error, 'verify_message')}. For a private CA pass an httpx client with your own "
            "ssl.SSLContext"
        )
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return _broken_off(what, host)
    return TLSError(f"{what}: {host} does not speak TLS with us (is it https?): {_said(error, 'reason')}")


def _broken_off(what: str, host: str) -> ConnectFailed:
    return ConnectFailed(f"{what}: {host} ended the connection while TLS was being set up (is it https?)", reason="tls")


def _said(error: ssl.SSLError, name: str) -> str:
    """An attribute that only OpenSSL's own errors have; other libraries raise the bare class."""
    return getattr(error, name, "") or "TLS failure"


def _connect_failed(error: Exception, what: str, url: str, towards: str) -> TransportError:
    host = urlsplit(url).hostname or ""
    if towards and host.isascii() and towards.lower() != host:  # other names are told to httpcore in another spelling
        return ProxyFailed(f"{what}: the proxy {towards} cannot be reached; it is named by the environment or by your httpx client")
    for link in _chain(error):
        if isinstance(link, ssl.SSLError) and not isinstance(link, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
            return _tls_failed(link, what, host)
        if isinstance(link, ConnectionRefusedError):
            return ConnectFailed(f"{what}: {host} refused the connection", reason="refused")
        if isinstance(link, ConnectionError) and urlsplit(url).scheme == "https":  # a reset: it ends a connection that there was
            return _broken_off(what, host)
        if type(link).__name__ == "gaierror":
            return ConnectFailed(f"{what}: the name {host} was not found", reason="dns")
    if "ConnectTimeout" in _names(error):
        return ConnectFailed(f"{what}: no connection to {host} in time (is it {urlsplit(url).scheme}?)", reason="timeout")
    return ConnectFailed(f"{what}: no connection to {host}", reason="other")


class Progress:
    """How far one attempt got. Our own connections tell, httpx by its trace; where nothing is told (mocks), nothing is taken for granted."""

    __slots__ = ("_connecting", "_told", "_went_out", "answered", "towards", "writing")

    def __init__(self) -> None:
        self._connecting = False  # through a proxy
        self._told = False
        self._went_out = False
        self.answered = False
        self.towards = ""
        """The host that httpx is connecting to, which may be a proxy; empty before and after."""
        self.writing = False
        """In the caller's sink, whose errors are not the connection's."""

    def watching(self) -> None:
        self._told = True

    def went_out(self) -> None:
        self._went_out = True

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        self._told = True
        if name.endswith("connect_tcp.started"):
            self.towards = info["host"]
        elif name.endswith("connect_tcp.complete"):
            self.towards = ""
        elif name.endswith("send_request_headers.started"):
            if info["request"].method == b"CONNECT":
                self._connecting = True
            else:
                self._went_out = True

    async def trace_async(self, name: str, info: Mapping[str, Any]) -> None:
        self.trace(name, info)

    @property
    def sent(self) -> Sent:
        if self.answered:
            return Sent.YES
        return Sent.NO if self._told and not self._went_out else Sent.MAYBE

    @property
    def at_the_proxy(self) -> bool:
        return self._connecting and not self._went_out

    def write(self, sink: Sink, chunk: bytes) -> None:
        self.writing = True
        sink.write(chunk)
        self.writing = False


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def deadline_exceeded(what: str, *, sent: Sent) -> DeadlineExceeded:
    """The error of a call whose time is over."""
    return DeadlineExceeded(f"{what}: the total timeout passed", sent=sent)


_NEVER_WRITTEN = {"UnsupportedProtocol", "LocalProtocolError"}


def translate(error: Exception, *, what: str, url: str, progress: Progress, connections: int) -> TransportError | DeadlineExceeded:
    """Our exception for one of httpx or httpcore. Their texts are not passed on: they may quote a header."""
    answered, sent = progress.answered, progress.sent
    name, names = type(error).__name__, _names(error)
    if "TimeIsOver" in names:
        return deadline_exceeded(what, sent=sent)
    if names & {"PoolTimeout", "Exhausted"}:
        size = f"{connections}, unless you brought your own httpx client"
        return PoolExhausted(f"{what}: all connections of this client were in use ({size})")
    if "ProxyError" in names:
        refused = "407" in str(error)
        return ProxyFailed(f"{what}: the proxy {'asks for credentials (407)' if refused else 'failed'}", final=refused)
    if names & {"ConnectError", "ConnectTimeout"} or (
        sent is Sent.NO and isinstance(error, ssl.SSLError)
    ):  # bare from older anyios
        return _connect_failed(error, what, url, progress.towards)
    if progress.at_the_proxy:
        return ProxyFailed(f"{what}: the proxy broke off before the connection through it was open ({name})")
    if names & _NEVER_WRITTEN:
        return ProtocolError(f"{what}: the request could not be put on the wire ({name})", sent=Sent.NO, final=True)
    if sent is Sent.NO:
        return ConnectFailed(f"{what}: the connection ended before the request went out ({name})")
    if names & {"ReadTimeout", "WriteTimeout"}:
        return ReadTimeout(f"{what}: no answer in time ({name})", sent=sent)
    if "RemoteProtocolError" in names and not answered:
        text = str(error)
        if "disconnected" in text:
            return ConnectionLost(f"{what}: the server closed the connection without an answer", sent=sent)
        return ProtocolError(f"{what}: what came back is not HTTP", sent=sent, final="too long" in text)
    if "DecodingError" in names:
        return ProtocolError(f"{what}: the body is not encoded as labelled", sent=sent)
    if answered:
        how = (
            "the reply ended before it was complete"
            if "RemoteProtocolError" in names
            else f"the connection broke within the reply ({name})"
        )
        return TruncatedResponse(f"{what}: {how}", sent=sent)
    return ConnectionLost(f"{what}: the connection broke ({name})", sent=sent)
