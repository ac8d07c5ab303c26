"""What comes after a first version: correction, announcement done, identity qualified later, deletion, withholding."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.report.correct_report import correct_report, set_marks
from ris.application.report.freeze_report import freeze_report
from ris.application.report.reissues import StoredReissues
from ris.application.report.remake_report import delete_report, reissue_for_identity, release_announcement
from ris.application.report.restart_signing import restart_signing
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.application.report.withhold import withhold
from ris.domain.dispatch.delivery import CREATE, DELETE, REPLACE, Delivery, DeliveryState
from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.version import CDA, FROZEN, Version, VersionState
from tests.support.reports import ACCESSION, NOW, TEXT, ReportWorld, a_patient, a_session

LATER = NOW + timedelta(hours=1)
REQUESTER, COPY = "89990005678", "89990009999"
UNQUALIFIED = {"status": IdentityStatus.PROVISOIRE, "ins": None, "strict": None}


def row(world: ReportWorld, channel: str, recipient: str, version: int) -> Delivery:
    found = world.deliveries.get(ACCESSION, channel, recipient, version)
    assert found is not None, (channel, recipient, version)
    return found


def states(world: ReportWorld, version: int) -> dict[str, str]:
    rows = [one for one in world.deliveries.of_owner(ACCESSION) if one.report_version == version]
    return {f"{one.channel}/{one.recipient}": f"{one.state.value} {one.reason} {one.operation}".replace("  ", " ") for one in rows}


def arrive(world: ReportWorld, version: int, *channels: str) -> None:
    """Let the rows of these channels have arrived (all of them when none is named)."""
    for one in world.deliveries.of_owner(ACCESSION):
        if one.report_version == version and one.state is DeliveryState.PENDING and (not channels or one.channel in channels):
            world.deliveries.save(replace(one, state=DeliveryState.DELIVERED, due_at=None, attempts=1))


def draft_of(world: ReportWorld) -> Draft:
    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    return draft


def mark(world: ReportWorld, **marks: bool) -> Draft:
    draft = world.reports.draft(ACCESSION)
    return set_marks(world.s, ACCESSION, draft.rev if draft else 0, Marks(**marks), actor="dr.rayon", now=NOW)


def hidden(world: ReportWorld, version: Version) -> bool:
    return world.s.codec.load(world.documents.kept[version.files[FROZEN].key]).visibility.invisible_to_patient


def corrected(world: ReportWorld, text: str = "Petit foyer.") -> Version:
    correct_report(world.s, ACCESSION, draft_of(world).rev, actor="dr.rayon", now=LATER)
    world.written(sections=(*TEXT[:2], replace(TEXT[2], text=text)))
    validate_report(world.s, ValidateReport(ACCESSION, draft_of(world).rev, a_session()), LATER)
    return world.run(now=LATER)


@pytest.mark.segur("CRR.02")
def test_a_flag_set_before_validation_hides_the_report_from_the_patient() -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)

    version = world.signed()

    assert version.marks == Marks(announcement_pending=True)
    assert hidden(world, version)
    assert states(world, 1) == {
        "dmp/DMP": "pending create",
        f"mss_professional/{REQUESTER}": "pending create",
        f"mss_professional/{COPY}": "pending create",
        "mss_patient/PATIENT": "held announcement create",
    }


@pytest.mark.segur("CRR.03")
def test_announcement_done_makes_the_next_version_visible_and_mails_the_patient_alone() -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)
    first = world.signed()
    arrive(world, 1)

    draft = release_announcement(world.s, ACCESSION, actor="dr.second", now=LATER)
    assert draft.status is DraftStatus.VALIDATING
    assert f"announcement-{ACCESSION}-2-2" in world.workflows.started
    second = world.run(now=LATER)

    assert (second.reason, second.requested_by, second.validated_by) == (Reason.ANNOUNCEMENT, "dr.second", "dr.rayon")
    assert (second.set_id, second.replaces, second.validated_at) == (first.set_id, first.document_id, first.validated_at)
    assert not hidden(world, second)
    assert b'<versionNumber value="2"/>' in world.documents.kept[second.files[CDA].key]
    assert states(world, 1)["mss_patient/PATIENT"] == "withdrawn superseded create"
    assert states(world, 2) == {
        "dmp/DMP": "pending replace",
        f"mss_professional/{REQUESTER}": "withdrawn same_content create",
        f"mss_professional/{COPY}": "withdrawn same_content create",
        "mss_patient/PATIENT": "pending create",
    }
    assert (first.document_id, 1) == (row(world, "dmp", "DMP", 2).predecessor, row(world, "dmp", "DMP", 2).predecessor_version)
    assert (DraftStatus.VALIDATED, 2, False) == (
        draft_of(world).status, draft_of(world).version, draft_of(world).marks.announcement_pending,
    )  # fmt: skip


def test_announcement_done_twice_makes_one_version() -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)
    world.signed()
    for _ in range(2):
        release_announcement(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    world.run(now=LATER)

    again = release_announcement(world.s, ACCESSION, actor="dr.rayon", now=LATER)

    assert (2, DraftStatus.VALIDATED) == (again.version, again.status)
    assert [1, 2] == [one.version for one in world.reports.versions(ACCESSION)]


def test_a_correction_keeps_an_announcement_that_waits_and_only_announcement_done_ends_it() -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)
    world.signed()
    draft = correct_report(world.s, ACCESSION, draft_of(world).rev, actor="dr.rayon", now=LATER)

    assert draft.marks.announcement_pending
    with pytest.raises(Refused) as refused:
        mark(world)
    assert "announcement_not_done" == refused.value.code
    release_announcement(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    world.run(now=LATER)

    after = draft_of(world)
    assert (DraftStatus.DRAFT, 2, Marks()) == (after.status, after.version, after.marks)
    validate_report(world.s, ValidateReport(ACCESSION, after.rev, a_session()), LATER)
    assert (3, Reason.CORRECTION, Marks()) == (world.run(now=LATER).version, *_of(world, 3))


def _of(world: ReportWorld, version: int) -> tuple[Reason, Marks]:
    found = world.reports.version(ACCESSION, version)
    assert found is not None
    return found.reason, found.marks


def test_a_correction_replaces_what_arrived_and_is_a_first_where_nothing_did() -> None:
    world = ReportWorld()
    first = world.signed()
    arrive(world, 1, "dmp", "mss_patient")

    second = corrected(world)

    assert (second.reason, second.replaces) == (Reason.CORRECTION, first.document_id)
    assert {states(world, 1)[f"mss_professional/{rpps}"] for rpps in (REQUESTER, COPY)} == {"withdrawn superseded create"}
    assert states(world, 2) == {
        "dmp/DMP": "pending replace",
        f"mss_professional/{REQUESTER}": "pending create",
        f"mss_professional/{COPY}": "pending create",
        "mss_patient/PATIENT": "pending replace",
    }


def test_in_the_dmp_a_version_that_waits_behind_one_that_stands_keeps_its_turn() -> None:
    world = ReportWorld()
    world.signed()
    arrive(world, 1)
    corrected(world)

    corrected(world, "Deux petits foyers.")

    assert "pending replace" == states(world, 2)["dmp/DMP"]
    assert "withdrawn superseded replace" == states(world, 2)["mss_patient/PATIENT"]
    assert 1 == row(world, "mss_patient", "PATIENT", 3).predecessor_version


def test_an_identity_qualified_later_makes_the_next_version_by_itself() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    first = world.signed()
    arrive(world, 1)
    assert "held identity create" == states(world, 1)["dmp/DMP"]
    world.patients.save(replace(a_patient(), version=1))

    assert 1 == StoredReissues(world.s).wake("p-1", LATER)
    second = world.run(now=LATER)

    report = world.s.codec.load(world.documents.kept[second.files["frozen.json"].key])
    assert report.identity is not None
    assert (second.reason, second.requested_by) == (Reason.IDENTITY, "identity_qualified")
    assert (second.validated_at, second.validated_by, second.rpps) == (first.validated_at, first.validated_by, first.rpps)
    assert {"withdrawn superseded create"} == {states(world, 1)[name] for name in ("dmp/DMP", "mss_patient/PATIENT")}
    assert states(world, 2) == {
        "dmp/DMP": "pending create",
        f"mss_professional/{REQUESTER}": "withdrawn same_content create",
        f"mss_professional/{COPY}": "withdrawn same_content create",
        "mss_patient/PATIENT": "pending create",
    }
    assert 0 == StoredReissues(world.s).wake("p-1", LATER)


def test_an_identity_qualified_while_the_report_is_being_signed_is_not_forgotten() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    world.validated()
    freeze_report(world.s, world.command(), NOW)
    world.patients.save(replace(a_patient(), version=1))

    StoredReissues(world.s).wake("p-1", NOW)
    assert 1 == len(world.workflows.started)
    world.run()

    assert {"dmp", "mss_patient"} == {one.channel for one in world.deliveries.due("nord", now=NOW, limit=9)}
    assert reissue_for_identity(world.s, ACCESSION, LATER)
    assert Reason.IDENTITY is world.run(now=LATER).reason


def test_an_identity_qualified_between_the_reading_and_the_freeze_is_not_forgotten() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    world.validated()
    inner, commits = world.reports.commit, []

    def qualified_meanwhile(*given: object, **named: object) -> object:
        if not commits:
            commits.append(1)
            world.patients.save(replace(a_patient(), version=1))
            StoredReissues(world.s).wake("p-1", NOW)
        return inner(*given, **named)  # type: ignore[arg-type]

    world.reports.commit = qualified_meanwhile  # type: ignore[method-assign, assignment]
    freeze_report(world.s, world.command(), NOW)

    assert {"dmp", "mss_patient"} == {one.channel for one in world.deliveries.due("nord", now=NOW, limit=9)}


def test_an_identity_that_is_lost_again_makes_no_version() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    world.signed()
    patient = world.patients.save(replace(a_patient(), version=1))
    StoredReissues(ReportWorld(patient=a_patient()).s).wake("p-1", NOW)
    world.patients.save(replace(patient, **UNQUALIFIED))

    assert not reissue_for_identity(world.s, ACCESSION, LATER)
    assert [] == [one for one in world.deliveries.due("nord", now=LATER, limit=9) if one.state is DeliveryState.HELD]


def test_a_text_that_is_being_corrected_survives_a_version_that_comes_by_itself() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    world.signed()
    correct_report(world.s, ACCESSION, draft_of(world).rev, actor="dr.rayon", now=LATER)
    world.written(title="Scanner corrigé")
    world.patients.save(replace(a_patient(), version=1))
    StoredReissues(world.s).wake("p-1", LATER)
    world.written(title="Scanner corrigé deux fois")

    with pytest.raises(Refused) as refused:
        validate_report(world.s, ValidateReport(ACCESSION, draft_of(world).rev, a_session()), LATER)
    assert "report_validating" == refused.value.code
    second = world.run(now=LATER)

    report = world.s.codec.load(world.documents.kept[second.files["frozen.json"].key])
    assert ("Scanner thoracique", Reason.IDENTITY) == (report.title, second.reason)
    assert ("Scanner corrigé deux fois", DraftStatus.DRAFT, 2) == (
        draft_of(world).title, draft_of(world).status, draft_of(world).version,
    )  # fmt: skip


@pytest.mark.segur("DMP.02")
def test_a_deletion_takes_back_what_left_and_keeps_what_did_not() -> None:
    world = ReportWorld()
    first = world.signed()
    arrive(world, 1, "dmp")
    world.deliveries.save(replace(row(world, "mss_patient", "PATIENT", 1), unknown=True, attempts=1))

    delete_report(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    version = freeze_report(world.s, world.command(), LATER)

    assert (version.reason, version.state, version.replaces) == (Reason.DELETION, VersionState.SIGNED, first.document_id)
    assert states(world, 2) == {"dmp/DMP": "pending delete", "mss_patient/PATIENT": "pending delete"}
    assert (first.document_id, 1) == (row(world, "dmp", "DMP", 2).predecessor, row(world, "dmp", "DMP", 2).predecessor_version)
    assert {states(world, 1)[f"mss_professional/{rpps}"] for rpps in (REQUESTER, COPY)} == {"withdrawn deleted create"}
    assert DraftStatus.DELETED is draft_of(world).status
    assert row(world, "mss_patient", "PATIENT", 2).message_id != row(world, "mss_patient", "PATIENT", 1).message_id
    assert delete_report(world.s, ACCESSION, actor="dr.rayon", now=LATER).status is DraftStatus.DELETED
    with pytest.raises(Refused) as refused:
        release_announcement(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    assert "report_deleted" == refused.value.code


def test_each_recipient_loses_the_version_that_they_have() -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)
    world.signed()
    arrive(world, 1)
    release_announcement(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    world.run(now=LATER)
    arrive(world, 2)

    delete_report(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    freeze_report(world.s, world.command(), LATER)

    versions = {one.recipient: one.predecessor_version for one in world.deliveries.of_owner(ACCESSION) if one.operation == DELETE}
    assert {"DMP": 2, "PATIENT": 2, REQUESTER: 1, COPY: 1} == versions


def test_after_a_deletion_a_corrected_report_is_a_first_sending() -> None:
    world = ReportWorld()
    world.signed()
    arrive(world, 1)
    delete_report(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    freeze_report(world.s, world.command(), LATER)
    arrive(world, 2)

    third = corrected(world)

    assert (3, Reason.VALIDATION, "") == (third.version, third.reason, third.replaces)
    assert {CREATE} == {one.operation for one in world.deliveries.of_owner(ACCESSION) if one.report_version == 3}


def test_paper_is_called_back_on_paper() -> None:
    world = ReportWorld()
    world.signed()
    sent = row(world, "mss_professional", REQUESTER, 1)
    world.deliveries.save(replace(sent, channel="to_print", version=0, state=DeliveryState.DELIVERED, settled_by="secretaire"))
    world.deliveries.save(replace(sent, state=DeliveryState.WITHDRAWN))

    delete_report(world.s, ACCESSION, actor="dr.rayon", now=LATER)
    freeze_report(world.s, world.command(), LATER)

    assert "held to_print delete" == states(world, 2)[f"to_print/{REQUESTER}"]
    assert "" == row(world, "to_print", REQUESTER, 2).settled_by


def test_nothing_leaves_of_a_withheld_report_until_somebody_lets_it_go() -> None:
    world = ReportWorld()
    mark(world, withheld=True)
    world.signed()
    assert {"held withheld create"} == set(states(world, 1).values())

    withhold(world.s, ACCESSION, on=False, now=LATER)

    assert {"pending create"} == set(states(world, 1).values())
    assert 4 == len(world.deliveries.due("nord", now=LATER, limit=9))
    assert not draft_of(world).marks.withheld


def test_withholding_after_validation_stops_what_has_not_left() -> None:
    world = ReportWorld()
    world.signed()
    arrive(world, 1, "dmp")

    for _ in range(2):
        withhold(world.s, ACCESSION, on=True, now=LATER)

    assert "delivered create" == states(world, 1)["dmp/DMP"]
    assert "held withheld create" == states(world, 1)["mss_patient/PATIENT"]


def test_letting_go_a_withheld_report_wakes_what_waits_for_an_identity_known_since() -> None:
    world = ReportWorld(patient=a_patient(**UNQUALIFIED))
    mark(world, withheld=True)
    world.signed()
    world.patients.save(replace(a_patient(), version=1))
    assert 0 == StoredReissues(world.s).wake("p-1", LATER)

    withhold(world.s, ACCESSION, on=False, now=LATER)

    assert "held identity create" == states(world, 1)["dmp/DMP"]
    assert {"dmp", "mss_patient", "mss_professional"} == {one.channel for one in world.deliveries.due("nord", now=LATER, limit=9)}


@pytest.mark.parametrize("what", [release_announcement, delete_report])
def test_a_start_that_failed_is_left_to_the_sweep(what: object) -> None:
    world = ReportWorld()
    mark(world, announcement_pending=True)
    world.signed()
    world.workflows._failures.append(RemoteUnavailable("workflows_unavailable"))

    what(world.s, ACCESSION, actor="dr.rayon", now=LATER)  # type: ignore[operator]
    assert 1 == len(world.workflows.started)
    restart_signing(world.s, ACCESSION, LATER + timedelta(minutes=6))

    assert f"signing-{ACCESSION}-2-3" in world.workflows.started


def test_what_is_not_validated_is_neither_corrected_nor_released_nor_deleted() -> None:
    world = ReportWorld()
    draft = world.written()

    for change in (release_announcement, delete_report):
        with pytest.raises(Refused) as refused:
            change(world.s, ACCESSION, actor="dr.rayon", now=NOW)
        assert "report_not_validated" == refused.value.code
    with pytest.raises(Refused) as open_:
        correct_report(world.s, ACCESSION, draft.rev, actor="dr.rayon", now=NOW)
    assert "report_not_validated" == open_.value.code


def test_replacing_rows_say_whose_document_they_replace() -> None:
    world = ReportWorld()
    first = world.signed()
    arrive(world, 1)

    corrected(world)

    replacing = [one for one in world.deliveries.of_owner(ACCESSION) if one.report_version == 2]
    assert {(REPLACE, first.document_id, 1)} == {(one.operation, one.predecessor, one.predecessor_version) for one in replacing}


def test_where_a_version_was_refused_the_next_one_replaces_what_is_there_and_its_cda_stays_everybodys() -> None:
    world = ReportWorld()
    first = world.signed()
    arrive(world, 1)
    second = corrected(world)
    refused = replace(row(world, "dmp", "DMP", 2), state=DeliveryState.REJECTED, due_at=None, attempts=1, reason="dmp_fault")
    world.deliveries.save(refused)
    arrive(world, 2)

    third = corrected(world, "Autre foyer.")

    cda = world.documents.kept[third.files[CDA].key]
    assert f'<parentDocument><id root="{second.document_id}"/></parentDocument>'.encode() in cda
    assert (row(world, "dmp", "DMP", 3).operation, row(world, "dmp", "DMP", 3).predecessor) == (REPLACE, first.document_id)
    assert row(world, "mss_patient", "PATIENT", 3).predecessor == second.document_id
