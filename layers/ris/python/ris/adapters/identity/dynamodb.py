"""Patients in DynamoDB: one row each, unique rows of identifiers, rows of names for the search.

| item | pk | sk |
|---|---|---|
| patient | `PATIENT#{patient_id}` | `PATIENT` |
| identifier, unique | `IDENTIFIER#{authority}#{value}` | `IDENTIFIER` |
| number typed at the desk | `NUMBER#{value}` | `{authority}` |
| name | `NAME#{first 3 letters}` | `{word}#{patient_id}` |
| day of birth | `BORN#{yyyy-mm-dd}` | `{patient_id}` |
| event | `PATIENT#{patient_id}` | `EVENT#{event_id}` |
| answer of INSi | `PATIENT#{patient_id}` | `INSI#{instant}#{n}` |
| change of status | `PATIENT#{patient_id}` | `HISTORY#{instant}#{n}` |
| announcement | `PATIENT#{patient_id}` | `ANNOUNCEMENT#{number}` |

Lists: a row for which INSi is asked again stands on `{site}#insi`; an event that is not applied and an announcement whose delivery rows are
not written stand on `{site}#identity`.

One transaction writes the row, the difference of its neighbours, and what the change leaves behind:

    A: read v3 ── decide ── write v4 if v3, IDENTIFIER if free or mine ──▶ done
    B:      read v3 ── decide ───────────── write v4 if v3 ──▶ Conflict: reads v4, decides again
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from ris.adapters.dynamodb import Item, Key, Table, Write, instant_text, key_part, write
from ris.adapters.identity.items import (
    announcement_item,
    announcement_of,
    answer_item,
    answer_of,
    change_item,
    change_of,
    event_item,
    event_of,
    known_instant,
    patient_item,
    patient_of,
)
from ris.adapters.identity.memory import PLAN_WITHIN, search_order
from ris.application.conflicts import Conflict
from ris.application.identity.records import EventState, KeptAnswer, RecordedEvent, Transition, Unfinished
from ris.domain.identity.announcing import Announcement
from ris.domain.identity.names import search_words, words_of
from ris.domain.identity.patient import Identifier, Patient
from ris.domain.identity.rniv import StatusChange

ALL_STRANGE = "-#strange"
_PREFIX = 3
_PAGE = 100
_PAGES = 10


NOTHING_MORE = Transition()


class DynamoPatientStore:
    """Implements `PatientStore` and `IdentityStore` on the `patients` table.

    Args:
        table: The `patients` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""
        item = self._table.get(f"PATIENT#{patient_id}", "PATIENT")
        return patient_of(item) if item else None

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id, read consistently."""
        found = self._table.get_many([(f"PATIENT#{each}", "PATIENT") for each in patient_ids])
        return {item["patient_id"]: patient_of(item) for item in found.values()}

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the owner of (value, authority), or None."""
        owner = self._table.get(*_identifier_key(identifier))
        return self.get(owner["patient_id"]) if owner else None

    def save(self, patient: Patient, transition: Transition = NOTHING_MORE) -> Patient:
        """Write the row, the difference of its identifier and name rows, and the transition, in one transaction.

        Raises:
            Conflict: The version read no longer stands, or an identifier belongs to somebody else.
        """
        before = self.get(patient.patient_id)
        if (before.version if before else 0) != patient.version:
            raise Conflict("version")
        written = replace(patient, version=patient.version + 1)
        listed = {"due_pk": f"{patient.due_site}#insi", "due_at": instant_text(patient.due_at)} if patient.due_at else {}
        item = {**patient_item(written), **listed, "pk": f"PATIENT#{patient.patient_id}", "sk": "PATIENT"}
        row = self._table.putting_version(item, patient.version)
        beside = [*self._identifier_writes(before, patient), *self._name_writes(before, patient)]
        write(self._table.client, [row, *beside, *self._transition_writes(patient.patient_id, transition)])
        return written

    def _transition_writes(self, patient_id: str, transition: Transition) -> Iterable[Write]:
        pk = f"PATIENT#{patient_id}"
        for number, change in enumerate(transition.changes):
            sk = f"HISTORY#{instant_text(change.at)}#{transition.announcement.number if transition.announcement else 0}.{number}"
            yield self._table.putting({"pk": pk, "sk": sk, **change_item(change)})
        if transition.announcement:
            yield self._table.putting(_announcement_row(patient_id, transition.announcement))
        if transition.event:
            yield self._event_write(transition.event)

    def _event_write(self, event: RecordedEvent) -> Write:
        written = replace(event, version=event.version + 1)
        waits = event.state is EventState.RECORDED and event.due_at is not None
        listed = {"due_pk": f"{event.site}#identity", "due_at": instant_text(event.due_at)} if waits else {}
        pk, sk = _event_key(event.patient_id, event.event_id)
        return self._table.putting_version({"pk": pk, "sk": sk, **event_item(written), **listed}, event.version)

    def _identifier_writes(self, before: Patient | None, after: Patient) -> Iterable[Write]:
        old, new = set(before.identifiers if before else ()), set(after.identifiers)
        mine = {":me": after.patient_id}
        kept_keys = {_identifier_key(each) for each in new}
        for each in sorted(old - new, key=_identifier_key):
            if _identifier_key(each) not in kept_keys:
                yield self._table.deleting(*_identifier_key(each), condition="patient_id = :me", values=mine)
                yield self._table.deleting(*_number_key(each))
        for each in sorted(new - old, key=_identifier_key):
            pk, sk = _identifier_key(each)
            item = {"pk": pk, "sk": sk, "patient_id": after.patient_id, "kind": each.kind}
            yield self._table.putting(item, condition="attribute_not_exists(pk) OR patient_id = :me", values=mine)
            number_pk, authority = _number_key(each)
            yield self._table.putting({"pk": number_pk, "sk": authority, "patient_id": after.patient_id})

    def _name_writes(self, before: Patient | None, after: Patient) -> Iterable[Write]:
        old = set(search_words(before.traits)) if before else set()
        new = set(search_words(after.traits))
        for word in sorted(old - new):
            yield self._table.deleting(*_name_key(word, after.patient_id))
        for word in sorted(new - old):
            pk, sk = _name_key(word, after.patient_id)
            yield self._table.putting({"pk": pk, "sk": sk, "patient_id": after.patient_id})
        was, born = before.traits.birth_date if before else None, after.traits.birth_date
        if was is not None and was != born:
            yield self._table.deleting(_born_key(was), after.patient_id)
        if born is not None and was != born:
            yield self._table.putting({"pk": _born_key(born), "sk": after.patient_id, "patient_id": after.patient_id})

    def _born(self, text: str, born: date, limit: int) -> list[Patient]:
        """Return patients born that day, of those whose names or number the text means; at most a thousand rows are looked at."""
        rows = self._table.query(_born_key(born), limit=_PAGE * _PAGES)
        of_the_day = self.get_many([item["patient_id"] for item in rows]).values()
        number, wanted = text.strip(), words_of(text)
        meant = [
            one
            for one in of_the_day
            if any(each.value == number for each in one.identifiers) or ((wanted or not number) and _is_meant(one, wanted))
        ]
        return sorted(meant, key=search_order)[:limit]

    def search(self, text: str, *, limit: int, born: date | None = None) -> list[Patient]:
        """Return patients with a name that begins with each word, or whose identifier is the text; of one day of birth, if it is given.

        The longest word is looked up, the others are compared on what it found, at most a thousand rows. A word shorter than three letters finds whole
        short names only: nothing shorter than the key can be looked up without reading the table.
        """
        if born is not None:
            return self._born(text, born, limit)
        number, wanted = text.strip(), words_of(text)
        numbered = self._table.query(f"NUMBER#{number}", limit=limit) if number else []
        found = self.get_many([item["patient_id"] for item in numbered])
        longest = max(wanted, key=len, default="")
        after = ""
        for _ in range(_PAGES if longest else 0):
            rows = self._table.query(_name_key(longest, "")[0], prefix=longest, limit=_PAGE, after=after)
            page = self.get_many([item["patient_id"] for item in rows if item["patient_id"] not in found])
            found |= {key: patient for key, patient in page.items() if _is_meant(patient, wanted)}
            if len(rows) < _PAGE or len(found) >= limit:
                break
            after = rows[-1]["sk"]
        return sorted(found.values(), key=search_order)[:limit]

    def add_event(self, event: RecordedEvent) -> bool:
        """Write a new event; False when its id is there already."""
        try:
            write(self._table.client, [self._event_write(event)])
        except Conflict:
            return False
        return True

    def event(self, patient_id: str, event_id: str) -> RecordedEvent | None:
        """Return one event, read consistently, or None."""
        item = self._table.get(*_event_key(patient_id, event_id))
        return event_of(item) if item else None

    def save_event(self, event: RecordedEvent) -> RecordedEvent:
        """Write an event alone over the version read; raise Conflict when it no longer stands."""
        write(self._table.client, [self._event_write(event)])
        return replace(event, version=event.version + 1)

    def keep_answer(self, answer: KeptAnswer) -> None:
        """Write one answer, once."""
        listed = {"due_pk": ALL_STRANGE, "due_at": instant_text(answer.asked_at)} if answer.strange else {}
        item = {"pk": f"PATIENT#{answer.patient_id}", "sk": f"INSI#{answer.answer_id}", **answer_item(answer), **listed}
        with suppress(Conflict):
            write(self._table.client, [self._table.putting(item, condition="attribute_not_exists(pk)")])

    def answer(self, patient_id: str, answer_id: str) -> KeptAnswer | None:
        """Return one answer, read consistently, or None."""
        item = self._table.get(f"PATIENT#{patient_id}", f"INSI#{answer_id}")
        return answer_of(item) if item else None

    def answers(self, patient_id: str, *, limit: int) -> list[KeptAnswer]:
        """Return a patient's answers, newest first."""
        items = self._table.query(f"PATIENT#{patient_id}", prefix="INSI#", limit=limit, newest_first=True)
        return [answer_of(item) for item in items]

    def strange_answers(self, *, limit: int) -> list[KeptAnswer]:
        """Return the group's answers that cannot be believed, the newest first."""
        return [answer_of(item) for item in self._table.due(ALL_STRANGE, newest_first=True, limit=limit)]

    def history(self, patient_id: str, *, limit: int) -> list[StatusChange]:
        """Return a patient's changes of status, newest first."""
        items = self._table.query(f"PATIENT#{patient_id}", prefix="HISTORY#", limit=limit, newest_first=True)
        return [change_of(item) for item in items]

    def announcement(self, patient_id: str, number: int) -> Announcement | None:
        """Return one announcement, read consistently, or None."""
        item = self._table.get(*_announcement_key(patient_id, number))
        return announcement_of(item) if item else None

    def announcement_planned(self, patient_id: str, number: int) -> None:
        """Take an announcement off the sweep's list."""
        found = self.announcement(patient_id, number)
        if found and not found.planned:
            write(self._table.client, [self._table.putting(_announcement_row(patient_id, replace(found, planned=True)))])

    def insi_due(self, site: str, *, now: datetime, limit: int) -> list[Patient]:
        """Return patients for whom the site asks INSi again by now, the longest due first."""
        return [patient_of(item) for item in self._table.due(f"{site}#insi", until=now, limit=limit)]

    def unfinished(self, site: str, *, now: datetime, limit: int) -> list[Unfinished]:
        """Return events and announcements that nobody finished by now, oldest first."""
        return [
            Unfinished(
                patient_id=str(item["pk"]).removeprefix("PATIENT#"),
                site=site,
                due_at=known_instant(item["due_at"]),
                event_id=str(item.get("event_id", "")),
                announcement=0 if "event_id" in item else int(item["number"]),
            )
            for item in self._table.due(f"{site}#identity", until=now, limit=limit)
        ]


