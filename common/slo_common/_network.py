"""What blocking sockets and asyncio's have in common: what their failures are called, and which address of a host is tried first."""

from __future__ import annotations

import ipaddress
import itertools
import select
import socket
from collections.abc import Sequence

HEAD_START = 0.25
"""Seconds that one address of a host gets before the next is tried beside it (RFC 8305)."""

Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, "tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"
]
"""What ``getaddrinfo`` gives."""


class NetworkFailure(Exception):
    """What our own connections raise. The names below are those that httpx and httpcore have for the same."""


class ConnectError(NetworkFailure):
    """No connection. Its cause says why."""


class ReadError(NetworkFailure):
    """It broke before the reply was whole."""


class WriteError(NetworkFailure):
    """It broke before the request was out."""


class ConnectTimeout(NetworkFailure):
    """No connection in time."""


class ReadTimeout(NetworkFailure):
    """Silence."""


class WriteTimeout(NetworkFailure):
    """Nobody reads what is written."""


class TimeIsOver(NetworkFailure):
    """The total of an exchange has passed."""


class LocalProtocolError(NetworkFailure):
    """The request must not be written."""


class RemoteProtocolError(NetworkFailure):
    """The reply is wrong."""


def literal(host: str, port: int) -> list[Address]:
    """The address, if ``host`` is one already: the event loop would start a thread to find that out."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return []
    if version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    if "%" in host:  # an interface is named, which has a number
        return []
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


def by_turns(addresses: Sequence[Address]) -> list[Address]:
    """The first of each family, the second of each family, and so on: a family that is broken here costs one wait, not many."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for turn in itertools.zip_longest(*families.values()) for address in turn if address is not None]


def unreachable(failures: list[OSError]) -> OSError:
    """Why no address could be connected to."""
    if len(failures) == 1:
        return failures[0]
    error = OSError("no address can be reached")
    if failures:  # a resolver that finds a name without addresses gives none
        error.__cause__ = ExceptionGroup("", failures)
    return error


def _poll_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _select_readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


# Windows has no poll; select takes no large file numbers elsewhere.
is_readable = _poll_readable if hasattr(select, "poll") else _select_readable
"""Whether a read of this socket would return at once: the event loop may not have come round to it."""
