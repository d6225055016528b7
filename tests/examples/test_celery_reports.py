"""Many organisations on Celery: real workers, a real Redis, sandboxes over HTTP with tight limits, and SIGKILL in the worst moments.

A stalled answer holds a worker where it is, so that the kill meets it in the middle of a creation, of a wait and of a download.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox, ReportPlan
from slo_common import PermissionDenied
from slo_common.sandbox import Fault, SandboxRequest, SystemClock, Window
from slo_common.sandbox._faults import FaultPlan
from tests.examples.scripts import load
from tests.limiters.redis_server import BINARY, RedisServer, ask

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "celery_reports.py"
MONTH = "2026-10"
TEAMS = ("checkout", "discovery", "identity", "logistics", "payments", "support")
REPORT_API = "/api/v2/slo/report"
WINDOW = Window(limit=5, seconds=2)


# Without Redis, in this process: what the tasks make of a vendor's answers.


@cache
def loaded() -> Any:
    """Once: Celery's applications of one process share their tasks by name."""
    return load(SCRIPT)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    example = loaded()
    monkeypatch.setattr(example, "REPORTS", tmp_path)
    example.sandbox.cache_clear()
    return example


def test_without_redis_it_makes_the_reports_here(tmp_path: Path, example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.main(["--month", MONTH]) == 0
    assert len(list((tmp_path / MONTH).glob("*.csv"))) == 6
    assert capsys.readouterr().out.count(": 3 SLOs") == 6


def test_a_lost_answer_is_not_asked_for_again(example: Any) -> None:
    sandbox = example.sandbox("acme")
    sandbox.faults.add(Fault.lost_answer(method="POST"))
    example.create.delay("acme", "payments", MONTH)
    assert [line.split()[0] for line in sandbox.applied] == ["reports.create"]
    assert example.Report("acme", "payments", MONTH).csv.exists()


def test_a_refused_creation_may_be_tried_again(example: Any) -> None:
    sandbox = example.sandbox("acme")
    sandbox.faults.add(Fault.status(403, method="POST"))
    with pytest.raises(PermissionDenied):
        example.create.delay("acme", "payments", MONTH)
    example.create.delay("acme", "payments", MONTH)
    assert [line.split()[0] for line in sandbox.applied] == ["reports.create"]
    assert example.Report("acme", "payments", MONTH).csv.exists()


def test_after_the_sunset_reports_are_made_by_reading(example: Any) -> None:
    sandbox = example.sandbox("acme")
    sandbox.end_reports()
    example.create.delay("acme", "payments", MONTH)
    assert sandbox.applied == ()
    assert example.Report("acme", "payments", MONTH).csv.exists()


def test_a_job_that_failed_is_replaced_by_reading(example: Any) -> None:
    sandbox = example.sandbox("acme")
    sandbox.plan_reports(ReportPlan(ends="failed"))
    example.create.delay("acme", "payments", MONTH)
    assert len(sandbox.applied) == 1
    assert example.Report("acme", "payments", MONTH).csv.exists()


# With Redis, workers, and kills.


class StallOnce(FaultPlan):
    """One report call of a kind is done and never answered.

    Not the first of a window or of its kind, whose reply all others wait for: the limiter gives a dead one of those up after half a
    minute, which would be a long test.
    """

    def __init__(self, sandbox: DatadogSandbox, method: str, ending: str) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._method = method
        self._ending = ending
        self._over = False

    def take(self, request: SandboxRequest) -> Fault | None:
        meant = request.method == self._method and request.path.startswith(REPORT_API) and request.path.endswith(self._ending)
        if meant and not self._over and self._is_known():
            self._over = True
            return Fault.stall(after=True)
        return None

    def _is_known(self) -> bool:
        window = self._sandbox.clock.now() // WINDOW.seconds
        answered = [e for e in self._sandbox.ledger if e.path.startswith(REPORT_API) and e.status == 200]
        return any(e.path.endswith(self._ending) for e in answered) and any(e.at // WINDOW.seconds == window for e in answered)


def stall_once(sandbox: DatadogSandbox, method: str, ending: str) -> None:
    sandbox.faults = StallOnce(sandbox, method, ending)


def organisation(name: str) -> DatadogSandbox:
    """Two SLOs a team, five report calls in two seconds, and keys of its own."""
    sandbox = DatadogSandbox(
        clock=SystemClock(),
        limits={"slo_report": WINDOW},
        api_key=f"{name}-api-key",
        app_key=f"{name}-app-key",
        report_plan=ReportPlan(seconds=1),
    )
    for team in TEAMS:
        for what in ("answers", "is complete"):
            sandbox.add_slo(
                {
                    "name": f"{team} {what}",
                    "type": "metric",
                    "query": {"numerator": "sum:ok{*}.as_count()", "denominator": "sum:all{*}.as_count()"},
                    "thresholds": [{"timeframe": "30d", "target": 99.9}],
                    "tags": [f"team:{team}"],
                }
            )
    return sandbox


@frozen
class Site:
    """Redis, the organisations, the folder of the reports, and the environment that tells workers of them."""

    folder: Path
    redis: RedisServer
    sandboxes: dict[str, DatadogSandbox]
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(factory=list["subprocess.Popen[bytes]"])

    def celery(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "celery", "--app", "celery_reports", "--workdir", str(EXAMPLES), *arguments]

    def worker(self, *, concurrency: int) -> subprocess.Popen[bytes]:
        name = f"w{len(self.workers)}"
        log = self.folder / f"{name}.log"
        options = ("--concurrency", str(concurrency), "--hostname", f"{name}@%h", "--logfile", str(log), "--loglevel", "INFO")
        command = self.celery("worker", "--without-mingle", "--without-gossip", *options)
        self.workers.append(subprocess.Popen(command, env=self.environment, cwd=self.folder, start_new_session=True))
        return self.workers[-1]

    def stop(self) -> None:
        for worker in self.workers:
            kill(worker)

    def put_on_the_queue(self) -> str:
        command = [sys.executable, str(SCRIPT), "--month", MONTH]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    @property
    def reports(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in (self.folder / "reports" / MONTH).glob("*.csv")}

    @property
    def tasks_done(self) -> int:
        return len(re.findall("succeeded in", self.logs))

    @property
    def logs(self) -> str:
        return "\n".join(log.read_text() for log in self.folder.glob("*.log"))

    def until(self, condition: Callable[[], bool], *, within: float = 90) -> None:
        give_up = time.monotonic() + within
        while not condition():
            assert time.monotonic() < give_up, self.logs
            time.sleep(0.02)  # looks at processes; nothing tells this one

    def stalled(self, name: str) -> bool:
        return any("stall" in (entry.fault or "") for entry in self.sandboxes[name].ledger)


@contextmanager
def site(folder: Path, *names: str, visibility_timeout: int) -> Generator[Site]:
    if BINARY is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    with ExitStack() as stack:
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.kill)
        sandboxes = {name: organisation(name) for name in names}
        urls = {name: stack.enter_context(sandbox.serve()).url for name, sandbox in sandboxes.items()}
        listed = [{"name": n, "base_url": urls[n], "queries": {team: f"team:{team}" for team in TEAMS}} for n in names]
        (folder / "organisations.json").write_text(json.dumps(listed))
        keys = {f"DD_{kind}_KEY_{name.upper()}": f"{name}-{kind.lower()}-key" for name in names for kind in ("API", "APP")}
        environment = {
            **os.environ,
            **keys,
            "SLO_REDIS": redis.url,
            "SLO_ORGANISATIONS": str(folder / "organisations.json"),
            "SLO_REPORTS": str(folder / "reports"),
            "SLO_VISIBILITY_TIMEOUT": str(visibility_timeout),
        }
        opened = Site(folder, redis, sandboxes, environment)
        stack.callback(opened.stop)
        yield opened


def kill(worker: subprocess.Popen[bytes]) -> None:
    """The worker and all its processes, at once."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


@pytest.fixture(scope="module")
def after_the_loss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker of three processes is killed while one creates, one waits and one downloads; two other workers finish the month."""
    with site(tmp_path_factory.mktemp("celery"), "acme", "globex", "initech", visibility_timeout=4) as opened:
        stall_once(opened.sandboxes["acme"], "POST", "report")
        stall_once(opened.sandboxes["globex"], "GET", "status")
        stall_once(opened.sandboxes["initech"], "GET", "download")
        opened.put_on_the_queue()
        first = opened.worker(concurrency=3)
        opened.until(lambda: all(opened.stalled(name) for name in opened.sandboxes))
        kill(first)
        for _ in range(2):
            opened.worker(concurrency=3)
        opened.until(lambda: len(opened.reports) == len(opened.sandboxes) * len(TEAMS))
        yield opened


@pytest.mark.slow
def test_every_report_of_every_organisation_is_there_and_complete(after_the_loss: Site) -> None:
    example = loaded()
    for name, sandbox in after_the_loss.sandboxes.items():
        with DatadogSLO(f"{name}-api-key", f"{name}-app-key", http=sandbox.transport()) as dd:
            for team in TEAMS:
                start, end = example.Report(name, team, MONTH).range
                whole = dd.reports.run(
                    query=f"team:{team}", from_ts=start, to_ts=end, interval="weekly", timezone="UTC", engine="client"
                )
                assert after_the_loss.reports[f"{name}-{team}"] == whole.to_csv()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["acme", "globex", "initech"])
