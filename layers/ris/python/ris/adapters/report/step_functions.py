"""Port `SigningWorkflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ris.contracts.tasks import SigningInput
from ris.domain.errors import RemoteUnavailable
from ris.domain.report.draft import Validation


class StepFunctionsSigning:
    """Starts the signing machine.

    Args:
        client: Returns `boto3.client("stepfunctions")`.
        machine: ARN of the signing state machine.
    """

    def __init__(self, client: Callable[[], Any], machine: str) -> None:
        self._client = client
        self._machine = machine

    def start_signing(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """See the port: a name that was ever used is a start that was done."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = f"signing-{accession_number}-{validation.version}" + (f"-{attempt}" if attempt > 1 else "")
        given = SigningInput(
            accession_number=accession_number,
            version=validation.version,
            draft_rev=draft_rev,
            validator_account=validation.account_id,
            validated_at=validation.validated_at,
            logged_in_at=validation.logged_in_at,
        )
        try:
            self._client().start_execution(stateMachineArn=self._machine, name=name, input=given.model_dump_json())
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code != "ExecutionAlreadyExists":
                raise RemoteUnavailable("workflows_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("workflows_unavailable", detail=type(error).__name__) from None
