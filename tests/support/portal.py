"""The portal over memory twins, and a browser that keeps cookies, follows redirections and reads forms."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from ris.adapters.access.certificate_register import MemoryCertificateRegister
from ris.adapters.access.chain_memory import MemoryAnchorKey, MemoryAnchorVault, MemorySealStore
from ris.adapters.access.memory import MemoryAuditTrail, MemorySessionStore
from ris.adapters.agenda.frames import MemoryFrames
from ris.adapters.agenda.gateways import MemoryGatewayBook
from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.adapters.agenda.ledger import MemoryMessageLedger
from ris.adapters.agenda.memory import MemoryOrders, MemoryRows, MemoryWorkflows, memory_services
from ris.adapters.breaker import MemoryBreakerStore
from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.dispatch.memory import MemoryDeliveryStore, MemoryStrangeAnswers
from ris.adapters.identity.memory import MemoryPatientStore
from ris.adapters.identity.memory_insi import MemoryIdentityWorkflows
from ris.adapters.reference.files import read_folder
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.adapters.report.frozen_json import FrozenJson
from ris.adapters.report.makers import CdaMaker, PdfMaker
from ris.adapters.report.memory import MemoryDocumentStore, MemoryReportStore, MemorySigningWorkflows
from ris.adapters.usage.memory import MemoryUsageFacts, MemoryUsageSummaries
from ris.application.access.chain_ports import ChainServices
from ris.application.access.ports import AccessServices
from ris.application.agenda.apply_hl7 import IntakeServices
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.publish_worklist import publish_worklist
from ris.application.dispatch.cockpit import CockpitServices
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.application.dispatch.services import RestartServices
from ris.application.identity.services import RecordServices
from ris.application.reference import ReferenceData
from ris.application.report.services import ReportServices
from ris.application.usage.ports import UsageServices
from ris.bootstrap.portal import PortalServices, PortalSettings
from ris.domain.access.session import PscSession, SessionLimits
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest, Prescriber
from ris.domain.identity.patient import Identifier, Patient, Traits
from ris.portal.app import Portal
from tests.support.access import TrustingProvider

NOW = datetime(2026, 11, 26, 8, 20, tzinfo=UTC)
"""A Thursday, 09:20 in Paris."""
TODAY = "2026-11-26"
ADDRESS = "https://ris.example"
SUFFIX = "test"
NORD = "1.2.250.1.99999.1"
MAILBOX = DirectoryMailbox("paul.lemarchand@demo.mssante.fr", "PER", rpps="99900012345")
"""Of who asks for exams."""


@cache
def reference() -> ReferenceData:
    """The demo group's reference data, as the demo loads it."""
    return read_folder(Path(__file__).parents[2] / "infra/local/demo/reference")


def tokens() -> Callable[[], str]:
    """Return a source of tokens of 43 characters, each new from its first characters on."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):08d}".ljust(43, "x")


class NoSigner:
    """The portal never signs."""

    def sign(self, *_values: Any, **_named: Any) -> bytes:
        """Refuse."""
        raise AssertionError("the portal signs nothing")


class Dispatches:
    """Executions as they were asked for."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int, int, tuple[tuple[str, str], ...]]] = []

    def start_dispatch(self, accession_number: str, version: int, attempt: int, rows: tuple[tuple[str, str], ...]) -> None:
        """Keep it."""
        self.started.append((accession_number, version, attempt, rows))


class NoOutage:
    """Every remote answers, as far as is known."""

    def until(self, remote: str, now: datetime) -> None:
        """Say so."""
        return


