"""What a signing task says of a version."""

from __future__ import annotations

from ris.contracts.tasks import RowName, SigningOutput
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.report.version import Version


def output_of(version: Version) -> SigningOutput:
    """Return how far a version is, and which rows its dispatch is to bring on: identifiers only."""
    return SigningOutput(
        accession_number=version.accession_number,
        version=version.version,
        state=version.state.value,
        dispatch_name=f"dispatch-{version.accession_number}-{version.version}-1",
        rows=tuple(
            RowName(channel=one.channel, recipient=one.recipient) for one in version.plan if one.state is DeliveryState.PENDING
        ),
        signing_name=f"signing-{version.accession_number}-{version.version}",
    )
