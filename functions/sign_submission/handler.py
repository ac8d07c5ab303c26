"""ASL task SignSubmission: sign the submission of a report; it is validated then."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.report.sign_submission import sign_submission
from ris.bootstrap.documents import services
from ris.contracts.signing import output_of
from ris.contracts.tasks import SigningOutput, VersionInput
from ris.observability import task


@task("sign_submission")
def handler(event: VersionInput) -> SigningOutput:
    """Bring the version one state further."""
    return output_of(sign_submission(services(), event.accession_number, event.version, datetime.now(UTC)))
