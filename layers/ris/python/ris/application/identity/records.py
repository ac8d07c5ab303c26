"""What stands in a patient's partition beside the row: events, answers of INSi, the history of statuses, announcements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ris.domain.identity.announcing import Announcement
from ris.domain.identity.events import IdentityEvent
from ris.domain.identity.insi import InsiFound, InsiQuery
from ris.domain.identity.rniv import StatusChange


class EventState(Enum):
    """What became of a recorded event; `REFUSED` has a code."""

    RECORDED = "recorded"
    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True)
class RecordedEvent:
    """One event, written before its execution starts, so that no state carries a trait and none is lost.

    Args:
        event_id: `[A-Za-z0-9_.-]{1,40}`, the same for the same click.
        event: The fact; None for a question to INSi, whose fact is the answer.
        by: Account id, or the machine that asks.
        by_person: Whether a person asks INSi (certificate INSI-MANU).
        due_at: From this instant the sweep starts its execution again; None once it is settled.
        code: Of a refusal.
        announcement: Number of the announcement it made, or 0.
        attempt: Executions started so far.
    """

    patient_id: str
    event_id: str
    site: str
    by: str
    recorded_at: datetime
    event: IdentityEvent | None = None
    by_person: bool = True
    state: EventState = EventState.RECORDED
    due_at: datetime | None = None
    code: str = ""
    announcement: int = 0
    attempt: int = 1
    version: int = 0

    @property
    def is_query(self) -> bool:
        """Whether INSi is to be asked."""
        return self.event is None


@dataclass(frozen=True)
class KeptAnswer:
    """One answer of INSi, kept whole (EXI REC 07/08; INS.40-41).

    Args:
        answer_id: `{instant}#{number}`: when it was asked, and which search of the question it was.
        query: What was asked.
        code: `00`, `01`, `02`, or empty with `error`.
        raw: The bytes that came, unaltered.
        error: Code of the failure.
    """

    patient_id: str
    answer_id: str
    event_id: str
    asked_at: datetime
    by: str
    by_person: bool
    query: InsiQuery
    code: str = ""
    found: InsiFound | None = None
    error: str = ""
    raw: bytes = b""

    @property
    def strange(self) -> bool:
        """Whether something came that cannot be believed: an operator wants to see it, and may have to show it to INSi."""
        return self.error == UNREADABLE


UNREADABLE = "insi_answer_unreadable"


@dataclass(frozen=True)
class Transition:
    """What is written with a patient's row, all or none.

    Args:
        changes: Lines of the history.
        announcement: What the partners must be told.
        event: The event, settled.
    """

    changes: tuple[StatusChange, ...] = ()
    announcement: Announcement | None = None
    event: RecordedEvent | None = None


@dataclass(frozen=True)
class Unfinished:
    """An item that a dead execution left behind: an event not applied, or an announcement not planned.

    Args:
        event_id: Of the event, or empty.
        announcement: Number, or 0.
    """

    patient_id: str
    site: str
    due_at: datetime
    event_id: str = ""
    announcement: int = 0
