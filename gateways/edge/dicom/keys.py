"""The worklist's attributes: what can be matched, what is always returned (PS3.4 table K.6-1).

This table is the code's only list of attributes; the conformance statement's table is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SPECIFIC_CHARACTER_SET = 0x00080005
TIMEZONE_OFFSET = 0x00080201
STEP_SEQUENCE = 0x00400100
MODALITY = 0x00080060
STATION = 0x00400001
START_DATE = 0x00400002
START_TIME = 0x00400003
STEP_ID = 0x00400009
STEP_STATUS = 0x00400020
ACCESSION = 0x00080050
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
STUDY_UID = 0x0020000D

Path = tuple[int, ...]


class Match(Enum):
    """How a key is compared (PS3.4 C.2.2.2)."""

    RETURN_ONLY = "return only"
    TEXT = "single value, wild card"
    TITLE = "single value or list, wild card, padding ignored"
    NAME = "single value, wild card, letter case and accents ignored"
    DATE = "single day, range of days"
    TIME = "single time, range of times"
    UID = "single value, list"
    SEQUENCE = "sequence"


@dataclass(frozen=True)
class Key:
    """One attribute.

    Args:
        kind: Return type of table K.6-1: 1 always has a value, 1C when known, 2 may be empty, 3 only when known.
        required: The standard requires its matching.
        identifier: Never shortened, whatever its length.
    """

    path: Path
    keyword: str
    vr: str
    match: Match
    kind: str
    required: bool = False
    identifier: bool = False


def _top(tag: int, keyword: str, vr: str, match: Match, kind: str, *, required: bool = False, identifier: bool = False) -> Key:
    return Key((tag,), keyword, vr, match, kind, required, identifier)


def _step(tag: int, keyword: str, vr: str, match: Match, kind: str, *, required: bool = False, identifier: bool = False) -> Key:
    return Key((STEP_SEQUENCE, tag), keyword, vr, match, kind, required, identifier)


KEYS: tuple[Key, ...] = (
    _top(STEP_SEQUENCE, "ScheduledProcedureStepSequence", "SQ", Match.SEQUENCE, "1", required=True),
    _step(STATION, "ScheduledStationAETitle", "AE", Match.TITLE, "1", required=True),
    _step(START_DATE, "ScheduledProcedureStepStartDate", "DA", Match.DATE, "1", required=True),
    _step(START_TIME, "ScheduledProcedureStepStartTime", "TM", Match.TIME, "1", required=True),
    _step(MODALITY, "Modality", "CS", Match.TEXT, "1", required=True),
    _step(0x00400006, "ScheduledPerformingPhysicianName", "PN", Match.NAME, "2", required=True),
    _step(0x00400007, "ScheduledProcedureStepDescription", "LO", Match.TEXT, "1C"),
    _step(0x00400010, "ScheduledStationName", "SH", Match.TEXT, "2"),
    _step(0x00400011, "ScheduledProcedureStepLocation", "SH", Match.TEXT, "2"),
    _step(0x00400008, "ScheduledProtocolCodeSequence", "SQ", Match.RETURN_ONLY, "1C"),
    _step(0x00400012, "PreMedication", "LO", Match.RETURN_ONLY, "2"),
    _step(STEP_ID, "ScheduledProcedureStepID", "SH", Match.TEXT, "1", identifier=True),
    _step(0x00321070, "RequestedContrastAgent", "LO", Match.RETURN_ONLY, "2"),
    _step(STEP_STATUS, "ScheduledProcedureStepStatus", "CS", Match.TEXT, "3"),
    _step(0x00400400, "CommentsOnTheScheduledProcedureStep", "LT", Match.RETURN_ONLY, "3"),
    _step(0x00400004, "ScheduledProcedureStepEndDate", "DA", Match.RETURN_ONLY, "3"),
    _step(0x00400005, "ScheduledProcedureStepEndTime", "TM", Match.RETURN_ONLY, "3"),
    _top(0x00401001, "RequestedProcedureID", "SH", Match.TEXT, "1", identifier=True),
    _top(0x00321060, "RequestedProcedureDescription", "LO", Match.TEXT, "1C"),
    _top(0x00321064, "RequestedProcedureCodeSequence", "SQ", Match.RETURN_ONLY, "1C"),
    _top(STUDY_UID, "StudyInstanceUID", "UI", Match.UID, "1", identifier=True),
    _top(0x00080020, "StudyDate", "DA", Match.RETURN_ONLY, "3"),
    _top(0x00080030, "StudyTime", "TM", Match.RETURN_ONLY, "3"),
    _top(0x00081110, "ReferencedStudySequence", "SQ", Match.RETURN_ONLY, "2"),
    _top(0x00401003, "RequestedProcedurePriority", "SH", Match.RETURN_ONLY, "2"),
    _top(0x00401004, "PatientTransportArrangements", "LO", Match.RETURN_ONLY, "2"),
    _top(0x00401002, "ReasonForTheRequestedProcedure", "LO", Match.RETURN_ONLY, "3"),
    _top(0x00401400, "RequestedProcedureComments", "LT", Match.RETURN_ONLY, "3"),
    _top(0x00401008, "ConfidentialityCode", "LO", Match.RETURN_ONLY, "3"),
    _top(0x00401010, "NamesOfIntendedRecipientsOfResults", "PN", Match.RETURN_ONLY, "3"),
    _top(ACCESSION, "AccessionNumber", "SH", Match.TEXT, "2", identifier=True),
    _top(0x00080051, "IssuerOfAccessionNumberSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00321032, "RequestingPhysician", "PN", Match.NAME, "2"),
    _top(0x00321033, "RequestingService", "LO", Match.TEXT, "3"),
    _top(0x00080090, "ReferringPhysicianName", "PN", Match.NAME, "2"),
    _top(0x00402016, "PlacerOrderNumberImagingServiceRequest", "LO", Match.TEXT, "3", identifier=True),
    _top(0x00402017, "FillerOrderNumberImagingServiceRequest", "LO", Match.TEXT, "3", identifier=True),
    _top(0x00400026, "OrderPlacerIdentifierSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00400027, "OrderFillerIdentifierSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00402400, "ImagingServiceRequestComments", "LT", Match.RETURN_ONLY, "3"),
    _top(0x00380010, "AdmissionID", "LO", Match.TEXT, "2", identifier=True),
    _top(0x00380014, "IssuerOfAdmissionIDSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00380300, "CurrentPatientLocation", "LO", Match.TEXT, "2"),
    _top(0x00080080, "InstitutionName", "LO", Match.RETURN_ONLY, "3"),
    _top(0x00081040, "InstitutionalDepartmentName", "LO", Match.RETURN_ONLY, "3"),
    _top(0x00081120, "ReferencedPatientSequence", "SQ", Match.RETURN_ONLY, "2"),
    _top(PATIENT_NAME, "PatientName", "PN", Match.NAME, "1", required=True),
    _top(PATIENT_ID, "PatientID", "LO", Match.TEXT, "1", required=True, identifier=True),
    _top(0x00100021, "IssuerOfPatientID", "LO", Match.TEXT, "3", identifier=True),
    _top(0x00100024, "IssuerOfPatientIDQualifiersSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00101002, "OtherPatientIDsSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00100030, "PatientBirthDate", "DA", Match.DATE, "2"),
    _top(0x00100040, "PatientSex", "CS", Match.TEXT, "2"),
    _top(0x00101020, "PatientSize", "DS", Match.RETURN_ONLY, "3"),
    _top(0x00101030, "PatientWeight", "DS", Match.RETURN_ONLY, "2"),
    _top(0x00101010, "PatientAge", "AS", Match.RETURN_ONLY, "3"),
    _top(0x00401101, "PersonIdentificationCodeSequence", "SQ", Match.RETURN_ONLY, "3"),
    _top(0x00102160, "EthnicGroup", "SH", Match.RETURN_ONLY, "3"),
    _top(0x00104000, "PatientComments", "LT", Match.RETURN_ONLY, "3"),
    _top(0x00102000, "MedicalAlerts", "LO", Match.RETURN_ONLY, "2"),
    _top(0x00102110, "Allergies", "LO", Match.RETURN_ONLY, "2"),
    _top(0x001021B0, "AdditionalPatientHistory", "LT", Match.RETURN_ONLY, "3"),
    _top(0x001021C0, "PregnancyStatus", "US", Match.RETURN_ONLY, "2"),
    _top(0x001021D0, "LastMenstrualDate", "DA", Match.RETURN_ONLY, "3"),
    _top(0x00380050, "SpecialNeeds", "LO", Match.RETURN_ONLY, "2"),
    _top(0x00380500, "PatientState", "LO", Match.RETURN_ONLY, "2"),
    _top(0x00403001, "ConfidentialityConstraintOnPatientDataDescription", "LO", Match.RETURN_ONLY, "2"),
)

BY_PATH = {key.path: key for key in KEYS}
ALWAYS_RETURNED = tuple(key for key in KEYS if key.kind in ("1", "1C"))
IDENTIFIERS = frozenset(key.path[-1] for key in KEYS if key.identifier)
IGNORED = frozenset({SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET})


def markdown_table() -> str:
    """Return the key table of the conformance statement."""
    lines = ["| tag | attribute | VR | matching | required by PS3.4 | return type |", "|---|---|---|---|---|---|"]
    for key in KEYS:
        tag = f"({key.path[-1] >> 16:04X},{key.path[-1] & 0xFFFF:04X})"
        name = ">" * (len(key.path) - 1) + key.keyword
        lines.append(f"| {tag} | {name} | {key.vr} | {key.match.value} | {'yes' if key.required else ''} | {key.kind} |")
    return "\n".join(lines) + "\n"
