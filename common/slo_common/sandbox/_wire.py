"""The bytes of replies, good and broken: what the served sandbox and the fault server of the tests put on the wire."""

from __future__ import annotations

import functools
import gzip
import socket
import struct
import zlib
from collections.abc import Mapping
from http import HTTPStatus

LAST_CHUNK = b"0\r\n\r\n"
CHUNK = 1024
_STEP = 1024 * 1024


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of a reply, with exactly these headers."""
    reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Odd"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One piece of a body that is sent in chunks."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunks(data: bytes) -> bytes:
    """A body in chunks, without the last one that ends it."""
    return b"".join(chunk(data[i : i + CHUNK]) for i in range(0, len(data), CHUNK))


def compressed(data: bytes) -> bytes:
    """A gzip body; the same bytes for the same data."""
    return gzip.compress(data, mtime=0)


@functools.lru_cache(maxsize=4)
def bomb(size: int) -> bytes:
    """A gzip body that inflates to this many zero bytes."""
    steps, rest = divmod(size, _STEP)
    step = bytes(_STEP)
    deflate = zlib.compressobj(9, wbits=-15)
    again = deflate.compress(step) + deflate.flush(zlib.Z_FULL_FLUSH)  # refers to nothing before it, so that it can be repeated
    last = zlib.compressobj(9, wbits=-15)
    checksum = functools.reduce(lambda crc, _: zlib.crc32(step, crc), range(steps), 0)
    end = struct.pack("<LL", zlib.crc32(bytes(rest), checksum), size % 2**32)
    return gzip.compress(b"", mtime=0)[:10] + again * steps + last.compress(bytes(rest)) + last.flush() + end


def reset(sock: socket.socket) -> None:
    """End a connection by an RST: what the other side has not read yet is lost."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
