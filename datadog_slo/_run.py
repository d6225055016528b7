"""Which engine builds a report: the vendor's job while it works, the client engine when it is gone."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from attrs import frozen

from datadog_slo import _engine as built
from datadog_slo import _flows as flows
from datadog_slo._calls_reports import ReportRange
from datadog_slo._progress import OnProgress
from datadog_slo._report import SloReport
from datadog_slo._server_memory import ServerMemory
from slo_common._check import Problems
from slo_common._errors import NotFound, PermissionDenied, ReportUnavailable
from slo_common._execute import Caller

ENGINES = ("auto", "server", "client")

# The endpoint or the job is gone (404, 410), the beta is closed to this organisation (403), or the file went before it was fetched.
_GONE = (NotFound, PermissionDenied, ReportUnavailable)


class ReportEngineWarning(UserWarning):
    """The vendor's report endpoints are not there (any more); the report was built by the client engine."""


@frozen(kw_only=True)
class ReportFile:
    """A report in a file. ``rows`` and ``errors`` (rows with an export_error) are None for the vendor's own file, which is not read."""

    path: Path
    engine: str
    rows: int | None = None
    errors: int | None = None


@frozen(kw_only=True)
class RunOptions:
    """How a report is built."""

    engine: str
    timeout: float
    on_status: flows.OnStatus | None
    allow_partial: bool
    client: built.EngineOptions


def run_options(
    *,
    engine_name: str,
    timeout: float,
    on_status: flows.OnStatus | None,
    allow_partial: bool,
    on_progress: OnProgress | None,
    checkpoint: str | os.PathLike[str] | None,
    concurrency: int,
) -> RunOptions:
    """The options, checked."""
    problems = Problems()
    problems.one_of("engine", engine_name, ENGINES)
    problems.integer("concurrency", concurrency, low=1, high=256)
    problems.raise_if_any()
    return RunOptions(
        engine=engine_name,
        timeout=timeout,
        on_status=on_status,
        allow_partial=allow_partial,
        client=built.EngineOptions(
            concurrency=concurrency, on_progress=on_progress, checkpoint=None if checkpoint is None else Path(checkpoint)
        ),
    )


async def run(caller: Caller, asked: ReportRange, options: RunOptions, memory: ServerMemory) -> SloReport:
    """The report in memory."""
    if _ask_server(options, memory):
        try:
            return await _run_on_server(caller, asked, options)
        except _GONE as e:
            _give_up_server(options, memory, e)
    rows = built.MemoryRows()
    await built.build_report(caller, asked, options.client, rows)
    return rows.report()


async def run_to(
    caller: Caller, asked: ReportRange, options: RunOptions, memory: ServerMemory, path: str | os.PathLike[str]
) -> ReportFile:
    """The report in a file, which appears when it is complete."""
    final = Path(path)
    if _ask_server(options, memory):
        try:
            job = await _finished_job(caller, asked, options)
            return ReportFile(path=await flows.download_to(caller, job, final), engine="server")
        except _GONE as e:
            _give_up_server(options, memory, e)
    part = final.with_name(f"{final.name}.part")
    with part.open("w", encoding="utf-8", newline="") as out, flows.complete_or_nothing(out, part, final):
        rows = built.FileRows(out)
        await built.build_report(caller, asked, options.client, rows)
    return ReportFile(path=final, engine="client", rows=rows.rows, errors=rows.errors)


def _ask_server(options: RunOptions, memory: ServerMemory) -> bool:
    if options.engine != "auto":
        return options.engine == "server"
    begun = options.client.checkpoint is not None and Path(options.client.checkpoint).exists()
    return not memory.gone and not begun


def _give_up_server(options: RunOptions, memory: ServerMemory, error: Exception) -> None:
    if options.engine == "server":
        raise error
    memory.gone = True
    warnings.warn(
        f"Datadog's report endpoints do not serve this client ({type(error).__name__}); its reports are built by the client engine from now on",
        ReportEngineWarning,
        stacklevel=4,
    )


async def _finished_job(caller: Caller, asked: ReportRange, options: RunOptions) -> str:
    job = await flows.create_report(caller, asked)
    last = await flows.wait_for_report(caller, job, timeout=options.timeout, on_status=options.on_status, schedule=None)
    flows.check_partial(last, allow_partial=options.allow_partial)
    return last.id


async def _run_on_server(caller: Caller, asked: ReportRange, options: RunOptions) -> SloReport:
    job = await flows.create_report(caller, asked)
    return await flows.finish_report(
        caller, job, timeout=options.timeout, on_status=options.on_status, schedule=None, allow_partial=options.allow_partial
    )
