"""ASL task RenderReport: make the PDF/A-1 of a frozen report."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.report.render_report import render_report
from ris.bootstrap.documents import services
from ris.contracts.signing import output_of
from ris.contracts.tasks import SigningOutput, VersionInput
from ris.observability import task


@task("render_report")
def handler(event: VersionInput) -> SigningOutput:
    """Bring the version one state further."""
    return output_of(render_report(services(), event.accession_number, event.version, datetime.now(UTC)))
