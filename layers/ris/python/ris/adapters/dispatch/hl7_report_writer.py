"""Port `ReportWriter`: which message a destination gets of a row, and with which words.

A PACS takes ORU, everything else (a hospital's platform or record) MDM. The operation of the row is the message's intent.
"""

from __future__ import annotations

from dataclasses import replace

from ris.adapters.dispatch.hl7_report import Intent, ReportMessage, report_message
from ris.application.dispatch.send_report_hl7 import ReportMessageFacts
from ris.domain.dispatch.delivery import CREATE, DELETE, REPLACE
from ris.domain.report.frozen import Professional
from ris.domain.report.version import CDA

_INTENTS = {CREATE: Intent.FIRST, REPLACE: Intent.REPLACE, DELETE: Intent.DELETE}


class Hl7ReportWriter:
    """Implements `ReportWriter`."""

    def report(self, facts: ReportMessageFacts) -> bytes:
        """See the port."""
        row, report = facts.row, facts.documents.report
        return report_message(
            ReportMessage(
                kind="ORU" if row.recipient.startswith("PACS") else "MDM",
                intent=_INTENTS[row.operation],
                message_id=row.message_id,
                destination=row.recipient,
                site=row.site,
                sent_at=row.planned_at or report.validated_at,
                report=report,
                cda=facts.documents.files[CDA],
                flags=facts.flags,
                replaced_document=row.predecessor if row.operation == REPLACE else "",
                professionals=_addressed(facts),
                patient_address=facts.patient_address,
                reply_address=facts.reply_to,
                visit=facts.visit,
            )
        )


def _addressed(facts: ReportMessageFacts) -> tuple[Professional, ...]:
    """Return the professionals that the platform is asked to mail, each with the address it is to use."""
    report = facts.documents.report
    people = (report.requester, *report.recipients) if report.requester else report.recipients
    return tuple(replace(person, mss_address=facts.addresses[person.rpps]) for person in people if facts.addresses.get(person.rpps))
