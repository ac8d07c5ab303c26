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
class SignedVersion:
    """The stored documents of one version: a resend is these same bytes."""

    report: FrozenReport
    cda: bytes
    signature: bytes


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

    def entry_uuid(self, report: FrozenReport, document_id: str, *, now: datetime) -> str:
        """Return the entryUUID of a document of ours, or an empty string when it is not there (TD3.1b).

        Raises:
            RemoteRejected: The DMP's own code.
            RemoteUnavailable: No believable answer: ask again later.
        """
