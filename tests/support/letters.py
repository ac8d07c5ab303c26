"""A group that sends a report by every channel: memory twins, a scripted operator and gateway, the real state machine, its own clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.adapters.agenda.ledger import MemoryMessageLedger
from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.dispatch.hl7_report_writer import Hl7ReportWriter
from ris.adapters.dispatch.mss.places import MemoryMailboxPlaces
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.dispatch.apply_acknowledgement import Acknowledgement, AcknowledgementServices, apply_acknowledgement
from ris.application.dispatch.dmp_breaker import StoredBreaker
from ris.application.dispatch.mail_port import (
    Arrived,
    DirectoryMailbox,
    Letter,
    Mailbox,
    Outgoing,
    Receipt,
    ReportDocuments,
)
from ris.application.dispatch.mail_rows import MailServices
from ris.application.dispatch.reconcile_mail import MailboxRead, MailboxServices, reconcile_mail
from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.send_hl7 import send_hl7
from ris.application.dispatch.send_mail import send_mail
from ris.application.dispatch.send_report_hl7 import ReportSending
from ris.application.dispatch.services import DispatchServices
from ris.application.reference import Correspondent, ReferenceData, Site
from ris.domain.dispatch.delivery import Delivery, DeliveryState, Origin
from ris.domain.dispatch.mail import MailRules
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable, RisError
from ris.domain.report.frozen import Professional
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import PlanFacts, planned_rows
from tests.support.asl import Steps, execution
from tests.support.dmp import ACCESSION, MACHINE, Killed, World
from tests.support.frozen_reports import a_frozen_report

REQUESTER, COPY = "89990005678", "89990009999"
ADDRESS = {REQUESTER: "luc.exemple@medecin.mssante.example", COPY: "anne.copie@medecin.mssante.example"}
MAILBOX = Mailbox("ris@nord.mssante.example", "Imagerie du Nord", "secretariat@nord.mssante.example", "NIL-1")
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("00:00", "24:00"))


def a_site(**changes: Any) -> Site:
    site = Site("nord", "Nord", "990000017", "990000025", "Europe/Paris", ALWAYS, "1.2.250.1.99999.1", "RISMWL", ("HIS", "PACS"))
    return replace(site, **changes)


@dataclass
class ScriptedOperator:
    """The operator over its port.

    Args:
        script: One word per submission, then `ok`: `unavailable`, `busy` (451), `killed` (before), `cut` (before the final dot), `lost`
            (taken, no answer), `died` (taken, our function killed), or a code to refuse with.
        taken: What it took, in order.
        mailboxes: Of sites that have one of their own: an address, or why there is none now.
    """

    script: list[str] = field(default_factory=list)
    taken: list[Outgoing] = field(default_factory=list)
    mailboxes: dict[str, str | RisError] = field(default_factory=dict)
    reply_to: str = MAILBOX.reply_to
    words: str = "5.1.1 no such user ADRUN"

    def mailbox(self, site: str) -> Mailbox:
        given = self.mailboxes.get(site, MAILBOX.address)
        if isinstance(given, RisError):
            raise given
        return replace(MAILBOX, address=given, reply_to=self.reply_to)

    def submit(self, site: str, mail: Outgoing) -> None:
        word = self.script.pop(0) if self.script else "ok"
        if word == "killed":
            raise Killed
        if word in ("unavailable", "cut"):
            raise RemoteUnavailable("mss_unreachable")
        if word == "busy":
            raise RemoteUnavailable("mss_busy", field="451", detail="4.3.2 try later")
        if word not in ("ok", "lost", "died"):
            raise RemoteRejected(word, field="550", detail=self.words)
        self.taken.append(mail)
        if word == "lost":
            raise OutcomeUnknown("mss_answer_lost")
        if word == "died":
            raise Killed


class PlainWriter:
    """A mail that is only as long as a test wants."""

    def __init__(self) -> None:
        self.size = 1000
        self.letters: list[Letter] = []

    def write(self, documents: ReportDocuments, letter: Letter, mailbox: Mailbox, *, sent_at: datetime) -> bytes:
        self.letters.append(letter)
        return letter.number.encode() + b"x" * (self.size - 32)


@dataclass
class ScriptedGate:
    """The queue of the site's gateway: `unavailable`, `killed`, `lost` (queued, unknown), `died` (queued, killed), `ok`."""

    script: list[str] = field(default_factory=list)
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)

    def send(self, *, site: str, destination: str, message_id: str, frame: bytes, owner: str, attempt: int) -> None:
        word = self.script.pop(0) if self.script else "ok"
        if word == "unavailable":
            raise RemoteUnavailable("cloud_unavailable")
        if word == "killed":
            raise Killed
        self.sent.append((destination, message_id, frame))
        if word == "lost":
            raise OutcomeUnknown("cloud_unavailable")
        if word == "died":
            raise Killed


