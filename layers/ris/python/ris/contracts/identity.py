"""Settings of identity qualification, and the inputs and outputs of its tasks: identifiers and codes, never a trait."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ris.contracts.tasks import Task


class IdentityTaskEvent(Task):
    """Which recorded event the execution is for.

    Args:
        event_id: Of the item written before the start.
        kind: `query` when INSi is to be asked, else `fact`.
    """

    event_id: str
    kind: str = "fact"


class StateError(Task):
    """What a catcher hands on."""

    Error: str = ""
    Cause: str = ""


class InsiAsked(Task):
    """What QueryInsi says: which answer was kept, and its code."""

    answer_id: str = ""
    code: str = ""


class IdentityInput(Task):
    """Input of `identity_qualification` and of each of its tasks; execution name `identity-{patient_id}-{event_id}`.

    Args:
        query: What QueryInsi said, if it was run; `error` what it let out instead.
    """

    patient_id: str
    site: str
    event: IdentityTaskEvent
    query: InsiAsked | None = None
    error: StateError | None = None


class IdentityRow(Task):
    """One delivery row to send, as SendHl7 takes it."""

    accession_number: str
    channel: str
    recipient: str


class IdentityApplied(Task):
    """What ApplyIdentityEvent says.

    Args:
        state: `applied` or `refused`, with its code.
        status: The patient's identity status now.
        rows: What the partners must be told.
    """

    patient_id: str
    state: str
    status: str
    code: str = ""
    rows: tuple[IdentityRow, ...] = ()


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RulesText(_Settings):
    """What a site may choose (INS.18-21); pauses in seconds."""

    high_trust: tuple[str, ...] | None = None
    automatic_acceptance: bool = True
    ask_again_after_s: int = Field(default=600, ge=1)
    ask_again_after_none_s: int = Field(default=7 * 86_400, ge=1)


class InsiSettingsText(_Settings):
    """`INSI_SETTINGS`: one environment of INSi, and the rules of identity.

    Args:
        idam: CNDA authorisation number of the software; `instance` the UUID of this installation.
        emetteur: Legal entity (FINESS EJ) to Emetteur; one that is not there has the OU of its certificate.
        oid_mapping: OID as answered to OID as kept (the vendors' test service answers the production OID of the NIR).
        place: `when_known` or `after_several`.
        rules: Standard rules; `sites` those of a site that differs.
    """

    idam: str = ""
    software: str = "RIS"
    version: str = "1"
    instance: str = "00000000-0000-4000-8000-000000000000"
    emetteur: dict[str, str] = {}
    oid_mapping: dict[str, str] = {}
    place: str = "when_known"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 15.0
    breaker_failures: int = 3
    breaker_pause_s: int = 60
    breaker_longest_pause_s: int = 900
    rules: RulesText = RulesText()
    sites: dict[str, RulesText] = {}
