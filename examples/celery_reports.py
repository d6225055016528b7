"""Monthly reports for many organisations on Celery: a worker that is killed loses nothing and repeats no write.

Two tasks make one report. `create` makes the report job, which is a write, and hands the job's handle to `finish`, which waits and saves the
CSV. Workers share the vendor's rate limits through Redis, on as many machines as you like; they share the folder of the reports, too.

    export SLO_REDIS=redis://localhost:6379/0 SLO_ORGANISATIONS=organisations.json SLO_REPORTS=/srv/reports
    celery --app celery_reports --workdir examples worker --concurrency 4
    python examples/celery_reports.py [--month 2026-10]

The file lists {"name": "acme", "base_url": "https://api.datadoghq.eu", "queries": {"payments": "team:payments"}}; keys stay out of it and
out of the queue: workers read DD_API_KEY_ACME and DD_APP_KEY_ACME. Without SLO_REDIS the tasks run here, against sandboxes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypedDict

from attrs import frozen
from celery import Celery, Task

from datadog_slo import DatadogSLO
from datadog_slo.sandbox import DatadogSandbox
from slo_common import (
    ApiError,
    LocalRateLimiter,
    OperationGone,
    PollTimeout,
    RateLimiter,
    RedisRateLimiter,
    ReportFailed,
    ReportUnavailable,
    Sent,
    SloError,
)

REDIS = os.environ.get("SLO_REDIS")
REPORTS = Path(os.environ.get("SLO_REPORTS", "reports"))
WAIT = 600.0
"""Seconds for which a `finish` waits before it queues behind the others; its job goes on meanwhile."""

VISIBILITY_TIMEOUT = float(os.environ.get("SLO_VISIBILITY_TIMEOUT", "1800"))
"""Seconds. When a whole machine is lost, nobody is left to put its messages back: Redis gives them to others after this time. It must be
longer than a task takes (WAIT), or one that still runs is begun once more: no task writes twice, but that would be work for nothing."""

app = Celery("celery_reports", broker=REDIS or "memory://")
app.conf.update(
    task_always_eager=REDIS is None,
    task_eager_propagates=True,
    task_ignore_result=True,
    # A message is acknowledged when its task is done, and is put back when the process that ran it was killed.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "unacked_restore_interval": min(10.0, VISIBILITY_TIMEOUT / 4),
        "unacked_restore_throttle": 1,
    },
    broker_connection_retry_on_startup=True,
)


@frozen(kw_only=True)
class Organisation:
    """Who is asked, and for which reports: a Datadog query by the report's name. No keys."""

    name: str
    base_url: str
    queries: Mapping[str, str]


class Asked(TypedDict):
    """What describes a report to the vendor."""

    query: str
    from_ts: datetime
    to_ts: datetime
    interval: str
    timezone: str


@cache
def organisations() -> dict[str, Organisation]:
    """From the file; without Redis three shops with a sandbox each."""
    if REDIS is not None:
        listed = json.loads(Path(os.environ["SLO_ORGANISATIONS"]).read_text(encoding="utf-8"))
        return {entry["name"]: Organisation(**entry) for entry in listed}
    queries = {"payments": "team:payments", "discovery": "team:discovery"}
    shops = ("acme", "globex", "initech")
    return {name: Organisation(name=name, base_url="https://api.datadoghq.com", queries=queries) for name in shops}


@cache
def limiter() -> RateLimiter:
    """One for each process. Budgets belong to keys, so organisations never wait for each other."""
    return LocalRateLimiter() if REDIS is None else RedisRateLimiter(REDIS)


@cache
def sandbox(name: str) -> DatadogSandbox:  # noqa: ARG001 - one for each name
    return DatadogSandbox.demo()


def client(name: str) -> DatadogSLO:
    if REDIS is None:
        return DatadogSLO(name, name, rate_limiter=limiter(), http=sandbox(name).transport())
    keys = (os.environ[f"{key}_{name.upper()}"] for key in ("DD_API_KEY", "DD_APP_KEY"))
    return DatadogSLO(*keys, base_url=organisations()[name].base_url, rate_limiter=limiter())


