"""What each channel of the report to come would do, said while the patient is there and it can be mended.

Markup: rows `[data-channel][data-recipient][data-expected][data-mend]`; a certificate that ends soon is `[data-certificate][data-days]`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.report.expected_channels import Asked, ExpectedChannel, expected_channels
from ris.domain.access.certificates import watched
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.identity.patient import Patient
from ris.portal.call import Call
from ris.portal.french_expected import address_sentence, mend_sentence, state_sentence

_HERE = {"qualify_identity": "#identity", "inform_patient": "#identity", "ask_opposition": "#identity", "lift_refusal": "#refusals"}
"""Where on the patient's page a person does it."""


_CERTIFICATES = {"dmp": "dmp", "sign-certificate": "signature", "mailbox": "mss", "insi-manu": "insi"}
"""What a certificate serves, by the word of its secret's name (`french.word("certificate", …)`)."""
_SOON_DAYS = 30


@dataclass(frozen=True)
class Ending:
    """A certificate without which something of the site does not leave.

    Args:
        serves: `dmp signature mss insi`.
        days: Whole days left; negative when it is over.
    """

    serves: str
    days: int


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


def ending(call: Call, site: str) -> list[Ending]:
    """Return the certificates of the site and its legal entity that are over or nearly so, the first to end first.

    Of two in one secret, during a renewal, the one that lasts longer counts.
    """
    at, known = call.services.reference.site(site), call.services.cockpit().certificates.latest()
    if at is None or known is None:
        return []
    names = {f"{at.legal_entity}/{kind}": serves for kind, serves in _CERTIFICATES.items()}
    names[f"mailbox/{site}"] = _CERTIFICATES["mailbox"]
    lasts: dict[str, int] = {}
    for held in known.certificates:
        serves = names.get(held.name.partition("#")[0])
        if serves:
            lasts[serves] = max(lasts.get(serves, -100_000), watched(held, call.now).days_left)
    return [Ending(serves, days) for serves, days in sorted(lasts.items(), key=lambda one: one[1]) if days <= _SOON_DAYS]


def _line(one: ExpectedChannel, patient: Patient | None) -> Expected:
    place = _HERE.get(one.mend, "")
    action = f"/patients/{patient.patient_id}{place}" if patient and place else ""
    return Expected(one, state_sentence(one), mend_sentence(one), address_sentence(one), action, not one.mend)
