"""Patients in DynamoDB: one row each, unique rows of identifiers, rows of names for the search.

| item | pk | sk |
|---|---|---|
| patient | `PATIENT#{patient_id}` | `PATIENT` |
| identifier, unique | `IDENTIFIER#{authority}#{value}` | `IDENTIFIER` |
| number typed at the desk | `NUMBER#{value}` | `{authority}` |
| name | `NAME#{first 3 letters}` | `{word}#{patient_id}` |

One transaction writes the row and the difference of its neighbours:

    A: read v3 ── decide ── write v4 if v3, IDENTIFIER if free or mine ──▶ done
    B:      read v3 ── decide ───────────── write v4 if v3 ──▶ Conflict: reads v4, decides again
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date

from ris.adapters.dynamodb import Item, Key, Table, Write, instant_of, instant_text, key_part, write
from ris.adapters.identity.memory import search_order
from ris.application.conflicts import Conflict
from ris.domain.identity.names import search_words, words_of
from ris.domain.identity.patient import Identifier, IdentityStatus, Patient, Traits

_PREFIX = 3
_PAGE = 100
_PAGES = 10


class DynamoPatientStore:
    """Implements `PatientStore` on the `patients` table.

    Args:
        table: The `patients` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""
        item = self._table.get(f"PATIENT#{patient_id}", "PATIENT")
        return _patient(item) if item else None

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id, read consistently."""
        found = self._table.get_many([(f"PATIENT#{each}", "PATIENT") for each in patient_ids])
        return {item["patient_id"]: _patient(item) for item in found.values()}

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the owner of (value, authority), or None."""
        owner = self._table.get(*_identifier_key(identifier))
        return self.get(owner["patient_id"]) if owner else None

    def save(self, patient: Patient) -> Patient:
        """Write the row and the difference of its identifier and name rows in one transaction.

        Raises:
            Conflict: The version read no longer stands, or an identifier belongs to somebody else.
        """
        before = self.get(patient.patient_id)
        if (before.version if before else 0) != patient.version:
            raise Conflict("version")
        written = replace(patient, version=patient.version + 1)
        row = self._table.putting_version(
            {**_item(written), "pk": f"PATIENT#{patient.patient_id}", "sk": "PATIENT"}, patient.version
        )
        write(self._table.client, [row, *self._identifier_writes(before, patient), *self._name_writes(before, patient)])
        return written

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

    def search(self, text: str, *, limit: int) -> list[Patient]:
        """Return patients with a name that begins with each word, or whose identifier is the text.

        The longest word is looked up, the others are compared on what it found, at most a thousand rows. A word shorter than three letters finds whole
        short names only: nothing shorter than the key can be looked up without reading the table.
        """
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


def _is_meant(patient: Patient, wanted: list[str]) -> bool:
    names = search_words(patient.traits)
    return all(any(name.startswith(word) for name in names) for word in wanted)


def _identifier_key(identifier: Identifier) -> Key:
    return f"IDENTIFIER#{key_part(identifier.authority)}#{key_part(identifier.value)}", "IDENTIFIER"


def _number_key(identifier: Identifier) -> Key:
    return f"NUMBER#{identifier.value}", key_part(identifier.authority)


def _name_key(word: str, patient_id: str) -> Key:
    return f"NAME#{word[:_PREFIX]}", f"{word}#{patient_id}"


def _item(patient: Patient) -> Item:
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
    }


def _patient(item: Item) -> Patient:
    traits = dict(item["traits"])
    born = traits.pop("birth_date")
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
    )
