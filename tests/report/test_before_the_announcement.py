"""Random lives of reports: whatever is clicked, killed, sent again or replaced, nothing reaches a patient before the announcement.

The outer world is played: a row that may leave leaves, now and then, and what the patient can see is what the DMP shows them and what
their mailbox holds. Two lives in three kill the machine or the click at a random call.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ris.application.report.build_cda import build_cda
from ris.application.report.correct_report import correct_report, set_marks
from ris.application.report.freeze_report import FreezeReport, freeze_report
from ris.application.report.reissues import StoredReissues
from ris.application.report.remake_report import delete_report, release_announcement
from ris.application.report.render_report import render_report
from ris.application.report.restart_signing import sweep_signing
from ris.application.report.services import ReportServices
from ris.application.report.sign_submission import sign_submission
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.application.report.withhold import withhold
from ris.domain.dispatch.delivery import DELETE, REPLACE, Delivery, DeliveryState
from ris.domain.dispatch.mail import surely_not_left
from ris.domain.errors import RisError
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.version import CDA, VersionState
from tests.report.test_signing_killed import Killed, Life, mortal
from tests.support.reports import ACCESSION, NOW, TEXT, ReportWorld, a_patient, a_session

LIVES, STEPS = 300, 90
OPEN = (DraftStatus.DRAFT, DraftStatus.PROVISIONAL)


class Report:
    """One report from its first word on.

    Args:
        seed: Of everything that happens.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = ReportWorld(patient=a_patient(status=IdentityStatus.PROVISOIRE, ins=None, strict=None))
        makers: dict[str, Any] = {
            "renderer": SimpleNamespace(render=lambda report: b"%PDF " + report.document_id.encode()),
            "builder": SimpleNamespace(build=lambda report, pdf: b"<cda>" + report.document_id.encode()),
            "signer": SimpleNamespace(sign=lambda report, cda, **_: b"<signature>" + cda),
        }
        self.world.s = replace(self.world.s, **makers)
        self.now: datetime = NOW
        self.shown: list[tuple[int, str]] = []
        self.dmp: dict[int, bool] = {}
        self.mailed: dict[str, list[tuple[int, str]]] = {}

    @property
    def s(self) -> ReportServices:
        """The ports; some calls die."""
        last = self.random.randrange(1, 60) if self.random.random() < 0.25 else 0
        return mortal(self.world.s, Life(last)) if last else self.world.s

    def step(self) -> None:
        self.now += timedelta(minutes=self.random.randrange(1, 8))
        often = (self.write, self.flag, self.validate, self.machine, self.send)
        rare = (self.release, self.correct, self.qualify, self.withhold, self.delete, self.sweep)
        act = self.random.choice((*often, *often, *often, *rare, self.correct))
        with suppress(RisError, Killed):
            act()
        self.check()

    def write(self) -> None:
        text = f"Conclusion {self.random.randrange(1000)}."
        with suppress(RisError):
            self.world.written(sections=(*TEXT[:2], replace(TEXT[2], text=text)))

    def flag(self) -> None:
        draft = self.world.reports.draft(ACCESSION)
        marks = Marks(announcement_pending=self.random.random() < 0.7, withheld=self.random.random() < 0.1)
        set_marks(self.s, ACCESSION, draft.rev if draft else 0, marks, actor="dr.rayon", now=self.now)

    def validate(self) -> None:
        draft = self.world.reports.draft(ACCESSION)
        if draft is not None:
            validate_report(self.s, ValidateReport(ACCESSION, draft.rev, a_session()), self.now)

    def machine(self) -> None:
        """Run the signing machine on what the row says, from its first state or from where it stands."""
        draft = self.world.reports.draft(ACCESSION)
        if draft is None or draft.validation is None or draft.status is not DraftStatus.VALIDATING:
            return
        s, number = self.s, draft.validation.version
        version = freeze_report(s, FreezeReport(ACCESSION, number, draft.rev), self.now)
        if version.state is VersionState.SIGNED:
            return
        for state in (render_report, build_cda, sign_submission):
            state(s, ACCESSION, number, self.now)

    def release(self) -> None:
        release_announcement(self.s, ACCESSION, actor="dr.rayon", now=self.now)

    def correct(self) -> None:
        draft = self.world.reports.draft(ACCESSION)
        if draft is not None:
            correct_report(self.s, ACCESSION, draft.rev, actor="dr.rayon", now=self.now)

    def qualify(self) -> None:
        patient = self.world.patients.get("p-1")
        assert patient is not None
        if patient.status is not IdentityStatus.QUALIFIEE:
            self.world.patients.save(replace(a_patient(), version=patient.version))
        StoredReissues(self.s).wake("p-1", self.now)

    def withhold(self) -> None:
        withhold(self.s, ACCESSION, on=self.random.random() < 0.5, now=self.now)

    def delete(self) -> None:
        if self.random.random() < 0.15:
            delete_report(self.s, ACCESSION, actor="dr.rayon", now=self.now)

    def sweep(self) -> None:
        sweep_signing(self.s, "nord", self.now)

    def send(self) -> None:
        """Let one pending row of a signed version leave; now and then its end is not known."""
        rows = [one for one in self.world.deliveries.of_owner(ACCESSION) if one.state is DeliveryState.PENDING]
        signed = {one.version for one in self.world.reports.versions(ACCESSION) if one.state is VersionState.SIGNED}
        rows = [one for one in rows if one.report_version in signed]
        if not rows:
            return
        row = self.random.choice(rows)
        if row.channel == "dmp" and any(self.waits_before(row)):
            return
        self.leaves(row)
        lost = not row.unknown and self.random.random() < 0.2
        state = DeliveryState.PENDING if lost else DeliveryState.DELIVERED
        self.world.deliveries.save(replace(row, state=state, unknown=lost, attempts=row.attempts + 1))

    def waits_before(self, row: Delivery) -> list[Delivery]:
        rows = self.world.deliveries.of_owner(ACCESSION)
        return [
            one
            for one in rows
            if one.channel == "dmp" and one.report_version < row.report_version and one.state is DeliveryState.PENDING
        ]

    def leaves(self, row: Delivery) -> None:
        version = self.world.reports.version(ACCESSION, row.report_version)
        assert version is not None
        if row.operation == DELETE:
            self.dmp.pop(row.predecessor_version, None) if row.channel == "dmp" else None
            return
        content = self.world.reports.content(version)
        assert content is not None
        hidden = self.world.s.codec.load(content).visibility.invisible_to_patient
        if row.channel == "dmp":
            self.dmp = {row.report_version: hidden}
        if row.channel == "mss_patient" or (row.channel == "dmp" and not hidden):
            self.shown.append((row.report_version, row.channel))
        text = version.files[CDA].sha256 if version.reason.has_text else self.words_of(row.report_version)
        self.mailed.setdefault(f"{row.channel}/{row.recipient}", []).append((row.report_version, text))

    def words_of(self, number: int) -> str:
        """Return the text behind a version that repeats an older one."""
        while True:
            version = self.world.reports.version(ACCESSION, number)
            assert version is not None
            if version.reason.has_text:
                return version.files[CDA].sha256
            number -= 1

    def check(self) -> None:
        versions = {one.version: one for one in self.world.reports.versions(ACCESSION)}
        for number, channel in self.shown:
            assert not versions[number].marks.announcement_pending, (number, channel)
            before = [versions[one] for one in versions if one < number and versions[one].state is VersionState.SIGNED]
            flagged = [one for one in before if one.marks.announcement_pending and one.reason is not Reason.DELETION]
            if flagged:
                # Between the last version that waited and what was shown stands a release.
                last = max(one.version for one in flagged)
                released = [one for one in versions.values() if last < one.version <= number and one.reason is Reason.ANNOUNCEMENT]
                deleted = [one for one in versions.values() if last < one.version <= number and one.reason is Reason.DELETION]
                assert released or deleted, (last, number, channel)
        self.check_professionals()
        self.check_rows()

    def check_professionals(self) -> None:
        """Nobody is told the same words twice."""
        for place, got in self.mailed.items():
            if place.startswith("mss_professional/"):
                sent = [words for _, words in dict(got).items()]
                assert len(sent) == len(set(sent)), (place, got)

    def check_rows(self) -> None:
        rows = self.world.deliveries.of_owner(ACCESSION)
        for row in rows:
            if row.operation == REPLACE and row.state is not DeliveryState.WITHDRAWN:
                assert 0 < row.predecessor_version < row.report_version, row
                assert row.predecessor, row
        draft = self.world.reports.draft(ACCESSION)
        if draft is not None and draft.status is DraftStatus.DELETED:
            ours = [one for one in rows if one.operation != DELETE]
            assert not [one for one in ours if surely_not_left(one) and one.channel != "dmp"], rows


@pytest.mark.parametrize("part", range(6))
@pytest.mark.segur("CRR.02")
def test_nothing_reaches_a_patient_before_the_announcement(part: int) -> None:
    seen: set[Reason] = set()
    shown = 0
    for seed in range(part * LIVES // 6, (part + 1) * LIVES // 6):
        life = Report(seed)
        life.write()
        for _ in range(STEPS):
            life.step()
        seen |= {one.reason for one in life.world.reports.versions(ACCESSION)}
        shown += len(life.shown)
    assert set(Reason) == seen
    assert shown > 5