@dataclass
class Inbox:
    """A mailbox of receipts: each mail is the JSON of what its reader shall find there."""

    mails: dict[int, bytes] = field(default_factory=dict)
    uid_validity: int = 7
    first: int = 10_000
    fetched: list[tuple[int, bool]] = field(default_factory=list)
    unavailable_at: int = 0
    opened: list[str] = field(default_factory=list)
    closed_to: frozenset[str] = frozenset()

    def open(self, site: str) -> Inbox:
        self.opened.append(site)
        if site in self.closed_to:
            raise RemoteRejected("mss_login_refused")
        return self

    def add(self, *receipts: Receipt) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = json.dumps([vars(one) for one in receipts]).encode()
        return uid

    def uids_after(self, uid: int) -> list[int]:
        # RFC 3501: n:* always has the last one.
        return sorted({one for one in self.mails if one > uid} | ({max(self.mails)} if self.mails else set()))

    def fetch(self, uid: int, *, whole: bool = False) -> Arrived | None:
        if uid == self.unavailable_at:
            self.unavailable_at = 0
            raise RemoteUnavailable("mss_unreachable")
        self.fetched.append((uid, whole))
        content = self.mails.get(uid)
        if content is None:
            return None
        return Arrived(uid, len(content), content if whole else content[: self.first])

    def close(self) -> None: ...


class JsonReader:
    """Reads what `Inbox.add` wrote."""

    def read(self, content: bytes) -> list[Receipt]:
        try:
            return [Receipt(**one) for one in json.loads(content)]
        except ValueError:
            return [Receipt("other")]


class StoredReports:
    """Signed versions of the world, with their files."""

    def __init__(self, world: Letters) -> None:
        self.world = world

    def with_files(self, accession_number: str, version: int, *names: str) -> ReportDocuments | None:
        report = self.world.versions.reports.get(version)
        if report is None or not self.world.versions.signed_too:
            return None
        marks, reason = self.world.made.get(version, (Marks(), Reason.VALIDATION))
        cda = self.world.versions.bytes_of.get(version, f"<cda v='{version}'/>".encode())
        return ReportDocuments(report, reason, marks, dict.fromkeys(names, cda))


