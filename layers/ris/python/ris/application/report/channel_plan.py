"""Gather what the channel plan of a version is made of: marks, identity, what the patient wants, who is to get it, the site's settings."""

from __future__ import annotations

from datetime import datetime

from ris.application.report.services import ReportServices
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Origin
from ris.domain.identity.patient import Patient
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import PlanFacts


def plan_facts(
    s: ReportServices, exam: Exam, patient: Patient | None, report: FrozenReport, reason: Reason, marks: Marks, now: datetime
) -> PlanFacts:
    """Return the facts at this instant.

    Args:
        s: The ports; nothing is written.
        exam: Whose report it is, and `patient` whose exam.
        report: The frozen content.
        reason: Why the version is made, and `marks` who may see it.
        now: Aware UTC instant.
    """
    site = s.reference.site(exam.site)
    entity = s.reference.legal_entity(site.legal_entity) if site else None
    people = [person for person in (report.requester, *report.recipients) if person is not None]
    named = tuple(dict.fromkeys(person.rpps for person in people if person.rpps))
    return PlanFacts(
        owner=exam.accession_number,
        site=exam.site,
        version=report.version,
        document_id=report.document_id,
        now=now,
        qualified=report.identity is not None,
        information=(patient.consents.get("ZFA-9", "") if patient else "", exam.information),
        marks=marks,
        reason=reason,
        refusals=patient.refusals if patient else frozenset(),
        professionals=named,
        unnamed=report.requester is not None and not report.requester.rpps,
        destinations=site.gets_reports if site else (),
        who_sends=site.who_sends if site else "ours",
        platform=site.platform if site else "",
        origin=Origin(
            time_zone=report.time_zone,
            legal_entity=entity.finess_ej if entity else "",
            finess_geo=report.structure.finess_geo,
            author=report.author.rpps,
            qualified=report.identity is not None,
        ),
    )
