"""ASL task PublishWorklist: tell the site's gateway what its worklist shows of an exam."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.agenda.publish_worklist import publish_worklist
from ris.bootstrap.agenda import services
from ris.contracts.tasks import BookingInput, BookingOutput
from ris.observability import task


@task("publish_worklist")
def handler(event: BookingInput) -> BookingOutput:
    """Publish the exam's present state."""
    exam = publish_worklist(services(), event.accession_number, datetime.now(UTC))
    return BookingOutput(accession_number=exam.accession_number, state=exam.state.value)
