"""ASL task ConfirmBooking: make an unexpired hold a booking, and have INSi asked for its patient.

The booking stands whatever becomes of the question: it is a row that the sweep starts, and where even that cannot be written the desk asks.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.identity.record_identity_event import ask_on_booking
from ris.bootstrap.agenda import services
from ris.bootstrap.identity import may_start, record_services
from ris.contracts.tasks import BookingInput, BookingOutput
from ris.domain.agenda.exam import Exam
from ris.domain.errors import RisError
from ris.observability import LogReference, log, task


@task("confirm_booking")
def handler(event: BookingInput) -> BookingOutput:
    """Confirm what the execution was started for."""
    now = datetime.now(UTC)
    exam = confirm_booking(services(), event.accession_number, event.hold_token, now)
    if may_start():
        _ask_insi(exam, now)
    return BookingOutput(accession_number=exam.accession_number, state=exam.state.value)


def _ask_insi(exam: Exam, now: datetime) -> None:
    try:
        ask_on_booking(
            record_services(), exam.patient_id, site=exam.site, by=exam.booked_by, accession=exam.accession_number, now=now
        )
    except RisError as error:
        log(LogReference.CONFIRM_BOOKING_001, accession_number=exam.accession_number, code=error.code)
