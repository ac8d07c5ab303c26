"""What the journey to the national record leaves out: outages of the DMP, rows that only time brings, a corrected name.

Like `everything`, so that every function does everything it can. Rows are put back as a dead execution would have left them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from infra.local.cloud.client import Cloud, FunctionFailed
from infra.local.demo.supervisor import System
from ris.adapters.agenda.dynamodb import DynamoExamStore
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table, instant_text, write
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.report.dynamodb import DynamoReportStore
from ris.application.conflicts import decide
from ris.application.identity.record_identity_event import record_identity_event
from ris.domain.dispatch.channels import OURS
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.events import StrictTraitEdited
from ris.domain.identity.patient import TraitsChange
from ris.domain.report.draft import DraftStatus
from ris.domain.report.version import VersionState
from tests.support.waiting import until

DMP = ("dmp", "DMP")


class Recorded:
    """The record's functions on a report that the journey has delivered."""

    def __init__(self, system: System, site: str) -> None:
        self.system, self.cloud, self.site = system, system.cloud, site
        self.deliveries = DynamoDeliveryStore(self._table("EXAMS"), self._table("USAGE"))
        self.exams = DynamoExamStore(self._table("EXAMS"))
        self.reports = DynamoReportStore(self._table("EXAMS"))
        self.patients = DynamoPatientStore(self._table("PATIENTS"))

    def play(self) -> None:
        """Do all that needs the patient as they were when the report was sent."""
        row = self.delivered()[-1]
        self.each_state_again(row)
        self.outages(row)
        self.refused_for_good(row)
        self.announced_by_halves(row)
        self.what_time_brings(row)

    def play_after_a_change(self, patient: str) -> None:
        """Do what follows a change of identity.

        Args:
            patient: Somebody whose identity nothing else depends on.
        """
        for row in self.delivered():
            # A hospital has changed this patient since: the DMP is not asked, and the row says why.
            self.put_back(row, unknown=False)
            self.cloud.invoke("CheckDmpFunction", {"accession_number": row.owner, "version": 1})
        self.corrected(patient)

    def delivered(self) -> list[Delivery]:
        """Return the rows of reports that we sent to the DMP and that have one version, the latest last."""
        return [row for row in self._at_the_dmp() if self.deliveries.get(row.owner, *DMP, report_version=2) is None]

    def announced(self) -> str:
        """Return the exam whose report the DMP has in two versions."""
        return next(row.owner for row in self._at_the_dmp() if self.deliveries.get(row.owner, *DMP, report_version=2) is not None)

    def _at_the_dmp(self) -> list[Delivery]:
        found = [self.deliveries.get(owner, *DMP, report_version=1) for owner in self._scanned("DELIVERY#dmp#")]
        return [row for row in found if row and row.state is DeliveryState.DELIVERED and row.who_sends == OURS]

    def each_state_again(self, row: Delivery) -> None:
        """Run each signing state as if its document had been kept and its row not written: the same bytes, so nothing changes."""
        given = {"accession_number": row.owner, "version": 1}
        self.validating(row)
        for state, function in (
            (VersionState.FROZEN, "RenderReportFunction"),
            (VersionState.RENDERED, "BuildCdaFunction"),
            (VersionState.BUILT, "SignSubmissionFunction"),
        ):
            version = self.reports.version(row.owner, 1)
            assert version is not None
            self.reports.save_version(replace(version, state=state))
            assert self.cloud.invoke(function, given)

    def validating(self, row: Delivery) -> None:
        """Write the draft as it was while its documents were made."""
        draft = self.reports.draft(row.owner)
        assert draft is not None
        self.reports.save_draft(replace(draft, status=DraftStatus.VALIDATING, version=0))

    def outages(self, row: Delivery) -> None:
        """Let the DMP be down for each function that speaks to it."""
        given = {"accession_number": row.owner, "version": 1}
        for point, function, unknown in (
            ("td0.2", "CheckDmpFunction", False),
            ("iti-41", "SendToDmpFunction", False),
            ("iti-18", "ReconcileWithDmpFunction", True),
        ):
            self.put_back(row, unknown=unknown)
            self.system.tell("dmp", {"schedule": {point: ["http_503"]}})
            with suppress(FunctionFailed):  # raised, or written on the row: dispatch's own tests say which
                self.cloud.invoke(function, given)
            self.put_back(row, unknown=False)
            self.cloud.invoke("CheckDmpFunction", given)  # it answers again: no breaker opens

    def refused_for_good(self, row: Delivery) -> None:
        """Let the DMP refuse, by a closed record and by an answer that the machine caught: a failure that counts, each time."""
        given = {"accession_number": row.owner, "version": 1}
        exam = self.exams.get(row.owner)
        patient = self.patients.get(exam.patient_id) if exam else None
        assert patient is not None
        assert patient.ins is not None
        record = {"matricule": patient.ins.matricule, "oid": patient.ins.oid}
        self.put_back(row, unknown=False)
        self.system.tell("dmp", {"record": {**record, "status": "closed", "closed_on": "20260101"}})
        self.cloud.invoke("CheckDmpFunction", given)
        self.system.tell("dmp", {"record": {**record, "status": "open", "closed_on": ""}})
        self.put_back(row, unknown=False)
        caught = {"channel": "dmp", "recipient": "DMP", "error": "RemoteRejected"}
        assert self.cloud.invoke("RecordOutcomeFunction", {**given, **caught})["state"] == "rejected"

    def put_back(self, row: Delivery, *, unknown: bool) -> None:
        """Write the row as it was before it was delivered, its attempt long ago; a sweep may be moving it."""
        ago = datetime.now(UTC) - timedelta(hours=2)

        def attempt() -> Delivery:
            now = self.deliveries.get(row.owner, *DMP, report_version=1)
            assert now is not None
            waits = {"state": DeliveryState.PENDING, "unknown": unknown, "attempts": int(unknown), "reason": "", "failure": ""}
            return self.deliveries.save(replace(now, changed_at=ago, due_at=ago, **waits))

        decide(attempt)

    def what_time_brings(self, row: Delivery) -> None:
        """Let the sweep find a dispatch and a signing that died."""
        self.put_back(row, unknown=True)
        version = self.reports.version(row.owner, 1)
        assert version is not None
        self.cloud.fire("SweepDueSchedule")
        until(lambda: self.deliveries.get(row.owner, *DMP, report_version=1).state is DeliveryState.DELIVERED)  # type: ignore[union-attr]
        self.validating(row)
        self.reports.save_version(replace(version, state=VersionState.BUILT, due_at=datetime.now(UTC) - timedelta(minutes=1)))
        self.cloud.fire("SweepDueSchedule")
        until(lambda: self.reports.version(row.owner, 1).state is VersionState.SIGNED)  # type: ignore[union-attr]

    def announced_by_halves(self, row: Delivery) -> None:
        """Put the announcement of the qualified identity back on the sweep's list, as an execution that died would have left it."""
        exam = self.exams.get(row.owner)
        assert exam is not None
        table, ago = self._table("PATIENTS"), instant_text(datetime.now(UTC) - timedelta(hours=1))
        items = table.query(f"PATIENT#{exam.patient_id}", prefix="ANNOUNCEMENT#")
        left = max(items, key=lambda item: int(item["number"]))
        write(table.client, [table.putting({**left, "planned": False, "due_pk": f"{self.site}#identity", "due_at": ago})])
        self.cloud.fire("SweepDueSchedule")
        until(lambda: self.patients.announcement(exam.patient_id, int(left["number"])).planned)  # type: ignore[union-attr]

    def corrected(self, patient: str) -> None:
        """Correct a name: what it was found by goes, and the PACS is told."""
        now = datetime.now(UTC)
        change = StrictTraitEdited(now, "grants", self.site, TraitsChange(birth_family="CORRIGE"))
        with self.settings("PortalFunction"):
            from ris.bootstrap import identity

            record_identity_event(identity.record_services.__wrapped__(), patient, change, event_id="grants-1", may_correct=True)
        until(lambda: self.patients.get(patient).traits.birth_family == "CORRIGE")  # type: ignore[union-attr]

    @contextmanager
    def settings(self, function: str) -> Iterator[None]:
        """Give this process a function's settings, under the test's own access key."""
        from ris.bootstrap import dispatch

        before = dict(os.environ)
        given = {
            name: value for name, value in self.cloud.function_env(function).items() if not name.startswith(("AWS_", "PYTHON"))
        }
        os.environ.update({**given, **self.cloud.aws_environment("test"), "PATH": before["PATH"]})
        dispatch.client.cache_clear()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            dispatch.client.cache_clear()

    def _table(self, name: str) -> Table:
        cloud: Cloud = self.cloud
        return Table(cloud.client("dynamodb", "test"), cloud.function_env("PortalFunction")[f"TABLE_{name}"])

    def _scanned(self, prefix: str) -> list[str]:
        """Return the exams that have an item of that kind."""
        table = self._table("EXAMS")
        items = table.client.scan(TableName=table.name)["Items"]
        return sorted({item["pk"]["S"].removeprefix("EXAM#") for item in items if item["sk"]["S"].startswith(prefix)})
