"""What a client remembers of the vendor's report endpoints, and how it asks without them."""

from __future__ import annotations

CONCURRENCY = 16
"""Calls at once of the client engine, unless told otherwise."""


class ServerMemory:
    """Whether this client has found the report endpoints gone: they are asked once, and warned of once."""

    gone = False
