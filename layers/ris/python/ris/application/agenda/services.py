"""The ports of the agenda's use cases, in one typed value that every one of them takes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ris.application.agenda.ports import AgendaStore, ExamStore, Orders, ParkedMessages, Workflows, WorklistPublisher
from ris.application.dispatch.ports import DeliveryStore
from ris.application.identity.ports import PatientStore
from ris.application.reference import ReferenceBook


@dataclass(frozen=True)
class AgendaSettings:
    """What a deployment may choose.

    Args:
        uid_namespace: Tells this deployment from every other one (see `numbers.study_instance_uid`).
        study_uid_root: OID under which Study Instance UIDs are given.
        hold_for: How long a hold stands without its confirmation.
        horizon: How far ahead an appointment may be.
        restart_after: How long a machine or a publication may be late before the sweep does it again; longer than the
            retries of the state machine (about two minutes).
    """

    uid_namespace: str
    study_uid_root: str = "2.25"
    hold_for: timedelta = timedelta(minutes=15)
    horizon: timedelta = timedelta(days=550)
    restart_after: timedelta = timedelta(minutes=3)


@dataclass(frozen=True)
class Services:
    """Everything outside the agenda's use cases.

    Args:
        new_token: Gives a hold's token: 32 characters nobody guesses.
    """

    exams: ExamStore
    agenda: AgendaStore
    patients: PatientStore
    reference: ReferenceBook
    deliveries: DeliveryStore
    orders: Orders
    messages: ParkedMessages
    workflows: Workflows
    feed: WorklistPublisher
    settings: AgendaSettings
    new_token: Callable[[], str]
