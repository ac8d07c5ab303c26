"""One worklist entry as DICOM JSON (PS3.18 Annex F), every key of PS3.4 Table K.6-1 that a RIS can answer.

Rules of this encoding: identifiers are never cut; a name is shortened to 64 characters so that the beginning of the birth name
stays (PS3.5 §6.2); descriptions are cut at the length of their VR; characters that would mean something else in DICOM (backslash,
and `^` and `=` in a name) become spaces. No INS: PatientID is the IPP. The text is UTF-8 and (0008,0005) says so; the gateway
encodes for each station and says there what it chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ris.contracts.queues import WorklistFeed
from ris.domain.agenda.contraindications import ALERTS, ALLERGIES, NEEDS, NO, UNKNOWN, YES
from ris.domain.agenda.request import ImagingRequest, Prescriber
from ris.domain.agenda.worklist import FeedState, WorklistEntry
from ris.domain.identity.patient import Patient

Attribute = dict[str, Any]
NAME_LENGTH = 64
GIVEN_KEPT = 16
"""Characters of the first given name that stay when a name is too long."""
_PRIORITY = {"routine": "ROUTINE", "urgent": "HIGH", "stat": "STAT"}
_STATES: dict[FeedState, Literal["scheduled", "in_progress", "removed"]] = {
    FeedState.SCHEDULED: "scheduled",
    FeedState.IN_PROGRESS: "in_progress",
    FeedState.REMOVED: "removed",
}
_PREGNANCY = {NO: 1, YES: 2, UNKNOWN: 4}
"""Pregnancy Status (PS3.3 C.2.4): not pregnant, possibly pregnant, unknown; 3, definitely, is nothing a patient is asked."""
_STEP_STATUS = {FeedState.SCHEDULED: "SCHEDULED", FeedState.IN_PROGRESS: "STARTED"}


def feed_of(entry: WorklistEntry) -> WorklistFeed:
    """Return the envelope for the site's feed; a removed step travels without data."""
    return WorklistFeed(
        site=entry.exam.site,
        sps_id=entry.step.sps_id,
        version=entry.version,
        state=_STATES[entry.state],
        dataset={} if entry.state is FeedState.REMOVED else dataset_of(entry),
        expires_at=entry.expires_at,
    )


def dataset_of(entry: WorklistEntry) -> dict[str, Any]:
    """Return the worklist item of one step, keys in order of tag."""
    exam, request, patient = entry.exam, entry.request, entry.patient
    prescriber = request.prescriber if request else Prescriber()
    code = _sequence(_code(exam.exam_code, entry.code_system, exam.exam_label)) if exam.exam_code else _sequence()
    reason = request.reason if request else ""
    dataset = {
        "00080005": _text("CS", "ISO_IR 192"),
        "00080050": _text("SH", exam.accession_number),
        "00080051": _sequence({"00400032": _text("UT", exam.accession_authority), "00400033": _text("CS", "ISO")}),
        "00080090": _name(prescriber.family, prescriber.given),
        "00081110": _sequence(),
        "00081120": _sequence(),
        **_patient(patient, entry),
        "0020000D": _text("UI", exam.study_instance_uid),
        "00321032": _name(prescriber.family, prescriber.given),
        "00321033": _text("LO", ""),
        "00321060": _text("LO", exam.exam_label, 64),
        "00321064": code,
        "00380010": _text("LO", ""),
        "00380050": _texts(entry.told.texts[NEEDS]),
        "00380300": _text("LO", ""),
        "00380500": _text("LO", ""),
        "00400026": _placer_authority(request),
        "00400100": _sequence(_step(entry, code)),
        "00401001": _text("SH", exam.accession_number),
        "00401002": _text("LO", reason, 64),
        "00401003": _text("SH", _PRIORITY.get(request.priority if request else "routine", "ROUTINE")),
        "00401004": _text("LO", ""),
        "00401400": _text("LT", reason, 10240),
        "00402016": _text("LO", request.placer_order_number if request else ""),
        "00403001": _text("LO", ""),
    }
    return {tag: dataset[tag] for tag in sorted(dataset)}


