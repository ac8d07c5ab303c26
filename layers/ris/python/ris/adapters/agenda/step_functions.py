"""Port `Workflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.contracts.tasks import BookingInput
from ris.domain.errors import RemoteUnavailable


class StepFunctionsWorkflows:
    """Starts the booking machine.

    Args:
        client: `boto3.client("stepfunctions")`.
        booking: ARN of the booking state machine.
    """

    def __init__(self, client: Any, *, booking: str) -> None:
        self._client = client
        self._booking = booking

    def start_booking(self, accession_number: str, hold_token: str, attempt: int = 1) -> None:
        """See the port: a name that was ever used is a start that was done."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = f"booking-{accession_number}" + (f"-{attempt}" if attempt > 1 else "")
        given = BookingInput(accession_number=accession_number, hold_token=hold_token).model_dump_json()
        try:
            self._client.start_execution(stateMachineArn=self._booking, name=name, input=given)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code != "ExecutionAlreadyExists":
                raise RemoteUnavailable("workflows_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("workflows_unavailable", detail=type(error).__name__) from None
