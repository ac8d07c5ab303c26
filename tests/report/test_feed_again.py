"""An opposition to the DMP that is over lets the report go; a refusal that is over never does, and nothing leaves past a person's hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.dispatch.lifted_opposition import wake_opposed
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.application.report.correct_report import correct_report
from ris.application.report.feed_again import feed_again
from ris.application.report.freeze_report import freeze_report
from ris.application.report.record_refusal import record_refusal
from ris.application.report.reissues import StoredReissues
from ris.application.report.remake_report import delete_report
from ris.application.report.withhold import withhold
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.patient import IdentityStatus, Patient
from tests.support.reports import ACCESSION, GROUP, NOW, ReportWorld, an_exam


class NoDirectory:
    """The sweep has no right to read the directory, and needs none."""

    def of_professional(self, rpps: str) -> list[DirectoryMailbox]:
        raise AssertionError(rpps)

    def of_structure(self, structure: str) -> list[DirectoryMailbox]:
        raise AssertionError(structure)


def opposed(**exam: str) -> ReportWorld:
    """Return a world whose report was validated while its patient opposed."""
    world = ReportWorld(exam=an_exam(**exam))
    world.patient = world.patients.save(replace(stored(world), consents={"ZFA-9": "IO"}))
    world.signed()
    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.WITHDRAWN, "opposition", None)
    return world


def stored(world: ReportWorld) -> Patient:
    patient = world.patients.get(world.patient.patient_id)
    assert patient is not None
    return patient


def dmp(world: ReportWorld, version: int = 1) -> Delivery:
    row = world.deliveries.get(ACCESSION, "dmp", "DMP", version)
    assert row is not None
    return row


def says(world: ReportWorld, feeding: str) -> int:
    """Let the patient say something else, and wake what that frees."""
    world.patient = world.patients.save(replace(stored(world), consents={"ZFA-9": feeding}))
    return StoredReissues(world.s).lifted(world.patient.patient_id, NOW)


@pytest.mark.parametrize("feeding", ["INO", "NA", ""])
def test_a_report_goes_once_its_patient_opposes_no_more(feeding: str) -> None:
    world = opposed()

    world.s = replace(world.s, directory=NoDirectory())
    assert says(world, feeding) == 1
    assert (dmp(world).state, dmp(world).due_at) == (DeliveryState.WITHDRAWN, NOW)
    feed_again(world.s, dmp(world), NOW)

    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.PENDING, "", NOW)
    assert says(world, feeding) == 0, "a second time changes nothing"
    before = dmp(world)
    assert feed_again(world.s, before, NOW) == before


def test_one_opposition_is_enough_the_episodes_or_the_patients() -> None:
    world = opposed(information="IO")

    assert says(world, "INO") == 0

    assert dmp(world).due_at is None


def test_a_patient_who_opposes_again_before_the_sweep_keeps_it_back() -> None:
    world = opposed()
    says(world, "INO")
    world.patients.save(replace(stored(world), consents={"ZFA-9": "IO"}))

    feed_again(world.s, dmp(world), NOW)

    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.WITHDRAWN, "opposition", None)


def test_what_was_withheld_meanwhile_waits_for_its_person() -> None:
    world = opposed()
    withhold(world.s, ACCESSION, on=True, now=NOW)
    says(world, "INO")

    feed_again(world.s, dmp(world), NOW)

    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.HELD, "withheld", None)


def test_a_report_that_was_deleted_or_has_a_later_version_stays_back() -> None:
    deleted, corrected = opposed(), opposed()
    delete_report(deleted.s, ACCESSION, actor="dr.rayon", now=NOW)
    freeze_report(deleted.s, deleted.command(), NOW)
    says(deleted, "INO")
    feed_again(deleted.s, dmp(deleted), NOW)
    draft = corrected.reports.draft(ACCESSION)
    assert draft is not None
    correct_report(corrected.s, ACCESSION, draft.rev, actor="dr.rayon", now=NOW)
    corrected.signed()
    woken = says(corrected, "INO")
    feed_again(corrected.s, replace(dmp(corrected), due_at=NOW), NOW)

    assert (dmp(deleted).state, dmp(deleted).due_at) == (DeliveryState.WITHDRAWN, None)
    assert (woken, dmp(corrected, 2).due_at, dmp(corrected).due_at) == (1, NOW, None)
    assert dmp(corrected).state is DeliveryState.WITHDRAWN


def test_without_an_ins_it_is_held_for_the_identity_and_made_again_once_that_is_qualified() -> None:
    world = ReportWorld()
    world.patients.save(replace(stored(world), status=IdentityStatus.VALIDEE, consents={"ZFA-9": "IO"}))
    world.signed()
    says(world, "INO")

    feed_again(world.s, dmp(world), NOW)
    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.HELD, "identity", None)

    world.patients.save(replace(stored(world), status=IdentityStatus.QUALIFIEE, consents={"ZFA-9": "IO"}))
    assert StoredReissues(world.s).wake(world.patient.patient_id, NOW) == 1


def test_one_that_is_qualified_meanwhile_is_due_at_once() -> None:
    world = ReportWorld()
    world.patients.save(replace(stored(world), status=IdentityStatus.VALIDEE, consents={"ZFA-9": "IO"}))
    world.signed()
    world.patients.save(replace(stored(world), status=IdentityStatus.QUALIFIEE))
    says(world, "INO")

    feed_again(world.s, dmp(world), NOW)

    assert (dmp(world).state, dmp(world).reason, dmp(world).due_at) == (DeliveryState.HELD, "identity", NOW)


def test_a_refusal_of_mail_that_is_over_brings_nothing_back() -> None:
    world = ReportWorld()
    world.signed()
    record_refusal(world.patients, world.s, world.patient.patient_id, "PATIENT", on=True, now=NOW)
    record_refusal(world.patients, world.s, world.patient.patient_id, "PATIENT", on=False, now=NOW)
    mail = world.deliveries.get(ACCESSION, "mss_patient", "PATIENT", 1)

    assert wake_opposed(world.deliveries, world.s.exams, stored(world), NOW) == 0

    assert mail is not None
    assert (mail.state, mail.reason) == (DeliveryState.WITHDRAWN, "refusal")
    assert world.deliveries.get(ACCESSION, "mss_patient", "PATIENT", 1) == mail


def test_only_the_dmps_withdrawn_row_is_woken() -> None:
    world = ReportWorld()
    world.signed()
    before = world.deliveries.of_owner(ACCESSION)

    assert wake_opposed(world.deliveries, world.s.exams, stored(world), NOW) == 0

    assert world.deliveries.of_owner(ACCESSION) == before


def test_where_a_platform_sends_what_it_was_not_asked_to_feed_is_ours() -> None:
    world = opposed()
    sites = tuple(replace(one, who_sends="platform", hl7_destinations=("HIS",)) for one in GROUP.sites)
    world.s = replace(world.s, reference=MemoryReferenceBook(replace(GROUP, sites=sites)))
    says(world, "INO")

    feed_again(world.s, dmp(world), NOW)

    assert (dmp(world).state, dmp(world).who_sends, dmp(world).due_at) == (DeliveryState.PENDING, "ours", NOW)
