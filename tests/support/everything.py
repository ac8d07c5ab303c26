"""The journey and what it leaves out, so that every function does everything it can: what it calls is then what its role must grant.

What people and peers do goes over HTTP, MLLP and DICOM. What only time brings (an expired hold, a machine that died, a lost answer)
is written as rows whose time has passed, and the sweep finds them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infra.local.demo import group
from infra.local.demo.journey import Step
from infra.local.demo.journeys import figures
from infra.local.demo.journeys.order_to_modality_beside import find_patient
from infra.local.demo.journeys.visit import submit_booking
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.scene import Scene, read_booking
from infra.local.demo.supervisor import System
from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.adapters.dynamodb import Table, instant_text, write
from ris.adapters.usage.dynamodb import fact_write
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.services import Services
from ris.contracts.queues import DicomInbound, GatewayStatus, StationSeen
from ris.domain.access.audit import AuditRecord
from ris.domain.agenda.exam import ExamState
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.usage.facts import UsageFact
from tests.support.canaries import found_in, values_of_demo
from tests.support.everything_after import After
from tests.support.everything_recorded import Recorded
from tests.support.stacks import ROOT, tenant
from tests.support.waiting import until

NAME = "order_to_modality"
INPUTS = ROOT / "infra" / "local" / "demo" / "input"
INPUT = INPUTS / NAME
LARGE = "x" * 190_000
"""More than one queue message of ours holds: a claim check."""


class NoMachine:
    """Workflows that start nothing: the execution that died."""

    def start_booking(self, accession_number: str, hold_token: str, attempt: int = 1, *, change: str = "") -> None: ...


class Everything:
    """One run of the whole system on one site."""

    def __init__(self, system: System, scene: Scene) -> None:
        self.system, self.scene, self.cloud = system, scene, system.cloud
        self.booking = read_booking(scene.folder / "booking.json")
        self.site = self.booking.site
        self.step = Step("grants", "everything", "all")
        self.day = date.fromisoformat(self.booking.day)

    def play(self) -> None:
        """Do all of it."""
        receptionist = self.scene.login(self.step, "receptionist")
        operator = self.scene.login(self.step, "operator")
        radiologist = self.scene.login(self.step, "radiologist")
        recorded = Recorded(self.system, self.site)
        recorded.play()
        self.away_for_a_while()
        self.read_everything(receptionist, operator)
        self.book_and_cancel(receptionist)
        self.order_change_and_cancel(receptionist)
        self.large_order()
        self.modality_without_an_exam()
        self.gateway_that_lost_its_worklist(receptionist)
        self.parked_messages(operator)
        accession = self.booked_again(receptionist)
        self.what_time_brings(accession)
        self.watched_and_sealed()
        document = f"/exams/{recorded.delivered()[-1].owner}/report/versions/1/pdf"
        assert radiologist.open(document).status == 200
        After(self.system, self.site, radiologist).play(recorded.announced())
        recorded.play_after_a_change(find_patient(self.step, receptionist, self.scene.messages("next")[0].ipp))
        self.given_up(accession)
        self.state(receptionist, receptionist.open(f"/exams/{accession}"), "discontinued")
        self.look_after_the_system(accession)
        self.file_of_another_month()
        self.tell_nobody()

    # --- people ---

    def away_for_a_while(self) -> None:
        """Set back when everybody was last seen: the next page moves it forward, which the first minute spares."""
        table, client = self.cloud.function_env("PortalFunction")["TABLE_SESSIONS"], self.cloud.client("dynamodb")
        seen = instant_text(datetime.now(UTC) - timedelta(minutes=5))
        for item in client.scan(TableName=table)["Items"]:
            if item["sk"]["S"] == "SESSION":
                client.put_item(TableName=table, Item={**item, "last_seen_at": {"S": seen}})

    def read_everything(self, receptionist: Browser, operator: Browser) -> None:
        pages = ("", "/agenda", "/worklist", "/requests", "/booking", "/messages")
        for person in (receptionist, operator):
            for page in (*(f"/sites/{self.site}{page}" for page in pages), "/", "/account", "/sites/est/agenda", "/exams/00000000"):
                assert person.open(page).status in (200, 403, 404), page

    def file_of_another_month(self) -> None:
        """Count a file whose validation is not among the period's facts: all of its facts are read."""
        now = datetime.now(UTC)
        day = now.astimezone(ZoneInfo(group.site(self.site)["time_zone"])).date().isoformat()
        usage = Table(self.cloud.client("dynamodb", "test"), self.cloud.function_env("PortalFunction")["TABLE_USAGE"])
        for number in ("1", "2"):
            names = {"channel": "dmp", "recipient": "DMP", "who_sends": "ours", "corrects": "", "author": "99900012347"}
            names |= {"legal_entity": "630999001", "finess_geo": "630999100", "document_id": f"2.25.{number}"}
            fact = UsageFact(
                f"other{number}",
                self.site,
                day,
                now,
                value=1,
                accession_number=f"2500000000{number}",
                report_version=1,
                qualified=True,
                **names,
            )
            write(usage.client, [fact_write(usage, fact)])
            if number == "1":
                self.cloud.fire("CountUsageSchedule")
            else:
                person = figures.finance(self.system)
                figures.count(self.step, person, "period=month")
                assert person.open("/usage/list?figure=dmp&period=month").status == 200

    def look_after_the_system(self, accession: str) -> None:
        """What the group's IT and the auditor look at."""
        site = f"/sites/{self.site}"
        operator, auditor = self.as_account("info.groupe"), self.as_account("audit.groupe")
        for page in ("cockpit", "cockpit/dmp", "outages", "certificates", "strange"):
            assert operator.open(f"{site}/{page}").status == 200, page
        asked = auditor.open(f"{site}/audit?action=read_exam")
        form = next(form for form in asked.page.forms if form.action.endswith("/audit/patient"))
        assert auditor.submit(asked, form, {"q": accession}).page.rows("audit")
        assert auditor.open(f"{site}/audit/export").status == 200
        day = auditor.open(f"{site}/audit/chain/{datetime.now(UTC):%Y-%m-%d}").page
        assert [] == day.rows("fault")

    def as_account(self, subject: str) -> Browser:
        browser = Browser(self.cloud.portal_url, self.system.provider_ca("group"))
        browser.login("group", {"subject": subject})
        return browser

    def tell_nobody(self) -> None:
        """No log of any function holds a value of the patients the messages told of."""
        words = values_of_demo(INPUTS)
        assert len(words) > 10
        for function in tenant().all("AWS::Lambda::Function"):
            told = [word for line in self.cloud.logs(function.logical_id) for word in found_in(line, words)]
            assert [] == told, function.logical_id

    def book_and_cancel(self, person: Browser) -> None:
        patient = find_patient(self.step, person, self.scene.messages("next")[0].ipp)
        shown = self.book(person, f"patient={patient}")
        self.booked(person, shown)
        asked = person.open(f"{shown.path}/cancel")
        form = next(form for form in asked.page.forms if form.action.endswith("/cancel"))
        assert person.submit(asked, form, {"reason": "patient"}).status == 200
        self.state(person, shown, "cancelled")

    def book(self, person: Browser, query: str) -> Answer:
        wanted = replace(self.booking, day=self.next_day())
        shown = submit_booking(self.step, person, person.open(f"/sites/{self.site}/booking?{query}"), wanted)
        assert shown.path.startswith("/exams/"), shown.page.rows("rule")
        return shown

    def booked(self, person: Browser, shown: Answer) -> None:
        self.state(person, shown, "booked")
        until(lambda: person.open(shown.path).page.rows("delivery", recipient="PACS", state="delivered"))

    def state(self, person: Browser, shown: Answer, state: str) -> None:
        until(lambda: person.open(shown.path).page.rows("exam", state=state))

    def parked_messages(self, operator: Browser) -> None:
        """Replay each message of the list, now that what some of them lacked has come, and dismiss the rest."""
        (unknown,) = self.scene.messages("parked")
        self.tell(self.order("NW", unknown.value("ORC-2.1"), "ORM07005"))
        # The same control id with other bodies: all are kept, and can be applied by a person, whatever the name is by then.
        others = (b"ZOE", b"ZOA")
        for given in others:
            self.tell(self.renamed(given))
        address = f"/sites/{self.site}/messages"
        until(lambda: len(operator.open(address).page.rows("reason", control_id="ADT07001")) == len(others))
        links = self.listed(operator, address)
        for verb in ("replay", "dismiss"):
            for link in links:
                shown = operator.open(link)
                assert shown.status == 200, link
                form = next((form for form in shown.page.forms if form.action.endswith(f"/{verb}")), None)
                assert form is None or operator.submit(shown, form, {}).status in (200, 409)
        assert self.listed(operator, address) == []

    @staticmethod
    def listed(operator: Browser, address: str) -> list[str]:
        elements = operator.open(address).page.elements
        links = [element.attributes.get("href", "") for element in elements if element.tag == "a"]
        return sorted({link for link in links if link.startswith(f"{address}/")})

    # --- the hospital ---

    def order_change_and_cancel(self, person: Browser) -> None:
        """Order, book, change the patient's name while it waits on the worklist, cancel the order."""
        self.tell(self.order("NW", "OPN-26-7001", "ORM07001"))
        shown = self.book(person, f"request={self.request(person, 'OPN-26-7001')}")
        self.booked(person, shown)
        self.tell(self.renamed(b"ZOEE"))
        until(lambda: "ZOEE" in json.dumps(self.found(shown.path.rsplit("/", 1)[-1])))
        self.tell(self.order("CA", "OPN-26-7001", "ORM07002"))
        self.state(person, shown, "cancelled")

    def large_order(self) -> None:
        """Order with more words than a queue message holds: it comes by the bucket, and is parked since no field is that long."""
        self.tell(self.order("NW", "OPN-26-7002", "ORM07003").replace(b"Toux prolong", LARGE.encode() + b" Toux prolong"))

    def booked_again(self, person: Browser) -> str:
        """Book once more and return the accession number."""
        self.tell(self.order("NW", "OPN-26-7003", "ORM07004"))
        shown = self.book(person, f"request={self.request(person, 'OPN-26-7003')}")
        self.booked(person, shown)
        return shown.path.rsplit("/", 1)[-1]

    def order(self, control: str, placer: str, message: str) -> bytes:
        text = (INPUT / "02-ORM_O01.hl7").read_bytes()
        return (
            text.replace(b"|NW|", f"|{control}|".encode())
            .replace(b"OPN-26-0101", placer.encode())
            .replace(b"ORM00101", message.encode())
        )

    def renamed(self, given: bytes) -> bytes:
        text = (INPUT / "01-ADT_A04.hl7").read_bytes().replace(b"ADT00101", b"ADT07001")
        return text.replace(b"ADRUN^ZOE^ZOE^", b"ADRUN^" + given + b"^" + given + b"^")

    def tell(self, frame: bytes) -> None:
        file = self.system.work / f"{hashlib.sha256(frame).hexdigest()[:8]}.hl7"
        file.write_bytes(frame)
        (answer,) = self.scene.send(self.step, self.site, file)
        assert answer["code"] == "AA"

    def request(self, person: Browser, placer: str) -> str:
        rows = until(lambda: person.open(f"/sites/{self.site}/requests").page.rows("request", placer_order=placer))
        return str(rows[0]["request"])

    # --- the modality ---

    def station(self) -> str:
        machine = group.machine_for(self.site, self.booking.room, group.exam(self.booking.exam)["dicom_modality"])
        return str(machine["ae_title"])

    def found(self, accession: str) -> list[dict[str, Any]]:
        """Return what the worklist answers for an exam."""
        keys = json.dumps({"AccessionNumber": accession})
        answer = self.scene.dicom(self.step, self.site, self.station(), "find", "--keys", keys)
        return list(answer["items"])

    def given_up(self, accession: str) -> None:
        """Begin an exam and give it up."""
        station, found = self.station(), until(lambda: self.found(accession))
        item = self.system.work / "given-up.json"
        item.write_text(json.dumps(found[0]))
        begun = self.scene.dicom(self.step, self.site, station, "mpps-create", "--item", str(item))
        uid = ("--sop-instance-uid", begun["sop_instance_uid"], "--status", "DISCONTINUED")
        assert self.scene.dicom(self.step, self.site, station, "mpps-set", *uid)["status"] == "0000"

    def modality_without_an_exam(self) -> None:
        envelope = DicomInbound(
            site=self.site,
            spool_id="grants-1",
            received_at=datetime.now(UTC),
            calling_ae_title="CT_NORD",
            operation="mpps_create",
            sop_instance_uid="2.25.42",
            dataset={"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}},
        )
        self.queue("DicomInboundQueueUrl", envelope.model_dump_json(), "grants-dicom")
        radiologist = self.scene.browser("radiologist")
        until(lambda: self.done("IntakeDicomFunction", "INTAKE_DICOM_002"))
        assert radiologist.open(f"/sites/{self.site}/unscheduled").status == 200

    def gateway_that_lost_its_worklist(self, person: Browser) -> None:
        """A gateway asks for everything that waits; the machines' page says when each was heard."""
        now = datetime.now(UTC)
        status = GatewayStatus(
            kind="status",
            site=self.site,
            gateway_id="grants",
            version="1",
            sent_at=now,
            started_at=now,
            spool_rows=0,
            spool_oldest_s=0,
            feed_steps=0,
            stations=(StationSeen(ae_title=self.station(), last_find_at=now),),
            wants_feed=True,
        )
        self.queue("DicomInboundQueueUrl", status.model_dump_json(), "grants-status")
        machines = f"/sites/{self.site}/machines"
        until(lambda: person.open(machines).page.rows("machine", ae_title=self.station()))
        until(lambda: self.done("IntakeDicomFunction", "INTAKE_DICOM_003"))

    def queue(self, output: str, body: str, identity: str) -> None:
        url = self.cloud.outputs[output]
        self.cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=identity)

    def done(self, function: str, code: str) -> bool:
        return any(code in line for line in self.cloud.logs(function))

    # --- what only time brings ---

    def what_time_brings(self, accession: str) -> None:
        now = datetime.now(UTC)
        with self.agenda() as agenda:
            patient = agenda.exams.get(accession).patient_id  # type: ignore[union-attr]
            lost = self.hold(agenda, patient, now - timedelta(minutes=40))
            died = self.hold(agenda, patient, now - timedelta(minutes=6))
            row = agenda.deliveries.get(accession, "hl7_pacs_order", "PACS")
            assert row is not None
            agenda.deliveries.save(
                replace(row, state=DeliveryState.PENDING, due_at=now - timedelta(minutes=1), attempts=row.attempts)
            )
            late = agenda.exams.get(accession)
            assert late is not None
            agenda.exams.save(replace(late, publish_due_at=now - timedelta(minutes=1)))
            self.cloud.fire("SweepDueSchedule")
            until(lambda: agenda.exams.get(lost).state is ExamState.EXPIRED)  # type: ignore[union-attr]
            until(lambda: agenda.exams.get(died).state is ExamState.BOOKED)  # type: ignore[union-attr]
            until(lambda: agenda.exams.get(accession).publish_due_at is None)  # type: ignore[union-attr]
        failed = {"accession_number": accession, "channel": "hl7_pacs_order", "recipient": "PACS", "error": "States.Timeout"}
        self.cloud.invoke("RecordOutcomeFunction", failed)
        self.cloud.invoke(
            "RecordOutcomeFunction", {**failed, "accession_number": died, "channel": "hl7_his_order", "recipient": "HIS"}
        )

    def watched_and_sealed(self) -> None:
        """Seal what was recorded an hour ago, count the days of the certificates, and what was done."""
        trail = DynamoAuditTrail(
            Table(self.cloud.client("dynamodb", "test"), self.cloud.function_env("PortalFunction")["TABLE_AUDIT"])
        )
        trail.append(AuditRecord("grants", datetime.now(UTC) - timedelta(hours=1), self.site, "read_exam", "allowed"))
        for schedule in ("SealAuditSchedule", "WatchCertificatesSchedule", "CountUsageSchedule"):
            self.cloud.fire(schedule)
        assert self.done("SealAuditFunction", "SEAL_AUDIT_001")
        assert self.done("WatchCertificatesFunction", "WATCH_CERTIFICATES_001")
        assert self.done("CountUsageFunction", "COUNT_USAGE_001")

    def hold(self, agenda: Services, patient: str, at: datetime) -> str:
        typed = self.booking
        wanted = BookAppointment(self.site, None, patient, typed.exam, typed.room, self.next_day(), typed.start, None, "grants")
        return book_appointment(replace(agenda, workflows=NoMachine()), wanted, at).accession_number

    def next_day(self) -> str:
        """Return a day of its own for each booking: one patient has one exam of a kind a day."""
        opening = group.site(self.site)["opening"]
        while True:
            self.day += timedelta(days=1)
            if self.day.strftime("%a").lower() in opening:
                return self.day.isoformat()

    @contextmanager
    def agenda(self) -> Iterator[Services]:
        """Give the agenda's real services over the running cloud, under the test's own access key."""
        from ris.bootstrap import agenda

        settings = {**self.cloud.function_env("PortalFunction"), **self.cloud.aws_environment("test")}
        before = dict(os.environ)
        os.environ.update(
            {name: value for name, value in settings.items() if name.startswith(("TABLE_", "AWS_", "SITE_", "BOOKING_", "STUDY_"))}
        )
        try:
            yield agenda.services.__wrapped__()
        finally:
            os.environ.clear()
            os.environ.update(before)