@dataclass
class PortalHouse:
    """Everything behind the portal of one test."""

    now: datetime = NOW
    provider: TrustingProvider = field(default_factory=TrustingProvider)
    directory: MemoryDirectory = field(default_factory=lambda: MemoryDirectory(MAILBOX))
    gateways: MemoryGatewayBook = field(default_factory=MemoryGatewayBook)
    sessions: MemorySessionStore = field(default_factory=MemorySessionStore)
    audit: MemoryAuditTrail = field(default_factory=MemoryAuditTrail)
    rows: MemoryRows = field(default_factory=MemoryRows)
    patients: MemoryPatientStore = field(default_factory=MemoryPatientStore)
    deliveries: MemoryDeliveryStore = field(default_factory=MemoryDeliveryStore)
    ledger: MemoryMessageLedger = field(default_factory=MemoryMessageLedger)
    workflows: MemoryWorkflows = field(default_factory=MemoryWorkflows)
    identity_workflows: MemoryIdentityWorkflows = field(default_factory=MemoryIdentityWorkflows)
    documents: MemoryDocumentStore = field(default_factory=MemoryDocumentStore)
    signing: MemorySigningWorkflows = field(default_factory=MemorySigningWorkflows)
    dispatches: Dispatches = field(default_factory=Dispatches)
    settings: PortalSettings = field(default_factory=lambda: PortalSettings(ADDRESS, SUFFIX))
    wrap: Callable[[PortalServices], PortalServices] = lambda services: services

    def __post_init__(self) -> None:
        self.reports = MemoryReportStore(self.deliveries)
        book = MemoryReferenceBook(reference())
        doors = {"group": self.provider, "psc": self.provider}
        access = AccessServices(self.sessions, book, self.audit, tokens(), doors, SessionLimits())
        agenda = memory_services(
            reference=book,
            patients=self.patients,
            deliveries=self.deliveries,
            messages=self.ledger,
            orders=MemoryOrders(),
            workflows=self.workflows,
            rows=self.rows,
        )
        intake = IntakeServices(
            ledger=self.ledger,
            frames=MemoryFrames(),
            reader=Hl7MessageReader(),
            patients=self.patients,
            requests=agenda.exams,
            reference=book,
            cancel_exam=lambda accession, reason, actor, now: cancel_exam(agenda, accession, reason, actor, now),
            new_patient_id=tokens(),
        )
        self.record = RecordServices(self.patients, self.identity_workflows)
        self.reporting = ReportServices(
            reports=self.reports,
            documents=self.documents,
            exams=agenda.exams,
            patients=self.patients,
            reference=book,
            directory=self.directory,
            accounts=book,
            deliveries=self.deliveries,
            workflows=self.signing,
            codec=FrozenJson(),
            renderer=PdfMaker(),
            builder=CdaMaker(),
            signer=NoSigner(),
        )
        self.chain = ChainServices(self.audit, MemorySealStore(), MemoryAnchorVault(), MemoryAnchorKey())
        self.cockpit = CockpitServices(
            self.deliveries, MemoryBreakerStore(), MemoryGatewayBook(), MemoryCertificateRegister(), MemoryStrangeAnswers()
        )
        self.sending_again = RestartServices(self.deliveries, self.dispatches, NoOutage())
        self.summaries = MemoryUsageSummaries()
        self.usage = UsageServices(MemoryUsageFacts(self.deliveries.facts), self.summaries, book)
        services = PortalServices(
            access=access,
            agenda=agenda,
            intake=lambda: intake,
            identity=lambda: self.record,
            reports=lambda: self.reporting,
            dispatch=lambda: self.sending_again,
            letters=lambda: self.deliveries,
            gateways=lambda: self.gateways,
            chain=lambda: self.chain,
            cockpit=lambda: self.cockpit,
            usage=lambda: self.usage,
            reference=book,
            clock=lambda: self.now,
            settings=self.settings,
        )
        self.services = self.wrap(services)
        self.portal = Portal(lambda: self.services, self.settings)

    def browser(self, subject: str = "", provider: str = "group") -> Browser:
        """Return a browser; with a subject, already logged in."""
        made = Browser(self.portal)
        self.provider.psc = PscSession(f"8{subject}", "eidas1", self.now) if provider == "psc" else None
        if subject:
            made.login(self.provider, subject, provider)
        return made

    # what stands there before the test

    def patient(self, number: int = 1, *, sites: tuple[str, ...] = ("nord",), **traits: Any) -> Patient:
        """Store a patient with an IPP at the first site."""
        said = Traits(**{"birth_family": "ADRUN", "birth_given": "ZOE", "birth_date": date(1975, 6, 12), "sex": "F", **traits})
        authority = {each.site: each.ipp_authority for each in reference().sites}
        identifiers = tuple(Identifier(f"70000{number}", authority[site], "PI") for site in sites)
        return self.patients.save(Patient(f"p{number}", said, identifiers, sites=frozenset(sites)))

    def request(self, patient: Patient, number: int = 1, *, site: str = "nord", **values: Any) -> ImagingRequest:
        """Store a request to book."""
        made = ImagingRequest(
            request_id=f"r{number}",
            site=site,
            patient_id=patient.patient_id,
            placer_order_number=f"RIS-PLACER-{number}",
            placer_authority="1.2.3",
            exam_code="ZBQK001",
            exam_code_system="CCAM",
            exam_label="Scanner du thorax sans injection",
            prescriber=Prescriber("899900012345", "LEMARCHAND", "Paul"),
            received_at=self.now - timedelta(hours=number),
        )
        return self.services.agenda.exams.save_request(replace(made, **values))

    def booked(self, patient: Patient, start: str = "10:00", *, confirm: bool = True, **values: Any) -> Exam:
        """Book an exam as the portal would, and confirm it as the machine would."""
        command = BookAppointment(
            **{
                "site": "nord",
                "request_id": None,
                "patient_id": patient.patient_id,
                "exam_code": "ZBQK001",
                "room": "salle-scanner",
                "day": TODAY,
                "start": start,
                "fold": None,
                "actor": "accueil.nord",
                **values,
            }
        )
        exam = book_appointment(self.services.agenda, command, self.now)
        if confirm:
            confirm_booking(self.services.agenda, exam.accession_number, exam.hold_token, self.now)
            exam = publish_worklist(self.services.agenda, exam.accession_number, self.now)
        return exam


