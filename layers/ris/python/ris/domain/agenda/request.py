"""A request: what a prescriber asks for, before anyone booked it.

Requests, exams and studies are three things: Order Placer Number ⟷ Accession Number ⟷ Study Instance UID (design, decision 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class RequestState(Enum):
    """Where a request stands."""

    TO_BOOK = "to_book"
    BOOKED = "booked"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Prescriber:
    """Who asked: ORC-12 / OBR-16 (XCN).

    Args:
        mss_address: ORC-14 or OBR-17, when it is an electronic address; believed only if the directory says it is that person's.
    """

    rpps: str = ""
    family: str = ""
    given: str = ""
    mss_address: str = ""


@dataclass(frozen=True)
class ImagingRequest:
    """One ORC/OBR group (RAD-2).

    Args:
        request_id: Ours, deterministic from the placer number, its authority and the site; URL-safe.
        placer_order_number: ORC-2.1, and `placer_authority` its OID (or namespace).
        exam_code: OBR-4.1 in `exam_code_system` OBR-4.3 (CCAM, LN), `exam_label` OBR-4.2.
        reason: OBR-13 relevant clinical information, as sent.
        priority: `routine`, `urgent` or `stat` (ORC-7.6 / OBR-5 / TQ1-9).
        visit_number: PV1-19 of the hospital that asked, and `visit_authority` its OID (or namespace): its report says it again.
    """

    request_id: str
    site: str
    patient_id: str
    placer_order_number: str
    placer_authority: str
    exam_code: str
    exam_code_system: str
    exam_label: str
    reason: str = ""
    priority: str = "routine"
    prescriber: Prescriber = Prescriber()
    received_at: datetime | None = None
    state: RequestState = RequestState.TO_BOOK
    accession_number: str = ""
    visit_number: str = ""
    visit_authority: str = ""
    version: int = 0
