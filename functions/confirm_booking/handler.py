"""ASL task ConfirmBooking: make an unexpired hold a booking."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.agenda.confirm_booking import confirm_booking
from ris.bootstrap.agenda import services
from ris.contracts.tasks import BookingInput, BookingOutput
from ris.observability import task


@task("confirm_booking")
def handler(event: BookingInput) -> BookingOutput:
    """Confirm what the execution was started for."""
    exam = confirm_booking(services(), event.accession_number, event.hold_token, datetime.now(UTC))
    return BookingOutput(accession_number=exam.accession_number, state=exam.state.value)
