"""What a hospital's platform, record or PACS asks of a report that comes as MDM or ORU with a CDA.

The three ways of saying the intent agree, the document is the one the segments speak of, and the combinations of flags are looked at only
where the platform is asked to send mail: who only receives takes any.

Source: CI-SIS, volet Transmission d'un document CDA en HL7 v2, v2.1 (MDM 2.6, ORU 2.5, PRT of 2.9); HL7 tables 0357, 0119, 0085.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from infra.local.services.er7 import Message, part
from infra.local.services.hl7_rules import check_patient, require

CDA = "{urn:hl7-org:v3}"
PROFILE = "2.1^CISIS_CDA_HL7_V2"
INTENTS = {"NW": ("T02", "F"), "RO": ("T10", "C"), "CA": ("T04", "D")}
FLAGS = (
    "MASQUE_PS",
    "INVISIBLE_PATIENT",
    "INVISIBLE_REP_LEGAUX",
    "CONNEXION_SECRETE",
    "MODIF_CONF_CODE",
    "DESTDMP",
    "DESTMSSANTEPS",
    "DESTMSSANTEPAT",
    "ACK_RECEPTION",
    "ACK_LECTURE_MSS",
)
BODIES = ("CORPSMAIL_PS", "CORPSMAIL_PATIENT")
# (masked, invisible to the patient, to representatives, secret connection, DMP) by (professionals, patient); "*" is either.
LEGAL = {("Y", "Y"): "NNN**", ("Y", "N"): "NYN**", ("N", "Y"): "*N*NN"}
STRUCTURES = "1.2.250.1.71.4.2.2"
PATIENTS = "patient.mssante.fr"
VISITED = frozenset("EIOR")


@dataclass(frozen=True)
class Report:
    """What was asked with a report.

    Args:
        flags: By name, `Y` or `N`.
        professionals: Their addresses; `patient` the patient's or empty.
    """

    control_id: str
    document_id: str
    flags: dict[str, str]
    professionals: list[str] = field(default_factory=list)
    patient: str = ""
    pid: str = ""

    @property
    def recipients(self) -> list[str]:
        """Return every address that mail is asked for."""
        asked = self.professionals if self.flags["DESTMSSANTEPS"] == "Y" else []
        return [*asked, *([self.patient] if self.flags["DESTMSSANTEPAT"] == "Y" else [])]


def read_report(message: Message) -> Report:
    """Return what a report says once it is sound.

    Raises:
        Unreadable: The first rule that does not hold.
    """
    mdm = message.component("MSH", 9, 1) == "MDM"
    _check_header(message, mdm=mdm)
    _check_order(message, mdm=mdm)
    check_patient(message)
    _check_visit(message)
    _check_intent(message, mdm=mdm)
    root = _document(message)
    _check_document(message, root, mdm=mdm)
    found = [address for kind, address in _participants(message) if kind == "RCT"]
    _check_sender(message, root)
    flags = _flags(message, mdm=mdm)
    _check_combination(flags)
    patients = [address for address in found if address.endswith(f"@{PATIENTS}")]
    professionals = [address for address in found if address not in patients]
    require(len(patients) <= 1, "PRT", "198", "more than one patient among the recipients")
    require(flags["DESTMSSANTEPS"] == "N" or professionals, "PRT", "101", "mail to professionals, and no RCT names one")
    require(flags["DESTMSSANTEPAT"] == "N" or patients, "PRT", "101", "mail to the patient, and no RCT names the patient")
    pid = "|".join(message.all("PID")[0])
    document = root.find(f"{CDA}id").get("root")
    return Report(message.field("MSH", 10), document, flags, professionals, patients[0] if patients else "", pid)


def _check_header(message: Message, *, mdm: bool) -> None:
    structure, version = ("MDM_T02", "2.6") if mdm else ("ORU_R01", "2.5")
    require(message.component("MSH", 9, 3) == structure, "MSH^1^9", "200", "another message structure")
    require(message.component("MSH", 12, 1) == version, "MSH^1^12", "203", f"the version is {version}")
    require(message.field("MSH", 18) in {"UNICODE UTF-8", "8859/15"}, "MSH^1^18", "103", "UNICODE UTF-8 or 8859/15")
    require(message.field("MSH", 21) == PROFILE, "MSH^1^21", "103", f"the profile is {PROFILE}")


def _check_order(message: Message, *, mdm: bool) -> None:
    """Check the sequence of segments; one of another standard's is passed over."""
    known = ("MSH", "EVN", "PID", "PV1", "ORC", "OBR", "TXA", "OBX", "PRT")
    names = [fields[0] for fields in message.segments if fields[0] in known]
    head = ["MSH", *(["EVN"] if mdm else []), "PID", "PV1", "ORC", "OBR", *(["TXA"] if mdm else []), "OBX"]
    require(names[: len(head)] == head, "MSH^1", "100", f"segments in this order: {' '.join(head)}")
    rest = names[len(head) :]
    participants = rest[: rest.index("OBX")] if "OBX" in rest else rest
    require(set(participants) <= {"PRT"}, "PRT", "100", "PRT follow the document's OBX")
    require(set(rest[len(participants) :]) <= {"OBX"}, "OBX^2", "100", "nothing but OBX after the participants")


