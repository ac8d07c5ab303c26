"""Bodies the portal takes (forms, or flat JSON objects) and the JSON it gives beside its pages.

Every field of a form is text, as a browser sends it; the use cases say what it means.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,128}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,24}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class Body(BaseModel):
    """What all bodies share: fields nobody knows are ignored, and errors never repeat what was typed."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, str_strip_whitespace=True)


class BookingBody(Body):
    """A booking: of a request, or for a patient.

    Args:
        request: Id of the request, empty when there is none.
        patient: Id of the patient; not needed with a request.
        exam: Code of the catalogue.
        day: `YYYY-MM-DD` at the site.
        start: Wall time at the site, `HH:MM`.
        fold: When the wall time comes twice that day: `0` the first, `1` the second; empty otherwise.
    """

    request: Identifier = ""
    patient: Identifier = ""
    exam: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    room: Annotated[Identifier, StringConstraints(min_length=1)]
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    start: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    fold: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""


class PlaceBody(Body):
    """A place for an exam that is moved.

    Args:
        site: Where; empty for the exam's own.
        room: Of that site; the other fields as in a booking.
        call_patient: `1` when the patient did not ask for it and is to be told.
    """

    site: Identifier = ""
    room: Annotated[Identifier, StringConstraints(min_length=1)]
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    start: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    fold: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    call_patient: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""


class OverrideBody(Body):
    """A physician's decision that an exam takes place in spite of a contraindication."""

    override_by: Annotated[Words, StringConstraints(min_length=3, max_length=100)]
    override_reason: Annotated[Words, StringConstraints(min_length=5)]


class WalkInBody(Body):
    """An exam for a patient who is there.

    Args:
        request: Id of the request it answers, empty when there is none.
    """

    request: Identifier = ""
    patient: Annotated[Identifier, StringConstraints(min_length=1)]
    exam: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class OutageBody(Body):
    """A machine out of service, from one wall time of the site to another.

    Args:
        token: Of the form as it was shown: the same click sent twice is one outage.
        reason: Why.
    """

    token: Token
    from_day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    from_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    until_day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    until_time: Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]
    reason: Annotated[Words, StringConstraints(min_length=3, max_length=200)]


class LinkBody(Body):
    """The exam an act was done for."""

    accession: Annotated[Identifier, StringConstraints(min_length=1)]


class ScanBody(Body):
    """What a scanner read of a datamatrix; in the body, so that no address holds it."""

    code: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=1000)]


class ReasonBody(Body):
    """Why: of a cancellation, or of a message that is put aside."""

    reason: Annotated[Words, StringConstraints(min_length=3)]


class SearchBody(Body):
    """A search for patients, in the body, so that no address holds it.

    Args:
        q: Beginnings of names, or an IPP; two characters at least, unless the day of birth is given.
        born: `YYYY-MM-DD`, or empty.
    """

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] = ""
    born: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""


class AuditPatientBody(Body):
    """Whose accesses are asked for: an IPP, an exam number or our own number of the patient; in the body, so that no address holds it."""

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class NothingBody(Body):
    """A button."""


class IdentityBody(Body):
    """A click on the identity panel.

    Args:
        token: Of the form as it was shown: the same click sent twice is one event.
        accession: The exam from whose page it comes, or empty.
    """

    token: Token
    accession: Identifier = ""


class DecisionBody(IdentityBody):
    """A decision on INSi's answer.

    Args:
        asked_at: Which answer was shown (ISO 8601).
    """

    asked_at: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class DocumentBody(IdentityBody):
    """An identity document.

    Args:
        proof: PAM-FR ZFD-7.
        expires: `YYYY-MM-DD`, or empty.
    """

    proof: Annotated[str, StringConstraints(min_length=1, max_length=4)]
    expires: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""


class InformationBody(IdentityBody):
    """What the patient was told (PAM-FR ZFA-9): `INO`, `IO`, `NA`."""

    information: Annotated[str, StringConstraints(min_length=1, max_length=4)]


class MarkBody(IdentityBody):
    """A mark of an identity: `homonyme`, `douteuse`, `fictive`."""

    mark: Annotated[str, StringConstraints(min_length=1, max_length=16)]


class TraitsBody(Body):
    """Traits as corrected; a field that was not sent leaves its trait as it is, an empty one erases it."""

    token: Token
    birth_family: Words | None = None
    birth_given: Words | None = None
    birth_given_all: Words | None = None
    birth_date: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] | None = None
    sex: Annotated[str, StringConstraints(pattern=r"^[MFU]$")] | None = None
    birth_place_insee: Annotated[str, StringConstraints(max_length=5)] | None = None
    used_family: Words | None = None
    used_given: Words | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None


class NewPatientBody(Body):
    """A patient who is created at the desk.

    Args:
        birth_place_insee: INSEE code, `99999` when unknown: the five traits of the RNIV are mandatory, and nothing else.
        another: `1` once the patients found were said to be other people.
    """

    token: Token
    birth_family: Annotated[Words, StringConstraints(min_length=1)]
    birth_given: Annotated[Words, StringConstraints(min_length=1)]
    birth_given_all: Words = ""
    birth_date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    sex: Annotated[str, StringConstraints(pattern=r"^[MFU]$")]
    birth_place_insee: Annotated[str, StringConstraints(min_length=1, max_length=5)]
    used_family: Words = ""
    used_given: Words = ""
    phone: Annotated[str, StringConstraints(max_length=40)] = ""
    another: Annotated[str, StringConstraints(pattern=r"^1?$")] = ""