@dataclass
class Letters(World):
    """Everything a dispatch by all channels touches."""

    operator: ScriptedOperator = field(default_factory=ScriptedOperator)
    gate: ScriptedGate = field(default_factory=ScriptedGate)
    inbox: Inbox = field(default_factory=Inbox)
    writer: PlainWriter = field(default_factory=PlainWriter)
    ledger: MemoryMessageLedger = field(default_factory=MemoryMessageLedger)
    rules: MailRules = field(default_factory=MailRules)
    site: Site = field(default_factory=a_site)
    directory: MemoryDirectory = field(
        default_factory=lambda: MemoryDirectory(*(DirectoryMailbox(mail, "PER", rpps) for rpps, mail in ADDRESS.items()))
    )
    made: dict[int, tuple[Marks, Reason]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        book = MemoryReferenceBook(
            ReferenceData(
                sites=(self.site,),
                correspondents=(
                    Correspondent(REQUESTER, "EXEMPLE", "LUC"),
                    Correspondent(COPY, "COPIE", "ANNE", finess_geo="990000033"),
                ),
            )
        )
        reports = StoredReports(self)
        self.mail = MailServices(
            deliveries=self.deliveries, exams=self.exams, patients=self.patients, reports=reports, directory=self.directory,
            reference=book, writer=self.writer, operator=self.operator, breaker=StoredBreaker(self.breakers),
            clock=lambda: self.now, rules=self.rules,
        )  # fmt: skip
        self.hl7 = DispatchServices(
            deliveries=self.deliveries, exams=self.exams, patients=self.patients, sites=book, gate=self.gate, writer=Hl7OrderWriter(),
            reports=ReportSending(self.deliveries, self.exams, reports, self.directory, book, Hl7ReportWriter(), self.gate),
        )  # fmt: skip
        self.mailboxes = MailboxServices(
            self.deliveries, self.ledger, self.operator, self.inbox, JsonReader(), MemoryMailboxPlaces(), self.rules
        )

    def validate(self, version: int = 1, **facts: Any) -> tuple[Delivery, ...]:
        """Freeze a version with its whole plan, as the signing machine does."""
        document = f"2.25.{200 + version}"
        marks, reason = facts.get("marks", Marks()), facts.get("reason", Reason.VALIDATION)
        qualified = facts.pop("qualified", True)
        copies = tuple(Professional(rpps, "COPIE", "ANNE") for rpps in facts.get("professionals", ())[1:])
        report = a_frozen_report(version=version, document_id=document, visibility=marks.visibility, recipients=copies)
        self.versions.reports[version] = report if qualified else replace(report, identity=None)
        self.made[version] = (marks, reason)
        given = PlanFacts(
            owner=ACCESSION, site="nord", version=version, document_id=document, now=self.now, qualified=qualified,
            professionals=(REQUESTER,), destinations=self.site.gets_reports, who_sends=self.site.who_sends,
            origin=Origin("Europe/Paris", "990000025", "990000017", "89990001234", qualified=qualified),
        )  # fmt: skip
        rows = planned_rows(replace(given, **facts))
        return tuple(self.deliveries.save(row) for row in rows)

    def of(self, channel: str, recipient: str = "", version: int = 1) -> Delivery:
        """Return the row of a channel of a version."""
        (found,) = [
            row
            for row in self.deliveries.of_owner(ACCESSION)
            if row.channel == channel and recipient in ("", row.recipient) and row.report_version == version
        ]
        return found

    def begin(self, version: int = 1) -> Steps:
        """One execution for all pending rows of a version, as the signing machine starts it."""
        pending = [
            r for r in self.deliveries.of_owner(ACCESSION) if r.report_version == version and r.state is DeliveryState.PENDING
        ]
        return self.execution(version, *((row.channel, row.recipient) for row in pending))

    def execution(self, version: int, *rows: tuple[str, str]) -> Steps:
        named = [{"channel": channel, "recipient": recipient} for channel, recipient in rows]
        return execution(MACHINE, self._task, {"accession_number": ACCESSION, "version": version, "rows": named}, self._waited)

    def dispatch(self, version: int = 1) -> list[str]:
        """Run it to its end and return the tasks it ran."""
        return list(self.begin(version))

    def sweep_all(self) -> list[str]:
        """Start what is due, as the sweep does, and run it."""
        ran: list[str] = []
        for row in self.deliveries.due("nord", now=self.now, limit=100):
            before = len(self.starts.names)
            try:
                restart_dispatch(self.restarts, row, self.now)
            except (RemoteUnavailable, Killed):
                continue
            if len(self.starts.names) > before:
                ran += list(self.execution(row.report_version, (row.channel, row.recipient)))
        return ran

    def read_mailbox(self) -> MailboxRead:
        return reconcile_mail(self.mailboxes, "nord", self.now)

    def acknowledge(
        self, message_id: str, outcome: str = "AA", *, destination: str = "HIS", unknown: bool = False
    ) -> Delivery | None:
        """Let a peer's answer come back through the gateway."""
        lines = [
            f"MSH|^~\\&|{destination}|nord|RIS|nord|20261126||ACK|K1|P|2.6|||||FRA|UNICODE UTF-8",
            f"MSA|{outcome}|{message_id}",
        ]
        frame = b"" if outcome == "none" else "".join(line + "\r" for line in lines).encode()
        services = AcknowledgementServices(self.deliveries, self.ledger, Hl7OrderWriter())
        return apply_acknowledgement(
            services, Acknowledgement("nord", self.now, destination, message_id, outcome, unknown, frame), self.now
        )

    def settle_all(self, *, days: int = 10, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass from due row to due row until nothing is waited for, or the days are over."""
        end = self.now + timedelta(days=days)
        while True:
            each()
            due = [row.due_at for row in self.deliveries.of_owner(ACCESSION) if row.due_at is not None]
            if not due or min(due) > end:
                return
            self.now = max(self.now, min(due))
            self.sweep_all()

    def mails_to(self, recipient: str = REQUESTER) -> list[Outgoing]:
        """Return what the operator took for a professional."""
        return [mail for mail in self.operator.taken if mail.recipient == ADDRESS[recipient]]

    def incidents(self) -> list[str]:
        return [entry.reason for entry in self.ledger.parked("nord", limit=99)]

    def _called(self, state: str, payload: dict[str, Any]) -> dict[str, Any]:
        accession, version = payload["accession_number"], payload["version"]
        match state:
            case "SendMail":
                row = send_mail(self.mail, accession, payload["channel"], payload["recipient"], version, self.now)
            case "SendHl7Report":
                row = send_hl7(self.hl7, accession, payload["channel"], payload["recipient"], self.now, report_version=version)
            case _:
                return super()._called(state, payload)
        return {"state": row.state.value}