def _is_meant(patient: Patient, wanted: list[str]) -> bool:
    names = search_words(patient.traits)
    return all(any(name.startswith(word) for name in names) for word in wanted)


def _identifier_key(identifier: Identifier) -> Key:
    return f"IDENTIFIER#{key_part(identifier.authority)}#{key_part(identifier.value)}", "IDENTIFIER"


def _number_key(identifier: Identifier) -> Key:
    return f"NUMBER#{identifier.value}", key_part(identifier.authority)


def _born_key(born: date) -> str:
    return f"BORN#{born.isoformat()}"


def _name_key(word: str, patient_id: str) -> Key:
    return f"NAME#{word[:_PREFIX]}", f"{word}#{patient_id}"


def _event_key(patient_id: str, event_id: str) -> Key:
    return f"PATIENT#{patient_id}", f"EVENT#{event_id}"


def _announcement_key(patient_id: str, number: int) -> Key:
    return f"PATIENT#{patient_id}", f"ANNOUNCEMENT#{number:06d}"


def _announcement_row(patient_id: str, announcement: Announcement) -> Item:
    pk, sk = _announcement_key(patient_id, announcement.number)
    due = {"due_pk": f"{announcement.site}#identity", "due_at": instant_text(announcement.at + PLAN_WITHIN)}
    return {"pk": pk, "sk": sk, **announcement_item(announcement), **({} if announcement.planned else due)}
