"""The parts of an address that go on the wire: what is plain is taken apart here, as httpx would."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slo_common import _url
from slo_common._http11 import Parts
from slo_common._url import parts_of, target

SEGMENTS = st.text(min_size=1, max_size=8).filter(lambda s: s not in (".", ".."))
HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,3}\.?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", fullmatch=True),
    st.sampled_from(["[::1]", "EXAMPLE.test", "m\u00fcnchen.test", "xn--mnchen-3ya.test", "localhost"]),
)


def by_httpx(url: str) -> Parts | None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    return parsed.raw_scheme, parsed.raw_host, parsed.port, parsed.raw_path, parsed.netloc


def by_us(url: str) -> Parts | None:
    try:
        return parts_of.__wrapped__(url)
    except httpx.InvalidURL:
        return None


@given(
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.integers(0, 70_000) | st.none(),
    st.lists(SEGMENTS),
    st.dictionaries(SEGMENTS, SEGMENTS),
)
def test_the_address_of_a_call_has_the_parts_that_httpx_gives_it(
    scheme: str, host: str, port: int | None, segments: list[str], query: dict[str, str]
) -> None:
    try:
        path = target(*segments, query=query.items(), prefix="/api")
    except ValueError:  # control characters, half of a surrogate pair
        return
    url = f"{scheme}://{host}{'' if port is None else f':{port}'}{path}"
    assert by_us(url) == by_httpx(url)


@given(st.from_regex(r"[!-~]{0,30}", fullmatch=True))
@example("/a/../b")
@example("/a/./b")
@example("//a//b")
@example("/a%2fb")
@example("/a?b'c")
@example("/a?")
@example("/%zz")
@example("/...")
@example("")
def test_any_link_of_a_server_has_them_too(link: str) -> None:
    url = "https://vendor.test:8443" + link
    assert by_us(url) == by_httpx(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.datadoghq.com/api/v1/slo?limit=1000&offset=0",
        "http://127.0.0.1:8080/api_jsonrpc.php",
        "https://api.rootly.com/v1/slas?page%5Bnumber%5D=1",
    ],
)
def test_the_addresses_of_every_day_need_no_httpx(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slo_common._httpx.parts_of", None)
    assert _url.parts_of.__wrapped__(url) == by_httpx(url)
