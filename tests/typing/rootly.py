"""What a type checker must say about ``rootly_sla``. Read by mypy and pyright (``make types``), never run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_type

from rootly_sla import (
    Action,
    Applied,
    AppliedChange,
    AsyncRootlySLA,
    Condition,
    ConditionProperty,
    Ensured,
    FieldChange,
    NotificationConfiguration,
    OffsetType,
    ParentStatus,
    Plan,
    PlannedChange,
    RootlySLA,
    Sla,
    SlaSpec,
    Step,
)
from rootly_sla.sandbox import RootlySandbox
from slo_common import UNSET, AsyncPaged, SloError, SyncPaged


def a_client_is_a_context_manager() -> None:
    with RootlySLA("token", timeout=5) as rootly:
        assert_type(rootly, RootlySLA)
        assert_type(rootly.with_options(timeout=1), RootlySLA)


async def an_async_client_is_one_too() -> None:
    async with AsyncRootlySLA("token", timeout=5) as rootly:
        assert_type(rootly, AsyncRootlySLA)
        assert_type(rootly.with_options(timeout=1), AsyncRootlySLA)


def an_sla_has_typed_fields(sla: Sla) -> None:
    assert_type(sla.id, str)
    assert_type(sla.name, str)
    assert_type(sla.manager_user_id, int | None)
    assert_type(sla.assignment_deadline_days, int | None)
    assert_type(sla.completion_deadline_parent_status, ParentStatus | None)
    assert_type(sla.conditions, tuple[Condition, ...])
    assert_type(sla.conditions[0].property, ConditionProperty | None)
    assert_type(sla.notification_configurations, tuple[NotificationConfiguration, ...])
    assert_type(sla.notification_configurations[0].offset_type, OffsetType | None)
    assert_type(sla.created_at, datetime | None)
    assert_type(sla.extra, Mapping[str, object])


def every_operation_has_its_result(rootly: RootlySLA, spec: SlaSpec) -> None:
    assert_type(rootly.slas.list(search="sev"), SyncPaged[Sla])
    assert_type([sla.name for sla in rootly.slas.list()], list[str])
    assert_type(rootly.slas.get("1"), Sla)
    assert_type(rootly.slas.update("1", description=None, position=UNSET), Sla)
    assert_type(rootly.slas.delete("1"), Sla | None)
    assert_type(rootly.slas.plan([spec]), Plan)
    assert_type(rootly.slas.apply(rootly.slas.plan([spec], delete_others=True)), Applied)


async def every_async_operation_has_the_same(rootly: AsyncRootlySLA, spec: SlaSpec) -> None:
    assert_type(rootly.slas.list(search="sev"), AsyncPaged[Sla])
    assert_type([sla.name async for sla in rootly.slas.list()], list[str])
    assert_type(await rootly.slas.get("1"), Sla)
    assert_type(await rootly.slas.update("1", description=None, position=UNSET), Sla)
    assert_type(await rootly.slas.delete("1"), Sla | None)
    assert_type(await rootly.slas.plan([spec]), Plan)
    assert_type(await rootly.slas.apply(await rootly.slas.plan([spec], delete_others=True)), Applied)


def conditions_may_be_objects_or_json(rootly: RootlySLA) -> None:
    created = rootly.slas.create(
        name="Sev1 follow-ups",
        assignment_deadline_days=1,
        assignment_deadline_parent_status="resolved",
        completion_deadline_days=14,
        completion_deadline_parent_status=ParentStatus.RESOLVED,
        manager_user_id=7,
        conditions=[
            Condition.builtin("severity", "is_one_of", ["1"]),
            {"conditionable_type": "SLAs::BuiltInFieldCondition", "property": "kind", "operator": "is_set"},
        ],
        notification_configurations=[NotificationConfiguration.when_due(), {"offset_type": "before_due", "offset_days": 2}],
    )
    assert_type(created, Sla)


def ensure_says_what_it_did(rootly: RootlySLA) -> None:
    done = rootly.slas.ensure(
        name="Sev1 follow-ups",
        assignment_deadline_days=1,
        assignment_deadline_parent_status="resolved",
        completion_deadline_days=14,
        completion_deadline_parent_status="resolved",
    )
    assert_type(done, Ensured)
    assert_type(done.action, Action)
    assert_type(done.sla, Sla)
    assert_type(done.changes, tuple[FieldChange, ...])
    assert_type(done.changed, tuple[str, ...])


def a_plan_can_be_read(plan: Plan, applied: Applied) -> None:
    assert_type(plan.changes, tuple[PlannedChange, ...])
    assert_type(plan.writes, int)
    assert_type(plan.changes[0].step, Step)
    assert_type(applied.failed, tuple[AppliedChange, ...])
    assert_type(applied.changes[0].error, SloError | None)


def the_sandbox_is_a_door(sandbox: RootlySandbox) -> None:
    assert_type(RootlySandbox.demo(), RootlySandbox)
    assert_type(RootlySLA("token", http=sandbox.transport()).slas.get("1"), Sla)
    with sandbox.serve() as server:
        assert_type(server.url, str)


async def the_sandbox_is_an_async_door(sandbox: RootlySandbox) -> None:
    assert_type(await AsyncRootlySLA("token", http=sandbox.transport()).slas.get("1"), Sla)
