"""The built site, as a reader meets it: links lead somewhere, pages load without complaint in a real browser, the search finds methods.

Run by ``make docs`` on ``docs/_build/html`` (SLO_SITE names another place); not part of ``make test``, which builds no site.
"""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.browser import Browser, installed

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("SLO_SITE", ROOT / "docs" / "_build" / "html"))
PAGES = sorted(str(page.relative_to(SITE)) for page in SITE.rglob("*.html") if "_static" not in page.parts)
READ = [page for page in PAGES if page not in {"search.html", "genindex.html", "py-modindex.html"}]
PHONE = 390


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.update(v for k in ("id", "name") if (v := given.get(k)))
        if tag == "a" and (href := given.get("href")):
            self.links.append(href)
        elif tag in {"script", "img", "iframe"} and (src := given.get("src")):
            self.loads.append(src)
        elif tag == "link" and given.get("rel") != "canonical" and (href := given.get("href")):
            self.loads.append(href)


@functools.cache
def parsed(page: str) -> Page:
    return Page((SITE / page).read_text(encoding="utf-8"))


def test_the_site_was_built() -> None:
    assert "index.html" in PAGES, f"no site in {SITE}: run make docs"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_site_leads_somewhere(page: str) -> None:
    broken: list[str] = []
    for link in parsed(page).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = os.path.normpath(os.path.join(os.path.dirname(page), unquote(parts.path))) if parts.path else page  # noqa: PTH118, PTH120 - paths of a site
        there = (SITE / target).exists()
        anchored = not parts.fragment or not target.endswith(".html")
        if not there or not (anchored or unquote(parts.fragment) in parsed(target).ids):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_nothing_from_elsewhere(page: str) -> None:
    assert [url for url in parsed(page).loads if urlsplit(url).netloc] == []


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=SITE))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = installed()
    if program is None:
        pytest.skip("no Chromium on this machine: the pages were not looked at in a browser")
    with Browser(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_in_a_browser_without_complaint(page: str, browser: Browser, address: str) -> None:
    browser.troubles.clear()
    browser.open(f"{address}/{page}")
    assert browser.tell("document.body.innerText.trim().length > 0")
    assert browser.troubles == []


@pytest.mark.parametrize("page", READ)
def test_a_page_fits_a_phone(page: str, browser: Browser, address: str) -> None:
    browser.open(f"{address}/{page}", width=PHONE)
    assert browser.tell("document.documentElement.scrollWidth") <= PHONE


# Results are shown one after the other, so the script looks until the one that is wanted is there.
FOUND = """(wanted => new Promise(resolve => {
  const end = Date.now() + 20000
  const look = () => {
    const links = [...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))
    if (links.some(link => link.endsWith(wanted)) || Date.now() > end) resolve(links)
    else setTimeout(look, 50)
  }
  look()
}))"""


@pytest.mark.parametrize(
    ("words", "anchor"),
    [
        ("bulk_delete", "reference/datadog.html#datadog_slo.DatadogSLO.slos.bulk_delete"),
        ("ensure", "reference/rootly.html#rootly_sla.RootlySLA.slas.ensure"),
        ("getsli", "reference/zabbix.html#zabbix_sla.ZabbixSLA.sla.getsli"),
        ("OutcomeUnknown", "reference/common.html#slo_common.OutcomeUnknown"),
    ],
)
def test_the_search_finds_a_method_by_its_name(words: str, anchor: str, browser: Browser, address: str) -> None:
    browser.open(f"{address}/search.html?q={words}")
    assert any(link.endswith(anchor) for link in browser.tell(f"{FOUND}({json.dumps(anchor)})"))


def test_a_tab_that_was_chosen_shows_the_async_code(browser: Browser, address: str) -> None:
    browser.open(f"{address}/start/datadog.html")
    shown = "[...document.querySelectorAll('.sd-tab-content')].filter(e => e.offsetParent).map(e => e.innerText).join('')"
    assert "await" not in browser.tell(shown)
    browser.tell("[...document.querySelectorAll('.sd-tab-label')].find(e => e.innerText.trim() == 'Async').click()")
    assert "await dd.reports.run" in browser.tell(shown)
