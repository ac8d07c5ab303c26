"""Port `IdentityWorkflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.adapters.executions import start_once
from ris.application.identity.records import RecordedEvent
from ris.contracts.identity import IdentityInput, IdentityTaskEvent
from ris.domain.errors import RemoteUnavailable


class StepFunctionsIdentity:
    """Starts the machine of identity qualification.

    Args:
        client: `boto3.client("stepfunctions")`.
        machine: ARN of the state machine; empty where this function may not start it: then the sweep does.
    """

    def __init__(self, client: Any, *, machine: str) -> None:
        self._client = client
        self._machine = machine

    def start_identity(self, event: RecordedEvent) -> None:
        """See the port: a name that was ever used is a start that was done."""
        if not self._machine:
            raise RemoteUnavailable("workflows_unavailable", detail="no machine")
        name = execution_name(event)
        kind = "query" if event.is_query else "fact"
        given = IdentityInput(
            patient_id=event.patient_id, site=event.site, event=IdentityTaskEvent(event_id=event.event_id, kind=kind)
        ).model_dump_json(exclude_none=True)
        start_once(self._client, self._machine, name, given)


def execution_name(event: RecordedEvent) -> str:
    """Return the name of an event's execution: at most 80 characters of `[A-Za-z0-9_.-]`."""
    behind = f"-{event.attempt}" if event.attempt > 1 else ""
    return f"identity-{event.patient_id}-{event.event_id}{behind}"[-80:]
