"""ASL task BuildCda: make the CDA R2 N1 around the PDF of a report."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.report.build_cda import build_cda
from ris.bootstrap.documents import services
from ris.contracts.signing import output_of
from ris.contracts.tasks import SigningOutput, VersionInput
from ris.observability import task


@task("build_cda")
def handler(event: VersionInput) -> SigningOutput:
    """Bring the version one state further."""
    return output_of(build_cda(services(), event.accession_number, event.version, datetime.now(UTC)))
