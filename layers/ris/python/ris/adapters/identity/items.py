"""The items of a patient's partition, to and from values: the row, events, answers, history, announcements.

A value inside an event is kept with its kind (`{"instant": …}`, `{"found": …}`), so that it is read back as what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from ris.adapters.dynamodb import Item, instant_of, instant_text
from ris.application.identity.records import EventState, KeptAnswer, RecordedEvent
from ris.domain.identity import events
from ris.domain.identity.announcing import Announcement, Trigger
from ris.domain.identity.ins import Ins, StrictTraits
from ris.domain.identity.insi import InsiFound, InsiQuery, InsiRecord, InsiState, Proof
from ris.domain.identity.patient import ERASED, Identifier, Patient, Traits, TraitsChange
from ris.domain.identity.rniv import StatusChange
from ris.domain.identity.status import IdentityStatus


def known_instant(text: str) -> Any:
    """Return the instant of a text that is never empty."""
    return instant_of(text)


# ---------------------------------------------------------------- the row


def patient_item(patient: Patient) -> Item:
    """Return the attributes of a patient's row, without keys and lists."""
    traits = asdict(patient.traits)
    traits["birth_date"] = patient.traits.birth_date.isoformat() if patient.traits.birth_date else ""
    return {
        "patient_id": patient.patient_id,
        "traits": traits,
        "identifiers": [asdict(each) for each in patient.identifiers],
        "status": patient.status.value,
        "sites": sorted(patient.sites),
        "consents": patient.consents,
        "capture": patient.capture,
        "reliability": list(patient.reliability),
        "updated_at": instant_text(patient.updated_at),
        "version": patient.version,
        **_qualification(patient),
    }


def _qualification(patient: Patient) -> Item:
    """Return what identity qualification added to the row, where it is there."""
    item: Item = {"announced": patient.announced, "deleted": patient.deleted} if patient.announced else {}
    if patient.ins:
        item["ins"] = asdict(patient.ins)
    if patient.strict:
        item["strict"] = {**asdict(patient.strict), "birth_date": patient.strict.birth_date.isoformat()}
    if patient.insi:
        item["insi"] = _record_item(patient.insi)
    if patient.proof:
        item["proof"] = {**asdict(patient.proof), "recorded_at": instant_text(patient.proof.recorded_at)}
    if patient.attributes:
        item["attributes"] = sorted(patient.attributes)
    if patient.refusals:
        item["refusals"] = sorted(patient.refusals)
    if patient.due_at:
        item |= {"ask_at": instant_text(patient.due_at), "due_site": patient.due_site}
    return item


def patient_of(item: Item) -> Patient:
    """Return the patient of a row, of whatever age."""
    traits = dict(item["traits"])
    born = traits.pop("birth_date")
    proof, strict = item.get("proof"), item.get("strict")
    return Patient(
        patient_id=item["patient_id"],
        traits=Traits(**traits, birth_date=date.fromisoformat(born) if born else None),
        identifiers=tuple(Identifier(**each) for each in item["identifiers"]),
        status=IdentityStatus(item["status"]),
        sites=frozenset(item["sites"]),
        consents=item["consents"],
        capture=item["capture"],
        reliability=tuple(item["reliability"]),
        updated_at=instant_of(item["updated_at"]),
        version=item["version"],
        ins=Ins(**item["ins"]) if item.get("ins") else None,
        strict=StrictTraits(**{**strict, "birth_date": date.fromisoformat(strict["birth_date"])}) if strict else None,
        insi=_record_of(item["insi"]) if item.get("insi") else None,
        proof=Proof(**{**proof, "recorded_at": known_instant(proof["recorded_at"])}) if proof else None,
        attributes=frozenset(item.get("attributes", ())),
        due_at=instant_of(item.get("ask_at", "")),
        due_site=item.get("due_site", ""),
        announced=item.get("announced", 0),
        deleted=item.get("deleted", 0),
        refusals=frozenset(item.get("refusals", ())),
    )


def _record_item(record: InsiRecord) -> Item:
    return {
        "state": record.state.value,
        "asked_at": instant_text(record.asked_at),
        "code": record.code,
        "found": asdict(record.found) if record.found else None,
        "reason": record.reason,
        "differences": list(record.differences),
        "decided_by": record.decided_by,
    }


def _record_of(item: Mapping[str, Any]) -> InsiRecord:
    return InsiRecord(
        state=InsiState(item["state"]),
        asked_at=known_instant(item["asked_at"]),
        code=item["code"],
        found=_found_of(item["found"]),
        reason=item["reason"],
        differences=tuple(item["differences"]),
        decided_by=item["decided_by"],
    )


