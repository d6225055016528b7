"""A Zabbix to test against: a state machine that answers JSON-RPC as servers from 6.0 to 7.2 were seen to answer.

>>> sandbox = ZabbixSandbox()
>>> service = sandbox.add_service("Checkout", tags={"sla": "gold"})
>>> slaid = sandbox.add_sla("Gold", tags={"sla": "gold"}, slo=99.9)

``service.*`` and ``sla.*`` are whole, with the server's partition of periods, its arithmetic and its error texts; of ``user.*`` and
``token.*`` there is what a client needs to log in. Other APIs answer ``Incorrect API``. What could not be observed on a real server
is marked as a guess where it is written.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Self, cast

from slo_common._values import Reply
from slo_common.sandbox import Clock, Fault, Meter, Sandbox, SandboxRequest
from zabbix_sla import _sandbox_services, _sandbox_slas
from zabbix_sla._sandbox_periods import MAX_DATE, merged
from zabbix_sla._sandbox_rpc import Credential, OutOfMemory, answer, edge, encoded, failed, out_of_memory
from zabbix_sla._sandbox_rules import Kind, Refusal, one_object
from zabbix_sla._sandbox_sli import Excluded
from zabbix_sla._sandbox_store import (
    Outage,
    Role,
    ScheduleRow,
    ServiceRow,
    SlaRow,
    StatusRule,
    Store,
    Tag,
    TagMatch,
    Token,
    User,
)
from zabbix_sla._sandbox_users import (
    FREE_METHODS,
    Asker,
    authenticate,
    check_authentication,
    create_token,
    generate_tokens,
    login,
    logout,
    new_token,
)

__all__ = ["Excluded", "Role", "StatusRule", "TagMatch", "ZabbixSandbox"]

Moment = datetime | int
"""An aware datetime or seconds of the epoch."""
Tags = Mapping[str, str] | Iterable[tuple[str, str]]

_DAY: Final = 86_400
_METHODS: Final = frozenset(
    {"apiinfo.version", "user.login", "user.logout", "user.checkauthentication", "token.create", "token.generate"}
    | {f"service.{m}" for m in ("get", "create", "update", "delete")}
    | {f"sla.{m}" for m in ("get", "create", "update", "delete", "getsli")}
)
_FOR_ADMINS: Final = frozenset({"sla.create", "sla.update", "sla.delete"})
_DATABASE: Final = "Error connecting to database."


def _seconds(moment: Moment) -> int:
    return int(moment.timestamp()) if isinstance(moment, datetime) else moment


def _pairs(tags: Tags) -> list[tuple[str, str]]:
    if isinstance(tags, Mapping):
        return list(cast(Mapping[str, str], tags).items())
    return list(tags)


def _wanted(tags: Mapping[str, str] | Sequence[TagMatch]) -> Iterable[TagMatch | tuple[str, str]]:
    return _pairs(tags) if isinstance(tags, Mapping) else tags


class ZabbixSandbox(Sandbox):
    """One Zabbix server. The user ``Admin`` with the password ``zabbix`` is there, and :attr:`token` is an API token of it.

    ``version`` decides where credentials go, the codes of some errors, and how a schedule meets daylight saving. ``timezone`` is what an
    SLA's ``system`` means. Attributes that may be changed while it runs:

    - ``max_cells``: a ``sla.getsli`` of more periods times services dies of PHP's memory limit (an empty HTTP 500). With PHP's default
      of 128 MB, 100 000 cells were seen to pass and, with long histories, 200 000 to fail; the default between them is a guess.
    - ``database_down``: every call fails, ``apiinfo.version`` too.
    - ``maintenance``: the administrator's text when the frontend is closed for maintenance (None: open).
    - ``sql_errors``: statements fail; 6.0 answers a read with an empty list, and ``sla.getsli`` blames missing permissions.
    - ``store``: the tables themselves, for a scene that the ``add_`` methods cannot set.
    - ``strips_authorization``: the web server in front drops the ``Authorization`` header, as Apache does without ``CGIPassAuth``.

    >>> sandbox = ZabbixSandbox(version="6.0.14")
    >>> ZabbixSLA("https://zabbix.test", token=sandbox.token, http=sandbox.transport()).apiinfo.version()
    '6.0.14'
    """

    vendor = "zabbix"

    def __init__(
        self,
        *,
        version: str = "7.0.22",
        timezone: str = "UTC",
        max_cells: int = 150_000,
        clock: Clock | None = None,
        faults: Iterable[Fault] = (),
        meter: Meter | None = None,
    ) -> None:
        super().__init__(clock=clock, faults=faults, meter=meter)
        self.version = version
        self.timezone = timezone
        self.max_cells = max_cells
        self.database_down = False
        self.maintenance: str | None = None
        self.sql_errors = False
        self.strips_authorization = False
        self.store = Store()
        self.add_user("Admin", "zabbix")
        self.token: str = self.add_token()

    # Setting the scene.

    def add_user(self, username: str, password: str, *, role: Role | None = None, autologout: int = 0) -> str:
        """A user who can log in. ``autologout`` seconds of silence end a session; 0 means never. Returns the user id."""
        with self._lock:
            userid = self.store.number("users")
            self.store.users[username] = User(
                userid=userid,
                username=username,
                password=password,
                role=role if role is not None else Role(),
                autologout=autologout,
            )
            return userid

    def add_token(self, username: str = "Admin", *, expires_at: Moment = 0, enabled: bool = True) -> str:
        """An API token of 64 hexadecimal digits."""
        with self._lock:
            tokenid = self.store.number("tokens")
            value = new_token(self.store, tokenid)
            self.store.tokens[value] = Token(
                tokenid=tokenid,
                name=f"token {tokenid}",
                user=self.store.users[username],
                enabled=enabled,
                expires_at=_seconds(expires_at),
            )
            return value

    def revoke_token(self, value: str) -> None:
        """Disable a token: from now on ``Not authorized.``"""
        with self._lock:
            self.store.tokens[value].enabled = False

    def end_sessions(self) -> int:
        """End every session, as a restart or an administrator does; the next call of each must log in again. Returns how many."""
        with self._lock:
            active = [s for s in self.store.sessions.values() if s.active]
            for session in active:
                session.active = False
            return len(active)

    @property
    def open_sessions(self) -> int:
        """Sessions that were neither logged out nor ended."""
        with self._lock:
            return sum(s.active for s in self.store.sessions.values())

    def add_service(
        self,
        name: str,
        *,
        tags: Tags = (),
        algorithm: int = 2,
        sortorder: int = 0,
        children: Sequence[str] = (),
        problem_tags: Sequence[TagMatch] = (),
        status_rules: Sequence[StatusRule] = (),
        weight: int = 0,
        description: str = "",
        created_at: Moment | None = None,
        serviceid: str | None = None,
        uuid: str | None = None,
    ) -> str:
        """A service. ``created_at`` (default: the epoch) is where measuring starts. Answers list services in the order added."""
        with self._lock:
            serviceid = serviceid if serviceid is not None else self.store.number("services", self.store.services)
            self.store.services[serviceid] = ServiceRow(
                serviceid=serviceid,
                name=name,
                algorithm=algorithm,
                sortorder=sortorder,
                created_at=_seconds(created_at) if created_at is not None else 0,
                uuid=uuid if uuid is not None else _sandbox_services.new_uuid(serviceid),
                weight=weight,
                description=description,
                tags=[Tag(tag=tag, value=value) for tag, value in _pairs(tags)],
                problem_tags=list(problem_tags),
                children=list(children),
                status_rules=list(status_rules),
            )
            return serviceid

    def add_sla(
        self,
        name: str,
        *,
        tags: Mapping[str, str] | Sequence[TagMatch],
        period: int = 0,
        slo: float = 99.9,
        effective_date: Moment = 0,
        timezone: str = "UTC",
        schedule: Sequence[tuple[int, int]] = (),
        excluded_downtimes: Sequence[Excluded] = (),
        status: int = 1,
        description: str = "",
        slaid: str | None = None,
    ) -> str:
        """An SLA over the services with any of ``tags``. ``period`` 0 daily to 4 annually; ``schedule`` in seconds from Sunday 00:00."""
        with self._lock:
            slaid = slaid if slaid is not None else self.store.number("slas", self.store.slas)
            matches = [t if isinstance(t, TagMatch) else TagMatch(tag=t[0], value=t[1]) for t in _wanted(tags)]
            spans = merged([{"period_from": start, "period_to": end} for start, end in schedule])
            self.store.slas[slaid] = SlaRow(
                slaid=slaid,
                name=name,
                period=period,
                slo=float(slo),
                effective_date=_seconds(effective_date),
                timezone=timezone,
                status=status,
                description=description,
                service_tags=matches,
                schedule=[ScheduleRow(period_from=s["period_from"], period_to=s["period_to"]) for s in spans],
                excluded_downtimes=sorted(excluded_downtimes, key=lambda e: e.period_from),
            )
            return slaid

    def add_outage(
        self, serviceid: str, start: Moment, end: Moment | None = None, *, severity: int = 4, name: str = "", eventid: str = ""
    ) -> str:
        """A problem of a service, from ``start`` until before ``end`` (None: it lasts). Returns the event id."""
        with self._lock:
            eventid = eventid or self.store.number("events")
            outage = Outage(
                start=_seconds(start),
                end=_seconds(end) if end is not None else None,
                severity=severity,
                name=name or "Service is down",
                eventid=eventid,
            )
            self.store.services[serviceid].outages.append(outage)
            return eventid

    def remove_sla(self, slaid: str) -> None:
        """Take an SLA away, as an administrator would."""
        with self._lock:
            del self.store.slas[slaid]

    @classmethod
    def demo(cls, *, clock: Clock | None = None, version: str = "7.0.22", seed: int = 7) -> Self:
        """A shop of six services over a year, with outages, business hours and maintenance.

        SLA 1 (daily, Europe/Riga) covers services 1 and 4, SLA 2 (weekly business hours) the same, SLA 5 (monthly) services 50, 60 and 70.
        """
        sandbox = cls(clock=clock, version=version)
        now = int(sandbox.clock.now())
        began = now - 400 * _DAY
        dice = random.Random(seed)
        shop = {
            "1": ("Checkout", 0.04),
            "4": ("Search", 0.03),
            "50": ("Payments", 0.02),
            "60": ("Catalogue", 0.01),
            "70": ("Mail", 0.05),
        }
        for serviceid, (name, chance) in shop.items():
            tags = {"tier": "front"} if serviceid in {"1", "4"} else {"tier": "core"}
            sandbox.add_service(name, serviceid=serviceid, tags=tags, created_at=began)
            for day in range(began, now - _DAY, _DAY):
                if dice.random() < chance:
                    start = day + dice.randrange(_DAY)
                    sandbox.add_outage(serviceid, start, start + dice.choice([90, 300, 900, 2400]), severity=dice.choice([3, 4, 5]))
        sandbox.add_service("Shop", serviceid="100", children=["1", "4", "50", "60", "70"], created_at=began)
        upgrade = now - 9 * _DAY
        away = [Excluded(name="Database upgrade", period_from=upgrade, period_to=upgrade + 5400)]
        office = [(day * _DAY + 8 * 3600, day * _DAY + 18 * 3600) for day in range(1, 6)]
        sandbox.add_sla(
            "Shop front", slaid="1", tags={"tier": "front"}, timezone="Europe/Riga", effective_date=began, excluded_downtimes=away
        )
        sandbox.add_sla(
            "Shop front, office hours", slaid="2", tags={"tier": "front"}, period=1, slo=99.5, effective_date=began, schedule=office
        )
        sandbox.add_sla(
            "Core services", slaid="5", tags={"tier": "core"}, period=2, slo=99.95, effective_date=began, excluded_downtimes=away
        )
        return sandbox

    # Answering.

    def bucket(self, request: SandboxRequest) -> str:  # noqa: ARG002  # one bucket for all
        """Zabbix has no rate limit; a meter stands for a proxy that has one for all requests."""
        return "zabbix"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:  # noqa: ARG002  # the same page for all
        """What nginx answers when its own limit is passed: no Retry-After."""
        body = b"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n</html>\r\n"
        return Reply(status=429, headers={"content-type": "text/html"}, body=body)

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        """Answer one HTTP request at this moment."""
        early = edge(request)
        if early is not None:
            return early
        if self.database_down or self.maintenance is not None:
            return encoded(self._unavailable(request.body))
        headers: Mapping[str, str] = dict[str, str]() if self.strips_authorization else request.headers
        try:
            return encoded(answer(request.body, headers, self._release, lambda a, m, p, c: self._run(a, m, p, c, int(now))))
        except OutOfMemory:
            return out_of_memory()

    @property
    def _release(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def _unavailable(self, body: bytes) -> object:
        try:
            decoded: object = json.loads(body)
        except ValueError:
            decoded = None
        ident = cast(dict[str, object], decoded).get("id") if isinstance(decoded, dict) else None
        reason = _DATABASE if self.database_down else self.maintenance or ""
        return failed(1, "", ident, message=reason) if self._release < (7, 0) else failed(-32603, reason, ident)

    def _run(self, api: str, method: str, params: object, credential: Credential | None, now: int) -> object:
        called = f"{api}.{method}".lower()
        if not any(name.startswith(f"{api.lower()}.") for name in _METHODS):
            raise Refusal(Kind.METHOD, f'Incorrect API "{api}".')
        if called not in _METHODS:
            raise Refusal(Kind.METHOD, f'Incorrect method "{api}.{method}".')
        if called in FREE_METHODS:
            if credential is not None:
                raise Refusal(Kind.PARAMETERS, f'The "{api}.{method}" method must be called without {credential.carrier}.')
            return self._run_free(called, params, now)
        asker = authenticate(self.store, credential.text if credential is not None else None, now)
        role = asker.user.role
        if not role.api or (called in _FOR_ADMINS and (role.type < 2 or not role.manage_sla)):
            raise Refusal(Kind.ROLE, f'No permissions to call "{api}.{method}".')
        if self.sql_errors and api.lower() in {"sla", "service"}:
            return self._run_without_sql(called)
        return self._run_for(called, params, asker, now)

    def _run_free(self, called: str, params: object, now: int) -> object:
        if called == "user.login":
            return login(self.store, params, now, self._release)
        if called == "user.checkauthentication":
            return check_authentication(self.store, params, now)
        one_object({})(params, "/")
        return self.version

    def _run_without_sql(self, called: str) -> object:
        if called == "sla.getsli":
            raise Refusal(Kind.PERMISSIONS, _sandbox_slas.NO_OBJECT)
        if self._release >= (7, 0):
            raise Refusal(Kind.PERMISSIONS, "Database error occurred.")
        if called.endswith(".get"):
            return []
        raise Refusal(Kind.PERMISSIONS, "Your database is not working properly.")

    def _run_for(self, called: str, params: object, asker: Asker, now: int) -> object:
        store, role = self.store, asker.user.role
        match called:
            case "user.logout":
                return logout(store, params, asker)
            case "token.create":
                return create_token(store, params, asker)
            case "token.generate":
                return generate_tokens(store, params)
            case "service.get":
                return _sandbox_services.get(store, params, role, now)
            case "service.create":
                return self._wrote(called, "serviceids", _sandbox_services.create(store, params, now))
            case "service.update":
                return self._wrote(called, "serviceids", _sandbox_services.update(store, params))
            case "service.delete":
                echoed, serviceids = _sandbox_services.delete(store, params)
                self._wrote(called, "serviceids", serviceids)
                return {"serviceids": echoed}
            case "sla.get":
                return _sandbox_slas.get(store, params, role)
            case "sla.create":
                return self._wrote(called, "slaids", _sandbox_slas.create(store, params))
            case "sla.update":
                return self._wrote(called, "slaids", _sandbox_slas.update(store, params))
            case "sla.delete":
                echoed, slaids = _sandbox_slas.delete(store, params)
                self._wrote(called, "slaids", slaids)
                return {"slaids": echoed}
            case _:
                return self._sli(params, role, now)

    def _wrote(self, called: str, name: str, written: Sequence[str]) -> object:
        self.record(f"{called} {' '.join(written)}")
        return {name: list(written)}

    def _sli(self, params: object, role: Role, now: int) -> object:
        question = _sandbox_slas.asked_sli(self.store, params, role, now=min(now, MAX_DATE), system_timezone=self.timezone)
        if question.cells > self.max_cells:
            raise OutOfMemory
        # Seen shifted on 6.0.14 and not on 7.0.9; that 6.4 is like 6.0 is a guess.
        shifts = self._release < (7, 0)
        return _sandbox_slas.sli(question, self.store, now=now, system_timezone=self.timezone, shifts_with_dst=shifts)
