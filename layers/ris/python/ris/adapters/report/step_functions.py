"""Port `SigningWorkflows` over Step Functions: executions under deterministic names, so that a second start changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ris.adapters.executions import start_once
from ris.contracts.tasks import SigningInput
from ris.domain.report.draft import Validation


class StepFunctionsSigning:
    """Starts the signing machine.

    Args:
        client: Returns `boto3.client("stepfunctions")`.
        machine: ARN of the signing state machine.
        release: ARN of the machine that releases an announcement.
    """

    def __init__(self, client: Callable[[], Any], machine: str, release: str = "") -> None:
        self._client = client
        self._machine = machine
        self._release = release

    def start_signing(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """See the port: a name that was ever used is a start that was done."""
        self._start("signing", self._machine, accession_number, validation, draft_rev, attempt)

    def start_release(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """See the port."""
        self._start("announcement", self._release, accession_number, validation, draft_rev, attempt)

    def _start(self, kind: str, machine: str, accession: str, validation: Validation, draft_rev: int, attempt: int) -> None:
        name = f"{kind}-{accession}-{validation.version}" + (f"-{attempt}" if attempt > 1 else "")
        given = SigningInput(
            accession_number=accession,
            version=validation.version,
            draft_rev=draft_rev,
            validator_account=validation.account_id,
            validated_at=validation.validated_at,
            logged_in_at=validation.logged_in_at,
            reason=validation.reason.value,
        )
        start_once(self._client(), machine, name, given.model_dump_json())