def _patient(patient: Patient | None, entry: WorklistEntry) -> dict[str, Attribute]:
    traits = patient.traits if patient else None
    born = traits.birth_date if traits else None
    return {
        "00100010": _name(traits.birth_family, traits.birth_given) if traits else {"vr": "PN"},
        "00100020": _text("LO", entry.ipp),
        "00100021": _text("LO", entry.ipp_authority),
        "00100024": _sequence({"00400032": _text("UT", entry.ipp_authority), "00400033": _text("CS", "ISO")}),
        "00100030": _text("DA", f"{born:%Y%m%d}" if born else ""),
        "00100040": _text("CS", traits.sex if traits and traits.sex in ("M", "F") else ""),
        "00101020": {"vr": "DS"},
        "00101030": {"vr": "DS"},
        "00102000": _texts(entry.told.texts[ALERTS]),
        "00102110": _texts(entry.told.texts[ALLERGIES]),
        "001021C0": {"vr": "US", "Value": [_PREGNANCY[entry.told.pregnancy]]} if entry.told.pregnancy else {"vr": "US"},
    }


def _step(entry: WorklistEntry, code: Attribute) -> dict[str, Attribute]:
    step = entry.step
    return {
        "00080060": _text("CS", step.dicom_modality),
        "00321070": _text("LO", ""),
        "00400001": _text("AE", step.station_ae_title),
        "00400002": _text("DA", entry.start_day),
        "00400003": _text("TM", entry.start_time),
        "00400006": {"vr": "PN"},
        "00400007": _text("LO", step.description, 64),
        "00400008": code,
        "00400009": _text("SH", step.sps_id),
        "00400010": _text("SH", step.station_name),
        "00400011": _text("SH", entry.room_name, 16),
        "00400012": _text("LO", entry.preparation, 64),
        "00400020": _text("CS", _STEP_STATUS[entry.state]),
        "00400400": _text("LT", entry.preparation, 10240),
    }


def _code(value: str, system: str, meaning: str) -> dict[str, Attribute]:
    """Return one item of a code sequence; a value over 16 characters goes into Long Code Value (PS3.3 Table 8.8-1)."""
    where = {"00080100": _text("SH", value)} if len(value) <= 16 else {"00080119": _text("UC", value)}
    return {**where, "00080102": _text("SH", system or "99RIS", 16), "00080104": _text("LO", meaning or value, 64)}


def _placer_authority(request: ImagingRequest | None) -> Attribute:
    if request is None or not request.placer_authority:
        return _sequence()
    authority = request.placer_authority
    if authority.replace(".", "").isdigit():
        return _sequence({"00400032": _text("UT", authority), "00400033": _text("CS", "ISO")})
    return _sequence({"00400031": _text("UT", authority)})


def _name(family: str, given: str) -> Attribute:
    """Return a PN; over 64 characters the given name keeps its first 16 and the family name what is left, from its beginning."""
    family, given = (" ".join(_plain(part).replace("^", " ").replace("=", " ").split()) for part in (family, given))
    if len(family) + 1 + len(given) > NAME_LENGTH:
        given = given[: max(GIVEN_KEPT, NAME_LENGTH - 1 - len(family))].rstrip()
        family = family[: NAME_LENGTH - 1 - len(given)].rstrip()
    text = f"{family}^{given}".rstrip("^")
    return {"vr": "PN", "Value": [{"Alphabetic": text}]} if text else {"vr": "PN"}


def _text(vr: str, value: str, longest: int = 0) -> Attribute:
    """Return one attribute, without a value when the text is empty; it is cut only when a length is given."""
    value = (value if vr == "LT" else _plain(value)).strip()
    if longest:
        value = value[:longest].rstrip()
    return {"vr": vr, "Value": [value]} if value else {"vr": vr}


def _texts(values: Sequence[str]) -> Attribute:
    """Return an LO with a value for each text, without one when there is none."""
    found = [value for text in values for value in _text("LO", text, 64).get("Value", ())]
    return {"vr": "LO", "Value": found} if found else {"vr": "LO"}


def _plain(value: str) -> str:
    """Return the text without the characters that end a value or a line in DICOM."""
    return "".join(" " if character == "\\" or not character.isprintable() else character for character in value)


def _sequence(*items: dict[str, Attribute]) -> Attribute:
    return {"vr": "SQ", "Value": list(items)} if items else {"vr": "SQ"}
