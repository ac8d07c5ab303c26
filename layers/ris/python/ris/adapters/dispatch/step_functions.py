"""Port `DispatchWorkflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.adapters.executions import start_once
from ris.application.dispatch.dmp_port import Rows
from ris.contracts.tasks import DispatchInput, RowName


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
        name = "-".join(("dispatch", accession_number, str(version), str(attempt), *rows[0]))
        named = tuple(RowName(channel=channel, recipient=recipient) for channel, recipient in rows)
        given = DispatchInput(accession_number=accession_number, version=version, rows=named).model_dump_json()
        start_once(self._client, self._machine, name, given)