def _check_visit(message: Message) -> None:
    kind = message.field("PV1", 2)
    require(kind, "PV1^1^2", "101", "no patient class")
    require(kind not in VISITED or message.component("PV1", 19, 1), "PV1^1^19", "101", "no visit number for this class")


def _check_intent(message: Message, *, mdm: bool) -> None:
    control, event = message.field("ORC", 1), message.component("MSH", 9, 2)
    require(control in INTENTS, "ORC^1^1", "103", "ORC-1 is NW, RO or CA")
    wanted, status = INTENTS[control]
    require(event == (wanted if mdm else "R01"), "MSH^1^9", "201", "the event is not that of ORC-1")
    require(message.field("OBX", 11) == status, "OBX^1^11", "103", "OBX-11 is not that of ORC-1")


def _document(message: Message) -> Any:
    """Return the root of the CDA in the first OBX."""
    require(message.field("OBX", 2) == "ED", "OBX^1^2", "103", "the document is of type ED")
    require(message.field("OBX", 3) == message.field("OBR", 4), "OBX^1^3", "103", "OBX-3 is OBR-4")
    value = message.field("OBX", 5)
    kinds = [part(value, number) for number in (2, 3, 4)]
    require(kinds in (["text", "XML", "Base64"], ["TEXT", "XML", "Base64"]), "OBX^1^5", "102", "OBX-5 is ^text^XML^Base64^…")
    require(re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", part(value, 5)), "OBX^1^5", "102", "base64 is one unbroken run")
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        root = etree.fromstring(b64decode(part(value, 5), validate=True), parser)
    except (ValueError, etree.XMLSyntaxError):
        root = None
    require(root is not None and root.tag == f"{CDA}ClinicalDocument", "OBX^1^5", "102", "the document is no CDA")
    require(root.find(f"{CDA}id") is not None, "OBX^1^5", "102", "the CDA has no id")
    return root


def _check_document(message: Message, root: Any, *, mdm: bool) -> None:
    """Compare PID and TXA with the CDA."""
    ids = {(node.get("root"), node.get("extension")) for node in root.iterfind(f"{CDA}recordTarget/{CDA}patientRole/{CDA}id")}
    said = {(part(part(cx, 4), 2, "&"), part(cx, 1)) for cx in message.field("PID", 3).split("~")}
    require(ids == said, "PID^1^3", "207", "the identifiers are not those of the CDA's patient")
    if not mdm:
        return
    parents = [node.get("root") for node in root.iterfind(f"{CDA}relatedDocument/{CDA}parentDocument/{CDA}id")]
    require(message.field("TXA", 12), "TXA^1^12", "101", "no document number")
    require(message.field("TXA", 12) == root.find(f"{CDA}id").get("root"), "TXA^1^12", "207", "TXA-12 is the id of the CDA")
    if message.component("MSH", 9, 2) == "T10":
        require(message.field("TXA", 13), "TXA^1^13", "101", "a replacement names the document it replaces")
        require(message.field("TXA", 13) in parents, "TXA^1^13", "207", "TXA-13 is the parent document of the CDA")
    require(message.field("TXA", 17) == "AU", "TXA^1^17", "103", "the document is authenticated (AU)")


def _participants(message: Message) -> list[tuple[str, str]]:
    """Return kind and mail address of each participant."""
    found = []
    for number, fields in enumerate(message.all("PRT"), start=1):
        kind = part(fields[4] if len(fields) > 4 else "", 1)
        address = part(fields[15] if len(fields) > 15 else "", 4).lower()
        require(kind in {"SB", "RCT", "REPLY"}, f"PRT^{number}^4", "103", "a participant is SB, RCT or REPLY")
        if kind != "SB":
            require(part(fields[15] if len(fields) > 15 else "", 3) == "X.400", f"PRT^{number}^15", "102", "no X.400 address")
            require(re.fullmatch(r"[^@\s^&~\\]+@[^@\s^&~\\]+", address), f"PRT^{number}^15", "102", "the address is none")
        found.append((kind, address))
    require([kind for kind, _ in found].count("REPLY") <= 1, "PRT", "198", "one REPLY at most")
    return found


def _check_sender(message: Message, root: Any) -> None:
    """Check who sends: a professional and the structure that answers for the document."""
    senders = [fields for fields in message.all("PRT") if part(fields[4] if len(fields) > 4 else "", 1) == "SB"]
    require(len(senders) == 1, "PRT", "198", "exactly one participant sends (SB)")
    fields = [*senders[0], *[""] * 20]
    require(re.fullmatch(r"[0-9]\S+", part(fields[5], 1)), "PRT^1^5", "101", "the sender has no national identifier")
    entity = f"{CDA}legalAuthenticator/{CDA}assignedEntity/{CDA}representedOrganization/{CDA}id[@root='{STRUCTURES}']"
    organisation = root.find(entity)
    same = organisation is not None and part(fields[8], 10) == organisation.get("extension")
    require(same, "PRT^1^8", "207", "PRT-8 is not the structure of the CDA's legal authenticator")


def _flags(message: Message, *, mdm: bool) -> dict[str, str]:
    """Return the flags, all there in the guide's order, then the optional bodies."""
    observations = [[*fields, *[""] * 12] for fields in message.all("OBX")]
    numbers = [fields[1] for fields in observations]
    require(numbers == [str(n) for n in range(1, len(numbers) + 1)], "OBX", "100", "OBX-1 counts from 1")
    names = [part(fields[3], 1) for fields in observations[1:]]
    require(tuple(names[: len(FLAGS)]) == FLAGS, "OBX^2^3", "100", f"flags in this order: {' '.join(FLAGS)}")
    require(set(names[len(FLAGS) :]) <= set(BODIES), "OBX^12^3", "103", "only the bodies of mails follow the flags")
    found = {}
    for fields, name in zip(observations[1:], FLAGS, strict=False):
        at = f"OBX^{fields[1]}^"
        require(fields[2] == ("CWE" if mdm else "CE"), f"{at}2", "103", "flags are CWE in MDM, CE in ORU")
        require(part(fields[3], 3) == "MetaDMPMSS", f"{at}3", "103", "a flag is of MetaDMPMSS")
        require(re.fullmatch(r"[YN]\^\^expandedYes-NoIndicator", fields[5]), f"{at}5", "103", "a flag is Y or N")
        require(fields[11] == "F", f"{at}11", "103", "a flag's status is F")
        found[name] = fields[5][0]
    return found


def _check_combination(flags: dict[str, str]) -> None:
    """Check the combination of a platform that is asked to mail; the DMP alone is never refused."""
    legal = LEGAL.get((flags["DESTMSSANTEPS"], flags["DESTMSSANTEPAT"]))
    if legal is None:
        return
    said = "".join(
        flags[name] for name in ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE", "DESTDMP")
    )
    fits = all(wanted in {"*", given} for wanted, given in zip(legal, said, strict=True))
    require(fits, "OBX^2^5", "207", "this combination of flags is not foreseen")
