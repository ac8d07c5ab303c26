"""A desk over memory twins: patients, INSi, the PACS's queue, and executions that run when told."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.adapters.agenda.memory import MemoryExamStore, MemoryRows
from ris.adapters.breaker import MemoryBreakerStore
from ris.adapters.dispatch.memory import MemoryDeliveryStore, MemoryHl7Gate
from ris.adapters.identity.hl7_identity import Hl7IdentityWriter
from ris.adapters.identity.memory import MemoryPatientStore
from ris.adapters.identity.memory_insi import MemoryIdentityWorkflows, MemoryInsi
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.breaker import RemoteBreakers
from ris.application.dispatch.record_outcome import OutcomeServices, record_outcome
from ris.application.dispatch.send_hl7 import send_hl7
from ris.application.dispatch.send_identity import IdentitySending
from ris.application.dispatch.services import DispatchServices
from ris.application.identity.apply_identity_event import AppliedEvent, QueryOutcome, apply_identity_event
from ris.application.identity.ports import IdentityStore
from ris.application.identity.query_insi import query_insi
from ris.application.identity.record_identity_event import ask_insi, record_identity_event
from ris.application.identity.services import ApplyServices, IdentitySettings, QueryServices, RecordServices
from ris.domain.errors import GROUPS, RisError
from ris.domain.identity.events import DocumentRecorded, IdentityEvent, InsiAccepted
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.insi import InsiFound
from ris.domain.identity.patient import Identifier, Patient, Traits
from tests.support.agenda import AUTHORITY, GROUP

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
ZOE_INS = Ins("275126322074974", OID_NIR_TEST)
ZOE = InsiFound(ZOE_INS, "ADRUN", "ZOE", "ZOE", "F", "1975-12-31", "63220")


def zoe(**changes: object) -> Patient:
    """Return ADRUN ZOE as the desk typed her: without a birth place, at site nord."""
    traits = Traits("ADRUN", "ZOE", birth_date=date(1975, 12, 31), birth_date_text="19751231", sex="F")
    known = Patient("p-1", traits, (Identifier("IPP-1", AUTHORITY, "PI"),), sites=frozenset({"nord"}))
    return replace(known, **changes)  # type: ignore[arg-type]


@dataclass
class Desk:
    """Identity qualification over memory twins; `run` does what the machine does for what was started."""

    patients: IdentityStore = field(default_factory=MemoryPatientStore)
    insi: MemoryInsi = field(default_factory=lambda: MemoryInsi(people=[ZOE]))
    gate: MemoryHl7Gate = field(default_factory=MemoryHl7Gate)
    deliveries: MemoryDeliveryStore = field(default_factory=MemoryDeliveryStore)
    workflows: MemoryIdentityWorkflows = field(default_factory=MemoryIdentityWorkflows)
    breakers: MemoryBreakerStore = field(default_factory=MemoryBreakerStore)
    settings: IdentitySettings = field(default_factory=IdentitySettings)
    now: datetime = NOW

    def __post_init__(self) -> None:
        book, self.exams = MemoryReferenceBook(GROUP), MemoryExamStore(MemoryRows())
        self.record = RecordServices(self.patients, self.workflows, self.settings)
        self.query = QueryServices(self.patients, book, self.insi, RemoteBreakers(self.breakers), self.settings)
        self.applying = ApplyServices(self.patients, book, self.deliveries, self.exams, self.settings)
        sending = IdentitySending(self.deliveries, self.patients, self.patients, book, self.gate, Hl7IdentityWriter())
        self.sending = DispatchServices(self.deliveries, self.exams, self.patients, book, self.gate, Hl7OrderWriter(), sending)
        self._ids, self._done = itertools.count(1), 0

    def patient(self, patient_id: str = "p-1") -> Patient:
        """Return one patient, who must be there."""
        found = self.patients.get(patient_id)
        assert found is not None
        return found

    def later(self, **pause: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**pause)
        return self.now

    def ask(self, *, by_person: bool = True) -> AppliedEvent:
        """Ask INSi and run the execution."""
        ask_insi(self.record, "p-1", site="nord", by="acc", event_id=f"q{next(self._ids)}", now=self.now, by_person=by_person)
        return self.run()[-1]

    def say(self, event: IdentityEvent, *, may_correct: bool = False) -> AppliedEvent:
        """Record an event and run its execution."""
        record_identity_event(self.record, "p-1", event, event_id=f"e{next(self._ids)}", may_correct=may_correct)
        return self.run()[-1]

    def document(self, code: str = "CN") -> AppliedEvent:
        """Record a document."""
        return self.say(DocumentRecorded(at=self.now, by="acc", site="nord", code=code))

    def accept(self) -> AppliedEvent:
        """Accept the answer that waits."""
        record = self.patient().insi
        assert record is not None
        return self.say(InsiAccepted(at=self.now, by="acc", site="nord", asked_at=record.asked_at))

    def qualify(self) -> Patient:
        """Make ADRUN ZOE qualified."""
        if self.patients.get("p-1") is None:
            self.patients.save(zoe())
        self.ask()
        self.document()
        return self.patient()

    def run(self) -> list[AppliedEvent]:
        """Run every execution started since, as the state machine does."""
        started, self._done = self.workflows.started[self._done :], len(self.workflows.started)
        return [self._execute(event.patient_id, event.event_id, query=event.is_query) for event in started]

    def _execute(self, patient_id: str, event_id: str, *, query: bool) -> AppliedEvent:
        outcome = None
        if query:
            try:
                outcome = QueryOutcome(query_insi(self.query, patient_id, event_id, self.now).answer_id)
            except RisError as error:
                outcome = QueryOutcome(error=group_of(error), code=error.code)
        done = apply_identity_event(self.applying, patient_id, event_id, self.now, outcome)
        for row in done.deliveries:
            try:
                send_hl7(self.sending, row.owner, row.channel, row.recipient, self.now)
            except RisError as error:
                record_outcome(
                    OutcomeServices(self.deliveries, self.exams),
                    row.owner,
                    row.channel,
                    row.recipient,
                    group_of(error),
                    error.code,
                    self.now,
                )
        return done

    def sent(self) -> list[str]:
        """Return the messages the PACS's queue got, decoded."""
        return [each.frame.decode() for each in self.gate.sent]


def group_of(error: RisError) -> str:
    """Return the name a task lets out."""
    return next(group.__name__ for group in GROUPS if isinstance(error, group))


def triggers(messages: list[str]) -> list[str]:
    """Return MSH-9.2 of each."""
    return [message.split("|")[8].split("^")[1] for message in messages]


def segment_of(message: str, name: str) -> list[str]:
    """Return the fields of one segment, `fields[3]` being field 3; empty when it is not there."""
    return next((line.split("|") for line in message.split("\r") if line.startswith(name + "|")), [])