class ReportBody(Body):
    """A report as it is written. Sections are the fields `heading-0 text-0 heading-1 text-1 …`, in their order.

    Args:
        rev: The revision the text was written on, `0` for a report nobody began.
        recipients: RPPS of those who get a copy, apart by spaces or commas.
        on: For the mark *provisional*: `1` or `0`.
        list: Filters of the reading list it was opened from; `next` is `1` to go on to that list's next exam after validating.
        template: Id of a template to fill in; `macro` words to put in, their id and the section's rank (`id:2`).
        turn: Who is to act next: `typing`, `correction` (with a `note`), `rereading`.
        kept: `1` when the text is one that was given back after a login.
        marks: `1` when the marks of visibility were shown: then each that is not sent is off.
        announcement_pending: `1` when an announcement must come first; the other marks likewise.
    """

    rev: Annotated[str, StringConstraints(pattern=r"^\d{1,9}$")]
    title: str = ""
    recipients: Annotated[str, StringConstraints(max_length=2000)] = ""
    on: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    list: str = ""
    next: str = ""
    template: str = ""
    macro: str = ""
    turn: str = ""
    note: str = ""
    kept: str = ""
    marks: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    announcement_pending: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    withheld: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    masked_to_professionals: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""
    hidden_from_representatives: Annotated[str, StringConstraints(pattern=r"^[01]?$")] = ""


class ResumeBody(Body):
    """A form that was kept: `of` is the local address it was sent to."""

    of: str = ""


class TakeBody(Body):
    """An exam taken from a reading list; `list` are the filters of that list."""

    list: Annotated[str, StringConstraints(max_length=1000)] = ""


class WithholdBody(Body):
    """A report withheld (`1`) or let go (`0`)."""

    on: Annotated[str, StringConstraints(pattern=r"^[01]$")]


class DeliveryRowBody(Body):
    """One row of an exam's deliveries.

    Args:
        channel: Of the row; `recipient` too.
        version: Of the report, `0` for what is no report.
        back: `letters` to come back to the print queue.
    """

    channel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    recipient: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    version: Annotated[str, StringConstraints(pattern=r"^\d{1,3}$")] = "0"
    back: Annotated[str, StringConstraints(pattern=r"^(letters)?$")] = ""


class RefusalBody(Body):
    """A patient refuses mail (`1`), or no longer (`0`).

    Args:
        who: `PATIENT`, or the RPPS of the professional who gets no mail.
    """

    who: Annotated[str, StringConstraints(pattern=r"^(PATIENT|\d{11})$", strip_whitespace=True)]
    on: Annotated[str, StringConstraints(pattern=r"^[01]$")]


class View(BaseModel):
    """What all JSON answers share."""

    model_config = ConfigDict(frozen=True)


class PersonView(View):
    """A patient as a list shows one."""

    patient_id: str
    ipp: str
    family: str
    given: str
    birth_date: str
    sex: str


class SlotView(View):
    """One taken slot of a room; wall times of the site."""

    accession_number: str
    state: str
    start: str
    end: str
    exam_label: str
    patient: PersonView | None


class FreeView(View):
    """A room is free from `start` to `end`."""

    start: str
    end: str


class RoomView(View):
    """One room on one day."""

    room: str
    name: str
    slots: list[SlotView]
    free: list[FreeView]


class AgendaView(View):
    """The agenda of a site on one day."""

    site: str
    day: str
    rooms: list[RoomView]


class WorklistRowView(View):
    """One exam of the day's worklist."""

    accession_number: str
    state: str
    start: str
    end: str
    room: str
    dicom_modality: str
    exam_label: str
    patient: PersonView | None


class WorklistView(View):
    """The worklist of a site on one day."""

    site: str
    day: str
    rows: list[WorklistRowView]


class DeliveryView(View):
    """What must reach somebody else, and where it stands."""

    channel: str
    recipient: str
    state: str
    unknown: bool
    remote_code: str
    reason: str = ""
    report_version: int = 0


class PerformedView(View):
    """What the modality said (MPPS)."""

    sop_instance_uid: str
    status: str


class ExamView(View):
    """One exam."""

    accession_number: str
    study_instance_uid: str
    state: str
    site: str
    day: str
    start: str
    end: str
    room: str
    exam_code: str
    exam_label: str
    patient: PersonView | None
    deliveries: list[DeliveryView]
    performed: list[PerformedView]


class ReadingRowView(View):
    """One exam that waits for its report; `status` is `none draft provisional refused`."""

    accession_number: str
    status: str
    since: str
    exam_label: str
    patient: PersonView | None
    site: str
    dicom_modality: str
    priority: str
    turn: str
    reader: str


class ReadingView(View):
    """What waits for a report at a site, the longest first."""

    site: str
    rows: list[ReadingRowView]


class SavedView(View):
    """A report that was saved; `rev` is what the next save names."""

    accession_number: str
    rev: int
    status: str


class BookedView(View):
    """A booking that was accepted and awaits its confirmation."""

    accession_number: str
    state: str


class RequestView(View):
    """One request that waits for its booking."""

    request_id: str
    placer_order_number: str
    exam_code: str
    exam_label: str
    priority: str
    patient: PersonView | None


class RequestsView(View):
    """The requests of a site that wait, oldest first."""

    site: str
    rows: list[RequestView]


class PatientsView(View):
    """Patients found."""

    rows: list[PersonView]


class AccountView(View):
    """Who is logged in; `csrf` goes into the header `X-CSRF-Token` of every POST."""

    account_id: str
    name: str
    roles: dict[str, list[str]]
    rights: list[str]
    csrf: str
