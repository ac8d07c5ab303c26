"""The scan field: an INS datamatrix read, compared with the patients it may be of, and never believed by itself.

Markup: `form#scan` with the field `code`; a candidate is `[data-patient][data-differs][data-same-ins]`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.agenda.views import search_patients
from ris.contracts.portal import ScanBody
from ris.domain.access.policy import sites_allowed
from ris.domain.errors import InvalidInput
from ris.domain.identity.datamatrix import ScannedIdentity, differing_traits, read_datamatrix
from ris.domain.identity.patient import Patient
from ris.portal.answers import Page
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.identity.panel import missing_of
from ris.portal.layout import current_site
from ris.portal.routing import Routes, Scope

routes = Routes("identity")
_READ, _SHOWN = 50, 10


@dataclass(frozen=True)
class Candidate:
    """One patient the code may be of.

    Args:
        differs: Names of the traits that are not the same.
        same_ins: `yes`, `no`, or empty when no INS is kept.
        missing: What the identity misses, as the panel names it.
    """

    patient: Patient
    ipp: str
    differs: tuple[str, ...]
    same_ins: str
    missing: str


@routes.get("/scan", Scope.ANY_SITE, "search_patients")
def ask(_call: Call) -> Page:
    """Show the empty field, ready for the scanner."""
    return Page("identity/scan.html", {"said": None, "rows": [], "errors": {}, "detail": ""})


@routes.post("/scan", Scope.ANY_SITE, "search_patients", audited=True, body=ScanBody)
def scan(call: Call) -> Page:
    """Show what the code says beside the patients it may be of."""
    try:
        said = read_datamatrix(read(call, ScanBody).code)
    except FormErrors as wrong:
        return _wrong(wrong.codes, "")
    except InvalidInput as error:
        if call.wants is Wants.JSON:
            raise
        return _wrong({"code": error.code}, error.detail)
    values = {"said": said, "rows": _candidates(call, said), "errors": {}, "detail": ""}
    return Page("identity/scan.html", values)


def _wrong(errors: dict[str, str], detail: str) -> Page:
    return Page("identity/scan.html", {"said": None, "rows": [], "errors": errors, "detail": detail}, status=400)


def _candidates(call: Call, said: ScannedIdentity) -> list[Candidate]:
    """Return patients of the person's sites with that birth name and the same beginning of the given name; the most alike first."""
    visible = frozenset(sites_allowed(call.person, "read_patient"))
    found = search_patients(call.services.agenda, f"{said.birth_family} {said.birth_given}", _READ)
    rows = [_candidate(call, said, patient) for patient in found if patient.sites & visible]
    return sorted(rows, key=lambda row: (row.same_ins != "yes", len(row.differs), row.patient.patient_id))[:_SHOWN]


def _candidate(call: Call, said: ScannedIdentity, patient: Patient) -> Candidate:
    same = "" if patient.ins is None else ("yes" if patient.ins == said.ins else "no")
    at = call.services.reference.site(current_site(call))
    ipp = patient.ipp(at.ipp_authority) if at else ""
    return Candidate(patient, ipp, differing_traits(said, patient.traits), same, missing_of(patient))
