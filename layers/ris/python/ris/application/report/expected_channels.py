"""Say before validation what each channel of a report would do, why, and what a person may do about it. Nothing is written.

It runs the very plan of validation on what is known now, so that what a page announces and what is planned are one rule; `channel_plan`
begins with the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from ris.application.dispatch.addresses import FoundAddress, address_of
from ris.application.report.content import identity_of, requester_of
from ris.application.report.services import ReportServices
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.channels import DMP, MSS_PROFESSIONAL, OURS, REQUESTER
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.patient import Patient
from ris.domain.report.marks import Marks
from ris.domain.report.plan import PlanFacts, planned_rows

NO_REQUESTER, NOT_INFORMED = "no_requester", "not_informed"
_NOT_COLLECTED = "NA"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_MENDING = {
    "identity": "qualify_identity",
    "opposition": "ask_opposition",
    "refusal": "lift_refusal",
    "announcement": "announce",
    "withheld": "release",
    "masked": "unmask",
    "to_print": "print",
    NO_REQUESTER: "name_requester",
    NOT_INFORMED: "inform_patient",
}


@dataclass(frozen=True)
class Asked:
    """What is known of a report that does not exist yet.

    Args:
        site: Where the exam is, or shall be.
        patient: None while nobody is chosen: as an identity that is not qualified.
        request: The order, if any; its prescriber is the requester.
        exam: Once it is booked: what was said of this episode (ZFA-9).
        marks: As they are set.
        recipients: RPPS of those who get a copy.
    """

    site: str
    patient: Patient | None = None
    request: ImagingRequest | None = None
    exam: Exam | None = None
    marks: Marks = field(default_factory=Marks)
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExpectedChannel:
    """What one recipient is to expect.

    Args:
        channel: `dmp mss_professional mss_patient to_print hl7_report`.
        recipient: `DMP`, an RPPS, `REQUESTER` (nobody has an RPPS), `PATIENT`, an HL7 destination.
        state: As the row would begin.
        reason: `identity opposition refusal announcement withheld masked to_print`, `no_requester`, `not_informed`, or empty.
        mend: What a person may do: `qualify_identity ask_opposition lift_refusal announce release unmask print name_requester
            inform_patient`, or empty.
        address: Mailbox of a professional; empty where there is none, and where it is on the red list.
        source: Where the address comes from: `order directory structure`, or empty.
        red_listed: There is an address, which is sent to and never shown.
    """

    channel: str
    recipient: str
    state: DeliveryState
    reason: str = ""
    mend: str = ""
    address: str = ""
    source: str = ""
    red_listed: bool = False


def expected_channels(s: ReportServices, asked: Asked) -> tuple[ExpectedChannel, ...]:
    """Return one line for each row that validation would plan now; one more where nobody is known to have asked for the exam.

    Args:
        s: The ports; only `reference` and `directory` are read.
        asked: What is known.
    """
    facts, found = facts_before(s, asked)
    lines = [_line(row, facts, found.get(row.recipient)) for row in planned_rows(facts)]
    if requester_of(s, asked.request) is None:
        nobody = ExpectedChannel(MSS_PROFESSIONAL, REQUESTER, DeliveryState.WITHDRAWN, NO_REQUESTER, _MENDING[NO_REQUESTER])
        lines.insert(1, nobody)
    return tuple(lines)


def facts_before(s: ReportServices, asked: Asked) -> tuple[PlanFacts, dict[str, FoundAddress]]:
    """Return the facts of a plan that belong to no version yet, and the addresses that were found, by RPPS."""
    site, requester = s.reference.site(asked.site), requester_of(s, asked.request)
    named = tuple(dict.fromkeys(rpps for rpps in (requester.rpps if requester else "", *asked.recipients) if rpps))
    found = {rpps: address_of(s.directory, s.reference, rpps, asked.request) for rpps in named}
    patient, exam = asked.patient, asked.exam
    facts = PlanFacts(
        owner=exam.accession_number if exam else "",
        site=asked.site,
        version=1,
        document_id="",
        now=_NEVER,
        qualified=patient is not None and identity_of(patient) is not None,
        information=(patient.consents.get("ZFA-9", "") if patient else "", exam.information if exam else ""),
        marks=asked.marks,
        refusals=patient.refusals if patient else frozenset(),
        professionals=named,
        unnamed=requester is not None and not requester.rpps,
        unreachable=frozenset(rpps for rpps, address in found.items() if address is None),
        destinations=site.gets_reports if site else (),
        who_sends=site.who_sends if site else OURS,
        platform=site.platform if site else "",
    )
    return facts, {rpps: address for rpps, address in found.items() if address is not None}


def _line(row: Delivery, facts: PlanFacts, address: FoundAddress | None) -> ExpectedChannel:
    reason = row.reason
    if row.channel == DMP and not reason and (_NOT_COLLECTED in facts.information or not any(facts.information)):
        reason = NOT_INFORMED
    mend = "name_requester" if reason == "to_print" and row.recipient == REQUESTER else _MENDING.get(reason, "")
    if address is None:
        return ExpectedChannel(row.channel, row.recipient, row.state, reason, mend)
    shown = "" if address.red_listed else address.address
    return ExpectedChannel(row.channel, row.recipient, row.state, reason, mend, shown, address.source, address.red_listed)
