"""Sweep of identities: INSi is asked again when it is due, and what a dead execution left is taken up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ris.application.conflicts import Conflict
from ris.application.identity.announce import plan_announcement
from ris.application.identity.record_identity_event import START_WITHIN, ask_insi, needs_insi, start_again
from ris.application.identity.records import Unfinished
from ris.application.identity.services import ApplyServices, RecordServices
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient

BATCH = 100
SWEEP = "sweep"


@dataclass(frozen=True)
class IdentitySweep:
    """What one sweep of a site did.

    Args:
        asked: Questions to INSi that were started.
        restarted: Executions started again and announcements planned.
        failed: Rows that raised; they stay due. `errors` are the names of what they raised, each once.
        overdue: What a dead execution had left.
    """

    asked: int = 0
    restarted: int = 0
    failed: int = 0
    overdue: int = 0
    errors: tuple[str, ...] = ()


def sweep_identity(record: RecordServices, planning: ApplyServices, site: str, now: datetime) -> IdentitySweep:
    """Ask INSi again (INSI-AUTO) for a site's patients whose time has come, and take up what was left.

    Args:
        record: Ports of recording and starting.
        planning: Ports of planning announcements.
        site: The site.
        now: Aware UTC instant.
    """
    errors: list[str] = []
    due = record.patients.insi_due(site, now=now, limit=BATCH)
    left = record.patients.unfinished(site, now=now, limit=BATCH)
    asked = sum(_safely(partial(_ask_again, record, patient, site, now), errors) for patient in due)
    restarted = sum(_safely(partial(_take_up, record, planning, item, now), errors) for item in left)
    return IdentitySweep(asked, restarted, len(errors), len(left), tuple(sorted(set(errors))))


def _safely(act: Callable[[], bool], errors: list[str]) -> int:
    try:
        return int(act())
    except Exception as error:
        # Whatever it is, a bug too: one row never keeps the others from being found.
        errors.append(type(error).__name__)
        return 0


def _ask_again(s: RecordServices, listed: Patient, site: str, now: datetime) -> bool:
    """Record the question under a name that two sweeps at once share; the row decides, the list may be behind it."""
    patient = s.patients.get(listed.patient_id)
    if patient is None or patient.due_at is None or patient.due_at > now or patient.due_site != site:
        return False
    if patient.ins is None and not needs_insi(patient):
        return False
    rank = int((now - patient.due_at) / START_WITHIN)
    event_id = f"due-{patient.due_at:%Y%m%dT%H%M%S}" + (f"-{rank}" if rank else "")
    try:
        ask_insi(s, patient.patient_id, site=site, by=SWEEP, event_id=event_id, now=now, by_person=False)
    except (InvalidInput, Refused):
        # A person must see to its traits first: until then it is not asked for again.
        try:
            s.patients.save(replace(patient, due_at=None, due_site=""))
        except Conflict:
            return False
        return False
    return True


def _take_up(record: RecordServices, planning: ApplyServices, item: Unfinished, now: datetime) -> bool:
    if item.event_id:
        return start_again(record, item.patient_id, item.event_id, now)
    plan_announcement(planning, item.patient_id, item.announcement, now)
    return True
