"""A scripted DMP over its port, and a group that dispatches to it: memory twins, the real state machine, a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ris.adapters.breaker import MemoryBreakerStore
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.application.dispatch.check_dmp import check_dmp
from ris.application.dispatch.dmp_breaker import KnownOutages, StoredBreaker
from ris.application.dispatch.dmp_port import FrozenVersion, RecordState, Rows, SignedVersion
from ris.application.dispatch.reconcile_with_dmp import reconcile_with_dmp
from ris.application.dispatch.record_outcome import OutcomeServices, record_outcome
from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.send_to_dmp import send_to_dmp
from ris.application.dispatch.services import DmpServices, RestartServices
from ris.domain.agenda.exam import Appointment, Exam, ExamState
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp import CHANNEL, RECIPIENT, planned_dmp
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable, RisError
from ris.domain.identity.ins import Ins
from ris.domain.identity.patient import IdentityStatus, Patient, Traits
from ris.domain.report import succession
from ris.domain.report.frozen import FrozenReport
from tests.support.asl import Failure, Steps, execution
from tests.support.frozen_reports import a_frozen_report
from tests.support.stacks import ROOT

START = datetime(2026, 11, 26, 9, 16, tzinfo=UTC)
ACCESSION = "26000000001"
ENTITY = "990000025"
MACHINE = json.loads((ROOT / "statemachines" / "report_dispatch.asl.json").read_text("utf-8"))
GROUPS = ("InvalidInput", "Refused", "NotAllowed", "RemoteRejected", "RemoteUnavailable", "OutcomeUnknown")


class Killed(Exception):
    """The function's process died here."""


@dataclass
class ScriptedDmp:
    """The DMP: strict about uniqueIds, and told what goes wrong with each call.

    Args:
        script: One word per call, the last ones `ok`: `unavailable`, `busy`, `killed` (before anything left), `cut` (arrived, not
            stored), `lost` (stored, no answer), `died` (stored, our function killed), or a code to refuse with.
        state: What TD0.2 says.
        submissions: uniqueIds as they arrived; `documents` what is stored.
        during: Called in the middle of a submission, before its end.
    """

    script: list[str] = field(default_factory=list)
    state: RecordState = field(default_factory=lambda: RecordState("open"))
    structure_of: dict[str, str] = field(default_factory=lambda: {ENTITY: "1990000017"})
    submissions: list[str] = field(default_factory=list)
    documents: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    deletions: list[tuple[str, datetime]] = field(default_factory=list)
    during: list[Callable[[], None]] = field(default_factory=list)

    def record(self, legal_entity: str) -> ScriptedDmp:
        return self

    def structure(self, legal_entity: str) -> str:
        return self.structure_of[legal_entity]

    def existence(self, report: FrozenReport, ins: Ins, *, now: datetime) -> RecordState:
        self.asked.append("td0.2")
        self._question()
        return self.state

    def entry_uuid(self, report: FrozenReport, document_id: str, *, now: datetime) -> str:
        self.asked.append("td3.1b")
        self._question()
        return f"urn:uuid:{document_id}" if document_id in self.documents else ""

    def submit(self, version: SignedVersion, *, replaced_entry_uuid: str, now: datetime) -> None:
        word = self.script.pop(0) if self.script else "ok"
        self._before(word)
        name = version.report.document_id
        self.submissions.append(name)
        for hook in [self.during.pop()] if self.during else []:
            hook()
        if word == "cut":
            raise OutcomeUnknown("dmp_answer_lost", detail="cut")
        there = self.documents.get(name)
        if there is None:
            self.documents[name] = (version.cda, version.signature)
            self.replaced[name] = replaced_entry_uuid
        if word in ("lost", "died"):
            raise OutcomeUnknown("dmp_answer_lost", detail="after storing") if word == "lost" else Killed()
        if there is not None and there == (version.cda, version.signature):
            raise OutcomeUnknown("XDSDuplicateUniqueIdInRegistry")
        if there is not None:
            raise RemoteRejected("XDSNonIdenticalHash", detail="other bytes")

    def delete(self, report: FrozenReport, entry_uuid: str, *, requested_at: datetime, now: datetime) -> None:
        word = self.script.pop(0) if self.script else "ok"
        self._before(word)
        self.deletions.append((entry_uuid.removeprefix("urn:uuid:"), requested_at))
        if word == "cut":
            raise OutcomeUnknown("dmp_answer_lost", detail="cut")
        self.documents.pop(entry_uuid.removeprefix("urn:uuid:"), None)
        if word in ("lost", "died"):
            raise OutcomeUnknown("dmp_answer_lost", detail="after deleting") if word == "lost" else Killed()

    def _question(self) -> None:
        word = self.script.pop(0) if self.script else "ok"
        self._before("ok" if word in ("cut", "lost") else "killed" if word == "died" else word)

    def _before(self, word: str) -> None:
        if word == "killed":
            raise Killed
        if word == "unavailable":
            raise RemoteUnavailable("dmp_503")
        if word == "busy":
            raise RemoteUnavailable("XDSRepositoryBusy")
        if word not in ("ok", "cut", "lost", "died"):
            raise RemoteRejected(word, detail=f"ZOE ADRUN 275126322074974 {word}")


