"""``python -m slo_common.sandbox``: serves until interrupted and says what to export."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from datadog_slo import DatadogSLO
from rootly_sla import RootlySLA
from slo_common import OutcomeUnknown
from slo_common.sandbox.__main__ import environment, main, parser, sandboxes
from slo_common.sandbox._script import usage
from slo_common.sandbox._server import Server
from zabbix_sla import ZabbixSLA

SLA: dict[str, Any] = {
    "name": "Sev4 follow-ups",
    "manager_user_id": 7,
    "assignment_deadline_days": 1,
    "assignment_deadline_parent_status": "resolved",
    "completion_deadline_days": 14,
    "completion_deadline_parent_status": "resolved",
}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "slo_common.sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def read_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_all_three_until_interrupted(process: subprocess.Popen[str], number: signal.Signals) -> None:
    first, *exports = read_lines(process, 4)
    matched = re.fullmatch(r"# serving datadog, rootly, zabbix at (http://127\.0\.0\.1:\d+); Ctrl-C stops", first)
    assert matched is not None
    url = matched[1]
    assert exports == [
        f"export DD_BASE_URL={url}/datadog DD_API_KEY=sandbox-api-key DD_APP_KEY=sandbox-app-key",
        f"export ROOTLY_BASE_URL={url}/rootly ROOTLY_API_TOKEN=sandbox-token",
        f"export ZABBIX_URL={url}/zabbix/api_jsonrpc.php ZABBIX_USER=Admin ZABBIX_PASSWORD=zabbix",
    ]
    keys = {"dd-api-key": "sandbox-api-key", "dd-application-key": "sandbox-app-key"}
    slos = httpx.get(url + "/datadog/api/v1/slo", headers=keys, trust_env=False).json()
    assert slos["data"]
    process.send_signal(number)
    assert process.wait(30) == 0


def test_what_it_says_to_export_is_all_that_the_clients_need(
    process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for export in read_lines(process, 4)[1:]:
        for assignment in export.removeprefix("export ").split():
            monkeypatch.setenv(*assignment.split("=", 1))
    with DatadogSLO() as dd, RootlySLA() as rootly, ZabbixSLA() as zbx:
        assert len(list(dd.slos.list())) == 12
        assert len(list(rootly.slas.list())) == 2
        assert len(zbx.sla.get()) == 3


def test_time_passes_there_so_that_a_report_job_ends_for_another_process(
    process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for assignment in read_lines(process, 2)[1].removeprefix("export ").split():
        monkeypatch.setenv(*assignment.split("=", 1))
    with DatadogSLO() as dd:
        handle = dd.reports.create(query="env:prod", from_ts=1_780_000_000, to_ts=1_785_000_000, interval="monthly").handle()
    code = "import sys; from datadog_slo import DatadogSLO; print(len(DatadogSLO().reports.resume(sys.argv[1], timeout=30).rows))"
    other = subprocess.run([sys.executable, "-c", code, handle], capture_output=True, text=True, check=True, timeout=60)
    assert other.stdout.strip() == "12"


@pytest.fixture
def _handlers_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers_put_back")
def test_one_vendor_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def interrupt() -> None:
        while signal.getsignal(signal.SIGTERM) is before:
            waiting.wait(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    waiting = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    assert main(["--only", "rootly", "--port", "0"]) == 0
    thread.join()
    first, export = capsys.readouterr().out.splitlines()
    assert first.startswith("# serving rootly at http://127.0.0.1:")
    assert export.startswith("export ROOTLY_BASE_URL=http://127.0.0.1:")


@pytest.mark.parametrize(
    ("names", "starts"),
    [
        (["datadog"], ["export DD_BASE_URL="]),
        (["rootly"], ["export ROOTLY_BASE_URL="]),
        (["zabbix"], ["export ZABBIX_URL="]),
        (["zabbix", "datadog"], ["export DD_BASE_URL=", "export ZABBIX_URL="]),
    ],
)
def test_only_the_vendors_named_are_served(names: list[str], starts: list[str]) -> None:
    made = sandboxes(names)
    assert sorted(made) == sorted(names)
    with Server(made) as server:
        lines = environment(server, names)
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts


def test_faults_of_a_script_hit_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bad-morning.faults"
    script.write_text("# the answer of the first creation is lost\nPOST /v1/slas: apply, cut 40%, reset\n")
    command = [sys.executable, "-m", "slo_common.sandbox", "--port", "0", "--only", "rootly", "--faults", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for assignment in read_lines(process, 2)[1].removeprefix("export ").split():
                monkeypatch.setenv(*assignment.split("=", 1))
            with RootlySLA() as rootly:
                with pytest.raises(OutcomeUnknown) as caught:
                    rootly.slas.create(**SLA)
                assert caught.value.reconcile().name == SLA["name"]
                assert len(list(rootly.slas.list())) == 3
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"any: resett\nany: reset\nany: close", ["line 1: 'resett' is no step; allowed: wait, apply,"]),
        (b"any: resett\nGOT /: reset", ["line 1: 'resett' is no step", "line 2: 'GOT' is no method; allowed: GET,"]),
        (b"any: reset \xff", ["it cannot be read: 'utf-8' codec can't decode byte 0xff"]),
        (None, ["it cannot be read: [Errno 2] No such file or directory"]),
    ],
)
def test_a_script_that_makes_no_sense_is_told_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes | None, said: list[str]
) -> None:
    path = tmp_path / "x.faults"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(SystemExit, match="2"):
        main(["--faults", str(path)])
    lines = capsys.readouterr().err.splitlines()
    assert [part in line for part, line in zip(said, lines, strict=True)] == [True] * len(said)
    assert all(str(path) in line for line in lines)


def test_the_help_shows_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert usage() in capsys.readouterr().out


def test_a_vendor_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "pagerduty"])
    assert "invalid choice: 'pagerduty'" in capsys.readouterr().err


def test_the_options_have_defaults() -> None:
    options = parser().parse_args([])
    assert (options.host, options.port, options.only, options.faults) == ("127.0.0.1", 8080, None, None)
