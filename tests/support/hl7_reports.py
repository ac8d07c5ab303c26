"""Reports as HL7 messages that the product wrote, for tests of who receives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ris.adapters.dispatch.hl7_report import Flags, Intent, ReportMessage, report_message
from ris.domain.report.frozen import FrozenReport
from tests.support.frozen_reports import a_frozen_report
from tests.support.mss import DOCTOR, PATIENT, documents

REPLACED = "2.25.200000000000000000000000000000000009"
EVERYBODY = Flags(dest_dmp=True, dest_mss_ps=True, dest_mss_pat=True)


def a_report_message(report: FrozenReport | None = None, **changes: Any) -> bytes:
    """Return MDM^T02 of a first sending to a hospital's record, with any field changed."""
    frozen = report or a_frozen_report()
    changes.setdefault("cda", b"")
    changes["cda"] = changes["cda"] or documents(frozen)[1]
    said = ReportMessage(
        kind="MDM",
        intent=Intent.FIRST,
        message_id="R1",
        destination="HIS",
        site="NORD",
        sent_at=datetime(2026, 11, 26, 10, 0, tzinfo=UTC),
        report=frozen,
        cda=changes["cda"],
        professionals=tuple(replace(p, mss_address=DOCTOR) for p in (frozen.requester,) if p),
        patient_address=PATIENT,
    )
    return report_message(replace(said, **changes))


def a_replacement(**changes: Any) -> bytes:
    """Return MDM^T10 of a second version."""
    second = a_frozen_report(version=2, replaces=REPLACED, document_id="2.25.200000000000000000000000000000000002")
    return a_report_message(second, intent=Intent.REPLACE, replaced_document=REPLACED, **changes)
