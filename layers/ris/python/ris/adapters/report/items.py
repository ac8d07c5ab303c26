"""Drafts and versions as items of the `exams` table, and back. Nothing here reads or writes.

A report's text is deflated: 200,000 characters must fit into one item, and nothing is ever asked of its words.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from typing import Any

from ris.adapters.dynamodb import Item, instant_of, instant_text
from ris.adapters.reading_lists import reading_place
from ris.domain.agenda.exam import ExamKind
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.report.draft import Draft, DraftStatus, Refusal, Turn, Validation
from ris.domain.report.frozen import Section
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import PlannedChannel
from ris.domain.report.version import StoredFile, Version, VersionState


def draft_key(accession_number: str) -> tuple[str, str]:
    """Return the key of a draft."""
    return f"EXAM#{accession_number}", "REPORT"


def version_key(accession_number: str, version: int) -> tuple[str, str]:
    """Return the key of a version."""
    return f"EXAM#{accession_number}", f"VERSION#{version:03d}"


def content_key(version: Version) -> tuple[str, str]:
    """Return the key of the frozen content of one making of a version."""
    return f"EXAM#{version.accession_number}", f"CONTENT#{version.version:03d}#{version.making}"


def draft_item(draft: Draft) -> Item:
    """Return a draft as its item, one revision further, on the list its status asks for."""
    pk, sk = draft_key(draft.accession_number)
    text = {"title": draft.title, "sections": [asdict(section) for section in draft.sections]}
    return {
        "pk": pk,
        "sk": sk,
        "accession_number": draft.accession_number,
        "site": draft.site,
        "text": zlib.compress(json.dumps(text).encode("ascii"), 6),
        "recipients": list(draft.recipients),
        "status": draft.status.value,
        "author": draft.author,
        "edited_by": draft.edited_by,
        "edited_at": instant_text(draft.edited_at),
        "refusal": _refusal_item(draft.refusal),
        "validation": _validation_item(draft.validation),
        # `version` is the revision: what a write is conditioned on.
        "version": draft.rev + 1,
        "validated_version": draft.version,
        "attempt": draft.attempt,
        "restart_at": instant_text(draft.due_at),
        "marks": asdict(draft.marks),
        "resume": draft.resume.value if draft.resume else "",
        "dicom_modality": draft.kind.dicom_modality,
        "priority": draft.kind.priority,
        "done_at": instant_text(draft.done_at),
        "turn": draft.turn.value,
        "note": draft.note,
        "reader": draft.reader,
        **_draft_due(draft),
    }


def _draft_due(draft: Draft) -> Item:
    """Return the lists it is on: what waits for somebody, by whose turn it is; what is being signed; a radiologist's own."""
    if draft.open and draft.waits_since:
        listed, since = list_of(draft.turn), instant_text(draft.waits_since)
        place = reading_place(draft.site, listed, draft.kind, draft.waits_since)
        return {**place, **_mine(draft.reader, "report", since)}
    click = draft.validation
    theirs = _mine(click.account_id, "validated", instant_text(click.validated_at)) if click else {}
    if draft.status is DraftStatus.VALIDATING and draft.due_at:
        return {"due_pk": f"{draft.site}#signing", "due_at": instant_text(draft.due_at), **theirs}
    return theirs


def list_of(turn: Turn) -> str:
    """Return the name of the list an open report is on."""
    return turn.value if turn.of_secretary else "report"


def _mine(account_id: str, listed: str, at: str) -> Item:
    return {"mine_pk": f"{account_id}#{listed}", "mine_at": at} if account_id else {}


