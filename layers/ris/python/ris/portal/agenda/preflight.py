"""What each channel of the report to come would do, said while the patient is there and it can be mended.

Markup: rows `[data-channel][data-recipient][data-expected][data-mend]`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.report.expected_channels import Asked, ExpectedChannel, expected_channels
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.identity.patient import Patient
from ris.portal.call import Call
from ris.portal.french_expected import address_sentence, mend_sentence, state_sentence

_HERE = {"qualify_identity": "#identity", "inform_patient": "#identity", "ask_opposition": "#identity", "lift_refusal": "#refusals"}
"""Where on the patient's page a person does it."""


@dataclass(frozen=True)
class Expected:
    """One channel in words.

    Args:
        action: Address of the page where it is mended, or empty.
        good: It leaves by itself.
    """

    one: ExpectedChannel
    says: str
    mend: str
    address: str
    action: str
    good: bool


def preflight(
    call: Call, site: str, patient: Patient | None, request: ImagingRequest | None, exam: Exam | None = None
) -> list[Expected]:
    """Return one line for each channel, those that somebody can mend first."""
    found = expected_channels(call.services.reports(), Asked(site=site, patient=patient, request=request, exam=exam))
    lines = [_line(one, patient) for one in found]
    return sorted(lines, key=lambda line: line.good)


def _line(one: ExpectedChannel, patient: Patient | None) -> Expected:
    place = _HERE.get(one.mend, "")
    action = f"/patients/{patient.patient_id}{place}" if patient and place else ""
    return Expected(one, state_sentence(one), mend_sentence(one), address_sentence(one), action, not one.mend)
