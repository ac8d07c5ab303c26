"""Port `DispatchWorkflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.application.dispatch.dmp_port import Rows
from ris.contracts.tasks import DispatchInput, RowName
from ris.domain.errors import RemoteUnavailable


class StepFunctionsDispatches:
    """Starts the machine `report_dispatch`.

    Args:
        client: `boto3.client("stepfunctions")`.
        machine: Its ARN.
    """

    def __init__(self, client: Any, machine: str) -> None:
        self._client = client
        self._machine = machine

    def start_dispatch(self, accession_number: str, version: int, attempt: int, rows: Rows) -> None:
        """See the port."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = "-".join(("dispatch", accession_number, str(version), str(attempt), *rows[0]))
        named = tuple(RowName(channel=channel, recipient=recipient) for channel, recipient in rows)
        given = DispatchInput(accession_number=accession_number, version=version, rows=named).model_dump_json()
        try:
            self._client.start_execution(stateMachineArn=self._machine, name=name, input=given)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code != "ExecutionAlreadyExists":
                raise RemoteUnavailable("workflows_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("workflows_unavailable", detail=type(error).__name__) from None
