"""The ports of identity qualification, one typed value for each function's use case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ris.application.breaker import RemoteBreakers
from ris.application.dispatch.ports import DeliveryStore
from ris.application.identity.insi_port import IdentityService
from ris.application.identity.ports import IdentityStore, IdentityWorkflows
from ris.application.reference import Site
from ris.domain.agenda.exam import Exam
from ris.domain.identity.attempts import PlaceUse
from ris.domain.identity.rniv import STANDARD, IdentityRules


@dataclass(frozen=True)
class IdentitySettings:
    """What a deployment may choose.

    Args:
        rules: By site; a site that is not there has the standard ones.
        place: When the birth place is part of a search.
    """

    rules: Mapping[str, IdentityRules] = field(default_factory=dict)
    standard: IdentityRules = STANDARD
    place: PlaceUse = PlaceUse.WHEN_KNOWN

    def rules_of(self, site: str) -> IdentityRules:
        """Return the rules of a site."""
        return self.rules.get(site, self.standard)


class Sites(Protocol):
    """What these use cases read of reference data."""

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""


class InsiAccess(Protocol):
    """INSi as the legal entities of the group reach it."""

    def of(self, site: Site, *, by_person: bool) -> IdentityService:
        """Return INSi with the certificate of the site's legal entity: INSI-MANU for a person, INSI-AUTO for a machine.

        Raises:
            RemoteRejected: `insi_certificate_missing`: no certificate can be used.
        """


class Exams(Protocol):
    """What the information of a patient is written on."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def save(self, exam: Exam) -> Exam:
        """Write under the version read; raise Conflict when it no longer stands."""


@dataclass(frozen=True)
class QueryServices:
    """Everything outside `query_insi`."""

    patients: IdentityStore
    sites: Sites
    insi: InsiAccess
    breakers: RemoteBreakers
    settings: IdentitySettings = field(default_factory=IdentitySettings)


class Worklists(Protocol):
    """Tells worklists of a patient whose traits changed."""

    def __call__(self, patient_id: str, now: datetime) -> object:
        """Publish again every exam of the patient that is on a worklist; a second time harms nothing."""


class Reissues(Protocol):
    """Reports that wait for a qualified identity, or for the end of an opposition."""

    def lifted(self, patient_id: str, now: datetime) -> int:
        """Make due what only an opposition kept from the DMP that the patient does not state any more; a second time harms nothing.

        Returns:
            How many rows became due.

        Raises:
            RemoteUnavailable: Not all of them are due yet: do it again.
        """

    def wake(self, patient_id: str, now: datetime) -> int:
        """Make a qualified patient's reports due that wait for the INS, and start what can be; a second time harms nothing.

        Returns:
            How many reports wait.

        Raises:
            RemoteUnavailable: Not all of them are due yet: do it again.
        """


@dataclass(frozen=True)
class ApplyServices:
    """Everything outside `apply_identity_event`.

    Args:
        reissues: Where reports are kept, if this deployment has any.
        republish: Where worklists are fed, if this deployment has any.
    """

    patients: IdentityStore
    sites: Sites
    deliveries: DeliveryStore
    exams: Exams
    settings: IdentitySettings = field(default_factory=IdentitySettings)
    reissues: Reissues | None = None
    republish: Worklists | None = None


@dataclass(frozen=True)
class RecordServices:
    """Everything outside `record_identity_event` and the sweep."""

    patients: IdentityStore
    workflows: IdentityWorkflows
    settings: IdentitySettings = field(default_factory=IdentitySettings)