@dataclass
class Versions:
    """The versions of one exam's report."""

    reports: dict[int, FrozenReport] = field(default_factory=dict)
    entity: str = ENTITY
    signed_too: bool = True
    bytes_of: dict[int, bytes] = field(default_factory=dict)

    def frozen(self, accession_number: str, version: int) -> FrozenVersion | None:
        report = self.reports.get(version)
        return FrozenVersion(report, self.entity) if report else None

    def signed(self, accession_number: str, version: int) -> SignedVersion | None:
        report = self.reports.get(version)
        if report is None or not self.signed_too:
            return None
        return SignedVersion(report, self.bytes_of.get(version, f"<cda v='{version}'/>".encode()), b"<signature/>")


class FaultyDeliveries(MemoryDeliveryStore):
    """Rows whose writes fail as told: `unavailable`, `killed` before the write, `died` after it."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[str] = []
        self.history: list[Delivery] = []

    def save(self, delivery: Delivery) -> Delivery:
        word = self.script.pop(0) if self.script else "ok"
        if word == "unavailable":
            raise RemoteUnavailable("cloud_unavailable")
        if word == "killed":
            raise Killed
        written = super().save(delivery)
        self.history.append(written)
        if word == "died":
            raise Killed
        return written


@dataclass
class Starts:
    """Names of started executions; a name is started once."""

    names: list[str] = field(default_factory=list)
    unavailable: bool = False
    _known: set[str] = field(default_factory=set)

    def start_dispatch(self, accession_number: str, version: int, attempt: int, rows: Rows = ((CHANNEL, RECIPIENT),)) -> None:
        if self.unavailable:
            raise RemoteUnavailable("workflows_unavailable")
        name = "-".join(("dispatch", accession_number, str(version), str(attempt), *(rows[0] if attempt > 1 else ())))
        if name not in self._known:
            self._known.add(name)
            self.names.append(name)


class Exams:
    """One exam, and the order it answers, if any."""

    def __init__(self) -> None:
        self.order: ImagingRequest | None = None
        appointment = Appointment("nord", "2026-11-26", START, START, "scanner", "ct1", ("scanner", "ct1"))
        self.exam = Exam(ACCESSION, "2.25.3", "nord", "p-1", "", "ZBQK001", "Scanner du thorax", appointment, ExamState.COMPLETED)

    def get(self, accession_number: str) -> Exam | None:
        return self.exam if accession_number == ACCESSION else None

    def get_request(self, request_id: str) -> ImagingRequest | None:
        return self.order if self.order and self.order.request_id == request_id else None


class Patients:
    """One patient, qualified as the frozen report says."""

    def __init__(self) -> None:
        identity = a_frozen_report().identity
        assert identity is not None
        self.patient = Patient(
            "p-1", Traits("ADRUN", "ZOE"), status=IdentityStatus.QUALIFIEE, ins=identity.ins, strict=identity.traits
        )

    def get(self, patient_id: str) -> Patient | None:
        return self.patient if patient_id == "p-1" else None


@dataclass
class World:
    """Everything a dispatch to the DMP touches."""

    dmp: ScriptedDmp = field(default_factory=ScriptedDmp)
    versions: Versions = field(default_factory=Versions)
    deliveries: FaultyDeliveries = field(default_factory=FaultyDeliveries)
    starts: Starts = field(default_factory=Starts)
    exams: Exams = field(default_factory=Exams)
    patients: Patients = field(default_factory=Patients)
    breakers: MemoryBreakerStore = field(default_factory=MemoryBreakerStore)
    now: datetime = START
    visited: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s = DmpServices(
            deliveries=self.deliveries,
            exams=self.exams,
            patients=self.patients,
            versions=self.versions,
            dmp=self.dmp,
            breaker=StoredBreaker(self.breakers),
            clock=lambda: self.now,
        )
        self.restarts = RestartServices(self.deliveries, self.starts, KnownOutages(self.breakers))

    def plan(self, version: int = 1, *, qualified: bool = True, **changes: Any) -> Delivery:
        """Freeze a version and plan its row, as the signing machine does, and start its execution."""
        document = f"2.25.{200 + version}"
        before = self.versions.reports.get(version - 1)
        self.versions.reports[version] = a_frozen_report(
            version=version, document_id=document, replaces=before.document_id if before else "", **changes
        )
        row = self.deliveries.save(planned_dmp(ACCESSION, "nord", version, document, self.now, qualified=qualified))
        self.starts.start_dispatch(ACCESSION, version, 1)
        return row

    def delete(self, version: int = 2) -> Delivery:
        """Freeze the deletion of what was planned before, as the signing machine does, and start its execution."""
        rows = self.deliveries.of_owner(ACCESSION)
        self.versions.reports[version] = self.versions.reports[version - 1]
        after = succession.delete(rows, "nord", version, self.now)
        for row in (*after.rows, *after.earlier):
            self.deliveries.save(row)
        if after.rows:
            self.starts.start_dispatch(ACCESSION, version, 1)
        return self.row(version) if after.rows else self.row(version - 1)

    def row(self, version: int = 1) -> Delivery:
        found = self.deliveries.get(ACCESSION, CHANNEL, RECIPIENT, version)
        assert found is not None
        return found

    def force(self, **changes: Any) -> Delivery:
        """Put the row into any state, as something else may have left it."""
        return self.deliveries.save(replace(self.row(), **changes))

    def steps(self, version: int = 1) -> Steps:
        """One execution of the machine, task by task."""
        rows = [{"channel": CHANNEL, "recipient": RECIPIENT}]
        return execution(MACHINE, self._task, {"accession_number": ACCESSION, "version": version, "rows": rows}, self._waited)

    def run(self, version: int = 1) -> list[str]:
        """Run one execution to its end and return the tasks it ran."""
        ran = list(self.steps(version))
        self.visited += ran
        return ran

    def sweep(self) -> list[str]:
        """Start what is due, as the sweep does, and run it; a start that fails leaves its row due."""
        before = len(self.starts.names)
        for row in self.deliveries.due("nord", now=self.now, limit=100):
            try:
                restart_dispatch(self.restarts, row, self.now)
            except (RemoteUnavailable, Killed):
                continue
        ran = []
        for name in self.starts.names[before:]:
            ran += self.run(int(name.split("-")[2]))
        return ran

    def settle(self, version: int = 1, *, days: int = 3) -> Delivery:
        """Let time pass from due row to due row until nothing is waited for, or the days are over."""
        end = self.now + timedelta(days=days)
        while (due := self.row(version).due_at) is not None and due <= end:
            self.now = max(self.now, due)
            self.sweep()
        return self.row(version)

    def _waited(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def _task(self, state: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def run(payload: dict[str, Any]) -> dict[str, Any]:
            self.now += timedelta(milliseconds=200)
            try:
                return self._called(state, payload)
            except RisError as error:
                cause = json.dumps({"code": error.code, "field": error.field, "detail": error.detail})
                raise Failure(
                    next(group for group in GROUPS if group == type(error).__name__), json.dumps({"errorMessage": cause})
                ) from None
            except Killed:
                raise Failure("Lambda.Unknown", "{}") from None

        return run

    def _called(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        accession, version = payload["accession_number"], payload["version"]
        match state:
            case "CheckDmp":
                step = check_dmp(self.s, accession, version, self.now)
                return {"next": step.next, "state": step.row.state.value}
            case "SendToDmp":
                return {"state": send_to_dmp(self.s, accession, version, self.now).state.value}
            case "ReconcileWithDmp":
                return {"state": reconcile_with_dmp(self.s, accession, version, self.now).state.value}
            case _:
                cause = json.loads(json.loads(payload["cause"]).get("errorMessage", "{}"))
                services = OutcomeServices(self.deliveries, self.exams)
                row = record_outcome(
                    services, accession, payload["channel"], payload["recipient"], payload["error"], cause.get("code", ""), self.now,
                    report_version=version,
                )  # fmt: skip
                return {"state": row.state.value}
