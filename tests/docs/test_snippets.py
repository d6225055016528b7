"""Every Python block of the README and the site runs, against the sandboxes and nothing else.

The hidden set-up: the credentials of the documentation are in the environment, and a client that is given no transport gets that of a
sandbox (fresh for each page), so ``DatadogSLO()`` in a block is the one that a reader would write.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import doctest
import functools
import inspect
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from datadog_slo import AsyncDatadogSLO, DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import AsyncRootlySLA, RootlySLA
from rootly_sla.sandbox import RootlySandbox
from slo_common.sandbox import Sandbox, SystemClock, VirtualClock
from tests.docs.snippets import PAGES, ROOT, Block, all_blocks, blocks_of
from zabbix_sla import AsyncZabbixSLA, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

INSTALLED = bool(entry_points(group="pytest11", name="slo_common"))
WITH_CODE = [page for page in PAGES if any(blocks_of(page))]


@pytest.fixture
def sandboxes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Sandbox]:
    """What the names mean in a block: the environment, an empty directory, and clients that lead into sandboxes."""
    clock = VirtualClock(SystemClock().now())
    zabbix = ZabbixSandbox.demo(clock=clock)
    made: dict[str, Sandbox] = {
        "datadog": DatadogSandbox.demo(clock=clock),
        "rootly": RootlySandbox.demo(clock=clock),
        "zabbix": zabbix,
    }
    for name, value in {
        "DD_API_KEY": "documented-api-key",
        "DD_APP_KEY": "documented-app-key",
        "ROOTLY_API_TOKEN": "documented-token",
        "ZABBIX_URL": "https://zabbix.example.com",
        "ZABBIX_TOKEN": zabbix.token,
        "XDG_CACHE_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for client, vendor in (
        (DatadogSLO, "datadog"),
        (AsyncDatadogSLO, "datadog"),
        (RootlySLA, "rootly"),
        (AsyncRootlySLA, "rootly"),
        (ZabbixSLA, "zabbix"),
        (AsyncZabbixSLA, "zabbix"),
    ):
        monkeypatch.setattr(client, "__init__", _into(made[vendor], client.__init__))
    return made


def _into(sandbox: Sandbox, init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def led(self: object, *args: Any, **options: Any) -> None:
        address = next((str(a) for a in (*args, options.get("url"), options.get("base_url")) if "://" in str(a)), "")
        if options.get("http") is None and urlsplit(address).hostname != "127.0.0.1":
            options["http"] = sandbox.transport()
        init(self, *args, **options)

    return led


def run(block: Block, names: dict[str, Any]) -> str:
    """Run one block as a reader's console would, ``await`` at the top level included; gives what it prints."""
    _execute(block.before, f"{block.place} (before)", names)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a page may show what warns
        _execute(block.padded, str(block.page), names)
    return printed.getvalue()


def _execute(code: str, name: str, names: dict[str, Any]) -> None:
    compiled = compile(code, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(compiled, names)
    if inspect.iscoroutine(waiting):
        asyncio.run(waiting)


def run_by_pytest(block: Block, folder: Path) -> None:
    file = folder / f"test_line_{block.line}.py"
    file.write_text(block.before + "\n" + block.code, encoding="utf-8")
    plugin = () if INSTALLED else ("-p", "slo_common.sandbox.pytest_plugin")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:valkey", *plugin, str(file)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", WITH_CODE, ids=[str(page.relative_to(ROOT)) for page in WITH_CODE])
def test_the_blocks_of_a_page_run_in_order(page: Path, sandboxes: dict[str, Sandbox], tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        names: dict[str, Any] = {"__name__": "__documented__", "sandboxes": sandboxes, "stack": stack}
        for block in blocks_of(page):
            if block.not_run:
                compile(block.code, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            elif block.is_for_pytest:
                run_by_pytest(block, tmp_path)
            else:
                printed = run(block, names)
                if block.prints is not None:
                    fits = doctest.OutputChecker().check_output(block.prints, printed, doctest.ELLIPSIS)
                    assert fits, f"{block.place} printed\n{printed}\nand the page says\n{block.prints}"


def test_a_block_that_is_not_run_says_why() -> None:
    assert [block.place for block in all_blocks() if block.not_run and len(block.not_run.split()) < 3] == []


def test_nearly_all_blocks_are_run() -> None:
    found = all_blocks()
    assert sum(1 for block in found if block.not_run) <= len(found) // 20


def test_the_site_has_blocks_of_every_vendor() -> None:
    started = {page.stem for page in WITH_CODE if page.parent.name == "start"}
    assert {"datadog", "rootly", "zabbix"} <= started


def test_a_page_is_told_by_its_line_when_a_block_fails() -> None:
    block = Block(page=ROOT / "README.md", line=40, code="1 / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run(block, {})
    assert caught.traceback[-1].lineno == 39


def test_a_comment_before_a_block_is_run_before_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- before:\nx = 2\n-->\n```python\nprint(x)\n```\n```output\n2\n```\n", encoding="utf-8")
    [block] = blocks_of(page)
    assert run(Block(page=ROOT / "README.md", line=1, code=block.code, before=block.before), {}) == block.prints


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that a block gives a meaning to, in whatever scope."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
            ):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=None):
                yield name.partition(".")[0]
            case ast.alias(asname=str(name)):
                yield name
            case _:
                pass


@pytest.mark.parametrize("page", WITH_CODE, ids=[str(page.relative_to(ROOT)) for page in WITH_CODE])
def test_a_reader_sees_where_every_name_of_a_page_comes_from(page: Path) -> None:
    known = set(dir(builtins)) | {"__name__"}
    unexplained: list[str] = []
    for block in blocks_of(page):
        tree = ast.parse(block.code)
        known.update(_bound(tree))
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        unexplained += [f"{block.place}: {name}" for name in sorted(used - known)]
    assert unexplained == []


def test_no_line_of_a_block_is_wider_than_its_frame() -> None:
    wide = [
        f"{b.place}: {line}" for b in all_blocks() if b.page.name != "README.md" for line in b.code.splitlines() if len(line) > 96
    ]
    assert wide == []
