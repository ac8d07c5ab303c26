"""The channel plan of a version, decided at validation and never again (design, decision 6).

A version is planned as if it were the first; `succession` then says what it replaces and who is told nothing new.

| mark or fact | DMP | professional | patient | HL7 |
|---|---|---|---|---|
| withheld | held | held | held | held |
| announcement pending | goes, invisible to the patient | goes | held: announcement | goes, INVISIBLE_PATIENT |
| masked to professionals | goes, masked | withdrawn | goes | goes, MASQUE_PS |
| identity not qualified | held: identity | goes | held: identity | goes, without an INS |
| patient opposed to the DMP (ZFA-9 IO) | withdrawn | goes | goes | goes |
| mail refused | goes | withdrawn | withdrawn | goes |
| no address known | goes | to print | goes | goes |
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from ris.domain.dispatch.channels import (
    DMP,
    HL7_REPORT,
    MSS_PATIENT,
    MSS_PROFESSIONAL,
    OURS,
    PATIENT,
    PLATFORM,
    REQUESTER,
    TO_PRINT,
)
from ris.domain.dispatch.delivery import Delivery, DeliveryState, Origin
from ris.domain.dispatch.dmp import planned_dmp
from ris.domain.dispatch.flags import Flags, legal_part
from ris.domain.dispatch.mail import ANNOUNCEMENT, IDENTITY, MASKED, REFUSAL, WITHHELD, planned_mail
from ris.domain.dispatch.mail import TO_PRINT as WAITS_FOR_PAPER
from ris.domain.dispatch.transitions import planned
from ris.domain.report.marks import Marks, Reason

OPPOSED = "IO"
"""ZFA-9: informed, opposed. `NA`, not collected, is an alert at the desk and holds nothing."""
REFUSED_REPORT = "report_refused"


@dataclass(frozen=True)
class PlannedChannel:
    """One channel: who gets the version, and in which state its row began.

    Args:
        reason: Why it did not begin as pending: `identity` (held), `opposition` (withdrawn) …
    """

    channel: str
    recipient: str
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""


@dataclass(frozen=True)
class PlanFacts:
    """All that the plan of a version is made of.

    Args:
        owner: Accession Number.
        site: Of the exam.
        version: Of the report; `document_id` is its document's.
        now: Aware UTC instant.
        qualified: Whether the frozen content carries a qualified identity: no INS, no DMP and no mail to the patient.
        information: What ZFA-9 says of this episode and of the patient; one opposition is enough.
        marks: Visibility, as set before validation; `reason` why the version is made.
        refusals: Who gets no mail, as the patient wants it: `PATIENT`, or an RPPS.
        professionals: RPPS of the requester, then of those who get a copy; `unnamed` says that the requester has none.
        unreachable: RPPS of those the directory has no address for.
        destinations: HL7 destinations of the site that get reports.
        who_sends: `ours`, or `platform`: the destination `platform` is asked to feed the DMP and to mail, as far as it may be.
        origin: What the rows keep for the figures.
    """

    owner: str
    site: str
    version: int
    document_id: str
    now: datetime
    qualified: bool
    information: tuple[str, ...] = ()
    marks: Marks = field(default_factory=Marks)
    reason: Reason = Reason.VALIDATION
    refusals: frozenset[str] = frozenset()
    professionals: tuple[str, ...] = ()
    unnamed: bool = False
    unreachable: frozenset[str] = frozenset()
    destinations: tuple[str, ...] = ()
    who_sends: str = OURS
    platform: str = "HIS"
    origin: Origin | None = None


def planned_rows(facts: PlanFacts) -> tuple[Delivery, ...]:
    """Return the rows of a version, as its plan says.

    Args:
        facts: What is known when the version is frozen.
    """
    rows = [_dmp(facts), *_professionals(facts), _patient(facts), *_messages(facts)]
    if facts.who_sends == PLATFORM and facts.platform in facts.destinations:
        rows = _delegated(rows, facts)
    return tuple(replace(row, origin=facts.origin) for row in rows)


def flags_of(rows: tuple[Delivery, ...], marks: Marks, reason: Reason) -> Flags:
    """Return what the message to the platform says: the marks, and the channels of the version that are its to send."""
    theirs = {row.channel for row in rows if row.who_sends == PLATFORM}
    return replace(
        _visibility(marks),
        modif_conf_code=reason is Reason.ANNOUNCEMENT,
        dest_dmp=DMP in theirs,
        dest_mss_ps=MSS_PROFESSIONAL in theirs,
        dest_mss_pat=MSS_PATIENT in theirs,
    )


def plan_of(rows: tuple[Delivery, ...]) -> tuple[PlannedChannel, ...]:
    """Return the plan that new rows carry out."""
    return tuple(PlannedChannel(row.channel, row.recipient, row.state, row.reason) for row in rows)


def withdrawn_rows(rows: tuple[Delivery, ...], now: datetime) -> tuple[Delivery, ...]:
    """Return the rows of a version that was refused on its way: nothing of it leaves."""
    return tuple(
        replace(row, state=DeliveryState.WITHDRAWN, reason=REFUSED_REPORT, unknown=False, due_at=None, changed_at=now)
        for row in rows
        if row.state in (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.DELEGATED)
    )


def _dmp(facts: PlanFacts) -> Delivery:
    row = planned_dmp(
        facts.owner,
        facts.site,
        facts.version,
        facts.document_id,
        facts.now,
        qualified=facts.qualified,
        opposed=OPPOSED in facts.information,
    )
    return _begun(row, WITHHELD) if facts.marks.withheld and row.state is not DeliveryState.WITHDRAWN else row


def _professionals(facts: PlanFacts) -> list[Delivery]:
    rows = [_professional(facts, rpps) for rpps in dict.fromkeys(facts.professionals)]
    if facts.unnamed:
        rows.append(_on_paper(facts, REQUESTER))
    return rows


def _professional(facts: PlanFacts, rpps: str) -> Delivery:
    if rpps in facts.unreachable and rpps not in facts.refusals:
        return _on_paper(facts, rpps)
    row = _mail(facts, MSS_PROFESSIONAL, rpps)
    if rpps in facts.refusals:
        return _begun(row, REFUSAL, DeliveryState.WITHDRAWN)
    if facts.marks.masked_to_professionals:
        return _begun(row, MASKED, DeliveryState.WITHDRAWN)
    return _begun(row, WITHHELD) if facts.marks.withheld else row


def _on_paper(facts: PlanFacts, recipient: str) -> Delivery:
    row = _mail(facts, TO_PRINT, recipient)
    if facts.marks.masked_to_professionals:
        return _begun(row, MASKED, DeliveryState.WITHDRAWN)
    return _begun(row, WITHHELD if facts.marks.withheld else WAITS_FOR_PAPER)


def _patient(facts: PlanFacts) -> Delivery:
    row = _mail(facts, MSS_PATIENT, PATIENT)
    if PATIENT in facts.refusals:
        return _begun(row, REFUSAL, DeliveryState.WITHDRAWN)
    if facts.marks.withheld:
        return _begun(row, WITHHELD)
    if facts.marks.announcement_pending:
        return _begun(row, ANNOUNCEMENT)
    return row if facts.qualified else _begun(row, IDENTITY)


def _messages(facts: PlanFacts) -> list[Delivery]:
    rows = []
    for destination in facts.destinations:
        row = planned(facts.owner, facts.site, HL7_REPORT, destination, facts.now, report_version=facts.version)
        row = replace(row, document_id=facts.document_id, executions=1)
        rows.append(_begun(row, WITHHELD) if facts.marks.withheld else row)
    return rows


def _mail(facts: PlanFacts, channel: str, recipient: str) -> Delivery:
    return planned_mail(facts.owner, facts.site, channel, recipient, facts.version, facts.document_id, facts.now)


def _begun(row: Delivery, reason: str, state: DeliveryState = DeliveryState.HELD) -> Delivery:
    return replace(row, state=state, reason=reason, due_at=None)


def _visibility(marks: Marks) -> Flags:
    return Flags(
        masque_ps=marks.masked_to_professionals,
        invisible_patient=marks.announcement_pending,
        invisible_rep_legaux=marks.hidden_from_representatives,
    )


def _delegated(rows: list[Delivery], facts: PlanFacts) -> list[Delivery]:
    """Return the rows with those given to the platform that would leave now, as far as it accepts the combination."""
    wanted = {row.channel for row in rows if row.state is DeliveryState.PENDING}
    asked = legal_part(
        replace(
            _visibility(facts.marks),
            dest_dmp=DMP in wanted,
            dest_mss_ps=MSS_PROFESSIONAL in wanted,
            dest_mss_pat=MSS_PATIENT in wanted,
        )
    )
    theirs = {
        channel
        for channel, given in ((DMP, asked.dest_dmp), (MSS_PROFESSIONAL, asked.dest_mss_ps), (MSS_PATIENT, asked.dest_mss_pat))
        if given
    }
    return [_given_away(row) if row.channel in theirs and row.state is DeliveryState.PENDING else row for row in rows]


def _given_away(row: Delivery) -> Delivery:
    return replace(row, state=DeliveryState.DELEGATED, who_sends=PLATFORM, due_at=None, executions=0)
