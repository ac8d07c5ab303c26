"""Records of one request that acts on several objects: each of them leaves one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ris.application.access.record_audit import record_audit
from ris.domain.access.audit import Visit
from ris.portal.call import Call


@dataclass(frozen=True)
class Done:
    """What became of one object.

    Args:
        object_id: Our identifier.
        patient_id: Of the patient it is about, where that is known.
        refusal: Code of the rule that kept it from being acted on, or an empty string.
    """

    object_id: str
    patient_id: str = ""
    refusal: str = ""


def record_each(call: Call, site: str, done: Sequence[Done]) -> None:
    """Keep a record of each object; the gate's own is that of the last one on which something was done."""
    acted = [one for one in done if not one.refusal]
    if acted:
        call.names(acted[-1].object_id, acted[-1].patient_id)
    for one in (*acted[:-1], *(one for one in done if one.refusal)):
        visit, result = (
            Visit(call.rule.action, site, one.object_id, call.source_ip, one.patient_id),
            "refused" if one.refusal else "allowed",
        )
        record_audit(call.services.access, call.session, visit, result=result, code=one.refusal, role=call.role, now=call.now)


def patients_of(call: Call, accessions: Sequence[str]) -> dict[str, str]:
    """Return whose exam each of these is, by Accession Number; one read of all of them."""
    return {accession: exam.patient_id for accession, exam in call.services.agenda.exams.get_many(accessions).items()}
