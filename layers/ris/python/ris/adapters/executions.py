"""Executions of state machines under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from typing import Any

from ris.domain.errors import RemoteUnavailable


def start_once(client: Any, machine: str, name: str, given: str) -> None:
    """Start an execution; a name that was ever used is a start that was done.

    Args:
        client: `boto3.client("stepfunctions")`.
        machine: ARN of the state machine.
        name: Of the execution, at most 80 characters of `[A-Za-z0-9_.-]`.
        given: Its input, JSON.

    Raises:
        RemoteUnavailable: `workflows_unavailable`: not started, or nobody knows.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.start_execution(stateMachineArn=machine, name=name, input=given)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code != "ExecutionAlreadyExists":
            raise RemoteUnavailable("workflows_unavailable", detail=code) from None
    except BotoCoreError as error:
        raise RemoteUnavailable("workflows_unavailable", detail=type(error).__name__) from None
