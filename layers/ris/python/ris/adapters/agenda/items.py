"""Rows of the agenda as items of the tables `exams` and `agenda` (docs/data.md), and back. Nothing here reads or writes."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ris.adapters.dynamodb import Item, instant_of, instant_text, key_part
from ris.adapters.reading_lists import reading_place
from ris.application.agenda.ports import ImageMark, MppsRecord
from ris.domain.agenda.contraindications import Override
from ris.domain.agenda.exam import Appointment, Exam, ExamState, Performed, ScheduledStep
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.mpps import Settlement, StepReference
from ris.domain.agenda.request import ImagingRequest, Prescriber, RequestState
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState


def exam_key(accession_number: str) -> tuple[str, str]:
    """Return the key of an exam."""
    return f"EXAM#{accession_number}", "EXAM"


def request_key(request_id: str) -> tuple[str, str]:
    """Return the key of a request."""
    return f"REQUEST#{request_id}", "REQUEST"


def mpps_key(sop_instance_uid: str) -> tuple[str, str]:
    """Return the key of an MPPS."""
    return f"MPPS#{key_part(sop_instance_uid)}", "MPPS"


def image_key(site: str, first_image: str) -> tuple[str, str]:
    """Return the key of what is known of the first image of a series."""
    return f"IMAGE#{site}#{key_part(first_image)}", "IMAGE"


def study_key(study_instance_uid: str) -> tuple[str, str]:
    """Return the key of the pointer from a Study Instance UID to its exam."""
    return f"STUDY#{key_part(study_instance_uid)}", "STUDY"


def planned_key(patient_id: str, day: str, exam_code: str) -> tuple[str, str]:
    """Return the key of the item that keeps a patient from having the same exam twice a day."""
    return f"PATIENT#{patient_id}", f"PLANNED#{day}#{key_part(exam_code)}"


def day_key(site: str, resource: str, day: str) -> tuple[str, str]:
    """Return the key of one resource's day."""
    return f"RESOURCE#{site}#{resource}", f"DAY#{day}"


def exam_item(exam: Exam) -> Item:
    """Return an exam as its item, one version further, on the list of the sparse index its state asks for."""
    pk, sk = exam_key(exam.accession_number)
    item = {name: value for name, value in asdict(exam).items() if name != "appointment"}
    return {
        **item,
        "pk": pk,
        "sk": sk,
        "appointment": _instants(asdict(exam.appointment)),
        "state": exam.state.value,
        "hold_expires_at": instant_text(exam.hold_expires_at),
        "changed_at": instant_text(exam.changed_at),
        "publish_due_at": instant_text(exam.publish_due_at),
        "arrived_at": instant_text(exam.arrived_at),
        "called_at": instant_text(exam.called_at),
        "images_at": instant_text(exam.images_at),
        "committed_at": instant_text(exam.committed_at),
        "to_call_since": instant_text(exam.to_call_since),
        "version": exam.version + 1,
        **_due(exam.site, _exam_list(exam)),
        **(reading_place(exam.site, "reading", exam.kind, exam.done_at) if exam.waits_for_report else {}),
    }


def _exam_list(exam: Exam) -> tuple[str, datetime | None]:
    if exam.state is ExamState.HELD:
        return "hold", exam.hold_expires_at
    if exam.publish_due_at is not None:
        return "publication", exam.publish_due_at
    return "call", exam.to_call_since


def exam_of(item: Item) -> Exam:
    """Return the exam of an item."""
    place = item["appointment"]
    appointment = Appointment(
        **{**place, "start": _instant(place["start"]), "end": _instant(place["end"]), "resources": tuple(place["resources"])}
    )
    kept = {name: item.get(name, "") for name in _EXAM_TEXTS}
    return Exam(
        **kept,
        appointment=appointment,
        state=ExamState(item["state"]),
        hold_expires_at=instant_of(item.get("hold_expires_at", "")),
        steps=tuple(ScheduledStep(**step) for step in item["steps"]),
        performed=tuple(Performed(**one) for one in item["performed"]),
        changed_at=instant_of(item.get("changed_at", "")),
        publish_due_at=instant_of(item.get("publish_due_at", "")),
        reported=item.get("reported", False),
        arrived_at=instant_of(item.get("arrived_at", "")),
        called_at=instant_of(item.get("called_at", "")),
        images_at=instant_of(item.get("images_at", "")),
        committed_at=instant_of(item.get("committed_at", "")),
        uncommitted=item.get("uncommitted", {}),
        to_call_since=instant_of(item.get("to_call_since", "")),
        answers=item.get("answers", {}),
        override=Override(**item["override"]) if item.get("override") else None,
        moves=item.get("moves", 0),
        priority=item.get("priority", "routine"),
        version=item["version"],
    )


