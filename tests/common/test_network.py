"""What both kinds of sockets share: addresses, and whether there is something to read."""

from __future__ import annotations

import socket
from typing import cast

import pytest

from slo_common import _network
from slo_common._network import by_turns, literal, unreachable

ONE = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9, 0, 0))
TWO = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::2", 9, 0, 0))
FOUR = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.4", 9))


@pytest.mark.parametrize(
    ("host", "family", "where"),
    [("127.0.0.1", socket.AF_INET, ("127.0.0.1", 9)), ("::1", socket.AF_INET6, ("::1", 9, 0, 0))],
)
def test_an_address_needs_no_resolver(host: str, family: socket.AddressFamily, where: tuple[object, ...]) -> None:
    assert [(found[0], found[4]) for found in literal(host, 9)] == [(family, where)]


@pytest.mark.parametrize("host", ["localhost", "fe80::1%eth0"])
def test_a_name_needs_one(host: str) -> None:
    assert literal(host, 9) == []


def test_families_take_turns() -> None:
    assert by_turns([ONE, TWO, FOUR]) == [ONE, FOUR, TWO]


def test_one_reason_is_the_reason() -> None:
    refused = ConnectionRefusedError()
    assert unreachable([refused]) is refused


def test_of_many_reasons_each_is_kept() -> None:
    refused, unknown = ConnectionRefusedError(), OSError(101, "Network is unreachable")
    cause = cast("ExceptionGroup[OSError]", unreachable([refused, unknown]).__cause__)
    assert cause.exceptions == (refused, unknown)


def test_a_name_without_addresses_cannot_be_reached_either() -> None:
    assert str(unreachable([])) == "no address can be reached"


def test_select_tells_the_same_as_poll() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ask = (_network._poll_readable, _network._select_readable)  # pyright: ignore[reportPrivateUsage]  # one of them is for Windows
        assert [each(ours.fileno()) for each in ask] == [False, False]
        theirs.send(b"x")
        assert [each(ours.fileno()) for each in ask] == [True, True]
