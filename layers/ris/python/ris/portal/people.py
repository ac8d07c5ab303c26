"""A patient as pages and JSON show one: traits as sent, the HL7 null never."""

from __future__ import annotations

from ris.contracts.portal import PersonView
from ris.domain.identity.patient import Patient
from ris.portal.pages import shown


def person(patient: Patient | None, ipp: str) -> PersonView | None:
    """Return the patient for a list; None when the row is missing.

    Args:
        ipp: In the domain of the site the list is of; may be empty.
    """
    if patient is None:
        return None
    traits = patient.traits
    return PersonView(
        patient_id=patient.patient_id,
        ipp=shown(ipp),
        family=shown(traits.birth_family),
        given=shown(traits.birth_given),
        birth_date=traits.birth_date.isoformat() if traits.birth_date else "",
        sex=traits.sex,
    )
