"""A sandbox of Datadog's service level objectives: all 19 operations as the vendor was seen to answer them, without a network.

The machine is pure: a request and a moment go in, an answer comes out. Nothing happens by itself; a report job is finished when
the clock says so. Where the vendor's behaviour was never recorded or documented, the code says that it guesses.

>>> sandbox = DatadogSandbox.demo()
>>> len(sandbox.slos) > 0
True
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from attrs import evolve

from datadog_slo import _sandbox_corrections as corrections
from datadog_slo import _sandbox_history as history
from datadog_slo import _sandbox_reports as reports
from datadog_slo import _sandbox_search as search
from datadog_slo import _sandbox_slos as slos
from datadog_slo._sandbox_corrections import StoredCorrection
from datadog_slo._sandbox_query import matches
from datadog_slo._sandbox_replies import Doc, RefusedError, bad_request, csv, empty, html, v1, v1_error, v2, v2_error
from datadog_slo._sandbox_reports import Job, ReportPlan
from datadog_slo._sandbox_sli import DAY, Incident, SliModel, Span, subtract
from datadog_slo._sandbox_slos import StoredSlo
from slo_common._values import Reply
from slo_common.sandbox import Clock, Fault, FixedWindows, Meter, Sandbox, SandboxRequest, SystemClock, VirtualClock, Window

__all__ = ["LIMITS", "REPORTS_SUNSET", "DatadogSandbox", "Incident", "ReportPlan", "SliModel"]

REPORTS_SUNSET = 1_800_835_200
"""2027-01-25T00:00:00Z, the sunset date of the report endpoints in the vendor's specification, in epoch seconds."""

LIMITS: Mapping[str, Window] = {
    "slo_write": Window(limit=500, seconds=60),
    "slo_delete": Window(limit=3000, seconds=10),
    "slo_read": Window(limit=100, seconds=10),
    "slo_history": Window(limit=100, seconds=10),
    "slo_status": Window(limit=100, seconds=10),
    "slo_corrections": Window(limit=1000, seconds=10),
    "slo_correction": Window(limit=12_000, seconds=60),
    "slo_report": Window(limit=100, seconds=10),
}
"""Requests by bucket. The buckets of history, status and reports, and all names, are guesses; the others were recorded in 2021."""

_KEPT_DELETED = 30 * DAY
_ID = re.compile(r"[0-9a-fA-F-]{36}")


