"""What a type checker must say about ``zabbix_sla``. Read by mypy and pyright (``make types``), never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import assert_type

from slo_common import SloError
from zabbix_sla import AsyncZabbixSLA, Outcome, Progress, SlaPeriod, SliCell, SliPeriod, SliResult, ZabbixSLA, calls
from zabbix_sla.models import ExcludedDowntime, ExcludedSpan, Schedule, Service, ServiceStatus, ServiceTag, Sla, SlaStatus
from zabbix_sla.sandbox import ZabbixSandbox


def a_client_takes_a_token_or_a_user() -> None:
    with ZabbixSLA("https://zabbix.example.com", token="t") as zbx:
        assert_type(zbx, ZabbixSLA)
        assert_type(zbx.with_options(timeout=1), ZabbixSLA)
        assert_type(zbx.apiinfo.version(), str)
    with ZabbixSLA(user="Admin", password="zabbix", timeout=5):
        pass


async def an_async_client_does_too() -> None:
    async with AsyncZabbixSLA("https://zabbix.example.com", token="t") as zbx:
        assert_type(zbx, AsyncZabbixSLA)
        assert_type(zbx.with_options(timeout=1), AsyncZabbixSLA)
        assert_type(await zbx.apiinfo.version(), str)


def an_sli_result_is_indexed_by_period_and_service(sli: SliResult) -> None:
    assert_type(sli.periods, tuple[SliPeriod, ...])
    assert_type(sli.periods[0].period_from, datetime)
    assert_type(sli.serviceids, tuple[str, ...])
    cell = sli[0, "50"]
    assert_type(cell, SliCell)
    assert_type(cell.uptime, int)
    assert_type(cell.downtime, int)
    assert_type(cell.sli, float | None)
    assert_type(cell.error_budget, int)
    assert_type(cell.excluded_downtimes, tuple[ExcludedSpan, ...])
    assert_type(cell.budget_left(99.9), float | None)
    assert_type(iter(sli), Iterator[tuple[SliPeriod, str, SliCell]])


def an_sla_has_typed_fields(sla: Sla, service: Service) -> None:
    assert_type(sla.slaid, str)
    assert_type(sla.period, SlaPeriod)
    assert_type(sla.slo, float)
    assert_type(sla.effective_date, datetime)
    assert_type(sla.status, SlaStatus)
    assert_type(sla.service_tags, tuple[ServiceTag, ...])
    assert_type(sla.schedule, tuple[Schedule, ...])
    assert_type(sla.excluded_downtimes, tuple[ExcludedDowntime, ...])
    assert_type(service.status, ServiceStatus)
    assert_type(service.created_at, datetime)


def every_operation_has_its_result(zbx: ZabbixSLA, start: datetime) -> None:
    assert_type(zbx.sla.get(slaids=["5"]), tuple[Sla, ...])
    assert_type(
        zbx.sla.create(
            "Gold", period=SlaPeriod.MONTHLY, slo=99.9, effective_date=start, timezone="UTC", service_tags={"sla": "gold"}
        ),
        str,
    )
    assert_type(zbx.sla.update("5", slo=99.5), str)
    assert_type(zbx.sla.delete("5", "6"), tuple[str, ...])
    assert_type(zbx.sla.count(), int)
    assert_type(zbx.sla.getsli("5", serviceids=["50", "60", "70"], periods=3, period_from=1635724800), SliResult)
    assert_type(zbx.sla.report("5", start=start, end=1640995200, on_progress=show), SliResult)
    assert_type(zbx.sla.report_periods("5", start=start, end=1640995200), Iterator[SliResult])
    assert_type(zbx.service.get(slaids=["5"]), tuple[Service, ...])
    assert_type(zbx.service.delete("1"), tuple[str, ...])


async def every_async_operation_has_the_same(zbx: AsyncZabbixSLA, start: datetime) -> None:
    assert_type(await zbx.sla.get(slaids=["5"]), tuple[Sla, ...])
    assert_type(
        await zbx.sla.create(
            "Gold", period=SlaPeriod.MONTHLY, slo=99.9, effective_date=start, timezone="UTC", service_tags={"sla": "gold"}
        ),
        str,
    )
    assert_type(await zbx.sla.update("5", slo=99.5), str)
    assert_type(await zbx.sla.delete("5", "6"), tuple[str, ...])
    assert_type(await zbx.sla.count(), int)
    assert_type(await zbx.sla.getsli("5", serviceids=["50", "60", "70"], periods=3, period_from=1635724800), SliResult)
    assert_type(await zbx.sla.report("5", start=start, end=1640995200, on_progress=show), SliResult)
    assert_type(zbx.sla.report_periods("5", start=start, end=1640995200), AsyncIterator[SliResult])
    assert_type(await zbx.service.get(slaids=["5"]), tuple[Service, ...])
    assert_type(await zbx.service.delete("1"), tuple[str, ...])


def show(progress: Progress) -> None:
    assert_type(progress.cells, int)


def a_batch_keeps_the_type_of_its_calls(zbx: ZabbixSLA) -> None:
    outcomes = zbx.batch([calls.getsli("1"), calls.getsli("2")])
    assert_type(outcomes, tuple[Outcome[SliResult], ...])
    assert_type(outcomes[0].value, SliResult | None)
    assert_type(outcomes[0].error, SloError | None)
    assert_type(outcomes[0].unwrap(), SliResult)


def a_batch_may_hold_calls_that_give_different_things(zbx: ZabbixSLA) -> None:
    for outcome in zbx.batch([calls.sla_get(), calls.service_get(), calls.getsli("1")]):
        assert_type(outcome.error, SloError | None)


def the_sandbox_is_a_door(sandbox: ZabbixSandbox) -> None:
    assert_type(ZabbixSandbox.demo(), ZabbixSandbox)
    assert_type(ZabbixSLA("http://127.0.0.1", token="t", http=sandbox.transport()).sla.get(), tuple[Sla, ...])


async def the_sandbox_is_an_async_door(sandbox: ZabbixSandbox) -> None:
    assert_type(await AsyncZabbixSLA("http://127.0.0.1", token="t", http=sandbox.transport()).sla.get(), tuple[Sla, ...])
