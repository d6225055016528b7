"""Reading a reply's body: decompressed in small steps, complete or not at all, never larger than allowed.

httpx returns half a gzip body as a good reply and inflates a whole chunk at once; this decoder does neither.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from slo_common._errors import ProtocolError, ResponseTooLarge, Sent, TruncatedResponse

STEP = 64 * 1024
"""Decompressed bytes per step."""
MAX_RATIO = 400
"""A body that inflates by more than this is a bomb, once it has passed RATIO_FROM bytes."""
RATIO_FROM = 4 * 1024 * 1024

_LENGTH = re.compile(r"[0-9]{1,20}", re.ASCII)


class Sink(Protocol):
    """Where a download goes, chunk by chunk, instead of into memory."""

    def reset(self) -> None:
        """Start anew: an earlier attempt failed half way."""
        ...

    def write(self, chunk: bytes) -> None: ...


class Inflater(Protocol):
    """What ``zlib.decompressobj`` gives."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class BodyReader:
    """Turns the chunks from the wire into the body. ``feed`` each chunk, then ``finish``."""

    def __init__(self, headers: Mapping[str, str], *, max_bytes: int, what: str) -> None:
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise ProtocolError(f"{what}: the body is encoded as {encoding[:40]!r}, which was not asked for", sent=Sent.YES)
        self._what = what
        self._max = max_bytes
        self._gzip = encoding in ("gzip", "x-gzip")
        self._inflater: Inflater | None = None
        self._wire = 0
        self._out = 0
        length = headers.get("content-length", "")
        if not self._gzip and _LENGTH.fullmatch(length) and int(length) > max_bytes:
            raise self._too_large(int(length))

    def _too_large(self, seen: int) -> ResponseTooLarge:
        return ResponseTooLarge(
            f"{self._what}: the reply is larger than the limit of {self._max} bytes (seen: {seen})", limit=self._max, seen=seen
        )

    def _count(self, size: int) -> None:
        self._out += size
        if self._out > self._max:
            raise self._too_large(self._out)
        if self._out > RATIO_FROM and self._out > MAX_RATIO * self._wire:
            raise ResponseTooLarge(
                f"{self._what}: the reply inflates to more than {MAX_RATIO} times its size",
                limit=MAX_RATIO * self._wire,
                seen=self._out,
            )

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """What a chunk holds, in pieces of bounded size."""
        self._wire += len(chunk)
        if self._gzip:
            return self._inflated(chunk)
        self._count(len(chunk))
        return (chunk,)

    def _inflated(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._inflater is None or self._inflater.eof:
                self._inflater = zlib.decompressobj(wbits=31)  # the first, or a further member of a multi-member body
            try:
                out = self._inflater.decompress(chunk, STEP)
            except zlib.error:
                raise ProtocolError(f"{self._what}: the body is labelled gzip and is not", sent=Sent.YES) from None
            chunk = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
            if out:
                self._count(len(out))
                yield out

    def finish(self) -> None:
        if self._inflater is not None and not self._inflater.eof:
            raise TruncatedResponse(f"{self._what}: the compressed body ends before its end", sent=Sent.YES)
