"""Inputs and outputs of state machine tasks: identifiers and small facts, never a patient's value; they only grow."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Task(BaseModel):
    """What all task models share."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class BookingInput(Task):
    """Input of the booking machine and of each of its tasks; execution name `booking-{accession_number}`.

    With a `change` (`moved-{n}`, `booked`, `cancelled`) nothing is confirmed: modality and PACS are told.
    """

    accession_number: str
    hold_token: str
    change: str = ""


class BookingOutput(Task):
    """What ConfirmBooking and PublishWorklist say: the exam and its state."""

    accession_number: str
    state: str


class SendHl7Input(Task):
    """Input of SendHl7: which row of which exam to send; `version` is that of the report it carries, 0 for what is no report."""

    accession_number: str
    channel: str
    recipient: str
    version: int = 0


class SendHl7Output(Task):
    """What SendHl7 says: the row's state."""

    accession_number: str
    channel: str
    recipient: str
    state: str


class RecordOutcomeInput(Task):
    """Input of RecordOutcome: the row, and what the failed task let out (`Error` is a group name, `Cause` a JSON text).

    `version` is that of the report whose row it is; 0 for what is no report.
    """

    accession_number: str
    channel: str
    recipient: str
    error: str
    cause: str = ""
    version: int = 0


class RowName(Task):
    """One delivery row of a version."""

    channel: str
    recipient: str


class DispatchInput(Task):
    """Input of the machine `report_dispatch`, for the rows it is to bring on, and of its tasks.

    Execution name `dispatch-{accession}-{version}-1`, and for one row later `dispatch-{accession}-{version}-{n}-{channel}-{recipient}`.
    """

    accession_number: str
    version: int
    rows: tuple[RowName, ...] = ()


class SendMailInput(Task):
    """Input of SendMail: which row of which version to send."""

    accession_number: str
    version: int
    channel: str
    recipient: str


class ReconcileMailInput(Task):
    """Input of reconcile_mail: the sites whose mailboxes are read; what a schedule sends names none, which means all."""

    sites: tuple[str, ...] = ()


class ReconcileMailOutput(Task):
    """What one run read: mails, receipts that found their row, mails kept for a person, mailboxes that could not be read."""

    read: int = 0
    applied: int = 0
    kept: int = 0
    failed: int = 0


class ImportDirectoryInput(Task):
    """Input of import_directory: what a schedule sends, nothing of which is needed."""


class ImportDirectoryOutput(Task):
    """What an import did: mailboxes written, lines that could not be read; none when the newest extract already stands."""

    written: int
    unreadable: int


class DispatchOutput(Task):
    """What a task of a dispatch says: the row's state, and what comes next (`send`, `reconcile`, `nothing`)."""

    accession_number: str
    version: int
    state: str
    next: str = "nothing"


class SweepInput(Task):
    """Input of sweep_due: the sites to sweep; what a schedule sends names none, which means all."""

    sites: tuple[str, ...] = ()


class SweepOutput(Task):
    """What one sweep did: rows freed or started again, rows found late, rows that raised."""

    done: int = 0
    overdue: int = 0
    failed: int = 0


class SigningInput(Task):
    """Input of the signing machine and of its first task: the click of a validation, and the revision it was made on.

    The row says who clicked and when, and is what counts; here it stands for whoever reads an execution's history.
    """

    accession_number: str
    version: int
    draft_rev: int
    validator_account: str
    validated_at: datetime
    logged_in_at: datetime
    reason: str = "validation"


class VersionInput(Task):
    """Input of the tasks that make the documents: which version of which exam's report."""

    accession_number: str
    version: int


class SigningOutput(Task):
    """What a signing task says: how far the version is, and the names under which its signing and its dispatch start."""

    accession_number: str
    version: int
    state: str
    dispatch_name: str
    rows: tuple[RowName, ...] = ()
    signing_name: str = ""


class SealInput(Task):
    """Input of seal_audit: the sites to seal; what a schedule sends names none, which means all."""

    sites: tuple[str, ...] = ()


class SealOutput(Task):
    """What one run of seal_audit bound, in records."""

    sealed: int


class CountInput(Task):
    """Input of count_usage: the sites to count; what a schedule sends names none, which means all."""

    sites: tuple[str, ...] = ()


class CountOutput(Task):
    """What one run of count_usage did, in days whose figures were not what the facts say now."""

    changed: int


class WatchInput(Task):
    """Input of watch_certificates: what a schedule sends, nothing of which is needed."""


class WatchOutput(Task):
    """What watch_certificates found: certificates, those that reached an alert, secrets without one."""

    watched: int
    alerts: int
    missing: int