@frozen
class Report:
    """One report to be made. Its CSV appears when it is complete; the note beside it says how far its one write came."""

    organisation: str
    name: str
    month: str
    """Such as 2026-10."""

    @property
    def csv(self) -> Path:
        return REPORTS / self.month / f"{self.organisation}-{self.name}.csv"

    @property
    def _note(self) -> Path:
        return self.csv.with_suffix(".job")

    def claim(self) -> bool:
        """Whether nobody has begun the write: true for one caller only, whoever asks and whatever is killed afterwards."""
        self._note.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._note.open("xb") as out:
                os.fsync(out.fileno())
        except FileExistsError:
            return False
        return True

    def release(self) -> None:
        """The write was refused: it may be tried again."""
        self._note.unlink()

    def keep(self, handle: str) -> None:
        save(self._note, handle)

    @property
    def handle(self) -> str | None:
        """Of the job that was created; None when nobody knows whether one was."""
        return self._note.read_text(encoding="utf-8") or None

    @property
    def range(self) -> tuple[datetime, datetime]:
        start = datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC)
        return start, (start + timedelta(days=31)).replace(day=1)

    @property
    def asked(self) -> Asked:
        start, end = self.range
        query = organisations()[self.organisation].queries[self.name]
        return {"query": query, "from_ts": start, "to_ts": end, "interval": "weekly", "timezone": "UTC"}


def save(path: Path, text: str) -> None:
    """All of it or nothing, also when two do it at once."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with part.open("w", encoding="utf-8", newline="") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def refused(error: SloError) -> bool:
    """Whether the vendor surely made no job: the request never left, or was answered with a no."""
    return error.sent is Sent.NO or (isinstance(error, ApiError) and error.status < 500)


@app.task
def create(organisation: str, name: str, month: str) -> None:
    """Make the report job, once.

    The vendor has no list of jobs, so a lost answer cannot be looked up, and a second try could make a second job. Whoever finds the
    write begun and no handle, after a lost answer or a kill, has `rebuild` make the same report by reading alone.
    """
    report = Report(organisation, name, month)
    if report.claim():
        with client(organisation) as dd:
            try:
                report.keep(dd.reports.create(**report.asked).handle())
            except SloError as e:
                if refused(e) and not isinstance(e, OperationGone):
                    report.release()
                    raise  # Celery keeps the reason; the next run of the script tries again
    handle = report.handle
    if handle is None:
        rebuild.delay(organisation, name, month)
    else:
        finish.delay(organisation, name, month, handle)


@app.task(bind=True, max_retries=None)
def finish(self: Task[..., None], organisation: str, name: str, month: str, handle: str) -> None:
    """Wait for the job and save its report: reads only, so it may run as often as it likes, and by anybody who has the handle."""
    report = Report(organisation, name, month)
    if report.csv.exists():
        return
    with client(organisation) as dd:
        try:
            text = dd.reports.resume(handle, timeout=WAIT).to_csv()
        except PollTimeout as e:
            raise self.retry(exc=e, countdown=0) from e
        except (ReportFailed, ReportUnavailable, OperationGone):
            rebuild.delay(organisation, name, month)
            return
    save(report.csv, text)


@app.task
def rebuild(organisation: str, name: str, month: str) -> None:
    """The same report without a report job."""
    report = Report(organisation, name, month)
    if report.csv.exists():
        return
    with client(organisation) as dd:
        save(report.csv, dd.reports.run(engine="client", **report.asked).to_csv())


def last_month() -> str:
    return f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--month", default=last_month(), help="such as 2026-10 (default: the last one)")
    options = parser.parse_args(argv)
    if REDIS is None:
        print("No SLO_REDIS: running the tasks here, against sandboxes.")
    reports = [
        Report(organisation.name, name, options.month) for organisation in organisations().values() for name in organisation.queries
    ]
    for report in reports:
        create.delay(report.organisation, report.name, report.month)
    if REDIS is not None:
        print(f"{len(reports)} reports of {options.month} are on the queue.")
        return 0
    for report in reports:
        rows = len(report.csv.read_text(encoding="utf-8").splitlines()) - 1
        print(f"  {report.csv}: {rows} SLOs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
