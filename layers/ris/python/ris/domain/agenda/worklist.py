"""What a modality is told of one scheduled step, before any encoding (PS3.4 Table K.6-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ris.domain.agenda.contraindications import Told
from ris.domain.agenda.exam import Exam, ExamState, ScheduledStep
from ris.domain.agenda.request import ImagingRequest
from ris.domain.identity.patient import Patient


class FeedState(Enum):
    """What the site's worklist does with a step."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    REMOVED = "removed"


_FEED = {ExamState.BOOKED: FeedState.SCHEDULED, ExamState.IN_PROGRESS: FeedState.IN_PROGRESS}


def feed_state_of(state: ExamState) -> FeedState:
    """Return what the worklist shows for a state: only what is booked or being done is on it."""
    return _FEED.get(state, FeedState.REMOVED)


@dataclass(frozen=True)
class WorklistEntry:
    """One scheduled step and all that is told with it.

    Args:
        version: Of the exam row it was made from: a later state always has a higher one.
        ipp: Patient identifier in the domain of the site, `ipp_authority` its OID.
        start_day: `YYYYMMDD` at the site; `start_time` is `HHMMSS`, its wall time.
        preparation: What the catalogue says must be done before.
        told: What the patient answered on contraindications.
        expires_at: After it the gateway no longer answers the step.
    """

    exam: Exam
    step: ScheduledStep
    version: int
    state: FeedState
    patient: Patient | None
    request: ImagingRequest | None
    ipp: str
    ipp_authority: str
    start_day: str
    start_time: str
    room_name: str
    code_system: str
    preparation: str
    told: Told
    expires_at: datetime
