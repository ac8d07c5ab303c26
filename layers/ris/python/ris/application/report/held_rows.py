"""Rows that wait for a qualified identity: made due once there is one, so that the next version is made from the facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from ris.application.conflicts import decide
from ris.application.report.content import identity_of
from ris.application.report.services import ReportServices
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import IDENTITY


def held_for_identity(row: Delivery) -> bool:
    """Say whether a row of a report waits for a qualified identity."""
    return bool(row.report_version) and row.state is DeliveryState.HELD and row.reason == IDENTITY


def wake_held(s: ReportServices, accession: str, now: datetime) -> int:
    """Make an exam's rows due that wait for an identity which is qualified now; return how many wait.

    Nothing is sent here: the sweep, or who asked, makes the version that carries the INS.
    """
    held = [row for row in s.deliveries.of_owner(accession) if held_for_identity(row)]
    exam = s.exams.get(accession) if held else None
    patient = s.patients.get(exam.patient_id) if exam else None
    if patient is None or identity_of(patient) is None:
        return 0
    for row in held:
        decide(partial(_woken, s, row, now))
    return len(held)


def _woken(s: ReportServices, seen: Delivery, now: datetime) -> None:
    row = s.deliveries.get(seen.owner, seen.channel, seen.recipient, seen.report_version)
    if row is not None and held_for_identity(row) and row.due_at is None:
        s.deliveries.save(replace(row, due_at=now))


def let_sleep(s: ReportServices, accession: str) -> None:
    """Take an exam's rows off the list again: the identity is not qualified any more."""
    for row in s.deliveries.of_owner(accession):
        if held_for_identity(row) and row.due_at is not None:
            decide(partial(_asleep, s, row))


def _asleep(s: ReportServices, seen: Delivery) -> None:
    row = s.deliveries.get(seen.owner, seen.channel, seen.recipient, seen.report_version)
    if row is not None and held_for_identity(row) and row.due_at is not None:
        s.deliveries.save(replace(row, due_at=None))


def release_held(s: ReportServices, accession: str, now: datetime) -> None:
    """Let rows go that waited for an identity which their documents carry: they are pending, and due now."""
    for row in s.deliveries.of_owner(accession):
        if held_for_identity(row):
            decide(partial(_released, s, row, now))


def _released(s: ReportServices, seen: Delivery, now: datetime) -> None:
    row = s.deliveries.get(seen.owner, seen.channel, seen.recipient, seen.report_version)
    if row is not None and held_for_identity(row):
        s.deliveries.save(replace(row, state=DeliveryState.PENDING, reason="", due_at=now, changed_at=now))
