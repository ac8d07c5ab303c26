"""An exam: one Accession Number, one Study Instance UID, one or more scheduled procedure steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ris.domain.agenda.contraindications import Override


class ExamState(Enum):
    """The life of an exam until its report (the report has states of its own)."""

    HELD = "held"
    BOOKED = "booked"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    DISCONTINUED = "discontinued"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


PRIORITIES = ("stat", "urgent", "routine")
"""Of a request (ORC-7.6, OBR-5, TQ1-9), and of the exam that answers it; the most urgent first."""


@dataclass(frozen=True)
class ExamKind:
    """What a reading list is narrowed by: DICOM modality, and priority."""

    dicom_modality: str = ""
    priority: str = "routine"

    @property
    def rank(self) -> int:
        """Return the place of its priority, the most urgent first; a word nobody knows is routine."""
        return PRIORITIES.index(self.priority if self.priority in PRIORITIES else "routine")


@dataclass(frozen=True)
class ReadingSpan:
    """A part of a reading list that lies together: one priority, done in a span of time.

    Args:
        priority: One of `PRIORITIES`.
        since: Done at this instant or later; `until` at this one or before; None for no bound.
    """

    priority: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def rank(self) -> int:
        """Return the place of its priority."""
        return PRIORITIES.index(self.priority)

    def has(self, kind: ExamKind, done_at: datetime) -> bool:
        """Say whether an exam lies in it."""
        early = self.since is not None and done_at < self.since
        return kind.rank == self.rank and not early and (self.until is None or done_at <= self.until)


@dataclass(frozen=True)
class Appointment:
    """When and where: half-open [start, end), aware UTC instants; `day` and the wall times shown are the site's.

    Args:
        resources: Ids of every resource it takes (room first, then modality, then others), all or none.
    """

    site: str
    day: str
    start: datetime
    end: datetime
    room: str
    modality: str
    resources: tuple[str, ...]


@dataclass(frozen=True)
class ScheduledStep:
    """One Scheduled Procedure Step (0040,0100).

    Args:
        sps_id: (0040,0009), SH 16: the Accession Number and its rank.
        feed_version: Grows at each publication; the gateway drops an older one.
    """

    sps_id: str
    station_ae_title: str
    station_name: str
    dicom_modality: str
    description: str
    feed_version: int = 0


@dataclass(frozen=True)
class Performed:
    """What one MPPS said (RAD-6, RAD-7).

    Args:
        status: (0040,0252): `IN PROGRESS`, `COMPLETED` or `DISCONTINUED`.
        started_at: (0040,0244) and (0040,0245) as the modality wrote them, `YYYYMMDDHHMMSS`, its own wall time.
        ended_at: (0040,0250) and (0040,0251), in the same form.
        discontinuation_reason: Code value of (0040,0281), DCM; `110514` is "incorrect worklist entry selected".
        series_count: Items of (0040,0340).
        image_count: Items of (0008,1140) and (0040,0220) below them.
    """

    sop_instance_uid: str
    status: str
    station_ae_title: str = ""
    started_at: str = ""
    ended_at: str = ""
    discontinuation_reason: str = ""
    series_count: int = 0
    image_count: int = 0


@dataclass(frozen=True)
class Exam:
    """One exam row.

    Args:
        accession_number: (0008,0050), SH 16, ours.
        study_instance_uid: (0020,000D), ours, deterministic from the accession number.
        accession_authority: OID of whoever gave the Accession Number, (0008,0051): this RIS, as it was then.
        hold_token: What the booking machine must show to confirm; `hold_expires_at` is its end.
        changed_at: Instant of the last change of state.
        publish_due_at: From this instant the sweep publishes the steps again; None once the site's feed has the present state.
        information: ZFA-9 as collected at the desk for this episode: `INO`, `IO`, `NA`, or empty while nobody asked.
        priority: Of the request it answers: `routine`, `urgent` or `stat`.
        reported: Somebody began its report: from then on the report's own row waits, and the exam is off the reading list.
        cancel_reason: Code of the cancellation: `order_cancelled`, `patient`, `site`, `no_show`, `moved` …; `cancelled_by` is who did it.
        arrived_at: When the patient came; `called_at` when they were called in.
        answers: Of the patient to the catalogue's questions on contraindications: code to `yes`, `no` or `unknown`.
        override: Who decided that the exam takes place in spite of a contraindication.
        images_at: Since when the site's archive has images of it; None while it did not say so.
        committed_at: When the archive last said which images it promises to keep; `uncommitted` how many of a report it does not, by the
            first image of that report.
        moves: How often the appointment was changed since it was booked.
        to_call_since: The appointment was changed without its patient, who is to be told; None once somebody did.
    """

    accession_number: str
    study_instance_uid: str
    site: str
    patient_id: str
    request_id: str
    exam_code: str
    exam_label: str
    appointment: Appointment
    state: ExamState
    hold_token: str = ""
    hold_expires_at: datetime | None = None
    steps: tuple[ScheduledStep, ...] = ()
    performed: tuple[Performed, ...] = ()
    booked_by: str = ""
    changed_at: datetime | None = None
    version: int = 0
    publish_due_at: datetime | None = None
    cancel_reason: str = ""
    cancelled_by: str = ""
    accession_authority: str = ""
    information: str = ""
    reported: bool = False
    arrived_at: datetime | None = None
    called_at: datetime | None = None
    images_at: datetime | None = None
    answers: dict[str, str] = field(default_factory=dict)
    override: Override | None = None
    moves: int = 0
    to_call_since: datetime | None = None
    priority: str = "routine"
    committed_at: datetime | None = None
    uncommitted: dict[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> ExamKind:
        """What reading lists narrow it by."""
        return ExamKind(self.steps[0].dicom_modality if self.steps else "", self.priority)

    @property
    def done_at(self) -> datetime:
        """Since when it may be read: its last change of state, else the end of its appointment."""
        return self.changed_at or self.appointment.end

    @property
    def waits_in_the_room(self) -> bool:
        """Whether the patient came and was not called in yet."""
        return self.state is ExamState.BOOKED and self.arrived_at is not None and self.called_at is None

    @property
    def reserves(self) -> bool:
        """Whether it keeps its patient from being booked for the same exam that day."""
        return self.state not in (ExamState.CANCELLED, ExamState.EXPIRED, ExamState.DISCONTINUED)

    @property
    def waits_for_report(self) -> bool:
        """Whether it was done, its gateway knows, and nobody began its report."""
        return self.state is ExamState.COMPLETED and self.publish_due_at is None and not self.reported

    @property
    def reservation(self) -> tuple[str, str, str]:
        """Patient, day and exam code: what at most one reserving exam has."""
        return (self.patient_id, self.appointment.day, self.exam_code)