def test_each_report_job_was_created_once(name: str, after_the_loss: Site) -> None:
    assert [line.split()[0] for line in after_the_loss.sandboxes[name].applied] == ["reports.create"] * len(TEAMS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["acme", "globex", "initech"])
def test_the_workers_fill_the_windows_and_are_never_refused(name: str, after_the_loss: Site) -> None:
    calls = [entry for entry in after_the_loss.sandboxes[name].ledger if entry.path.startswith(REPORT_API)]
    windows = Counter(entry.at // WINDOW.seconds for entry in calls)
    # The limiter keeps the place of a call that nobody heard of again.
    assert max(windows.values()) in {WINDOW.limit, WINDOW.limit - 1}
    assert [entry for entry in calls if entry.status == 429] == []


@pytest.mark.slow
def test_asking_for_the_month_again_asks_the_vendor_for_nothing(after_the_loss: Site) -> None:
    before = [len(sandbox.ledger) for sandbox in after_the_loss.sandboxes.values()]
    done = after_the_loss.tasks_done
    assert after_the_loss.put_on_the_queue() == "18 reports of 2026-10 are on the queue.\n"
    after_the_loss.until(
        lambda: after_the_loss.tasks_done >= done + 2 * 18
    )  # each is looked at by create, and by finish or rebuild
    assert [len(sandbox.ledger) for sandbox in after_the_loss.sandboxes.values()] == before


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for a worker's process in /proc")
def test_a_task_whose_process_was_killed_goes_on_in_another(tmp_path: Path) -> None:
    with site(tmp_path, "acme", visibility_timeout=3600) as opened:
        stall_once(opened.sandboxes["acme"], "POST", "report")
        opened.put_on_the_queue()
        worker = opened.worker(concurrency=1)
        opened.until(lambda: opened.stalled("acme"))
        (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        opened.until(lambda: len(opened.reports) == len(TEAMS))
        assert [line.split()[0] for line in opened.sandboxes["acme"].applied] == ["reports.create"] * len(TEAMS)


def test_the_queue_holds_names_and_no_keys(tmp_path: Path) -> None:
    with site(tmp_path, "acme", visibility_timeout=3600) as opened:
        opened.put_on_the_queue()
        bodies = [base64.b64decode(json.loads(m)["body"]) for m in ask(opened.redis.url, "LRANGE", "celery", "0", "-1")]
    assert sorted(json.loads(body)[0] for body in bodies) == [["acme", team, MONTH] for team in TEAMS]
    assert not any(b"-key" in body for body in bodies)