@dataclass(frozen=True)
class Answer:
    """One response as a browser sees it."""

    status: int
    headers: dict[str, str]
    cookies: tuple[str, ...]
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def attributes(self, name: str) -> list[str]:
        """Return every value of an attribute of the markup, unescaped."""
        return [html.unescape(value) for value in re.findall(rf'\s{re.escape(name)}="([^"]*)"', self.body)]

    def field(self, name: str) -> str:
        """Return the value of a form's input."""
        tags = [tag for tag in re.findall(r"<input[^>]*>", self.body) if f'name="{name}"' in tag]
        value = re.search(r'value="([^"]*)"', tags[0]) if tags else None
        return html.unescape(value[1]) if value else ""

    @property
    def text(self) -> str:
        """What a person reads: without tags, white space as one blank."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.body)).split())


@dataclass
class Browser:
    """Keeps cookies, as the events of an HTTP API (payload 1.0) carry them."""

    portal: Portal
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def get(self, address: str, **headers: str) -> Answer:
        """GET, following nothing."""
        return self.send("GET", address, headers=headers)

    def post(self, address: str, fields: dict[str, str] | None = None, *, csrf: str | None = None, **headers: str) -> Answer:
        """POST a form with the session's token."""
        form = {"csrf": self.csrf if csrf is None else csrf, **(fields or {})}
        body = urlencode(form).encode()
        return self.send("POST", address, body, {"content-type": "application/x-www-form-urlencoded", **headers})

    def send(self, method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send any request."""
        answer = Answer(*_parts(self.portal(event(method, address, body, {**self._cookie(), **(headers or {})}), None)))
        for each in answer.cookies:
            self._keep(each)
        return answer

    def follow(self, answer: Answer) -> Answer:
        """Follow redirections that stay at the portal."""
        while answer.status == 303:
            answer = self.get(answer.headers["Location"].removeprefix(ADDRESS))
        return answer

    def login(self, provider: TrustingProvider, subject: str, door: str = "group", next_path: str = "/") -> Answer:
        """Come in through a door that believes the subject; return the callback's answer."""
        provider.subject = subject
        sent = self.get(f"/login/{door}?{urlencode({'next': next_path})}")
        state = parse_qs(urlsplit(sent.headers["Location"]).query)["state"][0]
        answer = self.get(f"/login/{door}/callback?code=c0de&state={state}")
        account = self.send("GET", "/account", headers={"accept": "application/json"})
        self.csrf = account.json["csrf"] if account.status == 200 else ""
        return answer

    def _cookie(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def _keep(self, set_cookie: str) -> None:
        pair, _, attributes = set_cookie.partition(";")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


def event(method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the event API Gateway would send: decoded path, lower-case headers, base64 forms."""
    parts = urlsplit(address)
    query = parse_qs(parts.query, keep_blank_values=True)
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": parts.path,
        "httpMethod": method,
        "headers": {"host": "evil.example", **(headers or {})},
        "multiValueHeaders": {name: [value] for name, value in {"host": "evil.example", **(headers or {})}.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {
            "domainName": "api.example",
            "httpMethod": method,
            "stage": "$default",
            "identity": {"sourceIp": "192.0.2.7"},
        },
        "pathParameters": {"proxy": parts.path[1:]},
        "stageVariables": None,
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def _parts(answer: dict[str, Any]) -> Iterator[Any]:
    yield answer["statusCode"]
    yield answer["headers"]
    yield tuple(answer["multiValueHeaders"].get("Set-Cookie", ()))
    body = answer["body"]
    yield base64.b64decode(body).decode("utf-8", "surrogateescape") if answer.get("isBase64Encoded") else body
