"""Errors that only Zabbix has. All derive from those of ``slo_common``."""

from __future__ import annotations

from slo_common._errors import ApiError, AuthenticationError


class SessionEnded(AuthenticationError):
    """The session ended: logged out elsewhere, or idle for too long. A client with a password logs in again by itself, once."""


class ServerOutOfMemory(ApiError):
    """The server died of PHP's memory limit while it made the answer: ask for fewer periods or services, or use ``sla.report``."""


class MethodNotFound(ApiError):
    """The server does not know this method."""


class UnsupportedVersion(MethodNotFound):
    """The server has no SLA API: it came with Zabbix 6.0."""
