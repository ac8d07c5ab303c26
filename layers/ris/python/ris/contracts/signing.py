"""What a signing task says of a version."""

from __future__ import annotations

from ris.contracts.tasks import SigningOutput
from ris.domain.report.version import Version


def output_of(version: Version) -> SigningOutput:
    """Return how far a version is: identifiers only."""
    return SigningOutput(
        accession_number=version.accession_number,
        version=version.version,
        state=version.state.value,
        dispatch_name=f"dispatch-{version.accession_number}-{version.version}-1",
        signing_name=f"signing-{version.accession_number}-{version.version}",
    )
