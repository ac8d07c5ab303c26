r"""ADT^A31 and ADT^A47 of IHE PAM-FR 2.11: what the partners are told of a change of identity.

The INS stands in PID-3 only where a `QualifiedIdentity` says so; its key is included and CX-7 and 8 are empty. An A47 that deletes an INS names
it in MRG-1 and leaves `""` in its place in PID-3. PID-32 is `VALI` for validated and qualified, `PROV` for provisional and retrieved, `VIDE`
while neither INSi nor a document has said anything; the marks follow as repetitions.

Source: national facts on PAM (segur C.1): 2.11 MSH, PID, MRG, ZFA, ZFD; HL7 v2.5 ADT_A05, ADT_A30.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ris.adapters.agenda.er7 import NULL, components, escape, frame, hd, segment
from ris.application.dispatch.send_identity import IdentityFacts
from ris.domain.identity.announcing import Trigger
from ris.domain.identity.ins import Ins, StrictTraits
from ris.domain.identity.insi import InsiState
from ris.domain.identity.patient import Patient, Traits
from ris.domain.identity.status import IdentityStatus

_STRUCTURES = {Trigger.UPDATE: "ADT_A05", Trigger.CHANGE_IDENTIFIERS: "ADT_A30"}
_MARKS = {"homonyme": "HOMA", "douteuse": "DOUT", "fictive": "FICT"}


class Hl7IdentityWriter:
    """Implements `IdentityWriter`."""

    def identity(self, facts: IdentityFacts) -> bytes:
        """Return the message; the same facts give the same bytes."""
        head = [_msh(facts), segment("EVN", {2: _instant(facts, facts.announcement.at)}), _pid(facts)]
        dropped = facts.announcement.dropped
        if facts.announcement.trigger is Trigger.CHANGE_IDENTIFIERS and dropped is not None:
            return frame([*head, segment("MRG", {1: _cx(dropped)})])
        patient = facts.announcement.patient
        return frame([*head, segment("PV1", {1: "1", 2: "N"}), *_zfa(patient), *_zfd(facts, patient)])


def _instant(facts: IdentityFacts, instant: datetime) -> str:
    return instant.astimezone(ZoneInfo(facts.site.time_zone)).strftime("%Y%m%d%H%M%S%z")


def _msh(facts: IdentityFacts) -> str:
    trigger = facts.announcement.trigger
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "RIS",
            4: escape(facts.site.site),
            5: escape(facts.destination),
            6: escape(facts.site.site),
            7: _instant(facts, facts.announcement.at),
            9: f"ADT^{trigger.value}^{_STRUCTURES[trigger]}",
            10: escape(facts.message_id),
            11: "P",
            12: "2.5^FRA^2.11",
            17: "FRA",
            18: "UNICODE UTF-8",
            19: "FR",
            21: "2.11^IHE_FRANCE-2.11-PAM",
        },
    )


def _pid(facts: IdentityFacts) -> str:
    patient = facts.announcement.patient
    traits = _Names.of(facts.identity.traits if facts.identity else patient.traits)
    place = f"^^^^^^BDL^^{escape(traits.place)}" if traits.place else ""
    return segment(
        "PID",
        {
            1: "1",
            3: "~".join(_identifiers(facts)),
            5: "~".join(_names(traits, patient.traits, erased=facts.announcement.erases_used_name)),
            7: traits.born,
            8: traits.sex,
            11: place,
            31: "N",
            32: "~".join(_reliability(patient)),
        },
    )


class _Names:
    """The strict traits that PID carries, whichever type they come from."""

    def __init__(self, family: str, given: str, given_all: str, born: str, sex: str, place: str) -> None:
        self.family, self.given, self.given_all, self.born, self.sex, self.place = family, given, given_all, born, sex, place

    @classmethod
    def of(cls, traits: StrictTraits | Traits) -> _Names:
        """Read them of strict or local traits."""
        born = traits.birth_date.strftime("%Y%m%d") if traits.birth_date else ""
        return cls(traits.birth_family, traits.birth_given, traits.birth_given_all, born, traits.sex, traits.birth_place_insee)


def _names(birth: _Names, local: Traits, *, erased: bool) -> list[str]:
    """Return PID-5: the birth name with the list of given names, and the used name when there is one or it was erased."""
    names = [components(birth.family, birth.given, birth.given_all, "", "", "", "L")]
    if local.used_family or local.used_given:
        names.append(components(local.used_family or birth.family, local.used_given or birth.given, "", "", "", "", "D"))
    elif erased:
        names.append(f"{NULL}^^^^^^D")
    return names


def _identifiers(facts: IdentityFacts) -> list[str]:
    """Return PID-3: the IPP of the site, then the INS that may leave, or the order to delete the one that did."""
    authority = facts.site.ipp_authority
    found = [f"{escape(facts.announcement.patient.ipp(authority))}^^^{hd(authority)}^PI"]
    if facts.identity is not None:
        found.append(_cx(facts.identity.ins))
    elif facts.announcement.dropped is not None:
        found.append(_cx(facts.announcement.dropped, value=NULL))
    return found


def _cx(ins: Ins, *, value: str = "") -> str:
    return f"{value or escape(ins.matricule)}^^^{ins.authority}&{escape(ins.oid)}&ISO^INS"


def _reliability(patient: Patient) -> list[str]:
    nothing_said = patient.insi is None and patient.proof is None and not patient.attributes
    if patient.status in (IdentityStatus.VALIDEE, IdentityStatus.QUALIFIEE):
        status = "VALI"
    else:
        status = "VIDE" if nothing_said and patient.status is IdentityStatus.PROVISOIRE else "PROV"
    return [status, *(code for mark, code in sorted(_MARKS.items()) if mark in patient.attributes)]


def _zfa(patient: Patient) -> list[str]:
    fields = {number: escape(patient.consents[f"ZFA-{number}"]) for number in range(1, 13) if patient.consents.get(f"ZFA-{number}")}
    return [segment("ZFA", fields)] if fields else []


def _zfd(facts: IdentityFacts, patient: Patient) -> list[str]:
    """Return how the identity was captured: channel, date of INSi's answer, proof; what a partner said of the rest stays."""
    said = {number: escape(patient.capture[f"ZFD-{number}"]) for number in range(1, 9) if patient.capture.get(f"ZFD-{number}")}
    record = patient.insi
    if record is not None and record.state is InsiState.ACCEPTED and patient.ins is not None:
        said |= {4: "Y" if "birth_date" in record.differences else "N", 5: "INSI", 6: _instant(facts, record.asked_at)[:14]}
    else:
        said.pop(6, None)
        if said.get(5) == "INSI":
            del said[5]
    if patient.proof is not None:
        said |= {7: escape(patient.proof.code), 8: escape(patient.proof.expires)}
    return [segment("ZFD", said)] if any(said.values()) else []
