"""Zabbix's sandbox through the real client, held against dicts: SLAs, services, what belongs together, and sessions that end."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from slo_common import AlreadyExists, NotFound, OutcomeUnknown
from slo_common.sandbox import Sandbox, VirtualClock
from tests.stateful.machine import BOUNDED, FAULTS, START, Machine
from zabbix_sla import SlaPeriod, ZabbixSLA
from zabbix_sla.sandbox import ZabbixSandbox

LEVELS = ("gold", "silver", "none")
NAMES = ("Gold", "Silver", "Bronze", "Ü & <b>")

levels = st.sampled_from(LEVELS)
names = st.sampled_from(NAMES)


@frozen
class KeptSla:
    """What the model knows of an SLA. ``level``: services with the tag ``sla`` of this value belong to it."""

    name: str
    slo: float
    level: str


@frozen
class KeptService:
    """What the model knows of a service."""

    name: str
    level: str


def kept_sla(sla: Any) -> KeptSla:
    (tag,) = sla.service_tags
    return KeptSla(sla.name, sla.slo, tag.value)


def kept_service(service: Any) -> KeptService:
    (tag,) = service.tags
    return KeptService(service.name, tag.value)


class Zabbix(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.slas: dict[str, KeptSla] = {}
        self.services: dict[str, KeptService] = {}

    def make(self, clock: VirtualClock) -> tuple[Sandbox, Any]:
        sandbox = ZabbixSandbox(clock=clock)
        url = "http://127.0.0.1:1/api_jsonrpc.php"
        return sandbox, ZabbixSLA(url, user="Admin", password="zabbix", http=sandbox.transport())

    def seen_slas(self) -> dict[str, KeptSla]:
        return {sla.slaid: kept_sla(sla) for sla in self.client.sla.get()}

    def seen_services(self) -> dict[str, KeptService]:
        return {service.serviceid: kept_service(service) for service in self.client.service.get()}

    # SLAs.

    @rule(name=names, slo=st.sampled_from((99.0, 99.95)), level=levels, fault=FAULTS)
    def create_sla(self, name: str, slo: float, level: str, fault: str) -> None:
        wanted = KeptSla(name, slo, level)
        done = self.ask(
            lambda: self.client.sla.create(
                name, period=SlaPeriod.DAILY, slo=slo, effective_date=START - 86_400, timezone="UTC", service_tags={"sla": level}
            ),
            fault,
        )
        made = {i: sla for i, sla in self.seen_slas().items() if i not in self.slas}
        if any(sla.name == name for sla in self.slas.values()):
            assert not made
            assert isinstance(done.error, AlreadyExists) or (fault and done.error is not None)
            return
        assert set(made.values()) <= {wanted}
        assert len(made) <= 1
        if done.error is None:
            assert {done.result} == set(made)
        elif isinstance(done.error, OutcomeUnknown) and "zabbix.sla.create" in str(done.error):
            found = done.error.reconcile()
            assert ({} if found is None else {found.slaid: kept_sla(found)}) == made
        self.slas |= made

    @precondition(lambda self: self.slas)
    @rule(data=st.data(), slo=st.sampled_from((90.0, 99.5)), name=names, fault=FAULTS)
    def update_sla(self, data: st.DataObject, slo: float, name: str, fault: str) -> None:
        slaid = data.draw(st.sampled_from(sorted(self.slas)))
        before = self.slas[slaid]
        done = self.ask(lambda: self.client.sla.update(slaid, slo=slo, name=name), fault)
        now = self.seen_slas()[slaid]
        if any(sla.name == name and i != slaid for i, sla in self.slas.items()):
            assert done.error is not None
            assert now == before
        else:
            after = evolve(before, slo=slo, name=name)
            assert now in ((after,) if done.error is None else (before, after))
        self.slas[slaid] = now

    @precondition(lambda self: self.slas)
    @rule(data=st.data(), fault=FAULTS, stray=st.booleans())
    def delete_slas(self, data: st.DataObject, fault: str, stray: bool) -> None:
        """All or none."""
        slaids = sorted(data.draw(st.sets(st.sampled_from(sorted(self.slas)), min_size=1)))
        done = self.ask(lambda: self.client.sla.delete(*slaids, *(["999"] if stray else [])), fault)
        gone = set(self.slas) - set(self.seen_slas())
        assert gone in (set(), set(slaids))
        if stray:
            assert done.error is not None
            assert not gone
            assert isinstance(done.error, NotFound) or fault
        elif done.error is None:
            assert gone == set(slaids)
        for slaid in gone:
            del self.slas[slaid]

    # Services.

    @rule(name=names, level=levels, fault=FAULTS)
    def create_service(self, name: str, level: str, fault: str) -> None:
        done = self.ask(lambda: self.client.service.create(name, tags={"sla": level}), fault)
        made = {i: service for i, service in self.seen_services().items() if i not in self.services}
        assert len(made) <= 1  # never twice, although names need not be unique
        assert set(made.values()) <= {KeptService(name, level)}
        if done.error is None:
            assert {done.result} == set(made)
        self.services |= made

    @precondition(lambda self: self.services)
    @rule(data=st.data(), name=names, fault=FAULTS)
    def update_service(self, data: st.DataObject, name: str, fault: str) -> None:
        serviceid = data.draw(st.sampled_from(sorted(self.services)))
        before = self.services[serviceid]
        done = self.ask(lambda: self.client.service.update(serviceid, name=name), fault)
        now = self.seen_services()[serviceid]
        after = evolve(before, name=name)
        assert now in ((after,) if done.error is None else (before, after))
        self.services[serviceid] = now

    @precondition(lambda self: self.services)
    @rule(data=st.data(), fault=FAULTS)
    def delete_services(self, data: st.DataObject, fault: str) -> None:
        serviceids = sorted(data.draw(st.sets(st.sampled_from(sorted(self.services)), min_size=1)))
        done = self.ask(lambda: self.client.service.delete(*serviceids), fault)
        gone = set(self.services) - set(self.seen_services())
        assert gone in (set(), set(serviceids))
        assert gone or done.error is not None
        for serviceid in gone:
            del self.services[serviceid]

    # What belongs together.

    @precondition(lambda self: self.slas)
    @rule(data=st.data(), fault=FAULTS)
    def services_of_an_sla(self, data: st.DataObject, fault: str) -> None:
        slaid = data.draw(st.sampled_from(sorted(self.slas)))
        members = {i for i, service in self.services.items() if service.level == self.slas[slaid].level}
        found = self.ask(lambda: {service.serviceid for service in self.client.service.get(slaids=[slaid])}, fault)
        if found.error is None:
            assert found.result == members
        sli = self.ask(lambda: self.client.sla.getsli(slaid, periods=2, period_to=START), fault)
        if sli.error is None:
            assert set(sli.result.serviceids) == members

    @precondition(lambda self: self.services)
    @rule(data=st.data())
    def slas_of_a_service(self, data: st.DataObject) -> None:
        serviceid = data.draw(st.sampled_from(sorted(self.services)))
        found = {sla.slaid for sla in self.client.sla.get(serviceids=[serviceid])}
        assert found == {i for i, sla in self.slas.items() if sla.level == self.services[serviceid].level}

    @rule(name=names, fault=FAULTS)
    def filter_and_count(self, name: str, fault: str) -> None:
        slas = self.ask(lambda: [sla.slaid for sla in self.client.sla.get(filter={"name": name})], fault)
        if slas.error is None:
            assert slas.result == [i for i, sla in self.slas.items() if sla.name == name]
        assert self.client.service.count(filter={"name": name}) == sum(s.name == name for s in self.services.values())

    # Sessions.

    @rule()
    def sessions_end(self) -> None:
        """The next call logs in again by itself; what the machine does next must not notice."""
        cast(ZabbixSandbox, self.sandbox).end_sessions()

    @rule()
    def a_month_passes(self) -> None:
        self.clock.advance(30 * 86_400)

    # Always.

    @invariant()
    def both_know_the_same(self) -> None:
        assert self.seen_slas() == self.slas
        assert self.seen_services() == self.services


TestZabbix = Zabbix.TestCase
TestZabbix.settings = BOUNDED
