"""Freezing: what the content is made of, the plan in the same transaction, and refusals that put the draft back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.report.freeze_report import FreezeReport, freeze_report
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.agenda.exam import Performed
from ris.domain.agenda.request import Prescriber
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import InvalidInput, Refused, RisError
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.version import FROZEN, VersionState
from tests.support.reports import ACCESSION, ENTITY, GROUP, NOW, ReportWorld, a_patient, a_request, a_session, an_exam


def frozen(world: ReportWorld) -> FrozenReport:
    """Validate, freeze, and return the content as it was kept."""
    world.validated()
    version = freeze_report(world.s, world.command(), NOW)
    return world.s.codec.load(world.documents.kept[version.files[FROZEN].key])


def test_the_content_says_who_what_when_where_and_for_whom() -> None:
    report = frozen(ReportWorld())

    assert (1, "R260000000001", "") == (report.version, report.report_id, report.replaces)
    assert report.set_id != report.document_id
    assert all(one.startswith("2.25.") and len(one) <= 64 for one in (report.set_id, report.document_id))
    assert ("Scanner thoracique", NOW.replace(microsecond=0)) == (report.title, report.validated_at)
    assert ["Indication", "Résultats", "Conclusion"] == [section.heading for section in report.sections]
    assert "5 \u2126." in report.sections[1].text
    assert report.identity is not None
    assert ("IPP-90017", "275126322074974") == (report.ipp.value, report.identity.ins.matricule)
    assert ("RAYON", "SM44", "Radio-diagnostic") == (
        report.author.family, report.author.speciality_code, report.author.speciality_label,
    )  # fmt: skip
    assert ("1990000017", "Imagerie du Nord", ENTITY, ("Centre Nord", "1 rue du Test", "99000 Essai")) == (
        report.structure.struct_idnat, report.structure.name, report.structure.finess_geo, report.structure.address,
    )  # fmt: skip
    assert report.requester is not None
    assert ("89990005678", "EXEMPLE", "SM54") == (report.requester.rpps, report.requester.family, report.requester.speciality_code)
    assert ["COPIE"] == [person.family for person in report.recipients]
    assert ("OPN-777", "1.2.250.1.99999.7") == (report.placer_order_number, report.placer_authority)
    (act,) = report.acts
    assert ("29252-4", "ZBQK001", "CT", "67734004") == (act.loinc, act.ccam, act.modality, act.region_code)
    assert (datetime(2026, 11, 26, 8, 32, tzinfo=UTC), datetime(2026, 11, 26, 8, 45, tzinfo=UTC)) == (
        report.performed_start, report.performed_end,
    )  # fmt: skip
    assert "Vos données, vos droits." == report.footer


def test_the_wrong_worklist_entry_does_not_date_the_exam() -> None:
    wrong = Performed(
        "2.25.8", "DISCONTINUED", started_at="20261125070000", ended_at="20261125070100", discontinuation_reason="110514"
    )
    exam = an_exam(performed=(wrong, *an_exam().performed))

    assert datetime(2026, 11, 26, 8, 32, tzinfo=UTC) == frozen(ReportWorld(exam=exam)).performed_start


def test_an_exam_without_times_of_the_modality_is_dated_by_its_appointment() -> None:
    exam = an_exam(performed=(Performed("2.25.8", "COMPLETED", started_at="2026"),))

    assert exam.appointment.start == frozen(ReportWorld(exam=exam)).performed_start


def test_a_requester_nobody_knows_is_named_as_the_order_names_them() -> None:
    world = ReportWorld()
    world.rows.requests["r-1"] = a_request(prescriber=Prescriber("", "INCONNU", "JEAN"), placer_authority="HIS")

    report = frozen(world)

    assert report.requester is not None
    assert ("", "INCONNU", "") == (report.requester.rpps, report.requester.family, report.placer_authority)


def test_an_exam_without_request_has_no_requester() -> None:
    assert frozen(ReportWorld(exam=an_exam(request_id=""))).requester is None


def test_version_content_and_delivery_rows_are_written_together() -> None:
    world = ReportWorld()
    world.validated()

    version = freeze_report(world.s, world.command(), NOW)

    (row,) = [one for one in world.deliveries.of_owner(ACCESSION) if one.channel == "dmp"]
    assert (VersionState.FROZEN, ENTITY, f"{ACCESSION}/v1/frozen.json") == (
        version.state, version.legal_entity, version.files[FROZEN].key,
    )  # fmt: skip
    assert ("dmp", "DMP", DeliveryState.PENDING, 1, version.document_id) == (
        row.channel, row.recipient, row.state, row.report_version, row.document_id,
    )  # fmt: skip
    assert [
        ("dmp", "DMP"),
        ("mss_professional", "89990005678"),
        ("mss_professional", "89990009999"),
        ("mss_patient", "PATIENT"),
    ] == [(one.channel, one.recipient) for one in version.plan]
    assert {DeliveryState.PENDING} == {one.state for one in version.plan}


@pytest.mark.parametrize(
    ("patient", "exam", "state", "reason"),
    [
        ({"status": IdentityStatus.RECUPEREE}, {}, DeliveryState.HELD, "identity"),
        ({"ins": None}, {}, DeliveryState.HELD, "identity"),
        ({"consents": {"ZFA-9": "IO"}}, {}, DeliveryState.WITHDRAWN, "opposition"),
        ({}, {"information": "IO"}, DeliveryState.WITHDRAWN, "opposition"),
        ({"consents": {"ZFA-9": "NA"}}, {}, DeliveryState.PENDING, ""),
        ({"status": IdentityStatus.VALIDEE, "consents": {"ZFA-9": "IO"}}, {}, DeliveryState.WITHDRAWN, "opposition"),
    ],
)
def test_the_plan_follows_the_identity_and_the_opposition(
    patient: dict[str, object], exam: dict[str, object], state: DeliveryState, reason: str
) -> None:
    world = ReportWorld(patient=a_patient(**patient), exam=an_exam(**exam))

    report = frozen(world)

    (row,) = [one for one in world.deliveries.of_owner(ACCESSION) if one.channel == "dmp"]
    assert (state, reason) == (row.state, row.reason)
    assert (report.identity is None) == ("status" in patient or "ins" in patient)


def test_frozen_again_is_frozen_once_whatever_changed_meanwhile() -> None:
    world = ReportWorld()
    world.validated()
    first = freeze_report(world.s, world.command(), NOW)
    before = dict(world.documents.kept)
    saved = world.patients.get("p-1")
    assert saved is not None
    world.patients.save(replace(saved, status=IdentityStatus.PROVISOIRE))

    assert first == freeze_report(world.s, world.command(), NOW)
    assert before == world.documents.kept
    assert 4 == len(world.deliveries.of_owner(ACCESSION))


def test_an_execution_of_an_older_click_freezes_nothing() -> None:
    world = ReportWorld()
    draft = world.validated()

    with pytest.raises(Refused) as gone:
        freeze_report(world.s, FreezeReport(ACCESSION, 1, draft.rev - 1), NOW)
    with pytest.raises(InvalidInput) as unknown:
        freeze_report(world.s, FreezeReport("absent", 1, 1), NOW)

    assert ("validation_gone", "unknown_report") == (gone.value.code, unknown.value.code)
    assert draft == world.reports.draft(ACCESSION)
    assert [] == world.reports.versions(ACCESSION)


@pytest.mark.parametrize(
    ("group", "code", "field"),
    [
        ({"legal_entities": ()}, "structure_incomplete", "legal_entity"),
        ({"sites": (replace(GROUP.sites[0], sector_code=""),)}, "structure_incomplete", "sector_code"),
        ({"practitioners": ()}, "author_incomplete", "practitioner"),
        ({"practitioners": (replace(GROUP.practitioners[0], speciality_code=""),)}, "author_incomplete", "speciality_code"),
        ({"catalogue": ()}, "act_incomplete", "exam_code"),
        ({"catalogue": (replace(GROUP.catalogue[0], loinc=""),)}, "act_incomplete", "loinc"),
        ({"catalogue": (replace(GROUP.catalogue[0], region_code=""),)}, "act_incomplete", "region_code"),
        ({"sites": (replace(GROUP.sites[0], ipp_authority="1.2.3"),)}, "no_ipp_at_site", "patient"),
        ({"sites": (replace(GROUP.sites[0], report_notice="漢"),)}, "character_not_drawable", "report_notice"),
    ],
)
def test_facts_that_went_missing_after_the_click_put_the_draft_back(group: dict[str, object], code: str, field: str) -> None:
    world = ReportWorld()
    world.validated()
    world.s = replace(world.s, reference=MemoryReferenceBook(replace(GROUP, **group)))  # type: ignore[arg-type]

    with pytest.raises(RisError) as refused:
        freeze_report(world.s, world.command(), NOW)

    assert (code, field) == (refused.value.code, refused.value.field)
    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    assert draft.refusal is not None
    assert (DraftStatus.DRAFT, code, field, NOW) == (draft.status, draft.refusal.code, draft.refusal.field, draft.refusal.at)
    assert ([], {}, []) == (world.reports.versions(ACCESSION), world.documents.kept, world.deliveries.of_owner(ACCESSION))


def test_after_a_refusal_the_same_version_is_validated_under_another_execution_name() -> None:
    world = ReportWorld()
    world.validated()
    good, world.s = world.s, replace(world.s, reference=MemoryReferenceBook(replace(GROUP, practitioners=())))
    with pytest.raises(Refused):
        freeze_report(world.s, world.command(), NOW)
    with pytest.raises(Refused) as again:
        freeze_report(world.s, world.command(), NOW)
    world.s = good
    draft = world.reports.draft(ACCESSION)
    assert draft is not None

    validate_report(world.s, ValidateReport(ACCESSION, draft.rev, a_session()), NOW)

    assert "validation_gone" == again.value.code
    assert [f"signing-{ACCESSION}-1", f"signing-{ACCESSION}-1-2"] == list(world.workflows.started)
    assert (1, VersionState.SIGNED) == ((version := world.run()).version, version.state)
    settled = world.reports.draft(ACCESSION)
    assert settled is not None
    assert (DraftStatus.VALIDATED, None, 1) == (settled.status, settled.refusal, settled.version)


def test_identifiers_are_functions_of_the_exam_and_the_version() -> None:
    first, second = frozen(ReportWorld()), frozen(ReportWorld())
    other = frozen(ReportWorld(exam=an_exam(accession_authority="2.25.7")))

    assert (first.set_id, first.document_id) == (second.set_id, second.document_id)
    assert not {first.set_id, first.document_id} & {other.set_id, other.document_id}
