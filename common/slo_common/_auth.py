"""Who is asking: how credentials get onto a request, and what to do when the server says no to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Protocol

from attrs import evolve, field, frozen

from slo_common._errors import SloError
from slo_common._secret import Secret
from slo_common._values import Call, Reply, Request


class Authenticator(Protocol):
    """Puts credentials on each attempt, fresh."""

    @property
    def account(self) -> str:
        """A digest that tells accounts apart in a rate limiter, and nothing else."""
        ...

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be shown should a server repeat it."""
        ...

    async def apply(self, call: Call[object], request: Request) -> Request:
        """The request with its credentials. May itself ask the server (a session login)."""
        ...

    async def refused(self, call: Call[object], error: SloError) -> bool:
        """The attempt was refused with ``error``. True: the credentials were renewed, send once more."""
        ...


SHORTEST = 8
"""Characters of a secret that is looked for in replies: shorter ones would turn up by chance."""


def conceal(reply: Reply, secrets: Iterable[Secret]) -> Reply:
    """The reply without the secrets that the server repeated in it; the same object if there are none."""
    body: bytes = reply.body
    headers: dict[str, str] = dict(reply.headers)
    for text in (secret.reveal() for secret in secrets):
        if len(text) >= SHORTEST:
            body = body.replace(text.encode(), b"***")
            headers = {name: value.replace(text, "***") for name, value in headers.items()}
    return reply if body == reply.body and headers == reply.headers else evolve(reply, body=body, headers=headers)


def account_digest(*secrets: Secret) -> str:
    """A short digest that says whether two clients share an account."""
    digest = hashlib.sha256()
    for secret in secrets:
        digest.update(secret.reveal().encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@frozen(kw_only=True)
class HeaderAuth:
    """Fixed headers: API keys and bearer tokens."""

    headers: tuple[tuple[str, str, Secret], ...] = field()
    """Header name, text before the secret, the secret."""
    account: str = ""
    _built: tuple[tuple[str, str], ...] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_built", tuple((name, before + secret.reveal()) for name, before, secret in self.headers))
        if not self.account:
            object.__setattr__(self, "account", account_digest(*(secret for _, _, secret in self.headers)))

    async def apply(self, call: Call[object], request: Request) -> Request:
        return Request(method=request.method, url=request.url, headers=request.headers + self._built, content=request.content)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(secret for _, _, secret in self.headers)

    async def refused(self, call: Call[object], error: SloError) -> bool:
        return False