class DatadogSandbox(Sandbox):
    """Datadog's SLOs, corrections and report jobs in memory.

    :param clock: the machine's clock by default; a :class:`~slo_common.sandbox.VirtualClock` makes a month pass at once.
    :param faults: scripted faults, see :class:`~slo_common.sandbox.Fault`.
    :param meter: what counts requests; by default :data:`LIMITS` in calendar-aligned windows, with ``limits`` laid over them.
    :param limits: other limits by bucket, such as ``{"slo_history": Window(limit=5, seconds=10)}``.
    :param api_key: the only API key that is right; None takes any.
    :param app_key: the only application key that is right; None takes any.
    :param bearer_token: the only bearer token that is right; None takes any.
    :param seed: of ids and of the SLI of every SLO that brings no model of its own.
    :param report_plan: how report jobs run that no :meth:`plan_reports` speaks of.
    :param reports_end_at: from this moment (epoch seconds) on the report endpoints are gone; see :data:`REPORTS_SUNSET`.
    :param refusal: the body of a 429: the vendor was seen to send JSON, an HTML page and nothing at all.
    :param search_lag: seconds until a new or changed SLO shows up in searches, which read an index of their own.
    :param numeric_no_data: whether transitions without data are the number 2 or the text ``NO_DATA``.

    >>> sandbox = DatadogSandbox()
    >>> slo_id = sandbox.add_slo(
    ...     {"name": "Checkout", "type": "monitor", "monitor_ids": [1], "thresholds": [{"timeframe": "30d", "target": 99.9}]}
    ... )
    """

    vendor = "datadog"

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        faults: Iterable[Fault] = (),
        meter: Meter | None = None,
        limits: Mapping[str, Window] | None = None,
        api_key: str | None = None,
        app_key: str | None = None,
        bearer_token: str | None = None,
        seed: int = 0,
        report_plan: ReportPlan | None = None,
        reports_end_at: float | None = None,
        refusal: Literal["json", "html", "empty"] = "json",
        search_lag: float = 0.0,
        numeric_no_data: bool = True,
    ) -> None:
        windows = {**LIMITS, **(limits or {})}
        super().__init__(clock=clock, faults=faults, meter=meter or FixedWindows(windows.__getitem__))
        self._limits = windows
        self._keys = (api_key, app_key, bearer_token)
        self._seed = seed
        self._plan = report_plan or ReportPlan()
        self._plans: list[ReportPlan] = []
        self._reports_end = (reports_end_at, 410)
        self._refusal = refusal
        self._search_lag = search_lag
        self._numeric_no_data = numeric_no_data
        self._slos: dict[str, StoredSlo] = {}
        self._corrections: dict[str, StoredCorrection] = {}
        self._jobs: dict[str, Job] = {}
        self._count = 0

    @classmethod
    def demo(cls, *, clock: Clock | None = None, seed: int = 7) -> DatadogSandbox:
        """A small believable organisation: a dozen SLOs of all kinds over four teams, with incidents and a few corrections.

        Its clock is virtual and starts now, unless one is given.
        """
        from datadog_slo._sandbox_demo import furnish

        sandbox = cls(clock=clock if clock is not None else VirtualClock(SystemClock().now()), seed=seed)
        furnish(sandbox, int(sandbox.clock.now()))
        return sandbox

    # What a test sets up and looks at.

    @property
    def slos(self) -> tuple[Doc, ...]:
        """The SLOs that exist, as the API shows them."""
        with self._lock:
            return tuple(s.doc for s in self._slos.values() if s.deleted_at is None)

    @property
    def corrections(self) -> tuple[Doc, ...]:
        """The corrections that exist, as the API shows them."""
        with self._lock:
            return tuple(c.doc for c in self._corrections.values())

    def add_slo(
        self,
        body: Mapping[str, object],
        *,
        model: SliModel | None = None,
        referenced_by: Sequence[str] = (),
        alert_ids: Sequence[int] = (),
        slo_id: str | None = None,
        age: float = 365 * DAY,
    ) -> str:
        """Put an SLO in, from a body as ``POST /api/v1/slo`` takes it, and return its id.

        ``referenced_by`` names what keeps it from being deleted (``"dashboard_id: abc-def-ghi"``), ``age`` is in seconds.
        """
        with self._lock:
            created = int(self.clock.now() - age)
            return self._keep(dict(body), created, model, slo_id, tuple(referenced_by), tuple(alert_ids)).id

    def add_correction(self, **attributes: object) -> str:
        """Put a correction in, from the attributes of ``POST /api/v1/slo/correction``, and return its id."""
        with self._lock:
            given = corrections.attributes({"data": {"attributes": attributes}}, creating=True)
            return self._keep_correction(given, int(self.clock.now())).id

    def add_report(self, plan: ReportPlan | None = None, *, report_id: str | None = None, **attributes: object) -> str:
        """Put a report job in, as if it had been created now, and return its id. ``attributes`` as in the create request."""
        asked = {"query": "*", "from_ts": 1_633_173_071, "to_ts": 1_636_629_071, **attributes}
        with self._lock:
            now = int(self.clock.now())  # as in an answer: a job is never younger than nothing
            job = reports.job_of(
                {"data": {"attributes": asked}}, report_id=report_id or self._new_uuid(), now=now, plan=plan or self._plan
            )
            self._jobs[job.id] = job
            return job.id

    def plan_reports(self, *plans: ReportPlan) -> None:
        """The next jobs to be created run by these plans, in this order."""
        with self._lock:
            self._plans.extend(plans)

    def end_reports(self, status: Literal[403, 404, 410] = 410, *, at: float | None = None) -> None:
        """Close the report endpoints from ``at`` (epoch seconds; now by default) on: sunset (410, 404) or refused beta (403)."""
        with self._lock:
            # The vendor counts whole seconds: the end of this one would let what is asked now pass.
            self._reports_end = (int(self.clock.now()) if at is None else at, status)

    def sli(self, slo_id: str, from_ts: float, to_ts: float, *, corrected: bool = True) -> float | None:
        """The SLI of one SLO over a window, in percent: what history, status and reports of this sandbox all show."""
        with self._lock:
            slo = self._slos[slo_id]
            return slo.model.sli(self._spans(slo, (from_ts, to_ts), corrected=corrected))

    # The vendor.

    def bucket(self, request: SandboxRequest) -> str:
        tail = request.segments[3:]
        if request.segments[:4] == ("api", "v2", "slo", "report"):
            return "slo_report"
        if tail[:1] == ("correction",):
            return "slo_correction"
        if tail[1:] in (("history",), ("status",), ("corrections",)):
            return f"slo_{tail[1]}"
        if request.method == "DELETE":
            return "slo_delete"
        return "slo_read" if request.method == "GET" else "slo_write"

    def refuse(self, request: SandboxRequest, now: float) -> Reply:  # noqa: ARG002 - the base's signature
        if self._refusal == "html":
            return html(429, "429 Too Many Requests")
        if self._refusal == "empty":
            return empty(429)
        window = self._limits[self.bucket(request)]
        limit = f"Rate limit of {window.limit} requests in {window.seconds} seconds reached. Please try again later."
        return v1_error(429, limit)

    def respond(self, request: SandboxRequest, now: float) -> Reply:
        try:
            return self._authorize(request) or self._route(request, int(now))
        except RefusedError as refusal:
            return refusal.reply

    def _authorize(self, request: SandboxRequest) -> Reply | None:
        """Either a bearer token, or both keys, or a personal or service token in the place of the application key.

        Which of 401 and 403 answers a missing or a wrong key is a guess.
        """
        api_key, app_key, token = self._keys
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and bearer:
            return None if token in (None, bearer) else v1_error(403, "Forbidden")
        api, app = request.headers.get("dd-api-key", ""), request.headers.get("dd-application-key", "")
        if app.startswith(("ddpat_", "ddsat_")):
            return None if app_key in (None, app) else v1_error(403, "Forbidden")
        if not api or not app:
            return v1_error(401, "Unauthorized")
        return None if api_key in (None, api) and app_key in (None, app) else v1_error(403, "Forbidden")

    def _route(self, request: SandboxRequest, now: int) -> Reply:
        match (request.method, *request.segments):
            case ("GET", "api", "v1", "slo"):
                return self._list(request, now)
            case ("POST", "api", "v1", "slo"):
                return self._create(request, now)
            case ("POST", "api", "v1", "slo", "bulk_delete"):
                return self._bulk_delete(request, now)
            case ("GET", "api", "v1", "slo", "can_delete"):
                return self._can_delete(request)
            case ("GET", "api", "v1", "slo", "search"):
                return self._search(request, now)
            case ("GET", "api", "v1", "slo", "correction"):
                return self._list_corrections(request)
            case ("POST", "api", "v1", "slo", "correction"):
                return self._create_correction(request, now)
            case (method, "api", "v1", "slo", "correction", correction_id):
                return self._one_correction(method, request, correction_id, now)
            case (method, "api", "v1", "slo", slo_id):
                return self._one_slo(method, request, slo_id, now)
            case ("GET", "api", "v1", "slo", slo_id, "history"):
                return self._history(request, self._find(slo_id))
            case ("GET", "api", "v1", "slo", slo_id, "corrections"):
                return self._corrections_of(request, self._find(slo_id))
            case ("POST", "api", "v2", "slo", "report"):
                return self._create_report(request, now)
            case ("GET", "api", "v2", "slo", "report", report_id, ("status" | "download") as what):
                return self._read_report(report_id, what, now)
            case ("GET", "api", "v2", "slo", slo_id, "status"):
                return self._status(request, slo_id)
            case _:
                return v1_error(404, "Not Found")

    # SLOs.

    def _list(self, request: SandboxRequest, now: int) -> Reply:
        limit, offset = _number(request, "limit", 1000), _number(request, "offset", 0)
        found = [s for s in self._slos.values() if self._listed(s, request, now)]
        if not found and request.param("ids"):
            return v1_error(404, f"SLO not found: {request.param('ids')} not found")
        page = [s.doc for s in found[offset : offset + limit]]
        # Recorded: total_filtered_count counts the page, so it cannot be used to stop.
        return v1(
            {"data": page, "error": None, "metadata": {"page": {"total_count": len(found), "total_filtered_count": len(page)}}}
        )

    def _listed(self, slo: StoredSlo, request: SandboxRequest, now: int) -> bool:
        if request.param("is_deleted") == "true":
            if slo.deleted_at is None or slo.deleted_at + _KEPT_DELETED <= now:
                return False
        elif slo.deleted_at is not None:
            return False
        ids, name = request.param("ids"), request.param("query")
        tag, metrics = request.param("tags_query"), request.param("metrics_query")
        return (
            (not ids or slo.id in ids.split(","))
            and (not name or name.lower() in slo.doc["name"].lower())
            and (not tag or tag in slo.doc["tags"])
            and (not metrics or any(metrics in q for q in slo.doc.get("query", {}).values()))
        )

    def _create(self, request: SandboxRequest, now: int) -> Reply:
        slo = self._keep(_body(request), now, None, None, (), ())
        self.record(f"slos.create {slo.id}")
        return v1({"data": [slos.created(slo.doc)], "error": None})

    def _keep(
        self, body: object, created: int, model: SliModel | None, slo_id: str | None, refs: tuple[str, ...], alerts: tuple[int, ...]
    ) -> StoredSlo:
        slo_id = slo_id or self._new_uuid().replace("-", "")
        doc = slos.document(body, slo_id=slo_id, created_at=created, now=created)
        made = model or SliModel(seed=self._seed * 1000 + len(self._slos))
        slo = StoredSlo(doc=doc, model=evolve(made, by_time=doc["type"] != "metric"), referenced_by=refs, alert_ids=alerts)
        self._slos[slo.id] = slo
        return slo

    def _one_slo(self, method: str, request: SandboxRequest, slo_id: str, now: int) -> Reply:
        slo = self._find(slo_id)
        if method == "GET":
            extra = {"configured_alert_ids": list(slo.alert_ids)} if request.param("with_configured_alert_ids") == "true" else {}
            return v1({"data": slo.doc | extra, "error": None})
        if method == "PUT":
            body = _body(request)
            if isinstance(body, dict) and cast(Doc, body).get("type", slo.doc["type"]) != slo.doc["type"]:
                raise bad_request("Invalid payload: the type of an SLO cannot be changed")
            slo.doc = slos.document(body, slo_id=slo.id, created_at=slo.doc["created_at"], now=now)
            self.record(f"slos.update {slo.id}")
            return v1({"data": [slos.created(slo.doc)], "error": None})
        if method != "DELETE":
            return v1_error(404, "Not Found")
        if slo.referenced_by and request.param("force") != "true":
            # Seen by a user: errors is one text here, where the specification says a map.
            return v1({"errors": f"slo {slo.id} is referenced in {', '.join(slo.referenced_by)}", "data": None}, 409)
        slo.deleted_at = now
        self.record(f"slos.delete {slo.id}")
        return v1({"data": [slo.id], "error": None})

    def _find(self, slo_id: str) -> StoredSlo:
        slo = self._slos.get(slo_id)
        if slo is None or slo.deleted_at is not None:
            raise RefusedError(v1_error(404, f"SLO not found: {slo_id} not found"))
        return slo

    def _can_delete(self, request: SandboxRequest) -> Reply:
        ids = request.param("ids")
        if not ids:
            raise bad_request("Invalid payload: Required parameter 'ids' is missing")
        found = {i: self._slos.get(i) for i in ids.split(",")}
        used = {i: ", ".join(s.referenced_by) for i, s in found.items() if s is not None and s.referenced_by}
        free = [i for i in found if i not in used]
        # Recorded for the answer without conflict: denied_ids, and errors null. Unknown ids counting as free is a guess.
        return v1({"data": {"ok": free, "denied_ids": list(used)}, "errors": used or None}, 409 if used else 200)

    def _bulk_delete(self, request: SandboxRequest, now: int) -> Reply:
        body = _body(request)
        if not isinstance(body, dict) or not all(isinstance(v, list) for v in cast(Doc, body).values()):
            raise bad_request("Invalid payload: expected a map of SLO ids to timeframes")
        asked = cast(dict[str, list[str]], body)
        for timeframe in sorted({t for timeframes in asked.values() for t in timeframes}):
            if timeframe not in slos.TIMEFRAMES:
                raise bad_request(f"Invalid payload: '{timeframe}' is not a valid timeframe")
        deleted: list[str] = []
        updated: list[str] = []
        errors: list[Doc] = []
        for slo_id, timeframes in asked.items():
            slo = self._slos.get(slo_id)
            # The texts of these errors are guesses.
            if slo is None or slo.deleted_at is not None:
                errors.append({"id": slo_id, "message": f"SLO not found: {slo_id} not found", "timeframe": "all"})
                continue
            present = [t["timeframe"] for t in slo.doc["thresholds"]]
            if slo.referenced_by and set(present) <= set(timeframes):
                text = f"slo {slo_id} is referenced in {', '.join(slo.referenced_by)}"
                errors.append({"id": slo_id, "message": text, "timeframe": "all"})
                continue
            for timeframe in timeframes:
                if timeframe in present:
                    slo.drop(timeframe)
                else:
                    errors.append({"id": slo_id, "message": f"threshold {timeframe} not found", "timeframe": timeframe})
            if not slo.doc["thresholds"]:
                slo.deleted_at = now
                deleted.append(slo_id)
                self.record(f"slos.delete {slo_id}")
            elif set(timeframes) & set(present):
                updated.append(slo_id)
                self.record(f"slos.update {slo_id}")
        return v1({"data": {"deleted": deleted, "updated": updated}, "errors": errors})

    def _search(self, request: SandboxRequest, now: int) -> Reply:
        query = request.param("query") or ""
        size, number = _number(request, "page[size]", 10), _number(request, "page[number]", 0)
        seen = [s for s in self._slos.values() if s.deleted_at is None and s.doc["modified_at"] + self._search_lag <= now]
        found = [s for s in seen if matches(query, s.doc)]
        facets = request.param("include_facets") == "true"
        return v1(search.answer(query, found, number=number, size=size, facets=facets, now=now))

    # The SLI.

    def _spans(self, slo: StoredSlo, window: Span, *, corrected: bool) -> list[Span]:
        """The window without what corrections take out of it."""
        spans = [window]
        for correction in self._corrections.values() if corrected else ():
            if correction.covers(slo):
                for hole in correction.spans(window):
                    spans = list(subtract(spans, hole))
        return spans

    def _history(self, request: SandboxRequest, slo: StoredSlo) -> Reply:
        window = _window(request)
        if slo.model.refuses is not None:
            return v1_error(400, slo.model.refuses)
        target = _target(request)
        corrected = request.param("apply_correction") != "false"
        spans = self._spans(slo, window, corrected=corrected)
        applied = [c.doc for c in self._corrections.values() if corrected and c.covers(slo) and any(c.spans(window))]
        words = not self._numeric_no_data
        return v1({"data": history.history_data(slo, window, spans, applied, target, words=words), "errors": None})

    def _status(self, request: SandboxRequest, slo_id: str) -> Reply:
        slo = self._slos.get(slo_id)
        if slo is None or slo.deleted_at is not None:
            return v2_error(404, "Not Found", f"SLO not found: {slo_id}")
        try:
            window = _window(request)
        except RefusedError:
            return v2_error(400, "Invalid Argument", "from_ts and to_ts are required, from_ts before to_ts")
        if slo.model.refuses is not None:
            return v2_error(400, "Invalid Argument", slo.model.refuses)
        spans = self._spans(slo, window, corrected=request.param("disable_corrections") != "true")
        return v2({"data": history.status_data(slo, spans)})

    # Corrections.

    def _list_corrections(self, request: SandboxRequest) -> Reply:
        limit, offset = _number(request, "limit", 25), _number(request, "offset", 0)
        page = [c.doc for c in self._corrections.values()][offset : offset + limit]
        counts = {"total_count": len(self._corrections), "total_filtered_count": len(page)}
        return v1({"data": page, "meta": {"page": counts}})

    def _corrections_of(self, request: SandboxRequest, slo: StoredSlo) -> Reply:
        """Ten at a time unless asked otherwise, by parameters that only the links name."""
        limit, offset = _number(request, "page[limit]", 10), _number(request, "page[offset]", 0)
        found = [c.doc for c in self._corrections.values() if c.covers(slo)]
        last = max(0, (len(found) - 1) // limit * limit)
        pagination = {
            "offset": offset,
            "first_offset": 0,
            "prev_offset": max(0, offset - limit),
            "next_offset": offset + limit,
            "last_offset": last,
            "limit": limit,
            "type": "offset_limit",
            "total": len(found),
        }
        at = f"https://api.datadoghq.com/api/v1/slo/{slo.id}/corrections"
        links: Doc = {
            "self": at,
            "last": None,
            "next": f"{at}?page[offset]={offset + limit}&page[limit]={limit}",
            "prev": f"{at}?page[offset]={max(0, offset - limit)}&page[limit]={limit}" if offset else None,
            "first": f"{at}?page[offset]=0&page[limit]={limit}",
        }
        return v1({"data": found[offset : offset + limit], "meta": {"pagination": pagination}, "links": links})

    def _create_correction(self, request: SandboxRequest, now: int) -> Reply:
        given = corrections.attributes(_body(request), creating=True)
        slo = self._slos.get(str(given.get("slo_id")))
        if "slo_id" in given and (slo is None or slo.deleted_at is not None):
            return v1_error(404, "SLO Not Found")
        kept = self._keep_correction(given, now)
        self.record(f"corrections.create {kept.id}")
        # Recorded: the times are null in this answer and there on the next read.
        return v1({"data": {**kept.doc, "attributes": {**kept.attributes, "created_at": None, "modified_at": None}}})

    def _keep_correction(self, given: Doc, now: int) -> StoredCorrection:
        kept = corrections.stored(given, self._new_uuid())
        kept.attributes |= {"created_at": now, "modified_at": now}
        self._corrections[kept.id] = kept
        return kept

    def _one_correction(self, method: str, request: SandboxRequest, correction_id: str, now: int) -> Reply:
        correction = self._corrections.get(correction_id)
        if correction is None:
            return v1_error(404, f"SLO Correction not found: {correction_id}")
        if method == "PATCH":
            corrections.update(correction, corrections.attributes(_body(request), creating=False), now)
            self.record(f"corrections.update {correction_id}")
        elif method == "DELETE":
            del self._corrections[correction_id]
            self.record(f"corrections.delete {correction_id}")
            # Recorded: a 204 that names a content type.
            return empty(204, {"content-type": "text/html; charset=utf-8"})
        elif method != "GET":
            return v1_error(404, "Not Found")
        return v1({"data": correction.doc})

    # Reports.

    def _check_reports(self, now: int) -> None:
        since, status = self._reports_end
        if since is not None and now >= since:
            # Nobody has seen the answer after the sunset; the statuses are those that HTTP offers for it.
            titles = {403: "Forbidden", 404: "Not Found", 410: "Gone"}
            raise RefusedError(v2_error(status, titles[status], "This endpoint is no longer available"))

    def _create_report(self, request: SandboxRequest, now: int) -> Reply:
        self._check_reports(now)
        plan = self._plans[0] if self._plans else self._plan
        job = reports.job_of(_body(request), report_id=self._new_uuid(), now=now, plan=plan)
        del self._plans[:1]
        self._jobs[job.id] = job
        self.record(f"reports.create {job.id}")
        return v2({"data": {"id": job.id, "type": "report_id"}})

    def _read_report(self, report_id: str, what: str, now: int) -> Reply:
        self._check_reports(now)
        if not _ID.fullmatch(report_id):
            # Recorded: this strange title.
            return v2_error(400, "Request Timeout", f"invalid report ID: {report_id}")
        job = self._jobs.get(report_id)
        status = None if job is None else job.status(now)
        # What a download answers before the end, or after a failure, was never recorded.
        if job is None or status is None or (what == "download" and status not in ("completed", "completed_with_errors")):
            return v2_error(404, "Not Found", f"report ID not found: {report_id}")
        if what == "status":
            return v2({"data": {"id": job.id, "type": "report_id", "attributes": {"status": status}}})
        return csv(job.plan.csv if job.plan.csv is not None else self._report_csv(job))

    def _report_csv(self, job: Job) -> str:
        found = [s for s in self._slos.values() if s.deleted_at is None and matches(job.query, s.doc)][: reports.ROWS_AT_MOST]
        intervals = reports.columns(job)
        cells = {s.id: [self._cell(s, (i.from_ts, i.to_ts)) for i in intervals] for s in found}
        return reports.csv_text(job, found, cells)

    def _cell(self, slo: StoredSlo, window: Span) -> float | None:
        # Documented: an export has no values for monitor SLOs.
        if slo.doc["type"] == "monitor" or slo.model.refuses is not None:
            return None
        return slo.model.sli(self._spans(slo, window, corrected=True))

    def _new_uuid(self) -> str:
        self._count += 1
        return str(uuid.uuid5(uuid.UUID(int=self._seed), str(self._count)))


def _body(request: SandboxRequest) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        raise bad_request("Invalid payload: not JSON") from None


def _number(request: SandboxRequest, name: str, default: int) -> int:
    text = request.param(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or (int(text) == 0 and default > 0):
        raise bad_request(f"Invalid query parameter: '{name}'")
    return int(text)


def _window(request: SandboxRequest) -> tuple[int, int]:
    bounds = [request.param(name) or "" for name in ("from_ts", "to_ts")]
    if not all(b.isascii() and b.isdigit() for b in bounds) or int(bounds[0]) >= int(bounds[1]):
        raise bad_request("Invalid query parameter: 'from_ts' and 'to_ts' are required, 'from_ts' before 'to_ts'")
    return int(bounds[0]), int(bounds[1])


def _target(request: SandboxRequest) -> float | None:
    text = request.param("target")
    if text is None:
        return None
    try:
        target = float(text)
    except ValueError:
        target = 0.0
    if not 0 < target < 100:
        raise bad_request("Invalid query parameter: 'target' must be greater than 0 and less than 100")
    return target
