"""ASL task FreezeReport: freeze the content and the channel plan of a validated report."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.report.freeze_report import FreezeReport, freeze_report
from ris.bootstrap.documents import services
from ris.contracts.signing import output_of
from ris.contracts.tasks import SigningInput, SigningOutput
from ris.observability import task


@task("freeze_report")
def handler(event: SigningInput) -> SigningOutput:
    """Freeze the version that the execution was started for."""
    command = FreezeReport(event.accession_number, event.version, event.draft_rev)
    return output_of(freeze_report(services(), command, datetime.now(UTC)))
