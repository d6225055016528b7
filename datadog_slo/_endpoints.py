"""What the requests of all operations have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from slo_common._check import Problems
from slo_common._values import Call, Reply, Safety

T = TypeVar("T")

V1, V2 = "/api/v1", "/api/v2"
ACCEPT = ("accept", "application/json")
SENDS = ("content-type", "application/json")


def read(name: str, path: str, bucket: str, decode: Callable[[Reply], T], subject: str = "") -> Call[T]:
    """A GET."""
    return Call(
        name=name,
        method="GET",
        target=path,
        headers=(ACCEPT,),
        content=None,
        safety=Safety.READ,
        bucket=bucket,
        decode=decode,
        subject=subject,
    )


def checked_id(name: str, value: str) -> None:
    """Raises :class:`InvalidArgument` for what cannot be an id."""
    problems = Problems()
    problems.identifier(name, value)
    problems.raise_if_any()


def check_ids(problems: Problems, ids: Sequence[str]) -> None:
    """Ids that go into one query parameter, separated by commas."""
    if isinstance(ids, str) or not ids:
        problems.add(f"ids: {ids!r} was given; allowed: a sequence of one or more SLO ids")
        return
    for i, slo_id in enumerate(ids):
        problems.identifier(f"ids[{i}]", slo_id)
        if "," in str(slo_id):
            problems.add(f"ids[{i}]: {slo_id!r} holds a comma; allowed: one id each")
