"""Nothing of a credential in what is written for people and for other processes: files, pages, tables, checkpoints, a server's own output."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from datadog_slo.sandbox import DatadogSandbox
from rootly_sla.sandbox import RootlySandbox
from slo_common import FileRateLimiter, RetryPolicy, SloError, rich_progress
from slo_common.sandbox import FaultScript, SystemClock, VirtualClock
from tests.faults.clients import AT_ONCE, Driver, Use, client_of, create_sla, read, read_sla, read_slas, write
from tests.secrets.search import trap
from tests.secrets.test_marked_secrets import API, APP, BEARER, MARKS, PASSWORD, ROOTLY
from zabbix_sla.sandbox import ZabbixSandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
START, END = 1_780_000_000, 1_785_000_000
KEYS: dict[str, Any] = {"api_key": API, "app_key": APP}


def files_of(folder: Path) -> Iterator[str]:
    """Names and contents."""
    for path in folder.rglob("*"):
        yield str(path.relative_to(folder))
        if path.is_file():
            yield path.read_bytes().decode("latin-1")


class Stopped(BaseException):
    """The process is killed, as far as the SDK can tell."""


@pytest.mark.parametrize("fault", ["", "any /api/v1/slo every 7: answer 503", "any /api/v1/slo times always skip 9: answer 401"])
def test_checkpoint_of_a_report_that_was_interrupted(driver: Driver, tmp_path: Path, fault: str) -> None:
    sandbox = DatadogSandbox.demo(clock=VirtualClock(END))
    sandbox.faults.extend(FaultScript.parse(fault))

    def stop(progress: Any) -> None:
        if progress.done > 5:
            raise Stopped

    def run(dd: Any) -> Any:
        return dd.reports.run(
            query="*", from_ts=START, to_ts=END, engine="client", checkpoint=tmp_path / "kept", on_progress=stop, concurrency=1
        )

    with trap() as caught:
        with pytest.raises((Stopped, SloError)):
            driver.run(run, http=sandbox.transport(), **KEYS)
        written = list(files_of(tmp_path))
        caught.take(*written)
    assert any("Checkout" in text for text in written)
    assert caught.leaks(MARKS) == []


def test_report_in_every_form(driver: Driver, tmp_path: Path) -> None:
    sandbox = DatadogSandbox.demo(clock=VirtualClock(END))
    console = Console(file=io.StringIO(), force_terminal=True)

    def run(dd: Any) -> Any:
        with rich_progress("SLO report", console=console) as bar:
            return dd.reports.run(query="*", from_ts=START, to_ts=END, engine="client", on_progress=bar)

    def run_to(dd: Any) -> Any:
        return dd.reports.run_to(tmp_path / "report.csv", query="*", from_ts=START, to_ts=END)

    with trap() as caught:
        if driver.mode == "sync":
            report = driver.run(run, http=sandbox.transport(), **KEYS)
            caught.take(console.file.getvalue())  # type: ignore[attr-defined]  # the StringIO above
            forms = (report.to_csv(), report.to_pandas().to_html(), str(report.to_arrow()), report.chart().to_html(), report)
            caught.take(*forms, pickle.dumps(report).decode("latin-1"))
        driver.run(run_to, http=sandbox.transport(), **KEYS)
        caught.take(*files_of(tmp_path))
    assert any("Checkout availability" in text for text in caught.shown)
    assert caught.leaks(MARKS) == []


def test_results_of_the_others_in_every_form(driver: Driver) -> None:
    zabbix = ZabbixSandbox.demo(clock=VirtualClock(END))
    zabbix.add_user("Admin", PASSWORD)
    login = {"token": None, "user": "Admin", "password": PASSWORD, "auth_transport": "auto"}
    slaid = next(iter(zabbix.store.slas))
    with trap() as caught:
        sli = driver.run(lambda zbx: zbx.sla.getsli(slaid, periods=3), of="zabbix", http=zabbix.transport(), **login)
        caught.take(sli, sli.chart().to_html(), sli.to_csv(), sli.to_pandas().to_html(), list(sli.to_records()), pickle.dumps(sli))
        rootly = RootlySandbox(clock=VirtualClock(END))
        sla = driver.run(create_sla, of="rootly", http=rootly.transport(), token=ROOTLY)
        caught.take(sla, pickle.dumps(sla), rootly.ledger)
    assert rootly.applied
    assert caught.leaks((*MARKS, *zabbix.store.sessions)) == []


def test_what_processes_share(driver: Driver, tmp_path: Path) -> None:
    limiter = FileRateLimiter(tmp_path)
    datadog, rootly = DatadogSandbox(clock=VirtualClock()), RootlySandbox.demo(clock=VirtualClock())
    with trap() as caught:
        with datadog.serve() as one, rootly.serve() as two:
            driver.run(write, base_url=one.url, rate_limiter=limiter, **KEYS)
            driver.run(read_sla_or_none, of="rootly", base_url=two.url, rate_limiter=limiter, token=ROOTLY)
        written = list(files_of(tmp_path))
        caught.take(*written, limiter, vars(limiter))
    assert sum(map(len, written)) > 100
    assert caught.leaks(MARKS) == []


def read_sla_or_none(client: Any) -> Any:
    return client.slas.list()


def test_faults_of_every_kind_over_real_connections(driver: Driver) -> None:
    """The steps of the fault scripts that only a real connection has; the others are in the table of the marked secrets."""
    for steps in (
        "apply, cut head",
        "garbage",
        "apply, headers 200KB",
        "apply, chunked badly",
        "apply, length +9",
        "apply, gzip, shorten 50%",
    ):
        sandbox = DatadogSandbox(clock=VirtualClock())
        sandbox.faults.extend(FaultScript.parse(f"any times always: {steps}"))
        with sandbox.serve() as server, trap() as caught:
            for use in (read, write):
                with pytest.raises(SloError) as failed:
                    driver.run(use, base_url=server.url, retry=AT_ONCE, **KEYS)
                caught.take(failed.value, failed.value.attempts)
        assert sandbox.ledger
        assert caught.leaks(MARKS) == []


def _failures_of(use: Use, of: str, **options: Any) -> Iterator[SloError]:
    for _ in range(4):
        try:
            Driver("sync").run(use, of=of, retry=RetryPolicy(attempts=1), **options)
        except SloError as e:
            yield e


def test_served_sandboxes_print_no_credential(tmp_path: Path) -> None:
    script = tmp_path / "x.faults"
    script.write_text("any every 2: apply, garbage\n")
    failures: list[str] = []
    command = [sys.executable, "-m", "slo_common.sandbox", "--port", "0", "--faults", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        url = lines[0].split()[-4].removesuffix(";")
        accounts: tuple[tuple[str, Any, dict[str, Any]], ...] = (
            ("datadog", (read, write), {**KEYS, "base_url": f"{url}/datadog"}),
            ("rootly", (read_sla, create_sla), {"token": ROOTLY, "base_url": f"{url}/rootly"}),
            ("zabbix", (read_slas,), {"token": BEARER * 4, "url": f"{url}/zabbix/api_jsonrpc.php", "auth_transport": "body"}),
        )
        for of, uses, options in accounts:
            for use in uses:
                failures += [str(error) for error in _failures_of(use, of, **options)]
        process.terminate()
        lines.append(process.stdout.read())
    with trap() as caught:
        caught.take("".join(lines), *failures)
    assert failures
    assert caught.leaks(MARKS) == []


@pytest.mark.parametrize(
    "fault", ["", "any skip 3 times always: answer 401", "any skip 3 times always: redirect https://elsewhere.example/"]
)
def test_page_of_the_dashboard(tmp_path: Path, fault: str) -> None:
    """The example's page, its output and its tracebacks, with vendors that answer and vendors that fail."""
    datadog, zabbix = DatadogSandbox.demo(clock=SystemClock()), ZabbixSandbox.demo()
    datadog.meter = None  # this is not about limits
    zabbix.add_user("Admin", PASSWORD)
    for sandbox in (datadog, zabbix):
        sandbox.faults.extend(FaultScript.parse(fault))
    page = tmp_path / "page.html"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "DATADOG_", "ZABBIX_"))}
    with datadog.serve() as one, zabbix.serve() as two:
        keys = {"DD_API_KEY": API, "DD_APP_KEY": APP, "DD_BASE_URL": one.url}
        login = {"ZABBIX_URL": f"{two.url}/api_jsonrpc.php", "ZABBIX_USER": "Admin", "ZABBIX_PASSWORD": PASSWORD}
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "error_budget_dashboard.py"), "--output", str(page)],
            env={**kept, **keys, **login},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    with trap() as caught:
        caught.take(done.stdout, done.stderr, page.read_text(encoding="utf-8"))
    assert datadog.ledger
    assert zabbix.ledger
    assert caught.leaks((*MARKS, *zabbix.store.sessions)) == []


@pytest.mark.parametrize(
    "address", ["user:{}@vendor.test", "ftp://u:{}@vendor.test", "vendor.test?token={}", "{}@", "//vendor.test#{}"]
)
def test_address_that_is_none_and_holds_a_password(address: str) -> None:
    with trap() as caught:
        for of, name in (("datadog", "base_url"), ("rootly", "base_url"), ("zabbix", "url")):
            with pytest.raises(SloError) as failed:
                client_of("sync", of, **{name: address.format(PASSWORD)})
            caught.take(str(failed.value), repr(failed.value), vars(failed.value))
    assert caught.leaks(MARKS) == []


def test_address_that_is_none_is_shown_if_it_cannot_hold_a_password() -> None:
    with pytest.raises(SloError, match=r"url: 'vendor\.test' was given; allowed: an address such as https://host/path"):
        client_of("sync", "zabbix", url="vendor.test")