_EXAM_TEXTS = (
    "accession_number",
    "study_instance_uid",
    "site",
    "patient_id",
    "request_id",
    "exam_code",
    "exam_label",
    "hold_token",
    "booked_by",
    "cancel_reason",
    "cancelled_by",
    "accession_authority",
    "information",
)


def request_item(request: ImagingRequest) -> Item:
    """Return a request as its item, one version further; on the site's list while it waits for a booking."""
    pk, sk = request_key(request.request_id)
    waits = request.state is RequestState.TO_BOOK
    return {
        **asdict(request),
        "pk": pk,
        "sk": sk,
        "state": request.state.value,
        "received_at": instant_text(request.received_at),
        "version": request.version + 1,
        **_due(request.site, ("to_book", request.received_at if waits else None)),
    }


def request_of(item: Item) -> ImagingRequest:
    """Return the request of an item."""
    kept = {name: value for name, value in item.items() if name not in ("pk", "sk", "due_pk", "due_at")}
    return ImagingRequest(
        **{
            **kept,
            "prescriber": Prescriber(**item["prescriber"]),
            "received_at": instant_of(item["received_at"]),
            "state": RequestState(item["state"]),
        }
    )


def mpps_item(record: MppsRecord) -> Item:
    """Return an MPPS as its item, one version further; on the site's list while a person must look at it."""
    pk, sk = mpps_key(record.performed.sop_instance_uid)
    return {
        **asdict(record),
        "pk": pk,
        "sk": sk,
        "received_at": instant_text(record.received_at),
        "settlements": [_instants(asdict(one)) for one in record.settlements],
        # As text: DICOM JSON holds fractions, and nothing is ever asked of its fields.
        "datasets": json.dumps(record.datasets, ensure_ascii=False, separators=(",", ":")),
        "version": record.version + 1,
        **_due(record.site, ("unscheduled", record.received_at if record.reason else None)),
    }


def mpps_of(item: Item) -> MppsRecord:
    """Return the MPPS of an item."""
    return MppsRecord(
        site=item["site"],
        performed=Performed(**item["performed"]),
        references=tuple(StepReference(**one) for one in item["references"]),
        accession_numbers=tuple(item["accession_numbers"]),
        reason=item["reason"],
        received_at=instant_of(item["received_at"]),
        datasets=json.loads(item["datasets"]),
        settlements=tuple(_settlement(one) for one in item.get("settlements", [])),
        version=item["version"],
    )


def image_item(mark: ImageMark) -> Item:
    """Return the mark of an image as its item, one version further."""
    pk, sk = image_key(mark.site, mark.first_image)
    return {**asdict(mark), "pk": pk, "sk": sk, "committed_at": instant_text(mark.committed_at), "version": mark.version + 1}


def image_of(item: Item) -> ImageMark:
    """Return the mark of an item."""
    names = ("site", "first_image", "study_instance_uid", "failed", "version")
    return ImageMark(**{name: item[name] for name in names}, committed_at=instant_of(item["committed_at"]))


def _settlement(said: dict[str, Any]) -> Settlement:
    return Settlement(**{**said, "at": _instant(said["at"]), "undone_at": instant_of(said["undone_at"] or "")})


def day_item(day: ResourceDay) -> Item:
    """Return one resource's day as its item, one version further."""
    pk, sk = day_key(day.site, day.resource, day.day)
    return {"pk": pk, "sk": sk, "slots": [_slot_item(slot) for slot in day.slots], "version": day.version + 1}


def day_of(site: str, resource: str, day: str, item: Item | None) -> ResourceDay:
    """Return one resource's day; an empty one of version 0 for no item."""
    if item is None:
        return ResourceDay(site, resource, day)
    return ResourceDay(site, resource, day, tuple(_slot_of(slot) for slot in item["slots"]), item["version"])


def _slot_item(slot: Slot) -> dict[str, Any]:
    return {
        "start": instant_text(slot.interval.start),
        "end": instant_text(slot.interval.end),
        "accession": slot.accession_number,
        "state": slot.state.value,
        "token": slot.token,
        "expires_at": instant_text(slot.expires_at),
        **({"reason": slot.reason} if slot.reason else {}),
    }


def _slot_of(slot: dict[str, Any]) -> Slot:
    return Slot(
        interval=Interval(_instant(slot["start"]), _instant(slot["end"])),
        accession_number=slot["accession"],
        state=SlotState(slot["state"]),
        token=slot["token"],
        expires_at=instant_of(slot["expires_at"]),
        reason=slot.get("reason", ""),
    )


def _due(site: str, where: tuple[str, datetime | None]) -> dict[str, str]:
    name, at = where
    return {"due_pk": f"{site}#{name}", "due_at": instant_text(at)} if at else {}


def _instants(values: dict[str, Any]) -> dict[str, Any]:
    return {name: instant_text(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _instant(text: str) -> datetime:
    instant = instant_of(text)
    if instant is None:
        raise ValueError("an instant is missing")
    return instant
