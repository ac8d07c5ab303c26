"""Port `Workflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.adapters.executions import start_once
from ris.contracts.tasks import BookingInput


def booking_name(accession_number: str, attempt: int, change: str) -> str:
    """Return the name of an execution of the booking machine."""
    return f"booking-{accession_number}" + (f"-{change}" if change else "") + (f"-{attempt}" if attempt > 1 else "")


class StepFunctionsWorkflows:
    """Starts the booking machine.

    Args:
        client: `boto3.client("stepfunctions")`.
        booking: ARN of the booking state machine.
    """

    def __init__(self, client: Any, *, booking: str) -> None:
        self._client = client
        self._booking = booking

    def start_booking(self, accession_number: str, hold_token: str, attempt: int = 1, *, change: str = "") -> None:
        """See the port: a name that was ever used is a start that was done."""
        name = booking_name(accession_number, attempt, change)
        # A change that is absent is not in the input: the machine asks whether it is present.
        given = BookingInput(accession_number=accession_number, hold_token=hold_token, change=change).model_dump_json(
            exclude_defaults=True
        )
        start_once(self._client, self._booking, name, given)