def _found_of(item: Mapping[str, Any] | None) -> InsiFound | None:
    if item is None:
        return None
    return InsiFound(**{**item, "ins": Ins(**item["ins"]), "history": tuple(Ins(**each) for each in item["history"])})


# ---------------------------------------------------------------- events


def event_item(recorded: RecordedEvent) -> Item:
    """Return the attributes of an event's item, without keys and lists."""
    return {
        **{name: getattr(recorded, name) for name in _EVENT_PLAIN},
        "recorded_at": instant_text(recorded.recorded_at),
        "event": _fact_item(recorded.event) if recorded.event else None,
        "state": recorded.state.value,
        "start_at": instant_text(recorded.due_at),
    }


_EVENT_PLAIN = ("patient_id", "event_id", "site", "by", "by_person", "code", "announcement", "attempt", "version")


def event_of(item: Item) -> RecordedEvent:
    """Return the event of an item."""
    return RecordedEvent(
        **{name: item[name] for name in _EVENT_PLAIN},
        recorded_at=known_instant(item["recorded_at"]),
        event=_fact_of(item["event"]) if item["event"] else None,
        state=EventState(item["state"]),
        due_at=instant_of(item["start_at"]),
    )


def _fact_item(event: events.IdentityEvent) -> Item:
    said = {each.name: _value(getattr(event, each.name)) for each in fields(event)}
    return {"name": type(event).__name__, "said": said}


def _fact_of(item: Mapping[str, Any]) -> events.IdentityEvent:
    said = {name: _unvalue(value) for name, value in item["said"].items()}
    made: events.IdentityEvent = getattr(events, item["name"])(**said)
    return made


def _value(value: Any) -> Any:
    if isinstance(value, InsiFound):
        return {"found": asdict(value)}
    if isinstance(value, TraitsChange):
        changes = {each.name: getattr(value, each.name) for each in fields(value)}
        return {"change": {name: {"erased": True} if change is ERASED else change for name, change in changes.items()}}
    return {"instant": instant_text(value)} if hasattr(value, "tzinfo") else value


def _unvalue(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    ((kind, inner),) = value.items()
    if kind == "found":
        return _found_of(inner)
    if kind == "change":
        return TraitsChange(**{name: ERASED if isinstance(change, Mapping) else change for name, change in inner.items()})
    return instant_of(inner)


# ---------------------------------------------------------------- answers, history, announcements


def answer_item(answer: KeptAnswer) -> Item:
    """Return the attributes of an answer's item."""
    item = {each.name: getattr(answer, each.name) for each in fields(answer)}
    found = asdict(answer.found) if answer.found else None
    return {**item, "asked_at": instant_text(answer.asked_at), "query": asdict(answer.query), "found": found}


def answer_of(item: Item) -> KeptAnswer:
    """Return the answer of an item."""
    known = {each.name: item[each.name] for each in fields(KeptAnswer)}
    read = {
        "asked_at": known_instant(item["asked_at"]),
        "query": InsiQuery(**item["query"]),
        "found": _found_of(item["found"]),
    }
    return KeptAnswer(**{**known, **read})


def change_item(change: StatusChange) -> Item:
    """Return the attributes of a line of the history."""
    return {
        "event": change.event,
        "before": change.before.value,
        "after": change.after.value,
        "at": instant_text(change.at),
        "by": change.by,
        "reason": change.reason,
    }


def change_of(item: Item) -> StatusChange:
    """Return the line of the history of an item."""
    before, after = IdentityStatus(item["before"]), IdentityStatus(item["after"])
    return StatusChange(item["event"], before, after, known_instant(item["at"]), item["by"], item["reason"])


def announcement_item(announcement: Announcement) -> Item:
    """Return the attributes of an announcement."""
    return {
        "number": announcement.number,
        "trigger": announcement.trigger.value,
        "at": instant_text(announcement.at),
        "patient": patient_item(announcement.patient),
        "dropped": asdict(announcement.dropped) if announcement.dropped else None,
        "erases_used_name": announcement.erases_used_name,
        "planned": announcement.planned,
        "site": announcement.site,
    }


def announcement_of(item: Item) -> Announcement:
    """Return the announcement of an item."""
    return Announcement(
        number=item["number"],
        trigger=Trigger(item["trigger"]),
        at=known_instant(item["at"]),
        patient=patient_of(item["patient"]),
        dropped=Ins(**item["dropped"]) if item["dropped"] else None,
        erases_used_name=item["erases_used_name"],
        planned=item["planned"],
        site=item["site"],
    )
