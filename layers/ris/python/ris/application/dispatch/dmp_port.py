"""What the dispatch needs of a national record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.domain.identity.ins import Ins
from ris.domain.report.frozen import FrozenReport


@dataclass(frozen=True)
class RecordState:
    """What the record says of itself (TD0.2).

    Args:
        state: `open`, `closed` or `none`.
        since: Date of closing as given, or empty; `reason` likewise.
    """

    state: str
    since: str = ""
    reason: str = ""


@dataclass(frozen=True)
class FrozenVersion:
    """The content of one version and the legal entity (FINESS EJ) whose keys speak for it."""

    report: FrozenReport
    legal_entity: str


@dataclass(frozen=True)
class SignedVersion:
    """The stored documents of one version: a resend is these same bytes."""

    report: FrozenReport
    cda: bytes
    signature: bytes


@dataclass(frozen=True)
class StrangeAnswer:
    """An answer that cannot be believed, as it came: an operator wants to see it, and may have to show it to the remote.

    Args:
        owner: Accession Number of the exam; `report_version` of its report.
        operation: What was called: `patients`, `registry` or `repository`.
        asked_at: Aware UTC instant of the call.
        status: Of HTTP; `content_type` likewise.
        why: What is wrong with it, without any of its content.
        content: Its body, cut at `LONGEST_STRANGE`.
    """

    owner: str
    report_version: int
    operation: str
    asked_at: datetime
    status: int
    content_type: str
    why: str
    content: bytes


LONGEST_STRANGE = 100_000
"""Bytes of a strange answer that are kept; answers of the DMP have a few thousand."""


class StrangeAnswers(Protocol):
    """Where answers are kept that cannot be believed."""

    def keep(self, answer: StrangeAnswer) -> None:
        """Keep one.

        Raises:
            RemoteUnavailable: It could not be written.
        """

    def of_version(self, owner: str, report_version: int) -> list[StrangeAnswer]:
        """Return those about one version, oldest first."""

    def get(self, owner: str, report_version: int, asked_at: datetime, operation: str) -> StrangeAnswer | None:
        """Return one, or None."""

    def newest(self, *, limit: int) -> list[StrangeAnswer]:
        """Return those of the whole group, the newest first (index `due`)."""


class NationalRecord(Protocol):
    """The DMP as one legal entity reaches it."""

    def existence(self, report: FrozenReport, ins: Ins, *, now: datetime) -> RecordState:
        """Ask whether the patient has a record (TD0.2).

        Raises:
            RemoteRejected: The DMP's own code.
            RemoteUnavailable: Surely not asked, or 503.
        """

    def submit(self, version: SignedVersion, *, replaced_entry_uuid: str, now: datetime) -> None:
        """Submit one version (TD2.1, ITI-41).

        Raises:
            RemoteRejected: The DMP's own code.
            RemoteUnavailable: Surely not taken.
            OutcomeUnknown: Perhaps taken, a duplicate included.
        """

    def delete(self, report: FrozenReport, entry_uuid: str, *, requested_at: datetime, now: datetime) -> None:
        """Delete a document of ours (TD3.3c).

        Args:
            report: The content that is there.
            entry_uuid: Of its entry.
            requested_at: When the deletion was asked for: the same each time it is sent.
            now: Aware UTC instant.

        Raises:
            RemoteRejected: The DMP's own code.
            RemoteUnavailable: Surely not taken.
            OutcomeUnknown: Perhaps taken.
        """

    def entry_uuid(self, report: FrozenReport, document_id: str, *, now: datetime) -> str:
        """Return the entryUUID of a document of ours, or an empty string when it is not there (TD3.1b).

        Raises:
            RemoteRejected: The DMP's own code.
            RemoteUnavailable: No believable answer: ask again later.
        """


class DmpAccess(Protocol):
    """The DMP by legal entity: each has its own keys and certificates."""

    def record(self, legal_entity: str) -> NationalRecord:
        """Return the DMP as this legal entity reaches it.

        Raises:
            Refused: `dmp_not_configured`: the legal entity has no certificate for it.
            RemoteUnavailable: Keys or secrets cannot be had now.
        """

    def structure(self, legal_entity: str) -> str:
        """Return the OU of its SIGN certificate: the Struct_IdNat it may speak for; raises as `record`."""


class SignedVersions(Protocol):
    """The versions of reports that were frozen and signed."""

    def frozen(self, accession_number: str, version: int) -> FrozenVersion | None:
        """Return a version, or None when there is none or it was withdrawn."""

    def signed(self, accession_number: str, version: int) -> SignedVersion | None:
        """Return the stored documents of a version, or None until they are all there.

        Raises:
            Refused: `stored_document_changed`: they are not the bytes that were signed.
        """


class RemoteBreaker(Protocol):
    """One row per remote: while it is open, nobody is called."""

    def allow(self, remote: str, now: datetime) -> bool:
        """Say whether the remote may be called now."""

    def success(self, remote: str, now: datetime) -> None:
        """Note that the remote answered, whatever it said."""

    def failure(self, remote: str, now: datetime, code: str) -> None:
        """Note that it did not, or that every call will meet the same refusal."""


class Outages(Protocol):
    """What the sweep asks before it starts work for a remote."""

    def until(self, remote: str, now: datetime) -> datetime | None:
        """Return until when work for the remote had better wait, or None: it may start now."""


Rows = tuple[tuple[str, str], ...]
"""Channel and recipient of each."""


class DispatchWorkflows(Protocol):
    """Starts the machine `report_dispatch`."""

    def start_dispatch(self, accession_number: str, version: int, attempt: int, rows: Rows) -> None:
        """Start `dispatch-{accession}-{version}-{attempt}-{channel}-{recipient}` for some rows (the name has the first one's).

        A name that was ever used is a start that was done.

        Raises:
            RemoteUnavailable: Not started.
        """
