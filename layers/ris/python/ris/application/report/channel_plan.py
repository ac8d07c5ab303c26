"""Gather what the channel plan of a version is made of: marks, identity, what the patient wants, who is to get it, the site's settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.report.expected_channels import Asked, facts_before
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
        report: The frozen content: who asked and who gets a copy is what it says.
        reason: Why the version is made, and `marks` who may see it.
        now: Aware UTC instant.
    """
    request = s.exams.get_request(exam.request_id) if exam.request_id else None
    people = [person for person in (report.requester, *report.recipients) if person is not None]
    site = s.reference.site(exam.site)
    entity = s.reference.legal_entity(site.legal_entity) if site else None
    facts, _ = facts_before(s, Asked(exam.site, patient, request, exam, marks, tuple(person.rpps for person in people)))
    return replace(
        facts,
        version=report.version,
        document_id=report.document_id,
        now=now,
        qualified=report.identity is not None,
        reason=reason,
        professionals=tuple(dict.fromkeys(person.rpps for person in people if person.rpps)),
        unnamed=report.requester is not None and not report.requester.rpps,
        origin=Origin(
            time_zone=report.time_zone,
            legal_entity=entity.finess_ej if entity else "",
            finess_geo=report.structure.finess_geo,
            author=report.author.rpps,
            qualified=report.identity is not None,
        ),
    )
