"""URLs: a base address that may be trusted with credentials, and targets built from encoded parts."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from slo_common._check import require, segment_problem, text_problem
from slo_common._errors import ConfigurationError, InsecureURL

if TYPE_CHECKING:
    from slo_common._http11 import Parts

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN = re.compile(
    rf"(https?)://([a-z0-9.-]*[a-z][a-z0-9.-]*|{_OCTET}(?:\.{_OCTET}){{3}})(?::([1-9][0-9]{{0,4}}))?"
    r"((?:/(?!\.)(?:[A-Za-z0-9._~@:!$&()*+,;=-]|%[0-9A-F]{2})*)+(?:\?(?:[A-Za-z0-9._~@:!$&()*+,;=/?-]|%[0-9A-F]{2})*)?)",
    re.ASCII,
)
"""An address in which nothing is to be changed for the wire."""
_USUAL_PORTS = {"http": 80, "https": 443}


def target(*segments: str, query: Iterable[tuple[str, str]] = (), prefix: str = "") -> str:
    """A request target: ``prefix`` as it is, then each segment encoded whole, then the query.

    >>> target("slo", "a/b", query=[("limit", "10")], prefix="/api/v1")
    '/api/v1/slo/a%2Fb?limit=10'
    """
    query = list(query)
    require(segment_problem("path segment", s) for s in segments)
    require(text_problem(f"query parameter {name}", value) for name, value in query)
    path = prefix + "".join("/" + quote(s, safe="") for s in segments)
    encoded = urlencode(query, quote_via=quote, safe="")
    return f"{path}?{encoded}" if encoded else path


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _kind_problem(name: str, value: object, allow_insecure: object, allowed: str) -> str | None:
    if not isinstance(value, str):
        return f"{name}: a {type(value).__name__} was given; {allowed}"
    if not isinstance(allow_insecure, bool):  # a text such as "no" must not count as true
        return f"allow_insecure: {allow_insecure!r} was given; allowed: True or False"
    return None


def base_url(value: str, *, name: str = "base_url", allow_insecure: bool = False) -> str:
    """The address without a trailing slash, if credentials may be sent to it.

    Raises :class:`ConfigurationError` for anything but http(s), for user info, a query, a fragment or a host that no name server can
    know, and :class:`InsecureURL` for plain http to another machine unless ``allow_insecure``.
    """
    allowed = "allowed: an address such as https://host/path"
    problem = _kind_problem(name, value, allow_insecure, allowed)
    if problem is not None:
        raise ConfigurationError(problem)
    if any(ord(c) <= 32 or ord(c) == 127 for c in value):
        raise ConfigurationError(f"{name}: it holds white space or a control character; {allowed}")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{name}: it is not a URL; {allowed}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{name}: it holds a user name or password; pass credentials as arguments")  # never shown
    if parts.scheme not in {"http", "https"} or not host:
        shown = "something else" if set(value) & set("@?#") else repr(value)  # user:password@host, or a query with a token
        raise ConfigurationError(f"{name}: {shown} was given; {allowed}")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: it has a query or a fragment; {allowed}")  # not shown: queries hold tokens
    if not all(1 <= len(label) <= 63 for label in host.removesuffix(".").split(".")):  # Python's resolver raises a UnicodeError
        raise ConfigurationError(f"{name}: {value!r} has a host with a part that is empty or longer than 63 characters; {allowed}")
    if parts.scheme == "http" and not allow_insecure and not is_loopback(host):
        raise InsecureURL(f"{name}: {value!r} would send credentials in the clear; use https, or pass allow_insecure=True")
    return value.rstrip("/")


@functools.lru_cache(maxsize=1024)
def parts_of(url: str) -> Parts:
    """What of an address goes on the wire, as httpx takes it apart; it does so itself for whatever is not plain."""
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        from slo_common import _httpx

        return _httpx.parts_of(url)
    scheme, host, digits, path = plain.groups()
    port = int(digits) if digits and int(digits) != _USUAL_PORTS[scheme] else None
    named = host if port is None else f"{host}:{port}"
    return scheme.encode(), host.encode(), port, path.encode(), named.encode()


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute URL; all of them empty when a server sent what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _USUAL_PORTS.get(parts.scheme, 0)
    except ValueError:
        return ("", "", 0)
    return (parts.scheme, (parts.hostname or "").lower(), port)


def shown(place: tuple[str, str, int]) -> str:
    """An origin as text, without a port that goes without saying."""
    scheme, host, port = place
    return f"{scheme}://{host}" + ("" if port == _USUAL_PORTS.get(scheme) else f":{port}")


def redirect_hint(location: str) -> str:
    """What to tell about a redirect: where it leads, without its path, which may hold secrets."""
    place = origin(location)
    return f"Redirects are not followed; this one points to {shown(place)}" if place[1] else "Redirects are not followed"