def draft_of(item: Item) -> Draft:
    """Return the draft of an item."""
    text = json.loads(zlib.decompress(item["text"]))
    return Draft(
        accession_number=item["accession_number"],
        site=item["site"],
        title=text["title"],
        sections=tuple(Section(**one) for one in text["sections"]),
        recipients=tuple(item["recipients"]),
        status=DraftStatus(item["status"]),
        rev=item["version"],
        author=item["author"],
        edited_by=item["edited_by"],
        edited_at=instant_of(item["edited_at"]),
        refusal=_refusal_of(item["refusal"]),
        validation=_validation_of(item["validation"]),
        version=item["validated_version"],
        attempt=item["attempt"],
        due_at=instant_of(item["restart_at"]),
        marks=Marks(**item.get("marks", {})),
        resume=DraftStatus(item["resume"]) if item.get("resume") else None,
        kind=ExamKind(item.get("dicom_modality", ""), item.get("priority", "routine")),
        done_at=instant_of(item.get("done_at", "")),
        turn=Turn(item.get("turn", Turn.WRITING.value)),
        note=item.get("note", ""),
        reader=item.get("reader", ""),
    )


def version_item(version: Version) -> Item:
    """Return a version as its item, one row version further; on the site's list while its signing is not over."""
    pk, sk = version_key(version.accession_number, version.version)
    listed = {"due_pk": f"{version.site}#signing", "due_at": instant_text(version.due_at)} if version.due_at else {}
    return {
        **{name: getattr(version, name) for name in _VERSION_PLAIN},
        "pk": pk,
        "sk": sk,
        "report_version": version.version,
        "version": version.row_version + 1,
        "state": version.state.value,
        "validated_at": instant_text(version.validated_at),
        "changed_at": instant_text(version.changed_at),
        "files": {name: asdict(file) for name, file in version.files.items()},
        "plan": [{**asdict(one), "state": one.state.value} for one in version.plan],
        "reason": version.reason.value,
        "requested_by": version.requested_by,
        "marks": asdict(version.marks),
        **listed,
    }


def version_of(item: Item) -> Version:
    """Return the version of an item."""
    plain: dict[str, Any] = {name: item[name] for name in _VERSION_PLAIN}
    validated_at = instant_of(item["validated_at"])
    if validated_at is None:
        raise ValueError("a version has its instant")
    return Version(
        **plain,
        version=item["report_version"],
        row_version=item["version"],
        state=VersionState(item["state"]),
        validated_at=validated_at,
        changed_at=instant_of(item["changed_at"]),
        due_at=instant_of(item.get("due_at", "")),
        files={name: StoredFile(**one) for name, one in item["files"].items()},
        plan=tuple(PlannedChannel(**{**one, "state": DeliveryState(one["state"])}) for one in item["plan"]),
        reason=Reason(item.get("reason", Reason.VALIDATION.value)),
        requested_by=item.get("requested_by", ""),
        marks=Marks(**item.get("marks", {})),
    )


_VERSION_PLAIN = (
    "accession_number",
    "site",
    "legal_entity",
    "document_id",
    "set_id",
    "replaces",
    "validated_by",
    "rpps",
    "making",
    "draft_rev",
    "attempt",
    "refusal_code",
)


def _refusal_item(refusal: Refusal | None) -> Item | None:
    return {**asdict(refusal), "at": instant_text(refusal.at)} if refusal else None


def _refusal_of(item: Item | None) -> Refusal | None:
    return Refusal(item["code"], item["field"], item["detail"], instant_of(item["at"])) if item else None


def _validation_item(validation: Validation | None) -> Item | None:
    if validation is None:
        return None
    instants = {name: instant_text(getattr(validation, name)) for name in ("validated_at", "logged_in_at")}
    return {**asdict(validation), **instants, "reason": validation.reason.value}


def _validation_of(item: Item | None) -> Validation | None:
    if item is None:
        return None
    validated_at, logged_in_at = instant_of(item["validated_at"]), instant_of(item["logged_in_at"])
    if validated_at is None or logged_in_at is None:
        raise ValueError("a validation has its instants")
    reason = Reason(item.get("reason", Reason.VALIDATION.value))
    by = item.get("requested_by", "")
    return Validation(item["version"], item["account_id"], item["rpps"], validated_at, logged_in_at, reason, by)
